"""Shrinkage against the formulas of textbooks, and against estimates from the rows of each group alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.diagnostics import FitError
from hdsl.results.shrinkage import shrinkage

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


OTHER = "y[i] ~ normal(c0 + b1*x[i], sd)"
"""A model whose intercept has another name."""


def layout(seed, sizes, *, slopes=0.0):
    rng = np.random.default_rng(seed)
    j = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=len(j))
    z = rng.normal(size=len(sizes))
    y = 3.0 + 0.5 * z[j] + rng.normal(size=len(sizes))[j] + rng.normal(0.0, 0.8, len(j))
    y += (1.0 + slopes * rng.normal(size=len(sizes))[j]) * x
    return pd.DataFrame({"y": y, "x": x, "z": z[j], "j": j})


@pytest.fixture(scope="module")
def balanced():
    """A balanced one-way layout, and its spectrum."""
    data = layout(1, [6] * 9)
    return data, hdsl.Model("y[i] ~ normal(b0[j], sd)\nb0[j] ~ normal(b0, sd_j)").fit(data).spectrum()


class TestOneWay:
    def test_weight_is_the_formula(self, balanced):
        _, found = balanced
        s0, s1 = (found.fits["partial"].params[name] for name in ("sd", "sd_j"))
        weight = (6 / s0**2) / (6 / s0**2 + 1 / s1**2)
        np.testing.assert_allclose(found.shrinkage["weight"], weight, rtol=1e-12)
        assert found.is_exact

    def test_pooled_own_and_unpooled_are_the_means_of_the_rows(self, balanced):
        data, found = balanced
        means = data.groupby("j")["y"].mean()
        table = found.shrinkage
        assert table.index.tolist() == [str(j) for j in means.index]
        for column in ("own", "unpooled"):
            np.testing.assert_allclose(table[column], means, rtol=1e-10)
        for column in ("pooled", "mean"):  # the layout is balanced: both are the mean of all rows
            np.testing.assert_allclose(table[column], data["y"].mean(), rtol=1e-8)
        np.testing.assert_allclose(table["own_se"], found.fits["partial"].params["sd"] / np.sqrt(6))

    def test_the_estimate_is_the_weighted_mean_and_the_coefficient_of_the_fit(self, balanced):
        _, found = balanced
        t = found.shrinkage
        np.testing.assert_allclose(t["estimate"], t["weight"] * t["own"] + (1 - t["weight"]) * t["mean"], rtol=1e-12)
        np.testing.assert_allclose(t["estimate"], found.fits["partial"].coef["b0[j]"]["estimate"], rtol=1e-12)

    def test_fits_side_by_side(self, balanced):
        data, found = balanced
        assert list(found.fits) == ["pooled", "partial", "unpooled"]
        assert found.measures["dof"].tolist() == [2, 3, 10]
        total = len(data) * (np.log(2 * np.pi * data["y"].var(ddof=0)) + 1.0)
        within = (data["y"] - data.groupby("j")["y"].transform("mean")) ** 2
        assert found.measures.loc["pooled", "deviance"] == pytest.approx(total)
        assert found.measures.loc["unpooled", "sd"] == pytest.approx(np.sqrt(within.mean()))
        assert found.coefficients.loc["b0", ("pooled", "estimate")] == pytest.approx(data["y"].mean())

    def test_it_prints_and_draws(self, balanced):
        _, found = balanced
        assert "estimate = weight*own + (1 - weight)*mean" in str(found)
        assert found.plot().data["group"].tolist() == found.shrinkage.index.tolist()


def test_groups_of_different_size_with_covariates_of_both_levels():
    """The weighted mean of Gelman and Hill's chapter 12, with a predictor of the groups."""
    data = layout(2, [2, 3, 5, 8, 13, 4, 6, 9])
    model = "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] = g0 + g1*z[j] + u0[j]\nu0[j] ~ normal(0, sd_j)"
    fit = hdsl.Model(model).fit(data)
    table = fit.spectrum().shrinkage
    b, s0, s1 = fit.fixef, fit.params["sd"], fit.params["sd_j"]
    n = data.groupby("j").size().to_numpy()
    own = (data["y"] - b["b1"] * data["x"]).groupby(data["j"]).mean()
    mean = b["g0"] + b["g1"] * data.groupby("j")["z"].first()
    np.testing.assert_allclose(table["own"], own, rtol=1e-10)
    np.testing.assert_allclose(table["mean"], mean, rtol=1e-10)
    estimate = (n / s0**2 * own + mean / s1**2) / (n / s0**2 + 1 / s1**2)
    np.testing.assert_allclose(table["estimate"], estimate, rtol=1e-6)
    np.testing.assert_allclose(table["weight"], (n / s0**2) / (n / s0**2 + 1 / s1**2), rtol=1e-10)
    pooled = hdsl.Model(model).pooled().fit(data).fixef
    expected = pooled["g0"] + pooled["g1"] * data.groupby("j")["z"].first()
    np.testing.assert_allclose(table["pooled"], expected, rtol=1e-10)
    assert set(table["coefficient"]) == {"b0[j]"}


