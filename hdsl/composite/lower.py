"""Expressions free of unknowns: syntax tree → the records of `hdsl.form.expr`, with the text that they print as."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from hdsl.form.expr import Aggregate, Apply, Expr, IndexSet, Num, Ref, Text, show_symbol
from hdsl.form.model import Covariate
from hdsl.semantics.nesting import index_set_of
from hdsl.semantics.record import ResolvedModel, Role
from hdsl.semantics.show import show_expr
from hdsl.semantics.walk import is_aggregate, symbols_in
from hdsl.syntax import tree

__all__ = ["constant_value", "covariate", "evaluate_at", "is_data", "lower", "printed"]

_DATA_ROLES = (Role.DATA, Role.DATA_DEFINITION, Role.OUTCOME)


def is_data(expr: tree.Expr, model: ResolvedModel) -> bool:
    """Whether an expression is free of unknowns."""
    return all(_is_constant(symbol) or model.entity(symbol).role in _DATA_ROLES for symbol, _ in symbols_in(expr))


def _is_constant(symbol: tree.Symbol) -> bool:
    return symbol.name == "pi" and not symbol.subscripts


def printed(expr: tree.Expr, model: ResolvedModel) -> str:
    """Return the text of an expression with canonical symbols."""
    return show_expr(expr, lambda symbol: show_symbol(*model.canonical(symbol)))


def covariate(expr: tree.Expr, by: IndexSet, model: ResolvedModel) -> Covariate:
    """Return an expression free of unknowns as one opaque covariate of a statement at `by`."""
    text = printed(expr, model)
    is_sum = isinstance(expr, tree.Compare) or (isinstance(expr, tree.Binary) and expr.operator in "+-")
    return Covariate(
        text=f"({text})" if is_sum else text, expr=lower(expr, by, model), index_set=_own_set(expr, by, model)
    )


def _own_set(expr: tree.Expr, by: IndexSet, model: ResolvedModel) -> IndexSet:
    names: set[str] = set()
    for symbol, around in symbols_in(expr):
        names |= set(by if around is not None else model.canonical(symbol)[1])
    return model.levels.finest([tuple(names)]) if names else ()


def lower(expr: tree.Expr, by: IndexSet, model: ResolvedModel) -> Expr:
    """Return the record of an expression free of unknowns that stands in a statement at `by`."""
    match expr:
        case tree.Number(value=value):
            return Num(value=value)
        case tree.String(value=value):
            return Text(value=value)
        case tree.Symbol() if _is_constant(expr):
            return Num(value=math.pi)
        case tree.Symbol():
            name, index_set = model.canonical(expr)
            return Ref(name=name, index_set=index_set)
        case tree.Unary(operator=operator, operand=operand):
            inner = lower(operand, by, model)
            return inner if operator == "+" else Apply(operator="-", operands=(inner,))
        case (
            tree.Binary(operator=operator, left=left, right=right)
            | tree.Compare(operator=operator, left=left, right=right)
        ):
            return Apply(operator=operator, operands=(lower(left, by, model), lower(right, by, model)))
        case tree.Call() if is_aggregate(expr):
            operand = expr.arguments[0].value
            over = index_set_of(operand, model.levels.order)
            return Aggregate(function=expr.function, operand=lower(operand, over, model), over=over, by=by)
        case tree.Call(function=function, arguments=arguments):
            return Apply(operator=function, operands=tuple(lower(a.value, by, model) for a in arguments))
        case tree.TupleExpr():
            raise TypeError("a tuple is not a value")


_CONSTANT_FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "log": math.log,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "min": min,
    "max": max,
}


def constant_value(expr: tree.Expr) -> float | None:
    """Return the value of an expression without symbols, or None where it has some or is not of plain arithmetic."""
    match expr:
        case tree.Number(value=value):
            return value
        case tree.Symbol() if _is_constant(expr):
            return math.pi
        case tree.Unary(operator=operator, operand=operand):
            inner = constant_value(operand)
            return None if inner is None else inner if operator == "+" else -inner
        case tree.Binary(operator=operator, left=left, right=right):
            return _arithmetic(operator, constant_value(left), constant_value(right))
        case tree.Call() if expr.function in _CONSTANT_FUNCTIONS and not is_aggregate(expr):
            return _constant_call(_CONSTANT_FUNCTIONS[expr.function], [constant_value(a.value) for a in expr.arguments])
        case _:
            return None


def _constant_call(function: Callable[..., float], values: list[float | None]) -> float | None:
    return None if any(value is None for value in values) else _guarded(lambda: float(function(*values)))


def _arithmetic(operator: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return _guarded(lambda: left / right)
        case _:
            return _guarded(lambda: float(left**right))


def _guarded(compute: Callable[[], float]) -> float | None:
    """Return a value, or None where it is not a finite real number: it stays an expression and is refused on data."""
    try:
        value = compute()
    except (ArithmeticError, ValueError, TypeError):
        return None
    return float(value) if math.isfinite(value) else None


def evaluate_at(expr: Expr, values: Mapping[str, float]) -> float | None:
    """Return a covariate's value where its columns have the given values (by name), or None where one has none."""
    match expr:
        case Num(value=value):
            return value
        case Ref(name=name):
            return values.get(name)
        case Apply(operator=operator, operands=operands):
            numbers = [evaluate_at(operand, values) for operand in operands]
            if operator in _CONSTANT_FUNCTIONS:
                return _constant_call(_CONSTANT_FUNCTIONS[operator], numbers)
            if len(numbers) == 1:
                return None if numbers[0] is None or operator != "-" else -numbers[0]
            return _arithmetic(operator, *numbers) if operator in "+-*/^" else None
        case _:
            return None
