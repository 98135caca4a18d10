"""Cross-products for equations that are solved by iterations: by group as arrays, between groups as sparse matrices.

Stage: fit. Input: standardised columns, group codes. Output: a `Cross`. Invariants: the factor with the most columns is
eliminated first; factors of a few columns stand in the border with X and y, where nothing is random; the columns of a
factor are ordered by effect, then by group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hdsl.design.order import iterative_parts
from hdsl.fit.moments import Moments
from hdsl.fit.standardise import Block, Codes, Floats
from hdsl.runtime import GroupSums, gram, indicators
from hdsl.runtime.cells import numbered
from hdsl.runtime.rows import Indicators, row_sums

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Cells", "Cross", "cross_moments", "cross_products", "with_outcome"]

PROBES = 16
"""Vectors of random signs."""

SPARSE, MOST_FLOPS = 16, 2e9
"""Entries for each group, one factor eliminated, and operations, up to which the rest is factorised by its zeros."""

FRONT = 0.25
"""Share of the groups with three neighbours or more that fills, in random graphs."""

COLOURS = 64
"""Columns of a part without connection to others up to which every part is solved without noise."""

STEPS = 3
"""Steps from a column to its neighbours that tell most large parts."""

ROUNDS = 100
"""Times that groups with one neighbour are taken away, at most."""


class Cells(NamedTuple):
    """The cells of two factors that share a row, and the sums of products of their columns in them, (q, r, cells)."""

    first: int
    second: int
    here: Codes
    there: Codes
    values: Floats


class Cross(NamedTuple):
    """Cross-products of all columns; `C`, `E` are those of the border, ``[Z of small factors, X, y]``.

    Attributes
    ----------
    eliminated : int
        Position of the factor that is eliminated first.
    others, small : tuple of int
        Positions of the factors whose system is solved by iterations, and of those in the border.
    A : tuple of ndarray, (q, q, J)
        Of each factor with itself.
    E : tuple of ndarray, (q J, w)
        Of each factor with the border; of no use for small ones.
    N : sparse, (eliminated columns, other columns)
    between : sparse, (other columns, other columns), or None
        Between different ones of the other factors.
    signs : ndarray, (other columns, PROBES)
        Random signs; none where `units` does without them.
    units : ndarray, (other columns, k)
        Sums of unit vectors, one of each part of the design that has no row in common with the others, so that all of
        them together give traces without noise; none where a part is large.
    is_sparse : bool
        Whether what is left after the elimination is factorised as a sparse matrix.
    """

    n: int
    eliminated: int
    others: tuple[int, ...]
    small: tuple[int, ...]
    A: tuple[Floats, ...]
    E: tuple[Floats, ...]
    C: Floats
    cells: tuple[Cells, ...]
    N: csr_array
    between: csr_array | None
    signs: Floats
    units: Floats
    is_sparse: bool

    @property
    def n_small(self) -> int:
        """Columns of the small factors."""
        return sum(self.A[f].shape[0] * self.A[f].shape[2] for f in self.small)


def cross_products(W: Sequence[Block], Z: Sequence[Sequence[Floats]], groups: Sequence[Codes]) -> Cross:
    """Return the cross-products of standardised columns; W is [X, y]."""
    sizes = [int(codes.max()) + 1 for codes in groups]
    columns = [len(z) * size for z, size in zip(Z, sizes, strict=True)]
    eliminated, others, small = iterative_parts(columns)
    D = [block for f in small for block in indicators(groups[f], Z[f])]
    sums = [GroupSums(codes, size) for codes, size in zip(groups, sizes, strict=True)]
    A = tuple(rows.cross(z, z) for rows, z in zip(sums, Z, strict=True))
    E = tuple(_border(rows, z, (*D, *W)) for rows, z in zip(sums, Z, strict=True))
    cells = tuple(_cells(Z, groups, sizes))
    N, between = _matrices(cells, columns, sizes, eliminated, others)
    total = sum(columns[f] for f in others)
    units = _units(N, between)
    n_signs = 0 if units.shape[1] else PROBES
    signs = np.random.default_rng(20).choice(np.array([-1.0, 1.0]), (total, n_signs))
    flops = max(map(len, Z)) ** 3 * _sparse_flops(N, between, sizes, others, eliminated, columns)
    return Cross(
        len(W[-1]),
        eliminated,
        others,
        small,
        A,
        E,
        gram((*D, *W)),
        cells,
        N,
        between,
        signs,
        units,
        flops <= MOST_FLOPS,
    )


def with_outcome(cross: Cross, Z: Sequence[Sequence[Floats]], of_border: Floats) -> Cross:
    """Return the cross-products with those of another outcome in place of the old ones.

    Parameters
    ----------
    Z : sequence of ndarray
        Of each factor the sums of the products of its columns with the outcome, by effect, (J,).
    of_border : ndarray
        Those of X, and the outcome's sum of squares.
    """
    E = tuple(old.copy() for old in cross.E)
    for own, sums in zip(E, Z, strict=True):
        own[:, -1] = np.concatenate(sums)
    C = cross.C.copy()
    small = [values for f in cross.small for values in Z[f]]
    C[-1] = C[:, -1] = np.concatenate([*small, of_border])
    return cross._replace(E=E, C=C)


def _border(rows: GroupSums, z: Sequence[Floats], W: Sequence[Floats | Indicators]) -> Floats:
    E = rows.cross(z, W).transpose(0, 2, 1)
    return np.ascontiguousarray(E).reshape(-1, E.shape[-1])


def _cells(Z: Sequence[Sequence[Floats]], groups: Sequence[Codes], sizes: Sequence[int]) -> Iterator[Cells]:
    """Yield the cells of each pair of factors."""
    for f in range(len(Z)):
        for g in range(f + 1, len(Z)):
            keys, cell = numbered(groups[f] * sizes[g] + groups[g], sizes[f] * sizes[g])
            here, there = np.divmod(keys, sizes[g])
            values = np.array([[row_sums(cell, len(keys), a, b) for b in Z[g]] for a in Z[f]], dtype=float)
            yield Cells(f, g, here, there, values)


def _matrices(
    cells: Sequence[Cells], columns: Sequence[int], sizes: Sequence[int], eliminated: int, others: Sequence[int]
) -> tuple[csr_array, csr_array | None]:
    """Return the cross-products of the eliminated factor with the others, and of those with each other."""
    from scipy.sparse import csr_array

    first = dict(zip(others, np.cumsum([0, *(columns[f] for f in others)]).tolist(), strict=False))
    total = sum(columns[f] for f in others)
    first[eliminated] = 0
    parts: dict[bool, list[tuple[Codes, Codes, Floats]]] = {True: [], False: []}
    for part in cells:
        f, g, here, there, values = part
        if f not in first or g not in first:
            continue
        if g == eliminated:
            f, g, here, there, values = g, f, there, here, values.transpose(1, 0, 2)
        for a in range(len(values)):
            for b in range(values.shape[1]):
                at = (first[f] + a * sizes[f] + here, first[g] + b * sizes[g] + there)
                parts[f == eliminated].append((*at, values[a, b]))
    N = csr_array(_triplet(parts[True]), shape=(columns[eliminated], total))
    if not parts[False]:
        return N, None
    upper = csr_array(_triplet(parts[False]), shape=(total, total))
    return N, (upper + upper.T).tocsr()


def _triplet(parts: Sequence[tuple[Codes, Codes, Floats]]) -> tuple[Floats, tuple[Codes, Codes]]:
    i, j, x = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return x, (i, j)


def _units(N: csr_array, between: csr_array | None) -> Floats:
    """Return sums of unit vectors, the first column of each unconnected part, the second, ..; none for a large part."""
    from scipy.sparse import block_array
    from scipy.sparse.csgraph import connected_components

    if not N.shape[1] or _reached(N) > COLOURS:
        return np.zeros((N.shape[1], 0))
    graph = block_array([[None, N], [N.T, between]])
    part = connected_components(graph, directed=False)[1][N.shape[0] :]
    order = np.argsort(part, kind="stable")
    starts = np.flatnonzero(np.diff(part[order], prepend=-1))
    sizes = np.diff(starts, append=len(part))
    if int(sizes.max()) > COLOURS:
        return np.zeros((len(part), 0))
    out = np.zeros((len(part), int(sizes.max())))
    out[order, np.arange(len(part)) - np.repeat(starts, sizes)] = 1.0
    return out


def _reached(N: csr_array) -> int:
    """Return how many columns are reached from one in a few steps through common rows: its part has as many or more."""
    reach = np.zeros(N.shape[1])
    reach[N.indices[:1]] = 1.0
    for _ in range(STEPS):
        reach = (abs(N).T @ ((abs(N) @ reach) > 0.0).astype(float) > 0.0).astype(float)
    return int(reach.sum())


def _sparse_flops(
    N: csr_array,
    between: csr_array | None,
    sizes: Sequence[int],
    others: Sequence[int],
    eliminated: int,
    columns: Sequence[int],
) -> float:
    """Return about how many operations a sparse factorisation after the elimination takes; infinite for many entries.

    Notes
    -----
    Groups are neighbours where they share a group of the eliminated factor, or a row. One with a single neighbour
    is eliminated without fill, one with two joins them; of those with three or more a share is filled, part by part.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    first = np.cumsum([0, *(columns[f] for f in others)])
    own = np.concatenate([np.arange(at, at + sizes[f]) for at, f in zip(first, others, strict=False)])
    met = N[: sizes[eliminated]][:, own]  # the columns of one effect
    counts = np.diff(met.indptr).astype(float)
    if counts @ counts > SPARSE * len(own):
        return np.inf
    met = csr_array((np.ones(met.nnz), met.indices, met.indptr), shape=met.shape)
    graph = met.T @ met
    if between is not None:
        graph = graph + abs(between[own][:, own])
    graph.setdiag(0.0)
    graph.eliminate_zeros()
    graph.data[:] = 1.0
    is_left = np.ones(len(own))
    for _ in range(ROUNDS):
        degree = is_left * (graph @ is_left)
        ends = (degree <= 1.0) & (is_left > 0.0)
        if not np.any(ends):
            break
        is_left[ends] = 0.0
    kept = np.flatnonzero(is_left)
    part = connected_components(graph[kept][:, kept], directed=False)[1]
    filled = np.bincount(part, is_left[kept] * (graph[kept] @ is_left) >= 3.0) if len(kept) else np.zeros(0)
    return float(((FRONT * filled) ** 3).sum() / 3.0)


