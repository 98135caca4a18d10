"""New data through what a fit learned: the columns of a plan for rows that were not fitted.

Stage: design, after a fit. Input: a `Design` (its form, plan, coding and levels; no rows are needed) and new data.
Output: `NewRows`. Invariants: labels are matched as text; only what is asked for is read, so a column that no wanted
term needs may be absent; an aggregate has the fit's value for a known unit, and that of the new data for a new one; a
row with a missing value is kept and marked, never dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.design.checks import check_columns
from hdsl.design.coding import SetCoding
from hdsl.design.columns import Codes, ColumnValues, Factor
from hdsl.design.evaluate import Evaluator, NotNumeric, Numbers
from hdsl.design.join import join_tables, keys_of
from hdsl.design.layout import lay_out, sum_of_products
from hdsl.design.rows import report_text
from hdsl.design.tables import Table, is_table_like, read_table
from hdsl.design.units import Units, show_unit
from hdsl.diagnostics.record import DataError, Diagnostic, Diagnostics
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.form.expr import Aggregate, Apply, Expr, IndexSet, Ref, Text, show_index_set
from hdsl.form.labels import Labels, UnitLabel
from hdsl.form.model import CompositeModel
from hdsl.plan import Arrays, FixedSet, Plan, Product

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.design.record import Design

__all__ = ["NewRows", "Wanted", "indicators_of", "recode"]

Place = tuple[int, int]
"""A random effect: grouping factor and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is needed of new rows.

    Attributes
    ----------
    effects : collection of (int, int)
        Effects whose covariates are needed, by grouping factor and column.
    factors : collection of int
        Grouping factors whose labels are needed.
    known : collection of str
        Names of data that are needed of those that the density takes besides the outcome.
    """

    effects: Collection[Place] = ()
    factors: Collection[int] = ()
    known: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewRows:
    """New rows in the columns of a plan.

    Attributes
    ----------
    arrays : Arrays
        As for a fit, but: `y` is NaN; a covariate that was not asked for is NaN; no row is in a category of an ordered
        outcome, so that no threshold counts; a group code from `n_levels` on is a
        new group, numbered in `new_levels`; -1 has no group, or none that was asked for.
    row_labels : pandas.Index
        The frame's own, or row numbers from 0.
    is_complete : ndarray of bool, (n,)
        Rows without a missing value in what was asked for.
    new_levels : tuple of sequences
        For each grouping factor the labels of the groups that the fit did not have.
    diagnostics : tuple of Diagnostic
    """

    arrays: Arrays
    row_labels: pd.Index
    is_complete: NDArray[np.bool_]
    new_levels: tuple[Sequence[UnitLabel], ...]
    diagnostics: tuple[Diagnostic, ...]


def recode(design: Design, data: object, wanted: Wanted) -> NewRows:
    """Return new data in the columns of a design.

    Parameters
    ----------
    design : Design
        Of the fit.
    data : path, frame, dict of columns, or dict of level tables
        As for a fit. The outcome is not needed, nor what `wanted` does not need.
    wanted : Wanted

    Returns
    -------
    NewRows

    Raises
    ------
    DataError
        HM401 for a column that is needed, HM407 for text where a number is needed, HM408 without any row, HM413 and
        HM414 for data that cannot be read, HM416 for a covariate that is not finite, HM422 for a label of an unmodelled
        set that the fit did not have.
    """
    found = Diagnostics(design.form.source)
    table = _read(design, data, found)
    rows = _Recoder(design, table, wanted, found)
    rows.check_columns()
    return rows.result()


def _read(design: Design, data: object, found: Diagnostics) -> Table:
    form = design.form
    if isinstance(data, Mapping) and any(is_table_like(value) for value in data.values()):
        table = join_tables(keys_of(form), data, found)
    else:
        table = read_table(data, form.source)
    if not table.n_rows:
        found.error("HM408", "the new data have no rows: give one for each prediction", help="look at their filter")
    found.raise_errors(DataError)
    return table


class _Recoder:
    """One data set on its way through the coding of a design."""

    def __init__(self, design: Design, table: Table, wanted: Wanted, found: Diagnostics) -> None:
        self.design = design
        self.plan: Plan = design.plan
        self.form = design.form
        self.table = table
        self.wanted = wanted
        self.found = found
        self.layout = lay_out(design.form, design.coding.categories)
        self.indicators = indicators_of(design.form, design.coding.categories)
        self.n = table.n_rows
        self.missing: dict[str, NDArray[np.bool_]] = {}
        self._columns = _columns(design, table)
        self._units = Units(self.form.row, self._factors(), self.n)
        self._evaluator = _RowEvaluator(design, self._columns, self._units)

    def _factors(self) -> dict[str, Factor]:
        columns = self.design.coding.columns
        return {name: self._columns[column].factor() for name, column in columns.items() if column in self._columns}

    # ---------------------------------------------------------------- what is needed

    def _positions(self) -> list[int]:
        """Return the covariates that are needed, by position."""
        products: list[Product] = [*self.layout.offset]
        for member in self.plan.fixed:
            products += member.products
        for factor, column in self.wanted.effects:
            products += self.plan.re_terms[factor].columns[column].products
        needed = {factor for product in products for factor in product.factors}
        return sorted(place for place in needed if self.layout.expressions[place] not in self.indicators)

    def _known(self) -> dict[str, Expr | None]:
        """Return the data that the density takes besides the outcome, None for those that are not needed."""
        density, arguments = self.plan.density, dict(self.form.outcome.known)
        names = density.known if density is not None else ()
        return {name: arguments[name] if name in self.wanted.known else None for name in names}

    def check_columns(self) -> None:
        """Report every column that is needed and not there (HM401)."""
        expressions = [self.layout.expressions[k] for k in self._positions()]
        expressions += [expr for expr in self._known().values() if expr is not None]
        names = {name for expr in expressions for name in self._evaluator.columns_of(expr)}
        index_sets = [self.plan.re_terms[factor].index_set for factor in self.wanted.factors]
        index_sets += [coding.index_set for coding in self._sets().values()]
        columns = self.design.coding.columns
        names |= {columns[name] for index_set in index_sets for name in index_set if name in columns}
        check_columns(self.form, self.table, self.found, only=names)
        self.found.raise_errors(DataError)

    def _sets(self) -> dict[str, SetCoding]:
        symbols = {member.symbol for member in self.plan.fixed if isinstance(member, FixedSet)}
        return {coding.symbol: coding for coding in self.design.coding.sets if coding.symbol in symbols}

    # ---------------------------------------------------------------- values

    def result(self) -> NewRows:
        """Return the rows; raise what is wrong with their values."""
        x = self._covariates()
        absent = np.broadcast_to(np.nan, self.n)
        known = tuple(
            absent if expr is None else self._numbers(expr, f"`{name}` of the outcome")
            for name, expr in self._known().items()
        )
        sets = self._codes_of_sets()
        groups, new_levels = self._groups()
        self.found.raise_errors(DataError)
        is_complete = np.ones(self.n, dtype=bool)
        for mask in self.missing.values():
            is_complete &= ~mask
        self._note_missing(is_complete)
        arrays = Arrays(
            y=np.full(self.n, np.nan),
            x=x,
            x_symbols=tuple(covariate.text for covariate in self.layout.covariates),
            groups=groups,
            sets=sets,
            offsets=tuple(self._offset(k, x) for k in range(self.plan.n_predictors)),
            known=known,
        )
        return NewRows(
            arrays=arrays,
            row_labels=self.table.row_labels,
            is_complete=is_complete,
            new_levels=new_levels,
            diagnostics=self.found.sorted(),
        )

    def _offset(self, predictor: int, x: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64] | None:
        own = [product for product in self.layout.offset if product.predictor == predictor]
        return sum_of_products(own, x, self.n) if own else None

    def _covariates(self) -> tuple[NDArray[np.float64], ...]:
        needed = set(self._positions())
        absent = np.broadcast_to(np.nan, self.n)
        return tuple(
            self._numbers(covariate.expr, covariate.text)
            if place in needed
            else absent
            if covariate.expr not in self.indicators
            else np.zeros(self.n)
            for place, covariate in enumerate(self.layout.covariates)
        )

    def _numbers(self, expr: Expr, name: str) -> NDArray[np.float64]:
        """Return the values of an expression, NaN where one is missing."""
        try:
            value = self._evaluator.rows(expr)
        except NotNumeric as signal:
            report_text(signal.ref, self._evaluator, None, self.found)
            return np.full(self.n, np.nan)
        values = value.values
        if value.missing is not None:
            self.missing[name] = value.missing
            values = np.where(value.missing, np.nan, values)
        bad = ~np.isfinite(values) if value.missing is None else ~np.isfinite(values) & ~value.missing
        if bad.any():
            row = int(np.argmax(bad))
            message = f"`{name}` is not a finite number in row {row + 1} of the new data: change or drop the row"
            self.found.error(
                "HM416", message, help="a logarithm or a quotient that does not exist, or an infinite value"
            )
        return values

    def _codes_of_sets(self) -> tuple[NDArray[np.intp], ...]:
        """Return for each unmodelled set of the plan the column of every row, -1 for none."""
        codings = self._sets()
        members = [member for member in self.plan.fixed if isinstance(member, FixedSet)]
        codes = {member.codes: self._codes_of_set(codings[member.symbol]) for member in members}
        return tuple(codes[place] for place in sorted(codes))

    def _codes_of_set(self, coding: SetCoding) -> NDArray[np.intp]:
        units = self._units
        own = units.codes(coding.index_set)
        column = dict(zip(coding.labels, coding.columns, strict=True))
        table = np.full(units.count(coding.index_set) + 1, -1, dtype=np.intp)
        for code, label in enumerate(units.labels(coding.index_set)):
            if label not in column:
                self._report_unknown(coding, label, int(np.argmax(own == code)))
                continue
            kept = column[label]
            table[code] = -1 if kept is None else kept
        if own.min(initial=0) < 0:
            self.missing[coding.symbol] = own < 0
        return table[own]

    def _report_unknown(self, coding: SetCoding, label: UnitLabel, row: int) -> None:
        known = [show_unit(item) for item in coding.labels]
        similar = near_names(show_unit(label), known)
        todo = f"did you mean {one_of(similar)}?" if similar else "use one that the fit had"
        shown = ", ".join(f"`{item}`" for item in known[:12]) + (f" and {len(known) - 12} more" if known[12:] else "")
        form = next((s for s in self.form.sets if coding.symbol.partition("[")[0] == s.name), None)
        self.found.error(
            "HM422",
            f"`{coding.symbol}` has no coefficient for `{show_unit(label)}`: {todo}",
            form.span if form is not None else None,
            notes=[f"it stands in row {row + 1} of the new data; the labels that the fit had are {shown}"],
            help="an unmodelled set has a coefficient for each label of the fit alone; given a distribution, "
            f"`{coding.symbol} ~ normal(0, sd)`, it can be predicted for new ones",
        )

    def _groups(self) -> tuple[tuple[Codes, ...], tuple[Sequence[UnitLabel], ...]]:
        groups: list[Codes] = []
        new: list[Sequence[UnitLabel]] = []
        for factor, term in enumerate(self.plan.re_terms):
            if factor in self.wanted.factors:
                codes, labels = self._codes_of_groups(term.index_set, self.design.levels[factor])
            else:
                codes, labels = np.full(self.n, -1, dtype=np.intp), ()
            groups.append(codes)
            new.append(labels)
        return tuple(groups), tuple(new)

    def _codes_of_groups(self, index_set: IndexSet, levels: Sequence[UnitLabel]) -> tuple[Codes, Sequence[UnitLabel]]:
        """Return codes of the fit's groups, those of new groups after them."""
        own, labels = self._units.codes(index_set), self._units.labels(index_set)
        if self._units.is_rows(index_set):  # a row of new data is none of the fit's
            return len(levels) + own, labels
        known = {label: code for code, label in enumerate(levels)}
        new = {label: len(levels) + k for k, label in enumerate(label for label in labels if label not in known)}
        table = _places(labels, known | new)
        if own.min(initial=0) < 0:
            self.missing[show_index_set(index_set)] = own < 0
        return table[own], tuple(new)

    def _note_missing(self, is_complete: NDArray[np.bool_]) -> None:
        lost = int((~is_complete).sum())
        if lost:
            notes = [f"`{name}` is missing in {int(mask.sum()):,} rows" for name, mask in self.missing.items()]
            self.found.note("HM405", f"{lost:,} of {self.n:,} new rows have a missing value, so no value", notes=notes)


