"""Balance: whether all groups have the same design, and what follows for the fit.

Stage: design. Input: a `Plan` with its `Arrays`. Output: sentences. Invariants: found in the data, at the cost of a
sort of the rows, and of none where the groups differ in size; what is said to follow holds for any outcome.

References
----------
Searle, Casella and McCulloch (1992), *Variance Components*, for balanced data; Zyskind (1967), Annals of Mathematical
Statistics 38, 1092-1109, for estimates by ordinary least squares that are those by generalised least squares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hdsl.form.expr import show_index_set
from hdsl.plan import Arrays, Column, FixedSet, Plan, Product

__all__ = ["explain_balance"]

ALIKE = 1e-10
"""Part of a column of Z, relative, that X leaves over where rounding alone does."""


def explain_balance(plan: Plan, arrays: Arrays) -> Iterator[str]:
    """Yield that nested groups have the same design, and what follows; nothing where they differ or are crossed.

    Parameters
    ----------
    plan : Plan
    arrays : Arrays
    """
    if not plan.chain or plan.dense:
        return
    rows = _first_group(plan, arrays)
    if rows is None:
        return
    names = [f"`{show_index_set(plan.re_terms[f].index_set)}`" for f in plan.chain]
    counts = [int(arrays.groups[f].max()) + 1 for f in plan.chain]
    same = f"all {counts[0]:,} groups of {names[0]} have the same design, {len(rows):,} rows each"
    holds = [
        f", and each of the {counts[k]:,} groups of {names[k]} holds {counts[k - 1] // counts[k]:,} of {names[k - 1]}"
        for k in range(1, len(counts))
    ]
    yield f"Balanced: {same}{''.join(holds)}."
    if plan.density is None and _within(_random(plan, arrays, rows), _fixed(plan, arrays, rows)):
        yield (
            "So the estimates of the fixed effects do not depend on the variances: they are those of ordinary least "
            "squares."
        )
        if _is_of_intercepts(plan):
            yield (
                "Restricted maximum likelihood gives the variances of an analysis of variance, where none of these is "
                "negative."
            )


def _is_of_intercepts(plan: Plan) -> bool:
    """Whether each factor has one intercept, with a standard deviation of its own."""
    constant = all(term.width == 1 and term.columns[0].is_constant for term in plan.re_terms)
    return constant and plan.n_theta == len(plan.re_terms)


def _first_group(plan: Plan, arrays: Arrays) -> NDArray[np.intp] | None:
    """Return the rows of one group of the finest factor, if those of all the others are the same; None if not."""
    codes = [arrays.groups[f] for f in plan.chain]
    for k, own in enumerate(codes):
        inside = own if k == 0 else own[_firsts(codes[k - 1])]
        members = np.bincount(inside)
        if int(members.min()) != int(members.max()):
            return None
    size = len(codes[0]) // (int(codes[0].max()) + 1)
    if size < 2:
        return None
    columns = [*arrays.x, *arrays.sets, *arrays.known, *(own for own in arrays.offsets if own is not None)]
    order = np.lexsort((*columns, codes[0]))
    if any(not _repeats(column[order].reshape(-1, size)) for column in columns):
        return None
    return order[:size]


def _firsts(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return a row of each group."""
    out = np.empty(int(codes.max()) + 1, dtype=np.intp)
    out[codes] = np.arange(len(codes))
    return out


def _repeats(values: NDArray[np.generic]) -> bool:
    """Whether all rows of a matrix are the same."""
    return bool(np.all(values == values[0]))


def _fixed(plan: Plan, arrays: Arrays, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return X at some rows; the indicators of a set without those columns that are zero there."""
    columns: list[NDArray[np.float64]] = []
    for item in plan.fixed:
        values = _values(item.products, arrays, rows)
        if isinstance(item, FixedSet):
            codes = arrays.sets[item.codes][rows]
            columns += [np.where(codes == code, values, 0.0) for code in np.unique(codes[codes >= 0])]
        else:
            columns.append(values)
    return np.array(columns).reshape(-1, len(rows)).T


def _random(plan: Plan, arrays: Arrays, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the columns of Z of all factors at the rows of one group."""
    items: list[Column] = [column for term in plan.re_terms for column in term.columns]
    return np.array([_values(item.products, arrays, rows) for item in items]).T


def _values(products: Sequence[Product], arrays: Arrays, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return a column at some rows."""
    total = np.zeros(len(rows))
    for product in products:
        total += product.scale * np.prod([arrays.x[f][rows] for f in product.factors], axis=0)
    return total


def _within(Z: NDArray[np.float64], X: NDArray[np.float64]) -> bool:
    """Whether every column of Z is a combination of the columns of X."""
    if not X.shape[1]:
        return False
    left = Z - X @ np.linalg.lstsq(X, Z, rcond=None)[0]
    return bool(np.all(np.abs(left) <= ALIKE * (1.0 + np.abs(Z).max())))
