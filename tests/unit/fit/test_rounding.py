"""Residuals that are small beside the outcome: what rounding leaves of the criterion is estimated, told or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit.gaussian import least_rounding
from hdsl.fit.refit import optimum_of, refitter
from hdsl.fit.rounding import GROSS, NOTICED, SUSPICIOUS, rounding_error
from hdsl.fit.together import one_by_one, together

TEXT = """
y[i] ~ normal(b0 + b1*x[i] + u[g], sd)
u[g] ~ normal(0, sd_u)
"""
YEARS = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i], sd)
u0[g] ~ normal(0, sd_u0)
u1[g] ~ normal(0, sd_u1)
"""


def frame(sd: float, seed: int = 1, *, size: int = 20) -> pd.DataFrame:
    """Return groups of ten rows whose effects have standard deviation 1."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(size), 10), rng.normal(size=10 * size)
    y = 3.0 + rng.normal(size=size)[g] + sd * rng.normal(size=10 * size)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def exact(data: pd.DataFrame, fit: hdsl.FittedModel) -> float:
    """Return the log-likelihood of estimates from residuals about the means of groups, which lose no digits."""
    s2, u2 = fit.params["sd"] ** 2, fit.params["sd_u"] ** 2
    e = data.y - fit.params["b0"] - fit.params["b1"] * data.x
    groups = e.groupby(data.g)
    means, sizes = groups.transform("mean"), groups.size().to_numpy()
    within = float(((e - means) ** 2).sum())
    total = s2 + sizes * u2
    between = float((sizes * groups.mean().to_numpy() ** 2 / total).sum())
    logdet = ((sizes - 1) * np.log(s2) + np.log(total)).sum()
    return float(-0.5 * (len(e) * np.log(2.0 * np.pi) + logdet + within / s2 + between))


@pytest.mark.parametrize("sd", [1e-4, 1e-5, 3e-6])
@pytest.mark.parametrize("seed", range(6))
def test_the_estimate_is_about_the_error(sd, seed):
    data = frame(sd, seed)
    model = hdsl.Model(TEXT)
    fit = model.fit(data, method="ml")
    assert fit.status == "converged"
    design = model.bind(data)
    problem, at = optimum_of(design.plan, design.arrays, fit.outcome)
    estimate = rounding_error(problem, at, least_rounding(problem, at))
    assert 2.0 * abs(fit.loglik - exact(data, fit)) < 5.0 * estimate
    assert estimate == pytest.approx(2.2e-16 * len(data) * float(data.y.var()) / fit.outcome.sigma**2, rel=5.0)
    told = [d for d in fit.diagnostics if d.code == "HM520"]
    assert bool(told) == (fit.outcome.rounding > 0.0) == (fit.outcome.rounding > NOTICED)


@pytest.mark.parametrize("sd", [1e-3, 1e-2, 1.0])
def test_usual_fits_are_not_looked_at(sd, monkeypatch):
    data = frame(sd)
    model = hdsl.Model(TEXT)
    fit = model.fit(data)
    design = model.bind(data)
    problem, at = optimum_of(design.plan, design.arrays, fit.outcome)
    monkeypatch.setattr(type(problem), "evaluate", None)
    assert rounding_error(problem, at, least_rounding(problem, at)) == 0.0
    assert not fit.diagnostics


def test_where_nothing_can_be_told_the_fit_has_not_converged():
    statuses = []
    for seed in range(4):
        fit = hdsl.Model(TEXT).fit(frame(1.6e-6, seed, size=400), method="ml")
        statuses.append(fit.status)
        assert fit.outcome.rounding > GROSS
        assert {d.code for d in fit.diagnostics} == {"HM502", "HM520"}
        assert "Rounding leaves the criterion uncertain" in fit.outcome.message
    assert set(statuses) == {"not converged"}


def test_residuals_that_rounding_cannot_tell_from_zero_are_refused():
    with pytest.raises(hdsl.FitError) as caught:
        hdsl.Model(TEXT).fit(frame(3e-7), method="ml")
    assert caught.value.diagnostics[0].code == "HM511"


@pytest.mark.parametrize(("sd", "size"), [(1e-4, 20), (1e-5, 20), (2e-6, 200)])
def test_replicates_are_what_fits_of_them_are(sd, size):
    design = hdsl.Model(TEXT).bind(frame(sd, size=size))
    fit = hdsl.Model(TEXT).fit(frame(sd, size=size), method="ml")
    again = refitter(design.plan, design.arrays, fit.outcome)
    outcomes = np.array([frame(sd, seed, size=size).y for seed in range(2, 12)])
    engine = together(again)
    assert engine is not None
    found = engine.fit(outcomes, fit.outcome)
    alone = one_by_one([again.fit(y) for y in outcomes], fit.outcome)
    assert found.status == alone.status
    assert ("not converged" in found.status) == (sd < 1e-5)
    assert 2.2e-16 * len(design.arrays.y) / sd**2 > SUSPICIOUS
    np.testing.assert_allclose(found.sigma, alone.sigma, rtol=1e-3)


@pytest.mark.parametrize(
    ("seed", "reml", "value"),
    [(0, False, -100.032555), (0, True, -96.507565), (2, False, -109.948089), (2, True, -106.060025)],
)
def test_years_of_steep_slopes(seed, reml, value):
    """Values are those of R's lme4 for the same rows, and of dense matrices."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(20), 8), 2000.0 + np.tile(np.arange(8), 20)
    y = 3.0 + 0.2 * (x - 2000.0) + 2.0 * rng.normal(size=20)[g] + (5.0 * rng.normal(size=20))[g] * x
    y = y + 0.1 * rng.normal(size=160)
    fit = hdsl.Model(YEARS).fit(pd.DataFrame({"y": y, "x": x, "g": g}), method="reml" if reml else "ml")
    assert fit.status in {"converged", "boundary"}
    assert fit.loglik == pytest.approx(value, abs=5.0 * fit.outcome.rounding + 2e-3)
    assert 0.0 < fit.outcome.rounding < 1e-2
    assert [d.code for d in fit.diagnostics if d.code not in {"HM503"}] == ["HM520"]


