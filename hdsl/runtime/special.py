"""Functions that row densities are written in, accurate to the ends of their range.

What they are called is what `hdsl.form.density` calls them. Arguments are arrays or numbers, which broadcast; results
are new arrays. Each is defined for infinite arguments where its limit exists. A value beyond what a double holds is
infinite or zero: evaluate under ``np.errstate(all="ignore")``, once around all of a likelihood.

A function with an order, ``log_ndtr(x, n)``, returns its n-th derivative, 0 <= n <= 3: cancellation within a derivative
is dealt with inside. Each function is complete in itself or calls others of this module, so that a file can hold copies
of those that it uses. SciPy is imported only where one of `erfcx`, `gammaincc` or `betainc` is needed.

References
----------
Normal tails: Laplace's continued fraction of Mills' ratio (DLMF 7.9). Gamma functions: Stirling's series (DLMF 5.11).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "binet",
    "expit",
    "expits",
    "lgamma",
    "log1mexp",
    "log_diff_ndtr",
    "log_invcloglog",
    "log_ndtr",
    "log_rising",
    "logaddexp",
    "ndtr",
    "ndtri",
    "normal_density",
    "softplus",
    "softplus_ratio",
]

Floats: TypeAlias = NDArray[np.float64]


# -- logistic ------------------------------------------------------------------------------------------------------


def expit(x: ArrayLike) -> Floats:
    """Return 1 / (1 + e^-x)."""
    return np.asarray(1.0 / (1.0 + np.exp(np.negative(x))))


def expits(x: ArrayLike) -> tuple[Floats, Floats]:
    """Return ``expit(x)`` and ``expit(-x)``, for the price of one; x is -700 at least, as e^-x has to be a number."""
    t = np.exp(np.negative(x))
    p = np.asarray(1.0 / (1.0 + t))
    return p, t * p


def softplus(x: ArrayLike) -> Floats:
    """Return log(1 + e^x)."""
    return np.asarray(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0))


def logaddexp(a: ArrayLike, b: ArrayLike) -> Floats:
    """Return log(e^a + e^b); minus infinity is no summand."""
    high, low = np.maximum(a, b), np.minimum(a, b)
    return np.asarray(np.where(low == high, high + np.log(2.0), high + np.log1p(np.exp(low - high))))


def log1mexp(x: ArrayLike, n: int = 0) -> Floats:
    """Return log(1 - e^-x) or its n-th derivative, x > 0; minus infinity where x <= 0."""
    x = np.asarray(x, dtype=np.float64)
    decay = np.exp(-np.maximum(x, 0.0))
    if n == 0:
        return np.asarray(np.where(x > 0.7, np.log1p(-decay), np.log(-np.expm1(-np.maximum(x, 0.0)))))
    q = np.asarray(decay / -np.expm1(-np.maximum(x, 0.0)))  # 1 / (e^x - 1)
    if n == 1:
        return q
    return np.asarray(-q * (1.0 + q) if n == 2 else q * (1.0 + q) * (1.0 + 2.0 * q))


def softplus_ratio(x: ArrayLike, n: int = 0) -> Floats:
    """Return log(1 + e^x) / e^x or its n-th derivative, which goes to 1 (0) where x goes to minus infinity."""
    x = np.asarray(x, dtype=np.float64)
    e = np.exp(np.minimum(x, -1.5))  # log(1 + e)/e = 1 - e/2 + e^2/3 - ..; each order brings another factor k
    series = np.zeros_like(e)
    for k in range(22, 0, -1):
        series = (-1.0 if k % 2 else 1.0) * (k**n / (k + 1.0)) + e * series
    series = e * series + (1.0 if n == 0 else 0.0)
    high = np.maximum(x, -1.5)
    small = np.exp(-high)
    ratio = softplus(high) * small
    if n == 0:
        return np.asarray(np.where(x < -1.5, series, ratio))
    p, q = expit(high), expit(-high)
    value = q - ratio  # 1/(1 + e) - log(1 + e)/e
    if n > 1:
        value = -p * q - value
    if n > 2:
        value = p * q * (p - q) - value
    return np.asarray(np.where(x < -1.5, series, value))


def log_invcloglog(x: ArrayLike, n: int = 0) -> Floats:
    """Return log(1 - exp(-e^x)) or its n-th derivative."""
    x = np.asarray(x, dtype=np.float64)
    e = np.exp(x)
    if n == 0:
        return np.asarray(
            np.where(x < -36.0, x, log1mexp(e))
        )  # e^x is its own 1 - exp(-e^x) there, and may be no double
    # b = e / (exp(e) - 1) = 1 - e/2 + sum of B_2k e^2k / (2k)!, whose derivatives by x bring factors 2k
    s = np.minimum(e, 1.0)
    series = np.zeros_like(s)
    for k, coefficient in reversed(tuple(enumerate(BERNOULLI, start=1))):
        series = (series + coefficient * (2.0 * k) ** (n - 1)) * (s * s)
    series += (1.0 if n == 1 else 0.0) - s / 2.0
    large = np.clip(e, 1.0, 745.0)
    b = large / np.expm1(large)
    value = b
    if n > 1:
        c = 1.0 - large - b
        value = b * c
    if n > 2:
        value = b * (c * c - large - b * c)
    return np.where(e < 1.0, series, np.where(e > 745.0, 0.0, value))


BERNOULLI = (
    1 / 12,
    -1 / 720,
    1 / 30240,
    -1 / 1209600,
    1 / 47900160,
    -691 / 1307674368000,
    1 / 74724249600,
    -3617 / 10670622842880000,
    43867 / 5109094217170944000,
    -174611 / 802857662698291200000,
)
"""B_2k / (2k)!, k = 1, 2, .."""


# -- normal --------------------------------------------------------------------------------------------------------


def normal_density(x: ArrayLike) -> Floats:
    """Return phi(x)."""
    return np.asarray(np.exp(-0.5 * np.square(x)) * 0.3989422804014327)


def ndtr(x: ArrayLike) -> Floats:
    """Return Phi(x)."""
    from scipy.special import ndtr as compute

    return np.asarray(compute(x))


def ndtri(p: ArrayLike) -> Floats:
    """Return the quantile of the standard normal at p."""
    from scipy.special import ndtri as compute

    return np.asarray(compute(p))


def _inverse_mills(x: Floats) -> Floats:
    """Return phi(x)/Phi(x)."""
    from scipy.special import erfcx

    m = 0.7978845608028654 / erfcx(x * -0.7071067811865476)
    return np.where(x > 25.0, normal_density(x), m)


def _tail(x: Floats) -> tuple[Floats, Floats, Floats]:
    """Return m = phi(x)/Phi(x), x + m, and 1 + x (x + m) - 2 (x + m)^2, none of them by cancellation.

    For x = -t far below zero, m - t = e = 1/(t + c), c = 2/(t + d), d = 3/(t + ..), and 1 - te - 2e^2 = e^2 c (c - d).
    """
    m = _inverse_mills(x)
    gap = np.asarray(x + m)
    bend = np.asarray(1.0 + gap * (x - 2.0 * gap))
    far = x < -5.0
    if far.any():
        t = -x[far]
        f = np.full_like(t, 1.0)
        for k in range(28, 3, -1):
            f = k / (t + f)
        d = 3.0 / (t + f)
        c = 2.0 / (t + d)
        e = 1.0 / (t + c)
        gap[far] = e
        bend[far] = e * e * c * (c - d)
    return m, gap, bend


def log_ndtr(x: ArrayLike, n: int = 0) -> Floats:
    """Return log Phi(x) or its n-th derivative; the first is phi(x)/Phi(x)."""
    if n == 0:
        from scipy.special import log_ndtr as compute

        return np.asarray(compute(x))
    x = np.asarray(x, dtype=np.float64)
    bounded = np.clip(x, -1e100, 1e100)
    if n == 1:
        return np.where(x == np.inf, 0.0, _inverse_mills(bounded))
    m, gap, bend = _tail(bounded)
    value = -m * gap if n == 2 else -m * bend
    return np.where(x == np.inf, 0.0, value)


def log_diff_ndtr(a: ArrayLike, b: ArrayLike, i: int = 0, j: int = 0) -> Floats:
    """Return log(Phi(a) - Phi(b)), a > b, differentiated i times by a and j times by b; minus infinity where a <= b."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    if i == j == 0:
        upper = a + b > 0.0  # in the upper tail, the mirror image: Phi(-b) - Phi(-a)
        high, low = np.where(upper, -b, a), np.where(upper, -a, b)
        return log_ndtr(high) + log1mexp(_log_ratio(high, low))
    if j > i:
        return (-1.0) ** (i + j) * log_diff_ndtr(-b, -a, j, i)
    u, gap, bend = _interval(a, b)
    if j == 0:
        return u if i == 1 else -u * gap if i == 2 else -u * bend
    v = _interval(-b, -a)[0]  # phi(b) / (Phi(a) - Phi(b))
    return u * v if i == 1 else -v * u * (gap + u)


