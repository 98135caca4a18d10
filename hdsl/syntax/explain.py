"""A parser's error in the user's terms.

Input: the tokens of a statement and where the parser stopped. Output: diagnostics HM001 to HM005. Most come from the
tables of `hdsl.syntax.habits`: an example that fails in the same state of the parser on the same token is the same
mistake. What no example covers says what was expected. Nothing of lark's own wording is ever shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from hdsl.diagnostics.record import Diagnostics, Label
from hdsl.source import Source, Span
from hdsl.syntax.builder import span_of
from hdsl.syntax.grammar import MISFITS
from hdsl.syntax.habits import HABITS, KEYWORDS, Habit
from hdsl.syntax.lexer import CLOSERS, OPENERS, logical_lines, open_brackets, scan
from hdsl.syntax.misfits import explain_misfit, shown

if TYPE_CHECKING:
    from lark import Token

__all__ = ["Failure", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Where the parser stopped.

    Attributes
    ----------
    tokens : tuple of Token
        Those of the statement, without its line end.
    position : int
        Index of the token that did not fit; ``len(tokens)`` for the line end.
    state : int
        The parser's state.
    accepts : frozenset of str
        Terminals that would have fitted.
    """

    tokens: tuple[Token, ...]
    position: int
    state: int
    accepts: frozenset[str]

    @property
    def token(self) -> Token | None:
        """The token that did not fit; None for the line end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    @property
    def kind(self) -> str:
        """Terminal of that token."""
        return "NEWLINE" if self.token is None else self.token.type

    @property
    def before(self) -> Token | None:
        """The token before it."""
        return self.tokens[self.position - 1] if self.position else None

    @property
    def opened(self) -> tuple[Token, ...]:
        """The brackets that are open there, outermost first."""
        return open_brackets(self.tokens[: self.position])

    @property
    def key(self) -> tuple[int, str, bool]:
        """State, terminal (for a misfit its text, which tells one from another), and whether a bracket is open."""
        return self.state, str(self.token) if self.kind == "OTHER" else self.kind, bool(self.opened)


_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a string",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "TILDE": "`~`",
    "IN": "`in`",
    "INDEX": "`index`",
    "DATA": "`data`",
    "NEWLINE": "the end of the statement",
}
_OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "POWER", "COMPARISON"})
_RESERVED = frozenset({"INDEX", "DATA", "IN"})


def explain(failure: Failure, source: Source, found: Diagnostics) -> None:
    """Add to `found` what is wrong at `failure`."""
    habit = _habit(failure)
    if habit is not None and habit.words:
        _add_habit(failure, habit, source, found)
    elif not _brackets(failure, source, found):
        if (word := _reserved_word(failure)) is not None:
            _reserved(word, found)
        elif habit is not None:
            _add_habit(failure, habit, source, found)
        elif failure.kind in MISFITS:
            for token in _distinct(failure.tokens[failure.position :]):
                explain_misfit(token, found)
        elif failure.tokens[0].type in KEYWORDS:
            _add_habit(failure, KEYWORDS[failure.tokens[0].type], source, found)
        else:
            _unexpected(failure, source, found)


def _span(failure: Failure, source: Source) -> Span:
    """Return the span of the token that did not fit, or the place behind the last one."""
    if failure.token is not None:
        return span_of(failure.token)
    end = span_of(failure.tokens[-1]).end
    return source.span(end, end)


# ---------------------------------------------------------------------------------------------- habits, by example


@cache
def _examples() -> dict[tuple[int, str, bool], tuple[Habit, ...]]:
    """Return the habits by the key of the error that their snippets make, in the table's order."""
    from hdsl.syntax.parser import read_line  # the parser explains with this module

    table: dict[tuple[int, str, bool], list[Habit]] = {}
    for habit in HABITS:
        for snippet in habit.snippets:
            result = read_line(next(logical_lines(scan(snippet))))
            if isinstance(result, Failure) and habit not in table.setdefault(result.key, []):
                table[result.key].append(habit)
    return {key: tuple(rows) for key, rows in table.items()}


def _habit(failure: Failure) -> Habit | None:
    nearby = {str(token) for token in (failure.tokens[0], failure.before, failure.token) if token is not None}
    state, kind, is_inside = failure.key
    # An example from inside brackets helps outside of them too, where no other one is nearer.
    rows = (*_examples().get(failure.key, ()), *_examples().get((state, kind, not is_inside), ()))
    return next((row for row in rows if not row.words or row.words & nearby), None)


def _add_habit(failure: Failure, habit: Habit, source: Source, found: Diagnostics) -> None:
    fields = _fields(failure)
    found.error(
        habit.code,
        habit.message.format_map(fields),
        _span(failure, source),
        label=habit.label.format_map(fields),
        help=habit.help.format_map(fields),
    )


def _fields(failure: Failure) -> dict[str, str]:
    tokens = failure.tokens
    end = next((k for k, token in enumerate(tokens) if token.type in {"TILDE", "EQUAL", "COMPARISON"}), len(tokens))
    end = min(end, failure.position)
    opened = failure.opened
    owner = tokens.index(opened[-1]) - 1 if opened else -1
    return {
        "token": shown(failure.token),
        "before": shown(failure.before),
        "left": _compact(tokens[:end]) or "y[i]",
        "before_bracket": shown(tokens[owner]) if owner >= 0 else "b",
    }


