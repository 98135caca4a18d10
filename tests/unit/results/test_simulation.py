"""Data drawn from models: they have the moments and the structure that was asked for, and the same file fits them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hdsl import DataError, FitError, Model
from hdsl.results.simulation import Scenario
from hdsl.results.simulation.samplers import SAMPLERS, draw

THREE = """\
index j = class in k
index k = school
y[i] ~ normal(b0[j] + b1*x[i] + b_town[town], sd)
b0[j] ~ normal(a[k] + g*z[j], sd_class)
a[k] ~ normal(mu + effect*treated[k], sd_school)
b_town[town] ~ flat(ref = "A")
"""
VALUES = {
    "mu": 2.0,
    "effect": 1.0,
    "g": 0.5,
    "b1": 1.0,
    "b_town[B]": 3.0,
    "sd_class": 0.7,
    "sd_school": 0.4,
    "sd": 1.0,
}
SIZES: dict[str, Any] = {"school": 30, "j": 4, "i": 6}
COVARIATES: dict[str, Any] = {
    "x": ("normal", 0, 1),
    "z": lambda rng, n: rng.normal(size=n),
    "treated": ("cycle", [0, 1]),
    "town": ("choice", ["A", "B"], [0.3, 0.7]),
}


def test_units_lie_in_their_parents_and_covariates_are_of_their_level() -> None:
    data = Model(THREE).simulate(VALUES, SIZES, COVARIATES, seed=1)
    assert len(data) == 30 * 4 * 6
    assert data["school"].nunique() == 30
    assert (data.groupby("school")["class"].nunique() == 4).all()
    assert (data.groupby("class")["school"].nunique() == 1).all()
    assert (data.groupby("class").size() == 6).all()
    assert (data.groupby("class")["z"].nunique() == 1).all()
    assert data["z"].nunique() == 120
    assert data.groupby("school")["treated"].first().tolist() == [0, 1] * 15
    assert set(data["town"]) == {"A", "B"}


def test_a_data_set_is_fitted_by_the_same_file() -> None:
    model = Model(THREE)
    fit = model.fit(model.simulate(VALUES, {"school": 150, "j": 4, "i": 6}, COVARIATES, seed=2))
    assert set(fit.params.index) == set(VALUES)
    z = (fit.params - pd.Series(VALUES)) / fit.bse
    assert z.abs().max() < 3.5


def test_equal_seeds_give_equal_data() -> None:
    model = Model(THREE)
    first, again, other = (model.simulate(VALUES, SIZES, COVARIATES, seed=seed) for seed in (5, 5, 6))
    assert first.equals(again)
    assert not first["y"].equals(other["y"])


def test_indices_of_which_none_lies_in_the_other_are_crossed() -> None:
    model = Model("y[i] ~ normal(m + u[plate] + v[sample], sd)\nu[plate] ~ normal(0, su)\nv[sample] ~ normal(0, sv)")
    values = {"m": 0, "su": 1, "sv": 1, "sd": 1}
    data = model.simulate(values, {"plate": 7, "sample": 5, "rows": 2}, seed=0)
    assert (pd.crosstab(data["plate"], data["sample"]) == 2).all(axis=None)
    single = model.simulate(values, {"plate": 7, "sample": 5}, seed=0)
    assert len(single) == 35


def test_sizes_may_differ_between_parents() -> None:
    sizes = {"school": 3, "j": [1, 2, 4], "i": [10, 2, 2, 3, 3, 3, 4]}
    data = Model(THREE).simulate(VALUES, sizes, COVARIATES | {"town": ("cycle", ["A", "B"])}, seed=0)
    assert data.groupby("school")["class"].nunique().tolist() == [1, 2, 4]
    assert data.groupby("class").size().tolist() == [10, 2, 2, 3, 3, 3, 4]


def test_labels_within_cells_repeat_where_the_model_says_so() -> None:
    model = Model(
        "y[i] ~ normal(m + u[batch] + u[batch,cask], sd)\nu[batch] ~ normal(0, sb)\nu[batch,cask] ~ normal(0, sc)"
    )
    data = model.simulate({"m": 60, "sb": 1, "sc": 3, "sd": 0.8}, {"batch": 10, "cask": 3, "i": 2}, seed=0)
    assert sorted(data["cask"].unique()) == [1, 2, 3]
    assert len(data) == 60
    n_groups = model.fit(data).n_groups
    assert (n_groups["batch"], n_groups["batch,cask"]) == (10, 30)


def test_outcomes_have_the_covariance_that_the_model_implies() -> None:
    model = Model("y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((0, 0), Omega)\nindex j = group")
    values = {"sd(b0[j])": 2.0, "sd(b1[j])": 1.0, "cor(b0[j], b1[j])": -0.6, "sd": 0.5}
    data = model.simulate(values, {"j": 20_000, "i": 2}, {"x": ("cycle", [0.0, 3.0])}, seed=4)
    wide = data["y"].to_numpy().reshape(-1, 2)
    expected = np.array([[4.25, 4 - 3.6], [4 - 3.6, 4 + 9 - 7.2 + 0.25]])
    assert np.cov(wide.T) == pytest.approx(expected, abs=0.15)


FAMILIES: list[tuple[str, dict[str, float], dict[str, Any]]] = [
    ("y[i] ~ poisson(m[i])\nlog(m[i]) = b0 + b1*x[i] + u[g]", {}, {}),
    ("y[i] ~ negative_binomial(m[i], size)\nlog(m[i]) = b0 + b1*x[i] + u[g]", {"size": 2.0}, {}),
    ("y[i] ~ zero_inflated(poisson(m[i]), p)\nlog(m[i]) = b0 + b1*x[i] + u[g]", {"p": 0.2}, {}),
    ("y[i] ~ hurdle(gamma(m[i], shape), p)\nlog(m[i]) = b0 + b1*x[i] + u[g]", {"p": 0.3, "shape": 3.0}, {}),
    ("y[i] ~ binomial(n[i], p[i])\nlogit(p[i]) = b0 + b1*x[i] + u[g]", {}, {"n": 5}),
    ("y[i] ~ bernoulli(p[i])\nprobit(p[i]) = b0 + b1*x[i] + u[g]", {}, {}),
    ('w[i] ~ bernoulli(p[i])\nw[i] = use[i] == "Y"\nlogit(p[i]) = b0 + b1*x[i] + u[g]', {}, {}),
    ("y[i] ~ truncated(normal(m[i], sd), lower = lo[i])\nm[i] = b0 + b1*x[i] + u[g]", {"sd": 1.0}, {"lo": -0.5}),
    ("y[i] ~ censored(normal(m[i], sd), upper = 1)\nm[i] = b0 + b1*x[i] + u[g]", {"sd": 1.0}, {}),
    ("log(y[i]) ~ normal(m[i], sd)\nm[i] = b0 + b1*x[i] + u[g]", {"sd": 1.0}, {}),
    ("y[i] ~ beta(m[i], precision)\nlogit(m[i]) = b0 + b1*x[i] + u[g]", {"precision": 8.0}, {}),
    ("y[i] ~ inverse_gaussian(m[i], shape)\nlog(m[i]) = b0 + b1*x[i] + u[g]", {"shape": 4.0}, {}),
    ("y[i] ~ weibull(shape, m[i])\nlog(m[i]) = b0 + b1*x[i] + u[g]", {"shape": 1.5}, {}),
    ("y[i] ~ normal(b0 + b1*x[i] + u[g], sd[i])\nlog(sd[i]) = s0 + s1*x[i]", {"s0": 0.2, "s1": 0.3}, {}),
]


@pytest.mark.parametrize(("text", "more", "covariates"), FAMILIES, ids=[text.split("\n")[0] for text, _, _ in FAMILIES])
def test_every_family_gives_back_the_parameters(text: str, more: dict[str, float], covariates: dict[str, Any]) -> None:
    model = Model(text + "\nu[g] ~ normal(0, s)\n")
    values = {"b0": 0.4, "b1": 0.5, "s": 0.5, **more}
    data = model.simulate(values, {"g": 120, "i": 20}, {"x": ("normal", 0, 1), **covariates}, seed=11)
    fit = model.fit(data)
    assert fit.converged
    z = (fit.params - pd.Series(values)) / fit.bse
    assert z.abs().max() < 4.0


def test_an_ordered_outcome_has_as_many_categories_as_there_are_thresholds() -> None:
    model = Model("y[i] ~ ordered_probit(eta[i], cut)\neta[i] = b1*x[i] + u[g]\nu[g] ~ normal(0, s)")
    values = {"b1": 0.5, "s": 0.5, "cut[1]": -1.0, "cut[2]": 0.0, "cut[3]": 1.2}
    data = model.simulate(values, {"g": 100, "i": 20}, {"x": ("normal", 0, 1)}, seed=1)
    assert sorted(data["y"].unique()) == [1, 2, 3, 4]
    fit = model.fit(data)
    assert ((fit.params - pd.Series(values)) / fit.bse).abs().max() < 4.0
    drawn = fit.simulate(2, seed=1)
    assert set(drawn[0]) == {"1", "2", "3", "4"}


def test_draws_from_a_fit_have_new_effects_or_those_of_the_fit() -> None:
    model = Model("y[i] ~ normal(m + u[g], sd)\nu[g] ~ normal(0, s)")
    fit = model.fit(model.simulate({"m": 5, "s": 3, "sd": 1}, {"g": 60, "i": 4}, seed=0))
    new, kept = fit.simulate(400, seed=1), fit.simulate(400, seed=1, include="all")
    assert new.shape == (240, 400)
    assert new.index.equals(fit.fitted.index)
    total = fit.params["s"] ** 2 + fit.params["sd"] ** 2
    assert new.var(axis=1).mean() == pytest.approx(total, rel=0.05)
    assert kept.var(axis=1).mean() == pytest.approx(fit.params["sd"] ** 2, rel=0.05)
    assert kept.mean(axis=1).to_numpy() == pytest.approx(fit.fitted.to_numpy(), abs=0.25)
    pairs = new.to_numpy().reshape(60, 4, 400)
    within = np.mean((pairs[:, 0] - new.mean().mean()) * (pairs[:, 1] - new.mean().mean()))
    assert within == pytest.approx(fit.params["s"] ** 2, rel=0.1)
    assert fit.simulate(2, seed=1).equals(new[[0, 1]])


REFUSED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("two parameters", lambda a: [a["parameters"].pop(k) for k in ("sd", "g")], "`g`, `sd` have no value"),
    ("another parameter", lambda a: a["parameters"].update(sd_clas=1), "did you mean `sd_class`"),
    ("a negative spread", lambda a: a["parameters"].update(sd=-1), "`sd` = -1 lies outside"),
    ("no covariate", lambda a: a["covariates"].pop("z"), "nothing is said of `z[j]`"),
    ("another covariate", lambda a: a["covariates"].update(q=1), "`covariates` has `q`"),
    ("a short covariate", lambda a: a["covariates"].update(z=[1.0, 2.0]), "`z` has 2 values for 120 units of [j]"),
    ("another law", lambda a: a["covariates"].update(z=("gauss", 0, 1)), "no way to make values called 'gauss'"),
    ("other arguments", lambda a: a["covariates"].update(z=("normal", 0)), "the values of `z` cannot be drawn"),
    ("another index", lambda a: a["sizes"].update(schol=3), "did you mean `school`"),
    ("no units", lambda a: a["sizes"].update(school=0), "the size of `k` is no whole number"),
    ("too few sizes", lambda a: a["sizes"].update(j=[1, 2]), "`j` has 2 sizes for 30 units"),
]


@pytest.mark.parametrize(("change", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_missing_is_named(change: Callable[[dict[str, Any]], object], says: str) -> None:
    given = {"parameters": dict(VALUES), "sizes": dict(SIZES), "covariates": dict(COVARIATES)}
    change(given)
    with pytest.raises(FitError) as caught:
        Model(THREE).simulate(**given, seed=0)
    assert caught.value.code == "HM515"
    assert says in caught.value.message


def test_covariates_that_the_model_cannot_use_are_refused_as_data() -> None:
    with pytest.raises(DataError):
        Model(THREE).simulate(VALUES, SIZES, COVARIATES | {"x": ("choice", ["p", "q"])}, seed=0)


def test_thresholds_increase_and_correlations_are_possible_together() -> None:
    model = Model("y[i] ~ ordered_logit(b1*x[i], cut)")
    with pytest.raises(FitError, match="HM515"):
        model.simulate({"b1": 1, "cut[1]": 1, "cut[2]": 0}, {"i": 50}, {"x": 1.0})
    model = Model("y[i] ~ normal(a[j] + b[j]*x[i] + c[j]*z[i], sd)\n(a[j], b[j], c[j]) ~ mvnormal(0, Omega)")
    names = ["cor(a[j], b[j])", "cor(a[j], c[j])", "cor(b[j], c[j])"]
    values = dict.fromkeys(("sd(a[j])", "sd(b[j])", "sd(c[j])", "sd"), 1.0) | dict(
        zip(names, (0.9, 0.9, -0.9), strict=True)
    )
    with pytest.raises(FitError, match="are of no covariance"):
        model.simulate(values, {"j": 10, "i": 9}, {"x": ("normal", 0, 1), "z": ("normal", 0, 1)})


MOMENTS: list[tuple[str, list[tuple[str, float]], float, float]] = [
    ("normal", [("mean", 2.0), ("sd", 3.0)], 2.0, 9.0),
    ("student_t", [("df", 10.0), ("mean", 2.0), ("scale", 1.0)], 2.0, 1.25),
    ("lognormal", [("meanlog", 0.0), ("sdlog", 0.5)], np.exp(0.125), np.expm1(0.25) * np.exp(0.25)),
    ("bernoulli", [("p", 0.3)], 0.3, 0.21),
    ("binomial", [("size", 8.0), ("p", 0.3)], 2.4, 1.68),
    ("poisson", [("mean", 2.5)], 2.5, 2.5),
    ("negative_binomial", [("mean", 2.5), ("size", 1.5)], 2.5, 2.5 + 2.5**2 / 1.5),
    ("gamma", [("mean", 2.0), ("shape", 4.0)], 2.0, 1.0),
    ("gamma", [("shape", 4.0), ("rate", 2.0)], 2.0, 1.0),
    ("inverse_gaussian", [("mean", 2.0), ("shape", 4.0)], 2.0, 2.0),
    ("beta", [("mean", 0.3), ("precision", 6.0)], 0.3, 0.21 / 7.0),
    ("exponential", [("mean", 2.0)], 2.0, 4.0),
    ("exponential", [("rate", 0.5)], 2.0, 4.0),
    ("weibull", [("shape", 1.0), ("scale", 2.0)], 2.0, 4.0),
    ("zero_inflated(poisson)", [("mean", 2.0), ("p", 0.25)], 1.5, 0.75 * 6.0 - 2.25),
    ("hurdle(poisson)", [("mean", 2.0), ("p", 0.25)], 1.5 / (1 - np.exp(-2)), np.nan),
    ("truncated(normal)", [("mean", 0.0), ("sd", 1.0), ("lower", 0.0)], np.sqrt(2 / np.pi), 1 - 2 / np.pi),
    ("censored(exponential)", [("mean", 1.0), ("upper", 1.0)], 1 - np.exp(-1), np.nan),
]


@pytest.mark.parametrize(("distribution", "arguments", "mean", "variance"), MOMENTS)
def test_draws_have_the_moments_of_their_distribution(
    distribution: str, arguments: list[tuple[str, float]], mean: float, variance: float
) -> None:
    n = 200_000
    full = [(name, np.full(n, value)) for name, value in arguments]
    y = draw(np.random.default_rng(7), distribution, full)
    assert y.mean() == pytest.approx(mean, abs=5 * y.std() / np.sqrt(n))
    if not np.isnan(variance):
        assert y.var() == pytest.approx(variance, rel=0.04)


def test_every_family_has_a_sampler_but_those_of_categories() -> None:
    from hdsl.composite import density_families

    assert set(density_families.FAMILIES) == set(SAMPLERS) | {"ordered_logit", "ordered_probit"}


def test_bounds_that_hardly_any_draw_meets_are_refused() -> None:
    arguments = [("mean", np.zeros(2)), ("sd", np.ones(2)), ("lower", np.array([np.nan, 40.0]))]
    with pytest.raises(FitError, match="row 2"):
        draw(np.random.default_rng(0), "truncated(normal)", arguments)


def test_the_power_of_a_trial_randomised_by_school_is_that_of_its_closed_form() -> None:
    """Three levels, balanced: the difference of arms is a t with K - 2 degrees of freedom."""
    model = Model(
        "index j = class in k\nindex k = school\n"
        "y[i] ~ normal(b0[j], sd)\nb0[j] ~ normal(a[k], sd_class)\na[k] ~ normal(mu + effect*treated[k], sd_school)"
    )
    K, J, n = 16, 3, 8
    values = {"mu": 0.0, "effect": 0.9, "sd_school": 0.5, "sd_class": 0.4, "sd": 1.0}
    found = model.power(
        values, {"k": K, "j": J, "i": n}, "effect = 0", {"treated": ("cycle", [0, 1])}, n_simulations=200, seed=3
    )
    se = np.sqrt(4 / K * (0.5**2 + 0.4**2 / J + 1.0 / (J * n)))
    critical = stats.t.ppf(0.975, K - 2)
    exact = stats.nct.sf(critical, K - 2, 0.9 / se) + stats.nct.cdf(-critical, K - 2, 0.9 / se)
    low, high = found.interval
    assert low < exact < high
    assert len(found.table) == found.n == 200
    assert not len(found.failures)
    assert f"power {found.power:.3f}" in str(found)
    again = model.power(
        values, {"k": K, "j": J, "i": n}, "effect = 0", {"treated": ("cycle", [0, 1])}, n_simulations=5, seed=3
    )
    assert again.table.equals(found.table.iloc[:5])


def test_data_sets_that_cannot_be_fitted_stay_in_the_record() -> None:
    model = Model("y[i] ~ poisson(m[i])\nlog(m[i]) = b0 + b1*x[i]")
    values = {"b0": -1.5, "b1": 0.0}
    found = model.power(values, {"i": 5}, "b1", {"x": ("bernoulli", 0.5)}, n_simulations=30, seed=0)
    assert 0 < len(found.failures) < 30
    assert found.table.loc[found.failures.index, "p"].isna().all()
    assert f"{len(found.failures)} could not be tested" in str(found)


def test_a_design_that_is_never_fitted_is_given_up() -> None:
    model = Model("y[i] ~ normal(b0 + b1*x[i], sd)")
    with pytest.raises(FitError, match="none of the first 20"):
        model.power({"b0": 0, "b1": 1, "sd": 1}, {"i": 2}, "b1", {"x": ("normal", 0, 1)}, n_simulations=50, seed=0)


@pytest.mark.parametrize("more", [{"alpha": 0.0}, {"n_simulations": 0}])
def test_a_power_that_does_not_exist_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(FitError, match="HM515"):
        Model("y[i] ~ normal(b0, sd)").power({"b0": 0, "sd": 1}, {"i": 9}, "b0", **more)


def test_a_scenario_draws_covariates_anew() -> None:
    scenario = Scenario(form=Model(THREE).form, parameters=VALUES, sizes=SIZES, covariates=COVARIATES)
    rng = np.random.default_rng(0)
    assert not scenario.draw(rng)["x"].equals(scenario.draw(rng)["x"])


def test_power_keeps_the_data_sets_that_were_done_before_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "y[i] ~ normal(b0 + b1*x[i] + u[g], sd)\nu[g] ~ normal(0, sd_g)\n"
    model = Model(text)
    fit, calls = model.fit, []

    def stops(*args, **kwargs):
        calls.append(None)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return fit(*args, **kwargs)

    monkeypatch.setattr(model, "fit", stops)
    values, sizes = {"b0": 0.0, "b1": 0.3, "sd_g": 0.5, "sd": 1.0}, {"g": 6, "i": 5}
    with pytest.warns(UserWarning, match="interrupted: 3 of 20 data sets"):
        found = model.power(values, sizes, "b1 = 0", {"x": ("normal", 0, 1)}, n_simulations=20, seed=1)
    assert (found.n, found.asked) == (3, 20)
    assert "interrupted: 20 data sets were asked for" in str(found)
