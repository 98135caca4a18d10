"""Reading frames and files, and joining tables of levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hdsl.design import bind
from hdsl.design.tables import read_table
from hdsl.diagnostics.record import DataError
from tests.unit.design.models import block, fixed, model, nested, random, ref

COLUMNS: dict[str, list[object]] = {
    "whole": [3, 1, 2, 1],
    "gaps": [3, None, 2, 1],
    "real": [0.5, 1.5, None, 2.0],
    "text": ["b", None, "a", "b"],
    "flag": [True, False, None, True],
}
FRAMES = {
    "pandas": pd.DataFrame(COLUMNS),
    "pandas nullable": pd.DataFrame(COLUMNS).convert_dtypes(),
    "polars": pl.DataFrame(COLUMNS),
    "pyarrow": pa.table(COLUMNS),
    "dict": COLUMNS,
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_every_kind_read_alike(name: str) -> None:
    table = read_table(FRAMES[name])
    assert table.names == tuple(COLUMNS)
    assert table.column("whole").numbers.tolist() == [3, 1, 2, 1]  # type: ignore[union-attr]
    np.testing.assert_array_equal(table.column("gaps").reals(), [3, np.nan, 2, 1])
    assert table.column("gaps").factor().labels == ("1", "2", "3")
    np.testing.assert_array_equal(table.column("real").numbers, [0.5, 1.5, np.nan, 2.0])  # type: ignore[arg-type]
    assert table.column("text").labels == ("a", "b")
    assert table.column("text").codes.tolist() == [1, -1, 0, 1]  # type: ignore[union-attr]
    np.testing.assert_array_equal(table.column("flag").numbers, [1, 0, np.nan, 1])  # type: ignore[arg-type]
    assert table.column("flag").factor().labels == ("False", "True")


CATEGORIES = {
    "pandas": pd.DataFrame({"c": pd.Categorical(["u", "v", None, "u"], categories=["v", "u", "w"])}),
    "polars enum": pl.DataFrame({"c": pl.Series(["u", "v", None, "u"], dtype=pl.Enum(["v", "u", "w"]))}),
    "pyarrow": pa.table({"c": pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1]), pa.array(["v", "u", "w"]))}),
    "pyarrow chunks": pa.table(
        {
            "c": pa.chunked_array(
                [
                    pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array(["v", "u"])),
                    pa.DictionaryArray.from_arrays(pa.array([None, 1]), pa.array(["w", "u"])),
                ]
            )
        }
    ),
}


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_keep_their_order(name: str) -> None:
    column = read_table(CATEGORIES[name]).column("c")
    assert column.labels == ("v", "u", "w")
    assert column.codes.tolist() == [1, 0, -1, 1]  # type: ignore[union-attr]
    assert column.factor().labels == ("v", "u")


def test_polars_categorical_has_no_order_of_its_own_and_is_sorted() -> None:
    frame = pl.DataFrame({"c": pl.Series(["v", "u", None, "v"], dtype=pl.Categorical)})
    factor = read_table(frame).column("c").factor()
    assert factor.labels == ("u", "v")
    assert factor.codes.tolist() == [1, 0, -1, 1]


def test_numbers_sort_as_numbers_also_as_text() -> None:
    table = read_table({"n": [10, 9, 2], "t": ["10", "9", "2"], "f": [10.0, 9.5, 2.0], "m": ["10", "b", "9"]})
    assert table.column("n").factor().labels == ("2", "9", "10")
    assert table.column("t").factor().labels == ("2", "9", "10")
    assert table.column("f").factor().labels == ("2", "9.5", "10")
    assert table.column("m").factor().labels == ("10", "9", "b")


def test_far_apart_numbers_are_labels_too() -> None:
    factor = read_table({"n": [10**12, 5, 10**12]}).column("n").factor()
    assert factor.labels == ("5", "1000000000000")
    assert factor.codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    frame = pd.DataFrame({"x": [1.0, None, 3.0], "g": ["a", "NA" if suffix != ".parquet" else None, "None"]})
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    table = read_table(path)
    np.testing.assert_array_equal(table.column("x").numbers, [1.0, np.nan, 3.0])  # type: ignore[arg-type]
    assert table.column("g").labels == ("None", "a")
    assert table.column("g").codes.tolist() == [1, -1, 0]  # type: ignore[union-attr]
    assert read_table(str(path)).n_rows == 3


@pytest.mark.parametrize("bad", ["absent.csv", "broken.parquet", "empty.csv", "table.xlsx", "binary.csv.gz"])
def test_unreadable_files(tmp_path: Path, bad: str) -> None:
    for name in ("broken.parquet", "table.xlsx", "binary.csv.gz"):
        (tmp_path / name).write_bytes(b"\x00\x01not a table")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(DataError) as error:
        read_table(tmp_path / bad)
    assert error.value.code == "HM414"
    assert bad in error.value.message


@pytest.mark.parametrize(
    "bad",
    [
        pl.LazyFrame({"a": [1]}),
        [1, 2],
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        {"a": [1, 2], "b": [1]},
        None,
    ],
    ids=["lazy", "list", "twice", "ragged", "none"],
)
def test_data_that_is_no_table(bad: object) -> None:
    with pytest.raises(DataError) as error:
        read_table(bad)
    assert error.value.code == "HM414"


def test_named_index_of_a_pandas_frame_is_a_column() -> None:
    table = read_table(pd.DataFrame({"g": ["a", "b"], "x": [1, 2]}).set_index("g"))
    assert table.column("g").labels == ("a", "b")
    assert table.row_labels.tolist() == ["a", "b"]


# ---------------------------------------------------------------- level tables

PUPILS = pd.DataFrame({"y": [1.0, 2.0, 3.0, 5.0, 8.0], "x": [1.0, 2.0, 1.0, 2.0, 1.0], "school": [1, 1, 2, 2, 3]})
SCHOOLS = pd.DataFrame({"school": ["3", "2", "1"], "z": [30.0, 20.0, 10.0], "district": ["n", "s", "s"]})
FORM = model(fixed("b0"), fixed("b1", ref("z", "j")), random("u[j]"), indices={"j": "school"}, blocks=(block("u[j]"),))


def refusal(tables: dict[str, object], form: object = FORM) -> DataError:
    with pytest.raises(DataError) as error:
        bind(form, tables)  # type: ignore[arg-type]
    assert error.value.code == "HM413"
    return error.value


@pytest.mark.parametrize(("rows", "level"), [("i", "j"), ("rows", "school")])
def test_level_table_joins_by_index_or_column_and_numbers_match_text(rows: str, level: str) -> None:
    design = bind(FORM, {rows: PUPILS, level: SCHOOLS})
    assert design.arrays.x[0].tolist() == [10.0, 10.0, 20.0, 20.0, 30.0]
    assert design.diagnostics == ()


def test_tables_may_be_of_different_kinds_and_files(tmp_path: Path) -> None:
    SCHOOLS.to_csv(tmp_path / "schools.csv", index=False)
    design = bind(FORM, {"i": pl.from_pandas(PUPILS), "school": tmp_path / "schools.csv"})
    assert design.arrays.x[0].tolist() == [10.0, 10.0, 20.0, 20.0, 30.0]


def test_coarser_index_may_stand_in_the_level_table_only() -> None:
    districts = pd.DataFrame({"district": ["n", "s"], "w": [0.5, 0.25]})
    form = model(
        fixed("b0"),
        fixed("b1", ref("w", "k")),
        random("u[j]"),
        random("v[k]"),
        indices={"j": "school", "k": "district"},
        blocks=(block("u[j]"), block("v[k]")),
        nestings=(nested("j", "k"),),
    )
    design = bind(form, {"district": districts, "school": SCHOOLS, "i": PUPILS})
    assert design.arrays.x[0].tolist() == [0.25, 0.25, 0.25, 0.25, 0.5]
    assert design.levels[1] == ("n", "s")


def test_labels_that_repeat_within_parents_join_by_both_columns() -> None:
    rows = pd.DataFrame({"y": [1.0, 2.0, 3.0, 5.0], "batch": list("AABB"), "cask": list("abab")})
    casks = pd.DataFrame({"batch": list("AABB"), "cask": list("abab"), "size": [1.0, 2.0, 3.0, 4.0]})
    form = model(fixed("b1", ref("size", "b", "c")), indices={"b": "batch", "c": "cask"})
    assert bind(form, {"i": rows, "c": casks}).arrays.x[0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert bind(form, {"i": rows, "b,c": casks}).arrays.x[0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_key_may_be_the_pandas_index() -> None:
    assert bind(FORM, {"i": PUPILS, "school": SCHOOLS.set_index("school")}).n_read == 5


def test_groups_without_rows_are_noted() -> None:
    design = bind(FORM, {"i": PUPILS.iloc[:4], "school": SCHOOLS})
    (found,) = [d for d in design.diagnostics if d.code != "HM421"]
    assert found.code == "HM413"
    assert "`3`" in found.notes[0]


def test_rows_without_a_group_are_missing_and_dropped() -> None:
    design = bind(FORM, {"i": PUPILS, "school": SCHOOLS.iloc[1:]})
    assert design.missing == {"z": 1}
    assert design.n_dropped == 1
    assert [d.code for d in design.diagnostics if d.code != "HM421"] == ["HM413", "HM405"]


def test_repeated_keys_are_refused() -> None:
    error = refusal({"i": PUPILS, "school": pd.concat([SCHOOLS, SCHOOLS.iloc[:1]])})
    assert "two rows for `3`" in error.message
    assert "rows 1 and 4" in error.first.notes[0]


def test_no_matching_group_is_refused_with_examples() -> None:
    error = refusal({"i": PUPILS, "school": SCHOOLS.assign(school=["x", "y", "z"])})
    assert "`1`, `2`, `3`" in error.first.notes[0]
    assert "`x`, `y`, `z`" in error.first.notes[0]


def test_column_in_both_tables_that_disagrees_is_refused() -> None:
    error = refusal({"i": PUPILS.assign(z=[10.0, 10.0, 20.0, 21.0, 30.0]), "school": SCHOOLS})
    assert "`z`" in error.message
    assert "row 4 has `21` there and `20`" in error.first.notes[0]
    agreeing = PUPILS.assign(z=[10, 10, 20, 20, 30])
    assert bind(FORM, {"i": agreeing, "school": SCHOOLS}).n_read == 5


@pytest.mark.parametrize(
    ("tables", "phrase"),
    [
        ({"school": SCHOOLS}, "no table of the rows"),
        ({"i": PUPILS, "pupil": SCHOOLS}, "keyed by no index"),
        ({"i": PUPILS, "school": SCHOOLS.drop(columns="school")}, "no column `school`"),
        ({"i": PUPILS.drop(columns="school"), "school": SCHOOLS}, "no other table has the column"),
    ],
    ids=["no rows", "no index", "no key", "no key in rows"],
)
def test_tables_that_do_not_fit_the_model(tables: dict[str, object], phrase: str) -> None:
    assert phrase in refusal(tables).message


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint32", "float32"])
def test_whole_numbers_of_every_width_are_coded_alike(kind: str) -> None:
    info = np.iinfo(kind) if kind[0] in "iu" else np.iinfo("int16")
    values = np.array([info.max, 0, max(info.min, -(2**40)), 1, info.max, 0], dtype=kind)
    factor = read_table({"g": values}).column("g").factor()
    distinct = sorted({int(value) for value in values.tolist()})
    assert [factor.labels[code] for code in factor.codes] == [str(int(value)) for value in values.tolist()]
    assert factor.codes.dtype == np.intp
    assert len(factor.labels) == len(distinct)
    assert factor.codes.tolist() == [distinct.index(int(value)) for value in values.tolist()]
