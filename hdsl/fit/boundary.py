"""Variances and correlations on their edge: made exact where the criterion does not rise, and named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.covariance import correlations
from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["Parts", "edge_entries", "parts_at", "settle"]

NEARLY_ZERO = 1e-3
"""Relative standard deviation (standardised column) below which exactly zero is tried."""

RISE = 1e-7
"""Rise of the criterion with which an exact zero is still taken."""

NEARLY_ONE = 1e-9
"""Distance from 1 at which a correlation is taken as exact, and the eigenvalue at which a correlation matrix is singular."""


def settle(criterion: Criterion, at: Evaluation) -> Evaluation:
    """Return the evaluation with entries of theta that are nearly zero made exactly zero, one after another.

    A diagonal entry is tried together with what is left of its column, then alone; it stays zero where the criterion does
    not rise.
    """
    entries = theta_entries(criterion.plan)
    best = at
    for entry in entries:
        if entry.row != entry.column or entry.theta < 0 or abs(best.theta[entry.theta]) >= NEARLY_ZERO:
            continue
        column = [e.theta for e in entries if (e.factor, e.column) == (entry.factor, entry.column) and e.theta >= 0]
        small = [t for t in column if abs(best.theta[t]) < NEARLY_ZERO]
        for zeros in (small, [entry.theta]):
            theta = best.theta.copy()
            theta[zeros] = 0.0
            new = criterion.evaluate(theta)
            if new.objective <= at.objective + RISE:
                best = new
                break
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Relative standard deviations and correlations of each factor, user's columns, and the entries on an edge."""

    sd: tuple[Floats, ...]
    cor: tuple[Floats, ...]
    edge: tuple[tuple[int, int, int], ...]


def parts_at(criterion: Criterion, at: Evaluation) -> Parts:
    """Return standard deviations and correlations, exact on their edges."""
    found = [correlations(sigma) for sigma in criterion.user_sigmas(at.forward.factors)]
    sds, cors = [], []
    for sd, cor in found:
        off = ~np.eye(len(sd), dtype=bool)
        exact = off & (np.abs(np.abs(np.nan_to_num(cor)) - 1.0) < NEARLY_ONE)
        sds.append(sd)
        cors.append(np.where(exact, np.sign(np.nan_to_num(cor)), cor))
    edge = edge_entries(criterion.plan, sds, cors)
    return Parts(sd=tuple(sds), cor=tuple(cors), edge=tuple(edge))


def edge_entries(plan: Plan, sds: list[Floats], cors: list[Floats]) -> list[tuple[int, int, int]]:
    """Return standard deviations that are zero, correlations that are -1 or 1, and those of a singular combination.

    A correlation matrix may be singular without any entry at -1 or 1; its correlations between the effects of the
    combination without variance are then all on the edge together.
    """
    out = []
    for f, term in enumerate(plan.re_terms):
        for block in term.blocks:
            singular = _singular_pairs(cors[f], [c for c in block.columns if sds[f][c] > 0.0])
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
