"""Data sets from a model alone: sizes, covariates and values of the parameters.

Stage: results. Input: a `CompositeModel`, sizes of its indices, covariates, parameters. Output: data frames that the
model fits. Invariants: equal seeds give equal frames; a frame has the columns that the model reads and no others.

The design of a frame is that of any data: a first outcome that its distribution can have stands in for the one that is
drawn, so that labels, levels set to zero and thresholds are what a fit of the frame will have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.design import bind
from hdsl.diagnostics import FitError
from hdsl.families import DISTRIBUTIONS
from hdsl.form.expr import Apply, Expr, IndexSet, Ref, Text
from hdsl.form.model import CompositeModel, DataColumn
from hdsl.results.simulation.covariates import Covariate, covariate_columns
from hdsl.results.simulation.outcomes import Given, draw_effects, draw_outcome
from hdsl.results.simulation.parameters import values_from
from hdsl.results.simulation.refusals import lacking
from hdsl.results.simulation.sizes import Size, index_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scenario"]

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What data sets are drawn from.

    Attributes
    ----------
    form : CompositeModel
    parameters : mapping of str to float
        Every parameter by name, natural scale.
    sizes : mapping of str to (int or sequence)
        Units of each index: in each unit that it lies in, else in all. The row index counts rows within the finest
        cells.
    covariates : mapping of str to covariate
        By column; see `hdsl.results.simulation.covariates`. An index without a size is a covariate of the rows.
    """

    form: CompositeModel
    parameters: Mapping[str, float]
    sizes: Mapping[str, Size]
    covariates: Mapping[str, Covariate] = field(default_factory=dict)

    def draw(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw covariates, effects and outcomes.

        Raises
        ------
        FitError
            HM515 for what is missing, and what is wrong with it.
        DataError
            HM4xx for covariates that do not fit the model.
        """
        import pandas as pd

        columns = self._columns(rng)
        n = len(next(iter(columns.values())))
        target = _target(self.form)
        design = bind(self.form, pd.DataFrame({**columns, **target.column(self._first(columns, n, rng))}), na="error")
        values = values_from(design, self.parameters)
        counts = [len(levels) for levels in design.levels]
        effects = draw_effects(design.plan, counts, values, Given(), rng)
        drawn = draw_outcome(design, design.arrays, values, effects, rng)
        return pd.DataFrame({**columns, **target.column(drawn)})

    def _columns(self, rng: np.random.Generator) -> Columns:
        """Return the columns of indices and covariates."""
        form, target = self.form, _target(self.form)
        columns: Columns = dict(index_columns(form, self.sizes))
        n = len(columns.pop(""))
        unsized = [(i.column, (form.row,)) for i in form.indices if i.column is not None and i.column not in columns]
        observed: dict[str, IndexSet] = {}
        for data in form.data:
            if data.column not in columns and data.column != target.data.column:
                observed.setdefault(data.column, data.index_set)
        wanted = [*unsized, *((name, level) for name, level in observed.items() if name not in dict(unsized))]
        self._check_covariates({name for name, _ in wanted})
        return columns | covariate_columns(form, columns, n, self.covariates, wanted, rng)

    def _check_covariates(self, names: set[str]) -> None:
        unknown = sorted(set(self.covariates) - names)
        if unknown:
            listed = ", ".join(f"`{name}`" for name in sorted(names)) or "none"
            message = f"`covariates` has `{unknown[0]}`, which the model does not read from the data: leave it out"
            raise FitError([lacking(message, "covariates go by the names of their columns", (f"it reads {listed}",))])

    def _first(self, columns: Columns, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return an outcome that the distribution can have, and with every category that there is a threshold of."""
        outcome = self.form.outcome
        if outcome.distribution.startswith("ordered"):
            name = dict(outcome.scalars)["thresholds"]
            n_categories = 1 + sum(parameter.startswith(f"{name}[") for parameter in self.parameters)
            if n_categories > n:
                raise FitError([lacking(f"{n} rows cannot have {n_categories} categories", "give larger `sizes`")])
            return np.resize(np.arange(n_categories, dtype=float), n)
        support = DISTRIBUTIONS[outcome.distribution].support
        if support in ("counts", "0 or 1", "0 to size"):
            return np.zeros(n)
        return rng.uniform(0.25, 0.75, n)  # within (0, 1), above 0, real


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """The column that the outcome is written to; `label` where the outcome is whether the column has that label."""

    data: DataColumn
    label: str | None
    is_ordered: bool

    def column(self, values: NDArray[np.float64]) -> Columns:
        """Return the column with outcomes in it."""
        if self.label is not None:
            return {self.data.column: np.where(values == 1.0, self.label, f"not {self.label}")}
        if self.is_ordered:
            return {self.data.column: values.astype(np.int64) + 1}
        is_whole = bool(np.all(values == np.floor(values)))
        return {self.data.column: values.astype(np.int64) if is_whole else values}


def _target(form: CompositeModel) -> _Target:
    """Return what column is the outcome.

    Raises
    ------
    FitError
        HM515 where the outcome is computed from its column in a way that has no way back.
    """
    data = {Ref(name=d.name, index_set=d.index_set): d for d in form.data}
    definitions = {Ref(name=d.name, index_set=d.index_set): d.expr for d in form.definitions}
    expr: Expr = form.outcome.expr
    while isinstance(expr, Ref) and expr in definitions:
        expr = definitions[expr]
    is_ordered = form.outcome.distribution.startswith("ordered")
    match expr:
        case Ref():
            return _Target(data=data[expr], label=None, is_ordered=is_ordered)
        case Apply(operator="==", operands=(Ref() as column, Text(value=label))) if column in data:
            return _Target(data=data[column], label=label, is_ordered=is_ordered)
    message = f"`{form.outcome.name}` is computed from data, so it cannot be drawn: model the column itself"
    raise FitError([lacking(message, 'an outcome is a column, or whether a column has a label: `use[i] == "Y"`')])
