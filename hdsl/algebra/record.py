"""What an operation on a model returns: a new text, and what to say of it.

Input of every operation: a `ResolvedModel`. Output: a `Rewriting`. Invariant: the text is in canonical layout;
statements that the operation does not concern are as they were, with their comments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from hdsl.diagnostics import Diagnostic, Diagnostics, ModelError
from hdsl.source import Source, Span

__all__ = ["Rewriting", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """The text of a new model.

    Attributes
    ----------
    text : str
        In canonical layout.
    name : str
        What diagnostics call the new model: ``"school.hm, pooled"``.
    notes : tuple of Diagnostic
        What else left the model, and why.
    """

    text: str
    name: str
    notes: tuple[Diagnostic, ...] = ()


def refuse(source: Source, message: str, span: Span | None = None, *, help: str = "") -> NoReturn:
    """Raise HM118: the operation asks for what the model does not have, or cannot do without."""
    found = Diagnostics(source)
    found.error("HM118", message, span, help=help)
    raise ModelError(found.sorted())
