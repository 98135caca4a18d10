"""Level tables: one frame for each level becomes one table with a row for each observation.

Stage: design, first step. Input: ``{"i": students, "school": schools}``. Output: `Table`. Invariants: keys are matched
as text, so a key may be a number in one table and text in another; a table may be joined by a column that another one
brings (a district that only the school table has); rows without a group in a table get missing values, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.design.columns import Codes, ColumnValues
from hdsl.design.tables import Table, read_table
from hdsl.design.units import Units, show_unit
from hdsl.diagnostics.record import DataError, Diagnostics
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.form.model import CompositeModel, Index

__all__ = ["Keys", "join_tables", "keys_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What joining needs of a model: the row index's name, the indices, the columns that are used."""

    row: str
    indices: tuple[Index, ...]
    used: frozenset[str]

    def index(self, name: str) -> Index:
        """Return the index called `name`."""
        return next(index for index in self.indices if index.name == name)


def keys_of(form: CompositeModel) -> Keys:
    """Return the keys of a model."""
    used = {column.column for column in form.data} | {index.column for index in form.indices if index.column}
    return Keys(row=form.row, indices=form.indices, used=frozenset(used))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Level:
    """One level's table: the name that the user gave it, and the columns that it is keyed by."""

    name: str
    table: Table
    keys: tuple[str, ...]


def join_tables(keys: Keys, tables: Mapping[object, object], found: Diagnostics) -> Table:
    """Return the row table with the columns of every level's table joined to it.

    Parameters
    ----------
    keys : Keys
        Says which indices there are, and which columns are used.
    tables : mapping
        Frames or paths by index name or by the index's column; the row table by the row index's name or ``"rows"``.
    found : Diagnostics
        Gets a note for every group that has no rows.

    Raises
    ------
    DataError
        HM413, when keys are missing or repeated, or no row has its group in a table; HM414 for an unreadable file.
    """
    rows_key = next((key for key in tables if str(key) in (keys.row, "rows")), None)
    if rows_key is None:
        given = ", ".join(f"`{key}`" for key in tables)
        message = f"no table of the rows: give it as `{keys.row}`"
        found.error(
            "HM413",
            message,
            notes=[f"the tables are keyed by {given}"],
            help=f'key the table with a row for each observation by "{keys.row}"',
        )
        raise DataError(found.sorted())
    joined = read_table(tables[rows_key], found.source)
    waiting = [
        _Level(name=str(key), table=read_table(frame, found.source), keys=_key_columns(keys, str(key), found))
        for key, frame in tables.items()
        if key != rows_key
    ]
    found.raise_errors(DataError)
    while waiting:
        ready = next((level for level in waiting if set(level.keys) <= set(joined.names)), None)
        if ready is None:
            _report_keys_not_found(waiting, joined, found)
            raise DataError(found.sorted())
        waiting.remove(ready)
        joined = _join(joined, ready, keys, found)
        found.raise_errors(DataError)
    return joined


def _key_columns(keys: Keys, name: str, found: Diagnostics) -> tuple[str, ...]:
    columns = []
    for part in (part.strip() for part in name.split(",")):
        index = _find_index(keys, part)
        if index is None or index.column is None:
            _report_no_index(keys, name, part, found)
            return ()
        columns.append(index.column)
    return tuple(columns)


def _report_no_index(keys: Keys, name: str, part: str, found: Diagnostics) -> None:
    known = dict.fromkeys([name for index in keys.indices for name in (index.name, index.column) if name])
    similar = near_names(part, known)
    todo = f"did you mean {one_of(similar)}?" if similar else f"key it by {one_of(list(known)[:3])}"
    help_text = f"a table is keyed by what its rows are: {one_of(known)}"
    notes = [f"the indices and their columns are {', '.join(f'`{key}`' for key in known)}"]
    found.error("HM413", f"the table `{name}` is keyed by no index of the model: {todo}", notes=notes, help=help_text)


def _find_index(keys: Keys, name: str) -> Index | None:
    by_name = (index for index in keys.indices if index.name == name)
    by_column = (index for index in keys.indices if index.column == name)
    return next(by_name, None) or next(by_column, None)


def _report_keys_not_found(waiting: Sequence[_Level], joined: Table, found: Diagnostics) -> None:
    for level in waiting:
        absent = [key for key in level.keys if key not in joined]
        message = f"no other table has the column `{absent[0]}` to join the table `{level.name}` by: add it"
        found.error("HM413", message, help=f"add the column `{absent[0]}` to the table of the rows")


def _join(rows: Table, level: _Level, model: Keys, found: Diagnostics) -> Table:
    absent = [key for key in level.keys if key not in level.table]
    if absent:
        columns = ", ".join(f"`{name}`" for name in level.table.names[:8])
        message = f"the table `{level.name}` has no column `{absent[0]}` to join it by: add it"
        help_text = f"call its key column `{absent[0]}`, as in the table of the rows"
        found.error("HM413", message, notes=[f"its columns are {columns}"], help=help_text)
        return rows
    keys = _distinguishing_keys(rows, level, model)
    repeated = _repeated_key(level.table, keys)
    if repeated is not None:
        label, first, second = repeated
        shown = ", ".join(f"`{key}`" for key in keys)
        message = f"the table `{level.name}` has two rows for `{label}`: keep one"
        note = f"rows {first + 1} and {second + 1} have the same {shown}"
        found.error("HM413", message, notes=[note], help=f"keep one row for each value of {shown}")
        return rows
    positions = _match(rows, level.table, keys)
    brought = [name for name in level.table.names if name in model.used and name not in keys]
    _report_matches(rows, level, keys, positions, bool(brought), found)
    _report_conflicts(rows, level, [name for name in brought if name in rows], positions, found)
    new = {name: _taker(level.table, name, positions) for name in level.table.names if name not in rows}
    return rows.extended(new)


