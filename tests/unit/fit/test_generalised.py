"""Fits of outcomes with a density, by a dense criterion of textbook formulas: optimum, standard errors, starts."""

from __future__ import annotations

import numpy as np
import pytest

from hdsl.fit.generalised import fit_criterion
from hdsl.fit.outcome import FitOutcome
from tests.unit.codegen.studies import Study
from tests.unit.fit.dense import DenseLaplace
from tests.unit.fit.outcomes import OUTCOMES, dense, made_up

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
    assert criterion.count <= 60
