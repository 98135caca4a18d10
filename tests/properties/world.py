"""Random multilevel models described apart from the language, with their data and their values level by level.

A `World` knows its model as levels, coefficients and means, never as text: its text is only printed. Values are
computed level by level with NumPy, one array over the units of each index set, as a reader of the equations would.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
IndexSet = frozenset[str]
ROW: IndexSet = frozenset({"i"})
NONE: IndexSet = frozenset()


def key(name: str, index_set: IndexSet) -> str:
    """Return the symbol with its subscripts in alphabetical order: their order means nothing."""
    return f"{name}[{','.join(sorted(index_set))}]" if index_set else name


@dataclass(frozen=True)
class Covariate:
    """A factor free of unknowns: how it is written, and its value in each row (constant within `index_set`)."""

    text: str
    index_set: IndexSet
    values: Floats = field(compare=False, repr=False)


@dataclass(frozen=True)
class Coefficient:
    """A coefficient: a parameter, one of an unmodelled set, or one with a mean of its own.

    `written` is its symbol in the text, perhaps with subscripts that add nothing. `mean` are its addends; `effect` is
    the key of its deviation, or None for a coefficient without one. An unmodelled set is its own effect, with no mean.
    """

    name: str
    index_set: IndexSet
    written: str
    mean: tuple[Addend, ...] = ()
    effect: str | None = None
    is_set: bool = False
    ref: str | None = None

    @property
    def key(self) -> str:
        return key(self.name, self.index_set)


@dataclass(frozen=True)
class Addend:
    """``scale * coefficient * covariates``; without a coefficient an offset. `text` is how it is written."""

    scale: float
    coefficient: Coefficient | None
    covariates: tuple[Covariate, ...]
    text: str


@dataclass(frozen=True)
class Block:
    """Deviations of one index set that are drawn together; names of their standard deviations and correlations."""

    effects: tuple[str, ...]
    index_set: IndexSet
    sd: tuple[str, ...]
    cor: tuple[tuple[int, int, str], ...] = ()


@dataclass
class Values:
    """A value for each unknown: parameters, and an array over units for deviations and unmodelled sets."""

    parameters: dict[str, float]
    effects: dict[str, Floats]


@dataclass
class World:
    """A random model with its data."""

    seed: int
    frame: pd.DataFrame
    statements: list[str]
    outcome: tuple[Addend, ...]
    blocks: tuple[Block, ...]
    codes: dict[IndexSet, Codes]
    symbols: dict[str, Floats]
    features: set[str]
    residual: str

    @property
    def text(self) -> str:
        return "\n".join(self.statements) + "\n"

    @property
    def n(self) -> int:
        return len(self.frame)

    def n_units(self, index_set: IndexSet) -> int:
        return int(self.codes[index_set].max()) + 1

    @cached_property
    def coefficients(self) -> dict[str, Coefficient]:
        """Every coefficient that the outcome depends on, by key."""
        found: dict[str, Coefficient] = {}

        def visit(addends: tuple[Addend, ...]) -> None:
            for addend in addends:
                if addend.coefficient is not None:
                    found[addend.coefficient.key] = addend.coefficient
                    visit(addend.coefficient.mean)

        visit(self.outcome)
        return found

    @property
    def parameters(self) -> list[str]:
        return [name for name, c in self.coefficients.items() if not c.index_set]

    @property
    def sets(self) -> dict[str, Coefficient]:
        return {name: c for name, c in self.coefficients.items() if c.is_set}

    @property
    def effect_sets(self) -> dict[str, IndexSet]:
        """Index set of each deviation and of each unmodelled set."""
        return {e: b.index_set for b in self.blocks for e in b.effects} | {n: c.index_set for n, c in self.sets.items()}

    def draw(self, rng: np.random.Generator) -> Values:
        """Draw a value for every unknown."""
        effects = {name: rng.normal(size=self.n_units(index_set)) for name, index_set in self.effect_sets.items()}
        return Values({name: float(rng.normal()) for name in self.parameters}, effects)

    def zero(self) -> Values:
        effects = {name: np.zeros(self.n_units(index_set)) for name, index_set in self.effect_sets.items()}
        return Values(dict.fromkeys(self.parameters, 0.0), effects)

    # ------------------------------------------------------------ values, level by level

    def _lower(self, values: Floats, coarse: IndexSet, fine: IndexSet) -> Floats:
        """Values of the units of `coarse`, for the units of `fine`, each of which lies in one of them."""
        first = np.unique(self.codes[fine], return_index=True)[1]
        return values[self.codes[coarse][first]]

    def _sum(self, addends: tuple[Addend, ...], index_set: IndexSet, values: Values) -> Floats:
        first = np.unique(self.codes[index_set], return_index=True)[1]
        total = np.zeros(len(first))
        for addend in addends:
            part = np.full(len(first), addend.scale)
            for covariate in addend.covariates:
                part = part * covariate.values[first]
            if addend.coefficient is not None:
                own = self.coefficient_values(addend.coefficient, values)
                part = part * (self._lower(own, addend.coefficient.index_set, index_set))
            total += part
        return total

    def coefficient_values(self, coefficient: Coefficient, values: Values) -> Floats:
        """Values of a coefficient over the units of its index set: its equation, evaluated at its own level."""
        if not coefficient.index_set:
            return np.array([values.parameters[coefficient.name]])
        if coefficient.is_set:
            return values.effects[coefficient.key]
        total = self._sum(coefficient.mean, coefficient.index_set, values)
        return total if coefficient.effect is None else total + values.effects[coefficient.effect]

    def predictor(self, values: Values) -> Floats:
        """The outcome without its residual, (n,)."""
        return self._sum(self.outcome, ROW, values)

    # ------------------------------------------------------------ what each unknown is multiplied by, (n,)

    def offset(self) -> Floats:
        return self.predictor(self.zero())

    def loading(self, name: str) -> Floats:
        """What multiplies the unknown in each row: the predictor is linear in it."""
        values = self.zero()
        if name in values.parameters:
            values.parameters[name] = 1.0
        else:
            values.effects[name] = np.ones_like(values.effects[name])
        return self.predictor(values) - self.offset()


def parameter(name: str) -> Coefficient:
    return Coefficient(name, NONE, name)
