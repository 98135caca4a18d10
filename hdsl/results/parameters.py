"""Which parameters a fit has, their names, values and covariance.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: a `ParameterTable`. Invariants: fixed effects first, in
the order of the columns of X and without those dropped for rank; then, factor by factor and block by block, standard
deviations and correlations; the residual's standard deviation last. A name stands once, also where it is tied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["Entry", "ParameterTable"]

Entry: TypeAlias = tuple[int, int, int]
"""Grouping factor, row and column of a covariance entry; row == column is a standard deviation."""


@dataclass(frozen=True, kw_only=True)
class ParameterTable:
    """The estimated parameters of a Gaussian model.

    Attributes
    ----------
    design : Design
    outcome : FitOutcome
    """

    design: Design
    outcome: FitOutcome

    @cached_property
    def kept(self) -> NDArray[np.intp]:
        """(r,), the columns of X that were not dropped for rank."""
        dropped = np.asarray(self.outcome.aliased, dtype=np.intp)
        return np.setdiff1d(np.arange(len(self.design.fixed_labels)), dropped)

    @cached_property
    def fixed(self) -> tuple[str, ...]:
        """Names of the fixed effects that are estimated."""
        return tuple(self.design.fixed_labels[column] for column in self.kept)

    @cached_property
    def variance(self) -> dict[str, Entry]:
        """Names of the standard deviations and correlations of random effects, with the first entry of each."""
        found: dict[str, Entry] = {}
        for factor, term in enumerate(self.design.plan.re_terms):
            for block in term.blocks:
                for entry in _block_entries(factor, block.columns):
                    name = self.design.variance_names.get(entry)
                    if name is not None and name != self.design.residual_name:
                        found.setdefault(name, entry)
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name, in order."""
        return (*self.fixed, *self.variance, self.design.residual_name)

    @property
    def dof(self) -> int:
        """Number of estimated parameters: rank of X, free variance parameters, the residual's."""
        return len(self.names)

    def value(self, entry: Entry) -> float:
        """Return the standard deviation or correlation at `entry`, user's scale."""
        factor, row, column = entry
        if row == column:
            return float(self.outcome.sd[factor][row])
        return float(self.outcome.cor[factor][row, column])

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """(dof,), estimates in the order of `names`."""
        spread = [self.value(entry) for entry in self.variance.values()]
        return np.concatenate([self.outcome.beta[self.kept], spread, [self.outcome.sigma]])

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """(dof, dof), covariance of the estimates; NaN for what is on its boundary.

        Fixed effects: generalised least squares, given the variances. Variance parameters: the joint observed
        information. Blocks between the two are zero.
        """
        n_fixed, total = len(self.fixed), self.dof
        full = np.zeros((total, total))
        full[:n_fixed, :n_fixed] = self.outcome.cov_beta[np.ix_(self.kept, self.kept)]
        full[n_fixed:, n_fixed:] = self._variance_covariance()
        return full

    def _variance_covariance(self) -> NDArray[np.float64]:
        """Bring the outcome's covariance of variance parameters into the order of `names`."""
        position: dict[str, int] = {}
        for place, entry in enumerate(self.outcome.variance_parameters):
            position.setdefault(self.design.variance_names[entry], place)
        wanted = [position.get(name) for name in self.variance]
        wanted.append(len(self.outcome.variance_parameters))
        there = [place for place, source in enumerate(wanted) if source is not None]
        sources = [source for source in wanted if source is not None]
        result = np.full((len(wanted), len(wanted)), np.nan)
        result[np.ix_(there, there)] = self.outcome.variance_cov[np.ix_(sources, sources)]
        return result

    @cached_property
    def boundary(self) -> tuple[str, ...]:
        """Names of the variance parameters on their edge."""
        return tuple(dict.fromkeys(self.design.variance_names[entry] for entry in self.outcome.boundary))


def _block_entries(factor: int, columns: tuple[int, ...]) -> list[Entry]:
    """Return the entries of one covariance block: standard deviations, then correlations column by column."""
    deviations = [(factor, column, column) for column in columns]
    below = [(factor, row, column) for column in columns for row in columns if row > column]
    return deviations + below
