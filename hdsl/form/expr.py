"""The small expression tree of a compiled model, and how it prints.

These expressions are free of unknowns: they are data, definitions from data, and covariates. `hdsl.design` evaluates
them on data; nothing here knows a data frame. A `Ref` names a data column or a definition from data by its symbol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "Aggregate",
    "Apply",
    "Expr",
    "IndexSet",
    "Num",
    "Ref",
    "Text",
    "references",
    "show_index_set",
    "show_symbol",
]

IndexSet: TypeAlias = tuple[str, ...]
"""A canonical index set: index names in the order of the model; ``()`` is the set without subscripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Num:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A label in a comparison, ``use[i] == "Y"``."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A data column or a definition from data, by name and canonical index set."""

    name: str
    index_set: IndexSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """An operator or a function of numbers.

    `operator` is one of ``+ - * / ^`` (two operands; ``-`` with one is the negative), ``== != < <= > >=`` (0 or 1), or
    a function of `hdsl.families.FUNCTIONS`.
    """

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """An aggregate: `function` (``mean sum sd min max count``) of `operand` over the units of `over`.

    The units of `over` (the operand's index set) that lie in each unit of `by` (the left side's index set).
    """

    function: str
    operand: Expr
    over: IndexSet
    by: IndexSet


Expr: TypeAlias = Num | Text | Ref | Apply | Aggregate


def references(expr: Expr) -> tuple[Ref, ...]:
    """Return every `Ref` in `expr`, each once, in order."""
    found: dict[Ref, None] = {}

    def visit(node: Expr) -> None:
        match node:
            case Ref():
                found[node] = None
            case Apply(operands=operands):
                for operand in operands:
                    visit(operand)
            case Aggregate(operand=operand):
                visit(operand)
            case Num() | Text():
                pass

    visit(expr)
    return tuple(found)


def show_index_set(index_set: IndexSet) -> str:
    """Return ``"j,k"``."""
    return ",".join(index_set)


def show_symbol(name: str, index_set: IndexSet) -> str:
    """Return ``"beta0[j,k]"``, or the bare name for the empty set."""
    return f"{name}[{','.join(index_set)}]" if index_set else name
