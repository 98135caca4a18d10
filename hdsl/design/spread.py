"""Whether rows are Gaussian with standard deviations of their own, so that the likelihood is closed form.

Stage: design. Input: a row density and the columns of the plan. Output: `Plan.is_weighted`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hdsl.form.density import Case, RowDensity
from hdsl.form.expr import Apply, Expr, Ref
from hdsl.plan import Column, Crossing, FixedSet, ReTerm

__all__ = ["has_own_spread"]


def has_own_spread(
    density: RowDensity, fixed: Sequence[Column | FixedSet], terms: Sequence[ReTerm], crossing: Crossing
) -> bool:
    """Whether a plan with a density is closed form from weighted cross-products, as `Plan.is_weighted` says."""
    if density.distribution != "normal" or crossing == "iterative":
        return False
    effects = {product.predictor for term in terms for column in term.columns for product in column.products}
    apart = all(len({product.predictor for product in item.products}) == 1 for item in fixed)
    has_mean = any(item.products[0].predictor == 0 for item in fixed)
    return effects <= {0} and apart and has_mean and _is_linear(density)


def _is_linear(density: RowDensity) -> bool:
    """Whether the mean is the first predictor and the standard deviation a function of the second, or known."""
    natural = dict(density.natural)
    mean, names = natural.get("mean"), names_of(natural.get("sd"))
    if len(density.cases) != 1 or mean != Ref(name="eta0", index_set=()):
        return False
    return names <= {"eta1", *density.known} and "eta0" not in _used(density.cases[0], density.cases[0].second[0])


def names_of(item: Expr | None) -> set[str]:
    """Return every name in an expression."""
    match item:
        case Ref(name=name):
            return {name}
        case Apply(operands=operands):
            return set().union(*(names_of(operand) for operand in operands))
        case _:
            return set()


def _used(case: Case, item: Expr) -> set[str]:
    """Return every name that an expression depends on, through the steps of its case."""
    steps = dict(case.steps)
    found, waiting = set[str](), names_of(item)
    while waiting:
        found |= waiting
        waiting = {name for have in waiting if have in steps for name in names_of(steps[have])} - found
    return found
