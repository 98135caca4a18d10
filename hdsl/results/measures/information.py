"""Conditional Akaike information: of predictions for the groups of the fit.

Stage: results. Input: a Gaussian fit. Output: numbers.

    cAIC = -2 log f(y | beta, b, sigma) + 2 (rho + 1)

with rho the trace of ``d yhat / d y``, the variances estimated (Greven and Kneib), and 1 for sigma. With the variances
taken as known rho is Vaida and Blanchard's, which favours the larger random part.

References
----------
Vaida and Blanchard (2005), Biometrika 92, 351-370. Greven and Kneib (2010), Biometrika 97, 773-789.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hdsl.diagnostics import FitError
from hdsl.results.predicting.request import refusal

if TYPE_CHECKING:
    from hdsl.results.face.rows import Rows

__all__ = ["conditional_aic", "conditional_loglik"]


def conditional_loglik(fit: Rows) -> float:
    """Return ``log f(y | beta, b, sigma)`` of a Gaussian fit at its estimates and modes.

    Raises
    ------
    FitError
        HM510 for an outcome with a density.
    """
    _require_gaussian(fit)
    sigma, error = fit.outcome.sigma, fit.residuals.to_numpy()
    return float(-0.5 * (fit.nobs * np.log(2.0 * np.pi * sigma**2) + error @ error / sigma**2))


def conditional_aic(fit: Rows) -> float:
    """Return the conditional AIC of a Gaussian fit.

    Raises
    ------
    FitError
        HM510 for an outcome with a density.
    """
    from hdsl.fit.effective import effective_parameters

    loglik = conditional_loglik(fit)
    effective = effective_parameters(fit.design.plan, fit.design.arrays, fit.outcome)
    return -2.0 * loglik + 2.0 * (effective.with_variances + 1.0)


def _require_gaussian(fit: Rows) -> None:
    if fit.design.plan.density is not None:
        message = "a conditional AIC is there for Gaussian fits alone: compare by `aic`"
        raise FitError([refusal(message, "`fit.aic` is the marginal one; `fit.compare` tests nested models")])
