"""Columns of a data set as plain arrays, whatever frame they came in.

Stage: design, first step. Input: a column of an eager frame. Output: `ColumnValues`: numbers, or integer codes of
labels. Invariants: labels are text and distinct; codes are positions in the labels, -1 where the value is missing;
categories keep the order that the frame gives them, all else is sorted, numbers as numbers; whole numbers stay whole
numbers, whatever their size and whether values are missing, so that no two of them become one label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.form.labels import Labels

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

__all__ = [
    "Codes",
    "ColumnValues",
    "Factor",
    "compress",
    "from_objects",
    "may_lose_digits",
    "number_label",
    "read_pandas",
    "read_series",
    "row_parts",
]

Codes: TypeAlias = NDArray[np.intp]
Kind: TypeAlias = Literal["number", "boolean", "text", "category"]

NO_LABELS: Labels[str] = Labels.of(())

_TABLE_SLACK = 4  # a lookup table of this many entries a row is cheaper than hashing
_FEW = 1 << 14  # distinct values that hashing makes room for at first, instead of one for each row
_EXACT = 2.0**53  # below it floats hold every whole number
_PART = 1 << 15  # rows that are worked on at once where arrays of all would be copies of the data


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factor:
    """Labels in their order, and for each row the position of its label (-1: missing).

    `is_full` says that every label is known to occur.
    """

    codes: Codes
    labels: Labels[str]
    is_full: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class ColumnValues:
    """The values of one column.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "text", "category"}
    numbers : ndarray, (n,), or None
        Integers, or floats with NaN where missing; None for text and categories.
    absent : ndarray of bool, (n,), or None
        Where `numbers` are integers, which have no NaN: the rows without a value, None where every row has one.
    codes : ndarray, (n,), or None
        Positions in `labels` (-1: missing); None for numbers and booleans.
    labels : Labels
        Empty for numbers and booleans.
    """

    name: str
    kind: Kind
    numbers: NDArray[Any] | None = None
    absent: NDArray[np.bool_] | None = None
    codes: Codes | None = None
    labels: Labels[str] = NO_LABELS

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers or booleans."""
        return self.numbers is not None

    @cached_property
    def missing(self) -> NDArray[np.bool_] | None:
        """Rows without a value, or None where every row has one."""
        if self.codes is not None:
            mask = self.codes < 0
        elif self.numbers is not None and self.numbers.dtype.kind == "f":
            mask = np.isnan(self.numbers)
        elif self.absent is not None:
            mask = self.absent
        else:
            return None
        return mask if mask.any() else None

    def reals(self) -> NDArray[np.float64]:
        """Return the numbers as floats, NaN where missing."""
        assert self.numbers is not None
        values = self.numbers.astype(np.float64, copy=False)
        return values if self.absent is None else np.where(self.absent, np.nan, values)

    def take(self, positions: Codes) -> ColumnValues:
        """Return the values at `positions`; -1 gives a missing value."""
        outside = positions < 0
        if self.codes is not None:
            if not len(self.codes):
                return replace(self, codes=np.full(len(positions), -1, dtype=np.intp))
            return replace(self, codes=np.where(outside, -1, self.codes[positions]))
        assert self.numbers is not None
        if not outside.any():
            absent = None if self.absent is None else self.absent[positions]
            return replace(self, numbers=self.numbers[positions], absent=absent)
        is_whole = self.numbers.dtype.kind in "iu"
        values = np.full(len(positions), 0 if is_whole else np.nan, dtype=self.numbers.dtype)
        values[~outside] = self.numbers[positions[~outside]]
        if not is_whole:
            return replace(self, numbers=values)
        if self.absent is not None:
            outside[~outside] = self.absent[positions[~outside]]
        return replace(self, numbers=values, absent=outside)

    def factor(self) -> Factor:
        """Return the values as labels in order with a code for each row; only labels that occur."""
        if self.codes is not None:
            codes, used = compress(self.codes, len(self.labels))
            labels = self.labels if len(used) == len(self.labels) else self.labels.take(used)
            return Factor(codes=codes, labels=labels, is_full=True)
        assert self.numbers is not None
        codes, values = self._factor_numbers(self.numbers)
        if values.dtype.kind in "iu" and self.kind == "number":
            return Factor(codes=codes, labels=Labels.printing(values), is_full=True)
        return Factor(codes=codes, labels=Labels.of(self.label_of(value) for value in values.tolist()), is_full=True)

    def _factor_numbers(self, numbers: NDArray[Any]) -> tuple[Codes, NDArray[Any]]:
        codes, values = _factor_numbers(numbers)
        if self.absent is None:
            return codes, values
        codes[self.absent] = -1
        codes, used = compress(codes, len(values))
        return codes, values[used]

    def label(self, row: int) -> str:
        """Return the printed value of one row."""
        if self.missing is not None and self.missing[row]:
            return "missing"
        if self.codes is not None:
            return self.labels[int(self.codes[row])]
        assert self.numbers is not None
        return self.label_of(self.numbers[row].item())

    def label_of(self, value: float) -> str:
        """Return how a number of this column prints."""
        return str(bool(value)) if self.kind == "boolean" and not np.isnan(value) else number_label(value)


