"""Stage: text to tree.

Input: a `Source`. Output: a `Program`, or one `ModelError` with every syntax error of the text. Invariants:
the text is read statement by statement, so that a mistake in one hides none in another; no text of any kind raises
anything else, and no depth of nesting makes Python recurse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hdsl.diagnostics.record import Diagnostics, ModelError
from hdsl.source import Source
from hdsl.syntax.builder import span_of
from hdsl.syntax.check import check_statement, is_too_deep
from hdsl.syntax.explain import Failure, explain
from hdsl.syntax.grammar import language
from hdsl.syntax.lexer import CLOSERS, OPENERS, logical_lines, pieces, scan
from hdsl.syntax.misfits import explain_names
from hdsl.syntax.tree import Program, Statement

if TYPE_CHECKING:
    from lark import Token

__all__ = ["MAX_BRACKETS", "parse", "read_line", "read_program", "read_statements"]

MAX_TEXT = 500_000
"""Characters that a model text may have: more than anyone writes, and read in seconds."""

MAX_BRACKETS = 50
"""Brackets that may stand in one another."""


def parse(source: Source) -> Program:
    """Read a model text.

    Parameters
    ----------
    source : Source
        The text; line ends may be LF or CRLF.

    Returns
    -------
    Program
        Its statements in the order of the text.

    Raises
    ------
    ModelError
        HM001 to HM010, all that are found at once.
    """
    found = Diagnostics(source)
    program = read_program(source, found)
    found.raise_errors(ModelError)
    return program


def read_program(source: Source, found: Diagnostics) -> Program:
    """Read what can be read of a model text; what is wrong goes to `found`.

    Statements that the grammar does not take, or that are too deep for later stages to recurse into, are left out;
    those with an unknown distribution or function are kept, so that later stages can tell more of the mistakes at once.
    """
    if len(source.text) > MAX_TEXT:
        found.error(
            "HM009",
            f"the text has more than {MAX_TEXT:,} characters: shorten it",
            help="a model file holds the model alone; data belong in a file of their own",
        )
        return Program(span=source.span(0, 0), statements=())
    statements = tuple(statement for statement in read_statements(source, found) if not is_too_deep(statement, found))
    for statement in statements:
        check_statement(statement, found)
    if not statements and not found.has_errors:
        found.error(
            "HM010",
            "the text has no statement: write at least `y[i] ~ normal(b0, sd)`",
            help="a model needs at least its outcome: `y[i] ~ normal(b0 + b1*x[i], sd)`",
        )
    return Program(span=source.span(0, len(source.text)), statements=statements)


def read_statements(source: Source, found: Diagnostics) -> tuple[Statement, ...]:
    """Return the statements that the grammar takes; add to `found` what is wrong with the others."""
    tokens = scan(source.text)
    statements: list[Statement] = []
    for line in logical_lines(tokens):
        for result in _read_recovering(line):
            if isinstance(result, Failure):
                _explain(result, source, found)
            else:
                statements.append(result)
    explain_names(tokens, found)
    return tuple(statements)


def _read_recovering(line: tuple[Token, ...]) -> Iterator[Statement | Failure]:
    """Read one logical line; where that fails, read each part of it that looks like a statement of its own."""
    result = read_line(line)
    if not isinstance(result, Failure):
        yield result
        return
    parts = [read_line(piece) for piece in pieces(line)]
    if any(isinstance(part, Failure) for part in parts):
        yield from parts
    else:
        yield result


def read_line(line: Sequence[Token]) -> Statement | Failure:
    """Parse the tokens of one statement.

    Returns
    -------
    Statement or Failure
        The statement, or where the parser stopped.
    """
    from lark import Token
    from lark.exceptions import UnexpectedToken

    if (deep := _too_deep(line)) is not None:
        return Failure(tokens=tuple(line), position=deep, state=-1, accepts=frozenset())
    parser = language().parse_interactive()
    position = 0
    try:
        for token in (*line, Token("NEWLINE", "\n")):
            parser.feed_token(token)
            position += 1
        (statement,) = parser.feed_eof()  # type: ignore[no-untyped-call]
    except UnexpectedToken:
        return Failure(
            tokens=tuple(line),
            position=position,
            state=parser.parser_state.position,
            accepts=frozenset(parser.accepts()),  # type: ignore[no-untyped-call]
        )
    return statement  # type: ignore[no-any-return]


def _too_deep(line: Sequence[Token]) -> int | None:
    """Return the position of the bracket that is one too many in one another, or None."""
    depth = 0
    for position, token in enumerate(line):
        depth = max(0, depth + (token.type in OPENERS) - (token.type in CLOSERS))
        if depth > MAX_BRACKETS:
            return position
    return None


def _explain(failure: Failure, source: Source, found: Diagnostics) -> None:
    token = failure.token
    if failure.state >= 0 or token is None:
        explain(failure, source, found)
        return
    found.error(
        "HM009",
        f"more than {MAX_BRACKETS} brackets stand in one another: name the inner parts",
        span_of(token),
        label="one too many",
        help="give inner parts a name of their own: `z[i] = ..`, and use `z[i]`",
    )
