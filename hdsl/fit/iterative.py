"""The sweeps of a Gaussian plan by conjugate gradients, where a dense factor would not fit in memory.

Input: columns and group codes. Output: what the emitted functions give, by the same names, so that the search and the
standard errors work on it. Solutions and the fixed effects are exact to the tolerance of the conjugate gradients;
traces are means over random signs, always the same ones, so that the criterion is a smooth function, and so is the
log determinant unless what is left after one factor is sparse. Their Monte-Carlo error is in `Engine.scatter` and
`Forward.logdet_error`.

With ``A = Z'Z``, ``D = I + Lambda'A_j Lambda`` in each group and ``D = RR'``: ``G = Lambda R'^-1``, and
``I + Lambda'A Lambda`` becomes ``B = I + G'A_off G``, A_off what lies between different groups. Then
``Z'V^-1 Z = A - A G B^-1 G'A``.

References
----------
Hutchinson (1990), Communications in Statistics 19, 433-450; Ubaru, Chen and Saad (2017), SIAM Journal on Matrix
Analysis and Applications 38, 1075-1099.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hdsl.codegen.emit import emit
from hdsl.codegen.layout import layout
from hdsl.codegen.load import load
from hdsl.fit.moments import Moments
from hdsl.fit.standardise import Block, Codes, Floats
from hdsl.plan import Plan
from hdsl.runtime import GroupSums, Profile, directions, gram, mul, profile, transpose
from hdsl.runtime.cells import numbered
from hdsl.runtime.rows import row_sums

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["PROBES", "Cross", "Engine", "Forward", "engine", "sparse_cross", "sparse_moments"]

PROBES = 16
"""Vectors of random signs for traces; the log determinant takes every second one."""

SMALL = 64
"""Columns of a factor up to which its trace is computed without noise."""

STEPS, LOOKS, ENOUGH = 96, 6, 0.01
"""Lanczos steps of each probe at most; every so many, they end if the log determinant has moved by less than this."""

POWER_STEPS = 8
"""Steps towards the leading eigenvectors, which are taken out of the noise."""

TOLERANCE, ROUGH, MOST_STEPS = 1e-9, 1e-7, 1000
"""Relative residual at which the conjugate gradients end, for probes, and their steps at most."""

SPARSE = 16
"""Entries for each column and effect, one factor eliminated, up to which the rest is factorised as a sparse matrix."""

EMPTY = 1e-10
"""Length of a Lanczos vector that counts as none."""


class Cross(NamedTuple):
    """Cross-products: within groups as arrays by group, between groups as one sparse matrix."""

    n: int
    A: tuple[Floats, ...]
    E: Floats
    between: csr_array
    squared: csr_array
    C: Floats
    signs: Floats
    eliminated: slice | None


class Forward(NamedTuple):
    """The system at one theta, solved for [X, y]."""

    factors: tuple[Floats, ...]
    G: tuple[Floats, ...]
    solved: Floats
    logdet: float
    logdet_error: float
    S: Floats


def sparse_cross(W: Sequence[Block], Z: Sequence[Sequence[Floats]], groups: Sequence[Codes]) -> Cross:
    """Return the cross-products of standardised columns; W is [X, y]."""
    from scipy.sparse import coo_array

    sizes = [int(codes.max()) + 1 for codes in groups]
    first = np.cumsum([0, *(len(z) * size for z, size in zip(Z, sizes, strict=True))])
    rows = [GroupSums(codes, size) for codes, size in zip(groups, sizes, strict=True)]
    A = tuple(sums.cross(z, z) for sums, z in zip(rows, Z, strict=True))
    E = [sums.cross(z, W).transpose(0, 2, 1) for sums, z in zip(rows, Z, strict=True)]
    parts: list[tuple[Codes, Codes, Floats]] = []
    for f, z in enumerate(Z):
        for g in range(f + 1, len(Z)):
            keys, cell = numbered(groups[f] * sizes[g] + groups[g], sizes[f] * sizes[g])
            here, there = np.divmod(keys, sizes[g])
            for a, left in enumerate(z):
                for b, right in enumerate(Z[g]):
                    values = row_sums(cell, len(keys), left, right).astype(float)
                    parts.append((first[f] + a * sizes[f] + here, first[g] + b * sizes[g] + there, values))
    total = int(first[-1])
    i, j, x = (np.concatenate([part[k] for part in parts]) if parts else np.zeros(0) for k in range(3))
    upper = coo_array((x, (i, j)), shape=(total, total))
    between = (upper + upper.T).tocsr()
    squared = between.copy()
    squared.data = squared.data**2
    stacked = np.concatenate([e.reshape(-1, e.shape[-1]) for e in E])
    signs = np.random.default_rng(20).choice(np.array([-1.0, 1.0]), (total, PROBES))
    largest = int(np.argmax(np.diff(first)))
    eliminated = slice(int(first[largest]), int(first[largest + 1]))
    widest = max(len(z) for z in Z)
    is_sparse = _pairs(between, eliminated) <= SPARSE * widest * (total - int(np.diff(first)[largest]))
    return Cross(len(W[-1]), A, stacked, between, squared, gram(W), signs, eliminated if is_sparse else None)


def _pairs(between: csr_array, eliminated: slice) -> float:
    """Return how many entries at most the rest has after the elimination of the columns of one factor."""
    counts = np.diff(between.indptr)[eliminated].astype(float)
    return float(counts @ counts)


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
        return sparse_cross(W, Z, groups)

    def forward(self, c: Cross, theta: Floats) -> Forward:
        """Solve the system for [X, y], and estimate its log determinant."""
        factors = tuple(self.relative_factors(theta))
        G, logdet = [], 0.0
        for L, A in zip(factors, c.A, strict=True):
            D = (L.T @ A.transpose(2, 0, 1) @ L) + np.eye(len(L))
            R = np.linalg.cholesky(D)
            logdet += 2.0 * float(np.log(np.diagonal(R, axis1=1, axis2=2)).sum())
            G.append((L @ np.linalg.inv(R).transpose(0, 2, 1)).transpose(1, 2, 0))
        T = scaled(G, c.E, transposed=True)
        solved = solve(c, G, T)
        rest, error = _log_determinant(c, G)
        return Forward(factors, tuple(G), solved, logdet + rest, error, c.C - T.T @ solved)

    def estimates(self, c: Cross, f: Forward, reml: bool) -> Profile:
        """Return the profiled criterion, fixed effects and residual sum of squares."""
        return profile(f.S, f.logdet, c.n, reml=reml)

    def modes(self, c: Cross, f: Forward, beta: Floats) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return the modes b and v = Z'V^-1 (y - X beta) of each factor, (q, 1, J)."""
        w = np.append(-beta, 1.0)[:, None]
        b = scaled(f.G, f.solved @ w)
        v = c.E @ w - times(c, b)
        return tuple(_by_factor(c, b)), tuple(_by_factor(c, v))

    def covariances(self, c: Cross, f: Forward, cov_X: Floats) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return for each factor the sum over groups of Z'V^-1 Z; NaN for the covariance of the modes.

        With cov_X, the covariance of beta, of Z'PZ.
        """
        total = [
            _inside(A, G).sum(axis=-1) + rest.mean(axis=0)
            for A, G, rest in zip(c.A, f.G, self.scatter(c, f), strict=True)
        ]
        p = len(cov_X)
        if p:
            X = c.E[:, :p] - times(c, scaled(f.G, f.solved[:, :p]))
            for k, block in enumerate(_by_factor(c, X)):
                total[k] = total[k] - np.einsum("axj,xy,byj->ab", block, cov_X, block, optimize=True)
        missing = [np.broadcast_to(np.nan, A.shape) for A in c.A]
        return tuple(total), tuple(missing)

    def scatter(self, c: Cross, f: Forward) -> list[Floats]:
        """Return for each factor and probe what its sum over groups has from other groups, (probes, q, q).

        Without noise, and so the same for each probe, where a factor is small.
        """
        small = [A.shape[0] * A.shape[2] <= SMALL for A in c.A]
        probes = _probes(c, small)
        H = times(c, probes)
        Q = H - times(c, scaled(f.G, solve(c, f.G, scaled(f.G, H, transposed=True), ROUGH)))
        out, at = [], PROBES
        for k, (s, q) in enumerate(zip(_by_factor(c, probes), _by_factor(c, Q), strict=True)):
            if small[k]:
                end = at + s.shape[0] * s.shape[2]
                whole = np.einsum("apj,bpj->ab", s[:, at:end], q[:, at:end])
                out.append(np.repeat((whole - _inside(c.A[k], f.G[k]).sum(axis=-1))[None], PROBES, axis=0))
                at = end
                continue
            random = s[:, :PROBES]
            rest = np.einsum("apj,bpj->pab", random, q[:, :PROBES] - mul(_inside(c.A[k], f.G[k]), random))
            out.append((rest + rest.transpose(0, 2, 1)) / 2.0)
        return out

    def average_information(self, c: Cross, f: Forward, v: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return [X, y]'V^-1 R and R'V^-1 R for the directions R = Z E_a v."""
        factors = layout(self.plan).dense
        R = _stacked([directions(v[k], [(e.row, e.column) for e in f_.entries]) for k, f_ in enumerate(factors)])
        H = times(c, R)
        T = scaled(f.G, H, transposed=True)
        return c.E.T @ R - f.solved.T @ T, R.T @ H - T.T @ solve(c, f.G, T)


