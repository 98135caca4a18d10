"""Sparse cross-products of a chain factor with dense columns: only the cells that occur in the data.

A cell is a group and a dense column. Values on cells are arrays (.., n_cells). Cells are sorted by group, then by
column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.runtime.rows import Indicators, row_sums

__all__ = ["Cells", "occupied"]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]


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
    """

    def __init__(
        self,
        group: Codes,
        column: Codes,
        n_columns: int,
        sums: Callable[[Floats], Floats],
        within: Codes | None = None,
    ) -> None:
        self.group = group
        self.column = column
        self.n_columns = n_columns
        self.sums = sums
        self.within = np.arange(0) if within is None else within
        self._starts = np.flatnonzero(np.diff(group, prepend=-1))
        cell = np.arange(len(group))
        counts = np.diff(self._starts, append=len(group))
        followers = np.repeat(self._starts + counts, counts) - cell - 1  # cells after it in its group
        before = np.cumsum(followers) - followers
        self._first = np.repeat(cell, followers)  # the pairs (first, second), first < second, of each group
        self._second = np.arange(len(self._first)) + np.repeat(cell + 1 - before, followers)
        self._pair = column[self._second] * n_columns + column[self._first]

    def cross(self, left: Sequence[Floats]) -> Floats:
        """Return the cross-products of `left` with the dense columns, (number of columns on the left, 1, n_cells)."""
        return np.array([[self.sums(a)] for a in left])

    def coarser(self, parent: Codes) -> Cells:
        """Return the cells of the next coarser factor: the union of those of its groups."""
        keys, within = np.unique(parent[self.group] * self.n_columns + self.column, return_inverse=True)

        def sums(a: Floats) -> Floats:
            return np.bincount(within, self.sums(a)).astype(float)

        return Cells(keys // self.n_columns, keys % self.n_columns, self.n_columns, sums, within)

    def spread(self, values: Floats) -> Floats:
        """Return for each cell the value of its group."""
        return values[..., self.group]

    def collect(self, values: Floats) -> Floats:
        """Return sums over the cells of each group."""
        return np.asarray(np.add.reduceat(values, self._starts, axis=-1))

    def to_finer(self, values: Floats) -> Floats:
        """Return for each cell of the next finer factor the value of the cell that holds it."""
        return values[..., self.within]

    def from_finer(self, values: Floats) -> Floats:
        """Return sums over the cells of the next finer factor within each cell."""
        return self._sum_last(self.within, len(self.group), values)

    def by_column(self, values: Floats) -> Floats:
        """Return sums over the cells of each dense column: (1, w, n_cells) gives (n_columns, w)."""
        return self._sum_last(self.column, self.n_columns, values[0]).T

    def pair_sum(self, a: Floats, b: Floats) -> Floats:
        """Return ``a' b`` summed over groups, (n_columns, n_columns); the product must be symmetric."""
        m = self.n_columns
        values = a[0, 0][self._first]
        values *= b[0, 0][self._second]
        for row_a, row_b in zip(a[1:, 0], b[1:, 0], strict=True):
            values += row_a[self._first] * row_b[self._second]
        lower: Floats = np.bincount(self._pair, values, minlength=m * m).astype(float, copy=False).reshape(m, m)
        out = lower + lower.T
        out.flat[:: m + 1] += np.bincount(self.column, (a * b).sum(axis=(0, 1)), minlength=m)
        return out

    def pair_product(self, a: Floats, C: Floats) -> Floats:
        """Return ``a C`` in each group on its own cells; C is symmetric, its first n_columns belong to the cells."""
        values = C[: self.n_columns, : self.n_columns].ravel()[self._pair]
        out = a * np.diagonal(C)[self.column]
        for r, row in enumerate(a[:, 0]):
            out[r, 0] += np.bincount(self._first, row[self._second] * values, minlength=len(self.group))
            out[r, 0] += np.bincount(self._second, row[self._first] * values, minlength=len(self.group))
        return out

    @staticmethod
    def _sum_last(codes: Codes, size: int, values: Floats) -> Floats:
        """Return sums over the last axis of the values of each code."""
        out = np.empty((*values.shape[:-1], size))
        for at in np.ndindex(values.shape[:-1]):
            out[at] = np.bincount(codes, values[at], minlength=size)
        return out


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
            known[id(block.codes)] = np.unique(codes * block.size + block.codes, return_inverse=True)
        keys, cell = known[id(block.codes)]
        groups.append(keys // block.size)
        columns.append(keys % block.size + at)
        rows.append((cell, len(keys), block.values))
        at += block.size
    group, column = np.concatenate(groups), np.concatenate(columns)
    order = np.lexsort((column, group))

    def sums(a: Floats) -> Floats:
        return np.concatenate([row_sums(cell, size, a, values) for cell, size, values in rows])[order]

    return Cells(group[order], column[order], at, sums)
