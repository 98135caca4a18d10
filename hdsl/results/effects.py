"""Random effects by group: conditional modes and the coefficients that they belong to.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: mappings from a printed symbol (``"u0[j]"``) to a frame
with a row for each group. Invariants: groups in the order of their codes, labels as text; frames are made when asked
for.

The value of a coefficient's mean in a group is that of any row of the group, since all that stands in it is determined
by the group: means are evaluated at the first row of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.plan import Column
from hdsl.results.linear import fixed_starts, set_part

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.form.model import Term

__all__ = ["Coefficients", "EffectTables", "effect_places", "group_index"]


class EffectTables(Mapping[str, "pd.DataFrame"]):
    """A table for each effect, made when it is asked for.

    Parameters
    ----------
    keys : tuple of str
        Printed symbols.
    make : callable
        Returns the table of a symbol.

    Notes
    -----
    The order of subscripts does not matter: ``["u[k,j]"]`` is ``["u[j,k]"]``.
    """

    def __init__(self, keys: tuple[str, ...], make: Callable[[str], pd.DataFrame]) -> None:
        self._keys = keys
        self._make = make
        self._canonical = {_spelling(key): key for key in keys}

    def __getitem__(self, key: str) -> pd.DataFrame:
        found = self._canonical.get(_spelling(key))
        if found is None:
            raise KeyError(f"there is no effect {key!r}; there are: {', '.join(self._keys) or 'none'}")
        return self._make(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<effects: {', '.join(self._keys) or 'none'}>"


def _spelling(symbol: str) -> tuple[str, tuple[str, ...]]:
    """Return the name and the sorted subscripts of a symbol, without spaces."""
    name, _, subscripts = symbol.replace(" ", "").rstrip("]").partition("[")
    return name, tuple(sorted(subscripts.split(",")))


def effect_places(design: Design) -> dict[str, tuple[int, int]]:
    """Return for each effect its grouping factor and its column among the factor's."""
    return {
        effect: (factor, column)
        for factor, term in enumerate(design.plan.re_terms)
        for block in term.blocks
        for effect, column in zip(block.effects, block.columns, strict=True)
    }


def group_index(design: Design, factor: int) -> pd.Index:
    """Return the labels of a factor's groups as an index named by the model's indices."""
    import pandas as pd

    names = design.plan.re_terms[factor].index_set
    labels = design.levels[factor]
    if len(names) == 1:
        return pd.Index(list(labels), name=names[0])
    return pd.MultiIndex.from_tuples([tuple(label) for label in labels], names=names)


def mode_table(design: Design, outcome: FitOutcome, factor: int, column: int) -> pd.DataFrame:
    """Return conditional modes and their standard errors given the parameters, a row for each group."""
    import pandas as pd

    variances = outcome.mode_cov[factor][:, column, column]
    table = {"estimate": outcome.modes[factor][:, column], "se": np.sqrt(np.maximum(variances, 0.0))}
    return pd.DataFrame(table, index=group_index(design, factor))


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """Evaluates the groups' own coefficients: mean plus deviation."""

    design: Design
    outcome: FitOutcome

    @cached_property
    def places(self) -> dict[str, tuple[int, int]]:
        """Factor and column of each effect."""
        return effect_places(self.design)

    @cached_property
    def means(self) -> dict[str, tuple[Term, ...]]:
        """Terms of each effect's mean."""
        blocks = self.design.form.blocks
        return {effect: mean for block in blocks for effect, mean in zip(block.effects, block.means, strict=True)}

    @cached_property
    def _fixed(self) -> dict[str, tuple[int, int]]:
        """For each member of the fixed part its position in `plan.fixed` and its first column."""
        plan = self.design.plan
        starts = fixed_starts(plan)
        return {column.symbol: (place, starts[place]) for place, column in enumerate(plan.fixed)}

    def table(self, effect: str) -> pd.DataFrame:
        """Return the coefficient of each group, scale of the coefficient."""
        import pandas as pd

        factor, column = self.places[effect]
        values = self.mean(effect) + self.outcome.modes[factor][:, column]
        return pd.DataFrame({"estimate": values}, index=group_index(self.design, factor))

    def mean(self, effect: str) -> NDArray[np.float64]:
        """Return the mean of an effect in each group, (n_levels,)."""
        factor, _ = self.places[effect]
        codes = self.design.arrays.groups[factor]
        n_groups = len(self.design.levels[factor])
        rows = np.empty(n_groups, dtype=np.intp)
        rows[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
        total = np.zeros(n_groups)
        for term in self.means.get(effect, ()):
            total += self._term(term, rows)
        return total

    def _term(self, term: Term, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return one term of a mean at `rows`: scale, coefficient and covariates multiplied."""
        arrays = self.design.arrays
        value = np.full(rows.shape, term.scale)
        for covariate in term.covariates:
            value = value * arrays.x[arrays.x_symbols.index(covariate.text)][rows]
        return value if term.coefficient is None else value * self._coefficient(term.coefficient, rows)

    def _coefficient(self, symbol: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return a coefficient at `rows`: a parameter, the level of an unmodelled set, or a coarser deviation."""
        arrays, outcome = self.design.arrays, self.outcome
        if symbol in self.places:
            factor, column = self.places[symbol]
            deviations: NDArray[np.float64] = outcome.modes[factor][arrays.groups[factor][rows], column]
            return deviations
        place, start = self._fixed[symbol]
        fixed = self.design.plan.fixed[place]
        beta = np.nan_to_num(outcome.beta)
        if isinstance(fixed, Column):
            return np.full(rows.shape, beta[start])
        stop = self._fixed_stop(place)
        return set_part(beta[start:stop], arrays.sets[fixed.codes][rows])

    def _fixed_stop(self, place: int) -> int:
        starts = (*fixed_starts(self.design.plan), len(self.outcome.beta))
        return starts[place + 1]
