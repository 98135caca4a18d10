"""The dense root: one symmetric matrix over the columns of the factors that are not in the chain.

The columns of a factor are ordered by effect, then by group, so that its Lambda acts on an axis of effects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Profile",
    "Root",
    "diagonal_blocks",
    "factorise",
    "profile",
    "residual_weights",
    "root_border",
    "root_covariance",
    "root_information",
    "root_modes",
    "root_sweep",
    "split",
    "split_columns",
    "stack",
    "t_times",
    "times",
]

Floats: TypeAlias = NDArray[np.float64]
Factors: TypeAlias = Sequence[tuple[Floats, int]]
"""Lambda (q, q) and number of groups of each dense factor, in the order of the columns."""

LAPACK_SIZE = 300
"""Order from which SciPy's LAPACK is worth its import."""

SINGULAR = 1e-6
"""Square of the least diagonal entry of Lambda below which it is not inverted."""

SOLVED_AT_ONCE = 256
"""Groups for whose columns a triangular system is solved at once."""


def cholesky(M: Floats) -> Floats:
    """Return the lower Cholesky factor; `M` may be overwritten, and what is above the diagonal is not read later."""
    if len(M) < LAPACK_SIZE:
        return np.asarray(np.linalg.cholesky(M), dtype=float)
    from scipy.linalg import lapack

    R, info = lapack.dpotrf(M.T, lower=1, clean=0, overwrite_a=1)  # M is symmetric; its transpose is in LAPACK's order
    if info:
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return np.asarray(R)


def solve_lower(root: Root, B: Floats, *, transposed: bool = False) -> Floats:
    """Return ``R^-1 B``, or ``R'^-1 B``."""
    if root.half is not None:
        return np.asarray((root.half.T if transposed else root.half) @ B)
    from scipy.linalg import lapack

    return np.asarray(lapack.dtrtrs(root.R, B, lower=1, trans=int(transposed))[0])


def inverse(root: Root) -> Floats:
    """Return ``(RR')^-1``."""
    if root.half is not None:
        return np.asarray(root.half.T @ root.half)
    from scipy.linalg import lapack

    return mirrored(np.asarray(lapack.dpotri(root.R, lower=1)[0]))


def mirrored(M: Floats, step: int = 128) -> Floats:
    """Return `M` with its lower triangle copied to the upper one, in place, block by block."""
    for at in range(0, len(M), step):
        end = at + step
        own = np.tril(M[at:end, at:end], -1)
        M[at:end, at:end] = own + own.T + np.diag(M[at:end, at:end].diagonal())
        M[at:end, end:] = M[end:, at:end].T
    return M


def scale(factors: Factors, B: Floats, *, transposed: bool = False) -> Floats:
    """Return ``Lambda B``, or ``Lambda' B``."""
    out = np.empty_like(B)
    at = 0
    for L, size in factors:
        end = at + len(L) * size
        block = B[at:end]
        if len(L) == 1:
            np.multiply(block, L[0, 0], out=out[at:end])
        else:
            shaped = block.reshape(len(L), -1)
            out[at:end] = ((L.T if transposed else L) @ shaped).reshape(block.shape)
        at = end
    return out


def congruent(factors: Factors, C: Floats, *, transposed: bool = False) -> Floats:
    """Return ``Lambda C Lambda'``, or ``Lambda'C Lambda``, for a symmetric C; a new matrix."""
    if all(len(L) == 1 for L, _ in factors):
        out = np.empty_like(C)
        ends = np.cumsum([size for _, size in factors]).tolist()
        parts = [(slice(end - size, end), float(L[0, 0])) for end, (L, size) in zip(ends, factors, strict=True)]
        for rows, a in parts:
            for columns, b in parts:
                np.multiply(C[rows, columns], a * b, out=out[rows, columns])
        return out
    return scale(factors, scale(factors, C, transposed=transposed).T, transposed=transposed)


class Root(NamedTuple):
    """Factor of ``I + Lambda'C Lambda = RR'``, its log determinant, and ``R^-1 Lambda'`` times the border.

    `half` is R^-1 where R is small: NumPy has no triangular solver, and inverts in the time of one solution.
    """

    R: Floats
    logdet: float
    half: Floats | None
    border: Floats


