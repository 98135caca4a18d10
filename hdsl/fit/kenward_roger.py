"""Kenward and Roger's covariance of the fixed effects, and what their degrees of freedom follow from.

Input: a REML criterion and its optimum. Output: a `KenwardRoger`. Invariants: no matrix of the size of the data is
made; what is needed of V comes from sweeps at the optimum and at two more points for each covariance parameter.

V is linear in the covariance parameters, ``V = g_0 G_0 + sum_a g_a G_a``, residual first. With ``M = X'V^-1X``:

- ``P_a = X'V^-1 G_a V^-1 X`` and ``t_a = tr V^-1 G_a`` come with a sweep,
- ``Q_ab + Q_ba = -d P_a / d g_b`` where ``Q_ab = X'V^-1 G_a V^-1 G_b V^-1 X``,
- ``tr V^-1 G_a V^-1 G_b = -d t_a / d g_b``,
- and those of the residual follow from Euler's relation, since all are homogeneous in g.

References
----------
Kenward and Roger (1997), Biometrics 53, 983-997; in a linear parametrisation of V, as in Halekoh and Hojsgaard (2014),
Journal of Statistical Software 59(9).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.covariance import free_parameters, theta_of_roots
from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.outcome import FixedVariation
from hdsl.fit.standardise import Floats
from hdsl.progress import say

__all__ = ["KenwardRoger", "kenward_roger"]

STEP = 1e-4
"""Step of the one-sided differences of second order, relative to a variance and what the data can tell from none."""

SINGULAR = 1e-10
"""Eigenvalue of the expected information, relative to the largest, below which it counts as zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KenwardRoger:
    """The adjusted covariance and its variation.

    Attributes
    ----------
    covariance : ndarray, (r, r)
        Adjusted for the variances being estimates; user's columns.
    variation : FixedVariation
        Derivatives of the unadjusted covariance by the covariance parameters, and their covariance from the
        expected information.
    """

    covariance: Floats
    variation: FixedVariation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """``P_a`` (k, r, r) and ``t_a`` (k,) at one point."""

    P: Floats
    t: Floats

    def times(self, factor: float) -> _Sums:
        """Return a multiple."""
        return _Sums(P=factor * self.P, t=factor * self.t)

    def minus(self, other: _Sums) -> _Sums:
        """Return the difference."""
        return _Sums(P=self.P - other.P, t=self.t - other.t)


def kenward_roger(criterion: Criterion, at: Evaluation) -> KenwardRoger:
    """Return the adjusted covariance of the fixed effects, and what their degrees of freedom follow from.

    Notes
    -----
    ``C + 2 C sum_ab W_ab (Q_ab - P_a C P_b) C``, W twice the inverse of the expected information
    ``tr V^-1 G_a V^-1 G_b - 2 tr C Q_ab + tr C P_a C P_b`` (their equations 2 to 5, for V linear in its parameters).
    """
    C = at.profile.cov_beta
    P, T, Q = _with_residual(criterion, at, *_differences(criterion, at))
    CP = C @ P
    information = T - np.einsum("ij,abji->ab", C, Q) + np.einsum("aij,bji->ab", CP, CP)
    W = 2.0 * np.linalg.pinv(information, rcond=SINGULAR, hermitian=True)
    excess = np.einsum("ab,abij->ij", W, Q) / 2.0 - np.einsum("ab,aij,bjk->ik", W, P, CP, optimize=True)
    sigma = criterion.outcome.scale * float(np.sqrt(at.profile.r2 / at.profile.nn))
    back = sigma * criterion.fixed.to_user(criterion.kept)
    return KenwardRoger(
        covariance=back @ (C + 2.0 * C @ excess @ C) @ back.T,
        variation=FixedVariation(slopes=back @ (CP @ C) @ back.T, parameters=W),
    )


def _differences(criterion: Criterion, at: Evaluation) -> tuple[_Sums, Floats, Floats]:
    """Return the sums at the optimum, ``tr V^-1 G_a V^-1 G_b`` (k, k) and ``Q_ab + Q_ba`` (k, k, r, r)."""
    free = free_parameters(criterion.plan)
    centre, sizes = _sums(criterion, at, free), _sizes(criterion, at)
    slopes = []
    for place, entry in enumerate(free):
        say(f"Kenward and Roger's covariance: parameter {place + 1} of {len(free)}")
        slopes.append(_slope(criterion, at, entry, free, centre))
    own = {(e.factor, e.row): place for place, e in enumerate(free) if e.row == e.column}
    for place, e in enumerate(free):
        s = sizes[e.factor]
        if e.row == e.column:
            slopes[place] = slopes[place].times(1.0 / s[e.row] ** 2)
    for place, e in enumerate(free):
        s = sizes[e.factor]
        if e.row != e.column:  # along (s_r e_r + s_c e_c)(s_r e_r + s_c e_c)', so that no variance becomes negative
            row, column = (slopes[own[e.factor, c]].times(s[c] ** 2) for c in (e.row, e.column))
            slopes[place] = slopes[place].minus(row).minus(column).times(1.0 / (s[e.row] * s[e.column]))
    k, r = len(free), len(at.profile.beta)
    T = -np.array([slope.t for slope in slopes]).reshape(k, k)
    Q = -np.array([slope.P for slope in slopes]).reshape(k, k, r, r)
    return centre, (T + T.T) / 2.0, (Q + Q.swapaxes(0, 1)) / 2.0


