"""Row densities of every family by every link, and of every wrapper, against arithmetic of many digits."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate, evaluate_density, evaluate_natural
from hdsl.composite.density import UnsupportedDensity, Wrapper, row_density
from hdsl.composite.density_families import FAMILIES as TABLE
from hdsl.families import DISTRIBUTIONS
from hdsl.form.density import Input, RowDensity
from hdsl.form.expr import Num
from tests.unit.composite.densities import (
    FAMILIES,
    SURVIVAL,
    call,
    eta,
    exact,
    exact_derivatives,
    exact_wrapped,
    family_density,
    orders,
    phi,
    ref,
)

ALL = [(name, link) for name, family in FAMILIES.items() for link in family.links]
REST = ((0.3, 1.2), (-6.0, -3.0), (20.0, 18.0))
"""Logs of a family's further parameters: moderate, tiny, huge."""


def derivatives(density: RowDensity, values: dict[str, float]) -> list[float]:
    found = evaluate_density(density, values)
    return [found.value[0], *found.first[:, 0], *found.second[:, 0], *found.third[:, 0]]


def digits(x: float) -> int:
    """Return how many digits a probability has that differs from 0 or 1 by as little as links make it at x."""
    return 60 if 0.01 < abs(x) < 5.5 else 700


def check(density: RowDensity, values: dict[str, float], want: list[float]) -> None:
    """Compare value and derivatives, relative to them and to the count or shape, where terms of that size cancel."""
    if not math.isfinite(want[0]):
        assert not math.isfinite(derivatives(density, values)[0])
        return
    size = max(1.0, abs(values["y"]), *(math.exp(min(x, 20.0)) for key, x in values.items() if key in ("eta1", "eta2")))
    for order, g, w in zip(orders(len(density.inputs)), derivatives(density, values), want, strict=True):
        if math.isfinite(w):
            assert abs(g - w) <= 1e-8 * abs(w) + 1e-11 * size, (values, order, g, w)


def test_the_table_has_every_outcome_of_the_language() -> None:
    outcomes = {name for name, row in DISTRIBUTIONS.items() if "outcome" in row.uses}
    assert outcomes - set(TABLE) == {"mvnormal", "categorical"}
    assert {name.split()[0] for name in FAMILIES} == set(TABLE) - {"ordered_logit", "ordered_probit"}


@pytest.mark.parametrize(("name", "link"), ALL)
def test_value_and_derivatives(name: str, link: str) -> None:
    family = FAMILIES[name]
    density = family_density(name, link)
    rest = [values[: len(family.rest)] for values in (REST if family.rest else REST[:1])]
    for x, y, others in itertools.product(family.links[link].points, family.outcomes, rest):
        if abs(x) > 50 and others != rest[0]:
            continue
        etas = (x, *others)
        want = exact_derivatives(exact(name, link, y), etas, digits(x))
        check(density, {"y": y, **family.known, **{f"eta{k}": e for k, e in enumerate(etas)}}, want)


# -- ordered categories --------------------------------------------------------------------------------------------

BOUNDS = (
    (1.3, -0.4),
    (0.5, 0.499),
    (-8.0, -9.5),
    (9.5, 8.0),
    (-40.0, -40.5),
    (36.0, -36.0),
    (6.0, -5.0),
    (np.inf, 2.0),
    (np.inf, -37.0),
    (np.inf, 30.0),
    (-2.0, -np.inf),
    (-37.0, -np.inf),
    (30.0, -np.inf),
)


def ordered(name: str) -> RowDensity:
    inputs = tuple(Input(argument=f"{side} threshold", predictor=0, sign=-1.0) for side in ("upper", "lower"))
    return row_density(name, (("upper", eta(0)), ("lower", eta(1))), (), inputs, ())


@pytest.mark.parametrize("name", ["ordered_logit", "ordered_probit"])
@pytest.mark.parametrize(("upper", "lower"), BOUNDS)
def test_ordered(name: str, upper: float, lower: float) -> None:
    import mpmath as mp

    def below(x: float) -> float:
        if abs(x) == mp.inf:
            return mp.mpf(x > 0)
        return 1 / (1 + mp.exp(-x)) if name == "ordered_logit" else phi(x)

    finite = [x for x in (upper, lower) if math.isfinite(x)]

    def log_density(*etas: float) -> float:
        given = iter(etas)
        a, b = (next(given) if math.isfinite(x) else mp.mpf(x) for x in (upper, lower))
        return mp.log(below(a) - below(b))

    want = exact_derivatives(log_density, finite, 700)
    got = dict(zip(orders(2), derivatives(ordered(name), {"y": 1.0, "eta0": upper, "eta1": lower}), strict=True))
    side = 0 if math.isfinite(upper) else 1
    for order, w in zip(orders(len(finite)), want, strict=True):
        whole = order if len(finite) == 2 else ((order[0], 0) if side == 0 else (0, order[0]))
        g = got.pop(whole)
        assert abs(g - w) <= 1e-8 * (abs(w) + 1e-6), (whole, g, w)
    assert all(v == 0.0 for v in got.values()), "an infinite bound has no derivative"


