"""The criterion of a plan with a density for profiles: coefficients and roots of covariances, one parameter held.

Input: a fit of a plan with a density. Output: a `hdsl.fit.profiles.Surface`. Invariant: a held coefficient is one of
the user's columns; the others move in the directions that leave it, ``beta = across * value + along @ z``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hdsl.fit.held import Roots
from hdsl.fit.joint import DensityCriterion
from hdsl.fit.laplace import laplace
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.profiles import Target, held_roots, started
from hdsl.fit.quadrature import quadrature
from hdsl.fit.standardise import Floats
from hdsl.fit.weighted import Hold, Weighted, weighted
from hdsl.plan import Arrays, Plan

__all__ = ["GeneralisedSurface", "generalised_surface", "surface_of"]


@dataclass(kw_only=True)
class GeneralisedSurface:
    """The criterion with one parameter held; it remembers the modes of its last evaluation, to start from.

    Attributes
    ----------
    criterion : DensityCriterion
    roots : Roots
        Of the covariances of the user's columns.
    across, along : ndarray, (p,) and (p, m)
        Coefficients of the criterion: ``across * value + along @ z``; `across` is zero where no coefficient is held.
    begin : (ndarray, ndarray)
        Vector of the fit, (z, roots), and its units.
    hold : Hold or None
        A coefficient of the mean that a criterion in closed form holds.
    """

    criterion: DensityCriterion
    roots: Roots
    across: Floats
    along: Floats
    begin: tuple[Floats, Floats]
    hold: Hold | None = None
    _last: Any = field(default=None, repr=False)

    def start(self) -> tuple[Floats, Floats]:
        """Return the vector of the fit, and the size of each of its entries."""
        return self.begin

    def objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        """Return the criterion and its gradient; without a mode of the random effects there is none."""
        m = self.along.shape[1]
        roots = self.roots.at(vector[m:], value)
        beta = self.across * value + self.along @ vector[:m]
        criterion = self.criterion
        if self.hold is not None and isinstance(criterion, Weighted):
            criterion = criterion.holding(replace(self.hold, value=value))
        at = criterion.evaluate(beta, criterion.theta_from(roots), self._last)
        if not at.is_mode:
            raise np.linalg.LinAlgError("no mode")
        self._last = at
        slope = criterion.slope(at)
        own = [T.T @ G @ T for T, G in zip(criterion.T, slope.by_covariance, strict=True)]
        by_roots, _ = self.roots.gradient(vector[m:], value, own)
        return at.objective, np.concatenate((self.along.T @ slope.gradient[: len(beta)], by_roots))


def generalised_surface(plan: Plan, arrays: Arrays, outcome: FitOutcome, target: Target) -> GeneralisedSurface:
    """Return the criterion of a fit with one parameter held; that of ML for a coefficient of the mean."""
    if plan.is_weighted and outcome.method in ("ml", "reml"):
        return _weighted_surface(plan, arrays, outcome, target)
    criterion: DensityCriterion = laplace(plan, arrays)
    if outcome.method == "agq":
        criterion = quadrature(criterion, arrays, outcome.nodes)
    return surface_of(criterion, outcome, target)


def _weighted_surface(plan: Plan, arrays: Arrays, outcome: FitOutcome, target: Target) -> GeneralisedSurface:
    """Return the surface of a criterion in closed form."""
    restricted = weighted(plan, arrays, reml=outcome.method == "reml")
    if not isinstance(target, int) or target in restricted.kept:
        return surface_of(restricted, outcome, target)
    criterion = replace(restricted, reml=False)
    surface = surface_of(criterion, outcome, None)
    surface.hold = criterion.hold_of(target)
    return surface


def surface_of(criterion: DensityCriterion, outcome: FitOutcome, target: Target | None) -> GeneralisedSurface:
    """Return a criterion with one parameter held, from the optimum of a fit; None where the criterion holds it."""
    p = len(criterion.kept)
    across, along = np.zeros(p), np.eye(p)
    if isinstance(target, int):
        row = criterion.to_user[criterion.kept.index(target)]
        across = row / (row @ row)
        along = np.linalg.svd(row[None, :])[2][1:].T
    roots = held_roots(criterion.plan, target)
    scales = [1.0 / np.maximum(np.abs(T.diagonal()), np.finfo(float).tiny) for T in criterion.T]
    sds = started(outcome.sd, scales)
    beta = along.T @ criterion.beta_from(outcome.beta)
    vector = np.concatenate((beta, roots.vector(sds, outcome.cor)))
    units = np.concatenate((np.ones(len(beta)), roots.units(sds)))
    return GeneralisedSurface(criterion=criterion, roots=roots, across=across, along=along, begin=(vector, units))
