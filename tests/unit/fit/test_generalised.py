"""Fits of outcomes with a density, by a dense criterion of textbook formulas: optimum, standard errors, starts."""

from __future__ import annotations

import numpy as np
import pytest

from hdsl.diagnostics import FitError
from hdsl.fit.generalised import fit_criterion, fit_generalised
from hdsl.fit.outcome import FitOutcome
from tests.unit.codegen.studies import Study
from tests.unit.fit.dense import DenseLaplace
from tests.unit.fit.outcomes import OUTCOMES, dense, made_up, with_outcome

STRUCTURES = ("none", "one", "slope", "nested", "crossed")
every_case = pytest.mark.parametrize(
    "study",
    [made_up(name, structure) for name in OUTCOMES for structure in STRUCTURES],
    ids=lambda study: study.name,
)


def fit(study: Study) -> tuple[DenseLaplace, FitOutcome]:
    criterion = dense(study)
    return criterion, fit_criterion(criterion, study.arrays)


@every_case
def test_no_point_nearby_is_better(study: Study) -> None:
    criterion, found = fit(study)
    assert found.status in {"converged", "boundary"}
    assert found.troubles == ()
    generator = np.random.default_rng(3)
    best = criterion.evaluate(found.beta, found.theta).objective
    assert found.objective == pytest.approx(best, abs=1e-8)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(3):
            beta = found.beta + size * generator.normal(size=len(found.beta))
            theta = found.theta + size * generator.normal(size=len(found.theta))
            assert criterion.evaluate(beta, theta).objective >= found.objective - 1e-7


@every_case
def test_few_evaluations(study: Study) -> None:
    criterion, _ = fit(study)
    assert criterion.count <= 150  # several starts where a covariance is singular


@every_case
def test_the_emitted_criterion_ends_where_the_dense_one_does(study: Study) -> None:
    _, a = fit(study)
    b = fit_generalised(study.plan, study.arrays)
    assert b.status == a.status
    assert b.boundary == a.boundary
    assert b.objective == pytest.approx(a.objective, abs=2e-6)
    np.testing.assert_allclose(b.beta, a.beta, atol=2e-4)
    np.testing.assert_allclose(b.cov_beta, a.cov_beta, rtol=5e-3, atol=1e-6)
    np.testing.assert_allclose(b.variance_cov, a.variance_cov, rtol=2e-2, atol=1e-5)
    for ours, theirs in zip((*b.sd, *b.modes), (*a.sd, *a.modes), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def natural(study: Study, found: FitOutcome) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    entries = list(found.variance_parameters)
    values = [found.sd[f][r] if r == c else found.cor[f][r, c] for f, r, c in entries]
    return np.concatenate((found.beta, values)), entries


def at_natural(criterion: DenseLaplace, vector: np.ndarray, entries: list[tuple[int, int, int]]) -> float:
    """Return the criterion at coefficients, standard deviations and correlations."""
    p = criterion.n_columns
    sds = [np.zeros(term.width) for term in criterion.plan.re_terms]
    cors = [np.eye(term.width) for term in criterion.plan.re_terms]
    for (f, r, c), value in zip(entries, vector[p:], strict=True):
        if r == c:
            sds[f][r] = value
        else:
            cors[f][r, c] = cors[f][c, r] = value
    roots = [sd[:, None] * np.linalg.cholesky(cor) for sd, cor in zip(sds, cors, strict=True)]
    return criterion.evaluate(vector[:p], criterion.theta_from(roots)).objective


@pytest.mark.parametrize(
    "study",
    [made_up("poisson", s) for s in ("none", "one", "slope", "crossed")] + [made_up("negative_binomial", "crossed")],
    ids=lambda study: study.name,
)
def test_standard_errors_are_those_of_the_joint_information(study: Study) -> None:
    criterion, found = fit(study)
    centre, entries = natural(study, found)
    k, h = len(centre), 2e-3
    H = np.zeros((k, k))
    for a in range(k):
        for b in range(k):
            ends = [
                s * t * at_natural(criterion, centre + h * (s * np.eye(k)[a] + t * np.eye(k)[b]), entries)
                for s in (1, -1)
                for t in (1, -1)
            ]
            H[a, b] = sum(ends) / (4 * h * h)
    covariance = 2 * np.linalg.inv(H)
    p = len(found.beta)
    scale = np.sqrt(covariance.diagonal())
    for part, block in (
        (found.cov_beta, covariance[:p, :p]),
        (found.variance_cov, covariance[p:, p:]),
        (found.cross_cov, covariance[:p, p:]),
    ):
        rows = scale[:p] if part is not found.variance_cov else scale[p:]
        columns = scale[:p] if part is found.cov_beta else scale[p:]
        assert part is not None
        np.testing.assert_allclose(part / np.outer(rows, columns), block / np.outer(rows, columns), atol=2e-3)


def test_what_is_on_an_edge_has_no_standard_error() -> None:
    _, found = fit(made_up("poisson", "nested"))
    assert found.boundary == ((1, 0, 0),)
    assert np.isnan(found.variance_cov[1, 1])
    assert np.isfinite(found.variance_cov[0, 0])
    assert np.all(np.isfinite(found.cov_beta))


def test_starts_by_entry_reach_the_same_optimum() -> None:
    study = made_up("poisson", "slope")
    criterion = dense(study)
    a = fit_criterion(criterion, study.arrays)
    b = fit_criterion(
        criterion, study.arrays, start={(0, 0, 0): 3.0, (0, 1, 0): -0.9, (0, 1, 1): 0.05, ("beta", 1): -1.0}
    )
    assert b.objective == pytest.approx(a.objective, abs=1e-6)
    np.testing.assert_allclose(b.beta, a.beta, atol=1e-4)
    assert b.n_evaluations != a.n_evaluations


@pytest.mark.parametrize("key", [(1, 0, 0), ("beta", 7), (0, 0, 1)])
def test_an_unknown_start_is_refused(key: tuple[int, int, int]) -> None:
    study = made_up("poisson", "one")
    with pytest.raises(FitError, match="HM508"):
        fit_criterion(dense(study), study.arrays, start={key: 1.0})


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_of_a_normal_outcome_changes_nothing(scale: float) -> None:
    here = made_up("normal", "slope")
    there = with_outcome(here, scale * here.arrays.y)
    (_, a), (_, b) = fit(here), fit(there)
    assert b.objective == pytest.approx(a.objective + 2 * len(here.arrays.y) * np.log(scale), abs=1e-5)
    np.testing.assert_allclose(b.beta[:2] / scale, a.beta[:2], rtol=1e-4)
    np.testing.assert_allclose(b.sd[0] / scale, a.sd[0], rtol=1e-3)
    assert b.n_evaluations <= 30
