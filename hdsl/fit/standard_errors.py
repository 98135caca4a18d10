"""Standard errors of variance parameters from the joint observed information.

The criterion with sigma not profiled out is ``d(tau, rho, sigma) = logdet + nn log(2 pi sigma^2) + r2 / sigma^2``; REML
has it with ``log det X'V^-1X``. Its tau are the standard deviations relative to sigma, its second derivatives by
(tau, rho) are central differences of the exact gradient; those with sigma are analytic. They are taken for
standardised columns, where correlations are moderate, and carried to the user's columns by the delta method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.boundary import Parts
from hdsl.fit.covariance import correlations, free_parameters, from_parts, lower_factor, theta_of
from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.standardise import Floats

__all__ = ["variance_covariance"]

STEP = 1e-4
"""Step of the central differences, relative to a standard deviation; at most a tenth of the way to an edge.

Where an evaluation is costly, one-sided differences with a tenth of it: their relative error is some 1e-5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """Where second derivatives are taken: covariances ``B Sigma B'`` as standard deviations and correlations.

    B standardises the columns of a factor; it is the identity where a parameter of the factor is on its edge, since the
    edges are those of the user's columns. `to_standard` are the T of the criterion times the inverse of B.
    """

    criterion: Criterion
    free: tuple[Entry, ...]
    B: tuple[Floats, ...]
    to_standard: tuple[Floats, ...]
    sd: tuple[Floats, ...]
    cor: tuple[Floats, ...]

    def tied(self, entry: Entry) -> list[Entry]:
        """Return all entries that are the same parameter."""
        return [e for e in theta_entries(self.criterion.plan) if e.theta == entry.theta]


def variance_covariance(criterion: Criterion, at: Evaluation, parts: Parts) -> Floats:
    """Return the covariance of (free standard deviations and correlations, sigma), natural scale.

    Returns
    -------
    ndarray, (k + 1, k + 1)
        NaN for parameters on the boundary, and throughout where the information is not positive definite.
    """
    parameters = free_parameters(criterion.plan)
    inside = [k for k, entry in enumerate(parameters) if not _on_edge(entry, parts)]
    out = np.full((len(parameters) + 1, len(parameters) + 1), np.nan)
    sigma = float(np.sqrt(at.profile.r2 / at.profile.nn))
    here = _coordinates(criterion, at, parts, tuple(parameters[k] for k in inside))
    try:
        half = np.linalg.inv(np.linalg.cholesky(_information(here, at, sigma)))
    except np.linalg.LinAlgError:
        return out
    natural = _natural(here, parts, sigma)
    rows = [*inside, len(parameters)]
    out[np.ix_(rows, rows)] = natural @ (half.T @ half) @ natural.T
    return out


def _on_edge(entry: Entry, parts: Parts) -> bool:
    """Whether a parameter is on its edge, or is a correlation with an effect that has no variance."""
    sd = parts.sd[entry.factor]
    return (entry.factor, entry.row, entry.column) in parts.edge or min(sd[entry.row], sd[entry.column]) == 0.0


def _coordinates(criterion: Criterion, at: Evaluation, parts: Parts, free: tuple[Entry, ...]) -> Coordinates:
    """Return the coordinates at the optimum."""
    edged = {f for f, _, _ in parts.edge}
    B, sds, cors = [], [], []
    for f, (T, L) in enumerate(zip(criterion.T, at.forward.factors, strict=True)):
        B.append(np.eye(len(T)) if f in edged else T)
        sd, cor = (parts.sd[f], parts.cor[f]) if f in edged else correlations(L @ L.T)
        sds.append(sd)
        cors.append(np.where(np.isnan(cor), np.eye(len(sd)), cor))
    to_standard = tuple(T @ np.linalg.inv(b) for T, b in zip(criterion.T, B, strict=True))
    return Coordinates(
        criterion=criterion, free=free, B=tuple(B), to_standard=to_standard, sd=tuple(sds), cor=tuple(cors)
    )


def _information(here: Coordinates, at: Evaluation, sigma: float) -> Floats:
    """Return half the Hessian of d in (tau, rho, sigma), standardised outcome."""
    k, nn, r2 = len(here.free), at.profile.nn, at.profile.r2
    H = np.zeros((k + 1, k + 1))
    logdet, r2_slopes = _user_slopes(here, at)
    centre = _slopes(here, here.sd, here.cor, [a + b / sigma**2 for a, b in zip(logdet, r2_slopes, strict=True)])
    r2_slope = _slopes(here, here.sd, here.cor, r2_slopes)
    for i, entry in enumerate(here.free):
        if here.criterion.is_costly:
            h = STEP / 10.0 * _room(here, entry)
            H[i, :k] = (_moved_slopes(here, entry, h, sigma) - centre) / h
        else:
            h = STEP * _room(here, entry)
            difference = _moved_slopes(here, entry, h, sigma) - _moved_slopes(here, entry, -h, sigma)
            H[i, :k] = difference / (2.0 * h)
    H[:k, :k] = (H[:k, :k] + H[:k, :k].T) / 2.0
    H[:k, k] = H[k, :k] = -2.0 / sigma**3 * r2_slope
    H[k, k] = -2.0 * nn / sigma**2 + 6.0 * r2 / sigma**4
    return H / 2.0


