"""The primitives of emitted source for many outcomes at once: every array has one more axis at its end, replicates.

An array of one number for each group is (J, R) instead of (J,); what is the same for all replicates may have 1 in place
of R. Emitted source of a Gaussian plan without occupied cells runs on these as it does on those of `hdsl.runtime`,
whose names they have; each docstring there says what is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.runtime.blocks import (
    UNROLLED_WIDTH,
    by_group,
    directions,
    is_nothing,
    join,
    mul,
    nothing,
    ridge_unrolled,
    t_mul,
)
from hdsl.runtime.root import diagonal_blocks, split, stack
from hdsl.runtime.rows import Nest, constant, gram, indicators, nest

__all__ = [
    "Nest",
    "Profile",
    "Root",
    "across",
    "adjugate",
    "along",
    "by_group",
    "collect",
    "constant",
    "covariance",
    "diagonal_blocks",
    "directions",
    "factorise",
    "gram",
    "indicators",
    "information",
    "inner",
    "join",
    "log_sum",
    "matrix",
    "mul",
    "mul_t",
    "nest",
    "of_parent",
    "outer_sum",
    "profile",
    "residual_weights",
    "ridge_inverse",
    "root_border",
    "root_covariance",
    "root_information",
    "root_modes",
    "root_sweep",
    "split",
    "stack",
    "t_mul",
    "t_times",
    "times",
    "trace_product",
]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]
Factors: TypeAlias = Sequence[tuple[Floats, int]]
"""Lambda (q, q, R) and number of groups of each dense factor, in the order of the columns."""

SIGNS = np.array([[1.0, -1.0], [-1.0, 1.0]])[:, :, None, None]


def mul_t(a: Floats, b: Floats) -> Floats:
    """Return ``a b'`` in each group."""
    if a.shape[1] == 0:
        return nothing(len(a), len(b), *a.shape[2:])
    return np.asarray(np.einsum("qsjr,wsjr->qwjr", a, b))


def inner(a: Floats, b: Floats) -> Floats:
    """Return ``a' b`` summed over groups, (s, w, R)."""
    return np.asarray(np.einsum("qsjr,qwjr->swr", a, b))


def outer_sum(a: Floats, b: Floats) -> Floats:
    """Return ``a b'`` summed over groups, (q, r, R)."""
    return np.asarray(np.einsum("qsjr,wsjr->qwr", a, b))


def along(w: Floats, a: Floats) -> Floats:
    """Return the sum of the columns times `w`, (w, R), in each group."""
    return np.asarray(np.einsum("wr,qwjr->qjr", w, a)[:, None])


def across(m: Floats, a: Floats) -> Floats:
    """Return the columns times one matrix, (w, k, R), in each group."""
    if m.shape[1] == 0:
        return np.zeros((len(a), 0, *a.shape[2:]))
    return np.asarray(np.einsum("wkr,qwjr->qkjr", m, a))


def matrix(rows: Sequence[Sequence[Floats | float]]) -> Floats:
    """Return one matrix of its entries, each (R,) or a constant."""
    width = max((len(entry) for row in rows for entry in row if isinstance(entry, np.ndarray)), default=1)
    return np.array([[np.broadcast_to(entry, width) for entry in row] for row in rows])


def covariance(L: Floats) -> Floats:
    """Return ``LL'``."""
    return np.asarray(np.einsum("acr,bcr->abr", L, L))


def trace_product(a: Floats, b: Floats) -> Floats:
    """Return ``tr(a b)`` in each group, b symmetric, (J, R)."""
    return np.asarray((by_group(a) * b).sum(axis=(0, 1)))


def adjugate(a: Floats) -> Floats:
    """Return the adjugate in each group, a symmetric."""
    return np.asarray(a[::-1, ::-1] * SIGNS)


def log_sum(a: Floats) -> Floats:
    """Return the sum of the logarithms, (R,)."""
    return np.asarray(np.log(a).reshape(-1, a.shape[-1]).sum(axis=0))


