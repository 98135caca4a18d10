"""Random effects by group: conditional modes and the coefficients that they belong to.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: mappings from a printed symbol (``"u0[j]"``) to a frame
with a row for each group. Invariants: groups in the order of their codes, labels as text; frames are made when asked
for.

The value of a coefficient's mean in a group is that of any row of the group, since all that stands in it is determined
by the group: means are evaluated at the first row of each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import Diagnostic, FitError, Severity
from hdsl.plan import Column
from hdsl.results.linear import fixed_starts, set_part

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.form.expr import IndexSet
    from hdsl.form.model import CompositeModel, Term

__all__ = ["Coefficients", "EffectTables", "effect_index_sets", "effect_places", "group_index", "mode_table"]


class EffectTables(Mapping[str, "pd.DataFrame"]):
    """A table for each effect, made when it is asked for.

    Parameters
    ----------
    form : CompositeModel
        Says which index lies in which.
    keys : tuple of str
        Printed symbols.
    make : callable
        Returns the table of a symbol.

    Notes
    -----
    A symbol is its name and its set of subscripts, as in the language: ``["u[k,j]"]`` is ``["u[j,k]"]``, and with
    ``index j = .. in k`` both are ``["u[j]"]``.
    """

    def __init__(self, form: CompositeModel, keys: tuple[str, ...], make: Callable[[str], pd.DataFrame]) -> None:
        self._form = form
        self._keys = keys
        self._make = make
        self._canonical = {self._symbol(key): key for key in keys}

    def __getitem__(self, key: str) -> pd.DataFrame:
        found = self._canonical.get(self._symbol(key))
        if found is None:
            raise KeyError(f"there is no effect {key!r}; there are: {', '.join(self._keys) or 'none'}")
        return self._make(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def _symbol(self, text: str) -> tuple[str, frozenset[str]]:
        name, subscripts = _symbol_parts(text)
        return name, subscripts - _ancestors(self._form, subscripts)

    def __repr__(self) -> str:
        return f"<effects: {', '.join(self._keys) or 'none'}>"


def _symbol_parts(text: str) -> tuple[str, frozenset[str]]:
    """Return name and subscripts of a symbol as typed."""
    name, _, subscripts = text.replace(" ", "").rstrip("]").partition("[")
    return name, frozenset(filter(None, subscripts.split(",")))


def _ancestors(form: CompositeModel, names: Collection[str]) -> frozenset[str]:
    """Return every index that one of `names` lies in by declaration."""
    parents = {parent for index in form.indices if index.name in names for parent in index.parents}
    return frozenset(parents | _ancestors(form, parents)) if parents else frozenset()


def effect_places(design: Design) -> dict[str, tuple[int, int]]:
    """Return for each effect its grouping factor and its column among the factor's."""
    return {
        effect: (factor, column)
        for factor, term in enumerate(design.plan.re_terms)
        for block in term.blocks
        for effect, column in zip(block.effects, block.columns, strict=True)
    }


def effect_index_sets(design: Design) -> dict[str, IndexSet]:
    """Return the index set of each effect, as its statement has it."""
    return {effect: block.index_set for block in design.form.blocks for effect in block.effects}


def group_index(design: Design, effect: str) -> pd.Index[Any]:
    """Return the labels of an effect's groups, named by the model's indices.

    Where index sets that group the rows alike share a factor, its labels have more indices than the effect: they are
    left out.
    """
    import pandas as pd

    factor, _ = effect_places(design)[effect]
    names = design.plan.re_terms[factor].index_set
    own = [name for name in effect_index_sets(design)[effect] if name in names] or list(names)
    labels = [(label,) if isinstance(label, str) else label for label in design.levels[factor]]
    kept = [tuple(label[names.index(name)] for name in own) for label in labels]
    if len(own) == 1:
        return pd.Index([label for (label,) in kept], name=own[0])
    return pd.MultiIndex.from_tuples(kept, names=own)


