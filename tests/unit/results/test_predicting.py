"""Predictions: standard errors against a dense computation, integration against brute force, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hdsl import DataError, FitError, Model
from hdsl.results import FittedModel
from hdsl.results.predicting.means import layers, mean_of
from hdsl.results.predicting.response import integrate

N = 300


def made_up(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    j, k = np.arange(N) % 15, rng.integers(0, 8, N)
    x = rng.normal(size=N)
    y = 1 + rng.normal(size=15)[j] + (2 + 0.7 * rng.normal(size=15)[j]) * x + rng.normal(size=8)[k]
    data = pd.DataFrame({"j": j, "k": k, "x": x, "y": y + rng.normal(size=N)})
    data["count"] = rng.poisson(np.exp(0.3 * y))
    data["size"] = 6
    data["wins"] = rng.binomial(6, 1 / (1 + np.exp(-0.5 * y)))
    data["grade"] = pd.cut(y, [-np.inf, 0, 1.5, 3, np.inf], labels=["d", "c", "b", "a"])
    return data


DATA = made_up()
CROSSED = """\
y[i] ~ normal(b0 + b1*x[i] + u0[j] + u1[j]*x[i] + v[k], sd)
(u0[j], u1[j]) ~ mvnormal(0, Omega)
v[k] ~ normal(0, sd_k)
"""
COUNTS = """\
count[i] ~ poisson(mu[i])
log(mu[i]) = b0 + b1*x[i] + u[j] + v[k]
u[j] ~ normal(0, sd_j)
v[k] ~ normal(0, sd_k)
"""
SHARES = """\
wins[i] ~ binomial(size[i], p[i])
logit(p[i]) = b0 + b1*x[i] + u[j] + v[j]*x[i]
u[j] ~ normal(0, sd_j)
v[j] ~ normal(0, sd_v)
"""
GRADES = """\
grade[i] ~ ordered_logit(eta[i], cut)
eta[i] = b1*x[i] + u[j]
u[j] ~ normal(0, sd_j)
"""


@pytest.fixture(scope="module")
def crossed() -> FittedModel:
    return Model(CROSSED).fit(DATA, method="reml")


@pytest.fixture(scope="module")
def counts() -> FittedModel:
    return Model(COUNTS).fit(DATA)


@pytest.fixture(scope="module")
def shares() -> FittedModel:
    return Model(SHARES).fit(DATA)


@pytest.fixture(scope="module")
def grades() -> FittedModel:
    return Model(GRADES).fit(DATA)


def matrices(fit: FittedModel, data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X, Z and the covariance of all random effects, written out."""
    n = len(data)
    X = np.column_stack([np.ones(n), data["x"]])
    j, k = np.eye(15)[data["j"]], np.eye(8)[data["k"]]
    Z = np.hstack([np.column_stack([j[:, g] * z for g in range(15) for z in (np.ones(n), data["x"])]), k])
    sd, cor = fit.outcome.sd, fit.outcome.cor
    first = sd[0][:, None] * cor[0] * sd[0]
    G = np.zeros((38, 38))
    G[:30, :30] = np.kron(np.eye(15), first)
    G[30:, 30:] = np.eye(8) * sd[1] ** 2
    return X, Z, G


def test_standard_errors_are_those_of_the_mixed_model_equations(crossed: FittedModel) -> None:
    X, Z, G = matrices(crossed, DATA)
    s2 = crossed.outcome.sigma**2
    system = np.block([[X.T @ X / s2, X.T @ Z / s2], [Z.T @ X / s2, Z.T @ Z / s2 + np.linalg.inv(G)]])
    C = np.linalg.inv(system)
    new = pd.DataFrame({"j": [0, 3, 14], "k": [7, 1, 1], "x": [0.0, 5.0, -2.0]})
    X, Z, _ = matrices(crossed, new)
    for include, keep in (("all", 38 * [1.0]), (["j"], 30 * [1.0] + 8 * [0.0]), (["k"], 30 * [0.0] + 8 * [1.0])):
        A = np.hstack([X, Z * np.array(keep)])
        expected = np.sqrt(np.einsum("np,pq,nq->n", A, C, A))
        assert crossed.predictions(new, include)["se"].to_numpy() == pytest.approx(expected, rel=1e-6)
    fixed = np.sqrt(np.einsum("np,pq,nq->n", X, crossed.outcome.cov_beta, X))
    assert crossed.predictions(new, include=None)["se"].to_numpy() == pytest.approx(fixed, rel=1e-9)


