"""Rules to nodes: one method for each rule of the grammar.

Input: the children of a rule, tokens and nodes, with every token kept. Output: a node of `hdsl.syntax.tree`. The
parser calls these as it reduces, from the leaves up, so a tree of any depth is built without recursion. Nothing is
refused here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from unicodedata import normalize

from hdsl.families import WRAPPERS
from hdsl.source import Span
from hdsl.syntax.tree import (
    Argument,
    Binary,
    Call,
    Compare,
    DataStatement,
    Deterministic,
    Distribution,
    DistributionArgument,
    Expr,
    IndexStatement,
    Joint,
    LeftSide,
    Number,
    Statement,
    Stochastic,
    String,
    Subscript,
    Symbol,
    TupleExpr,
    Unary,
)

if TYPE_CHECKING:
    from lark import Token

__all__ = ["ESCAPES", "TreeBuilder", "name_of", "span_of"]

ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}
"""What a backslash may stand before in a string."""

Items: TypeAlias = list[Any]


def span_of(item: Any) -> Span:
    """Return the span of a token or a node."""
    if hasattr(item, "span"):
        return item.span  # type: ignore[no-any-return]
    return Span(
        start=item.start_pos,
        end=item.end_pos,
        line=item.line,
        column=item.column,
        end_line=item.end_line,
        end_column=item.end_column,
    )


def name_of(token: Token) -> str:
    """Return a name in composed form, so that two spellings that look the same are one name."""
    return normalize("NFC", str(token))


def _around(items: Items) -> Span:
    present = [item for item in items if item is not None]
    return span_of(present[0]).to(span_of(present[-1]))


def _unquote(token: Token) -> str:
    return re.sub(r"\\.", lambda match: ESCAPES.get(match[0], match[0]), str(token)[1:-1])


def _value(text: str) -> float:
    try:
        return float(int(text, 0)) if text[:2].lower() in {"0x", "0o", "0b"} else float(text)
    except OverflowError:
        return float("inf")


class TreeBuilder:
    """One method for each rule; lark calls it with the rule's children."""

    def program(self, items: Items) -> tuple[Statement, ...]:
        """Return the statements, without the line ends."""
        return tuple(item for item in items if hasattr(item, "span"))

    def index_statement(self, items: Items) -> IndexStatement:
        """Return ``index NAME = column [in NAME]``."""
        _, name, _, column, _, parent = items
        return IndexStatement(
            span=_around(items),
            name=name_of(name),
            name_span=span_of(name),
            column=_unquote(column) if column.type == "STRING" else name_of(column),
            column_span=span_of(column),
            is_quoted=column.type == "STRING",
            parent=None if parent is None else name_of(parent),
            parent_span=None if parent is None else span_of(parent),
        )

    def column(self, items: Items) -> Token:
        """Return the one token, a name or a string."""
        return items[0]  # type: ignore[no-any-return]

    def data_statement(self, items: Items) -> DataStatement:
        """Return ``data symbol [= "column"]``."""
        _, symbol, _, column = items
        return DataStatement(
            span=_around(items),
            symbol=symbol,
            column=None if column is None else _unquote(column),
            column_span=None if column is None else span_of(column),
        )

    def stochastic(self, items: Items) -> Stochastic:
        """Return ``left ~ distribution``."""
        left, _, distribution = items
        return Stochastic(span=_around(items), left=left, distribution=distribution)

    joint_stochastic = stochastic

    def deterministic(self, items: Items) -> Deterministic:
        """Return ``left = expression``."""
        left, _, right = items
        return Deterministic(span=_around(items), left=left, right=right)

    def plain_left(self, items: Items) -> LeftSide:
        """Return a bare symbol as a left side."""
        return LeftSide(span=_around(items), link=None, link_span=None, symbol=items[0])

    def linked_left(self, items: Items) -> LeftSide:
        """Return ``link(symbol)`` as a left side."""
        link, _, symbol, _ = items
        return LeftSide(span=_around(items), link=name_of(link), link_span=span_of(link), symbol=symbol)

    def joint(self, items: Items) -> Joint:
        """Return ``(symbol, symbol, ..)``."""
        return Joint(span=_around(items), symbols=tuple(items[1:-1:2]))

    def distribution(self, items: Items) -> Distribution:
        """Return what stands after ``~``."""
        name, _, arguments, _ = items
        return _distribution(name_of(name), span_of(name), arguments or (), _around(items))

    def arguments(self, items: Items) -> tuple[Argument, ...]:
        """Return the arguments without their commas."""
        return tuple(items[::2])

    def argument(self, items: Items) -> Argument:
        """Return ``[NAME =] value``."""
        name, _, value = items
        return Argument(span=_around(items), name=None if name is None else name_of(name), value=value)

    def tuple_value(self, items: Items) -> TupleExpr:
        """Return ``(a, b, ..)``."""
        return TupleExpr(span=_around(items), items=tuple(items[1:-1:2]))

    def comparison(self, items: Items) -> Compare:
        """Return ``a == b``."""
        left, operator, right = items
        return Compare(span=_around(items), operator=str(operator), left=left, right=right)

    def binary(self, items: Items) -> Binary:
        """Return ``a + b``; ``**`` is read as ``^``."""
        left, operator, right = items
        return Binary(span=_around(items), operator="^" if operator == "**" else str(operator), left=left, right=right)

    def unary(self, items: Items) -> Unary:
        """Return ``-a``."""
        operator, operand = items
        return Unary(span=_around(items), operator=str(operator), operand=operand)

    def number(self, items: Items) -> Number:
        """Return a number with its spelling."""
        text = str(items[0])
        return Number(span=_around(items), value=_value(text), text=text)

    def string(self, items: Items) -> String:
        """Return a string, unescaped."""
        return String(span=_around(items), value=_unquote(items[0]))

    def call(self, items: Items) -> Call:
        """Return ``name(arguments)``."""
        name, _, arguments, _ = items
        return Call(span=_around(items), function=name_of(name), function_span=span_of(name), arguments=arguments or ())

    def group(self, items: Items) -> Expr:
        """Return what the parentheses hold; they stay in its span alone."""
        return replace(items[1], span=_around(items))  # type: ignore[no-any-return]

    def symbol(self, items: Items) -> Symbol:
        """Return ``name[subscripts]``."""
        present = [item for item in items if item is not None]
        subscripts = tuple(Subscript(span=span_of(token), name=name_of(token)) for token in present[2:-1:2])
        return Symbol(span=_around(items), name=name_of(present[0]), subscripts=subscripts)


def _distribution(name: str, name_span: Span, arguments: tuple[Argument, ...], span: Span) -> Distribution:
    """Return a distribution; where a wrapper takes one, read the call there as a distribution too."""
    slots = WRAPPERS[name].slots if name in WRAPPERS else ()
    kinds: dict[str | int, str] = {key: slot.kind for place, slot in enumerate(slots) for key in (place, slot.name)}
    made = []
    for place, argument in enumerate(arguments):
        value: Expr | Distribution = argument.value
        key = place if argument.name is None else argument.name
        if kinds.get(key) == "distribution" and isinstance(value, Call):
            value = _distribution(value.function, value.function_span, value.arguments, value.span)
        made.append(DistributionArgument(span=argument.span, name=argument.name, value=value))
    return Distribution(span=span, name=name, name_span=name_span, arguments=tuple(made))