def number_label(value: float) -> str:
    """Return a number as a label: ``1`` for 1 and 1.0, else the shortest text that reads back."""
    if isinstance(value, int):
        return str(value)
    if np.isnan(value):
        return "missing"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def compress(codes: Codes, bound: int) -> tuple[Codes, Codes]:
    """Renumber codes in ``[-1, bound)`` so that every code from 0 occurs.

    Returns
    -------
    codes : ndarray
        New codes in the same order; -1 stays.
    used : ndarray
        The old codes that occur, ascending.
    """
    if bound <= _TABLE_SLACK * len(codes) + 1000:
        seen = np.zeros(bound + 1, dtype=bool)
        seen[codes] = True  # -1 marks the last entry, which is no code
        used = np.flatnonzero(seen[:bound])
        if len(used) == bound:
            return codes.astype(np.intp, copy=False), used
        table = np.full(bound + 1, -1, dtype=np.intp)
        table[used] = np.arange(len(used))
        return table[codes], used
    new, used = _distinct(codes)
    if len(used) and int(used[0]) < 0:
        new -= 1
        return new, used[1:]
    return new, used


def _distinct(values: NDArray[Any]) -> tuple[Codes, NDArray[Any]]:
    """Return the distinct values, ascending, and the position of each among them, -1 for NaN."""
    import pandas as pd

    codes, found = pd.factorize(values, size_hint=_FEW)
    order = np.argsort(found)
    rank = np.full(len(found) + 1, -1, dtype=np.intp)  # the last entry serves the code -1
    rank[order] = np.arange(len(found))
    return _renumbered(codes, rank), np.asarray(found)[order]


def _renumbered(codes: Codes, table: Codes) -> Codes:
    """Return ``table[codes]``, written over the codes where that is possible."""
    codes = np.require(codes, np.intp, "W")
    for rows in row_parts(len(codes)):
        codes[rows] = table[codes[rows]]
    return codes


def row_parts(n: int) -> list[slice]:
    """Return the rows in parts, in order."""
    return [slice(start, min(start + _PART, n)) for start in range(0, n, _PART)]


def _factor_numbers(values: NDArray[Any]) -> tuple[Codes, NDArray[Any]]:
    if values.dtype.kind in "iu" and len(values):
        low = int(values.min())
        bound = int(values.max()) - low + 1
        if bound <= _TABLE_SLACK * len(values) + 1000:
            wide = np.uint64 if values.dtype == np.uint64 else np.intp  # holds the values, and their distance to `low`
            codes, used = compress(np.subtract(values, low, dtype=wide).astype(np.intp, copy=False), bound)
            return codes, used.astype(wide, copy=False) + wide(low)
    return _distinct(values)


