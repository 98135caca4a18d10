"""Functions that densities are written in, for SymPy, and the way between SymPy and `hdsl.form.expr`.

Each class stands for a stable primitive of `hdsl.runtime.special` or a function of NumPy, and its derivative is a rule
in terms of such functions again; SymPy composes the rules and rewrites nothing inside: ``expit(x) * expit(-x)`` does
not become ``p - p^2``, and ``exp(a) * exp(b)`` stays two factors. A primitive with an order, ``binet(x, n)``, is the
n-th derivative of ``binet(x)``, and so differentiates to ``binet(x, n + 1)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import sympy

from hdsl.form.expr import Apply, Expr, Num, Ref

__all__ = [
    "Binet",
    "Exp",
    "Expit",
    "Expm1",
    "Lgamma",
    "Log",
    "Log1mExp",
    "Log1p",
    "LogAddExp",
    "LogDiffNdtr",
    "LogInvcloglog",
    "LogNdtr",
    "LogRangeNegativeBinomial",
    "LogRangePoisson",
    "LogRising",
    "LogTailNegativeBinomial",
    "LogTailPoisson",
    "Ndtr",
    "Softplus",
    "SoftplusRatio",
    "Y",
    "lowered",
    "raised",
]

Y = sympy.Symbol("y")
"""The outcome."""


class _Primitive(sympy.Function):  # type: ignore[misc]
    """A function with a rule for its derivative by each of its arguments.

    `called` is its name in an `Apply`; its rules are in `_RULES`.
    """

    called = ""

    @classmethod
    def eval(cls, *arguments: sympy.Expr) -> None:
        """Leave every application as it is."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative by one argument."""
        return _RULES[type(self)][argindex - 1](*self.args)


class _Graded(_Primitive):
    """A primitive whose last arguments are how often it is differentiated by each of the `by` first."""

    by = 1

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative by one argument: the next order."""
        orders = list(self.args)
        orders[len(orders) - self.by + argindex - 1] += 1
        return self.func(*orders)


class Exp(_Primitive):
    """e^x."""

    called = "exp"


class Expm1(_Primitive):
    """e^x - 1."""

    called = "expm1"


class Log(_Primitive):
    """Natural logarithm."""

    called = "log"


class Log1p(_Primitive):
    """log(1 + x)."""

    called = "log1p"


class Abs(_Primitive):
    """Absolute value."""

    called = "abs"


class Sin(_Primitive):
    """Sine."""

    called = "sin"


class Cos(_Primitive):
    """Cosine."""

    called = "cos"


class Tanh(_Primitive):
    """Hyperbolic tangent; its derivative is 4 expit(2x) expit(-2x)."""

    called = "tanh"


class _AtLeastZero(_Primitive):
    """1 where x >= 0, else 0."""

    called = "step"


class _Min(_Primitive):
    """The smaller one."""

    called = "min"


class _Max(_Primitive):
    """The larger one."""

    called = "max"


class Expit(_Primitive):
    """1 / (1 + e^-x)."""

    called = "expit"


class Softplus(_Primitive):
    """log(1 + e^x)."""

    called = "softplus"


class LogAddExp(_Primitive):
    """log(e^a + e^b)."""

    called = "logaddexp"


class Log1mExp(_Graded):
    """log(1 - e^-x), x > 0."""

    called = "log1mexp"


class SoftplusRatio(_Graded):
    """log(1 + e^x) / e^x."""

    called = "softplus_ratio"


class Ndtr(_Primitive):
    """Phi(x); its derivative is the normal density."""

    called = "ndtr"


class _NormalDensity(_Primitive):
    """phi(x)."""

    called = "normal_density"


class _Ndtri(_Primitive):
    """The quantile of the standard normal."""

    called = "ndtri"


class LogNdtr(_Graded):
    """log Phi(x)."""

    called = "log_ndtr"


class LogDiffNdtr(_Graded):
    """log(Phi(a) - Phi(b)), a > b."""

    called = "log_diff_ndtr"
    by = 2


class LogInvcloglog(_Graded):
    """log(1 - exp(-e^x))."""

    called = "log_invcloglog"


class Binet(_Graded):
    """What Stirling's formula leaves of lgamma, by x = log a."""

    called = "binet"


