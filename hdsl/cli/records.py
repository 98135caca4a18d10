"""What ``--json`` prints: the names of the Python face, plain values.

Input: a `Model`, a `Design`, a `FittedModel`. Output: dicts of plain values. Invariants: names are those of the Python
attributes; a number that does not exist is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.cli.output import diagnostic_record
from hdsl.diagnostics import FitError
from hdsl.form.expr import show_index_set

if TYPE_CHECKING:
    from argparse import Namespace

    import pandas as pd

    from hdsl.design.record import Design
    from hdsl.model import Model
    from hdsl.results import FittedModel

__all__ = ["check_record", "fit_record", "ranef_record", "show_record"]

SCALARS = (
    "method",
    "converged",
    "status",
    "message",
    "boundary",
    "loglik",
    "llf",
    "deviance",
    "criterion",
    "log_prior",
    "aic",
    "bic",
    "nobs",
    "dof",
    "n_groups",
)
"""Attributes of a fit that are plain values."""

SERIES = ("params", "bse", "fixef", "df", "tvalues", "pvalues")
"""Attributes of a fit that are series by parameter."""


def check_record(model: Model, design: Design | None) -> dict[str, object]:
    """Return that all is well, what was found, and warnings and notes."""
    diagnostics = (*model.diagnostics, *(design.diagnostics if design is not None else ()))
    return {
        "ok": True,
        "model": model.source.name,
        "levels": [show_index_set(index_set) for index_set in model.form.index_sets],
        "parameters": [parameter.name for parameter in model.form.parameters],
        "unsupported": [item.feature for item in model.form.unsupported],
        "data": None if design is None else data_record(design),
        "diagnostics": [diagnostic_record(diagnostic) for diagnostic in diagnostics],
    }


def show_record(model: Model, design: Design | None) -> dict[str, object]:
    """Return levels, equations, terms of the composite and parameters; null for what the model cannot have."""
    return {
        **check_record(model, design),
        "nestings": [[finer, coarser] for finer, coarser in model.levels.graph.edges],
        "equations": str(model.equations),
        "composite": _composite_record(model),
        "parameters": records(model.parameters),
    }


def _composite_record(model: Model) -> dict[str, object] | None:
    try:
        composite = model.composite
    except FitError:
        return None
    return {"text": str(composite), "latex": composite.latex(), "terms": records(composite.terms)}


def data_record(design: Design) -> dict[str, object]:
    """Return rows read, dropped and missing, units of each level, levels set to zero."""
    return {
        "n_read": design.n_read,
        "n_dropped": design.n_dropped,
        "missing": design.missing,
        "n_groups": {show_index_set(index_set): count for index_set, count in design.group_counts.items()},
        "zeroed": design.zeroed,
    }


def fit_record(fit: FittedModel) -> dict[str, object]:
    """Return everything that a summary has."""
    record: dict[str, object] = {"model": fit.design.form.source.name}
    record |= {name: getattr(fit, name) for name in SCALARS}
    record |= {name: getattr(fit, name).to_dict() for name in SERIES}
    record["var_corr"] = records(fit.var_corr)
    record["tidy"] = records(fit.tidy())
    record["glance"] = records(fit.glance())[0]
    record["data"] = data_record(fit.design)
    return record


def ranef_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    """Return the random effects of every group with their standard errors."""
    return {"ranef": {effect: records(table.reset_index()) for effect, table in fit.ranef.items()}}


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a frame as dicts."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict(orient="records")]
