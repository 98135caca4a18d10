"""Where the search starts: the user's values where given, else a third of the residual variance for each effect."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.covariance import correlations, free_parameters, from_parts
from hdsl.fit.criterion import Criterion
from hdsl.fit.refusals import not_finite, unknown_start
from hdsl.fit.standardise import Floats

__all__ = ["Start", "starting_theta"]

Start = Mapping[tuple[int, int, int] | str, float]

RELATIVE_SD = 0.5
"""Relative standard deviation of each effect of a standardised column, where nothing else is known."""


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
    plan = criterion.plan
    diagonal = np.array(plan.diagonal_theta, dtype=bool)
    theta = np.where(diagonal, RELATIVE_SD, 0.0)
    return _with_values(criterion, theta, start) if start else theta


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
        sd, cor = parts[parameter.factor]
        if parameter.row == parameter.column:
            for entry in theta_entries(plan):
                if entry.theta == parameter.theta:
                    parts[entry.factor][0][entry.row] = abs(start[key]) / sigma
        else:
            value = float(np.clip(start[key], -1.0, 1.0))
            cor[parameter.row, parameter.column] = cor[parameter.column, parameter.row] = value
    return criterion.theta_from([from_parts(sd, cor) for sd, cor in parts])
