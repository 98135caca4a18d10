"""The memory that the plan tells before a fit, against what the fit takes."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.design.cost import cost

CROSSED = "y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h], sd)\nu[g] ~ normal(0, sd_g)\nv[h] ~ normal(0, sd_h)\n"
SLOPES = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i] + v0[h] + v1[h]*x[i], sd)
(u0[g], u1[g]) ~ mvnormal(0, O1)
(v0[h], v1[h]) ~ mvnormal(0, O2)
"""
NESTED = "index g = g in h\n" + CROSSED


def frame(n: int, fine: int, coarse: int, *, nested: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    g = np.concatenate((np.arange(fine), rng.integers(0, fine, n - fine)))
    h = rng.integers(0, coarse, fine)[g] if nested else rng.integers(0, coarse, n)
    x = rng.normal(size=n)
    y = x + rng.normal(size=fine)[g] + rng.normal(size=coarse)[h] + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "g": g, "h": h})


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
    ],
)
def test_memory_is_within_a_third(text, data, crossed):
    model = hdsl.Model(text)
    design = model.bind(data, crossed=crossed)
    expected = cost(design.plan, design.arrays).memory
    assert expected == pytest.approx(measured(model, data, crossed), rel=0.34)


def test_the_plan_says_what_it_costs_and_why():
    model, data = hdsl.Model(CROSSED), frame(3_000, 300, 40)
    exact, iterative = (str(model.plan(data, crossed=crossed)) for crossed in (None, "iterative"))
    assert "factors a dense 40 x 40 matrix" in " ".join(exact.split())
    assert "solves for 18 random vectors of 40 columns" in " ".join(iterative.split())
    assert "solved by iterations" in iterative
    for text in (exact, iterative):
        assert "of memory, on top of the data" in " ".join(text.split())
        assert max(map(len, text.splitlines())) <= 80


def test_a_full_grid_is_found():
    g, h = np.repeat(np.arange(20), 15), np.tile(np.arange(15), 20)
    y = np.random.default_rng(1).normal(size=300)
    plan = str(
        hdsl.Model("y[i] ~ normal(b0 + u[g] + v[h], sd)\nu[g] ~ normal(0, s)\nv[h] ~ normal(0, t)\n").plan(
            pd.DataFrame({"y": y, "g": g, "h": h})
        )
    )
    assert "All 300 cells of the crossing occur, a full grid" in " ".join(plan.split())
