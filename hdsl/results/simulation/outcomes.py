"""Outcomes drawn from a model at given values of its parameters.

Stage: results. Input: a `Design` with rows, and `Values`. Output: an outcome for each row, on the scale of the column.
Invariants: equal seeds give equal outcomes; effects of groups that are not given are drawn, one for each group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate_natural
from hdsl.design.functions import FUNCTIONS
from hdsl.diagnostics import FitError
from hdsl.families import LINKS
from hdsl.plan import Arrays, Plan
from hdsl.results.linear import fixed_part, random_part
from hdsl.results.predicting.categories import is_ordered, probabilities
from hdsl.results.predicting.matrices import roots
from hdsl.results.predicting.request import Place, refusal
from hdsl.results.simulation.samplers import draw

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["Given", "Values", "draw_effects", "draw_modelled", "draw_outcome", "values_of"]

Floats = NDArray[np.float64]

_UNDO: dict[str, Callable[[Floats], Floats]] = {"square": np.square, "inverse": np.reciprocal}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Values:
    """Values of the parameters.

    Attributes
    ----------
    beta : ndarray, (p,)
        Coefficients, on the scale of the fit.
    roots : tuple of ndarray, each (width, width)
        For each grouping factor a root R of the covariance of its effects, ``R R'``.
    sigma : float
        Residual standard deviation; NaN for a plan with a density.
    """

    beta: Floats
    roots: tuple[Floats, ...]
    sigma: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """Effects that are not drawn: `places`, in the groups that `modes` has (the first ones of each factor)."""

    places: Sequence[Place] = ()
    modes: Sequence[Floats] = ()


def values_of(outcome: FitOutcome) -> Values:
    """Return the estimates of a fit."""
    return Values(beta=outcome.beta, roots=roots(outcome), sigma=outcome.sigma)


def draw_effects(
    plan: Plan, n_levels: Sequence[int], values: Values, given: Given, rng: np.random.Generator
) -> list[Floats]:
    """Return effects of every group, (n_levels, width) for each grouping factor."""
    effects = []
    for factor, (count, root) in enumerate(zip(n_levels, values.roots, strict=True)):
        drawn = rng.standard_normal((count, plan.re_terms[factor].width)) @ root.T
        for own, column in given.places:
            if own == factor:
                known = given.modes[factor][:, column]
                drawn[: len(known), column] = known
        effects.append(drawn)
    return effects


def draw_outcome(
    design: Design, arrays: Arrays, values: Values, effects: Sequence[Floats], rng: np.random.Generator
) -> Floats:
    """Return an outcome for each row, on the scale of its column; see `draw_modelled`."""
    modelled = draw_modelled(design, arrays, values, effects, rng)
    return modelled if is_ordered(design) else _undo(design, modelled)


def draw_modelled(
    design: Design, arrays: Arrays, values: Values, effects: Sequence[Floats], rng: np.random.Generator
) -> Floats:
    """Return an outcome for each row, on the scale that is modelled; of an ordered one its category's place, from 0.

    Parameters
    ----------
    design : Design
    arrays : Arrays
        Of the rows; their outcome is not read.
    values : Values
    effects : sequence of ndarray
        As `draw_effects` returns them.
    rng : Generator
    """
    plan = design.plan
    if is_ordered(design):
        shares = np.cumsum(probabilities(design, arrays, lambda a: _predictors(plan, a, values, effects)), axis=1)
        chosen = (rng.random((len(shares), 1)) > shares[:, :-1]).sum(axis=1)
        return np.asarray(chosen, dtype=float)
    eta = _predictors(plan, arrays, values, effects)
    if plan.density is None:
        return eta[:, 0] + values.sigma * rng.standard_normal(len(eta))
    return _from_density(plan, arrays, eta, rng)


def _predictors(plan: Plan, arrays: Arrays, values: Values, effects: Sequence[Floats]) -> Floats:
    """Return the predictors, (n, K)."""
    places = [(factor, column) for factor, term in enumerate(plan.re_terms) for column in range(term.width)]
    columns = [
        fixed_part(plan, arrays, values.beta, predictor=k) + random_part(plan, arrays, effects, places, predictor=k)
        for k in range(plan.n_predictors)
    ]
    return np.stack(columns, axis=1)


def _from_density(plan: Plan, arrays: Arrays, eta: Floats, rng: np.random.Generator) -> Floats:
    assert plan.density is not None
    data: dict[str, Floats] = {f"eta{k}": eta[:, k] for k in range(eta.shape[1])}
    data |= dict(zip(plan.density.known, arrays.known, strict=True))
    natural = [(name, np.broadcast_to(v, len(eta))) for name, v in evaluate_natural(plan.density, data)]
    return draw(rng, plan.density.distribution, natural)


def _undo(design: Design, modelled: Floats) -> Floats:
    """Return the outcome on the scale of its column, from that of ``log(y[i]) ~ ..``."""
    transform = design.form.outcome.transform
    if transform is None:
        return modelled
    undo = LINKS.get(transform)
    if undo is None:
        message = f"outcomes cannot be drawn of `{transform}({design.form.outcome.name})`: it has no inverse"
        raise FitError([refusal(message, "model the outcome itself, or its logarithm")])
    functions: Mapping[str, Callable[[Floats], Floats]] = {**FUNCTIONS, **_UNDO}
    return np.asarray(functions[undo](modelled))
