"""The criterion of a plan with a density as a function of one vector: coefficients, then entries of the factors.

Input: a criterion in (beta, theta), both of standardised columns. Output: a `hdsl.fit.problem.Problem`. Invariants:
``beta = vector[:m]`` and ``theta = unit * vector[m:]``, in which a unit makes an effect of size 1 about as large as
what one row tells of its predictor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.covariance import widths
from hdsl.fit.problem import Slope
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["LEASH", "DensityCriterion", "Joint", "JointPoint", "StartCriterion", "joint"]

STEP = 1e-2
"""Step of the differences of the gradient, relative to the standard error that curvature alone would give."""

WIDE = 0.1
"""Largest step of the differences, standardised parameters."""


class DensityCriterion(Protocol):
    """What is asked of an approximation of -2 log-likelihood; `hdsl.fit.laplace.Laplace` says what each returns."""

    @property
    def plan(self) -> Plan:
        """The plan."""

    @property
    def kept(self) -> list[int]:
        """Columns of X that are not aliased."""

    @property
    def n_columns(self) -> int:
        """Columns of X, aliased ones included."""

    @property
    def to_user(self) -> Floats:
        """From coefficients of kept, standardised columns to the user's."""

    @property
    def T(self) -> tuple[Floats, ...]:  # noqa: N802 - the name of the matrix
        """``Z = Z* T`` of each factor."""

    def fixed_part(self) -> DensityCriterion:
        """Return the criterion of the same coefficients without random effects."""

    def evaluate(self, beta: Floats, theta: Floats, near: Any = None, *, rough: bool = False) -> Any:
        """Return the objective with what it is made of, or as near as a step from `near` to an optimum needs it."""

    def slope(self, at: Any) -> Any:
        """Return gradient, Hessian, and derivatives by covariances."""

    def user_beta(self, at: Any) -> Floats:
        """Return coefficients of all of the user's columns."""

    def beta_from(self, beta: Floats) -> Floats:
        """Return coefficients of standardised columns."""

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return covariances of the user's columns."""

    def user_theta(self, factors: Sequence[Floats]) -> Floats:
        """Return theta of the user's columns."""

    def theta_from(self, roots: Sequence[Floats]) -> Floats:
        """Return theta of standardised columns from roots of the user's."""

    def modes(self, at: Any) -> tuple[Floats, ...]:
        """Return the modes of the random effects."""

    def mode_covariances(self, at: Any) -> tuple[Floats, ...]:
        """Return their covariances."""


class StartCriterion(DensityCriterion, Protocol):
    """A criterion that a search can start from: it knows what random effects would bring before there are any."""

    def spread_slopes(self, at: Any) -> tuple[Floats, ...]:
        """Return derivatives by covariances where these are zero."""


