"""``hdsl plot`` and ``hdsl spectrum``: files, frames, and what they refuse."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from hdsl.cli import main

STUDY = Path(__file__).resolve().parents[3] / "examples" / "pastes"
MODEL, DATA = str(STUDY / "model.hm"), str(STUDY / "pastes.csv")


def run(capsys, *arguments):
    """Status, standard output, standard error."""
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_picture_into_a_file(capsys, tmp_path):
    path = tmp_path / "modes.png"
    status, out, _ = run(capsys, "plot", MODEL, DATA, "caterpillar", "--with", "effect=batch", "-o", str(path))
    assert status == 0
    assert out.startswith(f"wrote {path}: How far each group of batch")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_without_a_file_its_frame(capsys):
    status, out, _ = run(capsys, "plot", MODEL, DATA, "caterpillar", "--with", "effect=u[batch]", "level=0.5")
    frame = pd.read_csv(io.StringIO(out))
    assert (status, len(frame)) == (0, 10)
    assert list(frame) == ["effect", "group", "estimate", "se", "rank", "lower", "upper", "has_zero"]


def test_the_plots_of_a_fit(capsys):
    status, out, _ = run(capsys, "plot", MODEL, DATA, "list")
    assert status == 0
    assert "ranked       not of this fit: `normal` is no binary outcome\n" in out
    assert "shrinkage    own estimates of the groups, drawn to their mean\n" in out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["ranked"], 1, "error[HM517]: there is no `ranked` plot of this fit"),
        (["caterpillar", "--with", "colour=red"], 1, "error[HM517]: `caterpillar` has no option 'colour'"),
        (["caterpillar", "--with", "level=high"], 2, "hdsl plot: the value of 'level' is no number: 'high'"),
        (["caterpillar", "--with", "level"], 2, "each option needs its name"),
        (["caterpillar", "-o", "modes.gif"], 1, "error[HM517]: a picture is no 'gif'"),
        (["pie"], 2, "invalid choice: 'pie'"),
    ],
)
def test_what_cannot_be_drawn(capsys, words, status, said):
    found, _, err = run(capsys, "plot", MODEL, DATA, *words)
    assert found == status
    assert said in err


def test_the_spectrum_and_its_picture(capsys, tmp_path):
    path = tmp_path / "shrinkage.svg"
    status, out, _ = run(capsys, "spectrum", MODEL, DATA, "--index", "batch", "-o", str(path))
    assert status == 0
    assert "Shrinkage by batch: estimate = weight*own + (1 - weight)*mean" in out
    assert "<svg" in path.read_text(encoding="utf-8")


def test_the_spectrum_as_json(capsys):
    status, out, _ = run(capsys, "spectrum", MODEL, DATA, "--index", "batch", "--json")
    record = json.loads(out)
    assert (status, record["index"], record["is_exact"]) == (0, "batch", True)
    assert [row["fit"] for row in record["measures"]] == ["pooled", "partial", "unpooled"]
    assert record["coefficients"][0]["name"] == "mu"
    assert len(record["shrinkage"]) == 10
