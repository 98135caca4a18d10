"""Standard errors of all parameters of a plan with a density, from their joint observed information.

Input: a criterion with the point where the search ended. Output: covariances on the user's columns. The information is
half the Hessian of -2 log-likelihood in (coefficients, standard deviations, correlations), by central differences of
the exact gradient; parameters on an edge take no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.fit.boundary import Parts
from hdsl.fit.coordinates import Coordinates, coordinates, inside_parameters
from hdsl.fit.covariance import free_parameters
from hdsl.fit.joint import DensityCriterion, JointPoint, difference_steps
from hdsl.fit.standardise import Floats

__all__ = ["Information", "joint_information", "no_information"]

STEP = 1e-2
"""Step along a standard deviation, relative to it; along a correlation at most a tenth of the way to an edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Information:
    """Covariances of estimates.

    Attributes
    ----------
    cov_beta : ndarray, (n_columns, n_columns)
        NaN for dropped and held columns.
    variance_cov : ndarray, (k, k)
        Of the free standard deviations and correlations; NaN for those on an edge.
    cross_cov : ndarray, (n_columns, k)
    """

    cov_beta: Floats
    variance_cov: Floats
    cross_cov: Floats


def joint_information(
    criterion: DensityCriterion, at: JointPoint, factors: Sequence[Floats], parts: Parts, held: Sequence[int]
) -> Information:
    """Return the covariances at an optimum; all NaN where the information is not positive definite.

    Parameters
    ----------
    factors : sequence of ndarray
        Covariance factors of the criterion.
    parts : Parts
        Standard deviations and correlations of the user's columns.
    held : sequence of int
        Columns of X whose coefficient is on an edge.
    """
    p, parameters = len(criterion.user_beta(at.inner)), free_parameters(criterion.plan)
    here = coordinates(criterion.plan, criterion.T, factors, parts)
    free = _free_directions(criterion, held)
    try:
        covariance = _inverse(_information(criterion, here, at, free) / 2.0)
    except np.linalg.LinAlgError:
        return no_information(criterion)
    m, k = free.shape[1], len(parameters)
    full = np.full((p + k, p + k), np.nan)
    J = np.zeros((len(criterion.kept) + len(here.free), m + len(here.free)))
    J[: len(criterion.kept), :m] = criterion.to_user @ free
    J[len(criterion.kept) :, m:] = here.natural(parts)
    inside = inside_parameters(criterion.plan, parts)
    rows = [*criterion.kept, *(p + i for i in inside)]
    full[np.ix_(rows, rows)] = J @ covariance @ J.T
    full[list(held)] = full[:, list(held)] = np.nan
    return Information(cov_beta=full[:p, :p], variance_cov=full[p:, p:], cross_cov=full[:p, p:])


def no_information(criterion: DensityCriterion) -> Information:
    """Return the covariances where nothing is estimated: all NaN."""
    p, k = criterion.n_columns, len(free_parameters(criterion.plan))
    full = np.full((p + k, p + k), np.nan)
    return Information(cov_beta=full[:p, :p], variance_cov=full[p:, p:], cross_cov=full[:p, p:])


def _free_directions(criterion: DensityCriterion, held: Sequence[int]) -> Floats:
    """Return a basis, (p, m), of the coefficients of the criterion that leave those of the user's held columns."""
    rows = criterion.to_user[[criterion.kept.index(c) for c in held]]
    if not len(rows):
        return np.eye(len(criterion.kept))
    _, _, V = np.linalg.svd(rows, full_matrices=True)
    return np.asarray(V[len(rows) :].T)


def _information(criterion: DensityCriterion, here: Coordinates, at: JointPoint, free: Floats) -> Floats:
    """Return the Hessian in (coefficients along `free`, standard deviations, correlations).

    Raises
    ------
    numpy.linalg.LinAlgError
        Where a point nearby has no mode.
    """
    beta, m, p = at.inner.beta, free.shape[1], len(criterion.kept)
    theta = here.theta(here.sd, here.cor)

    def gradient(beta: Floats, theta: Floats, sds: Sequence[Floats], cors: Sequence[Floats]) -> Floats:
        point = criterion.evaluate(beta, theta, at.inner)
        if not point.is_mode:
            raise np.linalg.LinAlgError("the penalised density has no mode nearby")
        slope = criterion.slope(point)
        by_parts = here.slopes(sds, cors, here.carried(slope.by_covariance))
        return np.concatenate((free.T @ slope.gradient[:p], by_parts))

    rows = []
    curvature = free.T @ criterion.slope(at.inner).hessian[:p, :p] @ free
    for direction, h in zip(free.T, difference_steps(curvature), strict=True):
        ends = [gradient(beta + sign * h * direction, theta, here.sd, here.cor) for sign in (1.0, -1.0)]
        rows.append((ends[0] - ends[1]) / (2.0 * h))
    for entry in here.free:
        h = STEP * here.room(entry, STEP)
        ends = [gradient(beta, here.theta(*moved), *moved) for moved in (here.moved(entry, h), here.moved(entry, -h))]
        rows.append((ends[0] - ends[1]) / (2.0 * h))
    H = np.array(rows).reshape(m + len(here.free), m + len(here.free))
    return np.asarray((H + H.T) / 2.0)


def _inverse(information: Floats) -> Floats:
    """Return the inverse, NaN where the information is not positive definite."""
    size = np.sqrt(np.maximum(np.abs(information.diagonal()), np.finfo(float).tiny))
    try:
        half = np.linalg.inv(np.linalg.cholesky(information / np.outer(size, size))) / size
    except np.linalg.LinAlgError:
        return np.full_like(information, np.nan)
    return np.asarray(half.T @ half)