def test_a_new_group_has_the_variance_of_its_effects_in_its_standard_error(crossed: FittedModel) -> None:
    new = pd.DataFrame({"j": [99], "k": [0], "x": [2.0]})
    known = crossed.predictions(new, include=["k"])["se"].to_numpy()
    z, (sd, _), (cor, _) = np.array([1.0, 2.0]), crossed.outcome.sd, crossed.outcome.cor
    added = z @ (sd[:, None] * cor * sd) @ z
    found = crossed.predictions(new)
    assert found["se"].to_numpy() == pytest.approx(np.sqrt(known**2 + added), rel=1e-9)
    assert found["estimate"].tolist() == crossed.predict(new, include=["k"]).tolist()
    assert found.attrs["groups"] == {
        "j": "1 new, effects at zero, their variance in the standard error",
        "k": "1 group seen, at their conditional modes",
    }
    assert found.attrs["about"].count("\n") == 1


def test_effects_that_do_not_vary_need_no_inverse() -> None:
    data = DATA.assign(y=DATA["x"] + np.random.default_rng(0).normal(size=N))
    fit = Model("y[i] ~ normal(b0 + b1*x[i] + u[j], sd)\nu[j] ~ normal(0, s)").fit(data.assign(j=np.arange(N) % 150))
    assert fit.params["s"] == 0.0
    X = np.column_stack([np.ones(N), data["x"]])
    expected = np.sqrt(np.einsum("np,pq,nq->n", X, fit.outcome.cov_beta, X))
    assert fit.predictions()["se"].to_numpy() == pytest.approx(expected, rel=1e-9)


def test_intervals_of_the_mean_and_of_an_observation(crossed: FittedModel) -> None:
    new = pd.DataFrame({"j": [0], "k": [0], "x": [1.0]})
    mean = crossed.predictions(new, level=0.9).iloc[0]
    assert (mean["upper"] - mean["lower"]) / 2 == pytest.approx(1.6448536 * mean["se"])
    s2 = crossed.outcome.sigma**2
    own = crossed.predictions(new, interval="prediction").iloc[0]
    assert (own["upper"] - own["lower"]) / 2 == pytest.approx(1.959964 * np.sqrt(mean["se"] ** 2 + s2))
    any_ = crossed.predictions(new, include=["k"], marginal=True, interval="prediction").iloc[0]
    z, sd, cor = np.array([1.0, 1.0]), crossed.outcome.sd, crossed.outcome.cor
    spread = z @ (sd[0][:, None] * cor[0] * sd[0]) @ z
    assert (any_["upper"] - any_["lower"]) / 2 == pytest.approx(1.959964 * np.sqrt(any_["se"] ** 2 + s2 + spread))


def test_least_squares_intervals_have_their_degrees_of_freedom() -> None:
    fit = Model("y[i] ~ normal(b0 + b1*x[i], sd)").fit(DATA.iloc[:8], method="reml")
    row = fit.predictions({"x": [0.5]}).iloc[0]
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(2.446912 * row["se"], rel=1e-6)


def test_combinations_of_fixed_effects_have_the_degrees_of_freedom_of_their_tests(crossed: FittedModel) -> None:
    found = crossed.predictions({"x": [0.5, 2.0]}, include=None)
    expected = crossed.contrast(["b0 + 0.5*b1", "b0 + 2*b1"])
    for column in ("estimate", "se", "lower", "upper"):
        assert found[column].to_numpy() == pytest.approx(expected[column].to_numpy(), rel=1e-9)
    assert (expected["df"] < 20).all()


