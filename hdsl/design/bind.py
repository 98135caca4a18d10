"""Binding a composite model to data: read, check, evaluate, drop, code, plan.

Stage: design, the whole of it. Input: `CompositeModel` and data. Output: `Design`. Invariants: all that is wrong with
the data at one step is reported at once; nothing is dropped, set to zero or recoded without a diagnostic that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdsl.design.checks import (
    check_columns,
    check_constant,
    check_indices,
    check_names,
    check_nestings,
    check_shared_labels,
)
from hdsl.design.coding import SetCoding, SetPart, check_references, code_sets, learn
from hdsl.design.columns import ColumnValues
from hdsl.design.evaluate import Evaluator
from hdsl.design.functions import FUNCTIONS
from hdsl.design.identify import check_factors
from hdsl.design.join import join_tables, keys_of
from hdsl.design.layout import FixedTerm, Layout, lay_out, sum_of_products
from hdsl.design.order import MOST_DENSE, measure_fill
from hdsl.design.outcome import check_range
from hdsl.design.planning import (
    DeclaredLevels,
    Order,
    RandomPart,
    assemble,
    explain,
    plan_order,
    plan_random,
)
from hdsl.design.rank import Vector
from hdsl.design.record import Design
from hdsl.design.rows import check_finite, check_numeric, missing_by_column
from hdsl.design.slopes import check_slopes
from hdsl.design.support import report_unsupported, require_supported
from hdsl.design.tables import Table, is_table_like, read_table
from hdsl.design.units import Units, show_unit
from hdsl.diagnostics.record import DataError, Diagnostics, FitError
from hdsl.form.expr import show_index_set, show_symbol
from hdsl.form.model import CompositeModel
from hdsl.plan import Arrays, Plan, Sizes

__all__ = ["bind"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sample:
    """The rows that are used: `evaluator` is of all rows, `units` of those that `keep` marks."""

    table: Table
    evaluator: Evaluator
    units: Units
    keep: NDArray[np.bool_]
    missing: dict[str, int]

    def select(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values of the rows used."""
        return values.copy() if self.keep.all() else values[self.keep]


def bind(
    form: CompositeModel, data: object, *, na: str = "drop", matrices: Mapping[str, object] | None = None
) -> Design:
    """Bind a composite model to data.

    Parameters
    ----------
    form : CompositeModel
    data : path, frame, dict of columns, or dict of level tables
        See `hdsl.design.tables` and `hdsl.design.join`.
    na : {"drop", "error"}
        What happens to rows with a missing value in a column that is used.
    matrices : mapping, optional
        Known matrices; no model that uses them is fitted yet, so any is refused.

    Returns
    -------
    Design

    Raises
    ------
    DataError
        HM401 to HM417, when the data do not fit the model.
    FitError
        HM501 for what is not fitted yet, HM505 and HM302 for what is not identified, HM509 for what is too large.
    ValueError
        When `na` is neither of the two.
    """
    if na not in ("drop", "error"):
        raise ValueError(f'na must be "drop" or "error", not {na!r}')
    found = Diagnostics(form.source)
    table = _read(form, data, found)
    evaluator = _checked(form, table, found)
    require_supported(form)
    if matrices:
        report_unsupported(found, "known matrices", help="leave `matrices` out")
        found.raise_errors(FitError)
    return _design(form, _sample(form, table, evaluator, na, found), found)


def _checked(form: CompositeModel, table: Table, found: Diagnostics) -> Evaluator:
    """Check what needs no back end: columns, nestings, levels, the outcome's range."""
    columns, units = _columns_and_units(form, table, found)
    evaluator = Evaluator(form, columns, units)
    check_range(form, evaluator, found)
    check_shared_labels(form, units, found)
    found.raise_errors(DataError)
    return evaluator


