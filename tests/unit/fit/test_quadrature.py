"""Quadrature: one node is Laplace's method, many are the integral; where it is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import hdsl
from hdsl.diagnostics import FitError
from hdsl.fit.generalised import fit_criterion
from hdsl.fit.laplace import laplace
from hdsl.fit.quadrature import quadrature
from hdsl.fit.repeats import arrays_at
from tests.unit.codegen.studies import Study, covariance, values_of
from tests.unit.fit.dense import DenseLaplace
from tests.unit.fit.outcomes import OUTCOMES, dense, made_up

Floats = NDArray[np.float64]

every_outcome = pytest.mark.parametrize("name", OUTCOMES)
every_structure = pytest.mark.parametrize("structure", ["one", "slope", "nested"])


def small(name: str, structure: str) -> tuple[Study, DenseLaplace, Floats, Floats]:
    study = made_up(name, structure, groups=8, rows=4)
    criterion = dense(study)
    beta = 0.3 * np.random.default_rng(1).normal(size=criterion.n_columns)
    return study, criterion, beta, study.theta


def brute_force(study: Study, criterion: DenseLaplace, beta: Floats) -> float:
    """Return -2 log-likelihood by sums over a fine grid of each effect, eight standard deviations wide."""
    eta = np.stack([criterion.X[k] @ beta for k in range(criterion.K)])
    fine = study.plan.re_terms[0]
    roots = [np.linalg.cholesky(covariance(study.plan, study.theta, f)) for f in range(len(study.plan.re_terms))]
    Z = np.stack([values_of(c.products, study.arrays) for c in fine.columns])
    grid = np.linspace(-8.0, 8.0, 161)
    log_mass = -0.5 * grid**2 - 0.5 * np.log(2 * np.pi) + np.log(grid[1] - grid[0])
    points = np.stack(np.meshgrid(*[grid] * fine.width, indexing="ij"), axis=-1).reshape(-1, fine.width)
    log_points = sum(np.meshgrid(*[log_mass] * fine.width, indexing="ij")).reshape(-1)
    effects = points @ roots[0].T

    def log_group(j: int, above: float) -> float:
        rows = np.flatnonzero(study.arrays.groups[0] == j)
        moved = eta[0, rows] + above + effects @ Z[:, rows]
        with np.errstate(all="ignore"):
            logs = criterion.f(study.arrays.y[rows], moved, *eta[1:, rows], *[k[rows] for k in study.arrays.known])[0]
        return float(np.logaddexp.reduce(np.sum(np.broadcast_to(logs, moved.shape), axis=1) + log_points))

    fine_groups = study.arrays.groups[0]
    if len(study.plan.re_terms) == 1:
        return -2 * sum(log_group(j, 0.0) for j in range(fine_groups.max() + 1))
    total = 0.0
    for k in range(study.arrays.groups[1].max() + 1):
        inside = np.unique(fine_groups[study.arrays.groups[1] == k])
        logs = [
            mass + sum(log_group(j, float(roots[1][0, 0]) * u) for j in inside)
            for u, mass in zip(grid, log_mass, strict=True)
        ]
        total += float(np.logaddexp.reduce(logs))
    return -2 * total


@every_outcome
@every_structure
def test_one_node_is_laplace(name: str, structure: str) -> None:
    study, criterion, beta, theta = small(name, structure)
    one = quadrature(criterion, study.arrays, 1).evaluate(beta, theta)
    assert one.objective == pytest.approx(criterion.evaluate(beta, theta).objective, abs=1e-8)


@pytest.mark.parametrize("name", ["bernoulli", "poisson", "student_t", "zero_inflated"])
@every_structure
def test_many_nodes_are_the_integral(name: str, structure: str) -> None:
    study, criterion, beta, theta = small(name, structure)
    exact = brute_force(study, criterion, beta)
    errors = [abs(quadrature(criterion, study.arrays, m).evaluate(beta, theta).objective - exact) for m in (1, 25)]
    assert errors[1] < 2e-3
    assert errors[1] < 0.02 * errors[0]


@every_structure
def test_a_normal_outcome_is_exact_with_any_number_of_nodes(structure: str) -> None:
    study, criterion, beta, theta = small("normal", structure)
    exact = criterion.evaluate(beta, theta).objective
    for nodes in (2, 7):
        assert quadrature(criterion, study.arrays, nodes).evaluate(beta, theta).objective == pytest.approx(
            exact, abs=1e-8
        )


@every_structure
def test_derivatives_by_covariances_give_those_by_theta(structure: str) -> None:
    study, criterion, beta, theta = small("poisson", structure)
    rule = quadrature(criterion, study.arrays, 5)
    at = rule.evaluate(beta, theta)
    slope = rule.slope(at)
    for f, (L, G) in enumerate(zip(at.factors, slope.by_covariance, strict=True)):
        for c in range(len(L)):
            for r in range(c, len(L)):
                place = next(t for t, e in enumerate(theta) if L[r, c] == e)
                assert 2 * (G @ L)[r, c] == pytest.approx(slope.gradient[len(beta) + place], abs=1e-6), (f, r, c)


@every_structure
def test_no_point_nearby_is_better(structure: str) -> None:
    study = made_up("poisson", structure, groups=12, rows=4)
    criterion = dense(study)
    rule = quadrature(criterion, study.arrays, 3)
    found = fit_criterion(rule, study.arrays, first=criterion, nodes=3)
    assert found.method == "agq"
    assert found.status in {"converged", "boundary"}
    generator = np.random.default_rng(2)
    for size in (1e-3, 1e-2):
        for _ in range(4):
            beta = found.beta + size * generator.normal(size=len(found.beta))
            theta = found.theta + size * generator.normal(size=len(found.theta))
            assert rule.evaluate(beta, theta).objective >= found.objective - 1e-7


@every_structure
def test_equal_rows_are_counted(structure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = made_up("poisson", structure, groups=8, rows=4)
    place = np.random.default_rng(2).permutation(np.repeat(np.arange(len(study.arrays.y)), 80))
    arrays = arrays_at(study.arrays, place)
    inner = laplace(study.plan, arrays)
    beta, theta = np.full(len(inner.kept), 0.2), np.full(study.plan.n_theta, 0.4)
    counted = quadrature(inner, arrays, 5)
    assert counted.data.rows.n <= len(study.arrays.y)
    monkeypatch.setattr("hdsl.fit.quadrature.without_repeats", lambda arrays: None)
    every = quadrature(inner, arrays, 5)
    assert every.data.rows.n == len(arrays.y)
    ours, theirs = (each.evaluate(beta, theta) for each in (counted, every))
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-12)
    np.testing.assert_allclose(counted.slope(ours).gradient, every.slope(theirs).gradient, rtol=1e-6, atol=1e-5)


def test_effects_in_two_predictors_that_are_correlated() -> None:
    generator = np.random.default_rng(4)
    g = np.repeat(np.arange(10), 8)
    x = generator.normal(size=80).round(1)
    y = generator.poisson(np.exp(0.5 + 0.3 * x + 0.5 * generator.normal(size=10)[g])) * (
        generator.uniform(size=80) > 0.3
    )
    model = hdsl.Model("""
    y[i] ~ zero_inflated(poisson(mu[i]), p[i])
    log(mu[i]) = b[g] + b1*x[i]
    logit(p[i]) = c[g]
    (b[g], c[g]) ~ mvnormal((b, c), Omega)
    """)
    fit = model.fit(pd.DataFrame({"g": g, "x": x, "y": y}), method="agq", nodes=25)
    v = fit.params
    names = ["sd(b[g])", "sd(c[g])", "cor(b[g], c[g])"]
    first, second, correlation = (v[name] for name in names)
    grid = np.linspace(-8.0, 8.0, 321)
    u, w = (axis.ravel() for axis in np.meshgrid(grid, grid))
    mass = -0.5 * (u**2 + w**2) - np.log(2.0 * np.pi) + 2.0 * np.log(grid[1] - grid[0])
    total = 0.0
    for group in range(10):
        logs = mass.copy()
        for at in np.flatnonzero(g == group):
            eta = v["b"] + v["b1"] * x[at] + first * u
            zero = 1.0 / (1.0 + np.exp(-v["c"] - second * (correlation * u + np.sqrt(1.0 - correlation**2) * w)))
            density = (1.0 - zero) * np.exp(y[at] * eta - np.exp(eta) - math.lgamma(y[at] + 1.0))
            with np.errstate(divide="ignore"):
                logs += np.log(density + (zero if y[at] == 0 else 0.0))
        total += np.logaddexp.reduce(logs)
    assert fit.loglik == pytest.approx(total, abs=1e-5)


@pytest.mark.parametrize("distribution", ["poisson(mu[i])", "negative_binomial(mu[i], 3)"])
@pytest.mark.parametrize("bound", ["lower=1", "upper=40"])
def test_sums_over_counts(distribution: str, bound: str) -> None:
    generator = np.random.default_rng(5)
    g = np.repeat(np.arange(8), 6)
    y = np.clip(generator.poisson(np.exp(0.8 + 0.5 * generator.normal(size=8)[g])), 1, 40)
    text = f"y[i] ~ truncated({distribution}, {bound})\nlog(mu[i]) = b[g]\nb[g] ~ normal(b, sd)"
    data = pd.DataFrame({"g": g, "y": y})
    model = hdsl.Model(text)
    assert model.fit(data, nodes=1).loglik == pytest.approx(model.fit(data).loglik, abs=1e-7)


def test_crossed_effects_are_refused_with_the_reason() -> None:
    study = made_up("bernoulli", "crossed")
    with pytest.raises(FitError, match="nested") as error:
        quadrature(dense(study), study.arrays, 5)
    assert "[j], [k]" in str(error.value)


def test_too_many_nodes_are_refused_with_their_number() -> None:
    study = made_up("bernoulli", "slope")
    with pytest.raises(FitError, match="120,000,000"):
        quadrature(dense(study), study.arrays, 1000)
    with pytest.raises(FitError, match="nodes are 0"):
        quadrature(dense(study), study.arrays, 0)
