"""PyMC scripts are run: their density, with the groups' coefficients integrated out, is our likelihood.

PyMC is looked for in this interpreter, else in the one that the variable ``HDSL_PYMC_PYTHON`` names; without it the
tests are skipped, with that reason.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.bridge import export
from tests.unit.bridge.models import MODELS, TIED
from tests.unit.bridge.studies import STUDIES, mixed_bag, model_path

LAPLACE = Path(__file__).with_name("laplace.py")


def interpreter() -> str:
    if importlib.util.find_spec("pymc") is not None:
        return sys.executable
    named = os.environ.get("HDSL_PYMC_PYTHON")
    if named is None:
        pytest.skip("PyMC is not installed, and HDSL_PYMC_PYTHON names no interpreter that has it")
    return named


def run_pymc(script: str, values: dict[str, object], directory: Path) -> float:
    """The log-likelihood of a script at parameter values."""
    python = interpreter()
    (directory / "model.py").write_text(script, encoding="utf-8")
    (directory / "values.json").write_text(json.dumps(values), encoding="utf-8")
    command = [python, str(LAPLACE), str(directory / "model.py"), str(directory / "values.json")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "log-likelihood " in run.stdout, run.stderr
    return float(run.stdout.split()[-1])


def packed(params: pd.Series[float], effects: list[str]) -> list[float]:
    """The Cholesky factor of a covariance matrix, row by row, as PyMC packs it."""
    sd = np.array([params[f"sd({effect})"] for effect in effects])
    cor = np.eye(len(effects))
    for row, first in enumerate(effects):
        for column, second in enumerate(effects[:row]):
            cor[row, column] = cor[column, row] = params[f"cor({second}, {first})"]
    factor = np.linalg.cholesky(cor * np.outer(sd, sd))
    return factor[np.tril_indices(len(effects))].tolist()


def test_the_sleep_study_has_our_likelihood(tmp_path: Path) -> None:
    model, data = hdsl.read(model_path("sleepstudy")), STUDIES["sleepstudy"]
    script = export(model, "pymc", data)
    params = (fit := model.fit(data)).params
    values = {name: params[name] for name in ("b0", "b1", "sd")}
    values["chol_Subject"] = packed(params, ["b0[Subject]", "b1[Subject]"])
    assert run_pymc(script, values, tmp_path) == pytest.approx(fit.loglik, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "names"),
    [
        ("pastes", ("mu", "sd_batch", "sd_cask", "sd_test")),
        ("penicillin", ("mu", "sd_plate", "sd_sample", "sd")),
    ],
)
def test_crossed_and_nested_groups_have_our_likelihood(study: str, names: tuple[str, ...], tmp_path: Path) -> None:
    model, data = hdsl.read(model_path(study)), STUDIES[study]
    script = export(model, "pymc", data)
    fit = model.fit(data)
    values = {name: fit.params[name] for name in names}
    assert run_pymc(script, values, tmp_path) == pytest.approx(fit.loglik, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["independent", "no intercept", "sets", "aggregates", "offset", "shared coefficient"])
def test_models_of_every_kind_have_our_likelihood(name: str, tmp_path: Path) -> None:
    check(hdsl.Model(MODELS[name]), tmp_path)


@pytest.mark.slow
def test_a_standard_deviation_may_be_shared(tmp_path: Path) -> None:
    check(hdsl.Model(TIED), tmp_path)


def check(model: hdsl.Model, directory: Path) -> None:
    """Compare at our estimates; a set's coefficients are in the order of its labels."""
    path = directory / "bag.csv"
    mixed_bag().to_csv(path, index=False)
    fit = model.fit(str(path))
    values: dict[str, object] = {}
    sets: dict[str, list[tuple[tuple[str, ...], float]]] = {}
    references = {unmodelled.name: unmodelled.references for unmodelled in model.form.sets}
    for name, value in fit.params.items():
        symbol, bracket, label = str(name).partition("[")
        if bracket:
            labels = tuple(label.removesuffix("]").split(","))
            sets.setdefault(symbol, []).append((labels, float(value)))
        else:
            values[symbol] = float(value)
    for symbol, found in sets.items():
        assert symbol in references
        values[symbol] = [value for _, value in sorted(found)]
    assert run_pymc(export(model, "pymc", str(path)), values, directory) == pytest.approx(fit.loglik, abs=1e-6)