def scaled(G: Sequence[Floats], x: Floats, *, transposed: bool = False) -> Floats:
    """Return ``G x``, or ``G'x``: a small matrix in each group, x is (all columns, k)."""
    out, at = np.empty_like(x), 0
    for g in G:
        q, size = g.shape[0], g.shape[2]
        block = x[at : at + q * size].reshape(q, size, -1)
        own = transpose(g) if transposed else g
        target = out[at : at + q * size].reshape(q, size, -1)
        for a in range(q):
            target[a] = own[a, 0][:, None] * block[0]
            for b in range(1, q):
                target[a] += own[a, b][:, None] * block[b]
        at += q * size
    return out


def times(c: Cross, x: Floats) -> Floats:
    """Return ``Z'Z x``."""
    return np.asarray(c.between @ x + scaled(c.A, x))


def solve(c: Cross, G: Sequence[Floats], T: Floats, tolerance: float = TOLERANCE) -> Floats:
    """Return ``B^-1 T`` by conjugate gradients, each column with steps of its own.

    Raises
    ------
    LinAlgError
        If they do not converge.
    """
    x, r = np.zeros_like(T), T.copy()
    d, size = r.copy(), (r**2).sum(axis=0)
    enough = tolerance**2 * np.maximum(size, np.finfo(float).tiny)
    for _ in range(MOST_STEPS):
        if np.all(size <= enough):
            return x
        Bd = d + scaled(G, c.between @ scaled(G, d), transposed=True)
        curvature = (d * Bd).sum(axis=0)
        step = np.divide(size, curvature, out=np.zeros_like(size), where=curvature > 0.0)
        x += step * d
        r -= step * Bd
        before, size = size, (r**2).sum(axis=0)
        d *= np.divide(size, before, out=np.zeros_like(size), where=before > 0.0)
        d += r
    raise np.linalg.LinAlgError("conjugate gradients did not converge")


