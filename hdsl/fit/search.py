"""The search: Newton to a stationary point, its edges made exact, and out again where that is no optimum.

At an optimum ``G = d objective / d Sigma`` satisfies ``G Sigma = 0`` and is positive semidefinite where Sigma has no
variance (the Karush-Kuhn-Tucker conditions of covariances). Where a Sigma is singular, the gradient in the entries of
its factor may vanish without that: it depends on which of its factors was taken, and it does not see directions
without variance. Both are looked at there, and the search goes on from a lower point if one is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.boundary import free_blocks, settle, with_block
from hdsl.fit.newton import Optimum, Tolerances, minimise, newton_step, try_at
from hdsl.fit.problem import P, Problem, Slope
from hdsl.fit.standardise import Floats

__all__ = ["search"]

ROUNDS = 8
"""How often the search may go on from a stationary point that is no optimum."""

VIOLATION = 1e-4
"""Derivative of the criterion by a relative variance that counts as negative."""

STEPS = (1.0, 0.25, 0.06, 0.015, 0.004, 0.001)
"""Relative standard deviations that are tried in a direction without variance."""


def search(problem: Problem[P], start: P, tolerances: Tolerances) -> Optimum[P]:
    """Return the optimum; its count includes all evaluations of the search proper."""
    optimum = minimise(problem, start, tolerances)
    for _ in range(ROUNDS):
        settled = settle(problem, optimum.at)
        onward = _onward(problem, settled, tolerances) if optimum.converged else None
        if onward is None:
            return replace(optimum, at=settled)
        more = minimise(problem, onward, tolerances)
        optimum = replace(more, n_evaluations=optimum.n_evaluations + more.n_evaluations)
    return replace(optimum, converged=False)


def _onward(problem: Problem[P], at: P, tolerances: Tolerances) -> P | None:
    """Return a point to go on from, or None where the conditions of an optimum hold."""
    if not any(np.linalg.eigvalsh(L @ L.T)[0] < 1e-12 for L in at.factors):
        return None
    slope = problem.slope(at)
    if newton_step(slope.gradient, slope.hessian, tolerances)[1] > 10.0 * tolerances.decrement:
        return at
    enough = at.objective - tolerances.decrement
    for theta in _ways_out(problem, at, slope):
        new = try_at(problem, problem.with_theta(at, theta), at)
        if new is not None and new.objective < enough:
            return new
    return None


def _ways_out(problem: Problem[P], at: P, slope: Slope) -> Iterator[Floats]:
    """Yield points with some variance where there is none and the criterion falls with it."""
    G = slope.by_covariance
    yield from _single_ways(problem, at, G)
    for block in free_blocks(problem.plan):
        position, columns = block
        own = np.ix_(columns, columns)
        L = at.factors[position][own]
        w, U = np.linalg.eigh(L @ L.T)
        null = U[:, w < 1e-12]
        values, vectors = np.linalg.eigh(null.T @ G[position][own] @ null)
        if len(values) and values[0] < -VIOLATION:
            for step in STEPS:
                root = np.column_stack((step * null @ vectors[:, 0], L))
                yield with_block(problem.plan, at, block, root)


def _single_ways(problem: Problem[P], at: P, G: Sequence[Floats]) -> Iterator[Floats]:
    """Yield the ways out along standard deviations that are zero in blocks of one column, tied ones together."""
    multiple = {(f, c) for f, columns in free_blocks(problem.plan) for c in columns}
    entries = [e for e in theta_entries(problem.plan) if e.theta >= 0 and (e.factor, e.row) not in multiple]
    for t in sorted({e.theta for e in entries}):
        if at.theta[t] == 0.0 and sum(G[e.factor][e.row, e.row] for e in entries if e.theta == t) < -VIOLATION:
            for step in STEPS:
                theta = at.theta.copy()
                theta[t] = step
                yield theta
