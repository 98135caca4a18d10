"""Simulated-quantile residuals: where each outcome lies among outcomes drawn from the fit, at each level.

Stage: results. Input: a fit. Output: for each row, or for each unit of an index set, a number between 0 and 1 that is
uniform where the model is right. Invariants: equal seeds give equal residuals; ties are broken at random, so discrete
outcomes have continuous residuals.

What a residual of the rows is about is the distribution of the outcome given the random effects. Modes are drawn to
their mean and take part of each row's error with them, so that residuals given the modes are too small. Instead one
draw of the effects from their distribution given the data is taken: it and the data together have the law of the
model, so what is drawn given it is of the same law as the data. At an index set S the effects of S and of finer sets
are drawn anew, those of others are the one draw, and the unit's sum of the outcome is what is compared.

References
----------
Dunn and Smyth (1996), Journal of Computational and Graphical Statistics 5, 236-244: randomised quantile residuals.
Waagepetersen (2006), Scandinavian Journal of Statistics 33, 721-731: effects drawn given the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.results.effects import effect_index_sets, effect_places
from hdsl.results.predicting.joint import JointCovariance
from hdsl.results.predicting.matrices import roots, starts
from hdsl.results.predicting.request import Place
from hdsl.results.simulation.outcomes import Given, draw_effects, draw_modelled, values_of

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.form.expr import IndexSet

__all__ = ["Quantiles", "drawn_effects", "quantile_residuals", "uniformity"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantiles:
    """Residuals of rows or units, in the order of the rows or of the units' codes.

    Attributes
    ----------
    residual : ndarray
        Between 0 and 1.
    predicted : ndarray
        Mean of what was drawn, on the scale that is modelled; of a unit that of its rows.
    observed : ndarray
        The same of the data.
    """

    residual: Floats
    predicted: Floats
    observed: Floats


def drawn_effects(
    design: Design, outcome: FitOutcome, joint: JointCovariance, rng: np.random.Generator
) -> list[Floats]:
    """Return one draw of the random effects given the data and the parameters, (n_levels, width) for each factor."""
    counts = [len(modes) for modes in outcome.modes]
    bounds = starts(design.plan, counts)
    noise = joint.draw(rng)
    return [
        modes + noise[bounds[factor] : bounds[factor + 1]].reshape(modes.shape) @ root.T
        for factor, (modes, root) in enumerate(zip(outcome.modes, roots(outcome), strict=True))
    ]


def quantile_residuals(
    design: Design, outcome: FitOutcome, joint: JointCovariance, index_set: IndexSet | None, n: int, seed: int
) -> Quantiles:
    """Return the residuals of the rows (`index_set` None) or of the units of an index set.

    Parameters
    ----------
    design : Design
    outcome : FitOutcome
    joint : JointCovariance
    index_set : tuple of str or None
        One that effects vary over.
    n : int
        Outcomes drawn for each row.
    seed : int
    """
    rng = np.random.default_rng(seed)
    given = Given(places=_held(design, index_set), modes=drawn_effects(design, outcome, joint, rng))
    codes, n_units = _units(design, index_set)
    values, n_levels = values_of(outcome), [len(levels) for levels in design.levels]
    observed = _summed(design.arrays.y, codes, n_units)
    below, equal, total = np.zeros(n_units), np.zeros(n_units), np.zeros(n_units)
    for _ in range(n):
        effects = draw_effects(design.plan, n_levels, values, given, rng)
        drawn = _summed(draw_modelled(design, design.arrays, values, effects, rng), codes, n_units)
        below += drawn < observed
        equal += drawn == observed
        total += drawn
    sizes = _summed(np.ones(len(design.arrays.y)), codes, n_units)
    residual = (below + rng.random(n_units) * (1.0 + equal)) / (n + 1.0)
    return Quantiles(residual=residual, predicted=total / n / sizes, observed=observed / sizes)


def _held(design: Design, index_set: IndexSet | None) -> tuple[Place, ...]:
    """Return the effects that are not drawn anew: all of the rows', and those not of `index_set` or of finer sets."""
    sets, determines = effect_index_sets(design), design.form.determines
    return tuple(
        place
        for effect, place in effect_places(design).items()
        if index_set is None or not determines(sets[effect], index_set)
    )


def _units(design: Design, index_set: IndexSet | None) -> tuple[NDArray[np.intp], int]:
    if index_set is None:
        return np.arange(len(design.arrays.y)), len(design.arrays.y)
    sets = effect_index_sets(design)
    factor = next(place[0] for effect, place in effect_places(design).items() if sets[effect] == index_set)
    return design.arrays.groups[factor], len(design.levels[factor])


def _summed(values: Floats, codes: NDArray[np.intp], n_units: int) -> Floats:
    if n_units == len(values):
        return values
    return np.bincount(codes, weights=values, minlength=n_units).astype(float)


def uniformity(residuals: Floats) -> tuple[float, float]:
    """Return the largest distance of the residuals' distribution from the uniform one, and its p-value.

    References
    ----------
    Kolmogorov (1933); the p-value is that of the limiting distribution.
    """
    from scipy.special import kolmogorov

    n = len(residuals)
    ordered, steps = np.sort(residuals), np.arange(n + 1) / n
    distance = float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))
    return distance, float(kolmogorov(np.sqrt(n) * distance))