def test_a_new_observation_has_the_degrees_of_freedom_of_its_variance() -> None:
    """In a balanced one-way layout: those of the sum of two mean squares, in closed form."""
    J, n = 9, 6
    rng = np.random.default_rng(12)
    g = np.repeat(np.arange(J), n)
    y = 3 + rng.normal(size=J)[g] + rng.normal(size=J * n)
    fit = Model("y[i] ~ normal(m + u[g], s)\nu[g] ~ normal(0, s_g)").fit({"g": g, "y": y}, method="reml")
    means = y.reshape(J, n).mean(axis=1)
    between, within = n * means.var(ddof=1), ((y - means[g]) ** 2).sum() / (J * (n - 1))
    parts = np.array([between / n * (1 + 1 / J), within * (1 - 1 / n)])
    df = parts.sum() ** 2 / (parts**2 / [J - 1, J * (n - 1)]).sum()
    row = fit.predictions({"g": ["new"]}, include=None, marginal=True, interval="prediction").iloc[0]
    reach = stats.t.ppf(0.975, df) * np.sqrt(parts.sum())
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(reach, rel=1e-6)
    typical = fit.predictions({"g": ["new"]}, include=None, interval="prediction").iloc[0]
    parts = np.array([between / (n * J), within])
    df = parts.sum() ** 2 / (parts**2 / [J - 1, J * (n - 1)]).sum()
    reach = stats.t.ppf(0.975, df) * np.sqrt(parts.sum())
    assert (typical["upper"] - typical["lower"]) / 2 == pytest.approx(reach, rel=1e-6)


def test_where_a_variance_is_zero_a_new_observation_has_normal_quantiles() -> None:
    y = np.random.default_rng(0).normal(size=(5, 8))
    data = {"g": np.arange(40) % 8, "y": (y - y.mean(axis=0)).ravel()}  # all groups have the same mean
    fit = Model("y[i] ~ normal(m + u[g], s)\nu[g] ~ normal(0, s_g)").fit(data, method="reml")
    assert fit.boundary == ("s_g",)
    row = fit.predictions({"g": ["new"]}, include=None, marginal=True, interval="prediction").iloc[0]
    reach = 1.959964 * np.hypot(row["se"], fit.params["s"])
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(reach, rel=1e-6)


def test_new_counts_lie_within_quantiles_of_their_mixture(counts: FittedModel) -> None:
    """With large groups the parameters are nearly known: the predictive distribution is a Poisson-lognormal one."""
    new = {"x": [0.0, 1.0]}
    found = counts.predictions(new, include=None, marginal=True, interval="prediction", level=0.9, n=20_000, seed=4)
    link = counts.predictions(new, include=None, scale="link")
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    sd2 = counts.params["sd_j"] ** 2 + counts.params["sd_k"] ** 2
    for row in range(2):
        eta, se = link["estimate"].iloc[row], link["se"].iloc[row]
        rates = np.exp(eta + np.sqrt(se**2 + sd2) * nodes)

        def below(y: float, rates: np.ndarray = rates) -> float:
            return float(weights @ stats.poisson.cdf(y, rates))

        lower, upper = found["lower"].iloc[row], found["upper"].iloc[row]
        assert lower == round(lower)
        assert below(lower - 1) <= 0.055
        assert below(lower) >= 0.045
        assert below(upper - 1) <= 0.955
        assert below(upper) >= 0.945
    again = counts.predictions(new, include=None, marginal=True, interval="prediction", level=0.9, n=20_000, seed=4)
    assert again.equals(found)


