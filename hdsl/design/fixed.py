"""The fixed part on data: which columns it has, what they are called, which of them have no equation.

Stage: design. Input: a `Layout` and the values of its covariates. Output: `Fixed`. Invariants: unmodelled sets are
coded from left to right within each input of the density, and beside thresholds as beside an intercept; a set of
standard deviations, shapes or sizes keeps every level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.design.coding import FixedPart, SetCoding, code_sets, code_whole
from hdsl.design.layout import FixedTerm, Layout, in_predictor, sum_of_products
from hdsl.design.record import ScalarColumn
from hdsl.design.units import Units
from hdsl.diagnostics.record import Diagnostics
from hdsl.form.expr import show_symbol
from hdsl.form.model import CompositeModel

__all__ = ["Fixed", "code_fixed"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fixed:
    """The fixed part with its sets coded.

    Attributes
    ----------
    terms : tuple of FixedTerm
        Those that have columns.
    sets : tuple of SetCoding
    columns : tuple of ndarray, each (n,) intp
        For each set that has columns, the column of each row within it.
    labels, texts : tuple of str, length p
        Of each column its label and its term.
    scalars : tuple of ScalarColumn
    """

    terms: tuple[FixedTerm, ...]
    sets: tuple[SetCoding, ...]
    columns: tuple[NDArray[np.intp], ...]
    labels: tuple[str, ...]
    texts: tuple[str, ...]
    scalars: tuple[ScalarColumn, ...]


def code_fixed(
    form: CompositeModel, layout: Layout, x: Sequence[NDArray[np.float64]], units: Units, found: Diagnostics
) -> Fixed:
    """Return the columns of the fixed part; what was set to zero is noted (HM410)."""
    coded = _code_sets(form, layout, x, units)
    for coding, _ in coded:
        _note_zeroed(form, coding, found)
    kept = {coding.symbol: coding.kept for coding, _ in coded}
    terms = tuple(term for term in layout.fixed if kept.get(term.symbol) != ())
    names = [_column_labels(term, kept) for term in terms]
    owners = [term for term, labels in zip(terms, names, strict=True) for _ in labels]
    labels = tuple(label for labels in names for label in labels)
    return Fixed(
        terms=terms,
        sets=tuple(coding for coding, _ in coded),
        columns=tuple(_frozen(codes) for coding, codes in coded if coding.kept),
        labels=labels,
        texts=tuple(term.text for term in owners),
        scalars=tuple(
            ScalarColumn(name=label, role=term.role, column=column, inverse=term.inverse)
            for column, (label, term) in enumerate(zip(labels, owners, strict=True))
            if term.inverse is not None
        ),
    )


def _frozen(array: NDArray[np.intp]) -> NDArray[np.intp]:
    array.flags.writeable = False
    return array


def _code_sets(
    form: CompositeModel, layout: Layout, x: Sequence[NDArray[np.float64]], units: Units
) -> tuple[tuple[SetCoding, NDArray[np.intp]], ...]:
    if not any(term.unmodelled for term in layout.fixed):
        return ()
    linear = [term for term in layout.fixed if term.inverse is None]
    parts = [_part(term, layout, x, units.n) for term in linear]
    parts = [*(_thresholds(layout) if any(part.unmodelled for part in parts) else ()), *parts]
    whole = [term.unmodelled for term in layout.fixed if term.inverse is not None and term.unmodelled is not None]
    return (*code_sets(form, parts, units, units.n), *(code_whole(unmodelled, units) for unmodelled in whole))


def _thresholds(layout: Layout) -> list[FixedPart]:
    """Return what thresholds span of a predictor: a constant."""
    return [
        FixedPart(unmodelled=None, values={k: None})
        for k, input_ in enumerate(layout.inputs)
        if input_.threshold == "upper"
    ]


def _part(term: FixedTerm, layout: Layout, x: Sequence[NDArray[np.float64]], n: int) -> FixedPart:
    """Return the values of a term; below both thresholds of a category they are the same, and count once."""
    values: dict[int, NDArray[np.float64] | None] = {}
    for k, input_ in enumerate(layout.inputs):
        products = in_predictor(term.products, k)
        if products and input_.threshold != "lower":
            is_constant = all(not product.factors for product in products)
            values[k] = None if is_constant else sum_of_products(products, x, n)
    return FixedPart(unmodelled=term.unmodelled, values=values)


def _column_labels(term: FixedTerm, kept: Mapping[str, tuple[str, ...]]) -> list[str]:
    if term.unmodelled is None:
        return [term.symbol]
    return [f"{term.unmodelled.name}[{label}]" for label in kept[term.symbol]]


def _note_zeroed(form: CompositeModel, coding: SetCoding, found: Diagnostics) -> None:
    if not coding.zeroed:
        return
    span = next(s.span for s in form.sets if show_symbol(s.name, s.index_set) == coding.symbol)
    shown = ", ".join(f"`{label}`" for label in coding.zeroed[:6])
    more = f" and {len(coding.zeroed) - 6} more" if len(coding.zeroed) > 6 else ""
    found.note("HM410", f"`{coding.symbol}` is zero at {shown}{more}", span)
