"""How the groups of a fit lie in each other, as the data show it.

Stage: results. Input: the group codes of a `Design`. Output: words for each index set. Invariant: nested means that
every group of the finer factor has rows in one group of the coarser only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.form.expr import IndexSet, show_index_set

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["is_nested", "relations"]


def is_nested(finer: NDArray[np.intp], coarser: NDArray[np.intp], n_finer: int) -> bool:
    """Return whether each group of `finer` lies in one group of `coarser` (codes by row)."""
    parent = np.empty(n_finer, dtype=np.intp)
    parent[finer] = coarser
    return bool(np.array_equal(parent[finer], coarser))


def relations(design: Design) -> dict[IndexSet, str]:
    """Return for each grouping factor ``"in k"``, ``"crossed with r"``, or both.

    Of what it is nested in, only the nearest is named where that is itself nested in the others.
    """
    terms = design.plan.re_terms
    groups = design.arrays.groups
    places = range(len(terms))
    inside = {
        finer: {
            coarser
            for coarser in places
            if coarser != finer and is_nested(groups[finer], groups[coarser], len(design.levels[finer]))
        }
        for finer in places
    }
    return {terms[place].index_set: _words(place, inside, [term.index_set for term in terms]) for place in places}


def _words(place: int, inside: dict[int, set[int]], index_sets: list[IndexSet]) -> str:
    above = inside[place]
    nearest = [
        other
        for other in above
        if not any(other in inside[between] and between not in inside[other] for between in above - {other})
    ]
    crossed = [other for other in inside if other != place and other not in above and place not in inside[other]]
    words = []
    if nearest:
        words.append("in " + " and ".join(_bracketed(index_sets[other]) for other in sorted(nearest)))
    if crossed:
        words.append("crossed with " + ", ".join(_bracketed(index_sets[other]) for other in sorted(crossed)))
    return "; ".join(words)


def _bracketed(index_set: IndexSet) -> str:
    return f"[{show_index_set(index_set)}]"
