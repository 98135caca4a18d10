"""A scan as a report: levels, groups, crossings, columns, outcomes.

Stage: survey. Input: `Scan`. Output: text. Invariant: no line is wider than the page, names that are too long aside.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from hdsl.survey.letters import letters
from hdsl.survey.names import printable
from hdsl.survey.record import ROWS, Columns, ColumnScan, Crossing, LevelScan

if TYPE_CHECKING:
    from hdsl.survey.scanning import Scan

__all__ = ["report"]

_KINDS = {"continuous": "number", "integer": "whole number", "binary": "two values", "text": "text", "empty": "empty"}
_FEW_MOVERS = 0.1


def report(scan: Scan, width: int) -> str:
    """Return the whole report."""
    n_columns = len(scan.columns)
    parts = [f"{scan.name}: {_count(scan.n_rows, 'row')}, {_count(n_columns, 'column')}"]
    parts.append(_titled("Proposed levels", _levels(scan)))
    if scan.levels:
        parts.append(_titled("Groups", _groups(scan)))
        parts.append(_titled("Why", _lines(_why(scan), width)))
    if scan.crossings:
        parts.append(_titled("Crossed", _lines(_crossed(scan), width)))
    parts.append(_titled("Columns", _columns(scan, width)))
    parts.append(_titled("Outcome", _lines(_outcomes(scan), width)))
    notes = list(_notes(scan))
    if notes:
        parts.append(_titled("Notes", _lines(notes, width)))
    return "\n\n".join(parts)


def _titled(title: str, text: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{text}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _lines(items: Iterable[str], width: int) -> str:
    wrapped = (textwrap.wrap(item, width, subsequent_indent="    ", break_long_words=False) for item in items)
    return "\n".join(line for lines in wrapped for line in lines)


def _shown(columns: Columns) -> str:
    return ", ".join(map(printable, columns))


# ------------------------------------------------------------ levels


def _levels(scan: Scan) -> str:
    """Return the graph of levels with the columns that live at each."""
    from hdsl.form.model import Index, Nesting
    from hdsl.semantics.levels import Levels, Order

    names = letters(scan)
    indices = {"i": Index(name="i", column=None)}
    indices |= {letter: Index(name=letter, column=printable(column)) for column, letter in names.items()}
    sets = {level.columns: tuple(names[column] for column in level.columns) for level in scan.levels}
    ordered = {columns: tuple(name for name in indices if name in found) for columns, found in sets.items()}
    nestings = tuple(
        Nesting(finer=ordered[level.columns], coarser=ordered[parent], declared=False, reason="")
        for level in scan.levels
        for parent in level.parents
    )
    residents = {found: _residents(scan, columns) for columns, found in ordered.items()}
    residents[("i",)] = _residents(scan, ROWS)
    counts = {found: level.n_groups for level, found in zip(scan.levels, ordered.values(), strict=True)}
    levels = Levels(
        order=Order(indices=indices, row="i"),
        index_sets=(("i",), *ordered.values()),
        nestings=nestings,
        residents=residents,
    )
    return levels.to_text({**counts, ("i",): scan.n_rows})


def _residents(scan: Scan, level: Columns) -> tuple[str, ...]:
    return tuple(printable(c.name) for c in scan.columns if c.level == level and c.role in ("covariate", "factor"))


def _groups(scan: Scan) -> str:
    rows: list[tuple[str, ...]] = [("", "groups", "rows: least", "median", "most", "of one row")]
    for level in scan.levels:
        numbers = (level.n_groups, level.smallest, level.median, level.largest, level.singletons)
        rows.append((_shown(level.columns), *(f"{number:,.10g}" for number in numbers)))
    return _table(rows, right=range(1, 6))


def _table(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> str:
    flushed = set(right)
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(w) if k in flushed else cell.ljust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _why(scan: Scan) -> Iterator[str]:
    for level in scan.levels:
        yield f"{_shown(level.columns)}: {_reasons(level)}"


def _reasons(level: LevelScan) -> str:
    return "; ".join(level.reasons)


# ------------------------------------------------------------ crossings


def _crossed(scan: Scan) -> Iterator[str]:
    for crossing in scan.crossings:
        yield f"{_shown(crossing.first)} and {_shown(crossing.second)}: {'; '.join(_facts(crossing))}"


def _facts(crossing: Crossing) -> Iterator[str]:
    share = crossing.cells / crossing.possible
    if crossing.cells == crossing.possible:
        yield f"all {crossing.possible:,} cells occur"
    else:
        shown = f"{share:.0%}" if share >= 0.01 else "below 1%"
        yield f"{crossing.cells:,} of {crossing.possible:,} cells occur ({shown})"
    is_nearly_nested = crossing.movers <= _FEW_MOVERS * crossing.n_first
    if is_nearly_nested:
        first, second = _shown(crossing.first), _shown(crossing.second)
        some = f"{crossing.movers:,} of {crossing.n_first:,}"
        yield f"nearly nested, {some} {first} lie in several {second} ({crossing.example})"
    elif crossing.components > 1:
        parts = f"{crossing.components:,} parts that share no row"
        yield f"{parts}: between parts, differences of one are those of the other"
    elif crossing.cells < crossing.possible:
        yield "connected"


# ------------------------------------------------------------ columns


def _columns(scan: Scan, width: int) -> str:
    rows: list[tuple[str, ...]] = [("", "values", "", "missing", "constant in", "role")]
    for column in scan.columns:
        missing = f"{column.n_missing:,}" if column.n_missing else ""
        rows.append(
            (
                printable(column.name),
                f"{column.n_values:,}",
                _KINDS[column.kind],
                missing,
                _level(column),
                _role(column),
            )
        )
    if not any(column.n_missing for column in scan.columns):
        rows = [(*row[:3], *row[4:]) for row in rows]
        return "\n".join(line[:width] for line in _table(rows, right=[1]).splitlines())
    return "\n".join(line[:width] for line in _table(rows, right=[1, 3]).splitlines())


def _level(column: ColumnScan) -> str:
    if column.role in ("level", "row label"):
        return ""
    if column.level == ROWS:
        return "row"
    return _shown(column.level) or "all rows"


def _role(column: ColumnScan) -> str:
    if column.role == "copy":
        return f"as {printable(column.same_as)}"
    if column.role == "row label" and column.within:
        return f"label within {_shown(column.within)}"
    return column.role


# ------------------------------------------------------------ outcome, notes


def _outcomes(scan: Scan) -> Iterator[str]:
    if not scan.outcomes:
        yield "no column looks like an outcome"
    for outcome in scan.outcomes:
        reasons = ", ".join(outcome.reasons)
        yield f"{printable(outcome.column)} ({outcome.distribution}){': ' if reasons else ''}{reasons}"


def _notes(scan: Scan) -> Iterator[str]:
    yield from (note.replace("`", "") for note in scan.notes)
    for diagnostic in scan.diagnostics:
        yield "; ".join([diagnostic.message, *diagnostic.notes]).replace("`", "")
    for column in scan.columns:
        if column.nearly:
            groups = f"{column.exceptions:,} group{'' if column.exceptions == 1 else 's'}"
            yield f"{printable(column.name)} is constant in {_shown(column.nearly)} but for {groups}"
    constant = [column.name for column in scan.columns if column.role == "constant"]
    if constant:
        yield f"constant: {', '.join(constant)}"
    if not scan.levels:
        yield "no column labels groups: a single-level model, or name the level yourself in an index statement"
