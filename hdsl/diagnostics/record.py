"""Records of diagnostics, the exceptions that carry them, and the list that collects them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Self

from hdsl.source import Source, Span

__all__ = ["DataError", "Diagnostic", "Diagnostics", "FitError", "HMError", "Label", "ModelError", "Severity"]

_MOST_PRINTED = 100
"""Diagnostics that an exception prints; `HMError.diagnostics` has them all."""


class Severity(Enum):
    """How bad it is: an error stops, a warning is likely a mistake, a note tells what was done."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A place in the model text with a few words about it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One message about a model, its data or its fit.

    Attributes
    ----------
    code : str
        ``"HM203"``; the family is its first digit (see `hdsl.diagnostics.codes`).
    severity : Severity
    message : str
        One phrase, in the user's terms, that makes sense alone.
    span : Span or None
        The offending place, as narrow as possible; None where no line is to blame (data).
    label : str
        Words printed under the caret.
    secondary : tuple of Label
        Other places that matter ("declared here").
    notes : tuple of str
        More detail, examples from the data.
    help : str
        A way out.
    source : Source or None
        The text that `span` points into.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    label: str = ""
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    source: Source | None = None

    def __str__(self) -> str:
        from hdsl.diagnostics.render import (
            render_text,
        )  # a printed diagnostic is rare; its renderer is not needed before

        return render_text(self)


class HMError(Exception):
    """A model, data or fit that cannot go on, with every diagnostic that says why.

    Attributes
    ----------
    diagnostics : tuple of Diagnostic
        All of them, errors first in the order of the text.
    code, message, span, help
        Those of the first error.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    @property
    def first(self) -> Diagnostic:
        """The first error."""
        return next((d for d in self.diagnostics if d.severity is Severity.ERROR), self.diagnostics[0])

    @property
    def code(self) -> str:
        """Code of the first error, ``"HM203"``."""
        return self.first.code

    @property
    def message(self) -> str:
        """Message of the first error."""
        return self.first.message

    @property
    def span(self) -> Span | None:
        """Place of the first error."""
        return self.first.span

    @property
    def help(self) -> str:
        """Way out of the first error."""
        return self.first.help

    def __str__(self) -> str:
        shown = [str(d) for d in self.diagnostics[:_MOST_PRINTED]]
        more = len(self.diagnostics) - len(shown)
        return "\n\n".join([*shown, f"and {more} more"] if more else shown)


class ModelError(HMError):
    """The model text is wrong (HM0xx to HM3xx)."""


class DataError(HMError):
    """The data do not fit the model (HM4xx)."""


class FitError(HMError):
    """No estimate is possible (HM5xx)."""


class Diagnostics:
    """A list that collects diagnostics of one stage.

    Parameters
    ----------
    source : Source or None
        Put on every diagnostic that is added.
    """

    def __init__(self, source: Source | None = None) -> None:
        self.source = source
        self._items: dict[Diagnostic, None] = {}  # an ordered set: a long file of mistakes is read in linear time

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(  # noqa: PLR0913 - one argument for each field of the record
        self,
        severity: Severity,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        help: str = "",
        notes: Iterable[str] = (),
        secondary: Iterable[Label] = (),
    ) -> None:
        """Add one diagnostic unless an equal one is there."""
        self._items[
            Diagnostic(
                code=code,
                severity=severity,
                message=message,
                span=span,
                label=label,
                help=help,
                notes=tuple(notes),
                secondary=tuple(secondary),
                source=self.source,
            )
        ] = None

    def extend(self, items: Iterable[Diagnostic]) -> None:
        """Add diagnostics of another list that are not there yet."""
        self._items |= dict.fromkeys(items)

    def error(self, code: str, message: str, span: Span | None = None, **more: object) -> None:
        """Add an error."""
        self.add(Severity.ERROR, code, message, span, **more)  # type: ignore[arg-type]

    def warning(self, code: str, message: str, span: Span | None = None, **more: object) -> None:
        """Add a warning."""
        self.add(Severity.WARNING, code, message, span, **more)  # type: ignore[arg-type]

    def note(self, code: str, message: str, span: Span | None = None, **more: object) -> None:
        """Add a note."""
        self.add(Severity.NOTE, code, message, span, **more)  # type: ignore[arg-type]

    @property
    def has_errors(self) -> bool:
        """Whether any of them is an error."""
        return any(d.severity is Severity.ERROR for d in self._items)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return errors, then warnings, then notes, each in the order of the text."""
        rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
        return tuple(sorted(self._items, key=lambda d: (rank[d.severity], d.span.start if d.span else -1)))

    def raise_errors(self, kind: type[HMError]) -> Self:
        """Raise `kind` with all diagnostics if any is an error."""
        if self.has_errors:
            raise kind(self.sorted())
        return self
