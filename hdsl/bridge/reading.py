"""How a script of another system reads the data.

Stage: bridge, way out. Input: what was handed in as data: a path, a dict of paths, a frame, or nothing. Output: lines
of R or Python that make one frame `d`, and what is known of its columns. Invariant: a frame in memory has no path, so
its script reads ``data.csv`` and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hdsl.bridge.expressions import string_text
from hdsl.design.tables import Table, read_table
from hdsl.form.model import CompositeModel

__all__ = ["DataSource", "find_data"]

_PLACEHOLDER = "data.csv"

_R_JOIN = """\
join <- function(d, level, by) merge(d, level[c(by, setdiff(names(level), names(d)))], by = by, all.x = TRUE)"""

_PYTHON_JOIN = """\
def join(d, level, by):
    return d.merge(level[by + [name for name in level if name not in d]], on=by, how="left")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Where the data are.

    Attributes
    ----------
    rows : str
        Path of the table of the rows.
    levels : tuple of (tuple of str, str)
        Key columns and path of each level's table.
    is_placeholder : bool
        Whether no path is known.
    columns, booleans : tuple of str
        Columns of all tables, and those of true and false; empty where no data were given.
    """

    rows: str = _PLACEHOLDER
    levels: tuple[tuple[tuple[str, ...], str], ...] = ()
    is_placeholder: bool = True
    columns: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()

    def r(self) -> list[str]:
        """Return the lines that make `d` in R."""
        lines = ["# put the path of your data here"] if self.is_placeholder else []
        lines += [_R_JOIN] if self.levels else []
        lines.append(f"d <- {_r_read(self.rows)}")
        lines += [
            f"d <- join(d, {_r_read(path)}, c({', '.join(map(string_text, keys))}))" for keys, path in self.levels
        ]
        return lines

    def python(self) -> list[str]:
        """Return the lines that make `d` in Python."""
        lines = [*_PYTHON_JOIN.splitlines(), ""] if self.levels else []
        lines += ["# put the path of your data here"] if self.is_placeholder else []
        lines.append(f"d = {_python_read(self.rows)}")
        lines += [
            f"d = join(d, {_python_read(path)}, [{', '.join(map(string_text, keys))}])" for keys, path in self.levels
        ]
        return lines


def _r_read(path: str) -> str:
    if path.lower().endswith(".parquet"):
        return f"as.data.frame(arrow::read_parquet({string_text(path)}))"
    return f'read.csv({string_text(path)}, na.strings = c("NA", ""), check.names = FALSE)'


def _python_read(path: str) -> str:
    if path.lower().endswith(".parquet"):
        return f"pd.read_parquet({string_text(path)})"
    return f'pd.read_csv({string_text(path)}, keep_default_na=False, na_values=["NA", ""])'


def find_data(form: CompositeModel, data: object) -> DataSource:
    """Return where data are, and what their columns are.

    Raises
    ------
    DataError
        HM414, when they cannot be read.
    """
    if data is None:
        return DataSource()
    if not isinstance(data, Mapping):
        return _described([read_table(data, form.source)], rows=_path(data), levels=())
    if not any(isinstance(value, str | Path) for value in data.values()):
        return _described([read_table(dict(data), form.source)] if not _is_tables(data) else [], rows=None, levels=())
    rows = next((value for key, value in data.items() if str(key) in (form.row, "rows")), None)
    tables = [read_table(value, form.source) for value in data.values()]
    levels = tuple(
        (_keys(form, str(key)), str(value)) for key, value in data.items() if str(key) not in (form.row, "rows")
    )
    return _described(tables, rows=_path(rows), levels=levels)


def _is_tables(data: Mapping[object, object]) -> bool:
    from hdsl.design.tables import is_table_like

    return any(is_table_like(value) for value in data.values())


def _path(data: object) -> str | None:
    return str(data) if isinstance(data, str | Path) else None


def _keys(form: CompositeModel, name: str) -> tuple[str, ...]:
    """Return the key columns of a level's table: its indices' columns."""
    columns = {index.name: index.column for index in form.indices if index.column is not None}
    return tuple(columns.get(part.strip(), part.strip()) for part in name.split(","))


def _described(tables: list[Table], *, rows: str | None, levels: tuple[tuple[tuple[str, ...], str], ...]) -> DataSource:
    names = [(table, name) for table in tables for name in table.names]
    return DataSource(
        rows=_PLACEHOLDER if rows is None else rows,
        levels=levels,
        is_placeholder=rows is None,
        columns=tuple(dict.fromkeys(name for _, name in names)),
        booleans=tuple(dict.fromkeys(name for table, name in names if table.column(name).kind == "boolean")),
    )
