"""The outcome on data: whether its values are such as its distribution can have, and what the likelihood reads of it.

Stage: design. Input: the composite model and an evaluator over all rows. Output: diagnostics (HM404, HM423), and
`Observed`. Invariants: a support that the table of distributions names has one row here; a missing value is in every
range; the check needs no back end, so data are checked for models that are not fitted yet, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import compress
from hdsl.design.evaluate import Evaluator, NotNumeric
from hdsl.design.functions import FUNCTIONS
from hdsl.design.layout import Layout, in_predictor, sum_of_products
from hdsl.design.rows import BOUNDS, report_text
from hdsl.diagnostics.record import Diagnostics
from hdsl.families import DISTRIBUTIONS
from hdsl.form.expr import Expr, show_symbol
from hdsl.form.model import CompositeModel, Outcome

__all__ = ["Observed", "check_range", "known_arguments", "observe", "offsets_of"]

_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Support:
    """One range: which values lie in it (given the size, of a binomial), its words, and what may be meant instead."""

    holds: Callable[[_Values, _Values], NDArray[np.bool_]]
    words: str
    help: str


_SUPPORTS: dict[str, _Support] = {
    "positive": _Support(
        holds=lambda y, _: y > 0,
        words="above 0",
        help="leave such rows out; for exact zeros beside positive values, `hurdle(..)`",
    ),
    "counts": _Support(
        holds=lambda y, _: (y >= 0) & (y == np.floor(y)),
        words="a count: 0, 1, 2, ..",
        help="use `gamma` for positive amounts, `normal` for differences",
    ),
    "0 or 1": _Support(
        holds=lambda y, _: (y == 0) | (y == 1),
        words="0 or 1",
        help='code it by a definition: `y[i] = use[i] == "Y"`, or `z[i] = y[i] > 0`',
    ),
    "0 to size": _Support(
        holds=lambda y, size: (y >= 0) & (y <= size) & (y == np.floor(y)),
        words="a whole number from 0 to its size",
        help="give successes as the outcome and trials as the size: `binomial(trials[i], p[i])`",
    ),
    "(0, 1)": _Support(
        holds=lambda y, _: (y > 0) & (y < 1),
        words="between 0 and 1, both excluded",
        help="divide percentages by 100; of successes and trials use `binomial`",
    ),
}
"""What the ranges of the table of distributions mean; those that it does not list hold any value."""

_WITH_ZERO = ("hurdle", "zero_inflated")


def check_range(form: CompositeModel, evaluator: Evaluator, found: Diagnostics) -> None:
    """Report an outcome, or data that its distribution takes, outside their range, with the first such row (HM404)."""
    outcome = form.outcome
    try:
        known = {name: evaluator.rows(expr).values for name, expr in outcome.known}
        _check_known(outcome, known, found)
        support = _SUPPORTS.get(DISTRIBUTIONS[outcome.distribution].support)
        if support is None and not set(known).intersection(BOUNDS):
            return
        observed = evaluator.rows(outcome.expr)
    except NotNumeric as signal:
        report_text(signal.ref, evaluator, outcome.span, found)
        return
    y = _modelled(outcome, observed.values)
    there = np.isfinite(observed.values) & (True if observed.missing is None else ~observed.missing)
    if support is not None:
        wrong = ~support.holds(y, known.get("size", y)) & there
        if set(outcome.wrappers).intersection(_WITH_ZERO):
            wrong &= y != 0
        if wrong.any():
            _report(outcome, support, observed.values, known.get("size", y), wrong, found)
    if "truncated" in outcome.wrappers:
        _check_bounds(outcome, y, known, there, found)


def _check_known(outcome: Outcome, known: dict[str, _Values], found: Diagnostics) -> None:
    """Report data in the place of an argument that must be positive, and sizes that are no whole numbers."""
    row = DISTRIBUTIONS[outcome.distribution]
    ranges = {slot.name: slot for slots in (row.slots, *row.alternatives) for slot in slots}
    for name, values in known.items():
        slot = ranges.get(name)
        if slot is None or slot.range != "positive":
            continue
        is_count = outcome.distribution == "binomial"
        wrong = (values < 0) | (values != np.floor(values)) if is_count else values <= 0
        wrong &= np.isfinite(values)
        if wrong.any():
            place = int(np.argmax(wrong))
            what = "a whole number, 0 or more" if is_count else "above 0"
            found.error(
                "HM404",
                f"the {slot.role} of `{outcome.distribution}` must be {what}: it is {values[place]:g} in a row",
                outcome.span,
                label=f"its {slot.role} is {values[place]:g} in row {place + 1}",
                notes=[f"{int(wrong.sum()):,} such rows, the first is row {place + 1}"],
                help="leave such rows out, or correct the column",
            )


def _check_bounds(
    outcome: Outcome, y: _Values, known: dict[str, _Values], there: NDArray[np.bool_], found: Diagnostics
) -> None:
    """Report an outcome beyond a bound of its truncated distribution."""
    for name in BOUNDS:
        if name not in known:
            continue
        bound = np.broadcast_to(known[name], y.shape)
        wrong = ((y < bound) if name == "lower" else (y > bound)) & there  # a bound that is missing is none
        if wrong.any():
            place = int(np.argmax(wrong))
            symbol = show_symbol(outcome.name, outcome.index_set)
            side = "below its lower" if name == "lower" else "above its upper"
            found.error(
                "HM404",
                f"`{symbol}` is {side} bound: a truncated distribution has no such values",
                outcome.span,
                label=f"{y[place]:g} in row {place + 1}, its bound is {bound[place]:g}",
                notes=[f"{int(wrong.sum()):,} such rows, the first is row {place + 1}"],
                help="use `censored(..)` if values beyond the bound are only known to lie there",
            )


def _modelled(outcome: Outcome, values: _Values) -> _Values:
    if outcome.transform is None:
        return values
    with np.errstate(all="ignore"):  # a value without a logarithm is outside every range
        return np.asarray(FUNCTIONS[outcome.transform](values), dtype=np.float64)


def _report(
    outcome: Outcome, support: _Support, values: _Values, size: _Values, wrong: NDArray[np.bool_], found: Diagnostics
) -> None:
    row = int(np.argmax(wrong))
    symbol = show_symbol(outcome.name, outcome.index_set)
    shown = f"{outcome.transform}({symbol})" if outcome.transform else symbol
    of_size = f", its size {size[row]:g}" if any(name == "size" for name, _ in outcome.known) else ""
    total = int(wrong.sum())
    others = f"; {total:,} rows are outside the range" if total > 1 else ""
    found.error(
        "HM404",
        f"`{shown}` must be {support.words}, as `{outcome.distribution}` has it",
        outcome.span,
        label=f"{values[row]:g} in row {row + 1}",
        notes=[f"in row {row + 1} `{symbol}` is {values[row]:g}{of_size}{others}"],
        help=support.help,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observed:
    """The outcome in the rows used, on the scale that is modelled; (n,).

    `categories` are the labels of an ordinal outcome in order; its values are their positions.
    """

    values: _Values
    categories: tuple[str, ...] = ()


def observe(form: CompositeModel, evaluator: Evaluator, keep: NDArray[np.bool_], found: Diagnostics) -> Observed:
    """Return the outcome in the rows that are kept; report what has no value on the scale that is modelled (HM404)."""
    if DISTRIBUTIONS[form.outcome.distribution].support == "ordered categories":
        return _categories(form.outcome, evaluator, keep, found)
    values = evaluator.kept(form.outcome.expr, keep)
    if form.outcome.transform is None:
        return Observed(values=values)
    with np.errstate(all="ignore"):  # reported with its row
        modelled = np.asarray(FUNCTIONS[form.outcome.transform](values), dtype=np.float64)
    bad = ~np.isfinite(modelled)
    if bad.any():
        place = int(np.argmax(bad))
        row = int(np.flatnonzero(keep)[place]) + 1
        symbol = show_symbol(form.outcome.name, form.outcome.index_set)
        shown = f"{form.outcome.transform}({symbol})"
        message = f"`{shown}` does not exist: leave out row {row}, `{symbol}` = {values[place]:g}"
        notes = [f"{int(bad.sum()):,} such rows"] if bad.sum() > 1 else []
        help_text = "leave such rows out, or model the outcome on another scale"
        found.error("HM404", message, form.outcome.span, notes=notes, help=help_text)
    return Observed(values=modelled)


def _categories(outcome: Outcome, evaluator: Evaluator, keep: NDArray[np.bool_], found: Diagnostics) -> Observed:
    """Return the positions of the categories that occur; those without a row have no threshold (HM423)."""
    factor = evaluator.factor(outcome.expr)
    codes, used = compress(factor.codes[keep], len(factor.labels))
    labels = tuple(factor.labels.take(used))
    symbol = show_symbol(outcome.name, outcome.index_set)
    absent = [label for label in factor.labels if label not in labels]
    if len(labels) < 2:
        found.error(
            "HM404",
            f"`{symbol}` needs two categories, as `{outcome.distribution}` has them",
            outcome.span,
            label=f"only `{labels[0]}` occurs" if labels else "no category occurs",
            help="give an outcome with two categories or more, in an order",
        )
    elif absent:
        shown = ", ".join(f"`{label}`" for label in absent)
        found.note("HM423", f"no row of `{symbol}` is in the category {shown}: it has no threshold", outcome.span)
    return Observed(values=codes.astype(np.float64), categories=labels)


def known_arguments(form: CompositeModel, evaluator: Evaluator) -> Iterator[_Values]:
    """Yield the data that the density takes besides the outcome, for all rows; NaN for a bound that is missing."""
    arguments: dict[str, Expr] = dict(form.outcome.known)
    for name in form.density.known if form.density is not None else ():
        value = evaluator.rows(arguments[name])
        values = np.array(np.broadcast_to(value.values, evaluator.units.n), dtype=np.float64)
        if value.missing is not None:
            values[value.missing] = np.nan
        yield values


def offsets_of(layout: Layout, x: Sequence[_Values], observed: Observed) -> tuple[_Values | None, ...]:
    """Return the known part of each input; infinite beyond the first and the last threshold."""
    y = observed.values
    last = len(observed.categories) - 1
    offsets: list[_Values | None] = []
    for k, (input_, is_there) in enumerate(zip(layout.inputs, layout.has_offset, strict=True)):
        offset = sum_of_products(in_predictor(layout.offset, k), x, len(y)) if is_there else None
        if offset is not None and input_.threshold is not None:
            end = (y == last) if input_.threshold == "upper" else (y == 0)
            offset[end] = np.inf if input_.threshold == "upper" else -np.inf
        offsets.append(offset)
    return tuple(offsets)
