"""Ordered outcomes: the probability of each category.

Stage: results. Input: a `Design` and what makes predictors of arrays. Output: probabilities, (n, number of categories).
Invariants: thresholds are columns that count in the rows of the categories that they bound, so the predictors of a
category are those of rows that all lie in it; probabilities of a row add up to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate_density
from hdsl.design.layout import lay_out, sum_of_products
from hdsl.design.recode import indicators_of
from hdsl.form.density import RowDensity
from hdsl.plan import Arrays
from hdsl.results.predicting.response import integrate

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["in_category", "is_ordered", "probabilities", "share_of"]

Floats = NDArray[np.float64]


def is_ordered(design: Design) -> bool:
    """Whether the outcome is an ordered category."""
    density = design.plan.density
    return density is not None and any(input_.threshold is not None for input_ in density.inputs)


def in_category(design: Design, arrays: Arrays, category: int | None) -> Arrays:
    """Return the arrays of the same rows if all were in one category, or in none: then without thresholds."""
    names = design.coding.categories
    layout = lay_out(design.form, names)
    n = len(arrays.y)
    x = list(arrays.x)
    numbers = indicators_of(design.form, names)
    for position, expr in enumerate(layout.expressions):
        if expr in numbers:
            x[position] = np.full(n, float(numbers[expr] == category))
    offsets: list[Floats | None] = []
    for k, input_ in enumerate(layout.inputs):
        offset = sum_of_products([p for p in layout.offset if p.predictor == k], x, n)
        ends = {"upper": len(names) - 1, "lower": 0}
        if category is not None and input_.threshold is not None and category == ends[input_.threshold]:
            offset += np.inf if input_.threshold == "upper" else -np.inf
        offsets.append(offset)
    y = np.full(n, np.nan if category is None else float(category))
    return replace(arrays, y=y, x=tuple(x), offsets=tuple(offsets))


def probabilities(
    design: Design, arrays: Arrays, predictors: Callable[[Arrays], Floats], spread: Floats | None = None
) -> Floats:
    """Return the probability of each category in each row, (n, number of categories).

    `spread` is the variance of the predictors that is integrated over, (n, K, K).
    """
    columns = []
    for category in range(len(design.coding.categories)):
        own, share = share_of(design, arrays, category, spread)
        columns.append(share(predictors(own)))
    return np.stack(columns, axis=1)


def share_of(
    design: Design, arrays: Arrays, category: int, spread: Floats | None = None
) -> tuple[Arrays, Callable[[Floats], Floats]]:
    """Return the arrays of rows that all lie in a category, and its probability as a function of their predictors."""
    density = design.plan.density
    assert density is not None
    own = in_category(design, arrays, category)
    share = _share(density, own.y)
    return own, share if spread is None else lambda eta: integrate(share, eta, spread)


def _share(density: RowDensity, y: Floats) -> Callable[[Floats], Floats]:
    def share(eta: Floats) -> Floats:
        data = {"y": y} | {f"eta{k}": eta[:, k] for k in range(eta.shape[1])}
        return np.asarray(np.exp(evaluate_density(density, data).value))

    return share