def _room(here: Coordinates, entry: Entry) -> float:
    """Return the scale of a step: a standard deviation, or how far correlations may move before they reach an edge."""
    if entry.row == entry.column:
        return float(here.sd[entry.factor][entry.row])
    least = float(np.linalg.eigvalsh(here.cor[entry.factor])[0])  # zero where others of the block are on an edge
    return min(1.0, least / (10.0 * STEP)) if least > 0.0 else 1.0


def _moved_slopes(here: Coordinates, entry: Entry, h: float, sigma: float) -> Floats:
    """Return the derivatives of d with one parameter moved by h."""
    sds, cors = [sd.copy() for sd in here.sd], [cor.copy() for cor in here.cor]
    if entry.row == entry.column:
        for e in here.tied(entry):
            sds[e.factor][e.row] += h
    else:
        cors[entry.factor][entry.row, entry.column] += h
        cors[entry.factor][entry.column, entry.row] += h
    roots = [M @ from_parts(sd, cor) for M, sd, cor in zip(here.to_standard, sds, cors, strict=True)]
    theta = theta_of(here.criterion.plan, [lower_factor(root) for root in roots])
    logdet, r2 = _user_slopes(here, here.criterion.evaluate(theta))
    return _slopes(here, sds, cors, [a + b / sigma**2 for a, b in zip(logdet, r2, strict=True)])


def _user_slopes(here: Coordinates, at: Evaluation) -> tuple[list[Floats], list[Floats]]:
    """Return the derivatives of the log determinant and of r2 by the covariances of the coordinates."""
    logdet, r2, _ = here.criterion.covariance_slopes(at)

    def carried(slopes: Sequence[Floats]) -> list[Floats]:
        return [M.T @ G @ M for M, G in zip(here.to_standard, slopes, strict=True)]

    return carried(logdet), carried(r2)


def _slopes(here: Coordinates, sds: Sequence[Floats], cors: Sequence[Floats], G: Sequence[Floats]) -> Floats:
    """Return the derivatives by the free (tau, rho), given those by the covariances.

    Each is ``<G, d Sigma / d phi>``; ``Sigma[a, b] = tau_a rho_ab tau_b``.
    """
    return np.array(
        [sum(float((G[f] * slope).sum()) for f, slope in _sigma_slopes(here, entry, sds, cors)) for entry in here.free]
    )


def _sigma_slopes(
    here: Coordinates, entry: Entry, sds: Sequence[Floats], cors: Sequence[Floats]
) -> list[tuple[int, Floats]]:
    """Return the derivative of the covariances of each factor that a parameter is in."""
    out = []
    for e in here.tied(entry):
        sd, cor = sds[e.factor], cors[e.factor]
        slope = np.zeros_like(cor)
        if e.row == e.column:
            slope[e.row] = cor[e.row] * sd
            slope[:, e.row] += cor[e.row] * sd
        else:
            slope[e.row, e.column] = slope[e.column, e.row] = sd[e.row] * sd[e.column]
        out.append((e.factor, slope))
    return out


def _natural(here: Coordinates, parts: Parts, sigma: float) -> Floats:
    """Return the Jacobian of the user's (standard deviations and correlations, sigma) by the coordinates and sigma."""
    k, scale = len(here.free), here.criterion.outcome.scale
    J = np.zeros((k + 1, k + 1))
    for i, moved in enumerate(here.free):
        slopes = []
        for f, slope in _sigma_slopes(here, moved, here.sd, here.cor):
            back = np.linalg.inv(here.B[f])
            slopes.append((f, back @ slope @ back.T))
        for j, entry in enumerate(here.free):
            J[j, i] = sum(_part_slope(entry, parts, slope) for f, slope in slopes if f == entry.factor)
    for j, entry in enumerate(here.free):
        if entry.row == entry.column:
            J[j, :k] *= scale * sigma
            J[j, k] = scale * float(parts.sd[entry.factor][entry.row])
    J[k, k] = scale
    return J


def _part_slope(entry: Entry, parts: Parts, slope: Floats) -> float:
    """Return the derivative of a relative standard deviation or correlation, given that of the covariance."""
    sd, cor = parts.sd[entry.factor], parts.cor[entry.factor]
    a, b = entry.row, entry.column
    if a == b:
        return float(slope[a, a] / (2.0 * sd[a]))
    relative = slope[a, b] / (sd[a] * sd[b])
    return float(relative - cor[a, b] * (slope[a, a] / sd[a] ** 2 + slope[b, b] / sd[b] ** 2) / 2.0)
