"""Families, links and wrappers with their densities written a second time, in arithmetic of many digits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import mpmath as mp

from hdsl.composite.density import Wrapper, row_density
from hdsl.form.density import Input, RowDensity, pairs, triples
from hdsl.form.expr import Apply, Expr, Num, Ref

Number = Any
Function = Callable[..., Number]


def ref(name: str) -> Ref:
    return Ref(name=name, index_set=())


def call(operator: str, *operands: Expr | float) -> Expr:
    return Apply(operator=operator, operands=tuple(Num(value=o) if isinstance(o, int | float) else o for o in operands))


def eta(k: int) -> Ref:
    return ref(f"eta{k}")


def phi(x: Number) -> Number:
    return mp.erfc(-x / mp.sqrt(2)) / 2


@dataclass(frozen=True, slots=True)
class Link:
    """An argument as a function of its predictor, as a record and in digits, and predictors to try."""

    expr: Callable[[Expr], Expr]
    value: Function
    points: tuple[float, ...]


EVERYWHERE = (-700.0, -40.0, -5.2, -0.7, 0.3, 2.5, 6.1, 700.0)
MODERATE = (-35.0, -4.0, -0.6, 0.4, 2.3, 30.0)

PROBABILITY = {
    "logit": Link(lambda e: call("invlogit", e), lambda x: 1 / (1 + mp.exp(-x)), EVERYWHERE),
    "probit": Link(lambda e: call("Phi", e), phi, (-700.0, -37.0, -4.9, -0.7, 0.3, 2.5, 8.0, 30.0)),
    "cloglog": Link(
        lambda e: call("invcloglog", e), lambda x: -mp.expm1(-mp.exp(x)), (-700.0, -37.0, -3.0, -0.1, 0.4, 2.0, 6.0)
    ),
    "log": Link(lambda e: call("exp", e), mp.exp, (-700.0, -37.0, -3.0, -0.6, -1e-4)),
    "identity": Link(lambda e: e, lambda x: x, (1e-4, 0.2, 0.7, 0.999)),
    "inverse": Link(lambda e: call("/", 1, e), lambda x: 1 / x, (1.001, 2.0, 5e8)),
    "sqrt": Link(lambda e: call("^", e, 2), lambda x: x**2, (1e-9, -0.3, 0.6, 0.99)),
    "1 - exp(-exp(eta))": Link(
        lambda e: call("-", 1, call("exp", call("-", call("exp", e)))),
        lambda x: -mp.expm1(-mp.exp(x)),
        (-700.0, 0.4, 3.0),
    ),
    "exp(-exp(-eta))": Link(
        lambda e: call("exp", call("-", call("exp", call("-", e)))), lambda x: mp.exp(-mp.exp(-x)), (-3.0, 0.4, 700.0)
    ),
    "1/(1 + exp(-eta))": Link(
        lambda e: call("/", 1, call("+", 1, call("exp", call("-", e)))), lambda x: 1 / (1 + mp.exp(-x)), EVERYWHERE
    ),
    "0.1 + 0.8*Phi(eta)": Link(
        lambda e: call("+", 0.1, call("*", 0.8, call("Phi", e))),
        lambda x: mp.mpf(0.1) + mp.mpf(0.8) * phi(x),
        (-3.0, 0.4),
    ),
}
POSITIVE = {
    "log": Link(lambda e: call("exp", e), mp.exp, EVERYWHERE),
    "identity": Link(lambda e: e, lambda x: x, (1e-6, 0.3, 2.5, 1e6)),
    "inverse": Link(lambda e: call("/", 1, e), lambda x: 1 / x, (0.02, 0.3, 2.5, 1e6)),
    "sqrt": Link(lambda e: call("^", e, 2), lambda x: x**2, (1e-3, -0.7, 2.5, 1e3)),
    "2*exp(eta)/3": Link(lambda e: call("/", call("*", 2, call("exp", e)), 3), lambda x: 2 * mp.exp(x) / 3, MODERATE),
    "log(1 + exp(eta))": Link(
        lambda e: call("log", call("+", 1, call("exp", e))), lambda x: mp.log1p(mp.exp(x)), (-30.0, -1.0, 0.4, 30.0)
    ),
    "0.5 + eta^2": Link(lambda e: call("+", 0.5, call("^", e, 2)), lambda x: x**2 + 0.5, (-3.0, 0.0, 1.2)),
}
REAL = {
    "identity": Link(lambda e: e, lambda x: x, (-700.0, -1.3, 0.0, 2.1, 1e6)),
    "tanh": Link(lambda e: call("tanh", e), mp.tanh, (-1.3, 0.0, 2.1)),
    "logistic curve": Link(
        lambda e: call("/", 3, call("+", 1, call("exp", e))), lambda x: 3 / (1 + mp.exp(x)), (-2.0, 30.0)
    ),
}
SCALE = Link(lambda e: call("exp", e), mp.exp, (-6.0, -0.4, 0.0, 1.7, 20.0))
"""A parameter without an equation."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family: its arguments in the order of predictors, its density in digits, outcomes to try.

    `lead` is the argument whose links are varied; the rest have `SCALE`. `log_density` takes y, the arguments by name
    and known data.
    """

    links: Mapping[str, Link]
    lead: str
    rest: tuple[str, ...]
    log_density: Function
    outcomes: tuple[float, ...]
    known: Mapping[str, float] = field(default_factory=dict)
    is_count: bool = False


def log_binomial(y: Number, *, p: Number, size: Number) -> Number:
    choose = mp.loggamma(size + 1) - mp.loggamma(y + 1) - mp.loggamma(size - y + 1)
    return choose + (y * mp.log(p) if y else 0) + ((size - y) * mp.log(1 - p) if size != y else 0)


def log_poisson(y: Number, *, mean: Number) -> Number:
    return (y * mp.log(mean) if y else 0) - mean - mp.loggamma(y + 1)


def log_negative_binomial(y: Number, *, mean: Number, size: Number) -> Number:
    rising = mp.log(mp.rf(size, int(y))) if y < 100 else mp.loggamma(y + size) - mp.loggamma(size)
    return rising - mp.loggamma(y + 1) - size * mp.log1p(mean / size) + (y * mp.log(mean / (mean + size)) if y else 0)


def log_gamma(y: Number, *, shape: Number, mean: Number = None, rate: Number = None) -> Number:
    rate = shape / mean if rate is None else rate
    return shape * mp.log(rate) - mp.loggamma(shape) + (shape - 1) * mp.log(y) - rate * y


def log_student_t(y: Number, *, df: Number, mean: Number, scale: Number) -> Number:
    z = (y - mean) / scale
    gammas = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2)
    return gammas - mp.log(df * mp.pi) / 2 - mp.log(scale) - (df + 1) / 2 * mp.log1p(z**2 / df)


def log_normal(y: Number, *, mean: Number, sd: Number) -> Number:
    return -(((y - mean) / sd) ** 2) / 2 - mp.log(sd) - mp.log(2 * mp.pi) / 2


def log_inverse_gaussian(y: Number, *, mean: Number, shape: Number) -> Number:
    return mp.log(shape / (2 * mp.pi * mp.mpf(y) ** 3)) / 2 - shape * (y - mean) ** 2 / (2 * mean**2 * y)


def log_beta(y: Number, *, mean: Number, precision: Number) -> Number:
    a, b = mean * precision, (1 - mean) * precision
    gammas = mp.loggamma(precision) - mp.loggamma(a) - mp.loggamma(b)
    return gammas + (a - 1) * mp.log(y) + (b - 1) * mp.log1p(-mp.mpf(y))


def log_weibull(y: Number, *, shape: Number, scale: Number) -> Number:
    z = y / scale
    return mp.log(shape / scale) + (shape - 1) * mp.log(z) - z**shape


COUNTS = (0.0, 1.0, 3.0, 40.0, 1e6)
TIMES = (1e-3, 0.8, 3.0, 1e3)

FAMILIES = {
    "normal": Family(REAL, "mean", ("sd",), log_normal, (-1.5, 0.0, 2.2, 1e6)),
    "student_t": Family(REAL, "mean", ("scale", "df"), log_student_t, (-1.5, 0.0, 9.0)),
    "lognormal": Family(
        REAL,
        "meanlog",
        ("sdlog",),
        lambda y, *, meanlog, sdlog: log_normal(mp.log(y), mean=meanlog, sd=sdlog) - mp.log(y),
        TIMES,
    ),
    "bernoulli": Family(
        PROBABILITY, "p", (), lambda y, *, p: mp.log(p) if y else mp.log(1 - p), (0.0, 1.0), is_count=True
    ),
    "binomial": Family(PROBABILITY, "p", (), log_binomial, (0.0, 3.0, 7.0), {"size": 7.0}, is_count=True),
    "poisson": Family(POSITIVE, "mean", (), log_poisson, COUNTS, is_count=True),
    "negative_binomial": Family(POSITIVE, "mean", ("size",), log_negative_binomial, COUNTS, is_count=True),
    "gamma": Family(POSITIVE, "mean", ("shape",), log_gamma, TIMES),
    "gamma by rate": Family(POSITIVE, "rate", ("shape",), log_gamma, TIMES),
    "inverse_gaussian": Family(POSITIVE, "mean", ("shape",), log_inverse_gaussian, TIMES),
    "beta": Family(PROBABILITY, "mean", ("precision",), log_beta, (1e-4, 0.3, 0.99)),
    "exponential": Family(POSITIVE, "mean", (), lambda y, *, mean: -mp.log(mean) - y / mean, TIMES),
    "exponential by rate": Family(POSITIVE, "rate", (), lambda y, *, rate: mp.log(rate) - y * rate, TIMES),
    "weibull": Family(POSITIVE, "scale", ("shape",), log_weibull, TIMES),
}
"""Every family with one outcome by itself; ordered categories are apart."""


@cache
def family_density(name: str, link: str, wrappers: tuple[Wrapper, ...] = (), more: tuple[str, ...] = ()) -> RowDensity:
    """Return the density of a family by a link; wrappers' probabilities are further inputs, bounds known data."""
    family = FAMILIES[name]
    arguments = [(family.lead, family.links[link].expr(eta(0)))]
    arguments += [(rest, SCALE.expr(eta(k))) for k, rest in enumerate(family.rest, start=1)]
    arguments += [(known, ref(known)) for known in family.known]
    named = (family.lead, *family.rest, *more)
    inputs = tuple(Input(argument=argument, predictor=0 if k == 0 else None) for k, argument in enumerate(named))
    return row_density(name.split(maxsplit=1)[0], tuple(arguments), wrappers, inputs, tuple(family.known))


