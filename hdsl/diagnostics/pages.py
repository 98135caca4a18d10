"""The pages of the catalogue: what each code means, with an example and its repair.

Input: ``docs/errors``, in the installed package or in the source checkout. Output: Markdown for a terminal. Invariant:
every code has a page, and its examples are those that the tests run.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from hdsl.diagnostics.codes import CODES

__all__ = ["find_code", "page"]

_MARK = re.compile(r"^<!--.*?-->\n", re.MULTILINE)
_FENCE = re.compile(r"^```(\w+)[^\n]*$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def find_code(text: str) -> str | None:
    """Return the code that a user writes as ``HM203``, ``hm203`` or ``203``; None where there is none."""
    digits = text.upper().removeprefix("HM")
    return next((code for code in CODES if code.removeprefix("HM") == digits), None)


def page(code: str) -> str:
    """Return the page of a code as Markdown for a terminal.

    A wheel carries the pages as ``hdsl/errors``; a source checkout has them in its documentation, where they are read
    live.
    """
    folder = files("hdsl") / "errors"
    if not folder.is_dir():
        folder = Path(__file__).parents[2] / "docs" / "errors"
    text = (folder / f"{code}.md").read_text(encoding="utf-8")
    return _LINK.sub(r"\1", _FENCE.sub(r"```\1", _MARK.sub("", text)))