@pytest.mark.parametrize(
    ("slope", "told", "status"), [(0.5, {"HM520"}, "converged"), (5.0, {"HM502", "HM520"}, "not converged")]
)
def test_with_a_standard_deviation_by_rows_years_are_told(slope, told, status):
    """Their cross-products are those of the years: more digits are lost than the residual alone would take."""
    text = YEARS.replace(", sd)", ", s[i])") + "log(s[i]) = g0\n"
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(20), 8), 2000.0 + np.tile(np.arange(8), 20)
    y = 3.0 + 2.0 * rng.normal(size=20)[g] + (slope * rng.normal(size=20))[g] * x + rng.normal(size=160)
    data = pd.DataFrame({"y": y, "x": x, "g": g})
    fit, right = (hdsl.Model(model).fit(data, method="ml") for model in (text, YEARS))
    assert (fit.status, {d.code for d in fit.diagnostics}) == (status, told)
    assert right.status == "converged"
    assert 1e-4 < abs(fit.loglik - right.loglik) < 2.0 * fit.outcome.rounding


def test_a_standard_deviation_by_rows_and_years_about_their_mean_lose_no_digits():
    text = YEARS.replace(", sd)", ", s[i])") + "log(s[i]) = g0\n"
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(20), 8), np.tile(np.arange(8.0), 20) - 3.5
    y = 3.0 + 2.0 * rng.normal(size=20)[g] + (5.0 * rng.normal(size=20))[g] * x + rng.normal(size=160)
    fit = hdsl.Model(text).fit(pd.DataFrame({"y": y, "x": x, "g": g}), method="ml")
    assert (fit.status, fit.outcome.rounding, fit.diagnostics) == ("converged", 0.0, ())
