"""What each section of a golden case holds: one row for each stage that a case can show."""

from __future__ import annotations

from collections.abc import Callable

from hdsl.diagnostics import HMError
from hdsl.model import Model
from hdsl.source import Source
from hdsl.syntax import dump, format_text, parse
from tests.error_pages import examples, printed, said

__all__ = ["SECTIONS"]


def _source(text: str) -> Source:
    return Source(text, "model.hm")


def _tree(text: str) -> str:
    return dump(parse(_source(text)))


def _format(text: str) -> str:
    formatted = format_text(_source(text))
    assert format_text(_source(formatted)) == formatted
    return formatted


def _syntax(text: str) -> str:
    try:
        parse(_source(text))
    except HMError as error:
        return str(error)
    return "none"


def _levels(text: str) -> str:
    return str(Model(text, name="model.hm").levels)


def _composite(text: str) -> str:
    return str(Model(text, name="model.hm").composite)


def _equations(text: str) -> str:
    return str(Model(text, name="model.hm").equations)


def _latex(text: str) -> str:
    model = Model(text, name="model.hm")
    return f"{model.equations.latex()}\n{model.composite.latex()}"


def _textbook(text: str) -> str:
    model = Model(text, name="model.hm")
    try:
        equations = model.equations.latex(notation="raudenbush-bryk")
    except HMError as error:
        return str(error)
    symbols = [f"{name}  {symbol}" for name, symbol in sorted(model.composite.symbols().items())]
    return "\n".join([equations, model.composite.latex(notation="raudenbush-bryk"), *symbols])


def _mermaid(text: str) -> str:
    return Model(text, name="model.hm").levels.to_mermaid()


def _moments(text: str) -> str:
    return str(Model(text, name="model.hm").moments)


def _plan(text: str) -> str:
    return str(Model(text, name="model.hm").plan())


def _source_text(text: str) -> str:
    return Model(text, name="model.hm").emit()


def _all_diagnostics(text: str) -> str:
    """Everything that is said of a model: errors, or the warnings and notes of one that compiles."""
    try:
        found = Model(text, name="model.hm").diagnostics
    except HMError as error:
        found = error.diagnostics
    return "\n\n".join(str(d) for d in found) or "none"


def _example(text: str) -> str:
    """Everything that is said of an example with data or a call, written in blocks as on the pages of `docs/errors`."""
    return printed(said(examples(text)[0])) or "none"


SECTIONS: dict[str, Callable[[str], str]] = {
    "tree": _tree,
    "format": _format,
    "diagnostics": _syntax,
    "said": _all_diagnostics,
    "example": _example,
    "levels": _levels,
    "equations": _equations,
    "composite": _composite,
    "latex": _latex,
    "mermaid": _mermaid,
    "textbook": _textbook,
    "moments": _moments,
    "plan": _plan,
    "source": _source_text,
}
"""From the text of `input` to the text of the section."""
