"""Scores of clusters against Laplace's method and integrals written out for one cluster at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln
from scipy.stats import norm

import hdsl
from hdsl.results import FittedModel
from hdsl.results.inference.scores import cluster_scores

STEP = 1e-4


def counts() -> pd.DataFrame:
    """Visits of patients in wards of hospitals; within a hospital, nurses are crossed with wards."""
    rng = np.random.default_rng(5)
    n, clusters = 240, 12
    hospital = np.sort(rng.integers(0, clusters, n))
    ward, nurse = hospital * 3 + rng.integers(0, 3, n), hospital * 4 + rng.integers(0, 4, n)
    x = rng.normal(size=n)
    effects = [rng.normal(0, sd, 100) for sd in (0.5, 0.3, 0.4, 0.3)]
    log_mean = 1 + 0.3 * x + effects[0][hospital] + (effects[1][hospital]) * x + effects[2][ward] + effects[3][nurse]
    return pd.DataFrame(
        {"hospital": hospital, "ward": ward, "nurse": nurse, "x": x, "y": rng.poisson(np.exp(log_mean))}
    )


CROSSED = """
y[i] ~ poisson(mu[i])
log(mu[i]) = b0[hospital] + b1[hospital]*x[i] + u[ward] + v[nurse]
(b0[hospital], b1[hospital]) ~ mvnormal((m0, m1), S)
u[ward] ~ normal(0, sd_ward)
v[nurse] ~ normal(0, sd_nurse)
"""


def by_hand(fit: FittedModel, rows: pd.DataFrame, values: dict[str, float]) -> float:
    """Laplace's log-likelihood of one cluster: every effect a column, the mode by Newton's method."""
    columns = [np.ones(len(rows)), rows["x"].to_numpy()]
    s0, s1 = values["sd(b0[hospital])"], values["sd(b1[hospital])"]
    off = values["cor(b0[hospital], b1[hospital])"] * s0 * s1
    prior = [np.array([[s0**2, off], [off, s1**2]])]
    for column, sd in (("ward", "sd_ward"), ("nurse", "sd_nurse")):
        labels = rows[column].unique()
        columns += [(rows[column] == label).to_numpy(float) for label in labels]
        prior += [np.full((1, 1), values[sd] ** 2)] * len(labels)
    Z, S = np.column_stack(columns), np.zeros((len(columns),) * 2)
    at = 0
    for own in prior:
        S[at : at + len(own), at : at + len(own)] = own
        at += len(own)
    P, y = np.linalg.inv(S), rows["y"].to_numpy(float)
    base = values["m0"] + values["m1"] * rows["x"].to_numpy()

    def negative(b):
        eta = base + Z @ b
        return (np.exp(eta) - y * eta + gammaln(y + 1)).sum() + 0.5 * b @ P @ b

    def slope(b):
        return Z.T @ (np.exp(base + Z @ b) - y) + P @ b

    b = np.zeros(len(S))
    for _ in range(50):  # Newton's method; the penalised log density is concave
        H = Z.T @ (np.exp(base + Z @ b)[:, None] * Z) + P
        step = np.linalg.solve(H, slope(b))
        while negative(b - step) > negative(b) + 1e-12:
            step /= 2
        b = b - step
    return -negative(b) - 0.5 * np.linalg.slogdet(S @ H)[1]


@pytest.fixture(scope="module")
def crossed() -> FittedModel:
    return hdsl.Model(CROSSED).fit(counts())


def test_scores_of_crossed_effects_within_clusters(crossed: FittedModel) -> None:
    data = counts()
    names, codes = np.unique(data["hospital"], return_inverse=True)
    found = cluster_scores(crossed.design, crossed.outcome, codes)
    assert found.scores.shape == (len(names), crossed.dof)
    values = dict(crossed.params)
    order = list(crossed.params.index)
    assert order[:2] == ["m0", "m1"]
    for cluster in (0, 5, 11):
        rows = data[data["hospital"] == names[cluster]]
        expected = [
            (
                by_hand(crossed, rows, values | {name: values[name] + STEP})
                - by_hand(crossed, rows, values | {name: values[name] - STEP})
            )
            / (2 * STEP)
            for name in order
        ]
        places = [*range(2), *(2 + order[2:].index(name) for name in _variance_names(crossed))]
        assert found.scores[cluster] == pytest.approx([expected[place] for place in places], rel=1e-5, abs=1e-5)


def _variance_names(fit: FittedModel) -> list[str]:
    return [fit.design.variance_names[entry] for entry in fit.outcome.variance_parameters]


def test_scores_add_up_to_zero_and_the_covariance_is_that_of_the_fit(crossed: FittedModel) -> None:
    codes = np.unique(counts()["hospital"], return_inverse=True)[1]
    found = cluster_scores(crossed.design, crossed.outcome, codes)
    se = np.sqrt(np.diag(found.covariance))
    assert np.abs(found.scores.sum(axis=0) * se).max() < 2e-4
    assert se[:2] == pytest.approx(crossed.bse[["m0", "m1"]])
    half = found.scores @ found.covariance
    robust = crossed.robust("hospital", "CR0")
    assert robust.covariance == pytest.approx((half.T @ half)[:2, :2])
    assert crossed.robust("hospital", "CR1").covariance == pytest.approx(robust.covariance * 12 / 11)
    assert (robust.inference()["df"] == np.inf).all()


def test_scores_by_quadrature_are_those_of_the_integral() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(15), 6)
    x = rng.normal(size=90)
    y = (rng.random(90) < 1 / (1 + np.exp(-(0.5 * x + rng.normal(0, 1, 15)[group])))).astype(int)
    data = pd.DataFrame({"g": group, "x": x, "y": y})
    text = "y[i] ~ bernoulli(p[i])\nlogit(p[i]) = a + b*x[i] + u[g]\nu[g] ~ normal(0, sd_u)"
    fit = hdsl.Model(text).fit(data, method="agq", nodes=25)
    clusters = group // 2
    found = cluster_scores(fit.design, fit.outcome, clusters)

    def log_likelihood(values: np.ndarray, cluster: int) -> float:
        total = 0.0
        for g in np.unique(group[clusters == cluster]):
            eta = values[0] + values[1] * x[group == g]
            sign = 2.0 * y[group == g] - 1.0

            def integrand(u, eta=eta, sign=sign):
                return np.exp(-np.logaddexp(0, -sign * (eta + u)).sum()) * norm.pdf(u, 0, values[2])

            total += np.log(quad(integrand, -10, 10, epsabs=0, epsrel=1e-12, limit=200)[0])
        return total

    values = fit.params[["a", "b", "sd_u"]].to_numpy()
    for cluster in (0, 3, 7):
        for place in range(3):
            move = STEP * np.eye(3)[place]
            expected = (log_likelihood(values + move, cluster) - log_likelihood(values - move, cluster)) / (2 * STEP)
            assert found.scores[cluster, place] == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_pooled_model_has_the_scores_of_its_rows() -> None:
    data = counts()
    fit = hdsl.Model("y[i] ~ poisson(mu[i])\nlog(mu[i]) = b0 + b1*x[i]").fit(data)
    X, error = np.column_stack([np.ones(len(data)), data["x"]]), data["y"] - fit.fitted
    codes = np.unique(data["hospital"], return_inverse=True)[1]
    scores = np.array([X[codes == j].T @ error[codes == j] for j in range(codes.max() + 1)])
    M = np.linalg.inv(X.T @ (fit.fitted.to_numpy()[:, None] * X))
    robust = fit.robust(data["hospital"], "CR0")  # type: ignore[arg-type]
    assert robust.covariance == pytest.approx(M @ scores.T @ scores @ M, rel=1e-6)


def test_what_is_on_its_edge_takes_no_part() -> None:
    data = counts().assign(g=lambda d: np.arange(len(d)) % 7 + 10 * d["hospital"])
    rng = np.random.default_rng(0)
    data["y"] = rng.poisson(2.0, len(data))
    text = "y[i] ~ poisson(mu[i])\nlog(mu[i]) = b0 + b1*x[i] + u[g] + w[hospital]\nu[g] ~ normal(0, sd_u)\n"
    fit = hdsl.Model(text + "w[hospital] ~ normal(0, sd_w)").fit(data)
    assert fit.status == "boundary"
    codes = np.unique(data["hospital"], return_inverse=True)[1]
    assert cluster_scores(fit.design, fit.outcome, codes).scores.shape == (12, fit.dof - len(fit.boundary))
    assert np.isfinite(fit.robust("hospital", "CR0").table["se"]).all()
