"""`hdsl fit --save` and `hdsl predict`."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.cli import main

TEXT = "y[i] ~ normal(b0 + b1*x[i] + u[j], sd)\nu[j] ~ normal(0, sd_j)\n"


@pytest.fixture
def kept(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    j, x = np.arange(60) % 10, rng.normal(size=60)
    y = 1 + x + rng.normal(size=10)[j] + rng.normal(size=60)
    pd.DataFrame({"j": j, "x": x, "y": y}).to_csv("data.csv", index=False)
    pd.DataFrame({"j": ["3", "new"], "x": [0.5, 0.5]}).to_csv("new.csv", index=False)
    (tmp_path / "m.hm").write_text(TEXT)
    assert main(["fit", "m.hm", "data.csv", "--method", "reml", "--save", "m.hmfit"]) == 0
    capsys.readouterr()
    return hdsl.load("m.hmfit")


def test_predictions_are_those_of_the_fit(kept, capsys):
    assert main(["predict", "m.hmfit", "new.csv", "--level", "0.9"]) == 0
    out, err = capsys.readouterr()
    table = pd.read_csv(io.StringIO(out))
    expected = kept.predictions("new.csv", level=0.9)
    assert list(table) == ["row", "estimate", "se", "lower", "upper"]
    assert table.iloc[:, 1:].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-8)
    assert "1 group seen" in err
    assert "1 new" in err


def test_the_rows_of_the_fit_and_a_file(kept, capsys):
    assert main(["predict", "m.hmfit", "--include", "j", "-o", "out.csv"]) == 0
    assert capsys.readouterr().out == ""
    assert pd.read_csv("out.csv")["estimate"].to_numpy() == pytest.approx(kept.fitted.to_numpy(), rel=1e-8)


def test_json_says_what_was_done(kept, capsys):
    arguments = ["predict", "m.hmfit", "new.csv", "--fixed", "--marginal", "--interval", "prediction", "--json"]
    assert main(arguments) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["groups"] == {"j": "not included: integrated over"}
    expected = kept.predictions("new.csv", include=None, marginal=True, interval="prediction")
    assert [row["upper"] for row in record["predictions"]] == pytest.approx(expected["upper"].to_list())


def test_what_is_wrong_is_told(kept, capsys):
    assert main(["predict", "none.hmfit", "new.csv"]) == 2
    assert "none.hmfit" in capsys.readouterr().err
    assert main(["predict", "m.hmfit", "new.csv", "--fixed", "--include", "j"]) == 2
    assert main(["predict", "data.csv", "new.csv"]) == 1
    assert "HM513" in capsys.readouterr().err
    assert main(["predict", "m.hmfit", "new.csv", "--include", "q"]) == 1
    assert main(["fit", "m.hm", "data.csv", "--save", "nowhere/m.hmfit"]) == 2
