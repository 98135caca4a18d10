"""The columns of a data frame that another system's script makes: what each symbol of the model is called there.

Stage: bridge, way out. Input: `CompositeModel`. Output: names of frame columns. Invariants: a column of the data
keeps its name; two symbols have two names; a name is a plain word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hdsl.form.expr import Aggregate, Apply, Expr, IndexSet, Ref
from hdsl.form.model import CompositeModel

__all__ = ["Frame", "plain_word", "refs_outside_definitions"]


def plain_word(text: str) -> str:
    """Return letters, digits and underscores that are like a text and start with a letter."""
    word = re.sub(r"\W+", "_", text).strip("_") or "x"
    return word if word[0].isalpha() else f"x_{word}"


class Frame:
    """Names of the columns of one script's data frame.

    Parameters
    ----------
    form : CompositeModel
    columns : iterable of str
        Every column of the data, where they are known.
    """

    def __init__(self, form: CompositeModel, columns: Iterable[str] = ()) -> None:
        self.form = form
        self._data = {(d.name, d.index_set): d.column for d in form.data}
        self._taken = {*columns, *self._data.values(), *(index.column for index in form.indices if index.column)}
        self._names: dict[object, str] = {}

    def fresh(self, key: object, word: str) -> str:
        """Return a name for `key` that no column has, the same each time."""
        if key not in self._names:
            candidate, number = plain_word(word), 2
            while candidate in self._taken:
                candidate, number = f"{plain_word(word)}_{number}", number + 1
            self._taken.add(candidate)
            self._names[key] = candidate
        return self._names[key]

    def symbol(self, name: str, index_set: IndexSet) -> str:
        """Return the frame's column of a data symbol or of a definition."""
        column = self._data.get((name, index_set))
        return column if column is not None else self.fresh((name, index_set), name)

    def column(self, index: str) -> str:
        """Return the data column that an index runs over."""
        return str(self.form.index(index).column)

    def is_row(self, index_set: IndexSet) -> bool:
        """Whether an index set is that of the rows."""
        return self.form.row in index_set

    def used(self) -> list[str]:
        """Return the data columns that the model uses, in order."""
        indices = [index.column for index in self.form.indices if index.column is not None]
        return list(dict.fromkeys([*(d.column for d in self.form.data), *indices]))


def refs_outside_definitions(exprs: Iterable[Expr]) -> set[tuple[str, IndexSet]]:
    """Return the symbols that stand in expressions that are written as they are."""
    found: set[tuple[str, IndexSet]] = set()

    def visit(expr: Expr) -> None:
        match expr:
            case Ref(name=name, index_set=index_set):
                found.add((name, index_set))
            case Apply(operands=operands):
                for operand in operands:
                    visit(operand)
            case Aggregate(operand=operand):
                visit(operand)

    for expr in exprs:
        visit(expr)
    return found
