"""Text to tokens, and tokens to statements' lines.

Input: the model text. Output: every token with comments and line ends (`scan`), and for each statement its tokens
(`logical_lines`). Invariants: every character but spaces and tabs belongs to one token; scanning never fails; the
continuation rule stands here alone, for the parser and the formatter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from hdsl.syntax.grammar import lex

if TYPE_CHECKING:
    from lark import Token

__all__ = ["CLOSERS", "CONTINUING", "OPENERS", "logical_lines", "open_brackets", "pieces", "scan", "statement_ends"]

OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB"}
"""Opening brackets with the closing bracket of each."""

CLOSERS = frozenset(OPENERS.values())

CONTINUING = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "POWER", "COMPARISON", "EQUAL", "TILDE", "COMMA"})
"""Terminals after which a line goes on."""

_TRIVIA = frozenset({"NEWLINE", "COMMENT"})


def scan(text: str) -> tuple[Token, ...]:
    """Return all tokens of `text`, comments and line ends among them."""
    return tuple(lex(text))


def statement_ends(tokens: Sequence[Token]) -> frozenset[int]:
    """Return the positions in `tokens` of the line ends that end a statement.

    A line goes on while a bracket is open or when it ends in an operator, ``=``, ``~`` or a comma. Where the next line
    can only be a statement of its own, the statement ends all the same: what was left open swallows nothing.
    """
    ends: set[int] = set()
    end, depth = -1, 0
    last: Token | None = None
    for after, row in _rows(tokens):
        if last is not None and ((depth == 0 and last.type not in CONTINUING) or _is_start(row)):
            ends.add(end)
            depth = 0
        depth = _depth(row, depth)
        end, last = after, row[-1]
    if last is not None and depth == 0 and last.type not in CONTINUING:
        ends.add(end)
    return frozenset(ends)


def logical_lines(tokens: Sequence[Token]) -> Iterator[tuple[Token, ...]]:
    """Yield the tokens of each statement, without comments and line ends."""
    ends = statement_ends(tokens)
    line: list[Token] = []
    for position, token in enumerate(tokens):
        if position in ends:
            yield tuple(line)
            line = []
        elif token.type not in _TRIVIA:
            line.append(token)
    if line:
        yield tuple(line)


def open_brackets(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """Return the brackets that are open after `tokens`, outermost first; a closer closes the innermost of its kind."""
    stack: list[Token] = []
    for token in tokens:
        if token.type in OPENERS:
            stack.append(token)
        elif token.type in CLOSERS and any(OPENERS[opener.type] == token.type for opener in stack):
            while OPENERS[stack.pop().type] != token.type:
                pass
    return tuple(stack)


def pieces(line: Sequence[Token]) -> tuple[tuple[Token, ...], ...]:
    """Cut a broken statement at its lines that look like definitions of a plain name, ``sd = 2`` at the margin.

    Such a line may be an argument of a call, so only a statement that makes no sense is cut there.
    """
    starts = [k for k in range(1, len(line)) if line[k].line != line[k - 1].line]
    cuts = [k for k in starts if line[k].column == 1 and [t.type for t in line[k : k + 2]] == ["NAME", "EQUAL"]]
    return tuple(tuple(line[a:b]) for a, b in zip([0, *cuts], [*cuts, len(line)], strict=True))


def _rows(tokens: Sequence[Token]) -> Iterator[tuple[int, list[Token]]]:
    """Yield each line of text that is not blank or a comment, with the position of the line end behind it."""
    row: list[Token] = []
    for position, token in enumerate(tokens):
        if token.type not in _TRIVIA:
            row.append(token)
        elif token.type == "NEWLINE" and row:
            yield position, row
            row = []
    if row:
        yield len(tokens), row


def _depth(row: Sequence[Token], depth: int) -> int:
    for token in row:
        depth = max(0, depth + (token.type in OPENERS) - (token.type in CLOSERS))
    return depth


def _is_start(row: Sequence[Token]) -> bool:
    """Tell whether a line can only be the first one of a statement.

    It is where it starts with a reserved word, or has a ``~`` and closes no bracket from above before it, or defines a
    symbol with subscripts or a link of one: nothing of that may stand inside a statement.
    """
    if row[0].type in {"INDEX", "DATA"}:
        return True
    depth = 0
    outside = []
    for position, token in enumerate(row):
        depth += (token.type in OPENERS) - (token.type in CLOSERS)
        if depth < 0:
            return False
        if token.type == "TILDE":
            return position > 0
        if depth == 0:
            outside.append(token.type)
    return outside[:3] in (["NAME", "RSQB", "EQUAL"], ["NAME", "RPAR", "EQUAL"])
