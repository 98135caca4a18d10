"""What a fit costs, before it runs: memory at its peak and the time of an evaluation.

Stage: design. Input: a `Plan` with its `Arrays`. Output: `Cost`. Invariants: nothing is fitted; memory is what comes on
top of the data, at most a third above what is measured where it is more than some tens of megabytes; time is that of
one core, within a factor of two or so.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from hdsl.design.columns import compress
from hdsl.design.order import Fill, measure_fill
from hdsl.form.expr import Num
from hdsl.plan import Arrays, Plan

__all__ = ["Cost", "cost", "machine_memory", "root_memory"]

NUMBER = 8.0
"""Bytes."""

PROBES = 18
"""Right-hand sides of the iterations, all in all: random signs, leading directions."""

KEPT, SOLVED = 4, 6
"""Copies of the right-hand sides over eliminated and other columns."""

PER_CELL, PER_PAIR, PER_ENTRY = 95.0, 46.0, 28.0
"""Bytes of a cell of two factors in the sparse matrices, of a pair of cells in a group, and of an entry that some pair
goes to."""

WIDE = 1.3
"""Times as much, where factors have several effects: their columns are taken apart."""

ROOTS = 5
"""Matrices of the size of the dense root."""

OF_CHAIN, OF_CELLS, OF_GRID = (4.0, 10.0), (4.0, 12.0), (3.0, 6.0)
"""Copies of what is eliminated, of its cross-products on cells, and of those without gaps: closed form, by rows."""

OF_DIRECTIONS = 3.2
"""Copies of the directions of average information, one for each parameter; half of what is eliminated stands beside."""

OF_DATA = 10
"""Numbers of a row for what a density has of data alone, as log y! has."""

SPARE = 1.08
"""What is kept free: parts that the rest does not count, and arrays between two uses."""

FLOPS, STEPS = 3e10, 12
"""Of LAPACK in a second on one core; iterations of an ordinary crossed design."""

PER_PRODUCT, PER_SCATTER, PER_COLUMN = 1.3e-9, 1e-8, 2e-8
"""Seconds of one cell and one right-hand side, of one pair of cells, and of one eliminated column and one beside it."""

PER_ROW, PER_EFFECT, OVERHEAD = 5.5e-8, 0.15, 1e-3
"""Seconds of a row and a pair of predictors in all steps of an evaluation, more of them for a further effect, and of
an evaluation of no rows."""

INNER = 2.5, 1.7
"""Eliminations, and factors of the dense root, of a search for modes and of derivatives there, in units of those of an
evaluation in closed form."""

PER_POINT, OF_POINT, POINTS_AT_ONCE = 2e-8, 32, 1 << 21
"""Seconds of a row at a node, its numbers in memory, and how many are looked at together."""

LABEL = 50.0
"""Bytes of a group's label and first row: 24 where it is a whole number, 80 where it is text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a fit is expected to need.

    Attributes
    ----------
    memory : float
        Bytes at the peak, on top of the data.
    seconds : float
        One evaluation, with its derivatives unless these are differences.
    cells : int
        Pairs of crossed groups that share a row; 0 where nothing is crossed.
    """

    memory: float
    seconds: float
    cells: int


def cost(plan: Plan, arrays: Arrays, nodes: int | None = None) -> Cost:
    """Return what a fit is expected to need.

    Parameters
    ----------
    plan : Plan
        With sizes.
    arrays : Arrays
    nodes : int or None
        Of quadrature, for each random effect; None without.
    """
    assert plan.sizes is not None
    widths = [term.width for term in plan.re_terms]
    columns = [width * size for width, size in zip(widths, plan.sizes.n_levels, strict=True)]
    memory = _rows(plan, arrays) + LABEL * sum(plan.sizes.n_levels)
    border = plan.sizes.p + 1
    if plan.crossing == "iterative":
        return _iterative(arrays, widths, columns, border, memory)
    by_rows = plan.density is not None and not plan.is_weighted
    eliminations, factors = INNER if by_rows else (1.0, 1.0)
    above = sum(widths[f] for f in plan.chain)
    chain, m = sum(columns[f] for f in plan.chain), sum(columns[f] for f in plan.dense)
    swept, directed = OF_CHAIN[by_rows] * (above + border), OF_DIRECTIONS * plan.n_theta
    memory += NUMBER * chain * max(swept, swept / 2.0 + directed)
    seconds = _row_seconds(plan, sum(widths)) + eliminations * PER_COLUMN * chain * (above + border)
    fill = measure_fill(arrays.groups, widths, plan.sizes.n_levels, plan.chain, plan.dense)
    if m:
        memory += root_memory(m + border) + _crossing_memory(plan, fill, by_rows=by_rows)
        pairs = PER_SCATTER * fill.pairs if plan.crossing == "sparse" else 2.0 * fill.flops / FLOPS
        seconds += factors * m**3 / FLOPS + eliminations * pairs
    if nodes is not None:
        points = quadrature_points(plan, nodes)
        memory += NUMBER * (OF_POINT + _of_data(plan)) * points / math.ceil(points / POINTS_AT_ONCE)
        seconds += PER_POINT * len(plan.chain) * points
    return Cost(memory=SPARE * memory, seconds=seconds, cells=fill.cells)


def quadrature_points(plan: Plan, nodes: int) -> int:
    """Return the rows times the nodes of all effects of a row."""
    assert plan.sizes is not None
    return int(plan.sizes.n * nodes ** sum(term.width for term in plan.re_terms))


def _row_seconds(plan: Plan, effects: int) -> float:
    """Return what an evaluation takes that passes over the rows; none in closed form."""
    assert plan.sizes is not None
    if plan.density is None:
        return 0.0
    k = len(plan.density.inputs)
    pairs = (k + k * (k + 1) // 2) / 2.0
    return OVERHEAD + PER_ROW * plan.sizes.n * pairs * (1.0 + PER_EFFECT * (effects - 1))


def _crossing_memory(plan: Plan, fill: Fill, *, by_rows: bool) -> float:
    """Return the bytes of cross-products of chain and dense factors, beside the dense root."""
    if plan.crossing == "sparse":
        entries = min(fill.stored, fill.columns**2 // 2)
        return PER_PAIR * fill.stored + PER_ENTRY * entries + NUMBER * OF_CELLS[by_rows] * fill.cells
    return OF_GRID[by_rows] * fill.bytes


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
    """Return the bytes of columns and codes of the rows, and of what is summed at once; densities need copies, too.

    What a density has of data alone is summed once, and leaves its memory to later arrays in part.
    """
    assert plan.sizes is not None
    own = 2 + len(arrays.x) + len(arrays.groups) + len(arrays.sets)
    if plan.density is not None:
        k = len(plan.density.inputs)
        own += 1 + len(arrays.x) + 2 * (k + k * (k + 1) // 2) + (3 if plan.is_weighted else 4) * k
        own += _of_data(plan)
    return NUMBER * plan.sizes.n * own


def _of_data(plan: Plan) -> int:
    """Return the numbers of a row for what its density has of data alone."""
    if plan.density is None or plan.is_weighted:
        return 0
    return OF_DATA if any(not isinstance(case.constant, Num) for case in plan.density.cases) else 0


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
    seconds = STEPS * PER_PRODUCT * products * (PROBES + border)
    return Cost(memory=SPARE * memory, seconds=seconds, cells=cells)
