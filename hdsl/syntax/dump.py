"""A tree as text, one statement after the other, operators before their operands: for people and for golden tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import assert_never

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
    Program,
    Statement,
    Stochastic,
    String,
    Symbol,
    TupleExpr,
    Unary,
)

__all__ = ["dump"]


def dump(program: Program) -> str:
    """Return the statements of `program`, one a line, with the number of the line at which each starts."""
    return "\n".join(f"{statement.span.line}: {_statement(statement)}" for statement in program.statements)


def _statement(statement: Statement) -> str:
    match statement:
        case IndexStatement():
            column = _quoted(statement.column) if statement.is_quoted else statement.column
            return _form("index", (statement.name, column, *_present(statement.parent)))
        case DataStatement():
            return _form("data", (_value(statement.symbol), *_present(statement.column and _quoted(statement.column))))
        case Stochastic():
            return _form("~", (_left(statement.left), _value(statement.distribution)))
        case Deterministic():
            return _form("=", (_left(statement.left), _value(statement.right)))
    assert_never(statement)


def _left(left: LeftSide | Joint) -> str:
    if isinstance(left, Joint):
        return _form("joint", (_value(symbol) for symbol in left.symbols))
    return _value(left.symbol) if left.link is None else _form(left.link, (_value(left.symbol),))


def _value(value: Expr | Distribution) -> str:
    match value:
        case Number() | String():
            return value.text if isinstance(value, Number) else _quoted(value.value)
        case Symbol():
            return value.name + (f"[{','.join(s.name for s in value.subscripts)}]" if value.subscripts else "")
        case Unary():
            return _form(value.operator, (_value(value.operand),))
        case Binary() | Compare():
            return _form(value.operator, (_value(value.left), _value(value.right)))
        case Call() | Distribution():
            head = value.function if isinstance(value, Call) else value.name
            return _form(head, (_argument(argument) for argument in value.arguments))
        case TupleExpr():
            return _form("tuple", (_value(item) for item in value.items))
    assert_never(value)


def _argument(argument: Argument | DistributionArgument) -> str:
    value = _value(argument.value)
    return value if argument.name is None else f"{argument.name}={value}"


def _form(head: str, parts: Iterable[str]) -> str:
    return f"({' '.join((head, *parts))})"


def _present(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
