"""Profile intervals of outcomes with a density: ends where the least deviance has risen by the quantile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.diagnostics import FitError

CUT = 3.841458820694124
"""95 % quantile of chi-squared with one degree of freedom."""

MODELS = {
    "ordered": (
        "y[i] ~ ordered_logit(eta[i], c)\neta[i] = b1*x[i] + u[g]\nu[g] ~ normal(0, sd_u)\n",
        lambda eta, rng: np.digitize(eta + rng.logistic(size=len(eta)), [-1.0, 0.5, 1.0]) + 1,
    ),
    "counts": (
        "y[i] ~ negative_binomial(m[i], size)\nlog(m[i]) = b0 + b1*x[i] + u[g]\nu[g] ~ normal(0, sd_u)\n",
        lambda eta, rng: rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, len(eta))),
    ),
    "spread": (
        "y[i] ~ normal(m[i], s[i])\nm[i] = b0 + b1*x[i] + u[g]\nlog(s[i]) = g0 + g1*x[i]\nu[g] ~ normal(0, sd_u)\n",
        lambda eta, rng: eta + rng.normal(size=len(eta)),
    ),
}


@pytest.fixture(scope="module", params=list(MODELS))
def fit(request):
    text, draw = MODELS[request.param]
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(15), 12)
    x = rng.normal(size=180)
    eta = 0.5 * x + rng.normal(0, 0.8, 15)[groups]
    return hdsl.Model(text).fit(pd.DataFrame({"g": groups, "x": x, "y": draw(eta, rng)}))


def test_every_end_is_where_the_deviance_has_risen(fit):
    bounds = fit.conf_int(method="profile")
    assert list(bounds.index) == list(fit.params.index)
    for name, (lower, upper) in bounds.iterrows():
        assert lower < fit.params[name] < upper, name
        ends = fit.profile(name, level=0.95, n=1)
        assert ends["value"].iloc[[0, -1]].tolist() == pytest.approx([lower, upper], rel=1e-3)
        assert ends["deviance"].iloc[[0, -1]].tolist() == pytest.approx([fit.deviance + CUT] * 2, abs=2e-3)
        assert ends["zeta"].abs().iloc[1] < 1e-3


def test_a_wider_level_is_a_wider_interval(fit):
    some = list(fit.params.index)[:2]
    narrow, wide = (fit.conf_int(level, method="profile", names=some) for level in (0.8, 0.99))
    assert list(narrow.index) == some
    assert (wide["lower"] < narrow["lower"]).all()
    assert (wide["upper"] > narrow["upper"]).all()


def test_wald_and_profile_are_near_where_the_likelihood_is_a_parabola(fit):
    wald, profile = (fit.conf_int(method=method, names=["b1"]).loc["b1"] for method in ("wald", "profile"))
    assert np.allclose(wald, profile, atol=0.15 * fit.bse["b1"])


def test_an_unknown_name_is_refused(fit):
    for ask in (lambda: fit.conf_int(names=["sd_uu"]), lambda: fit.profile("sd_uu")):
        with pytest.raises(FitError, match="did you mean") as caught:
            ask()
        assert caught.value.code == "HM510"
