"""Sums over rows: the only primitives whose cost grows with the number of rows.

Columns are arrays of n values; a constant column is a broadcast scalar (stride 0) and costs nothing. A column that
stands in several matrices is one array, so that its products are summed once. Rows are read in parts, or as a whole by
NumPy: what gives these serves as a column, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "GroupSums",
    "Indicators",
    "Nest",
    "collect",
    "constant",
    "expanded",
    "gram",
    "indicators",
    "nest",
    "of_parent",
    "row_parts",
    "row_sums",
    "with_weights",
]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]


class Indicators(NamedTuple):
    """`size` columns, ``values`` where the code of the row is that of the column, else 0; code -1 is in no column."""

    codes: Codes
    size: int
    values: Floats


def constant(value: float, n: int) -> Floats:
    """Return a column of `n` equal values without storing them."""
    return np.broadcast_to(np.float64(value), n)


def indicators(codes: Codes, columns: Sequence[Floats]) -> tuple[Indicators, ...]:
    """Return the columns of Z of a grouping factor, a block of one column per group for each effect."""
    size = int(codes.max()) + 1
    return tuple(Indicators(codes, size, column) for column in columns)


def _product(a: Floats, b: Floats) -> tuple[float, Floats | None]:
    """Return ``a * b`` as a number times an array; no array where both are constant."""
    if a.strides == (0,):
        return (float(a[0]) * float(b[0]), None) if b.strides == (0,) else (float(a[0]), b)
    if b.strides == (0,):
        return float(b[0]), a
    out = np.empty(len(a))
    for rows in row_parts(len(a)):
        np.multiply(a[rows], b[rows], out=out[rows])
    return 1.0, out


def countable(codes: Codes) -> Codes:
    """Return codes as `numpy.bincount` takes them without a copy: it only reads, but wants to be able to write."""
    view = codes.view()
    try:
        view.flags.writeable = True
    except ValueError:  # nobody may write there
        return codes
    return view


def row_sums(codes: Codes, size: int, a: Floats, b: Floats) -> Floats:
    """Return for each code the sum of ``a * b`` over its rows."""
    factor, weights = _product(a, b)
    total = np.bincount(codes, weights, minlength=size)
    return np.asarray(total if factor == 1.0 and weights is not None else factor * total)


def _pair(a: Floats, b: Floats) -> tuple[int, int]:
    """Return what is the same for two arrays in either order."""
    return (id(a), id(b)) if id(a) <= id(b) else (id(b), id(a))


class GroupSums:
    """Sums over the rows of each group of the products of two columns.

    Parameters
    ----------
    codes : ndarray, (n,)
        Group of each row.
    n_groups : int
    weights : ndarray, (n,), or None
        What each row counts; one where left out.
    order : ndarray, (n_groups,), or None
        Which group each of the sums is of, where they are not in the order of the codes.
    """

    def __init__(self, codes: Codes, n_groups: int, weights: Floats | None = None, order: Codes | None = None) -> None:
        self.codes = countable(codes)
        self.n_groups = n_groups
        self.order = order
        self._weights = weights
        self._weighted: dict[int, tuple[Floats, Floats]] = {}
        self._known: dict[tuple[int, int], tuple[Floats, Floats, Floats]] = {}
        self._counted: dict[tuple[int, int], tuple[Floats, Floats, Indicators]] = {}

    def product(self, a: Floats, b: Floats) -> Floats:
        """Return the (J,) sums of ``a * b``, from memory where the same two arrays were asked for before."""
        key = _pair(a, b)
        if key not in self._known:
            self._known[key] = (self._sum(a, b), a, b)  # the columns are kept so that their ids stay theirs
        return self._known[key][0]

    def weighted(self, a: Floats) -> Floats:
        """Return a column times the weights."""
        if self._weights is None:
            return a
        if id(a) not in self._weighted:
            self._weighted[id(a)] = (with_weights(a, self._weights), a)
        return self._weighted[id(a)][0]

    def _sum(self, a: Floats, b: Floats) -> Floats:
        sums = row_sums(self.codes, self.n_groups, self.weighted(a), b)
        return sums if self.order is None else sums[self.order]

    def indicator(self, a: Floats, block: Indicators) -> Floats:
        """Return the (size, J) sums of ``a`` times each column of `block`, from memory as `product` does."""
        key = (id(a), id(block))
        if key not in self._counted:
            self._counted[key] = (self._count(a, block), a, block)
        return self._counted[key][0]

    def _count(self, a: Floats, block: Indicators) -> Floats:
        width = block.size + 1  # column 0 takes the rows of code -1
        joint = self.codes * width
        joint += block.codes
        joint += 1
        total = row_sums(joint, self.n_groups * width, self.weighted(a), block.values).reshape(self.n_groups, width)
        return (total if self.order is None else total[self.order])[:, 1:].T

    def cross(self, left: Sequence[Floats], right: Sequence[Floats | Indicators]) -> Floats:
        """Return ``left' right`` within each group.

        Returns
        -------
        ndarray, (number of columns on the left, on the right, J)
        """
        width = sum(block.size if isinstance(block, Indicators) else 1 for block in right)
        out = np.empty((len(left), width, self.n_groups))
        for row, a in zip(out, left, strict=True):
            at = 0
            for block in right:
                if isinstance(block, Indicators):
                    own = row[at : at + block.size]
                    own[:] = self.indicator(a, block)
                    self._counted[id(a), id(block)] = (own, a, block)  # kept once
                    at += block.size
                else:
                    row[at] = self.product(a, block)
                    self._known[_pair(a, block)] = (row[at], a, block)  # kept once
                    at += 1
        return out

    def coarser(self, starts: Codes) -> CoarserSums:
        """Return the same sums over the groups of the next coarser factor."""
        return CoarserSums(self, starts)


class CoarserSums(GroupSums):
    """`GroupSums` of a coarser factor, added up from the groups of a finer one."""

    def __init__(self, finer: GroupSums, starts: Codes) -> None:
        super().__init__(finer.codes, len(starts))
        self._finer = finer
        self._starts = starts

    def weighted(self, a: Floats) -> Floats:
        """Return a column times the weights."""
        return self._finer.weighted(a)

    def _sum(self, a: Floats, b: Floats) -> Floats:
        return collect(self._finer.product(a, b), self._starts)

    def _count(self, a: Floats, block: Indicators) -> Floats:
        return collect(self._finer.indicator(a, block), self._starts)


def collect(values: Floats, starts: Codes) -> Floats:
    """Return sums over consecutive groups along the last axis: the groups of one parent, from `starts` on."""
    return np.asarray(np.add.reduceat(values, starts, axis=-1))


def of_parent(values: Floats, parents: Codes) -> Floats:
    """Return for each group the values of the one of the next coarser factor that holds it, along the last axis.

    Groups stay the contiguous axis, which an array of indices would not leave them.
    """
    return np.take(values, parents, axis=-1)


def with_weights(a: Floats, weights: Floats) -> Floats:
    """Return ``a * weights``; a constant column stays one number."""
    return float(a[0]) * weights if a.strides == (0,) else a * weights


def expanded(blocks: Sequence[Floats | Indicators], n: int) -> Floats:
    """Return all columns as one matrix, (n, number of columns)."""
    out: list[Floats] = []
    for block in blocks:
        if isinstance(block, Indicators):
            part = np.zeros((n, block.size))
            inside = np.flatnonzero(block.codes >= 0)
            part[inside, block.codes[inside]] = block.values[inside]
            out.append(part)
        else:
            out.append(block[:, None])
    return np.hstack(out) if out else np.zeros((n, 0))


def gram(blocks: Sequence[Floats | Indicators], weights: Floats | None = None) -> Floats:
    """Return the cross-products of all columns, a symmetric matrix; `weights` are what each row counts."""
    sizes = [block.size if isinstance(block, Indicators) else 1 for block in blocks]
    at = np.concatenate(([0], np.cumsum(sizes)))
    out = np.empty((at[-1], at[-1]))
    plain = [i for i, block in enumerate(blocks) if not isinstance(block, Indicators)]
    if plain:
        columns = [block for block in blocks if not isinstance(block, Indicators)]
        out[np.ix_(at[plain], at[plain])] = _plain_gram(columns, weights)
    for i, block in enumerate(blocks):
        if isinstance(block, Indicators):
            for j, other in enumerate(blocks):
                if j >= i or not isinstance(other, Indicators):
                    part = _gram_block(block, other, weights)
                    out[at[i] : at[i + 1], at[j] : at[j + 1]] = part
                    out[at[j] : at[j + 1], at[i] : at[i + 1]] = part.T
    return out


def _plain_gram(columns: Sequence[Floats], weights: Floats | None) -> Floats:
    """Return the cross-products of columns, a part of the rows at a time."""
    total = np.zeros((len(columns), len(columns)))
    for rows in row_parts(len(columns[0])):
        part = np.empty((len(columns), len(columns[0][rows])))
        for own, column in zip(part, columns, strict=True):
            own[:] = column[rows]
        total += (part if weights is None else part * weights[rows]) @ part.T
    return total


def row_parts(n: int) -> Iterator[slice]:
    """Yield the rows in parts that fit in a processor's cache."""
    return (slice(at, at + PART) for at in range(0, n, PART))


