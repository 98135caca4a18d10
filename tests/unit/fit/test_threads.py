"""The number of BLAS threads is one during a fit and what it was afterwards."""

from __future__ import annotations

import pytest

from hdsl.fit import threads


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


def test_a_library_that_is_not_there() -> None:
    assert threads._pool("no_such_package_at_all") is None
