"""A row density evaluated as it is written, without emitted source: the reading that emitted source must agree with.

Input: a `hdsl.form.density.RowDensity` or its expressions, and arrays by name (``eta0``, .., ``y``, known data).
Output: arrays. Results evaluate arguments on their natural scale with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hdsl import runtime
from hdsl.design.functions import COMPARISONS, FUNCTIONS
from hdsl.form.density import Case, RowDensity
from hdsl.form.expr import Apply, Expr, Num, Ref

__all__ = ["RowValues", "evaluate", "evaluate_density", "evaluate_natural"]

Floats: TypeAlias = NDArray[np.float64]
_NUMPY: dict[str, Callable[..., Any]] = {"expm1": np.expm1}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowValues:
    """log f of each row and its derivatives.

    Attributes
    ----------
    value : ndarray, (n,)
        log f, with what depends on data alone.
    first : ndarray, (K, n)
    second : ndarray, (number of pairs, n)
        In the order of `hdsl.form.density.pairs`.
    third : ndarray, (number of triples, n)
        In the order of `hdsl.form.density.triples`.
    """

    value: Floats
    first: Floats
    second: Floats
    third: Floats


def _function(name: str) -> Callable[..., Any]:
    if name in runtime.__all__:
        return getattr(runtime, name)  # type: ignore[no-any-return]
    return _NUMPY.get(name) or COMPARISONS.get(name) or FUNCTIONS[name]


def evaluate(expr: Expr, values: Mapping[str, ArrayLike]) -> Floats:
    """Return an expression's values where those of what it refers to are given by name."""
    match expr:
        case Num(value=value):
            return np.asarray(value)
        case Ref(name=name):
            return np.asarray(values[name], dtype=np.float64)
        case Apply(operator=name, operands=operands):
            return np.asarray(_function(name)(*(evaluate(operand, values) for operand in operands)), dtype=np.float64)
        case _:
            raise TypeError(f"{expr} has no value in a row")


def _case(case: Case, values: Mapping[str, ArrayLike]) -> Iterator[Floats]:
    known = dict(values)
    for name, step in case.steps:
        known[name] = evaluate(step, known)
    yield evaluate(case.value, known) + evaluate(case.constant, values)
    for expr in (*case.first, *case.second, *case.third):
        yield evaluate(expr, known)


def evaluate_density(density: RowDensity, values: Mapping[str, ArrayLike]) -> RowValues:
    """Return the density of each row with its derivatives.

    Parameters
    ----------
    density : RowDensity
    values : mapping from str to array_like, (n,) or a number
        ``y``, ``eta0``, .. and the known data.
    """
    n = np.broadcast(*(np.asarray(v) for v in values.values())).size
    columns = {name: np.broadcast_to(np.asarray(v, dtype=np.float64), n) for name, v in values.items()}
    k = len(density.inputs)
    n_second, n_third = k * (k + 1) // 2, k * (k + 1) * (k + 2) // 6
    out = np.full((1 + k + n_second + n_third, n), np.nan)
    with np.errstate(all="ignore"):
        for case in density.cases:
            holds = np.ones(n) if case.holds is None else np.broadcast_to(evaluate(case.holds, columns), n)
            rows = np.flatnonzero(holds)
            if not len(rows):
                continue
            for line, result in zip(out, _case(case, {name: v[rows] for name, v in columns.items()}), strict=True):
                line[rows] = result
    return RowValues(
        value=out[0], first=out[1 : 1 + k], second=out[1 + k : 1 + k + n_second], third=out[1 + k + n_second :]
    )


def evaluate_natural(density: RowDensity, values: Mapping[str, ArrayLike]) -> tuple[tuple[str, Floats], ...]:
    """Return the arguments of a distribution on their natural scale, in the order of `RowDensity.natural`."""
    with np.errstate(all="ignore"):
        return tuple((name, evaluate(expr, values)) for name, expr in density.natural)