def indicators_of(form: CompositeModel, categories: Sequence[str]) -> dict[Expr, int]:
    """Return the covariates that tell whether a row is in a category of the outcome, with the category's number."""
    expr = form.outcome.expr
    return {Apply(operator="==", operands=(expr, Text(value=name))): k for k, name in enumerate(categories)}


def _columns(design: Design, table: Table) -> dict[str, ColumnValues]:
    """Read the columns of the model that the new data have; text has the labels of the fit first, in its order."""
    names = dict.fromkeys([*design.coding.columns.values(), *(data.column for data in design.form.data)])
    texts = design.coding.texts
    found = {name: table.column(name) for name in names if name in table}
    return {name: _with_labels(values, texts[name]) if name in texts else values for name, values in found.items()}


def _places(labels: Iterable[UnitLabel], known: Mapping[Any, int]) -> Codes:
    """Return the place of each label, and -1 in the end, for the code -1."""
    return np.array([*(known[label] for label in labels), -1], dtype=np.intp)


def _with_labels(values: ColumnValues, labels: Labels[str]) -> ColumnValues:
    factor = values.factor()
    known = {label: code for code, label in enumerate(labels)}
    more = {label: len(labels) + k for k, label in enumerate(label for label in factor.labels if label not in known)}
    table = _places(factor.labels, known | more)
    return replace(
        values, kind="text", numbers=None, absent=None, codes=table[factor.codes], labels=Labels.of((*labels, *more))
    )


