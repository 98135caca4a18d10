"""Rows in blocks: sums over rows whose weights change from one iteration to the next.

Rows are sorted by the finest groups once. A block is small enough that what is computed on its rows stays in the
processor's cache. Columns of X are kept by channel: the predictors that they enter alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.runtime.rows import SHORT, Indicators

__all__ = [
    "ChannelColumns",
    "RowCase",
    "Scatter",
    "channel_columns",
    "n_columns",
    "positive_part",
    "row_blocks",
    "row_case",
    "row_order",
    "row_sum",
    "set_block",
    "set_diagonal",
]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]

BLOCK = 1 << 14
"""Rows of a block."""

SMALL_SET = 8
"""Levels of a set up to which its columns are kept as plain ones: their products take less time than sums by level."""

FEW = 12
"""Columns up to which cross-products of many rows are taken one row of them after the other."""

LONG = 1000
"""Rows from which they are."""


def row_blocks(n: int) -> list[slice]:
    """Return the rows of each block."""
    count = max(1, round(n / BLOCK))
    return [slice(n * k // count, n * (k + 1) // count) for k in range(count)]


def row_order(*codes: Codes) -> Codes:
    """Return the order of rows by the first codes, within those by the second, ..; stable."""
    key = codes[0]
    for other in codes[1:]:
        key = key * (int(other.max()) + 1) + other
    if np.all(key[1:] >= key[:-1]):
        return np.arange(len(key))
    return np.argsort(key.astype(np.uint16) if int(key.max()) < SHORT else key, kind="stable")


class Scatter:
    """Sums of rows into places, and values of places at rows; quick where rows are in an order of their places.

    The order is looked for once: each row its own place; the rows of a place together, all places with equally many or
    not; all places one after the other, again and again. Otherwise sums are taken by `numpy.bincount`.

    Parameters
    ----------
    codes : ndarray, (n,)
        Place of each row.
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.low = int(codes.min()) if len(codes) else 0
        self.high = int(codes.max()) + 1 if len(codes) else 0
        self.local = codes - self.low
        self.size = self.high - self.low
        self.starts = np.flatnonzero(np.diff(codes, prepend=-1))
        self.lengths = np.diff(self.starts, append=len(codes))
        self.order = self._order(len(codes))
        self.ones = np.ones(len(codes) // max(self.size, 1))

    def _order(self, n: int) -> str:
        """Return the order of the rows."""
        if len(self.starts) == self.size and bool(np.all(self.codes[1:] >= self.codes[:-1])):
            if n == self.size:
                return "own"
            return "equal runs" if self.lengths.min() == self.lengths.max() else "runs"
        is_cyclic = n % self.size == 0 and np.array_equal(self.local.reshape(-1, self.size)[0], np.arange(self.size))
        if is_cyclic and bool(np.all(self.local.reshape(-1, self.size) == self.local[: self.size])):
            return "cycles"
        return ""

    def add(self, out: Floats, values: Sequence[Floats]) -> None:
        """Add to each row of `out`, (k, places), the sums of each of the k `values`."""
        own, is_runs = out[:, self.low : self.high], self.order == "runs"
        for k, value in enumerate(values):
            own[k] += np.add.reduceat(value, self.starts) if is_runs else self.sums(value)

    def sums(self, values: Floats) -> Floats:
        """Return the sums of the places from `low` to `high`, of values (.., n)."""
        leading = values.shape[:-1]
        match self.order:
            case "own":
                return values
            case "equal runs":
                return np.asarray(values.reshape(*leading, self.size, len(self.ones)) @ self.ones)
            case "cycles":
                return np.asarray(self.ones @ values.reshape(*leading, len(self.ones), self.size))
            case "runs":
                return np.asarray(np.add.reduceat(values, self.starts, axis=-1))
        if leading:
            return np.array([self.sums(row) for row in values]).reshape(*leading, self.size)
        return np.asarray(np.bincount(self.local, values, minlength=self.size), dtype=float)

    def spread(self, values: Floats) -> Floats:
        """Return for each row the value of its place."""
        match self.order:
            case "own":
                return values[self.low : self.high]
            case "runs" | "equal runs":
                return np.repeat(values[self.low : self.high], self.lengths)
        return values.take(self.codes)


class RowCase(NamedTuple):
    """The rows of a block where one case of the density holds, and their data."""

    rows: Codes
    y: Floats
    known: tuple[Floats, ...]


class ChannelColumns(NamedTuple):
    """Columns of X in one channel: plain ones as rows of a matrix, and indicators of the levels of sets.

    Attributes
    ----------
    places : ndarray
        Position of each column in X, plain ones first.
    at : slice or ndarray
        The same as an index: a slice where columns stand together, which reads and writes without a copy.
    matrix : ndarray, (number of plain columns, n)
    sets : tuple of Indicators
    """

    places: Codes
    at: Codes | slice
    matrix: Floats
    sets: tuple[Indicators, ...]

    def rows(self, at: slice) -> ChannelColumns:
        """Return the columns at a block of rows."""
        sets = tuple(Indicators(s.codes[at], s.size, s.values[at]) for s in self.sets)
        return ChannelColumns(self.places, self.at, self.matrix[:, at], sets)

    def times(self, beta: Floats) -> Floats:
        """Return ``X beta`` for all coefficients beta, (n,)."""
        own = beta[self.at]
        at = len(self.matrix)
        total = own[:at] @ self.matrix
        for block in self.sets:
            per_code = np.append(own[at : at + block.size], 0.0)  # code -1 takes the last
            total += per_code[block.codes] * block.values
            at += block.size
        return np.asarray(total)

    def level(self, beta: Floats) -> float:
        """Return ``X beta`` of columns that are constant."""
        return float(beta[self.at] @ self.matrix[:, 0])

    def t_times(self, values: Floats) -> Floats:
        """Return ``X' values``."""
        plain = np.asarray(self.matrix @ values)
        return np.concatenate((plain, *(_set_sums(block, values) for block in self.sets))) if self.sets else plain

    def add_sums(self, out: Floats, groups: Scatter, values: Floats) -> None:
        """Add to `out`, (p, places), the sums of ``values`` times each column."""
        low, high = groups.low, groups.high
        at = len(self.matrix)
        out[self.places[:at] if self.sets else self.at, low:high] += groups.sums(self.matrix * values)
        for block in self.sets:
            joint = groups.local * (block.size + 1) + block.codes + 1
            sums = np.bincount(joint, values * block.values, minlength=(high - low) * (block.size + 1))
            out[self.places[at : at + block.size], low:high] += sums.reshape(high - low, -1)[:, 1:].T
            at += block.size

    def add_products(self, out: Floats, weights: Floats, other: ChannelColumns) -> None:
        """Add ``X' diag(weights) X`` of these columns with those of `other` to `out`, (p, p), and its mirror."""
        product = self._products(weights, other)
        if other is self and len(self.places) == len(out) and not self.sets:  # all columns, in their order
            out += product
            return
        out[self.places[:, None], other.places] += product
        if other is not self:
            out[other.places[:, None], self.places] += product.T

    def _products(self, weights: Floats, other: ChannelColumns) -> Floats:
        weighted = self.matrix * weights
        out = np.empty((len(self.places), len(other.places)))
        at, end = len(self.matrix), len(other.matrix)
        if other is self and at <= FEW and len(weights) >= LONG:
            for r, row in enumerate(weighted):
                out[r, r:at] = out[r:at, r] = self.matrix[r:] @ row
        else:
            out[:at, :end] = weighted @ other.matrix.T
        for block in self.sets:
            own = slice(at, at + block.size)
            values = block.values * weights
            for c, column in enumerate(other.matrix):
                out[own, c] = _set_sums(block, weights * column)
            to = end
            for second in other.sets:
                out[own, to : to + second.size] = _joint(block, second, values * second.values)
                to += second.size
            at += block.size
        to = end
        for second in other.sets:
            for r, row in enumerate(weighted):
                out[r, to : to + second.size] = _set_sums(second, row)
            to += second.size
        return out


def _set_sums(block: Indicators, values: Floats) -> Floats:
    """Return the sums of values over the rows of each level of a set, (size,)."""
    sums = np.bincount(block.codes + 1, block.values * values, minlength=block.size + 1)
    return np.asarray(sums[1:], dtype=float)


def _joint(block: Indicators, other: Indicators, values: Floats) -> Floats:
    """Return the sums of values by the codes of two sets, (size, size)."""
    width = other.size + 1
    joint = (block.codes + 1) * width + other.codes + 1
    sums = np.bincount(joint, values, minlength=(block.size + 1) * width).reshape(-1, width)
    return np.asarray(sums[1:, 1:], dtype=float)


def _indicator_columns(codes: Codes, size: int, values: Floats) -> list[Floats]:
    """Return the columns of a set one by one."""
    return [np.where(codes == level, values, 0.0) for level in range(size)]


Part: TypeAlias = tuple[int, Floats | Indicators]
"""The share of a column of X in one channel: the channel, and a column or the indicators of a set."""


def channel_columns(X: Sequence[Sequence[Part]], channel: int, order: Codes | slice) -> ChannelColumns:
    """Return the columns of X in one channel.

    Parameters
    ----------
    X : sequence of sequence of (channel, column or Indicators)
        For each item of X its parts.
    channel : int
    order : ndarray, (n,), or slice
        Order of the rows.
    """
    plain: list[Floats] = []
    sets: list[Indicators] = []
    plain_at: list[int] = []
    sets_at: list[int] = []
    at = 0
    for item in X:
        size = 1
        for own, block in item:
            if isinstance(block, Indicators):
                size = block.size
            if own != channel:
                continue
            if isinstance(block, Indicators) and block.size > SMALL_SET:
                sets.append(Indicators(block.codes[order], block.size, block.values[order]))
                sets_at += range(at, at + block.size)
            elif isinstance(block, Indicators):
                plain += _indicator_columns(block.codes[order], block.size, block.values[order])
                plain_at += range(at, at + block.size)
            else:
                plain.append(block[order])
                plain_at.append(at)
        at += size
    n = len(order) if isinstance(order, np.ndarray) else len(sets[0].codes) if sets else 0
    matrix = np.array(plain) if plain else np.zeros((0, n))
    places = plain_at + sets_at
    return ChannelColumns(np.array(places, dtype=np.intp), _index(places), matrix, tuple(sets))


def _index(places: Sequence[int]) -> Codes | slice:
    """Return an index of places: a slice where they follow each other."""
    if places and list(places) == list(range(places[0], places[0] + len(places))):
        return slice(places[0], places[-1] + 1)
    return np.array(places, dtype=np.intp)


def n_columns(X: Sequence[Sequence[Part]]) -> int:
    """Return the number of columns of X."""
    return sum(block.size if isinstance(block := item[0][1], Indicators) else 1 for item in X)


def row_case(holds: NDArray[np.bool_], y: Floats, known: Sequence[Floats]) -> RowCase:
    """Return the rows where a case holds."""
    rows = np.flatnonzero(holds)
    return RowCase(rows, y[rows], tuple(values[rows] for values in known))


def row_sum(values: Floats | float, m: Floats | None, rows: Codes) -> float:
    """Return the sum of values over rows, each as often as it stands in the data; `rows` are those of the values."""
    column = np.broadcast_to(np.asarray(values, dtype=float), len(rows))
    return float(column.sum() if m is None else column @ m[rows])


def set_diagonal(C: Floats, at: int, other: int, values: Floats) -> None:
    """Write values on the diagonals of the two blocks of a symmetric matrix that start at (at, other)."""
    step, flat = len(C) + 1, C.reshape(-1)
    for row, column in {(at, other), (other, at)}:
        start = row * len(C) + column
        flat[start : start + step * len(values) : step] = values


def set_block(C: Floats, rows: Codes, columns: Codes, values: Floats) -> None:
    """Write values at entries of a symmetric matrix and at their mirrors."""
    C[rows, columns] = values
    C[columns, rows] = values


def positive_part(weights: Sequence[Floats]) -> Sequence[Floats]:
    """Return weights whose matrix in each row is the nearest one that is positive semidefinite.

    Parameters
    ----------
    weights : sequence of ndarray, (n,)
        Upper triangle of the matrix, row after row.
    """
    if len(weights) == 1:
        return [np.maximum(weights[0], 0.0)]
    size = round((np.sqrt(8.0 * len(weights) + 1.0) - 1.0) / 2.0)
    rows, columns = np.triu_indices(size)
    W = np.empty((len(weights[0]), size, size))
    for r, c, weight in zip(rows, columns, weights, strict=True):
        W[:, r, c] = W[:, c, r] = weight
    w, U = np.linalg.eigh(W)
    W = (U * np.maximum(w, 0.0)[:, None]) @ U.transpose(0, 2, 1)
    return [W[:, r, c] for r, c in zip(rows, columns, strict=True)]
