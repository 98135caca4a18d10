"""Distributions, links, wrappers and equations for what is no mean agree with glmmTMB, ordinal, survival and glm.

The references are what `make_simulated.R` wrote. glmmTMB has the observed Hessian in Laplace's approximation and in
its standard errors, as hdsl does. Its dispersion is the log of the size, shape, precision or scale; of a Gaussian
outcome it is the log of the variance.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import hdsl
from tests.reference.simulated import STUDIES

if TYPE_CHECKING:
    from hdsl.results import FittedModel

HERE = Path(__file__).resolve().parent

LOGLIK = 1e-6
"""On the scale of the log-likelihood."""
IN_STANDARD_ERRORS = 2e-3
OF_STANDARD_ERRORS = 2e-3
OF_STANDARD_ERRORS_OF_CLMM = 1e-2
OF_SPREAD = 2e-3

COVARIATES = {"(Intercept)": "0", "x": "_x", "z": "_z", "x:z": "_xz"}
PARTS = {"cond": "b", "zi": "q", "disp": "d"}
SCALARS = ("size", "shape", "precision", "scale")


@cache
def references() -> dict[str, dict[str, Any]]:
    return json.loads((HERE / "simulated.json").read_text(encoding="utf-8"))["fits"]


@cache
def fit_of(name: str) -> FittedModel:
    study = STUDIES[name]
    data = pd.read_csv(HERE / "data" / "simulated.csv.gz")
    return hdsl.Model(study.text).fit(data if study.where is None else data.query(study.where), nodes=study.nodes)


def name_of(theirs: str) -> str:
    """Return what a coefficient of R is called in the models."""
    if "|" in theirs:
        return f"cut[{theirs.partition('|')[0]}]"
    part, _, covariate = theirs.rpartition(": ")
    return PARTS[part or "cond"] + COVARIATES[covariate]


def estimate(fit: FittedModel, name: str, theirs: str) -> tuple[float, float]:
    """Return an estimate on R's scale with its standard error."""
    ours = name_of(theirs)
    if ours in fit.params:
        factor = 2.0 if theirs.startswith("disp") and name in {"normal_sd", "lognormal_slope"} else 1.0
        return factor * fit.params[ours], factor * fit.bse[ours]
    (scalar,) = [other for other in SCALARS if other in fit.params]
    return math.log(fit.params[scalar]), fit.bse[scalar] / fit.params[scalar]


def test_every_reference_has_a_model() -> None:
    assert set(STUDIES) == set(references())


@pytest.mark.parametrize("name", STUDIES)
def test_log_likelihood(name: str) -> None:
    fit = fit_of(name)
    assert fit.status == "converged"
    assert fit.diagnostics == () or {d.code for d in fit.diagnostics} <= {"HM409", "HM518"}
    assert fit.loglik == pytest.approx(references()[name]["logLik"], abs=LOGLIK, rel=0)


@pytest.mark.parametrize("name", STUDIES)
def test_coefficients(name: str) -> None:
    close = OF_STANDARD_ERRORS_OF_CLMM if name.startswith("ordered") else OF_STANDARD_ERRORS
    for theirs, expected in references()[name]["fixef"].items():
        value, se = estimate(fit_of(name), name, theirs)
        assert value == pytest.approx(expected["est"], abs=IN_STANDARD_ERRORS * se, rel=0), theirs
        if expected["se"] is not None:
            assert se == pytest.approx(expected["se"], rel=close), theirs


@pytest.mark.parametrize("name", [name for name, study in STUDIES.items() if study.spread])
def test_spread(name: str) -> None:
    expected = references()[name]["spread"]
    assert set(expected) == set(STUDIES[name].spread)
    for theirs, ours in STUDIES[name].spread.items():
        assert fit_of(name).params[ours] == pytest.approx(expected[theirs], rel=OF_SPREAD), theirs
