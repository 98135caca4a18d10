"""Refits of further outcomes give what a fit of them gives, whatever the structure of the plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit import fit_gaussian
from hdsl.fit.refit import optimum_of, refitter

RNG = np.random.default_rng(20)
N = 240
DATA = pd.DataFrame(
    {
        "g": RNG.integers(0, 12, N),
        "h": RNG.integers(0, 9, N),
        "x": RNG.normal(3.0, 2.0, N),
        "c": RNG.integers(0, 3, N),
        "o": RNG.normal(size=N),
    }
)
DATA["k"] = DATA["g"] // 3
DATA["x2"] = 2.0 * DATA["x"]
DATA["y"] = 1.0 + 0.5 * DATA["x"] + RNG.normal(size=12)[DATA["g"]] + RNG.normal(size=9)[DATA["h"]] + RNG.normal(size=N)

MODELS = {
    "one level": "y[i] ~ normal(b0 + b1*x[i], sd)\n",
    "slopes": "y[i] ~ normal(b0[g] + b1[g]*x[i], sd)\n(b0[g], b1[g]) ~ mvnormal((m0, m1), Omega)\n",
    "no intercept": "y[i] ~ normal(b1*x[i] + u[g], sd)\nu[g] ~ normal(0, s)\n",
    "a set and an offset": "y[i] ~ normal(b0 + o[i] + a[c] + u[g], sd)\na[c] ~ flat()\nu[g] ~ normal(0, s)\n",
    "nested": "y[i] ~ normal(b0 + b1*x[i] + u[g] + v[k], sd)\nu[g] ~ normal(0, s)\nv[k] ~ normal(0, t)\n",
    "crossed": "y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h] + w[h]*x[i], sd)\nu[g] ~ normal(0, s)\n"
    "v[h] ~ normal(0, t)\nw[h] ~ normal(0, r)\n",
    "aliased": "y[i] ~ normal(b0 + b1*x[i] + b2*x2[i] + u[g], sd)\nu[g] ~ normal(0, s)\n",
    "tied": "y[i] ~ normal(b0 + b1*x[i] + u[g] + w[g]*x[i], sd)\nu[g] ~ normal(0, s)\nw[g] ~ normal(0, s)\n",
}


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize("name", MODELS)
def test_a_refit_is_a_fit(name: str, method: str) -> None:
    fit = hdsl.Model(MODELS[name]).fit(DATA, method=method)
    design, rng = fit.design, np.random.default_rng(3)
    again = refitter(design.plan, design.arrays, fit.outcome)
    for _ in range(3):
        y = fit.fitted.to_numpy() + rng.normal(0.0, 2.0, N)
        found = again.fit(y)
        expected = fit_gaussian(design.plan, replace(design.arrays, y=y), method=method)
        assert found.objective == pytest.approx(expected.objective, abs=1e-6, rel=0)
        assert found.beta == pytest.approx(expected.beta, rel=1e-5, abs=1e-6, nan_ok=True)
        assert found.sigma == pytest.approx(expected.sigma, rel=1e-5)
        assert np.concatenate(found.sd or [[]]) == pytest.approx(np.concatenate(expected.sd or [[]]), abs=1e-3)


def test_most_of_the_outcome_may_be_fitted() -> None:
    """An outcome that X fits nearly: its least-squares fit is taken out of refits, too."""
    data = DATA.assign(y=1e4 * DATA["x"] + DATA["y"])
    fit = hdsl.Model(MODELS["slopes"]).fit(data)
    y = 1e4 * data["x"].to_numpy() + np.random.default_rng(1).normal(size=N)
    found = refitter(fit.design.plan, fit.design.arrays, fit.outcome).fit(y)
    expected = fit_gaussian(fit.design.plan, replace(fit.design.arrays, y=y), method="ml")
    assert found.objective == pytest.approx(expected.objective, abs=1e-5, rel=0)
    assert found.beta == pytest.approx(expected.beta, abs=1e-5)


def test_outcomes_that_no_fit_takes_are_refused() -> None:
    fit = hdsl.Model(MODELS["slopes"]).fit(DATA)
    again = refitter(fit.design.plan, fit.design.arrays, fit.outcome)
    y = fit.fitted.to_numpy()
    with pytest.raises(hdsl.FitError, match="HM506"):
        again.fit(np.where(np.arange(N) == 4, np.nan, y))
    with pytest.raises(hdsl.FitError, match="HM511"):
        again.fit(2.0 + 3.0 * DATA["x"].to_numpy())


@pytest.mark.parametrize("name", MODELS)
def test_the_optimum_again(name: str) -> None:
    fit = hdsl.Model(MODELS[name]).fit(DATA, method="reml")
    problem, at = optimum_of(fit.design.plan, fit.design.arrays, fit.outcome)
    assert problem.user_objective(at.profile) == pytest.approx(fit.deviance, abs=1e-9, rel=0)
