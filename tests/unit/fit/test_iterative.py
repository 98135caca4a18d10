"""Sweeps by conjugate gradients against the exact ones of the same plan."""

from __future__ import annotations

import importlib
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit import fit_gaussian
from hdsl.fit.criterion import Criterion, criterion
from hdsl.fit.iterating.cross import cross_products
from hdsl.fit.refit import refitter

SCALAR = """
y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h] + w[s], sd)
u[g] ~ normal(0, sd_g)
v[h] ~ normal(0, sd_h)
w[s] ~ normal(0, sd_s)
"""
VECTOR = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i] + v0[h] + v1[h]*x[i], sd)
(u0[g], u1[g]) ~ mvnormal(0, O1)
(v0[h], v1[h]) ~ mvnormal(0, O2)
"""
BIND = importlib.import_module("hdsl.design.bind")
GAUSSIAN = importlib.import_module("hdsl.fit.gaussian")
CROSS = importlib.import_module("hdsl.fit.iterating.cross")


def frame(n: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g, h, s = rng.integers(0, 400, n), rng.integers(0, 150, n), rng.integers(0, 6, n)
    x = rng.normal(size=n)
    y = 1.0 + 0.5 * x + rng.normal(size=400)[g] + 0.6 * rng.normal(size=150)[h] * (1.0 + 0.5 * x)
    y = y + 0.4 * rng.normal(size=6)[s] + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "g": g, "h": h, "s": s})


def two_ways(text: str, *, reml: bool) -> tuple[Criterion, Criterion]:
    """Return the exact criterion and that by iterations."""
    model, data = hdsl.Model(text), frame()
    exact = model.bind(data)
    with patch.object(BIND, "MOST_DENSE", 0):
        design = model.bind(data)
    assert design.plan.crossing == "iterative"
    return criterion(exact.plan, exact.arrays, reml=reml), criterion(design.plan, design.arrays, reml=reml)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("text", [SCALAR, VECTOR])
def test_what_needs_no_trace_is_exact(text, reml):
    exact, ours = two_ways(text, reml=reml)
    theta = np.random.default_rng(1).normal(size=exact.plan.n_theta)
    a, b = exact.evaluate(theta), ours.evaluate(theta)
    assert b.profile.r2 == pytest.approx(a.profile.r2, rel=1e-9)
    np.testing.assert_allclose(b.profile.beta, a.profile.beta, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(b.profile.cov_beta, a.profile.cov_beta, rtol=1e-7)
    modes, _ = exact.emitted.modes(exact.cross, a.forward, a.profile.beta)
    found, v = ours.emitted.modes(ours.cross, b.forward, b.profile.beta)
    for f, (own, other) in enumerate(zip(modes, found, strict=True)):
        order = exact.cross.nest.order[exact.plan.chain.index(f)] if f in exact.plan.chain else slice(None)
        np.testing.assert_allclose(other[:, :, order], own, rtol=1e-6, atol=1e-8)
    for own, other in zip(exact.covariance_slopes(a)[1], ours.covariance_slopes(b)[1], strict=True):
        np.testing.assert_allclose(other, own, rtol=1e-6)
    assert len(v) == len(ours.plan.re_terms)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("text", [SCALAR, VECTOR])
def test_traces_and_determinant_are_within_their_errors(text, reml):
    with patch.object(CROSS, "PROBES", 400):
        exact, ours = two_ways(text, reml=reml)
        theta = np.random.default_rng(2).normal(size=exact.plan.n_theta)
        a, b = exact.evaluate(theta), ours.evaluate(theta)
        scatter = ours.emitted.scatter(ours.cross, b.forward)
        slopes = ours.covariance_slopes(b)[0]
    for own, other, probes in zip(exact.covariance_slopes(a)[0], slopes, scatter, strict=True):
        error = probes.std(axis=0) / np.sqrt(len(probes))
        assert np.all(np.abs(own - other) <= 4.0 * error + 1e-6 * np.abs(own))
    assert b.forward.logdet_error < 0.01 * abs(a.profile.logdet)
    assert abs(b.profile.logdet - a.profile.logdet) <= 4.0 * b.forward.logdet_error


def test_a_small_factor_has_no_noise():
    exact, ours = two_ways(SCALAR, reml=False)
    theta = np.array([0.8, 0.5, 0.3])
    a, b = exact.evaluate(theta), ours.evaluate(theta)
    small = [len(set(frame()[name])) for name in "ghs"].index(6)
    assert ours.covariance_slopes(b)[0][small] == pytest.approx(exact.covariance_slopes(a)[0][small], rel=1e-6)


@pytest.mark.parametrize(("text", "method"), [(SCALAR, "ml"), (VECTOR, "reml")])
def test_a_fit_is_near_the_exact_one_and_tells_its_error(text, method):
    model, data = hdsl.Model(text), frame()
    exact = model.fit(data, method=method)
    with patch.object(BIND, "MOST_DENSE", 0):
        ours = model.fit(data, method=method)
    assert ours.converged
    assert exact.outcome.monte_carlo == exact.outcome.objective_error == 0.0
    assert 0.0 < ours.outcome.monte_carlo < 0.2
    shift = ((ours.params - exact.params) / exact.bse).abs()
    assert shift.max() < 4.0 * ours.outcome.monte_carlo
    assert abs(ours.loglik - exact.loglik) < 3.0 * ours.outcome.objective_error
    np.testing.assert_allclose(ours.bse, exact.bse, rtol=0.15)  # differences of noisy slopes
    (note,) = (d for d in ours.diagnostics if d.code == "HM516")
    assert "Monte-Carlo" in note.message


def test_a_variance_of_zero_is_found():
    data = frame()
    rng = np.random.default_rng(0)
    data["y"] = data.x + rng.normal(size=400)[data.g] + rng.normal(size=len(data))
    text = "y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h], sd)\nu[g] ~ normal(0, sd_g)\nv[h] ~ normal(0, sd_h)\n"
    exact = hdsl.Model(text).fit(data)
    with patch.object(BIND, "MOST_DENSE", 0):
        ours = hdsl.Model(text).fit(data)
    assert ours.boundary == exact.boundary


MOVERS = "y[i] ~ normal(b0 + u[g] + v[h], sd)\nu[g] ~ normal(0, sd_g)\nv[h] ~ normal(0, sd_h)\n"
MOVERS_SLOPES = """
y[i] ~ normal(b0 + u0[g] + u1[g]*x[i] + v0[h] + v1[h]*x[i], sd)
(u0[g], u1[g]) ~ mvnormal(0, O1)
(v0[h], v1[h]) ~ mvnormal(0, O2)
"""


@pytest.mark.parametrize("text", [MOVERS, MOVERS_SLOPES])
def test_with_few_movers_the_log_determinant_is_exact(text):
    rng = np.random.default_rng(3)
    pupil = np.repeat(np.arange(600), 4)
    teacher = np.repeat(rng.integers(0, 120, 600), 4)
    moves = rng.random(len(pupil)) < 0.02
    teacher[moves] = rng.integers(0, 120, int(moves.sum()))
    x = rng.normal(size=len(pupil))
    y = rng.normal(size=600)[pupil] + 0.5 * rng.normal(size=120)[teacher] * x + rng.normal(size=len(pupil))
    data, model = pd.DataFrame({"y": y, "x": x, "g": pupil, "h": teacher}), hdsl.Model(text)
    exact = model.bind(data)
    with patch.object(BIND, "MOST_DENSE", 0):
        design = model.bind(data)
    a, b = (criterion(d.plan, d.arrays, reml=False) for d in (exact, design))
    assert b.cross.is_sparse
    theta = rng.normal(size=a.plan.n_theta)
    assert b.evaluate(theta).objective == pytest.approx(a.evaluate(theta).objective, rel=1e-10)
    assert b.evaluate(theta).forward.logdet_error == 0.0


def test_other_outcomes_are_refitted_from_the_same_cross_products():
    model, data = hdsl.Model(SCALAR), frame()
    y = np.random.default_rng(7).permutation(data.y.to_numpy()) + data.h.to_numpy() / 100.0
    found = []
    for crossed in ("exact", "iterative"):
        design = model.bind(data, crossed=crossed)
        refit = refitter(design.plan, design.arrays, fit_gaussian(design.plan, design.arrays))
        found.append(refit.fit(y))
    exact, ours = found
    assert ours.monte_carlo > 0.0
    np.testing.assert_allclose(ours.beta, exact.beta, rtol=1e-2)
    assert ours.objective == pytest.approx(exact.objective, abs=4.0 * ours.objective_error)
    other = data.assign(y=y)
    anew = model.fit(other, crossed="iterative").outcome
    assert ours.objective == pytest.approx(anew.objective, abs=1e-3)


@pytest.mark.parametrize("text", [SCALAR, VECTOR])
def test_measures_and_adjusted_tests_are_near_the_exact_ones(text):
    model, data = hdsl.Model(text), frame()
    exact, ours = (model.fit(data, method="reml", crossed=crossed) for crossed in ("exact", "iterative"))
    assert ours.caic == pytest.approx(exact.caic, abs=2.0)
    a, b = (fit.inference("kenward-roger") for fit in (exact, ours))
    np.testing.assert_allclose(b.se, a.se, rtol=0.01)
    np.testing.assert_allclose(b.df, a.df, rtol=0.05)


@pytest.mark.parametrize("text", [SCALAR, VECTOR])
def test_errors_of_single_effects_and_of_predictions_are_near_the_exact_ones(text):
    model, data = hdsl.Model(text), frame()
    exact, ours = (model.fit(data, crossed=crossed) for crossed in ("exact", "iterative"))
    for effect in exact.ranef:
        np.testing.assert_allclose(ours.ranef[effect].se, exact.ranef[effect].se, rtol=0.02)
    some = data.iloc[:40]
    np.testing.assert_allclose(ours.predictions(some).se, exact.predictions(some).se, rtol=1e-2)


def test_iterations_are_for_crossed_factors_and_closed_forms():
    data = frame().assign(z=lambda d: (d.y > 1.0).astype(int))
    nested = hdsl.Model("y[i] ~ normal(b0 + u[g], sd)\nu[g] ~ normal(0, sd_g)\n")
    with pytest.raises(hdsl.FitError, match="no factors are crossed"):
        nested.fit(data, crossed="iterative")
    binary = hdsl.Model(
        "z[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + u[g] + v[h]\nu[g] ~ normal(0, sd_g)\nv[h] ~ normal(0, sd_h)\n"
    )
    with pytest.raises(hdsl.FitError, match="no closed form"):
        binary.fit(data, crossed="iterative")
    with pytest.raises(ValueError, match="crossed must be"):
        nested.fit(data, crossed="dense")


def test_what_would_fill_is_not_factorised_as_sparse():
    """Few movers leave a sparse matrix; pupils who each have two teachers at random leave one that fills."""
    rng = np.random.default_rng(6)
    pupil = np.repeat(np.arange(30_000), 2)
    teacher = np.repeat(rng.integers(0, 10_000, 30_000), 2)
    moves = rng.random(len(pupil)) < 0.1
    few = teacher.copy()
    few[moves] = rng.integers(0, 10_000, int(moves.sum()))
    ones, y = np.ones(len(pupil)), rng.normal(size=len(pupil))
    for second, is_sparse in ((few, True), (rng.integers(0, 10_000, len(pupil)), False)):
        found = cross_products((ones, y), ((ones,), (ones,)), (pupil, np.unique(second, return_inverse=True)[1]))
        assert found.is_sparse is is_sparse


def test_a_dense_factor_that_the_machine_cannot_hold_is_refused():
    model, data = hdsl.Model(SCALAR), frame()
    with patch.object(BIND, "machine_memory", lambda: 1e5):
        with pytest.raises(hdsl.FitError, match="GB of memory") as refused:
            model.bind(data)
        assert "HM509" in str(refused.value)
        assert model.bind(data, crossed="iterative").plan.crossing == "iterative"
    with patch.object(BIND, "MOST_EXACT", 100), pytest.raises(hdsl.FitError, match="of 100 at most"):
        model.bind(data, crossed="exact")


def test_a_large_exact_fit_starts_at_the_optimum_by_iterations_and_may_be_interrupted_there():
    model, data = hdsl.Model(SCALAR), frame()
    usual = model.fit(data)
    with patch.object(GAUSSIAN, "COSTLY", 1):
        ours = model.fit(data)
        assert ours.loglik == pytest.approx(usual.loglik, abs=1e-6)
        assert ours.outcome.n_evaluations < usual.outcome.n_evaluations
        assert ours.outcome.monte_carlo == 0.0
        evaluate, calls = Criterion.evaluate, []

        def stops(self, theta, near=None):
            calls.append(self.plan.crossing)
            if len(calls) == last:
                raise KeyboardInterrupt
            return evaluate(self, theta, near)

        whole = model.fit(data, crossed="iterative").outcome.n_evaluations
        for last in (3, whole + 1):  # in the search by iterations; in the first evaluation after it
            calls.clear()
            with patch.object(Criterion, "evaluate", stops):
                part = model.fit(data)
            assert "Interrupted after" in part.message
            assert calls.count("iterative") == min(last, whole)
            assert part.loglik <= usual.loglik + part.outcome.objective_error
            assert part.outcome.monte_carlo > 0.0
            assert np.isfinite(part.params).all()
            assert np.isfinite(part.bse.iloc[: len(part.fixef)]).all()


def test_parts_without_connection_are_solved_without_noise():
    """Pupils and teachers cross within schools: no school has a row in common with another."""
    rng = np.random.default_rng(9)
    pupil = rng.integers(0, 300, 2000)
    school = rng.integers(0, 20, 300)[pupil]
    teacher = school * 5 + rng.integers(0, 5, 2000)
    x = rng.normal(size=2000)
    y = rng.normal(size=300)[pupil] + 0.7 * rng.normal(size=100)[teacher] * (1.0 + 0.4 * x) + rng.normal(size=2000)
    data, model = pd.DataFrame({"y": y, "x": x, "g": pupil, "h": teacher}), hdsl.Model(VECTOR)
    exact, ours = (model.fit(data, crossed=crossed) for crossed in ("exact", "iterative"))
    assert ours.outcome.monte_carlo == ours.outcome.objective_error == 0.0
    assert ours.loglik == pytest.approx(exact.loglik, abs=1e-7)
    np.testing.assert_allclose(ours.bse, exact.bse, rtol=1e-3)
    np.testing.assert_allclose(ours.ranef["u0[g]"].se, exact.ranef["u0[g]"].se, rtol=1e-4)