def collect(values: Floats, starts: Codes) -> Floats:
    """Return sums over the groups of one parent."""
    return np.asarray(np.add.reduceat(values, starts, axis=-2))


def of_parent(values: Floats, parents: Codes) -> Floats:
    """Return for each group the values of the one that holds it."""
    return np.take(values, parents, axis=-2)


def information(A: Floats, K: Floats, Q: Floats | None = None) -> Floats:
    """Return the sum over groups of ``HA - HQH'`` with ``H = I - AK``, (q, q, R)."""
    H = -mul(A, K)
    for i in range(len(A)):
        H[i, i] += 1.0
    if Q is None or is_nothing(Q):
        return outer_sum(H, np.broadcast_to(A, H.shape))
    return outer_sum(H, np.broadcast_to(A, H.shape)) - outer_sum(mul(H, Q), H)


def ridge_inverse(A: Floats, L: Floats) -> tuple[Floats, Floats]:
    """Return ``K = L (I + L'AL)^-1 L'`` in each group and the sum of ``log det(I + L'AL)``, (R,)."""
    if len(L) > UNROLLED_WIDTH:
        raise ValueError(f"blocks of {len(L)} effects are factorised group by group")
    spread = by_group(L)
    M = mul(t_mul(spread, A), spread)
    for i in range(len(L)):
        M[i, i] += 1.0
    return ridge_unrolled(M, L)


def residual_weights(beta: Floats) -> Floats:
    """Return the coefficients of [X, y] in ``y - X beta``, (p + 1, R)."""
    return np.concatenate([-beta, np.ones((1, beta.shape[-1]))])


def times(a: Floats, b: Floats) -> Floats:
    """Return ``a b``; b may be a vector, (w, R)."""
    return np.asarray(np.einsum("awr,w...r->a...r", a, b))


def t_times(a: Floats, b: Floats) -> Floats:
    """Return ``a' b``."""
    return np.asarray(np.einsum("war,wbr->abr", a, b))


class Root(NamedTuple):
    """Factor of ``I + Lambda'C Lambda = RR'``: R^-1, (R, m, m), the log determinant, (R,), and the border, (m, w, R).

    The border is ``R^-1 Lambda'`` times that of the cross-products.
    """

    half: Floats
    logdet: Floats
    border: Floats


def scale(factors: Factors, B: Floats, *, transposed: bool = False) -> Floats:
    """Return ``Lambda B``, or ``Lambda' B``, of (m, w, R)."""
    out = np.empty(np.broadcast_shapes(B.shape, (1, 1, factors[0][0].shape[-1])))
    at = 0
    for L, size in factors:
        end = at + len(L) * size
        shaped = B[at:end].reshape(len(L), size, *B.shape[1:])
        product = np.einsum("bar,bjwr->ajwr" if transposed else "abr,bjwr->ajwr", L, shaped)
        out[at:end] = product.reshape(end - at, *out.shape[1:])
        at = end
    return out


def _turned(a: Floats) -> Floats:
    """Return replicates first: (R, .., ..)."""
    return np.moveaxis(a, -1, 0)


def _back(a: Floats) -> Floats:
    """Return replicates last again."""
    return np.moveaxis(a, 0, -1)


def _congruent(factors: Factors, C: Floats, *, transposed: bool = False) -> Floats:
    """Return ``Lambda C Lambda'``, or ``Lambda'C Lambda``, of a symmetric C."""
    return scale(factors, scale(factors, C, transposed=transposed).swapaxes(0, 1), transposed=transposed)


def factorise(C: Floats, border: Floats, factors: Factors) -> Root:
    """Factorise the dense root and eliminate it from its border."""
    M = np.array(_turned(_congruent(factors, C, transposed=True)))
    M[:, np.arange(len(C)), np.arange(len(C))] += 1.0
    R = np.linalg.cholesky(M)
    half = np.asarray(np.linalg.inv(R), dtype=float)
    logdet = 2.0 * np.log(np.diagonal(R, axis1=1, axis2=2)).sum(axis=1)
    return Root(half, logdet, _back(half @ _turned(scale(factors, border, transposed=True))))


