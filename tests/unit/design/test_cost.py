"""The memory that the plan tells before a fit, against what the fit takes."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.design.cost import cost
from hdsl.design.describe import show_seconds

CROSSED = "y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h], sd)\nu[g] ~ normal(0, sd_g)\nv[h] ~ normal(0, sd_h)\n"
SLOPES = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i] + v0[h] + v1[h]*x[i], sd)
(u0[g], u1[g]) ~ mvnormal(0, O1)
(v0[h], v1[h]) ~ mvnormal(0, O2)
"""
NESTED = "index g = g in h\n" + CROSSED
BERNOULLI = """
z[i] ~ bernoulli(p[i])
logit(p[i]) = b0 + b1*x[i] + u[g] + v[h]
u[g] ~ normal(0, sd_g)
v[h] ~ normal(0, sd_h)
"""
ONE = "u[g] ~ normal(0, sd_g)\nlog(l[i]) = b0 + b1*x[i] + u[g]\nc[i] ~ poisson(l[i])\n"


def frame(n: int, fine: int, coarse: int, *, nested: bool = False, spread: float = 1.0) -> pd.DataFrame:
    """Return rows in crossed or nested groups; without spread their variances are at zero, or nearly."""
    rng = np.random.default_rng(4)
    g = np.concatenate((np.arange(fine), rng.integers(0, fine, n - fine)))
    h = rng.integers(0, coarse, fine)[g] if nested else rng.integers(0, coarse, n)
    x = rng.normal(size=n)
    effects = spread * (rng.normal(size=fine)[g] + rng.normal(size=coarse)[h])
    y = x + effects + rng.normal(size=n)
    z = (rng.random(n) < 1.0 / (1.0 + np.exp(-effects))).astype(int)
    return pd.DataFrame({"y": y, "x": x, "g": g, "h": h, "z": z, "c": rng.poisson(np.exp(0.5 * effects))})


NAMES = "abcdef"
"""Covariates of as many slopes."""

WIDE = (
    "y[i] ~ normal(b0 + u[g] + " + " + ".join(f"{k}{k}[g]*x{k}[i]" for k in NAMES) + ", sd_e)\n"
    "(u[g], " + ", ".join(f"{k}{k}[g]" for k in NAMES) + ") ~ mvnormal(0, O)\n"
)


def wide(n: int, groups: int) -> pd.DataFrame:
    """Return rows in groups, with a covariate for each of many slopes."""
    rng = np.random.default_rng(6)
    data = frame(n, groups, 10)
    for k in NAMES:
        data[f"x{k}"] = rng.normal(size=n)
        data["y"] += 0.5 * rng.normal(size=groups)[data["g"]] * data[f"x{k}"]
    return data


def measured(model: hdsl.Model, data: pd.DataFrame, crossed: str | None) -> float:
    """Return the peak of a fit in a process that has fitted the model before."""
    model.fit(data, crossed=crossed)
    gc.collect()
    tracemalloc.start()
    try:
        model.fit(data, crossed=crossed)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "data", "crossed"),
    [
        (NESTED, frame(200_000, 20_000, 500, nested=True), None),
        (CROSSED, frame(60_000, 6_000, 1_200), "exact"),
        (CROSSED, frame(200_000, 20_000, 4_000), "iterative"),
        (SLOPES, frame(30_000, 2_000, 300), "iterative"),
        (CROSSED, frame(60_000, 6_000, 1_200, spread=0.0), "exact"),
        (BERNOULLI, frame(30_000, 3_000, 600), None),
        (BERNOULLI, frame(30_000, 3_000, 600, spread=0.0), None),
        (ONE, frame(200_000, 2_000, 10), None),
        (WIDE, wide(60_000, 3_000), None),
    ],
)
def test_memory_is_enough_and_at_most_a_third_more(text, data, crossed):
    model = hdsl.Model(text)
    design = model.bind(data, crossed=crossed)
    expected, peak = cost(design.plan, design.arrays).memory, measured(model, data, crossed)
    assert peak <= expected <= 1.35 * peak


