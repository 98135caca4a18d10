"""All measures of a fit in one frame.

Stage: results. Input: a fit. Output: a frame with a row for each measure. Invariant: a measure that a fit cannot have
has no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hdsl.diagnostics import FitError
from hdsl.results.measures.accuracy import share_correct
from hdsl.results.measures.information import conditional_aic
from hdsl.results.measures.variance import icc_table, r_squared

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.face.rows import Rows

__all__ = ["measure_table"]


def measure_table(fit: Rows) -> pd.DataFrame:
    """Return every measure that the fit has: `measure`, `of` (an index set, or nothing), `value`."""
    import pandas as pd

    return pd.DataFrame([row for make in _MAKERS for row in _rows(make, fit)], columns=["measure", "of", "value"])


def _rows(make: Callable[[Rows], Iterator[tuple[str, str, float]]], fit: Rows) -> list[tuple[str, str, float]]:
    try:
        return list(make(fit))
    except FitError as error:
        if error.code != "HM510":
            raise
        return []


def _likelihood(fit: Rows) -> Iterator[tuple[str, str, float]]:
    yield from (("loglik", "", fit.loglik), ("aic", "", fit.aic), ("bic", "", fit.bic))


def _conditional(fit: Rows) -> Iterator[tuple[str, str, float]]:
    yield "caic", "", conditional_aic(fit)


def _shares(fit: Rows) -> Iterator[tuple[str, str, float]]:
    marginal, conditional = r_squared(fit)
    yield from (("r2_marginal", "", marginal), ("r2_conditional", "", conditional))
    for index_set, value in icc_table(fit)["icc"].dropna().items():
        yield "icc", str(index_set), float(value)


def _correct(fit: Rows) -> Iterator[tuple[str, str, float]]:
    yield "percent_correct", "", 100.0 * share_correct(fit, "all")
    if fit.design.plan.re_terms:
        yield "percent_correct", "fixed part", 100.0 * share_correct(fit, None)


_MAKERS = (_likelihood, _conditional, _shares, _correct)
