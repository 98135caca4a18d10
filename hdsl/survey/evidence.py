"""What speaks for a column to label groups, and what against it: a table of reasons with points.

Stage: survey. Input: one candidate with what is known of it. Output: its reasons. Invariants: every reason is a row of
`REASONS`; a score is the sum of the points of those that hold, and is never computed elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import Codes
from hdsl.survey.profile import Profile
from hdsl.survey.words import names_group, names_measure

__all__ = ["ENOUGH", "ENOUGH_TEXT", "Candidate", "Reason", "is_dense", "reasons_of"]

ENOUGH = 3
"""Points from which a column of whole numbers is proposed as a level."""

ENOUGH_TEXT = 2
"""Points from which a column of labels is."""

FEW = 5
"""With fewer groups than this, a set of coefficients says more than their spread."""

_WIDE = 30  # distinct numbers from which their distribution can be judged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A column that may label groups.

    Attributes
    ----------
    profile : Profile
    codes : ndarray, (n,)
        Group of each row, -1 where missing.
    counts : ndarray
        Rows of each group, in the order of the labels.
    constant : int
        Other columns that are one value in each of its groups and are no function of a number.
    inside : tuple of str
        Candidates whose groups lie in its groups, at least two to each on average.
    """

    profile: Profile
    codes: Codes
    counts: NDArray[np.intp]
    constant: int
    inside: tuple[str, ...]

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason: its points, when it holds, its words."""

    points: int
    holds: Callable[[Candidate], bool]
    words: Callable[[Candidate], str]


def _stands_together(candidate: Candidate) -> bool:
    """Whether the rows of each group follow one another in the file."""
    codes = candidate.codes
    runs = 1 + int((codes[1:] != codes[:-1]).sum())
    return candidate.n_groups >= FEW and runs <= 1.02 * candidate.n_groups


def _is_balanced(candidate: Candidate) -> bool:
    return candidate.n_groups >= FEW and int(candidate.counts.min()) == int(candidate.counts.max()) >= 2


def is_dense(profile: Profile) -> bool:
    """Whether the values of a column of whole numbers are 1, 2, .. or 0, 1, .., without a gap."""
    numbers = profile.values.numbers
    if numbers is None or profile.factor is None:
        return False
    first, last = (float(profile.factor.labels[k]) for k in (0, -1))
    return first in (0.0, 1.0) and last - first + 1 == profile.n_values


def _is_flat(candidate: Candidate) -> bool:
    """Whether wide whole numbers have as many rows at the ends of their range as in its middle, as amounts have not."""
    factor = candidate.profile.factor
    if factor is None or candidate.profile.is_text or candidate.n_groups < _WIDE:
        return False
    labels = factor.labels
    width = float(labels[-1]) - float(labels[0]) + 1
    tenth = max(candidate.n_groups // 10, 3)
    middle = float(np.mean(candidate.counts[tenth:-tenth]))
    ends = float(np.mean(candidate.counts[:tenth])), float(np.mean(candidate.counts[-tenth:]))
    return candidate.n_groups >= 0.3 * width and min(ends) >= 0.5 * middle


def _s(count: int) -> str:
    return "" if count == 1 else "s"


REASONS = (
    Reason(points=2, holds=lambda c: c.profile.is_text, words=lambda _: "its values are labels"),
    Reason(points=2, holds=lambda c: names_group(c.profile.name), words=lambda _: "its name is that of a group"),
    Reason(
        points=-3,
        holds=lambda c: names_measure(c.profile.name) and not names_group(c.profile.name),
        words=lambda _: "its name is that of an amount or a time",
    ),
    Reason(
        points=2,
        holds=lambda c: c.constant > 0,
        words=lambda c: (
            f"{c.constant} other column{_s(c.constant)} {'is' if c.constant == 1 else 'are'} constant in it"
        ),
    ),
    Reason(
        points=2,
        holds=lambda c: bool(c.inside),
        words=lambda c: f"`{c.inside[0]}` lies in it",
    ),
    Reason(points=2, holds=_stands_together, words=lambda _: "the rows of each group stand together"),
    Reason(points=1, holds=_is_balanced, words=lambda c: f"each group has {int(c.counts[0]):,} rows"),
    Reason(points=1, holds=lambda c: is_dense(c.profile), words=lambda _: "its numbers count up without a gap"),
    Reason(points=2, holds=_is_flat, words=lambda _: "its numbers are spread as labels are, not as amounts"),
    Reason(points=-5, holds=lambda c: c.n_groups < FEW, words=lambda c: f"{c.n_groups} groups only"),
)
"""Everything that counts for a level or against it."""


def reasons_of(candidate: Candidate) -> list[tuple[int, str]]:
    """Return points and words of each reason that holds."""
    return [(reason.points, reason.words(candidate)) for reason in REASONS if reason.holds(candidate)]
