"""What the search asks of a criterion: values and derivatives at a vector of parameters.

Part of the vector, or all of it, is theta, the entries of the covariance factors of standardised columns. The Gaussian
criterion has theta alone; with a density the coefficients of X come before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["P", "Point", "Problem", "Slope", "try_at"]


class Point(Protocol):
    """The criterion at one vector; standardised columns."""

    @property
    def vector(self) -> Floats:
        """What the search moves."""

    @property
    def theta(self) -> Floats:
        """Entries of the covariance factors."""

    @property
    def factors(self) -> Sequence[Floats]:
        """The covariance factors, (q, q) each."""

    @property
    def objective(self) -> float:
        """The criterion, or what differs from it by a constant."""

    @property
    def is_rough(self) -> bool:
        """Whether the objective is only as near as a point far from the optimum needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Derivatives at one point.

    Attributes
    ----------
    gradient : ndarray
        By the vector.
    hessian : ndarray
        By the vector, exact or a model of it.
    by_covariance : tuple of ndarray, (q, q)
        By the covariance of each factor, symmetric.
    refined : callable or None
        Gives a Hessian that is a better model near an optimum, and may be a worse one far from it.
    """

    gradient: Floats
    hessian: Floats
    by_covariance: tuple[Floats, ...]
    refined: Callable[[], Floats] | None = None


P = TypeVar("P", bound=Point)


class Problem(Protocol[P]):
    """A criterion of one data set."""

    @property
    def plan(self) -> Plan:
        """Whose factors and blocks theta is of."""

    def evaluate(self, vector: Floats, near: P | None = None) -> P:
        """Return the criterion; `near` is a point to start inner iterations from."""

    def slope(self, at: P) -> Slope:
        """Return derivatives."""

    def with_theta(self, at: P, theta: Floats) -> Floats:
        """Return the vector of a point with another theta."""

    def curvature(self, at: P) -> Floats | None:
        """Return a Hessian worth its price where the search is slow, or None."""

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return the covariances of the user's columns."""


def try_at(problem: Problem[P], vector: Floats, near: P | None) -> P | None:
    """Return the criterion at a vector, or None where it has no value."""
    try:
        with np.errstate(all="ignore"):  # a step may go where the density overflows
            at = problem.evaluate(vector, near)
    except np.linalg.LinAlgError:
        return None
    return at if np.isfinite(at.objective) else None