def _log_ratio(a: Floats, b: Floats) -> Floats:
    """Return log(Phi(a) / Phi(b)), b < a, a + b <= 0."""
    from scipy.special import erfcx

    near = np.maximum(np.minimum(a, 5.0), -1e100)
    scaled = erfcx(near * -0.7071067811865476) / erfcx(np.minimum(b, 5.0) * -0.7071067811865476)
    difference = np.where(b == -np.inf, np.inf, -0.5 * (near - b) * (near + b) + np.log(scaled))
    return np.where(a > 5.0, log_ndtr(a) - log_ndtr(b), difference)


def _interval(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """Return u = phi(a)/(Phi(a) - Phi(b)), a + u, and what -u times is the third derivative of log(Phi(a) - Phi(b)).

    With m = phi(a)/Phi(a) and k = Phi(b)/(Phi(a) - Phi(b)) it is u = m + m k, a sum of what is positive. Where a
    lies in the upper tail, u comes from the mirror image.
    """
    mirrored = a + b > 0.0
    m, gap, bend = _tail(np.clip(a, -1e100, 1e100))
    k = log1mexp(_log_ratio(np.where(mirrored, -1.0, a), np.where(mirrored, -2.0, b)), 1)
    extra = m * k
    bounded = np.clip(a, -1e100, 1e100)
    bend = bend + extra * (bounded - 4.0 * gap - 2.0 * extra)
    u, gap = m + extra, gap + extra
    # in the upper tail: phi(a) / (Phi(-b) - Phi(-a)), nothing cancels in a + u
    v = np.exp(-0.5 * np.square(bounded) - 0.9189385332046727 - log_diff_ndtr(a, b))
    gap = np.where(mirrored, bounded + v, gap)
    bend = np.where(mirrored, 1.0 + gap * (bounded - 2.0 * gap), bend)
    u = np.where(mirrored, v, u)
    ends = a == np.inf
    return np.where(ends, 0.0, u), np.where(ends, 1.0, gap), np.where(ends, 0.0, bend)


# -- gamma ---------------------------------------------------------------------------------------------------------


STIRLING = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)
"""Coefficients of a^-1, a^-3, .. in Stirling's series."""