def _sample(form: CompositeModel, table: Table, evaluator: Evaluator, na: str, found: Diagnostics) -> _Sample:
    """Check the values that are used and find the rows to use."""
    units = evaluator.units
    check_numeric(form, evaluator, found)
    _warn_labels(evaluator, found)
    found.raise_errors(DataError)
    masks = missing_by_column(form, evaluator)
    keep = _rows_used(masks, table.n_rows, na, found)
    used = units if keep.all() else units.restricted(keep)
    _note_dropped(form, masks, units, used, found)
    check_finite(form, evaluator, keep, found)
    found.raise_errors(DataError)
    return _Sample(
        table=table,
        evaluator=evaluator,
        units=used,
        keep=keep,
        missing={name: int(mask.sum()) for name, mask in masks.items()},
    )


def _read(form: CompositeModel, data: object, found: Diagnostics) -> Table:
    if isinstance(data, Mapping) and any(is_table_like(value) for value in data.values()):
        return join_tables(keys_of(form), data, found)
    return read_table(data, form.source)


def _columns_and_units(form: CompositeModel, table: Table, found: Diagnostics) -> tuple[dict[str, ColumnValues], Units]:
    """Read the columns that are used and check them."""
    check_columns(form, table, found)
    found.raise_errors(DataError)
    if not table.n_rows:
        found.error(
            "HM408", "the data have no rows: give one for each observation", help="look at the filter that made them"
        )
        found.raise_errors(DataError)
    check_names(form, table, found)
    indices = {index.name: index.column for index in form.indices if index.column is not None}
    used = dict.fromkeys([*indices.values(), *(data.column for data in form.data)])
    columns = {name: table.column(name) for name in used}
    for index in form.indices:
        missing = columns[index.column].missing if index.column is not None else None
        if missing is not None and missing.all():
            message = f"the column `{index.column}` has no value: fill it, or take the level `{index.name}` out"
            found.error("HM408", message, index.span, help="fill the column, or take its level out of the model")
    check_indices(form, columns, found)
    found.raise_errors(DataError)
    units = Units(form.row, {name: columns[column].factor() for name, column in indices.items()}, table.n_rows)
    check_nestings(form, units, found)
    check_constant(form, columns, units, found)
    found.raise_errors(DataError)
    return columns, units


def _warn_labels(evaluator: Evaluator, found: Diagnostics) -> None:
    """Warn of comparisons with a label that the data do not have: they are the same for every row."""
    for unknown in evaluator.unknown_labels:
        symbol = show_symbol(unknown.ref.name, unknown.ref.index_set)
        data = evaluator.data.get(unknown.ref)
        shown = ", ".join(f"`{label}`" for label in unknown.labels[:8])
        notes = [f"its labels are {shown}"] if shown else []
        place = data.spans[0] if data is not None and data.spans else None
        found.warning(
            "HM417", f'`{symbol}` is never "{unknown.label}": compare it with one of its labels', place, notes=notes
        )


def _rows_used(masks: Mapping[str, NDArray[np.bool_]], n: int, na: str, found: Diagnostics) -> NDArray[np.bool_]:
    keep = np.ones(n, dtype=bool)
    for mask in masks.values():
        keep &= ~mask
    dropped = n - int(keep.sum())
    if not dropped:
        return keep
    notes = [_missing_note(name, mask) for name, mask in masks.items()]
    if na == "error":
        first = int(np.argmin(keep)) + 1
        message = f'{dropped:,} of {n:,} rows have a missing value: fill them, or say `na="drop"`'
        help_text = 'give complete rows, or `na="drop"` to drop these'
        found.error("HM406", message, notes=[*notes, f"the first is row {first}"], help=help_text)
    elif dropped == n:
        message = f"each of the {n:,} rows has a missing value: fill these columns or leave them out"
        found.error("HM408", message, notes=notes, help="fill these columns, or take them out of the model")
    found.raise_errors(DataError)
    return keep