def test_with_slopes_own_estimates_are_least_squares_and_weights_a_matrix():
    data = layout(3, [3, 6, 9, 12, 8, 7], slopes=0.6)
    fit = hdsl.Model("y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)").fit(data)
    table = fit.spectrum().shrinkage
    sd, cor = fit.params[["sd(b0[j])", "sd(b1[j])"]].to_numpy(), fit.params["cor(b0[j], b1[j])"]
    sigma = np.outer(sd, sd) * np.array([[1.0, cor], [cor, 1.0]])
    by_name = {name: table[table["coefficient"] == name] for name in ("b0[j]", "b1[j]")}
    for j, rows in data.groupby("j"):
        X = np.column_stack([np.ones(len(rows)), rows["x"]])
        own = np.linalg.lstsq(X, rows["y"].to_numpy(), rcond=None)[0]
        information = X.T @ X / fit.params["sd"] ** 2
        weights = np.linalg.solve(information + np.linalg.inv(sigma), information)
        estimate = fit.fixef + weights @ (own - fit.fixef)
        for k, name in enumerate(by_name):
            row = by_name[name].loc[str(j)]
            assert row["own"] == pytest.approx(own[k], rel=1e-8)
            assert row["unpooled"] == pytest.approx(own[k], rel=1e-8)
            assert row["weight"] == pytest.approx((weights @ sigma)[k, k] / sigma[k, k], rel=1e-8)
            assert row["estimate"] == pytest.approx(estimate.iloc[k], rel=1e-5)
            assert row["own_se"] == pytest.approx(np.sqrt(np.linalg.inv(information)[k, k]), rel=1e-8)


def test_groups_without_slopes_have_no_own_ones():
    data = layout(4, [1, 2, 6, 9, 8, 7, 5], slopes=0.6)
    fit = hdsl.Model("y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)").fit(data)
    table = shrinkage(fit.design, fit.outcome, ["b0[j]", "b1[j]"])
    assert table.loc["0", "own"].isna().all()
    assert table.drop("0")["own"].notna().all()
    assert table["weight"].between(0.0, 1.0).all()


def test_of_a_binary_outcome_own_estimates_are_logits_of_shares():
    rng = np.random.default_rng(5)
    j = np.repeat(np.arange(12), 15)
    p = 1 / (1 + np.exp(-rng.normal(0.2, 0.8, 12)))
    data = pd.DataFrame({"j": j, "y": (rng.random(len(j)) < p[j]).astype(int)})
    data.loc[data["j"] == 3, "y"] = 1
    fit = hdsl.Model("y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0[j]\nb0[j] ~ normal(b0, sd_j)").fit(data)
    found = fit.spectrum()
    table, share = found.shrinkage, data.groupby("j")["y"].mean().to_numpy()
    assert np.isnan(table["own"].iloc[3])
    others = np.arange(12) != 3
    own = share[others]
    np.testing.assert_allclose(table["own"][others], np.log(own / (1 - own)), rtol=1e-6)
    np.testing.assert_allclose(table["own_se"][others], 1 / np.sqrt(15 * own * (1 - own)), rtol=1e-6)
    fitted = 1 / (1 + np.exp(-table["estimate"]))
    information = 15 * fitted * (1 - fitted)
    np.testing.assert_allclose(table["weight"], information / (information + 1 / fit.params["sd_j"] ** 2), rtol=1e-8)
    assert not found.is_exact


def test_criteria_of_reml_are_not_set_side_by_side():
    data = layout(6, [5, 7, 6, 9])
    fit = hdsl.Model("y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0, sd_j)").fit(data, "reml")
    found = fit.spectrum()
    assert list(found.measures) == ["coefficients", "dof", "sd"]
    within = found.fits["unpooled"]
    assert within.method == "reml"
    assert within.outcome.sigma == pytest.approx(np.sqrt((within.residuals**2).sum() / (27 - 5)))
    assert "no deviances: criteria of REML" in str(found)


@pytest.fixture(scope="module")
def pastes():
    return hdsl.read(EXAMPLES / "pastes/model.hm").fit(EXAMPLES / "pastes/pastes.csv")


@pytest.mark.parametrize(("index", "columns", "n"), [(None, "batch, cask", 30), ("batch", "batch", 10)])
def test_of_several_index_sets_each_has_its_groups(pastes, index, columns, n):
    found = pastes.spectrum(index)
    table = found.shrinkage
    assert (found.index, len(table), found.is_exact) == (columns, n, True)
    np.testing.assert_allclose(table["estimate"], table["weight"] * table["own"], atol=1e-10)
    assert "unpooled" not in table.columns