def lgamma(x: ArrayLike) -> Floats:
    """Return log of the gamma function, x > 0."""
    x = np.asarray(x, dtype=np.float64)
    log = np.log(x)
    return np.asarray((x - 0.5) * log - x + 0.9189385332046727 + binet(log))


def binet(x: ArrayLike, n: int = 0) -> Floats:
    """Return lgamma(a) - (a - 1/2) log a + a - log(2 pi)/2, x = log a, or its n-th derivative by x."""
    x = np.asarray(x, dtype=np.float64)
    inverse = np.exp(-np.maximum(x, 2.2))
    series = np.zeros_like(x)
    for k, coefficient in reversed(tuple(enumerate(STIRLING))):
        series = series * (inverse * inverse) + coefficient * (-(2.0 * k + 1.0)) ** n
    series *= inverse
    if not (x < 2.2).any():  # one that is NaN stays so
        return series
    return np.where(x >= 2.2, series, _binet_small(np.minimum(x, 2.2), n))


def _binet_small(x: Floats, n: int) -> Floats:
    """Return `binet` for a < 9.1, by the gamma function at 1 + a, which recurrence takes to 9 + a."""
    a = np.exp(x)
    s = a + 9.0
    if n == 0:
        product = np.ones_like(a)
        for k in range(1, 9):
            product *= a + k
        log = np.log(s)
        return (s - 0.5) * log - 9.0 + binet(log) - np.log(product) - (a + 0.5) * x
    step = 1.0 / s
    square = step * step
    # psi, psi' and psi'' at s by Stirling's series, less the terms of the recurrence
    psi = 1 / 252 - square * (1 / 240 - square * (1 / 132 - square * (691 / 32760)))
    psi = np.log(s) - 0.5 * step - square * (1 / 12 - square * (1 / 120 - square * psi))
    psi1 = 1 / 42 - square * (1 / 30 - square * (5 / 66 - square * (691 / 2730)))
    psi1 = step + 0.5 * square + step * square * (1 / 6 - square * (1 / 30 - square * psi1))
    psi2 = 1 / 6 - square * (0.3 - square * (5 / 6 - square * (691 / 210)))
    psi2 = -square - step * square - square * square * (0.5 - square * (1 / 6 - square * psi2))
    for k in range(1, 9):
        part = 1.0 / (a + k)
        psi -= part
        if n > 1:
            psi1 += part * part
        if n > 2:
            psi2 -= 2.0 * part * part * part
    value = a * (psi - x)
    if n == 1:
        return value - 0.5
    value += a * a * psi1 - a
    return value if n == 2 else value + a * (2.0 * a * psi1 + a * a * psi2 - 1.0)


