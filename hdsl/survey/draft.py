"""A first model of a data set: varying intercepts for its levels, each covariate in the equation of its level.

Stage: survey. Input: `Scan`. Output: text of the ``.hm`` language. Invariants: it compiles, and it fits the data that
were scanned as it is; what was left out, and why, is in its comments.

Notes
-----
Where every level lies in the next, the intercept climbs: ``b0[j] ~ normal(b0[k] + .., sd_j)``. Where levels are crossed
each has deviations of its own around one intercept: ``y[i] ~ normal(b0 + u_s[j] + u_d[k] + .., sd)``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hdsl.survey.letters import letters
from hdsl.survey.names import Names, is_writable, printable, quoted
from hdsl.survey.record import ROWS, Columns, ColumnScan, LevelScan, Outcome

if TYPE_CHECKING:
    from hdsl.survey.scanning import Scan

__all__ = ["draft"]

_MOST_MISSING = 0.2  # of the rows, in a covariate
_MOST_LABELS = 30  # of an unmodelled set
_UNITS_EACH = 5  # groups, or rows, for each coefficient of an equation
_MOST_TERMS = 12  # covariates of one equation
_WIDTH = 100

_LINKS = {"bernoulli": ("p", "logit"), "poisson": ("mu", "log")}
"""The argument of a distribution that has the equation, and its link."""


@dataclass(slots=True, kw_only=True)
class _Draft:
    scan: Scan
    outcome: Outcome
    names: Names
    letters: dict[str, str]
    root: str
    left_out: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    claimed: set[Columns] = field(default_factory=set)

    def column(self, name: str) -> ColumnScan:
        return next(column for column in self.scan.columns if column.name == name)

    def level(self, columns: Columns) -> LevelScan:
        return next(level for level in self.scan.levels if level.columns == columns)


def draft(scan: Scan, outcome: str | None = None) -> str:
    """Return the text of a first model; see `Scan.to_model`."""
    chosen = _choose(scan, outcome)
    _refuse_unwritable(scan, chosen)
    return _write(scan, chosen)


def _choose(scan: Scan, name: str | None) -> Outcome:
    usable = [outcome for outcome in scan.outcomes if outcome.distribution != "ordered_logit"]
    if name is None and usable:
        return usable[0]
    if name is None:
        raise ValueError("no column looks like an outcome: say which one is")
    known = next((outcome for outcome in scan.outcomes if outcome.column == name), None)
    column = next((column for column in scan.columns if column.name == name), None)
    if column is None:
        raise ValueError(f"the data have no column {name!r}")
    if column.is_text and column.kind != "binary":
        raise ValueError(f"the column {name!r} is text with {column.n_values} values, which no family here takes")
    is_binary = column.kind == "binary" and len(column.labels) == 2
    guess = Outcome(column=name, distribution="bernoulli" if is_binary else "normal", score=0, reasons=())
    return known or guess


def _refuse_unwritable(scan: Scan, outcome: Outcome) -> None:
    needed = [outcome.column, *(column for level in scan.levels for column in level.columns)]
    for column in needed:
        if not is_writable(column):
            raise ValueError(f"a model file cannot say the name of the column {column!r}: rename it")


def _write(scan: Scan, outcome: Outcome) -> str:
    names = Names([column.name for column in scan.columns])
    work = _Draft(scan=scan, outcome=outcome, names=names, letters=letters(scan), root=names.fresh("b0"))
    equation = _equation(work)
    indices = [_index(work, column, letter) for column, letter in work.letters.items()]
    parts = [[*indices, *work.declared], equation, work.levels, work.sets]
    body = "\n\n".join("\n".join(lines) for lines in parts if lines)
    return "\n".join(_comments(work)) + "\n\n" + body + "\n"


def _index(work: _Draft, column: str, letter: str) -> str:
    """Return ``index j = school in k``; what a pair lies in is said by its subscripts."""
    level = next((level for level in work.scan.levels if level.columns == (column,)), None)
    parents = [parent for parent in level.parents if len(parent) == 1] if level is not None else []
    inside = f" in {work.letters[parents[0][0]]}" if parents else ""
    return f"index {letter} = {quoted(column)}{inside}"


# ------------------------------------------------------------ equations


def _equation(work: _Draft) -> list[str]:
    """Return the statements of the outcome; those of the levels are gathered on the way."""
    finest = [level for level in work.scan.levels if not _is_parent(work.scan, level.columns)]
    start = _start(work, finest)
    mean = " + ".join([*start, *_covariates(work, ROWS, work.scan.n_rows)])
    left = _outcome(work)
    if work.outcome.distribution == "normal":
        return _wrapped(f"{left} ~ normal({mean}, {work.names.fresh('sd')})")
    argument, link = _LINKS[work.outcome.distribution]
    argument = f"{work.names.fresh(argument)}[i]"
    return [f"{left} ~ {work.outcome.distribution}({argument})", *_wrapped(f"{link}({argument}) = {mean}")]


def _wrapped(statement: str) -> list[str]:
    """Break a long statement after a plus, where a line goes on in brackets and outside of them."""
    rows = [""]
    for piece in statement.split(" + "):
        if rows[-1] and len(rows[-1]) + len(piece) + 5 > _WIDTH:
            rows[-1] += " +"
            rows.append(f"    {piece}")
        else:
            rows[-1] += f" + {piece}" if rows[-1] else piece
    return rows


def _is_parent(scan: Scan, columns: Columns) -> bool:
    return any(columns in level.parents for level in scan.levels)


def _subscript(work: _Draft, columns: Columns) -> str:
    return ",".join(sorted(work.letters[column] for column in columns))


def _suffix(work: _Draft, columns: Columns) -> str:
    return "_".join(work.names.of(column) for column in columns)


def _parents(work: _Draft, level: LevelScan) -> list[LevelScan]:
    """Return the levels above that no other one has in its equation yet."""
    parents = [work.level(parent) for parent in level.parents if parent not in work.claimed]
    work.claimed.update(parent.columns for parent in parents)
    return parents


def _climb(work: _Draft, level: LevelScan) -> str:
    """Write the equation of an intercept that varies over a level, and of those above; return the intercept."""
    symbol = f"{work.root}[{_subscript(work, level.columns)}]"
    place = len(work.levels)
    parents = _parents(work, level)
    return _level_equation(work, level, symbol, _start(work, parents), place)


def _start(work: _Draft, levels: Sequence[LevelScan]) -> list[str]:
    """Return the intercept: one that varies over the next level, or one for all with deviations of several levels."""
    if len(levels) == 1:
        return [_climb(work, levels[0])]
    return [work.root, *(_deviate(work, level) for level in levels)]


def _deviate(work: _Draft, level: LevelScan) -> str:
    """Write the equation of a level's deviations from the intercept, and of those above; return the deviation."""
    symbol = f"{work.names.fresh(f'u_{_suffix(work, level.columns)}')}[{_subscript(work, level.columns)}]"
    place = len(work.levels)
    start = [_deviate(work, parent) for parent in _parents(work, level)]
    return _level_equation(work, level, symbol, start, place)


