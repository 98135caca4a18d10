"""Cluster-robust errors: what they are in the simplest cases, which clusters are taken, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.results import FittedModel
from hdsl.results.inference import robust
from tests.unit.results.inference.test_wald import DATA, POOLED, TEXT, J, N


@pytest.fixture(scope="module")
def fit() -> FittedModel:
    return hdsl.Model(TEXT).fit(DATA, method="reml")


@pytest.fixture(scope="module")
def pooled() -> FittedModel:
    return hdsl.Model(POOLED).fit(DATA, method="reml")


def least_squares(fit: FittedModel) -> tuple[np.ndarray, np.ndarray]:
    X = np.column_stack([np.ones(N), DATA["x"], *[DATA["c"] == level for level in "bcd"]]).astype(float)
    names = ["b0", "b1", "b_c[b]", "b_c[c]", "b_c[d]"]
    assert X @ fit.fixef[names].to_numpy() == pytest.approx(fit.fitted.to_numpy())
    return X, np.array([list(fit.fixef.index).index(name) for name in names])


def test_rows_as_clusters_are_white_and_hc2(pooled: FittedModel) -> None:
    X, order = least_squares(pooled)
    M, e = np.linalg.inv(X.T @ X), pooled.residuals.to_numpy()
    hat = np.einsum("ir,rs,is->i", X, M, X)
    for kind, weights in (("CR0", e**2), ("CR2", e**2 / (1 - hat))):
        expected = M @ (X.T * weights) @ X @ M
        found = pooled.robust(np.arange(N), kind).covariance[np.ix_(order, order)]  # type: ignore[arg-type]
        assert found == pytest.approx(expected, rel=1e-8)


def test_clusters_of_rows(pooled: FittedModel) -> None:
    X, order = least_squares(pooled)
    M, e = np.linalg.inv(X.T @ X), pooled.residuals.to_numpy()
    scores = np.array([X[DATA["j"] == j].T @ e[DATA["j"] == j] for j in range(J)])
    for kind, factor in (("CR0", 1.0), ("CR1", J / (J - 1))):
        found = pooled.robust(DATA["j"], kind)  # type: ignore[arg-type]
        assert found.covariance[np.ix_(order, order)] == pytest.approx(factor * M @ scores.T @ scores @ M, rel=1e-8)
    assert "20 clusters: j" in str(found)


def test_levels_by_index_by_column_and_by_labels_are_the_same(fit: FittedModel) -> None:
    shuffled = DATA.rename(columns={"j": "school"})
    again = hdsl.Model("index j = school\n" + TEXT).fit(shuffled, method="reml")
    first = fit.robust("j").table
    for other in (again.robust("school").table, again.robust("j").table, fit.robust(DATA["j"].astype(str)).table):
        assert other.to_numpy() == pytest.approx(first.to_numpy(), rel=1e-9)


def test_a_dense_working_covariance_without_random_part_is_the_independent_one(
    pooled: FittedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pooled.robust(DATA["j"]).table
    sigma = pooled.outcome.sigma
    monkeypatch.setattr(robust, "_Independent", lambda _: Sized(sigma))
    assert pooled.robust(DATA["j"]).table.to_numpy() == pytest.approx(first.to_numpy(), rel=1e-9)


class Sized:
    """Makes the dense covariance when it learns how many rows there are."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def of(self, B: np.ndarray) -> robust._Dependent:
        return robust._Dependent(self.sigma**2 * np.eye(len(B)))

    def solve(self, B: np.ndarray) -> np.ndarray:
        return self.of(B).solve(B)

    def times(self, B: np.ndarray) -> np.ndarray:
        return self.of(B).times(B)

    def adjusted(self, B: np.ndarray, root: np.ndarray) -> np.ndarray:
        return self.of(B).adjusted(B, root)


