"""Which rows are used, and whether their values are finite numbers.

Stage: design. Input: the composite model and an evaluator over all rows. Output: the rows without a missing value, with
counts by column. Invariants: a column counts where it stands outside an aggregate; nothing but a missing value drops a
row; a value that is not finite is an error with its statement and row, never a missing value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import ColumnValues
from hdsl.design.evaluate import Evaluator, NotNumeric
from hdsl.diagnostics.record import Diagnostics
from hdsl.families import DISTRIBUTIONS
from hdsl.form.expr import Aggregate, Apply, Expr, Num, Ref, Text, references, show_symbol
from hdsl.form.model import CompositeModel, Term
from hdsl.source import Span

__all__ = ["BOUNDS", "Use", "check_finite", "check_numeric", "missing_by_column", "report_text", "uses"]

BOUNDS = ("lower", "upper")
"""Arguments of wrappers that a row may lack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An expression that the model needs for each row: what it is called, and where it stands.

    `may_be_missing` says that a row without a value is used all the same: a missing bound is no bound.
    """

    name: str
    expr: Expr
    span: Span | None
    may_be_missing: bool = False


def uses(form: CompositeModel) -> Iterator[Use]:
    """Yield the outcome, the covariates of every term and the known arguments, in that order."""
    outcome = form.outcome
    expr = outcome.expr
    if DISTRIBUTIONS[outcome.distribution].support == "ordered categories":
        expr = Apply(operator="==", operands=(expr, expr))  # labels or numbers: whether there is one is what counts
    yield Use(name=show_symbol(outcome.name, outcome.index_set), expr=expr, span=outcome.span)
    for term in _terms(form):
        for covariate in term.covariates:
            yield Use(name=covariate.text, expr=covariate.expr, span=term.spans[0] if term.spans else None)
    for name, expr in outcome.known:
        yield Use(name=name, expr=expr, span=outcome.span, may_be_missing=name in BOUNDS)
    if form.residual is not None and form.residual.known is not None:
        yield Use(name="the residual's standard deviation", expr=form.residual.known, span=form.residual.span)


def _terms(form: CompositeModel) -> Iterator[Term]:
    for predictor in form.predictors:
        yield from predictor.terms


def check_numeric(form: CompositeModel, evaluator: Evaluator, found: Diagnostics) -> None:
    """Evaluate every definition and use; report text where a number is needed (HM407)."""
    defined = [
        Use(name=definition.name, expr=Ref(name=definition.name, index_set=definition.index_set), span=definition.span)
        for definition in form.definitions
    ]
    reported: set[Ref] = set()
    for use in dict.fromkeys([*defined, *uses(form)]):
        try:
            if isinstance(use.expr, Ref):
                evaluator.numbers(use.expr, use.expr.index_set)
            else:
                evaluator.rows(use.expr)
        except NotNumeric as signal:
            if signal.ref not in reported:
                reported.add(signal.ref)
                report_text(signal.ref, evaluator, use.span, found)


def report_text(ref: Ref, evaluator: Evaluator, span: Span | None, found: Diagnostics) -> None:
    """Report a text column where a number is needed, with a row (HM407)."""
    symbol = show_symbol(ref.name, ref.index_set)
    data = evaluator.data.get(ref)
    column = evaluator.columns[data.column] if data is not None else None
    if data is None or column is None or column.codes is None:
        help_text = f'compare it with a label: `{symbol} == ".."`'
        found.error(
            "HM407", f"`{symbol}` is text, where a number is needed: compare it with a label", span, help=help_text
        )
        return
    row = _odd_row(column)
    label = column.labels[column.codes[row]]
    help_text = f'compare it, `{symbol} == "{label}"`, or give each label a coefficient: `b_{ref.name}[{ref.name}]`'
    note = f"row {row + 1} of the column `{data.column}` holds `{label}`"
    place = data.spans[0] if data.spans else span
    found.error(
        "HM407",
        f"`{symbol}` is text, where a number is needed: compare it with a label",
        place,
        notes=[note],
        help=help_text,
    )


def _odd_row(column: ColumnValues) -> int:
    """Return the first row whose text is no number, else the first with a value."""
    assert column.codes is not None

    def is_number(label: str) -> bool:
        try:
            float(label)
        except ValueError:
            return False
        return True

    odd = np.array([*(not is_number(label) for label in column.labels), False])
    mask = odd[column.codes] if odd.any() else column.codes >= 0
    return int(np.argmax(mask))


def missing_by_column(form: CompositeModel, evaluator: Evaluator) -> dict[str, NDArray[np.bool_]]:
    """Return for each column, index column or definition that lacks values the rows where it does."""
    masks: dict[str, NDArray[np.bool_]] = {}

    def note(name: str, mask: NDArray[np.bool_] | None) -> None:
        if mask is not None and mask.any():
            masks[name] = masks[name] | mask if name in masks else mask

    for index in form.indices:
        if index.column is not None and _is_grouping(form, index.name):
            note(index.column, evaluator.columns[index.column].missing)
    needed = [use for use in uses(form) if not use.may_be_missing]
    roots = list(dict.fromkeys(use.expr for use in needed))
    leaves, named = _leaves(roots, evaluator)
    for ref in leaves:
        column = evaluator.data[ref].column
        note(column, evaluator.columns[column].missing)
    for name, expr in named:
        _note_unexplained(name, evaluator.rows(expr).missing, masks)
    for use in needed:
        _note_unexplained(use.name, evaluator.rows(use.expr).missing, masks)
    return masks


def _is_grouping(form: CompositeModel, name: str) -> bool:
    """Whether rows need a value of this index: some coefficient or covariate of theirs is indexed by it."""
    return any(name in index_set for index_set in form.index_sets)


def _note_unexplained(name: str, missing: NDArray[np.bool_] | None, masks: dict[str, NDArray[np.bool_]]) -> None:
    """Put a missing value that no column explains (the mean of an empty group) down to the name."""
    if missing is None:
        return
    own = missing.copy()
    for mask in masks.values():
        own &= ~mask
    if own.any():
        masks[name] = own


def _leaves(roots: list[Expr], evaluator: Evaluator) -> tuple[list[Ref], list[tuple[str, Expr]]]:
    """Return the data columns that `roots` use outside aggregates, and the definitions on the way, first ones first."""
    leaves: dict[Ref, None] = {}
    named: dict[Ref, None] = {}
    for root in roots:
        _visit(root, evaluator, leaves, named)
    return list(leaves), [(show_symbol(ref.name, ref.index_set), ref) for ref in named]


def _visit(node: Expr, evaluator: Evaluator, leaves: dict[Ref, None], named: dict[Ref, None]) -> None:
    match node:
        case Ref() if node in evaluator.definitions:
            if node not in named:
                _visit(evaluator.definitions[node].expr, evaluator, leaves, named)
                named[node] = None
        case Ref():
            leaves[node] = None
        case Apply(operands=operands):
            for operand in operands:
                _visit(operand, evaluator, leaves, named)
        case Aggregate() | Num() | Text():
            pass


def check_finite(form: CompositeModel, evaluator: Evaluator, keep: NDArray[np.bool_], found: Diagnostics) -> None:
    """Report columns, definitions and covariates that are not finite in a row that is used (HM416).

    What is not finite because it uses something that is not finite is not reported again.
    """
    guilty: set[Ref] = set()
    for ref, data in evaluator.data.items():
        column = evaluator.columns[data.column]
        if column.numbers is not None and column.numbers.dtype.kind == "f":
            row = _first(np.isinf(column.numbers) & keep)
            if row is not None:
                guilty.add(ref)
                place = data.spans[0] if data.spans else None
                symbol = show_symbol(ref.name, ref.index_set)
                message = f"`{symbol}` is infinite in row {row + 1}: make it missing, or give its value"
                found.error("HM416", message, place, help="leave the field empty where the value is not known")
    for ref, definition in evaluator.definitions.items():
        name = show_symbol(ref.name, ref.index_set)
        if _report_not_finite(Use(name=name, expr=ref, span=definition.span), evaluator, keep, guilty, found):
            guilty.add(ref)
    for use in dict.fromkeys(uses(form)):
        if not isinstance(use.expr, Ref):
            _report_not_finite(use, evaluator, keep, guilty, found)


def _report_not_finite(
    use: Use, evaluator: Evaluator, keep: NDArray[np.bool_], guilty: set[Ref], found: Diagnostics
) -> bool:
    value = evaluator.rows(use.expr)
    bad = ~np.isfinite(value.values) & keep
    if value.missing is not None:
        bad &= ~value.missing
    row = _first(bad)
    if row is None:
        return False
    definition = evaluator.definitions.get(use.expr) if isinstance(use.expr, Ref) else None
    operands = references(use.expr if definition is None else definition.expr)
    if not guilty.intersection(operands):
        notes = [_operand_values(operands, evaluator, row)] if operands else []
        message = f"`{use.name}` is not a finite number in row {row + 1}: redefine it, or drop the row"
        help_text = "a logarithm of a number that is not positive, or a division by zero; exclude or redefine such rows"
        found.error("HM416", message, use.span, notes=notes, help=help_text)
    return True


def _operand_values(operands: tuple[Ref, ...], evaluator: Evaluator, row: int) -> str:
    parts = []
    for ref in operands:
        symbol = show_symbol(ref.name, ref.index_set)
        if ref in evaluator.data:
            parts.append(f"{symbol} = {evaluator.columns[evaluator.data[ref].column].label(row)}")
        else:
            parts.append(f"{symbol} = {float(evaluator.rows(ref).values[row]):.6g}")
    return "there " + ", ".join(parts)


def _first(mask: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(mask)) if mask.any() else None
