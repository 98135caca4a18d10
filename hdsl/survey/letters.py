"""Which letter stands for which index: j for the finest level, k for the next, as textbooks have it.

Stage: survey. Input: `Scan`. Output: a letter for each column of a level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdsl.survey.scanning import Scan

__all__ = ["letters"]

_LETTERS = "jklmnopqrstuvwxyz"


def letters(scan: Scan) -> dict[str, str]:
    """Return for each column that a level runs over the name of its index, finest level first."""
    columns = list(dict.fromkeys(column for level in scan.levels for column in level.columns))
    names = [*_LETTERS, *(f"{letter}{number}" for number in range(2, 2 + len(columns)) for letter in _LETTERS)]
    return dict(zip(columns, names, strict=False))
