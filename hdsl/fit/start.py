"""Where the search starts: the user's values where given, else the method of moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.covariance import correlations, free_parameters, from_parts
from hdsl.fit.moments import Moments
from hdsl.fit.refusals import not_finite, unknown_start
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

if TYPE_CHECKING:
    from hdsl.fit.criterion import Criterion

__all__ = ["Start", "moment_theta", "starting_theta"]

Start = Mapping[tuple[int, int, int] | str, float]

LEAST, MOST = 0.05, 10.0
"""Relative standard deviation that is added to what moments give, in squares, and the most that they may give."""


def moment_theta(plan: Plan, found: Moments, n: int, p: int, S: Mapping[int, Floats]) -> Floats:
    """Return theta by the method of moments, standardised columns; correlations start at zero.

    Parameters
    ----------
    found : Moments
    n, p : int
        Rows, and columns of X.
    S : mapping of int to ndarray
        Of each factor whose moments are those of columns Z* with ``Z = Z* S``: a variance of Z is then at most what
        each effect of Z* leaves to it.

    Notes
    -----
    With e the least-squares residuals and M the projection on what is not constant,
    ``E |Z_c'e|^2 = sigma^2 tr Z_c'M Z_c + sum_d psi_d |Z_c'M Z_d|^2`` for every effect c, and
    ``E e'e = sigma^2 (n - p) + sum_d psi_d tr Z_d'M Z_d``; they are solved for sigma^2 and the variances psi. All sums
    are over groups and occupied cells, none over rows. The projection on the other columns of X is left out: a start
    needs no more.
    """
    if not plan.n_theta:
        return np.zeros(0)
    k = len(found.effects)
    system, right = np.empty((k + 1, k + 1)), np.empty(k + 1)
    system[:k, :k], right[:k] = found.squares, found.fits
    system[:k, k] = system[k, :k] = found.traces
    system[k, k], right[k] = n - p, found.rss
    solution = np.linalg.lstsq(system, right, rcond=None)[0]
    sigma2 = max(float(solution[k]), 1e-3 * found.rss / n)
    relative = np.sqrt(LEAST**2 + np.clip(solution[:k] / sigma2, 0.0, MOST**2))
    theta = np.zeros(plan.n_theta)
    for entry in reversed(theta_entries(plan)):
        if entry.row == entry.column and entry.theta >= 0:
            own = _of_column(found, relative, entry.factor, entry.row, S)
            theta[entry.theta] = min(own, theta[entry.theta] or own) if entry.factor in S else own
    return theta


def _of_column(found: Moments, relative: Floats, factor: int, column: int, S: Mapping[int, Floats]) -> float:
    """Return the relative standard deviation of the effect of a column."""
    first = found.effects.index((factor, 0))
    if factor not in S:
        return float(relative[first + column])
    shares = np.abs(S[factor][:, column])
    own = relative[first : first + len(shares)]
    return float(np.min(own[shares > 0.0] / shares[shares > 0.0]))


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
    parts = [correlations(relative) for relative in criterion.user_sigmas(at.factors)]
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
