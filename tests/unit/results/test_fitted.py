"""Everything on a fit, against numbers worked out by hand or typed from a published fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hdsl
from hdsl.diagnostics import FitError
from hdsl.results import FittedModel


class TestLikelihood:
    def test_reml_numbers_follow_lme4(self, sleepstudy):
        assert sleepstudy.loglik == pytest.approx(-871.814135979245, abs=1e-9)
        assert sleepstudy.llf == sleepstudy.loglik
        assert sleepstudy.deviance == sleepstudy.criterion == 1743.62827195849
        assert sleepstudy.dof == 6
        assert sleepstudy.aic == pytest.approx(1755.62827195849, abs=1e-9)
        assert sleepstudy.bic == pytest.approx(1774.78601306383, abs=1e-8)
        assert sleepstudy.nobs == 180
        assert sleepstudy.log_prior == 0.0

    def test_a_column_dropped_for_rank_is_no_parameter(self, cask_parts):
        design, outcome = cask_parts
        beta = outcome.beta.copy()
        beta[1] = np.nan
        fit = FittedModel(design, replace(outcome, beta=beta, aliased=(1,)))
        assert list(fit.params.index) == ["b0", "b_c[2]", "b_z", "sd_d", "sd_e", "sd"]
        assert fit.dof == 6
        assert fit.aic == 42.0
        assert [d.code for d in fit.diagnostics] == ["HM503", "HM411"]
        assert "b1" in fit.diagnostics[1].message


class TestParameters:
    def test_names_and_order(self, sleepstudy):
        names = ["b0", "b1", "sd(b0[j])", "sd(b1[j])", "cor(b0[j], b1[j])", "sd"]
        assert list(sleepstudy.params.index) == names
        assert list(sleepstudy.fixef.index) == names[:2]
        assert sleepstudy.params["sd(b1[j])"] == 5.92213308186667
        assert sleepstudy.params["cor(b0[j], b1[j])"] == 0.0655513775524519
        assert sleepstudy.params["sd"] == 25.5918157386296

    def test_standard_errors_and_tests_of_fixed_effects(self, sleepstudy):
        assert sleepstudy.bse["b0"] == pytest.approx(6.82455626155296)
        assert sleepstudy.bse["b1"] == pytest.approx(1.54578889288849)
        assert sleepstudy.tvalues["b1"] == pytest.approx(6.77148477890603)
        assert list(sleepstudy.pvalues.index) == list(sleepstudy.params.index)
        assert sleepstudy.pvalues.iloc[2:].isna().all()  # a standard deviation of zero is no hypothesis of a z test
        # two-sided standard normal tail beyond 6.7715 (tables: P(|Z| > 6.7715) = 1.27e-11)
        assert sleepstudy.pvalues["b1"] == pytest.approx(1.275e-11, rel=5e-3)

    def test_p_value_at_a_known_quantile(self, cask_parts):
        design, outcome = cask_parts
        beta = np.array([0.5 * 1.959963984540054, 2.0, 0.5, 0.1])
        assert FittedModel(design, replace(outcome, beta=beta)).pvalues["b0"] == pytest.approx(0.05, abs=1e-12)

    def test_covariance_is_block_diagonal_by_name(self, casks):
        covariance = casks.cov_params()
        assert covariance.loc["b1", "b1"] == 0.01
        assert covariance.loc["sd_d", "sd"] == 0.02
        assert covariance.loc["sd", "sd"] == 0.49
        assert covariance.loc["b0", "sd_d"] == 0.0
        assert np.isnan(covariance.loc["sd_e", "sd_e"])

    def test_variance_covariance_is_reordered_by_name(self, parts):
        design, outcome = parts
        shuffled = replace(
            outcome,
            variance_parameters=((0, 1, 0), (0, 0, 0), (0, 1, 1)),
            variance_cov=np.diag([0.1, 33.6, 1.75, 2.25]),
        )
        fit = FittedModel(design, shuffled)
        assert np.allclose(fit.bse.to_numpy()[2:] ** 2, [33.6, 1.75, 0.1, 2.25])

    def test_a_negative_variance_of_an_unfinished_fit_has_no_standard_error(self, parts):
        design, outcome = parts
        fit = FittedModel(design, replace(outcome, variance_cov=np.diag([-1.0, 1.75, 0.1, 2.25])))
        assert np.isnan(fit.bse["sd(b0[j])"])
        assert fit.bse["sd"] == 1.5

    def test_a_tied_standard_deviation_is_one_parameter(self, parts):
        design, outcome = parts
        design = replace(design, variance_names={(0, 0, 0): "tau", (0, 1, 1): "tau"})
        fit = FittedModel(design, replace(outcome, variance_parameters=((0, 0, 0),), variance_cov=np.diag([4.0, 2.25])))
        assert list(fit.params.index) == ["b0", "b1", "tau", "sd"]
        assert fit.bse["tau"] == 2.0

    def test_wald_intervals(self, casks):
        bounds = casks.conf_int()
        assert bounds.loc["b0", "lower"] == pytest.approx(1 - 1.959963984540054 * 0.5)
        assert bounds.loc["b0", "upper"] == pytest.approx(1 + 1.959963984540054 * 0.5)
        assert casks.conf_int(level=0.5).loc["b1", "upper"] == pytest.approx(2 + 0.6744897501960817 * 0.1)

    def test_an_interval_stays_in_the_range(self, casks, sleepstudy):
        # 1 - 1.96 * 0.6 < 0
        assert casks.conf_int().loc["sd_d", "lower"] == 0.0
        assert casks.conf_int().loc["sd_e"].isna().all()
        name = "cor(b0[j], b1[j])"
        assert sleepstudy.conf_int(level=0.9999).loc[name].tolist() == [-1.0, 1.0]

    @pytest.mark.parametrize("method", ["walt", ""])
    def test_other_intervals_are_refused(self, casks, method):
        with pytest.raises(FitError) as caught:
            casks.conf_int(method=method)
        assert caught.value.code == "HM507"
        assert "wald" in caught.value.help

    @pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
    def test_a_level_is_a_share(self, casks, level):
        with pytest.raises(FitError) as caught:
            casks.conf_int(level=level)
        assert caught.value.code == "HM510"


class TestVarCorr:
    def test_one_row_each_and_the_residual_last(self, sleepstudy):
        frame = sleepstudy.var_corr
        assert list(frame.columns) == ["index_set", "effect", "sd", "cor1"]
        assert frame["index_set"].tolist() == ["j", "j", "i"]
        assert frame["effect"].tolist() == ["b0[j]", "b1[j]", "residual"]
        assert frame["sd"].tolist() == [24.7404500812413, 5.92213308186667, 25.5918157386296]
        assert frame.loc[1, "cor1"] == 0.0655513775524519
        assert frame["cor1"].isna().tolist() == [True, False, True]

    def test_no_correlation_columns_without_correlations(self, casks):
        assert list(casks.var_corr.columns) == ["index_set", "effect", "sd"]
        assert casks.var_corr["index_set"].tolist() == ["j,k", "k", "i"]


class TestStatus:
    def test_converged(self, sleepstudy):
        assert sleepstudy.converged
        assert sleepstudy.status == "converged"
        assert sleepstudy.boundary == ()
        assert sleepstudy.diagnostics == ()

    def test_boundary_is_named(self, casks):
        assert casks.converged
        assert casks.status == "boundary"
        assert casks.boundary == ("sd_e",)
        assert casks.message == "Converged after 4 evaluations, on the boundary: sd_e = 0"
        assert [d.code for d in casks.diagnostics] == ["HM503"]

    def test_not_converged(self, parts):
        design, outcome = parts
        fit = FittedModel(design, replace(outcome, status="not converged", message="stopped after 200 evaluations"))
        assert not fit.converged
        assert fit.message == "stopped after 200 evaluations"
        assert [d.code for d in fit.diagnostics] == ["HM502"]
        assert "not converged" in repr(fit)


class TestConstruction:
    def test_nothing_is_computed_before_it_is_asked_for(self):
        fit = FittedModel(design=None, outcome=None)
        assert set(vars(fit)) == {"design", "outcome", "remarks", "end"}

    def test_groups_are_counted(self, casks):
        assert casks.n_groups == {"i": 6, "j,k": 3, "k": 2}


def test_ordinary_regression_under_reml_uses_t() -> None:
    """Against the two-sided 5 % quantile of t with 10 degrees of freedom, 2.228139 (tables)."""
    x = np.arange(12.0)
    y = 1.0 + 0.5 * x + np.array([0.3, -0.2, 0.1, -0.4, 0.5, 0.0, -0.3, 0.2, -0.1, 0.4, -0.5, 0.1])
    fit = hdsl.Model("y[i] ~ normal(a + b*x[i], sd)").fit({"x": x, "y": y}, method="reml")
    X = np.column_stack([np.ones(12), x])
    beta, rss = np.linalg.lstsq(X, y, rcond=None)[:2]
    se = np.sqrt(rss[0] / 10 * np.linalg.inv(X.T @ X).diagonal())
    assert fit.df_resid == 10
    np.testing.assert_allclose(fit.bse.iloc[:2], se, rtol=1e-8)
    np.testing.assert_allclose(fit.conf_int().iloc[:2, 1], beta + 2.2281388520 * se, rtol=1e-8)
    assert "t" in str(fit.summary()).split("Fixed effects")[1].splitlines()[1].split()


def test_an_offset_is_in_the_summary() -> None:
    data = {"x": [1.0, 2.0, 3.0, 4.0], "o": [0.0, 1.0, 0.5, 2.0], "y": [1.0, 3.5, 3.0, 6.0]}
    text = str(hdsl.Model("y[i] ~ normal(a + o[i], sd)").fit(data).summary())
    assert "offset" in text
    assert "o[i], without a coefficient" in text
