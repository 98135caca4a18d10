"""What a fit costs, before it runs: memory at its peak and the time of an evaluation.

Stage: design. Input: a `Plan` with its `Arrays`. Output: `Cost`. Invariants: nothing is fitted; memory is what comes on
top of the data, within a third of what is measured where it is more than some tens of megabytes; time is that of one
core, within a factor of two or so.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from hdsl.design.columns import compress
from hdsl.design.order import measure_fill
from hdsl.plan import Arrays, Plan

__all__ = ["Cost", "cost", "machine_memory", "root_memory"]

NUMBER = 8.0
"""Bytes."""

PROBES = 18
"""Right-hand sides of the iterations, all in all: random signs, leading directions."""

KEPT, SOLVED = 4, 7
"""Copies of the right-hand sides over eliminated and other columns."""

PER_CELL, PER_PAIR = 100.0, 40.0
"""Bytes of a cell of two factors in the sparse matrices, and of a pair of cells in a group."""

WIDE = 2.5
"""Times as much, where factors have several effects: their columns are taken apart."""

ROOTS = 5
"""Matrices of the size of the dense root."""

FLOPS, STEPS = 3e10, 12
"""Of LAPACK in a second on one core; iterations of an ordinary crossed design."""

PER_PRODUCT, PER_SCATTER, PER_COLUMN = 1.3e-9, 1e-8, 2e-8
"""Seconds of one cell and one right-hand side, of one pair of cells, and of one eliminated column and one beside it."""

LABEL = 50.0
"""Bytes of a group's label and first row: 24 where it is a whole number, 80 where it is text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a fit is expected to need.

    Attributes
    ----------
    memory : float
        Bytes at the peak, on top of the data.
    seconds : float or None
        One evaluation with its derivatives; None where the rows decide.
    cells : int
        Pairs of crossed groups that share a row; 0 where nothing is crossed.
    """

    memory: float
    seconds: float | None
    cells: int


def cost(plan: Plan, arrays: Arrays) -> Cost:
    """Return what a fit is expected to need."""
    assert plan.sizes is not None
    widths = [term.width for term in plan.re_terms]
    columns = [width * size for width, size in zip(widths, plan.sizes.n_levels, strict=True)]
    memory = _rows(plan, arrays) + LABEL * sum(plan.sizes.n_levels)
    border = plan.sizes.p + 1
    if plan.crossing == "iterative":
        return _iterative(arrays, widths, columns, border, memory)
    above = sum(widths[f] for f in plan.chain)
    chain, m = sum(columns[f] for f in plan.chain), sum(columns[f] for f in plan.dense)
    memory += 4.0 * NUMBER * chain * (above + border)
    seconds = PER_COLUMN * chain * (above + border)
    if not m:
        return Cost(memory=memory, seconds=None if plan.density is not None else seconds, cells=0)
    fill = measure_fill(arrays.groups, widths, plan.sizes.n_levels, plan.chain, plan.dense)
    memory += root_memory(m + border)
    seconds += m**3 / FLOPS
    if plan.crossing == "sparse":
        memory += PER_PAIR * fill.pairs / 2.0 + NUMBER * 4.0 * fill.cells
        seconds += PER_SCATTER * fill.pairs
    else:
        memory += 3.0 * fill.bytes
        seconds += 2.0 * fill.flops / FLOPS
    return Cost(memory=memory, seconds=None if plan.density is not None else seconds, cells=fill.cells)


def root_memory(columns: int) -> float:
    """Return the bytes that a dense root takes in all."""
    return ROOTS * NUMBER * columns**2


def machine_memory() -> float:
    """Return the bytes of memory of this machine; infinite where it does not tell."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * float(os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return math.inf


def _rows(plan: Plan, arrays: Arrays) -> float:
    """Return the bytes of columns and codes of the rows, and of what is summed at once; densities need copies, too."""
    assert plan.sizes is not None
    own = 1 + len(arrays.x) + len(arrays.groups) + len(arrays.sets) + 1
    if plan.density is not None:
        k = len(plan.density.inputs)
        own += 1 + len(arrays.x) + 2 * (k + k * (k + 1) // 2) + 4 * k
    return NUMBER * plan.sizes.n * own


def _iterative(arrays: Arrays, widths: list[int], columns: list[int], border: int, memory: float) -> Cost:
    """Add what is solved by iterations."""
    counts = [int(codes.max()) + 1 for codes in arrays.groups]
    cells = products = 0
    for f, codes in enumerate(arrays.groups):
        for g in range(f):
            met = len(compress(codes * counts[g] + arrays.groups[g], counts[f] * counts[g])[1])
            cells, products = cells + met, products + met * widths[f] * widths[g]
    largest = max(columns)
    rest = sum(columns) - largest
    memory += NUMBER * (PROBES * (KEPT * largest + SOLVED * rest) + 4.0 * border * sum(columns))
    memory += PER_CELL * products * (WIDE if max(widths) > 1 else 1.0) + 2.0 * NUMBER * len(arrays.y)
    seconds = 2.0 * STEPS * PER_PRODUCT * products * (PROBES + border)
    return Cost(memory=memory, seconds=seconds, cells=cells)
