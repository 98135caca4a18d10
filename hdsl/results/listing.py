"""Frames of estimates as text: the numbers of a column under each other, as many digits as their standard errors carry.

Stage: results. Input: frames with the columns that results have. Output: text of 80 columns. Invariant: nothing is cut
off; what has no rule of its own prints with four significant digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hdsl.results.numbers import fixed, p_value, significant
from hdsl.results.report import Cells, Report

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["listing"]

BY_ERROR = ("estimate", "bias", "se", "lower", "upper")
"""Columns with the decimals of the standard error."""

FORMATS: dict[str, Callable[[float], str]] = {
    "df": lambda value: fixed(value, 1),
    "t": lambda value: fixed(value, 2),
    "z": lambda value: fixed(value, 2),
    "p": p_value,
    "value": lambda value: fixed(value, 3),
}


def listing(title: str, frame: pd.DataFrame, *, numeric: int | None = None) -> str:
    """Return a titled table as text.

    Parameters
    ----------
    title : str
    frame : DataFrame
        Its index is the first column, by the name of the index.
    numeric : int, optional
        Columns from the right that hold numbers; all by default.
    """
    width = len(frame.columns) if numeric is None else numeric
    names = [str(name) for name in frame.columns]
    rows = tuple(
        (str(label), *_cells(names, row, width)) for label, row in zip(frame.index, _values(frame), strict=True)
    )
    index = "name" if frame.index.name is None else str(frame.index.name)
    cells = Cells(title=title, header=(index, *names), rows=rows, numeric=width)
    report = Report(title="", alarm="", facts=(), tables=(cells,), closing=(), messages=())
    return report.text().lstrip("\n")


def _values(frame: pd.DataFrame) -> list[list[Any]]:
    return [list(row) for row in frame.itertuples(index=False, name=None)]


def _cells(names: list[str], row: list[Any], numeric: int) -> list[str]:
    error = row[names.index("se")] if "se" in names else None
    first = len(names) - numeric
    return [str(value) if at < first else _cell(names[at], float(value), error) for at, value in enumerate(row)]


def _cell(name: str, value: float, error: float | None) -> str:
    if name in BY_ERROR and error is not None:
        return significant(value, by=error)
    return FORMATS.get(name, significant)(value)
