"""Arguments of an outcome's distribution, row by row, on their natural scale.

Stage: results. Input: a `Design` with a density and the predictors of its rows. Output: arrays by argument name.
Invariant: the expressions are those of `RowDensity.natural`, walked here, an operation of arrays each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.design.functions import FUNCTIONS
from hdsl.form.expr import Apply, Expr, Num, Ref
from hdsl.results.linear import fixed_part, random_part
from hdsl.runtime import special

if TYPE_CHECKING:
    from collections.abc import Collection

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.plan import Arrays

__all__ = ["mean_input", "natural_arguments", "predictors", "value_of"]

Floats = NDArray[np.float64]


def predictors(
    design: Design, outcome: FitOutcome, arrays: Arrays, places: Collection[tuple[int, int]]
) -> tuple[Floats, ...]:
    """Return the K predictors, (n,) each, with the random effects among `places` at their modes."""
    return tuple(
        fixed_part(design.plan, arrays, outcome.beta, predictor=k)
        + random_part(design.plan, arrays, outcome.modes, places, predictor=k)
        for k in range(design.plan.n_predictors)
    )


def natural_arguments(design: Design, etas: Collection[Floats], arrays: Arrays) -> dict[str, Floats]:
    """Return the arguments of the distribution and its wrappers, natural scale, and its known data; (n,) each."""
    density = design.plan.density
    assert density is not None
    known = dict(zip(density.known, arrays.known, strict=True))
    names = known | {f"eta{k}": eta for k, eta in enumerate(etas)}
    shape = arrays.y.shape
    with np.errstate(all="ignore"):
        values = {name: np.asarray(value_of(expr, names), dtype=float) for name, expr in density.natural}
    return known | {name: np.broadcast_to(value, shape) for name, value in values.items()}


def value_of(item: Expr, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression of named arrays."""
    match item:
        case Num(value=number):
            return number
        case Ref(name=name):
            return names[name]
        case Apply(operator=called, operands=operands):
            function = FUNCTIONS.get(called) or getattr(special, called)
            return function(*(value_of(operand, names) for operand in operands))
        case _:
            raise TypeError(f"a density holds no {type(item).__name__}")


def mean_input(design: Design) -> int:
    """Return the input whose predictor moves the mean: the first that has an equation; 0 without a density."""
    density = design.plan.density
    if density is None:
        return 0
    return next((k for k, given in enumerate(density.inputs) if given.predictor is not None), 0)