def _sizes(criterion: Criterion, at: Evaluation) -> list[Floats]:
    """Return for each factor the standard deviations of its effects, with what the data can tell from none added."""
    sizes = criterion.plan.sizes
    assert sizes is not None
    least = [levels / sizes.n for levels in sizes.n_levels]
    return [np.sqrt((L**2).sum(axis=1) + more) for L, more in zip(at.factors, least, strict=True)]


def _sums(criterion: Criterion, at: Evaluation, free: list[Entry]) -> _Sums:
    """Return ``P_a`` and ``t_a`` of the covariance parameters that are not the residual's."""
    r = len(at.profile.beta)
    G, _ = criterion.emitted.covariances(criterion.cross, at.forward, np.zeros((0, 0)))
    zero = criterion.emitted.modes(criterion.cross, at.forward, np.zeros(r))[1]
    each = [criterion.emitted.modes(criterion.cross, at.forward, column)[1] for column in np.eye(r)]
    VX = [np.concatenate([zero[f] - v[f] for v in each], axis=1) for f in range(len(zero))]  # Z'V^-1X, (q, r, J)
    P, t = np.zeros((len(free), r, r)), np.zeros(len(free))
    for place, entry in enumerate(free):
        for e in _tied(criterion, entry):
            product = VX[e.factor][e.row] @ VX[e.factor][e.column].T
            P[place] += product if e.row == e.column else product + product.T
            t[place] += G[e.factor][e.row, e.column] * (1.0 if e.row == e.column else 2.0)
    return _Sums(P=P, t=t)


def _tied(criterion: Criterion, entry: Entry) -> list[Entry]:
    """Return all entries that are the same parameter."""
    return [e for e in theta_entries(criterion.plan) if e.theta == entry.theta]


def _slope(criterion: Criterion, at: Evaluation, entry: Entry, free: list[Entry], centre: _Sums) -> _Sums:
    """Return the derivative along one parameter, from the optimum inwards: ``(4 f(h) - f(2h) - 3 f(0)) / 2h``."""
    near, far = (
        _sums(criterion, criterion.evaluate(_moved(criterion, at, entry, step)), free) for step in (STEP, 2.0 * STEP)
    )
    return near.times(4.0).minus(far).minus(centre.times(3.0)).times(0.5 / STEP)


def _moved(criterion: Criterion, at: Evaluation, entry: Entry, step: float) -> Floats:
    """Return theta with a share of its size added to a variance, or to two variances and their covariance."""
    roots, sizes = list(at.factors), _sizes(criterion, at)
    for e in _tied(criterion, entry):
        direction = np.zeros((len(roots[e.factor]), 1))
        for c in (e.row, e.column):
            direction[c] = np.sqrt(step) * sizes[entry.factor][entry.row if e.row == e.column else c]
        roots[e.factor] = np.column_stack((roots[e.factor], direction))
    return theta_of_roots(criterion.plan, roots)


def _with_residual(
    criterion: Criterion, at: Evaluation, sums: _Sums, T: Floats, Q: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return P, the traces and Q with the residual first, whose variance is 1: ``sum_a g_a d f / d g_a = degree f``."""
    factors = at.factors
    g = np.array([factors[e.factor][e.row] @ factors[e.factor][e.column] for e in free_parameters(criterion.plan)])
    t0 = criterion.cross.n - g @ sums.t
    P0 = np.linalg.inv(at.profile.cov_beta) - np.tensordot(g, sums.P, 1)
    T0 = sums.t - T @ g
    Q0 = 2.0 * sums.P - np.tensordot(Q, g, (1, 0))
    k = len(g) + 1
    traces, products = np.empty((k, k)), np.empty((k, k, *P0.shape))
    traces[1:, 1:], traces[0, 1:], traces[1:, 0] = T, T0, T0
    traces[0, 0] = t0 - g @ T0
    products[1:, 1:], products[0, 1:], products[1:, 0] = Q, Q0, Q0
    products[0, 0] = 2.0 * P0 - np.tensordot(g, Q0, 1)
    return np.concatenate((P0[None], sums.P)), traces, products
