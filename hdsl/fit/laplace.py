"""The Laplace criterion of a plan with a density, as a function of (beta, theta), with exact gradient.

Input: a plan with arrays. The emitted functions do the work; here are the preparation of data (standardised columns,
sorted rows, equal rows counted once) and the way back to the user's columns.

Coordinates: `beta` belongs to the kept, standardised columns of X, and `theta` to the covariance factors of
standardised columns of Z, as for the Gaussian criterion. ``X = X* R`` and ``Z = Z* T``, so that
``beta_user = R^-1 beta`` and ``Sigma* = T Sigma T'``; `Laplace.user_beta`, `Laplace.to_user`, `Laplace.user_sigmas` and
`Laplace.user_theta` go back, `Laplace.beta_from` and `Laplace.theta_from` go there. The objective is -2 log-likelihood
of the user's data with all constants, and is the same in both coordinates. What is per row or per group (`modes`,
`mode_covariances`, `eta`) is in the user's order and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hdsl.fit.standardise import Floats
from hdsl.plan import Arrays, Plan

__all__ = ["Laplace", "Point", "Slope", "laplace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The criterion at one (beta, theta).

    Attributes
    ----------
    objective : float
        -2 log-likelihood by Laplace's method; infinite where no mode was found.
    beta, theta : ndarray
        Standardised columns.
    factors : tuple of ndarray, (q, q)
        Lambda of each factor, standardised columns.
    logdet : float
        log det(I + Lambda'H Lambda), H the observed Hessian at the mode.
    v : tuple of ndarray, (q, 1, J)
        For each factor v with mode ``b = Sigma v``, groups in the order of the kernel: a start for points nearby.
    n_inner : int
        Inner Newton iterations.
    is_mode : bool
        Whether the inner search ended at a mode: a stationary point with I + Lambda'H Lambda positive definite.
    state : object
        What the emitted functions left there.
    """

    objective: float
    beta: Floats
    theta: Floats
    factors: tuple[Floats, ...]
    logdet: float
    v: tuple[Floats, ...]
    n_inner: int
    is_mode: bool
    state: Any

    @property
    def vector(self) -> Floats:
        """Coefficients, then theta."""
        return np.concatenate((self.beta, self.theta))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Derivatives of the objective at one point.

    Attributes
    ----------
    gradient : ndarray, (p + n_theta,)
        Exact, by beta, then by theta.
    hessian : ndarray, (p + n_theta, p + n_theta)
        Block diagonal: twice the information on beta given theta, and average information on theta with the exact
        chain rule.
    by_covariance : tuple of ndarray, (q, q)
        Exact derivative by Sigma of each factor, symmetric.
    """

    gradient: Floats
    hessian: Floats
    by_covariance: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Laplace:
    """The Laplace criterion of one data set.

    Attributes
    ----------
    kept : list of int
        Columns of X that are not aliased; beta belongs to these.
    n_columns : int
        Columns of X, aliased ones included.
    to_user : ndarray, (p, p)
        R^-1: coefficients of the user's kept columns are ``to_user @ beta``.
    T : tuple of ndarray, (q, q)
        For each factor ``Z = Z* T``.
    """

    plan: Plan
    kept: list[int]
    n_columns: int
    to_user: Floats
    T: tuple[Floats, ...]

    def evaluate(self, beta: Floats, theta: Floats, near: Point | None = None) -> Point:
        """Return the objective; the inner search starts from the mode of `near`."""
        raise NotImplementedError

    def slope(self, at: Point) -> Slope:
        """Return gradient and Hessian; `at` has to be a mode."""
        raise NotImplementedError

    def modes(self, at: Point) -> tuple[Floats, ...]:
        """Return the modes (J, q) of each factor, groups in the order of their codes, user's columns."""
        raise NotImplementedError

    def mode_covariances(self, at: Point) -> tuple[Floats, ...]:
        """Return the covariances (J, q, q) of the modes of each factor, given beta and theta; user's columns."""
        raise NotImplementedError

    def eta(self, at: Point) -> Floats:
        """Return the linear predictors at the mode, (n, K), rows in the user's order."""
        raise NotImplementedError

    def user_beta(self, at: Point) -> Floats:
        """Return the coefficients of all columns of X, (n_columns,), NaN for aliased ones."""
        raise NotImplementedError

    def beta_from(self, beta: Floats) -> Floats:
        """Return beta of the kept, standardised columns from coefficients (n_columns,) of the user's; NaN counts as 0."""
        raise NotImplementedError

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return the covariances of the user's columns."""
        raise NotImplementedError

    def user_theta(self, factors: Sequence[Floats]) -> Floats:
        """Return theta of the user's columns."""
        raise NotImplementedError

    def theta_from(self, roots: Sequence[Floats]) -> Floats:
        """Return theta of the standardised columns from roots of covariances of the user's columns."""
        raise NotImplementedError


def laplace(plan: Plan, arrays: Arrays) -> Laplace:
    """Prepare a data set.

    Raises
    ------
    FitError
        HM504 where no more rows than independent columns of X are there, HM506 for a value that is not finite.
    """
    raise NotImplementedError