def test_of_a_coarser_set_what_lies_in_its_groups_is_integrated_over(pastes):
    """Three casks of a batch, two tests of each: the batch's own mean varies by casks and tests."""
    data = pd.read_csv(EXAMPLES / "pastes/pastes.csv")
    table, p = pastes.spectrum("batch").shrinkage, pastes.params
    noise = p["sd_cask"] ** 2 / 3 + p["sd_test"] ** 2 / 6
    np.testing.assert_allclose(table["own"], data.groupby("batch")["strength"].mean() - p["mu"], rtol=1e-8)
    np.testing.assert_allclose(table["own_se"], np.sqrt(noise), rtol=1e-8)
    np.testing.assert_allclose(table["weight"], p["sd_batch"] ** 2 / (p["sd_batch"] ** 2 + noise), rtol=1e-8)
    np.testing.assert_allclose(table["estimate"], pastes.ranef["u[batch]"]["estimate"], rtol=1e-10)


def test_of_unequal_nested_groups_own_estimates_are_generalised_least_squares():
    rng = np.random.default_rng(8)
    cls = np.repeat(np.arange(14), rng.integers(2, 9, 14))
    school, x = cls // 4, rng.normal(size=len(cls))
    y = rng.normal(size=4)[school] + rng.normal(size=14)[cls] + x + rng.normal(0.0, 0.7, len(cls))
    data = pd.DataFrame({"y": y, "x": x, "class": [f"c{k:02d}" for k in cls], "school": school})
    model = """
index c = class in school
y[i] ~ normal(b0[c] + b1[c]*x[i], sd)
b0[c] ~ normal(g0[school], sd_0)
b1[c] ~ normal(b1, sd_1)
g0[school] ~ normal(g0, sd_school)
"""
    fit = hdsl.Model(model).fit(data)
    table, p = fit.spectrum("school").shrinkage, fit.params
    for k, rows in data.groupby("school"):
        same = rows["class"].to_numpy()[:, None] == rows["class"].to_numpy()
        V = p["sd"] ** 2 * np.eye(len(rows)) + same * (p["sd_0"] ** 2 + p["sd_1"] ** 2 * np.outer(rows["x"], rows["x"]))
        ones, r = np.ones(len(rows)), (rows["y"] - p["b1"] * rows["x"]).to_numpy()
        information = ones @ np.linalg.solve(V, ones)
        assert table.loc[str(k), "own"] == pytest.approx(ones @ np.linalg.solve(V, r) / information, rel=1e-8)
        assert table.loc[str(k), "own_se"] == pytest.approx(information**-0.5, rel=1e-8)
        assert table.loc[str(k), "weight"] == pytest.approx(
            information / (information + p["sd_school"] ** -2), rel=1e-8
        )
    means = table["weight"] * table["own"] + (1 - table["weight"]) * table["mean"]
    np.testing.assert_allclose(table["estimate"], means, rtol=1e-10)


def test_a_coefficient_that_the_pooled_fit_has_not_leaves_no_pooled_value():
    data = layout(9, [6] * 8)
    data["region"] = data["j"] // 4
    model = "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(g[region] + g1*z[j], sd_j)\ng[region] ~ flat()"
    fit = hdsl.Model(model).fit(data)
    found = fit.spectrum()
    pooled = found.fits["pooled"].fixef
    expected = [pooled[f"g[{j // 4}]"] + pooled["g1"] * z for j, z in data.groupby("j")["z"].first().items()]
    np.testing.assert_allclose(found.shrinkage["pooled"], expected, rtol=1e-10)
    renamed = found.fits["pooled"].__class__(fit.design, fit.outcome, (), lambda _: hdsl.Model(OTHER).fit(data))
    assert renamed.spectrum(unpooled=False).shrinkage.get("pooled") is None


def test_an_index_that_is_not_there_is_refused(pastes):
    with pytest.raises(FitError, match=r"no coefficient varies over 'plate': there are \[batch,cask\], \[batch\]"):
        pastes.spectrum("plate")


def test_a_large_unpooled_model_is_fitted_if_it_is_asked_for(pastes, monkeypatch):
    from hdsl.results import spectrum

    monkeypatch.setattr(spectrum, "MOST_VALUES", {True: 100, False: 100})
    found = pastes.spectrum()
    assert list(found.fits) == ["pooled", "partial"]
    assert "unpooled model not fitted: it has some 31 coefficients for 60 rows" in str(found)
    assert list(pastes.spectrum(unpooled=True).fits) == ["pooled", "partial", "unpooled"]
    assert pastes.spectrum(unpooled=False).notes == ("unpooled model not fitted: it was not asked for",)


def test_a_fit_that_was_loaded_says_what_it_lacks(pastes, tmp_path):
    pastes.save(tmp_path / "fit.hmfit")
    found = hdsl.load(tmp_path / "fit.hmfit").spectrum("batch")
    assert list(found.fits) == ["partial"]
    expected = pastes.spectrum("batch").shrinkage.drop(columns="pooled")
    pd.testing.assert_frame_equal(found.shrinkage, expected)
    assert "a fit that was loaded has no data" in str(found)
