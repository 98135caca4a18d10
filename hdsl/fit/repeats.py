"""Rows that are equal in everything that the density and the predictors read, found once and counted.

Input: arrays. Output: arrays with each such row once, and how often it stands in the data. The log-likelihood is the
same sum, so that nothing outside shows it; it is done where it saves work. Rows are compared bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hdsl.fit.standardise import Codes, Floats
from hdsl.plan import Arrays

__all__ = ["Repeats", "arrays_at", "without_repeats"]

FEWEST = 2000
"""Rows below which the search for repeats costs what it saves."""

SAMPLE = 1000
"""Rows that are looked at first."""

SAVING = 0.7
"""Share of the rows that may be left for it to be worth it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Arrays without repeats.

    Attributes
    ----------
    arrays : Arrays
    times : ndarray, (rows left,)
        How often each row stands in the data.
    place : ndarray, (n,)
        The row left that is equal to each row of the data.
    """

    arrays: Arrays
    times: Floats
    place: Codes


def without_repeats(arrays: Arrays) -> Repeats | None:
    """Return the arrays with each row once, or None where that does not save work."""
    n = len(arrays.y)
    if n < FEWEST:
        return None
    sample = _sample(arrays)
    if len(np.unique(_keys(arrays_at(arrays, sample)))) > SAVING * len(sample):
        return None
    _, rows, place, times = np.unique(_keys(arrays), return_index=True, return_inverse=True, return_counts=True)
    if len(rows) > SAVING * n:
        return None
    same = rows[place]
    if not all(np.array_equal(column[same], column) for column in _columns(arrays)):
        return None  # two different rows of one key
    return Repeats(arrays=arrays_at(arrays, rows), times=times.astype(float), place=place)


def _sample(arrays: Arrays) -> Codes:
    """Return the rows of some groups of the factor with most groups: equal rows are in the same one."""
    n = len(arrays.y)
    sizes = [int(codes.max()) + 1 for codes in arrays.groups]
    if not sizes:
        return np.arange(min(n, 4 * SAMPLE))
    finest = int(np.argmax(sizes))
    return np.flatnonzero(arrays.groups[finest] < max(1, SAMPLE * sizes[finest] // n))


def _keys(arrays: Arrays) -> NDArray[np.uint64]:
    """Return a number for each row, the same for equal rows."""
    keys = np.zeros(len(arrays.y), dtype=np.uint64)
    for column in _columns(arrays):
        keys ^= column
        keys *= np.uint64(0x9E3779B97F4A7C15)  # odd, so that nothing is lost
        keys ^= keys >> np.uint64(29)
    return keys


def _columns(arrays: Arrays) -> Iterator[NDArray[np.uint64]]:
    """Yield all data of a row as bits."""
    floats = (arrays.y, *arrays.x, *(o for o in arrays.offsets if o is not None), *arrays.known)
    for values in floats:
        yield np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    for codes in (*arrays.groups, *arrays.sets):
        yield codes.astype(np.int64).view(np.uint64)


def arrays_at(arrays: Arrays, rows: Codes) -> Arrays:
    """Return the arrays at some rows."""
    return replace(
        arrays,
        y=arrays.y[rows],
        x=tuple(x[rows] for x in arrays.x),
        groups=tuple(codes[rows] for codes in arrays.groups),
        sets=tuple(codes[rows] for codes in arrays.sets),
        offsets=tuple(None if values is None else values[rows] for values in arrays.offsets),
        known=tuple(values[rows] for values in arrays.known),
    )
