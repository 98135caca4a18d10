"""Measures of a fit, against their formulas and against refits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.diagnostics import FitError
from hdsl.fit.effective import effective_parameters
from hdsl.fit.refit import refitter
from hdsl.results import FittedModel
from tests.unit.results.generalised import counts_parts

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", params=["ml", "reml"])
def pastes(request):
    data = pd.read_csv(ROOT / "examples/pastes/pastes.csv")
    model = (
        "strength[i] ~ normal(m[batch,cask], s)\nm[batch,cask] ~ normal(v[batch], sd_c)\nv[batch] ~ normal(mu, sd_b)\n"
    )
    return hdsl.Model(model).fit(data, method=request.param)


@pytest.fixture(scope="module")
def slopes():
    data = pd.read_csv(ROOT / "examples/sleepstudy/sleepstudy.csv")
    model = (
        "index j = Subject\nReaction[i] ~ normal(b0[j] + b1[j]*Days[i], s)\n(b0[j], b1[j]) ~ mvnormal((m0, m1), O)\n"
    )
    return hdsl.Model(model).fit(data, method="reml")


@pytest.fixture(scope="module")
def ordered():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"g": np.repeat(np.arange(10), 15), "x": rng.normal(size=150)})
    eta = data["x"] + rng.normal(size=10)[data["g"]] + rng.logistic(size=150)
    data["y"] = np.array(["high", "low", "mid"])[np.digitize(eta, [-0.5, 1.0])]
    return hdsl.Model("y[i] ~ ordered_logit(eta[i], c)\neta[i] = b1*x[i] + u[g]\nu[g] ~ normal(0, sd_u)\n").fit(data)


@pytest.fixture
def rows_of_binary():
    """A logistic fit without groups, and its probabilities."""
    data = pd.DataFrame({"x": np.arange(20.0), "y": [0, 1] * 4 + [0, 1, 1, 1] * 3})
    fit = hdsl.Model("y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i]\n").fit(data)
    return fit, 1 / (1 + np.exp(-(fit.params["b0"] + fit.params["b1"] * data["x"])))


class TestConditionalAic:
    def test_effective_parameters_are_the_slopes_of_the_fitted_values(self, pastes):
        # n refits: d yhat_i / d y_i by central differences, all variances estimated anew each time
        refit, y = refitter(pastes.design.plan, pastes.design.arrays, pastes.outcome), pastes.design.arrays.y
        h, total = 1e-3 * y.std(), 0.0
        for i in range(len(y)):
            ends = []
            for sign in (1.0, -1.0):
                moved = y.copy()
                moved[i] += sign * h
                ends.append(FittedModel(pastes.design, refit.fit(moved)).fitted.iloc[i])
            total += (ends[0] - ends[1]) / (2.0 * h)
        found = effective_parameters(pastes.design.plan, pastes.design.arrays, pastes.outcome)
        assert found.with_variances == pytest.approx(total, rel=1e-6)
        assert found.given_variances < found.with_variances

    def test_given_the_variances_it_is_the_trace_of_the_hat_matrix(self, slopes):
        plan, arrays = slopes.design.plan, slopes.design.arrays
        X = np.column_stack([np.ones(180), arrays.x[0]])
        Z = np.kron(np.eye(18), X[:10])
        root = np.kron(np.eye(18), np.linalg.cholesky(_covariance(slopes) / slopes.outcome.sigma**2))
        A = np.column_stack([X, Z @ root])
        penalty = np.diag([0.0, 0.0, *np.ones(36)])
        hat = A @ np.linalg.solve(A.T @ A + penalty, A.T)
        found = effective_parameters(plan, arrays, slopes.outcome)
        assert found.given_variances == pytest.approx(np.trace(hat), rel=1e-6)

    def test_its_parts(self, slopes):
        error, sigma = slopes.residuals, slopes.params["s"]
        loglik = -0.5 * (180 * np.log(2 * np.pi * sigma**2) + (error**2).sum() / sigma**2)
        rho = effective_parameters(slopes.design.plan, slopes.design.arrays, slopes.outcome).with_variances
        assert slopes.caic == pytest.approx(-2 * loglik + 2 * (rho + 1))

    def test_a_variance_of_zero_has_no_part_in_it(self):
        data = pd.read_csv(ROOT / "tests/reference/data/Dyestuff2.csv")
        fit = hdsl.Model("index j = Batch\nYield[i] ~ normal(m[j], s)\nm[j] ~ normal(mu, sd_m)\n").fit(data)
        assert effective_parameters(fit.design.plan, fit.design.arrays, fit.outcome).with_variances == pytest.approx(
            1.0
        )

    def test_it_is_for_gaussian_outcomes(self, counts):
        with pytest.raises(FitError, match="Gaussian") as caught:
            _ = counts.caic
        assert caught.value.code == "HM510"


def _covariance(fit):
    sd, cor = fit.outcome.sd[0], fit.outcome.cor[0]
    return np.outer(sd, sd) * cor


class TestShares:
    def test_levels_that_lie_in_each_other(self, pastes):
        table, p = pastes.icc(), pastes.params
        total = p["sd_c"] ** 2 + p["sd_b"] ** 2 + p["s"] ** 2
        assert table.loc["batch", "icc"] == pytest.approx(p["sd_b"] ** 2 / total)
        assert table.loc["batch,cask", "icc"] == pytest.approx((p["sd_b"] ** 2 + p["sd_c"] ** 2) / total)
        assert table["share"].sum() == pytest.approx(1.0)
        assert table.loc["i", "variance"] == pytest.approx(p["s"] ** 2)
        assert pastes.r2()["marginal"] == 0.0
        assert pastes.r2()["conditional"] == pytest.approx(table.loc["batch,cask", "icc"])

    def test_random_slopes_count_with_their_covariates(self, slopes):
        # Johnson (2014): mean of the diagonal of Z Sigma Z'
        z = np.column_stack([np.ones(10), np.arange(10.0)])
        random = np.einsum("ic,cd,id->i", z, _covariance(slopes), z).mean()
        fixed = np.var(slopes.params["m1"] * np.tile(np.arange(10.0), 18), ddof=1)
        total = fixed + random + slopes.params["s"] ** 2
        assert slopes.r2().tolist() == pytest.approx([fixed / total, (fixed + random) / total])

    def test_the_latent_scale_of_a_logit(self, binomial):
        table = binomial.icc()
        assert table.loc["j", "icc"] == pytest.approx(0.64 / (0.64 + np.pi**2 / 3))
        assert binomial.r2()["marginal"] == pytest.approx(
            np.var([0.0, -0.4] * 3, ddof=1) / (np.var([0.0, -0.4] * 3, ddof=1) + 0.64 + np.pi**2 / 3)
        )

    def test_thresholds_explain_nothing(self, ordinal):
        fixed = np.var([0.0, 0.7] * 3, ddof=1)
        assert ordinal.r2()["marginal"] == pytest.approx(fixed / (fixed + 0.64 + np.pi**2 / 3))

    def test_counts(self):
        design, outcome = counts_parts()
        bare = replace(design.form, outcome=replace(design.form.outcome, wrappers=()))
        fit = FittedModel(replace(design, form=bare), outcome)
        mean = np.mean([np.exp(1.0 + 0.32), np.exp(0.5 + 0.32)])
        assert fit.icc().loc["i", "variance"] == pytest.approx(np.log1p(1 / mean + 1 / 2.0))

    def test_a_standard_deviation_with_an_equation(self, scales):
        rows = np.exp(2 * np.array([-0.5, -0.2]))
        assert scales.icc().loc["i", "variance"] == pytest.approx(rows.mean())

    def test_an_effect_of_each_row_is_overdispersion(self):
        rng = np.random.default_rng(3)
        g, x = np.repeat(np.arange(20), 12), rng.normal(size=240)
        rate = np.exp(1 + 0.4 * x + 0.5 * rng.normal(size=20)[g] + 0.6 * rng.normal(size=240))
        data = pd.DataFrame({"g": g, "x": x, "y": rng.poisson(rate)})
        text = (
            "y[i] ~ poisson(m[i])\nlog(m[i]) = b0 + b1*x[i] + u[g] + e[i]\nu[g] ~ normal(0, s_g)\ne[i] ~ normal(0, s_i)"
        )
        fit = hdsl.Model(text).fit(data)
        p, table = fit.params, fit.icc()
        mean = np.exp(p["b0"] + p["b1"] * x + (p["s_g"] ** 2 + p["s_i"] ** 2) / 2).mean()
        assert list(table.index) == ["g", "i"]
        assert table.loc["i", "variance"] == pytest.approx(p["s_i"] ** 2 + np.log1p(1 / mean))
        assert table.loc["g", "icc"] == pytest.approx(p["s_g"] ** 2 / table["variance"].sum())
        explained = (p["b1"] * x).var(ddof=1) + p["s_g"] ** 2
        assert fit.r2()["conditional"] == pytest.approx(explained / (explained + table.loc["i", "variance"]))

    def test_what_is_not_known_is_refused(self, counts):
        for ask in (counts.icc, counts.r2):
            with pytest.raises(FitError, match="zero_inflated") as caught:
                ask()
            assert caught.value.code == "HM510"


class TestOutcomes:
    def test_probabilities_of_ordered_categories(self, ordered):
        params, x = ordered.params, ordered.design.arrays.x[0]
        u = ordered.ranef["u[g]"]["estimate"].to_numpy()[ordered.design.arrays.groups[0]]
        below = [1 / (1 + np.exp(-(params[f"c[{k}]"] - params["b1"] * x - u))) for k in (1, 2)]
        frame = ordered.probabilities()
        assert list(frame.columns) == ["high", "low", "mid"]  # text has the order of the alphabet
        assert np.allclose(frame, np.column_stack([below[0], below[1] - below[0], 1 - below[1]]))
        fixed = 1 / (1 + np.exp(-(params["c[1]"] - params["b1"] * x)))
        assert np.allclose(ordered.probabilities(include=None)["high"], fixed)

    def test_probabilities_of_a_binary_outcome(self, rows_of_binary):
        fit, p = rows_of_binary
        assert np.allclose(fit.probabilities(), np.column_stack([1 - p, p]))

    def test_share_told_of_trials(self, binomial):
        p = 1 / (1 + np.exp(-(0.2 - 0.4 * np.array([0.0, 1.0] * 3) + np.repeat([0.5, -0.25, 0.0], 2))))
        y, size = binomial.design.arrays.y, binomial.design.arrays.known[0]
        right = np.where(p > 0.5, y, size - y).sum() / size.sum()
        assert binomial.percent_correct() == pytest.approx(100 * right)
        assert binomial.percent_correct(include=None) != binomial.percent_correct()

    def test_share_told_of_categories(self, ordered):
        told = ordered.probabilities().to_numpy().argmax(axis=1)
        assert ordered.percent_correct() == pytest.approx(100 * np.mean(told == ordered.design.arrays.y))

    def test_calibration(self, binomial):
        table = binomial.calibration(bins=2)
        assert table["rows"].tolist() == [3, 3]
        assert table["trials"].sum() == binomial.design.arrays.known[0].sum()
        assert (table["observed"] * table["trials"]).sum() == pytest.approx(binomial.design.arrays.y.sum())
        assert table["upper"].iloc[0] <= table["lower"].iloc[1]

    def test_other_outcomes_are_refused(self, sleepstudy, counts):
        for ask in (sleepstudy.percent_correct, sleepstudy.calibration, counts.calibration, counts.probabilities):
            with pytest.raises(FitError) as caught:
                ask()
            assert caught.value.code == "HM510"


class TestTable:
    def test_a_row_for_each_measure_that_there_is(self, slopes, binomial):
        assert slopes.measures()["measure"].tolist() == [
            "loglik", "aic", "bic", "caic", "r2_marginal", "r2_conditional", "icc",
        ]  # fmt: skip
        table = binomial.measures().set_index(["measure", "of"])["value"]
        assert "caic" not in table.index.get_level_values(0)
        assert table["icc", "j"] == pytest.approx(binomial.icc().loc["j", "icc"])
        assert table["percent_correct", "fixed part"] == pytest.approx(binomial.percent_correct(include=None))
