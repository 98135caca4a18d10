"""The search: Newton to a stationary point, its edges made exact, and out again where that is no optimum.

At an optimum ``G = d objective / d Sigma`` satisfies ``G Sigma = 0`` and is positive semidefinite where Sigma has no
variance (the Karush-Kuhn-Tucker conditions of covariances). Where a Sigma is singular, the gradient in the entries of
its factor may vanish without that: it depends on which of its factors was taken, and it does not see directions
without variance. Both are looked at there, and the search goes on from a lower point if one is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.boundary import free_blocks, settle, with_block
from hdsl.fit.criterion import Criterion, Evaluation, Slope
from hdsl.fit.newton import Optimum, Tolerances, minimise, newton_step
from hdsl.fit.standardise import Floats

__all__ = ["search"]

ROUNDS = 8
"""How often the search may go on from a stationary point that is no optimum."""

VIOLATION = 1e-4
"""Derivative of the criterion by a relative variance that counts as negative."""

STEPS = (1.0, 0.25, 0.06, 0.015, 0.004, 0.001)
"""Relative standard deviations that are tried in a direction without variance."""


def search(criterion: Criterion, start: Evaluation, tolerances: Tolerances) -> Optimum:
    """Return the optimum; its count includes all evaluations of the search proper."""
    optimum = minimise(criterion, start, tolerances)
    for _ in range(ROUNDS):
        settled = settle(criterion, optimum.at)
        onward = _onward(criterion, settled, tolerances) if optimum.converged else None
        if onward is None:
            return replace(optimum, at=settled)
        more = minimise(criterion, onward, tolerances)
        optimum = replace(more, n_evaluations=optimum.n_evaluations + more.n_evaluations)
    return replace(optimum, converged=False)


def _onward(criterion: Criterion, at: Evaluation, tolerances: Tolerances) -> Evaluation | None:
    """Return a point to go on from, or None where the conditions of an optimum hold."""
    if not any(np.linalg.eigvalsh(L @ L.T)[0] < 1e-12 for L in at.forward.factors):
        return None
    slope = criterion.slope(at)
    if newton_step(slope, tolerances)[1] > 10.0 * tolerances.decrement:
        return at
    enough = at.objective - tolerances.decrement
    for theta in _ways_out(criterion, at, slope):
        new = criterion.evaluate(theta)
        if new.objective < enough:
            return new
    return None


def _ways_out(criterion: Criterion, at: Evaluation, slope: Slope) -> Iterator[Floats]:
    """Yield points with some variance where there is none and the criterion falls with it."""
    f = at.profile.nn / at.profile.r2
    G = [a + f * b for a, b in zip(slope.logdet, slope.r2, strict=True)]
    yield from _single_ways(criterion, at, G)
    for block in free_blocks(criterion.plan):
        position, columns = block
        own = np.ix_(columns, columns)
        L = at.forward.factors[position][own]
        w, U = np.linalg.eigh(L @ L.T)
        null = U[:, w < 1e-12]
        values, vectors = np.linalg.eigh(null.T @ G[position][own] @ null)
        if len(values) and values[0] < -VIOLATION:
            for step in STEPS:
                root = np.column_stack((step * null @ vectors[:, 0], L))
                yield with_block(criterion.plan, at, block, root)


def _single_ways(criterion: Criterion, at: Evaluation, G: list[Floats]) -> Iterator[Floats]:
    """Yield the ways out along standard deviations that are zero in blocks of one column, tied ones together."""
    multiple = {(f, c) for f, columns in free_blocks(criterion.plan) for c in columns}
    entries = [e for e in theta_entries(criterion.plan) if e.theta >= 0 and (e.factor, e.row) not in multiple]
    for t in sorted({e.theta for e in entries}):
        if at.theta[t] == 0.0 and sum(G[e.factor][e.row, e.row] for e in entries if e.theta == t) < -VIOLATION:
            for step in STEPS:
                theta = at.theta.copy()
                theta[t] = step
                yield theta