class _EachRow(Units):
    """Units of rows alone: every index set is that of the rows."""

    def is_rows(self, index_set: IndexSet) -> bool:
        """Whether each row is a unit of its own: always."""
        return True


class _RowEvaluator(Evaluator):
    """Evaluates row by row: a covariate of a group is what its row says, so that rows of a group may differ in it.

    Aggregates are the fit's for known units; of new ones they are computed from the new rows.
    """

    def __init__(self, design: Design, columns: Mapping[str, ColumnValues], units: Units) -> None:
        super().__init__(design.form, columns, _EachRow(units.row, {}, units.n))
        self._learned = {coding.node: coding for coding in design.coding.aggregates}
        self._index_columns = design.coding.columns
        self._within = Evaluator(design.form, columns, units)

    def columns_of(self, expr: Expr) -> Iterator[str]:
        """Yield the names of the columns that an expression needs."""
        match expr:
            case Ref() if expr in self.definitions:
                yield from self.columns_of(self.definitions[expr].expr)
            case Ref():
                yield self.data[expr].column
            case Apply(operands=operands):
                for operand in operands:
                    yield from self.columns_of(operand)
            case Aggregate(operand=operand, over=over, by=by):
                yield from self._columns_of_indices(by)
                if by and all(name in self.columns for name in self._columns_of_indices(by)) and self._new(expr):
                    yield from self._columns_of_indices(over)
                    yield from self.columns_of(operand)

    def _columns_of_indices(self, index_set: IndexSet) -> list[str]:
        return [self._index_columns[name] for name in index_set if name in self._index_columns]

    def _new(self, node: Aggregate) -> bool:
        """Whether an aggregate has units that the fit did not have."""
        labels = self._learned[node].labels
        return not set(labels).issuperset(self._within.units.labels(node.by))

    def _aggregate(self, node: Aggregate) -> Numbers:
        coding, units = self._learned[node], self._within.units
        known = dict(zip(coding.labels, coding.values, strict=True))
        if self._new(node):
            with np.errstate(all="ignore"):  # what is not finite is reported with its row
                known = _of_units(self._within.numbers(node, node.by), units.labels(node.by)) | known
        table = [np.nan if value is None else value for value in map(known.__getitem__, units.labels(node.by))]
        values = np.array([*table, np.nan])[units.codes(node.by)]
        missing = np.isnan(values)
        return Numbers(values=values, missing=missing if missing.any() else None)


def _of_units(value: Numbers, labels: Sequence[UnitLabel]) -> dict[UnitLabel, float | None]:
    missing = np.zeros(len(labels), dtype=bool) if value.missing is None else value.missing
    return {
        label: None if gone else float(number)
        for label, number, gone in zip(labels, value.values, missing, strict=True)
    }
