"""Whole numbers of any size, in every frame, with missing values or without: none becomes another one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hdsl import DataError, Model, load
from hdsl.design.recode import Wanted, recode
from hdsl.design.tables import read_table

BASE = 2**60
IDS = [BASE + k for k in range(12)]
N_EACH = 6
RNG = np.random.default_rng(8)
G = [value for value in IDS for _ in range(N_EACH)]
X = RNG.normal(size=len(G))
Y = np.repeat(RNG.normal(size=12), N_EACH) + X + RNG.normal(size=len(G)) / 2

WHOLE: dict[str, Callable[[list[int]], object]] = {
    "int64": lambda g: pd.DataFrame({"g": np.array(g, dtype=np.int64)}),
    "uint64": lambda g: pd.DataFrame({"g": np.array(g, dtype=np.uint64)}),
    "big-endian": lambda g: pd.DataFrame({"g": np.array(g, dtype=">i8")}),
    "polars uint64": lambda g: pl.DataFrame({"g": pl.Series(g, dtype=pl.UInt64)}),
    "polars int128": lambda g: pl.DataFrame({"g": pl.Series(g, dtype=pl.Int128)}),
    "list": lambda g: {"g": g},
}
GAPS: dict[str, Callable[[list[int | None]], object]] = {
    "pandas": lambda g: pd.DataFrame({"g": pd.array(g, dtype="Int64")}),
    "pandas unsigned": lambda g: pd.DataFrame({"g": pd.array(g, dtype="UInt64")}),
    "pandas arrow": lambda g: pd.DataFrame({"g": pd.array(g, dtype=pd.ArrowDtype(pa.int64()))}),
    "pandas objects": lambda g: pd.DataFrame({"g": pd.array(g, dtype=object)}),
    "polars": lambda g: pl.DataFrame({"g": pl.Series(g, dtype=pl.Int64)}),
    "polars unsigned": lambda g: pl.DataFrame({"g": pl.Series(g, dtype=pl.UInt64)}),
    "polars decimal": lambda g: pl.DataFrame(
        {"g": pl.Series([None if v is None else Decimal(v) for v in g], dtype=pl.Decimal(38, 0))}
    ),
    "pyarrow": lambda g: pa.table({"g": pa.array(g, type=pa.int64())}),
    "list": lambda g: {"g": g},
}


@pytest.mark.parametrize("kind", WHOLE)
def test_large_whole_numbers_stay_apart(kind: str) -> None:
    given = [IDS[2], IDS[0], IDS[1], IDS[2]]
    factor = read_table(WHOLE[kind](given)).column("g").factor()
    assert factor.labels == tuple(str(value) for value in IDS[:3])
    assert factor.codes.tolist() == [2, 0, 1, 2]


@pytest.mark.parametrize("kind", GAPS)
def test_large_whole_numbers_stay_apart_where_some_are_missing(kind: str) -> None:
    column = read_table(GAPS[kind]([IDS[2], None, IDS[0], IDS[1], IDS[2]])).column("g")
    factor = column.factor()
    assert factor.labels == tuple(str(value) for value in IDS[:3])
    assert factor.codes.tolist() == [2, -1, 0, 1, 2]
    assert column.missing.tolist() == [False, True, False, False, False]  # type: ignore[union-attr]
    assert [column.label(row) for row in (0, 1)] == [str(IDS[2]), "missing"]
    np.testing.assert_array_equal(column.reals(), [BASE, np.nan, BASE, BASE, BASE])
    taken = column.take(np.array([3, -1, 1, 0])).factor()
    assert taken.labels == (str(IDS[1]), str(IDS[2]))
    assert taken.codes.tolist() == [0, -1, -1, 1]


def test_the_ends_of_64_bits_and_beyond() -> None:
    top = 2**64 - 1
    unsigned = read_table({"g": np.array([top, top - 1, top], dtype=np.uint64)}).column("g").factor()
    assert unsigned.labels == (str(top - 1), str(top))
    assert unsigned.codes.tolist() == [1, 0, 1]
    wide = read_table({"g": np.array([0, top, 2**63], dtype=np.uint64)}).column("g").factor()
    assert wide.labels == ("0", str(2**63), str(top))
    longer = read_table({"g": [2**90, 2**90 + 1, None]}).column("g").factor()
    assert longer.labels == (str(2**90), str(2**90 + 1))
    assert longer.codes.tolist() == [0, 1, -1]


def test_a_column_without_any_value_has_no_label() -> None:
    factor = read_table(pd.DataFrame({"g": pd.array([None, None], dtype="Int64")})).column("g").factor()
    assert factor.labels == ()
    assert factor.codes.tolist() == [-1, -1]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_with_gaps_keep_large_whole_numbers(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"ids.{ending}"
    frame = pd.DataFrame({"r": [1e300, np.nan, 0.5], "g": pd.array([IDS[1], None, IDS[0]], dtype="Int64")})
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        pl.from_pandas(frame).write_parquet(path)  # without the types that pandas notes in its own files
    table = read_table(path)
    assert table.column("g").factor().labels == (str(IDS[0]), str(IDS[1]))
    assert table.column("g").factor().codes.tolist() == [1, -1, 0]
    np.testing.assert_array_equal(table.column("r").reals(), [1e300, np.nan, 0.5])


def test_a_level_table_keeps_large_whole_numbers_where_rows_have_no_group() -> None:
    rows = pd.DataFrame({"y": Y[:8], "school": [1, 1, 2, 2, 3, 3, 4, 4]})
    schools = pd.DataFrame({"school": [1, 2, 3], "g": IDS[:3]})
    design = Model("y[i] ~ normal(b0 + u[g], sd)\nu[g] ~ normal(0, sd_u)\nindex j = school").bind(
        {"i": rows, "school": schools}
    )
    assert design.levels[0] == tuple(str(value) for value in IDS[:3])


def data(frame: object) -> object:
    """Return the ids of a frame beside outcome and covariate, in the same kind of frame."""
    if isinstance(frame, pl.DataFrame):
        return frame.with_columns(x=pl.Series(X), y=pl.Series(Y), h=pl.Series(["a", "b", "c"] * 24))
    assert isinstance(frame, pd.DataFrame)
    return frame.assign(x=X, y=Y, h=["a", "b", "c"] * 24)


FITTED = {
    "int64": WHOLE["int64"](G),
    "uint64": WHOLE["uint64"](G),
    "pandas gaps": GAPS["pandas"]([None, *G[1:]]),
    "polars gaps": GAPS["polars"]([None, *G[1:]]),
}


@pytest.mark.parametrize("kind", FITTED)
def test_groups_pairs_and_sets_by_large_ids(kind: str) -> None:
    given = data(FITTED[kind])
    n_used = len(G) - ("gaps" in kind)
    crossed = Model("y[i] ~ normal(b0 + b1*x[i] + u[g] + v[g,h], sd)\nu[g] ~ normal(0, su)\nv[g,h] ~ normal(0, sv)")
    design = crossed.bind(given)
    assert design.n_read - design.n_dropped == n_used
    assert sorted(len(levels) for levels in design.levels) == [12, 36]
    assert {str(value) for value in IDS} in [set(levels) for levels in design.levels]
    flat = Model("y[i] ~ normal(b1*x[i] + a[g], sd)\na[g] ~ flat()").bind(given)
    (coding,) = flat.coding.sets
    assert coding.kept == tuple(str(value) for value in IDS)
    ids = np.array(G[len(G) - n_used :])
    assert (flat.arrays.sets[0] == ids - BASE).all()
    new = pd.DataFrame({"g": [IDS[7], BASE - 1], "x": 0.0})
    with pytest.raises(DataError) as caught:
        recode(flat, new, Wanted())
    assert str(BASE - 1) in caught.value.message


@pytest.mark.parametrize("kind", FITTED)
def test_prediction_for_known_and_new_large_ids_also_after_loading(tmp_path: Path, kind: str) -> None:
    model = Model("y[i] ~ normal(b0 + b1*x[i] + u[g], sd)\nu[g] ~ normal(0, su)")
    fit, same = model.fit(data(FITTED[kind])), model.fit(text_ids(kind))
    new = pd.DataFrame({"g": np.array([IDS[3], IDS[11], 2**61 + 1], dtype=np.uint64), "x": 0.0})
    expected = same.predict(new.astype({"g": str}))
    fit.save(tmp_path / "fit.hdsl")
    for each in (fit, load(tmp_path / "fit.hdsl")):
        np.testing.assert_allclose(np.asarray(each.predict(new)), np.asarray(expected), rtol=1e-6)
        assert set(each.design.levels[0]) == {str(value) for value in IDS}


def text_ids(kind: str) -> object:
    """Return the data of a kind with the ids as text."""
    ids = [str(value) for value in G]
    return pd.DataFrame({"g": [None, *ids[1:]] if "gaps" in kind else ids, "x": X, "y": Y})


@pytest.mark.parametrize("kind", FITTED)
def test_comparison_with_a_large_id(kind: str) -> None:
    design = Model(f'y[i] ~ normal(b0 + b1*(g[i] == "{IDS[5]}") + b2*(g[i] > "{IDS[5]}"), sd)').bind(data(FITTED[kind]))
    ids = np.array(G[len(G) - design.n_read + design.n_dropped :])
    assert design.arrays.x[0].tolist() == (ids == IDS[5]).tolist()
    assert design.arrays.x[1].tolist() == (ids > IDS[5]).tolist()
    unknown = Model(f'y[i] ~ normal(b0 + b1*(g[i] != "{BASE - 1}"), sd)').bind(data(FITTED[kind]))
    assert str(BASE - 1) in " ".join(found.message for found in unknown.diagnostics)


def dictionary(values: list[object]) -> pd.Series:
    """Return a pandas column whose values are a dictionary of Arrow."""
    encoded = pa.array(values).dictionary_encode()
    return pd.Series(encoded, dtype=pd.ArrowDtype(encoded.type))


ENCODED: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "dictionary": lambda frame: pd.DataFrame({name: dictionary(frame[name].tolist()) for name in frame}),
    "big-endian": lambda frame: pd.DataFrame(
        {name: frame[name].to_numpy().astype(frame[name].dtype.newbyteorder(">")) for name in frame}
    ),
    "big-endian, small": lambda frame: pd.DataFrame(
        {name: frame[name].to_numpy().astype(">i4" if name in "gk" else ">f8") for name in frame}
    ),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_encoded_columns_are_group_covariate_and_outcome(kind: str) -> None:
    plain = pd.DataFrame({"g": np.repeat(np.arange(12), N_EACH), "k": np.arange(len(G)) % 5, "x": X, "y": Y})
    model = Model("y[i] ~ normal(b0 + b1*x[i] + b2*k[i] + u[g], sd)\nu[g] ~ normal(0, su)")
    expected, found = model.bind(plain), model.bind(ENCODED[kind](plain))
    assert found.levels == expected.levels
    assert found.arrays.y.tolist() == expected.arrays.y.tolist()
    assert [x.tolist() for x in found.arrays.x] == [x.tolist() for x in expected.arrays.x]
    assert found.arrays.groups[0].tolist() == expected.arrays.groups[0].tolist()


def test_a_dictionary_of_text_keeps_its_order_in_pandas() -> None:
    column = read_table(pd.DataFrame({"c": dictionary(["v", "u", None, "v"])})).column("c")
    assert column.kind == "category"
    assert column.labels == ("v", "u")
    assert column.codes.tolist() == [0, 1, -1, 0]  # type: ignore[union-attr]


def test_whole_numbers_of_the_usual_kind_are_not_copied() -> None:
    values = np.arange(5)
    numbers = read_table(pd.DataFrame({"g": values}, copy=False)).column("g").numbers
    assert np.shares_memory(numbers, values)  # type: ignore[arg-type]
