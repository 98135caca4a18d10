"""Descent by the method of Broyden, Fletcher, Goldfarb and Shanno: for criteria with a gradient alone.

Input: a function that returns value and gradient, a start, and the inverse of a Hessian to begin with. Output: where it
stopped, and the inverse that it learned, which is a good one to begin with nearby. Invariant: the value never rises. A
gradient may be longer than the vector: what comes after it is by what is held.

References
----------
Nocedal and Wright (2006), Numerical Optimization, chapter 6; the update is left out where the curvature along a step
is not positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hdsl.fit.standardise import Floats

__all__ = ["Bottom", "Objective", "descend", "differences", "positive_inverse"]

Objective: TypeAlias = Callable[[Floats], tuple[float, Floats]]
"""Value and gradient; an infinite value where there is none."""

ENOUGH = 1e-4
"""Share of the expected fall that a step must bring."""

TRUSTED, DOUBT = 3, 1e-2
"""A Hessian that so many steps have not brought to the minimum is not trusted with what one more step would gain."""

FLOOR = 1e-8
"""Least curvature of the Hessian to begin with, relative to the largest, in the units given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottom:
    """Where a descent stopped.

    Attributes
    ----------
    vector, value, gradient : ndarray, float, ndarray
        At the last point.
    step, fall : ndarray, float
        The next step, and twice what the value is expected to fall by along it.
    inverse : ndarray
        Of the Hessian, the last one.
    converged : bool
    """

    vector: Floats
    value: float
    gradient: Floats
    step: Floats
    fall: float
    inverse: Floats
    converged: bool


def descend(
    objective: Objective,
    start: Floats,
    inverse: Floats,
    *,
    first: tuple[float, Floats] | None = None,
    decrement: float = 1e-7,
    most: int = 100,
) -> Bottom:
    """Return a minimum near `start`.

    Parameters
    ----------
    inverse : ndarray
        Of a Hessian, positive definite.
    first : (float, ndarray), optional
        Value and gradient at the start, where they are known.
    decrement : float
        ``g'H^-1 g`` at which it is reached: twice what one more step is expected to gain. After `TRUSTED` steps it is a
        part of that, `DOUBT`.
    most : int
        Evaluations.
    """
    x, B, m = start, inverse, len(start)
    value, gradient = objective(x) if first is None else first
    for left in range(most, -1, -1):
        g = gradient[:m]
        step = -(B @ g)
        fall = float(-g @ step)
        enough = decrement if most - left <= TRUSTED else DOUBT * decrement
        found = None if fall < enough or not left else _along(objective, x, value, step, fall)
        if found is None:
            is_there = fall < enough or (left > 0 and fall < 1e-3 * (1.0 + abs(value)) ** 0.5)
            return Bottom(vector=x, value=value, gradient=gradient, step=step, fall=fall, inverse=B, converged=is_there)
        new, value, changed = found
        B = _updated(B, new - x, changed[:m] - g)
        x, gradient = new, changed
    raise AssertionError("the last round returns")


def _along(
    objective: Objective, x: Floats, value: float, step: Floats, fall: float
) -> tuple[Floats, float, Floats] | None:
    """Return the first point of a shrinking step where the value falls by a share of what is expected."""
    share = 1.0
    for _ in range(30):
        new = x + share * step
        new_value, g = objective(new)
        if np.isfinite(new_value) and new_value <= value - ENOUGH * share * fall + 1e-13 * (1.0 + abs(value)):
            return new, new_value, g
        share *= 0.3
    return None


def _updated(B: Floats, step: Floats, change: Floats) -> Floats:
    """Return the inverse of the Hessian with the curvature along a step put in (Nocedal and Wright 2006, eq. 6.17)."""
    along = float(change @ step)
    if along <= 1e-10 * math.sqrt(float(change @ change) * float(step @ step)):
        return B
    moved = B @ change
    mixed = np.outer(moved, step)
    return np.asarray(B + ((1.0 + float(change @ moved) / along) * np.outer(step, step) - mixed - mixed.T) / along)


def differences(objective: Objective, at: Floats, units: Floats, *, step: float = 1e-4) -> Floats:
    """Return the derivatives of the gradient by the vector, (m, length of the gradient), by one-sided differences.

    Parameters
    ----------
    units : ndarray
        Size of each parameter; the steps are `step` times it.
    """
    _, here = objective(at)
    moves = np.diag(step * units)
    rows = [(objective(at + move)[1] - here) / (step * unit) for move, unit in zip(moves, units, strict=True)]
    return np.array(rows).reshape(len(at), len(here))


def positive_inverse(H: Floats, units: Floats) -> Floats:
    """Return the inverse of a Hessian whose eigenvalues, in the units given, are made positive."""
    w, U = np.linalg.eigh((H + H.T) / 2.0 * np.outer(units, units))
    size = np.maximum(np.abs(w), max(FLOOR * float(np.abs(w).max(initial=0.0)), np.finfo(float).tiny))
    return np.asarray((U / size) @ U.T * np.outer(units, units))
