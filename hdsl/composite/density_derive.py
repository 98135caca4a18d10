"""One log density → a case: its terms of data alone set apart, three orders of derivatives, common steps taken out."""

from __future__ import annotations

import sympy

from hdsl.composite.density_functions import lowered
from hdsl.form.density import Case, pairs, triples
from hdsl.form.expr import Expr

__all__ = ["derived"]


def derived(log: sympy.Expr, holds: Expr | None, k: int) -> Case:
    """Return the case of a log density with `k` inputs.

    Parameters
    ----------
    log : sympy.Expr
        By ``eta0`` .. and data.
    holds : Expr or None
        The condition on data where it is the density.
    k : int
    """
    inputs = [sympy.Symbol(f"eta{i}") for i in range(k)]
    constant, value = log.as_independent(*inputs, as_Add=True)
    first = [value.diff(eta) for eta in inputs]
    second = {(a, b): first[a].diff(inputs[b]) for a, b in pairs(k)}
    third = {(a, b, c): second[a, b].diff(inputs[c]) for a, b, c in triples(k)}
    whole = [value, *first, *second.values(), *third.values()]
    steps, reduced = sympy.cse(whole, symbols=sympy.numbered_symbols("s"))
    results = [lowered(expr) for expr in reduced]
    n_first, n_second = 1 + k, 1 + k + len(second)
    return Case(
        holds=holds,
        steps=tuple((symbol.name, lowered(expr)) for symbol, expr in steps),
        value=results[0],
        constant=lowered(constant),
        first=tuple(results[1:n_first]),
        second=tuple(results[n_first:n_second]),
        third=tuple(results[n_second:]),
    )
