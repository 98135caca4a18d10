"""The summary of a fit: what a statistician reads first, in that order.

Stage: results. Input: a `FittedModel`. Output: a `Summary`. Invariants: what was lost or recoded on the way (rows,
levels, columns) is in it; a fit that did not converge says so on its first and its last line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.text import term_text
from hdsl.results.messages import boundary_words, missing_estimates
from hdsl.results.nesting import relations
from hdsl.results.numbers import align, count, fixed, p_value, significant
from hdsl.results.reading import as_read
from hdsl.results.report import WIDTH, Cells, Message, Report
from hdsl.results.sections import facts_of_density, fixed_predictors, scalar_tables
from hdsl.results.tables import deviation_names, tidy_table, var_corr_table

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderResult

    from hdsl.design.record import Design
    from hdsl.diagnostics import Diagnostic
    from hdsl.results.fitted import FittedModel

__all__ = ["LEVELS", "METHOD_NAMES", "Summary", "summarise"]

LEVELS = "Levels"
"""Title of the table of index sets."""

METHOD_WORDS = {
    "ml": "maximum likelihood (ML)",
    "reml": "restricted maximum likelihood (REML)",
    "laplace": "maximum likelihood, Laplace approximation",
    "agq": "maximum likelihood, adaptive Gauss-Hermite quadrature",
}

METHOD_NAMES = {"ml": "ML", "reml": "REML", "laplace": "Laplace approximation", "agq": "quadrature"}
"""The method in a title."""

TOLD_ABOVE = frozenset({"HM405", "HM410", "HM411"})
"""Rows dropped, levels set to zero, columns dropped: the report itself says so where they belong."""

UNREAD = (
    "interrupted: what of them was not computed by then is NaN; tests without degrees of freedom are by the normal "
    "distribution"
)
"""What is said of standard errors that the user did not wait for."""

MOST_ROWS = 200
"""More fixed effects than this are not printed, but counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A printable summary; `tidy` is the same as a frame.

    Attributes
    ----------
    report : Report
    table : DataFrame
        A row for each parameter.
    """

    report: Report
    table: pd.DataFrame

    def __str__(self) -> str:
        return self.report.text(WIDTH)

    def __repr__(self) -> str:
        return str(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.report

    def _repr_html_(self) -> str:
        return self.report.html()

    def tidy(self) -> pd.DataFrame:
        """Return a frame with a row for each parameter: name, role, term, estimate, se, z, p, lower, upper."""
        return self.table.copy()


def summarise(fit: FittedModel) -> Summary:
    """Return the summary of `fit`; where the user interrupts its standard errors, those that there are by then."""
    fit = as_read(fit)
    alarm = "" if fit.converged else f"{_alarm(fit)}: these numbers are where the optimizer stopped, not estimates"
    tables = (_levels(fit.design), *_fixed_effects(fit), *scalar_tables(fit), _random_effects(fit))
    report = Report(
        title=_title(fit),
        alarm=alarm,
        facts=tuple(_facts(fit)),
        tables=tuple(table for table in tables if table.rows),
        closing=tuple(_closing(fit)),
        messages=tuple(_message(diagnostic) for diagnostic in fit.diagnostics if diagnostic.code not in TOLD_ABOVE),
    )
    return Summary(report=report, table=tidy_table(fit))


def _alarm(fit: FittedModel) -> str:
    """Return what went wrong, in two or three words."""
    missing = missing_estimates(fit.parameters)
    if not missing:
        return "NOT CONVERGED"
    return "SEPARATION" if "separation" in missing[0].kind else "NO FINITE ESTIMATE"


def _title(fit: FittedModel) -> str:
    name = fit.design.form.source.name
    density = None if fit.design.plan.is_weighted else fit.design.plan.density
    kind = "linear" if density is None else density.distribution
    kind += " multilevel model" if fit.design.plan.re_terms else " model"
    unnamed = kind if density is not None else kind.capitalize()
    model = unnamed if name.startswith("<") else f"{PurePath(name).name}: {kind}"
    return f"{model}, fitted by {METHOD_NAMES[fit.method]}"


# -------------------------------------------------------------------- facts


def _facts(fit: FittedModel) -> list[tuple[str, str]]:
    """Return outcome, method, rows and convergence."""
    offset = _offset(fit.design)
    return [
        ("outcome", _outcome(fit.design)),
        *facts_of_density(fit.design),
        *([("offset", offset)] if offset else []),
        ("method", _method(fit)),
        ("rows", _rows(fit.design)),
        ("status", _convergence(fit)),
        *([("errors", UNREAD)] if fit.outcome.interrupted == "errors" else []),
    ]


def _method(fit: FittedModel) -> str:
    nodes = fit.outcome.nodes
    return METHOD_WORDS[fit.method] + (f" with {count(nodes, 'node')}" if nodes is not None else "")


def _outcome(design: Design) -> str:
    outcome = design.form.outcome
    symbol = show_symbol(outcome.name, outcome.index_set)
    if outcome.transform is None:
        density = design.plan.density
        return f"{symbol} ~ {outcome.distribution if density is None else density.distribution}"
    left = f"{outcome.transform}({symbol})"
    return f"{left} ~ {outcome.distribution}; every number below is on the scale of {left}"


def _offset(design: Design) -> str:
    """Return the terms without a coefficient: a known part of the predictor, and a column read by mistake."""
    terms = [term for predictor in design.form.predictors for term in predictor.terms if term.part == "offset"]
    shown = " + ".join(("-" if term.scale < 0 else "") + term_text(term) for term in terms)
    return f"{shown}, without a coefficient" if shown else ""


def _rows(design: Design) -> str:
    used = design.n_read - design.n_dropped
    if not design.n_dropped:
        return f"{used:,} used, all that were read"
    columns = ", ".join(f"{column} ({number:,})" for column, number in design.missing.items() if number)
    return f"{used:,} used of {design.n_read:,} read; {design.n_dropped:,} dropped for missing values in {columns}"


def _convergence(fit: FittedModel) -> str:
    evaluations = f" ({count(fit.outcome.n_evaluations, 'evaluation')})"
    if not fit.converged:
        return f"{_alarm(fit)}{evaluations}: {fit.outcome.message}"
    if fit.boundary:
        return f"converged on the boundary{evaluations}: {', '.join(boundary_words(fit.parameters))}"
    return f"converged{evaluations}"


def _closing(fit: FittedModel) -> list[tuple[str, str]]:
    """Return the likelihood and the information criteria."""
    restricted = fit.method == "reml"
    values = {
        "restricted log-likelihood" if restricted else "log-likelihood": fit.loglik,
        "REML criterion" if restricted else "deviance (-2 log-likelihood)": fit.deviance,
        "AIC": fit.aic,
        "BIC": fit.bic,
    }
    cells = align([*(fixed(value, 3) for value in values.values()), str(fit.dof)])
    return list(zip([*values, "parameters"], cells, strict=True))


# -------------------------------------------------------------------- tables


def _levels(design: Design) -> Cells:
    """Return the index sets with their numbers of units and, where there are several, how they lie in each other."""
    lies = relations(design)
    rows = []
    for index_set, number in design.group_counts.items():
        relation = [lies.get(index_set, "")] if any(lies.values()) else []
        rows.append((f"[{show_index_set(index_set)}]", _columns(design, index_set), *relation, f"{number:,}"))
    header = ("index", "column", "lies", "units") if any(lies.values()) else ("index", "column", "units")
    return Cells(title=LEVELS, header=header, rows=tuple(rows), numeric=1)


def _columns(design: Design, index_set: IndexSet) -> str:
    return " x ".join(design.form.index(name).column or "(rows)" for name in index_set)


def _fixed_effects(fit: FittedModel) -> list[Cells]:
    """Return name, composite term, estimate, standard error, z and p of each fixed effect, a table a predictor."""
    parameters = fit.parameters
    terms = [fit.design.fixed_terms[column] for column in parameters.kept]
    values = zip(parameters.fixed, terms, fit.fixef, fit.bse, fit.df, fit.tvalues, fit.pvalues, strict=False)
    has_df = not fit.degrees.is_normal
    rows = [
        (name, term, significant(estimate, by=se), significant(se), *_df(df, has_df), fixed(z, 2), p_value(p))
        for name, term, estimate, se, df, z, p in values
    ]
    groups: dict[str, list[tuple[str, ...]]] = {}
    for predictor, row in zip(fixed_predictors(fit), rows[:MOST_ROWS], strict=False):
        groups.setdefault(predictor, []).append(row)
    notes = _fixed_notes(fit, len(rows) - MOST_ROWS)
    titles = [f"Fixed effects of {name}" if name else "Fixed effects" for name in groups]
    return [
        Cells(
            title=title,
            header=("name", "term", "estimate", "se", *(("df", "t") if has_df else ("z",)), "p"),
            rows=tuple(group),
            numeric=4 + has_df,
            notes=tuple(notes) if title == titles[-1] else (),
        )
        for title, group in zip(titles, groups.values(), strict=True)
    ]


def _df(df: float, has_df: bool) -> list[str]:
    """Return the cell of degrees of freedom, none where tests are normal; thousands need no decimals."""
    return [fixed(df, 1 if df < 1e4 else 0)] if has_df else []


def _fixed_notes(fit: FittedModel, n_hidden: int) -> list[str]:
    """Return what the table does not show: rows beyond the last, levels set to zero, columns dropped for rank."""
    notes = [f"and {n_hidden:,} more, in `fit.params` and `fit.bse`"] if n_hidden > 0 else []
    zeroed = fit.design.zeroed.items()
    notes += [f"set to zero: {symbol} at {', '.join(labels)}" for symbol, labels in zeroed if labels]
    dropped = [fit.design.fixed_labels[column] for column in fit.outcome.aliased]
    if dropped:
        notes.append(f"not estimated, spanned by the columns before: {', '.join(dropped)}")
    return notes


def _random_effects(fit: FittedModel) -> Cells:
    """Return standard deviations and correlations; the name of each standard deviation where the user gave one."""
    parameters = fit.parameters
    frame = var_corr_table(parameters)
    names = deviation_names(parameters)
    deviations = frame["sd"].to_numpy()
    scale = _printing_scale(deviations)
    correlations = list(frame.columns[3:])
    rows = [
        (f"[{index_set}]", effect, name, significant(sd, by=scale), *(fixed(float(value), 3) for value in row))
        for index_set, effect, name, sd, row in zip(
            frame["index_set"], frame["effect"], names, deviations, frame[correlations].to_numpy(), strict=True
        )
    ]
    header = ["correlation", *[""] * (len(correlations) - 1)] if correlations else []
    return Cells(
        title="Random effects" if parameters.design.plan.re_terms else "Residual",
        header=("index", "effect", "name", "sd", *header),
        rows=_repeats_blank(rows),
        numeric=1 + len(correlations),
    )


def _printing_scale(deviations: NDArray[np.float64]) -> float:
    """Return the smallest standard deviation that is not tiny beside the largest: it sets the decimals of all."""
    known = np.asarray(deviations, dtype=float)[~np.isnan(np.asarray(deviations, dtype=float))]
    return float(min(known[known > 1e-3 * max(known, default=0.0)], default=1.0))


def _repeats_blank(rows: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Leave the index set blank where it is that of the row above."""
    return tuple(
        (row[0] if place == 0 or row[0] != rows[place - 1][0] else "", *row[1:]) for place, row in enumerate(rows)
    )


def _message(diagnostic: Diagnostic) -> Message:
    """Return a diagnostic without its place in the text."""
    details = [f"note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        details.append(f"help: {diagnostic.help}")
    label = f"{diagnostic.severity.value}[{diagnostic.code}]"
    return Message(label=label, text=diagnostic.message, details=tuple(details))
