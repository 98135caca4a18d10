"""What the data say about the columns of a formula: which are factors, at which level each is constant.

Stage: bridge, way in. Input: a table, or none. Output: `Facts`. Invariants: without data a column is a factor only
where the formula says so, and nothing is known to be constant or nested; columns are looked up once.
"""

from __future__ import annotations

from collections.abc import Iterable

from hdsl.bridge.algebra import Formula, Variable, columns_of
from hdsl.bridge.formula import Binary, Group, Name
from hdsl.design.tables import Table
from hdsl.design.units import Units
from hdsl.diagnostics import DataError, Diagnostics
from hdsl.diagnostics.spelling import near_names, one_of

__all__ = ["Facts", "check_columns"]

Groups = tuple[str, ...]
"""The columns of a grouping."""


class Facts:
    """Answers about columns.

    Parameters
    ----------
    table : Table or None
    factors : iterable of str
        Columns that the caller declares to be factors.
    """

    def __init__(self, table: Table | None, factors: Iterable[str] = ()) -> None:
        self.table = table
        self.declared = frozenset(factors)
        self._units: Units | None = None
        self._known: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Every column of the data."""
        return self.table.names if self.table is not None else ()

    def is_factor(self, variable: Variable) -> bool:
        """Whether a variable has levels and not values."""
        if variable.is_factor:
            return True
        if not isinstance(variable.node, Name):
            return False
        name = variable.node.name
        return name in self.declared or (self.table is not None and not self.table.column(name).is_numeric)

    def is_logical(self, variable: Variable) -> bool:
        """Whether a variable is true or false: a comparison, or a column of such values."""
        node = variable.node
        while isinstance(node, Group):
            node = node.inner
        if isinstance(node, Binary):
            return node.operator in ("==", "!=", "<", "<=", ">", ">=")
        if not isinstance(node, Name) or self.table is None or self.is_factor(variable):
            return False
        return self.table.column(node.name).kind == "boolean"

    def labels(self, name: str) -> tuple[str, ...]:
        """Return the levels of a column in order; empty without data."""
        return tuple(self.table.column(name).factor().labels) if self.table is not None else ()

    def is_text(self, name: str) -> bool:
        """Whether the values of a column are text."""
        return self.table is not None and not self.table.column(name).is_numeric

    def determines(self, finer: Groups, coarser: Groups) -> bool:
        """Whether each unit of `finer` lies in one unit of `coarser`: by its columns, or in the data."""
        if set(coarser) <= set(finer):
            return True
        if self.table is None:
            return False
        return self._units_of((*finer, *coarser)).determines(finer, coarser)

    def is_constant(self, columns: Iterable[str], groups: Groups) -> bool:
        """Whether columns have one value in each unit of `groups`, in the data."""
        return self.table is not None and all(self.determines(groups, (column,)) for column in columns)

    def _units_of(self, names: Groups) -> Units:
        assert self.table is not None
        if self._units is None or not set(names) <= self._known:
            self._known |= set(names)
            factors = {name: self.table.column(name).factor() for name in sorted(self._known)}
            self._units = Units("", factors, self.table.n_rows)
        return self._units


def check_columns(formula: Formula, facts: Facts) -> None:
    """Refuse columns that the data do not have.

    Raises
    ------
    DataError
        HM401, for each of them, with near names.
    """
    if facts.table is None:
        return
    found = Diagnostics(formula.source)
    for name in _named(formula):
        if name.name not in facts.table and name.name != "pi":
            near = near_names(name.name, facts.names)
            help_text = f"did you mean {one_of(near)}?" if near else f"the columns are {', '.join(facts.names[:12])}"
            found.error("HM401", f"the data have no column `{name.name}`", name.span, help=help_text)
    found.raise_errors(DataError)


def _named(formula: Formula) -> list[Name]:
    nodes = [formula.response, *formula.offsets]
    terms = [*formula.terms, *(term for r in formula.random for term in r.terms)]
    nodes += [variable.node for term in terms for variable in term]
    named = [name for node in nodes for name in columns_of(node)]
    named += [name for r in formula.random for name in r.groups]
    return list({name.name: name for name in named}.values())
