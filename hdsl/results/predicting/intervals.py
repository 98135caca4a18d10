"""Intervals of predictions: of the mean, and of a new observation.

Stage: results. Input: a `Predicted` with standard errors. Output: lower and upper bounds. Invariant: where the mean is
a monotone function of one predictor, bounds are those of the predictor carried over, so they lie in its range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.results.intervals import coverage, interval_multiplier
from hdsl.results.predicting.request import refusal

if TYPE_CHECKING:
    from hdsl.results.face.core import Core
    from hdsl.results.predicting.rows import Predicted

__all__ = ["bounds", "refuse_categories"]

Floats = NDArray[np.float64]

KINDS = ("confidence", "prediction")


def bounds(fit: Core, found: Predicted, level: float, kind: str, df: float) -> tuple[Floats, Floats]:
    """Return lower and upper bounds of predictions, each (n,).

    Parameters
    ----------
    fit : Core
    found : Predicted
        With standard errors.
    level : float
        Coverage.
    kind : {"confidence", "prediction"}
        Of the mean; or of a new observation, which adds the variance of the residual and of what is integrated over.
    df : float
        Degrees of freedom; infinity is the normal distribution.

    Raises
    ------
    FitError
        HM510 for a level outside (0, 1), for another kind, and for a prediction interval of an outcome with a density.
    """
    assert found.se is not None
    multiplier = interval_multiplier(coverage(level), "wald", df)
    if kind not in KINDS:
        message = f'there is no interval {kind!r}: ask for "confidence" or "prediction"'
        raise FitError([refusal(message, 'write `interval="confidence"` or `interval="prediction"`')])
    if kind == "prediction":
        half = multiplier * _spread_of_observation(fit, found)
        return found.estimate - half, found.estimate + half
    if found.link is None:
        half = multiplier * found.se
        return found.estimate - half, found.estimate + half
    eta, se = found.link
    ends = np.stack([found.on_scale(eta - multiplier * se), found.on_scale(eta + multiplier * se)])
    ends[:, ~found.rows.is_complete] = np.nan
    return ends.min(axis=0), ends.max(axis=0)


def refuse_categories() -> FitError:
    """Return the error for standard errors of the probabilities of categories."""
    message = 'an ordered outcome has intervals on the scale of its predictor alone: write `scale="link"`'
    return FitError([refusal(message, '`predict` has the probability of each category; `scale="link"` has intervals')])


def _spread_of_observation(fit: Core, found: Predicted) -> Floats:
    if fit.design.plan.density is not None:
        message = "a prediction interval is of a normal outcome alone: take quantiles of `simulate`"
        raise FitError([refusal(message, "`fit.simulate(1000)` draws new outcomes; their quantiles are the interval")])
    assert found.se is not None
    variance = found.se**2 + fit.outcome.sigma**2
    return np.sqrt(variance if found.spread is None else variance + found.spread[:, 0, 0])
