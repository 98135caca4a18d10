"""Variances and correlations on their edge: made exact where the criterion does not rise, and named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.covariance import correlations, least_variance, lower_factor, theta_of
from hdsl.fit.problem import P, Problem, try_at
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["Parts", "exact_correlations", "free_blocks", "parts_at", "settle", "with_block"]

NEARLY_ZERO = 1e-3
"""Relative standard deviation (standardised column) below which exactly zero is tried."""

RISE = 1e-7
"""Rise of the criterion with which an exact zero is still taken."""

NEARLY_ONE = 1e-9
"""Least eigenvalue of a correlation matrix at which it is singular."""

NEARLY_EXACT = 1e-6
"""Distance from 1 at which a correlation of a singular block is taken as exact."""


def settle(problem: Problem[P], at: P) -> P:
    """Return the evaluation with what is nearly zero made exactly zero, where the criterion does not rise.

    First effects without variance (a row of Lambda), then combinations without variance (an eigenvalue of Sigma).
    """
    best = at
    for entry in theta_entries(problem.plan):
        if entry.row == entry.column and entry.theta >= 0:
            row = np.abs(best.factors[entry.factor][entry.row])
            if 0.0 < row.max() < NEARLY_ZERO:
                zeros = [e.theta for e in theta_entries(problem.plan) if (e.factor, e.row) == (entry.factor, entry.row)]
                theta = best.theta.copy()
                theta[zeros] = 0.0
                best = _unless_higher(problem, theta, best, at)
    for f, columns in free_blocks(problem.plan):
        L = _block_of(best.factors[f], columns)
        if least_variance(L) * float(np.vdot(L, L)) >= NEARLY_ZERO**2:
            continue
        w, U = np.linalg.eigh(L @ L.T)
        small = w < NEARLY_ZERO**2
        if np.any(small) and not np.all(small):
            root = (U * np.sqrt(np.where(small, 0.0, np.abs(w))))[:, ::-1]  # the largest first
            theta = with_block(problem.plan, best, (f, columns), root)
            best = _unless_higher(problem, theta, best, at)
    return best


def _unless_higher(problem: Problem[P], theta: Floats, best: P, at: P) -> P:
    """Return the evaluation at `theta` unless its criterion is above that of `at`."""
    new = try_at(problem, problem.with_theta(best, theta), best)
    return new if new is not None and new.objective <= at.objective + RISE else best


def free_blocks(plan: Plan) -> list[tuple[int, tuple[int, ...]]]:
    """Return factor and columns of the blocks with several columns; none of their entries is tied."""
    return [
        (f, block.columns) for f, term in enumerate(plan.re_terms) for block in term.blocks if len(block.columns) > 1
    ]


def with_block(plan: Plan, at: P, block: tuple[int, tuple[int, ...]], root: Floats) -> Floats:
    """Return theta with the covariance of one block given by a root of it, zero rows kept exactly."""
    f, columns = block
    factors = [L.copy() for L in at.factors]
    own = lower_factor(root)
    own[np.all(root == 0.0, axis=1)] = 0.0
    factors[f][np.ix_(columns, columns)] = own
    return theta_of(plan, factors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Relative standard deviations and correlations of each factor, user's columns, and the entries on an edge."""

    sd: tuple[Floats, ...]
    cor: tuple[Floats, ...]
    edge: tuple[tuple[int, int, int], ...]


def parts_at(problem: Problem[P], at: P) -> Parts:
    """Return standard deviations and correlations, exact on their edges.

    Whether a block is singular is judged on standardised columns: an intercept far from the data is correlated almost
    perfectly with its slope although nothing is singular.
    """
    sds, cors = [], []
    for term, L, sigma in zip(problem.plan.re_terms, at.factors, problem.user_sigmas(at.factors), strict=True):
        sd, cor = correlations(sigma)
        for block in term.blocks:
            if _is_singular(_block_of(L, block.columns)):
                own = np.ix_(block.columns, block.columns)
                cor[own] = exact_correlations(cor[own])
        sds.append(sd)
        cors.append(cor)
    edge = edge_entries(problem, at, sds, cors)
    return Parts(sd=tuple(sds), cor=tuple(cors), edge=tuple(edge))


def _block_of(L: Floats, columns: tuple[int, ...]) -> Floats:
    """Return the rows and columns of a block."""
    return L if len(columns) == len(L) else L[np.ix_(columns, columns)]


def _is_singular(L: Floats) -> bool:
    """Whether a covariance ``LL'`` has a zero variance or a combination without variance."""
    if least_variance(L) > NEARLY_ONE:  # the trace is no less than any variance
        return False
    sd, cor = correlations(L @ L.T)
    return bool(np.any(sd == 0.0)) or float(np.linalg.eigvalsh(cor)[0]) < NEARLY_ONE


def exact_correlations(cor: Floats) -> Floats:
    """Return correlations with those that are nearly -1 or 1 made so; replicates may be a last axis."""
    return np.where(np.abs(np.abs(cor) - 1.0) < NEARLY_EXACT, np.sign(cor), cor)


def edge_entries(problem: Problem[P], at: P, sds: list[Floats], cors: list[Floats]) -> list[tuple[int, int, int]]:
    """Return standard deviations that are zero, correlations that are -1 or 1, and those of a singular combination.

    A correlation matrix may be singular without any entry at -1 or 1; its correlations between the effects of the
    combination without variance are then all on the edge together.
    """
    out = []
    for f, term in enumerate(problem.plan.re_terms):
        L = at.factors[f]
        for block in term.blocks:
            is_singular = _is_singular(_block_of(L, block.columns))
            columns = [c for c in block.columns if sds[f][c] > 0.0] if is_singular else []
            singular = _singular_pairs(cors[f], columns)
            for k, c in enumerate(block.columns):
                if sds[f][c] == 0.0:
                    out.append((f, c, c))
                out += [(f, r, c) for r in block.columns[k + 1 :] if (r, c) in singular]
    return out


def _singular_pairs(cor: Floats, columns: list[int]) -> set[tuple[int, int]]:
    """Return the pairs (row, column), row below column, that take part in a combination without variance."""
    pairs = {(r, c) for c in columns for r in columns if r > c and abs(cor[r, c]) == 1.0}
    if pairs or not columns:
        return pairs
    w, U = np.linalg.eigh(cor[np.ix_(columns, columns)])
    for value, vector in zip(w, U.T, strict=True):
        if value < NEARLY_ONE:
            inside = [c for c, u in zip(columns, vector, strict=True) if abs(u) > 1e-4]
            pairs |= {(r, c) for c in inside for r in inside if r > c}
    return pairs
