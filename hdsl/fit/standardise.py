"""Standardise columns before cross-products are taken, and map estimates back.

Cross-products square the condition number, so X is centred (where it has an intercept) and scaled, an unstructured
random block with a constant column has its other columns centred and scaled, and the outcome is centred and scaled.
The criterion at the user's columns follows exactly: ``X = X* R``, ``Z = Z* T``, so that ``Sigma* = T Sigma T'``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from hdsl.plan import CovarianceBlock, Plan
from hdsl.runtime import Indicators
from hdsl.runtime.rows import PART, row_parts

__all__ = [
    "Block",
    "Codes",
    "Columns",
    "FixedScale",
    "Floats",
    "Outcome",
    "least_squares",
    "product_with",
    "random_scale",
    "standardise_fixed",
    "standardise_outcome",
    "take_out",
]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]
Block: TypeAlias = Floats | Indicators

CONSTANT = 1e-13
"""A column whose spread is below this share of its size is taken as constant."""


MOSTLY_FITTED = 1e-2
"""Residual standard deviation of least squares, relative to the outcome's, below which the fit is taken out first."""

FITTED = 1e-11
"""The same, below which it is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """A standardised column without storage: the rows that are read are computed, as often as they are.

    It serves as a column of `hdsl.runtime.rows`, where rows are read in parts, or as a whole.
    """

    column: Floats
    shift: float
    scale: float

    def __len__(self) -> int:
        return len(self.column)

    @property
    def strides(self) -> tuple[int, ...]:
        """Those of the column: it is not constant."""
        return self.column.strides

    def __getitem__(self, rows: slice) -> Floats:
        return self._written(self.column[rows], np.empty(len(self.column[rows])))

    def __array__(self, dtype: np.dtype[np.float64] | None = None, copy: bool | None = None) -> Floats:
        out = np.empty(len(self))
        for rows in row_parts(len(self)):
            self._written(self.column[rows], out[rows])
        return out

    def _written(self, values: Floats, out: Floats) -> Floats:
        np.subtract(values, self.shift, out=out)
        out /= self.scale
        return out


class Columns:
    """Standardised columns; one that stands in X and in Z stays one array.

    Parameters
    ----------
    is_stored : bool
        Whether every column is an array; otherwise one of more rows than a part (`row_parts`) is a `Standardised`,
        which serves for sums over rows alone.
    """

    def __init__(self, *, is_stored: bool = True) -> None:
        self._is_stored = is_stored
        self._known: dict[tuple[int, bool], tuple[Floats, float, float, Floats]] = {}

    def standard(self, column: Floats, shift: float, scale: float) -> Floats:
        """Return a column less its shift, over its scale."""
        standard = Standardised(column, shift, scale)
        return standard[:] if self._is_stored or len(column) <= PART else cast(Floats, standard)

    def scaled(self, column: Floats, *, centre: bool) -> tuple[Floats, float, float]:
        """Return the standardised column, its shift and its scale."""
        key = (id(column), centre)
        if key not in self._known:
            self._known[key] = (*self._scaled(column, centre=centre), column)
        standard, shift, scale, _ = self._known[key]
        return standard, shift, scale

    def _scaled(self, column: Floats, *, centre: bool) -> tuple[Floats, float, float]:
        if is_constant(column):
            return column, 0.0, 1.0
        shift, scale = _shift_and_scale(column, centre=centre)
        if scale <= CONSTANT * abs(shift):
            return np.zeros_like(column), shift, 1.0
        return self.standard(column, shift, scale), shift, scale


def is_constant(column: Floats) -> bool:
    """Whether a column is a broadcast scalar, as `hdsl.runtime.constant` makes them."""
    return column.strides == (0,)


def _shift_and_scale(column: Floats, *, centre: bool) -> tuple[float, float]:
    """Return the mean, or 0, and the root mean square about it."""
    shift = float(column.mean()) if centre else 0.0
    total = 0.0
    for rows in row_parts(len(column)):
        moved = column[rows] - shift
        total += float(moved @ moved)
    return shift, float(np.sqrt(total / len(column)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedScale:
    """Shift and scale of each column of X; ``X = X* R`` with R upper triangular but for the intercept's row.

    `intercept` is the column of X that the shifts go to, or None; `value` is the constant in it.
    """

    shift: Floats
    scale: Floats
    intercept: int | None
    value: float

    def to_user(self, columns: Sequence[int]) -> Floats:
        """Return R^-1 for the chosen columns: ``beta = R^-1 beta*``."""
        back = np.diag(1.0 / self.scale[list(columns)])
        if self.intercept is not None:
            at = list(columns).index(self.intercept)
            back[at] -= self.shift[list(columns)] / self.scale[list(columns)] / self.value
        return back

    def logdet(self, columns: Sequence[int]) -> float:
        """Return ``log |R|^2`` for the chosen columns."""
        return 2.0 * float(np.log(self.scale[list(columns)]).sum())


def standardise_fixed(plan: Plan, X: Sequence[Block], columns: Columns) -> tuple[list[Block], FixedScale]:
    """Return the columns of X standardised, and how to go back."""
    out: list[Block] = []
    shifts, scales = [], []
    intercept, value = None, 1.0
    for position, block in enumerate(X):
        if isinstance(block, Indicators):
            values, _, scale = columns.scaled(block.values, centre=False)
            out.append(block._replace(values=values))
            shifts += [0.0] * block.size
            scales += [scale] * block.size
        else:
            if position == plan.intercept:
                intercept, value = len(shifts), float(block[0])
            standard, shift, scale = columns.scaled(block, centre=plan.intercept is not None)
            out.append(standard)
            shifts.append(shift)
            scales.append(scale)
    return out, FixedScale(shift=np.array(shifts), scale=np.array(scales), intercept=intercept, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome standardised: ``y = shift + scale * values``, plus ``X* base`` where most of it was taken out."""

    values: Floats
    shift: float
    scale: float
    base: Floats


