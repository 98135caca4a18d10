"""The table of families: log densities in terms of log p, log(1 - p), log mean and mean.

A row takes the arguments of a distribution and gives its density, what wrappers need of its distribution function, and
the links for which it is log-concave. Densities are split where data make another expression of them (a count of zero),
and keep terms of data alone, which `hdsl.composite.density_derive` sets apart.

References
----------
The gamma function enters by Binet's remainder of Stirling's formula (DLMF 5.11), so that shape, precision and size may
be as large as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import sympy

from hdsl.composite.density_functions import (
    Binet,
    Exp,
    Expm1,
    Lgamma,
    Log,
    Log1mExp,
    Log1p,
    LogAddExp,
    LogDiffNdtr,
    LogInvcloglog,
    LogNdtr,
    LogRangeNegativeBinomial,
    LogRangePoisson,
    LogRising,
    LogTailNegativeBinomial,
    LogTailPoisson,
    Softplus,
    SoftplusRatio,
    Y,
)
from hdsl.composite.density_links import Positive, positive, probability
from hdsl.form.expr import Apply, Expr, Num, Ref

__all__ = ["FAMILIES", "Arguments", "Distribution", "Piece", "compared"]

Arguments: TypeAlias = Mapping[str, sympy.Expr]
_Bounds: TypeAlias = Callable[[sympy.Expr], sympy.Expr]
_LOG_2PI = sympy.log(2 * sympy.pi)
_LOG_2 = sympy.log(2)


@dataclass(frozen=True, slots=True)
class Piece:
    """A log density and the condition on data where it is the one; None is everywhere."""

    holds: Expr | None
    log: sympy.Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A distribution with its arguments in place.

    Attributes
    ----------
    pieces : tuple of Piece
        The log density.
    support : {"real", "positive", "count", "category"}
    at_zero : Expr or None
        log P(Y = 0) of a count.
    below : callable or None
        Gives log P(Y <= bound).
    above : callable or None
        Gives log P(Y >= bound).
    between : callable or None
        Gives log P(lower <= Y <= upper).
    """

    pieces: tuple[Piece, ...]
    support: str
    at_zero: sympy.Expr | None = None
    below: _Bounds | None = None
    above: _Bounds | None = None
    between: Callable[[sympy.Expr, sympy.Expr], sympy.Expr] | None = None


def compared(operator: str, left: Expr, right: float | Expr) -> Expr:
    """Return a comparison of data as an expression, 1 or 0."""
    other = right if not isinstance(right, float | int) else Num(value=float(right))
    return Apply(operator=operator, operands=(left, other))


_IS_ZERO = compared("==", Ref(name="y", index_set=()), 0.0)
_IS_NOT_ZERO = compared("!=", Ref(name="y", index_set=()), 0.0)


def _everywhere(log: sympy.Expr) -> tuple[Piece, ...]:
    return (Piece(None, log),)


# -- real outcomes -------------------------------------------------------------------------------------------------


def _location_scale(
    y: Callable[[sympy.Expr], sympy.Expr], mean: sympy.Expr, sd: Positive, jacobian: sympy.Expr, support: str
) -> Distribution:
    """Return the distribution of a Y of which y(Y) is normal."""

    def z(value: sympy.Expr) -> sympy.Expr:
        return (y(value) - mean) * sd.inverse

    return Distribution(
        pieces=_everywhere(-(z(Y) ** 2) / 2 - sd.log - _LOG_2PI / 2 + jacobian),
        support=support,
        below=lambda bound: LogNdtr(z(bound), 0),
        above=lambda bound: LogNdtr(-z(bound), 0),
        between=lambda lower, upper: LogDiffNdtr(z(upper), z(lower), 0, 0),
    )


def _normal(given: Arguments) -> Distribution:
    return _location_scale(lambda v: v, given["mean"], positive(given["sd"]), sympy.Integer(0), "real")


def _lognormal(given: Arguments) -> Distribution:
    return _location_scale(Log, given["meanlog"], positive(given["sdlog"]), -Log(Y), "positive")


