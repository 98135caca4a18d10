"""Every primitive of row densities, and every derivative of it, against arithmetic of many digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from hdsl import runtime
from hdsl.runtime import counts, special

NEAR = (-5.1, -4.9, -2.3, -1.6, -1.4, -0.5, 0.0, 0.1, 0.9, 1.1, 2.1, 2.3, 4.0)
FAR = (*NEAR, -700.0, -300.0, -37.0, 20.0, 30.0)


@dataclass(frozen=True, slots=True)
class Row:
    """A primitive in digits, arguments to try, how many of its arguments (the last) it is differentiated by."""

    exact: Callable[..., Any]
    at: tuple[tuple[float, ...], ...]
    by: int = 0
    digits: int = 700


def phi(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def binet(x: Any) -> Any:
    a = mp.exp(x)
    return mp.loggamma(a) - (a - 0.5) * x + a - mp.log(2 * mp.pi) / 2


def ones(points: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    return tuple((x,) for x in points)


def kernel(j: int, mu: Any, rho: Any) -> Any:
    r, m = mp.exp(rho), mp.exp(mu)
    return mp.rf(r, j) / mp.factorial(j) * (m / (m + r)) ** j


PRIMITIVES = {
    "expit": Row(lambda x: 1 / (1 + mp.exp(-x)), ones((*FAR, 700.0))),
    "softplus": Row(lambda x: mp.log1p(mp.exp(x)), ones((*FAR, 700.0))),
    "logaddexp": Row(
        lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
        ((0.3, 0.3), (-700.0, 2.0), (5.0, 4.0), (-mp.inf, 1.0), (-mp.inf, -mp.inf)),
    ),
    "log1mexp": Row(lambda x: mp.log(-mp.expm1(-x)), ones((1e-300, 1e-9, 0.1, 0.69, 0.71, 3.0, 40.0, 700.0)), 1),
    "softplus_ratio": Row(lambda x: mp.log1p(mp.exp(x)) / mp.exp(x), ones((*FAR, 300.0)), 1),
    "log_invcloglog": Row(lambda x: mp.log(-mp.expm1(-mp.exp(x))), ones((*NEAR, -700.0, -35.9, -36.1, 6.0)), 1),
    "normal_density": Row(mp.npdf, ones(NEAR)),
    "ndtr": Row(phi, ones(NEAR)),
    "ndtri": Row(lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), ones((0.01, 0.5, 0.9))),
    "log_ndtr": Row(lambda x: mp.log(phi(x)), ones(FAR), 1),
    "log_diff_ndtr": Row(
        lambda a, b: mp.log(phi(a) - phi(b)),
        ((1.0, -0.5), (0.5, 0.499), (-3.0, -4.0), (4.0, 3.0), (-20.0, -20.5), (20.5, 20.0), (9.0, -8.0), (30.0, -5.5)),
        2,
    ),
    "lgamma": Row(mp.loggamma, ones((1e-300, 0.01, 0.7, 1.3, 2.6, 7.0, 9.02, 9.03, 40.0, 1e6, 1e15))),
    "binet": Row(binet, ones((*NEAR, -700.0, -37.0, 20.0)), 1),
    "log_rising": Row(
        lambda y, x: mp.loggamma(y + mp.exp(x)) - mp.loggamma(mp.exp(x)) - y * x,
        tuple((y, x) for y in (2.0, 9.0, 1e6) for x in (-300.0, -3.0, 0.4, 2.1, 3.0, 12.0)),
        1,
    ),
    "log_tail_poisson": Row(
        lambda low, mu: mp.log(mp.gammainc(low, 0, mp.exp(mu), regularized=True)),
        tuple((low, mu) for low in (1.0, 3.0, 50.0) for mu in (-3.0, 0.4, 3.0, 4.4, 7.0)),
        1,
        160,
    ),
    "log_range_poisson": Row(
        lambda low, high, mu: mp.log(mp.fsum(mp.exp(j * mu) / mp.factorial(j) for j in range(int(low), int(high) + 1))),
        tuple((low, low + 9.0, mu) for low in (0.0, 3.0) for mu in (-300.0, 0.4, 3.0, 700.0)),
        1,
        160,
    ),
    "log_tail_negative_binomial": Row(
        lambda low, mu, rho: mp.log(
            1 - mp.fsum(kernel(j, mu, rho) for j in range(int(low))) * (1 + mp.exp(mu - rho)) ** -mp.exp(rho)
        ),
        tuple((low, mu, rho) for low in (1.0, 4.0) for mu in (-30.0, -3.0, 0.4, 3.0) for rho in (-2.0, 0.7, 6.0)),
        2,
        160,
    ),
    "log_range_negative_binomial": Row(
        lambda low, high, mu, rho: mp.log(mp.fsum(kernel(j, mu, rho) for j in range(int(low), int(high) + 1))),
        tuple((low, low + 9.0, mu, rho) for low in (0.0, 3.0) for mu in (-30.0, 0.4, 3.0) for rho in (-2.0, 0.7, 6.0)),
        2,
        160,
    ),
}


def test_every_primitive_has_a_row_and_is_exported() -> None:
    assert set(PRIMITIVES) | {"expits"} == set(special.__all__) | set(counts.__all__)
    assert set(PRIMITIVES) <= set(runtime.__all__)


def test_a_pair_of_logistic_functions_is_the_two() -> None:
    x = np.array([value for value in FAR if value >= -700.0])
    p, q = special.expits(x)
    np.testing.assert_allclose(p, special.expit(x), rtol=1e-14)
    np.testing.assert_allclose(q, special.expit(-x), rtol=1e-14)


ORDERS = [
    (name, orders)
    for name, row in PRIMITIVES.items()
    for orders in {
        0: [()],
        1: [(n,) for n in range(4)],
        2: [(i, j) for i in range(4) for j in range(4 - i)],
    }[row.by]
]


def differentiated(row: Row, at: tuple[float, ...], orders: tuple[int, ...]) -> Any:
    """Return a mixed derivative by central differences, one argument at a time."""
    arguments = [mp.mpf(x) for x in at]
    first = len(at) - row.by

    def derivative(k: int, given: list[Any]) -> Any:
        if k == row.by:
            return row.exact(*given)
        n, place = orders[k], first + k
        h = mp.mpf(10) ** (-mp.mp.dps // 8) * (abs(arguments[place]) or 1)
        total = mp.mpf(0)
        for s in range(n + 1):
            moved = [*given]
            moved[place] += (mp.mpf(n) / 2 - s) * h
            total += (-1) ** s * mp.binomial(n, s) * derivative(k + 1, moved)
        return total / h**n

    return derivative(0, arguments)


@pytest.mark.parametrize(("name", "orders"), ORDERS)
def test_against_digits(name: str, orders: tuple[int, ...]) -> None:
    row = PRIMITIVES[name]
    columns = [np.array([float(x) for x in column]) for column in zip(*row.at, strict=True)]
    with np.errstate(all="ignore"):
        got = getattr(special if name in special.__all__ else counts, name)(*columns, *orders)
    with mp.workdps(row.digits):
        for at, g in zip(row.at, got, strict=True):
            want = float(mp.re(differentiated(row, at, orders)))
            scale = max([1.0, *(abs(x) for x in at if name == "log_rising")])
            assert g == pytest.approx(want, rel=5e-9 if "tail" in name else 2e-10, abs=1e-12 * scale), at


@pytest.mark.parametrize("name", list(PRIMITIVES))
def test_numbers_and_arrays_agree(name: str) -> None:
    row = PRIMITIVES[name]
    with np.errstate(all="ignore"):
        of = getattr(runtime, name)
        whole = of(*(np.array(column, dtype=float) for column in zip(*row.at, strict=True)))
        for at, value in zip(row.at, whole, strict=True):
            assert float(np.squeeze(of(*(float(x) for x in at)))) == pytest.approx(value, rel=1e-13, nan_ok=True)


def test_limits() -> None:
    inf = np.inf
    with np.errstate(all="ignore"):
        assert [float(special.log_ndtr(inf, n)) for n in range(4)] == [0.0, 0.0, 0.0, 0.0]
        assert [float(special.log1mexp(inf, n)) for n in range(4)] == [0.0, 0.0, 0.0, 0.0]
        assert [float(special.softplus_ratio(-inf, n)) for n in range(4)] == [1.0, 0.0, 0.0, 0.0]
        assert [float(special.binet(inf, n)) for n in range(4)] == [0.0, 0.0, 0.0, 0.0]
        assert [float(special.log_rising(7.0, inf, n)) for n in range(4)] == [0.0, 0.0, 0.0, 0.0]
        assert float(special.log_diff_ndtr(inf, 0.0)) == pytest.approx(-np.log(2.0))
        for i, j in ((1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (3, 0)):
            assert float(special.log_diff_ndtr(inf, 0.3, i, j)) == 0.0
            assert float(special.log_diff_ndtr(-0.3, -inf, j, i)) == 0.0
        assert float(special.log1mexp(-0.5)) == -inf


def test_what_is_no_number_stays_so() -> None:
    x = np.array([np.nan, 0.3, 5.0])
    for n in range(4):
        np.testing.assert_array_equal(np.isnan(special.binet(x, n)), [True, False, False])
        assert np.isnan(special.binet(np.nan, n))
