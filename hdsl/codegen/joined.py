"""Functions of the same argument, computed together.

    s0 = expit(eta0); s1 = expit(-eta0); value = y * eta0 - softplus(eta0)
    -> m0 = max(eta0, -700); p0, q0 = expits(m0); value = y * eta0 - (m0 - log(p0))

One exponential instead of three. The logarithm of 1 + e^x is then as accurate as x is, not as itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from hdsl.form.expr import Apply, Expr, Num, Ref

__all__ = ["Assigned", "joined", "negative"]

Assigned: TypeAlias = tuple[tuple[str, ...], Expr]
"""Names, one or two, and the expression that gives their values."""

LOWEST = Num(value=-700.0)
"""Least argument of the logistic function whose exponential is a number."""


def negative(item: Expr) -> Expr:
    """Return ``-item``, without a negation of arrays where it can be put into a number or a difference."""
    match item:
        case Num(value=value):
            return Num(value=-value)
        case Apply(operator="-", operands=(only,)):
            return only
        case Apply(operator="-", operands=(a, b)):
            return Apply(operator="-", operands=(b, a))
        case Apply(operator="*" | "/" as operator, operands=(a, b)) if _takes_sign(a):
            return Apply(operator=operator, operands=(negative(a), b))
        case Apply(operator="+", operands=(a, b)) if _takes_sign(a):
            return Apply(operator="-", operands=(negative(a), b))
        case _:
            return Apply(operator="-", operands=(item,))


def _takes_sign(item: Expr) -> bool:
    """Whether the negative of an expression costs nothing."""
    match item:
        case Num() | Apply(operator="-"):
            return True
        case Apply(operator="*" | "/", operands=(a, _)):
            return _takes_sign(a)
        case _:
            return False


def joined(steps: Sequence[Assigned], outputs: Sequence[Expr]) -> tuple[list[Assigned], list[Expr]]:
    """Return steps and outputs with logistic functions of the same argument computed together."""
    found: dict[str, list[Expr]] = {"expit": [], "softplus": []}
    for item in [*(item for _, item in steps), *outputs]:
        _collect(item, found)
    everywhere = [*found["expit"], *found["softplus"]]
    pairs: dict[Expr, str] = {}
    for x in found["expit"]:
        opposite = negative(x)
        twice = opposite in found["expit"] or x in found["softplus"] or opposite in found["softplus"]
        if twice and x not in pairs and opposite not in pairs:
            base = opposite if isinstance(x, Apply) and len(x.operands) == 1 and opposite in everywhere else x
            pairs[base] = str(len(pairs))
    if not pairs:
        return list(steps), list(outputs)
    out: list[Assigned] = []
    waiting = dict(pairs)
    for names, item in [*steps, *((("",), output) for output in outputs)]:
        new = _mapped(item, pairs)
        for x, number in list(waiting.items()):
            if {f"p{number}", f"q{number}"} & _refs(new):
                del waiting[x]
                out.append(((f"m{number}",), Apply(operator="max", operands=(x, LOWEST))))
                out.append(((f"p{number}", f"q{number}"), Apply(operator="expits", operands=(_ref(f"m{number}"),))))
        out.append((names, new))
    return [step for step in out if step[0] != ("",)], [item for names, item in out if names == ("",)]


def _mapped(item: Expr, pairs: dict[Expr, str]) -> Expr:
    """Return an expression with the functions of `pairs` taken from there."""
    if not isinstance(item, Apply):
        return item
    if item.operator in {"expit", "softplus"}:
        x, opposite = item.operands[0], negative(item.operands[0])
        if x in pairs or opposite in pairs:
            number = pairs[x] if x in pairs else pairs[opposite]
            own, other = _ref(f"p{number}"), _ref(f"q{number}")
            if x not in pairs:
                own, other = other, own
            if item.operator == "expit":
                return own
            if x in pairs:
                return Apply(operator="-", operands=(_ref(f"m{number}"), Apply(operator="log", operands=(own,))))
            return negative(Apply(operator="log", operands=(other,)))
    return Apply(operator=item.operator, operands=tuple(_mapped(operand, pairs) for operand in item.operands))


def _ref(name: str) -> Ref:
    return Ref(name=name, index_set=())


def _refs(item: Expr) -> set[str]:
    match item:
        case Ref(name=name):
            return {name}
        case Apply(operands=operands):
            return set().union(*(_refs(operand) for operand in operands))
        case _:
            return set()


def _collect(item: Expr, found: dict[str, list[Expr]]) -> None:
    if isinstance(item, Apply):
        if item.operator in found:
            found[item.operator].append(item.operands[0])
        for operand in item.operands:
            _collect(operand, found)
