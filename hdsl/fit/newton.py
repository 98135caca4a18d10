"""Newton's method in the entries of Lambda: unconstrained, with average information and the exact chain rule.

At a singular optimum the gradient with respect to Sigma is positive semidefinite and supplies the curvature, so that
theta goes to zero quickly; no bounds and no logarithms are needed. A stationary point where that gradient has a
negative eigenvalue is no optimum: the Hessian in theta has a negative eigenvalue there, and the search steps out
along it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hdsl.fit.criterion import Criterion, Evaluation, Slope
from hdsl.fit.standardise import Floats

__all__ = ["Optimum", "Tolerances", "minimise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """When the search stops.

    Attributes
    ----------
    decrement : float
        Newton decrement, ``g'H^-1 g``: twice the criterion that one more step is expected to gain.
    rise : float
        Rise of the criterion, relative to its size, that is taken for rounding.
    floor : float
        Least curvature, relative to the largest.
    saddle : float
        Share of the largest curvature by which one must be negative to be left.
    max_evaluations : int
    """

    decrement: float = 1e-7
    rise: float = 1e-13
    floor: float = 1e-7
    saddle: float = 1e-6
    max_evaluations: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """Where the search ended."""

    at: Evaluation
    n_evaluations: int
    decrement: float
    converged: bool


class Counted:
    """The criterion with a count of its evaluations; a theta where it has no value gives None."""

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        self.count = 0

    def __call__(self, theta: Floats) -> Evaluation | None:
        self.count += 1
        try:
            at = self.criterion.evaluate(theta)
        except np.linalg.LinAlgError:
            return None
        return at if np.isfinite(at.objective) else None


def minimise(criterion: Criterion, start: Evaluation, tolerances: Tolerances) -> Optimum:
    """Return the minimum of the criterion, from `start` on."""
    evaluate = Counted(criterion)
    at, decrement = start, 0.0
    if not len(start.theta):
        return Optimum(at=at, n_evaluations=1, decrement=0.0, converged=True)
    while evaluate.count < tolerances.max_evaluations:
        slope = criterion.slope(at)
        step, decrement, escape = newton_step(slope, tolerances)
        if decrement < tolerances.decrement and escape is None:
            return Optimum(
                at=_polish(evaluate, at, step), n_evaluations=evaluate.count + 1, decrement=decrement, converged=True
            )
        if decrement < tolerances.decrement and escape is not None:
            better = _descend(evaluate, at, escape, tolerances, shrink=0.25)
        else:
            better = _descend(evaluate, at, step, tolerances, shrink=0.35)
        if better is None:
            break
        at = better
    return Optimum(
        at=at, n_evaluations=evaluate.count + 1, decrement=decrement, converged=decrement < 1e3 * tolerances.decrement
    )


def newton_step(slope: Slope, tolerances: Tolerances) -> tuple[Floats, float, Floats | None]:
    """Return the step, its decrement, and a direction out of a saddle point if there is one."""
    w, U = np.linalg.eigh(slope.hessian)
    along = U.T @ slope.gradient
    largest = max(float(np.abs(w).max()), np.finfo(float).tiny)
    size = np.maximum(np.abs(w), tolerances.floor * largest)
    escape = U[:, 0] if w[0] < -tolerances.saddle * largest else None
    return -U @ (along / size), float((along**2 / size).sum()), escape


def _descend(
    evaluate: Callable[[Floats], Evaluation | None],
    at: Evaluation,
    step: Floats,
    tolerances: Tolerances,
    *,
    shrink: float,
) -> Evaluation | None:
    """Return the first point along a shrinking step where the criterion does not rise."""
    allowed = at.objective + tolerances.rise * (1.0 + abs(at.objective))
    limit = 2.0 * (1.0 + float(np.abs(at.theta).max()))
    step = step * min(1.0, limit / max(float(np.abs(step).max()), np.finfo(float).tiny))
    for _ in range(40):
        new = evaluate(at.theta + step)
        if new is not None and new.objective <= allowed:
            return new
        step = step * shrink
    return None


def _polish(evaluate: Callable[[Floats], Evaluation | None], at: Evaluation, step: Floats) -> Evaluation:
    """Return the last point moved by one more step, if that does not raise the criterion."""
    new = evaluate(at.theta + step)
    return new if new is not None and new.objective <= at.objective else at
