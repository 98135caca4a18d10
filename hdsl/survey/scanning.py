"""Scanning a data set: from what the user hands in to a `Scan` that prints, and that writes a first model.

Stage: survey, the whole of it. Input: data as `Model.fit` takes them. Output: `Scan`. Invariants: no model is needed
and none is fitted; a scan does not hold the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hdsl.design.join import Keys, join_tables
from hdsl.design.tables import Table, is_table_like, read_table
from hdsl.diagnostics.record import Diagnostic, Diagnostics
from hdsl.form.model import Index
from hdsl.survey.checks import check_table
from hdsl.survey.crossing import crossings
from hdsl.survey.outcomes import outcomes
from hdsl.survey.profile import profile
from hdsl.survey.proposal import column_scans, level_scans, propose
from hdsl.survey.record import ColumnScan, Crossing, LevelScan, Outcome
from hdsl.survey.structure import Structure

__all__ = ["Scan", "scan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the levels of a data set may be.

    Attributes
    ----------
    name : str
        What was scanned, for the report and the model.
    n_rows : int
    levels : tuple of LevelScan
        The proposed levels, finest first, the rows left out.
    columns : tuple of ColumnScan
        Every column, in order.
    crossings : tuple of Crossing
        Levels of which neither lies in the other.
    outcomes : tuple of Outcome
        Columns that look like outcomes, best first.
    notes : tuple of str
        What else was decided.
    diagnostics : tuple of Diagnostic
        Notes of joining tables.
    """

    name: str
    n_rows: int
    levels: tuple[LevelScan, ...]
    columns: tuple[ColumnScan, ...]
    crossings: tuple[Crossing, ...]
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    def __str__(self) -> str:
        return self.to_text()

    def to_text(self, width: int = 80) -> str:
        """Return the scan as a report.

        Parameters
        ----------
        width : int
            Columns of the page.
        """
        from hdsl.survey.report import report

        return report(self, width)

    def to_dict(self) -> dict[str, Any]:
        """Return the scan as plain values: what ``hdsl scan --json`` prints."""
        return {
            "name": self.name,
            "n_rows": self.n_rows,
            "levels": [asdict(level) for level in self.levels],
            "columns": [asdict(column) for column in self.columns],
            "crossings": [asdict(crossing) for crossing in self.crossings],
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
            "notes": list(self.notes),
        }

    def to_model(self, outcome: str | None = None) -> str:
        """Return the text of a first model: varying intercepts for the proposed levels, covariates at their levels.

        Parameters
        ----------
        outcome : str, optional
            The outcome's column; by default the one that looks most like it.

        Returns
        -------
        str
            In the ``.hm`` language, with comments that say what was assumed.

        Raises
        ------
        ValueError
            When there is no such column, or none that can be an outcome.
        """
        from hdsl.survey.draft import draft

        return draft(self, outcome)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.to_text())}</pre>"


def scan(data: object, *, outcome: str | None = None, name: str | None = None) -> Scan:
    """Propose the levels of a data set: what indexes what, what lies in what, where each column is constant.

    Parameters
    ----------
    data : path, frame, or dict
        One table, or a dict of tables: the rows' as ``"i"`` or ``"rows"``, each other one by the column that it
        is keyed by.
    outcome : str, optional
        The column that is the outcome, where it is known.
    name : str, optional
        What the report calls the data; by default the file's name.

    Returns
    -------
    Scan

    Raises
    ------
    DataError
        HM408 when there are no rows, HM413 or HM414 when tables cannot be read or joined; HM401 when there is no column
        `outcome`.

    Examples
    --------
    >>> import hdsl
    >>> report = hdsl.scan({"school": ["a", "a", "b", "b"], "y": [1.5, 2.5, 3.0, 4.5]})
    >>> report.n_rows
    4
    """
    found = Diagnostics()
    table = _read(data, found)
    check_table(table, outcome, found)
    profiles = profile(table)
    structure = Structure(profiles, table.n_rows)
    proposal = propose(structure, outcome)
    columns = column_scans(proposal)
    return Scan(
        name=name if name is not None else _name(data),
        n_rows=table.n_rows,
        levels=level_scans(proposal),
        columns=columns,
        crossings=crossings(structure, proposal.sets),
        outcomes=outcomes(columns, structure.profiles, table.n_rows, outcome),
        notes=tuple(proposal.notes),
        diagnostics=found.sorted(),
    )


def _name(data: object) -> str:
    if isinstance(data, str | Path):
        return Path(data).name
    if isinstance(data, Mapping) and data and all(isinstance(value, str | Path) for value in data.values()):
        return ", ".join(Path(value).name for value in data.values())
    return "the data"


def _read(data: object, found: Diagnostics) -> Table:
    """Read one table, or join several: without a model each is keyed by the columns that it is given for."""
    if not (isinstance(data, Mapping) and any(is_table_like(value) for value in data.values())):
        return read_table(data)
    parts = [part.strip() for key in data if str(key) not in ("i", "rows") for part in str(key).split(",")]
    indices = [Index(name="i", column=None), *(Index(name=part, column=part) for part in dict.fromkeys(parts))]
    return join_tables(Keys(row="i", indices=tuple(indices), used=frozenset(parts)), data, found)
