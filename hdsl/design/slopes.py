"""Whether the data can tell a random slope: its covariate must vary within groups.

Stage: design. Input: the grouping factors, their group codes, the covariates of the rows used. Output: diagnostics
(HM418). Invariants: every message names the groups and gives one of them; what is refused is not identified.

Notes
-----
A covariate z that is constant within every group turns a slope into another intercept: u0 + u1 z is one number for each
group. What the data still show is how the variance of that number depends on z. A joint distribution of u0 and u1 has
three parameters for it, which needs three values of z. Independent ones have two, ``var(u0) + z^2 var(u1)``, which two
groups with different z^2 can tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import row_parts
from hdsl.design.layout import in_predictor, sum_of_products
from hdsl.design.units import Units, show_unit
from hdsl.diagnostics.record import Diagnostics
from hdsl.form.expr import show_index_set
from hdsl.form.model import CompositeModel, RandomBlock
from hdsl.plan import Column, Product, ReTerm

__all__ = ["check_slopes"]

_CONSTANT = 1e-12
"""Relative difference up to which two values are one, as for covariates of a level."""


_JOINT_PARAMETERS = 3
"""Two variances and a covariance: as many values of the covariate are needed to tell them apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slope:
    """One slope of a grouping factor, with the values of its covariate in the rows used."""

    term: ReTerm
    column: Column
    block: RandomBlock
    covariate: str
    values: NDArray[np.float64]


def check_slopes(
    form: CompositeModel, terms: Sequence[ReTerm], x: Sequence[NDArray[np.float64]], units: Units, found: Diagnostics
) -> None:
    """Warn of random slopes whose covariate varies in few groups; refuse those that no group tells from an intercept.

    Parameters
    ----------
    form : CompositeModel
    terms : sequence of ReTerm
        The grouping factors.
    x : sequence of ndarray, each (n,)
        The covariates of the layout, in the rows used.
    units : Units
        Of the rows used.
    found : Diagnostics
    """
    texts = _covariate_texts(form)
    for term in terms:
        for column in term.columns:
            if column.is_constant:
                continue
            block = next(block for block in form.blocks if column.symbol in block.effects)
            covariate = texts.get(column.symbol, "its covariate")
            values = sum_of_products(_of_one_input(column), x, units.n)
            _check(_Slope(term=term, column=column, block=block, covariate=covariate, values=values), units, found)


def _of_one_input(column: Column) -> tuple[Product, ...]:
    """Return the products of the first input in which a column varies."""
    first = next(product.predictor for product in column.products if product.factors)
    return in_predictor(column.products, first)


def _covariate_texts(form: CompositeModel) -> dict[str, str]:
    texts: dict[str, str] = {}
    for term in (t for predictor in form.predictors for t in predictor.terms):
        if term.part == "random" and term.coefficient is not None and term.covariates:
            product = "*".join(covariate.text for covariate in term.covariates)
            texts[term.coefficient] = f"{texts[term.coefficient]} + {product}" if term.coefficient in texts else product
    return texts


def _check(slope: _Slope, units: Units, found: Diagnostics) -> None:
    index_set = slope.term.index_set
    codes, first = units.codes(index_set), units.first_rows(index_set)
    held = slope.values[first]  # of each group the first row's value
    varies = np.zeros(len(first), dtype=bool)
    for rows in row_parts(len(codes)):
        own = held[codes[rows]]
        differs = np.abs(slope.values[rows] - own) > _CONSTANT * np.abs(own)
        varies[codes[rows][differs]] = True
    if not varies.any():
        _report_constant(slope, units, held, found)
    elif 2 * int(varies.sum()) < len(first):
        _warn_few(slope, units, varies, found)


def _report_constant(slope: _Slope, units: Units, held: NDArray[np.float64], found: Diagnostics) -> None:
    """Report a slope whose covariate is constant in every group."""
    intercept = _intercept(slope.term)
    if intercept is None:
        return  # the only effect of its groups: a spread that depends on the covariate, as someone wrote it
    level, effect = show_index_set(slope.term.index_set), slope.column.symbol
    message = f"`{slope.covariate}` does not vary within any `{level}`: drop its slope `{effect}`"
    notes = [_example(slope, units, 0)]
    if slope.column.symbol in _joint_with(slope.term, intercept) and len(np.unique(held)) < _JOINT_PARAMETERS:
        notes.append(f"`{intercept}` and `{effect}` enter only as one number for each `{level}`")
        help_text = f"drop `{effect}`: the covariate belongs to the equation of `{intercept}`"
        found.error("HM418", message, slope.block.span, notes=notes, help=help_text)
    elif np.ptp(np.square(held)) <= _CONSTANT * np.max(np.square(held)):
        notes.append(f"the variances of `{intercept}` and `{effect}` enter only as their sum")
        found.error("HM418", message, slope.block.span, notes=notes, help=f"drop `{effect}`")
    else:
        notes.append(f"the spread between the groups of `{level}` depends on `{slope.covariate}` instead")
        found.warning("HM418", message, slope.block.span, notes=notes, help=f"drop `{effect}` unless that is meant")


def _intercept(term: ReTerm) -> str | None:
    return next((column.symbol for column in term.columns if column.is_constant), None)


def _joint_with(term: ReTerm, effect: str) -> tuple[str, ...]:
    """Return the effects that share a covariance block with one."""
    return next(block.effects for block in term.blocks if effect in block.effects)


def _warn_few(slope: _Slope, units: Units, varies: NDArray[np.bool_], found: Diagnostics) -> None:
    level, effect = show_index_set(slope.term.index_set), slope.column.symbol
    n_groups, n_varying = len(varies), int(varies.sum())
    found.warning(
        "HM418",
        f"`{slope.covariate}` varies within {n_varying:,} of {n_groups:,} groups of `{level}` only",
        slope.block.span,
        notes=[
            _example(slope, units, int(np.argmin(varies))),
            f"the other {n_groups - n_varying:,} groups say nothing of the spread of `{effect}`",
        ],
        help=f"keep `{effect}` only if {n_varying:,} group{'s tell' if n_varying > 1 else ' tells'} enough of it",
    )


def _example(slope: _Slope, units: Units, group: int) -> str:
    index_set = slope.term.index_set
    rows = np.flatnonzero(units.codes(index_set) == group)
    label = show_unit(units.label(index_set, group))
    where = "its only row" if len(rows) == 1 else f"all its {len(rows):,} rows"
    return f"in `{show_index_set(index_set)}` = `{label}` it is {slope.values[rows[0]]:g} in {where}"
