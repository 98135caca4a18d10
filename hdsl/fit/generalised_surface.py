"""The criterion of a plan with a density for profiles: coefficients and roots of covariances, one parameter held.

Input: a criterion and its fit. Output: a `hdsl.fit.profiles.Surface`. Invariant: a held coefficient is one of the
user's columns; the others move in the directions that leave it, ``beta = across * value + along @ z``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

import numpy as np

from hdsl.fit.held import Roots, least_sds, started
from hdsl.fit.joint import DensityCriterion
from hdsl.fit.laplace import laplace
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.profiles import Target, estimate_of, held_roots
from hdsl.fit.quadrature import quadrature
from hdsl.fit.standardise import Floats
from hdsl.fit.weighted import Weighted, weighted
from hdsl.plan import Arrays, Plan

__all__ = ["GeneralisedSurface", "criterion_of", "surface_of"]


@dataclass(kw_only=True)
class GeneralisedSurface:
    """The criterion with one parameter held; it remembers the modes of its last evaluation, to start from.

    Attributes
    ----------
    criterion : DensityCriterion
        One in closed form holds a coefficient of the mean itself.
    outcome : FitOutcome
        Of the fit, by the same criterion.
    target : Target
    roots : Roots
        Of the covariances of the user's columns.
    across, along : ndarray, (p,) and (p, m)
        Coefficients of the criterion: ``across * value + along @ z``; `across` is zero where no coefficient is held.
    begin : (ndarray, ndarray)
        Vector of the fit, (z, roots), and its units.
    """

    criterion: DensityCriterion
    outcome: FitOutcome
    target: Target
    roots: Roots
    across: Floats
    along: Floats
    begin: tuple[Floats, Floats]
    _last: Any = field(default=None, repr=False)

    def start(self) -> tuple[Floats, Floats]:
        """Return the vector of the fit, and the size of each of its entries."""
        return self.begin

    def floor(self) -> Floats:
        """Return the least absolute value of each entry of a vector that a descent may start from."""
        return np.append(np.zeros(self.along.shape[1]), self.roots.floor(least_sds(self.criterion.T)))

    def objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        """Return the criterion and its gradient, by the held value last; without a mode there is none."""
        m = self.along.shape[1]
        roots = self.roots.at(vector[m:], value)
        beta = self.across * value + self.along @ vector[:m]
        criterion = self._holding(value)
        at = criterion.evaluate(beta, criterion.theta_from(roots), self._last)
        if not at.is_mode:
            raise np.linalg.LinAlgError("no mode")
        self._last = at
        slope = criterion.slope(at)
        own = [
            2.0 * (T.T @ (G @ (T @ root))) for T, G, root in zip(criterion.T, slope.by_covariance, roots, strict=True)
        ]
        by_beta = slope.gradient[: len(beta)]
        out = np.concatenate((self.along.T @ by_beta, self.roots.gradient(vector[m:], value, own)))
        if isinstance(self.target, int):
            out[-1] = criterion.by_held(at) if self._is_held_inside(criterion) else self.across @ by_beta
        return at.objective, out

    def _is_held_inside(self, criterion: DensityCriterion) -> TypeGuard[Weighted]:
        """Whether a coefficient is held that the criterion minimises over in closed form."""
        return isinstance(criterion, Weighted) and criterion.hold is not None

    def _holding(self, value: float) -> DensityCriterion:
        """Return the criterion with a coefficient that it holds itself at a value."""
        criterion = self.criterion
        if self._is_held_inside(criterion):
            assert criterion.hold is not None
            return criterion.holding(replace(criterion.hold, value=value))
        return criterion

    def covariance(self) -> Floats:
        """Return that of (vector, held value) at the fit, from its information; not finite where that has none."""
        vector, value = self.begin[0], estimate_of(self.outcome, self.target)
        outcome, criterion, m = self.outcome, self.criterion, self.along.shape[1]
        names, kept = outcome.variance_parameters, criterion.kept
        p, k, is_inside = len(kept), len(names), self._is_held_inside(criterion)
        J = np.zeros((p + k + is_inside, len(vector) + 1))
        J[:p, :m], J[:p, -1] = criterion.to_user @ self.along, criterion.to_user @ self.across
        J[p : p + k, m:] = self.roots.natural_slopes(vector[m:], value, names)
        C = np.zeros((len(J), len(J)))
        C[:p, :p], C[p : p + k, p : p + k] = outcome.cov_beta[np.ix_(kept, kept)], outcome.variance_cov
        if outcome.cross_cov is not None:
            C[:p, p : p + k] = outcome.cross_cov[kept]
            C[p : p + k, :p] = C[:p, p : p + k].T
        if is_inside and isinstance(self.target, int):  # taken apart from all others
            J[-1, -1], C[-1, -1] = 1.0, outcome.cov_beta[self.target, self.target]
        back = np.linalg.inv(J)
        return np.asarray(back @ C @ back.T)


def criterion_of(plan: Plan, arrays: Arrays, outcome: FitOutcome) -> DensityCriterion:
    """Return the criterion of a fit."""
    if plan.is_weighted and outcome.method in ("ml", "reml"):
        return weighted(plan, arrays, reml=outcome.method == "reml")
    criterion: DensityCriterion = laplace(plan, arrays)
    return quadrature(criterion, arrays, outcome.nodes) if outcome.method == "agq" else criterion


def surface_of(criterion: DensityCriterion, outcome: FitOutcome, target: Target) -> GeneralisedSurface:
    """Return a criterion with one parameter held, from the optimum of a fit."""
    p = len(criterion.kept)
    across, along = np.zeros(p), np.eye(p)
    if isinstance(criterion, Weighted) and isinstance(target, int) and target not in criterion.kept:
        criterion = criterion.holding(criterion.hold_of(target))
    elif isinstance(target, int):
        row = criterion.to_user[criterion.kept.index(target)]
        across = row / (row @ row)
        along = np.linalg.svd(row[None, :])[2][1:].T
    roots = held_roots(criterion.plan, target)
    sds = started(outcome.sd, least_sds(criterion.T))
    beta = along.T @ criterion.beta_from(outcome.beta)
    vector = np.concatenate((beta, roots.vector(sds, outcome.cor)))
    units = np.concatenate((np.ones(len(beta)), roots.units(sds)))
    return GeneralisedSurface(
        criterion=criterion,
        outcome=outcome,
        target=target,
        roots=roots,
        across=across,
        along=along,
        begin=(vector, units),
    )