@pytest.mark.parametrize("name", ["ordered_logit", "ordered_probit"])
def test_categories_sum_to_one(name: str) -> None:
    cuts = np.array([-np.inf, -1.0, 0.2, 3.0, np.inf])
    for predictor in (-800.0, -2.0, 0.0, 5.0, 800.0):
        found = evaluate_density(
            ordered(name), {"y": np.arange(4.0), "eta0": cuts[1:] - predictor, "eta1": cuts[:-1] - predictor}
        )
        assert np.exp(found.value).sum() == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("name", ["ordered_logit", "ordered_probit"])
def test_crossed_thresholds_have_no_density(name: str) -> None:
    assert derivatives(ordered(name), {"y": 1.0, "eta0": 0.0, "eta1": 0.5})[0] == -np.inf


# -- wrappers ------------------------------------------------------------------------------------------------------

BOUNDED = {
    "normal": (-0.7, 1.9),
    "lognormal": (0.4, 3.5),
    "exponential": (0.4, 3.5),
    "weibull": (0.4, 3.5),
    "exponential by rate": (0.4, 3.5),
    "poisson": (2.0, 6.0),
    "negative_binomial": (2.0, 6.0),
}
"""Families with a bound, and bounds for them."""
ZEROS = [name for name, family in FAMILIES.items() if name not in ("normal", "student_t")]
SETS = {"truncated": list(BOUNDED), "censored": list(SURVIVAL), "zero_inflated": ZEROS, "hurdle": ZEROS}
"""Families that each wrapper goes around."""


def wrapped_density(name: str, wrapper: str, lower: float | None = None, upper: float | None = None) -> RowDensity:
    """Return a wrapped family by its first link; bounds that are numbers stand in it, NaN means that they are data."""
    family = FAMILIES[name]
    link = next(iter(family.links))
    if wrapper in ("zero_inflated", "hurdle"):
        p = ("p", call("invlogit", eta(1 + len(family.rest))))
        return family_density(name, link, (Wrapper(name=wrapper, arguments=(p,)),), ("p",))
    bounds = [(side, v) for side, v in (("lower", lower), ("upper", upper)) if v is not None]
    exprs = tuple((side, ref(side) if math.isnan(v) else Num(value=v)) for side, v in bounds)
    return family_density(name, link, (Wrapper(name=wrapper, arguments=exprs),))


@pytest.mark.parametrize(("wrapper", "name"), list(itertools.product(SETS, FAMILIES)))
def test_which_wrappers_there_are(wrapper: str, name: str) -> None:
    bounds = (0.4, 3.5) if wrapper in ("truncated", "censored") else (None, None)
    if name in SETS[wrapper]:
        assert wrapped_density(name, wrapper, *bounds).distribution == f"{wrapper}({name.split(maxsplit=1)[0]})"
        return
    with pytest.raises(UnsupportedDensity) as caught:
        wrapped_density(name, wrapper, *bounds)
    assert caught.value.feature == f"`{wrapper}` around `{name.split(maxsplit=1)[0]}`"


@pytest.mark.parametrize("wrapper", ["zero_inflated", "hurdle"])
@pytest.mark.parametrize("name", ZEROS)
def test_zeros(name: str, wrapper: str) -> None:
    family = FAMILIES[name]
    density = wrapped_density(name, wrapper)
    outcomes = sorted({0.0, *family.outcomes[1:3]})
    for lead, p, y in itertools.product((-30.0, 1.3), (-20.0, 0.4), outcomes):
        etas = (lead, *REST[0][: len(family.rest)], p)
        want = exact_derivatives(exact_wrapped(name, wrapper, y, None, None), etas, 80)
        check(density, {"y": y, **family.known, **{f"eta{k}": e for k, e in enumerate(etas)}}, want)