def log_rising(y: ArrayLike, x: ArrayLike, n: int = 0) -> Floats:
    """Return lgamma(y + r) - lgamma(r) - y log r, x = log r, or its n-th derivative by x, which go to 0 as r grows."""
    y, x = np.broadcast_arrays(np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64))
    if y.size > 1 and (x == x.flat[0]).all() and 0.0 <= y.min() <= y.max() < y.size:
        counts = y.astype(np.intp)
        if (counts == y).all():  # one size for all: each count once
            return np.asarray(_log_rising(np.arange(counts.max() + 1.0), x.flat[0], n)[counts])
    return _log_rising(y, x, n)


def _log_rising(y: Floats, x: Floats, n: int) -> Floats:
    log = np.log(y)
    d = log - x
    total = logaddexp(log, x)  # log(y + r)
    if n == 0:
        return binet(total) - binet(x) + y * (softplus_ratio(d) - 1.0) + (y - 0.5) * softplus(d)
    q, p = expit(-d), expit(d)  # r/(y + r), the derivative of log(y + r), and y/(y + r)
    b1 = binet(total, 1)
    if n == 1:
        return b1 * q - binet(x, 1) - y * softplus_ratio(d, 1) - (y - 0.5) * p
    b2 = binet(total, 2)
    if n == 2:
        return b2 * q * q + b1 * q * p - binet(x, 2) + y * softplus_ratio(d, 2) + (y - 0.5) * p * q
    b3 = binet(total, 3)
    stirling = b3 * q * q * q + 3.0 * b2 * q * q * p + b1 * q * p * (p - q) - binet(x, 3)
    return stirling - y * softplus_ratio(d, 3) - (y - 0.5) * p * q * (q - p)
