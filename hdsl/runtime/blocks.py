"""Small matrices, one for each group, stored as arrays (rows, columns, J): the groups are the last, contiguous axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "across",
    "adjugate",
    "along",
    "by_group",
    "covariance",
    "directions",
    "information",
    "inner",
    "join",
    "log_sum",
    "matrix",
    "mul",
    "mul_t",
    "outer_sum",
    "ridge_inverse",
    "symmetric",
    "t_mul",
    "trace_product",
    "transpose",
    "widened",
]

Floats: TypeAlias = NDArray[np.float64]

UNROLLED_WIDTH = 8
"""Widest block whose factorisation runs over entries; wider ones go to LAPACK, group by group."""


ZERO = np.zeros(1)
SIGNS = np.array([[[1.0], [-1.0]], [[-1.0], [1.0]]])


def nothing(*shape: int) -> Floats:
    """Return a matrix of zeros for each group that takes no storage, and with which nothing is computed."""
    return np.ndarray(shape, float, ZERO, 0, (0,) * len(shape))


def is_nothing(a: Floats) -> bool:
    """Whether an array is one that `nothing` makes."""
    return not any(a.strides)


def mul(a: Floats, b: Floats) -> Floats:
    """Return ``a b`` in each group: (q, s, J) and (s, w, J) give (q, w, J)."""
    if len(b) == 0 or is_nothing(a) or is_nothing(b):
        return nothing(len(a), b.shape[1], *b.shape[2:])
    if len(b) == 1:
        return np.asarray(a[:, 0, None] * b[0])
    return np.asarray(np.einsum("qs...,sw...->qw...", a, b))  # without a temporary array for each s


def t_mul(a: Floats, b: Floats) -> Floats:
    """Return ``a' b`` in each group: (s, q, J) and (s, w, J) give (q, w, J)."""
    if len(b) == 1:
        return np.asarray(a[0][:, None] * b[0])
    return np.asarray(np.einsum("sq...,sw...->qw...", a, b))


def mul_t(a: Floats, b: Floats) -> Floats:
    """Return ``a b'`` in each group: (q, s, J) and (w, s, J) give (q, w, J); s may be 0 or large."""
    if a.shape[1] == 0:
        return nothing(len(a), len(b), a.shape[2])
    return np.asarray(np.einsum("qsj,wsj->qwj", a, b))


def transpose(a: Floats) -> Floats:
    """Return the transposed matrix in each group."""
    return a.swapaxes(0, 1)


def inner(a: Floats, b: Floats) -> Floats:
    """Return ``a' b`` summed over groups: (q, s, J) and (q, w, J) give (s, w)."""
    if len(a) == 1:
        return np.asarray(a[0] @ b[0].T)
    return np.asarray((a @ b.transpose(0, 2, 1)).sum(axis=0))


def outer_sum(a: Floats, b: Floats) -> Floats:
    """Return ``a b'`` summed over groups: (q, s, J) and (r, s, J) give (q, r)."""
    return a.reshape(len(a), -1) @ b.reshape(len(b), -1).T


def along(w: Floats, a: Floats) -> Floats:
    """Return the sum of the columns times `w` in each group: (w,) and (q, w, J) give (q, 1, J)."""
    return np.asarray((w @ a)[:, None])


def across(m: Floats, a: Floats) -> Floats:
    """Return the columns times one matrix in each group: (w, k) and (q, w, J) give (q, k, J)."""
    return np.asarray(m.T @ a)


def matrix(rows: Sequence[Sequence[float]]) -> Floats:
    """Return one matrix of its entries."""
    return np.array(rows)


def covariance(L: Floats) -> Floats:
    """Return ``LL'`` of one matrix."""
    return L @ L.T


def by_group(a: Floats) -> Floats:
    """Return one matrix as that of every group: (q, w) gives (q, w, 1)."""
    return a[:, :, None]


def trace_product(a: Floats, b: Floats) -> Floats:
    """Return ``tr(a b)`` in each group, b symmetric: (q, q) and (q, q, J) give (J,)."""
    return np.asarray(a.ravel() @ b.reshape(a.size, -1))


def adjugate(a: Floats) -> Floats:
    """Return the adjugate in each group, a symmetric: (2, 2, J)."""
    return np.asarray(a[::-1, ::-1] * SIGNS)


