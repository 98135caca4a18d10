"""The number of BLAS threads is one during a fit and what it was afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit import gaussian, threads


class Pool:
    """A pool that counts."""

    def __init__(self, count: int) -> None:
        self.count = count

    def get(self) -> int:
        return self.count

    def set(self, count: int) -> None:
        self.count = count


def test_threads_are_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = {"numpy": Pool(4), "scipy": Pool(1)}
    monkeypatch.setattr(threads, "_pool", lambda package: (pools[package].get, pools[package].set))
    monkeypatch.setattr(threads, "LIBRARIES", (("numpy", "numpy"), ("scipy", "numpy")))
    with threads.one_thread():
        assert [pool.count for pool in pools.values()] == [1, 1]
    assert [pool.count for pool in pools.values()] == [4, 1]


def test_more_threads_are_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(4)
    monkeypatch.setattr(threads, "_pool", lambda package: (pool.get, pool.set))
    monkeypatch.setattr(threads, "LIBRARIES", (("numpy", "numpy"),))
    with hdsl.threads(3):
        with threads.one_thread():
            assert pool.count == 3
        assert pool.count == 4
    with threads.one_thread():
        assert pool.count == 1
    for count in (0, 1.5, "2"):
        with pytest.raises(ValueError, match="number of threads"), hdsl.threads(count):
            pass


def test_fits_that_overlap_leave_what_was_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(4)
    monkeypatch.setattr(threads, "_pool", lambda package: (pool.get, pool.set))
    monkeypatch.setattr(threads, "LIBRARIES", (("numpy", "numpy"),))
    first, second = threads.one_thread(), threads.one_thread()
    with hdsl.threads(2):
        first.__enter__()
    assert pool.count == 2
    second.__enter__()
    assert pool.count == 1
    first.__exit__(None, None, None)
    assert pool.count == 1
    second.__exit__(None, None, None)
    assert pool.count == 4


def test_threads_are_set_back_whatever_ends_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(4)
    monkeypatch.setattr(threads, "_pool", lambda package: (pool.get, pool.set))
    monkeypatch.setattr(threads, "LIBRARIES", (("numpy", "numpy"),))
    for kind in (ValueError, KeyboardInterrupt):
        with pytest.raises(kind), threads.one_thread(), threads.one_thread():
            raise kind
        assert pool.count == 4


def test_many_fits_at_once_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(4)
    monkeypatch.setattr(threads, "_pool", lambda package: (pool.get, pool.set))
    monkeypatch.setattr(threads, "LIBRARIES", (("numpy", "numpy"),))

    def fits(count: int) -> None:
        for _ in range(200):
            with hdsl.threads(count), threads.one_thread():
                assert pool.count <= count

    with ThreadPoolExecutor(4) as runners:
        list(runners.map(fits, [1, 2, 3, 2]))
    assert pool.count == 4


def test_the_pools_of_this_installation_are_one_during_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = pytest.importorskip("threadpoolctl").threadpool_info
    seen: list[list[int]] = []
    search = gaussian.watched_search

    def watched(*args, **kwargs):
        seen.append([info["num_threads"] for info in counts() if info["user_api"] == "blas"])
        return search(*args, **kwargs)

    monkeypatch.setattr(gaussian, "watched_search", watched)
    data = pd.DataFrame({"y": np.random.default_rng(1).normal(size=60), "g": np.repeat(np.arange(10), 6)})
    before = [info["num_threads"] for info in counts()]
    hdsl.Model("y[i] ~ normal(b0 + u[g], sd)\nu[g] ~ normal(0, sd_g)\n").fit(data)
    assert seen
    assert all(count == 1 for pools in seen for count in pools)
    assert [info["num_threads"] for info in counts()] == before


def test_a_library_that_is_not_there() -> None:
    assert threads._pool("no_such_package_at_all") is None
