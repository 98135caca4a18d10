"""Whether the outcome's values are such as its distribution can have.

Stage: design. Input: the composite model and an evaluator over all rows. Output: diagnostics (HM404). Invariants: a
support that the table of distributions names has one row here; a missing value is in every range; the check needs no
back end, so data are checked for models that are not fitted yet, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.design.evaluate import Evaluator, NotNumeric
from hdsl.design.functions import FUNCTIONS
from hdsl.design.rows import report_text
from hdsl.diagnostics.record import Diagnostics
from hdsl.families import DISTRIBUTIONS
from hdsl.form.expr import show_symbol
from hdsl.form.model import CompositeModel, Outcome

__all__ = ["check_range"]

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
    """Report an outcome outside the range of its distribution, with the first such row (HM404)."""
    outcome = form.outcome
    support = _SUPPORTS.get(DISTRIBUTIONS[outcome.distribution].support)
    if support is None:
        return
    try:
        observed = evaluator.rows(outcome.expr)
        size = next((evaluator.rows(expr).values for name, expr in outcome.known if name == "size"), observed.values)
    except NotNumeric as signal:
        report_text(signal.ref, evaluator, outcome.span, found)
        return
    y = _modelled(outcome, observed.values)
    wrong = ~support.holds(y, size) & np.isfinite(observed.values)
    if set(outcome.wrappers).intersection(_WITH_ZERO):
        wrong &= y != 0
    if observed.missing is not None:
        wrong &= ~observed.missing
    if wrong.any():
        _report(outcome, support, observed.values, size, wrong, found)


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
