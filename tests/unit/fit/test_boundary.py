"""What is said of singular covariances without decomposing them."""

from __future__ import annotations

import numpy as np
import pytest

from hdsl.fit.covariance import least_variance, lower_factor


@pytest.mark.parametrize("q", [1, 2, 3, 5, 8])
def test_the_least_variance_is_bounded_from_below(q: int) -> None:
    generator = np.random.default_rng(q)
    for _ in range(200):
        L = np.tril(generator.normal(size=(q, q))) * 10.0 ** generator.uniform(-4, 1, size=(q, 1))
        sigma = L @ L.T
        bound, sd = least_variance(L), np.sqrt(sigma.diagonal())
        assert bound * np.trace(sigma) <= np.linalg.eigvalsh(sigma)[0] * (1.0 + 1e-9) + 1e-15 * np.trace(sigma)
        assert bound <= np.linalg.eigvalsh(sigma / np.outer(sd, sd))[0] * (1.0 + 1e-9) + 1e-14
        assert bound >= 0.0


def test_the_bound_is_zero_where_there_is_no_variance_and_near_where_all_are_equal() -> None:
    assert least_variance(np.zeros((2, 2))) == 0.0
    assert least_variance(np.diag([1.0, 0.0, 2.0])) == 0.0
    assert least_variance(np.eye(2)) == pytest.approx(0.25)
    assert least_variance(np.array([[-3.0]])) == pytest.approx(1.0)


def test_the_factor_of_one_effect_is_not_negative() -> None:
    np.testing.assert_array_equal(lower_factor(np.array([[-2.0]])), [[2.0]])


@pytest.mark.parametrize("q", [1, 2, 3])
def test_a_root_becomes_lower_triangular(q: int) -> None:
    rng = np.random.default_rng(q)
    for root in (rng.normal(size=(q, q)), np.zeros((q, q)), np.outer(np.arange(q), np.ones(q)), np.tri(q) - 2.0):
        L = lower_factor(root)
        np.testing.assert_allclose(L @ L.T, root @ root.T, atol=1e-12)
        np.testing.assert_array_equal(L, np.tril(L))
        assert np.all(L.diagonal() >= 0.0)
