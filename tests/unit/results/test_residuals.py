"""Residuals of each kind, against their formulas and against SciPy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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
