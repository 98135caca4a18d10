"""Standard errors of variance parameters: the joint observed information of standard deviations, correlations and sigma.

The criterion with sigma not profiled out is ``d(tau, rho, sigma) = logdet + nn log(2 pi sigma^2) + r2 / sigma^2`` (REML:
with ``log det X'V^-1X``), tau the standard deviations relative to sigma. Its second derivatives in (tau, rho) come from
central differences of the exact gradient; those with sigma are analytic. Standard deviations are ``tau sigma``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.boundary import Parts
from hdsl.fit.covariance import free_parameters, from_parts
from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.standardise import Floats

__all__ = ["variance_covariance"]

STEP = 1e-4
"""Step of the central differences, relative to a standard deviation; at most a tenth of the way to an edge."""


def variance_covariance(criterion: Criterion, at: Evaluation, parts: Parts) -> Floats:
    """Return the covariance of (free standard deviations and correlations, sigma), natural scale.

    Returns
    -------
    ndarray, (k + 1, k + 1)
        NaN for parameters on the boundary, and throughout where the information is not positive definite.
    """
    parameters = free_parameters(criterion.plan)
    inside = [k for k, e in enumerate(parameters) if not _on_edge(e, parts)]
    out = np.full((len(parameters) + 1, len(parameters) + 1), np.nan)
    sigma = float(np.sqrt(at.profile.r2 / at.profile.nn))
    H = _information(criterion, at, parts, [parameters[k] for k in inside], sigma)
    try:
        half = np.linalg.inv(np.linalg.cholesky(H))
    except np.linalg.LinAlgError:
        return out
    natural = _natural([parameters[k] for k in inside], parts, sigma, criterion.outcome.scale)
    rows = [*inside, len(parameters)]
    out[np.ix_(rows, rows)] = natural @ (half.T @ half) @ natural.T
    return out


def _on_edge(entry: Entry, parts: Parts) -> bool:
    """Whether a parameter is on its edge, or is a correlation with an effect that has no variance."""
    sd = parts.sd[entry.factor]
    return (entry.factor, entry.row, entry.column) in parts.edge or min(sd[entry.row], sd[entry.column]) == 0.0


def _information(criterion: Criterion, at: Evaluation, parts: Parts, free: Sequence[Entry], sigma: float) -> Floats:
    """Return half the Hessian of d in (tau, rho, sigma), standardised outcome."""
    k, nn, r2 = len(free), at.profile.nn, at.profile.r2
    H = np.zeros((k + 1, k + 1))
    for i, entry in enumerate(free):
        h = _step(entry, parts)
        above, below = (_gradient(criterion, parts, free, (entry, s), sigma)[0] for s in (h, -h))
        H[i, :k] = (above - below) / (2.0 * h)
    H[:k, :k] = (H[:k, :k] + H[:k, :k].T) / 2.0
    if k:
        H[:k, k] = H[k, :k] = -2.0 / sigma**3 * _gradient(criterion, parts, free, None, sigma)[1]
    H[k, k] = -2.0 * nn / sigma**2 + 6.0 * r2 / sigma**4
    return H / 2.0


def _step(entry: Entry, parts: Parts) -> float:
    if entry.row == entry.column:
        return STEP * float(parts.sd[entry.factor][entry.row])
    cor = parts.cor[entry.factor]
    inside = ~np.isnan(cor.diagonal())
    return min(STEP, 0.1 * float(np.linalg.eigvalsh(cor[np.ix_(inside, inside)])[0])) or STEP


def _gradient(
    criterion: Criterion,
    parts: Parts,
    free: Sequence[Entry],
    move: tuple[Entry, float] | None,
    sigma: float,
) -> tuple[Floats, Floats]:
    """Return the derivatives of d and of r2 with respect to the free (tau, rho), one of them moved."""
    sds, cors = [sd.copy() for sd in parts.sd], [np.nan_to_num(cor) for cor in parts.cor]
    if move is not None:
        _move(criterion, sds, cors, *move)
    theta = criterion.theta_from([from_parts(sd, cor) for sd, cor in zip(sds, cors, strict=True)])
    logdet, r2, _ = criterion.covariance_slopes(criterion.evaluate(theta))
    d = [T.T @ (a + b / sigma**2) @ T for T, a, b in zip(criterion.T, logdet, r2, strict=True)]
    s = [T.T @ b @ T for T, b in zip(criterion.T, r2, strict=True)]
    return _chain(criterion, free, sds, cors, d), _chain(criterion, free, sds, cors, s)


def _tied(criterion: Criterion, entry: Entry) -> list[Entry]:
    """Return all entries that are the same parameter."""
    return [e for e in theta_entries(criterion.plan) if e.theta == entry.theta]


def _move(criterion: Criterion, sds: list[Floats], cors: list[Floats], entry: Entry, h: float) -> None:
    """Move one parameter in place."""
    if entry.row == entry.column:
        for e in _tied(criterion, entry):
            sds[e.factor][e.row] += h
    else:
        cors[entry.factor][entry.row, entry.column] += h
        cors[entry.factor][entry.column, entry.row] += h


def _chain(
    criterion: Criterion, free: Sequence[Entry], sds: Sequence[Floats], cors: Sequence[Floats], G: Sequence[Floats]
) -> Floats:
    """Return ``<G, d Sigma / d phi>`` for each parameter; ``Sigma[a, b] = tau_a rho_ab tau_b``."""
    out = np.zeros(len(free))
    for i, entry in enumerate(free):
        sd, f = sds[entry.factor], entry.factor
        if entry.row == entry.column:
            for e in _tied(criterion, entry):
                cor = cors[e.factor] + np.diag(1.0 - cors[e.factor].diagonal())
                out[i] += 2.0 * float(G[e.factor][e.row] @ (cor[e.row] * sds[e.factor]))
        else:
            out[i] = 2.0 * float(G[f][entry.row, entry.column] * sd[entry.row] * sd[entry.column])
    return out


def _natural(free: Sequence[Entry], parts: Parts, sigma: float, scale: float) -> Floats:
    """Return the Jacobian of (standard deviations and correlations, sigma) of the user's outcome."""
    k = len(free)
    J = np.eye(k + 1)
    for i, entry in enumerate(free):
        if entry.row == entry.column:
            J[i, i] = scale * sigma
            J[i, k] = scale * float(parts.sd[entry.factor][entry.row])
    J[k, k] = scale
    return J
