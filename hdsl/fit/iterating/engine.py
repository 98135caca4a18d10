"""The sweeps of a Gaussian plan by conjugate gradients, where a dense factor would not fit in memory or takes long.

Stage: fit. Input: columns and group codes. Output: what the emitted functions give, by the same names, so that the
search and the standard errors work on it. Solutions and the fixed effects are exact to the tolerance of the conjugate
gradients; traces are means over random signs, always the same ones, so that the criterion is a smooth function, and so
is the log determinant unless what is left after one factor is sparse. Their Monte-Carlo error is in `Engine.scatter`
and `Forward.logdet_error`.

Notes
-----
Small factors are in the border with X and y. The largest factor e is eliminated group by group, ``K_e = G_e G_e'``
with ``G_e = Lambda R'^-1`` and ``RR' = I + Lambda'A Lambda``, which leaves ``P = A - N'K_e N`` of the others. With P_g
its blocks within groups and G from these, ``S = I + E = R^-1 (I + Lambda'P Lambda) R'^-1`` with
``E = G'(P - P_g) G``. The inverse of S, by ``S^-1 = I - E + E S^-1 E`` and E zero within groups, gives for the others
``Z'V^-1 Z = P_g - P_g K P_g - H (P - P_g) G S^-1 G'(P - P_g) H'`` within groups, ``H = I - P_g K``, and for the
eliminated one ``H A - Y Y' - Y (S^-1 - I) Y'``, ``Y = H N G``. What has S^-1 in it is a mean over random signs s of
products with s and ``S^-1 s``; directions near the leading eigenvectors of E are taken out of the signs and
counted by themselves. Where the design falls apart into small parts, unit vectors, one of each part, give traces
without noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hdsl.codegen.emit import emit
from hdsl.codegen.layout import layout
from hdsl.codegen.load import load
from hdsl.fit.iterating.cross import Cross, cross_products
from hdsl.fit.iterating.system import (
    Solution,
    System,
    block_diagonal,
    group_blocks,
    leading,
    scaled,
    solve,
    sparse_determinant,
)
from hdsl.fit.standardise import Block, Codes, Floats
from hdsl.plan import Plan
from hdsl.runtime import (
    Profile,
    Root,
    diagonal_blocks,
    directions,
    factorise,
    information,
    mul,
    mul_t,
    profile,
    root_covariance,
    root_information,
    root_modes,
    root_sweep,
    split,
    transpose,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Engine", "Forward", "engine"]

TOLERANCE, ROUGH = 1e-8, 1e-5
"""Relative residual at which the conjugate gradients end, and that for random signs."""


class Forward(NamedTuple):
    """The system at one theta, solved for the border and for random signs.

    Attributes
    ----------
    factors : tuple of ndarray
        Lambda of each factor.
    G : dict of int to ndarray
        Of each large factor.
    P : tuple of ndarray
        Blocks of each of the other factors after the elimination.
    half : sparse
        ``G_e'N``.
    T : ndarray
        ``Z'V_e^-1 W`` of the others with the border.
    solved : Solution
        Of ``S x = G'T``.
    V, V_solved : ndarray
        Random signs, then directions that are counted by themselves; and ``S^-1 V``.
    """

    factors: tuple[Floats, ...]
    G: dict[int, Floats]
    P: tuple[Floats, ...]
    half: csr_array
    system: System
    T: Floats
    solved: Solution
    V: Floats
    V_solved: Floats
    W: Floats
    root: Root | None
    logdet: float
    logdet_error: float
    S: Floats


def engine(plan: Plan) -> Engine:
    """Return the functions for a plan; the columns and Lambda are those of its emitted source."""
    emitted = load(emit(plan))
    return Engine(plan, emitted.columns, emitted.relative_factors)


@dataclass(frozen=True, slots=True)
class Engine:
    """The functions that an emitted file has; all factors of `plan` are dense ones."""

    plan: Plan
    columns: Callable[..., Any]
    relative_factors: Callable[..., Any]

    def cross_products(self, W: Sequence[Block], Z: Sequence[Sequence[Floats]], groups: Sequence[Codes]) -> Cross:
        """Return every sum over rows that the likelihood needs."""
        return cross_products(W, Z, groups)

    def forward(self, c: Cross, theta: Floats) -> Forward:
        """Solve the system for the border and the random signs, and give its log determinant."""
        factors = tuple(self.relative_factors(theta))
        e = c.eliminated
        G, logdet = {}, 0.0
        G[e], own = _half_inverse(c.A[e], factors[e])
        logdet += own
        half = (block_diagonal([G[e]]).T @ c.N).tocsr()
        E = scaled([G[e]], c.E[e], transposed=True)
        P = _within(c, half)
        for f, block in zip(c.others, P, strict=True):
            G[f], own = _half_inverse(block, factors[f])
            logdet += own
        system = _system(c, half, [G[f] for f in c.others])
        T = np.concatenate([c.E[f] for f in c.others]) - half.T @ E
        t = scaled([G[f] for f in c.others], T, transposed=True)
        solved = solve(system, t, TOLERANCE)
        W = c.C - E.T @ E - solved.quadratic(t)
        V, n_signs = _probes(c, system, t)
        at = solve(system, V, ROUGH if n_signs else TOLERANCE)
        rest, error = _log_determinant(system, at.logs, at.first, n_signs, is_sparse=c.is_sparse)
        root, S = None, W
        d = c.n_small
        if d:
            root = factorise(W[:d, :d], W[:d, d:], _small(c, factors))
            logdet, S = logdet + root.logdet, W[d:, d:] - root.border.T @ root.border
        return Forward(factors, G, P, half, system, T, solved, V, at.x, W, root, float(logdet + rest), error, S)

    def estimates(self, c: Cross, f: Forward, reml: bool) -> Profile:
        """Return the profiled criterion, fixed effects and residual sum of squares."""
        return profile(f.S, f.logdet, c.n, reml=reml)

    def modes(self, c: Cross, f: Forward, beta: Floats) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return the modes b and v = Z'V^-1 (y - X beta) of each factor, (q, 1, J)."""
        w, d, e = np.append(-beta, 1.0), c.n_small, c.eliminated
        b: dict[int, Floats] = {}
        v: dict[int, Floats] = {}
        if f.root is not None:
            own = root_modes(f.root, w, _small(c, f.factors))
            w = np.concatenate((-own, w))
            for k, b_small, v_small in zip(
                c.small, split(own, _small(c, f.factors)), split(f.W[:d] @ w, _small(c, f.factors)), strict=True
            ):
                b[k], v[k] = b_small, v_small
        others = [f.G[k] for k in c.others]
        rest = scaled(others, (f.solved.x @ w)[:, None])
        t = (c.E[e] @ w)[:, None] - c.N @ rest
        b_e = scaled([f.G[e]], scaled([f.G[e]], t, transposed=True))
        v_rest = np.concatenate([c.E[k] for k in c.others]) @ w[:, None] - c.N.T @ b_e - _own_times(c, rest)
        b[e], v[e] = _by_group(c, [e], b_e)[0], _by_group(c, [e], t - scaled([c.A[e]], b_e))[0]
        for k, b_k, v_k in zip(c.others, _by_group(c, c.others, rest), _by_group(c, c.others, v_rest), strict=True):
            b[k], v[k] = b_k, v_k
        return tuple(b[k] for k in range(len(c.A))), tuple(v[k] for k in range(len(c.A)))

    def covariances(self, c: Cross, f: Forward, cov_X: Floats) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return for each factor the sum over groups of Z'V^-1 Z, and nothing else: see `mode_covariances`.

        With cov_X, the covariance of beta, of Z'PZ.
        """
        p, d = len(cov_X), c.n_small
        total = {k: np.asarray(part.mean(axis=0)) for k, part in self._large(c, f).items()}
        cov = cov_X
        if f.root is not None:
            factors, X = _small(c, f.factors), f.W[:d, d : d + p]
            cov, inverse = root_covariance(f.root, factors, X, cov_X)
            total |= dict(zip(c.small, root_information(f.W[:d, :d], f.root, inverse, factors, X, cov_X), strict=True))
        if len(cov):
            for k, Q in _border(c, f, d + p).items():
                total[k] = total[k] - np.einsum("axj,xy,byj->ab", Q, cov, Q, optimize=True)
        return tuple(total[k] for k in range(len(c.A))), ()

    def scatter(self, c: Cross, f: Forward) -> list[Floats]:
        """Return for each factor and probe what the sum over its groups has at random, (probes, q, q)."""
        random = self._large(c, f)
        return [random.get(k, np.zeros((max(c.signs.shape[1], 1), *A.shape[:2]))) for k, A in enumerate(c.A)]

    def mode_covariances(self, c: Cross, f: Forward) -> tuple[Floats, ...]:
        """Return the covariance of the modes of each factor given beta, (q, q, J); means over the random signs.

        Notes
        -----
        ``K + K N G S^-1 G'N' K`` of the eliminated factor and ``G S^-1 G'`` of the others, within groups; what is of
        order one and two in E is exact or, where a group has few neighbours, nearly so.
        """
        n, e = c.signs.shape[1], c.eliminated
        others = [f.G[k] for k in c.others]
        K = mul_t(f.G[e], f.G[e])
        (NN,) = group_blocks((c.N @ block_diagonal(others)).tocsr(), [(len(c.A[e]), c.A[e].shape[2])])
        left, right = c.N @ scaled(others, f.V), c.N @ scaled(others, f.V_solved - f.V)
        between = NN + _each(_by_group(c, [e], left)[0], _by_group(c, [e], right)[0], n)
        out = {e: K + mul(mul(K, between), K)}
        EV, EX = (f.system.product(x) - x for x in (f.V, f.V_solved))
        for k, a, b in zip(c.others, _by_group(c, c.others, EV), _by_group(c, c.others, EX), strict=True):
            inner = _each(a, b, n)
            inner[np.diag_indices(len(inner))] += 1.0
            out[k] = mul_t(mul(f.G[k], inner), f.G[k])
        if f.root is not None:
            factors = _small(c, f.factors)
            cov, _ = root_covariance(f.root, factors, np.zeros((c.n_small, 0)), np.zeros((0, 0)))
            out |= dict(zip(c.small, diagonal_blocks(cov, factors), strict=True))
            for k, Q in _border(c, f, c.n_small).items():
                D = np.tensordot(f.factors[k] @ f.factors[k].T, Q, 1)  # what the small effects move the modes by
                out[k] = out[k] + np.einsum("axj,xy,byj->abj", D, cov, D, optimize=True)
        return tuple(out[k] for k in range(len(c.A)))

    def _large(self, c: Cross, f: Forward) -> dict[int, Floats]:
        """Return for each large factor and probe the sum over groups of Z'V^-1 Z, the border left out."""
        n, e = c.signs.shape[1], c.eliminated
        others = [f.G[k] for k in c.others]
        GV, GX = scaled(others, f.V), scaled(others, f.V_solved)
        K = mul_t(f.G[e], f.G[e])
        H = _complement(c.A[e], K)
        NG = (c.N @ block_diagonal(others)).tocsr()
        (YY,) = group_blocks(NG, [(len(c.A[e]), c.A[e].shape[2])])
        exact = information(c.A[e], K) - mul_t(mul(H, YY), H).sum(axis=-1)
        left = _by_group(c, [e], c.N @ GV)[0]
        right = _by_group(c, [e], c.N @ (GX - GV))[0]
        out = {e: exact - _averaged(mul(H, left), mul(H, right), n)}
        u, w = _off_diagonal(c, f, GV), _off_diagonal(c, f, GX)
        for k, P, a, b in zip(c.others, f.P, _by_group(c, c.others, u), _by_group(c, c.others, w), strict=True):
            K = mul_t(f.G[k], f.G[k])
            H = _complement(P, K)
            out[k] = information(P, K) - _averaged(mul(H, a), mul(H, b), n)
        return out

    def average_information(self, c: Cross, f: Forward, v: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return [X, y]'V^-1 R and R'V^-1 R for the directions R = Z E_a v."""
        R = self._directions(c, v)
        e, d = c.eliminated, c.n_small
        small = np.concatenate([R[k] for k in c.small]) if d else np.zeros((0, R[e].shape[1]))
        rest = np.concatenate([R[k] for k in c.others])
        ZR_e = scaled([c.A[e]], R[e]) + c.N @ rest + c.E[e][:, :d] @ small
        E = np.concatenate([c.E[k] for k in c.others])
        ZR = c.N.T @ R[e] + _own_times(c, rest) + E[:, :d] @ small
        WR = c.E[e].T @ R[e] + E.T @ rest + c.C[:, :d] @ small
        RR = R[e].T @ ZR_e + rest.T @ ZR + small.T @ WR[:d]
        half = scaled([f.G[e]], ZR_e, transposed=True)
        t = scaled([f.G[k] for k in c.others], ZR - f.half.T @ half, transposed=True)
        E_e = scaled([f.G[e]], c.E[e], transposed=True)
        found = solve(f.system, t, TOLERANCE)
        WR = WR - E_e.T @ half - f.solved.x.T @ t - f.solved.residual.T @ found.x
        RR = RR - half.T @ half - found.quadratic(t)
        if f.root is None:
            return WR, RR
        WR, taken = root_sweep(f.root, WR, _small(c, f.factors))
        return WR, RR - taken

    def _directions(self, c: Cross, v: Sequence[Floats]) -> list[Floats]:
        """Return the coefficients E_a v of each factor in all directions, (q J, k)."""
        parts = [
            directions(v[factor.position], [(e.row, e.column) for e in factor.entries])
            for factor in layout(self.plan).dense
        ]
        total = sum(part.shape[1] for part in parts)
        out, at = [], 0
        for part in parts:
            q, k, size = part.shape
            own = np.zeros((q * size, total))
            own[:, at : at + k] = part.transpose(0, 2, 1).reshape(-1, k)
            out.append(own)
            at += k
        return out


def _half_inverse(A: Floats, L: Floats) -> tuple[Floats, float]:
    """Return ``G = L R'^-1`` with ``RR' = I + L'AL`` in each group, (q, q, J), and the sum of log det RR'."""
    D = (L.T @ A.transpose(2, 0, 1) @ L) + np.eye(len(L))
    R = np.linalg.cholesky(D)
    logdet = 2.0 * float(np.log(np.diagonal(R, axis1=1, axis2=2)).sum())
    G = (L @ np.linalg.inv(R).transpose(0, 2, 1)).transpose(1, 2, 0)
    return np.ascontiguousarray(G), logdet


def _complement(A: Floats, K: Floats) -> Floats:
    """Return ``I - A K`` in each group."""
    H = -mul(A, K)
    H[np.diag_indices(len(A))] += 1.0
    return H


def _small(c: Cross, factors: Sequence[Floats]) -> tuple[tuple[Floats, int], ...]:
    """Return Lambda and number of groups of each small factor."""
    return tuple((factors[k], c.A[k].shape[2]) for k in c.small)


def _widths(c: Cross) -> list[tuple[int, int]]:
    """Return effects and groups of each of the other factors."""
    return [(c.A[k].shape[0], c.A[k].shape[2]) for k in c.others]


def _within(c: Cross, half: csr_array) -> tuple[Floats, ...]:
    """Return the blocks of the other factors after the elimination."""
    taken = group_blocks(half.T.tocsr(), _widths(c))
    return tuple(c.A[k] - block for k, block in zip(c.others, taken, strict=True))


def _system(c: Cross, half: csr_array, G: Sequence[Floats]) -> System:
    """Return S."""
    right = block_diagonal(G)
    F = (half @ right).tocsr()
    own = []
    for block in group_blocks(F.T.tocsr(), _widths(c)):
        block[np.diag_indices(len(block))] += 1.0
        own.append(block)
    between = None if c.between is None else (right.T @ c.between @ right).tocsr()
    return System(F, tuple(own), between)


def _probes(c: Cross, system: System, t: Floats) -> tuple[Floats, int]:
    """Return random signs without their part in the leading directions, then those directions."""
    if not c.signs.shape[1]:
        return c.units, 0
    near = t[:, c.n_small] if np.any(t[:, c.n_small]) else c.signs[:, 0]
    Q = leading(system, _widths(c), near)
    return np.concatenate((c.signs - Q @ (Q.T @ c.signs), Q), axis=1), c.signs.shape[1]


def _log_determinant(
    system: System, logs: Floats, first: Floats, n_signs: int, *, is_sparse: bool
) -> tuple[float, float]:
    """Return log det S and its Monte-Carlo error; the trace of E, which is zero, takes the place of its estimate."""
    if is_sparse:
        return sparse_determinant(system), 0.0
    if not n_signs:
        return float(logs.sum()), 0.0
    random = logs[:n_signs] - first[:n_signs]
    own = (logs - first)[n_signs:].sum()
    return float(random.mean() + own), float(random.std(ddof=1) / np.sqrt(n_signs))


def _own_times(c: Cross, x: Floats) -> Floats:
    """Return ``Z'Z x`` among the other factors."""
    out = scaled([c.A[k] for k in c.others], x)
    return out if c.between is None else out + c.between @ x


def _off_diagonal(c: Cross, f: Forward, x: Floats) -> Floats:
    """Return ``(P - P_g) x``."""
    out = scaled([c.A[k] - P for k, P in zip(c.others, f.P, strict=True)], x) - f.half.T @ (f.half @ x)
    return np.asarray(out if c.between is None else out + c.between @ x)


def _border(c: Cross, f: Forward, width: int) -> dict[int, Floats]:
    """Return ``Z'V^-1 W`` of each large factor with the first columns of the border, small factors in it, (q, w, J)."""
    e = c.eliminated
    x = scaled([f.G[k] for k in c.others], f.solved.x[:, :width])
    K = mul_t(f.G[e], f.G[e])
    own = _by_group(c, [e], c.E[e][:, :width] - c.N @ x)[0]
    rest = f.T[:, :width] - _own_times(c, x) + f.half.T @ (f.half @ x)
    return {e: mul(_complement(c.A[e], K), own), **dict(zip(c.others, _by_group(c, c.others, rest), strict=True))}


def _averaged(a: Floats, b: Floats, n_signs: int) -> Floats:
    """Return for each probe the symmetric part of ``a b'`` summed over groups, with what is counted by itself."""
    values = np.einsum("apj,bpj->pab", a, b, optimize=True)
    values = (values + values.transpose(0, 2, 1)) / 2.0
    own = values[n_signs:].sum(axis=0)
    return np.asarray(values[:n_signs] + own if n_signs else own[None])


def _each(a: Floats, b: Floats, n_signs: int) -> Floats:
    """Return ``a b'`` in each group, (q, q, J), symmetric: its mean over signs, and what counts by itself."""
    total = mul_t(a[:, :n_signs], b[:, :n_signs]) / max(n_signs, 1) + mul_t(a[:, n_signs:], b[:, n_signs:])
    return np.asarray((total + transpose(total)) / 2.0)


def _by_group(c: Cross, positions: Sequence[int], x: Floats) -> list[Floats]:
    """Return (columns, k) as a (q, k, J) array for each factor."""
    out, at = [], 0
    for k in positions:
        q, _, size = c.A[k].shape
        out.append(x[at : at + q * size].reshape(q, size, -1).transpose(0, 2, 1))
        at += q * size
    return out