def exact(name: str, link: str, y: float) -> Function:
    """Return log f(y) as a function of the predictors, in digits."""
    family = FAMILIES[name]

    def log_density(*etas: Number) -> Number:
        lead, *rest = etas
        given = {family.lead: family.links[link].value(lead)}
        given |= {argument: mp.exp(x) for argument, x in zip(family.rest, rest, strict=True)}
        return family.log_density(y, **given, **family.known)

    return log_density


# -- wrappers ------------------------------------------------------------------------------------------------------


SURVIVAL: dict[str, Function] = {
    "normal": lambda y, *, mean, sd: phi((mean - y) / sd),
    "lognormal": lambda y, *, meanlog, sdlog: phi((meanlog - mp.log(y)) / sdlog),
    "exponential": lambda y, *, mean: mp.exp(-y / mean),
    "exponential by rate": lambda y, *, rate: mp.exp(-y * rate),
    "weibull": lambda y, *, shape, scale: mp.exp(-((y / scale) ** shape)),
}
"""P(Y > y), y > 0 where Y is, of the continuous families that may be truncated or censored."""


STEPS: dict[str, Function] = {
    "poisson": lambda j, *, mean: mean / (j + 1),
    "negative_binomial": lambda j, *, mean, size: mean / (mean + size) * (j + size) / (j + 1),
}
"""f(j + 1) / f(j) of the counts that may be truncated."""