def _student_t(given: Arguments) -> Distribution:
    df, scale = positive(given["df"]), positive(given["scale"])
    z = (Y - given["mean"]) * scale.inverse
    # lgamma((df + 1)/2) - lgamma(df/2) - log(df/2)/2, which goes to zero where df grows
    half = Binet(Softplus(df.log) - _LOG_2, 0) - Binet(df.log - _LOG_2, 0) + SoftplusRatio(-df.log, 0) / 2
    kernel = (df.value + 1) / 2 * Log1p(z**2 * df.inverse)
    return Distribution(
        pieces=_everywhere(half - sympy.Rational(1, 2) - _LOG_2PI / 2 - scale.log - kernel), support="real"
    )


# -- counts --------------------------------------------------------------------------------------------------------


def _binomial(given: Arguments) -> Distribution:
    size, p = given["size"], probability(given["p"])
    constant = Lgamma(size + 1) - Lgamma(Y + 1) - Lgamma(size - Y + 1)
    value = Y * p.log + (size - Y) * p.log_not if p.log_odds is None else Y * p.log_odds + size * p.log_not
    return Distribution(pieces=_everywhere(value + constant), support="count", at_zero=size * p.log_not)


def _bernoulli(given: Arguments) -> Distribution:
    p = probability(given["p"])
    if p.log_odds is not None:
        pieces = _everywhere(Y * p.log_odds + p.log_not)
    else:
        pieces = (Piece(_IS_ZERO, p.log_not), Piece(_IS_NOT_ZERO, p.log))
    return Distribution(pieces=pieces, support="count", at_zero=p.log_not)


def _poisson(given: Arguments) -> Distribution:
    mean = positive(given["mean"])
    value = Y * mean.log - mean.value - Lgamma(Y + 1)
    return Distribution(
        pieces=_of_count(mean, value, -mean.value),
        support="count",
        at_zero=-mean.value,
        above=lambda bound: LogTailPoisson(bound, mean.log, 0),
        between=lambda lower, upper: LogRangePoisson(lower, upper, mean.log, 0) - mean.value,
    )


def _of_count(mean: Positive, value: sympy.Expr, at_zero: sympy.Expr) -> tuple[Piece, ...]:
    """Return a count's density; a mean of zero has no logarithm, which a count of zero does not need."""
    return _everywhere(value) if mean.is_exponential else (Piece(_IS_ZERO, at_zero), Piece(_IS_NOT_ZERO, value))


def _negative_binomial(given: Arguments) -> Distribution:
    mean, size = positive(given["mean"]), positive(given["size"])
    ratio = mean.log - size.log
    at_zero = -mean.value * SoftplusRatio(ratio, 0)  # -size log(1 + mean/size), which goes to -mean where size grows
    # y log(mean/(mean + size)) with the y log(size) that `LogRising` lacks
    value = LogRising(Y, size.log, 0) - Y * LogAddExp(-mean.log, -size.log) + at_zero - Lgamma(Y + 1)
    return Distribution(
        pieces=_of_count(mean, value, at_zero),
        support="count",
        at_zero=at_zero,
        above=lambda bound: LogTailNegativeBinomial(bound, mean.log, size.log, 0, 0),
        between=lambda lower, upper: LogRangeNegativeBinomial(lower, upper, mean.log, size.log, 0, 0) + at_zero,
    )


# -- positive outcomes ---------------------------------------------------------------------------------------------


def _gamma(given: Arguments) -> Distribution:
    shape = positive(given["shape"])
    if "rate" in given:
        rate = positive(given["rate"])
        relative, ratio = rate.log - shape.log, rate.value * Y
    else:
        mean = positive(given["mean"])
        relative, ratio = -mean.log, shape.value * mean.inverse * Y
    value = shape.value * (1 + Log(Y) + relative) - ratio + shape.log / 2 - Binet(shape.log, 0)
    return Distribution(pieces=_everywhere(value - Log(Y) - _LOG_2PI / 2), support="positive")


