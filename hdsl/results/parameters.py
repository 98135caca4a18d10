"""Which parameters a fit has, their names, values and covariance.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: a `ParameterTable`. Invariants: fixed effects first, in
the order of the columns of X and without those dropped for rank; then parameters without an equation (shapes,
thresholds), natural scale; then, factor by factor and block by block, standard deviations and correlations; the
residual's standard deviation last, where there is one. A name stands once, also where it is tied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.results.scales import SCALES

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["Entry", "ParameterTable"]

Entry: TypeAlias = tuple[int, int, int]
"""Grouping factor, row and column of a covariance entry; row == column is a standard deviation."""


Deviations: TypeAlias = Sequence[Sequence[float] | NDArray[np.float64]]
Correlations: TypeAlias = Sequence[Sequence[Sequence[float]] | NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class ParameterTable:
    """The estimated parameters of a model.

    Attributes
    ----------
    design : Design
    outcome : FitOutcome
    """

    design: Design
    outcome: FitOutcome

    @cached_property
    def kept(self) -> NDArray[np.intp]:
        """(r,), the columns of X that are fixed effects and were not dropped for rank."""
        others = [*self.outcome.aliased, *self._scalar_columns]
        return np.setdiff1d(np.arange(len(self.design.fixed_labels)), np.asarray(others, dtype=np.intp))

    @property
    def _scalar_columns(self) -> list[int]:
        return [scalar.column for scalar in self.design.scalars]

    @cached_property
    def fixed(self) -> tuple[str, ...]:
        """Names of the fixed effects that are estimated."""
        return tuple(self.design.fixed_labels[column] for column in self.kept)

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of the parameters without an equation that are columns of X."""
        return tuple(scalar.name for scalar in self.design.scalars)

    @cached_property
    def variance(self) -> dict[str, Entry]:
        """Names of the standard deviations and correlations of random effects, with the first entry of each."""
        found: dict[str, Entry] = {}
        for factor, term in enumerate(self.design.plan.re_terms):
            for block in term.blocks:
                for entry in _block_entries(factor, block.columns):
                    name = self.design.variance_names.get(entry)
                    if name is not None and name not in self.residual:
                        found.setdefault(name, entry)
        return found

    @property
    def residual(self) -> tuple[str, ...]:
        """Name of the residual's standard deviation; empty for a plan with a density, which has it among `scalars`."""
        return (self.design.residual_name,) if self.design.plan.density is None else ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name, in order."""
        return (*self.fixed, *self.scalars, *self.variance, *self.residual)

    @property
    def dof(self) -> int:
        """Number of estimated parameters: rank of X, free variance parameters, the residual's if there is one."""
        return len(self.names)

    def value(self, entry: Entry) -> float:
        """Return the standard deviation or correlation at `entry`, user's scale."""
        return float(_value(entry, self.outcome.sd, self.outcome.cor))

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """(dof,), estimates in the order of `names`, natural scale."""
        return self.values_at(self.outcome.beta, self.outcome.sd, self.outcome.cor, self.outcome.sigma)

    def values_at(
        self, beta: NDArray[np.float64], sd: Deviations, cor: Correlations, sigma: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return other values of the parameters in the order of `names`, natural scale; replicates are a last axis."""
        return np.concatenate(
            [self._values(beta, sd, cor), [sigma] if self.residual else np.zeros((0, *beta.shape[1:]))]
        )

    @property
    def by_quadrature(self) -> NDArray[np.float64] | None:
        """(dof,), where a step by quadrature leads from Laplace's approximation; None where that is not known."""
        nearby = self.outcome.nearby
        return None if nearby is None else self._values(np.array(nearby.beta), nearby.sd, nearby.cor)

    def _values(self, beta: NDArray[np.float64], sd: Deviations, cor: Correlations) -> NDArray[np.float64]:
        """Return the values of all but the residual's standard deviation, natural scale."""
        spread = np.array([_value(entry, sd, cor) for entry in self.variance.values()]).reshape(-1, *beta.shape[1:])
        return np.concatenate([beta[self.kept], self.scalar_values(beta[self._scalar_columns]), spread])

    def scalar_values(self, at: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the natural scale of the scalars at their estimates, or `at` other values of the fit's scale."""
        given = self.outcome.beta[self._scalar_columns] if at is None else at
        inverses = (SCALES[scalar.inverse].value for scalar in self.design.scalars)
        values = [inverse(value) for inverse, value in zip(inverses, given, strict=True)]
        return np.array(values, dtype=float).reshape(given.shape)

    @cached_property
    def slopes(self) -> NDArray[np.float64]:
        """(dof,), derivative of the natural scale by that of the fit: 1 but for scalars."""
        slopes = np.ones(self.dof)
        for place, scalar in enumerate(self.design.scalars, start=len(self.fixed)):
            slopes[place] = SCALES[scalar.inverse].slope(self.outcome.beta[scalar.column])
        return slopes

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """(dof, 2), the range of each parameter."""
        fixed = [(-np.inf, np.inf)] * len(self.fixed)
        scalars = [SCALES[scalar.inverse].edges for scalar in self.design.scalars]
        spread = [(0.0, np.inf) if row == column else (-1.0, 1.0) for _, row, column in self.variance.values()]
        return np.array([*fixed, *scalars, *spread, *((0.0, np.inf) for _ in self.residual)]).reshape(-1, 2)

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """(dof, dof), covariance of the estimates, natural scale; NaN for what is on its boundary.

        Without a density: fixed effects by generalised least squares, given the variances; variance parameters from
        the joint observed information; blocks between the two are zero. With one, all are from the joint observed
        information; scalars are carried to their natural scale by the delta method.
        """
        columns = np.array([*self.kept, *self._scalar_columns], dtype=np.intp)
        order, variances = self._variance_order(), self.outcome.variance_cov
        n = len(columns)
        full = np.zeros((self.dof, self.dof))
        full[:n, :n] = self.outcome.cov_beta[np.ix_(columns, columns)]
        full[n:, n:] = _picked(variances, order, order)
        if self.outcome.cross_cov is not None:
            full[:n, n:] = _picked(self.outcome.cross_cov, list(columns), order)
            full[n:, :n] = full[:n, n:].T
        return full * np.outer(self.slopes, self.slopes)

    @cached_property
    def se(self) -> NDArray[np.float64]:
        """(dof,), standard errors, natural scale; NaN where a fit stopped short and no variance exists."""
        variances = np.diag(self.covariance)
        return np.sqrt(np.where(variances >= 0.0, variances, np.nan))

    def _variance_order(self) -> list[int | None]:
        """Return where each variance parameter of `names` is among those of the outcome; None where it is not."""
        position: dict[str, int] = {}
        for place, entry in enumerate(self.outcome.variance_parameters):
            position.setdefault(self.design.variance_names[entry], place)
        last = len(self.outcome.variance_parameters)
        return [*(position.get(name) for name in self.variance), *(last for _ in self.residual)]

    @cached_property
    def boundary(self) -> tuple[str, ...]:
        """Names of the variance parameters on their edge, and of parameters without an equation that are."""
        edges = (trouble for trouble in self.outcome.troubles if trouble.kind == "edge")
        columns = [self.design.fixed_labels[column] for trouble in edges for column in trouble.columns]
        return tuple(dict.fromkeys([*(self.design.variance_names[entry] for entry in self.outcome.boundary), *columns]))


def _value(entry: Entry, sd: Deviations, cor: Correlations) -> float | NDArray[np.float64]:
    """Return the standard deviation or correlation at `entry`."""
    factor, row, column = entry
    return sd[factor][row] if row == column else cor[factor][row][column]


def _block_entries(factor: int, columns: tuple[int, ...]) -> list[Entry]:
    """Return the entries of one covariance block: standard deviations, then correlations column by column."""
    deviations = [(factor, column, column) for column in columns]
    below = [(factor, row, column) for column in columns for row in columns if row > column]
    return deviations + below


def _picked(
    source: NDArray[np.float64], rows: Sequence[int | None], columns: Sequence[int | None]
) -> NDArray[np.float64]:
    """Return the rows and columns of `source` that are named; NaN for None."""
    result = np.full((len(rows), len(columns)), np.nan)
    there = [[(place, at) for place, at in enumerate(axis) if at is not None] for axis in (rows, columns)]
    to, of = ([[pair[part] for pair in axis] for axis in there] for part in (0, 1))
    result[np.ix_(*to)] = source[np.ix_(*of)]
    return result
