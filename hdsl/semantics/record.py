"""Records of a resolved model: what each name is, the index sets, and what determines what.

Output of `hdsl.semantics.resolve`, input of `hdsl.composite`. Invariants: every symbol is keyed by its name and its
canonical index set; every entity has exactly one role; statements keep their place in the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias
from unicodedata import normalize

from hdsl.form.expr import IndexSet, show_symbol
from hdsl.form.model import Index, Nesting
from hdsl.semantics.levels import Levels
from hdsl.source import Source, Span
from hdsl.syntax import tree

__all__ = ["Entity", "Key", "ResolvedModel", "Role", "Use"]

Key: TypeAlias = tuple[str, IndexSet]
"""A symbol: its name and its canonical index set."""


class Role(Enum):
    """What a name is."""

    OUTCOME = "outcome"
    COEFFICIENT = "modelled coefficient"
    UNMODELLED = "unmodelled coefficients"
    PARAMETER = "parameter"
    DEFINITION = "definition"
    DATA_DEFINITION = "definition from data"
    DATA = "data"
    COVARIANCE = "covariance"
    THRESHOLDS = "thresholds"
    MATRIX = "known matrix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place where a symbol stands on a right side.

    `statement` is the position of the statement in the program; `slot` the argument of a distribution whose whole value
    the symbol is (``"sd"``), else None; `role` and `range` are what a bare parameter there is.
    """

    key: Key
    symbol: tree.Symbol
    statement: int
    slot: str | None = None
    role: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A name with its role.

    Attributes
    ----------
    key : (str, IndexSet)
    role : Role
    stochastic : tree.Stochastic or None
        The ``~`` statement that it stands on the left of.
    definition : tree.Deterministic or None
        The ``=`` statement that it stands on the left of.
    data : tree.DataStatement or None
    uses : tuple of Use
    position : int
        Of its statement in the program, or of the first one that uses it.
    span : Span
        Where it is declared, or first used.
    """

    key: Key
    role: Role
    stochastic: tree.Stochastic | None = None
    definition: tree.Deterministic | None = None
    data: tree.DataStatement | None = None
    uses: tuple[Use, ...] = ()
    position: int = 0
    span: Span = field(compare=False)

    @property
    def name(self) -> str:
        """The name without subscripts."""
        return self.key[0]

    @property
    def index_set(self) -> IndexSet:
        """The canonical index set."""
        return self.key[1]

    @property
    def printed(self) -> str:
        """``beta0[j,k]``."""
        return show_symbol(*self.key)

    @property
    def estimated(self) -> str:
        """What has the distribution: ``log(sd[k])`` of a coefficient on its link's scale, else the symbol."""
        is_linked = self.role is Role.COEFFICIENT and self.link is not None
        return f"{self.link}({self.printed})" if is_linked else self.printed

    @property
    def column(self) -> str:
        """The data column that an observed name stands for."""
        quoted = self.data.column if self.data is not None else None
        return self.name if quoted is None else normalize("NFC", quoted)

    @property
    def link(self) -> str | None:
        """The link on its left side, if any."""
        statement = self.definition if self.stochastic is None else self.stochastic
        if statement is None or isinstance(statement.left, tree.Joint):
            return None
        return statement.left.link


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedModel:
    """A model whose names, index sets and levels are known."""

    source: Source
    program: tree.Program
    indices: dict[str, Index]
    free: frozenset[str]
    entities: dict[Key, Entity]
    nestings: tuple[Nesting, ...]
    levels: Levels

    def canonical(self, symbol: tree.Symbol) -> Key:
        """Return the key of a symbol as written."""
        return symbol.name, self.levels.order.canonical(s.name for s in symbol.subscripts)

    def entity(self, symbol: tree.Symbol) -> Entity:
        """Return what a symbol as written is."""
        return self.entities[self.canonical(symbol)]

    def of_role(self, *roles: Role) -> tuple[Entity, ...]:
        """Return the entities of some roles, in the order of the text."""
        return tuple(
            sorted((e for e in self.entities.values() if e.role in roles), key=lambda e: (e.position, e.span.start))
        )
