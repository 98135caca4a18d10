"""Moments from cross-products against those of the matrices that they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit.criterion import criterion
from hdsl.fit.moments import moments
from hdsl.fit.standardise import Columns, random_scale, standardise_fixed, standardise_outcome

NESTED = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i] + w0[k] + w1[k]*x[i] + z[r], sd)
(u0[g], u1[g]) ~ mvnormal(0, O1)
(w0[k], w1[k]) ~ mvnormal(0, O2)
z[r] ~ normal(0, sd_r)
"""
CROSSED = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i] + w0[h] + w1[h]*x[i] + v[l] + w[k], sd)
(u0[g], u1[g]) ~ mvnormal(0, O1)
(w0[h], w1[h]) ~ mvnormal(0, O2)
v[l] ~ normal(0, sd_l)
w[k] ~ normal(0, sd_w)
"""
MANY = """
y[i] ~ normal(b0 + b1*x[i] + u[many] + w[h] + v[l], sd)
u[many] ~ normal(0, sd_u)
w[h] ~ normal(0, sd_w)
v[l] ~ normal(0, sd_v)
"""


def frame(text: str) -> pd.DataFrame:
    """Return few groups, or for `MANY` so many that the cells of crossed factors are stored sparsely."""
    rng = np.random.default_rng(0)
    n, sizes = (2000, (15, 300, 200, 900)) if "[many]" in text else (120, (15, 6, 4, 70))
    g, h, plot, many = (rng.permutation(np.arange(n) % size) for size in sizes)
    codes = {"g": g, "k": g // 4, "r": g // 8, "h": h, "l": plot, "many": many}
    columns = {name: [f"{name}{code}" for code in values] for name, values in codes.items()}
    return pd.DataFrame({"y": rng.normal(size=n), "x": 2.0 + rng.normal(size=n), **columns})


@pytest.mark.parametrize("text", [NESTED, CROSSED, NESTED.replace("b0 + ", ""), MANY, MANY.replace("b0 + ", "")])
def test_moments_are_those_of_the_dense_matrices(text):
    design = hdsl.Model(text).bind(frame(text))
    plan, arrays = design.plan, design.arrays
    problem = criterion(plan, arrays, reml=False)
    X, y, Z = problem.emitted.columns(arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
    columns = Columns()
    standard, fixed = standardise_fixed(plan, X, columns)
    outcome = standardise_outcome(y, columns, centre=fixed.intercept is not None).values
    matrix, n = np.column_stack(standard), len(y)
    beta = np.linalg.lstsq(matrix, outcome, rcond=None)[0]
    error = outcome - matrix @ beta
    M = np.eye(n) - (1.0 / n if fixed.intercept is not None else 0.0)
    scaled = [random_scale(plan, f, z, columns)[0] for f, z in enumerate(Z)]
    found = moments(plan, problem.cross, beta, fixed.intercept)
    dense = []
    for f, c in found.effects:
        codes = arrays.groups[f]
        dense.append(np.zeros((n, codes.max() + 1)))
        dense[-1][np.arange(n), codes] = scaled[f][c]
    np.testing.assert_allclose(found.squares, [[((a.T @ M @ b) ** 2).sum() for b in dense] for a in dense], atol=1e-9)
    np.testing.assert_allclose(found.traces, [np.trace(a.T @ M @ a) for a in dense])
    np.testing.assert_allclose(found.fits, [((a.T @ error) ** 2).sum() for a in dense])
    assert found.rss == pytest.approx(error @ error)


def test_every_kind_of_plan_is_met():
    plans = [hdsl.Model(text).bind(frame(text)).plan for text in (NESTED, CROSSED, MANY)]
    assert [len(plan.chain) for plan in plans] == [3, 2, 1]
    assert {plan.crossing for plan in plans} == {"none", "dense", "sparse"}