def test_new_shares_have_the_sizes_of_the_new_rows(shares: FittedModel) -> None:
    new = pd.DataFrame({"j": [0, 0], "x": [0.3, 0.3], "size": [4, 4000]})
    found = shares.predictions(new, interval="prediction")
    assert (4 * found[["lower", "upper"]].iloc[0] % 1 == 0).all()
    width = found["upper"] - found["lower"]
    mean = shares.predictions(new)
    assert width.iloc[0] > 2 * width.iloc[1] > 0
    assert width.iloc[1] == pytest.approx((mean["upper"] - mean["lower"]).iloc[1], rel=0.1)
    with pytest.raises(DataError):
        shares.predictions(new.drop(columns="size"), interval="prediction")
    assert shares.predict(new.drop(columns="size")).notna().all()


def test_rows_with_missing_values_have_no_interval_of_an_observation(counts: FittedModel) -> None:
    new = pd.DataFrame({"j": [0, 0], "k": [0, 0], "x": [0.3, np.nan]})
    found = counts.predictions(new, interval="prediction")
    assert found.iloc[0].notna().all()
    assert found.iloc[1].isna().all()


def test_new_observations_of_a_gaussian_outcome_with_an_equation_for_its_spread() -> None:
    text = "y[i] ~ normal(m[i], s[i])\nm[i] = b0 + b1*x[i]\nlog(s[i]) = a0 + a1*x[i]"
    fit = Model(text).fit(DATA)
    found = fit.predictions({"x": [0.0]}, interval="prediction", n=50_000)
    mean = fit.predictions({"x": [0.0]}).iloc[0]
    reach = 1.959964 * np.hypot(np.exp(fit.params["a0"]), mean["se"])
    bounds = found[["lower", "upper"]].to_numpy()[0]
    assert bounds == pytest.approx([mean["estimate"] - reach, mean["estimate"] + reach], abs=0.05 * reach)


def test_a_mean_integrated_over_effects_has_its_closed_form_with_a_log_link(counts: FittedModel) -> None:
    new = {"x": [0.0, 1.0]}
    eta = counts.predict(new, include=None, scale="link").to_numpy()
    variance = counts.params["sd_j"] ** 2 + counts.params["sd_k"] ** 2
    found = counts.predict(new, include=None, marginal=True)
    assert found.to_numpy() == pytest.approx(np.exp(eta + variance / 2), rel=1e-12)
    assert found.attrs["groups"] == {"j": "not included: integrated over", "k": "not included: integrated over"}
    by_group = counts.predict({"x": [0.0], "k": [2]}, include=["k"], marginal=True)
    expected = counts.predict({"x": [0.0], "k": [2]}, include=["k"]) * np.exp(counts.params["sd_j"] ** 2 / 2)
    assert by_group.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)


def test_a_mean_integrated_over_effects_by_quadrature(shares: FittedModel) -> None:
    new = {"x": [0.0, 2.0, -3.0]}
    rng = np.random.default_rng(0)
    p = shares.params
    x = np.array(new["x"])
    draws = 400_000
    u, v = p["sd_j"] * rng.standard_normal((draws, 1)), p["sd_v"] * rng.standard_normal((draws, 1))
    expected = (1 / (1 + np.exp(-(p["b0"] + p["b1"] * x + u + v * x)))).mean(axis=0)
    found = shares.predict(new, include=None, marginal=True).to_numpy()
    assert found == pytest.approx(expected, abs=2e-3)
    assert shares.predict(new, include=None).to_numpy() == pytest.approx(1 / (1 + np.exp(-(p["b0"] + p["b1"] * x))))


def test_standard_errors_on_the_response_scale_by_the_delta_method(counts: FittedModel) -> None:
    link, response = counts.predictions(scale="link"), counts.predictions()
    assert response["se"].to_numpy() == pytest.approx((np.exp(link["estimate"]) * link["se"]).to_numpy(), rel=1e-6)
    for bound in ("lower", "upper"):
        assert response[bound].to_numpy() == pytest.approx(np.exp(link[bound]).to_numpy(), rel=1e-12)


