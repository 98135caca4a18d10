"""What each section of a golden case holds: one row for each stage that a case can show."""

from __future__ import annotations

from collections.abc import Callable

from hdsl.diagnostics import HMError
from hdsl.source import Source
from hdsl.syntax import dump, format_text, parse

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


SECTIONS: dict[str, Callable[[str], str]] = {
    "tree": _tree,
    "format": _format,
    "diagnostics": _syntax,
}
"""From the text of `input` to the text of the section."""
