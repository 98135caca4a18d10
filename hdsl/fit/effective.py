"""Effective number of parameters of a Gaussian fit: how much the fitted values follow the outcome.

Input: the plan, arrays and outcome of a fit. Output: the trace of ``d yhat / d y``, with the variances known, and with
them estimated.

With V relative to sigma^2 and ``P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1``, residuals of conditional fitted values are
``e = P y``. With the variances known the trace is ``n - tr P = p + sum_f <d log|V| |X'V^-1 X| / d Sigma_f, Sigma_f>``.
The variances are a function of y, too: ``d theta / d y = -H^-1 d^2 d / d theta d y'`` with d the criterion, and
``d yhat / d theta_k = P V_k P y``, so that they add ``sum_kl (H^-1)_kl 2 nn (w_k'w_l / r2 - (e'V_l e) (w_k'e) / r2^2)``
with ``w_k = P V_k e``, all inside the edges of the parameters.

References
----------
Vaida and Blanchard (2005), Biometrika 92, 351-370. Greven and Kneib (2010), Biometrika 97, 773-789.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.refit import Refitter, optimum_of, refitter
from hdsl.fit.standardise import Codes, Floats
from hdsl.fit.threads import one_thread
from hdsl.plan import Arrays, Plan

__all__ = ["Effective", "effective_parameters"]

STEP = 1e-4
"""Step of the differences of the gradient, relative to a standard deviation like that of the residual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """Effective numbers of parameters of the mean.

    Attributes
    ----------
    given_variances : float
        Vaida and Blanchard's rho.
    with_variances : float
        Greven and Kneib's, with the variances estimated.
    """

    given_variances: float
    with_variances: float


def effective_parameters(plan: Plan, arrays: Arrays, outcome: FitOutcome) -> Effective:
    """Return the effective number of parameters of a Gaussian fit.

    Parameters
    ----------
    plan : Plan
    arrays : Arrays
    outcome : FitOutcome
        The fit of this plan to these arrays, by ML or REML.
    """
    with one_thread():
        problem, at = optimum_of(plan, arrays, outcome)
        slopes, _ = problem.emitted.covariances(problem.cross, at.forward, at.profile.cov_beta)
        given = len(problem.kept) + sum(
            float((G * (L @ L.T)).sum()) for G, L in zip(slopes, at.forward.factors, strict=True)
        )
        moving = np.flatnonzero(at.theta != 0.0)
        more = _of_variances(problem, at, refitter(plan, arrays, outcome), moving) if len(moving) else 0.0
    return Effective(given_variances=given, with_variances=given + more)


def _of_variances(problem: Criterion, at: Evaluation, refit: Refitter, moving: Codes) -> float:
    """Return what estimating the variances adds; `moving` are the entries of theta that are not on an edge."""
    e = refit.residual(at.theta, refit.standard(refit.arrays.y))
    r2, nn = at.profile.r2, at.profile.nn
    changes = [_covariance_slope(problem, at, k, refit, e) for k in moving]
    w = np.array([refit.residual(at.theta, change) for change in changes])
    falls = np.array([float(e @ change) for change in changes])
    mixed = 2.0 * nn * (w @ w.T / r2 - np.outer(w @ e, falls) / r2**2)
    return float(np.trace(np.linalg.solve(_hessian(problem, at, moving), mixed.T)))


def _covariance_slope(problem: Criterion, at: Evaluation, k: int, refit: Refitter, e: Floats) -> Floats:
    """Return ``V_k e``, the derivative of V by an entry of theta times the residuals; (n,)."""
    total = np.zeros(len(e))
    moved = problem.emitted.forward(problem.cross, at.theta + np.eye(len(at.theta))[k]).factors
    for f, (L, other) in enumerate(zip(at.forward.factors, moved, strict=True)):
        D = other - L
        if not D.any():
            continue
        slope, codes = D @ L.T + L @ D.T, refit.arrays.groups[f]
        sums = np.array([np.bincount(codes, column * e) for column in refit.Z[f]])
        for column, change in zip(refit.Z[f], slope @ sums, strict=True):
            total += column * change[codes]
    return total


def _hessian(problem: Criterion, at: Evaluation, moving: Codes) -> Floats:
    """Return second derivatives of the criterion by central differences of its gradient."""
    rows = []
    for k in moving:
        step = STEP * np.eye(len(at.theta))[k]
        ends = [problem.slope(problem.evaluate(at.theta + sign * step)).gradient[moving] for sign in (1.0, -1.0)]
        rows.append((ends[0] - ends[1]) / (2.0 * STEP))
    H = np.array(rows)
    return np.asarray((H + H.T) / 2.0)
