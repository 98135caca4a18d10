"""`hdsl simulate` and `hdsl power`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest

import hdsl
from hdsl.cli import main

TEXT = """\
y[i] ~ normal(b0[school] + b1*x[i] + b2*treated[school], sd)
b0[school] ~ normal(b0, sd_school)
"""
VALUES = ["--parameters", "b0=10", "b1=2", "b2=1", "sd_school=3", "sd=5", "--seed", "1"]
SIZES = ["--sizes", "school=12", "i=10"]
COVARIATES = ["--covariates", "x=normal(0, 1)", "treated=cycle(0, 1)"]


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "school.hm"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def test_a_table_is_printed_or_written(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", model, *VALUES, *SIZES, *COVARIATES]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert main(["simulate", model, *VALUES, *SIZES, *COVARIATES, "-o", str(tmp_path / "a.csv")]) == 0
    assert pd.read_csv(tmp_path / "a.csv").equals(printed)
    assert len(printed) == 120
    given = {"b0": 10, "b1": 2, "b2": 1, "sd_school": 3, "sd": 5}
    covariates = {"x": ("normal", 0, 1), "treated": ("cycle", [0, 1])}
    expected = hdsl.Model(TEXT).simulate(given, {"school": 12, "i": 10}, covariates, seed=1)
    assert printed["y"].to_numpy() == pytest.approx(expected["y"].to_numpy(), rel=1e-12)
    assert main(["fit", model, str(tmp_path / "a.csv")]) == 0


def test_power_is_printed_and_as_json(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["power", model, *VALUES, *SIZES, *COVARIATES, "--test", "b1 = 0", "-n", "20"]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("power ")
    assert main([*command, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["n"] == 20
    assert record["power"] == record["rejected"] / 20
    assert record["lower"] < record["power"] <= record["upper"]
    assert (record["seed"], record["alpha"], record["failures"]) == (1, 0.05, [])


def test_a_mistake_of_the_scenario_is_told_by_its_code(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", model, *VALUES, *SIZES]) == 1
    assert "error[HM515]: nothing is said of" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--parameters", "b0"],
        ["--parameters", "b0=ten"],
        ["--parameters", "b0=1", "--sizes", "school=some"],
        ["--covariates", "=3"],
    ],
)
def test_words_that_cannot_be_read_are_wrong_usage(
    model: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", model, *words]) == 2
    assert "hdsl" in capsys.readouterr().err


def test_sizes_and_text_may_be_lists(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--sizes", "school=3", "i=2,3,4"]
    covariates = ["--covariates", "x=uniform(-1, 1)", "treated=1"]
    assert main(["simulate", model, *VALUES, *sizes, *covariates]) == 0
    data = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert data.groupby("school").size().tolist() == [2, 3, 4]
    assert data["treated"].unique().tolist() == [1]