def _gram_block(block: Indicators, other: Floats | Indicators, weights: Floats | None) -> Floats:
    """Return the cross-products of the columns of `block` with one column, or with those of another block."""
    rows = GroupSums(block.codes + 1, block.size + 1, weights)
    if not isinstance(other, Indicators):
        return rows.product(block.values, other)[1:, None]
    if other.codes is block.codes:  # a row is in one column of each, the same
        return np.diag(rows.product(block.values, other.values)[1:])
    return rows.indicator(block.values, other)[:, 1:].T


PART = 1 << 15
"""Rows that are worked on at once where a matrix of all would be a copy of the data."""

SHORT = 1 << 16
"""Number of codes up to which they are sorted as 16-bit integers, which NumPy sorts by counting."""


class Nest(NamedTuple):
    """A chain of nested factors, groups numbered so that those of one coarser group stand together.

    Attributes
    ----------
    groups : ndarray, (n,)
        Old code of each row in the finest factor.
    rank : ndarray or None
        New code of each old one in the finest factor; None where they are the same.
    sizes : tuple of int
        Number of groups of each factor, finest first.
    order : tuple of ndarray
        For each factor the old code of each new one.
    parents : tuple of ndarray
        For each factor but the last: the group of the next factor that holds each group.
    starts : tuple of ndarray
        For each factor but the last: the first group within each group of the next.
    """

    groups: Codes
    rank: Codes | None
    sizes: tuple[int, ...]
    order: tuple[Codes, ...]
    parents: tuple[Codes, ...]
    starts: tuple[Codes, ...]

    @property
    def codes(self) -> Codes:
        """New code of each row in the finest factor, made anew."""
        return self.groups if self.rank is None else self.rank[self.groups]

    def sums(self, weights: Floats | None = None) -> GroupSums:
        """Return sums over the groups of the finest factor in their new order; the rows keep their old codes."""
        return GroupSums(self.groups, self.sizes[0], weights, None if self.rank is None else self.order[0])


def nest(*groups: Codes) -> Nest:
    """Renumber the groups of nested factors, finest first, so that the groups of one parent are consecutive."""
    sizes = [int(codes.max()) + 1 for codes in groups]
    rank = np.arange(sizes[-1])  # new code of each old one
    order, parents, starts = [rank], [], []
    for codes, coarser, size, above in reversed(list(zip(groups, groups[1:], sizes, sizes[1:], strict=False))):
        held = np.empty(size, dtype=np.intp)  # the old code of the group that holds each: any of its rows says it
        held[codes] = coarser
        parent = rank[held]
        place = np.argsort(parent if above > SHORT else parent.astype(np.uint16), kind="stable")
        rank = np.empty(size, dtype=np.intp)
        rank[place] = np.arange(size)
        parent = parent[place]
        order.append(place)
        parents.append(parent)
        starts.append(np.flatnonzero(np.diff(parent, prepend=-1)))
    new = None if np.array_equal(rank, np.arange(sizes[0])) else rank
    return Nest(groups[0], new, tuple(sizes), tuple(order[::-1]), tuple(parents[::-1]), tuple(starts[::-1]))
