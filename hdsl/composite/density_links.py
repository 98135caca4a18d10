"""Arguments of a distribution on the scales that its density is written in, stable for each link.

    p = invlogit(eta)   →   log p = -softplus(-eta), log(1 - p) = -softplus(eta)

A density needs a probability's log p and log(1 - p), and the logarithm of what is positive: those never overflow where
the values themselves do. An expression that is of no known link is composed with log and log1p as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from hdsl.composite.density_functions import (
    Exp,
    Expit,
    Expm1,
    Log,
    Log1mExp,
    Log1p,
    LogInvcloglog,
    LogNdtr,
    Ndtr,
    Softplus,
)

__all__ = ["Positive", "Probability", "logarithm", "positive", "probability"]


@dataclass(frozen=True, slots=True)
class Positive:
    """A positive argument: its logarithm, itself and one by it."""

    log: sympy.Expr
    value: sympy.Expr
    inverse: sympy.Expr

    @property
    def is_exponential(self) -> bool:
        """Whether it is e^x, with data before it perhaps: its logarithm exists whatever the predictors are."""
        return not any(isinstance(f, Log) and _has_predictor(f) for f in sympy.preorder_traversal(self.log))


@dataclass(frozen=True, slots=True)
class Probability:
    """An argument in (0, 1): log p, log(1 - p), p, 1 - p, and its logit where that is an expression of its own."""

    log: sympy.Expr
    log_not: sympy.Expr
    value: sympy.Expr
    value_not: sympy.Expr
    log_odds: sympy.Expr | None = None

    @property
    def complement(self) -> Probability:
        """1 - p."""
        log_odds = None if self.log_odds is None else -self.log_odds
        return Probability(self.log_not, self.log, self.value_not, self.value, log_odds)


def _has_predictor(expr: sympy.Expr) -> bool:
    return any(symbol.name.startswith("eta") for symbol in expr.free_symbols)


def logarithm(expr: sympy.Expr) -> sympy.Expr:
    """Return the logarithm of a positive expression: the exponents of its exponential factors, the log of the rest."""
    inside, rest = sympy.Integer(0), sympy.Integer(1)
    for factor in sympy.Mul.make_args(expr):
        base, exponent = factor.as_base_exp()
        if isinstance(base, Exp):
            inside += exponent * base.args[0]
        else:
            rest *= factor
    return inside if rest == 1 else inside + _plain_log(rest)


def _plain_log(expr: sympy.Expr) -> sympy.Expr:
    base, exponent = expr.as_base_exp()
    if exponent.is_number and exponent.is_negative:
        return -_plain_log(base ** (-exponent))
    if isinstance(expr, Expit):
        return -Softplus(-expr.args[0])
    if isinstance(expr, Ndtr):
        return LogNdtr(expr.args[0], 0)
    return sympy.log(expr) if expr.is_number else Log(expr)


def positive(expr: sympy.Expr) -> Positive:
    """Return a positive argument on its scales."""
    inverse = sympy.Mul(*(_inverse(factor) for factor in sympy.Mul.make_args(expr)))
    return Positive(logarithm(expr), expr, inverse)


def _inverse(factor: sympy.Expr) -> sympy.Expr:
    base, exponent = factor.as_base_exp()
    return Exp(-base.args[0]) ** exponent if isinstance(base, Exp) else 1 / factor


def probability(expr: sympy.Expr) -> Probability:
    """Return an argument in (0, 1) on its scales."""
    match expr:
        case Expit(args=(x,)):
            return Probability(-Softplus(-x), -Softplus(x), Expit(x), Expit(-x), x)
        case Ndtr(args=(x,)):
            return Probability(LogNdtr(x, 0), LogNdtr(-x, 0), Ndtr(x), Ndtr(-x))
        case Exp(args=(x,)) if isinstance(-x, Exp):
            return _complementary((-x).args[0]).complement
        case Exp(args=(x,)):
            return Probability(x, Log1mExp(-x, 0), Exp(x), -Expm1(x))
    negative = -expr
    if isinstance(negative, Expm1) and isinstance(-negative.args[0], Exp):
        return _complementary((-negative.args[0]).args[0])
    rest = 1 - expr
    if isinstance(rest, Exp | Expit | Ndtr):
        return probability(rest).complement
    return Probability(logarithm(expr), Log1p(-expr), expr, rest)


def _complementary(x: sympy.Expr) -> Probability:
    """Return 1 - exp(-e^x)."""
    return Probability(LogInvcloglog(x, 0), -Exp(x), -Expm1(-Exp(x)), Exp(-Exp(x)))
