"""How the covariance of the fixed effects varies with the variance parameters, and those with the data.

Input: a criterion, its optimum and the curvature there. Output: a `FixedVariation`, from which degrees of freedom by
Satterthwaite's method follow for any combination of fixed effects. Invariant: the criterion is the one that was
minimised.

Which parameters the variances are given by does not matter for them. At an optimum inside they are the user's standard
deviations and correlations, and sigma. On a boundary they are the entries of theta (standardised columns) and sigma:
derivatives by theta vanish in directions without variance, which so take no part.

References
----------
Satterthwaite (1946), Biometrics Bulletin 2, 110-114; Giesbrecht and Burns (1985), Biometrics 41, 477-486; in the
coordinates (theta, sigma): Kuznetsova, Brockhoff and Christensen (2017), Journal of Statistical Software 82(13).
"""

from __future__ import annotations

import numpy as np

from hdsl.fit.boundary import Parts
from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.outcome import FixedVariation
from hdsl.fit.standard_errors import Curvature, natural_slopes
from hdsl.fit.standardise import Floats

__all__ = ["fixed_variation", "inverse"]

STEP = 1e-4
"""Step of the central differences, relative to an entry of theta, which counts as `LEAST` at least."""

LEAST = 0.01

FLAT = 1e-8
"""Eigenvalue of the Hessian, scaled to a unit diagonal, below which the data say nothing of a direction."""


def fixed_variation(criterion: Criterion, at: Evaluation, found: Curvature, parts: Parts) -> FixedVariation:
    """Return the variation at an optimum."""
    if parts.edge or found.covariance is None:
        return _by_theta(criterion, at)
    sigma = float(np.sqrt(at.profile.r2 / at.profile.nn))
    J = natural_slopes(found.here, parts, sigma, criterion.outcome.scale)
    slopes = np.einsum("ba,brs->ars", np.linalg.inv(J), found.slopes)
    return _of_user(criterion, slopes, J @ found.covariance @ J.T)


def _of_user(criterion: Criterion, slopes: Floats, parameters: Floats) -> FixedVariation:
    """Return the variation for the user's columns and outcome."""
    back = criterion.outcome.scale * criterion.fixed.to_user(criterion.kept)
    return FixedVariation(slopes=back @ slopes @ back.T, parameters=parameters)


def _by_theta(criterion: Criterion, at: Evaluation) -> FixedVariation:
    """Return the variation in theta and sigma.

    Notes
    -----
    With sigma not profiled out, ``d(theta, sigma) = logdet + nn log(2 pi sigma^2) + r2 / sigma^2``; its second
    derivatives by theta are differences of the exact gradient, those with sigma are analytic. The covariance of
    the fixed effects is ``sigma^2 C(theta)``, and C comes with every evaluation.
    """
    k, sigma = len(at.theta), float(np.sqrt(at.profile.r2 / at.profile.nn))
    H, slopes = np.zeros((k + 1, k + 1)), np.empty((k + 1, *at.profile.cov_beta.shape))
    centre = _gradients(criterion, at) if k else (np.zeros(0), np.zeros(0))
    for t in range(k):
        H[t, :k], slopes[t] = _differences(criterion, at, t, sigma, centre)
    H[:k, :k] = (H[:k, :k] + H[:k, :k].T) / 2.0
    H[:k, k] = H[k, :k] = -2.0 / sigma**3 * centre[1]
    H[k, k] = 4.0 * at.profile.nn / sigma**2
    slopes[:k] *= sigma**2
    slopes[k] = 2.0 * sigma * at.profile.cov_beta
    return _of_user(criterion, slopes, 2.0 * inverse(H))


def _gradients(criterion: Criterion, at: Evaluation) -> tuple[Floats, Floats]:
    """Return the derivatives by theta of the log determinant (with that of X'V^-1X under REML) and of r2."""
    logdet, r2, _ = criterion.covariance_slopes(at)
    factors = at.factors
    return criterion.rule.gradient(logdet, factors), criterion.rule.gradient(r2, factors)


def _differences(
    criterion: Criterion, at: Evaluation, t: int, sigma: float, centre: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return the differences of gradient and C along entry t of theta; one-sided where an evaluation is costly."""
    h = STEP * max(abs(float(at.theta[t])), LEAST)
    ends = []
    for sign in (1.0,) if criterion.is_costly else (1.0, -1.0):
        theta = at.theta.copy()
        theta[t] += sign * h
        moved = criterion.evaluate(theta)
        ends.append((_gradients(criterion, moved), moved.profile.cov_beta))
    if criterion.is_costly:
        ends.append((centre, at.profile.cov_beta))
    (up, C_up), (down, C_down) = ends
    width = h if criterion.is_costly else 2.0 * h
    gradient = (up[0] - down[0]) + (up[1] - down[1]) / sigma**2
    return gradient / width, (C_up - C_down) / width


def inverse(H: Floats) -> Floats:
    """Return the inverse of a Hessian in the directions in which it is positive."""
    size = np.sqrt(np.abs(H.diagonal()))
    size = np.where(size > 0.0, size, 1.0)
    w, U = np.linalg.eigh(H / np.outer(size, size))
    half = U[:, w > FLAT] / np.sqrt(w[w > FLAT]) / size[:, None]
    return np.asarray(half @ half.T)
