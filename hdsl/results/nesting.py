"""How the groups of a fit lie in each other, as the data show it.

Stage: results. Input: the group codes of a `Design`. Output: words for each index set. Invariant: nested means that
every group of the finer factor has rows in one group of the coarser only; of sets that are no factors, that the model
says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.form.expr import IndexSet, show_index_set

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["containing", "is_nested", "relations"]


def is_nested(finer: NDArray[np.intp], coarser: NDArray[np.intp], n_finer: int) -> bool:
    """Return whether each group of `finer` lies in one group of `coarser` (codes by row)."""
    parent = np.empty(n_finer, dtype=np.intp)
    parent[finer] = coarser
    return bool(np.array_equal(parent[finer], coarser))


def relations(design: Design) -> dict[IndexSet, str]:
    """Return for each index set but that of the rows ``"in k"``, ``"crossed with r"``, both, or nothing.

    A set lies in another one by its subscripts, by declaration, or, if both are grouping factors, because the data show
    it; only factors are called crossed. Of what it lies in, only the nearest is named where that itself lies in the
    others.
    """
    inside = containing(design)
    factors = [term.index_set for term in design.plan.re_terms]
    crossed = {
        a: [b for b in factors if a in factors and b != a and b not in inside[a] and a not in inside[b]] for a in inside
    }
    return {a: _words(a, inside, crossed[a]) for a in inside}


def containing(design: Design) -> dict[IndexSet, set[IndexSet]]:
    """Return for each index set but that of the rows those that it lies in."""
    form = design.form
    factors = [term.index_set for term in design.plan.re_terms]
    sets = [index_set for index_set in design.group_counts if form.row not in index_set]
    sets += [index_set for index_set in factors if index_set not in sets]

    def lies(finer: IndexSet, coarser: IndexSet) -> bool:
        if finer in factors and coarser in factors:
            a, b = factors.index(finer), factors.index(coarser)
            return is_nested(design.arrays.groups[a], design.arrays.groups[b], len(design.levels[a]))
        return form.determines(finer, coarser)

    return {a: {b for b in sets if b != a and lies(a, b)} for a in sets}


def _words(index_set: IndexSet, inside: dict[IndexSet, set[IndexSet]], crossed: list[IndexSet]) -> str:
    above = inside[index_set]
    nearest = [
        other
        for other in inside
        if other in above
        and not any(other in inside[between] and between not in inside[other] for between in above - {other})
    ]
    words = []
    if nearest:
        words.append("in " + " and ".join(map(_bracketed, nearest)))
    if crossed:
        words.append("crossed with " + ", ".join(map(_bracketed, crossed)))
    return "; ".join(words)


def _bracketed(index_set: IndexSet) -> str:
    return f"[{show_index_set(index_set)}]"
