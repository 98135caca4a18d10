"""Newton's method for many outcomes in step; see `hdsl.fit.newton` for the method."""

from __future__ import annotations

import numpy as np

from hdsl.fit.newton import FORESEEN, NEGLIGIBLE, SHRINK, TINY, Tolerances
from hdsl.fit.problem import Slope
from hdsl.fit.standardise import Floats
from hdsl.fit.together.criterion import Flags, Outcomes, Point

__all__ = ["minimise_together", "newton_steps"]

STEPS = 20
"""Steps after which a replicate goes on alone."""

SHORTER = 6
"""How often a step is shortened before a replicate goes on alone."""

SPARED = 0.3
"""Part of the replicates that are done, from which on they are left out of the arrays."""


def minimise_together(outcomes: Outcomes, start: Floats, tolerances: Tolerances) -> tuple[Floats, Flags]:
    """Return theta of each replicate, (k, R), downhill from `start`, (k,), and which reached a stationary point."""
    R = outcomes.size
    theta = np.repeat(start[:, None], R, axis=1)
    is_done, before = np.full(R, not len(theta)), np.full(R, np.inf)
    if not len(theta):
        return theta, is_done
    left = np.arange(R)
    at = outcomes.evaluate(theta)
    for _ in range(STEPS):
        step, decrement = newton_steps(at, outcomes.slope(at), tolerances)
        is_last = (decrement < tolerances.decrement) | _is_foreseen(decrement, before[left], tolerances)
        moved, is_better = _descend(outcomes, at, step, np.where(is_last, 0.0, tolerances.rise))
        new = is_better & ~is_done[left]  # what is done stays, whatever others do
        theta[:, left[new]] = moved.theta[:, new]
        is_done[left[is_last]] = True
        before[left] = decrement
        going = ~is_done[left] & is_better
        if not going.any():
            break
        if going.mean() > 1.0 - SPARED and is_better.all():
            at = moved
            continue
        outcomes, left = outcomes.chosen(going), left[going]
        at = outcomes.evaluate(theta[:, left])
    return theta, is_done


def newton_steps(at: Point, slope: Slope, tolerances: Tolerances) -> tuple[Floats, Floats]:
    """Return steps, (k, R), none of them too long, and their decrements; infinite where there is no slope."""
    gradient, hessian = slope.gradient, slope.hessian
    is_finite = np.isfinite(hessian).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=0)
    hessian[~is_finite] = np.eye(len(gradient))
    w, U = np.linalg.eigh(hessian)
    size = np.abs(w)
    size = np.maximum(size, tolerances.floor * np.maximum(size.max(axis=1), TINY)[:, None])
    along = (gradient.T[:, None] @ U)[:, 0]
    shares = along / size
    step = -(U @ shares[:, :, None])[:, :, 0].T
    longest = 2.0 * (1.0 + np.abs(at.theta).max(axis=0))
    step *= np.minimum(1.0, longest / np.maximum(np.abs(step).max(axis=0), TINY))
    return step, np.where(is_finite, (along * shares).sum(axis=1), np.inf)


def _is_foreseen(last: Floats, before: Floats, tolerances: Tolerances) -> Flags:
    """Return where the next decrement is negligible, if they go on to shrink as they did."""
    shrinks: Flags = np.isfinite(before) & (last < np.minimum(before, FORESEEN))
    return shrinks & (last * last < NEGLIGIBLE * tolerances.decrement * before)


def _descend(outcomes: Outcomes, at: Point, step: Floats, rise: Floats) -> tuple[Point, Flags]:
    """Return the points after steps and which are not above the last; steps that rise are shortened if they may."""
    allowed = at.objective + rise * (1.0 + np.abs(at.objective))
    moved = outcomes.evaluate(at.theta + step)
    is_better = moved.objective <= allowed
    again = ~is_better & (rise > 0.0)
    if not again.any():
        return moved, is_better
    for _ in range(SHORTER):
        step[:, again] *= SHRINK
        tried = outcomes.chosen(again).evaluate(at.theta[:, again] + step[:, again])
        is_better[again] = tried.objective <= allowed[again]
        again &= ~is_better
        if not again.any():
            break
    return outcomes.evaluate(at.theta + step), is_better
