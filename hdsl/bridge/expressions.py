"""Expressions free of unknowns → source text of another language.

Stage: bridge, way out. Input: `hdsl.form.expr` records. Output: text. Invariant: what differs between languages is a
row of a `Dialect`; brackets are put only where the precedence of operators needs them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hdsl.form.expr import Aggregate, Apply, Expr, Num, Ref, Text

__all__ = ["PYTHON", "Dialect", "R", "booleans_as_numbers", "has_aggregate", "number_text", "string_text", "write_expr"]

_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_SIGN, _ATOM = 3, 5
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a language writes what is not the same everywhere.

    Attributes
    ----------
    power : str
    functions : mapping of str to str
        Templates of functions that the language calls otherwise than ours, each binding as a call.
    comparison : str
        Template of an indicator: left side, operator, right side.
    label : str
        Template of the left side of a comparison with a label.
    """

    power: str
    comparison: str
    label: str = "{0}"
    functions: Mapping[str, str] = field(default_factory=dict)


R = Dialect(
    power="^",
    comparison="as.numeric({0} {1} {2})",
    functions={
        "logit": "qlogis({0})",
        "invlogit": "plogis({0})",
        "probit": "qnorm({0})",
        "Phi": "pnorm({0})",
        "cloglog": "log(-log1p(-({0})))",
        "invcloglog": "(1 - exp(-exp({0})))",
        "inverse": "(1/({0}))",
        "min": "pmin({0}, {1})",
        "max": "pmax({0}, {1})",
        "step": "as.numeric({0} >= 0)",
    },
)

PYTHON = Dialect(
    power="**",
    comparison="({0} {1} {2}).astype(float)",
    label="{0}.astype(str)",
    functions={
        **{name: f"np.{name}({{0}})" for name in ("exp", "log", "log1p", "sqrt", "abs", "sin", "cos", "tanh")},
        "logit": "special.logit({0})",
        "invlogit": "special.expit({0})",
        "probit": "special.ndtri({0})",
        "Phi": "special.ndtr({0})",
        "cloglog": "np.log(-np.log1p(-({0})))",
        "invcloglog": "(1 - np.exp(-np.exp({0})))",
        "inverse": "(1/({0}))",
        "min": "np.minimum({0}, {1})",
        "max": "np.maximum({0}, {1})",
        "step": "({0} >= 0).astype(float)",
    },
)

Show = Callable[[Ref], str]
ShowAggregate = Callable[[Aggregate], str]


def write_expr(expr: Expr, dialect: Dialect, show: Show, aggregate: ShowAggregate) -> str:
    """Return the source of an expression; `show` writes a column, `aggregate` an aggregate."""
    return _convert(expr, dialect, show, aggregate)[0]


def number_text(value: float) -> str:
    """Return a number as any of the languages reads it."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def string_text(text: str) -> str:
    """Return a string literal, which R, Python and JSON read alike."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def has_aggregate(expr: Expr) -> bool:
    """Whether an expression has an aggregate in it."""
    match expr:
        case Aggregate():
            return True
        case Apply(operands=operands):
            return any(map(has_aggregate, operands))
        case _:
            return False


def booleans_as_numbers(expr: Expr, is_boolean: Callable[[Ref], bool]) -> Expr:
    """Return an expression in which a column of true and false is compared with 1 or 0 and not with ``"True"``."""
    match expr:
        case Apply(operator=operator, operands=(Ref() as ref, Text(value=label))) if is_boolean(ref):
            return Apply(operator=operator, operands=(ref, Num(value=float(label.casefold() == "true"))))
        case Apply(operator=operator, operands=(Text() as label, Ref() as ref)) if is_boolean(ref):
            turned = booleans_as_numbers(Apply(operator=operator, operands=(ref, label)), is_boolean)
            assert isinstance(turned, Apply)
            return Apply(operator=operator, operands=turned.operands[::-1])
        case Apply(operator=operator, operands=operands):
            return Apply(operator=operator, operands=tuple(booleans_as_numbers(o, is_boolean) for o in operands))
        case Aggregate(function=function, operand=operand, over=over, by=by):
            return Aggregate(function=function, operand=booleans_as_numbers(operand, is_boolean), over=over, by=by)
        case _:
            return expr


def _convert(expr: Expr, dialect: Dialect, show: Show, aggregate: ShowAggregate) -> tuple[str, int]:
    def inside(part: Expr, needed: int) -> str:
        text, strength = _convert(part, dialect, show, aggregate)
        return text if strength >= needed else f"({text})"

    match expr:
        case Num(value=value):
            return number_text(value), _SIGN if value < 0 else _ATOM
        case Text(value=value):
            return string_text(value), _ATOM
        case Ref():
            return show(expr), _ATOM
        case Aggregate():
            return aggregate(expr), _ATOM
        case Apply(operator="-", operands=(operand,)):
            return f"-{inside(operand, _SIGN)}", _SIGN
        case Apply(operator=operator, operands=(left, right)) if operator in _COMPARISONS:
            return dialect.comparison.format(*_compared(operator, left, right, inside, dialect)), _ATOM
        case Apply(operator=operator, operands=(left, right)) if operator in _STRENGTH:
            own = _STRENGTH[operator]
            sides = (inside(left, own + (operator == "^")), inside(right, own + (operator in "-/")))
            sign = dialect.power if operator == "^" else f" {operator} " if own == 1 else operator
            return sign.join(sides), own
        case Apply(operator=operator, operands=operands):
            template = dialect.functions.get(operator, f"{operator}({{0}})")
            return template.format(*(inside(operand, 0) for operand in operands)), _ATOM


def _compared(
    operator: str, left: Expr, right: Expr, inside: Callable[[Expr, int], str], dialect: Dialect
) -> tuple[str, str, str]:
    """Return both sides of a comparison; a column that is compared with a label is taken as text."""
    sides = [inside(side, 1) for side in (left, right)]
    for position, other in ((0, right), (1, left)):
        if isinstance(other, Text):
            sides[position] = dialect.label.format(sides[position])
    return sides[0], operator, sides[1]
