"""Simulated-quantile residuals against the distribution functions that they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import kstest

import hdsl
from hdsl.results.quantiles import drawn_effects, quantile_residuals, uniformity

ONE_WAY = "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0, sd_j)\n"


def groups(seed, sizes, *, sd_j=1.0, noise=0.5):
    """Rows of a one-way layout with a covariate."""
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=len(j))
    y = 2.0 + rng.normal(0.0, sd_j, len(sizes))[j] + 0.7 * x + rng.normal(0.0, noise, len(j))
    return pd.DataFrame({"y": y, "x": x, "j": j})


def residuals(fit, level=None, n=400, seed=0):
    return quantile_residuals(fit.design, fit.outcome, fit.joint_covariance, level, n, seed)


def test_draws_given_the_data_have_the_modes_and_their_covariance():
    fit = hdsl.Model(ONE_WAY).fit(groups(1, [3, 5, 9]))
    rng = np.random.default_rng(0)
    drawn = np.array([drawn_effects(fit.design, fit.outcome, fit.joint_covariance, rng)[0][:, 0] for _ in range(2000)])
    s0, s1 = fit.params["sd"], fit.params["sd_j"]
    sds = 1.0 / np.sqrt(np.array([3, 5, 9]) / s0**2 + 1.0 / s1**2)
    np.testing.assert_allclose(drawn.mean(axis=0), fit.outcome.modes[0][:, 0], atol=4 * sds.max() / np.sqrt(2000))
    np.testing.assert_allclose(np.cov(drawn.T), np.diag(sds**2), atol=6 * sds.max() ** 2 / np.sqrt(2000))


def test_without_groups_they_are_the_distribution_function_of_the_rows():
    fit = hdsl.Model("y[i] ~ normal(b0 + b1*x[i], sd)").fit(groups(2, [40]))
    exact = ndtr(fit.residuals / fit.params["sd"])
    n = 2000
    np.testing.assert_allclose(residuals(fit, n=n).residual, exact, atol=4.5 * 0.5 / np.sqrt(n) + 1 / n)


def test_of_groups_they_are_that_of_the_groups_sums():
    data = groups(3, [4, 6, 10, 5, 5])
    fit = hdsl.Model(ONE_WAY).fit(data)
    sums = data.groupby("j").agg(n=("y", "size"), y=("y", "sum"), x=("x", "sum"))
    b, s0, s1 = fit.fixef, fit.params["sd"], fit.params["sd_j"]
    spread = np.sqrt(sums["n"] * s0**2 + sums["n"] ** 2 * s1**2)
    exact = ndtr((sums["y"] - b["b0"] * sums["n"] - b["b1"] * sums["x"]) / spread)
    n = 2000
    found = residuals(fit, ("j",), n)
    np.testing.assert_allclose(found.residual, exact, atol=4.5 * 0.5 / np.sqrt(n) + 1 / n)
    np.testing.assert_allclose(found.observed, sums["y"] / sums["n"])


def test_ties_are_broken_within_the_step_of_a_discrete_outcome():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=200)})
    data["y"] = (rng.random(200) < 1 / (1 + np.exp(-data["x"]))).astype(int)
    fit = hdsl.Model("y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i]").fit(data)
    found, p = residuals(fit, n=1000), fit.fitted
    slack = 4.5 * 0.5 / np.sqrt(1000)
    assert (found.residual[data["y"] == 0] <= 1 - p[data["y"] == 0] + slack).all()
    assert (found.residual[data["y"] == 1] >= 1 - p[data["y"] == 1] - slack).all()


def test_small_groups_leave_residuals_of_the_rows_uniform():
    """Given the modes they are not: modes take half of the error of a row with them."""
    fit = hdsl.Model(ONE_WAY).fit(groups(5, [2] * 250, sd_j=1.0, noise=1.0))
    assert np.std(ndtri(residuals(fit, n=400).residual)) == pytest.approx(1.0, abs=0.1)
    assert np.std(fit.residuals / fit.params["sd"]) < 0.87


@pytest.mark.parametrize("level", [None, ("j",)])
def test_a_wrong_distribution_shows(level):
    rng = np.random.default_rng(6)
    data = groups(6, [10] * 60, sd_j=0.0)
    data["y"] = data["y"] + (
        rng.exponential(1.0, 600) ** 2 if level is None else rng.exponential(1.0, 60)[data["j"]] ** 3
    )
    fit = hdsl.Model(ONE_WAY).fit(data)
    assert uniformity(residuals(fit, level, n=200).residual)[1] < 0.01


def test_the_same_seed_gives_the_same_residuals():
    fit = hdsl.Model(ONE_WAY).fit(groups(7, [5, 5, 5]))
    np.testing.assert_array_equal(residuals(fit, n=20).residual, residuals(fit, n=20).residual)
    assert (residuals(fit, n=20).residual != residuals(fit, n=20, seed=1).residual).any()


def test_uniformity_is_the_test_of_scipy():
    values = np.random.default_rng(8).random(300) ** 1.1
    expected = kstest(values, "uniform", method="asymp")
    distance, p = uniformity(values)
    assert distance == pytest.approx(expected.statistic)
    assert p == pytest.approx(expected.pvalue, rel=1e-6)
