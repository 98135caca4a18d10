"""From derivatives by covariances to derivatives by theta: where each entry's terms stand, found once for a plan.

Input: derivatives by the entries of each Sigma. Output: gradient and Hessian by theta. Matrices of all factors are one
vector, row after row and factor after factor, so that a term is a position in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["ChainRule", "chain_rule", "emitted_entries", "flat"]

Codes = NDArray[np.intp]


def emitted_entries(plan: Plan) -> tuple[Entry, ...]:
    """Return the covariance entries in the order of the emitted directions: the chain, then the dense factors."""
    entries = theta_entries(plan)
    return tuple(entry for f in (*plan.chain, *plan.dense) for entry in entries if entry.factor == f)


def flat(matrices: Sequence[Floats]) -> Floats:
    """Return the matrices of all factors as one vector."""
    return np.concatenate([matrix.ravel() for matrix in matrices]) if matrices else np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """A matrix that is linear in a vector, as sums of single entries of it.

    Attributes
    ----------
    places, sources : ndarray
        Where each term stands in the matrix, row after row, and which entry of the vector it is.
    weight : float
        What all of them are multiplied by.
    shape : (int, int)
    """

    places: Codes
    sources: Codes
    weight: float
    shape: tuple[int, int]

    def of(self, vector: Floats) -> Floats:
        """Return the matrix."""
        values = vector[self.sources]
        total = np.bincount(self.places, values if self.weight == 1.0 else self.weight * values, self.size)
        return np.asarray(total.reshape(self.shape), dtype=float)

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.shape[0] * self.shape[1]

    def of_many(self, vectors: Floats) -> Floats:
        """Return the matrices of many vectors, (n, R): (rows, columns, R)."""
        out = np.zeros((self.size, vectors.shape[1]))
        np.add.at(out, self.places, self.weight * vectors[self.sources])
        return out.reshape(*self.shape, -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainRule:
    """Positions of the terms of the chain rule for the entries of Lambda.

    Attributes
    ----------
    own : ndarray, (k,)
        Position of each entry.
    weight : ndarray, (k,)
        How often an entry of Sigma counts: 1 on the diagonal, else 2.
    jacobian : Terms, (k, n_theta)
        ``d Sigma[a, b] / d L[c, d] = (a == c) L[b, d] + (b == c) L[a, d]``, for each theta summed over its entries.
    curvature : Terms, (n_theta, n_theta)
        ``2 G[row, row]`` for entries of the same column of the same factor.
    """

    own: Codes
    weight: Floats
    jacobian: Terms
    curvature: Terms

    def sigma_slopes(self, slopes: Sequence[Floats]) -> Floats:
        """Return derivatives by the entries of Sigma, each entry with its mirror."""
        return flat(slopes)[self.own] * self.weight

    def gradient(self, G: Sequence[Floats], factors: Sequence[Floats]) -> Floats:
        """Return derivatives by theta: ``2 (G L)`` at its entries."""
        return self.sigma_slopes(G) @ self.jacobian.of(flat(factors))

    def hessian(self, H: Floats, G: Sequence[Floats], factors: Sequence[Floats]) -> Floats:
        """Return ``J'HJ + 2 G[row, row]`` by theta."""
        return self.derivatives(H, G, factors)[1]

    def derivatives(self, H: Floats, G: Sequence[Floats], factors: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return gradient and Hessian by theta."""
        J, slopes = self.jacobian.of(flat(factors)), flat(G)
        return (slopes[self.own] * self.weight) @ J, J.T @ H @ J + self.curvature.of(slopes)

    def across(self, H: Floats, factors: Sequence[Floats]) -> Floats:
        """Return second derivatives by other parameters and theta, (m, n_theta), from those by Sigma, (m, k)."""
        return np.asarray(H @ self.jacobian.of(flat(factors)))


@lru_cache(maxsize=64)
def chain_rule(entries: tuple[Entry, ...], widths: tuple[int, ...], n_theta: int) -> ChainRule:
    """Return where the terms stand.

    Parameters
    ----------
    entries : tuple of Entry
        In the order of the emitted directions.
    widths : tuple of int
        Of each factor, in the order of the plan.
    n_theta : int
    """
    factor, row, column, theta = (
        np.array([getattr(e, name) for e in entries], dtype=np.intp) for name in ("factor", "row", "column", "theta")
    )
    width = np.array(widths, dtype=np.intp)
    start = np.cumsum(width**2) - width**2

    def position(f: Codes, r: Codes, c: Codes) -> Codes:
        return np.asarray(start[f] + r * width[f] + c)

    same, is_free = factor[:, None] == factor, theta >= 0
    places, sources = [], []
    for matched, other in ((row, column), (column, row)):  # Sigma's entry i, Lambda's entry j
        i, j = np.nonzero(same & (matched[:, None] == row) & is_free)
        places.append(i * n_theta + theta[j])
        sources.append(position(factor[i], other[i], column[j]))
    i, j = np.nonzero(same & (column[:, None] == column) & is_free[:, None] & is_free)
    return ChainRule(
        own=position(factor, row, column),
        weight=np.where(row == column, 1.0, 2.0),
        jacobian=Terms(
            places=np.concatenate(places),
            sources=np.concatenate(sources),
            weight=1.0,
            shape=(len(entries), n_theta),
        ),
        curvature=Terms(
            places=theta[i] * n_theta + theta[j],
            sources=position(factor[i], row[i], row[j]),
            weight=2.0,
            shape=(n_theta, n_theta),
        ),
    )
