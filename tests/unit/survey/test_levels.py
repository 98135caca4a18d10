"""Which levels a scan proposes, on the data of the examples and on data that were made for one question each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.survey import Scan
from hdsl.survey.record import ROWS

EXAMPLES = Path(__file__).parents[3] / "examples"

PROPOSALS = {
    "egsingle/egsingle.csv.gz": {("childid",): [("schoolid",)], ("schoolid",): []},
    "hsb/students.csv.gz": {("school",): []},
    "insteval/insteval.csv.gz": {("s",): [], ("d",): [("dept",)], ("dept",): []},
    "pastes/pastes.csv": {("sample",): [("batch",)], ("batch",): []},
    "penicillin/penicillin.csv": {("plate",): [], ("sample",): []},
    "sleepstudy/sleepstudy.csv": {("Subject",): []},
    "three_level/pupils.csv.gz": {("class", "school"): [("school",)], ("school",): []},
}
OUTCOMES = {
    "egsingle/egsingle.csv.gz": "math",
    "hsb/students.csv.gz": "mAch",
    "insteval/insteval.csv.gz": "y",
    "pastes/pastes.csv": "strength",
    "penicillin/penicillin.csv": "diameter",
    "sleepstudy/sleepstudy.csv": "Reaction",
    "three_level/pupils.csv.gz": "score",
}


def column(scan: Scan, name: str):
    return next(c for c in scan.columns if c.name == name)


def levels(scan: Scan) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    return {level.columns: list(level.parents) for level in scan.levels}


@pytest.mark.parametrize("path", PROPOSALS)
def test_levels_and_outcome_of_the_examples(path: str) -> None:
    scan = hdsl.scan(EXAMPLES / path)
    assert levels(scan) == PROPOSALS[path]
    assert scan.outcomes[0].column == OUTCOMES[path]
    assert all(level.reasons for level in scan.levels)


def test_columns_live_where_they_are_constant() -> None:
    scan = hdsl.scan(EXAMPLES / "egsingle/egsingle.csv.gz")
    assert column(scan, "math").level == ROWS
    assert column(scan, "female").level == ("childid",)
    assert column(scan, "lowinc").level == ("schoolid",)
    assert (column(scan, "female").role, column(scan, "black").role) == ("factor", "covariate")


def test_labels_that_repeat_are_a_pair_or_another_column() -> None:
    pupils = hdsl.scan(EXAMPLES / "three_level/pupils.csv.gz")
    assert column(pupils, "experience").level == ("class", "school")
    assert column(pupils, "pupil").role == "row label"
    assert column(pupils, "pupil").within == ("class", "school")
    pastes = hdsl.scan(EXAMPLES / "pastes/pastes.csv")
    assert column(pastes, "cask").within == ("batch",)
    assert any("cask" in note and "sample" in note for note in pastes.notes)


def test_a_design_that_may_be_nested_is_told() -> None:
    """Without the column `sample` nothing but the experimenter knows whether cask a is one cask or ten."""
    data = pd.read_csv(EXAMPLES / "pastes/pastes.csv").drop(columns="sample")
    scan = hdsl.scan(data)
    assert levels(scan) == {("batch",): []}
    assert any("cask" in note and "another" in note for note in scan.notes)


def test_groups_are_counted() -> None:
    sizes = [1, 2, 3, 10, 4, 4]
    data = pd.DataFrame({"school": np.repeat(list("abcdef"), sizes), "y": np.random.default_rng(1).normal(size=24)})
    (level,) = hdsl.scan(data).levels
    assert (level.n_groups, level.smallest, level.median, level.largest, level.singletons) == (6, 1, 3.5, 10, 1)


def crossed(rng: np.random.Generator) -> pd.DataFrame:
    """Two parts of subjects and items that share no row; one subject of the first part lies in one list only."""
    subject = np.repeat(np.arange(20), 6)
    item = np.where(subject < 10, rng.integers(0, 8, 120), rng.integers(8, 16, 120))
    return pd.DataFrame({"subject": subject, "item": item, "rt": rng.normal(size=120)})


def test_crossed_levels_have_cells_and_components() -> None:
    data = crossed(np.random.default_rng(4))
    (crossing,) = hdsl.scan(data).crossings
    assert (crossing.first, crossing.second) == (("subject",), ("item",))
    assert crossing.components == 2
    assert crossing.cells == len(data.drop_duplicates(["subject", "item"]))
    assert crossing.possible == 20 * 16
    assert "2 parts" in str(hdsl.scan(data))
    joined = pd.concat([data, pd.DataFrame({"subject": [0], "item": [15], "rt": [0.0]})])
    assert hdsl.scan(joined).crossings[0].components == 1


def test_few_movers_are_told_with_an_example() -> None:
    data = pd.DataFrame({"pupil": np.repeat(np.arange(60), 5), "school": np.repeat(np.arange(12), 25)})
    data["y"] = np.random.default_rng(2).normal(size=300)
    assert levels(hdsl.scan(data)) == {("pupil",): [("school",)], ("school",): []}
    data.loc[7, "school"] = 9
    (crossing,) = hdsl.scan(data).crossings
    assert (crossing.movers, crossing.n_first) == (1, 60)
    assert crossing.example == "1 lies in 0 and 9"
    assert "nearly nested, 1 of 60" in str(hdsl.scan(data)).replace("\n    ", " ")


def test_one_to_one_columns_are_one_level() -> None:
    data = pd.DataFrame({"code": np.repeat(np.arange(8), 6), "county": np.repeat(list("abcdefgh"), 6)})
    data["y"] = np.random.default_rng(5).normal(size=48)
    scan = hdsl.scan(data)
    assert levels(scan) == {("county",): []}
    assert column(scan, "code").same_as == "county"


def test_constant_empty_and_unique_columns() -> None:
    data = pd.DataFrame({"id": np.arange(40), "one": 1, "none": np.nan, "school": np.repeat(list("abcdefgh"), 5)})
    data["y"] = np.random.default_rng(6).normal(size=40)
    scan = hdsl.scan(data)
    roles = {c.name: c.role for c in scan.columns}
    assert roles == {"id": "row label", "one": "constant", "none": "constant", "school": "level", "y": "covariate"}
    assert column(scan, "none").kind == "empty"
    assert column(scan, "none").n_missing == 40


def test_missing_values_are_counted_and_decide_nothing() -> None:
    data = pd.DataFrame({"school": np.repeat(list("abcdefgh"), 5), "y": np.random.default_rng(7).normal(size=40)})
    data["size"] = np.repeat(np.arange(8.0), 5)
    data.loc[[3, 12], "size"] = np.nan
    data.loc[20, "school"] = None
    scan = hdsl.scan(data)
    assert column(scan, "size").n_missing == 2
    assert column(scan, "size").level == ("school",)
    assert column(scan, "school").n_missing == 1


def test_a_column_that_is_constant_but_for_a_few_groups_is_told() -> None:
    data = pd.DataFrame({"school": np.repeat(np.arange(40), 5), "size": np.repeat(np.arange(40) % 7, 5)})
    data["y"] = np.random.default_rng(8).normal(size=200)
    data.loc[11, "size"] = 99
    found = column(hdsl.scan(data), "size")
    assert (found.level, found.nearly, found.exceptions) == (ROWS, ("school",), 1)
    assert "size is constant in school but for 1 group" in str(hdsl.scan(data))


@pytest.mark.parametrize("name", ["year", "age", "score", "income", "visit"])
def test_amounts_and_times_are_no_levels(name: str) -> None:
    rng = np.random.default_rng(9)
    data = pd.DataFrame(
        {"subject": np.repeat(np.arange(30), 6), name: rng.integers(1, 25, 180), "y": rng.normal(size=180)}
    )
    assert levels(hdsl.scan(data)) == {("subject",): []}


def test_measurements_under_unknown_names_are_no_levels() -> None:
    """Whole numbers that gather in the middle of their range, and whatever is a function of them."""
    rng = np.random.default_rng(10)
    points = rng.normal(60, 12, 3000).round().astype(int)
    data = pd.DataFrame({"q": points, "band": points // 20, "log_q": np.log(points), "y": rng.normal(size=3000)})
    assert levels(hdsl.scan(data)) == {}


def test_a_level_is_found_under_any_name_by_its_structure() -> None:
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(50), 8)
    data = pd.DataFrame({"q": group + 1, "w": rng.normal(size=50)[group], "y": rng.normal(size=400)})
    assert levels(hdsl.scan(data)) == {("q",): []}
    shuffled = data.sample(frac=1, random_state=1)
    assert levels(hdsl.scan(shuffled)) == {("q",): []}


def test_the_order_of_rows_and_columns_does_not_matter_much() -> None:
    data = pd.read_csv(EXAMPLES / "egsingle/egsingle.csv.gz")
    mixed = data.sample(frac=1, random_state=2)[sorted(data.columns, reverse=True)]
    assert levels(hdsl.scan(mixed)) == levels(hdsl.scan(data))


def test_tables_of_several_levels() -> None:
    folder = EXAMPLES / "hsb"
    scan = hdsl.scan({"i": folder / "students.csv.gz", "school": folder / "schools.csv"})
    assert scan.name == "students.csv.gz, schools.csv"
    assert column(scan, "meanses").level == ("school",)
    students = pd.read_csv(folder / "students.csv.gz")
    few = students[students["school"] != students["school"].iloc[0]]
    noted = hdsl.scan({"rows": few, "school": pd.read_csv(folder / "schools.csv")})
    assert any("no rows" in d.message for d in noted.diagnostics)
    assert "have no rows" in str(noted).replace("\n    ", " ")


def test_frames_of_polars_and_dicts_give_the_same() -> None:
    import polars as pl

    data = pd.read_csv(EXAMPLES / "pastes/pastes.csv")
    expected = hdsl.scan(data).to_dict()
    assert hdsl.scan(pl.DataFrame(data.to_dict("list"))).to_dict() == expected
    assert hdsl.scan(data.to_dict("list")).to_dict() == expected


def test_no_rows_and_unknown_outcomes_are_refused() -> None:
    with pytest.raises(hdsl.DataError) as caught:
        hdsl.scan(pd.DataFrame({"y": []}))
    assert caught.value.code == "HM408"
    with pytest.raises(hdsl.DataError) as caught:
        hdsl.scan(EXAMPLES / "pastes/pastes.csv", outcome="strenght")
    assert caught.value.code == "HM401"
    assert "`strength`" in caught.value.help


def test_the_report_keeps_to_its_width() -> None:
    for path in PROPOSALS:
        text = str(hdsl.scan(EXAMPLES / path))
        assert max(map(len, text.splitlines())) <= 80


def test_to_dict_is_plain() -> None:
    import json

    record = hdsl.scan(EXAMPLES / "insteval/insteval.csv.gz").to_dict()
    assert json.loads(json.dumps(record))["levels"][0]["columns"] == ["s"]
    assert {c["first"] for c in [{"first": tuple(x["first"])} for x in record["crossings"]]} == {("s",)}
