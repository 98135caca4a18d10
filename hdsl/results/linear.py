"""The linear predictor of a fit, row by row, from its columns.

Stage: results. Input: `Plan`, `Arrays` and estimates. Output: vectors, a value for each row asked for. Invariants: a
column dropped for rank and a level set to zero add nothing; nothing here makes a model matrix.

For row i and predictor k: ``eta_ki = offset_ki + sum_c beta_c x_kic + sum_f sum_c b_f[g_f(i), c] z_kfic``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.plan import Arrays, Column, FixedSet, Plan, Product

__all__ = ["Rows", "column_members", "fixed_part", "fixed_starts", "product_sum", "random_part", "set_part"]

Rows: TypeAlias = NDArray[np.intp] | slice
"""Which rows: positions, or ``slice(None)`` for all."""

ALL: slice = slice(None)


def product_sum(
    products: Sequence[Product], arrays: Arrays, rows: Rows = ALL, predictor: int = 0
) -> NDArray[np.float64] | float:
    """Return the sum of those `products` that stand in `predictor`, at `rows`; a number where they are constants."""
    total: NDArray[np.float64] | float = 0.0
    for product in products:
        if product.predictor != predictor:
            continue
        value: NDArray[np.float64] | float = product.scale
        for factor in product.factors:
            value = value * arrays.x[factor][rows]
        total = total + value
    return total


def fixed_starts(plan: Plan) -> tuple[int, ...]:
    """Return for each member of `plan.fixed` its first column in X; a set has as many as it has kept levels."""
    widths = iter(plan.sizes.set_columns if plan.sizes is not None else ())
    starts, start = [], 0
    for column in plan.fixed:
        starts.append(start)
        start += next(widths) if isinstance(column, FixedSet) else 1
    return tuple(starts)


def set_part(values: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the coefficient of each row's level; zero for code -1, a level set to zero."""
    return np.append(values, 0.0)[codes]


def column_members(plan: Plan) -> tuple[int, ...]:
    """Return for each column of X the member of `plan.fixed` that it belongs to."""
    widths = iter(plan.sizes.set_columns if plan.sizes is not None else ())
    wide = (next(widths) if isinstance(column, FixedSet) else 1 for column in plan.fixed)
    return tuple(place for place, width in enumerate(wide) for _ in range(width))


def fixed_part(
    plan: Plan, arrays: Arrays, beta: NDArray[np.float64], rows: Rows = ALL, predictor: int = 0
) -> NDArray[np.float64]:
    """Return ``offset + X beta`` of a predictor at `rows`, with zero for a `beta` that is NaN (dropped for rank)."""
    known = np.where(np.isnan(beta), 0.0, beta)
    total = np.zeros(arrays.y[rows].shape)
    offset = arrays.offsets[predictor]
    if offset is not None:
        total += offset[rows]
    widths = iter(plan.sizes.set_columns if plan.sizes is not None else ())
    for column, start in zip(plan.fixed, fixed_starts(plan), strict=True):
        covariate = product_sum(column.products, arrays, rows, predictor)
        if isinstance(column, Column):
            total += known[start] * covariate
        else:
            levels = known[start : start + next(widths)]
            total += set_part(levels, arrays.sets[column.codes][rows]) * covariate
    return total


def random_part(
    plan: Plan,
    arrays: Arrays,
    modes: Sequence[NDArray[np.float64]],
    places: Collection[tuple[int, int]],
    rows: Rows = ALL,
    predictor: int = 0,
) -> NDArray[np.float64]:
    """Return the sum of ``z_kfc b_fc`` of a predictor over `places`, pairs of factor f and column c, at `rows`."""
    total = np.zeros(arrays.y[rows].shape)
    for factor, column in places:
        covariate = product_sum(plan.re_terms[factor].columns[column].products, arrays, rows, predictor)
        total += modes[factor][arrays.groups[factor][rows], column] * covariate
    return total
