"""Wald tests: against the textbook, against one another, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hdsl
from hdsl.results import FittedModel
from hdsl.results.inference.degrees import Joint

RNG = np.random.default_rng(5)
N, J = 300, 20
DATA = pd.DataFrame({"j": RNG.integers(0, J, N), "x": RNG.normal(size=N), "c": RNG.choice(list("abcd"), N)})
DATA["z"] = RNG.normal(size=J)[DATA["j"]]
DATA["y"] = 1 + 0.3 * DATA["x"] + 0.4 * (DATA["c"] == "b") + RNG.normal(size=J)[DATA["j"]] + RNG.normal(size=N)
TEXT = """\
y[i] ~ normal(b0[j] + b1*x[i] + b_c[c], sd)
b0[j] ~ normal(g0 + g1*z[j], s)
b_c[c] ~ flat()
"""
POOLED = "y[i] ~ normal(b0 + b1*x[i] + b_c[c], sd)\nb_c[c] ~ flat()\n"


@pytest.fixture(scope="module")
def fit() -> FittedModel:
    return hdsl.Model(TEXT).fit(DATA, method="reml")


@pytest.fixture(scope="module")
def pooled() -> FittedModel:
    return hdsl.Model(POOLED).fit(DATA, method="reml")


def test_default_is_satterthwaite(fit: FittedModel) -> None:
    assert fit.degrees.method == "satterthwaite"
    table = fit.inference()
    assert table.equals(fit.inference("satterthwaite"))
    assert 15 < table.loc["g1", "df"] < 20  # groups but two
    assert 270 < table.loc["b1", "df"] < N
    assert fit.df["g1"] == table.loc["g1", "df"]
    assert fit.df[["s", "sd"]].isna().all()
    assert fit.pvalues["g1"] == table.loc["g1", "p"]
    bounds = fit.conf_int().loc[table.index]
    assert np.allclose(bounds, table[["lower", "upper"]])
    quantile = stats.t.ppf(0.975, table["df"])
    assert np.allclose(table["upper"], table["estimate"] + quantile * table["se"])
    assert np.allclose(table["p"], 2 * stats.t.sf(abs(table["t"]), table["df"]))


def test_normal_and_residual(fit: FittedModel) -> None:
    normal = fit.inference("normal", level=0.9)
    assert np.allclose(normal["p"], 2 * stats.norm.sf(abs(normal["z"])))
    assert np.allclose(normal["upper"] - normal["estimate"], stats.norm.ppf(0.95) * normal["se"])
    assert (fit.inference("residual")["df"] == N - 6).all()


def test_a_single_contrast_is_its_row(fit: FittedModel) -> None:
    for method in ("satterthwaite", "kenward-roger", "normal"):
        table = fit.inference(method)
        row = fit.contrast("b1", method).iloc[0]
        assert row.tolist() == pytest.approx(table.loc["b1"].tolist())
        test = fit.test("b1 = 0", method)
        assert test.p == pytest.approx(row["p"], rel=1e-9)
        assert test.statistic == pytest.approx(row["z" if method == "normal" else "t"] ** 2)


def test_contrasts_follow_the_covariance(fit: FittedModel) -> None:
    b, C = fit.fixef, fit.cov_params()
    row = fit.contrast({"at two": "g0 + 2*b1 - 1"}).loc["at two"]
    assert row["estimate"] == pytest.approx(b["g0"] + 2 * b["b1"] - 1)
    assert row["se"] ** 2 == pytest.approx(C.loc["g0", "g0"] + 4 * C.loc["g0", "b1"] + 4 * C.loc["b1", "b1"])


def test_joint_test_is_the_textbook_without_random_part(pooled: FittedModel) -> None:
    """F of least squares: the rise of the residual sum of squares, n - p degrees of freedom."""
    test = pooled.test("b_c")
    X = np.column_stack([np.ones(N), DATA["x"], *[DATA["c"] == level for level in "bcd"]]).astype(float)
    y = DATA["y"].to_numpy()
    rss = [float(np.linalg.lstsq(A, y, rcond=None)[1][0]) for A in (X, X[:, :2])]
    F = (rss[1] - rss[0]) / 3 / (rss[0] / (N - 5))
    assert (test.df, test.df_denominator) == (3, N - 5)
    assert test.statistic == pytest.approx(F, rel=1e-9)
    assert test.p == pytest.approx(stats.f.sf(F, 3, N - 5), rel=1e-9)
    assert str(test).endswith(f"F(3, 295.0) = {F:.3f}, p = {test.p:.3f}")
    chi2 = pooled.test("b_c", df="normal")
    assert chi2.statistic == pytest.approx(3 * F)
    assert chi2.p == pytest.approx(stats.chi2.sf(3 * F, 3))
    assert "chi2(3)" in str(chi2)


def test_hypotheses_that_follow_from_others_do_not_count(fit: FittedModel) -> None:
    test = fit.test(["b_c[b] = b_c[c]", "b_c[c] = b_c[d]", "b_c[b] = b_c[d]"])
    assert test.df == 2
    assert len(test.table) == 3
    assert test.statistic == pytest.approx(fit.test("b_c[b] = b_c[c] = b_c[d]").statistic)
    with pytest.raises(hdsl.FitError, match="contradict"):
        fit.test(["b1 = 0", "2*b1 = 1"])


def test_anova_has_a_row_for_each_term(fit: FittedModel) -> None:
    table = fit.anova()
    assert set(table.index) == {"b1", "b_c[c]", "g1"}
    assert table.loc["b_c[c]", "df"] == 3
    assert table.loc["b_c[c]", "p"] == pytest.approx(fit.test("b_c").p)
    assert table.loc["g1", "p"] == pytest.approx(fit.pvalues["g1"])
    assert list(fit.anova("normal").columns) == ["chi2", "df", "df_denominator", "p"]


def test_the_order_of_hypotheses_and_their_scale_do_not_matter(fit: FittedModel) -> None:
    for method in ("satterthwaite", "kenward-roger", "normal"):
        first = fit.test(["b_c[b] = 0", "g1 = 0"], method)
        second = fit.test(["3*g1 = 0", "b_c[b] - g1 = 0"], method)
        assert first.statistic == pytest.approx(second.statistic)
        if method != "satterthwaite":  # its degrees of freedom depend on the directions that are taken
            assert first.df_denominator == pytest.approx(second.df_denominator)


def test_matched_degrees_of_freedom() -> None:
    """F whose mean is that of the mean of independent F(1, v): equal v stay, one of no mean gives 2."""
    from hdsl.results.inference.degrees import _matched

    assert _matched(np.array([7.0, 7.0])) == 7.0
    assert _matched(np.array([1.5, 30.0])) == 2.0
    each = np.array([5.0, 12.0, 40.0])
    df = _matched(each)
    assert df / (df - 2) == pytest.approx((each / (each - 2)).mean())


def test_what_a_fit_cannot_answer(fit: FittedModel) -> None:
    with pytest.raises(hdsl.FitError, match="is for REML"):
        hdsl.Model(TEXT).fit(DATA).inference("kenward-roger")
    with pytest.raises(hdsl.FitError, match="satterthwaite"):
        fit.inference("satterthwait")  # type: ignore[arg-type]
    with pytest.raises(hdsl.FitError, match="level"):
        fit.inference(level=1.0)
    with pytest.raises(hdsl.FitError, match=r"cannot be read|is no fixed effect"):
        fit.test("s = 0")
    with pytest.raises(hdsl.FitError, match="no contrast"):
        fit.contrast([])


def test_without_degrees_of_freedom_tests_are_normal(fit: FittedModel) -> None:
    from dataclasses import replace

    bare = FittedModel(fit.design, replace(fit.outcome, fixed_variation=None))
    assert bare.tvalues.name == "z"
    assert math.isinf(bare.df["b1"])
    with pytest.raises(hdsl.FitError, match="fit the model again"):
        bare.inference("satterthwaite")


def test_joint_is_a_record() -> None:
    assert Joint(F=1.0, df=2, df_denominator=3.0).df == 2
