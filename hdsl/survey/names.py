"""Names of a model that is drafted: columns as the language takes them, coefficients that are no column's.

Stage: survey. Input: column names. Output: names. Invariant: two columns never get one name, nor a coefficient
a column's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["Names", "is_writable", "printable", "quoted"]

_RESERVED = frozenset({"index", "data", "in", "pi", "i", "rows"})


def quoted(column: str) -> str:
    """Return a column as an index or data statement has it: bare where it is a name, else as a string."""
    return column if _is_name(column) else '"' + column.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_writable(column: str) -> bool:
    """Whether a model file can say the name of a column: a string ends on its line."""
    return column.isprintable()


def printable(column: str) -> str:
    """Return a column's name on one line, a question mark for what cannot be printed."""
    return "".join(sign if sign.isprintable() else "?" for sign in column)


def _is_name(text: str) -> bool:
    return bool(re.fullmatch(r"[^\W\d]\w*", text)) and text not in _RESERVED


class Names:
    """Gives every column a name of the language, and every coefficient one that no column has.

    Parameters
    ----------
    columns : iterable of str
        The columns of the data set.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._taken = set(columns) | _RESERVED
        self._of: dict[str, str] = {}
        for column in columns:
            self._of[column] = column if _is_name(column) else self.fresh(re.sub(r"\W+", "_", column).strip("_") or "x")

    def of(self, column: str) -> str:
        """Return what a column is called in the model."""
        return self._of[column]

    def is_renamed(self, column: str) -> bool:
        """Whether a column needs a statement that says which one is meant."""
        return self._of[column] != column

    def fresh(self, name: str) -> str:
        """Return `name`, with signs at its end where something has it already."""
        name = f"x{name}" if name[:1].isdigit() else name
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
