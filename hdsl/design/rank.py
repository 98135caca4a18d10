"""Which columns, taken from left to right, add to the span of those before them.

Stage: design. Input: columns of a model matrix as vectors and as indicators of groups. Output: a flag for each column.
Invariants: nothing of size n x p is formed for indicators; the decision is that of Gram-Schmidt from left to right.

Notes
-----
With the Cholesky factor L of the Gram matrix of the columns before it, the squared length of what a column adds is
``g_jj - l_j'l_j``; a column is dropped when that is below `TOLERANCE` times ``g_jj``. Columns after a constant are
centred first, which changes no span and keeps the tolerance meaningful for a covariate such as a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TOLERANCE", "Indicators", "Vector", "gram", "independent"]

TOLERANCE = 1e-9
"""Part of its squared length that a column must add to the span of the earlier ones."""

_ROUNDING = 1e-5  # a centred column shorter than this part of its length is judged by that length
_PANEL = 48  # columns that are updated together by one matrix product


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vector:
    """An ordinary column; None is the constant 1."""

    values: NDArray[np.float64] | None

    @property
    def width(self) -> int:
        """One."""
        return 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Indicators:
    """The columns ``1[codes == k] * values``, k = 0 .. width - 1; `values` None is 1."""

    codes: NDArray[np.intp]
    values: NDArray[np.float64] | None
    width: int


Part = Vector | Indicators


def gram(parts: Sequence[Part], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Gram matrix of all columns, those after a constant centred, and the lengths to judge by.

    Returns
    -------
    matrix : ndarray, (p, p)
    scale : ndarray, (p,)
        Squared lengths of the columns as they are in `matrix`, but never so much smaller than those before centring
        that rounding decides.
    """
    constant = next((k for k, part in enumerate(parts) if isinstance(part, Vector) and part.values is None), len(parts))
    raw = np.concatenate([_lengths(part, n) for part in parts])
    parts = [_centred(part) if k > constant else part for k, part in enumerate(parts)]
    sums = [_sums(part, n) for part in parts]
    starts = np.cumsum([0, *(part.width for part in parts)])
    matrix = np.empty((starts[-1], starts[-1]))
    for a, first in enumerate(parts):
        for b in range(a, len(parts)):
            block = _product(first, parts[b], n)
            if b > constant:
                block = block - np.outer(sums[a], sums[b]) / n
            rows, columns = slice(starts[a], starts[a + 1]), slice(starts[b], starts[b + 1])
            matrix[rows, columns] = block
            matrix[columns, rows] = block.T
    return matrix, np.maximum(np.diag(matrix), _ROUNDING * raw)


def _centred(part: Part) -> Part:
    if isinstance(part, Vector) and part.values is not None:
        return Vector(values=part.values - part.values.mean())
    return part


def _lengths(part: Part, n: int) -> NDArray[np.float64]:
    return np.diag(_product(part, part, n)) if isinstance(part, Vector) else _sums_of_squares(part)


def _sums_of_squares(part: Indicators) -> NDArray[np.float64]:
    weights = None if part.values is None else np.square(part.values)
    return np.bincount(part.codes, weights=weights, minlength=part.width).astype(np.float64)


def _sums(part: Part, n: int) -> NDArray[np.float64]:
    match part:
        case Vector(values=values):
            return np.array([float(n) if values is None else float(values.sum())])
        case Indicators(codes=codes, values=values, width=width):
            return np.bincount(codes, weights=values, minlength=width).astype(np.float64)


def _product(first: Part, second: Part, n: int) -> NDArray[np.float64]:
    """Return the cross-products of the columns of two parts; (width, width)."""
    weights = _times(first.values, second.values)
    match first, second:
        case Vector(), Vector():
            return np.array([[float(n) if weights is None else float(weights.sum())]])
        case Vector(), Indicators(codes=codes, width=width):
            return np.bincount(codes, weights=weights, minlength=width).astype(np.float64)[None, :]
        case Indicators(codes=codes, width=width), Vector():
            return np.bincount(codes, weights=weights, minlength=width).astype(np.float64)[:, None]
        case Indicators(), Indicators():
            cells = first.codes * second.width + second.codes
            size = first.width * second.width
            return np.bincount(cells, weights=weights, minlength=size).astype(np.float64).reshape(first.width, -1)
    raise AssertionError("a part is a vector or indicators")


def _times(first: NDArray[np.float64] | None, second: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    if first is None or second is None:
        return second if first is None else first
    return first * second


def independent(
    matrix: NDArray[np.float64], scale: NDArray[np.float64], candidates: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which columns a left-to-right Cholesky factorisation of a Gram matrix keeps.

    Parameters
    ----------
    matrix : ndarray, (p, p)
        Gram matrix, columns in the order in which they are tried.
    scale : ndarray, (p,)
        Squared lengths that the tolerance is relative to.
    candidates : ndarray of bool, (p,)
        False for a column that is out from the start.

    Returns
    -------
    ndarray of bool, (p,)
    """
    p = len(matrix)
    unit = 1.0 / np.sqrt(np.where(scale > 0, scale, 1.0))
    factor = np.zeros((p, p))
    kept = np.zeros(p, dtype=bool)
    rank = 0
    for start in range(0, p, _PANEL):  # left-looking: a panel is brought up to date, then factored column by column
        stop = min(start + _PANEL, p)
        panel = matrix[start:, start:stop] * unit[start:, None] * unit[None, start:stop]
        panel -= factor[start:, :rank] @ factor[start:stop, :rank].T
        for j in range(stop - start):
            if not candidates[start + j] or panel[j, j] <= TOLERANCE or scale[start + j] <= 0:
                continue
            column = panel[:, j] / np.sqrt(panel[j, j])
            column[:j] = 0.0
            panel[:, j + 1 :] -= np.outer(column, column[j + 1 : stop - start])
            factor[start:, rank] = column
            kept[start + j] = True
            rank += 1
    return kept
