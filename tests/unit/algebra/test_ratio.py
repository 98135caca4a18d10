"""Likelihood-ratio tests between fits: statistic, reference, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hdsl
from hdsl.algebra.ratio import mixture_tail
from hdsl.results import FittedModel

RNG = np.random.default_rng(11)
J = 25
DATA = pd.DataFrame({"j": np.repeat(np.arange(J), 8), "x": RNG.normal(size=8 * J), "z": RNG.normal(size=8 * J)})
EFFECTS = RNG.normal(size=(J, 2))[DATA["j"]] * [0.5, 0.2]
DATA["y"] = 1 + 0.3 * DATA["x"] + EFFECTS[:, 0] + EFFECTS[:, 1] * DATA["x"] + RNG.normal(size=8 * J)

POOLED = "y[i] ~ normal(b0 + b1*x[i], sd)\n"
INTERCEPTS = "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(m0, s0)\n"
WITH_Z = "y[i] ~ normal(b0[j] + b1*x[i] + b2*z[i], sd)\nb0[j] ~ normal(m0, s0)\n"
SLOPES = "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((m0, m1), Omega)\n"
ANOTHER = "y[i] ~ normal(b0[j] + b1*z[i], sd)\nb0[j] ~ normal(m0, s0)\n"


def fit(text: str, method: str = "ml", data: pd.DataFrame = DATA) -> FittedModel:
    return hdsl.Model(text).fit(data, method=method)


def test_a_coefficient() -> None:
    small, large = fit(INTERCEPTS), fit(WITH_Z)
    found = hdsl.compare(large, small)
    statistic = 2 * (large.loglik - small.loglik)
    assert found.table["chi2"].iloc[1] == pytest.approx(statistic)
    assert found.table["df"].iloc[1] == 1
    assert found.p == pytest.approx(stats.chi2.sf(statistic, 1))
    assert found.table["aic"].tolist() == pytest.approx([small.aic, large.aic])
    assert found.restrictions == (("b2 = 0",),)


def test_variances_have_mixtures() -> None:
    """One variance: half the tail of chi-squared(1); one with a covariance: chi-squared(1) and (2) in equal parts."""
    fits = [fit(text) for text in (POOLED, INTERCEPTS, SLOPES)]
    table = hdsl.compare(*fits).table
    first, second = (2 * (b.loglik - a.loglik) for a, b in pairwise(fits))
    assert table["p"].iloc[1] == pytest.approx(stats.chi2.sf(first, 1) / 2)
    assert table["p"].iloc[2] == pytest.approx((stats.chi2.sf(second, 1) + stats.chi2.sf(second, 2)) / 2)
    both = hdsl.compare(fits[0], fits[2])
    assert both.p == pytest.approx(stats.chi2.sf(first + second, 3))
    assert "conservative" in str(both)


def test_a_variance_that_is_estimated_at_zero_has_p_one() -> None:
    data = DATA.assign(y=DATA["z"] - DATA.groupby("j")["z"].transform("mean"))
    found = hdsl.compare(fit(POOLED, data=data), fit(INTERCEPTS, data=data))
    assert found.table["chi2"].iloc[1] == pytest.approx(0.0, abs=1e-6)
    assert found.p > 0.49


def test_reml_for_random_parts() -> None:
    small, large = fit(INTERCEPTS, "reml"), fit(SLOPES, "reml")
    assert hdsl.compare(small, large).table["chi2"].iloc[1] == pytest.approx(small.deviance - large.deviance)


def test_mixture_tail() -> None:
    half = ((0.5, 0), (0.5, 1))
    assert mixture_tail(0.0, half) == 1.0
    assert mixture_tail(2.7055, half) == pytest.approx(0.05, abs=1e-5)


REFUSED = {
    "REML of other fixed parts": (lambda: (fit(INTERCEPTS, "reml"), fit(WITH_Z, "reml")), "fixed parts differ"),
    "ML and REML": (lambda: (fit(INTERCEPTS), fit(SLOPES, "reml")), "one fit is by ML, the other by REML"),
    "not nested": (lambda: (fit(INTERCEPTS), fit(ANOTHER)), "not nested"),
    "other rows": (lambda: (fit(INTERCEPTS), fit(WITH_Z, data=DATA.assign(z=DATA["z"].where(DATA["z"] > -2)))), "rows"),
    "other outcome": (lambda: (fit(INTERCEPTS), fit(WITH_Z, data=DATA.assign(y=DATA["y"] + DATA["z"]))), "rows"),
    "the same": (lambda: (fit(INTERCEPTS), fit(INTERCEPTS)), "the same"),
    "one": (lambda: (fit(INTERCEPTS),), "two fits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_comparable_is_refused(name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(hdsl.FitError, match="HM510") as caught:
        hdsl.compare(*make())
    assert words in str(caught.value)


def test_it_prints() -> None:
    text = str(hdsl.compare(fit(INTERCEPTS), fit(SLOPES)))
    assert "model 1 is model 2 with sd(b1[j]) = 0" in text
    assert "half chi-squared(1), half chi-squared(2)" in text


def test_other_outcomes() -> None:
    """Without a random part the likelihood is exact, and so may be compared with Laplace's approximation of others."""
    data = DATA.assign(y=(DATA["y"] + 2 * EFFECTS[:, 0] > 1).astype(int))
    line = "y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0{} + b1*x[i]\n"
    pooled, varying = fit_of(line.format(""), data), fit_of(line.format("[j]") + "b0[j] ~ normal(m, s)\n", data)
    found = hdsl.compare(pooled, varying)
    statistic = 2 * (varying.loglik - pooled.loglik)
    assert found.p == pytest.approx(stats.chi2.sf(statistic, 1) / 2)
    nodes = hdsl.Model(line.format("[j]") + "b0[j] ~ normal(m, s)\n").fit(data, method="agq", nodes=5)
    with pytest.raises(hdsl.FitError, match="one fit is by LAPLACE, the other by AGQ"):
        hdsl.compare(varying, nodes)


def fit_of(text: str, data: pd.DataFrame) -> FittedModel:
    return hdsl.Model(text).fit(data)
