"""Sparse cross-products of a chain factor with dense columns: only the cells that occur in the data.

A cell is a group and a dense column. Values on cells are arrays (.., n_cells). Cells are sorted by group, then by
column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.runtime.blocks import mul, mul_t
from hdsl.runtime.root import mirrored
from hdsl.runtime.rows import Indicators, row_sums

__all__ = ["Cells", "occupied"]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]


def numbered(keys: Codes, bound: int) -> tuple[Codes, Codes]:
    """Return the distinct keys in ``[0, bound)``, ascending, and the position of each key among them."""
    if bound > 8 * len(keys) + 4_000_000:  # a table of all keys would cost more than sorting those that occur
        found, position = np.unique(keys, return_inverse=True)
        return found, position
    met = np.zeros(bound, dtype=bool)
    met[keys] = True
    found = np.flatnonzero(met)
    number = np.empty(bound, dtype=np.intp)
    number[found] = np.arange(len(found))
    return found, number[keys]


class Cells:
    """The occupied cells of a factor and the pairs of cells within each of its groups.

    Parameters
    ----------
    group, column : ndarray, (n_cells,)
        Group and dense column of each cell.
    n_columns : int
        Number of dense columns.
    sums : callable
        Gives for a column of n rows the (n_cells,) sums of its products with the dense columns.
    within : ndarray or None
        For each cell of the next finer factor the cell of this one that holds it.
    rows : callable
        Gives for each block of dense columns the cell of each row, (n,); of the finest factor alone.
    """

    def __init__(
        self,
        group: Codes,
        column: Codes,
        n_columns: int,
        sums: Callable[[Floats], Floats],
        within: Codes | None = None,
        rows: Callable[[], tuple[Codes, ...]] = tuple,
    ) -> None:
        self.group = group
        self.column = column
        self.n_columns = n_columns
        self.sums = sums
        self.within = np.arange(0) if within is None else within
        self.rows = rows
        self._starts = np.flatnonzero(np.diff(group, prepend=-1))
        counts = np.diff(self._starts, append=len(group))
        self._pairs = counts * (counts - 1) // 2  # of each group
        self._first, self._second = _pairs_within(self._starts, counts)
        lower, self._entry = numbered(column[self._second] * n_columns + column[self._first], n_columns**2)
        self._lower = np.divmod(lower, n_columns)  # the entries of a matrix over the columns that some pair goes to
        self._known: tuple[Floats, Floats] | None = None

    def cross(self, left: Sequence[Floats]) -> Floats:
        """Return the cross-products of `left` with the dense columns, (number of columns on the left, 1, n_cells)."""
        return np.array([[self.sums(a)] for a in left])

    def coarser(self, parent: Codes) -> Cells:
        """Return the cells of the next coarser factor: the union of those of its groups."""
        joint = parent[self.group] * self.n_columns + self.column
        keys, within = numbered(joint, (int(parent.max()) + 1) * self.n_columns)

        def sums(a: Floats) -> Floats:
            return np.bincount(within, self.sums(a)).astype(float)

        return Cells(keys // self.n_columns, keys % self.n_columns, self.n_columns, sums, within)

    def spread(self, values: Floats) -> Floats:
        """Return for each cell the value of its group."""
        return np.take(values, self.group, axis=-1)

    def collect(self, values: Floats) -> Floats:
        """Return sums over the cells of each group."""
        return np.asarray(np.add.reduceat(values, self._starts, axis=-1))

    def to_finer(self, values: Floats) -> Floats:
        """Return for each cell of the next finer factor the value of the cell that holds it."""
        return np.take(values, self.within, axis=-1)

    def from_finer(self, values: Floats) -> Floats:
        """Return sums over the cells of the next finer factor within each cell."""
        return self._sum_last(self.within, len(self.group), values)

    def by_column(self, values: Floats) -> Floats:
        """Return sums over the cells of each dense column: (1, w, n_cells) gives (n_columns, w)."""
        return self._sum_last(self.column, self.n_columns, values[0]).T

    def _products(self, N: Floats) -> Floats:
        """Return the product of the two cells of each pair, (n_pairs,), for one effect; kept for the same array."""
        if self._known is None or self._known[0] is not N:
            values = N[0, 0][self._first]
            values *= N[0, 0][self._second]
            self._known = (N, values)
        return self._known[1]

    def take_out(self, C: Floats, N: Floats, K: Floats) -> None:
        """Subtract ``N'KN``, summed over groups, from the first n_columns of the symmetric matrix `C`.

        Parameters
        ----------
        C : ndarray, (n_columns + w, n_columns + w)
            Changed in place.
        N : ndarray, (q, 1, n_cells)
        K : ndarray, (q, q, J)
        """
        if len(N) == 1:
            values = self._products(N) * np.repeat(K[0, 0], self._pairs)
            KN = self.spread(K) * N
        else:
            KN = mul(self.spread(K), N)
            values = N[0, 0][self._first] * KN[0, 0][self._second]
            for row, other in zip(N[1:, 0], KN[1:, 0], strict=True):
                values += row[self._first] * other[self._second]
        size = self.n_columns
        C[self._lower] -= np.bincount(self._entry, values, minlength=len(self._lower[0]))
        C[np.arange(size), np.arange(size)] -= np.bincount(self.column, (N * KN).sum(axis=(0, 1)), minlength=size)
        mirrored(C[:size, :size])

    def pair_product(self, a: Floats, C: Floats) -> Floats:
        """Return ``a C`` in each group on its own cells; C is symmetric, its first n_columns belong to the cells."""
        values = C[self._lower][self._entry]
        out = a * np.diagonal(C)[self.column]
        for r, row in enumerate(a[:, 0]):
            out[r, 0] += np.bincount(self._first, row[self._second] * values, minlength=len(self.group))
            out[r, 0] += np.bincount(self._second, row[self._first] * values, minlength=len(self.group))
        return out

    def quadratic(self, N: Floats, C: Floats) -> Floats:
        """Return ``N C N'`` in each group, (q, q, J); C as for `pair_product`."""
        if len(N) > 1:
            return self.collect(mul_t(self.pair_product(N, C), N))
        values = C[self._lower][self._entry]
        values *= self._products(N)
        own = self.collect(N * N * np.diagonal(C)[self.column])
        has_pairs = self._pairs > 0
        if has_pairs.any():
            starts = (np.cumsum(self._pairs) - self._pairs)[has_pairs]
            own[0, 0, has_pairs] += 2.0 * np.add.reduceat(values, starts)
        return own

    @staticmethod
    def _sum_last(codes: Codes, size: int, values: Floats) -> Floats:
        """Return sums over the last axis of the values of each code."""
        out = np.empty((*values.shape[:-1], size))
        for at in np.ndindex(values.shape[:-1]):
            out[at] = np.bincount(codes, values[at], minlength=size)
        return out