def test_contrasts_and_intervals(fit: FittedModel) -> None:
    found = fit.robust("j")
    assert found.contrast("b1").iloc[0].tolist() == pytest.approx(found.table.loc["b1"].tolist())
    assert found.cov_params().loc["b1", "b1"] == pytest.approx(found.table.loc["b1", "se"] ** 2)
    narrow, wide = (found.inference(level)["upper"] for level in (0.5, 0.99))
    assert (narrow < wide).all()


def test_robust_errors_are_near_the_models_where_it_is_right() -> None:
    """With many clusters of a right model, CR2 agrees with the model's own errors."""
    rng = np.random.default_rng(1)
    j = np.repeat(np.arange(400), 5)
    data = pd.DataFrame({"j": j, "x": rng.normal(size=2000)})
    data["y"] = data["x"] + rng.normal(size=400)[j] + rng.normal(size=2000)
    fit = hdsl.Model("y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(m, s)\n").fit(data, method="reml")
    assert fit.robust("j").table["se"].to_numpy() == pytest.approx(fit.bse[fit.fixef.index].to_numpy(), rel=0.1)


REFUSED = {
    "crossed": (lambda fit: fit.robust(DATA["c"]), "lie in several clusters of c"),
    "unknown level": (lambda fit: fit.robust("school"), "no index"),
    "unknown kind": (lambda fit: fit.robust("j", "CR4"), "CR4"),
    "labels of other rows": (lambda fit: fit.robust(DATA["j"].iloc[1:]), "299 cluster labels for 300 rows"),
    "one cluster": (lambda fit: fit.robust(np.zeros(N)), "two clusters"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, fit: FittedModel) -> None:
    ask, words = REFUSED[name]
    with pytest.raises(hdsl.FitError, match="HM510") as caught:
        ask(fit)
    assert words in str(caught.value)


def test_large_clusters_are_refused(fit: FittedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robust, "LARGEST", 3)
    with pytest.raises(hdsl.FitError, match="rows"):
        fit.robust("j")


def test_joint_tests(fit: FittedModel) -> None:
    found = fit.robust("j")
    one, row = found.test("b1 = 0"), found.table.loc["b1"]
    assert (one.statistic, one.df_denominator) == pytest.approx((row["t"] ** 2, row["df"]))
    assert one.p == pytest.approx(row["p"])
    three = found.test("b_c")
    assert three.df == 3
    assert three.df_denominator < J
    again = found.test(["b_c[b] = b_c[c]", "b_c[c] = 2*b_c[d]", "b_c[d]"])
    assert (again.statistic, again.df_denominator) == pytest.approx((three.statistic, three.df_denominator))
    with pytest.raises(hdsl.FitError, match="too few"):
        fit.robust((DATA["j"] < 10).astype(int)).test(["b_c", "b1"])


def test_other_outcomes_without_a_random_part() -> None:
    """Logistic regression by hand: scores x (y - p), information X'WX."""
    data = DATA.assign(t=(DATA["y"] > 1.3).astype(int))
    fit = hdsl.Model("t[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i]\n").fit(data)
    X = np.column_stack([np.ones(N), data["x"]])
    p = 1 / (1 + np.exp(-X @ fit.params[["b0", "b1"]].to_numpy()))
    M = np.linalg.inv((X.T * p * (1 - p)) @ X)
    scores = np.array([X[data["j"] == j].T @ (data["t"] - p)[data["j"] == j] for j in range(J)])
    found = fit.robust(data["j"], "CR0")
    order = [list(fit.fixef.index).index(name) for name in ("b0", "b1")]
    assert found.covariance[np.ix_(order, order)] == pytest.approx(M @ scores.T @ scores @ M, rel=1e-5)
    assert np.isinf(found.table["df"]).all()
    assert fit.robust(data["j"], "CR1").covariance == pytest.approx(found.covariance * J / (J - 1))
    with pytest.raises(hdsl.FitError, match="CR2"):
        fit.robust(data["j"], "CR2")
