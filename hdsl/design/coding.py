"""How labels become columns: what was learned from data, and which levels of unmodelled sets are set to zero.

Stage: design. Input: the fixed terms in composite order with their values, and the units of the rows. Output: `Coding`
and for each set the column of every unit. Invariants: an explicit reference is always zero; the rest is decided from
left to right by one rank computation, which gives treatment coding beside an intercept, one level for each parent of a
nested set and nothing where nothing is confounded; a `Coding` is plain data that goes into JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hdsl.design.evaluate import Evaluator
from hdsl.design.rank import Indicators, Vector, gram, independent
from hdsl.design.units import Units, show_unit
from hdsl.diagnostics.record import Diagnostics, FitError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.form.expr import Aggregate, IndexSet, show_symbol
from hdsl.form.labels import Labels, UnitLabel
from hdsl.form.model import CompositeModel, UnmodelledSet

__all__ = [
    "AggregateCoding",
    "Coding",
    "FixedPart",
    "SetCoding",
    "check_references",
    "code_sets",
    "code_whole",
    "learn",
]

_MOST_COLUMNS = 8000
"""Columns of unmodelled sets that a dense rank computation can take (two matrices of half a gigabyte)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCoding:
    """An unmodelled set: the units that were seen, and for each its column or None where it was set to zero."""

    symbol: str
    index_set: IndexSet
    labels: Labels[UnitLabel]
    columns: tuple[int | None, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Labels that have a column, as they print, in order."""
        return tuple(
            show_unit(label) for label, column in zip(self.labels, self.columns, strict=True) if column is not None
        )

    @property
    def zeroed(self) -> tuple[str, ...]:
        """Labels that were set to zero, as they print."""
        return tuple(
            show_unit(label) for label, column in zip(self.labels, self.columns, strict=True) if column is None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateCoding:
    """The values of one aggregate for each unit of `node.by`; None does not exist."""

    node: Aggregate
    labels: Labels[UnitLabel]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """What a fit learned from its data, so that new data are coded alike.

    Attributes
    ----------
    columns : dict of str to str
        Column of each index.
    levels : dict of str to Labels
        Labels of each index that the rows used have, in order.
    sets : tuple of SetCoding
    aggregates : tuple of AggregateCoding
    texts : dict of str to Labels
        Labels, in order, of the columns of text that covariates are made of.
    categories : tuple of str
        Categories of an ordinal outcome, in order; the outcome is coded 0, 1, ..
    """

    columns: dict[str, str]
    levels: dict[str, Labels[str]]
    sets: tuple[SetCoding, ...]
    aggregates: tuple[AggregateCoding, ...]
    texts: dict[str, Labels[str]] = field(default_factory=dict)
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FixedPart:
    """A fixed term: the set that it is, if it is one, and its values in each input of the density where it stands.

    Values are the sum of the products of its covariates, None for 1.
    """

    unmodelled: UnmodelledSet | None
    values: Mapping[int, NDArray[np.float64] | None]


def check_references(form: CompositeModel, units: Units, found: Diagnostics) -> None:
    """Report every explicit reference that is no label of its index (HM412)."""
    for unmodelled in form.sets:
        for name, reference in zip(unmodelled.index_set, unmodelled.references, strict=False):
            labels = units.label_columns((name,))[0]
            if reference not in labels:
                _report_reference(form, unmodelled, name, reference, labels, found)


def _report_reference(
    form: CompositeModel,
    unmodelled: UnmodelledSet,
    name: str,
    reference: str,
    labels: Sequence[str],
    found: Diagnostics,
) -> None:
    similar = near_names(reference, labels)
    todo = f"did you mean {one_of(similar)}?" if similar else "take one of its labels"
    shown = ", ".join(f"`{label}`" for label in labels[:8]) + (", .." if len(labels) > 8 else "")
    found.error(
        "HM412",
        f'`{form.index(name).column}` has no label "{reference}" for `ref`: {todo}',
        unmodelled.span,
        help=f'write `ref = "{similar[0]}"`' if similar else "labels are written as they print, in double quotes",
        notes=[f"its labels in the rows used are {shown}"],
    )


def code_sets(
    form: CompositeModel, parts: Sequence[FixedPart], units: Units, n: int
) -> tuple[tuple[SetCoding, NDArray[np.intp]], ...]:
    """Decide which units of each unmodelled set have a column.

    Parameters
    ----------
    form : CompositeModel
    parts : sequence of FixedPart
        Fixed terms in composite order.
    units : Units
        Of the rows used.
    n : int
        Number of rows.

    Returns
    -------
    tuple of (SetCoding, ndarray)
        For each set in order its coding and for each row its column, or -1.

    Raises
    ------
    FitError
        HM509, when the sets have too many levels to be fixed.
    """
    while parts and parts[-1].unmodelled is None:
        parts = parts[:-1]  # what follows the last set cannot decide about any
    if not parts:
        return ()
    _refuse_too_many(form, [part.unmodelled for part in parts if part.unmodelled is not None], len(parts), units)
    references = _references(form, units)
    orders = [None if part.unmodelled is None else _order(part.unmodelled, units, references) for part in parts]
    matrix, scale = _gram(parts, units, n)
    kept = _kept(matrix, scale, parts, orders, units)
    codings = []
    start = 0
    for part, order in zip(parts, orders, strict=True):
        width = 1 if order is None else len(order)
        if part.unmodelled is not None:
            codings.append(_coding(part.unmodelled, kept[start : start + width], units))
        start += width
    return tuple(codings)


def code_whole(unmodelled: UnmodelledSet, units: Units) -> tuple[SetCoding, NDArray[np.intp]]:
    """Return the coding of a set of which every unit has a column: a standard deviation, a shape or a size."""
    return _coding(unmodelled, np.ones(units.count(unmodelled.index_set), dtype=bool), units)


def _refuse_too_many(form: CompositeModel, sets: Sequence[UnmodelledSet], others: int, units: Units) -> None:
    total = others - len(sets) + sum(units.count(unmodelled.index_set) for unmodelled in sets)
    if total > _MOST_COLUMNS:
        found = Diagnostics(form.source)
        largest = max(sets, key=lambda s: units.count(s.index_set))
        symbol = show_symbol(largest.name, largest.index_set)
        message = f"`{symbol}` has {units.count(largest.index_set):,} levels, too many to be fixed: let them vary"
        found.error("HM509", message, largest.span, help=f"let them vary: `{symbol} ~ normal(0, sd_{largest.name})`")
        raise FitError(found.sorted())


def _gram(parts: Sequence[FixedPart], units: Units, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cross-products and lengths to judge by of the columns in all inputs, one below the other."""
    widths = [1 if part.unmodelled is None else units.count(part.unmodelled.index_set) for part in parts]
    starts = np.cumsum([0, *widths])
    matrix, scale = np.zeros((starts[-1], starts[-1])), np.zeros(starts[-1])
    for k in sorted({k for part in parts for k in part.values}):
        held = [position for position, part in enumerate(parts) if k in part.values]
        places = np.concatenate([np.arange(starts[position], starts[position + 1]) for position in held])
        own, lengths = gram([_in_input(parts[position], k, units, n) for position in held], n)
        matrix[np.ix_(places, places)] += own
        scale[places] += lengths
    return matrix, scale


def _in_input(part: FixedPart, k: int, units: Units, n: int) -> Vector | Indicators:
    """Return the columns of a part in one input; a constant of several inputs is no intercept of any."""
    values = part.values[k]
    if part.unmodelled is None:
        return Vector(values=np.ones(n) if values is None and len(part.values) > 1 else values)
    index_set = part.unmodelled.index_set
    return Indicators(codes=units.codes(index_set), values=values, width=units.count(index_set))


def _references(form: CompositeModel, units: Units) -> dict[str, str]:
    """Return the reference label of every index: that of a set over it alone, else its first label."""
    found: dict[str, str] = {}
    for unmodelled in form.sets:
        if len(unmodelled.index_set) == 1 and unmodelled.references:
            found.setdefault(unmodelled.index_set[0], unmodelled.references[0])
    for name in dict.fromkeys(name for unmodelled in form.sets for name in unmodelled.index_set):
        found.setdefault(name, show_unit(units.label((name,), 0)))
    return found


def _own_references(unmodelled: UnmodelledSet, references: Mapping[str, str]) -> list[str]:
    return list(unmodelled.references) or [references[name] for name in unmodelled.index_set]


def _order(unmodelled: UnmodelledSet, units: Units, references: Mapping[str, str]) -> NDArray[np.intp]:
    """Return the units in the order in which their columns are tried.

    Cells without a reference label go first, and among equals the last label: so what is spanned in the end is the cell
    with a reference, or the first level of a parent.
    """
    has_reference = np.zeros(units.count(unmodelled.index_set), dtype=bool)
    for labels, reference in zip(
        units.label_columns(unmodelled.index_set), _own_references(unmodelled, references), strict=True
    ):
        has_reference |= np.array([label == reference for label in labels], dtype=bool)
    places = np.arange(len(has_reference))
    return np.lexsort((-places, has_reference))


def _always_zero(unmodelled: UnmodelledSet, units: Units) -> NDArray[np.bool_]:
    """Return the unit that an explicit reference names."""
    zero = np.full(units.count(unmodelled.index_set), bool(unmodelled.references))
    for labels, reference in zip(units.label_columns(unmodelled.index_set), unmodelled.references, strict=False):
        zero &= np.array([label == reference for label in labels], dtype=bool)
    return zero


def _kept(
    matrix: NDArray[np.float64],
    scale: NDArray[np.float64],
    parts: Sequence[FixedPart],
    orders: Sequence[NDArray[np.intp] | None],
    units: Units,
) -> NDArray[np.bool_]:
    """Return for each column of `matrix` whether it is kept."""
    order, candidates = [], []
    start = 0
    for part, within in zip(parts, orders, strict=True):
        places = np.zeros(1, dtype=np.intp) if within is None else within
        order.append(start + places)
        zero = np.zeros(1, dtype=bool) if part.unmodelled is None else _always_zero(part.unmodelled, units)
        candidates.append(~zero[places])
        start += len(places)
    permutation = np.concatenate(order)
    flags = independent(matrix[np.ix_(permutation, permutation)], scale[permutation], np.concatenate(candidates))
    kept = np.zeros(len(permutation), dtype=bool)
    kept[permutation] = flags
    return kept


def _coding(unmodelled: UnmodelledSet, kept: NDArray[np.bool_], units: Units) -> tuple[SetCoding, NDArray[np.intp]]:
    columns = np.where(kept, np.cumsum(kept) - 1, -1)
    coding = SetCoding(
        symbol=show_symbol(unmodelled.name, unmodelled.index_set),
        index_set=unmodelled.index_set,
        labels=units.labels(unmodelled.index_set),
        columns=tuple(column if column >= 0 else None for column in columns.tolist()),
    )
    return coding, columns[units.codes(unmodelled.index_set)].astype(np.intp)


def learn(
    form: CompositeModel,
    evaluator: Evaluator,
    units: Units,
    sets: tuple[SetCoding, ...],
    categories: tuple[str, ...] = (),
) -> Coding:
    """Return what new data will be coded by: `evaluator` is of all rows, `units` of those used."""
    indices = [index for index in form.indices if index.column is not None]
    columns = {data.column: evaluator.columns[data.column] for data in form.data}
    return Coding(
        columns={index.name: index.column for index in indices if index.column is not None},
        levels={index.name: units.label_columns((index.name,))[0] for index in indices},
        sets=sets,
        aggregates=tuple(_learn_aggregate(node, evaluator) for node in evaluator.aggregates),
        texts={name: values.labels for name, values in columns.items() if values.codes is not None},
        categories=categories,
    )


def _learn_aggregate(node: Aggregate, evaluator: Evaluator) -> AggregateCoding:
    value = evaluator.aggregates[node]
    missing = value.missing if value.missing is not None else np.zeros(len(value.values), dtype=bool)
    values = [None if gone else number for number, gone in zip(value.values.tolist(), missing.tolist(), strict=True)]
    return AggregateCoding(node=node, labels=evaluator.units.labels(node.by), values=tuple(values))
