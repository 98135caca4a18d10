"""Rows from sizes: how many units each index has, within those that it is nested in and across the others.

Stage: results. Input: a `CompositeModel` and a size for each index. Output: columns of labels, a row for each
observation. Invariants: an index that lies in others has so many units in each of theirs, with labels of their own;
indices of which none lies in the other are crossed in full; the rows are counted within the finest cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.form.model import CompositeModel, Index
from hdsl.results.simulation.refusals import lacking

__all__ = ["Size", "index_columns"]

Size: TypeAlias = int | Sequence[int]
"""Units in each parent unit: one number, or one for each parent unit in order."""

Codes = NDArray[np.intp]


def index_columns(form: CompositeModel, sizes: Mapping[str, Size]) -> dict[str, Codes]:
    """Return a column of labels 1, 2, .. for each index that has a size, by column name; with its number of rows.

    Parameters
    ----------
    form : CompositeModel
    sizes : mapping
        By the index's name or its column; the row index by its name or ``"rows"``, one row in each cell if left out.

    Returns
    -------
    dict
        ``""`` has the row numbers.

    Raises
    ------
    FitError
        HM515 for a size of no index, or one that is no size.
    """
    given = _by_index(form, sizes)
    columns: dict[str, Codes] = {}
    n_rows = 1
    for index in _coarse_first(form, [name for name in given if name != form.row]):
        parents = [other for other in columns if form.determines((index,), (other,))]
        repeats, labels = _expanded([columns[p] for p in parents], n_rows, given[index], index)
        columns = {name: column[repeats] for name, column in columns.items()} | {index: labels}
        n_rows = len(labels)
    repeats, rows = _expanded(list(columns.values()), n_rows, given.get(form.row, 1), form.row)
    named = {form.index(name).column or name: column[repeats] + 1 for name, column in columns.items()}
    return named | {"": rows}


def _by_index(form: CompositeModel, sizes: Mapping[str, Size]) -> dict[str, Size]:
    found: dict[str, Size] = {}
    for key, size in sizes.items():
        index = _index(form, key)
        if index is None:
            known = [name for i in form.indices for name in dict.fromkeys((i.name, i.column)) if name is not None]
            similar = near_names(key, known)
            todo = f"did you mean {one_of(similar)}?" if similar else f"write one of {', '.join(known)}"
            raise FitError([lacking(f"`sizes` has {key!r}, which is no index: {todo}", "size each index by its name")])
        found[index.name] = size
    return found


def _index(form: CompositeModel, key: str) -> Index | None:
    by_name = (index for index in form.indices if index.name == key or (index.is_row and key == "rows"))
    by_column = (index for index in form.indices if index.column == key)
    return next(by_name, None) or next(by_column, None)


def _coarse_first(form: CompositeModel, names: Sequence[str]) -> list[str]:
    """Order indices so that each comes after those that it lies in, else as they are."""
    n_above = {name: sum(form.determines((name,), (other,)) for other in names) for name in names}
    return sorted(names, key=lambda name: n_above[name])


def _expanded(parents: Sequence[Codes], n_rows: int, size: Size, name: str) -> tuple[Codes, Codes]:
    """Return for each new row the old one that it comes from, and its unit of the index that is added.

    Each cell of the parents has units of its own; rows of one cell that other indices tell apart share them.
    """
    cells = _cells(parents, n_rows)
    counts = _counts(size, int(cells.max(initial=-1)) + 1, name)
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    widths = counts[cells]
    repeats = np.repeat(np.arange(n_rows), widths)
    within = np.arange(len(repeats)) - np.repeat(np.cumsum(widths) - widths, widths)
    return repeats, (starts[cells][repeats] + within).astype(np.intp)


def _cells(parents: Sequence[Codes], n_rows: int) -> Codes:
    """Return the cell of each row, numbered in the order in which they are first met."""
    if not parents:
        return np.zeros(n_rows, dtype=np.intp)
    stacked = np.stack(parents, axis=1)
    _, first, inverse = np.unique(stacked, axis=0, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.ravel()]


def _counts(size: Size, n_cells: int, name: str) -> Codes:
    counts = np.asarray(size)
    if counts.dtype.kind not in "iu" or counts.ndim > 1 or (counts < 1).any():
        raise FitError(
            [lacking(f"the size of `{name}` is no whole number above 0: {size!r}", "write how many there are")]
        )
    if counts.ndim == 1 and len(counts) != n_cells:
        message = f"`{name}` has {len(counts)} sizes for {n_cells} units that it lies in: give one for each"
        raise FitError([lacking(message, "give one number for all, or one for each unit in order")])
    return np.broadcast_to(counts, n_cells).astype(np.intp)