def read_pandas(name: str, series: pd.Series[Any]) -> ColumnValues:
    """Return the values of one pandas series; numbers and text, the most common, without a detour."""
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        return _from_numbers(name, series.to_numpy())
    if isinstance(dtype, pd.StringDtype):
        return _from_text(name, series.array)
    if isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith("dictionary"):  # pandas has no categories for it
        series = series.array.__arrow_array__()
    import narwhals as nw

    return read_series(name, nw.from_native(series, series_only=True))


def read_series(name: str, series: nw.Series[Any]) -> ColumnValues:
    """Return the values of one narwhals series."""
    import narwhals as nw

    dtype = series.dtype
    if dtype == nw.Categorical and series.implementation.is_pyarrow():
        series = _decoded(series)
        dtype = series.dtype
    if dtype == nw.Enum or (dtype == nw.Categorical and _has_order(series)):
        return _from_categories(name, series)
    if dtype.is_integer():
        return _from_integers(name, series)
    if dtype.is_float():
        return _from_numbers(name, series.to_numpy())
    if dtype.is_decimal():
        values = series.cast(nw.Float64).to_numpy()
        return from_objects(name, series.to_list()) if may_lose_digits(values) else _from_numbers(name, values)
    if dtype == nw.Boolean and not series.is_null().any():
        return ColumnValues(name=name, kind="boolean", numbers=series.to_numpy().astype(np.int64))
    if dtype in (nw.String, nw.Categorical):
        return _from_text(name, series.to_numpy())
    return from_objects(name, series.to_list())


def _decoded(series: nw.Series[Any]) -> nw.Series[Any]:
    """Return a dictionary of numbers as the numbers, unless it has an order of its own; one of text as it is."""
    import narwhals as nw

    native = series.to_native()
    values = nw.from_native(native.slice(0, 0).cast(native.type.value_type), series_only=True)
    if native.type.ordered or not values.dtype.is_numeric():
        return series
    return nw.from_native(native.cast(native.type.value_type), series_only=True)


def _from_integers(name: str, series: nw.Series[Any]) -> ColumnValues:
    import narwhals as nw

    if series.dtype in (nw.Int128, nw.UInt128):  # NumPy has none
        return from_objects(name, series.to_list())
    if not series.is_null().any():
        return _from_numbers(name, series.to_numpy())
    lowest = series.min()  # as what fills the gaps it keeps the range as narrow as it is
    filled = series.fill_null(0 if lowest is None else lowest)
    return _from_numbers(name, filled.to_numpy(), series.is_null().to_numpy())


def _from_numbers(name: str, values: NDArray[Any], absent: NDArray[np.bool_] | None = None) -> ColumnValues:
    dtype = values.dtype.newbyteorder("=") if values.dtype.kind in "iu" else np.dtype(float)
    return ColumnValues(name=name, kind="number", numbers=values.astype(dtype, copy=False), absent=absent)


def may_lose_digits(values: NDArray[Any] | np.float64) -> bool:
    """Whether floats are beyond the range in which they tell all whole numbers apart."""
    return bool(np.any(np.abs(values) >= _EXACT))


def from_objects(name: str, values: Sequence[object]) -> ColumnValues:
    """Return a column of Python objects: booleans or numbers where every value is one, else text."""
    import pandas as pd

    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    present = ~pd.isna(objects)
    kept = objects[present].tolist()
    kinds = {_object_kind(value) for value in kept}
    if kinds == {"number"} and all(_is_whole(value) for value in kept):
        return _from_whole(name, [int(value) for value in kept], present)
    if kinds <= {"boolean"} or kinds <= {"number"}:
        numbers = np.full(len(objects), np.nan)
        numbers[present] = [float(value) for value in kept]
        return ColumnValues(name=name, kind="boolean" if kinds == {"boolean"} else "number", numbers=numbers)
    text = np.full(len(objects), None, dtype=object)
    text[present] = [_text(value) for value in kept]
    return _from_text(name, text)