LEASH = 20.0
"""How far a parameter without an equation may go on its unbounded scale: a factor of 5e8 for a positive one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointPoint:
    """The criterion at one vector.

    Attributes
    ----------
    vector : ndarray
    theta : ndarray, (n_theta,)
        In units.
    factors : tuple of ndarray
        The covariance factors in units.
    inner : Point
        What the criterion returned.
    """

    vector: Floats
    theta: Floats
    factors: tuple[Floats, ...]
    inner: Any

    @property
    def objective(self) -> float:
        """-2 log-likelihood."""
        return float(self.inner.objective)

    @property
    def is_rough(self) -> bool:
        """Whether the objective is only as near as a point far from the optimum needs it."""
        return bool(self.inner.is_rough)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """The criterion of a plan with a density as a problem of the search.

    Attributes
    ----------
    criterion : DensityCriterion
    units : tuple of ndarray, (q,)
        For each factor what a standard deviation of 1 in the vector is to the criterion.
    unit : ndarray, (n_theta,)
        The same for each theta.
    entries : tuple of Entry
        Of the covariance factors.
    theta : ndarray, (n_theta,)
        Where it starts, in units.
    leashes : tuple of (ndarray, float)
        Parameters without an equation as rows of ``to_user``, and where each starts: `LEASH` from there is as good as
        the end of its range, and beyond it there is rounding alone.
    """

    criterion: DensityCriterion
    units: tuple[Floats, ...]
    unit: Floats
    entries: tuple[Entry, ...]
    theta: Floats
    leashes: tuple[tuple[Floats, float], ...] = ()

    @property
    def plan(self) -> Plan:
        """Whose factors theta is of."""
        return self.criterion.plan

    @property
    def m(self) -> int:
        """Number of coefficients in the vector."""
        return len(self.criterion.kept)

    def evaluate(self, vector: Floats, near: JointPoint | None = None) -> JointPoint:
        """Return the criterion.

        Raises
        ------
        numpy.linalg.LinAlgError
            Where the inner search has found no mode.
        """
        vector, beta = self._leashed(vector)
        theta = vector[self.m :]
        inner = self.criterion.evaluate(beta, self.unit * theta, None if near is None else near.inner, rough=True)
        if not inner.is_mode and near is not None:  # the mode of the other point may be too far off
            inner = self.criterion.evaluate(beta, self.unit * theta)
        if not inner.is_mode:
            raise np.linalg.LinAlgError("the penalised density has no mode here")
        return self.point(vector, inner)

    def point(self, vector: Floats, inner: Any) -> JointPoint:
        """Return the point of a vector, from what the criterion returned there."""
        theta = vector[self.m :]
        return JointPoint(vector=vector, theta=theta, factors=self._factors(theta), inner=inner)

    def _leashed(self, vector: Floats) -> tuple[Floats, Floats]:
        """Return the vector with parameters that are beyond their leash at its end, and the coefficients."""
        for row, start in self.leashes:
            beyond = float(row @ vector[: self.m]) - start
            if abs(beyond) > LEASH:
                vector = vector.copy()
                vector[: self.m] -= (beyond - np.copysign(LEASH, beyond)) / (row @ row) * row
        return vector, vector[: self.m]

    def _factors(self, theta: Floats) -> tuple[Floats, ...]:
        """Return the factors in units; constant entries are 1 to the criterion."""
        factors = tuple(np.zeros((len(unit), len(unit))) for unit in self.units)
        for entry in self.entries:
            value = theta[entry.theta] if entry.theta >= 0 else 1.0 / self.units[entry.factor][entry.row]
            factors[entry.factor][entry.row, entry.column] = value
        return factors

    def slope(self, at: JointPoint) -> Slope:
        """Return derivatives by the vector."""
        slope = self.criterion.slope(at.inner)
        scale = np.concatenate((np.ones(self.m), self.unit))
        scales, refined = scale[:, None] * scale, slope.refined
        return Slope(
            gradient=scale * slope.gradient,
            hessian=scales * slope.hessian,
            by_covariance=tuple(G * (u[:, None] * u) for G, u in zip(slope.by_covariance, self.units, strict=True)),
            refined=None if refined is None else lambda: scales * refined(),
        )

    def with_theta(self, at: JointPoint, theta: Floats) -> Floats:
        """Return the vector of a point with another theta."""
        return np.concatenate((at.vector[: self.m], theta))

    def curvature(self, at: JointPoint) -> Floats:
        """Return the Hessian by central differences of the gradient."""
        rows = []
        for i, h in enumerate(difference_steps(self.slope(at).hessian)):
            move = np.zeros(len(at.vector))
            move[i] = h
            ends = [self.slope(self.evaluate(at.vector + sign * move, at)).gradient for sign in (1.0, -1.0)]
            rows.append((ends[0] - ends[1]) / (2.0 * h))
        H = np.array(rows)
        return np.asarray((H + H.T) / 2.0)

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return the covariances of the user's columns."""
        return self.criterion.user_sigmas(self.to_criterion(factors))

    def to_criterion(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return factors of the criterion's columns."""
        return [L * unit[:, None] for L, unit in zip(factors, self.units, strict=True)]

    def vector_of(self, beta: Floats, theta: Floats) -> Floats:
        """Return the vector from (beta, theta) of the criterion; with all coefficients in it."""
        return np.concatenate((beta, theta / self.unit))


def difference_steps(hessian: Floats) -> Floats:
    """Return a step for each parameter from the curvature along it."""
    curvature = np.maximum(np.abs(hessian.diagonal()) / 2.0, np.finfo(float).tiny)
    return np.minimum(WIDE, STEP / np.sqrt(curvature))


def joint(criterion: DensityCriterion, units: Sequence[Floats] | None = None) -> Joint:
    """Return the problem in all coefficients and all of theta; without units they are 1."""
    plan = criterion.plan
    entries = theta_entries(plan)
    chosen = tuple(np.ones(q) for q in widths(plan)) if units is None else tuple(units)
    unit = np.ones(plan.n_theta)
    for entry in entries:
        if entry.theta >= 0:
            unit[entry.theta] = chosen[entry.factor][entry.row]
    return Joint(
        criterion=criterion,
        units=chosen,
        unit=unit,
        entries=entries,
        theta=np.zeros(plan.n_theta),
    )