def _note_dropped(
    form: CompositeModel, masks: Mapping[str, NDArray[np.bool_]], units: Units, used: Units, found: Diagnostics
) -> None:
    """Note how many rows were dropped, for which columns, and the groups that have no rows left (HM405)."""
    if used.n == units.n:
        return
    notes = [_missing_note(name, mask) for name, mask in masks.items()]
    for index_set in form.index_sets:
        lost = 0 if units.is_rows(index_set) else units.count(index_set) - used.count(index_set)
        if lost:
            left = set(used.labels(index_set))
            example = next(label for label in units.labels(index_set) if label not in left)
            groups = f"{lost:,} group{'s' if lost > 1 else ''} of `{show_index_set(index_set)}`"
            notes.append(f"no row is left of {groups}: `{show_unit(example)}`{', ..' if lost > 1 else ''}")
    found.note("HM405", f"{units.n - used.n:,} of {units.n:,} rows dropped for missing values", notes=notes)


def _missing_note(name: str, mask: NDArray[np.bool_]) -> str:
    count = int(mask.sum())
    return f"`{name}` is missing in {count:,} row{'s' if count > 1 else ''}"


def _design(form: CompositeModel, sample: _Sample, found: Diagnostics) -> Design:
    """Make arrays, coding and plan from the rows that are used."""
    y = _outcome(form, sample, found)
    units = sample.units
    check_references(form, units, found)
    found.raise_errors(DataError)
    layout = lay_out(form)
    x = tuple(_frozen(sample.select(sample.evaluator.rows(expr).values)) for expr in layout.expressions)
    fixed = _code_fixed(form, layout, x, units, found)
    random = plan_random(form, layout, units)
    sizes = Sizes(
        n=units.n,
        p=len(fixed.labels),
        n_levels=tuple(units.count(term.index_set) for term in random.terms),
        set_columns=tuple(len(coding.kept) for coding in fixed.sets if coding.kept),
    )
    check_factors(form, random.terms, sizes.n_levels, units.n, found)
    found.raise_errors(FitError)
    check_slopes(form, random.terms, x, units, found)
    found.raise_errors(DataError)
    groups = tuple(_frozen(units.codes(term.index_set)) for term in random.terms)
    return Design(
        form=form,
        plan=_plan(form, layout, fixed, random, _Grouping(units=units, groups=groups, sizes=sizes), found),
        arrays=Arrays(
            y=_frozen(y),
            x=x,
            x_symbols=tuple(covariate.text for covariate in layout.covariates),
            groups=groups,
            sets=fixed.columns,
            offsets=(_frozen(sum_of_products(layout.offset, x, units.n)) if layout.offset else None,),
        ),
        coding=learn(form, sample.evaluator, units, fixed.sets),
        fixed_labels=fixed.labels,
        fixed_terms=fixed.texts,
        levels=tuple(units.labels(term.index_set) for term in random.terms),
        variance_names=random.names,
        residual_name="" if form.residual is None else form.residual.sd or "",
        zeroed={coding.symbol: coding.zeroed for coding in fixed.sets},
        n_read=sample.table.n_rows,
        n_dropped=sample.table.n_rows - units.n,
        missing=sample.missing,
        row_labels=sample.table.row_labels[sample.keep],
        group_counts={index_set: units.count(index_set) for index_set in form.index_sets},
        diagnostics=found.sorted(),
        units=units,
    )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _outcome(form: CompositeModel, sample: _Sample, found: Diagnostics) -> NDArray[np.float64]:
    """Return the outcome on the scale that is modelled."""
    values = sample.select(sample.evaluator.rows(form.outcome.expr).values)
    if form.outcome.transform is None:
        return values
    with np.errstate(all="ignore"):  # reported with its row
        modelled = np.asarray(FUNCTIONS[form.outcome.transform](values), dtype=np.float64)
    bad = ~np.isfinite(modelled)
    if bad.any():
        place = int(np.argmax(bad))
        row = int(np.flatnonzero(sample.keep)[place]) + 1
        symbol = show_symbol(form.outcome.name, form.outcome.index_set)
        shown = f"{form.outcome.transform}({symbol})"
        message = f"`{shown}` does not exist: leave out row {row}, `{symbol}` = {values[place]:g}"
        notes = [f"{int(bad.sum()):,} such rows"] if bad.sum() > 1 else []
        help_text = "leave such rows out, or model the outcome on another scale"
        found.error("HM404", message, form.outcome.span, notes=notes, help=help_text)
    return modelled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fixed:
    """The fixed part with its sets coded: terms that have columns, the columns' labels and terms, row codes of sets."""

    terms: tuple[FixedTerm, ...]
    sets: tuple[SetCoding, ...]
    columns: tuple[NDArray[np.intp], ...]
    labels: tuple[str, ...]
    texts: tuple[str, ...]


