"""Wald tests and intervals of estimates: by t where degrees of freedom are known, else standard normal.

Stage: results. Input: estimates and standard errors. Output: arrays. Invariant: only what needs no refit is here.

References
----------
Wald (1943), Transactions of the American Mathematical Society 54: the statistic is estimate over standard error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import Diagnostic, FitError, Severity
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.results.inference.tails import t_quantile
from hdsl.results.scales import SCALES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hdsl.results.parameters import ParameterTable

__all__ = ["chosen_names", "coverage", "interval_multiplier", "require_method", "wald", "wald_bounds"]

METHODS = ("wald", "profile", "bootstrap")
"""Ways to make an interval."""


def coverage(level: float) -> float:
    """Return the coverage that `level` asks for; below 0.5 it is the share left out, as other packages have it.

    Raises
    ------
    FitError
        HM510 for a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        message = f"a confidence level of {level} is not between 0 and 1: write `level=0.95`"
        raise FitError([Diagnostic(code="HM510", severity=Severity.ERROR, message=message, help="write `level=0.95`")])
    return max(level, 1.0 - level)


def interval_multiplier(level: float, method: str, df: float = math.inf) -> float:
    """Return how many standard errors a Wald interval of `level` reaches to each side, by t with `df` or normal.

    Raises
    ------
    FitError
        HM507 for a method that is not there.
    """
    require_method(method)
    return float(t_quantile(level, np.array([df]))[0])


def require_method(method: str) -> None:
    """Refuse a way to make intervals that is not there.

    Raises
    ------
    FitError
        HM507 for a method that is not there.
    """
    if method not in METHODS:
        raise FitError([_unknown_method(method)])


def chosen_names(table: ParameterTable, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the parameters that are asked for, all by default.

    Raises
    ------
    FitError
        HM510 for a name that is no parameter.
    """
    if names is None:
        return table.names
    unknown = [name for name in names if name not in table.names]
    if unknown:
        raise FitError([_unknown_name(unknown[0], table.names)])
    return tuple(names)


def wald_bounds(table: ParameterTable, level: float, df: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (dof, 2), Wald intervals of every parameter; of fixed effects by t with `df` each, else normal.

    Scalars have theirs on the scale of the fit, taken to the natural one.
    """
    n_fixed = len(table.fixed)
    multiplier = t_quantile(level, np.concatenate([df, np.full(table.dof - n_fixed, np.inf)]))
    bounds = wald(table.values, table.se, multiplier, table.edges)
    for place, scalar in enumerate(table.design.scalars, start=n_fixed):
        estimate = table.outcome.beta[scalar.column]
        reach = multiplier[place] * table.se[place] / table.slopes[place]
        with np.errstate(over="ignore"):  # what is hardly known at all may reach to infinity
            bounds[place] = SCALES[scalar.inverse].value(np.array([estimate - reach, estimate + reach]))
    return bounds


def wald(
    estimate: NDArray[np.float64],
    se: NDArray[np.float64],
    multiplier: NDArray[np.float64],
    edges: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (k, 2), ``estimate -+ multiplier * se``, cut off where a parameter's range ends (`edges`, (k, 2))."""
    reach = multiplier * se
    bounds = np.column_stack([estimate - reach, estimate + reach])
    return np.clip(bounds, edges[:, :1], edges[:, 1:])


def _unknown_method(method: str) -> Diagnostic:
    shown = " or ".join(f'`method="{name}"`' for name in METHODS)
    return Diagnostic(
        code="HM507",
        severity=Severity.ERROR,
        message=f"there is no method {method!r} for an interval: write {shown}",
        help=f"write {shown}",
    )


def _unknown_name(name: str, known: Sequence[str]) -> Diagnostic:
    near = near_names(name, known)
    todo = f"did you mean {one_of(near)}?" if near else "name one of `fit.params`"
    return Diagnostic(
        code="HM510",
        severity=Severity.ERROR,
        message=f"there is no parameter {name!r}: {todo}",
        help=f"parameters are {', '.join(known)}",
    )
