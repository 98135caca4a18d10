"""More starts where one is not to be trusted: at a singular covariance matrix, or after a long way.

A criterion of correlated effects can have several optima, most often where a covariance matrix is singular. A search
that ends there is repeated from a regular point, one that took many steps also from another side; where two of them
end apart, from more. A search that ends in the interior after a few steps is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hdsl.fit.boundary import free_blocks
from hdsl.fit.newton import Optimum, Tolerances
from hdsl.fit.problem import P, Problem, try_at
from hdsl.fit.search import EMPTY, search
from hdsl.fit.standardise import Floats

__all__ = ["STEEP", "better", "search_from_several"]

MANY, MORE, COEFFICIENTS = 15, 0.25, 2
"""Evaluations above which a search took a long way, more of them for each theta and for each coefficient beside it."""

MOST = 8
"""Further starts where two have ended apart."""

REGULAR = 0.5
"""Added to the standard deviations of an optimum for a further start; relative, standardised columns."""

LONE, SMALL = 3, 0.05
"""Starts in which one standard deviation is small and the others are not, at most; the same units."""

SCALES = (2.0, 0.5, 0.1)
"""Sizes of the entries of the other further starts, in turn; the same units."""

STEEP = 1.0
"""Decrement at which a search has stopped on a slope and not near an optimum."""

APART = 1e-5
"""Difference of the criterion at which two optima are not the same."""


def search_from_several(problem: Problem[P], start: P, tolerances: Tolerances) -> Optimum[P]:
    """Return the lowest optimum found; its count includes the evaluations of all searches."""
    best = search(problem, start, tolerances)
    count, tried, wanted = best.n_evaluations, 0, _wanted(problem, best)
    if not wanted:
        return best
    for at in _further_starts(problem, best.at):
        other = search(problem, at, tolerances)
        count, tried = count + other.n_evaluations, tried + 1
        if other.converged and abs(other.at.objective - best.at.objective) > APART:
            wanted = MOST
        best = better(best, other)
        if tried >= wanted:
            break
    return replace(best, n_evaluations=count)


def _wanted(problem: Problem[P], optimum: Optimum[P]) -> int:
    """Return how many further starts a first optimum calls for."""
    if not len(optimum.at.theta):
        return 0
    if len(optimum.at.theta) < 2 and optimum.converged:
        return int(_is_empty(problem, optimum.at))
    n_theta = len(optimum.at.theta)
    coefficients = len(optimum.at.vector) - n_theta
    if not optimum.converged or optimum.n_evaluations > MANY + MORE * n_theta + COEFFICIENTS * coefficients:
        return 1 + min(len(_lone(problem.plan.diagonal_theta)), LONE)
    blocks = ((optimum.at.factors[f], columns) for f, columns in free_blocks(problem.plan))
    parts = (L[np.ix_(columns, columns)] for L, columns in blocks)
    return int(_is_empty(problem, optimum.at) or any(float(np.linalg.eigvalsh(L @ L.T)[0]) < EMPTY for L in parts))


def _lone(diagonal: tuple[bool, ...]) -> list[int]:
    """Return the standard deviations, where there are several: one may take the part of another."""
    places = [t for t, is_sd in enumerate(diagonal) if is_sd]
    return places if len(places) > 1 else [0]


def _is_empty(problem: Problem[P], at: P) -> bool:
    """Whether a standard deviation is zero: a criterion may fall again beyond a rise."""
    return bool(np.any(at.theta[np.array(problem.plan.diagonal_theta, dtype=bool)] == 0.0))


def _further_starts(problem: Problem[P], at: P) -> Iterator[P]:
    """Yield points away from an optimum, always the same ones; those where the criterion has no value are left out."""
    diagonal = np.array(problem.plan.diagonal_theta)
    thetas: list[Floats] = [np.where(diagonal, np.abs(at.theta) + REGULAR, 0.0)]
    for t in _lone(problem.plan.diagonal_theta)[:LONE]:
        thetas.append(thetas[0].copy())
        thetas[-1][t] = SMALL
    generator = np.random.default_rng(len(diagonal))
    thetas += [SCALES[k % len(SCALES)] * generator.normal(size=len(diagonal)) for k in range(2 * MOST)]
    for theta in thetas:
        new = try_at(problem, problem.with_theta(at, theta), at)
        if new is not None:
            yield new


def better(a: Optimum[P], b: Optimum[P]) -> Optimum[P]:
    """Return the lower of two optima; of two that are the same, one that converged.

    Where a search stopped on a steep slope the criterion has no bound there: it falls forever, or has a pole.
    """
    if a.converged != b.converged and max(a.decrement, b.decrement) > STEEP:
        return a if a.converged else b
    if abs(a.at.objective - b.at.objective) <= APART:
        return b if b.converged and not a.converged else a
    return b if b.at.objective < a.at.objective else a
