"""How well outcomes are told: the share of them that is predicted, and observed shares beside fitted ones.

Stage: results. Input: a fit of a binary, binomial or ordered outcome, and the random effects that are included.
Output: numbers and frames. Invariant: a binomial row counts as its trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import Diagnostic, FitError
from hdsl.results.natural import natural_arguments, predictors
from hdsl.results.predicting import is_ordered
from hdsl.results.predicting.request import Include, refusal, request

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.face.rows import Rows

__all__ = ["binary_parts", "calibration", "probability_table", "share_correct"]

Floats = NDArray[np.float64]


def share_correct(fit: Rows, include: Include) -> float:
    """Return the share of outcomes that are the most probable one; of two that are equally probable, the lower.

    Raises
    ------
    FitError
        HM510 for another kind of outcome.
    """
    if is_ordered(fit.design):
        told = probability_table(fit, include).to_numpy().argmax(axis=1)
        return float(np.mean(told == fit.design.arrays.y))
    p, successes, trials = binary_parts(fit, include)
    return float(np.where(p > 0.5, successes, trials - successes).sum() / trials.sum())


def probability_table(fit: Rows, include: Include) -> pd.DataFrame:
    """Return the probability of each category, a column each.

    Raises
    ------
    FitError
        HM510 for an outcome that is neither binary nor ordered, and for an unknown index.
    """
    import pandas as pd

    if is_ordered(fit.design):
        return pd.DataFrame(fit.predict(include=include))
    p, _, _ = binary_parts(fit, include)
    if fit.design.form.outcome.distribution == "binomial":
        raise FitError([_no_categories(fit)])
    return pd.DataFrame({"0": 1.0 - p, "1": p}, index=fit.design.row_labels)


def calibration(fit: Rows, bins: int, include: Include) -> pd.DataFrame:
    """Return fitted and observed shares in bins of the fitted probability, each with about as many rows.

    Returns
    -------
    DataFrame
        `rows`, `trials`, `lower` and `upper` (fitted probabilities of the bin), `fitted` and `observed` (shares of
        the trials), `se` (of the observed share, if the fitted ones are right).

    Raises
    ------
    FitError
        HM510 for another kind of outcome, or fewer than one bin.
    """
    import pandas as pd

    if bins < 1:
        raise FitError([refusal(f"{bins} bins are not enough: ask for 1 or more", "write `bins=10`")])
    p, successes, trials = binary_parts(fit, include)
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
    rows = [
        {
            "rows": len(rows),
            "trials": trials[rows].sum(),
            "lower": p[rows].min(),
            "upper": p[rows].max(),
            "fitted": (p * trials)[rows].sum() / trials[rows].sum(),
            "observed": successes[rows].sum() / trials[rows].sum(),
            "se": np.sqrt((p * (1.0 - p) * trials)[rows].sum()) / trials[rows].sum(),
        }
        for rows in parts
    ]
    return pd.DataFrame(rows).rename_axis("bin")


def binary_parts(fit: Rows, include: Include) -> tuple[Floats, Floats, Floats]:
    """Return probabilities, successes and trials of the rows.

    Raises
    ------
    FitError
        HM510 for an outcome that is not binary or binomial, and for an unknown index.
    """
    design = fit.design
    if design.form.outcome.distribution not in {"bernoulli", "binomial"} or design.plan.density is None:
        raise FitError([_no_categories(fit)])
    places = request(design, include, "response", marginal=False).places
    given = natural_arguments(design, predictors(design, fit.outcome, design.arrays, places), design.arrays)
    return given["p"], design.arrays.y, given.get("size", np.ones(fit.nobs))


def _no_categories(fit: Rows) -> Diagnostic:
    distribution = fit.design.form.outcome.distribution
    message = f"a `{distribution}` outcome has no categories to be told right: see `fit.measures()`"
    return refusal(message, "shares are there for bernoulli, binomial and ordered outcomes")
