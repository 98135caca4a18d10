"""Where second derivatives by covariances are taken: standard deviations and correlations of standardised columns.

Covariances are ``B Sigma B'``. B standardises the columns of a factor, where correlations are moderate; it is the
identity where a parameter of the factor is on its edge, since the edges are those of the user's columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.boundary import Parts
from hdsl.fit.covariance import correlations, free_parameters, from_parts, theta_of_roots
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["Coordinates", "coordinates", "inside_parameters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """Standard deviations and correlations at a point, and the free parameters among them.

    `to_standard` are the T of the criterion times the inverse of B.
    """

    plan: Plan
    free: tuple[Entry, ...]
    B: tuple[Floats, ...]
    to_standard: tuple[Floats, ...]
    sd: tuple[Floats, ...]
    cor: tuple[Floats, ...]

    def tied(self, entry: Entry) -> list[Entry]:
        """Return all entries that are the same parameter."""
        return [e for e in theta_entries(self.plan) if e.theta == entry.theta]

    def room(self, entry: Entry, step: float) -> float:
        """Return the unit of a relative step: a standard deviation, or at most a tenth of the way to an edge."""
        if entry.row == entry.column:
            return float(self.sd[entry.factor][entry.row])
        least = float(np.linalg.eigvalsh(self.cor[entry.factor])[0])  # zero where others of the block are on an edge
        return min(1.0, least / (10.0 * step)) if least > 0.0 else 1.0

    def moved(self, entry: Entry, h: float) -> tuple[list[Floats], list[Floats]]:
        """Return standard deviations and correlations with one parameter moved by h."""
        sds, cors = [sd.copy() for sd in self.sd], [cor.copy() for cor in self.cor]
        if entry.row == entry.column:
            for e in self.tied(entry):
                sds[e.factor][e.row] += h
        else:
            cors[entry.factor][entry.row, entry.column] += h
            cors[entry.factor][entry.column, entry.row] += h
        return sds, cors

    def theta(self, sds: Sequence[Floats], cors: Sequence[Floats]) -> Floats:
        """Return theta of the criterion."""
        roots = [M @ from_parts(sd, cor) for M, sd, cor in zip(self.to_standard, sds, cors, strict=True)]
        return theta_of_roots(self.plan, roots)

    def carried(self, slopes: Sequence[Floats]) -> list[Floats]:
        """Return derivatives by the covariances of the coordinates from those by the criterion's."""
        return [M.T @ G @ M for M, G in zip(self.to_standard, slopes, strict=True)]

    def slopes(self, sds: Sequence[Floats], cors: Sequence[Floats], G: Sequence[Floats]) -> Floats:
        """Return the derivatives by the free parameters, given those by the covariances.

        Each is ``<G, d Sigma / d phi>``; ``Sigma[a, b] = tau_a rho_ab tau_b``.
        """
        return np.array(
            [
                sum(float((G[f] * slope).sum()) for f, slope in self.covariance_slopes(entry, sds, cors))
                for entry in self.free
            ]
        )

    def covariance_slopes(
        self, entry: Entry, sds: Sequence[Floats], cors: Sequence[Floats]
    ) -> list[tuple[int, Floats]]:
        """Return the derivative of the covariances of each factor that a parameter is in."""
        out = []
        for e in self.tied(entry):
            sd, cor = sds[e.factor], cors[e.factor]
            slope = np.zeros_like(cor)
            if e.row == e.column:
                slope[e.row] = cor[e.row] * sd
                slope[:, e.row] += cor[e.row] * sd
            else:
                slope[e.row, e.column] = slope[e.column, e.row] = sd[e.row] * sd[e.column]
            out.append((e.factor, slope))
        return out

    def natural(self, parts: Parts) -> Floats:
        """Return the Jacobian, (k, k), of the user's standard deviations and correlations by the coordinates."""
        k = len(self.free)
        J = np.zeros((k, k))
        for i, moved in enumerate(self.free):
            slopes = []
            for f, slope in self.covariance_slopes(moved, self.sd, self.cor):
                back = np.linalg.inv(self.B[f])
                slopes.append((f, back @ slope @ back.T))
            for j, entry in enumerate(self.free):
                J[j, i] = sum(_part_slope(entry, parts, slope) for f, slope in slopes if f == entry.factor)
        return J


def inside_parameters(plan: Plan, parts: Parts) -> list[int]:
    """Return which free parameters are not on an edge, nor correlations with an effect that has no variance."""
    return [
        k
        for k, entry in enumerate(free_parameters(plan))
        if (entry.factor, entry.row, entry.column) not in parts.edge
        and min(parts.sd[entry.factor][entry.row], parts.sd[entry.factor][entry.column]) > 0.0
    ]


def coordinates(plan: Plan, T: Sequence[Floats], factors: Sequence[Floats], parts: Parts) -> Coordinates:
    """Return the coordinates at a point, those parameters free that are not on an edge.

    Parameters
    ----------
    T : sequence of ndarray
        ``Z = Z* T`` for each factor, Z* the criterion's columns.
    factors : sequence of ndarray
        Covariance factors of the criterion.
    parts : Parts
        User's columns.
    """
    parameters = free_parameters(plan)
    edged = {f for f, _, _ in parts.edge}
    B, sds, cors = [], [], []
    for f, (scale, L) in enumerate(zip(T, factors, strict=True)):
        B.append(np.eye(len(scale)) if f in edged else scale)
        sd, cor = (parts.sd[f], parts.cor[f]) if f in edged else correlations(L @ L.T)
        sds.append(sd)
        cors.append(np.where(np.isnan(cor), np.eye(len(sd)), cor))
    return Coordinates(
        plan=plan,
        free=tuple(parameters[k] for k in inside_parameters(plan, parts)),
        B=tuple(B),
        to_standard=tuple(scale @ np.linalg.inv(b) for scale, b in zip(T, B, strict=True)),
        sd=tuple(sds),
        cor=tuple(cors),
    )


def _part_slope(entry: Entry, parts: Parts, slope: Floats) -> float:
    """Return the derivative of a standard deviation or correlation, given that of the covariance."""
    sd, cor = parts.sd[entry.factor], parts.cor[entry.factor]
    a, b = entry.row, entry.column
    if a == b:
        return float(slope[a, a] / (2.0 * sd[a]))
    relative = slope[a, b] / (sd[a] * sd[b])
    return float(relative - cor[a, b] * (slope[a, a] / sd[a] ** 2 + slope[b, b] / sd[b] ** 2) / 2.0)
