"""Intervals of new observations of outcomes with a density: quantiles of draws from the predictive distribution.

Stage: results. Input: a `Predicted` with standard errors. Output: lower and upper bounds, a row each. Invariants: equal
seeds give equal bounds; a bound is a value that the outcome can have.

A draw has predictors from ``N(eta, E + S)``, E the covariance of their errors and S the variance of what is integrated
over, then an outcome with these predictors; of a binomial outcome it is the share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate_natural
from hdsl.diagnostics import FitError
from hdsl.progress import progress, say
from hdsl.results.predicting.means import layers
from hdsl.results.predicting.request import refusal
from hdsl.results.seeds import known_seed
from hdsl.results.simulation.samplers import draw

if TYPE_CHECKING:
    from hdsl.form.density import RowDensity
    from hdsl.results.predicting.rows import Predicted

__all__ = ["Draws", "observation_bounds"]

Floats = NDArray[np.float64]

AT_ONCE = 2_000_000
"""Drawn values that are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """How many outcomes are drawn for each row, and the seed."""

    n: int = 4000
    seed: int | None = 0


def observation_bounds(density: RowDensity, found: Predicted, level: float, draws: Draws) -> tuple[Floats, Floats]:
    """Return lower and upper bounds of a new observation in each row, (n,); NaN in rows with a missing value.

    Raises
    ------
    FitError
        HM510 for too few draws, and for an outcome that cannot be drawn.
    """
    if draws.n < 100:
        message = f"quantiles of {draws.n} draws say little: write `n=4000`"
        raise FitError([refusal(message, "a thousand or more are usual")])
    assert found.errors is not None
    variance = found.errors if found.spread is None else found.errors + found.spread
    rng = np.random.default_rng(known_seed(draws.seed))
    tails = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    bounds = np.full((2, len(found.eta)), np.nan)
    whole = np.flatnonzero(found.rows.is_complete)
    step = max(1, AT_ONCE // draws.n)
    with progress("predictions: drawing observations"):
        for begin in range(0, len(whole), step):
            say(f"predictions: observations of {begin:,} of {len(whole):,} rows are drawn")
            rows = whole[begin : begin + step]
            eta = _drawn(found.eta[rows], variance[rows], draws.n, rng)
            known = {name: np.repeat(values[rows], draws.n) for name, values in found.known.items()}
            drawn = _outcomes(density, eta, known, rng).reshape(len(rows), draws.n)
            bounds[:, rows] = np.quantile(drawn, tails, axis=1, method="inverted_cdf")
    return bounds[0], bounds[1]


def _drawn(eta: Floats, variance: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Return n predictors of each row, row by row; (rows * n, K)."""
    values, vectors = np.linalg.eigh(variance)
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    noise = rng.standard_normal((len(eta), n, eta.shape[1]))
    return np.asarray(eta[:, None, :] + np.einsum("rkl,rnl->rnk", roots, noise)).reshape(-1, eta.shape[1])


def _outcomes(density: RowDensity, eta: Floats, known: dict[str, Floats], rng: np.random.Generator) -> Floats:
    data = known | {f"eta{k}": eta[:, k] for k in range(eta.shape[1])}
    natural = [(name, np.broadcast_to(v, len(eta))) for name, v in evaluate_natural(density, data)]
    outcome = draw(rng, density.distribution, natural)
    family, own, _ = layers(density.distribution, natural)
    return np.asarray(outcome / own["size"]) if family == "binomial" else outcome
