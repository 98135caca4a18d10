"""Estimates on the page: the tables of the summary, intervals, tests, measures.

Stage: results. Input: a fit. Output: tables. Invariants: numbers are rounded by the rules of the summary; estimates of
a search that stopped short are not shown without saying so beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from hdsl.markup import Child
from hdsl.results.inference.wald import WORDS
from hdsl.results.intervals import require_method
from hdsl.results.numbers import fixed, p_value, significant
from hdsl.results.page.parts import or_why_not, paragraph, table
from hdsl.results.page.request import Request
from hdsl.results.report import Cells
from hdsl.results.report_html import facts_element
from hdsl.results.summary import LEVELS, METHOD_NAMES
from hdsl.results.tables import parameter_roles

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.fitted import FittedModel

__all__ = ["estimates_body", "measures_body", "require", "tests_body"]

INTERVAL_WORDS = {"wald": "Wald", "profile": "profile likelihood", "bootstrap": "parametric bootstrap, 1000 replicates"}

MEASURE_WORDS = {
    "loglik": "log-likelihood",
    "aic": "AIC",
    "bic": "BIC",
    "caic": "conditional AIC",
    "r2_marginal": "R squared, marginal (fixed part)",
    "r2_conditional": "R squared, conditional (fixed and random part)",
    "icc": "intraclass correlation",
    "percent_correct": "per cent correctly predicted",
}
"""Names of measures in words; what is not here is called as `FittedModel.measures` calls it."""

MOST_ROWS = 200
"""More rows than this are counted, not printed."""


def require(fit: FittedModel, request: Request) -> None:
    """Refuse what was asked for by name and cannot be had, before a page is made without it.

    Raises
    ------
    FitError
        HM507 for intervals that there are not, HM510 for hypotheses and degrees of freedom.
    """
    require_method(request.intervals)
    if request.df is not None:
        fit.inference(request.df)
    for hypothesis in request.tests:
        fit.test(hypothesis, request.df)


def estimates_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield the tables of the summary and the likelihood."""
    report = fit.summary().report
    if report.alarm:
        yield paragraph(report.alarm, class_="alarm")
    yield [table(cells) for cells in report.tables if cells.title != LEVELS]
    yield paragraph(_tests_words(fit), class_="note")
    yield facts_element(report.closing)
    if report.alarm:
        yield paragraph(report.alarm, class_="alarm")


def _tests_words(fit: FittedModel) -> str:
    """Return what p-values are referred to."""
    if fit.degrees.is_normal:
        return "Tests of single coefficients are Wald tests by the normal distribution."
    return f"Tests of single coefficients are by t, degrees of freedom: {WORDS[fit.degrees.method]}."


def tests_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield intervals of all parameters, tests of all terms, and the hypotheses that were asked for."""
    if not fit.converged:
        yield paragraph("Intervals and tests around numbers that are not estimates mean nothing.", class_="alarm")
    yield or_why_not(lambda: table(_intervals(fit, request)), "No intervals")
    yield or_why_not(lambda: _terms(fit, request), "No tests of terms")
    for hypothesis in request.tests:
        yield _hypothesis(fit, request, hypothesis)


def _intervals(fit: FittedModel, request: Request) -> Cells:
    bounds = fit.conf_int(method=request.intervals)
    roles = dict(zip(fit.parameters.names, parameter_roles(fit.parameters), strict=True))
    rows = [
        (str(name), roles[str(name)], *(significant(value, by=_scale(fit, str(name))) for value in values))
        for name, values in zip(
            bounds.index,
            zip(fit.params[list(bounds.index)], bounds["lower"], bounds["upper"], strict=True),
            strict=True,
        )
    ]
    hidden = len(rows) - MOST_ROWS
    return Cells(
        title=f"95 % intervals, {INTERVAL_WORDS[request.intervals]}",
        header=("name", "role", "estimate", "2.5 %", "97.5 %"),
        rows=tuple(rows[:MOST_ROWS]),
        numeric=3,
        notes=(f"and {hidden:,} more, in `fit.conf_int()`",) if hidden > 0 else (),
    )


def _scale(fit: FittedModel, name: str) -> float | None:
    """Return what sets the decimals of a parameter: its standard error, if it has one."""
    se = float(fit.bse[name])
    return se if math.isfinite(se) and se > 0.0 else None


def _terms(fit: FittedModel, request: Request) -> Child:
    frame = fit.anova(request.df)
    if frame.empty:
        return paragraph("There is no term to test but the intercept.")
    notes = (
        f"each term given all others; degrees of freedom: {WORDS[request.df or fit.degrees.method]}",
        "what the test of a lower-order term means depends on where the covariates that multiply it are zero",
    )
    return table(_statistics(frame, "Tests of terms", "term", notes))


def _hypothesis(fit: FittedModel, request: Request, text: str) -> Child:
    test = fit.test(text, request.df)
    lines = str(test).splitlines()
    return [
        table(_statistics(test.table, f"Hypothesis: {text}", "left - right", ())),
        paragraph(f"{lines[-1]} ({lines[0]})."),
    ]


def _statistics(frame: pd.DataFrame, title: str, label: str, notes: tuple[str, ...]) -> Cells:
    """Return a frame of statistics as a table, each column rounded as such columns are."""
    frame = frame[[name for name in frame.columns if not np.isinf(frame[name]).all() or frame.empty]]
    header = (label, *(HEADERS.get(str(name), str(name)) for name in frame.columns))
    columns = [_shown(str(name), [float(value) for value in frame[name]]) for name in frame.columns]
    rows = list(zip(map(str, frame.index), *columns, strict=True))
    hidden = len(rows) - MOST_ROWS
    more = (f"and {hidden:,} more",) if hidden > 0 else ()
    return Cells(title=title, header=header, rows=tuple(rows[:MOST_ROWS]), numeric=len(header) - 1, notes=notes + more)


HEADERS = {"df_denominator": "denominator df"}


def _shown(name: str, values: list[float]) -> list[str]:
    """Return the cells of a column, rounded as columns of its name are."""
    if name == "p":
        return [p_value(value) for value in values]
    if name in ("df", "df_denominator"):
        decimals = 0 if all(value.is_integer() for value in values) else 1
        return [fixed(value, decimals) for value in values]
    if name in ("F", "chi2", "t", "z"):
        return [fixed(value, 2) for value in values]
    return [significant(value) for value in values]


def measures_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield every measure that the fit has."""
    frame = fit.measures()
    rows = tuple(
        (MEASURE_WORDS.get(name, name), _of(name, of), _measure(name, float(value)))
        for name, of, value in frame.itertuples(index=False)
    )
    yield table(Cells(title="Every measure that this fit has", header=("measure", "of", "value"), rows=rows, numeric=1))
    yield paragraph(
        f"Under {METHOD_NAMES[fit.method]}, {fit.nobs:,} rows, {fit.dof} estimated parameters. Intraclass correlations "
        "and R squared are on the scale of the linear predictor.",
        class_="note",
    )


def _of(name: str, of: str) -> str:
    return f"[{of}]" if name == "icc" else of


def _measure(name: str, value: float) -> str:
    if name.startswith(("r2", "icc")):
        return fixed(value, 3)
    return fixed(value, 1 if name == "percent_correct" else 3)
