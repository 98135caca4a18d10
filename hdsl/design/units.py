"""Index sets as integer codes: which rows share a unit of ``[j]``, of ``[j,k]``.

Stage: design. Input: a `Factor` for each index. Output: for each index set a code per row, labels in order, and the
maps from finer units to coarser ones. Invariants: every code from 0 occurs; units of several indices are the
combinations observed, ordered by the labels of the first index, then of the second; -1 where an index has no value.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import Codes, Factor, compress, row_parts
from hdsl.form.expr import IndexSet
from hdsl.form.labels import Labels, UnitLabel

__all__ = ["UnitLabel", "Units", "show_unit"]


class Units:
    """The units of every index set of one table, computed when asked for and kept.

    Parameters
    ----------
    row : str
        Name of the row index; any set that holds it is the set of rows.
    factors : mapping of str to Factor
        For each other index its labels and codes.
    n : int
        Number of rows.
    """

    def __init__(self, row: str, factors: Mapping[str, Factor], n: int) -> None:
        self.row = row
        self.n = n
        self._factors = dict(factors)
        self._codes: dict[IndexSet, Codes] = {}
        self._used: dict[IndexSet, Codes] = {}
        self._first: dict[IndexSet, Codes] = {}
        self._violations: dict[tuple[IndexSet, IndexSet], NDArray[np.intp]] = {}

    @property
    def names(self) -> frozenset[str]:
        """The indices that the table has."""
        return frozenset((self.row, *self._factors))

    def is_rows(self, index_set: IndexSet) -> bool:
        """Whether each row is a unit of its own by definition."""
        return self.row in index_set

    def codes(self, index_set: IndexSet) -> Codes:
        """Return for each row the code of its unit, -1 where an index has no value; (n,)."""
        if index_set not in self._codes:
            self._codes[index_set] = self._make_codes(index_set)
        return self._codes[index_set]

    def _make_codes(self, index_set: IndexSet) -> Codes:
        if self.is_rows(index_set):
            return np.arange(self.n, dtype=np.intp)
        if not index_set:
            return np.zeros(self.n, dtype=np.intp)
        if len(index_set) == 1:
            factor = self._factors[index_set[0]]
            if factor.is_full:
                self._used[index_set] = np.arange(len(factor.labels))
                return factor.codes
            codes, self._used[index_set] = compress(factor.codes, len(factor.labels))
            return codes
        head, last = index_set[:-1], index_set[-1:]
        outer, inner = self.codes(head), self.codes(last)
        width = self.count(last)
        joined = outer * width
        joined += inner
        if joined.size and (outer.min() < 0 or inner.min() < 0):
            joined[(outer < 0) | (inner < 0)] = -1
        codes, self._used[index_set] = compress(joined, self.count(head) * width)
        return codes

    def count(self, index_set: IndexSet) -> int:
        """Return the number of units."""
        if self.is_rows(index_set):
            return self.n
        if not index_set:
            return 1
        self.codes(index_set)
        return len(self._used[index_set])

    def labels(self, index_set: IndexSet) -> Labels[UnitLabel]:
        """Return the label of every unit, in the order of the codes."""
        if not index_set:
            return Labels.of(("",))
        parts = self.label_columns(index_set)
        return Labels(columns=tuple(column for part in parts for column in part.columns))

    def label_columns(self, index_set: IndexSet) -> list[Labels[str]]:
        """Return for each index of the set the labels of every unit."""
        if self.is_rows(index_set):
            return [Labels.printing(np.arange(1, self.n + 1))]
        self.codes(index_set)
        used = self._used[index_set]
        if len(index_set) == 1:
            labels = self._factors[index_set[0]].labels
            return [labels if len(used) == len(labels) else labels.take(used)]
        head, last = index_set[:-1], index_set[-1:]
        outer, inner = np.divmod(used, self.count(last))
        columns = [*self.label_columns(head), *self.label_columns(last)]
        places = [*[outer] * len(head), inner]
        return [column.take(place) for column, place in zip(columns, places, strict=True)]

    def label(self, index_set: IndexSet, code: int) -> UnitLabel:
        """Return the label of one unit."""
        if self.is_rows(index_set) or not index_set:
            return str(code + 1) if index_set else ""
        place = int(self._used[index_set][code]) if self.count(index_set) else 0
        if len(index_set) == 1:
            return self._factors[index_set[0]].labels[place]
        head, last = index_set[:-1], index_set[-1:]
        outer, inner = divmod(place, self.count(last))
        first = self.label(head, outer)
        return (*((first,) if isinstance(first, str) else first), str(self.label(last, inner)))

    def first_rows(self, index_set: IndexSet) -> Codes:
        """Return for each unit the first row that lies in it."""
        if self.is_rows(index_set):
            return self.codes(index_set)
        if index_set not in self._first:
            codes = self.codes(index_set)
            first = np.zeros(self.count(index_set), dtype=np.intp)
            for rows in reversed(row_parts(self.n)):
                part = codes[rows]
                held = (np.arange(len(part)) if part.min() >= 0 else np.flatnonzero(part >= 0))[::-1]
                first[part[held]] = rows.start + held  # reversed, so that the first row is written last
            self._first[index_set] = first
        return self._first[index_set]

    def parents(self, finer: IndexSet, coarser: IndexSet) -> Codes:
        """Return for each unit of `finer` the unit of `coarser` that it lies in (-1: none)."""
        codes = self.codes(coarser)
        return codes if self.is_rows(finer) else codes[self.first_rows(finer)]

    def violations(self, finer: IndexSet, coarser: IndexSet) -> NDArray[np.intp]:
        """Return rows whose unit of `coarser` differs from that of the first row of their unit of `finer`."""
        pair = (finer, coarser)
        if pair not in self._violations:
            self._violations[pair] = self._find_violations(finer, coarser)
        return self._violations[pair]

    def _find_violations(self, finer: IndexSet, coarser: IndexSet) -> NDArray[np.intp]:
        inner, outer = self.codes(finer), self.codes(coarser)
        expected = outer[self.first_rows(finer)]
        found = [rows.start + np.flatnonzero(expected[inner[rows]] != outer[rows]) for rows in row_parts(self.n)]
        differing = np.concatenate(found) if found else np.zeros(0, dtype=np.intp)
        if not len(differing) or not (inner.min() < 0 or outer.min() < 0):
            return differing
        held = (inner >= 0) & (outer >= 0)  # a missing label is neither in a unit nor elsewhere
        rows = np.flatnonzero(held)[::-1]
        expected[inner[rows]] = outer[rows]
        return np.flatnonzero(held & (expected[inner] != outer))

    def determines(self, finer: IndexSet, coarser: IndexSet) -> bool:
        """Whether every unit of `finer` lies in one unit of `coarser`, in these rows."""
        if self.is_rows(finer) or set(coarser) <= set(finer):
            return True
        if self.count(finer) < self.count(coarser):
            return False
        return not len(self.violations(finer, coarser))

    def restricted(self, keep: NDArray[np.bool_]) -> Units:
        """Return the units of the rows that are kept."""
        factors = {name: _full(factor.codes[keep], factor.labels) for name, factor in self._factors.items()}
        return Units(self.row, factors, int(np.count_nonzero(keep)))


def _full(codes: Codes, labels: Labels[str]) -> Factor:
    """Return a factor without the labels that do not occur."""
    new, used = compress(codes, len(labels))
    return Factor(codes=new, labels=labels if len(used) == len(labels) else labels.take(used), is_full=True)


def show_unit(label: UnitLabel) -> str:
    """Return a unit's label as it stands in brackets: ``a,2``."""
    return label if isinstance(label, str) else ",".join(label)
