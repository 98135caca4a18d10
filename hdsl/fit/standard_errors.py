"""Standard errors of variance parameters from the joint observed information.

The criterion with sigma not profiled out is ``d(tau, rho, sigma) = logdet + nn log(2 pi sigma^2) + r2 / sigma^2``; REML
has it with ``log det X'V^-1X``. Its tau are the standard deviations relative to sigma, its second derivatives by
(tau, rho) are central differences of the exact gradient; those with sigma are analytic. They are taken for
standardised columns, where correlations are moderate, and carried to the user's columns by the delta method.
"""

from __future__ import annotations

import numpy as np

from hdsl.codegen import Entry
from hdsl.fit.boundary import Parts
from hdsl.fit.coordinates import Coordinates, coordinates, inside_parameters
from hdsl.fit.covariance import free_parameters
from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.standardise import Floats

__all__ = ["variance_covariance"]

STEP = 1e-4
"""Step of the central differences, relative to a standard deviation; at most a tenth of the way to an edge.

Where an evaluation is costly, one-sided differences with a tenth of it: their relative error is some 1e-5."""


def variance_covariance(criterion: Criterion, at: Evaluation, parts: Parts) -> Floats:
    """Return the covariance of (free standard deviations and correlations, sigma), natural scale.

    Returns
    -------
    ndarray, (k + 1, k + 1)
        NaN for parameters on the boundary, and throughout where the information is not positive definite.
    """
    k = len(free_parameters(criterion.plan))
    out = np.full((k + 1, k + 1), np.nan)
    sigma = float(np.sqrt(at.profile.r2 / at.profile.nn))
    here = coordinates(criterion.plan, criterion.T, at.factors, parts)
    try:
        half = np.linalg.inv(np.linalg.cholesky(_information(criterion, here, at, sigma)))
    except np.linalg.LinAlgError:
        return out
    natural = _natural(here, parts, sigma, criterion.outcome.scale)
    rows = [*inside_parameters(criterion.plan, parts), k]
    out[np.ix_(rows, rows)] = natural @ (half.T @ half) @ natural.T
    return out


def _information(criterion: Criterion, here: Coordinates, at: Evaluation, sigma: float) -> Floats:
    """Return half the Hessian of d in (tau, rho, sigma), standardised outcome."""
    k, nn, r2 = len(here.free), at.profile.nn, at.profile.r2
    H = np.zeros((k + 1, k + 1))
    logdet, r2_slopes = _slopes_at(criterion, here, at)
    centre = here.slopes(here.sd, here.cor, [a + b / sigma**2 for a, b in zip(logdet, r2_slopes, strict=True)])
    r2_slope = here.slopes(here.sd, here.cor, r2_slopes)
    for i, entry in enumerate(here.free):
        room = here.room(entry, STEP)
        if criterion.is_costly:
            h = STEP / 10.0 * room
            H[i, :k] = (_moved_slopes(criterion, here, entry, h, sigma) - centre) / h
        else:
            h = STEP * room
            ends = [_moved_slopes(criterion, here, entry, sign * h, sigma) for sign in (1.0, -1.0)]
            H[i, :k] = (ends[0] - ends[1]) / (2.0 * h)
    H[:k, :k] = (H[:k, :k] + H[:k, :k].T) / 2.0
    H[:k, k] = H[k, :k] = -2.0 / sigma**3 * r2_slope
    H[k, k] = -2.0 * nn / sigma**2 + 6.0 * r2 / sigma**4
    return H / 2.0


def _moved_slopes(criterion: Criterion, here: Coordinates, entry: Entry, h: float, sigma: float) -> Floats:
    """Return the derivatives of d with one parameter moved by h."""
    sds, cors = here.moved(entry, h)
    logdet, r2 = _slopes_at(criterion, here, criterion.evaluate(here.theta(sds, cors)))
    return here.slopes(sds, cors, [a + b / sigma**2 for a, b in zip(logdet, r2, strict=True)])


def _slopes_at(criterion: Criterion, here: Coordinates, at: Evaluation) -> tuple[list[Floats], list[Floats]]:
    """Return the derivatives of the log determinant and of r2 by the covariances of the coordinates."""
    logdet, r2, _ = criterion.covariance_slopes(at)
    return here.carried(logdet), here.carried(r2)


def _natural(here: Coordinates, parts: Parts, sigma: float, scale: float) -> Floats:
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