def mass(family: Family, lower: float | None, upper: float | None, given: Mapping[str, Number]) -> Number:
    """Return P(lower <= Y <= upper)."""
    name = next(name for name, other in FAMILIES.items() if other is family)
    if family.is_count:
        low = math.ceil(lower) if lower is not None else 0
        if upper is None and given["mean"] > low:
            return 1 - mass(family, 0, low - 1, given)
        term, total, j = mp.exp(family.log_density(0, **given)), mp.mpf(0), 0
        while j <= (math.inf if upper is None else math.floor(upper)) and (j <= low or term > total * mp.eps):
            total += term if j >= low else 0
            term *= STEPS[name](j, **given)
            j += 1
        return total
    above = SURVIVAL[name](mp.mpf(upper), **given) if upper is not None else 0
    return (SURVIVAL[name](mp.mpf(lower), **given) if lower is not None else 1) - above


def exact_wrapped(name: str, wrapper: str, y: float, lower: float | None, upper: float | None) -> Function:
    """Return log f(y) of a wrapped family by a log link (or its first), p of the wrapper the last predictor's logit."""
    family = FAMILIES[name]
    link = next(iter(family.links.values()))

    def log_density(*etas: Number) -> Number:
        values = [link.value(etas[0]), *(mp.exp(x) for x in etas[1 : 1 + len(family.rest)])]
        given = dict(zip((family.lead, *family.rest), values, strict=True))
        if wrapper in ("truncated", "censored"):
            if wrapper == "truncated":
                return family.log_density(y, **given, **family.known) - mp.log(mass(family, lower, upper, given))
            if lower is not None and y <= lower:
                return mp.log(mass(family, None, lower, given))
            if upper is not None and y >= upper:
                return mp.log(mass(family, upper, None, given))
            return family.log_density(y, **given, **family.known)
        p = 1 / (1 + mp.exp(-etas[-1]))
        at_zero = mp.exp(family.log_density(0, **given, **family.known)) if family.is_count else mp.mpf(0)
        if wrapper == "zero_inflated":
            if y == 0:
                return mp.log(p + (1 - p) * at_zero)
            return mp.log(1 - p) + family.log_density(y, **given, **family.known)
        if y == 0:
            return mp.log(p)
        return mp.log(1 - p) + family.log_density(y, **given, **family.known) - mp.log(1 - at_zero)

    return log_density


