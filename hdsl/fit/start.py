"""Where the search starts: the user's values where given, else the method of moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.covariance import correlations, free_parameters, from_parts
from hdsl.fit.refusals import not_finite, unknown_start
from hdsl.fit.standardise import Codes, Floats
from hdsl.plan import Plan
from hdsl.runtime.rows import row_sums

if TYPE_CHECKING:
    from hdsl.fit.criterion import Criterion

__all__ = ["Start", "moment_theta", "starting_theta"]

Start = Mapping[tuple[int, int, int] | str, float]

LEAST, MOST = 0.1, 10.0
"""Bounds of the relative standard deviations that moments may give."""


def moment_theta(plan: Plan, error: Floats, p: int, Z: Sequence[Sequence[Floats]], groups: Sequence[Codes]) -> Floats:
    """Return theta by the method of moments, standardised columns; correlations start at zero.

    Parameters
    ----------
    error : ndarray, (n,)
        Least-squares residuals.
    p : int
        Number of fixed effects.
    Z, groups
        Standardised columns and group codes of each factor.

    Notes
    -----
    With ``v_c = Z_c'e`` for effect c, ``E sum v_c^2 = sigma^2 tr A_c + sum_d psi_d |Z_c'Z_d|^2`` and
    ``E e'e = sigma^2 (n - p) + sum_d psi_d tr A_d`` are solved for sigma^2 and the variances psi. The projection on X
    is left out, and ``|Z_c'Z_d|^2`` is counted for equal columns of nested factors alone: a start needs no more.
    """
    effects = [(f, c) for f, columns in enumerate(Z) for c in range(len(columns))]
    k = len(effects)
    if not k:
        return np.zeros(0)
    system, right = np.zeros((k + 1, k + 1)), np.zeros(k + 1)
    counts = [int(codes.max()) + 1 for codes in groups]
    squares = [row_sums(groups[f], counts[f], Z[f][c], Z[f][c]) for f, c in effects]
    for i, (f, c) in enumerate(effects):
        right[i] = float((row_sums(groups[f], counts[f], Z[f][c], error) ** 2).sum())
        system[i, k] = system[k, i] = squares[i].sum()
        for j, (g, d) in enumerate(effects):
            if i == j or (f != g and f in plan.chain and g in plan.chain and Z[f][c] is Z[g][d]):
                finer = squares[i] if len(squares[i]) >= len(squares[j]) else squares[j]
                system[i, j] = float((finer**2).sum())
    system[k, k], right[k] = len(error) - p, float(error @ error)
    solution = np.linalg.lstsq(system, right, rcond=None)[0]
    sigma2 = max(float(solution[k]), 1e-3 * right[k] / len(error))
    relative = np.sqrt(np.clip(solution[:k] / sigma2, LEAST**2, MOST**2))
    theta = np.zeros(plan.n_theta)
    for entry in reversed(theta_entries(plan)):
        if entry.row == entry.column and entry.theta >= 0:
            theta[entry.theta] = relative[effects.index((entry.factor, entry.row))]
    return theta


def starting_theta(criterion: Criterion, start: Start | None) -> Floats:
    """Return theta to start from, standardised columns.

    Parameters
    ----------
    start : mapping or None
        Entry (factor, row, column) to standard deviation (row == column) or correlation, ``"sigma"`` to the residual
        standard deviation; natural scale.

    Raises
    ------
    FitError
        HM508 for an entry that is no parameter, HM506 for a value that is not finite.
    """
    return _with_values(criterion, criterion.guess, start) if start else criterion.guess


def _with_values(criterion: Criterion, theta: Floats, start: Start) -> Floats:
    """Return theta with the user's values put in place of the defaults."""
    plan = criterion.plan
    allowed = {(e.factor, e.row, e.column) for e in theta_entries(plan)} | {"sigma"}
    for key, value in start.items():
        if key not in allowed:
            raise unknown_start(key)
        if not np.isfinite(value):
            raise not_finite(f"the starting value {value} of {key}")
    at = criterion.evaluate(theta)
    default_sigma = criterion.outcome.scale * np.sqrt(at.profile.r2 / at.profile.nn)
    sigma = abs(float(start.get("sigma", 0.0))) or default_sigma
    parts = [correlations(relative) for relative in criterion.user_sigmas(at.forward.factors)]
    for parameter in free_parameters(plan):
        key = (parameter.factor, parameter.row, parameter.column)
        if key not in start:
            continue
        cor = parts[parameter.factor][1]
        if parameter.row == parameter.column:
            for entry in theta_entries(plan):
                if entry.theta == parameter.theta:
                    parts[entry.factor][0][entry.row] = abs(start[key]) / sigma
        else:
            value = float(np.clip(start[key], -1.0, 1.0))
            cor[parameter.row, parameter.column] = cor[parameter.column, parameter.row] = value
    return criterion.theta_from([from_parts(sd, cor) for sd, cor in parts])