def _inverse_gaussian(given: Arguments) -> Distribution:
    mean, shape = positive(given["mean"]), positive(given["shape"])
    excess = Expm1(Log(Y) - mean.log) if mean.is_exponential else Y * mean.inverse - 1
    value = shape.log / 2 - shape.value * excess**2 / (2 * Y)
    return Distribution(pieces=_everywhere(value - _LOG_2PI / 2 - 3 * Log(Y) / 2), support="positive")


def _beta(given: Arguments) -> Distribution:
    mean, precision = probability(given["mean"]), positive(given["precision"])
    away = mean.value * (Log(Y) - mean.log) + mean.value_not * (Log1p(-Y) - mean.log_not)
    stirling = (
        Binet(precision.log, 0) - Binet(mean.log + precision.log, 0) - Binet(mean.log_not + precision.log, 0)
    ) + (precision.log + mean.log + mean.log_not) / 2
    value = stirling + precision.value * away
    return Distribution(pieces=_everywhere(value - _LOG_2PI / 2 - Log(Y) - Log1p(-Y)), support="positive")


def _of_hazard(log_hazard: _Bounds, hazard: _Bounds, log_rate: sympy.Expr) -> Distribution:
    """Return the distribution with P(Y > y) = exp(-hazard(y)), whose derivative is rate times hazard."""

    def log_difference(lower: sympy.Expr, upper: sympy.Expr) -> sympy.Expr:
        return log_hazard(upper) + Log1mExp(log_hazard(upper) - log_hazard(lower), 0)

    return Distribution(
        pieces=_everywhere(log_hazard(Y) + log_rate - hazard(Y)),
        support="positive",
        below=lambda bound: LogInvcloglog(log_hazard(bound), 0),
        above=lambda bound: -hazard(bound),
        between=lambda lower, upper: -hazard(lower) + LogInvcloglog(log_difference(lower, upper), 0),
    )


def _exponential(given: Arguments) -> Distribution:
    mean = positive(given["mean"] if "mean" in given else 1 / given["rate"])
    if "rate" in given:
        rate = positive(given["rate"])
        mean = Positive(-rate.log, rate.inverse, rate.value)
    return _of_hazard(lambda v: Log(v) - mean.log, lambda v: v * mean.inverse, -Log(Y))


def _weibull(given: Arguments) -> Distribution:
    shape, scale = positive(given["shape"]), positive(given["scale"])

    def log_hazard(value: sympy.Expr) -> sympy.Expr:
        return shape.value * (Log(value) - scale.log)

    return _of_hazard(log_hazard, lambda v: Exp(log_hazard(v)), shape.log - Log(Y))


# -- ordered categories --------------------------------------------------------------------------------------------


def _ordered_logit(given: Arguments) -> Distribution:
    upper, lower = given.values()
    # expit(a) - expit(b) = expit(a) expit(-b) (1 - exp(-(a - b))), and no term of it is lost at a bound of infinity
    value = -Softplus(-upper) - Softplus(lower) + Log1mExp(upper - lower, 0)
    return Distribution(pieces=_everywhere(value), support="category")


def _ordered_probit(given: Arguments) -> Distribution:
    upper, lower = given.values()
    return Distribution(pieces=_everywhere(LogDiffNdtr(upper, lower, 0, 0)), support="category")


FAMILIES: dict[str, Callable[[Arguments], Distribution]] = {
    "normal": _normal,
    "student_t": _student_t,
    "lognormal": _lognormal,
    "bernoulli": _bernoulli,
    "binomial": _binomial,
    "poisson": _poisson,
    "negative_binomial": _negative_binomial,
    "gamma": _gamma,
    "inverse_gaussian": _inverse_gaussian,
    "beta": _beta,
    "exponential": _exponential,
    "weibull": _weibull,
    "ordered_logit": _ordered_logit,
    "ordered_probit": _ordered_probit,
}
"""The distribution that each family is with its arguments in place."""
