"""The search: Newton to a stationary point, its edges made exact, and out again where that is no optimum.

At an optimum ``G = d objective / d Sigma`` satisfies ``G Sigma = 0`` and is positive semidefinite where Sigma has no
variance (the Karush-Kuhn-Tucker conditions of covariances). Where a Sigma is singular, the gradient in the entries of
its factor may vanish without that: it depends on which of its factors was taken, and it does not see directions
without variance. Both are looked at there, and the search goes on from a lower point if one is found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.boundary import free_blocks, settle, with_block
from hdsl.fit.covariance import least_variance
from hdsl.fit.newton import Optimum, Tolerances, minimise, newton_step
from hdsl.fit.problem import P, Problem, try_at
from hdsl.fit.standardise import Floats

__all__ = ["search"]

ROUNDS = 8
"""How often the search may go on from a stationary point that is no optimum."""

VIOLATION = 1e-4
"""Derivative of the criterion by a relative variance that counts as negative."""

EMPTY = 1e-12
"""Variance, relative, that counts as none."""

STEPS = (1.0, 0.25, 0.06, 0.015, 0.004, 0.001)
"""Relative standard deviations that are tried in a direction without variance."""


def search(problem: Problem[P], start: P, tolerances: Tolerances) -> Optimum[P]:
    """Return the optimum; its count includes all evaluations of the search proper."""
    optimum = minimise(problem, start, tolerances)
    for _ in range(ROUNDS):
        settled = settle(problem, optimum.at)
        if not optimum.converged:
            return replace(optimum, at=settled)
        onward, certificate = _onward(problem, settled, tolerances)
        if onward is None:
            return replace(optimum, at=settled, certificate=certificate)
        more = minimise(problem, onward, tolerances)
        optimum = replace(more, n_evaluations=optimum.n_evaluations + more.n_evaluations)
    return replace(optimum, converged=False)


def _onward(problem: Problem[P], at: P, tolerances: Tolerances) -> tuple[P | None, float]:
    """Return a point to go on from, or None where the conditions of an optimum hold, and their certificate."""
    if not any(_is_empty(L) for L in at.factors):
        return None, math.nan
    slope = problem.slope(at)
    ways = [*_single_ways(problem, at, slope.by_covariance), *_block_ways(problem, at, slope.by_covariance)]
    certificate = min((way.slope for way in ways), default=math.nan)
    if newton_step(slope.gradient, slope.hessian, tolerances)[1] > 10.0 * tolerances.decrement:
        return at, certificate
    enough = at.objective - tolerances.decrement
    for way in ways:
        for theta in way.points() if way.slope < -VIOLATION else ():
            new = try_at(problem, problem.with_theta(at, theta), at)
            if new is not None and new.objective < enough:
                return new, certificate
    return None, certificate


def _is_empty(L: Floats) -> bool:
    """Whether a covariance ``LL'`` has no variance in some direction."""
    if least_variance(L) * float(np.vdot(L, L)) >= EMPTY:
        return False
    return bool(np.linalg.eigvalsh(L @ L.T)[0] < EMPTY)


@dataclass(frozen=True, slots=True)
class _Way:
    """A direction in which there is no variance: the derivative of the criterion by one, and points along it."""

    slope: float
    points: Callable[[], Iterator[Floats]]


def _block_ways(problem: Problem[P], at: P, G: Sequence[Floats]) -> Iterator[_Way]:
    """Yield for each singular block the direction of its null space along which the criterion rises least."""
    for block in free_blocks(problem.plan):
        position, columns = block
        own = np.ix_(columns, columns)
        L = at.factors[position][own]
        w, U = np.linalg.eigh(L @ L.T)
        null = U[:, w < EMPTY]
        if null.shape[1]:
            values, vectors = np.linalg.eigh(null.T @ G[position][own] @ null)
            yield _Way(float(values[0]), partial(_into_block, problem, at, block, L, null @ vectors[:, 0]))


def _into_block(
    problem: Problem[P], at: P, block: tuple[int, tuple[int, ...]], L: Floats, direction: Floats
) -> Iterator[Floats]:
    for step in STEPS:
        yield with_block(problem.plan, at, block, np.column_stack((step * direction, L)))


def _single_ways(problem: Problem[P], at: P, G: Sequence[Floats]) -> Iterator[_Way]:
    """Yield the ways out along standard deviations that are zero in blocks of one column, tied ones together."""
    multiple = {(f, c) for f, columns in free_blocks(problem.plan) for c in columns}
    entries = [e for e in theta_entries(problem.plan) if e.theta >= 0 and (e.factor, e.row) not in multiple]
    for t in sorted({e.theta for e in entries}):
        if at.theta[t] == 0.0:
            slope = sum(float(G[e.factor][e.row, e.row]) for e in entries if e.theta == t)
            yield _Way(slope, partial(_into_single, at, t))


def _into_single(at: P, t: int) -> Iterator[Floats]:
    for step in STEPS:
        theta = at.theta.copy()
        theta[t] = step
        yield theta
