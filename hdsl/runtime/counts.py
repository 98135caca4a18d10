"""Sums over a range of counts, for truncated poisson and negative binomial outcomes, with derivatives.

    log f(j) = k(j) - b,  k(j) = log_rising(j, rho) - j log(e^-mu + e^-rho) - lgamma(j + 1),  b = e^mu L(mu - rho)

mu and rho are the logs of mean and size, L is `softplus_ratio`, and b = -log f(0). A poisson has an infinite size.
Arguments and orders of derivatives are as in `hdsl.runtime.special`. The cost is that of the number of counts in the
range, or below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hdsl.runtime.special import expit, lgamma, log_rising, logaddexp, softplus_ratio

__all__ = [
    "log_range_negative_binomial",
    "log_range_poisson",
    "log_tail_negative_binomial",
    "log_tail_poisson",
]

Floats: TypeAlias = NDArray[np.float64]
Sums: TypeAlias = dict[tuple[int, int], Floats]


def log_range_poisson(lower: ArrayLike, upper: ArrayLike, mu: ArrayLike, n: int = 0) -> Floats:
    """Return log of the sum of e^k(j), lower <= j <= upper, of a poisson, or its n-th derivative by mu."""
    return log_range_negative_binomial(lower, upper, mu, np.inf, n, 0)


def log_tail_poisson(lower: ArrayLike, mu: ArrayLike, n: int = 0) -> Floats:
    """Return log P(Y >= lower) of a poisson, or its n-th derivative by mu."""
    return log_tail_negative_binomial(lower, mu, np.inf, n, 0)


def log_range_negative_binomial(
    lower: ArrayLike, upper: ArrayLike, mu: ArrayLike, rho: ArrayLike, i: int = 0, j: int = 0
) -> Floats:
    """Return log of the sum of e^k(j), lower <= j <= upper, differentiated i times by mu and j times by rho."""
    shape, (low, high, mu, rho) = _columns(lower, upper, mu, rho)
    log, sums = _totals(low, np.floor(high), mu, rho, (int(i), int(j)), is_whole=False)
    return (log if i == j == 0 else _of_log(sums)[int(i), int(j)]).reshape(shape)


def log_tail_negative_binomial(lower: ArrayLike, mu: ArrayLike, rho: ArrayLike, i: int = 0, j: int = 0) -> Floats:
    """Return log P(Y >= lower), differentiated i times by mu and j times by rho.

    It is one less a sum over the counts below, or, where that would cancel, the sum over the counts from `lower` on.
    """
    shape, (low, mu, rho) = _columns(lower, mu, rho)
    orders = int(i), int(j)
    b = np.exp(mu) * softplus_ratio(mu - rho)
    log, sums = _totals(np.zeros_like(low), low - 1.0, mu, rho, orders, is_whole=True)
    below = np.exp(log - b)
    out = np.where(low <= 0.0, 0.0, np.log1p(-below))
    if orders != (0, 0):
        share = np.where(low <= 0.0, 0.0, -below / (1.0 - below))
        rest = {order: share * total for order, total in sums.items()}
        rest[0, 0] = np.ones_like(low)
        out = np.where(low <= 0.0, 0.0, _of_log(rest)[orders])
    rare = np.flatnonzero((below > 0.9999) & (expit(mu - rho) < 0.99))
    if len(rare):
        log, sums = _totals(low[rare], np.full(len(rare), np.inf), mu[rare], rho[rare], orders, is_whole=True)
        out[rare] = log - b[rare] if orders == (0, 0) else _of_log(sums)[orders]
    return out.reshape(shape)


def _columns(bound: ArrayLike, *others: ArrayLike) -> tuple[tuple[int, ...], list[Floats]]:
    """Return the common shape, and the arrays as columns of one length; the first is a lower bound, a count."""
    arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (bound, *others)))
    first, *rest = (a.ravel() for a in arrays)
    return arrays[0].shape, [np.maximum(np.ceil(first), 0.0), *rest]


def _derivatives(y: Floats, mu: Floats, rho: Floats, orders: tuple[int, int], *, is_whole: bool) -> Sums:
    """Return the derivatives of k(y), less those of b if asked for, up to `orders` by mu and rho."""
    p, q = expit(mu - rho), expit(rho - mu)
    pq = p * q
    by_order = (logaddexp(-mu, -rho), -q, pq, pq * (q - p))  # of log(e^-mu + e^-rho), by mu alone
    out: Sums = {}
    for a in range(orders[0] + 1):
        for c in range(orders[1] + 1):
            inner = -p if (a, c) == (0, 1) else (-1.0) ** c * by_order[a + c]
            total = -y * inner
            if a == 0:
                total = total + log_rising(y, rho, c)
            if is_whole and (a, c) != (0, 0):
                ratio = sum(math.comb(a, s) * softplus_ratio(mu - rho, c + s) for s in range(a + 1))
                total = total - (-1.0) ** c * np.exp(mu) * ratio
            out[a, c] = total
    out[0, 0] = out[0, 0] - lgamma(y + 1.0)
    return out


def _relative(of: Sums) -> Sums:
    """Return the derivatives of e^g by those of g, divided by e^g."""
    out: Sums = {}
    for a, c in of:
        if (a, c) == (0, 0):
            out[a, c] = np.ones_like(of[0, 0])
        else:
            out[a, c] = of[a, c] + sum(weight * out[s] * of[t] for weight, s, t in _parts(a, c))
    return out


def _of_log(sums: Sums) -> Sums:
    """Return the derivatives of log Z by those of Z, divided by Z."""
    out: Sums = {}
    for a, c in sums:
        out[a, c] = sums[a, c] - sum(weight * sums[s] * out[t] for weight, s, t in _parts(a, c))
    return out


def _parts(a: int, c: int) -> Iterator[tuple[int, tuple[int, int], tuple[int, int]]]:
    """Return how the orders of (e^g)' = e^g g' split between e^g, differentiated at all, and g'."""
    first = (1, 0) if a else (0, 1)
    for s in range(a - first[0] + 1):
        for t in range(c - first[1] + 1):
            if s or t:
                yield math.comb(a - first[0], s) * math.comb(c - first[1], t), (s, t), (a - s, c - t)