def _taker(table: Table, name: str, positions: Codes) -> Callable[[], ColumnValues]:
    return lambda: table.column(name).take(positions)


def _distinguishing_keys(rows: Table, level: _Level, model: Keys) -> tuple[str, ...]:
    """Add the columns of other indices that stand in both tables, as long as labels repeat without them."""
    keys = level.keys
    own = {index.name for index in model.indices if index.column in keys}
    parents = [parent for name in sorted(own) for parent in model.index(name).parents]
    others = [index.name for index in model.indices if not index.is_row and index.name not in own]
    for name in dict.fromkeys([*parents, *others]):
        column = model.index(name).column
        if _repeated_key(level.table, keys) is None:
            break
        if column is not None and column not in keys and column in rows and column in level.table:
            keys = (*keys, column)
    return keys


def _key_units(table: Table, keys: Sequence[str]) -> Units:
    return Units("", {key: table.column(key).factor() for key in keys}, table.n_rows)


def _repeated_key(table: Table, keys: Sequence[str]) -> tuple[str, int, int] | None:
    """Return a label that two rows of a level's table share, with these rows."""
    units = _key_units(table, keys)
    codes = units.codes(tuple(keys))
    counts = np.bincount(codes[codes >= 0], minlength=units.count(tuple(keys)))
    if not len(counts) or counts.max() < 2:
        return None
    code = int(np.argmax(counts > 1))
    first, second = np.flatnonzero(codes == code)[:2].tolist()
    return show_unit(units.label(tuple(keys), code)), first, second


def _match(rows: Table, table: Table, keys: tuple[str, ...]) -> Codes:
    """Return for each row of `rows` the row of `table` with the same key labels, or -1."""
    left, right = _key_units(rows, keys), _key_units(table, keys)
    first = right.first_rows(keys).tolist()
    place = dict(zip(right.labels(keys), first, strict=True))
    lookup = np.array([*(place.get(label, -1) for label in left.labels(keys)), -1], dtype=np.intp)
    return lookup[left.codes(keys)]


def _report_matches(
    rows: Table, level: _Level, keys: tuple[str, ...], positions: Codes, is_used: bool, found: Diagnostics
) -> None:
    by = ", ".join(f"`{key}`" for key in keys)
    labels = _key_units(level.table, keys)
    if len(positions) and (positions < 0).all():
        note = f"by {by}: the rows have {_examples(rows, keys)}, the table has {_examples(level.table, keys)}"
        message = f"no row has its group in the table `{level.name}`: give both the same labels"
        found.error("HM413", message, notes=[note], help=f"give {by} the same labels in both tables")
        return
    absent = np.flatnonzero(positions < 0)
    if len(absent) and is_used:
        message = f"{len(absent)} rows have no group in the table `{level.name}`"
        example = ", ".join(rows.column(key).label(int(absent[0])) for key in keys)
        found.note("HM413", message, notes=[f"row {absent[0] + 1} has {by} = {example}; its values there are missing"])
    unmatched = np.setdiff1d(np.arange(level.table.n_rows), positions)
    if len(unmatched):
        code = labels.codes(keys)[unmatched[0]]
        example = show_unit(labels.label(keys, int(code))) if code >= 0 else "missing"
        message = f"{len(unmatched)} groups of the table `{level.name}` have no rows"
        found.note("HM413", message, notes=[f"for example `{example}`; they are left out"])


def _examples(table: Table, keys: tuple[str, ...]) -> str:
    units = _key_units(table, keys)
    some = [show_unit(units.label(keys, code)) for code in range(min(3, units.count(keys)))]
    return ", ".join(f"`{label}`" for label in some) or "no labels"


def _report_conflicts(rows: Table, level: _Level, shared: Sequence[str], positions: Codes, found: Diagnostics) -> None:
    """Refuse a used column that two tables have with different values."""
    for name in shared:
        ours, theirs = rows.column(name), level.table.column(name).take(positions)
        differing = _first_difference(ours, theirs)
        if differing is not None:
            values = f"`{ours.label(differing)}` there and `{theirs.label(differing)}` in the table `{level.name}`"
            message = f"the column `{name}` stands in two tables that disagree: drop or rename one"
            note = f"row {differing + 1} has {values}"
            found.error("HM413", message, notes=[note], help=f"drop or rename `{name}` in one of the tables")


def _first_difference(ours: ColumnValues, theirs: ColumnValues) -> int | None:
    left, right = ours.factor(), theirs.factor()
    place = {label: code for code, label in enumerate(left.labels)}
    table = np.array([*(place.get(label, -2) for label in right.labels), -1], dtype=np.intp)
    rows = np.flatnonzero(table[right.codes] != left.codes)
    return int(rows[0]) if len(rows) else None
