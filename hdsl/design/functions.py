"""The numbers behind the language's operators and functions: one row each.

Stage: design. `FUNCTIONS` has exactly the operators of `hdsl.form.expr.Apply` and the functions of
`hdsl.families.FUNCTIONS`. Invariants: missing values are the caller's business; where a value does not exist the result
is not finite, and the caller reports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPARISONS", "FUNCTIONS", "aggregate"]

Numbers: TypeAlias = NDArray[np.float64]


def _logit(p: Numbers) -> Numbers:
    return np.log(p) - np.log1p(-p)


def _invlogit(x: Numbers) -> Numbers:
    return np.exp(-np.logaddexp(0.0, -x))  # 1 / (1 + exp(-x)) without overflow


def _probit(p: Numbers) -> Numbers:
    from scipy.special import ndtri

    return np.asarray(ndtri(p))


def _phi(x: Numbers) -> Numbers:
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def _cloglog(p: Numbers) -> Numbers:
    return np.log(-np.log1p(-p))


def _invcloglog(x: Numbers) -> Numbers:
    return -np.expm1(-np.exp(x))


def _minus(first: Numbers, second: Numbers | None = None) -> Numbers:
    return -first if second is None else first - second


def _step(x: Numbers) -> Numbers:
    return np.where(np.isnan(x), np.nan, x >= 0)


COMPARISONS: dict[str, Callable[..., Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
"""Comparisons; each gives an indicator."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": _minus,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "logit": _logit,
    "invlogit": _invlogit,
    "probit": _probit,
    "Phi": _phi,
    "cloglog": _cloglog,
    "invcloglog": _invcloglog,
    "min": np.minimum,
    "max": np.maximum,
    "step": _step,
}
"""Operators and functions of numbers."""


def aggregate(
    function: str, values: Numbers, groups: NDArray[np.intp], n_groups: int
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Aggregate values, none of them missing, within groups.

    Parameters
    ----------
    function : {"mean", "sum", "sd", "min", "max", "count"}
    values : ndarray, (m,)
    groups : ndarray, (m,)
        Group of each value.
    n_groups : int

    Returns
    -------
    result : ndarray, (n_groups,)
        Arbitrary where the aggregate does not exist.
    exists : ndarray of bool, (n_groups,)
        False for the mean, minimum or maximum of no value and the standard deviation (divisor m - 1) of fewer than two.
    """
    counts = np.bincount(groups, minlength=n_groups)
    if function == "count":
        return counts.astype(np.float64), np.ones(n_groups, dtype=bool)
    if function in ("min", "max"):
        start = np.inf if function == "min" else -np.inf
        extreme = np.full(n_groups, start)
        (np.minimum if function == "min" else np.maximum).at(extreme, groups, values)
        return extreme, counts > 0
    sums: Numbers = np.bincount(groups, weights=values, minlength=n_groups).astype(np.float64)
    if function == "sum":
        return sums, np.ones(n_groups, dtype=bool)
    means = sums / np.maximum(counts, 1)
    # A second pass takes out the rounding of the first: the mean of a constant is that constant.
    means += np.bincount(groups, weights=values - means[groups], minlength=n_groups) / np.maximum(counts, 1)
    if function == "mean":
        return means, counts > 0
    squares = np.bincount(groups, weights=np.square(values - means[groups]), minlength=n_groups)
    return np.sqrt(squares / np.maximum(counts - 1, 1)), counts > 1
