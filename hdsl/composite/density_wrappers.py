"""Wrappers: distribution → distribution, with its rows told apart by conditions on data.

    hurdle(poisson(m), p)   →   y == 0: log p;  y != 0: log(1 - p) + log f(y) - log(1 - f(0))

Invariants: the conditions of a distribution's pieces are disjoint and exhaustive before and after. A bound that is
missing (NaN), infinite, or beyond the support is no bound.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import sympy

from hdsl.composite.density_families import Distribution, Piece, compared
from hdsl.composite.density_functions import LogAddExp, LogInvcloglog, raised
from hdsl.composite.density_links import logarithm, probability
from hdsl.form.expr import Apply, Expr, Num, Ref

__all__ = ["UnsupportedDensity", "Wrapper", "wrapped"]

_Y = Ref(name="y", index_set=())
_HIGHEST = sys.float_info.max


class UnsupportedDensity(Exception):  # noqa: N818 - says what the language cannot do yet, not what failed
    """A density that nothing is derived for.

    Attributes
    ----------
    feature : str
        What it is, in the words of the language: "``truncated`` around ``beta``".
    """

    def __init__(self, feature: str) -> None:
        super().__init__(feature)
        self.feature = feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """A wrapper around a distribution.

    Attributes
    ----------
    name : {"truncated", "censored", "zero_inflated", "hurdle"}
    arguments : tuple of (str, Expr)
        ``"p"`` by the inputs; or ``"lower"`` and ``"upper"``, either of which may be left out: known data or numbers.
    """

    name: str
    arguments: tuple[tuple[str, Expr], ...]


def wrapped(inner: Distribution, wrapper: Wrapper, around: str) -> Distribution:
    """Return the distribution that a wrapper makes of `inner`, which is called `around`.

    Raises
    ------
    UnsupportedDensity
        If the distribution has not what the wrapper needs.
    """
    if (outer := _WRAPPERS[wrapper.name](inner, dict(wrapper.arguments))) is None:
        raise UnsupportedDensity(f"`{wrapper.name}` around `{around}`")
    return outer


def _both(first: Expr | None, second: Expr | None) -> Expr | None:
    if first is None or second is None:
        return second if first is None else first
    return Apply(operator="*", operands=(first, second))


def _not(condition: Expr) -> Expr:
    return Apply(operator="-", operands=(Num(value=1.0), condition))


def _at(condition: Expr, pieces: tuple[Piece, ...], change: Callable[[sympy.Expr], sympy.Expr]) -> Iterator[Piece]:
    """Return what pieces are where a further condition holds; one that says the same need not be said twice."""
    opposite = compared("==" if isinstance(condition, Apply) and condition.operator == "!=" else "!=", _Y, 0.0)
    for piece in pieces:
        if piece.holds != opposite:
            holds = condition if piece.holds == condition else _both(condition, piece.holds)
            yield Piece(holds, change(piece.log))


# -- zeros ---------------------------------------------------------------------------------------------------------


def _with_zeros(inner: Distribution, log_zero: sympy.Expr, change: Callable[[sympy.Expr], sympy.Expr]) -> Distribution:
    is_zero, is_not_zero = compared("==", _Y, 0.0), compared("!=", _Y, 0.0)
    rest = tuple(_at(is_not_zero, inner.pieces, change))
    return Distribution(pieces=(Piece(is_zero, log_zero), *rest), support=inner.support)


def _zero_inflated(inner: Distribution, given: dict[str, Expr]) -> Distribution | None:
    p = probability(raised(given["p"]))
    if inner.support == "count" and inner.at_zero is not None:
        at_zero = LogAddExp(p.log, p.log_not + inner.at_zero)
        return _with_zeros(inner, at_zero, lambda log: p.log_not + log)
    return _hurdle(inner, given) if inner.support == "positive" else None


def _hurdle(inner: Distribution, given: dict[str, Expr]) -> Distribution | None:
    p = probability(raised(given["p"]))
    if inner.support == "positive":  # a zero has no density there: it is a point
        return _with_zeros(inner, p.log, lambda log: p.log_not + log)
    if inner.support != "count" or inner.at_zero is None:
        return None
    positive = _log_not_zero(inner.at_zero)
    return _with_zeros(inner, p.log, lambda log: p.log_not + log - positive)


def _log_not_zero(at_zero: sympy.Expr) -> sympy.Expr:
    """Return log P(Y >= 1) of a count; its derivatives stay finite where that is as small as it can be."""
    return LogInvcloglog(logarithm(-at_zero), 0)


# -- bounds --------------------------------------------------------------------------------------------------------


def _is_bound(bound: Expr | None, *, is_lower: bool, support: str) -> Expr | bool:
    """Return whether a bound cuts something off: a fact for a number, else a condition on data."""
    least = -_HIGHEST if support == "real" else 0.0
    match bound:
        case None:
            return False
        case Num(value=value) if is_lower:
            return value > least if support != "real" else value >= least
        case Num(value=value):
            return value <= _HIGHEST
    if not is_lower:
        return compared("<=", bound, _HIGHEST)
    return compared(">=" if support == "real" else ">", bound, least)


def _split(bound: Expr | None, *, is_lower: bool, support: str) -> list[tuple[Expr | None, bool]]:
    """Return conditions on data with whether the bound cuts something off there."""
    cuts = _is_bound(bound, is_lower=is_lower, support=support)
    return [(None, cuts)] if isinstance(cuts, bool) else [(cuts, True), (_not(cuts), False)]


def _truncated(inner: Distribution, given: dict[str, Expr]) -> Distribution | None:
    if inner.between is None or inner.support == "category":
        return None
    lower, upper = given.get("lower"), given.get("upper")
    pieces: list[Piece] = []
    for (at_lower, has_lower), (at_upper, has_upper) in itertools.product(
        _split(lower, is_lower=True, support=inner.support), _split(upper, is_lower=False, support=inner.support)
    ):
        mass = _log_mass(inner, lower if has_lower else None, upper if has_upper else None)
        pieces += (Piece(_both(_both(at_lower, at_upper), piece.holds), piece.log - mass) for piece in inner.pieces)
    return replace(inner, pieces=tuple(pieces), at_zero=None, below=None, above=None, between=None)


def _log_mass(inner: Distribution, lower: Expr | None, upper: Expr | None) -> sympy.Expr:
    """Return log P(lower <= Y <= upper)."""
    assert inner.between is not None
    if lower is None and upper is None:
        return sympy.Integer(0)
    if inner.support == "count" and upper is not None:
        return inner.between(sympy.Integer(0) if lower is None else raised(lower), raised(upper))
    if inner.at_zero is not None and isinstance(lower, Num) and math.ceil(lower.value) == 1:
        return _log_not_zero(inner.at_zero)
    if upper is None and lower is not None and inner.above is not None:
        return inner.above(raised(lower))
    if lower is None and upper is not None and inner.below is not None:
        return inner.below(raised(upper))
    assert lower is not None
    assert upper is not None
    return inner.between(raised(lower), raised(upper))


def _censored(inner: Distribution, given: dict[str, Expr]) -> Distribution | None:
    if inner.below is None or inner.above is None:
        return None
    lower, upper = given.get("lower"), given.get("upper")
    pieces: list[Piece] = []
    inside: Expr | None = None
    for bound, operator, tail in ((lower, "<=", inner.below), (upper, ">=", inner.above)):
        if bound is None or bound == Num(value=math.inf) or bound == Num(value=-math.inf):
            continue
        beyond = compared(operator, _Y, bound)
        pieces.append(Piece(_both(inside, beyond), tail(raised(bound))))
        inside = _both(inside, _not(beyond))
    pieces += (Piece(_both(inside, piece.holds), piece.log) for piece in inner.pieces)
    return Distribution(pieces=tuple(pieces), support="censored")


_WRAPPERS: dict[str, Callable[[Distribution, dict[str, Expr]], Distribution | None]] = {
    "truncated": _truncated,
    "censored": _censored,
    "zero_inflated": _zero_inflated,
    "hurdle": _hurdle,
}
