"""How columns lie in one another: which are one to one, nested, nested as a pair, constant in what.

Stage: survey. Input: profiles and the units of the candidates. Output: answers, each computed once. Invariants: what is
said to lie in something does so in every row that has both values; a level of single rows decides nothing.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hdsl.design.checks import varying_pair
from hdsl.design.columns import Codes
from hdsl.design.units import Units
from hdsl.survey.profile import Profile
from hdsl.survey.record import Columns

__all__ = ["Structure"]

_SAMPLE = 20_000  # rows that are looked at before all are
_FEW = 0.05  # part of the groups that are exceptions


class Structure:
    """The candidates of a data set and what lies in what.

    Parameters
    ----------
    profiles : list of Profile
    n_rows : int
    """

    def __init__(self, profiles: list[Profile], n_rows: int) -> None:
        self.n_rows = n_rows
        self.profiles = {profile.name: profile for profile in profiles}
        self.candidates = {p.name: p for p in profiles if p.factor is not None and 1 < p.n_values < p.n_present}
        factors = {name: p.factor for name, p in self.candidates.items() if p.factor is not None}
        self.units = Units("", factors, n_rows)
        self._constant: dict[tuple[str, Columns], bool] = {}
        self._counts: dict[Columns, NDArray[np.intp]] = {}

    def codes(self, columns: Columns) -> Codes:
        """Return for each row its group, -1 where a value is missing; (n,)."""
        return self.units.codes(columns)

    def counts(self, columns: Columns) -> NDArray[np.intp]:
        """Return the rows of each group, in the order of the labels."""
        if columns not in self._counts:
            codes = self.codes(columns)
            self._counts[columns] = np.bincount(codes[codes >= 0], minlength=self.units.count(columns))
        return self._counts[columns]

    def lies_in(self, finer: Columns, coarser: Columns) -> bool:
        """Whether each group of `finer` lies in one group of `coarser`."""
        return self.units.determines(finer, coarser)

    def is_one_to_one(self, first: Columns, second: Columns) -> bool:
        """Whether two index sets group the rows alike."""
        return (
            self.units.count(first) == self.units.count(second)
            and self.lies_in(first, second)
            and self.lies_in(second, first)
        )

    def is_constant(self, name: str, columns: Columns) -> bool:
        """Whether a column is one value in each group, where some group has several rows."""
        key = (name, columns)
        if key not in self._constant:
            self._constant[key] = self._find_constant(self.profiles[name], columns)
        return self._constant[key]

    def _find_constant(self, profile: Profile, columns: Columns) -> bool:
        if not profile.n_values or profile.n_values > self.units.count(columns) or self.counts(columns).max() < 2:
            return False
        if self._differs_early(profile, columns):
            return False
        return varying_pair(profile.values, self.units, columns) is None

    def _differs_early(self, profile: Profile, columns: Columns) -> bool:
        """Whether some of the rows already show two values in one group, without doubt."""
        return bool(np.any(self._differ(profile, columns, self._sample)))

    def _differ(self, profile: Profile, columns: Columns, rows: Codes) -> NDArray[np.bool_]:
        """Return which of some rows have another value than the first row of their group; missing ones have none."""
        values = profile.values.codes if profile.values.codes is not None else profile.values.numbers
        assert values is not None
        groups = self.codes(columns)[rows]
        held, ours = values[self.units.first_rows(columns)[groups]], values[rows]
        differ: NDArray[np.bool_]
        if values.dtype.kind == "f":
            with np.errstate(invalid="ignore"):  # of what is missing or infinite nothing is said here
                differ = np.abs(ours - held) > 1e-9 * np.abs(held)
        else:
            differ = ours != held
        missing = profile.values.missing
        if missing is not None:
            differ &= ~missing[rows] & ~missing[self.units.first_rows(columns)[groups]]
        return differ & (groups >= 0)

    def exceptions(self, name: str, columns: Columns) -> int:
        """Return in how many groups a column varies, where it is one value in nearly all of them; else 0."""
        profile, n_groups = self.profiles[name], self.units.count(columns)
        if not 1 < profile.n_values <= n_groups or 2 * int((self.counts(columns) > 1).sum()) < n_groups:
            return 0
        codes, rows = self.codes(columns), self._sample
        if np.mean(self._differ(profile, columns, rows)) > _FEW:
            return 0
        everywhere = np.arange(self.n_rows)
        differing = codes[self._differ(profile, columns, everywhere)]
        found = int((np.bincount(differing, minlength=n_groups) > 0).sum()) if len(differing) else 0
        return found if found <= _FEW * n_groups else 0

    @cached_property
    def _sample(self) -> Codes:
        if self.n_rows <= _SAMPLE:
            return np.arange(self.n_rows)
        return np.linspace(0, self.n_rows - 1, _SAMPLE).astype(np.intp)

    def follows_number(self, name: str, by: str) -> bool:
        """Whether a column rises or falls with the numbers of another one in whose groups it is constant.

        Such a column is a function of a measurement, as an age group is of an age, and no property of a group.
        """
        other, first = self.profiles[name], self.units.first_rows((by,))
        if self.profiles[by].is_text or other.is_text or other.values.numbers is None:
            return False
        steps = np.diff(other.values.reals()[first])
        steps = steps[~np.isnan(steps)]
        return bool(np.all(steps >= 0) or np.all(steps <= 0))

    def repeats_within(self, inner: str, outer: Columns) -> bool:
        """Whether the labels of a column start anew in each group: 1, 2, 3 in one, 1, 2 in the next."""
        pair = (inner, *outer)
        cells = self.units.count(pair)
        first = self.units.first_rows(pair)
        label, group = self.codes((inner,))[first], self.codes(outer)[first]
        n_groups = self.units.count(outer)
        used = np.bincount(group, minlength=n_groups)
        highest = np.zeros(n_groups, dtype=np.intp)
        np.maximum.at(highest, group, label + 1)
        return bool(np.array_equal(used, highest)) and cells < n_groups * self.units.count((inner,))