def _inside(A: Floats, G: Floats) -> Floats:
    """Return ``A - A G G'A`` in each group: Z'V^-1 Z as if no two groups had rows in common."""
    AG = mul(A, G)
    return A - mul(AG, transpose(AG))


def _by_factor(c: Cross, x: Floats) -> list[Floats]:
    """Return (all columns, k) as a (q, k, J) array for each factor."""
    out, at = [], 0
    for A in c.A:
        q, size = A.shape[0], A.shape[2]
        out.append(x[at : at + q * size].reshape(q, size, -1).transpose(0, 2, 1))
        at += q * size
    return out


def _stacked(parts: Sequence[Floats]) -> Floats:
    """Return (q, k, J) arrays as one (all columns, sum of k) matrix, a block for each."""
    out = np.zeros((sum(part.shape[0] * part.shape[2] for part in parts), sum(part.shape[1] for part in parts)))
    row = column = 0
    for part in parts:
        q, k, size = part.shape
        out[row : row + q * size, column : column + k] = part.transpose(0, 2, 1).reshape(-1, k)
        row, column = row + q * size, column + k
    return out


def _probes(c: Cross, small: Sequence[bool]) -> Floats:
    """Return random signs, zero on small factors, and a unit vector for each column of those."""
    signs, units, at = c.signs.copy(), [], 0
    for A, is_small in zip(c.A, small, strict=True):
        end = at + A.shape[0] * A.shape[2]
        if is_small:
            signs[at:end] = 0.0
            units.append(_unit_block(len(signs), at, end))
        at = end
    return np.concatenate((signs, *units), axis=1)


