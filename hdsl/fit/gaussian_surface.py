"""The Gaussian criterion for profiles: sigma is a parameter of its own, coefficients are minimised out in closed form.

    d = logdet + nn log(2 pi sigma^2) + (r2 + (b - beta_j)^2 / C_jj) / sigma^2

The last term is there where a coefficient is held at b; ``C`` is the covariance of the coefficients relative to
sigma^2, and the residual sum of squares is that of the constrained coefficients ``beta + C_.j (b - beta_j) / C_jj``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdsl.fit.criterion import Criterion, Evaluation, criterion
from hdsl.fit.held import Roots
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.profiles import SIGMA, Target, held_roots, started
from hdsl.fit.standardise import Floats
from hdsl.plan import Arrays, Plan

__all__ = ["GaussianSurface", "gaussian_surface"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianSurface:
    """The criterion with one parameter held.

    Attributes
    ----------
    problem : Criterion
    target : Target
    roots : Roots
    direction, constant : ndarray, float
        A held coefficient of the user's columns is ``direction @ beta + constant`` of the standardised ones.
    begin : (ndarray, ndarray)
        Vector of the fit and its units: log sigma (unless it is held), then the roots, relative to sigma.
    """

    problem: Criterion
    target: Target
    roots: Roots
    direction: Floats
    constant: float
    begin: tuple[Floats, Floats]

    def start(self) -> tuple[Floats, Floats]:
        """Return the vector of the fit, and the size of each of its entries."""
        return self.begin

    def objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        """Return the criterion of the user's outcome and its gradient."""
        free = self.target != SIGMA
        sigma = float(np.exp(vector[0])) if free else value
        if sigma <= 0.0:
            raise np.linalg.LinAlgError("no residual variance")
        is_sd = isinstance(self.target, tuple) and self.target[1] == self.target[2]
        inner = value / sigma if is_sd else value
        roots = self.roots.at(vector[free:], inner)
        at = self.problem.evaluate(self.problem.theta_from(roots))
        beta, r2 = self._constrained(at, value)
        scaled, nn = (self.problem.outcome.scale / sigma) ** 2, at.profile.nn
        total = self._logdet(at) + nn * float(np.log(2.0 * np.pi * sigma**2)) + r2 * scaled
        by_roots, by_inner = self.roots.gradient(vector[free:], inner, self._slopes(at, beta, scaled))
        by_log_sigma = 2.0 * nn - 2.0 * r2 * scaled - (by_inner * inner if is_sd else 0.0)
        return total, np.concatenate([[by_log_sigma], by_roots]) if free else by_roots

    def _logdet(self, at: Evaluation) -> float:
        """Return the log determinants, those of the user's columns under REML."""
        if not self.problem.reml:
            return float(at.profile.logdet)
        return float(at.profile.logdet + at.profile.logdet_x) + self.problem.fixed.logdet(self.problem.kept)

    def _constrained(self, at: Evaluation, value: float) -> tuple[Floats, float]:
        """Return coefficients and residual sum of squares, with the held coefficient at `value`."""
        beta = at.profile.beta
        if not isinstance(self.target, int):
            return beta, at.profile.r2
        C = at.profile.cov_beta @ self.direction
        gap, variance = value - float(self.direction @ beta) - self.constant, float(self.direction @ C)
        return beta + C * gap / variance, at.profile.r2 + gap**2 / variance

    def _slopes(self, at: Evaluation, beta: Floats, scaled: float) -> list[Floats]:
        """Return derivatives by the covariances of the user's columns."""
        problem = self.problem
        p = len(beta) if problem.reml else 0
        logdet, _ = problem.emitted.covariances(problem.cross, at.forward, at.profile.cov_beta[:p, :p])
        _, v = problem.emitted.modes(problem.cross, at.forward, beta)
        own = [G - scaled * (w[:, 0] @ w[:, 0].T) for G, w in zip(logdet, v, strict=True)]
        return [T.T @ G @ T for T, G in zip(problem.T, own, strict=True)]


def gaussian_surface(plan: Plan, arrays: Arrays, outcome: FitOutcome, target: Target) -> GaussianSurface:
    """Return the criterion of a fit with one parameter held; that of ML for a coefficient."""
    problem = criterion(plan, arrays, reml=outcome.method == "reml" and not isinstance(target, int))
    roots = held_roots(plan, target)
    scales = [1.0 / np.maximum(np.abs(T.diagonal()), np.finfo(float).tiny) for T in problem.T]
    relative = started([sd / outcome.sigma for sd in outcome.sd], scales)
    vector = roots.vector(relative, outcome.cor)
    units = roots.units(relative)
    if target != SIGMA:
        vector, units = np.append(np.log(outcome.sigma), vector), np.append(1.0, units)
    direction, constant = _functional(problem, target) if isinstance(target, int) else (np.zeros(0), 0.0)
    return GaussianSurface(
        problem=problem, target=target, roots=roots, direction=direction, constant=constant, begin=(vector, units)
    )


def _functional(problem: Criterion, column: int) -> tuple[Floats, float]:
    """Return how a coefficient of the user's columns comes from those of the standardised ones."""
    kept, outcome = problem.kept, problem.outcome
    row = problem.fixed.to_user(kept)[kept.index(column)]
    constant = float(row @ outcome.base)
    if problem.fixed.intercept == column:
        constant += outcome.shift / problem.fixed.value
    return outcome.scale * row, constant
