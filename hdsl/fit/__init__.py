"""The fit: criterion, search, boundary, standard errors; a plan with arrays to a `FitOutcome`."""

from __future__ import annotations

from hdsl.fit.gaussian import fit_gaussian
from hdsl.fit.outcome import FitOutcome, Status

__all__ = ["FitOutcome", "Status", "fit_gaussian"]