def test_standard_errors_of_a_generalised_model_are_those_of_the_joint_density(counts: FittedModel) -> None:
    n, p = len(DATA), counts.params
    X = np.column_stack([np.ones(n), DATA["x"]])
    Z = np.hstack([np.eye(15)[DATA["j"]], np.eye(8)[DATA["k"]]])
    W = counts.fitted.to_numpy()
    M = (Z.T * W) @ Z + np.diag([p["sd_j"] ** -2] * 15 + [p["sd_k"] ** -2] * 8)
    J = -np.linalg.solve(M, (Z.T * W) @ X)
    A = X + Z @ J
    variance = np.einsum("np,pq,nq->n", A, counts.outcome.cov_beta, A) + np.einsum(
        "nq,qn->n", Z, np.linalg.solve(M, Z.T)
    )
    assert counts.predictions(scale="link")["se"].to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_probabilities_of_categories(grades: FittedModel) -> None:
    new = pd.DataFrame({"x": [0.0, 1.0], "j": [3, 99]})
    found = grades.predict(new)
    assert found.columns.tolist() == ["d", "c", "b", "a"]
    p, u = grades.params, [grades.ranef["u[j]"]["estimate"].loc["3"], 0.0]
    eta = p["b1"] * np.array([0.0, 1.0]) + u
    below = 1 / (1 + np.exp(-(p[["cut[1]", "cut[2]", "cut[3]"]].to_numpy() - eta[:, None])))
    expected = np.diff(np.column_stack([np.zeros(2), below, np.ones(2)]), axis=1)
    assert found.to_numpy() == pytest.approx(expected, rel=1e-10)
    assert grades.predict(new, scale="link").to_numpy() == pytest.approx(eta, rel=1e-12)
    assert grades.fitted.sum(axis=1).to_numpy() == pytest.approx(np.ones(N))
    averaged = grades.predict(new, include=None, marginal=True)
    assert averaged.sum(axis=1).to_numpy() == pytest.approx(np.ones(2))


def test_standard_errors_of_probabilities_of_categories(grades: FittedModel) -> None:
    """By the delta method with derivatives by the parameters themselves, written out."""
    found = grades.predictions({"x": [0.4]}, include=None)
    assert found.index.names[1] == "grade"
    names = ["b1", "cut[1]", "cut[2]", "cut[3]"]
    covariance = grades.cov_params().loc[names, names].to_numpy()

    def shares_at(values: np.ndarray) -> np.ndarray:
        below = 1 / (1 + np.exp(values[0] * 0.4 - values[1:]))
        return np.diff(np.concatenate([[0.0], below, [1.0]]))

    values = grades.params[names].to_numpy()
    J = np.array([(shares_at(values + h) - shares_at(values - h)) / 2e-5 for h in 1e-5 * np.eye(4)])
    assert found["estimate"].to_numpy() == pytest.approx(shares_at(values), rel=1e-8)
    assert found["se"].to_numpy() == pytest.approx(np.sqrt(np.diag(J.T @ covariance @ J)), rel=1e-5)
    assert ((found["lower"] > 0) & (found["upper"] < 1)).all()
    marginal = grades.predictions({"x": [0.4]}, include=None, marginal=True)
    assert marginal["estimate"].sum() == pytest.approx(1.0)
    assert (marginal["se"] > 0).all()


def test_bounds_of_a_mean_of_two_predictors_stay_in_its_range() -> None:
    text = "count[i] ~ zero_inflated(poisson(m[i]), z[i])\nlog(m[i]) = b0 + b1*x[i]\nlogit(z[i]) = a0 + a1*x[i]"
    found = Model(text).fit(DATA).predictions({"x": [-4.0, 0.0]})
    assert (found["lower"] > 0).all()
    ratio = np.exp(1.959964 * found["se"] / found["estimate"])
    assert found["upper"].to_numpy() == pytest.approx((found["estimate"] * ratio).to_numpy(), rel=1e-6)


