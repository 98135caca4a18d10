"""The model that a scan writes compiles and fits the data as it is, whatever the columns are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from tests.unit.survey.test_levels import EXAMPLES, PROPOSALS


@pytest.mark.parametrize("path", PROPOSALS)
def test_the_examples_fit_as_they_are(path: str) -> None:
    scan = hdsl.scan(EXAMPLES / path)
    fit = hdsl.Model(scan.to_model()).fit(EXAMPLES / path)
    assert fit.converged
    grouping = {tuple(d.split(",")) for d in fit.var_corr["index_set"]} if len(fit.var_corr) else set()
    assert len(grouping - {("i",)}) >= len(scan.levels)


def test_nested_levels_climb() -> None:
    text = hdsl.scan(EXAMPLES / "egsingle/egsingle.csv.gz").to_model()
    assert "index j = childid in k\nindex k = schoolid\n" in text
    assert "b0[j] ~ normal(b0[k] + b_female[female]" in text
    assert "b0[k] ~ normal(b0 + b_size*size[k]" in text
    assert "b_female[female] ~ flat()" in text


def test_crossed_levels_have_deviations() -> None:
    text = hdsl.scan(EXAMPLES / "penicillin/penicillin.csv").to_model()
    assert "normal(b0 + u_plate[j] + u_sample[k], sd)" in text
    assert "u_plate[j] ~ normal(0, sd_plate)" in text


def test_a_pair_is_its_subscripts() -> None:
    text = hdsl.scan(EXAMPLES / "three_level/pupils.csv.gz").to_model()
    assert "b0[j,k] ~ normal(b0[k] + b_experience*experience[j,k], sd_class_school)" in text


def test_the_model_is_laid_out_by_the_formatter_without_a_change_of_meaning() -> None:
    from hdsl.source import Source
    from hdsl.syntax import format_text

    text = hdsl.scan(EXAMPLES / "egsingle/egsingle.csv.gz").to_model()
    assert str(hdsl.Model(format_text(Source(text, "m.hm"))).composite) == str(hdsl.Model(text).composite)


AWKWARD = {
    "Pupil ID": np.repeat(np.arange(60), 4),
    'School "x"': np.repeat(np.arange(10), 24),
    "in": np.tile(np.arange(4) ** 1.5, 60),
    "b0": np.resize(np.sqrt(np.arange(240)), 240),
    "test score": np.random.default_rng(0).normal(size=240),
    "Home town": np.resize(["a", "b", "c", "a", "c"], 240),
    "sd": np.sin(np.arange(240.0)),
    "1st": np.cos(np.arange(240.0)),
    "größe": np.repeat(np.random.default_rng(1).normal(size=10), 24),
    "two\nlines": np.repeat(np.random.default_rng(2).normal(size=10), 24),
    "count": np.repeat(np.random.default_rng(3).normal(size=10), 24),
    "i": np.random.default_rng(4).normal(size=240),
    "a\\b": np.random.default_rng(5).normal(size=240),
}


def test_awkward_names_of_columns() -> None:
    data = pd.DataFrame(AWKWARD)
    scan = hdsl.scan(data)
    text = scan.to_model()
    assert [level.columns for level in scan.levels] == [("Pupil ID",), ('School "x"',)]
    assert 'index k = "School \\"x\\""' in text
    assert "two?lines (its name cannot be written)" in text
    model = hdsl.Model(text)
    used = {column.column for column in model.form.data}
    assert {"in", "b0", "1st", "größe", "count", "sd", "i", "a\\b", "test score"} <= used
    assert model.fit(data).converged


@pytest.mark.parametrize("column", ["two\nlines", "Pupil ID\n"])
def test_a_name_that_cannot_be_written_is_refused_where_it_is_needed(column: str) -> None:
    data = pd.DataFrame({"subject": np.repeat(np.arange(20), 5), column: np.random.default_rng(1).normal(size=100)})
    with pytest.raises(ValueError, match="rename it"):
        hdsl.scan(data, outcome=column).to_model()


def test_what_is_left_out_is_said() -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"subject": np.repeat(np.arange(12), 6), "y": rng.normal(size=72)})
    data["half"] = np.where(rng.random(72) < 0.5, np.nan, rng.normal(size=72))
    data["twice"] = np.exp(data["y"])
    for k in range(4):
        data[f"z{k}"] = rng.normal(size=12)[data["subject"]]
    text = hdsl.scan(data).to_model().replace("\n# ", " ")
    assert "half (missing in" in text
    assert "twice (the outcome in another coding)" in text
    assert "z2 (one covariate too many to start with)" in text
    assert "b_z1*z1[j]" in text


def test_a_binary_outcome_of_labels_is_compared() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"woman": np.repeat(np.arange(40), 5), "x": rng.normal(size=200)})
    data["use"] = np.where(rng.random(200) < 0.4, "Y", "N")
    text = hdsl.scan(data, outcome="use").to_model()
    assert 'y[i] = use[i] == "Y"' in text
    assert "bernoulli" in text
    assert hdsl.Model(text).fit(data).converged


def test_the_outcome_may_be_said() -> None:
    path = EXAMPLES / "three_level/pupils.csv.gz"
    assert "homework[i] ~ normal(" in hdsl.scan(path, outcome="homework").to_model()
    assert "homework[i] ~ normal(" in hdsl.scan(path).to_model("homework")
    with pytest.raises(ValueError, match="no column 'homewrok'"):
        hdsl.scan(path).to_model("homewrok")


def test_data_without_levels_or_outcome() -> None:
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=50), "y": rng.normal(size=50)})
    text = hdsl.scan(data).to_model()
    assert "y[i] ~ normal(b0 + b_x*x[i], sd)" in text
    assert hdsl.Model(text).fit(data).converged
    with pytest.raises(ValueError, match="say which one"):
        hdsl.scan(pd.DataFrame({"g": list("aabbccdd")})).to_model()


def random_data(seed: int) -> pd.DataFrame:
    """Nested and crossed groups of random sizes, with covariates at each level, some of them labels."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(80, 400))
    pupil = np.sort(rng.integers(0, max(n // 5, 12), n))
    school = pupil // int(rng.integers(3, 7))
    data = pd.DataFrame({"pupil": pupil, "school": [f"s{k}" for k in school], "y": rng.normal(size=n)})
    if rng.random() < 0.5:
        data["rater"] = rng.integers(0, 9, n)
        data["strict"] = rng.normal(size=9)[data["rater"]]
    if rng.random() < 0.5:
        data["sector"] = np.array(["public", "private"])[(np.arange(school.max() + 1) % 2)[school]]
    data["ses"] = rng.normal(size=pupil.max() + 1)[pupil]
    data["z"] = rng.normal(size=school.max() + 1)[school]
    data["x"] = np.where(rng.random(n) < rng.choice([0.0, 0.1]), np.nan, rng.normal(size=n))
    return data.sample(frac=1, random_state=seed) if rng.random() < 0.5 else data


@pytest.mark.parametrize("seed", range(25))
def test_random_data_fit_as_they_are(seed: int) -> None:
    data = random_data(seed)
    fit = hdsl.Model(hdsl.scan(data).to_model()).fit(data)
    assert fit.converged
    assert {"pupil", "school"} <= {index.column for index in fit.design.form.indices}


class TestCommand:
    """``hdsl scan``."""

    @staticmethod
    def run(capsys, *arguments):
        from hdsl.cli import main

        status = main(["scan", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    def test_it_prints_the_report(self, capsys) -> None:
        path = EXAMPLES / "pastes/pastes.csv"
        status, out, err = self.run(capsys, path)
        assert (status, err) == (0, "")
        assert out == str(hdsl.scan(path)) + "\n"

    def test_it_writes_a_model_once(self, capsys, tmp_path: Path) -> None:
        path, target = EXAMPLES / "pastes/pastes.csv", tmp_path / "pastes.hm"
        status, out, _ = self.run(capsys, path, "--write", target)
        assert status == 0
        assert "wrote" in out
        assert target.read_text(encoding="utf-8") == hdsl.scan(path).to_model()
        target.write_text("mine", encoding="utf-8")
        status, out, err = self.run(capsys, path, "--write", target)
        assert (status, out) == (2, "")
        assert "there already" in err
        assert target.read_text(encoding="utf-8") == "mine"

    def test_the_model_alone(self, capsys) -> None:
        path = EXAMPLES / "pastes/pastes.csv"
        assert self.run(capsys, path, "--write", "-")[1] == hdsl.scan(path).to_model()

    def test_json(self, capsys) -> None:
        import json

        folder = EXAMPLES / "hsb"
        tables = [f"i={folder / 'students.csv.gz'}", f"school={folder / 'schools.csv'}"]
        status, out, _ = self.run(capsys, *tables, "--json", "--write", "-", "--outcome", "ses")
        record = json.loads(out)
        assert (status, record["ok"], record["levels"][0]["columns"]) == (0, True, ["school"])
        assert "ses[i] ~ normal(" in record["model"]

    def test_mistakes(self, capsys) -> None:
        status, _, err = self.run(capsys, EXAMPLES / "pastes/pastes.csv", "--outcome", "strenght")
        assert (status, "HM401" in err) == (1, True)
        assert self.run(capsys, "nowhere.csv")[0] == 2
