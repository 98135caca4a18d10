"""How far rounding lets a Gaussian criterion be known, where the residual is small beside the outcome.

Input: a criterion and a point of it. Output: an estimate of its rounding error. Invariant: where nothing is suspicious
no evaluation is spent.

The residual sum of squares r2 is what is left of y'y after the effects are eliminated, so that a relative rounding
error of one part in 10^16 of y'y is one of ``y'y / r2`` times that in r2, and nn times that in the criterion. What
else is lost on the way, by columns far from zero that no constant column goes with, shows where the criterion is
evaluated beside the point: it scatters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from hdsl.fit.newton import Optimum, Tolerances
from hdsl.fit.problem import P, Problem, try_at
from hdsl.fit.search import search
from hdsl.fit.standardise import Floats

__all__ = ["GROSS", "NOTICED", "SUSPICIOUS", "growth", "least_error", "resolved", "rounding_error"]

SUSPICIOUS = 1e-6
"""Least rounding error of the criterion from which the error is looked at."""

NOTICED = 1e-4
"""Rounding error of the criterion from which it is told: a search ends far below."""

GROSS = 0.1
"""Rounding error of the criterion from which there is no optimum to speak of."""

BESIDE = 1e-9 * np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
"""Relative distances of the points at which the criterion is evaluated: far too small to change it."""


def least_error(yy: Floats, nn: float, r2: Floats) -> Floats:
    """Return the least rounding error of the criterion.

    Parameters
    ----------
    yy : ndarray
        Sums of squares of the outcome in the cross-products.
    nn : float
        Rows, less the columns of X under REML.
    r2 : ndarray
        Penalised residual sums of squares.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.finfo(float).eps * nn * yy / r2)


def growth(S: Mapping[int, Floats]) -> float:
    """Return how many times rounding grows by columns far from zero: their mean squares about zero, not the mean."""
    return max((float(np.max(np.abs(move).sum(axis=0) / move.diagonal())) ** 2 for move in S.values()), default=1.0)


def rounding_error(problem: Problem[P], at: P, least: float, grown: float = 1.0) -> float:
    """Return the rounding error of the criterion at a point, `least` at least; 0 where it is far too small to matter.

    Near a stationary point a straight line is what the criterion changes by, and the rest its scatter. `grown` is how
    many times the least error may have become.
    """
    if least * grown < SUSPICIOUS:
        return 0.0
    near = [try_at(problem, at.vector * (1.0 + step), at) for step in BESIDE]
    values = np.array([at.objective, *(point.objective for point in near if point is not None)])
    places = np.array([0.0, *(step for step, point in zip(BESIDE, near, strict=True) if point is not None)])
    centred = places - places.mean()
    slope = float(centred @ values) / max(float(centred @ centred), np.finfo(float).tiny)
    return max(least, float(np.ptp(values - slope * centred)))


def resolved(
    problem: Problem[P],
    optimum: Optimum[P],
    least: Callable[[P], float],
    tolerances: Tolerances,
    grown: float = 1.0,
) -> tuple[Optimum[P], float]:
    """Return an optimum as well as rounding lets it be known, and the rounding error of its criterion.

    A search that rounding kept from its end goes on with what can be told; where that is nothing it has not converged.

    Parameters
    ----------
    problem : Problem
    optimum : Optimum
    least : callable
        Gives the least rounding error at a point, see `least_error`.
    tolerances : Tolerances
        Of the search.
    grown : float
        How many times the least error may have become: where columns far from zero are not centred.
    """
    error = rounding_error(problem, optimum.at, least(optimum.at), grown)
    if error and not optimum.converged and not optimum.interrupted:
        rise = max(tolerances.rise, error / (1.0 + abs(optimum.at.objective)))
        decrement = max(tolerances.decrement, error)
        more = search(problem, optimum.at, replace(tolerances, rise=rise, decrement=decrement))
        optimum = replace(more, n_evaluations=optimum.n_evaluations + more.n_evaluations)
        error = rounding_error(problem, optimum.at, least(optimum.at), grown)
    return replace(optimum, converged=optimum.converged and error < GROSS), error