def _unit_block(total: int, start: int, end: int) -> Floats:
    out = np.zeros((total, end - start))
    out[np.arange(start, end), np.arange(end - start)] = 1.0
    return out


def _log_determinant(c: Cross, G: Sequence[Floats]) -> tuple[float, float]:
    """Return log det B and its Monte-Carlo error.

    Notes
    -----
    The leading eigenvectors are taken out of the probes and counted by themselves. Where all effects are scalar, what
    the probes give for ``E - E^2 / 2``, with ``B = I + E``, is replaced by its exact trace.
    """
    if not c.between.nnz:
        return 0.0, 0.0

    if c.eliminated is not None:
        return _sparse_determinant(c, G, c.eliminated), 0.0

    def product(x: Floats) -> Floats:
        return scaled(G, c.between @ scaled(G, x), transposed=True)

    Q, signs = _leading(c, product), c.signs[:, ::2]
    s = signs - Q @ (Q.T @ signs)
    values = _quadrature(product, np.concatenate((s, Q), axis=1), s.shape[1])
    own, probes = values[s.shape[1] :].sum(), values[: s.shape[1]]
    if all(len(A) == 1 for A in c.A):
        g = np.concatenate([block[0, 0] for block in G]) ** 2
        EQ, Es = product(Q), product(s)
        trace = -(Q * EQ).sum() - 0.5 * (g @ (c.squared @ g) - (EQ**2).sum())
        probes = probes - ((s * Es).sum(axis=0) - 0.5 * (Es**2).sum(axis=0)) + trace
    return float(own + probes.mean()), float(probes.std(ddof=1) / np.sqrt(len(probes)))


