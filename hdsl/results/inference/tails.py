"""Tails and quantiles of t and F, normal and chi-squared where degrees of freedom are infinite.

Input: statistics with degrees of freedom. Output: arrays and numbers. Invariants: accurate in the tails; what is normal
needs no SciPy.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["f_tail", "t_quantile", "two_sided"]

Floats = NDArray[np.float64]


def two_sided(t: ArrayLike, df: ArrayLike) -> Floats:
    """Return P(|T| > |t|) for T with `df` degrees of freedom, each."""
    t, df = np.asarray(t, dtype=float), np.asarray(df, dtype=float)
    out = np.array([math.erfc(abs(value) / math.sqrt(2.0)) for value in t])
    finite = ~np.isinf(df)
    if finite.any():
        from scipy.special import stdtr

        out[finite] = 2.0 * stdtr(df[finite], -np.abs(t[finite]))
    return out


def t_quantile(share: float, df: Floats) -> Floats:
    """Return the value that T exceeds with probability ``(1 - share) / 2``, for each of `df`."""
    out = np.full(len(df), NormalDist().inv_cdf(0.5 + share / 2.0))
    finite = ~np.isinf(df)
    if finite.any():
        from scipy.special import stdtrit

        out[finite] = stdtrit(df[finite], 0.5 + share / 2.0)
    return out


def f_tail(F: float, df: float, df_denominator: float) -> float:
    """Return P(> F); with an infinite denominator that of chi-squared over its degrees of freedom."""
    from scipy.special import chdtrc, fdtrc

    if math.isinf(df_denominator):
        return float(chdtrc(df, df * F))
    return float(fdtrc(df, df_denominator, F))
