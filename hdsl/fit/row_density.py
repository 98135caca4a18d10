"""A row density as a function of any predictors: for quadrature, and for what is asked of a fit but not at each step.

Input: a plan with a density, and its arrays. Output: log f and its derivatives for arrays of predictors, rows last.
Invariant: the expressions are those that the emitted source has; here they are walked, an operation of arrays each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hdsl import runtime
from hdsl.design.functions import COMPARISONS, FUNCTIONS
from hdsl.fit.standardise import Codes, Floats
from hdsl.form.density import Case, pairs
from hdsl.form.expr import Apply, Expr, Num, Ref
from hdsl.plan import Arrays, Plan

__all__ = ["RowValues", "evaluated", "row_values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowValues:
    """The density of the rows of one data set.

    Attributes
    ----------
    n_predictors, n : int
    cases : tuple of (Case, rows, data)
        Each case with the rows that it holds for and their data by name; one case has all rows, written None.
    constant : ndarray, (n,)
        The part of log f that depends on data alone.
    times : ndarray, (n,), or None
        How often each row counts; all once where it is None.
    """

    n_predictors: int
    n: int
    cases: tuple[tuple[Case, Codes | None, dict[str, Any]], ...]
    constant: Floats
    times: Floats | None = None

    def value(self, eta: Sequence[Floats]) -> Floats:
        """Return log f, (.., n), for predictors (.., n) each."""
        return self._counted(self._each(eta, lambda case: [case.value])[0] + self.constant)

    def first(self, eta: Sequence[Floats]) -> list[Floats]:
        """Return the K first derivatives."""
        return [self._counted(own) for own in self._each(eta, lambda case: list(case.first))]

    def weights(self, eta: Sequence[Floats]) -> list[list[Floats]]:
        """Return ``- d2 log f / d eta_k d eta_l``, K x K."""
        K = self.n_predictors
        values = dict(zip(pairs(K), self._each(eta, lambda case: list(case.second)), strict=True))
        return [[self._counted(-values[min(k, m), max(k, m)]) for m in range(K)] for k in range(K)]

    def _counted(self, values: Floats) -> Floats:
        return values if self.times is None else values * self.times

    def _each(self, eta: Sequence[Floats], wanted: Callable[[Case], list[Expr]]) -> list[Floats]:
        """Return expressions of every case, each in its rows."""
        shape = np.broadcast_shapes(*(e.shape for e in eta))
        out: list[Floats] = []
        for case, rows, data in self.cases:
            names = data | {f"eta{k}": e if rows is None else e[..., rows] for k, e in enumerate(eta)}
            found = evaluated(wanted(case), names, dict(case.steps))
            if rows is None:
                return [np.broadcast_to(np.asarray(v, dtype=float), shape) for v in found]
            if not out:
                out = [np.empty(shape) for _ in found]
            for target, v in zip(out, found, strict=True):
                target[..., rows] = v
        return out


def evaluated(wanted: Sequence[Expr], names: dict[str, Any], steps: Mapping[str, Expr]) -> list[Any]:
    """Return the values of expressions; steps are made where they are needed, and kept in `names`."""

    def value(item: Expr) -> Any:
        match item:
            case Num(value=number):
                return number
            case Ref(name=name):
                if name not in names:
                    names[name] = value(steps[name])
                return names[name]
            case Apply(operator=called, operands=operands):
                return _function(called)(*(_argument(operand, value) for operand in operands))
            case _:
                raise TypeError(f"a density holds no {type(item).__name__}")

    with np.errstate(all="ignore"):
        return [value(item) for item in wanted]


def _argument(item: Expr, value: Callable[[Expr], Any]) -> Any:
    """Return an operand; a whole number may be an order, and stays whole."""
    if isinstance(item, Num):
        return int(item.value) if item.value == int(item.value) else item.value
    return value(item)


def _function(called: str) -> Callable[..., Any]:
    """Return what an operator or a function of the language does, or a primitive."""
    found = FUNCTIONS.get(called) or COMPARISONS.get(called) or getattr(runtime, called, None)
    return found or getattr(np, called)


def row_values(plan: Plan, arrays: Arrays, times: Floats | None = None) -> RowValues:
    """Return the density of the rows of a data set; `times` is how often each counts."""
    density = plan.density
    assert density is not None
    data = {"y": arrays.y, **dict(zip(density.known, arrays.known, strict=True))}
    n = len(arrays.y)
    constant = np.zeros(n)
    cases: list[tuple[Case, Codes | None, dict[str, Any]]] = []
    for case in density.cases:
        rows = None
        if case.holds is not None:
            (held,) = evaluated([case.holds], dict(data), {})
            rows = np.flatnonzero(np.broadcast_to(held, n))
            if not len(rows):
                continue
        own = data if rows is None else {name: values[rows] for name, values in data.items()}
        (fixed,) = evaluated([case.constant], dict(own), {})
        constant[slice(None) if rows is None else rows] = fixed
        cases.append((case, rows, own))
    return RowValues(n_predictors=plan.n_predictors, n=n, cases=tuple(cases), constant=constant, times=times)