@pytest.mark.parametrize(("wrapper", "name"), [(w, name) for w in ("truncated", "censored") for name in SETS[w]])
@pytest.mark.parametrize("sides", ["lower", "upper", "both", "neither"])
def test_bounds(name: str, wrapper: str, sides: str) -> None:
    family = FAMILIES[name]
    lower = BOUNDED[name][0] if sides in ("lower", "both") else None
    upper = BOUNDED[name][1] if sides in ("upper", "both") else None
    as_data = wrapped_density(name, wrapper, math.nan, math.nan)
    as_numbers = wrapped_density(name, wrapper, lower, upper)
    outcomes = (3.0, 5.0) if family.is_count else (1.1, *BOUNDED[name])
    if wrapper == "censored":
        outcomes = (*outcomes, 0.1, 7.0)
    for lead, y in itertools.product((-3.0, 0.4, 2.5), outcomes):
        etas = (lead, *REST[0][: len(family.rest)])
        want = exact_derivatives(exact_wrapped(name, wrapper, y, lower, upper), etas, 120)
        values = {"y": y, **family.known, **{f"eta{k}": e for k, e in enumerate(etas)}}
        check(as_numbers, values, want)
        check(as_data, values | {"lower": lower or math.nan, "upper": upper or math.nan}, want)


@pytest.mark.parametrize(
    ("name", "lower"), [("poisson", 1.0), ("negative_binomial", 1.0), ("poisson", 40.0), ("negative_binomial", 40.0)]
)
@pytest.mark.parametrize("lead", [-700.0, -30.0, 0.5, 3.0, 5.5])
def test_counts_from_a_bound_on(name: str, lower: float, lead: float) -> None:
    etas = (lead, *REST[0][: len(FAMILIES[name].rest)])
    want = exact_derivatives(exact_wrapped(name, "truncated", lower + 1.0, lower, None), etas, 100)
    values = {"y": lower + 1.0, **{f"eta{k}": e for k, e in enumerate(etas)}}
    for density in (wrapped_density(name, "truncated", lower), wrapped_density(name, "truncated", math.nan)):
        check(density, values | {"lower": lower}, want)


# -- invariants ----------------------------------------------------------------------------------------------------


EVERY = [("", name, link) for name, link in ALL] + [(w, name, "") for w, names in SETS.items() for name in names]
"""Wrapper or nothing, family, and a link where there is no wrapper."""
every = pytest.mark.parametrize(("wrapper", "name", "link"), EVERY)


def density_of(wrapper: str, name: str, link: str) -> RowDensity:
    if not wrapper:
        return family_density(name, link)
    bounds = (math.nan, math.nan) if wrapper in ("truncated", "censored") else (None, None)
    return wrapped_density(name, wrapper, *bounds)


@every
def test_cases_are_disjoint_and_exhaustive(wrapper: str, name: str, link: str) -> None:
    density = density_of(wrapper, name, link)
    bounds = (math.nan, -math.inf, -1.0, 0.0, 1.0, 3.0, math.inf)
    y, lower, upper = np.array(list(itertools.product((-1.0, 0.0, 0.5, 1.0, 4.0), bounds, bounds))).T
    y, lower, upper = (v[~(lower > upper)] for v in (y, lower, upper))
    holds = np.zeros(len(y))
    for case in density.cases:
        holds += 1.0 if case.holds is None else evaluate(case.holds, {"y": y, "lower": lower, "upper": upper})
    np.testing.assert_array_equal(holds, 1.0)


def total(density: RowDensity, name: str, values: dict[str, float]) -> float:
    """Return the probability of everything: a sum over counts; points and an integral by quadrature otherwise."""
    family = FAMILIES[name]
    lower, upper = values.get("lower", math.nan), values.get("upper", math.nan)
    if family.is_count:
        is_truncated = density.distribution.startswith("truncated")
        low = lower if is_truncated and lower > 0 else 0.0
        high = (
            upper if is_truncated and upper < 1e6 else family.known.get("size", 1.0 if name == "bernoulli" else 600.0)
        )
        return float(np.exp(evaluate_density(density, {**values, "y": np.arange(low, high + 1)}).value).sum())
    low, high = (-40.0, 40.0) if name in ("normal", "student_t") else (0.0, 1.0 if name == "beta" else np.inf)
    points: list[float] = []
    if "(" in density.distribution and density.distribution.startswith(("zero", "hurdle")):
        points.append(0.0)
    if density.distribution.startswith("censored"):
        points += [b for b in (lower, upper) if math.isfinite(b)]
    if density.distribution.startswith(("censored", "truncated")):
        low, high = float(np.fmax(low, lower)), float(np.fmin(high, upper))
    nodes, weights = quadrature(low, high)
    inner = float(np.exp(evaluate_density(density, {**values, "y": nodes}).value) @ weights)
    return inner + sum(float(np.exp(evaluate_density(density, {**values, "y": p}).value[0])) for p in points)