def _from_whole(name: str, values: list[int], present: NDArray[np.bool_]) -> ColumnValues:
    """Return whole numbers of any size: text where they are longer than 64 bits, so that each stays what it is."""
    low, high = min(values), max(values)
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            numbers = np.zeros(len(present), dtype=dtype)
            numbers[present] = np.array(values, dtype=dtype)
            return _from_numbers(name, numbers, None if present.all() else ~present)
    text = np.full(len(present), None, dtype=object)
    text[present] = [str(value) for value in values]
    return _from_text(name, text)


def _is_whole(value: Any) -> bool:
    from decimal import Decimal

    return isinstance(value, int | np.integer) or (
        isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()
    )


def _object_kind(value: object) -> str:
    from decimal import Decimal

    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "number" if isinstance(value, int | float | np.number | Decimal) else "text"


def _text(value: object) -> str:
    return number_label(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _from_text(name: str, values: Any) -> ColumnValues:
    import pandas as pd

    codes, found = pd.factorize(values, size_hint=_FEW)
    labels = [value if isinstance(value, str) else str(value) for value in found.tolist()]
    order = _sorted_places(labels)
    rank = np.full(len(labels) + 1, -1, dtype=np.intp)  # the last entry serves the code -1
    rank[order] = np.arange(len(labels))
    ordered = Labels.printing(np.array(labels, dtype=object)[order])
    return ColumnValues(name=name, kind="text", codes=_renumbered(codes, rank), labels=ordered)


def _sorted_places(labels: Sequence[str]) -> Codes:
    """Return the places of distinct labels in their order: as numbers where each of them reads as one, else as text."""
    numbers = _as_numbers(labels)
    if numbers is None:
        return np.array(sorted(range(len(labels)), key=labels.__getitem__), dtype=np.intp)
    order = np.argsort(numbers)
    if np.any(np.diff(numbers[order]) == 0.0):  # `1` and `01`
        return np.array(sorted(range(len(labels)), key=lambda k: (numbers[k], labels[k])), dtype=np.intp)
    return order


def _as_numbers(labels: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        values = np.array([float(label) for label in labels])
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _has_order(series: nw.Series[Any]) -> bool:
    """Whether a categorical column knows an order; that of polars is whichever process met which text first."""
    return bool(series.implementation.is_pandas() or series.implementation.is_pyarrow())


def _from_categories(name: str, series: nw.Series[Any]) -> ColumnValues:
    categories, codes = _native_categories(series)
    labels = [_text(value) for value in categories]
    distinct = {label: k for k, label in enumerate(dict.fromkeys(labels))}  # categories 1 and "1" print alike
    table = np.array([*(distinct[label] for label in labels), -1], dtype=np.intp)
    return ColumnValues(name=name, kind="category", codes=_renumbered(codes, table), labels=Labels.of(distinct))


def _native_categories(series: nw.Series[Any]) -> tuple[list[object], Codes]:
    """Return categories in the frame's own order (also those that do not occur) and codes, -1 for missing."""
    import narwhals as nw

    native = series.to_native()
    if series.implementation.is_pandas():
        return native.cat.categories.tolist(), native.cat.codes.to_numpy().astype(np.intp)
    if series.implementation.is_pyarrow():
        flat = native.unify_dictionaries().combine_chunks()
        chunks = getattr(flat, "chunks", [flat])
        indices = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
        categories = chunks[0].dictionary.to_pylist() if chunks else []
        codes = np.concatenate(indices) if chunks else np.empty(0)
        return categories, codes.astype(np.intp)
    assert isinstance(series.dtype, nw.Enum)
    position = {value: k for k, value in enumerate(series.dtype.categories)}
    places = [-1 if value is None else position[value] for value in series.to_list()]
    return list(position), np.array(places, dtype=np.intp)
