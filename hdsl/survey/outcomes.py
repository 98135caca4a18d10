"""Columns that look like outcomes, best first.

Stage: survey. Input: the columns with their roles and levels. Output: `Outcome`. Invariants: a column that labels
groups or rows is none; the distribution is what the values allow, by a row of `DISTRIBUTIONS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hdsl.survey.profile import Profile
from hdsl.survey.record import ROWS, ColumnScan, Outcome
from hdsl.survey.words import names_measure, names_outcome

__all__ = ["outcomes"]

_MOST = 3  # that are listed
_NEAR = 3  # points that they may be behind the first
_MOST_CATEGORIES = 10
_MANY = 20  # values that a scale has, and codes have not
_SAMPLE = 2_000  # rows that are looked at before all are
_FEWEST_ROWS = 10


def outcomes(
    columns: Sequence[ColumnScan], profiles: dict[str, Profile], n_rows: int, known: str | None = None
) -> tuple[Outcome, ...]:
    """Return what looks like an outcome, or the one that is known; varying between rows is what counts most."""
    if known is not None:
        column = next(column for column in columns if column.name == known)
        distribution = _distribution(column, profiles[known])
        functions = _functions(known, profiles)
        return (Outcome(column=known, distribution=distribution, score=0, reasons=(), functions=functions),)
    found = []
    for place, column in enumerate(columns):
        if column.role not in ("covariate", "factor") or (column.is_text and column.n_values > _MOST_CATEGORIES):
            continue
        reasons = _reasons(column, is_at_end=place in (0, len(columns) - 1), n_rows=n_rows)
        if column.is_text and column.kind != "binary" and not names_outcome(column.name):
            continue
        found.append(
            Outcome(
                column=column.name,
                distribution=_distribution(column, profiles[column.name]),
                score=sum(points for points, _ in reasons),
                reasons=tuple(words for points, words in reasons if points > 0 and words),
            )
        )
    found.sort(key=lambda outcome: -outcome.score)
    near = [outcome for outcome in found[:_MOST] if outcome.score >= found[0].score - _NEAR]
    return tuple(replace(outcome, functions=_functions(outcome.column, profiles)) for outcome in near)


def _reasons(column: ColumnScan, *, is_at_end: bool, n_rows: int) -> list[tuple[int, str]]:
    rows = [
        (4, column.level == ROWS and not column.nearly, "it varies between rows"),
        (3, names_outcome(column.name), "its name is that of an outcome"),
        (3, column.name.casefold() == "y", "it is called y"),
        (2, column.kind == "continuous", "its values are continuous"),
        (1, column.n_values >= _MANY, ""),
        (1, column.n_values > 0.2 * n_rows, "it has many values"),
        (1, is_at_end, "it stands at the end of the table"),
        (-2, column.kind == "binary" or column.is_text, ""),
        (-3, names_measure(column.name) and not names_outcome(column.name), ""),
        (-3, column.n_missing > 0.5 * n_rows, ""),
    ]
    return [(points, words) for points, holds, words in rows if holds]


def _distribution(column: ColumnScan, profile: Profile) -> str:
    """Return the distribution that the values suggest."""
    if column.kind == "binary":
        return "bernoulli"
    if column.is_text:
        return "ordered_logit"
    if column.kind == "integer" and profile.values.numbers is not None:
        first = profile.factor.labels[:3] if profile.factor is not None else ()
        is_scale = names_measure(column.name) and not column.name.casefold().endswith("count")
        return "poisson" if first == ("0", "1", "2") and not is_scale else "normal"
    return "normal"


# ------------------------------------------------------------ the outcome in another coding


def _functions(name: str, profiles: dict[str, Profile]) -> tuple[str, ...]:
    """Return the columns of which the outcome is a function, or that rise or fall with it without exception."""
    y = _numbers(profiles[name])
    return tuple(other.name for other in profiles.values() if other.name != name and _gives(_numbers(other), y))


def _numbers(profile: Profile) -> NDArray[np.float64]:
    """Return a column as numbers, its labels' positions if it has labels; missing is NaN."""
    if profile.values.codes is not None:
        return np.where(profile.values.codes < 0, np.nan, profile.values.codes)
    return profile.values.reals()


def _gives(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether y is one value for each value of x, or the two have one order; a sample is looked at first."""
    held = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    for rows in (held[:: max(1, len(held) // _SAMPLE)], held):
        if len(rows) < _FEWEST_ROWS or not _gives_in(x[rows], y[rows]):
            return False
    return True


def _gives_in(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    same, steps = x[1:] == x[:-1], np.diff(y)
    if np.any(steps[same] != 0):
        return False
    changes = steps[~same]
    is_monotone = bool(np.all(changes > 0) or np.all(changes < 0))
    return is_monotone or 2 * int(same.sum()) > len(same)  # most values repeat, each with one outcome
