"""The nodes below a node, without recursion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from hdsl.syntax.tree import (
    Binary,
    Call,
    Compare,
    DataStatement,
    Deterministic,
    Distribution,
    Expr,
    IndexStatement,
    Number,
    Statement,
    Stochastic,
    String,
    Symbol,
    TupleExpr,
    Unary,
)

__all__ = ["children", "walk"]

Value: TypeAlias = "Expr | Distribution"


def children(value: Value) -> tuple[Value, ...]:
    """Return the expressions directly below `value`, in the order of the text."""
    match value:
        case Number() | String() | Symbol():
            return ()
        case Unary():
            return (value.operand,)
        case Binary() | Compare():
            return (value.left, value.right)
        case Call() | Distribution():
            return tuple(argument.value for argument in value.arguments)
        case TupleExpr():
            return value.items


def walk(statement: Statement) -> Iterator[tuple[Value, int]]:
    """Yield every expression and distribution on the right of `statement`, outer first, with its depth from 1."""
    match statement:
        case Stochastic():
            stack: list[tuple[Value, int]] = [(statement.distribution, 1)]
        case Deterministic():
            stack = [(statement.right, 1)]
        case IndexStatement() | DataStatement():
            return
    while stack:
        value, depth = stack.pop()
        yield value, depth
        stack.extend((child, depth + 1) for child in reversed(children(value)))
