"""Whether the parts of a kept fit can be those of one fit: the names and numbers of one stand for those of another.

Stage: results. Input: a `Design` and a `FitOutcome` from a file. Output: what is wrong, in words. Invariant: a fit that
passes answers what it is asked, whatever the file says; whether its numbers are true, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["unsound"]

HUGE = 1e100


def unsound(design: Design, outcome: FitOutcome) -> str | None:
    """Return what contradicts something else, or None."""
    return next((words for words, is_right in _checks(design, outcome) if not is_right), None)


def _checks(design: Design, outcome: FitOutcome) -> Iterator[tuple[str, bool]]:
    widths = [term.width for term in design.plan.re_terms]
    names = {index.name for index in design.form.indices}
    named = set(design.variance_names)
    yield "it has no index of rows", any(index.is_row for index in design.form.indices)
    yield (
        "an index that units are counted of is not declared",
        all(names.issuperset(own) for own in design.group_counts),
    )
    yield (
        "a standard deviation or correlation is of an effect that is not there",
        all(f in range(len(widths)) and {r, c} <= set(range(widths[f])) for f, r, c in named),
    )
    entries = {*outcome.variance_parameters, *outcome.boundary}
    yield "a variance parameter has no name", entries <= named
    yield "a column that was dropped is none", set(outcome.aliased) <= set(range(len(outcome.beta)))
    arrays = design.arrays
    yield "its outcome has values that are missing or infinite", _is_finite(arrays.y)
    yield "a covariate has values that are missing or infinite", all(map(_is_finite, arrays.x))
    yield "a number is too large to be squared", not any(map(_is_huge, _estimates(outcome)))
    if outcome.status != "not converged":
        yield from _numbers(outcome)


def _numbers(outcome: FitOutcome) -> Iterator[tuple[str, bool]]:
    """Yield what the numbers of an optimum are."""
    estimated = np.setdiff1d(np.arange(len(outcome.beta)), np.asarray(outcome.aliased, dtype=np.intp))
    yield "a coefficient is missing or infinite", _is_finite(outcome.beta[estimated])
    yield "a covariance factor is missing or infinite", _is_finite(outcome.theta)
    yield (
        "a standard deviation is missing, infinite or negative",
        all(_is_finite(sd) and bool((sd >= 0.0).all()) for sd in outcome.sd),
    )
    yield "a correlation is beyond -1 and 1", all(not (np.abs(cor) > 1.0 + 1e-9).any() for cor in outcome.cor)
    yield "a random effect is missing or infinite", all(map(_is_finite, outcome.modes))


def _estimates(outcome: FitOutcome) -> Iterator[NDArray[np.float64]]:
    yield from (outcome.theta, outcome.beta, outcome.cov_beta, outcome.variance_cov)
    yield from (*outcome.sd, *outcome.cor, *outcome.modes, *outcome.mode_cov)
    if outcome.cross_cov is not None:
        yield outcome.cross_cov
    if outcome.fixed_variation is not None:
        yield from (outcome.fixed_variation.slopes, outcome.fixed_variation.parameters)


def _is_huge(values: NDArray[np.float64]) -> bool:
    return bool((np.abs(values) > HUGE).any())


def _is_finite(values: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(values).all())