def _level_equation(work: _Draft, level: LevelScan, symbol: str, start: Sequence[str], place: int) -> str:
    terms = [*start, *_covariates(work, level.columns, level.n_groups)]
    sd = work.names.fresh(f"sd_{_suffix(work, level.columns)}")
    work.levels[place:place] = _wrapped(f"{symbol} ~ normal({' + '.join(terms) or '0'}, {sd})")
    return symbol


# ------------------------------------------------------------ covariates


def _covariates(work: _Draft, level: Columns, n_units: int) -> list[str]:
    """Return the terms of the columns that are constant in a level, as many as its units can tell."""
    terms: list[str] = []
    room = min(_MOST_TERMS, n_units // _UNITS_EACH)
    for column in work.scan.columns:
        if column.level != level or column.role not in ("covariate", "factor") or column.name == work.outcome.column:
            continue
        reason = _reason_against(work, column, room)
        if reason:
            work.left_out.append(f"{printable(column.name)} ({reason})")
            continue
        room -= column.n_values - 1 if column.role == "factor" else 1
        terms.append(_set(work, column) if column.role == "factor" else _slope(work, column, level))
    return terms


def _reason_against(work: _Draft, column: ColumnScan, room: int) -> str:
    if not is_writable(column.name):
        return "its name cannot be written"
    if column.name in work.outcome.functions:
        return "the outcome in another coding"
    if column.n_missing > _MOST_MISSING * work.scan.n_rows:
        return f"missing in {column.n_missing:,} rows"
    needed = column.n_values - 1 if column.role == "factor" else 1
    if column.role == "factor" and column.n_values > _MOST_LABELS:
        return f"{column.n_values:,} labels"
    return "" if needed <= room else "one covariate too many to start with"


def _slope(work: _Draft, column: ColumnScan, level: Columns) -> str:
    name = work.names.of(column.name)
    subscript = "i" if level == ROWS else _subscript(work, level)
    if work.names.is_renamed(column.name):
        work.declared.append(f"data {name}[{subscript}] = {_string(column.name)}")
    return f"{work.names.fresh(f'b_{name}')}*{name}[{subscript}]"


def _set(work: _Draft, column: ColumnScan) -> str:
    name = work.names.of(column.name)
    if work.names.is_renamed(column.name):
        work.declared.append(f"index {name} = {_string(column.name)}")
    symbol = f"{work.names.fresh(f'b_{name}')}[{name}]"
    work.sets.append(f"{symbol} ~ flat()")
    return symbol


def _string(column: str) -> str:
    text = quoted(column)
    return text if text.startswith('"') else f'"{text}"'


def _outcome(work: _Draft) -> str:
    """Return the outcome's symbol; of two labels, or of a text, it is a comparison."""
    column = work.column(work.outcome.column)
    name = work.names.of(column.name)
    if work.names.is_renamed(column.name):
        work.declared.append(f"data {name}[i] = {_string(column.name)}")
    if column.kind != "binary" or not column.labels or column.labels in (("0", "1"), ("False", "True")):
        return f"{name}[i]"
    label = column.labels[-1]
    right = f'"{label}"' if column.is_text else label
    symbol = f"{work.names.fresh('y')}[i]"
    work.declared.append(f"{symbol} = {name}[i] == {right}")
    return symbol


# ------------------------------------------------------------ comments


def _comments(work: _Draft) -> Iterator[str]:
    scan = work.scan
    yield from _comment(f"A first model of {scan.name}, as `hdsl scan` proposes it: a start, to be edited.")
    others = [outcome.column for outcome in scan.outcomes if outcome.column != work.outcome.column]
    also = f"; it may be {' or '.join(others)}" if others else ""
    yield from _comment(f"The outcome is taken to be {work.outcome.column}{also}.")
    for level in scan.levels:
        shown = " and ".join(level.columns)
        letter = _subscript(work, level.columns)
        above = "".join(f", in {' and '.join(parent)}" for parent in level.parents)
        yield from _comment(f"[{letter}] {shown}: {level.n_groups:,} groups{above}.")
    if not scan.levels:
        yield from _comment(
            "No column seems to label groups; if `g` does, write b0[g] for b0, and b0[g] ~ normal(m0, sd_g)."
        )
    if work.left_out:
        yield from _comment(f"Left out: {', '.join(work.left_out)}.")
    if scan.levels:
        yield from _comment("For a slope that varies over j write b_x[j] for b_x, and b_x[j] ~ normal(b_x, sd_x).")


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text.replace("\n", " "), 96, break_long_words=False):
        yield f"# {line}"
