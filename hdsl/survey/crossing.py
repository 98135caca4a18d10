"""Levels that are crossed: which cells occur, into how many parts the groups fall, how many groups move.

Stage: survey. Input: a `Structure` and two levels. Output: `Crossing`. Invariant: a row without a value of either
counts for neither.
"""

from __future__ import annotations

import numpy as np

from hdsl.design.units import show_unit
from hdsl.survey.record import Columns, Crossing
from hdsl.survey.structure import Structure

__all__ = ["crossings"]


def crossings(structure: Structure, levels: list[Columns]) -> tuple[Crossing, ...]:
    """Return every pair of levels of which neither lies in the other; `levels` are finest first."""
    return tuple(
        _cross(structure, first, second)
        for place, first in enumerate(levels)
        for second in levels[place + 1 :]
        if not set(second) <= set(first)
        and not structure.lies_in(first, second)
        and not structure.lies_in(second, first)
    )


def _cross(structure: Structure, first: Columns, second: Columns) -> Crossing:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = structure.codes(first), structure.codes(second)
    held = (a >= 0) & (b >= 0)
    n_first, n_second = structure.units.count(first), structure.units.count(second)
    cells = np.unique(a[held] * n_second + b[held])
    left, right = np.divmod(cells, n_second)
    size = n_first + n_second
    graph = coo_array((np.ones(len(cells), dtype=np.int8), (left, n_first + right)), shape=(size, size))
    met = np.unique(np.concatenate([left, n_first + right]))
    components = np.unique(connected_components(graph, directed=False)[1][met])
    places = np.bincount(left, minlength=n_first)
    movers = np.flatnonzero(places > 1)
    example = ""
    if len(movers):
        label = show_unit(structure.units.label(first, int(movers[0])))
        where = [show_unit(structure.units.label(second, int(k))) for k in right[left == movers[0]][:2]]
        example = f"{label} lies in {where[0]} and {where[1]}"
    return Crossing(
        first=first,
        second=second,
        cells=len(cells),
        possible=n_first * n_second,
        components=len(components),
        movers=len(movers),
        n_first=n_first,
        example=example,
    )
