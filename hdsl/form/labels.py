"""Labels of units: text for whoever reads them, held as the data gave them.

Made by the stage design, kept in its records. Invariants: what is read is text, or a tuple of text for units of several
indices, whatever is held; labels are equal where their texts are, also to a tuple of these; they do not change.

A label of a whole number takes eight bytes as that number and sixty as text, and most labels are never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["Labels", "UnitLabel"]

UnitLabel: TypeAlias = str | tuple[str, ...]
"""A unit's label: text for one index, a tuple for several."""

Label_co = TypeVar("Label_co", bound=UnitLabel, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Labels(Sequence[Label_co]):
    """The labels of units in their order; prints, compares and hashes as the tuple of them.

    Attributes
    ----------
    columns : tuple of ndarray, each (J,)
        For each index what its labels print: whole numbers, or text as objects.
    """

    columns: tuple[NDArray[Any], ...]

    @staticmethod
    def of(labels: Iterable[UnitLabel]) -> Labels[Any]:
        """Return labels that are given as text, or as tuples of text."""
        given = list(labels)
        parts = zip(*given, strict=True) if given and isinstance(given[0], tuple) else [given]
        columns = tuple(np.array(texts, dtype=object) for texts in parts)
        return Labels(columns=columns or (np.empty(0, dtype=object),))

    @staticmethod
    def printing(values: NDArray[Any]) -> Labels[str]:
        """Return labels that print whole numbers, or text that is held as objects."""
        return Labels(columns=(values,))

    def take(self, places: NDArray[np.intp]) -> Labels[Label_co]:
        """Return the labels at some places, in the order of these."""
        return Labels(columns=tuple(column[places] for column in self.columns))

    def __len__(self) -> int:
        return len(self.columns[0])

    @overload
    def __getitem__(self, place: int) -> Label_co: ...

    @overload
    def __getitem__(self, place: slice) -> Labels[Label_co]: ...

    def __getitem__(self, place: int | slice) -> Label_co | Labels[Label_co]:
        if isinstance(place, slice):
            return Labels(columns=tuple(column[place] for column in self.columns))
        texts = tuple(str(column[place]) for column in self.columns)
        return texts[0] if len(texts) == 1 else texts  # type: ignore[return-value]

    def __iter__(self) -> Iterator[Label_co]:
        texts = [map(str, column.tolist()) for column in self.columns]
        return texts[0] if len(texts) == 1 else zip(*texts, strict=True)  # type: ignore[return-value]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, tuple | Labels) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
