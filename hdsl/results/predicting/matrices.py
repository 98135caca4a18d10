"""Rows of the model matrices: the fixed part dense, the random part sparse in uncorrelated effects.

Stage: results. Input: `Plan`, `Arrays` and the effects that are included. Output: for each predictor X, (n, p), and
Z R, (n, q) sparse, where ``b = R u`` and u has the identity as covariance, so that an effect without variance needs no
inverse. Invariants: effects of factor f stand group by group from `starts[f]` on; a row without a known group has none
of that factor's effects.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.fit.covariance import from_parts
from hdsl.plan import Arrays, Column, Plan
from hdsl.results.linear import fixed_starts, product_sum

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["covariances", "fixed_rows", "random_rows", "roots", "starts", "with_moved", "z_values"]

Floats = NDArray[np.float64]


def roots(outcome: FitOutcome) -> tuple[Floats, ...]:
    """Return for each grouping factor a root R of the covariance of its effects, ``R R'``; (width, width)."""
    return tuple(from_parts(sd, cor) for sd, cor in zip(outcome.sd, outcome.cor, strict=True))


def covariances(outcome: FitOutcome) -> tuple[Floats, ...]:
    """Return for each grouping factor the covariance of its effects; (width, width)."""
    return tuple(root @ root.T for root in roots(outcome))


def with_moved(design: Design, outcome: FitOutcome, entry: tuple[int, int, int], h: float) -> FitOutcome:
    """Return the outcome with a standard deviation or a correlation moved, and all that are the same parameter."""
    name = design.variance_names[entry]
    sd, cor = [own.copy() for own in outcome.sd], [own.copy() for own in outcome.cor]
    for factor, row, column in (own for own, other in design.variance_names.items() if other == name):
        if row == column:
            sd[factor][row] += h
        else:
            cor[factor][row, column] += h
            cor[factor][column, row] += h
    return replace(outcome, sd=tuple(sd), cor=tuple(cor))


def starts(plan: Plan, n_levels: Sequence[int]) -> NDArray[np.intp]:
    """Return where the effects of each factor start among all, and how many there are in all, q, last."""
    sizes = [term.width * count for term, count in zip(plan.re_terms, n_levels, strict=True)]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)


def fixed_rows(plan: Plan, arrays: Arrays, rows: slice, predictor: int) -> Floats:
    """Return rows of X of a predictor, (m, p)."""
    n_columns = plan.sizes.p if plan.sizes is not None else len(plan.fixed)
    count = len(arrays.y[rows])
    X = np.zeros((count, n_columns))
    for column, start in zip(plan.fixed, fixed_starts(plan), strict=True):
        values = product_sum(column.products, arrays, rows, predictor)
        if isinstance(column, Column):
            X[:, start] = values
            continue
        codes = arrays.sets[column.codes][rows]
        held = np.flatnonzero(codes >= 0)
        X[held, start + codes[held]] = np.broadcast_to(values, count)[held]
    return X


def z_values(
    plan: Plan, arrays: Arrays, factor: int, places: Collection[tuple[int, int]], rows: slice, predictor: int
) -> Floats:
    """Return the covariates of a factor's effects, zero for those that are not among `places`; (m, width)."""
    count = len(arrays.y[rows])
    z = np.zeros((count, plan.re_terms[factor].width))
    for column, effect in enumerate(plan.re_terms[factor].columns):
        if (factor, column) in places:
            z[:, column] = product_sum(effect.products, arrays, rows, predictor)
    return z


def random_rows(
    plan: Plan,
    arrays: Arrays,
    outcome: FitOutcome,
    places: Collection[tuple[int, int]],
    rows: slice,
    predictor: int,
) -> csr_array[Any, Any]:
    """Return rows of Z R of a predictor for the effects among `places` in the groups of the fit; (m, q), sparse."""
    from scipy.sparse import csr_array

    begins = starts(plan, n_levels := [len(modes) for modes in outcome.modes])
    found: list[tuple[Floats, NDArray[np.intp], NDArray[np.intp]]] = []
    for factor, root in enumerate(roots(outcome)):
        codes = arrays.groups[factor][rows]
        held = np.flatnonzero((codes >= 0) & (codes < n_levels[factor]))
        z = z_values(plan, arrays, factor, places, rows, predictor)[held] @ root
        width = plan.re_terms[factor].width
        columns = begins[factor] + codes[held, None] * width + np.arange(width)
        found.append((z.ravel(), np.repeat(held, width), columns.ravel()))
    if not found:
        return csr_array((len(arrays.y[rows]), 0))
    values, at, columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
    matrix = csr_array((values, (at, columns)), shape=(len(arrays.y[rows]), int(begins[-1])))
    matrix.eliminate_zeros()
    return matrix
