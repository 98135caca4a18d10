"""The symmetric system that the iterations solve: ``S = I + E``, E zero within groups.

Stage: fit. Input: sparse factors of S. Output: solutions by conjugate gradients, ``log det S`` by Lanczos' method on
the same steps. Invariant: S is never formed but where it is sparse.

References
----------
Hutchinson (1990), Communications in Statistics 19, 433-450; Ubaru, Chen and Saad (2017), SIAM Journal on Matrix
Analysis and Applications 38, 1075-1099.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from hdsl.fit.standardise import Floats

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

__all__ = [
    "Iterations",
    "Solution",
    "System",
    "block_diagonal",
    "group_blocks",
    "leading",
    "scaled",
    "solve",
    "sparse_determinant",
]

MOST_STEPS = 1000
"""Steps of the conjugate gradients at most."""

POWER_STEPS = 6
"""Steps towards the leading eigenvectors, which are taken out of the noise."""

ENOUGH = 1e-8
"""Relative residual of a single system."""


class System(NamedTuple):
    """``S = own + between - F'F``; `own` is a small matrix for each group, such that E is zero within groups."""

    F: csr_array
    own: tuple[Floats, ...]
    between: csr_array | None

    def product(self, x: Floats) -> Floats:
        """Return ``S x``."""
        out = scaled(self.own, x) - self.F.T @ (self.F @ x)
        return np.asarray(out if self.between is None else out + self.between @ x)


class Product(Protocol):
    """A symmetric positive definite matrix, by what it does to vectors."""

    def product(self, x: Floats) -> Floats:
        """Return the matrix times x."""
        ...


class Iterations:
    """A sparse positive definite matrix that is solved by conjugate gradients, its diagonal scaled to ones."""

    def __init__(self, matrix: csc_array[Any, Any]) -> None:
        self._matrix = matrix
        self._scale = 1.0 / np.sqrt(matrix.diagonal())[:, None]

    def product(self, x: Floats) -> Floats:
        """Return the scaled matrix times x."""
        return np.asarray(self._scale * (self._matrix @ (self._scale * x)))

    def solve(self, T: Floats) -> Floats:
        """Return the inverse times T, (q, k).

        Raises
        ------
        LinAlgError
            If the iterations do not converge.
        """
        return np.asarray(self._scale * solve(self, self._scale * T, ENOUGH).x)


class Solution(NamedTuple):
    """Solutions of ``S x = t - residual``, and ``t'log(S)t`` and ``t'Et`` of each column."""

    x: Floats
    residual: Floats
    logs: Floats
    first: Floats

    def quadratic(self, t: Floats) -> Floats:
        """Return ``t'S^-1 t`` of what was solved for; its error is that of the solution squared."""
        return np.asarray(t.T @ self.x + self.x.T @ self.residual)


def scaled(G: Sequence[Floats], x: Floats, *, transposed: bool = False) -> Floats:
    """Return ``G x``, or ``G'x``: a small matrix in each group, (q, q, J); x is (all columns, k)."""
    out, at = np.empty_like(x), 0
    for g in G:
        q, size = g.shape[0], g.shape[2]
        block = x[at : at + q * size].reshape(q, size, -1)
        target = out[at : at + q * size].reshape(q, size, -1)
        own = g.transpose(1, 0, 2) if transposed else g
        for a in range(q):
            np.multiply(own[a, 0][:, None], block[0], out=target[a])
            for b in range(1, q):
                target[a] += own[a, b][:, None] * block[b]
        at += q * size
    return out


def block_diagonal(G: Sequence[Floats]) -> csr_array:
    """Return small matrices, one for each group, as one sparse matrix over all columns."""
    from scipy.sparse import coo_array

    rows, columns, values, at = [], [], [], 0
    for g in G:
        q, size = g.shape[0], g.shape[2]
        place = at + np.arange(q * size).reshape(q, size)
        rows.append(np.broadcast_to(place[:, None], g.shape).ravel())
        columns.append(np.broadcast_to(place[None], g.shape).ravel())
        values.append(g.ravel())
        at += q * size
    triplet = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(triplet, shape=(at, at)).tocsr()


