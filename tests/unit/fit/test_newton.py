"""The search itself, on functions whose optimum is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from hdsl.fit.newton import Tolerances, minimise, symmetric_rank_one

A = np.diag([1.0, 4.0, 9.0]) + 0.5


@dataclass(frozen=True)
class Place:
    vector: np.ndarray
    objective: float
    is_rough: bool = False


@dataclass(frozen=True)
class Derivatives:
    gradient: np.ndarray
    hessian: np.ndarray
    refined: None = None


class Bowl:
    """x'Ax/2 + sum of exp(x), whose Hessian is told as `share` of A."""

    def __init__(self, share: float) -> None:
        self.share = share

    def evaluate(self, vector: np.ndarray, near: Place | None = None) -> Place:
        return Place(vector, float(0.5 * vector @ A @ vector + np.exp(vector).sum()))

    def slope(self, at: Place) -> Derivatives:
        return Derivatives(A @ at.vector + np.exp(at.vector), self.share * A)

    def curvature(self, at: Place) -> np.ndarray:
        return A + np.diag(np.exp(at.vector))


def solution() -> np.ndarray:
    x = np.zeros(3)
    for _ in range(50):
        x = x - np.linalg.solve(A + np.diag(np.exp(x)), A @ x + np.exp(x))
    return x


def search(share: float, **tolerances: float) -> tuple[np.ndarray, int, bool]:
    bowl = Bowl(share)
    optimum = minimise(bowl, bowl.evaluate(np.ones(3)), Tolerances(**tolerances))
    return optimum.at.vector, optimum.n_evaluations, optimum.converged


@pytest.mark.parametrize("share", [1.0, 1.5, 3.0, 20.0])
@pytest.mark.parametrize("secants", [0.0, 1.0, 1e9])
def test_the_optimum_is_found_with_any_hessian(share, secants):
    vector, _, converged = search(share, secants=secants)
    assert converged
    np.testing.assert_allclose(vector, solution(), atol=1e-3)


def test_a_hessian_that_learns_needs_fewer_steps():
    assert search(1.5, secants=1.0)[1] < search(1.5)[1]


def test_a_start_need_not_go_on_where_steps_are_poor():
    _, patient, _ = search(3.0)
    _, rough, converged = search(3.0, patient=False)
    assert rough < patient
    assert not converged


def test_a_secant_gives_the_change_of_the_gradient():
    generator = np.random.default_rng(3)
    H = generator.normal(size=(4, 4))
    step, change = generator.normal(size=(2, 4))
    new = symmetric_rank_one(H + H.T, step, change)
    np.testing.assert_allclose(new @ step, change)
    np.testing.assert_allclose(new, new.T)


def test_nothing_is_learned_from_a_change_that_was_foreseen():
    step = np.array([1.0, -2.0, 0.5])
    np.testing.assert_array_equal(symmetric_rank_one(A, step, A @ step), A)
