"""The chain rule from covariances to theta, against differences."""

from __future__ import annotations

import numpy as np
import pytest

from hdsl.codegen import Entry
from hdsl.fit.chain_rule import chain_rule

ENTRIES = (
    Entry(1, 0, 0, 3),
    Entry(1, 1, 1, -1),
    Entry(0, 0, 0, 0),
    Entry(0, 1, 0, 1),
    Entry(0, 1, 1, 2),
    Entry(0, 2, 2, 0),
)
"""A constant entry, a tied one, and factors that are not in the order of the entries."""

WIDTHS = (3, 2)


def factors(theta: np.ndarray) -> list[np.ndarray]:
    out = [np.zeros((q, q)) for q in WIDTHS]
    for e in ENTRIES:
        out[e.factor][e.row, e.column] = theta[e.theta] if e.theta >= 0 else 1.0
    return out


def weights() -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    halves = [generator.normal(size=(q, q)) for q in WIDTHS]
    return [half + half.T for half in halves]


def criterion(theta: np.ndarray) -> float:
    """Sum of the elements of ``W o Sigma`` and of half their squares."""
    sigmas = [L @ L.T for L in factors(theta)]
    return sum(float((w * s).sum() + 0.5 * (s**2).sum()) for w, s in zip(weights(), sigmas, strict=True))


def slopes(theta: np.ndarray) -> list[np.ndarray]:
    return [w + L @ L.T for w, L in zip(weights(), factors(theta), strict=True)]


def second() -> np.ndarray:
    """Second derivatives of the criterion by the entries of Sigma."""
    return np.diag([1.0 if e.row == e.column else 2.0 for e in ENTRIES])


THETA = np.array([0.8, -0.3, 0.5, 1.2])


def test_gradient() -> None:
    rule = chain_rule(ENTRIES, WIDTHS, 4)
    steps = 1e-6 * np.eye(4)
    expected = [(criterion(THETA + h) - criterion(THETA - h)) / 2e-6 for h in steps]
    assert rule.gradient(slopes(THETA), factors(THETA)) == pytest.approx(expected, rel=1e-7)


def test_hessian() -> None:
    rule = chain_rule(ENTRIES, WIDTHS, 4)
    steps = 1e-6 * np.eye(4)
    expected = [
        (rule.gradient(slopes(THETA + h), factors(THETA + h)) - rule.gradient(slopes(THETA - h), factors(THETA - h)))
        / 2e-6
        for h in steps
    ]
    found = rule.hessian(second(), slopes(THETA), factors(THETA))
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def test_entries_off_the_diagonal_count_twice() -> None:
    rule = chain_rule(ENTRIES, WIDTHS, 4)
    found = rule.sigma_slopes([np.arange(9.0).reshape(3, 3), 10.0 + np.arange(4.0).reshape(2, 2)])
    np.testing.assert_array_equal(found, [10.0, 13.0, 0.0, 6.0, 4.0, 8.0])
