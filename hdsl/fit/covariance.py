"""Between theta, the covariance factors, and standard deviations with correlations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = [
    "correlations",
    "free_parameters",
    "from_parts",
    "least_variance",
    "lower_factor",
    "theta_of",
    "theta_of_roots",
    "widths",
]


def widths(plan: Plan) -> list[int]:
    """Return the width of each factor."""
    return [term.width for term in plan.re_terms]


def lower_factor(root: Floats) -> Floats:
    """Return the lower-triangular L, (q, q), with ``LL' = root root'`` and a diagonal that is not negative."""
    q = len(root)
    if root.shape == (1, 1):
        return np.abs(root)
    if root.shape == (2, 2):
        (a, b), (c, d) = root.tolist()
        first = math.hypot(a, b)
        if first == 0.0:
            return np.array([[0.0, 0.0], [0.0, math.hypot(c, d)]])
        return np.array([[first, 0.0], [(a * c + b * d) / first, abs(a * d - b * c) / first]])
    R: Floats = np.asarray(np.linalg.qr(root.T, mode="r"))[:q]
    L = np.zeros((q, q))
    L[:, : len(R)] = R.T * np.where(R.diagonal() < 0.0, -1.0, 1.0)
    return np.tril(L)


def theta_of(plan: Plan, factors: Sequence[Floats]) -> Floats:
    """Return theta from the lower-triangular factors."""
    theta = np.zeros(plan.n_theta)
    for entry in theta_entries(plan):
        if entry.theta >= 0:
            theta[entry.theta] = factors[entry.factor][entry.row, entry.column]
    return theta


def theta_of_roots(plan: Plan, roots: Sequence[Floats]) -> Floats:
    """Return theta from roots of the covariances, a block at a time: a singular one takes in what comes after it."""
    factors = [np.zeros((len(root), len(root))) for root in roots]
    for L, root, term in zip(factors, roots, plan.re_terms, strict=True):
        for block in term.blocks:
            L[np.ix_(block.columns, block.columns)] = lower_factor(root[list(block.columns)])
    return theta_of(plan, factors)


def correlations(sigma: Floats) -> tuple[Floats, Floats]:
    """Return standard deviations and correlations of a covariance; NaN where a standard deviation is zero."""
    if len(sigma) == 1:
        root = math.sqrt(max(float(sigma[0, 0]), 0.0))
        return np.array([root]), np.array([[1.0 if root > 0.0 else math.nan]])
    sd = np.sqrt(np.maximum(sigma.diagonal(), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        cor = sigma / np.outer(sd, sd)
    cor[np.isinf(cor)] = np.nan
    cor[np.diag_indices(len(sd))] = np.where(sd > 0.0, 1.0, np.nan)
    return sd, cor


def least_variance(L: Floats) -> float:
    """Return a bound below the least eigenvalue of ``LL'``, L lower triangular, relative to the trace of ``LL'``.

    A determinant is the product of the eigenvalues, the largest of which cannot be more than all of the trace.
    """
    size = float(np.vdot(L, L))
    if size == 0.0:
        return 0.0
    product, q = 1.0, len(L)
    for value in L.diagonal().tolist():
        product *= value * value / size
    return product * float(q - 1) ** (q - 1) if q > 1 else product


def from_parts(sd: Floats, cor: Floats) -> Floats:
    """Return a root of ``diag(sd) cor diag(sd)``; NaN correlations count as 0, a singular matrix is allowed."""
    filled = np.where(np.isnan(cor), np.eye(len(sd)), cor)
    w, U = np.linalg.eigh(filled)
    return np.asarray(sd[:, None] * U * np.sqrt(np.maximum(w, 0.0)))


def free_parameters(plan: Plan) -> list[Entry]:
    """Return one entry for each free standard deviation and correlation; tied ones are named by their first."""
    seen: set[int] = set()
    free = []
    for entry in theta_entries(plan):
        if entry.theta >= 0 and entry.theta not in seen:
            seen.add(entry.theta)
            free.append(entry)
    return free
