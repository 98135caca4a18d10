"""Words of the language for the columns of a formula, and names for its coefficients.

Stage: bridge, way in. Input: column names, which may be any text. Output: names that the language takes, each
different. Invariants: a column that is a word keeps its name; one that is not is declared (``data``, ``index``) with
its own name in quotes; no coefficient bears the name of a column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["ROW", "Words", "quoted", "slug"]

ROW = "i"
"""The row index."""

_RESERVED = frozenset({"index", "data", "in"})
_WORD = re.compile(r"[^\W\d][\w\u0300-\u036f]*")


def is_word(text: str) -> bool:
    """Whether a column's name can stand in a model as it is."""
    return _WORD.fullmatch(text) is not None and text not in _RESERVED and unicodedata.normalize("NFC", text) == text


def slug(text: str) -> str:
    """Return a word that is like a text: ``"meas.time"`` → ``"meas_time"``."""
    word = re.sub(r"\W+", "_", unicodedata.normalize("NFC", text)).strip("_")
    return word if word and is_word(word) else f"x_{word}".rstrip("_")


def quoted(text: str) -> str:
    """Return a text as a string of the language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


class Words:
    """Names of one model.

    Parameters
    ----------
    columns : iterable of str
        Every column of the data and of the formula; coefficients keep clear of them.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self._taken: set[str] = {slug(column) for column in columns} | {"pi"}
        self._indices: dict[str, str] = {}
        self._data: dict[str, str] = {}
        self._used: dict[tuple[str, str], None] = {}
        self._aliases: list[str] = []

    def fresh(self, word: str) -> str:
        """Return `word`, or `word` with a number behind it, that no name has yet."""
        candidate, number = word, 2
        while candidate in self._taken:
            candidate, number = f"{word}_{number}", number + 1
        self._taken.add(candidate)
        return candidate

    def index(self, column: str) -> str:
        """Return the index that runs over a column."""
        if column not in self._indices:
            plain = is_word(column) and column != ROW
            self._indices[column] = (
                column if plain else self._apart(f"{slug(column)}_" if column == ROW else slug(column), self._indices)
            )
        return self._indices[column]

    def brackets(self, columns: Iterable[str]) -> str:
        """Return ``"batch,cask"``."""
        return ",".join(self.index(column) for column in columns)

    def data(self, column: str, level: tuple[str, ...] | None) -> str:
        """Return the symbol of a column at a level, ``z[school]``; None is the rows."""
        if column not in self._data:
            self._data[column] = column if is_word(column) else self._apart(slug(column), self._data)
        symbol = f"{self._data[column]}[{ROW if level is None else self.brackets(level)}]"
        self._used[column, symbol] = None
        return symbol

    @staticmethod
    def _apart(word: str, names: dict[str, str]) -> str:
        candidate, number = word, 2
        while candidate in names.values() or candidate in names:
            candidate, number = f"{word}_{number}", number + 1
        return candidate

    def outcome(self, column: str) -> str:
        """Return a symbol of its own for an outcome whose column other statements use, too."""
        symbol = f"{self.fresh(f'{slug(column)}_outcome')}[{ROW}]"
        self._aliases.append(f"data {symbol} = {quoted(column)}")
        return symbol

    def declarations(self) -> list[str]:
        """Return the statements that say which columns the names stand for, where they differ."""
        lines = [
            f"index {name} = {column if is_word(column) else quoted(column)}"
            for column, name in self._indices.items()
            if name != column
        ]
        used = [(column, symbol) for column, symbol in self._used if self._data[column] != column]
        return [*lines, *(f"data {symbol} = {quoted(column)}" for column, symbol in used), *self._aliases]