def _pairs_within(starts: Codes, counts: Codes) -> tuple[Codes, Codes]:
    """Return the pairs (first, second), first < second, of the cells of each group, group after group."""
    cell = np.arange(int(counts.sum()))
    followers = np.repeat(starts + counts, counts) - cell - 1  # cells after it in its group
    before = np.cumsum(followers) - followers
    first = np.repeat(cell, followers)
    return first, np.arange(len(first)) + np.repeat(cell + 1 - before, followers)


def occupied(codes: Codes, blocks: Sequence[Indicators]) -> Cells:
    """Return the cells of the finest factor.

    Parameters
    ----------
    codes : ndarray, (n,)
        Group of each row.
    blocks : sequence of Indicators
        The dense columns.
    """
    known: dict[int, tuple[Codes, Codes]] = {}
    rows: list[tuple[Codes, int, Floats]] = []
    groups, columns, at = [], [], 0
    for block in blocks:
        if id(block.codes) not in known:
            known[id(block.codes)] = numbered(codes * block.size + block.codes, (int(codes.max()) + 1) * block.size)
        keys, cell = known[id(block.codes)]
        groups.append(keys // block.size)
        columns.append(keys % block.size + at)
        rows.append((cell, len(keys), block.values))
        at += block.size
    group, column = np.concatenate(groups), np.concatenate(columns)
    order = np.argsort(group * at + column, kind="stable")

    def sums(a: Floats) -> Floats:
        return np.concatenate([row_sums(cell, size, a, values) for cell, size, values in rows])[order]

    def places() -> tuple[Codes, ...]:
        rank = np.empty(len(order), dtype=np.intp)
        rank[order] = np.arange(len(order))
        starts = np.cumsum([0, *(size for _, size, _ in rows)])
        return tuple(rank[cell + start] for (cell, _, _), start in zip(rows, starts, strict=False))

    return Cells(group[order], column[order], at, sums, rows=places)
