"""Outcomes drawn from a fit, and the same model fitted to them, as many at once as that is worth.

Stage: results. Input: a fit. Output: blocks of outcomes, a row for each replicate, and `Refits` of a block. Invariants:
replicate r is the same however many there are and however they are divided into blocks; random effects are drawn anew
for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.results.linear import fixed_part, product_sum
from hdsl.results.predicting.categories import in_category, is_ordered
from hdsl.results.simulation.outcomes import Given, draw_effects, draw_modelled, values_of

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.fit.together import Refits
    from hdsl.plan import Arrays
    from hdsl.results.face.core import Core

__all__ = ["Refitting", "outcomes", "refits_of", "with_outcome"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refitting:
    """How a model is fitted to other outcomes of the same rows.

    Attributes
    ----------
    at_once : int
        Outcomes of a block.
    fit : callable
        From (R, n) outcomes, on the scale that is modelled, to `Refits`.
    """

    at_once: int
    fit: Callable[[Floats], Refits]


def refits_of(fit: Core) -> Refitting:
    """Return what fits the model to other outcomes for the same rows.

    A Gaussian linear model keeps all that does not depend on the outcome, and takes many outcomes at once where that is
    faster; others are fitted one by one, those with random effects from the estimates of the fit.
    """
    from hdsl.fit.together import one_by_one, together

    design, outcome = fit.design, fit.outcome
    alone: Callable[[Floats], FitOutcome]
    if design.plan.density is None:
        from hdsl.fit.refit import refitter

        refit = refitter(design.plan, design.arrays, outcome)
        several = together(refit)
        if several is not None:
            return Refitting(at_once=several.at_once, fit=lambda block: several.fit(block, outcome))
        alone = refit.fit
    elif outcome.method in ("laplace", "agq") and design.plan.re_terms:
        from hdsl.fit.generalised_refit import GeneralisedRefitter

        again = GeneralisedRefitter(plan=design.plan, arrays=design.arrays, outcome=outcome)

        def alone(y: Floats) -> FitOutcome:
            return again.fit(with_outcome(design, y))

    else:
        from hdsl.fit.dispatch import fit_design

        def alone(y: Floats) -> FitOutcome:
            return fit_design(replace(design, arrays=with_outcome(design, y)), outcome.method, nodes=outcome.nodes)

    def found(y: Floats) -> FitOutcome | FitError:
        try:
            return alone(y)
        except FitError as error:
            return error

    return Refitting(at_once=1, fit=lambda block: one_by_one([found(y) for y in block], outcome))


def outcomes(fit: Core, n: int, seed: int, at_once: int = 1) -> Iterator[Floats]:
    """Yield `n` outcomes drawn from a fit in blocks of `at_once`, (R, n rows), scale that is modelled."""
    rng = np.random.default_rng(seed)
    draw = _normal_drawer(fit) if fit.design.plan.density is None else _drawer(fit)
    for start in range(0, n, at_once):
        yield draw(rng, min(at_once, n - start))


def _drawer(fit: Core) -> Callable[[np.random.Generator, int], Floats]:
    """Return what draws outcomes: new random effects, then an outcome of each row."""
    design, values, given = fit.design, values_of(fit.outcome), Given()
    counts = [len(levels) for levels in design.levels]

    def draw(rng: np.random.Generator, count: int) -> Floats:
        drawn = []
        for _ in range(count):
            effects = draw_effects(design.plan, counts, values, given, rng)
            drawn.append(draw_modelled(design, design.arrays, values, effects, rng))
        return np.array(drawn)

    return draw


def _normal_drawer(fit: Core) -> Callable[[np.random.Generator, int], Floats]:
    """Return what draws outcomes of a Gaussian linear model: all random numbers of a replicate stand together."""
    plan, arrays, values = fit.design.plan, fit.design.arrays, values_of(fit.outcome)
    shapes = [(len(levels), term.width) for levels, term in zip(fit.design.levels, plan.re_terms, strict=True)]
    ends = np.cumsum([size * width for size, width in shapes], dtype=np.intp)
    mean, n = fixed_part(plan, arrays, values.beta), len(arrays.y)
    columns = [[product_sum(column.products, arrays) for column in term.columns] for term in plan.re_terms]

    def draw(rng: np.random.Generator, count: int) -> Floats:
        numbers = rng.standard_normal((count, n + (int(ends[-1]) if shapes else 0)))
        y = numbers[:, -n:] * values.sigma
        y += mean
        for f, (shape, end) in enumerate(zip(shapes, ends, strict=True)):
            own = numbers[:, end - shape[0] * shape[1] : end].reshape(count, *shape) @ values.roots[f].T
            for c, column in enumerate(columns[f]):
                y += own[:, :, c].take(arrays.groups[f], axis=1) * column
        return y

    return draw


def with_outcome(design: Design, y: Floats) -> Arrays:
    """Return the arrays of the same rows with another outcome; thresholds count in the rows of their categories."""
    if not is_ordered(design):
        return replace(design.arrays, y=y)
    of_category = [in_category(design, design.arrays, category) for category in range(len(design.coding.categories))]
    return replace(
        design.arrays,
        y=y,
        x=tuple(_picked(y, columns) for columns in zip(*(arrays.x for arrays in of_category), strict=True)),
        offsets=tuple(_picked(y, columns) for columns in zip(*(a.offsets for a in of_category), strict=True)),
    )


def _picked(y: Floats, columns: Sequence[Floats | None]) -> Any:
    """Return for each row the value of the column of its category."""
    known = [column for column in columns if column is not None]
    return np.choose(y.astype(np.intp), known) if known else None