def factorise(C: Floats, border: Floats, factors: Factors) -> Root:
    """Factorise the dense root and eliminate it from its border.

    Parameters
    ----------
    C : ndarray, (m, m)
        Cross-products of the dense columns, the chain eliminated.
    border : ndarray, (m, w)
    """
    M = congruent(factors, C, transposed=True)
    M.flat[:: len(M) + 1] += 1.0
    R = cholesky(M)
    half = np.asarray(np.linalg.inv(R), dtype=float) if len(R) < LAPACK_SIZE else None
    root = Root(R, 2.0 * float(np.log(R.diagonal()).sum()), half, border)
    return root._replace(border=solve_lower(root, scale(factors, border, transposed=True)))


def root_border(root: Root) -> Floats:
    """Return what the dense columns take from the border's own cross-products, (w, w)."""
    return np.asarray(root.border.T @ root.border)


def residual_weights(beta: Floats) -> Floats:
    """Return the coefficients of [X, y] in ``y - X beta``."""
    return np.append(-beta, 1.0)


def times(a: Floats, b: Floats) -> Floats:
    """Return ``a b``; b may be a vector."""
    return np.asarray(a @ b)


def t_times(a: Floats, b: Floats) -> Floats:
    """Return ``a' b``."""
    return np.asarray(a.T @ b)


def root_modes(root: Root, coefficients: Floats, factors: Factors) -> Floats:
    """Return ``b = Lambda R'^-1 (border coefficients)``, (m,)."""
    return scale(factors, solve_lower(root, root.border @ coefficients, transposed=True))


def root_sweep(root: Root, T: Floats, factors: Factors) -> tuple[Floats, Floats]:
    """Eliminate the dense columns from more columns.

    Parameters
    ----------
    T : ndarray, (m + w, k)
        Cross-products of the dense columns and of the border with the new columns, the chain eliminated.

    Returns
    -------
    tuple of ndarray
        (w, k), the border with the new columns, and (k, k), what the dense columns take from the new columns' own.
    """
    m = len(root.R)
    half = solve_lower(root, scale(factors, T[:m], transposed=True))
    return T[m:] - root.border.T @ half, half.T @ half


def split(values: Floats, factors: Factors) -> list[Floats]:
    """Return a vector over dense columns as a (q, 1, J) array for each factor."""
    ends = np.cumsum([len(L) * size for L, size in factors])
    return [
        part.reshape(len(L), 1, size, *values.shape[1:])
        for part, (L, size) in zip(np.split(values, ends[:-1]), factors, strict=True)
    ]


def split_columns(values: Floats, factors: Factors) -> list[Floats]:
    """Return a matrix over dense columns, (m, k), as a (q, k, J) array for each factor."""
    ends = np.cumsum([len(L) * size for L, size in factors])
    parts = np.split(values, ends[:-1])
    return [p.reshape(len(L), size, -1).transpose(0, 2, 1) for p, (L, size) in zip(parts, factors, strict=True)]


def stack(parts: Sequence[Floats], factors: Factors) -> Floats:
    """Return (q, k, J) arrays over the groups of each dense factor as one (m, sum of k) matrix, a block for each."""
    columns = sum(part.shape[1] for part in parts)
    out = np.zeros((sum(len(L) * size for L, size in factors), columns, *parts[0].shape[3:]))
    row = column = 0
    for part in parts:
        q, k, size = part.shape[:3]
        out[row : row + q * size, column : column + k] = part.swapaxes(1, 2).reshape(q * size, k, *part.shape[3:])
        row, column = row + q * size, column + k
    return out


def root_covariance(root: Root, factors: Factors, X: Floats, cov_X: Floats) -> tuple[Floats, Floats]:
    """Return the covariance of (dense columns, fixed columns) and ``(RR')^-1``.

    Parameters
    ----------
    X : ndarray, (m, p)
        Cross-products of the dense columns with the fixed ones; p is 0 for fixed effects that are given (ML).
    cov_X : ndarray, (p, p)
        Covariance of the fixed effects, relative to sigma^2.
    """
    inv = inverse(root)
    cov = congruent(factors, inv)
    if X.shape[1] == 0:
        return cov, inv
    F = cov @ X
    FC = F @ cov_X
    m = len(cov)
    out = np.empty((m + len(cov_X), m + len(cov_X)))
    np.matmul(FC, F.T, out=out[:m, :m])
    out[:m, :m] += cov
    out[:m, m:], out[m:, :m], out[m:, m:] = -FC, -FC.T, cov_X
    return out, inv


