"""Intervals of predictions: of the mean, and of a new observation.

Stage: results. Input: a `Predicted` with standard errors. Output: lower and upper bounds. Invariant: bounds lie
in the range of what they bound: where the mean is a monotone function of one predictor they are those of the predictor
carried over, else they are made on the log or logit scale.

References
----------
Francq, Lin and Hoyer (2019), Statistics in Medicine 38: Satterthwaite's degrees of freedom for prediction intervals of
mixed models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.families import DISTRIBUTIONS
from hdsl.results.intervals import coverage
from hdsl.results.predicting.matrices import with_moved
from hdsl.results.predicting.means import layers
from hdsl.results.predicting.observations import Draws, observation_bounds
from hdsl.results.predicting.request import refusal

if TYPE_CHECKING:
    from hdsl.results.face.core import Core
    from hdsl.results.face.estimates import Estimates
    from hdsl.results.predicting.rows import Predicted

__all__ = ["bounds", "refuse_observation", "require_kind", "two_sided_quantile", "within"]

Floats = NDArray[np.float64]

KINDS = ("confidence", "prediction")

STEP = 1e-4
"""Step of central differences of a variance by a standard deviation, which is a parabola, or a correlation."""

MEANS = {"counts": "positive", "positive": "positive", "0 or 1": "unit", "0 to size": "unit", "(0, 1)": "unit"}
"""Range of the mean by the range of the outcome; of all others it has no ends."""


def bounds(
    fit: Estimates, found: Predicted, level: float, kind: str, draws: Draws | None = None
) -> tuple[Floats, Floats]:
    """Return lower and upper bounds of predictions, each (n,).

    Parameters
    ----------
    fit : Estimates
    found : Predicted
        With standard errors.
    level : float
        Coverage.
    kind : {"confidence", "prediction"}
        Of the mean; or of a new observation, which adds the variance of the residual and of what is integrated over.
    draws : Draws, optional
        Of new observations of an outcome with a density.

    Raises
    ------
    FitError
        HM510 for a level outside (0, 1), and for another kind.
    """
    assert found.se is not None
    share = coverage(level)
    require_kind(kind)
    density = fit.design.plan.density
    if kind == "prediction" and density is not None:
        return observation_bounds(density, found, share, draws or Draws())
    if kind == "prediction":
        half = two_sided_quantile(share, _degrees_of_observation(fit, found)) * _spread_of_observation(fit, found)
        return found.estimate - half, found.estimate + half
    multiplier = two_sided_quantile(share, _degrees(fit, found))
    if found.link is None:
        return within(found.estimate, multiplier * found.se, _mean_range(fit))
    eta, se = found.link
    ends = np.stack([found.on_scale(eta - multiplier * se), found.on_scale(eta + multiplier * se)])
    ends[:, ~found.rows.is_complete] = np.nan
    return ends.min(axis=0), ends.max(axis=0)


def within(estimate: Floats, half: Floats, support: str) -> tuple[Floats, Floats]:
    """Return bounds ``estimate -+ half``, made on the scale where the range of a mean has no end, and taken back."""
    if support == "real":
        return estimate - half, estimate + half
    with np.errstate(divide="ignore", invalid="ignore"):
        if support == "positive":
            ratio = np.exp(half / estimate)
            return estimate / ratio, estimate * ratio
        ratio = np.exp(half / (estimate * (1.0 - estimate)))
        odds = estimate / (1.0 - estimate)
        return odds / (odds + ratio), odds * ratio / (1.0 + odds * ratio)


def _mean_range(fit: Estimates) -> str:
    density = fit.design.plan.density
    assert density is not None
    family, _, _ = layers(density.distribution, density.natural)
    return MEANS.get(DISTRIBUTIONS[family].support, "real")


def require_kind(kind: str) -> None:
    """Refuse a kind of interval that is not there (HM510)."""
    if kind not in KINDS:
        message = f'there is no interval {kind!r}: ask for "confidence" or "prediction"'
        raise FitError([refusal(message, 'write `interval="confidence"` or `interval="prediction"`')])


def _degrees(fit: Estimates, found: Predicted) -> Floats:
    """Return the degrees of freedom of each estimate, or one for all.

    A combination of the fixed effects has those of its test; with random effects, whose variances count as known, the
    normal distribution is taken.
    """
    if found.directions is None or fit.degrees.is_normal:
        return np.array([fit.df_resid])
    kept = fit.parameters.kept
    return np.concatenate([fit.degrees.rows(X[:, kept]) for X in found.directions()])


def _degrees_of_observation(fit: Estimates, found: Predicted) -> Floats:
    """Return the degrees of freedom of the variance of each new observation, or one for all: Satterthwaite's.

    With random effects at their modes, and where a variance is on its boundary, the normal distribution is taken.
    """
    outcome, variation = fit.outcome, fit.degrees.variation
    if found.directions is None or variation is None or not np.isfinite(outcome.variance_cov).all():
        return np.array([fit.df_resid])
    n = len(found.eta)
    slopes = np.zeros((n, len(variation.parameters)))
    slopes[:, -1] = 2.0 * outcome.sigma
    if found.spread is not None:
        for place, entry in enumerate(outcome.variance_parameters):
            ends = (found.spread_at(with_moved(fit.design, outcome, entry, h)) for h in (STEP, -STEP))
            slopes[:, place] = (next(ends) - next(ends))[:, 0, 0] / (2.0 * STEP)
    more = outcome.sigma**2 + (np.zeros(n) if found.spread is None else found.spread[:, 0, 0])
    X = np.concatenate(list(found.directions()))[:, fit.parameters.kept]
    return fit.degrees.rows(X, more, slopes)


def two_sided_quantile(level: float, df: Floats) -> Floats:
    """Return the two-sided quantile of t for each of `df`."""
    from scipy.special import ndtri, stdtrit

    normal = float(ndtri(0.5 + level / 2.0))
    return np.where(np.isfinite(df), stdtrit(np.where(np.isfinite(df), df, 1.0), 0.5 + level / 2.0), normal)


def refuse_observation() -> FitError:
    """Return the error for an interval of a new observation where there is none."""
    message = "a new observation has an interval on the scale of the response alone"
    help_ = 'write `scale="response"`; of an ordered outcome `predict` has the probability of each category'
    return FitError([refusal(message, help_)])


def _spread_of_observation(fit: Core, found: Predicted) -> Floats:
    assert found.se is not None
    variance = found.se**2 + fit.outcome.sigma**2
    return np.sqrt(variance if found.spread is None else variance + found.spread[:, 0, 0])