def _code_fixed(
    form: CompositeModel, layout: Layout, x: Sequence[NDArray[np.float64]], units: Units, found: Diagnostics
) -> _Fixed:
    coded = _code_sets(form, layout, x, units)
    for coding, _ in coded:
        _note_zeroed(form, coding, found)
    kept = {coding.symbol: coding.kept for coding, _ in coded}
    terms = tuple(term for term in layout.fixed if kept.get(term.symbol) != ())
    names = [_column_labels(term, kept) for term in terms]
    return _Fixed(
        terms=terms,
        sets=tuple(coding for coding, _ in coded),
        columns=tuple(_frozen(codes) for coding, codes in coded if coding.kept),
        labels=tuple(label for labels in names for label in labels),
        texts=tuple(term.text for term, labels in zip(terms, names, strict=True) for _ in labels),
    )


def _code_sets(
    form: CompositeModel, layout: Layout, x: Sequence[NDArray[np.float64]], units: Units
) -> tuple[tuple[SetCoding, NDArray[np.intp]], ...]:
    if not any(term.unmodelled for term in layout.fixed):
        return ()
    parts: list[Vector | SetPart] = []
    for term in layout.fixed:
        is_constant = all(not product.factors for product in term.products)
        values = None if is_constant else sum_of_products(term.products, x, units.n)
        if term.unmodelled is None:
            parts.append(Vector(values=values))
        else:
            parts.append(SetPart(unmodelled=term.unmodelled, values=values))
    return code_sets(form, parts, units, units.n)


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grouping:
    """What the data say about the grouping factors."""

    units: Units
    groups: tuple[NDArray[np.intp], ...]
    sizes: Sizes


def _plan(
    form: CompositeModel, layout: Layout, fixed: _Fixed, random: RandomPart, grouping: _Grouping, found: Diagnostics
) -> Plan:
    sizes = grouping.sizes
    order = plan_order(random.terms, grouping.units, sizes.n_levels)
    fill = None
    if order.dense:
        _refuse_large(random, order, sizes, found)
        widths = [term.width for term in random.terms]
        fill = measure_fill(grouping.groups, widths, sizes.n_levels, order.chain, order.dense)
        order = replace(order, crossing=fill.crossing)
    reasons = tuple(explain(random, order, sizes.n_levels, fill, DeclaredLevels(form)))
    return replace(assemble(layout, fixed.terms, random, order), reasons=reasons, sizes=sizes)


def _refuse_large(random: RandomPart, order: Order, sizes: Sizes, found: Diagnostics) -> None:
    columns = sum(random.terms[k].width * sizes.n_levels[k] for k in order.dense)
    if columns > MOST_DENSE:
        sets = ", ".join(f"`{show_index_set(random.terms[k].index_set)}`" for k in order.dense)
        message = f"the crossed factors {sets} have {columns:,} columns, of {MOST_DENSE:,} at most: take one out"
        note = "the factor that is left after eliminating the largest nested chain would be dense"
        help_text = "take a crossed factor out, or merge its rare groups"
        found.error("HM509", message, notes=[note], help=help_text)
        found.raise_errors(FitError)
