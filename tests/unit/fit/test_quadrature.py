"""Quadrature: one node is Laplace's method, many are the integral; where it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.fit.generalised import fit_criterion
from hdsl.fit.quadrature import quadrature
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
