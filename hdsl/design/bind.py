"""Binding a composite model to data: read, check, evaluate, drop, code, plan.

Stage: design, the whole of it. Input: `CompositeModel` and data. Output: `Design`. Invariants: all that is wrong with
the data at one step is reported at once; nothing is dropped, set to zero or recoded without a diagnostic that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

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
from hdsl.design.coding import check_references, learn
from hdsl.design.columns import ColumnValues
from hdsl.design.cost import machine_memory, root_memory
from hdsl.design.evaluate import Evaluator
from hdsl.design.fixed import Fixed, code_fixed
from hdsl.design.identify import check_factors
from hdsl.design.join import join_tables, keys_of
from hdsl.design.layout import Layout, lay_out
from hdsl.design.order import MOST_DENSE, MOST_EXACT, measure_fill
from hdsl.design.outcome import Observed, check_range, known_arguments, observe, offsets_of
from hdsl.design.planning import (
    DeclaredLevels,
    Order,
    RandomPart,
    assemble,
    explain,
    plan_order,
    plan_random,
)
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

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bind"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sample:
    """The rows that are used: `evaluator` is of all rows, `units` of those that `keep` marks."""

    table: Table
    evaluator: Evaluator
    units: Units
    keep: NDArray[np.bool_]
    row_labels: pd.Index
    missing: dict[str, int]


def bind(
    form: CompositeModel,
    data: object,
    *,
    na: str = "drop",
    matrices: Mapping[str, object] | None = None,
    crossed: str | None = None,
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
    crossed : {"exact", "iterative"}, optional
        How crossed factors are solved; None is exact up to `MOST_DENSE` columns.

    Returns
    -------
    Design

    Raises
    ------
    DataError
        HM401 to HM417, when the data do not fit the model.
    FitError
        HM501 for what is not fitted yet, HM505 and HM302 for what is not identified, HM507 for crossed factors that
        are not solved as asked, HM509 for what is too large.
    ValueError
        When `na` or `crossed` is neither of the two.
    """
    if na not in ("drop", "error"):
        raise ValueError(f'na must be "drop" or "error", not {na!r}')
    if crossed not in (None, "exact", "iterative"):
        raise ValueError(f'crossed must be "exact" or "iterative", not {crossed!r}')
    found = Diagnostics(form.source)
    table = _read(form, data, found)
    evaluator = _checked(form, table, found)
    require_supported(form)
    if matrices:
        report_unsupported(found, "known matrices", help="leave `matrices` out")
        found.raise_errors(FitError)
    return _design(form, _sample(form, table, evaluator, na, found), found, crossed)


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
        row_labels=table.row_labels if keep.all() else table.row_labels[keep],
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Parts:
    """The columns of a model, the fixed ones coded, and its outcome."""

    layout: Layout
    fixed: Fixed
    observed: Observed


def _design(form: CompositeModel, sample: _Sample, found: Diagnostics, crossed: str | None) -> Design:
    """Make arrays, coding and plan from the rows that are used."""
    observed = observe(form, sample.evaluator, sample.keep, found)
    units = sample.units
    check_references(form, units, found)
    found.raise_errors(DataError)
    layout = lay_out(form, observed.categories)
    x = tuple(_frozen(sample.evaluator.kept(expr, sample.keep)) for expr in layout.expressions)
    fixed = code_fixed(form, layout, x, units, found)
    random = plan_random(form, layout, units)
    sizes = Sizes(
        n=units.n,
        p=len(fixed.labels),
        n_levels=tuple(units.count(term.index_set) for term in random.terms),
        set_columns=tuple(len(coding.kept) for coding in fixed.sets if coding.kept),
    )
    arrays = _arrays(form, sample, x, random, _Parts(layout=layout, fixed=fixed, observed=observed))
    check_factors(form, random.terms, sizes.n_levels, units.n, found)
    found.raise_errors(FitError)
    check_slopes(form, random.terms, x, units, found)
    found.raise_errors(DataError)
    grouping = _Grouping(units=units, groups=arrays.groups, sizes=sizes, crossed=crossed)
    return Design(
        form=form,
        plan=_plan(form, layout, fixed, random, grouping, found),
        arrays=arrays,
        coding=learn(form, sample.evaluator, units, fixed.sets, observed.categories),
        fixed_labels=fixed.labels,
        fixed_terms=fixed.texts,
        levels=tuple(units.labels(term.index_set) for term in random.terms),
        variance_names=random.names,
        residual_name="" if form.residual is None or form.density is not None else form.residual.sd or "",
        zeroed={coding.symbol: coding.zeroed for coding in fixed.sets},
        n_read=sample.table.n_rows,
        n_dropped=sample.table.n_rows - units.n,
        missing=sample.missing,
        row_labels=sample.row_labels,
        group_counts={index_set: units.count(index_set) for index_set in form.index_sets},
        diagnostics=found.sorted(),
        scalars=fixed.scalars,
        units=units,
    )


