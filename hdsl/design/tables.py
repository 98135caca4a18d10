"""Reading: a path, a frame or a dict of columns becomes a `Table`.

Stage: design, first step. Input: what the user handed in. Output: `Table`. Invariants: a column is read when it is
asked for, once; nothing is recoded; a file says a missing value by an empty field or by ``NA``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from hdsl.design.columns import ColumnValues, may_lose_digits, read_pandas, read_series
from hdsl.diagnostics.record import DataError, Diagnostics
from hdsl.source import Source

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

__all__ = ["Table", "is_table_like", "read_table"]

_READERS = (".csv", ".csv.gz", ".parquet")


class Table:
    """Columns by name, read lazily.

    Parameters
    ----------
    readers : mapping of str to callable
        For each column what reads it.
    n_rows : int
    row_labels : pandas.Index
        The frame's own row labels, or 0, 1, 2, ..
    """

    def __init__(self, readers: Mapping[str, Callable[[], ColumnValues]], n_rows: int, row_labels: pd.Index) -> None:
        self._readers = _composed(readers)
        self._read: dict[str, ColumnValues] = {}
        self.n_rows = n_rows
        self.row_labels = row_labels

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(self._readers)

    def __contains__(self, name: str) -> bool:
        return name in self._readers

    def column(self, name: str) -> ColumnValues:
        """Return the values of a column."""
        if name not in self._read:
            self._read[name] = self._readers[name]()
        return self._read[name]

    def extended(self, more: Mapping[str, Callable[[], ColumnValues]]) -> Table:
        """Return this table with more columns, each read by a callable when it is asked for."""
        return Table({**{name: _reader(self, name) for name in self.names}, **more}, self.n_rows, self.row_labels)


def _composed(readers: Mapping[str, Callable[[], ColumnValues]]) -> dict[str, Callable[[], ColumnValues]]:
    """Name columns as the language does, composed (NFC): spellings that Unicode calls equivalent are one name.

    Where two columns differ in their spelling alone, each keeps its own.
    """
    names = [normalize("NFC", name) for name in readers]
    if len(set(names)) < len(names):
        return dict(readers)
    return dict(zip(names, readers.values(), strict=True))


def _reader(table: Table, name: str) -> Callable[[], ColumnValues]:
    return lambda: table.column(name)


def is_table_like(value: object) -> bool:
    """Whether `value` is a path or a frame, as the values of a dict of level tables are."""
    import narwhals as nw

    if isinstance(value, str | Path):
        return True
    return isinstance(nw.from_native(value, pass_through=True), nw.DataFrame | nw.LazyFrame)


def read_table(data: object, source: Source | None = None) -> Table:
    """Return one table from a path, a frame or a dict of columns.

    Parameters
    ----------
    data : path, frame, or mapping of str to array-like
        A CSV file (also gzipped), a Parquet file, or any eager frame that narwhals reads.
    source : Source or None
        The model's text, for diagnostics.

    Raises
    ------
    DataError
        HM414, when nothing can be read from it.
    """
    import pandas as pd

    if isinstance(data, str | Path):
        data = _read_file(Path(data), source)
    elif isinstance(data, Mapping):
        try:
            columns = dict(data)
            data = _with_whole(pd.DataFrame(columns), lambda: pd.DataFrame(_as_objects(columns)))
        except (ValueError, TypeError) as error:
            help_text = "give columns of one length, or a frame for each index"
            raise _unreadable(f"the dict of columns cannot be read: {error}", source, help=help_text) from error
    if isinstance(data, pd.DataFrame):
        return _from_pandas(data, source)
    frame = _narwhals_frame(data, source)
    return _from_frame(frame, pd.RangeIndex(len(frame)))


def _from_pandas(data: pd.DataFrame, source: Source | None) -> Table:
    named = [name for name in data.index.names if name is not None and name not in data.columns]
    flat = data.reset_index(level=named) if named else data
    if not all(isinstance(name, str) for name in flat.columns):
        flat = flat.set_axis([str(name) for name in flat.columns], axis="columns")
    if not flat.columns.is_unique:
        raise _duplicate_columns(source)

    def reader(name: str) -> Callable[[], ColumnValues]:
        return lambda: read_pandas(name, flat[name])

    return Table({name: reader(name) for name in flat.columns}, len(flat), data.index)


def _from_frame(frame: nw.DataFrame[Any], row_labels: pd.Index) -> Table:
    def reader(name: str) -> Callable[[], ColumnValues]:
        return lambda: read_series(name, frame[name])

    return Table({name: reader(name) for name in frame.columns}, len(frame), row_labels)


def _duplicate_columns(source: Source | None) -> DataError:
    return _unreadable("two columns of the data have the same name", source, help="rename one of them")


def _narwhals_frame(data: object, source: Source | None) -> nw.DataFrame[Any]:
    import narwhals as nw

    try:
        wrapped = nw.from_native(data, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise _duplicate_columns(source) from error
    if isinstance(wrapped, nw.DataFrame):
        return wrapped
    if isinstance(wrapped, nw.LazyFrame):
        raise _unreadable(
            "the frame is lazy, it holds no values yet", source, help="collect it first: `frame.collect()`"
        )
    kind = type(data).__name__
    raise _unreadable(
        f"data of type `{kind}` cannot be read", source, help="give a pandas, polars or pyarrow frame, or a path"
    )


def _read_file(path: Path, source: Source | None) -> pd.DataFrame:
    import pandas as pd

    name = path.name.lower()
    if not name.endswith(_READERS):
        message = f"`{path}` cannot be read: give a file {', '.join(_READERS[:-1])} or {_READERS[-1]}"
        raise _unreadable(message, source, help="read it otherwise, and give the frame")
    try:
        if name.endswith(".parquet"):
            return _with_whole(pd.read_parquet(path), lambda: pd.read_parquet(path, dtype_backend="numpy_nullable"))
        return _with_whole(_read_csv(path), lambda: _read_csv(path, dtype_backend="numpy_nullable"))
    except (OSError, ValueError, ImportError, EOFError, zlib.error) as error:  # pandas' own errors are ValueErrors
        help_text = "give the path of an existing table, in UTF-8 where it is text"
        raise _unreadable(f"`{path}` cannot be read: {_first_line(error)}", source, help=help_text) from error


def _read_csv(path: Path, **types: Any) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = pd.read_csv(path, keep_default_na=False, na_values=["NA", ""], low_memory=False, **types)
    return frame


def _with_whole(frame: pd.DataFrame, again: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return a frame with the whole numbers of its source where pandas made floats of them that lose digits.

    It does so where values are missing; `again` gives the frame with whole numbers in types that can lack values.
    """
    places = [
        place
        for place, dtype in enumerate(frame.dtypes)
        if dtype == "float64" and frame.iloc[:, place].hasnans and may_lose_digits(frame.iloc[:, place].to_numpy())
    ]
    if places:
        other = again()
        for place in places:
            if other.dtypes.iloc[place] != "float64":
                frame.isetitem(place, other.iloc[:, place].array)
    return frame


def _as_objects(data: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return columns with lists as objects, of which pandas makes no floats."""
    import pandas as pd

    return {
        name: pd.array(values, dtype=object) if isinstance(values, list | tuple) else values
        for name, values in data.items()
    }


def _first_line(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().splitlines()[0] if str(text).strip() else type(error).__name__


def _unreadable(message: str, source: Source | None, *, help: str) -> DataError:
    found = Diagnostics(source)
    found.error("HM414", message, help=help)
    return DataError(found.sorted())