def test_the_plan_says_what_it_costs_and_why():
    model, data = hdsl.Model(CROSSED), frame(3_000, 300, 40)
    exact, iterative = (str(model.plan(data, crossed=crossed)) for crossed in (None, "iterative"))
    assert "factors a dense 40 x 40 matrix" in " ".join(exact.split())
    assert "solves for 18 random vectors of 40 columns" in " ".join(iterative.split())
    assert "solved by iterations" in iterative
    for text in (exact, iterative):
        assert "of memory, on top of the data" in " ".join(text.split())
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (266.0, "about 4.4 minutes"),
        (119.0, "about 120 s"),
        (0.95, "about 0.95 s"),
        (0.0123, "about 12 ms"),
        (1e-9, "less than 1 ms"),
        (9_000.0, "about 2.5 hours"),
        (4e6, "about 1,100 hours"),
    ],
)
def test_times_are_in_plain_units(seconds, words):
    assert show_seconds(seconds) == words


def told(plan: object) -> str:
    return " ".join(str(plan).split())


def test_the_method_that_is_asked_for_is_described():
    data = frame(3_000, 100, 10, nested=True)
    model = hdsl.Model(
        NESTED.replace("y[i] ~ normal(", "z[i] ~ bernoulli(p[i])\nlogit(p[i]) = ").replace(", sd)", "", 1)
    )
    laplace, agq = told(model.plan(data)), told(model.plan(data, "agq", nodes=5))
    assert "an evaluation, of several steps, takes about" in laplace
    assert "quadrature" not in laplace
    assert "with 5 nodes for each random effect, 25 for all 2 effects of a row" in agq
    assert "quadrature goes through 75,000 rows times nodes" in agq
    assert "4 parameters 8 of them" in agq
    assert "with 9 nodes" in told(model.plan(method="agq"))
    design = model.bind(data)
    assert cost(design.plan, design.arrays, 25).memory > cost(design.plan, design.arrays).memory
    assert "Restricted maximum likelihood" in told(hdsl.Model(NESTED).plan(data, "REML"))
    assert "Restricted" not in told(hdsl.Model(NESTED).plan(data))


def test_a_method_that_the_fit_refuses_is_refused():
    data = frame(3_000, 100, 10)
    with pytest.raises(hdsl.FitError, match="HM507"):
        hdsl.Model(CROSSED).plan(data, "agq")
    with pytest.raises(hdsl.FitError, match="HM507"):
        hdsl.Model(BERNOULLI).plan(data, nodes=5)
    with pytest.raises(hdsl.FitError, match="HM509"):
        hdsl.Model(ONE).plan(data, nodes=100_000)


def test_iterations_say_why():
    assert "Iterations were asked for." in told(hdsl.Model(CROSSED).plan(frame(3_000, 300, 40), crossed="iterative"))


def test_an_equation_of_the_spread_has_a_time():
    text = "u[g] ~ normal(0, t)\nlog(s[i]) = s0 + s1*x[i]\ny[i] ~ normal(b0 + b1*x[i] + u[g], s[i])\n"
    assert "it takes about" in told(hdsl.Model(text).plan(frame(3_000, 300, 40)))


def test_a_full_grid_is_found():
    g, h = np.repeat(np.arange(20), 15), np.tile(np.arange(15), 20)
    y = np.random.default_rng(1).normal(size=300)
    plan = str(
        hdsl.Model("y[i] ~ normal(b0 + u[g] + v[h], sd)\nu[g] ~ normal(0, s)\nv[h] ~ normal(0, t)\n").plan(
            pd.DataFrame({"y": y, "g": g, "h": h})
        )
    )
    assert "All 300 cells of the crossing occur, a full grid" in " ".join(plan.split())