def mode_table(design: Design, outcome: FitOutcome, effect: str) -> pd.DataFrame:
    """Return conditional modes and their standard errors given the parameters, a row for each group."""
    import pandas as pd

    factor, column = effect_places(design)[effect]
    variances = outcome.mode_cov[factor][:, column, column]
    table = {"estimate": outcome.modes[factor][:, column], "se": np.sqrt(np.maximum(variances, 0.0))}
    return pd.DataFrame(table, index=group_index(design, effect))


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
        means = {effect: mean for block in blocks for effect, mean in zip(block.effects, block.means, strict=True)}
        return means | {derived.symbol: derived.terms for derived in self.design.form.derived}

    @cached_property
    def _fixed(self) -> dict[str, tuple[int, int, int]]:
        """For each member of the fixed part its position in `plan.fixed` and the bounds of its columns."""
        plan = self.design.plan
        starts = (*fixed_starts(plan), len(self.outcome.beta))
        return {column.symbol: (place, starts[place], starts[place + 1]) for place, column in enumerate(plan.fixed)}

    def table(self, effect: str) -> pd.DataFrame:
        """Return the coefficient of each group, scale of the coefficient."""
        import pandas as pd

        if effect in self.derived:
            sibling = self.derived[effect]
            return pd.DataFrame({"estimate": self.mean(effect)}, index=group_index(self.design, sibling))
        factor, column = self.places[effect]
        values = self.mean(effect) + self.outcome.modes[factor][:, column]
        return pd.DataFrame({"estimate": values}, index=group_index(self.design, effect))

    @cached_property
    def derived(self) -> dict[str, str]:
        """Coefficients given by definitions, each with an effect of the same groups.

        A definition over groups that no effect has (``a[k] = g0 + g1*z[k]``) is no coefficient of a group of its own.
        """
        effects = {s: effect for effect, s in effect_index_sets(self.design).items() if effect in self.places}
        return {d.symbol: effects[d.index_set] for d in self.design.form.derived if d.index_set in effects}

    def mean(self, effect: str) -> NDArray[np.float64]:
        """Return an effect's mean in each group, or all of a coefficient given by a definition, (n_levels,)."""
        factor, _ = self.places[self.derived.get(effect, effect)]
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
        value = np.full(rows.shape, term.scale)
        for covariate in term.covariates:
            value = value * self._covariate(covariate.text)[rows]
        return value if term.coefficient is None else value * self._coefficient(term.coefficient, rows)

    def _covariate(self, text: str) -> NDArray[np.float64]:
        """Return a covariate by row; one that cancels out of the composite equation was never read."""
        symbols = self.design.arrays.x_symbols
        if text not in symbols:
            raise FitError([_cancelled(text)])
        return self.design.arrays.x[symbols.index(text)]

    def _coefficient(self, symbol: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return a coefficient at `rows`: a parameter, the level of an unmodelled set, or a coarser deviation."""
        arrays, outcome = self.design.arrays, self.outcome
        if symbol in self.places:
            factor, column = self.places[symbol]
            deviations: NDArray[np.float64] = outcome.modes[factor][arrays.groups[factor][rows], column]
            return deviations
        if symbol not in self._fixed:
            if symbol in self.design.zeroed:  # all of its levels are zero
                return np.zeros(rows.shape)
            raise FitError([_cancelled(symbol)])
        place, start, stop = self._fixed[symbol]
        fixed = self.design.plan.fixed[place]
        beta = np.nan_to_num(outcome.beta)
        if isinstance(fixed, Column):
            return np.full(rows.shape, beta[start])
        return set_part(beta[start:stop], arrays.sets[fixed.codes][rows])


def _cancelled(symbol: str) -> Diagnostic:
    return Diagnostic(
        code="HM510",
        severity=Severity.ERROR,
        message=f"`{symbol}` cancels out, so this coefficient cannot be told: see `ranef`",
        help="`ranef` has the deviations from its mean",
    )
