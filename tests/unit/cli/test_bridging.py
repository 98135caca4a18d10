"""``hdsl import`` and ``hdsl export`` as they are typed."""

from __future__ import annotations

import json

import pytest

from hdsl.cli import main
from tests.unit.bridge.studies import STUDIES, model_path

SLEEP = str(STUDIES["sleepstudy"])
MODEL = str(model_path("sleepstudy"))


def test_a_formula_is_printed_as_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "Reaction ~ Days + (Days | Subject)", SLEEP]) == 0
    out, err = capsys.readouterr()
    assert "(b0[Subject], b_Days[Subject]) ~ mvnormal((b0, b_Days), Omega)" in out
    assert not err


def test_options_of_the_import(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "b ~ f + (1 | g)", "--family", "binomial", "--link", "probit", "--factor", "f"]) == 0
    out = capsys.readouterr().out
    assert "probit(p[i]) = b0[g] + b_f[f]" in out
    assert main(["import", "y ~ x + (x | g)", "--one-equation"]) == 0
    assert "b0 + b_x*x[i] + u0[g] + u_x[g]*x[i]" in capsys.readouterr().out


def test_files_are_written_and_run(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "sleep.hm"
    assert main(["import", "Reaction ~ Days + (Days | Subject)", SLEEP, "-o", str(target)]) == 0
    assert main(["fit", str(target), SLEEP, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loglik"] == pytest.approx(-875.969672, abs=1e-5)


def test_a_formula_that_cannot_be_read_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "y ~ x + (1 | g"]) == 1
    err = capsys.readouterr().err
    assert "error[HM012]: a bracket is not closed" in err
    assert "<formula>:1:9" in err


@pytest.mark.parametrize("target", ["lme4", "glmmTMB", "brms", "stan", "pymc"])
def test_a_model_is_printed_as_code(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", MODEL, SLEEP, "--to", target]) == 0
    assert "Reaction" in capsys.readouterr().out


def test_values_of_a_stan_program(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    program, values = tmp_path / "m.stan", tmp_path / "m.json"
    assert main(["export", MODEL, SLEEP, "--to", "stan", "-o", str(program), "--values", str(values)]) == 0
    assert not capsys.readouterr().out
    assert json.loads(values.read_text())["N"] == 180
    assert "model {" in program.read_text()


def test_what_cannot_be_said_is_a_mistake(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tied.hm"
    path.write_text("y[i] ~ normal(b0 + u[g] + v[h], sd)\nu[g] ~ normal(0, s)\nv[h] ~ normal(0, s)\n")
    assert main(["export", str(path), "--to", "lme4"]) == 1
    assert "error[HM014]: lme4 cannot say a standard deviation that is shared (`s`)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", MODEL],
        ["export", MODEL, "--to", "sas"],
        ["export", MODEL, "--to", "stan", "--values", "x.json"],
        ["export", MODEL, SLEEP, "--to", "lme4", "--values", "x.json"],
        ["import"],
        ["import", "y ~ x", f"i={SLEEP}", f"j={SLEEP}"],
        ["import", "y ~ x", "no such file.csv"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err
