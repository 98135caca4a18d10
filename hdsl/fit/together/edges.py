"""Variances and correlations of many replicates on their edge: see `hdsl.fit.boundary` and `hdsl.fit.search`.

Input: stationary points. Output: the same with what is nearly zero made exactly zero, and whether each block of
covariances is regular, on its edge at an optimum, or neither, which a search alone has to find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.boundary import NEARLY_ZERO, RISE
from hdsl.fit.newton import Tolerances
from hdsl.fit.search import EMPTY, VIOLATION
from hdsl.fit.standardise import Floats
from hdsl.fit.together.criterion import Flags, Outcomes, Point
from hdsl.fit.together.search import newton_steps
from hdsl.plan import Plan

__all__ = ["Settled", "settle_together"]

REGULAR = 2e-2
"""Least standard deviation, relative to the residuals', of any combination of the effects of a regular block."""

Block = tuple[int, tuple[int, ...]]
"""Grouping factor and columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Points with exact edges.

    Attributes
    ----------
    at : Point
    is_edge : dict of Block to ndarray, (R,)
        Whether the covariance of a block is singular, at an optimum.
    is_known : ndarray, (R,)
        Whether every block is regular or on its edge.
    """

    at: Point
    is_edge: dict[Block, Flags]
    is_known: Flags


def settle_together(outcomes: Outcomes, at: Point, tolerances: Tolerances) -> Settled:
    """Return the points with nearly singular covariances made singular where that is an optimum."""
    plan = outcomes.problem.plan
    own = {block: _of_block(at, block) for block in _blocks(plan)}
    least = {block: np.linalg.eigvalsh(L @ L.swapaxes(1, 2))[:, 0] for block, L in own.items()}
    is_near = {block: value < NEARLY_ZERO**2 for block, value in least.items()}
    near = np.any([*is_near.values(), np.zeros(outcomes.size, dtype=bool)], axis=0)
    if near.any():
        factors = [L.copy() for L in at.factors]
        for block, L in own.items():
            f, columns = block
            settled = np.where(is_near[block][:, None, None], _singular(L), L)
            factors[f][np.ix_(columns, columns)] = np.moveaxis(settled, 0, -1)
        theta = at.theta.copy()
        for entry in theta_entries(plan):
            if entry.theta >= 0:
                theta[entry.theta] = factors[entry.factor][entry.row, entry.column]
        near[near] = _is_optimum(outcomes.chosen(near), theta[:, near], at.objective[near], tolerances)
        at = outcomes.evaluate(np.where(near, theta, at.theta))
    is_edge = {block: flags & near for block, flags in is_near.items()}
    regular = [value > REGULAR**2 for value in least.values()]
    known = [a | b for a, b in zip(regular, is_edge.values(), strict=True)]
    return Settled(at=at, is_edge=is_edge, is_known=np.all([*known, np.isfinite(at.objective)], axis=0))


def _blocks(plan: Plan) -> Iterator[Block]:
    return ((f, block.columns) for f, term in enumerate(plan.re_terms) for block in term.blocks)


def _of_block(at: Point, block: Block) -> Floats:
    """Return the covariance factor of a block, replicates first."""
    f, columns = block
    return np.nan_to_num(np.moveaxis(at.factors[f][np.ix_(columns, columns)], -1, 0))


def _singular(L: Floats) -> Floats:
    """Return factors, (R, q, q), without the variances and combinations that are nearly zero."""
    has = np.abs(L).max(axis=2, keepdims=True) >= NEARLY_ZERO
    w, U = np.linalg.eigh((L * has) @ (L * has).swapaxes(1, 2))
    roots = (U * np.sqrt(np.where(w < NEARLY_ZERO**2, 0.0, w))[:, None])[:, :, ::-1]  # the largest first
    R: Floats = np.asarray(np.linalg.qr(roots.swapaxes(1, 2), mode="r"))
    signs = np.where(np.diagonal(R, axis1=1, axis2=2) < 0.0, -1.0, 1.0)
    return np.asarray(np.tril(R.swapaxes(1, 2) * signs[:, None]) * has)


def _is_optimum(outcomes: Outcomes, theta: Floats, before: Floats, tolerances: Tolerances) -> Flags:
    """Return where a point is no higher than before, and neither along a Newton step nor out of its edge lower."""
    at = outcomes.evaluate(theta)
    slope = outcomes.slope(at)
    found: Flags = at.objective <= before + RISE
    found &= newton_steps(at, slope, tolerances)[1] <= 10.0 * tolerances.decrement
    single = np.zeros(theta.shape)
    plan = outcomes.problem.plan
    for f, term in enumerate(plan.re_terms):
        G = np.nan_to_num(np.moveaxis(slope.by_covariance[f], -1, 0), nan=-np.inf)
        for block in term.blocks:
            if len(block.columns) == 1 and block.theta[0] >= 0:  # tied ones move together
                single[block.theta[0]] += G[:, block.columns[0], block.columns[0]]
            elif len(block.columns) > 1:
                found &= _least_way_out(_of_block(at, (f, block.columns)), G[:, block.columns][:, :, block.columns])
    return np.asarray(found & ((theta != 0.0) | (single >= -VIOLATION)).all(axis=0))


def _least_way_out(L: Floats, G: Floats) -> Flags:
    """Return where the criterion does not fall along any direction without variance."""
    w, U = np.linalg.eigh(L @ L.swapaxes(1, 2))
    null = U * (w < EMPTY)[:, None]  # the other directions are zero, and so are their eigenvalues
    return np.asarray(np.linalg.eigvalsh(null.swapaxes(1, 2) @ G @ null)[:, 0] >= -VIOLATION)
