"""Large forward sweeps: one is kept whichever points a search remembers, and others are made again."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

import hdsl
import hdsl.fit.criterion
import hdsl.fit.laplace
import hdsl.runtime.root
from hdsl.runtime.root import factorise, root_covariance, root_information

TEXT = "y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h], sd)\nu[g] ~ normal(0, sd_g)\nv[h] ~ normal(0, sd_h)\n"


def crossed(*, n: int, fine: int, coarse: int, spread: float) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    g, h, x = rng.integers(0, fine, n), rng.integers(0, coarse, n), rng.normal(size=n)
    y = x + spread * (rng.normal(size=fine)[g] + rng.normal(size=coarse)[h]) + rng.normal(size=n)
    data = pd.DataFrame({"y": y, "x": x, "g": g, "h": h})
    if not spread:  # less between the groups than chance gives: variances of zero
        data["y"] -= 0.9 * (data.groupby("g").y.transform("mean") + data.groupby("h").y.transform("mean"))
    return data


@pytest.mark.parametrize("limit", ["LARGE", "MANY_GROUPS"])
@pytest.mark.parametrize("spread", [0.6, 0.0])
def test_a_sweep_that_is_made_again_changes_nothing(spread, limit, monkeypatch):
    data = crossed(n=900, fine=80, coarse=30, spread=spread)
    kept = hdsl.Model(TEXT).fit(data)
    monkeypatch.setattr(hdsl.fit.criterion, limit, 1)
    again = hdsl.Model(TEXT).fit(data)
    assert again.outcome.n_evaluations == kept.outcome.n_evaluations
    assert again.outcome.objective == kept.outcome.objective
    for one, other in zip(again.outcome.modes, kept.outcome.modes, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(again.outcome.mode_cov, kept.outcome.mode_cov, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again.outcome.variance_cov, kept.outcome.variance_cov)


@pytest.mark.parametrize("spread", [1.5, 0.0])
def test_matrices_of_a_mode_that_are_made_again_change_nothing(spread, monkeypatch):
    data = crossed(n=900, fine=80, coarse=30, spread=spread)
    data["z"] = (data["y"] > 0.0).astype(int)
    text = TEXT.replace("y[i] ~ normal(", "z[i] ~ bernoulli(p[i])\nlogit(p[i]) = ").replace(", sd)\nu", "\nu", 1)
    kept = hdsl.Model(text).fit(data)
    monkeypatch.setattr(hdsl.fit.laplace, "LARGE", 1)
    monkeypatch.setattr(hdsl.fit.laplace, "MANY_ROWS", 1)
    again = hdsl.Model(text).fit(data)
    assert again.outcome.n_evaluations == kept.outcome.n_evaluations
    assert again.outcome.objective == pytest.approx(kept.outcome.objective, rel=1e-12)
    for one, other in zip(again.outcome.mode_cov, kept.outcome.mode_cov, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(again.outcome.cov_beta, kept.outcome.cov_beta, rtol=1e-6)
    np.testing.assert_allclose(again.outcome.variance_cov, kept.outcome.variance_cov, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("spread", [0.6, 0.0])
def test_a_search_holds_the_matrices_of_one_point(spread):
    columns = 1_100
    data = crossed(n=4_000, fine=2_500, coarse=columns, spread=spread)
    model = hdsl.Model(TEXT)
    design = model.bind(data)
    assert sum(design.plan.sizes.n_levels[f] for f in design.plan.dense) >= hdsl.fit.criterion.LARGE
    model.fit(data)
    tracemalloc.start()
    try:
        fit = model.fit(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ("boundary" in fit.outcome.status) == (spread == 0.0)
    assert peak < 6.5 * 8.0 * columns**2


def test_information_without_variance_is_the_same_by_parts(monkeypatch):
    rng = np.random.default_rng(3)
    A = rng.normal(size=(60, 40))
    C, X, cov_X = A.T @ A, rng.normal(size=(40, 2)), np.eye(2)
    factors = ((np.array([[0.7, 0.0], [0.2, 0.0]]), 11), (np.zeros((1, 1)), 18))
    root = factorise(C, X, factors)
    _, inv = root_covariance(root, factors, X, cov_X)
    whole = root_information(C, root, inv, factors, X, cov_X)
    monkeypatch.setattr(hdsl.runtime.root, "SOLVED_AT_ONCE", 4)
    for part, other in zip(root_information(C, root, inv, factors, X, cov_X), whole, strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-12)
    Lambda = np.zeros((40, 40))
    Lambda[:22, :22], Lambda[22:, 22:] = np.kron(factors[0][0], np.eye(11)), 0.0
    inverse = C - C @ Lambda @ np.linalg.inv(np.eye(40) + Lambda.T @ C @ Lambda) @ Lambda.T @ C
    V = X - C @ Lambda @ np.linalg.inv(np.eye(40) + Lambda.T @ C @ Lambda) @ Lambda.T @ X
    P = inverse - V @ cov_X @ V.T
    assert whole[1][0, 0] == pytest.approx(np.trace(P[22:, 22:]))
    assert whole[0][0, 1] == pytest.approx(np.trace(P[:11, 11:22]))