CHUNK = 1 << 14
"""Counts times rows that are summed at once."""


def _totals(
    low: Floats, high: Floats, mu: Floats, rho: Floats, orders: tuple[int, int], *, is_whole: bool
) -> tuple[Floats, Sums]:
    """Return log of the sum of e^k(j) over low <= j <= high, and the derivatives of the sum, divided by it.

    With `is_whole` the derivatives are those of e^(k(j) - b). The sum ends early where what is left adds nothing.
    """
    peak = np.full_like(mu, -np.inf)
    sums: Sums = {(a, c): np.zeros_like(mu) for a in range(orders[0] + 1) for c in range(orders[1] + 1)}
    most = float((high - low).max(initial=0.0)) + 1.0
    width = int(max(1.0, min(CHUNK // max(1, len(mu)), most)))
    start = low[:, None] + np.arange(width)
    while True:
        inside = start <= high[:, None]
        given = _derivatives(
            np.where(inside, start, low[:, None]), mu[:, None], rho[:, None], orders, is_whole=is_whole
        )
        log = np.where(inside, given[0, 0], -np.inf)
        top = np.maximum(peak, log.max(axis=1))
        safe = np.where(top == -np.inf, 0.0, top)
        weight, fade = np.exp(log - safe[:, None]), np.exp(peak - safe)
        for order, part in _relative(given).items():
            sums[order] = sums[order] * fade + np.where(inside, weight * part, 0.0).sum(axis=1)
        peak = top
        if ((start[:, -1] >= high) | _is_spent(start[:, -1], log[:, -1] - peak, mu, rho)).all():
            break
        start = start + width
    total = sums[0, 0]
    return peak + np.log(total), {order: s / total for order, s in sums.items()}


def _is_spent(y: Floats, log: Floats, mu: Floats, rho: Floats) -> NDArray[np.bool_]:
    """Whether the counts beyond y add nothing, or are no numbers; e^log is the share of y.

    What is left is bounded by a geometric series.
    """
    step = np.exp(mu) * expit(rho - mu) * (1.0 + y * np.exp(-rho)) / (y + 1.0)  # f(y + 1) / f(y)
    ratio = np.maximum(step, expit(mu - rho))
    is_small = log - np.log1p(-ratio) + 3.0 * np.log(y / (1.0 - ratio) + 2.0) < -40.0
    return np.asarray(((ratio < 1.0) & is_small) | np.isnan(log))
