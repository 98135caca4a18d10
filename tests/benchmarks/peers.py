"""The programs of the benchmark: each gives for a case a callable that fits it once, or says why it cannot.

All compute maximum-likelihood estimates with the standard errors of the fixed effects, from a pandas frame; libraries
are imported beforehand.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from cases import Case

import hdsl

__all__ = ["IN_PROCESS", "LeftOut", "Run", "lme4"]

PATIENCE = 400
"""Seconds that R may take for a case."""

LME4 = Path(__file__).with_name("lme4.R")


class LeftOut(Exception):  # noqa: N818 - a signal to the caller, which prints it
    """Why a program does not take part in a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One timed call: seconds for each of its parts, the whole first, and the log-likelihood."""

    seconds: dict[str, float]
    loglik: float


Fit = Callable[[], Run]


def _timed(call: Callable[[], Any], loglik: Callable[[Any], float]) -> Run:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        fit = call()
        seconds = time.perf_counter() - start
    return Run(seconds={"fit": seconds}, loglik=float(loglik(fit)))


def ours(case: Case, frame: pd.DataFrame) -> Fit:
    """Fit, and then all standard errors, those of variance parameters too; the model is compiled beforehand."""
    model = hdsl.Model(case.text)

    method = "ml" if case.family == "gaussian" else "laplace"

    def run() -> Run:
        start = time.perf_counter()
        fit = model.fit(frame, method=method, **case.options)
        fitted = time.perf_counter()
        errors = fit.bse
        end = time.perf_counter()
        assert len(errors) == len(fit.params)
        return Run(seconds={"fit": fitted - start, "with all SE": end - start}, loglik=float(fit.loglik))

    return run


def glmm(case: Case, frame: pd.DataFrame) -> Fit:
    """Without Satterthwaite's degrees of freedom, which no other program here computes."""
    try:
        import glmm as package
    except ImportError:
        raise LeftOut("not installed") from None
    options = {"reml": False, "satterthwaite": False} if case.family == "gaussian" else {"family": case.family}
    return lambda: _timed(lambda: package.fit(frame, case.formula, **options), lambda fit: fit.loglik)


def lme_python(case: Case, frame: pd.DataFrame) -> Fit:
    """Fit with its defaults."""
    try:
        import lme_python as package
    except ImportError:
        raise LeftOut("not installed") from None
    if case.family == "gaussian":
        return lambda: _timed(lambda: package.lmer(case.formula, frame, reml=False), lambda fit: fit.log_likelihood)
    return lambda: _timed(lambda: package.glmer(case.formula, frame, case.family), lambda fit: fit.log_likelihood)


def gpboost(case: Case, frame: pd.DataFrame) -> Fit:
    """Fit intercepts of groups; it computes no standard errors unless asked, and is not."""
    if isinstance(case.gpboost, str):
        raise LeftOut(case.gpboost)
    try:
        import gpboost as package
    except ImportError:
        raise LeftOut("not installed") from None
    outcome, covariates, groups = case.gpboost
    X = frame[list(covariates)].assign(intercept=1.0).to_numpy()
    y, columns = frame[outcome].to_numpy(dtype=float), frame[list(groups)].to_numpy()

    def call() -> Any:
        model = package.GPModel(group_data=columns, likelihood="gaussian")
        model.fit(y=y, X=X)
        return model

    return lambda: _timed(call, lambda model: -model.get_current_neg_log_likelihood())


def statsmodels(case: Case, frame: pd.DataFrame) -> Fit:
    """Fit where its formulas can say the model."""
    if isinstance(case.statsmodels, str):
        raise LeftOut(case.statsmodels)
    try:
        import statsmodels.formula.api as package
    except ImportError:
        raise LeftOut("not installed") from None
    options = dict(case.statsmodels)
    formula, data = options.pop("formula"), frame.assign(all=1)

    def call() -> Any:
        fit = package.mixedlm(formula, data, **options).fit(reml=False)
        return fit, fit.bse

    return lambda: _timed(call, lambda pair: pair[0].llf)


IN_PROCESS: dict[str, Callable[[Case, pd.DataFrame], Fit]] = {
    "hdsl": ours,
    "glmm": glmm,
    "lme-python": lme_python,
    "gpboost": gpboost,
    "statsmodels": statsmodels,
}


def lme4(case: Case, frame: pd.DataFrame, rounds: int) -> dict[str, Any]:
    """Return seconds of each of some runs inside one R process, the log-likelihood, and versions."""
    if "lme4" in case.left_out:
        raise LeftOut(case.left_out["lme4"])
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise LeftOut("R is not installed")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        frame.to_csv(path, index=False)
        command = [rscript, "--vanilla", str(LME4), str(path), case.formula, str(rounds), case.family]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise LeftOut(f"no result within {PATIENCE} s") from None
    if done.returncode:
        raise LeftOut(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "R failed")
    return json.loads(done.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]
