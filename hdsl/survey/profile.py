"""Columns one by one: what their values are, how many differ, how many are missing, which may label groups.

Stage: survey, first step. Input: a `Table`. Output: a `Profile` for each column. Invariants: a column is read once;
only columns that may label groups are coded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import ColumnValues, Factor
from hdsl.design.tables import Table
from hdsl.survey.record import Kind

__all__ = ["Profile", "profile"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """What one column is by itself.

    `factor` is None where the column cannot label groups: it holds fractions, one value or none.
    """

    name: str
    values: ColumnValues
    kind: Kind
    n_values: int
    n_missing: int
    factor: Factor | None

    @property
    def is_text(self) -> bool:
        """Whether the values are labels."""
        return self.values.codes is not None

    @property
    def n_present(self) -> int:
        """Rows with a value."""
        held = self.values.codes if self.values.codes is not None else self.values.numbers
        assert held is not None
        return len(held) - self.n_missing


def profile(table: Table) -> list[Profile]:
    """Return the profile of every column, in order."""
    return [_profile(name, table.column(name)) for name in table.names]


def _profile(name: str, values: ColumnValues) -> Profile:
    missing = values.missing
    n_missing = 0 if missing is None else int(missing.sum())
    whole = values.numbers is None or _is_whole(values.numbers)
    factor = values.factor() if whole else None
    n_values = len(factor.labels) if factor is not None else _count(values.numbers)
    kind: Kind
    if n_values == 0:
        kind = "empty"
    elif n_values == 2:
        kind = "binary"
    elif values.codes is not None:
        kind = "text"
    else:
        kind = "integer" if whole else "continuous"
    may_group = factor is not None and n_values > 1
    return Profile(
        name=name,
        values=values,
        kind=kind,
        n_values=n_values,
        n_missing=n_missing,
        factor=factor if may_group else None,
    )


def _is_whole(numbers: NDArray[np.generic]) -> bool:
    if numbers.dtype.kind != "f":
        return True
    values = np.asarray(numbers, dtype=np.float64)
    if np.isinf(values).any():
        return False
    return bool(np.all((values == np.floor(values)) | np.isnan(values)))


def _count(numbers: NDArray[np.generic] | None) -> int:
    import pandas as pd

    assert numbers is not None
    distinct = pd.unique(numbers)
    return int((~np.isnan(np.asarray(distinct, dtype=np.float64))).sum())
