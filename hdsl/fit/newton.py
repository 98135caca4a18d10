"""Newton's method in the entries of Lambda, and coefficients beside them: unconstrained.

The curvature is average information with the exact chain rule.

At a singular optimum the gradient with respect to Sigma is positive semidefinite and supplies the curvature, so that
theta goes to zero quickly; no bounds and no logarithms are needed. Stationary points in theta that are no optimum
exist where a Sigma is singular; `hdsl.fit.search` finds the way out of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic

import numpy as np

from hdsl.fit.problem import P, Problem, Slope, try_at
from hdsl.fit.standardise import Floats

__all__ = ["Optimum", "Tolerances", "minimise", "newton_step"]


SHRINK = 0.35
"""Share of a step that is tried where the criterion rises."""

ROUNDING = 1e-9
"""Decrement, relative to the criterion, at which a search that cannot go down further counts as converged."""


TINY = float(np.finfo(float).tiny)

SECANT = 1e-8
"""Cosine between a step and what the Hessian misses of the gradient, below which nothing is learned from it."""

PARALLEL, AGAIN = 0.99, 0.6
"""Cosine between two moves, and their relative length, from which the second one repeats the first."""

NEAR = 6.0
"""Decrement of a step after which the Hessian may be one that is good near an optimum."""

NEGLIGIBLE = 0.01
"""Share of the decrement at which a search stops that may be left after a last step, where it is foreseen."""

FORESEEN = 1.0
"""Decrement above which the next one is not foreseen: it does not shrink there as it does near an optimum."""

FAR = 0.1
"""Part of the largest change from which a parameter has gone far."""

FARTHEST = 1e6
"""Parameter, in units of its column or scale, that is as good as infinite."""

SLOW = 3.0
"""Least factor by which a decrement shrinks where the steps are good."""

SLOW_STEPS = 3
"""How many poor steps in a row make a search slow."""


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
    scaled : bool
        Whether curvatures are compared relative to those along the axes.
    patient : bool
        Whether a search whose steps are poor goes on, with an exact Hessian; a start need not.
    secants : float
        Decrement below which the Hessian learns from the steps. Far from an optimum that does harm, and where it is
        near enough to be quadratic it is of no use.
    negligible : float
        Share of `decrement` that may be left after a last step, where it is foreseen.
    foreseen : float
        Decrement above which the next one is not foreseen: it does not shrink there as it does near an optimum.
    max_evaluations : int
    """

    decrement: float = 1e-7
    rise: float = 1e-13
    floor: float = 1e-7
    scaled: bool = False
    patient: bool = True
    secants: float = 0.0
    negligible: float = NEGLIGIBLE
    foreseen: float = FORESEEN
    max_evaluations: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum(Generic[P]):
    """Where the search ended.

    `certificate` is the least derivative of the criterion by a variance where there is none (standardised columns,
    relative): not negative at an optimum; NaN where all covariances are regular. `interrupted` says that the user did.
    `hessian` is the problem's own where the last step set out, if there was one.
    """

    at: P
    n_evaluations: int
    decrement: float
    converged: bool
    certificate: float = math.nan
    interrupted: bool = False
    hessian: Floats | None = None


class Counted(Generic[P]):
    """The criterion with a count of its evaluations; a vector where it has no value gives None."""

    def __init__(self, problem: Problem[P]) -> None:
        self.problem = problem
        self.count = 0

    def __call__(self, vector: Floats, near: P) -> P | None:
        self.count += 1
        return try_at(self.problem, vector, near)


def minimise(problem: Problem[P], start: P, tolerances: Tolerances) -> Optimum[P]:
    """Return a stationary point of the criterion, downhill from `start`."""
    evaluate = Counted(problem)
    metric = _Metric(problem, tolerances)
    at, decrement, is_stationary = start, 0.0, not len(start.vector)
    while not is_stationary and evaluate.count < tolerances.max_evaluations:
        if metric.is_slow() and not tolerances.patient:
            break
        try:
            step, decrement = metric.step(at)
        except np.linalg.LinAlgError:  # derivatives that are not finite
            break
        is_stationary = min(decrement, metric.next_decrement() / tolerances.negligible) < tolerances.decrement
        if is_stationary:  # one more step costs one evaluation and squares the error
            at = _polish(evaluate, at, step)
            break
        better = _descend(evaluate, at, step, tolerances)
        is_whole = better is not None and np.array_equal(better.vector, at.vector + step)
        if not is_whole and decrement < ROUNDING * (1.0 + abs(at.objective)):  # rounding, or the end of a range
            at, is_stationary = better or at, True
            break
        if better is None:
            break
        if metric.is_drifting(better.vector - at.vector):
            better = _farther(evaluate, at, better)
            metric.forget()
        at = better
    return Optimum(
        at=at,
        n_evaluations=evaluate.count + 1,
        decrement=decrement,
        converged=is_stationary,
        hessian=metric.hessian,
    )


