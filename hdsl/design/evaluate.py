"""Values of data expressions, level by level.

Stage: design. Input: `form.Expr`, the columns and the units of the rows. Output: for each expression one value for
every unit of an index set. Invariants: a definition has one value for each unit of its own index set; an aggregate
counts each unit once, over all values that are not missing; a missing operand gives a missing value, and whatever else
is not finite stays so for the caller to report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import NO_LABELS, Codes, ColumnValues, Factor, may_lose_digits
from hdsl.design.functions import COMPARISONS, FUNCTIONS, aggregate
from hdsl.design.units import Units
from hdsl.form.expr import Aggregate, Apply, Expr, IndexSet, Num, Ref, Text, show_symbol
from hdsl.form.labels import Labels
from hdsl.form.model import CompositeModel, DataColumn, Definition

__all__ = ["Evaluator", "NotNumeric", "Numbers", "UnknownLabel"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """Numbers for the units of an index set; `missing` is None where every unit has one."""

    values: NDArray[np.float64]
    missing: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labels:
    """Labels for the units of an index set; -1 is missing."""

    codes: Codes
    labels: Labels[str]
    ref: Ref


_Value = Numbers | _Labels


class NotNumeric(Exception):  # noqa: N818 - a signal to the caller, which knows the statement
    """A text column stands where a number is needed."""

    def __init__(self, ref: Ref) -> None:
        super().__init__(show_symbol(ref.name, ref.index_set))
        self.ref = ref


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLabel:
    """A comparison with a label that does not occur in the column."""

    ref: Ref
    label: str
    labels: Labels[str]


class Evaluator:
    """Evaluates expressions on one data set; what was evaluated once is kept.

    Parameters
    ----------
    form : CompositeModel
    columns : mapping of str to ColumnValues
        The columns that the model uses, by column name.
    units : Units
        Of the same rows.
    """

    def __init__(self, form: CompositeModel, columns: Mapping[str, ColumnValues], units: Units) -> None:
        self.units = units
        self.columns = columns
        self.data: dict[Ref, DataColumn] = {Ref(name=d.name, index_set=d.index_set): d for d in form.data}
        self.definitions: dict[Ref, Definition] = {Ref(name=d.name, index_set=d.index_set): d for d in form.definitions}
        self.aggregates: dict[Aggregate, Numbers] = {}
        self.unknown_labels: dict[UnknownLabel, None] = {}
        self._row: IndexSet = (form.row,)
        self._refs: dict[Ref, _Value] = {}

    def numbers(self, expr: Expr, at: IndexSet) -> Numbers:
        """Return the value of `expr` for each unit of `at`.

        Raises
        ------
        NotNumeric
            When text stands where a number is needed.
        """
        value = self._evaluate(expr, at)
        if isinstance(value, _Labels):
            raise NotNumeric(value.ref)
        return value

    def rows(self, expr: Expr) -> Numbers:
        """Return the value of `expr` for each row."""
        return self.numbers(expr, self._row)

    def kept(self, expr: Expr, keep: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the values of `expr` in the rows that are kept, in memory that the data do not share."""
        values = self.rows(expr).values
        if not keep.all():
            return values[keep]
        given = (column.numbers for column in self.columns.values() if column.numbers is not None)
        return values.copy() if any(np.may_share_memory(values, numbers) for numbers in given) else values

    def factor(self, expr: Expr) -> Factor:
        """Return the values of the rows as labels in order: those of a column of text, or numbers."""
        value = self._evaluate(expr, self._row)
        if isinstance(value, _Labels):
            return Factor(codes=value.codes, labels=value.labels)
        if isinstance(expr, Ref) and expr in self.data:
            return self.columns[self.data[expr].column].factor()
        numbers = value.values if value.missing is None else np.where(value.missing, np.nan, value.values)
        return ColumnValues(name="", kind="number", numbers=numbers).factor()

    def definition(self, definition: Definition) -> Numbers:
        """Return the values of a definition for the units of its own index set."""
        return self.numbers(Ref(name=definition.name, index_set=definition.index_set), definition.index_set)

    def _evaluate(self, expr: Expr, at: IndexSet) -> _Value:
        match expr:
            case Num(value=number):
                return Numbers(values=np.full(self.units.count(at), float(number)))
            case Text():
                raise AssertionError("a label outside a comparison is refused by the semantics")
            case Ref():
                return self._carry(self._own(expr), expr.index_set, at)
            case Aggregate():
                return self._carry(self._aggregate(expr), expr.by, at)
            case Apply(operator=operator) if operator in COMPARISONS:
                return self._compare(expr, at)
            case Apply(operator=operator, operands=operands):
                parts = [self.numbers(operand, at) for operand in operands]
                return _apply(FUNCTIONS[operator], parts)

    def _own(self, ref: Ref) -> _Value:
        """Return what a symbol is, for the units of its own index set."""
        if ref not in self._refs:
            if ref in self.definitions:
                self._refs[ref] = self._evaluate(self.definitions[ref].expr, ref.index_set)
            else:
                self._refs[ref] = self._column(ref)
        return self._refs[ref]

    def _of_units(self, ref: Ref) -> ColumnValues:
        """Return the values of a column for the units of the symbol that it is."""
        column = self.columns[self.data[ref].column]
        if self.units.is_rows(ref.index_set):
            return column
        return column.take(self._representatives(column, ref.index_set))

    def _column(self, ref: Ref) -> _Value:
        column = self._of_units(ref)
        if column.codes is not None:
            return _Labels(codes=column.codes, labels=column.labels, ref=ref)
        return Numbers(values=column.reals(), missing=column.missing)

    def _representatives(self, column: ColumnValues, index_set: IndexSet) -> Codes:
        """Return for each unit its first row with a value, else its first row."""
        first, missing = self.units.first_rows(index_set), column.missing
        if missing is None or not missing[first].any():
            return first
        codes = self.units.codes(index_set)
        best = first.copy()
        rows = np.flatnonzero((codes >= 0) & ~missing)[::-1]
        best[codes[rows]] = rows
        return best

    def _carry(self, value: _Value, own: IndexSet, at: IndexSet) -> _Value:
        """Give every unit of a finer set the value of the unit that it lies in."""
        if own == at or (self.units.is_rows(own) and self.units.is_rows(at)):
            return value
        places = self.units.parents(at, own)
        outside = places < 0
        if isinstance(value, _Labels):
            return _Labels(codes=np.where(outside, -1, value.codes[places]), labels=value.labels, ref=value.ref)
        missing = value.missing[places] if value.missing is not None else np.zeros(len(places), dtype=bool)
        missing = missing | outside
        return Numbers(values=value.values[places], missing=missing if missing.any() else None)

    def _aggregate(self, node: Aggregate) -> Numbers:
        if node in self.aggregates:
            return self.aggregates[node]
        operand = self._evaluate(node.operand, node.over)
        if isinstance(operand, _Labels):
            if node.function != "count":
                raise NotNumeric(operand.ref)
            operand = Numbers(values=np.zeros(len(operand.codes)), missing=operand.codes < 0)
        groups = self.units.parents(node.over, node.by)
        use = groups >= 0
        if operand.missing is not None:
            use = use & ~operand.missing
        result, exists = aggregate(node.function, operand.values[use], groups[use], self.units.count(node.by))
        self.aggregates[node] = Numbers(values=result, missing=None if exists.all() else ~exists)
        return self.aggregates[node]

    def _compare(self, node: Apply, at: IndexSet) -> Numbers:
        left, right = node.operands
        compare = COMPARISONS[node.operator]
        if isinstance(right, Text):
            return self._compare_label(compare, node.operator, at, right.value, left)
        if isinstance(left, Text):
            turned = _TURNED.get(node.operator, node.operator)
            return self._compare_label(COMPARISONS[turned], turned, at, left.value, right)
        first, second = self._evaluate(left, at), self._evaluate(right, at)
        if isinstance(first, _Labels) and isinstance(second, _Labels):
            return _compare_codes(compare, first, second)
        for value in (first, second):
            if isinstance(value, _Labels):
                raise NotNumeric(value.ref)
        return _apply(compare, [self.numbers(left, at), self.numbers(right, at)])

    def _compare_label(
        self, compare: Callable[..., NDArray[np.bool_]], operator: str, at: IndexSet, label: str, operand: Expr
    ) -> Numbers:
        """Compare with a label: labels as text, a numeric column with the number that the label reads as."""
        value = self._evaluate(operand, at)
        if isinstance(value, Numbers):
            number = self._label_number(label, operand)
            sides = self._sides(operand, label, at) if may_lose_digits(np.float64(number)) else None
            value, number = (value, number) if sides is None else (sides, 0.0)
            if not np.any(value.values == number):
                self._note_unknown(operand, label, NO_LABELS)
            return _apply(compare, [value, Numbers(values=np.float64(number).reshape(1))])
        if label not in value.labels:
            self._note_unknown(value.ref, label, value.labels)
        if operator in ("==", "!="):
            place = value.labels.index(label) if label in value.labels else len(value.labels)
        else:
            place = value.labels.index(label) if label in value.labels else -1
            if place < 0:
                raise NotNumeric(value.ref)
        missing = value.codes < 0
        return Numbers(
            values=compare(value.codes, place).astype(np.float64), missing=missing if missing.any() else None
        )

    def _sides(self, ref: Expr, label: str, at: IndexSet) -> Numbers | None:
        """Return -1, 0 or 1 where a column is below, at or above a whole number that floats do not tell from others.

        None where the column does not hold whole numbers, or the label is none.
        """
        if not (isinstance(ref, Ref) and ref in self.data and label.strip().lstrip("+-").isdecimal()):
            return None
        column = self._of_units(ref)
        if column.numbers is None or column.numbers.dtype.kind not in "iu":
            return None
        values = np.subtract(column.numbers > int(label), column.numbers < int(label), dtype=np.float64)
        return cast(Numbers, self._carry(Numbers(values=values, missing=column.missing), ref.index_set, at))

    def _label_number(self, label: str, operand: Expr) -> float:
        if isinstance(operand, Ref) and operand in self.data:
            column = self.columns[self.data[operand].column]
            if column.kind == "boolean" and label.casefold() in ("true", "false"):
                return float(label.casefold() == "true")
        try:
            return float(label)
        except ValueError:
            return np.nan

    def _note_unknown(self, operand: Expr, label: str, labels: Labels[str]) -> None:
        if isinstance(operand, Ref):
            self.unknown_labels[UnknownLabel(ref=operand, label=label, labels=labels)] = None


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _apply(function: Callable[..., Any], parts: list[Numbers]) -> Numbers:
    with np.errstate(all="ignore"):  # what is not finite is reported with its statement and row
        values = np.asarray(function(*(part.values for part in parts)), dtype=np.float64)
    missing: NDArray[np.bool_] | None = None
    for part in parts:
        if part.missing is not None:
            missing = part.missing if missing is None else missing | part.missing
    return Numbers(values=values, missing=missing)


def _compare_codes(compare: Callable[..., NDArray[np.bool_]], first: _Labels, second: _Labels) -> Numbers:
    place = {label: code for code, label in enumerate(first.labels)}
    extra = {label: len(place) + k for k, label in enumerate(x for x in second.labels if x not in place)}
    table = np.array([*({**place, **extra}[label] for label in second.labels), -1], dtype=np.intp)
    missing = (first.codes < 0) | (second.codes < 0)
    values = compare(first.codes, table[second.codes]).astype(np.float64)
    return Numbers(values=values, missing=missing if missing.any() else None)