def cross_moments(cross: Cross, beta: Floats, intercept: int | None) -> Moments:
    """Return the moments for a start, as `hdsl.fit.moments.moments` does."""
    d, c = cross.n_small, np.append(-beta, 1.0)
    effects = [(f, a) for f, A in enumerate(cross.A) for a in range(len(A))]
    first = np.cumsum([0, *(len(A) for A in cross.A)])
    E = [e[:, d:].reshape(len(A), A.shape[2], -1) for e, A in zip(cross.E, cross.A, strict=True)]
    u = [np.zeros(e.shape[:2]) if intercept is None else e[..., intercept] for e in E]
    k = len(effects)
    squares, inner = np.zeros((k, k)), np.zeros((k, k))
    for f, A in enumerate(cross.A):
        own = slice(first[f], first[f + 1])
        squares[own, own], inner[own, own] = (A**2).sum(axis=-1), np.einsum("aj,abj,bj->ab", u[f], A, u[f])
    for f, g, here, there, values in cross.cells:
        rows, columns = slice(first[f], first[f + 1]), slice(first[g], first[g + 1])
        squares[rows, columns] = (values**2).sum(axis=-1)
        inner[rows, columns] = np.einsum("aj,abj,bj->ab", u[f][:, here], values, u[g][:, there])
        squares[columns, rows], inner[columns, rows] = squares[rows, columns].T, inner[rows, columns].T
    traces = np.concatenate([A.sum(axis=-1).diagonal() for A in cross.A])
    sizes = np.concatenate([(values**2).sum(axis=-1) for values in u])
    C = cross.C[d:, d:]
    if intercept is not None:
        total = C[intercept, intercept]
        squares = squares - 2.0 * inner / total + np.outer(sizes, sizes) / total**2
        traces = traces - sizes / total
    fits = np.concatenate([((e @ c) ** 2).sum(axis=-1) for e in E])
    return Moments(effects=effects, squares=squares, traces=traces, fits=fits, rss=float(c @ C @ c))
