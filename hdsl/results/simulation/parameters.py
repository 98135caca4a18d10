"""Values of parameters by name, and what a model does with them.

Stage: results. Input: a `Design` and a dict of values on their natural scale. Output: `Values`. Invariants: every
parameter has a value and every value is a parameter's; covariances are positive semidefinite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import Diagnostic, FitError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.fit.covariance import from_parts
from hdsl.results.simulation.outcomes import Values
from hdsl.results.simulation.refusals import lacking

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["needed_names", "values_from"]

Floats = NDArray[np.float64]

_TO_FIT: dict[str, Callable[[float], float]] = {
    "identity": lambda value: value,
    "exp": np.log,
    "invlogit": lambda value: np.log(value) - np.log1p(-value),
}
"""From the natural scale of a parameter to that of the fit, by the function that leads back."""


def needed_names(design: Design) -> tuple[str, ...]:
    """Return the names of all parameters: coefficients, then standard deviations and correlations, the residual's."""
    residual = (design.residual_name,) if design.residual_name and design.plan.density is None else ()
    return tuple(dict.fromkeys((*design.fixed_labels, *design.variance_names.values(), *residual)))


def values_from(design: Design, parameters: Mapping[str, float]) -> Values:
    """Return parameters in the places of a design.

    Raises
    ------
    FitError
        HM515 for parameters without a value, values of no parameter, and values outside their range.
    """
    given = {name.replace(" ", ""): float(value) for name, value in parameters.items()}
    _check_names(design, given)
    values = {name: given[name.replace(" ", "")] for name in needed_names(design)}
    inverses = {scalar.column: scalar.inverse for scalar in design.scalars}
    beta = np.array([values[label] for label in design.fixed_labels], dtype=float)
    with np.errstate(all="ignore"):  # a value outside its range is told by its name
        for column, inverse in inverses.items():
            beta[column] = _TO_FIT[inverse](beta[column])
    for label, value in zip(design.fixed_labels, beta, strict=True):
        if not np.isfinite(value):
            raise FitError([_outside(label, values[label])])
    _check_thresholds(design, beta)
    sigma = values.get(design.residual_name, np.nan)
    if sigma < 0.0:
        raise FitError([_outside(design.residual_name, sigma)])
    return Values(beta=beta, roots=tuple(_root(design, factor, values) for factor in _factors(design)), sigma=sigma)


def _check_thresholds(design: Design, beta: Floats) -> None:
    """Refuse thresholds that do not increase."""
    thresholds = [scalar for scalar in design.scalars if scalar.role == "threshold"]
    for below, above in pairwise(thresholds):
        if beta[below.column] >= beta[above.column]:
            message = f"`{above.name}` is not above `{below.name}`: thresholds increase"
            raise FitError([lacking(message, "give thresholds in ascending order")])


def _factors(design: Design) -> range:
    return range(len(design.plan.re_terms))


def _root(design: Design, factor: int, values: Mapping[str, float]) -> Floats:
    """Return a root of the covariance of a factor's effects."""
    width = design.plan.re_terms[factor].width
    sd, cor = np.zeros(width), np.eye(width)
    for (own, row, column), name in design.variance_names.items():
        if own == factor and row == column:
            sd[row] = values[name]
        elif own == factor:
            cor[row, column] = cor[column, row] = values[name]
        if own == factor and (values[name] < 0.0 if row == column else abs(values[name]) > 1.0):
            raise FitError([_outside(name, values[name])])
    if np.linalg.eigvalsh(cor).min() < -1e-10:
        symbols = ", ".join(f"`{effect.symbol}`" for effect in design.plan.re_terms[factor].columns)
        message = f"the correlations of {symbols} are of no covariance: no effects have them all"
        raise FitError([lacking(message, "correlations nearer to zero are possible together")])
    return from_parts(sd, cor)


def _check_names(design: Design, given: Mapping[str, float]) -> None:
    names = needed_names(design)
    known = {name.replace(" ", ""): name for name in names}
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        similar = near_names(unknown, names)
        todo = f"did you mean {one_of(similar)}?" if similar else "leave it out"
        listed = f"the parameters are {', '.join(f'`{name}`' for name in names)}"
        raise FitError(
            [lacking(f"`{unknown}` is no parameter of the model: {todo}", "names as in `fit.params`", (listed,))]
        )
    absent = [name for key, name in known.items() if key not in given]
    if absent:
        listed = ", ".join(f"`{name}`" for name in absent)
        verb = "has" if len(absent) == 1 else "have"
        raise FitError([lacking(f"{listed} {verb} no value: give it in `parameters`", "a value on the natural scale")])


def _outside(name: str, value: float) -> Diagnostic:
    return lacking(
        f"`{name}` = {value:g} lies outside the range of that parameter", "see `model.parameters` for ranges"
    )
