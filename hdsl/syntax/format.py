"""Stage: text to the same text in canonical layout.

Input: a `Source` that the grammar takes. Output: its text with canonical spacing. Invariants: only blanks, line ends
and the spelling of ``**`` change, so no comment, number, string or parenthesis is lost; formatting twice changes
nothing; the tree is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hdsl.diagnostics.record import Diagnostics, ModelError
from hdsl.source import Source
from hdsl.syntax.lexer import CLOSERS, CONTINUING, OPENERS, scan, statement_ends
from hdsl.syntax.parser import read_statements

if TYPE_CHECKING:
    from lark import Token

__all__ = ["format_text"]

_INDENT = "    "
_KEYWORDS = frozenset({"INDEX", "DATA", "IN"})
_SPACED = frozenset({"PLUS", "MINUS", "COMPARISON", "EQUAL", "TILDE", *_KEYWORDS})
_TIGHT = frozenset({"STAR", "SLASH", "POWER"})
_SIGNS = frozenset({"PLUS", "MINUS"})
_NO_OPERAND = CONTINUING | frozenset(OPENERS)


def format_text(source: Source) -> str:
    """Return the model text in canonical layout.

    Parameters
    ----------
    source : Source
        The text; names and arguments need not make sense yet.

    Returns
    -------
    str
        The text with LF line ends and one at its end; empty for a text without statement or comment.

    Raises
    ------
    ModelError
        HM001 to HM005 and HM009 where the text cannot be read.

    Notes
    -----
    ``a*b``, ``a/b`` and ``a^b`` stand tight, all other operators have spaces, signs stand at their operand. A comma has
    a space behind it in calls and none in subscripts. A statement keeps its line breaks, its further lines are indented
    by four. A comment behind a statement has two spaces before it. Of several blank lines one is kept.
    """
    found = Diagnostics(source)
    read_statements(source, found)
    found.raise_errors(ModelError)
    rows: list[str] = []
    for row in _rows(scan(source.text)):
        if row or (rows and rows[-1]):
            rows.append(row)
    while rows and not rows[-1]:
        rows.pop()
    return "".join(f"{row}\n" for row in rows)


def _rows(tokens: Sequence[Token]) -> list[str]:
    """Return the lines of the text, formatted; blank ones are empty."""
    ends = statement_ends(tokens)
    rows = []
    line: list[Token] = []
    context = _Context()
    for position, token in enumerate(tokens):
        if token.type != "NEWLINE":
            line.append(token)
            continue
        rows.append(_row(line, context))
        line = []
        if position in ends:
            context = _Context()
    rows.append(_row(line, context))
    return rows


class _Context:
    """What the formatter knows of the statement so far: its last token but comments, and its open brackets."""

    def __init__(self) -> None:
        self.last: Token | None = None
        self.last_is_sign = False
        self.brackets: list[str] = []

    def take(self, token: Token) -> None:
        """Note one more token."""
        self.last_is_sign = self.is_sign(token)
        if token.type in OPENERS:
            self.brackets.append(token.type)
        elif token.type in CLOSERS:
            self.brackets.pop()
        self.last = token

    def is_sign(self, token: Token) -> bool:
        """Tell whether a plus or minus is a sign and not an operator between two values."""
        return token.type in _SIGNS and (self.last is None or self.last.type in _NO_OPERAND)


def _row(line: Sequence[Token], context: _Context) -> str:
    """Return one line of the text, and let `context` follow it."""
    code = [token for token in line if token.type != "COMMENT"]
    comment = "".join(str(token).rstrip() for token in line if token.type == "COMMENT")
    closes = bool(code) and code[0].type in CLOSERS and len(context.brackets) == 1
    indent = _INDENT if context.last is not None and not closes else ""
    text = ""
    for token in code:
        text += (" " if text and _is_apart(context, token) else "") + ("^" if token == "**" else str(token))
        context.take(token)
    if not line:
        return ""
    return indent + "  ".join(part for part in (text, comment) if part)


def _is_apart(context: _Context, token: Token) -> bool:
    """Tell whether a space stands before `token`."""
    last = context.last
    if last is None or last.type in OPENERS or token.type in CLOSERS or token.type == "COMMA" or context.last_is_sign:
        return False
    if last.type == "COMMA":
        return context.brackets[-1:] != ["LSQB"]
    if last.type in _TIGHT or token.type in _TIGHT:
        return False
    if token.type in OPENERS:
        return last.type in _SPACED
    return last.type in _SPACED or token.type in _SPACED
