"""Arguments of an outcome's distribution, row by row, on their natural scale.

Stage: results. Input: a `Design` with a density and the predictors of its rows. Output: arrays by argument name.
Invariant: the expressions are those of `RowDensity.natural`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate_natural
from hdsl.results.linear import fixed_part, random_part

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.plan import Arrays

__all__ = ["Arguments", "mean_input", "natural_arguments", "predictors"]

Floats = NDArray[np.float64]
Arguments: TypeAlias = dict[str, Floats]
"""Arguments of a distribution by name, natural scale, (n,) each."""


def predictors(
    design: Design, outcome: FitOutcome, arrays: Arrays, places: Collection[tuple[int, int]]
) -> tuple[Floats, ...]:
    """Return the K predictors, (n,) each, with the random effects among `places` at their modes."""
    return tuple(
        fixed_part(design.plan, arrays, outcome.beta, predictor=k)
        + random_part(design.plan, arrays, outcome.modes, places, predictor=k)
        for k in range(design.plan.n_predictors)
    )


def natural_arguments(design: Design, etas: Sequence[Floats], arrays: Arrays) -> Arguments:
    """Return the arguments of the distribution and its wrappers, natural scale, and its known data; (n,) each."""
    density = design.plan.density
    assert density is not None
    known = dict(zip(density.known, arrays.known, strict=True))
    values = {"y": arrays.y, **known, **{f"eta{k}": eta for k, eta in enumerate(etas)}}
    found = {name: np.broadcast_to(value, arrays.y.shape) for name, value in evaluate_natural(density, values)}
    return known | found


def mean_input(design: Design) -> int:
    """Return the input whose predictor moves the mean: the first that has an equation; 0 without a density."""
    density = design.plan.density
    if density is None:
        return 0
    return next((k for k, given in enumerate(density.inputs) if given.predictor is not None), 0)