def _sparse_determinant(c: Cross, G: Sequence[Floats], eliminated: slice) -> float:
    """Return log det B by a sparse factorisation of what is left after one factor, whose block of B is the identity.

    Raises
    ------
    LinAlgError
        If a pivot is not positive, which is rounding.
    """
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import splu

    own = _block_diagonal(G)
    E = (own.T @ c.between @ own).tocsr()
    rest = np.setdiff1d(np.arange(E.shape[0]), np.arange(E.shape[0])[eliminated])
    F = E[eliminated][:, rest]
    left = csc_array(eye_array(len(rest)) + E[rest][:, rest] - F.T @ F)
    factor = splu(left, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    pivots = factor.U.diagonal()
    if np.any(pivots <= 0.0):
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return float(np.log(pivots).sum())


def _block_diagonal(G: Sequence[Floats]) -> csr_array:
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


def _leading(c: Cross, product: Callable[[Floats], Floats]) -> Floats:
    """Return an orthonormal basis of vectors near the leading eigenvectors of E, one part for each factor."""
    x = product(c.E[:, :1] if np.any(c.E[:, 0]) else c.signs[:, :1])
    for _ in range(POWER_STEPS):
        x /= np.linalg.norm(x) or 1.0
        x = product(x)
    blocks = _stacked(_by_factor(c, x))
    Q, R = np.linalg.qr(blocks)
    size = np.abs(R.diagonal())
    return np.asarray(Q[:, size > 1e-8 * max(float(size.max()), np.finfo(float).tiny)])


def _quadrature(product: Callable[[Floats], Floats], start: Floats, n_probes: int) -> Floats:
    """Return ``s' log(I + E) s`` for each column s of `start`, by Lanczos' method; `n_probes` of them are averaged."""
    norm = np.linalg.norm(start, axis=0)
    v, before = start / norm, np.zeros_like(start)
    steps = min(STEPS, len(start))
    alpha, beta = np.zeros((steps, start.shape[1])), np.zeros((steps, start.shape[1]))
    found, total = np.zeros(start.shape[1]), np.inf
    for k in range(steps):
        w = product(v) + v - (beta[k - 1] * before if k else 0.0)
        alpha[k] = (w * v).sum(axis=0)
        w -= alpha[k] * v
        beta[k] = np.linalg.norm(w, axis=0)
        before, v = v, np.divide(w, beta[k], out=np.zeros_like(w), where=beta[k] > EMPTY)
        if (k + 1) % LOOKS == 0 or k == steps - 1:
            found = norm**2 * np.array([_gauss(a, b) for a, b in zip(alpha[: k + 1].T, beta[:k].T, strict=True)])
            last, total = total, float(found[:n_probes].mean() + found[n_probes:].sum())
            if abs(total - last) < ENOUGH:
                break
    return found


def _gauss(alpha: Floats, beta: Floats) -> float:
    """Return the log by the quadrature of a tridiagonal matrix; where its space was exhausted, it ends before."""
    ends = np.flatnonzero(beta <= EMPTY)
    size = int(ends[0]) + 1 if len(ends) else len(alpha)
    off = beta[: size - 1]
    w, U = np.linalg.eigh(np.diag(alpha[:size]) + np.diag(off, 1) + np.diag(off, -1))
    return float(U[0] ** 2 @ np.log(np.maximum(w, np.finfo(float).tiny)))


def sparse_moments(plan: Plan, cross: Cross, beta: Floats, intercept: int | None) -> Moments:
    """Return the moments for a start, as `hdsl.fit.moments.moments` does."""
    effects = [(f, a) for f, term in enumerate(plan.re_terms) for a in range(term.width)]
    label = np.concatenate(
        [np.repeat(np.arange(len(A)), A.shape[2]) + k for A, k in zip(cross.A, _firsts(cross), strict=True)]
    )
    which = np.zeros((len(label), len(effects)))
    which[np.arange(len(label)), label] = 1.0
    c = np.append(-beta, 1.0)
    u = np.zeros(len(label)) if intercept is None else cross.E[:, intercept]
    squares, inner = which.T @ (cross.squared @ which), (which.T * u) @ (cross.between @ (which * u[:, None]))
    for A, k, own in zip(cross.A, _firsts(cross), _by_factor(cross, u[:, None]), strict=True):
        at = slice(k, k + len(A))
        squares[at, at] += (A**2).sum(axis=-1)
        inner[at, at] += np.einsum("abj,aj,bj->ab", A, own[:, 0], own[:, 0])
    traces = np.concatenate([A.sum(axis=-1).diagonal() for A in cross.A])
    sizes = which.T @ u**2
    if intercept is not None:
        total = cross.C[intercept, intercept]
        squares = squares - 2.0 * inner / total + np.outer(sizes, sizes) / total**2
        traces = traces - sizes / total
    fits, rss = which.T @ (cross.E @ c) ** 2, float(c @ cross.C @ c)
    return Moments(effects=effects, squares=squares, traces=traces, fits=fits, rss=rss)


def _firsts(cross: Cross) -> Codes:
    """Return the number of the first effect of each factor."""
    widths = [len(A) for A in cross.A]
    return np.cumsum([0, *widths[:-1]])
