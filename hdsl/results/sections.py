"""What a summary has for an outcome with a density: its predictors, and its parameters without an equation.

Stage: results. Input: a fit. Output: facts and tables of strings. Invariant: a Gaussian outcome with one predictor has
none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.plan import Product
from hdsl.results.linear import column_members
from hdsl.results.numbers import significant
from hdsl.results.report import Cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hdsl.design.record import Design
    from hdsl.results.fitted import FittedModel

__all__ = ["facts_of_density", "fixed_predictors", "predictor_names", "scalar_tables"]

TITLES = {"threshold": "Thresholds", "thresholds": "Thresholds", "mean": "Mean"}
"""Title of the table of scalars by their role; what is not here is a dispersion, but for a probability."""

OF_WRAPPERS = {"zero_inflated": "Zero inflation", "hurdle": "Hurdle"}
"""Title of a probability by the wrapper that it belongs to."""


def facts_of_density(design: Design) -> list[tuple[str, str]]:
    """Return the predictors by their names; empty where the mean of a linear model is the only one."""
    names = [predictor.name for predictor in design.form.predictors]
    if design.plan.density is None or (design.plan.is_weighted and len(names) == 1):
        return []
    return [("predictor" if len(names) == 1 else "predictors", ", ".join(names))]


def fixed_predictors(fit: FittedModel) -> list[str]:
    """Return for each fixed effect the name of its predictor; empty where the model has one predictor."""
    design = fit.design
    if len(design.form.predictors) < 2:
        return [""] * len(fit.parameters.fixed)
    members = column_members(design.plan)
    return [predictor_names(design, design.plan.fixed[members[column]].products) for column in fit.parameters.kept]


def predictor_names(design: Design, products: Sequence[Product]) -> str:
    """Return the names of the predictors that some products stand in."""
    density = design.plan.density
    inputs = [density.inputs[product.predictor].predictor for product in products] if density is not None else []
    places = sorted({place for place in inputs if place is not None})
    return ", ".join(design.form.predictors[place].name for place in places)


def scalar_tables(fit: FittedModel) -> list[Cells]:
    """Return estimate, standard error and 95 % interval of the parameters without an equation, a table a title."""
    scalars = fit.design.scalars
    if not scalars:
        return []
    names = [scalar.name for scalar in scalars]
    bounds = fit.conf_int().loc[names]
    rows: dict[str, list[tuple[str, ...]]] = {}
    for scalar, name in zip(scalars, names, strict=True):
        se = float(fit.bse[name])
        lower, upper = bounds.loc[name].to_numpy()
        values = (float(fit.params[name]), se, float(lower), float(upper))
        cells = (significant(value, by=se) for value in values)
        rows.setdefault(_title(fit.design, scalar.role), []).append((name, scalar.role, *cells))
    header = ("name", "role", "estimate", "se", "2.5 %", "97.5 %")
    return [Cells(title=title, header=header, rows=tuple(found), numeric=4) for title, found in rows.items()]


def _title(design: Design, role: str) -> str:
    if role != "probability":
        return TITLES.get(role, "Dispersion")
    return next((OF_WRAPPERS[name] for name in design.form.outcome.wrappers if name in OF_WRAPPERS), "Probability")