def diagonal_blocks(C: Floats, factors: Factors) -> list[Floats]:
    """Return for each factor the diagonal blocks of its groups, (q, q, J)."""
    out, at = [], 0
    for L, size in factors:
        end = at + len(L) * size
        block = C[at:end, at:end].reshape(len(L), size, len(L), size, *C.shape[2:])
        out.append(np.einsum("agbg...->abg...", block))
        at = end
    return out


def root_information(C: Floats, root: Root, inv: Floats, factors: Factors, X: Floats, cov_X: Floats) -> list[Floats]:
    """Return for each dense factor the sum over its groups of ``Z'V^-1 Z``, or of ``Z'PZ`` where X has columns.

    ``Z'V^-1 Z = Lambda'^-1 (I - (RR')^-1) Lambda^-1``; for a Lambda that is singular or nearly so, ``C - C cov C``.
    """
    out, at = [], 0
    if X.shape[1]:
        V = X - C @ scale(factors, inv @ scale(factors, X, transposed=True))  # Z'V^-1 X
    for (L, size), block in zip(factors, diagonal_blocks(inv, factors), strict=True):
        q = len(L)
        own = slice(at, at + q * size)
        if np.min(np.abs(L.diagonal())) ** 2 > SINGULAR:
            half = np.linalg.inv(L)
            G = half.T @ (size * np.eye(q) - block.sum(axis=-1)) @ half
        else:
            G = _block_trace(C[own, own], q, size)
            for start in range(0, size, SOLVED_AT_ONCE):
                groups = np.arange(start, min(start + SOLVED_AT_ONCE, size))
                columns = at + (np.arange(q)[:, None] * size + groups).ravel()
                half = solve_lower(root, scale(factors, C[:, columns], transposed=True)).reshape(-1, q, len(groups))
                G = G - np.einsum("kag,kbg->ab", half, half)
        if X.shape[1]:
            own_X = V[own].reshape(q, size, -1)
            G = G - np.einsum("agx,xy,bgy->ab", own_X, cov_X, own_X, optimize=True)
        out.append(G)
        at += q * size
    return out


def _block_trace(C: Floats, q: int, size: int) -> Floats:
    """Return the sum of the diagonal blocks of the groups, (q, q)."""
    return np.asarray(np.einsum("agbg->ab", C.reshape(q, size, q, size)))


class Profile(NamedTuple):
    """The end of the forward sweep: fixed effects and residual sum of squares at given covariances.

    ``objective`` is -2 log-likelihood (or restricted) with sigma^2 = r2 / nn; `cov_beta` is relative to sigma^2.
    """

    objective: float
    beta: Floats
    r2: float
    nn: int
    logdet: float
    logdet_x: float
    cov_beta: Floats


def profile(S: Floats, logdet: float, n: int, *, reml: bool) -> Profile:
    """Profile fixed effects and residual variance out of ``S = [X,y]'V^-1 [X,y]``.

    Notes
    -----
    ``d = logdet + nn (1 + log(2 pi r2 / nn))``, nn = n; REML: nn = n - p and ``+ log det X'V^-1 X``. It has no
    value (NaN) where r2 is not positive, which is rounding.
    """
    p = len(S) - 1
    half, logdet_x = inverse_factor(S[:p, :p])
    z = half @ S[:p, p]
    r2 = float(S[p, p] - z @ z)
    nn = n - p if reml else n
    log_r2 = math.log(2.0 * math.pi * r2 / nn) if r2 > 0.0 else math.nan
    objective = logdet + nn * (1.0 + log_r2) + (logdet_x if reml else 0.0)
    return Profile(float(objective), half.T @ z, r2, nn, logdet, logdet_x, half.T @ half)


def inverse_factor(M: Floats) -> tuple[Floats, float]:
    """Return R^-1 with ``M = RR'``, and log det M; the smallest matrices take less time entry by entry."""
    if len(M) not in (1, 2):
        R = np.linalg.cholesky(M)
        return np.asarray(np.linalg.inv(R), dtype=float), 2.0 * float(np.log(R.diagonal()).sum())
    first = float(M[0, 0])
    last = first if len(M) == 1 else float(M[1, 1]) - float(M[1, 0]) ** 2 / first if first > 0.0 else math.nan
    if not (first > 0.0 and last > 0.0):
        raise np.linalg.LinAlgError("matrix is not positive definite")
    root = 1.0 / math.sqrt(first)
    if len(M) == 1:
        return np.array([[root]]), math.log(first)
    other = 1.0 / math.sqrt(last)
    return np.array([[root, 0.0], [-float(M[1, 0]) / first * other, other]]), math.log(first) + math.log(last)
