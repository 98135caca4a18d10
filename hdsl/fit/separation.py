"""Separation: a combination of columns along which the likelihood rises forever, so that no finite estimate exists.

Input: columns of X and the density of the rows. Output: the columns of such a combination, found by linear programs, or
None. A predictor of a row may be free to rise or to fall without its density falling: with a success the logit may
rise, with a zero count its log mean may fall. A combination ``X delta`` that moves every row in such a direction, and
at least one, has no finite optimum. Rows that one combination takes to their limit set no bounds to the next: the sum
of both, the first one much larger, is such a combination, too.

References
----------
Albert and Anderson (1984), Biometrika 71, 1-10; Konis (2007), Linear programming algorithms for detecting separated
data in binary logistic regression models, thesis, University of Oxford, chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.fit.columns import FixedColumns
from hdsl.fit.row_density import RowValues
from hdsl.fit.standardise import Floats

Move: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""In which rows a predictor may rise, and in which it may fall."""

__all__ = ["Separation", "allowed_moves", "separation"]

FAR = 50.0
"""How far a predictor is moved to see where its density goes."""

LOST = 1e-9
"""Fall of log f over that way, relative to its size, that counts as rounding."""

MODERATE = 5.0
"""Largest predictor that is moved from."""

SMALL = 1e-7
"""Share of the largest coefficient of the combination that counts as none."""

MOST_SECONDS = 20.0
"""Of one linear program; what it has not found by then is not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """A combination of columns without a finite estimate.

    Attributes
    ----------
    columns : tuple of int
        Columns that take part.
    is_complete : bool
        Whether a combination moves every row.
    """

    columns: tuple[int, ...]
    is_complete: bool


def allowed_moves(rows: RowValues, eta: Sequence[Floats]) -> list[Move]:
    """Return for each predictor in which rows it may rise, and in which it may fall, without the density vanishing.

    Parameters
    ----------
    eta : sequence of ndarray, (n,)
        Predictors to move from, one at a time; infinite ones stay.
    """
    base = [np.where(np.isfinite(e), np.clip(e, -MODERATE, MODERATE), e) for e in eta]
    least = rows.value(base)
    least -= LOST * (1.0 + np.abs(least))
    out = []
    for k, e in enumerate(base):
        ends = []
        for sign in (1.0, -1.0):
            moved = [*base[:k], e + sign * FAR, *base[k + 1 :]]
            ends.append((rows.value(moved) >= least) | ~np.isfinite(e))
        out.append((ends[0], ends[1]))
    return out


def separation(columns: FixedColumns, kept: Sequence[int], moves: Sequence[Move | None]) -> Separation | None:
    """Return a combination of the kept columns without a finite estimate that moves all rows which one can move.

    It is of as few columns as possible.

    Parameters
    ----------
    moves : sequence
        As `allowed_moves` returns them; None for a predictor that is to stay where it is.
    """
    scale = np.sqrt(np.maximum(columns.squares / columns.n, np.finfo(float).tiny))[list(kept)]
    nothing = np.zeros((0, len(kept)))
    free, still, held = [nothing], [nothing], [nothing]
    for k, move in enumerate(moves):
        X = columns.dense(k)[:, list(kept)] / scale
        if move is None:
            held.append(X)
        else:
            up, down = move
            still.append(X[~up & ~down])
            free += [X[up & ~down], -X[down & ~up]]
    inequalities, equalities, constant = (_distinct(np.vstack(part)) for part in (free, still, held))
    fixed = np.vstack((equalities, constant))
    moved = _movable(inequalities, fixed)
    delta = _least(inequalities, moved, fixed) if moved.any() else None
    if delta is None:
        return None
    taking_part = np.flatnonzero(np.abs(delta) > SMALL * np.abs(delta).max())
    return Separation(
        columns=tuple(kept[int(c)] for c in taking_part),
        is_complete=not len(equalities) and bool(moved.all()),
    )


def _distinct(rows: Floats) -> Floats:
    """Return the rows that are not zero, each once."""
    rows = rows[np.any(rows != 0.0, axis=1)]
    return np.unique(rows, axis=0) if len(rows) else rows


def _movable(inequalities: Floats, equalities: Floats) -> NDArray[np.bool_]:
    """Return which rows A some combination moves, ``A delta >= 0`` and ``B delta = 0``, rows already moved aside."""
    moved = np.zeros(len(inequalities), dtype=bool)
    while not moved.all():
        rest = inequalities[~moved]
        cost = -rest.sum(axis=0) / len(rest)
        delta = _program(cost, -rest, np.zeros(len(rest)), equalities, np.zeros(len(equalities)), (-1.0, 1.0))
        steps = np.zeros(len(rest)) if delta is None else rest @ delta
        if not np.any(steps > SMALL):
            break
        moved[np.flatnonzero(~moved)[steps > SMALL]] = True
    return moved


def _least(inequalities: Floats, moved: NDArray[np.bool_], equalities: Floats) -> Floats | None:
    """Return delta of least absolute sum with ``A delta >= 1`` in rows that move, 0 in others, and ``B delta = 0``."""
    p = inequalities.shape[1]
    A, B = -inequalities, equalities
    solution = _program(
        np.ones(2 * p),
        np.hstack((A, -A)),
        -moved.astype(float),
        np.hstack((B, -B)),
        np.zeros(len(B)),
        (0.0, None),
    )
    return None if solution is None else solution[:p] - solution[p:]


def _program(
    cost: Floats, A: Floats, b: Floats, B: Floats, c: Floats, bounds: tuple[float | None, float | None]
) -> Floats | None:
    """Return the solution of a linear program, or None where there is none."""
    from scipy.optimize import linprog  # noqa: TID251 - a linear program, and only where a fit is in trouble

    limit = {"time_limit": MOST_SECONDS}
    found: Any = linprog(cost, A_ub=A, b_ub=b, A_eq=B, b_eq=c, bounds=bounds, method="highs", options=limit)
    return np.asarray(found.x) if found.status == 0 else None
