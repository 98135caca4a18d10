"""The fit: criterion, search, boundary, standard errors; a plan with arrays to a `FitOutcome`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.fit.gaussian import fit_gaussian
from hdsl.fit.outcome import FitOutcome, Status
from hdsl.fit.trouble import Trouble

if TYPE_CHECKING:
    from hdsl.fit.generalised import fit_generalised

__all__ = ["FitOutcome", "Status", "Trouble", "fit_gaussian", "fit_generalised"]


def __getattr__(name: str) -> object:
    """Import what a Gaussian fit does not need when it is asked for."""
    if name == "fit_generalised":
        from hdsl.fit.generalised import fit_generalised

        return fit_generalised
    raise AttributeError(f"module 'hdsl.fit' has no attribute {name!r}")