def _compact(tokens: Sequence[Token]) -> str:
    text = "".join(str(token) + (" " if token.type == "COMMA" else "") for token in tokens)
    return text if len(text) <= 32 else ""


# ---------------------------------------------------------------------------------------------- brackets


def _brackets(failure: Failure, source: Source, found: Diagnostics) -> bool:
    """Report a bracket that is not closed, or closed by another one, or closes nothing; tell whether it did."""
    opened = failure.opened
    span = _span(failure, source)
    if failure.kind in CLOSERS and not opened:
        closer = str(failure.token)
        opener = "(" if closer == ")" else "["
        found.error(
            "HM002",
            f"`{closer}` closes nothing: leave it out, or add the `{opener}`",
            span,
            label=f"no `{opener}` is open here",
            help=f"leave it out, or add the `{opener}` that it should close",
        )
        return True
    if not opened or not _shows_open(failure, opened[-1]):
        return False
    opener_token = opened[-1]
    opener, closer = str(opener_token), ")" if opener_token.type == "LPAR" else "]"
    where = f"`{shown(failure.token)}`" if failure.token is not None else "the end of the statement"
    # Another token shows that the innermost was forgotten; at the end all that are open are.
    unclosed = opened[-3:] if failure.token is None else opened[-1:]
    found.error(
        "HM002",
        f"`{opener}` is not closed: add `{closer}` before {where}",
        span,
        label=f"`{closer}` expected here or before",
        secondary=tuple(Label(span=span_of(token), text="opened here") for token in unclosed),
        help=f"close it with `{closer}`",
    )
    return True


def _shows_open(failure: Failure, opener: Token) -> bool:
    """Tell whether the token shows that `opener` was forgotten to be closed."""
    if failure.kind == "EQUAL":
        is_left = not any(token.type in {"TILDE", "EQUAL"} for token in failure.tokens[: failure.position])
        return opener.type == "LSQB" or (is_left and failure.tokens[0] is not opener)
    if failure.kind in CLOSERS:
        return OPENERS[opener.type] != failure.kind
    if opener.type == "LSQB" and not _closes(failure.tokens[failure.position :], opener.type):
        return True
    return failure.kind in {"NEWLINE", "TILDE"}


def _closes(tokens: Sequence[Token], opener: str) -> bool:
    """Tell whether `tokens` close a bracket of this kind that was opened before them."""
    depth = 0
    for token in tokens:
        depth += (token.type == opener) - (token.type == OPENERS[opener])
        if depth < 0:
            return True
    return False


# ---------------------------------------------------------------------------------------------- words and characters


def _reserved_word(failure: Failure) -> Token | None:
    """Return the reserved word that stands where a name should, or None."""
    if failure.kind in _RESERVED and "NAME" in failure.accepts:
        return failure.token
    if failure.position == 1 and failure.kind in {"EQUAL", "TILDE", "LSQB"}:
        return failure.before if failure.tokens[0].type in _RESERVED else None
    return None


def _reserved(token: Token, found: Diagnostics) -> None:
    found.error(
        "HM001",
        f"`{token}` is a reserved word: take another name",
        span_of(token),
        label="a name expected here",
        help=f'take another name; a column of that name is reached by `data x[i] = "{token}"` or `index j = "{token}"`',
    )


def _distinct(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens without those that repeat the character of an earlier one: once said is enough."""
    seen: set[str] = set()
    for token in tokens:
        if token.type != "OTHER" or str(token) not in seen:
            seen.add(str(token))
            yield token


# ---------------------------------------------------------------------------------------------- all the rest


def _unexpected(failure: Failure, source: Source, found: Diagnostics) -> None:
    """Say what was expected, for a mistake that no example covers."""
    what = f"`{shown(failure.token)}`" if failure.token is not None else "the end of the line"
    span = _span(failure, source)
    if {"NAME", "NUMBER", "MINUS"} <= failure.accepts:
        after = f" after `{failure.before}`" if failure.before is not None else ""
        found.error(
            "HM001",
            f"a value is missing{after}",
            span,
            label=f"a value expected, not {what}",
            help="a value is a number, a symbol such as `x[i]`, a function of one, or an expression in parentheses",
        )
        return
    accepts = failure.accepts
    if accepts & _OPERATORS:
        accepts = accepts - {"LPAR", "LSQB", "EQUAL"}  # grammatical, but nobody misses them behind a value
    expected = ["an operator"] * bool(accepts & _OPERATORS) + sorted(
        {_WORDS[kind] for kind in accepts if kind in _WORDS}
    )
    choice = f"{', '.join(expected[:-1])} or {expected[-1]}" if len(expected) > 1 else "".join(expected)
    found.error(
        "HM001",
        f"{what} is not expected here",
        span,
        label=f"expected {choice}" if choice else "not expected",
        help="a statement is `y[i] ~ normal(mu[i], sd)`, `name = expression`, `index j = column` or `data x[i]`",
    )
