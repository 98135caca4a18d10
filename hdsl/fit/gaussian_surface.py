"""The Gaussian criterion for profiles: sigma is a parameter of its own, coefficients are minimised out in closed form.

    d = logdet + nn log(2 pi sigma^2) + (r2 + (b - beta_j)^2 / C_jj) / sigma^2

The last term is there where a coefficient is held at b; ``C`` is the covariance of the coefficients relative to
sigma^2, and the residual sum of squares is that of the constrained coefficients ``beta + C_.j (b - beta_j) / C_jj``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.held import Roots, least_sds, started
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.profiles import SIGMA, Target, estimate_of, held_roots
from hdsl.fit.standardise import Floats

__all__ = ["GaussianSurface", "gaussian_surface"]

HUGE = 1e150
"""Residual standard deviation whose square is about to overflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianSurface:
    """The criterion with one parameter held.

    Attributes
    ----------
    problem : Criterion
    outcome : FitOutcome
        Of the fit, by the same criterion.
    target : Target
    roots : Roots
    direction, constant : ndarray, float
        A held coefficient of the user's columns is ``direction @ beta + constant`` of the standardised ones.
    begin : (ndarray, ndarray)
        Vector of the fit and its units: log sigma (unless it is held), then the roots, relative to sigma.
    """

    problem: Criterion
    outcome: FitOutcome
    target: Target
    roots: Roots
    direction: Floats
    constant: float
    begin: tuple[Floats, Floats]

    @property
    def is_sd(self) -> bool:
        """Whether a standard deviation of random effects is held: relative to sigma it moves with sigma."""
        return isinstance(self.target, tuple) and self.target[1] == self.target[2]

    def start(self) -> tuple[Floats, Floats]:
        """Return the vector of the fit, and the size of each of its entries."""
        return self.begin

    def floor(self) -> Floats:
        """Return the least absolute value of each entry of a vector that a descent may start from."""
        own = self.roots.floor(least_sds(self.problem.T))
        return own if self.target == SIGMA else np.append(0.0, own)

    def _parts(self, vector: Floats, value: float) -> tuple[float, Floats, float]:
        """Return sigma, the vector of the roots, and the held value that these have."""
        if self.target == SIGMA:
            return value, vector, value
        sigma = float(np.exp(vector[0]))
        if not 1.0 / HUGE < sigma < HUGE:
            raise np.linalg.LinAlgError("no residual variance")
        return sigma, vector[1:], value / sigma if self.is_sd else value

    def objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        """Return the criterion of the user's outcome and its gradient, by the held value last."""
        sigma, entries, inner = self._parts(vector, value)
        if sigma <= 0.0:
            raise np.linalg.LinAlgError("no residual variance")
        roots = self.roots.at(entries, inner)
        at = self.problem.evaluate(self.problem.theta_from(roots))
        beta, r2, by_gap = self._constrained(at, value)
        scaled, nn = (self.problem.outcome.scale / sigma) ** 2, at.profile.nn
        total = self._logdet(at) + nn * math.log(2.0 * math.pi * sigma**2) + r2 * scaled
        slopes = self.roots.gradient(entries, inner, self._slopes(at, roots, beta, scaled))
        by_log_sigma = 2.0 * nn - 2.0 * r2 * scaled
        if self.target == SIGMA:
            slopes[-1] = by_log_sigma / sigma
            return total, slopes
        if self.is_sd:
            by_log_sigma -= float(slopes[-1]) * inner
            slopes[-1] /= sigma
        elif isinstance(self.target, int):
            slopes[-1] = by_gap * scaled
        return total, np.concatenate(([by_log_sigma], slopes))

    def _logdet(self, at: Evaluation) -> float:
        """Return the log determinants, those of the user's columns under REML."""
        if not self.problem.reml:
            return float(at.profile.logdet)
        return float(at.profile.logdet + at.profile.logdet_x) + self.problem.fixed.logdet(self.problem.kept)

    def _constrained(self, at: Evaluation, value: float) -> tuple[Floats, float, float]:
        """Return coefficients, residual sum of squares and its derivative, with the held coefficient at `value`."""
        beta = at.profile.beta
        if not isinstance(self.target, int):
            return beta, at.profile.r2, 0.0
        C = at.profile.cov_beta @ self.direction
        gap, variance = value - float(self.direction @ beta) - self.constant, float(self.direction @ C)
        return beta + C * gap / variance, at.profile.r2 + gap**2 / variance, 2.0 * gap / variance

    def _slopes(self, at: Evaluation, roots: Sequence[Floats], beta: Floats, scaled: float) -> list[Floats]:
        """Return derivatives by the roots of the user's columns."""
        problem = self.problem
        p = len(beta) if problem.reml else 0
        logdet, _ = problem.emitted.covariances(problem.cross, at.forward, at.profile.cov_beta[:p, :p])
        _, v = problem.emitted.modes(problem.cross, at.forward, beta)
        out = []
        for T, G, w, root in zip(problem.T, logdet, v, roots, strict=True):
            own = w[:, 0]
            out.append(2.0 * (T.T @ ((G - scaled * (own @ own.T)) @ (T @ root))))
        return out

    def covariance(self) -> Floats:
        """Return that of (vector, held value) at the fit, from its information; not finite where that has none."""
        vector, value = self.begin[0], estimate_of(self.outcome, self.target)
        sigma, entries, inner = self._parts(vector, value)
        outcome, names = self.outcome, self.outcome.variance_parameters
        slopes = self.roots.natural_slopes(entries, inner, names)
        k, is_coefficient = len(names), isinstance(self.target, int)
        J = np.zeros((k + 1 + is_coefficient, len(vector) + 1))
        is_scaled = np.array([row == column for _, row, column in names], dtype=bool)
        sds = np.array([outcome.sd[f][row] * (row == column) for f, row, column in names])
        slopes[is_scaled] *= sigma
        if self.target == SIGMA:
            J[:k, :-1], J[:k, -1], J[k, -1] = slopes[:, :-1], sds / sigma, 1.0
        else:
            J[:k, 1:], J[:k, 0], J[k, 0] = slopes, sds, sigma
            if self.is_sd:
                J[:k, 0] -= slopes[:, -1] * inner
                J[:k, -1] /= sigma
        C = outcome.variance_cov
        if isinstance(self.target, int):
            J[-1] = np.eye(len(vector) + 1)[-1]
            C = np.zeros((k + 2, k + 2))
            C[:-1, :-1], C[-1, -1] = outcome.variance_cov, outcome.cov_beta[self.target, self.target]
        back = np.linalg.inv(J)
        return np.asarray(back @ C @ back.T)


def gaussian_surface(problem: Criterion, outcome: FitOutcome, target: Target) -> GaussianSurface:
    """Return the criterion of a fit with one parameter held."""
    roots = held_roots(problem.plan, target)
    relative = started([sd / outcome.sigma for sd in outcome.sd], least_sds(problem.T))
    vector = roots.vector(relative, outcome.cor)
    units = roots.units(relative)
    if target != SIGMA:
        vector, units = np.append(np.log(outcome.sigma), vector), np.append(1.0, units)
    direction, constant = _functional(problem, target) if isinstance(target, int) else (np.zeros(0), 0.0)
    return GaussianSurface(
        problem=problem,
        outcome=outcome,
        target=target,
        roots=roots,
        direction=direction,
        constant=constant,
        begin=(vector, units),
    )


def _functional(problem: Criterion, column: int) -> tuple[Floats, float]:
    """Return how a coefficient of the user's columns comes from those of the standardised ones."""
    kept, outcome = problem.kept, problem.outcome
    row = problem.fixed.to_user(kept)[kept.index(column)]
    constant = float(row @ outcome.base)
    if problem.fixed.intercept == column:
        constant += outcome.shift / problem.fixed.value
    return outcome.scale * row, constant
