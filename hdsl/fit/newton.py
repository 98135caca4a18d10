"""Newton's method in the entries of Lambda: unconstrained, with average information and the exact chain rule.

At a singular optimum the gradient with respect to Sigma is positive semidefinite and supplies the curvature, so that
theta goes to zero quickly; no bounds and no logarithms are needed. Stationary points in theta that are no optimum
exist where a Sigma is singular; `hdsl.fit.search` finds the way out of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hdsl.fit.criterion import Criterion, Evaluation, Slope
from hdsl.fit.standardise import Floats

__all__ = ["Optimum", "Tolerances", "minimise", "newton_step"]


SHRINK = 0.35
"""Share of a step that is tried where the criterion rises."""

ROUNDING = 1e-9
"""Decrement, relative to the criterion, at which a search that cannot go down further counts as converged."""


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
    max_evaluations : int
    """

    decrement: float = 1e-7
    rise: float = 1e-13
    floor: float = 1e-7
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
    """Return a stationary point of the criterion, downhill from `start`."""
    evaluate = Counted(criterion)
    at, decrement, is_stationary = start, 0.0, not len(start.theta)
    while not is_stationary and evaluate.count < tolerances.max_evaluations:
        step, decrement = newton_step(criterion.slope(at), tolerances)
        is_stationary = decrement < tolerances.decrement
        if is_stationary:  # one more step costs one evaluation and squares the error
            at = _polish(evaluate, at, step)
            break
        better = _descend(evaluate, at, step, tolerances)
        if better is None:  # rounding is larger than what is left to gain
            is_stationary = decrement < ROUNDING * (1.0 + abs(at.objective))
            break
        at = better
    return Optimum(at=at, n_evaluations=evaluate.count + 1, decrement=decrement, converged=is_stationary)


def newton_step(slope: Slope, tolerances: Tolerances) -> tuple[Floats, float]:
    """Return the step and its decrement; curvatures are taken positive, so that the step goes downhill."""
    w, U = np.linalg.eigh(slope.hessian)
    along = U.T @ slope.gradient
    largest = max(float(np.abs(w).max()), np.finfo(float).tiny)
    size = np.maximum(np.abs(w), tolerances.floor * largest)
    return -U @ (along / size), float((along**2 / size).sum())


def _descend(
    evaluate: Callable[[Floats], Evaluation | None],
    at: Evaluation,
    step: Floats,
    tolerances: Tolerances,
) -> Evaluation | None:
    """Return the first point along a shrinking step where the criterion does not rise."""
    allowed = at.objective + tolerances.rise * (1.0 + abs(at.objective))
    limit = 2.0 * (1.0 + float(np.abs(at.theta).max()))
    step = step * min(1.0, limit / max(float(np.abs(step).max()), np.finfo(float).tiny))
    for _ in range(40):
        new = evaluate(at.theta + step)
        if new is not None and new.objective <= allowed:
            return new
        step = step * SHRINK
    return None


def _polish(evaluate: Callable[[Floats], Evaluation | None], at: Evaluation, step: Floats) -> Evaluation:
    """Return the last point moved by one more step, if that does not raise the criterion."""
    new = evaluate(at.theta + step)
    return new if new is not None and new.objective <= at.objective else at
