"""Tails and quantiles of t and F, normal and chi-squared where degrees of freedom are infinite.

Input: statistics with degrees of freedom. Output: arrays and numbers. Invariants: accurate in the tails; a table of
estimates needs no SciPy, whose special functions take longer to load than a fit takes.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["f_tail", "t_quantile", "two_sided"]

Floats = NDArray[np.float64]

NEAR_NORMAL = 1e6
"""Degrees of freedom from which a corrected normal is as good as arithmetic."""

TERMS = 2_000
STEPS = 60
ROUNDING = 1e-15


def two_sided(t: ArrayLike, df: ArrayLike) -> Floats:
    """Return P(|T| > |t|) for T with `df` degrees of freedom, each."""
    t, df = np.asarray(t, dtype=float), np.asarray(df, dtype=float)
    return np.array(
        [_normal(value) if math.isinf(at) else _student(value, at) for value, at in zip(t, df, strict=True)]
    )


def _normal(t: float) -> float:
    """Return P(|Z| > |t|)."""
    return math.erfc(abs(t) / math.sqrt(2.0))


def _student(t: float, df: float) -> float:
    """Return P(|T| > |t|), the incomplete beta function at ``df / (df + t**2)`` with ``df / 2`` and one half."""
    if math.isnan(t) or math.isnan(df):
        return math.nan
    if df > NEAR_NORMAL:  # Abramowitz and Stegun 26.7.8, whose error is of order 1/df^2
        return _normal(t * (1.0 - 0.25 / df) / math.sqrt(1.0 + 0.5 * t * t / df))
    a, b, square = 0.5 * df, 0.5, t * t
    x, y = df / (df + square), square / (df + square)
    if y == 0.0:
        return 1.0
    scale = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + b * math.log(y) - a * math.log1p(square / df)
    )
    if x * (a + b + 2.0) < a + 1.0:
        return scale * _fraction(a, b, x) / a
    return 1.0 - scale * _fraction(b, a, y) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8) by Lentz."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / ((1.0 - (a + b) * x / (a + 1.0)) or tiny)
    value = d
    for m in range(1, TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / ((1.0 + term * d) or tiny)
            c = (1.0 + term / c) or tiny
            value *= c * d
        if abs(c * d - 1.0) < ROUNDING:
            break
    return value


def t_quantile(share: float, df: Floats) -> Floats:
    """Return the value that T exceeds with probability ``(1 - share) / 2``, for each of `df`."""
    normal = NormalDist().inv_cdf(0.5 + share / 2.0)
    return np.array([normal if math.isinf(at) else _quantile(1.0 - share, at, normal) for at in df])


def _quantile(p: float, df: float, start: float) -> float:
    """Return t with P(|T| > t) = p by Newton's method for the logarithm of the tail in that of t.

    That curve falls and is concave, so that steps approach the root from above, whichever side they start from.
    """
    if math.isnan(df):
        return math.nan
    log_density = math.lgamma(0.5 * df + 0.5) - math.lgamma(0.5 * df) - 0.5 * math.log(df * math.pi)
    t = start
    for _ in range(STEPS):
        tail = _student(t, df)
        density = 2.0 * math.exp(log_density - 0.5 * (df + 1.0) * math.log1p(t * t / df))
        step = tail * math.log(tail / p) / (t * density)
        t *= math.exp(step)
        if abs(step) < 1e-13:
            break
    return t


def f_tail(F: float, df: float, df_denominator: float) -> float:
    """Return P(> F); with an infinite denominator that of chi-squared over its degrees of freedom."""
    from scipy.special import chdtrc, fdtrc

    if math.isinf(df_denominator):
        return float(chdtrc(df, df * F))
    return float(fdtrc(df, df_denominator, F))