def group_blocks(M: csr_array, widths: Sequence[tuple[int, int]]) -> list[Floats]:
    """Return ``(M M')`` within groups, a (q, q, J) array for each pair (q, J) of rows."""
    from scipy.sparse import csr_array

    out, at = [], 0
    squared = csr_array((M.data**2, M.indices, M.indptr), shape=M.shape)
    sums = np.asarray(squared.sum(axis=1)).ravel()
    for q, size in widths:
        rows = [slice(at + a * size, at + (a + 1) * size) for a in range(q)]
        block = np.empty((q, q, size))
        for a in range(q):
            block[a, a] = sums[rows[a]]
            for b in range(a):
                block[a, b] = block[b, a] = np.asarray(M[rows[a]].multiply(M[rows[b]]).sum(axis=1)).ravel()
        out.append(block)
        at += q * size
    return out


def solve(S: Product, T: Floats, tolerance: float) -> Solution:
    """Return ``S^-1 T`` by conjugate gradients, each column with steps of its own, to a relative residual.

    Raises
    ------
    LinAlgError
        If they do not converge.
    """
    x, r = np.zeros_like(T), T.copy()
    d, size = r.copy(), np.einsum("ij,ij->j", r, r)
    start = size.copy()
    enough = tolerance**2 * np.maximum(size, np.finfo(float).tiny)
    steps: list[Floats] = []
    ratios: list[Floats] = []
    for _ in range(MOST_STEPS):
        is_active = size > enough
        if not np.any(is_active):
            return Solution(x, r, *_logs(start, np.array(steps), np.array(ratios)))
        Sd = S.product(d)
        curvature = np.einsum("ij,ij->j", d, Sd)
        if np.any(curvature[is_active] <= 0.0):
            raise np.linalg.LinAlgError("matrix is not positive definite")
        step = np.divide(size, curvature, out=np.zeros_like(size), where=is_active)
        x += step * d
        Sd *= step
        r -= Sd
        before, size = size, np.where(is_active, np.einsum("ij,ij->j", r, r), size)
        ratio = np.divide(size, before, out=np.zeros_like(size), where=is_active)
        d *= ratio
        d += r
        steps.append(step)
        ratios.append(ratio)
    raise np.linalg.LinAlgError("conjugate gradients did not converge")


def _logs(start: Floats, steps: Floats, ratios: Floats) -> tuple[Floats, Floats]:
    """Return ``t'log(S)t`` and ``t'(S - I)t`` by the tridiagonal matrices that conjugate gradients leave."""
    logs, first = np.zeros(len(start)), np.zeros(len(start))
    for k in range(len(start)):
        if start[k] == 0.0:
            continue
        count = int(np.count_nonzero(steps[:, k]))
        step, ratio = steps[:count, k], ratios[: count - 1, k]
        diagonal = 1.0 / step
        diagonal[1:] += ratio / step[:-1]
        off = np.sqrt(ratio) / step[:-1]
        w, U = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
        logs[k] = start[k] * float(U[0] ** 2 @ np.log(np.maximum(w, np.finfo(float).tiny)))
        first[k] = start[k] * (diagonal[0] - 1.0)
    return logs, first


def leading(S: System, widths: Sequence[tuple[int, int]], near: Floats) -> Floats:
    """Return an orthonormal basis of vectors near the leading eigenvectors of E, one for each effect.

    Parameters
    ----------
    widths : sequence of (q, J)
        Effects and groups of each factor of the system.
    near : ndarray, (columns,)
        A vector that is in none of them orthogonal to what is looked for.
    """
    count = sum(q for q, _ in widths)
    x, at, column = np.zeros((len(near), count)), 0, 0
    for q, size in widths:
        for _ in range(q):
            x[at : at + size, column] = near[at : at + size]
            at, column = at + size, column + 1
    for _ in range(POWER_STEPS):
        x, _ = np.linalg.qr(x)
        x = S.product(x) - x
    Q, R = np.linalg.qr(x)
    sizes = np.abs(R.diagonal())
    return np.asarray(Q[:, sizes > 1e-8 * max(float(sizes.max()), np.finfo(float).tiny)])


def sparse_determinant(S: System) -> float:
    """Return log det S by a sparse factorisation.

    Raises
    ------
    LinAlgError
        If a pivot is not positive, which is rounding.
    """
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    M = block_diagonal(S.own) - S.F.T @ S.F
    M = csc_array(M if S.between is None else M + S.between)
    factor = splu(M, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    pivots = factor.U.diagonal()
    if np.any(pivots <= 0.0):
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return float(np.log(pivots).sum())