def log_sum(a: Floats) -> float:
    """Return the sum of the logarithms."""
    return float(np.log(a).sum())


def symmetric(a: Floats) -> Floats:
    """Return ``(a + a') / 2`` of one matrix."""
    return (a + a.T) / 2.0


def widened(a: Floats, width: int) -> Floats:
    """Return `a` with columns of zeros up to a width: (q, s, J) gives (q, width, J)."""
    out = np.zeros((len(a), width, *a.shape[2:]))
    out[:, : a.shape[1]] = a
    return out


def join(own: Floats, cross: Floats, later: Floats) -> Floats:
    """Return the symmetric matrix [[own, cross], [cross', later]] in each group."""
    q, size = len(own), len(own) + len(later)
    out = np.empty((size, size, *own.shape[2:]))
    out[:q, :q], out[:q, q:], out[q:, :q], out[q:, q:] = own, cross, transpose(cross), later
    return out


def directions(v: Floats, entries: Sequence[tuple[int, int]]) -> Floats:
    """Return ``E_a v`` in each group for the basis of symmetric matrices with ones at each entry and its mirror.

    Parameters
    ----------
    v : ndarray, (q, 1, J)
    entries : sequence of (row, column)

    Returns
    -------
    ndarray, (q, number of entries, J)
    """
    out = np.zeros((len(v), len(entries), *v.shape[2:]))
    for a, (row, column) in enumerate(entries):
        out[row, a] = v[column, 0]
        out[column, a] = v[row, 0]
    return out


def information(A: Floats, K: Floats, Q: Floats | None = None) -> Floats:
    """Return the sum over groups of ``HA - HQH'`` with ``H = I - AK``; no Q is zero.

    With ``Q = B Cov B'``, B the cross-products with all that is coarser and Cov its covariance, it is ``sum Z'V^-1 Z``.
    """
    H = -mul(A, K)
    for i in range(len(A)):
        H[i, i] += 1.0
    if Q is None or is_nothing(Q):
        return outer_sum(H, A)  # A is symmetric
    return np.asarray((mul(H, A) - mul_t(mul(H, Q), H)).sum(axis=-1))


def ridge_inverse(A: Floats, L: Floats) -> tuple[Floats, float]:
    """Return ``K = L (I + L'AL)^-1 L'`` in each group and the sum of ``log det(I + L'AL)``.

    K is ``(Sigma^-1 + A)^-1`` with ``Sigma = LL'``, which may be singular.

    Parameters
    ----------
    A : ndarray, (q, q, J)
    L : ndarray, (q, q)
    """
    M = np.tensordot(L.T, np.tensordot(L.T, A, axes=1), axes=(1, 1))
    for i in range(len(L)):
        M[i, i] += 1.0
    return ridge_unrolled(M, L) if len(L) <= UNROLLED_WIDTH else _ridge_batched(M, L)


def ridge_unrolled(M: Floats, L: Floats) -> tuple[Floats, Any]:
    """Factorise ``M = RR'`` entry by entry for all groups at once; K is ``Y'Y`` with ``RY = L'``.

    All may have one more axis at their ends, which the sum of the log determinants keeps.
    """
    q = len(L)
    R = np.zeros_like(M)
    Y = np.zeros_like(M)
    logdet: Any = 0.0
    for c in range(q):
        for r in range(c, q):
            R[r, c] = M[r, c] - np.einsum("k...,k...->...", R[r, :c], R[c, :c])
        logdet += np.log(R[c, c]).sum(axis=0)
        R[c, c] = np.sqrt(R[c, c])
        R[c + 1 :, c] /= R[c, c]
        Y[c] = (L[:, c, None] - np.einsum("k...,kw...->w...", R[c, :c], Y[:c])) / R[c, c]
    return t_mul(Y, Y), logdet


def _ridge_batched(M: Floats, L: Floats) -> tuple[Floats, float]:
    """Factorise the matrices of all groups one by one."""
    R = np.linalg.cholesky(M.transpose(2, 0, 1))
    Y = np.linalg.solve(R, np.broadcast_to(L.T, R.shape))
    logdet = 2.0 * float(np.log(np.diagonal(R, axis1=1, axis2=2)).sum())
    return np.ascontiguousarray((Y.transpose(0, 2, 1) @ Y).transpose(1, 2, 0)), logdet
