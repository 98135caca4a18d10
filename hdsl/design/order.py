"""The order of elimination: which grouping factors are a chain, and which are left to the dense factor.

Stage: design. Input: grouping factors with widths and group counts, and which lies in which. Output: positions of the
chain, finest first, and of the rest. Invariants: each factor of the chain is nested in the next; among all chains the
one taken leaves the fewest columns to the dense factor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.design.columns import Codes, compress
from hdsl.plan import Crossing

__all__ = ["MOST_DENSE", "MOST_EXACT", "Fill", "heaviest_chain", "iterative_parts", "measure_fill"]

MOST_DENSE = 12_000
"""Columns of the dense factor beyond which it is not factorised (a gigabyte a copy, a minute a step)."""

MOST_EXACT = 30_000
"""Columns beyond which it is not factorised where that is asked for, either (seven gigabytes a copy, an hour)."""

SMALL = 64
"""Columns of all small factors together, at most."""

_FLOPS_PER_SECOND = 4e10  # one core, matrix product
_SECONDS_PER_PAIR = 5e-9  # gather, multiply, scatter
_SPARSE_OVERHEAD = 1e-4  # seconds that the indexed path costs at least
_MOST_BYTES = 1e9


def heaviest_chain(weights: Sequence[int], is_nested: Callable[[int, int], bool]) -> tuple[int, ...]:
    """Return the chain of largest total weight, finest first.

    Parameters
    ----------
    weights : sequence of int
        Number of columns of each factor.
    is_nested : callable
        Whether the first factor's groups each lie in one group of the second; a strict partial order.
    """
    positions = range(len(weights))
    inside = [[a for a in positions if a != b and is_nested(a, b)] for b in positions]
    best: dict[int, tuple[int, tuple[int, ...]]] = {}
    for b in sorted(positions, key=lambda b: len(inside[b])):  # all that lie in b come before it
        below = max((best[a] for a in inside[b]), key=lambda item: item[0], default=(0, ()))
        best[b] = (below[0] + weights[b], (*below[1], b))
    return max(best.values(), key=lambda item: item[0], default=(0, ()))[1]


def iterative_parts(columns: Sequence[int]) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Return which factor is eliminated, which are left to iterations, and which are small: exact, in the border.

    Parameters
    ----------
    columns : sequence of int
        Of each factor.
    """
    by_size = sorted(range(len(columns)), key=lambda f: columns[f])
    small: list[int] = []
    for f in by_size[:-2]:  # two factors at least are large
        if sum(columns[k] for k in (*small, f)) <= SMALL:
            small.append(f)
    eliminated = by_size[-1]
    others = tuple(f for f in range(len(columns)) if f != eliminated and f not in small)
    return eliminated, others, tuple(sorted(small))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What the cross-products of chain and dense factors hold.

    Attributes
    ----------
    columns : int
        Columns of the dense factor.
    cells : int
        Pairs of a chain group and a dense group that share a row.
    possible : int
        Pairs that there could be.
    pairs : int
        Pairs of columns that share a chain group: the work of a sparse update.
    stored : int
        Pairs of different cells of a chain group, which a sparse update remembers.
    flops, bytes : float
        Work and memory of a dense update.
    """

    columns: int
    cells: int
    possible: int
    pairs: int
    stored: int
    flops: float
    bytes: float

    @property
    def crossing(self) -> Crossing:
        """How the cross-products are best stored."""
        if self.columns == 0:
            return "none"
        sparse = _SPARSE_OVERHEAD + self.pairs * _SECONDS_PER_PAIR
        return "dense" if self.flops / _FLOPS_PER_SECOND <= sparse and self.bytes <= _MOST_BYTES else "sparse"


def measure_fill(
    groups: Sequence[Codes], widths: Sequence[int], counts: Sequence[int], chain: Sequence[int], dense: Sequence[int]
) -> Fill:
    """Count the cells and pairs of chain groups with dense groups.

    Parameters
    ----------
    groups : sequence of ndarray, each (n,)
        Group codes of every factor.
    widths, counts : sequence of int
        Columns and groups of every factor.
    chain, dense : sequence of int
    """
    columns = sum(widths[d] * counts[d] for d in dense)
    cells = possible = pairs = stored = 0
    for c in chain:
        per_group = np.zeros(counts[c])
        for d in dense:
            _, used = compress(groups[c] * counts[d] + groups[d], counts[c] * counts[d])
            per_group += widths[d] * np.bincount(used // counts[d], minlength=counts[c])
            cells += len(used)
            possible += counts[c] * counts[d]
        within = int(np.square(per_group).sum())
        pairs, stored = pairs + widths[c] * within, stored + (within - int(per_group.sum())) // 2
    rows = sum(widths[c] * counts[c] for c in chain)
    return Fill(
        columns=columns,
        cells=cells,
        possible=possible,
        pairs=pairs,
        stored=stored,
        flops=2.0 * rows * columns**2,
        bytes=8.0 * rows * columns,
    )
