"""Syntax tree → text, symbols in their canonical form, parentheses only where they are needed."""

from __future__ import annotations

from collections.abc import Callable

from hdsl.syntax import tree

__all__ = ["show_expr"]

_PRECEDENCE = {
    "==": 1,
    "!=": 1,
    "<": 1,
    "<=": 1,
    ">": 1,
    ">=": 1,
    "+": 2,
    "-": 2,
    "*": 3,
    "/": 3,
    "neg": 4,
    "^": 5,
    "atom": 9,
}


def show_expr(expr: tree.Expr, symbol: Callable[[tree.Symbol], str]) -> str:
    """Return the text of an expression; `symbol` prints each symbol."""
    return _show(expr, symbol)[0]


def _show(expr: tree.Expr, symbol: Callable[[tree.Symbol], str]) -> tuple[str, int]:
    match expr:
        case tree.Number(text=text):
            return text, _PRECEDENCE["atom"]
        case tree.String(value=value):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"', _PRECEDENCE["atom"]
        case tree.Symbol():
            return symbol(expr), _PRECEDENCE["atom"]
        case tree.Unary(operator=operator, operand=operand):
            return operator + _wrap(_show(operand, symbol), _PRECEDENCE["neg"]), _PRECEDENCE["neg"]
        case (
            tree.Binary(operator=operator, left=left, right=right)
            | tree.Compare(operator=operator, left=left, right=right)
        ):
            return _binary(operator, _show(left, symbol), _show(right, symbol))
        case tree.Call(function=function, arguments=arguments):
            inner = ", ".join(
                (f"{a.name}=" if a.name is not None else "") + _show(a.value, symbol)[0] for a in arguments
            )
            return f"{function}({inner})", _PRECEDENCE["atom"]
        case tree.TupleExpr(items=items):
            return "(" + ", ".join(_show(item, symbol)[0] for item in items) + ")", _PRECEDENCE["atom"]


def _binary(operator: str, left: tuple[str, int], right: tuple[str, int]) -> tuple[str, int]:
    level = _PRECEDENCE[operator]
    if operator == "^":
        return f"{_wrap(left, level + 1)}^{_wrap(right, _PRECEDENCE['neg'])}", level
    space = "" if operator in "*/" else " "
    return f"{_wrap(left, level)}{space}{operator}{space}{_wrap(right, level + 1)}", level


def _wrap(shown: tuple[str, int], level: int) -> str:
    text, own = shown
    return text if own >= level else f"({text})"
