"""Scores of clusters: what each adds to the slope of the log-likelihood of a model with a density.

Stage: results. Input: a fit by Laplace's method or by quadrature, and clusters that hold whole groups of every grouping
factor, so that the log-likelihood is a sum over clusters. Output: derivatives by the estimated parameters. Invariant:
they are on the scales of `FitOutcome`, and add up to zero at an optimum.

Each is a central difference of the clusters' log-likelihoods, all clusters at once, with the modes found anew at both
ends: ``l_j = sum_i log f(y_i | eta_i) - |u_j|^2 / 2 - log det M_j / 2``, where the modes are ``b = R u`` and
``M = R'Z'W Z R + I`` is block diagonal by cluster; by quadrature the logarithms of its integrals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.fit.laplace import Laplace, Point, laplace
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.quadrature import Quadrature, quadrature
from hdsl.fit.threads import one_thread
from hdsl.results.predicting.joint import factorise, information_of, row_values, weights_of
from hdsl.results.predicting.matrices import roots, with_moved

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["ClusterScores", "cluster_scores"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

STEP = 1e-3
"""Step of the differences, in standard errors, or of the way to the edge of a parameter where that is nearer."""

Entry = tuple[int, int, int]
"""Grouping factor, row and column of a covariance entry."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterScores:
    """Scores of clusters by the parameters that have a standard error.

    Attributes
    ----------
    scores : ndarray, (J, m)
        By coefficients, then by variance parameters.
    covariance : ndarray, (m, m)
        Of these estimates: the inverse of the joint observed information.
    columns : tuple of int
        Columns of X of the coefficients.
    """

    scores: Floats
    covariance: Floats
    columns: tuple[int, ...]


def cluster_scores(design: Design, outcome: FitOutcome, codes: Codes) -> ClusterScores:
    """Return the scores of clusters.

    Parameters
    ----------
    design : Design
    outcome : FitOutcome
        By Laplace's method or by quadrature.
    codes : ndarray of int, (n,)
        The cluster of each row, from 0; each holds whole groups.
    """
    columns = np.flatnonzero(np.diag(outcome.cov_beta) > 0.0)
    places = np.flatnonzero(np.diag(outcome.variance_cov) > 0.0)
    with one_thread(), np.errstate(all="ignore"):
        value = _log_likelihoods(design, outcome, codes)
        found = [
            (value(moved(step)) - value(moved(-step))) / (2.0 * step)
            for step, moved in (*_coefficients(outcome, columns), *_variances(design, outcome, places))
        ]
    return ClusterScores(
        scores=np.array(found).reshape(-1, int(codes.max()) + 1).T,
        covariance=_covariance(outcome, columns, places),
        columns=tuple(columns.tolist()),
    )


def _covariance(outcome: FitOutcome, columns: Codes, places: Codes) -> Floats:
    beta = outcome.cov_beta[np.ix_(columns, columns)]
    cross = np.zeros((len(columns), len(places)))
    if outcome.cross_cov is not None:
        cross = outcome.cross_cov[np.ix_(columns, places)]
    return np.block([[beta, cross], [cross.T, outcome.variance_cov[np.ix_(places, places)]]])


# -- moved parameters ------------------------------------------------------------------------------------------------

Moved = tuple[float, Callable[[float], FitOutcome]]
"""A step, and the fit with a parameter moved by one."""


def _coefficients(outcome: FitOutcome, columns: Codes) -> Iterator[Moved]:
    for column in columns:

        def moved(h: float, column: int = int(column)) -> FitOutcome:
            beta = outcome.beta.copy()
            beta[column] += h
            return replace(outcome, beta=beta)

        yield STEP * float(np.sqrt(outcome.cov_beta[column, column])), moved


def _variances(design: Design, outcome: FitOutcome, places: Codes) -> Iterator[Moved]:
    for place in places:
        entry = outcome.variance_parameters[place]

        def moved(h: float, entry: Entry = entry) -> FitOutcome:
            return with_moved(design, outcome, entry, h)

        yield STEP * min(float(np.sqrt(outcome.variance_cov[place, place])), _room(outcome, entry)), moved


def _room(outcome: FitOutcome, entry: Entry) -> float:
    """Return how far a parameter is from the edge of its range."""
    factor, row, column = entry
    if row == column:
        return float(outcome.sd[factor][row])
    return float(np.linalg.eigvalsh(np.nan_to_num(outcome.cor[factor]))[0])


# -- log-likelihoods -------------------------------------------------------------------------------------------------


def _log_likelihoods(design: Design, outcome: FitOutcome, codes: Codes) -> Callable[[FitOutcome], Floats]:
    """Return what gives the log-likelihood of each cluster at other parameters."""
    criterion = laplace(design.plan, design.arrays)
    if outcome.method == "agq":
        return _ByNodes(quadrature(criterion, design.arrays, outcome.nodes), codes)
    return _ByLaplace(criterion, design, codes)


class _ByLaplace:
    def __init__(self, criterion: Laplace, design: Design, codes: Codes) -> None:
        self.criterion, self.design, self.codes = criterion, design, codes
        self.owners = self._owners()
        self.near: Point | None = None

    def _owners(self) -> Codes:
        """Return the cluster of each effect, in the order of the columns of Z R."""
        found = [np.zeros(0, dtype=np.intp)]
        for f, term in enumerate(self.design.plan.re_terms):
            own = np.zeros(len(self.design.levels[f]), dtype=np.intp)
            own[self.design.arrays.groups[f]] = self.codes
            found.append(np.repeat(own, term.width))
        return np.concatenate(found)

    def __call__(self, at: FitOutcome) -> Floats:
        c, size = self.criterion, int(self.codes.max()) + 1
        self.near = c.evaluate(c.beta_from(at.beta), c.theta_from(roots(at)), self.near)
        there = replace(at, modes=c.modes(self.near))
        rows = row_values(self.design, there)
        value = _sums(self.codes, rows.value, size)
        if not len(self.owners):
            return value
        u = [(b @ np.linalg.pinv(R).T).ravel() for b, R in zip(there.modes, roots(at), strict=True)]
        weights = weights_of(rows, self.design.plan.n_predictors)
        factor = factorise(information_of(self.design, there, weights)[0])
        logs = np.log(np.abs(factor.U.diagonal()))[factor.perm_c]
        return value - 0.5 * _sums(self.owners, np.concatenate(u) ** 2 + logs, size)


class _ByNodes:
    def __init__(self, criterion: Quadrature, codes: Codes) -> None:
        self.criterion = criterion
        level = criterion.data.levels[0]
        self.owners = codes[criterion.data.order][level.starts]
        self.size = int(codes.max()) + 1

    def __call__(self, at: FitOutcome) -> Floats:
        c = self.criterion
        logs = c.log_integrals(c.inner.evaluate(c.beta_from(at.beta), c.theta_from(roots(at))))[0]
        return _sums(self.owners, logs, self.size)


def _sums(codes: Codes, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(codes, values, size), dtype=float)
