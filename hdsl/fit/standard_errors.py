"""Standard errors of variance parameters from the joint observed information.

The criterion with sigma not profiled out is ``d(tau, rho, sigma) = logdet + nn log(2 pi sigma^2) + r2 / sigma^2``; REML
has it with ``log det X'V^-1X``. Its tau are the standard deviations relative to sigma, its second derivatives by
(tau, rho) are central differences of the exact gradient; those with sigma are analytic. They are taken for
standardised columns, where correlations are moderate, and carried to the user's columns by the delta method. The same
evaluations give the derivatives of the covariance of the fixed effects, which degrees of freedom follow from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdsl.codegen import Entry
from hdsl.fit.boundary import Parts
from hdsl.fit.coordinates import Coordinates, coordinates, inside_parameters
from hdsl.fit.covariance import free_parameters
from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.standardise import Floats

__all__ = ["Curvature", "curvature", "natural_slopes", "variance_covariance"]

STEP = 1e-4
"""Step of the central differences, relative to a standard deviation; at most a tenth of the way to an edge.

Where an evaluation is costly, one-sided differences with a tenth of it: their relative error is some 1e-5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curvature:
    """Second derivatives of the criterion and first ones of the covariance of the fixed effects, by the same moves.

    Attributes
    ----------
    here : Coordinates
        The parameters are their free ones, those not on an edge, and sigma; standardised outcome.
    covariance : ndarray, (k + 1, k + 1), or None
        Of the parameters, the inverse of half the Hessian; None where that is not positive definite.
    slopes : ndarray, (k + 1, r, r)
        Derivatives of ``sigma^2 (X'V^-1X)^-1``, standardised columns.
    """

    here: Coordinates
    covariance: Floats | None
    slopes: Floats


def curvature(criterion: Criterion, at: Evaluation, parts: Parts) -> Curvature:
    """Return the curvature at an optimum."""
    here = coordinates(criterion.plan, criterion.T, at.factors, parts)
    sigma = float(np.sqrt(at.profile.r2 / at.profile.nn))
    H, slopes = _derivatives(criterion, here, at, sigma)
    try:
        half = np.linalg.inv(np.linalg.cholesky(H / 2.0))
    except np.linalg.LinAlgError:
        return Curvature(here=here, covariance=None, slopes=slopes)
    return Curvature(here=here, covariance=half.T @ half, slopes=slopes)


def variance_covariance(criterion: Criterion, found: Curvature, at: Evaluation, parts: Parts) -> Floats:
    """Return the covariance of (free standard deviations and correlations, sigma), natural scale.

    Returns
    -------
    ndarray, (k + 1, k + 1)
        NaN for parameters on the boundary, and throughout where the information is not positive definite.
    """
    k = len(free_parameters(criterion.plan))
    out = np.full((k + 1, k + 1), np.nan)
    if found.covariance is None:
        return out
    sigma = float(np.sqrt(at.profile.r2 / at.profile.nn))
    natural = natural_slopes(found.here, parts, sigma, criterion.outcome.scale)
    rows = [*inside_parameters(criterion.plan, parts), k]
    out[np.ix_(rows, rows)] = natural @ found.covariance @ natural.T
    return out


def _derivatives(criterion: Criterion, here: Coordinates, at: Evaluation, sigma: float) -> tuple[Floats, Floats]:
    """Return the Hessian of d in (tau, rho, sigma), standardised outcome, and the slopes of ``sigma^2 C``."""
    k, nn, r2, C = len(here.free), at.profile.nn, at.profile.r2, at.profile.cov_beta
    H, slopes = np.zeros((k + 1, k + 1)), np.empty((k + 1, *C.shape))
    logdet, r2_slopes = _slopes_at(criterion, here, at)
    centre = here.slopes(here.sd, here.cor, [a + b / sigma**2 for a, b in zip(logdet, r2_slopes, strict=True)])
    r2_slope = here.slopes(here.sd, here.cor, r2_slopes)
    for i, entry in enumerate(here.free):
        room = here.room(entry, STEP)
        if criterion.is_costly:
            width = STEP / 10.0 * room
            (up, C_up), (down, C_down) = _moved(criterion, here, entry, width, sigma), (centre, C)
        else:
            width = 2.0 * STEP * room
            (up, C_up), (down, C_down) = (_moved(criterion, here, entry, h, sigma) for h in (width / 2.0, -width / 2.0))
        H[i, :k], slopes[i] = (up - down) / width, sigma**2 * (C_up - C_down) / width
    H[:k, :k] = (H[:k, :k] + H[:k, :k].T) / 2.0
    H[:k, k] = H[k, :k] = -2.0 / sigma**3 * r2_slope
    H[k, k] = -2.0 * nn / sigma**2 + 6.0 * r2 / sigma**4
    slopes[k] = 2.0 * sigma * C
    return H, slopes


def _moved(criterion: Criterion, here: Coordinates, entry: Entry, h: float, sigma: float) -> tuple[Floats, Floats]:
    """Return the derivatives of d with one parameter moved by h, and C there."""
    sds, cors = here.moved(entry, h)
    at = criterion.evaluate(here.theta(sds, cors))
    logdet, r2 = _slopes_at(criterion, here, at)
    slopes = here.slopes(sds, cors, [a + b / sigma**2 for a, b in zip(logdet, r2, strict=True)])
    return slopes, at.profile.cov_beta


def _slopes_at(criterion: Criterion, here: Coordinates, at: Evaluation) -> tuple[list[Floats], list[Floats]]:
    """Return the derivatives of the log determinant and of r2 by the covariances of the coordinates."""
    logdet, r2, _ = criterion.covariance_slopes(at)
    return here.carried(logdet), here.carried(r2)


def natural_slopes(here: Coordinates, parts: Parts, sigma: float, scale: float) -> Floats:
    """Return the Jacobian of the user's (standard deviations and correlations, sigma) by the coordinates and sigma."""
    k = len(here.free)
    J = np.zeros((k + 1, k + 1))
    J[:k, :k] = here.natural(parts)
    for j, entry in enumerate(here.free):
        if entry.row == entry.column:
            J[j, :k] *= scale * sigma
            J[j, k] = scale * float(parts.sd[entry.factor][entry.row])
    J[k, k] = scale
    return J
