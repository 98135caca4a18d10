"""Probabilities of categories: of an ordered outcome from its thresholds, of a binary one from its probability.

Stage: results. Input: a `Design` with a density, a `FitOutcome`, and the random effects that are included. Output: a
matrix, a column for each category. Invariants: columns are in the order of the categories, which are
coded 0, 1, ..; rows sum to 1.

    P(y <= k) = F(c_k - eta),  F the logistic or the standard normal distribution
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.results.linear import fixed_part, random_part
from hdsl.results.natural import mean_input, natural_arguments, predictors
from hdsl.results.predicting.request import refusal, request
from hdsl.runtime import special

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.plan import Arrays
    from hdsl.results.predicting import Include

__all__ = ["category_probabilities", "is_ordered", "ordered_predictor", "probability_table", "thresholds"]

Floats = NDArray[np.float64]

CUMULATIVE = {"ordered_logit": special.expit, "ordered_probit": special.ndtr}
"""F of each ordered distribution."""


def is_ordered(design: Design) -> bool:
    """Whether the outcome is a category among ordered ones."""
    return design.form.outcome.distribution in CUMULATIVE and design.plan.density is not None


def thresholds(design: Design, outcome: FitOutcome) -> Floats:
    """Return the thresholds, in order."""
    return outcome.beta[[scalar.column for scalar in design.scalars if scalar.role.startswith("threshold")]]


def ordered_predictor(
    design: Design, outcome: FitOutcome, arrays: Arrays, places: Collection[tuple[int, int]]
) -> Floats:
    """Return eta, (n,): the predictor without thresholds, its sign as the model has it."""
    density, k = design.plan.density, mean_input(design)
    assert density is not None
    beta = outcome.beta.copy()
    beta[[scalar.column for scalar in design.scalars]] = 0.0
    finite = replace(arrays, offsets=_finite(arrays))
    total = fixed_part(design.plan, finite, beta, predictor=k)
    return density.inputs[k].sign * (total + random_part(design.plan, arrays, outcome.modes, places, predictor=k))


def _finite(arrays: Arrays) -> tuple[Floats | None, ...]:
    """Return offsets that are of the predictor alone: of the other threshold where one is beyond the last."""
    upper, lower = arrays.offsets[0], arrays.offsets[1]
    if upper is None or lower is None:
        return arrays.offsets
    own = np.where(np.isfinite(upper), upper, lower)
    return (own, own, *arrays.offsets[2:])


def category_probabilities(
    design: Design, outcome: FitOutcome, arrays: Arrays, places: Collection[tuple[int, int]]
) -> Floats:
    """Return the probability of each category, (n, C).

    Raises
    ------
    FitError
        HM510 for an outcome that is no category.
    """
    distribution = design.form.outcome.distribution
    if is_ordered(design):
        eta = ordered_predictor(design, outcome, arrays, places)
        below = CUMULATIVE[distribution](thresholds(design, outcome)[None, :] - eta[:, None])
        edges = np.column_stack([np.zeros(len(eta)), below, np.ones(len(eta))])
        return np.asarray(np.diff(edges, axis=1))
    if distribution != "bernoulli" or design.plan.density is None or design.form.outcome.wrappers:
        message = f"`{design.form.outcome.distribution}` has no categories: predict its mean"
        raise FitError([refusal(message, "probabilities of categories are there for binary and ordered outcomes")])
    p = natural_arguments(design, predictors(design, outcome, arrays, places), arrays)["p"]
    return np.column_stack([1.0 - p, p])


def probability_table(design: Design, outcome: FitOutcome, include: Include) -> pd.DataFrame:
    """Return the probabilities of the fit's rows, a column for each category by its label.

    Raises
    ------
    FitError
        HM510 for an outcome that is no category, and for an unknown index.
    """
    import pandas as pd

    places = request(design, include, "response", marginal=False).places
    values = category_probabilities(design, outcome, design.arrays, places)
    labels = design.coding.categories or tuple(str(category) for category in range(values.shape[1]))
    return pd.DataFrame(values, index=design.row_labels, columns=list(labels))