def standardise_outcome(y: Floats, columns: Columns, *, centre: bool) -> Outcome:
    """Return the outcome standardised; a constant one has scale 0."""
    shift, scale = _shift_and_scale(y, centre=centre)
    if scale <= CONSTANT * abs(shift):
        return Outcome(values=np.zeros_like(y), shift=shift, scale=0.0, base=np.zeros(0))
    return Outcome(values=columns.standard(y, shift, scale), shift=shift, scale=scale, base=np.zeros(0))


def random_scale(plan: Plan, position: int, Z: Sequence[Floats], columns: Columns) -> tuple[tuple[Floats, ...], Floats]:
    """Return the columns of Z of one factor standardised, and T with ``Z = Z* T``.

    A column is scaled where its standard deviation is a parameter of its own, and centred where it is correlated with
    the effect of a constant column, so that the covariances of the block are the same model.
    """
    times = Counter(t for term in plan.re_terms for block in term.blocks for t in block.theta)
    out, T = list(Z), np.eye(len(Z))
    for block in plan.re_terms[position].blocks:
        if any(t < 0 or times[t] > 1 for t in block.theta):
            continue
        base = _constant_column(block, Z)
        for c in block.columns:
            out[c], shift, T[c, c] = columns.scaled(Z[c], centre=base is not None)
            if base is not None and shift:
                T[base, c] = shift / float(Z[base][0])
    return tuple(out), T


def _constant_column(block: CovarianceBlock, Z: Sequence[Floats]) -> int | None:
    """Return the constant column of a block that is not zero, if there is one."""
    return next((c for c in block.columns if is_constant(Z[c]) and Z[c][0] != 0.0), None)


def least_squares(X: Sequence[Block], y: Floats, gram: Floats) -> tuple[Floats, Floats | None]:
    """Return coefficients and residuals, from the cross-products of ``[X, y]``; the columns of X are independent.

    There are no residuals where the cross-products alone say that they are a good part of the outcome.
    """
    beta: Floats = np.asarray(np.linalg.solve(gram[:-1, :-1], gram[:-1, -1]), dtype=float)
    if gram[-1, -1] - beta @ gram[:-1, -1] > 4.0 * MOSTLY_FITTED**2 * len(y):
        return beta, None
    error = np.array(y)
    for rows in row_parts(len(y)):
        error[rows] -= product_with([_part(block, rows) for block in X], beta)
    return beta, error


def _part(block: Block, rows: slice) -> Block:
    """Return a part of the rows of a block."""
    if isinstance(block, Indicators):
        return block._replace(codes=block.codes[rows], values=block.values[rows])
    return block[rows]


def take_out(outcome: Outcome, beta: Floats, error: Floats | None) -> Outcome:
    """Return the outcome without its least-squares fit where that is nearly all of it, so that r2 keeps its digits.

    A residual that rounding cannot tell from zero gives scale 0.
    """
    size = np.inf if error is None else float(np.sqrt(error @ error / len(error)))
    if error is None or size > MOSTLY_FITTED:
        return replace(outcome, base=np.zeros(len(beta)))
    if size <= FITTED:
        return replace(outcome, scale=0.0)
    return Outcome(
        values=error / size, shift=outcome.shift, scale=outcome.scale * size, base=outcome.scale * np.asarray(beta)
    )


def product_with(X: Sequence[Block], beta: Floats) -> Floats:
    """Return ``X beta``."""
    total, at = np.zeros(()), 0
    for block in X:
        if isinstance(block, Indicators):
            total = total + np.append(beta[at : at + block.size], 0.0)[block.codes] * block.values
            at += block.size
        else:
            total = total + beta[at] * block
            at += 1
    return total
