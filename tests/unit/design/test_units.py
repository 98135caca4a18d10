"""Index sets as codes, against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hdsl.design.columns import compress, from_objects
from hdsl.design.units import Units


def units_of(**columns: list[object]) -> Units:
    n = len(next(iter(columns.values())))
    return Units("i", {name: from_objects(name, values).factor() for name, values in columns.items()}, n)


def test_codes_labels_and_first_rows_of_a_pair() -> None:
    units = units_of(b=["B", "A", "A", "B", None], c=["y", "y", "x", "y", "x"])
    assert units.codes(("b", "c")).tolist() == [2, 1, 0, 2, -1]
    assert units.labels(("b", "c")) == (("A", "x"), ("A", "y"), ("B", "y"))
    assert [units.label(("b", "c"), k) for k in range(3)] == list(units.labels(("b", "c")))
    assert units.first_rows(("b", "c")).tolist() == [2, 1, 0]
    assert units.parents(("b", "c"), ("b",)).tolist() == [0, 0, 1]
    assert units.count(()) == 1
    assert units.count(("i",)) == 5


def test_nesting_is_that_of_the_rows() -> None:
    units = units_of(c=[1, 1, 2, 2, 3], s=["a", "a", "a", "a", "b"], t=["u", "v", "u", "u", "v"])
    assert units.determines(("c",), ("s",))
    assert not units.determines(("s",), ("c",))
    assert not units.determines(("c",), ("t",))
    assert units.violations(("c",), ("t",)).tolist() == [1]
    assert units.determines(("c", "t"), ("s",))


def test_missing_labels_do_not_break_a_nesting() -> None:
    units = units_of(c=[1, 1, 2, 2, None], s=[None, "a", "b", "b", "a"])
    assert units.determines(("c",), ("s",))


def test_restricted_units_are_those_that_are_left() -> None:
    units = units_of(g=["a", "b", "c", "b"]).restricted(np.array([True, False, True, False]))
    assert units.labels(("g",)) == ("a", "c")
    assert units.codes(("g",)).tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(20))
def test_codes_of_random_columns_are_those_of_pandas(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 200))
    data = pd.DataFrame({name: generator.integers(-3, 10 ** int(generator.integers(1, 9)), n) for name in "abc"})
    units = units_of(**{name: data[name].tolist() for name in "abc"})
    for names in (["a"], ["a", "b"], ["c", "a", "b"]):
        expected = data.groupby(names, sort=True).ngroup().to_numpy()
        np.testing.assert_array_equal(units.codes(tuple(names)), expected)
        rows = units.first_rows(tuple(names))
        labels = units.labels(tuple(names))
        texts = data[names].iloc[rows].astype(str).itertuples(index=False, name=None)
        assert [label if isinstance(label, tuple) else (label,) for label in labels] == list(texts)


@pytest.mark.parametrize("bound", [5, 10**9])
def test_compress_keeps_order_and_missing(bound: int) -> None:
    codes, used = compress(np.array([4, -1, 2, 4]), bound)
    assert codes.tolist() == [1, -1, 0, 1]
    assert used.tolist() == [2, 4]


def test_groups_of_many_rows_are_those_of_pandas() -> None:
    generator, n = np.random.default_rng(5), 100_003
    data = pd.DataFrame({"a": generator.integers(0, 3000, n), "b": 10**9 * generator.integers(0, 900, n)})
    data.loc[generator.integers(0, n, 200), "a"] = np.nan
    data["c"] = data["a"] // 7
    units = units_of(**{name: data[name].tolist() for name in "abc"})
    for names in (["a"], ["b"], ["b", "a"]):
        expected = data.groupby(names, sort=True).ngroup().fillna(-1).to_numpy(dtype=int)
        np.testing.assert_array_equal(units.codes(tuple(names)), expected)
        first = pd.Series(range(n)).groupby(expected).first()
        np.testing.assert_array_equal(units.first_rows(tuple(names)), first[first.index >= 0])
    assert units.determines(("a",), ("c",))
    data.loc[n - 1, "c"] += 1
    changed = units_of(**{name: data[name].tolist() for name in "ac"})
    assert changed.violations(("a",), ("c",)).tolist() == [n - 1]


def test_units_that_are_left_of_a_pair_know_their_labels() -> None:
    units = units_of(b=["B", "A", "A", "B", None], c=[7, 7, -1, 7, -1])
    left = units.restricted(np.array([True, False, True, True, True]))
    assert left.labels(("b", "c")) == (("A", "-1"), ("B", "7"))
    assert left.codes(("b", "c")).tolist() == [1, 0, 1, -1]
    assert left.codes(("c",)).tolist() == [1, 0, 1, 0]