class Lgamma(_Primitive):
    """Log of the gamma function, of data."""

    called = "lgamma"


class LogRising(_Graded):
    """lgamma(y + r) - lgamma(r) - y log r, by x = log r; arguments y, x, order."""

    called = "log_rising"

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative by log r, the second argument."""
        y, x, order = self.args
        if argindex != 2:
            raise ValueError("a count has no derivative")
        return LogRising(y, x, order + 1)


class _LogSum(_Graded):
    """The log of a sum over counts; arguments are `bounds` bounds, then what it is differentiated by."""

    bounds = 2

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Return the derivative by one argument that is not a bound."""
        if argindex <= self.bounds:
            raise ValueError("a bound has no derivative")
        return super().fdiff(argindex - self.bounds)


class LogRangePoisson(_LogSum):
    """log of the sum of f(j)/f(0), lower <= j <= upper, of a poisson by the log of its mean."""

    called = "log_range_poisson"


class LogTailPoisson(_LogSum):
    """log P(Y >= lower) of a poisson by the log of its mean."""

    called = "log_tail_poisson"
    bounds = 1


class LogRangeNegativeBinomial(_LogSum):
    """log of the sum of f(j)/f(0), lower <= j <= upper, by the logs of mean and size."""

    called = "log_range_negative_binomial"
    by = 2


class LogTailNegativeBinomial(_LogSum):
    """log P(Y >= lower) of a negative binomial by the logs of mean and size."""

    called = "log_tail_negative_binomial"
    bounds = 1
    by = 2


_RULES: dict[type[_Primitive], tuple[Callable[..., sympy.Expr], ...]] = {
    Exp: (Exp,),
    Expm1: (Exp,),
    Log: (lambda x: 1 / x,),
    Log1p: (lambda x: 1 / (1 + x),),
    Abs: (lambda x: x / Abs(x),),
    Sin: (Cos,),
    Cos: (lambda x: -Sin(x),),
    Tanh: (lambda x: 4 * Expit(2 * x) * Expit(-2 * x),),
    _AtLeastZero: (lambda x: sympy.Integer(0),),
    _Min: (lambda a, b: _AtLeastZero(b - a), lambda a, b: 1 - _AtLeastZero(b - a)),
    _Max: (lambda a, b: _AtLeastZero(a - b), lambda a, b: 1 - _AtLeastZero(a - b)),
    Expit: (lambda x: Expit(x) * Expit(-x),),
    Softplus: (Expit,),
    LogAddExp: (lambda a, b: Expit(a - b), lambda a, b: Expit(b - a)),
    Ndtr: (_NormalDensity,),
    _NormalDensity: (lambda x: -x * _NormalDensity(x),),
    _Ndtri: (lambda p: 1 / _NormalDensity(_Ndtri(p)),),
}
"""The derivative of each function by each of its arguments."""


# -- from records to SymPy -----------------------------------------------------------------------------------------


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    return base**exponent if exponent.is_number else Exp(exponent * Log(base))