# -- derivatives ---------------------------------------------------------------------------------------------------

STENCILS: dict[int, tuple[tuple[int, float], ...]] = {
    0: ((0, 1.0),),
    1: ((1, 0.5), (-1, -0.5)),
    2: ((1, 1.0), (0, -2.0), (-1, 1.0)),
    3: ((2, 0.5), (1, -1.0), (-1, 1.0), (-2, -0.5)),
}


def orders(k: int) -> list[tuple[int, ...]]:
    """Return how often each input is differentiated in the value, first, second and third derivatives."""
    sets: list[tuple[int, ...]] = [(), *((a,) for a in range(k)), *pairs(k), *triples(k)]
    return [tuple(item.count(j) for j in range(k)) for item in sets]


def exact_derivatives(log_density: Function, etas: Sequence[float], digits: int) -> list[float]:
    """Return log f and its derivatives in the order of `orders`, by differences in arithmetic of many digits."""
    with mp.workdps(digits):
        steps = [mp.mpf(10) ** (-digits // 8) * (abs(x) or 1) for x in etas]
        at: dict[tuple[int, ...], Number] = {}

        def value(place: tuple[int, ...]) -> Number:
            if place not in at:
                at[place] = log_density(*(mp.mpf(x) + s * h for x, s, h in zip(etas, place, steps, strict=True)))
            return at[place]

        out = []
        for order in orders(len(etas)):
            parts = [STENCILS[n] for n in order]
            total = sum(mp.fprod(c for _, c in p) * value(tuple(s for s, _ in p)) for p in itertools.product(*parts))
            out.append(mp.re(total / mp.fprod(h**n for h, n in zip(steps, order, strict=True))))
        return [float(v) if abs(v) < 1.7e308 else float("inf") for v in out]
