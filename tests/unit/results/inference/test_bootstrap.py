"""The parametric bootstrap: reproducible, right on average, failures kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit import fit_gaussian, generalised_refit
from hdsl.results import FittedModel
from hdsl.results.inference import bootstrap as engine
from hdsl.results.inference.bootstrap import ratios
from hdsl.results.inference.replicates import Refitting, outcomes, refits_of, with_outcome
from hdsl.results.parameters import ParameterTable
from tests.unit.fit.test_refit import DATA, MODELS, N


@pytest.fixture(scope="module")
def fit() -> FittedModel:
    return hdsl.Model(MODELS["slopes"]).fit(DATA, method="reml")


def test_equal_seeds_give_equal_records_and_replicates_do_not_depend_on_their_number(fit: FittedModel) -> None:
    first, second, other = fit.bootstrap(8, seed=3), fit.bootstrap(5, seed=3), fit.bootstrap(5, seed=4)
    assert np.allclose(first.estimates.iloc[:5], second.estimates, rtol=1e-9, atol=0.0)
    assert not second.estimates.equals(other.estimates)
    fresh = fit.bootstrap(3)
    assert fit.bootstrap(3, seed=fresh.seed).estimates.equals(fresh.estimates)


@pytest.mark.parametrize("name", MODELS)
def test_a_replicate_is_a_fit_of_its_outcome(name: str) -> None:
    fit = hdsl.Model(MODELS[name]).fit(DATA)
    found = fit.bootstrap(3, seed=1)
    assert list(found.estimates.columns) == list(fit.params.index)
    for r, [y] in enumerate(outcomes(fit, 3, seed=1)):
        again = fit_gaussian(fit.design.plan, replace(fit.design.arrays, y=y), method="ml")
        assert found.deviance[r] == pytest.approx(again.objective, abs=1e-5, rel=0)
        values = ParameterTable(design=fit.design, outcome=again).values
        assert found.estimates.loc[r].to_numpy() == pytest.approx(values, abs=2e-3, nan_ok=True)


def test_outcomes_have_the_moments_of_the_model() -> None:
    """Mean and covariance of many draws, against V of the estimates."""
    data = DATA.iloc[:40]
    fit = hdsl.Model(MODELS["slopes"]).fit(data)
    draws = np.concatenate(list(outcomes(fit, 4000, seed=2, at_once=150)))
    p, x, g = fit.params, data["x"].to_numpy(), data["g"].to_numpy()
    a, b = p["sd(b0[g])"], p["sd(b1[g])"]
    r = 0.0 if np.isnan(p["cor(b0[g], b1[g])"]) else p["cor(b0[g], b1[g])"]
    V = (g[:, None] == g) * (a**2 + a * b * r * np.add.outer(x, x) + b**2 * np.outer(x, x)) + p["sd"] ** 2 * np.eye(40)
    assert draws.mean(axis=0) == pytest.approx(fit.predict(include=None).to_numpy(), abs=5 * np.sqrt(V.max() / 4000))
    scale = np.sqrt(np.outer(V.diagonal(), V.diagonal()))
    assert np.abs((np.cov(draws.T) - V) / scale).max() < 0.12


@pytest.mark.parametrize(
    "text", [MODELS["slopes"], "t[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0[g]\nb0[g] ~ normal(m, s)\n"]
)
def test_outcomes_are_the_same_in_blocks_of_any_size(text: str) -> None:
    fit = hdsl.Model(text).fit(DATA.assign(t=(DATA["y"] > 2.0).astype(int)))
    single = np.concatenate(list(outcomes(fit, 7, seed=3)))
    assert np.array_equal(np.concatenate(list(outcomes(fit, 7, seed=3, at_once=3))), single)
    assert np.array_equal(np.concatenate(list(outcomes(fit, 5, seed=3, at_once=5))), single[:5])


def test_standard_errors_are_those_of_the_theory(fit: FittedModel) -> None:
    found = fit.bootstrap(400, seed=5)
    fixed = fit.fixef.index
    assert found.bse[fixed].to_numpy() == pytest.approx(fit.bse[fixed].to_numpy(), rel=0.15)
    assert (abs(found.bias[fixed]) < 4 * fit.bse[fixed] / np.sqrt(400)).all()
    wald = fit.conf_int()
    for kind in ("percentile", "basic", "normal"):
        bounds = found.conf_int(kind=kind)
        assert bounds.loc[fixed].to_numpy() == pytest.approx(
            wald.loc[fixed].to_numpy(), abs=0.6 * float(fit.bse[fixed].max())
        )
        assert (bounds["lower"] <= bounds["upper"]).all()
    assert (found.conf_int(0.5)["upper"] <= found.conf_int(0.99)["upper"]).all()
    assert found.conf_int(kind="basic").loc["sd(b0[g])", "lower"] >= 0.0


def test_kinds_of_interval(fit: FittedModel) -> None:
    found = fit.bootstrap(50, seed=1)
    column, own = found.estimates["sd"], fit.params["sd"]
    low, high = np.quantile(column, [0.05, 0.95])
    assert found.conf_int(0.9).loc["sd"].tolist() == pytest.approx([low, high])
    assert found.conf_int(0.9, "basic").loc["sd"].tolist() == pytest.approx([2 * own - high, 2 * own - low])
    centre, reach = 2 * own - column.mean(), 1.6448536269514722 * column.std()
    assert found.conf_int(0.9, "normal").loc["sd"].tolist() == pytest.approx([centre - reach, centre + reach])
    with pytest.raises(hdsl.FitError, match="kind"):
        found.conf_int(kind="bca")


def test_conf_int_of_the_fit(fit: FittedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    make = engine.bootstrap
    monkeypatch.setattr(engine, "bootstrap", lambda fit, n, seed: make(fit, n // 50, seed))
    bounds = FittedModel(fit.design, fit.outcome).conf_int(0.9, "bootstrap", names=["m1", "sd"])
    expected = make(fit, 20, 0).conf_int(0.9).loc[bounds.index]
    assert bounds.equals(expected)


def test_failures_are_kept(fit: FittedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = engine.refits_of(fit)
    count = iter(range(100))

    def refits(_: object) -> Refitting:
        def refit(block: np.ndarray) -> object:
            turn = next(count) % 4
            if turn == 1:
                return inner.fit(np.where(np.arange(N) == 0, np.inf, block))
            found = inner.fit(block)
            return replace(found, status=["not converged"], message=["stopped"]) if turn == 2 else found

        return Refitting(at_once=1, fit=refit)

    monkeypatch.setattr(engine, "refits_of", refits)
    found = fit.bootstrap(8, seed=1)
    assert found.failures.index.tolist() == [1, 2, 5, 6]
    assert found.failures[2] == "stopped"
    assert "finite" in found.failures[1]
    assert found.status.tolist()[1:3] == ["failed", "not converged"]
    assert found.estimates.loc[[1, 2]].isna().all(axis=None)
    assert found.conf_int().notna().all(axis=None)
    assert "4 failed" in str(found)


class Interrupted:
    """A function that raises KeyboardInterrupt at one of its calls."""

    def __init__(self, function, at: int) -> None:
        self.function, self.left = function, at

    def __call__(self, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return self.function(*args, **kwargs)


def stopped(fit: FittedModel, at: int) -> Refitting:
    """Return what refits outcomes one by one, until the user interrupts it."""
    return Refitting(at_once=1, fit=Interrupted(refits_of(fit).fit, at))


def test_what_was_refitted_before_an_interruption_is_kept_and_said(
    fit: FittedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit.bootstrap(6, seed=5)
    monkeypatch.setattr(engine, "refits_of", lambda of: stopped(of, 5))
    with pytest.warns(UserWarning, match="interrupted: 4 of 6 replicates") as caught:
        part = fit.bootstrap(6, seed=5)
    assert caught[0].filename == __file__
    assert (len(part.estimates), part.asked, whole.asked) == (4, 6, 6)
    assert np.allclose(part.estimates, whole.estimates.iloc[:4], rtol=1e-9, atol=0.0)
    assert "4 replicates of 6, interrupted" in str(part)
    assert "interrupted" not in str(whole)
    monkeypatch.setattr(engine, "refits_of", lambda of: stopped(of, 2))
    with pytest.raises(KeyboardInterrupt):
        fit.bootstrap(6, seed=5)


def test_an_interruption_within_a_replicate_ends_the_bootstrap_and_not_the_replicate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "y[i] ~ poisson(mu[i])\nlog(mu[i]) = b0 + u[g]\nu[g] ~ normal(0, sd_g)\n"
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(20), 5)
    data = pd.DataFrame({"g": g, "y": rng.poisson(np.exp(0.5 + 0.5 * rng.normal(size=20)[g]))})
    fit = hdsl.Model(text).fit(data)
    monkeypatch.setattr(generalised_refit, "search", Interrupted(generalised_refit.search, 4))
    with pytest.warns(UserWarning, match="3 of 9 replicates"):
        assert len(fit.bootstrap(9, seed=1).estimates) == 3


def test_intervals_of_an_interrupted_bootstrap_say_so_and_are_not_kept(
    fit: FittedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "refits_of", lambda of: stopped(of, 30))
    with pytest.warns(UserWarning, match="interrupted: 29 of 1,000 replicates of the bootstrap") as caught:
        part = fit.conf_int(method="bootstrap")
    assert caught[0].filename == __file__
    assert part.notna().all(axis=None)
    monkeypatch.undo()
    fit.__dict__["_replicates"] = fit.bootstrap(20, seed=0)
    assert not fit.conf_int(method="bootstrap").equals(part)
    del fit.__dict__["_replicates"]


def test_what_is_refused(fit: FittedModel) -> None:
    with pytest.raises(hdsl.FitError, match="too few"):
        fit.bootstrap(1)


def test_ratios_follow_the_mixture() -> None:
    """Of one variance at zero: half of them zero, the others chi-squared with one degree of freedom."""
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"g": np.repeat(np.arange(30), 4), "x": rng.normal(size=120), "y": rng.normal(size=120)})
    small = hdsl.Model("y[i] ~ normal(b0 + b1*x[i], sd)\n").fit(data)
    large = hdsl.Model("y[i] ~ normal(b0[g] + b1*x[i], sd)\nb0[g] ~ normal(m, s)\n").fit(data)
    found, _ = ratios(small, large, 400, seed=2)
    assert len(found) == 400
    assert (found < 1e-5).mean() == pytest.approx(0.55, abs=0.12)
    assert (found > 2.7055).mean() == pytest.approx(0.05, abs=0.03)
    test = hdsl.compare(small, large, bootstrap=400, seed=2)
    expected = (1 + (found >= test.table["chi2"].iloc[1] - 1e-4).sum()) / 401
    assert test.p == pytest.approx(expected)
    assert "400 bootstrap replicates" in str(test)


LOGIT = "t[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0[g] + b1*x[i]\nb0[g] ~ normal(m, s)\n"
ORDERED = "r[i] ~ ordered_logit(eta[i], cut)\neta[i] = a[g] + b1*x[i]\na[g] ~ normal(0, s)\n"
LOGGED = "log(e[i]) ~ normal(b0[g] + b1*x[i], sd)\nb0[g] ~ normal(m, s)\n"
OTHERS = DATA.assign(
    t=(DATA["y"] > DATA["y"].median()).astype(int), r=pd.qcut(DATA["y"], 4, labels=False), e=np.exp(DATA["y"] / 4)
)


@pytest.mark.parametrize("text", [LOGIT, ORDERED], ids=["bernoulli", "ordered"])
def test_outcomes_with_a_density_are_drawn_and_fitted(text: str) -> None:
    fit = hdsl.Model(text).fit(OTHERS)
    found = fit.bootstrap(12, seed=4)
    assert len(found.failures) <= 1
    assert list(found.estimates.columns) == list(fit.params.index)
    assert abs(found.estimates["b1"].mean() - fit.params["b1"]) < 3 * fit.bse["b1"] / np.sqrt(12) + 0.1
    assert 0.3 * fit.bse["b1"] < found.bse["b1"] < 2 * fit.bse["b1"]


@pytest.mark.parametrize("text", [LOGIT, ORDERED, MODELS["slopes"]], ids=["bernoulli", "ordered", "normal"])
def test_the_own_outcome_in_its_place_changes_nothing(text: str) -> None:
    fit = hdsl.Model(text).fit(OTHERS)
    own = fit.design.arrays
    again = with_outcome(fit.design, own.y)
    assert all(np.array_equal(a, b) for a, b in zip(own.x, again.x, strict=True))
    assert all(
        (a is None and b is None) or np.array_equal(a, b) for a, b in zip(own.offsets, again.offsets, strict=True)
    )
    assert refits_of(fit).fit(own.y[None]).objective == pytest.approx([fit.deviance], abs=1e-5, rel=0)


def test_outcomes_are_drawn_on_the_scale_that_is_modelled() -> None:
    fit = hdsl.Model(LOGGED).fit(OTHERS)
    [y] = next(outcomes(fit, 1, seed=1))
    assert abs(y.mean() - fit.design.arrays.y.mean()) < 1.0
    assert (y < 0).any()