def _divided(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """Return a / b; ``1 / (1 + exp(x))`` is ``expit(-x)``, which does not overflow in its derivatives."""
    rest = b - 1
    if isinstance(rest, Exp):
        return Expit(rest.args[0]) if a == rest else a * Expit(-rest.args[0])
    return a / b


def _logarithm(x: sympy.Expr) -> sympy.Expr:
    """Return log x, where ``log(exp(u))`` is u and ``log(1 + exp(u))`` is ``softplus(u)``."""
    if isinstance(x, Exp):
        return x.args[0]
    rest = x - 1
    return Softplus(rest.args[0]) if isinstance(rest, Exp) else Log(x)


def _logarithm1p(x: sympy.Expr) -> sympy.Expr:
    return Softplus(x.args[0]) if isinstance(x, Exp) else Log1p(x)


_RAISED: dict[str, Callable[..., sympy.Expr]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "^": _power,
    "exp": Exp,
    "log": _logarithm,
    "log1p": _logarithm1p,
    "sqrt": sympy.sqrt,
    "abs": Abs,
    "sin": Sin,
    "cos": Cos,
    "tanh": Tanh,
    "logit": lambda p: Log(p) - Log1p(-p),
    "invlogit": Expit,
    "probit": _Ndtri,
    "Phi": Ndtr,
    "cloglog": lambda p: Log(-Log1p(-p)),
    "invcloglog": lambda x: -Expm1(-Exp(x)),
    "min": _Min,
    "max": _Max,
    "step": _AtLeastZero,
}


def raised(expr: Expr) -> sympy.Expr:
    """Return an expression of records as one of SymPy; what it refers to are symbols of the same names."""
    match expr:
        case Num(value=value):
            return sympy.Integer(int(value)) if float(value).is_integer() and abs(value) < 2**53 else sympy.Float(value)
        case Ref(name=name):
            return sympy.Symbol(name)
        case Apply(operator="-", operands=operands):
            first, *rest = [raised(operand) for operand in operands]
            return first - rest[0] if rest else -first
        case Apply(operator=operator, operands=operands) if operator in _RAISED:
            return _RAISED[operator](*(raised(operand) for operand in operands))
        case _:
            raise ValueError(f"no density is written with {expr}")


# -- from SymPy to records -----------------------------------------------------------------------------------------


def _apply(operator: str, *operands: Expr) -> Expr:
    return Apply(operator=operator, operands=operands)


def _negated(expr: Any) -> bool:
    return bool(expr.is_Mul and expr.args[0].is_number and expr.args[0].is_negative)


def _sum(expr: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Expr:
    """Return a sum: what is added first, then what is subtracted."""
    terms = sorted(expr.args, key=lambda term: bool(term.is_number) or _negated(term))
    total = lowered(terms[0], names)
    for term in terms[1:]:
        is_less = _negated(term) or (term.is_number and term.is_negative)
        total = _apply("-" if is_less else "+", total, lowered(-term if is_less else term, names))
    return total


def _product(expr: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Expr:
    coefficient, rest = expr.as_coeff_Mul()
    above: list[Expr] = []
    below: list[Expr] = []
    for factor in sympy.Mul.make_args(rest):
        base, exponent = factor.as_base_exp() if factor not in names else (factor, sympy.Integer(1))
        if exponent.is_number and exponent.is_negative:
            below.append(lowered(base ** (-exponent), names))
        else:
            above.append(lowered(factor, names))
    size = abs(float(coefficient))
    if coefficient.is_Rational and coefficient.q != 1 and abs(coefficient.p) == 1:
        below.append(Num(value=float(coefficient.q)))
    elif size != 1.0 or not above:
        above.insert(0, Num(value=size))
    result = reduce(lambda a, b: _apply("*", a, b), above)
    if below:
        result = _apply("/", result, reduce(lambda a, b: _apply("*", a, b), below))
    return _apply("-", result) if coefficient.is_negative else result


def _raised_power(expr: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Expr:
    base, exponent = expr.as_base_exp()
    if exponent == 0.5:
        return _apply("sqrt", lowered(base, names))
    if exponent.is_negative:
        below = _raised_power(base ** (-exponent), names) if exponent != -1 else lowered(base, names)
        return _apply("/", Num(value=1.0), below)
    return _apply("^", lowered(base, names), Num(value=float(exponent)))


def lowered(expr: sympy.Expr, names: Mapping[sympy.Expr, str] | None = None) -> Expr:
    """Return an expression of SymPy as records; one that is in `names` is referred to by its name."""
    names = names or {}
    if expr in names:
        return Ref(name=names[expr], index_set=())
    if expr.is_Symbol:
        return Ref(name=expr.name, index_set=())
    if isinstance(expr, _AtLeastZero):
        return _apply(">=", lowered(expr.args[0], names), Num(value=0.0))
    if isinstance(expr, _Primitive):
        return _apply(type(expr).called, *(lowered(argument, names) for argument in expr.args))
    if expr.is_number and not expr.has(_Primitive):
        return Num(value=float(expr))
    if expr.is_Add:
        return _sum(expr, names)
    if expr.is_Mul:
        return _product(expr, names)
    return _raised_power(expr, names)
