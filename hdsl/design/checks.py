"""What a data set must satisfy before anything is computed: columns, nestings, constancy.

Stage: design. Input: the composite model, the table, its columns and units. Output: diagnostics; each check adds all
that it finds. Invariants: every message that concerns a statement points at it and gives an example from the data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import ColumnValues, number_label
from hdsl.design.tables import Table
from hdsl.design.units import Units, show_unit
from hdsl.diagnostics.record import Diagnostics, Label
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.model import CompositeModel, DataColumn, Nesting
from hdsl.source import Span

__all__ = [
    "check_columns",
    "check_constant",
    "check_indices",
    "check_names",
    "check_nestings",
    "check_shared_labels",
    "varying_pair",
]

_SHOWN = 12  # columns that a message lists

_CONSTANT = 1e-12
"""Relative difference up to which two values of a coarser covariate are one: the last digits of a computed mean."""


def check_columns(form: CompositeModel, table: Table, found: Diagnostics, only: Collection[str] | None = None) -> None:
    """Report every column that the model uses (of those in `only`, if given) and the data do not have (HM401)."""
    wanted: dict[str, tuple[str, str, Span | None]] = {}
    for index in form.indices:
        if index.column is not None:
            declaration = f'index {index.name} = ".."'
            wanted.setdefault(index.column, (f"index `{index.name}`", declaration, index.span))
    for column in form.data:
        symbol = show_symbol(column.name, column.index_set)
        place = column.spans[0] if column.spans else None
        wanted.setdefault(column.column, (f"`{symbol}`", f'data {symbol} = ".."', place))
    columns = ", ".join(f"`{name}`" for name in table.names[:_SHOWN])
    more = f" and {len(table.names) - _SHOWN} more" if len(table.names) > _SHOWN else ""
    for name, (use, declaration, span) in wanted.items():
        if name not in table and (only is None or name in only):
            similar = near_names(name, table.names)
            otherwise = f"add the column, or say which one it is: `{declaration}`"
            todo = f"did you mean {one_of(similar)}?" if similar else "add it"
            help_text = (
                f'rename it, or write `{declaration.partition(" = ")[0]} = "{similar[0]}"`' if similar else otherwise
            )
            message = f"the data have no column `{name}` for {use}: {todo}"
            found.error("HM401", message, span, help=help_text, notes=[f"the columns are {columns}{more}"])


def check_indices(form: CompositeModel, columns: Mapping[str, ColumnValues], found: Diagnostics) -> None:
    """Report index columns with infinite values (HM416), and warn of those that hold fractions (HM419)."""
    for index in form.indices:
        values = None if index.column is None else columns[index.column].numbers
        if values is None or values.dtype.kind != "f":
            continue
        infinite = np.isinf(values)
        if infinite.any():
            message = (
                f"the index column `{index.column}` is infinite in row {int(np.argmax(infinite)) + 1}: make it missing"
            )
            found.error("HM416", message, index.span, help="make it missing, or give its label")
            continue
        fractions = np.flatnonzero((values != np.floor(values)) & ~np.isnan(values))
        if len(fractions):
            row = int(fractions[0])
            found.warning(
                "HM419",
                f"the index column `{index.column}` holds fractions: each number is a group of its own",
                index.span,
                notes=[f"row {row + 1} is in the group `{number_label(float(values[row]))}` of `{index.name}`"],
                help=f"write `{index.column}[{form.row}]` if it is a measurement",
            )


def check_nestings(form: CompositeModel, units: Units, found: Diagnostics) -> None:
    """Report every nesting that the model declares or needs and the data contradict (HM403)."""
    indices = {index.name for index in form.indices}
    for nesting in form.nestings:
        if not {*nesting.finer, *nesting.coarser} <= indices or units.is_rows(nesting.finer):
            continue
        rows = units.violations(nesting.finer, nesting.coarser)
        if len(rows):
            _report_nesting(form, nesting, units, int(rows[0]), found)


def _report_nesting(form: CompositeModel, nesting: Nesting, units: Units, row: int, found: Diagnostics) -> None:
    finer, coarser = show_index_set(nesting.finer), show_index_set(nesting.coarser)
    unit = int(units.codes(nesting.finer)[row])
    inner, outer = units.codes(nesting.finer), units.codes(nesting.coarser)
    places = np.unique(outer[(inner == unit) & (outer >= 0)])[:2]
    first, second = (show_unit(units.label(nesting.coarser, int(place))) for place in places)
    label = show_unit(units.label(nesting.finer, unit))
    columns = _column_names(form, nesting.finer), _column_names(form, nesting.coarser)
    reason = f"; {nesting.reason}" if nesting.reason else ""
    joint = ",".join(dict.fromkeys((*nesting.finer, *nesting.coarser)))
    found.error(
        "HM403",
        f"`{finer}` is not nested in `{coarser}` in the data: index by `[{joint}]`, or relabel",
        nesting.span,
        label=f"{columns[0]} {label} lies in {columns[1]} {first} and {second}",
        notes=[f"{columns[0]} `{label}` lies in {columns[1]} `{first}` and in {columns[1]} `{second}`{reason}"],
        help=f"write `[{joint}]`, and no `in`, if labels of {columns[0]} repeat in each {columns[1]}; "
        "or give each its own label",
    )


def _column_names(form: CompositeModel, index_set: IndexSet) -> str:
    return ",".join(form.index(name).column or "row" for name in index_set)


def check_constant(form: CompositeModel, columns: Mapping[str, ColumnValues], units: Units, found: Diagnostics) -> None:
    """Report every covariate that varies within the units of its index set (HM402)."""
    for data in form.data:
        if units.is_rows(data.index_set) or data.column not in columns:
            continue
        pair = varying_pair(columns[data.column], units, data.index_set)
        if pair is not None:
            _report_varying(data, columns[data.column], units, pair, found)


def varying_pair(column: ColumnValues, units: Units, index_set: IndexSet) -> tuple[int, int] | None:
    """Return two rows of one unit with different values, or None where each unit has one value."""
    codes = units.codes(index_set)
    missing = column.missing
    held = codes >= 0 if missing is None else (codes >= 0) & ~missing
    rows = np.flatnonzero(held)
    first = np.zeros(units.count(index_set), dtype=np.intp)
    first[codes[rows[::-1]]] = rows[::-1]
    representative = first[codes]
    differing = np.flatnonzero(held & _differ(column, representative))
    return (int(representative[differing[0]]), int(differing[0])) if len(differing) else None


def _differ(column: ColumnValues, representative: NDArray[np.intp]) -> NDArray[np.bool_]:
    values = column.codes if column.codes is not None else column.numbers
    assert values is not None
    expected = values[representative]
    differ: NDArray[np.bool_] = values != expected
    if values.dtype.kind == "f" and differ.any():
        with np.errstate(invalid="ignore"):  # infinite and missing values are reported elsewhere
            differ &= ~(np.abs(values - expected) <= _CONSTANT * np.abs(expected))
    return differ


def _report_varying(
    data: DataColumn, column: ColumnValues, units: Units, pair: tuple[int, int], found: Diagnostics
) -> None:
    symbol, level = show_symbol(data.name, data.index_set), show_index_set(data.index_set)
    unit = show_unit(units.label(data.index_set, int(units.codes(data.index_set)[pair[0]])))
    first, second = column.label(pair[0]), column.label(pair[1])
    where = f"in `{level}` = `{unit}`" if level else "in the data"
    aggregate = show_symbol(f"{data.name}_mean", data.index_set)
    finer = show_symbol(data.name, (units.row,))
    help_text = f"write `{finer}` if it belongs to the rows"
    todo = f"write `{finer}`, or aggregate it" if column.is_numeric else f"write `{finer}`"
    if column.is_numeric:
        help_text += f", or aggregate it first: `{aggregate} = mean({finer})`"
    found.error(
        "HM402",
        f"`{symbol}` varies within `{level}`: {todo}" if level else f"`{symbol}` is not one value: {todo}",
        data.spans[0] if data.spans else None,
        label=f"one value for each {level} is needed" if level else "one value is needed",
        notes=[f"{where} it is {first} in row {pair[0] + 1} and {second} in row {pair[1] + 1}"],
        help=help_text,
    )


def check_names(form: CompositeModel, table: Table, found: Diagnostics) -> None:
    """Note columns that bear the name of a coefficient, a parameter or a definition (HM409)."""
    observed = {column.name for column in form.data} | {column.column for column in form.data}
    for definition in form.definitions:
        if definition.name in table and definition.name not in observed:
            symbol = show_symbol(definition.name, definition.index_set)
            message = f"the data have a column `{definition.name}`, but the definition of `{symbol}` counts"
            found.note("HM409", message, definition.span, help="rename the definition to use the column")
    defined = {definition.name for definition in form.definitions}
    row = form.row
    for name in dict.fromkeys(_unknowns(form)):
        if name in table and name not in observed and name not in defined:
            message = f"the data have a column `{name}`, which the model has as an unknown"
            help_text = f"write `{name}[{row}]` for the column, or `data {name}[{row}]` if `{name}` is observed"
            found.note("HM409", message, help=help_text)


def check_shared_labels(form: CompositeModel, units: Units, found: Diagnostics) -> None:
    """Refuse coefficients of one name over two index columns that hold the same labels (HM420).

    Labels alone decide nothing: student 1 and teacher 1 are two. One name with one standard deviation (or with none, in
    unmodelled sets) over columns that mostly share their labels says that the labels are one set, which has one
    coefficient for each label and not one for each column.
    """
    families = [*_modelled_families(form), *_unmodelled_families(form)]
    for k, (name, index_set, sds, span) in enumerate(families):
        for other, other_set, other_sds, other_span in families[k + 1 :]:
            if name != other or index_set == other_set or len(index_set) != 1 or len(other_set) != 1:
                continue
            shared = _shared_labels(units, index_set, other_set)
            if shared and (set(sds) & set(other_sds) or not (sds or other_sds)):
                _report_shared(form, name, (index_set, other_set), shared, (span, other_span), found)


_Family = tuple[str, IndexSet, tuple[str, ...], Span | None]
"""Coefficients of one index set: their name, the set, their standard deviations, their statement."""


def _modelled_families(form: CompositeModel) -> Iterator[_Family]:
    for block in form.blocks:
        for effect, sd in zip(block.effects, block.covariance.sd, strict=False):
            yield effect.partition("[")[0], block.index_set, (sd,), block.span


def _unmodelled_families(form: CompositeModel) -> Iterator[_Family]:
    for unmodelled in form.sets:
        yield unmodelled.name, unmodelled.index_set, (), unmodelled.span


def _shared_labels(units: Units, first: IndexSet, second: IndexSet) -> list[str]:
    """Return the labels of two index columns, if they are mostly the same and neither column lies in the other."""
    if units.determines(first, second) or units.determines(second, first):
        return []
    left, right = units.label_columns(first)[0], units.label_columns(second)[0]
    held = set(right)
    shared = [label for label in left if label in held]
    return [] if 2 * len(shared) <= min(len(left), len(right)) else shared


def _report_shared(
    form: CompositeModel,
    name: str,
    sets: tuple[IndexSet, IndexSet],
    shared: list[str],
    spans: tuple[Span | None, Span | None],
    found: Diagnostics,
) -> None:
    symbols = [show_symbol(name, index_set) for index_set in sets]
    columns = [_column_names(form, index_set) for index_set in sets]
    first = [Label(span=spans[0], text="the first of the two")] if spans[0] is not None else []
    found.error(
        "HM420",
        f"`{symbols[0]}` and `{symbols[1]}` share their labels: rename one (no multiple membership)",
        spans[1],
        label="the same coefficients again?",
        secondary=first,
        notes=[
            f"`{shared[0]}` is a label of both `{columns[0]}` and `{columns[1]}`, which share {len(shared):,} labels",
            "one name (and one standard deviation) means one coefficient for each label, not one for each column",
        ],
        help="give the two different names and standard deviations if they are different things",
    )


def _unknowns(form: CompositeModel) -> Iterable[str]:
    yield from (parameter.name for parameter in form.parameters)
    yield from (unmodelled.name for unmodelled in form.sets)
    yield from (effect.partition("[")[0] for block in form.blocks for effect in block.effects)
