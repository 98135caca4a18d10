"""Fits that are refused, each with its reason."""

from __future__ import annotations

from hdsl.diagnostics import Diagnostic, FitError, Severity

__all__ = ["MOST_DENSE_COLUMNS", "exact_fit", "no_start", "not_finite", "too_few_rows", "too_large", "unknown_start"]

MOST_DENSE_COLUMNS = 12_000
"""Largest dense root: some 1.2 GB for each of its matrices, of which an evaluation holds several."""


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


def exact_fit() -> FitError:
    """Return the error for a residual sum of squares of zero."""
    message = "the effects fit the outcome exactly, nothing is left for sigma: take some out"
    return _refusal("HM511", message, "check whether the outcome is constant or is a function of the covariates")


def too_large(columns: int) -> FitError:
    """Return the error for a dense root that would not fit in memory."""
    message = f"the crossed factors have {columns} columns together, too many: fit a part of the groups"
    return _refusal("HM509", message, f"up to {MOST_DENSE_COLUMNS} are fitted exactly")


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
