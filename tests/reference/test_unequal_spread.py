"""Gaussian models with a standard deviation of each row, against nlme, glmmTMB and the formula of meta-analysis.

`make_unequal_spread.R` writes the estimates.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hdsl

REFERENCE: dict[str, Any] = json.loads(Path(__file__).with_name("unequal_spread.json").read_text(encoding="utf-8"))

CHILDREN = "index i = rows\nindex j = Subject\n"
MODELS = {
    "by_sex": (
        "orthodont",
        CHILDREN
        + "distance[i] ~ normal(b0 + u[j] + b1*age[i] + b2*female[i] + b3*age[i]*female[i], sd[Sex])\n"
        + "u[j] ~ normal(0, s)\nsd[Sex] ~ flat()\n",
    ),
    "slopes_by_sex": (
        "orthodont",
        CHILDREN
        + "distance[i] ~ normal(b0 + u[j] + (b1 + v[j])*age[i] + b2*female[i] + b3*age[i]*female[i], sd[Sex])\n"
        + "sd[Sex] ~ flat()\n(u[j], v[j]) ~ mvnormal((0, 0), Sigma)\n",
    ),
    "by_age": (
        "orthodont",
        CHILDREN
        + "distance[i] ~ normal(b0 + u[j] + (b1 + v[j])*age[i] + b2*female[i] + b3*age[i]*female[i], sd[i])\n"
        + "log(sd[i]) = g0 + g1*age[i]\n(u[j], v[j]) ~ mvnormal((0, 0), Sigma)\n",
    ),
    "crossed": (
        "penicillin",
        "index i = rows\nindex j = plate\nindex k = sample\n"
        "diameter[i] ~ normal(b0 + u[j] + v[k], sd[i])\nlog(sd[i]) = g0 + g1*late[i]\n"
        "u[j] ~ normal(0, s)\nv[k] ~ normal(0, t)\n",
    ),
    "nested": (
        "pastes",
        "index i = rows\nindex j = sample\nindex k = batch\n"
        "strength[i] ~ normal(b0 + a[j] + c[k], sd[i])\nlog(sd[i]) = g0 + g1*u[i]\n"
        "a[j] ~ normal(0, s)\nc[k] ~ normal(0, t)\n",
    ),
    "schools": ("schools", "y[i] ~ normal(theta[i], se[i])\ntheta[i] ~ normal(mu, tau)\n"),
}


def fitted(name: str, method: str) -> hdsl.FittedModel:
    data, text = MODELS[name]
    frame = pd.DataFrame(REFERENCE["data"][data])
    if data == "orthodont":
        frame["female"] = (frame["Sex"] == "Female").astype(float)
    return hdsl.Model(text).fit(frame, method=method)


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize("name", MODELS)
def test_estimates_agree(name: str, method: str) -> None:
    fit = fitted(name, method)
    expected = REFERENCE["fits"][f"{name}_{method.upper()}"]
    outcome = fit.outcome
    assert outcome.status != "not converged"
    better = -outcome.objective / 2.0 - expected["logLik"]
    assert -1e-5 < better < 1e-3, better  # the reference's optimizer may stop short
    fixef, se = np.atleast_1d(expected["fixef"]), np.atleast_1d(expected["se"])
    own = np.sqrt(np.diag(outcome.cov_beta))[: len(fixef)]
    assert np.abs(outcome.beta[: len(fixef)] - fixef).max() < 5e-3 * se.min()
    assert own == pytest.approx(se, rel=0.01)
    if "disp" in expected:
        halves = np.array(expected["disp"]) / 2.0  # glmmTMB models the variance
        assert outcome.beta[len(fixef) :] == pytest.approx(halves, abs=2e-3)


def test_schools_have_no_spread() -> None:
    outcome = fitted("schools", "reml").outcome
    assert outcome.sd[0][0] == 0.0
    assert outcome.status == "boundary"


@pytest.mark.parametrize("name", ["slopes_by_sex", "by_age"])
def test_satterthwaite(name: str) -> None:
    """The degrees of freedom of a coefficient between children lie below those of one within them."""
    fit = fitted(name, "reml")
    row = fit.test("b3 = 0", df="satterthwaite")
    assert 10.0 < row.df_denominator < 108.0
