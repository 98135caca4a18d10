"""Profiles of outcomes with a density: gradients against differences, values against refits with a parameter held."""

from __future__ import annotations

import numpy as np
import pytest

from hdsl.fit.generalised import fit_criterion
from hdsl.fit.generalised_surface import surface_of
from hdsl.fit.profiles import Profile, Target
from tests.unit.fit.outcomes import dense, made_up

CASES = [("bernoulli", "one"), ("poisson", "slope"), ("negative_binomial", "nested"), ("zero_inflated", "crossed")]
every_case = pytest.mark.parametrize(("name", "structure"), CASES)


@every_case
def test_gradients_are_exact(name: str, structure: str) -> None:
    study = made_up(name, structure)
    criterion = dense(study)
    found = fit_criterion(criterion, study.arrays)
    targets: list[Target] = [0, 1, *found.variance_parameters]
    for target in targets:
        surface = surface_of(criterion, found, target)
        vector, _ = surface.start()
        vector = vector + 0.05
        numeric = [
            (surface.objective(vector + h[:-1], 0.3 + h[-1])[0] - surface.objective(vector - h[:-1], 0.3 - h[-1])[0])
            / 2e-5
            for h in 1e-5 * np.eye(len(vector) + 1)
        ]
        np.testing.assert_allclose(surface.objective(vector, 0.3)[1], numeric, atol=1e-5, err_msg=str(target))


@every_case
def test_the_profile_is_least_at_the_estimate(name: str, structure: str) -> None:
    study = made_up(name, structure)
    criterion = dense(study)
    found = fit_criterion(criterion, study.arrays)
    for target, estimate in ((0, found.beta[0]), (1, found.beta[1]), ((0, 0, 0), found.sd[0][0])):
        profile = Profile(surface=surface_of(criterion, found, target), estimate=float(estimate))
        assert profile(float(estimate)) == pytest.approx(found.objective, abs=1e-6)
        for shift in (-0.1, 0.1):
            assert profile(float(estimate) + shift) > found.objective + 0.01


def test_a_coefficient_held_at_zero_is_the_model_without_its_column() -> None:
    study = made_up("poisson", "slope")
    criterion = dense(study)
    found = fit_criterion(criterion, study.arrays)
    profile = Profile(surface=surface_of(criterion, found, 1), estimate=float(found.beta[1]))
    smaller = type(study)(
        name=study.name,
        plan=type(study.plan)(
            **{f: getattr(study.plan, f) for f in study.plan.__slots__} | {"fixed": study.plan.fixed[:1]}
        ),
        arrays=study.arrays,
    )
    assert profile(0.0) == pytest.approx(fit_criterion(dense(smaller), study.arrays).objective, abs=1e-5)