def _arrays(
    form: CompositeModel, sample: _Sample, x: tuple[NDArray[np.float64], ...], random: RandomPart, parts: _Parts
) -> Arrays:
    offsets = offsets_of(parts.layout, x, parts.observed)
    return Arrays(
        y=_frozen(parts.observed.values),
        x=x,
        x_symbols=tuple(covariate.text for covariate in parts.layout.covariates),
        groups=tuple(_frozen(sample.units.codes(term.index_set).view()) for term in random.terms),
        sets=parts.fixed.columns,
        offsets=tuple(None if offset is None else _frozen(offset) for offset in offsets),
        known=tuple(_frozen(values[sample.keep]) for values in known_arguments(form, sample.evaluator)),
    )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grouping:
    """What the data say about the grouping factors, and how the user wants crossed ones solved."""

    units: Units
    groups: tuple[NDArray[np.intp], ...]
    sizes: Sizes
    crossed: str | None


def _plan(
    form: CompositeModel, layout: Layout, fixed: Fixed, random: RandomPart, grouping: _Grouping, found: Diagnostics
) -> Plan:
    sizes = grouping.sizes
    order = plan_order(random.terms, grouping.units, sizes.n_levels)
    fill = None
    if _by_iterations(form, random, order, grouping, found):
        order = _iterated(random, order, grouping)
    elif order.dense:
        widths = [term.width for term in random.terms]
        fill = measure_fill(grouping.groups, widths, sizes.n_levels, order.chain, order.dense)
        order = replace(order, crossing=fill.crossing)
    reasons = tuple(explain(random, order, sizes.n_levels, fill, DeclaredLevels(form)))
    return replace(assemble(form, layout, fixed.terms, random, order), reasons=reasons, sizes=sizes)


def _iterated(random: RandomPart, order: Order, grouping: _Grouping) -> Order:
    """Return the order of crossed factors that are solved by iterations, and why they are."""
    columns = sum(random.terms[k].width * grouping.sizes.n_levels[k] for k in order.dense)
    asked = grouping.crossed == "iterative"
    why = "Iterations were asked for." if asked else f"Of its columns there are {columns:,}, too many to factor it."
    return Order(chain=(), dense=tuple(range(len(random.terms))), crossing="iterative", iterated=why)


def _by_iterations(
    form: CompositeModel, random: RandomPart, order: Order, grouping: _Grouping, found: Diagnostics
) -> bool:
    """Whether crossed factors are solved by iterations; refuse what cannot be had."""
    columns = sum(random.terms[k].width * grouping.sizes.n_levels[k] for k in order.dense)
    limit = MOST_EXACT if grouping.crossed == "exact" else MOST_DENSE
    is_closed = form.density is None
    if grouping.crossed == "iterative" and not (is_closed and order.dense):
        why = "no factors are crossed" if not order.dense else "the outcome has no closed form"
        message = f'`crossed="iterative"` is not for this model, {why}: leave it out'
        found.error("HM507", message, help="it is solved exactly")
    elif grouping.crossed != "iterative":
        too_much = _too_much(columns, limit, is_optional=is_closed and grouping.crossed is None)
        if too_much:
            sets = ", ".join(f"`{show_index_set(random.terms[k].index_set)}`" for k in order.dense)
            ways = "take a crossed factor out, or merge its rare groups"
            note = "the factor that is left after eliminating the largest nested chain would be dense"
            found.error(
                "HM509",
                f"the crossed factors {sets} have too many groups, {too_much}: take one out",
                notes=[note],
                help=f'{ways}; `crossed="iterative"` needs no such factor' if is_closed else ways,
            )
    found.raise_errors(FitError)
    return bool(order.dense) and (columns > limit or grouping.crossed == "iterative")


def _too_much(columns: int, limit: int, *, is_optional: bool) -> str:
    """Return why a dense factor is not possible; empty where it is, or where it is not needed above the limit."""
    if columns > limit:
        return "" if is_optional else f"of {limit:,} at most"
    needed, there = root_memory(columns), machine_memory()
    return f"for {needed / 1e9:.2g} GB of {there / 1e9:.2g} GB of memory" if needed > there else ""
