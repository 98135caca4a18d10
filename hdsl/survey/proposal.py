"""Which columns are levels, and what the others are.

Stage: survey. Input: a `Structure`. Output: levels with their reasons, and for every column a role and the level that
it is constant in. Invariants: a level has fewer groups than rows and some group of several rows; of columns that group
the rows alike one is the level and the others are its copies; labels that start anew within a level make a pair
with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hdsl.survey.evidence import ENOUGH, ENOUGH_TEXT, Candidate, is_dense, reasons_of
from hdsl.survey.profile import Profile
from hdsl.survey.record import ROWS, Columns, ColumnScan, LevelScan
from hdsl.survey.structure import Structure
from hdsl.survey.words import names_group, names_measure

__all__ = ["Proposal", "propose"]

_ALIKE = 1.5
"""Of two nested columns with fewer groups in each other than this, one is no level of its own."""

_NEARLY_ROWS = 0.95
"""Part of the rows that a label must tell apart within a level."""

_FILLED = 1.5
"""Rows that a pair of columns needs on average in each cell to be a level."""


@dataclass(slots=True, kw_only=True)
class Proposal:
    """What is found while a data set is looked through."""

    structure: Structure
    scores: dict[str, int] = field(default_factory=dict)
    reasons: dict[Columns, tuple[str, ...]] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    within: dict[str, Columns] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sets: list[Columns] = field(default_factory=list)


def propose(structure: Structure, outcome: str | None = None) -> Proposal:
    """Find the levels of a data set; a column that is known to be the outcome is none."""
    found = Proposal(structure=structure)
    _set_copies_aside(found, outcome)
    singles = [name for name in structure.candidates if name not in found.copies and name != outcome]
    for name in singles:
        _score(found, name, [])
    likely = [name for name in singles if found.scores[name] >= _needed(structure.profiles[name])]
    for name in singles:
        _score(found, name, likely)
    levels = [name for name in singles if found.scores[name] >= _needed(structure.profiles[name])]
    levels = _without_twins(found, levels)
    found.sets = [(name,) for name in levels]
    _pair(found, singles)
    _find_row_labels(found)
    found.sets.sort(key=lambda columns: -structure.units.count(columns))
    return found


def _needed(profile: Profile) -> int:
    return ENOUGH_TEXT if profile.is_text else ENOUGH


# ------------------------------------------------------------ one to one


def _is_label(profile: Profile) -> bool:
    """Whether a column that corresponds to another one may be just another label of it."""
    return profile.is_text or names_group(profile.name) or is_dense(profile)


def _set_copies_aside(found: Proposal, outcome: str | None) -> None:
    """Keep one of the columns that group the rows alike: the one whose name or values say most."""
    structure = found.structure
    candidates = [name for name in structure.candidates if name != outcome]
    names = sorted(candidates, key=lambda name: _rank(structure.profiles[name]))
    for place, name in enumerate(names):
        for other in names[:place]:
            if other in found.copies or not _is_label(structure.profiles[name]):
                continue
            if structure.is_one_to_one((name,), (other,)):
                found.copies[name] = other
                break


def _rank(profile: Profile) -> tuple[bool, bool]:
    return (not profile.is_text, names_measure(profile.name) or not names_group(profile.name))


# ------------------------------------------------------------ scores


def _score(found: Proposal, name: str, likely: list[str]) -> None:
    structure = found.structure
    columns = (name,)
    n_groups = structure.units.count(columns)
    inside = tuple(
        other
        for other in likely
        if other != name and structure.units.count((other,)) >= 2 * n_groups and structure.lies_in((other,), columns)
    )
    candidate = Candidate(
        profile=structure.profiles[name],
        codes=structure.codes(columns),
        counts=structure.counts(columns),
        constant=_count_constant(found, name, n_groups),
        inside=inside,
    )
    reasons = reasons_of(candidate)
    found.scores[name] = sum(points for points, _ in reasons)
    found.reasons[columns] = tuple(words for points, words in reasons if points > 0)


def _count_constant(found: Proposal, name: str, n_groups: int) -> int:
    """Count the other columns that each group has one value of, functions of a number and copies left out."""
    structure = found.structure
    counts = structure.counts((name,))
    if n_groups < 3 or 2 * int((counts < 2).sum()) > n_groups:
        return 0
    return sum(
        other.n_values >= 2
        and other.name != name
        and other.name not in found.copies
        and (other.n_values < n_groups or structure.profiles[name].is_text or other.kind == "continuous")
        and structure.is_constant(other.name, (name,))
        and not structure.follows_number(other.name, name)
        for other in structure.profiles.values()
    )


def _without_twins(found: Proposal, levels: list[str]) -> list[str]:
    """Of two nested levels with hardly more groups in one than in the other keep the better one, else the coarser."""
    structure = found.structure
    dropped: set[str] = set()
    for finer in levels:
        for coarser in levels:
            n_finer, n_coarser = (structure.units.count((name,)) for name in (finer, coarser))
            if not n_coarser < n_finer < _ALIKE * n_coarser or {finer, coarser} & dropped:
                continue
            if structure.lies_in((finer,), (coarser,)):
                worse = coarser if found.scores[coarser] < found.scores[finer] else finer
                dropped.add(worse)
                found.copies[worse] = coarser if worse == finer else finer
                found.notes.append(
                    f"`{finer}` has hardly more groups than `{coarser}`, which it lies in "
                    f"({n_finer:,} and {n_coarser:,}): `{worse}` is left out as a level"
                )
    return [name for name in levels if name not in dropped]


# ------------------------------------------------------------ labels that repeat


def _pair(found: Proposal, singles: list[str]) -> None:
    """Take columns whose labels start anew within a level together with that level."""
    structure = found.structure
    for name in singles:
        profile = structure.profiles[name]
        if found.scores[name] < _needed(profile) and not names_group(name):
            continue
        outers = [outer for outer in found.sets if name not in outer and _is_possible_pair(structure, name, outer)]
        outers.sort(key=lambda outer: -structure.units.count(outer))
        for outer in outers:
            if _take_pair(found, name, outer):
                break


def _is_possible_pair(structure: Structure, name: str, outer: Columns) -> bool:
    if structure.lies_in((name,), outer) or structure.lies_in(outer, (name,)):
        return False
    return structure.n_rows >= _FILLED * structure.units.count((name, *outer))


def _take_pair(found: Proposal, name: str, outer: Columns) -> bool:
    structure, pair = found.structure, (name, *outer)
    if len(outer) > 1:
        return False
    is_inner = structure.units.count((name,)) < structure.units.count(outer)
    named = next((c for c in structure.candidates if structure.is_one_to_one((c,), pair)), None)
    if named is not None and is_inner:
        found.sets = [columns for columns in found.sets if columns != (name,)]
        found.within[name] = outer
        found.notes.append(f"labels of `{name}` repeat in each `{outer[0]}`: the pair of the two is `{named}`")
        return True
    reasons = []
    if structure.repeats_within(name, outer):
        reasons.append(f"labels of `{name}` start anew in each `{outer[0]}`")
    constant = _constant_in_pair(found, pair)
    if constant and (is_inner or reasons) and float(np.median(structure.counts(pair))) >= 2:
        reasons.append(f"`{constant[0]}` is constant in the pair, in neither alone")
    if named is not None or (not constant and names_measure(name)):
        return False
    if not reasons:
        is_told = any(note.startswith(f"labels of `{name}` ") for note in found.notes)
        if is_inner and not is_told and _is_designed(structure, pair) and (name,) not in found.sets:
            found.notes.append(
                f"labels of `{name}` repeat in each `{outer[0]}`: crossed as they stand; if "
                f"{structure.units.label((name,), 0)} of one `{outer[0]}` is another than that of the next, the "
                f"pair of the two is a level"
            )
        return False
    found.sets = [*(columns for columns in found.sets if columns != (name,)), pair]
    found.reasons[pair] = tuple(reasons)
    found.scores.setdefault(name, 0)
    return True


def _is_designed(structure: Structure, pair: Columns) -> bool:
    """Whether every label occurs in every group, equally often."""
    counts = structure.counts(pair)
    possible = structure.units.count(pair[:1]) * structure.units.count(pair[1:])
    return len(counts) == possible and int(counts.min()) == int(counts.max())


def _find_row_labels(found: Proposal) -> None:
    """Find labels that tell the rows of a level apart: pupil 1, 2, .. of each class."""
    structure = found.structure
    for name, profile in structure.profiles.items():
        if profile.factor is None or name in found.copies or (name,) in found.sets or not names_group(name):
            continue
        if profile.n_values == profile.n_present or _has_covariate(found, name):
            continue
        others = [columns for columns in found.sets if name not in columns]
        for columns in sorted(others, key=lambda columns: -structure.units.count(columns)):
            if structure.units.count((name, *columns)) >= _NEARLY_ROWS * structure.n_rows:
                found.within[name] = columns
                found.sets = others
                break


def _has_covariate(found: Proposal, name: str) -> bool:
    """Whether a column stands in a pair that something is constant in."""
    pairs = [columns for columns in found.sets if name in columns and len(columns) > 1]
    return any(_constant_in_pair(found, pair) for pair in pairs)


def _constant_in_pair(found: Proposal, pair: Columns) -> list[str]:
    """Return the columns that are constant in a pair, and in neither of the two, not even nearly; no levels."""
    structure, levels = found.structure, {name for columns in found.sets for name in columns}
    return [
        other.name
        for other in structure.profiles.values()
        if other.n_values > 2
        and other.name not in levels
        and structure.is_constant(other.name, pair)
        and not any(structure.is_constant(other.name, (name,)) for name in pair)
        and not any(structure.exceptions(other.name, (name,)) for name in pair)
    ]


# ------------------------------------------------------------ the records


def level_scans(found: Proposal) -> tuple[LevelScan, ...]:
    """Return the proposed levels, finest first."""
    return tuple(_level(found, columns) for columns in found.sets)


def _level(found: Proposal, columns: Columns) -> LevelScan:
    counts = found.structure.counts(columns)
    return LevelScan(
        columns=columns,
        n_groups=len(counts),
        smallest=int(counts.min()),
        median=float(np.median(counts)),
        largest=int(counts.max()),
        singletons=int((counts == 1).sum()),
        parents=tuple(_parents(found, columns)),
        score=found.scores.get(columns[0], 0),
        reasons=found.reasons[columns],
    )


def _determines(found: Proposal, finer: Columns, coarser: Columns) -> bool:
    if finer == coarser or found.structure.units.count(finer) <= found.structure.units.count(coarser):
        return False
    return found.structure.lies_in(finer, coarser)


def _parents(found: Proposal, columns: Columns) -> list[Columns]:
    """Return the next coarser levels: those that no other coarser level lies in."""
    above = [other for other in found.sets if _determines(found, columns, other)]
    return [other for other in above if not any(_determines(found, between, other) for between in above)]


def column_scans(found: Proposal) -> tuple[ColumnScan, ...]:
    """Return what every column is."""
    return tuple(_column(found, profile) for profile in found.structure.profiles.values())


def _column(found: Proposal, profile: Profile) -> ColumnScan:
    level = _residence(found, profile)
    role = "covariate"
    if profile.n_values < 2:
        role = "constant"
    elif any(profile.name in columns for columns in found.sets):
        role = "level"
    elif profile.name in found.copies:
        role = "copy"
    elif profile.name in found.within or _tells_rows(profile):
        role = "row label"
    elif profile.is_text or _is_code(profile):
        role = "factor"
    nearly, exceptions = _near_residence(found, profile, level) if role in ("covariate", "factor") else ((), 0)
    return ColumnScan(
        name=profile.name,
        kind=profile.kind,
        is_text=profile.is_text,
        labels=_labels(profile),
        n_values=profile.n_values,
        n_missing=profile.n_missing,
        level=level,
        role=role,  # type: ignore[arg-type]
        same_as=found.copies.get(profile.name, ""),
        within=found.within.get(profile.name, ()),
        nearly=nearly,
        exceptions=exceptions,
    )


def _near_residence(found: Proposal, profile: Profile, level: Columns) -> tuple[Columns, int]:
    """Return the coarsest level, coarser than its own, in which a column is constant but for a few groups."""
    structure = found.structure
    for columns in reversed(found.sets):
        is_coarser = level == ROWS or _determines(found, level, columns)
        exceptions = structure.exceptions(profile.name, columns) if is_coarser and level else 0
        if exceptions:
            return columns, exceptions
    return (), 0


def _is_code(profile: Profile) -> bool:
    """Whether whole numbers are codes of categories, by their name: no amount."""
    return profile.kind == "integer" and names_group(profile.name) and not names_measure(profile.name)


def _labels(profile: Profile) -> tuple[str, ...]:
    return tuple(profile.factor.labels) if profile.kind == "binary" and profile.factor is not None else ()


def _tells_rows(profile: Profile) -> bool:
    """Whether a column is a label that each row has for itself."""
    if profile.factor is None or profile.n_values != profile.n_present:
        return False
    return profile.is_text or is_dense(profile) or (names_group(profile.name) and not names_measure(profile.name))


def _residence(found: Proposal, profile: Profile) -> Columns:
    """Return the coarsest level in which a column is constant."""
    if profile.n_values < 2:
        return ()
    own = [columns for columns in found.sets if profile.name in columns]
    if own:
        return own[0]
    if profile.name in found.copies and (found.copies[profile.name],) in found.sets:
        return (found.copies[profile.name],)
    holding = [columns for columns in found.sets if found.structure.is_constant(profile.name, columns)]
    return min(holding, key=found.structure.units.count) if holding else ROWS