def quadrature(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights that bear ends at which a density grows without bound: a double exponential rule."""
    t = np.linspace(-4.5, 4.5, 4001)
    arm = np.pi / 2 * np.sinh(t)
    slope = (t[1] - t[0]) * np.pi / 2 * np.cosh(t)
    if high == np.inf:
        nodes, weights = low + np.exp(arm), slope * np.exp(arm)
    else:
        share = 1 / (1 + np.exp(-2 * arm))
        nodes, weights = low + (high - low) * share, 2 * slope * share * (1 - share) * (high - low)
    keep = (nodes > low) & (nodes < high) & (weights > 0)
    return nodes[keep], weights[keep]


@every
def test_everything_has_probability_one(wrapper: str, name: str, link: str) -> None:
    density, family = density_of(wrapper, name, link), FAMILIES[name]
    used = family.links[link] if link else next(iter(family.links.values()))
    lead = min(used.points, key=lambda x: abs(float(used.value(x)) - 0.5))
    further = {"df": 4.0, "p": 0.4}
    values = {"eta0": lead} | {
        f"eta{k}": further.get(item.argument, 0.7) for k, item in enumerate(density.inputs) if k > 0
    }
    bounds = [{}]
    if density.distribution.startswith(("truncated", "censored")):
        low, high = BOUNDED[name]
        bounds = [{"lower": a, "upper": b} for a in (low, math.nan) for b in (high, math.nan)]
    for given in bounds:
        assert total(density, name, values | dict(family.known) | given) == pytest.approx(1.0, abs=2e-6)


@every
def test_it_is_plain_records(wrapper: str, name: str, link: str) -> None:
    density = density_of(wrapper, name, link)
    assert pickle.loads(pickle.dumps(density)) == density  # noqa: S301
    assert json.loads(json.dumps(dataclasses.asdict(density)))["distribution"] == density.distribution
    for case in density.cases:
        assert len(case.first) == len(density.inputs)


def test_negative_binomial_of_a_huge_size_is_poisson() -> None:
    y = np.array([0.0, 1.0, 7.0, 1e6])
    eta0 = np.array([-2.0, 0.3, 2.0, 13.8])
    poisson = evaluate_density(family_density("poisson", "log"), {"y": y, "eta0": eta0})
    for size in (40.0, 200.0, 700.0):
        found = evaluate_density(family_density("negative_binomial", "log"), {"y": y, "eta0": eta0, "eta1": size})
        np.testing.assert_allclose(found.value, poisson.value, rtol=1e-9)
        np.testing.assert_allclose(found.first[0], poisson.first[0], rtol=1e-9)
        np.testing.assert_allclose(found.second[0], poisson.second[0], rtol=1e-9)
        assert np.abs(found.first[1]).max() < 1e-3 * np.exp(40.0 - size)


def test_natural_arguments_are_in_order() -> None:
    density = wrapped_density("negative_binomial", "zero_inflated")
    found = evaluate_natural(density, {"eta0": np.log(3.0), "eta1": np.log(0.5), "eta2": 0.0})
    assert [(name, float(value)) for name, value in found] == [
        ("mean", pytest.approx(3.0)),
        ("size", pytest.approx(0.5)),
        ("p", 0.5),
    ]


@every
def test_what_is_called_log_concave_is(wrapper: str, name: str, link: str) -> None:
    density = density_of(wrapper, name, link)
    if not density.is_log_concave:
        return
    family = FAMILIES[name]
    points = [x for x in (family.links[link] if link else next(iter(family.links.values()))).points if abs(x) < 50]
    generator = np.random.default_rng(3)
    n = 4000
    eta0 = generator.uniform(min(points), max(points), n)
    y = generator.choice([*family.outcomes, 2.0, 5.0], n)
    if name in ("beta",) or density.distribution.startswith("binomial"):
        y = generator.choice(list(family.outcomes), n)
    values = {
        "y": y,
        "eta0": eta0,
        "lower": generator.choice([0.5, np.nan], n),
        "upper": generator.choice([6.0, np.nan], n),
    }
    values |= {f"eta{k}": generator.normal(size=n) for k in range(1, len(density.inputs))}
    found = evaluate_density(density, values | dict(family.known))
    kept = np.isfinite(found.second[0])
    assert (found.second[0][kept] <= 1e-9 * (1 + np.abs(y[kept]))).all()
