"""What a scan finds, as plain records.

Output of the stage `hdsl.survey`. Invariants: an index set is a tuple of column names; ``()`` is the whole data set;
everything here can be written as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["ROWS", "ColumnScan", "Columns", "Crossing", "Kind", "LevelScan", "Outcome", "Role"]

Columns: TypeAlias = tuple[str, ...]
"""An index set by its columns: ``("class", "school")``."""

ROWS: Columns = ("rows",)
"""The set of rows, where a column varies that no level holds constant; a column of that name is never meant."""

Kind: TypeAlias = Literal["continuous", "integer", "binary", "text", "empty"]
Role: TypeAlias = Literal["level", "factor", "covariate", "row label", "copy", "constant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnScan:
    """One column.

    Attributes
    ----------
    name : str
    kind : {"continuous", "integer", "binary", "text", "empty"}
        What its values are; binary is two values, of numbers or of text.
    is_text : bool
        Whether the values are labels, so that a comparison or a set is needed for them to be numbers.
    labels : tuple of str
        The values of a binary column.
    n_values, n_missing : int
        Distinct values; rows without one.
    level : tuple of str
        The coarsest proposed index set in which it is constant; `ROWS` where it varies between rows, ``()`` where it
        is one value.
    role : {"level", "factor", "covariate", "row label", "copy", "constant"}
        What it is proposed to be.
    same_as : str
        Of a copy, the column that it corresponds to one to one; else empty.
    within : tuple of str
        Of a row label that repeats, the columns that it tells rows within.
    nearly, exceptions : tuple of str, int
        A level in which it is constant but for a few groups, and their number.
    """

    name: str
    kind: Kind
    is_text: bool
    labels: tuple[str, ...]
    n_values: int
    n_missing: int
    level: Columns
    role: Role
    same_as: str = ""
    within: Columns = ()
    nearly: Columns = ()
    exceptions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelScan:
    """One proposed level.

    Attributes
    ----------
    columns : tuple of str
        One column, or several whose combinations are the groups: labels of the first repeat within the second.
    n_groups : int
    smallest, largest : int
        Rows of the smallest and of the largest group.
    median : float
        Rows of the median group.
    singletons : int
        Groups of one row.
    parents : tuple of index sets
        The next coarser levels that each group lies in one of.
    score : int
        Sum of the points of its reasons.
    reasons : tuple of str
        Why it is taken for a level.
    """

    columns: Columns
    n_groups: int
    smallest: int
    median: float
    largest: int
    singletons: int
    parents: tuple[Columns, ...]
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Two levels of which neither lies in the other.

    Attributes
    ----------
    first, second : index sets
        The one with more groups first.
    cells, possible : int
        Combinations that occur, and all.
    components : int
        Parts into which the groups fall that share no row; between parts nothing is compared.
    movers : int
        Groups of `first` that lie in more than one of `second`.
    n_first : int
        Groups of `first`.
    example : str
        A mover: ``"17 lies in A and B"``.
    """

    first: Columns
    second: Columns
    cells: int
    possible: int
    components: int
    movers: int
    n_first: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A column that looks like an outcome, with the distribution that its values suggest.

    `functions` are the columns that give it, or that it gives: another coding of it, no covariates.
    """

    column: str
    distribution: str
    score: int
    reasons: tuple[str, ...]
    functions: tuple[str, ...] = ()