def test_rows_of_the_fit_given_again(counts: FittedModel, shares: FittedModel, grades: FittedModel) -> None:
    for fit in (counts, shares, grades):
        assert np.allclose(fit.predict(DATA), fit.fitted, rtol=1e-12)


def test_rows_with_missing_values_have_no_prediction(crossed: FittedModel) -> None:
    new = pd.DataFrame({"j": [0, None, 2], "k": [0, 1, 2], "x": [1.0, 1.0, np.nan]}, index=list("abc"))
    assert crossed.predict(new).isna().tolist() == [False, True, True]
    assert crossed.predict(new, include=["k"]).isna().tolist() == [False, False, True]
    assert crossed.predictions(new).isna().all(axis=1).tolist() == [False, True, True]


def test_what_is_refused(crossed: FittedModel, counts: FittedModel, grades: FittedModel) -> None:
    new = {"x": [1.0]}
    requests = (
        lambda: crossed.predictions(new, include=None, interval="credible"),
        lambda: crossed.predictions(new, include=None, level=3.0),
        lambda: counts.predictions(new, include=None, interval="prediction", scale="link"),
        lambda: counts.predictions(new, include=None, interval="prediction", n=10),
        lambda: grades.predictions(new, include=None, interval="prediction"),
        lambda: crossed.predict(new, include=["q"]),
    )
    for request in requests:
        with pytest.raises(FitError) as caught:
            request()
        assert caught.value.code == "HM510"
    with pytest.raises(DataError) as missing:
        crossed.predict(new)
    assert {d.code for d in missing.value.diagnostics} == {"HM401"}


@pytest.mark.parametrize(("directions", "tolerance"), [(1, 1e-10), (2, 1e-8), (3, 1e-5), (4, 1e-4)])
def test_quadrature_against_a_closed_form(directions: int, tolerance: float) -> None:
    rng = np.random.default_rng(directions)
    root = rng.normal(size=(4, 5, directions)) * 0.3
    spread, eta = root @ root.transpose(0, 2, 1), rng.normal(size=(4, 5))
    found = integrate(lambda at: np.exp(at.sum(axis=1)), eta, spread)
    expected = np.exp(eta.sum(axis=1) + spread.sum(axis=(1, 2)) / 2)
    assert found == pytest.approx(expected, rel=tolerance)


def test_quadrature_in_too_many_directions_is_refused() -> None:
    with pytest.raises(FitError, match="cannot be integrated over"):
        integrate(lambda at: at.sum(axis=1), np.zeros((2, 5)), np.broadcast_to(np.eye(5), (2, 5, 5)))


def test_arguments_go_to_the_family_and_its_wrappers() -> None:
    given = [("size", 1), ("p", 2), ("p", 3)]
    assert layers("zero_inflated(binomial)", given) == ("binomial", {"size": 1, "p": 2}, [("zero_inflated", {"p": 3})])
    given = [("mean", 1), ("lower", 2), ("p", 3)]
    assert layers("hurdle(truncated(poisson))", given)[2] == [("truncated", {"lower": 2}), ("hurdle", {"p": 3})]
    assert layers("censored(normal)", [("mean", 1), ("sd", 2), ("lower", 3), ("upper", 4)])[1] == {"mean": 1, "sd": 2}


def test_means_of_wrapped_counts() -> None:
    mean, size, p = np.array([0.7]), np.array([2.0]), np.array([0.3])
    assert mean_of("zero_inflated(poisson)", [("mean", mean), ("p", p)]) == pytest.approx(0.7 * 0.7)
    zero = (2.0 / 2.7) ** 2
    found = mean_of("hurdle(negative_binomial)", [("mean", mean), ("size", size), ("p", p)])
    assert found == pytest.approx(0.7 * 0.7 / (1 - zero))
