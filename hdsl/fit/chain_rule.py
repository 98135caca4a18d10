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

from hdsl.codegen import Entry
from hdsl.fit.standardise import Floats

__all__ = ["ChainRule", "chain_rule", "flat"]

Codes = NDArray[np.intp]


def flat(matrices: Sequence[Floats]) -> Floats:
    """Return the matrices of all factors as one vector."""
    return np.concatenate([matrix.ravel() for matrix in matrices]) if matrices else np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainRule:
    """Positions of the terms of the chain rule for the entries of Lambda.

    Attributes
    ----------
    own : ndarray, (k,)
        Position of each entry.
    weight : ndarray, (k,)
        How often an entry of Sigma counts: 1 on the diagonal, else 2.
    jacobian : tuple of (places, sources)
        ``d Sigma[a, b] / d L[c, d] = (a == c) L[b, d] + (b == c) L[a, d]``, one pair for each of the two terms: places
        in the (k, k) matrix, and the positions in L that stand there.
    curvature : (places, sources)
        ``2 G[row, row]`` for entries of the same column of the same factor.
    selection : ndarray, (k, n_theta)
        0/1 map from theta to entries; a constant entry has no column.
    """

    own: Codes
    weight: Floats
    jacobian: tuple[tuple[Codes, Codes], tuple[Codes, Codes]]
    curvature: tuple[Codes, Codes]
    selection: Floats

    def sigma_slopes(self, slopes: Sequence[Floats]) -> Floats:
        """Return derivatives by the entries of Sigma, each entry with its mirror."""
        return flat(slopes)[self.own] * self.weight

    def gradient(self, G: Sequence[Floats], factors: Sequence[Floats]) -> Floats:
        """Return ``2 (G L)`` at the entries, by theta."""
        products = flat([2.0 * (g @ L) for g, L in zip(G, factors, strict=True)])
        return self.selection.T @ products[self.own]

    def hessian(self, H: Floats, G: Sequence[Floats], factors: Sequence[Floats]) -> Floats:
        """Return ``J'HJ + 2 G[row, row]`` by theta."""
        J = self.slopes(factors)
        out = J.T @ H @ J
        places, sources = self.curvature
        out.flat[places] += 2.0 * flat(G)[sources]
        return np.asarray(self.selection.T @ out @ self.selection)

    def slopes(self, factors: Sequence[Floats]) -> Floats:
        """Return the derivatives of the entries of Sigma by those of the factors, (k, k)."""
        J, roots = np.zeros((len(self.own), len(self.own))), flat(factors)
        for places, sources in self.jacobian:
            J.flat[places] += roots[sources]
        return J

    def across(self, H: Floats, factors: Sequence[Floats]) -> Floats:
        """Return second derivatives by other parameters and theta, (m, n_theta), from those by Sigma, (m, k)."""
        return np.asarray(H @ self.slopes(factors) @ self.selection)


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

    k = len(entries)
    same = factor[:, None] == factor
    terms = []
    for matched, other in ((row, column), (column, row)):  # Sigma's entry i, Lambda's entry j
        i, j = np.nonzero(same & (matched[:, None] == row))
        terms.append((i * k + j, position(factor[i], other[i], column[j])))
    i, j = np.nonzero(same & (column[:, None] == column))
    selection = np.zeros((k, n_theta))
    selection[theta >= 0, theta[theta >= 0]] = 1.0
    return ChainRule(
        own=position(factor, row, column),
        weight=np.where(row == column, 1.0, 2.0),
        jacobian=(terms[0], terms[1]),
        curvature=(i * k + j, position(factor[i], row[i], row[j])),
        selection=selection,
    )