def root_border(root: Root) -> Floats:
    """Return what the dense columns take from the border's own cross-products."""
    return t_times(root.border, root.border)


def root_modes(root: Root, coefficients: Floats, factors: Factors) -> Floats:
    """Return ``b = Lambda R'^-1 (border coefficients)``, (m, R)."""
    own = _turned(times(root.border, coefficients))[:, :, None]
    return scale(factors, _back(root.half.swapaxes(1, 2) @ own))[:, 0]


def root_sweep(root: Root, T: Floats, factors: Factors) -> tuple[Floats, Floats]:
    """Eliminate the dense columns from more columns."""
    m = root.half.shape[-1]
    half = _back(root.half @ _turned(scale(factors, T[:m], transposed=True)))
    return T[m:] - t_times(root.border, half), t_times(half, half)


def root_covariance(root: Root, factors: Factors, X: Floats, cov_X: Floats) -> tuple[Floats, Floats]:
    """Return the covariance of (dense columns, fixed columns) and ``(RR')^-1``."""
    inv = _back(root.half.swapaxes(1, 2) @ root.half)
    cov = _congruent(factors, inv)
    if X.shape[1] == 0:
        return cov, inv
    F = times(cov, X)
    FC = times(F, cov_X)
    return np.concatenate(
        [
            np.concatenate([cov + np.einsum("apr,bpr->abr", FC, F), -FC], axis=1),
            np.concatenate([-FC.swapaxes(0, 1), cov_X], axis=1),
        ]
    ), inv


def root_information(C: Floats, root: Root, inv: Floats, factors: Factors, X: Floats, cov_X: Floats) -> list[Floats]:
    """Return for each dense factor the sum over its groups of ``Z'V^-1 Z``, or of ``Z'PZ`` where X has columns."""
    half = _back(root.half @ _turned(scale(factors, C, transposed=True)))
    if X.shape[1]:
        V = X - t_times(half, _back(root.half @ _turned(scale(factors, X, transposed=True))))  # Z'V^-1 X
    out, at = [], 0
    for L, size in factors:
        own = slice(at, at + len(L) * size)
        of_group = half[:, own].reshape(len(half), len(L), size, -1)
        G = np.einsum("agbgr->abr", C[own, own].reshape(len(L), size, len(L), size, -1))
        G = G - np.einsum("kagr,kbgr->abr", of_group, of_group)
        if X.shape[1]:
            own_X = V[own].reshape(len(L), size, *V.shape[1:])
            G = G - np.einsum("agxr,xyr,bgyr->abr", own_X, cov_X, own_X, optimize=True)
        out.append(G)
        at = own.stop
    return out


class Profile(NamedTuple):
    """The end of the forward sweep: `hdsl.runtime.Profile` with one more axis, replicates."""

    objective: Floats
    beta: Floats
    r2: Floats
    nn: int
    logdet: Floats
    logdet_x: Floats
    cov_beta: Floats


def profile(S: Floats, logdet: Floats, n: int, *, reml: bool) -> Profile:
    """Profile fixed effects and residual variance out of ``S = [X,y]'V^-1 [X,y]``, (w, w, R)."""
    p = len(S) - 1
    R = np.linalg.cholesky(_turned(S[:p, :p]))
    half = np.asarray(np.linalg.inv(R), dtype=float)
    logdet_x = 2.0 * np.log(np.diagonal(R, axis1=1, axis2=2)).sum(axis=1)
    z = (half @ S[:p, p].T[:, :, None])[:, :, 0]
    r2 = S[p, p] - (z * z).sum(axis=1)
    nn = n - p if reml else n
    log_r2 = np.log(np.where(r2 > 0.0, 2.0 * np.pi * r2 / nn, np.nan))
    objective = logdet + nn * (1.0 + log_r2) + (logdet_x if reml else 0.0)
    upper = half.swapaxes(1, 2)
    return Profile(objective, (upper @ z[:, :, None])[:, :, 0].T, r2, nn, logdet, logdet_x, _back(upper @ half))
