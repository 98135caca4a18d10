"""What a data set needs before it is scanned.

Stage: survey. Input: a table. Output: nothing, or `DataError`.
"""

from __future__ import annotations

from hdsl.design.tables import Table
from hdsl.diagnostics.record import DataError, Diagnostics
from hdsl.diagnostics.spelling import near_names, one_of

__all__ = ["check_table"]


def check_table(table: Table, outcome: str | None, found: Diagnostics) -> None:
    """Refuse a table without rows (HM408), and an outcome that it does not have (HM401)."""
    if not table.n_rows or not table.names:
        found.error("HM408", "the data have no rows", help="give at least one row for each observation")
    elif outcome is not None and outcome not in table:
        similar = near_names(outcome, table.names)
        columns = ", ".join(f"`{name}`" for name in table.names[:12])
        help_text = f"did you mean {one_of(similar)}?" if similar else "name one of the columns"
        found.error(
            "HM401", f"the data have no column `{outcome}`", notes=[f"the columns are {columns}"], help=help_text
        )
    found.raise_errors(DataError)
