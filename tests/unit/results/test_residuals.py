"""Residuals of each kind, against their formulas and against SciPy's distributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hdsl
from hdsl.diagnostics import FitError
from hdsl.results.residuals import VARIANCES

SHAPES = {
    "normal": (stats.norm(1.0, 0.7), {"mean": 1.0, "sd": 0.7}),
    "student_t": (stats.t(5.0, 1.0, 0.7), {"df": 5.0, "mean": 1.0, "scale": 0.7}),
    "lognormal": (stats.lognorm(0.6, scale=np.exp(0.3)), {"meanlog": 0.3, "sdlog": 0.6}),
    "bernoulli": (stats.bernoulli(0.3), {"p": 0.3}),
    "poisson": (stats.poisson(2.5), {"mean": 2.5}),
    "negative_binomial": (stats.nbinom(1.5, 1.5 / 4.0), {"mean": 2.5, "size": 1.5}),
    "gamma": (stats.gamma(3.0, scale=2.0 / 3.0), {"mean": 2.0, "shape": 3.0}),
    "inverse_gaussian": (stats.invgauss(2.0 / 3.0, scale=3.0), {"mean": 2.0, "shape": 3.0}),
    "beta": (stats.beta(0.3 * 5, 0.7 * 5), {"mean": 0.3, "precision": 5.0}),
    "exponential": (stats.expon(scale=2.0), {"mean": 2.0}),
    "weibull": (stats.weibull_min(1.7, scale=2.0), {"shape": 1.7, "scale": 2.0}),
}


class TestVariances:
    @pytest.mark.parametrize("name", sorted(VARIANCES))
    def test_each_distribution(self, name):
        if name == "binomial":  # of a share
            assert VARIANCES[name]({"p": np.array(0.3), "size": np.array(7.0)}) == pytest.approx(0.3 * 0.7 / 7)
            return
        scipys, arguments = SHAPES[name]
        found = VARIANCES[name]({key: np.array(value) for key, value in arguments.items()})
        assert found == pytest.approx(scipys.var())

    def test_by_a_rate(self):
        a = {"shape": np.array(3.0), "rate": np.array(1.5)}
        assert VARIANCES["gamma"](a) == pytest.approx(stats.gamma(3.0, scale=1 / 1.5).var())
        assert VARIANCES["exponential"]({"rate": np.array(0.5)}) == pytest.approx(4.0)


class TestGaussian:
    def test_kinds(self, casks):
        assert casks.residuals_of("response").tolist() == casks.residuals.tolist()
        assert casks.residuals_of("pearson").tolist() == (casks.residuals / 2.0).tolist()
        assert casks.residuals_of("deviance").tolist() == (casks.residuals / 2.0).tolist()
        assert casks.residuals_of("pearson").index.tolist() == [0, 1, 2, 4, 5, 7]

    def test_another_kind_is_refused(self, casks):
        with pytest.raises(FitError, match="working") as caught:
            casks.residuals_of("working")
        assert caught.value.code == "HM510"


@pytest.fixture(scope="module")
def rows():
    """Rows without groups, on which a generalised linear model is fitted elsewhere."""
    rng = np.random.default_rng(5)
    n = 120
    frame = pd.DataFrame({"x": rng.normal(size=n), "size": rng.integers(1, 9, n), "g": rng.integers(0, 6, n)})
    mean = np.exp(0.4 + 0.5 * frame["x"])
    p = 1 / (1 + np.exp(-0.2 - frame["x"]))
    return frame.assign(
        count=rng.poisson(mean),
        yes=rng.binomial(1, p),
        wins=rng.binomial(frame["size"], p),
        time=rng.gamma(2, mean / 2),
    )


GLMS = {
    "poisson": ("count[i] ~ poisson(m[i])\nlog(m[i]) = b0 + b1*x[i]\n", "count", "Poisson"),
    "bernoulli": ("yes[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i]\n", "yes", "Binomial"),
    "binomial": ("wins[i] ~ binomial(size[i], p[i])\nlogit(p[i]) = b0 + b1*x[i]\n", "wins", "Binomial"),
}


class TestGeneralised:
    @pytest.mark.parametrize("name", GLMS)
    @pytest.mark.parametrize("kind", ["response", "pearson", "deviance"])
    def test_those_of_statsmodels(self, rows, name, kind):
        sm = pytest.importorskip("statsmodels.api")
        text, outcome, family = GLMS[name]
        fit = hdsl.Model(text).fit(rows)
        y = rows[outcome]
        endog = np.column_stack([y, rows["size"] - y]) if name == "binomial" else y
        theirs = sm.GLM(endog, sm.add_constant(rows["x"]), family=getattr(sm.families, family)()).fit(tol=1e-12)
        assert fit.loglik == pytest.approx(theirs.llf, abs=1e-7)
        found = fit.residuals_of(kind)
        if (name, kind) == ("binomial", "response"):
            found = found * rows["size"]  # theirs is of the count; ours, as in R, of the share
        assert np.allclose(found, getattr(theirs, f"resid_{kind}"), atol=1e-6)

    def test_random_effects_are_in_the_mean(self, rows):
        fit = hdsl.Model("count[i] ~ poisson(m[i])\nlog(m[i]) = b0[g] + b1*x[i]\nb0[g] ~ normal(b0, sd_g)\n").fit(rows)
        assert np.allclose(fit.residuals, rows["count"] - fit.fitted)
        assert np.allclose(fit.residuals_of("pearson") ** 2 * fit.fitted, fit.residuals**2)

    def test_a_shape_is_in_the_variance(self, rows):
        fit = hdsl.Model("time[i] ~ gamma(m[i], shape)\nlog(m[i]) = b0 + b1*x[i]\n").fit(rows)
        scaled = fit.residuals / fit.fitted * np.sqrt(fit.params["shape"])
        assert np.allclose(fit.residuals_of("pearson"), scaled)
        shape, y, m = fit.params["shape"], rows["time"], fit.fitted
        assert np.allclose(fit.residuals_of("deviance") ** 2, 2 * shape * ((y - m) / m - np.log(y / m)), atol=1e-9)

    def test_of_zeros_that_are_inflated(self, rows):
        text = "count[i] ~ zero_inflated(poisson(m[i]), p)\nlog(m[i]) = b0 + b1*x[i]\n"
        with_zeros = rows.assign(count=rows["count"].where(rows.index % 3 > 0, 0))
        fit = hdsl.Model(text).fit(with_zeros)
        p = fit.params["p"]
        inner = np.exp(fit.params["b0"] + fit.params["b1"] * rows["x"])
        mean = (1 - p) * inner
        second = (1 - p) * (inner + inner**2)
        assert np.allclose(fit.residuals, with_zeros["count"] - mean)
        assert np.allclose(fit.residuals_of("pearson"), (with_zeros["count"] - mean) / np.sqrt(second - mean**2))
        with pytest.raises(FitError, match="deviance"):
            fit.residuals_of("deviance")

    def test_categories_have_none(self, ordinal):
        with pytest.raises(FitError, match="categories") as caught:
            _ = ordinal.residuals
        assert caught.value.code == "HM510"