class _Metric(Generic[P]):
    """The Hessian of the steps: the problem's own, and where the decrements shrink slowly an exact one.

    What it misses of the change of the gradient over the last steps is added, near an optimum and to an exact one.
    """

    def __init__(self, problem: Problem[P], tolerances: Tolerances) -> None:
        self.problem = problem
        self.tolerances = tolerances
        self.decrements: list[float] = []
        self.exact: Floats | None = None
        self.learned: Floats | float = 0.0
        self.last: tuple[Floats, Floats] | None = None
        self.move = np.zeros(1)
        self.hessian: Floats | None = None

    def step(self, at: P) -> tuple[Floats, float]:
        """Return the step and its decrement."""
        slope = self.problem.slope(at)
        self.hessian = slope.hessian
        if self.is_slow():
            self.exact, self.learned = self.problem.curvature(at), 0.0
            del self.decrements[:-1]
            known = self._known(slope)
        else:
            known = self._known(slope)
            self._learn(at.vector, slope.gradient, known)
        self.last = at.vector, slope.gradient
        step, decrement = newton_step(slope.gradient, known + self.learned, self.tolerances)
        self.decrements.append(decrement)
        return step, decrement

    def _known(self, slope: Slope) -> Floats:
        """Return the Hessian to build on: an exact one if there is one, else a refined one near an optimum."""
        if self.exact is not None:
            return self.exact
        is_near = slope.refined is not None and bool(self.decrements) and self.decrements[-1] < NEAR
        return slope.refined() if is_near and slope.refined is not None else slope.hessian

    def _learn(self, vector: Floats, new: Floats, known: Floats) -> None:
        """Take up what the last step has shown."""
        if self.last is None or (self.exact is None and self.decrements[-1] >= self.tolerances.secants):
            return
        before, gradient = self.last
        self.learned = symmetric_rank_one(known + self.learned, vector - before, new - gradient) - known

    def next_decrement(self) -> float:
        """Return what the decrement will be after the step, if it goes on to shrink as it did."""
        if len(self.decrements) < 2:
            return np.inf
        before, last = self.decrements[-2:]
        return last * last / before if last < min(before, self.tolerances.foreseen) else np.inf

    def forget(self) -> None:
        """Forget what was learned: curvature that is gone far off would end the search too soon."""
        self.learned, self.last = 0.0, None

    def is_drifting(self, move: Floats) -> bool:
        """Whether a move repeats the one before: there is an end of a range far off, or a long way to go."""
        before, self.move = self.move, move
        sizes = float(np.linalg.norm(before)), float(np.linalg.norm(move))
        return sizes[1] > AGAIN * sizes[0] > 0.0 and float(before @ move) > PARALLEL * sizes[0] * sizes[1]

    def is_slow(self) -> bool:
        """Whether the last steps have each left more than a part of the decrement before."""
        steps = SLOW_STEPS if self.exact is None else 1  # an exact Hessian of another point may not be good here
        last = self.decrements[-1 - steps :]
        return len(last) > steps and all(b > a / SLOW for a, b in pairwise(last))


def symmetric_rank_one(hessian: Floats, step: Floats, change: Floats) -> Floats:
    """Return a Hessian that gives the change of the gradient over a step (Nocedal and Wright 2006, eq. 6.24)."""
    missing = change - hessian @ step
    along = float(missing @ step)
    if abs(along) <= SECANT * float(np.linalg.norm(missing) * np.linalg.norm(step)):
        return hessian
    return np.asarray(hessian + np.outer(missing, missing) / along)


def newton_step(gradient: Floats, hessian: Floats, tolerances: Tolerances) -> tuple[Floats, float]:
    """Return the step and its decrement; curvatures are taken positive, so that the step goes downhill."""
    if tolerances.scaled:
        scale = _scale(hessian)
        step, decrement = _positive_step(gradient / scale, hessian / (scale[:, None] * scale), tolerances.floor)
        return step / scale, decrement
    return _positive_step(gradient, hessian, tolerances.floor)


def _positive_step(gradient: Floats, hessian: Floats, floor: float) -> tuple[Floats, float]:
    """Return the step with the Hessian's eigenvalues taken positive, `floor` times the largest at least."""
    w, U = np.linalg.eigh(hessian)  # ascending
    least = floor * max(float(w[-1]), -float(w[0]), TINY)
    size = w if w[0] >= least else np.maximum(np.abs(w), least)
    along = gradient @ U
    shares = along / size
    return -(U @ shares), float(along @ shares)


def _scale(hessian: Floats) -> Floats:
    """Return the roots of the curvatures along the axes; where there is none, 1."""
    size = np.sqrt(np.abs(hessian.diagonal()))
    return np.where(size > TINY**0.5, size, 1.0)


def _descend(evaluate: Counted[P], at: P, step: Floats, tolerances: Tolerances) -> P | None:
    """Return the first point along a shrinking step where the criterion does not rise."""
    allowed = at.objective + tolerances.rise * (1.0 + abs(at.objective))
    limit = 2.0 * (1.0 + float(np.abs(at.vector).max()))
    step = step * min(1.0, limit / max(float(np.abs(step).max()), TINY))
    for _ in range(40):
        new = evaluate(at.vector + step, at)
        if new is not None and new.objective <= allowed:
            return new
        step = step * SHRINK
    return None


def _farther(evaluate: Counted[P], at: P, better: P) -> P:
    """Return the last point on the way from one point to a better one, and beyond, where the criterion still falls.

    Only those go on that went far, the others stay: they will follow.
    """
    move = better.vector - at.vector
    way = np.where(np.abs(move) > FAR * np.abs(move).max(), move, 0.0)
    while True:
        new = evaluate(better.vector + way, better)
        if new is None or new.objective >= better.objective or np.abs(new.vector).max() > FARTHEST:
            return better
        better, way = new, 2.0 * way


def _polish(evaluate: Counted[P], at: P, step: Floats) -> P:
    """Return the last point moved by one more step, if that does not raise the criterion as far as it is known."""
    new = evaluate(at.vector + step, at)
    return new if new is not None and (at.is_rough or new.objective <= at.objective) else at
