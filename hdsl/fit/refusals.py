"""Fits that are refused, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from hdsl.design.order import MOST_EXACT
from hdsl.diagnostics import Diagnostic, FitError, Severity

__all__ = [
    "crossed_quadrature",
    "exact_fit",
    "no_nodes",
    "no_start",
    "not_finite",
    "too_few_rows",
    "too_large",
    "too_many_nodes",
    "unknown_start",
]


def _refusal(code: str, message: str, advice: str) -> FitError:
    return FitError([Diagnostic(code=code, severity=Severity.ERROR, message=message, help=advice)])


def too_few_rows(n: int, p: int) -> FitError:
    """Return the error for no more rows than fixed effects."""
    message = f"{n} rows cannot tell {p} fixed effects and a residual apart: take some out"
    return _refusal("HM504", message, "use more rows or fewer fixed effects")


def not_finite(what: str) -> FitError:
    """Return the error for an infinite or undefined value."""
    return _refusal(
        "HM506",
        f"{what} is not finite: drop or redefine it",
        "look for division by zero or log of zero",
    )


def exact_fit(name: str | None = None) -> FitError:
    """Return the error for an outcome without spread; `name` is the parameter that has no estimate then."""
    left = "nothing is left for sigma" if name is None else f"there is no estimate of `{name}`"
    message = f"the effects fit the outcome exactly, {left}: take some out"
    return _refusal("HM511", message, "check whether the outcome is constant or is a function of the covariates")


def too_large(columns: int) -> FitError:
    """Return the error for a dense root that would not fit in memory."""
    message = f"the crossed factors have {columns:,} columns together, too many: fit a part of the groups"
    return _refusal("HM509", message, f"up to {MOST_EXACT:,} are fitted exactly")


def no_start(what: str) -> FitError:
    """Return the error for a criterion without a value where the fit starts."""
    return _refusal(
        "HM506",
        f"the criterion has no value at the start: rescale the data ({what})",
        "check the scales of outcome and covariates",
    )


def unknown_start(entry: object) -> FitError:
    """Return the error for a starting value of what is not a parameter."""
    return _refusal(
        "HM508", f"no covariance parameter is at {entry}", "give standard deviations, correlations or sigma"
    )


def crossed_quadrature(sets: Sequence[str]) -> FitError:
    """Return the error for quadrature over effects that do not factor."""
    listed = ", ".join(f"[{item}]" for item in sets)
    return _refusal(
        "HM507",
        "quadrature needs one grouping factor, or nested ones: use laplace",
        f"the effects of {listed} are crossed, so that their integral does not fall apart into groups",
    )


def no_nodes(nodes: object) -> FitError:
    """Return the error for what is no number of nodes."""
    return _refusal("HM507", f"nodes are {nodes}: write a whole number, one or more", "one node is Laplace's method")


def too_many_nodes(points: int, most: int) -> FitError:
    """Return the error for more rows times nodes than one evaluation should take."""
    return _refusal(
        "HM509",
        f"quadrature would take {points:,} rows times nodes at each step: use fewer nodes",
        f"up to {most:,}; the nodes of all random effects of a row multiply",
    )
