"""What the data show of the order of index sets, beside what the model says of it.

Stage: design, after binding. Input: the levels of a model and the `Units` of its data. Output: a `Relation` for each
pair of index sets of which that is a question. Invariants: subscripts decide for sets that contain each other, and
the row lies in everything: such pairs are left out; nesting that the model says was checked when the data were bound.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hdsl.design.units import Units
from hdsl.form.expr import IndexSet
from hdsl.semantics.relation import Relation

if TYPE_CHECKING:
    from hdsl.semantics.levels import Levels

__all__ = ["relations_in"]


def relations_in(levels: Levels, units: Units) -> tuple[Relation, ...]:
    """Return what the model says and the data show of each pair of index sets.

    Sets over which no coefficient varies by a distribution are left out, but where one is nested.
    """
    sets = [s for s in levels.index_sets if s and not units.is_rows(s) and not _is_free(s, units)]
    found = []
    for a, b in combinations(sets, 2):
        if set(a) <= set(b) or set(b) <= set(a):
            continue
        relation = _relation(levels, units, a, b)
        if relation.data != "crossed" or {a, b} <= levels.grouping:
            found.append(relation)
    return tuple(found)


def _is_free(index_set: IndexSet, units: Units) -> bool:
    """Whether a set has an index that the rows do not have a value of."""
    return not set(index_set) <= units.names


def _relation(levels: Levels, units: Units, a: IndexSet, b: IndexSet) -> Relation:
    forth, back = units.determines(a, b), units.determines(b, a)
    declared_back = levels.determines(b, a) and not levels.determines(a, b)
    first, second = (b, a) if (back and not forth) or (back and declared_back) else (a, b)
    both = (*first, *(name for name in second if name not in first))
    return Relation(
        first=first,
        second=second,
        data="same" if forth and back else "nested" if forth or back else "crossed",
        declared=levels.determines(first, second),
        line=_line(levels, first, second),
        pairs=units.count(both),
        possible=units.count(first) * units.count(second),
    )


def _line(levels: Levels, finer: IndexSet, coarser: IndexSet) -> int | None:
    for nesting in levels.nestings:
        fits = levels.determines(finer, nesting.finer) and set(nesting.coarser) <= set(coarser)
        if fits and nesting.span is not None:
            return nesting.span.line
    return None
