"""Random outcomes: one row for each distribution, one for each wrapper.

Stage: results. Input: arguments on their natural scale, a value for each row. Output: a drawn value for each row.
Invariants: draws come from one generator, in the order of the rows; a wrapper draws from what it is around.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.results.predicting.means import layers
from hdsl.results.predicting.request import refusal

__all__ = ["SAMPLERS", "draw"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]
Arguments = Mapping[str, Floats]
Generator = np.random.Generator

MOST_ROUNDS = 10_000
"""Draws of a row until one lies within its bounds."""

BATCH = 64
"""Draws in one round, once few rows are left."""


def _negative_binomial(rng: Generator, a: Arguments) -> Floats:
    rate = rng.gamma(a["size"], a["mean"] / a["size"])  # a mixture of Poisson distributions, whatever the size
    return rng.poisson(rate).astype(float)


def _gamma(rng: Generator, a: Arguments) -> Floats:
    scale = 1.0 / a["rate"] if "rate" in a else a["mean"] / a["shape"]
    return rng.gamma(a["shape"], scale)


SAMPLERS: dict[str, Callable[[Generator, Arguments], Floats]] = {
    "normal": lambda rng, a: rng.normal(a["mean"], a["sd"]),
    "student_t": lambda rng, a: a["mean"] + a["scale"] * rng.standard_t(a["df"]),
    "lognormal": lambda rng, a: rng.lognormal(a["meanlog"], a["sdlog"]),
    "bernoulli": lambda rng, a: (rng.random(a["p"].shape) < a["p"]).astype(float),
    "binomial": lambda rng, a: rng.binomial(a["size"].astype(np.int64), a["p"]).astype(float),
    "poisson": lambda rng, a: rng.poisson(a["mean"]).astype(float),
    "negative_binomial": _negative_binomial,
    "gamma": _gamma,
    "inverse_gaussian": lambda rng, a: rng.wald(a["mean"], a["shape"]),
    "beta": lambda rng, a: rng.beta(a["mean"] * a["precision"], (1.0 - a["mean"]) * a["precision"]),
    "exponential": lambda rng, a: rng.exponential(1.0 / a["rate"] if "rate" in a else a["mean"]),
    "weibull": lambda rng, a: a["scale"] * rng.weibull(a["shape"]),
}
"""Samplers by the name of the distribution."""

Draw = Callable[[Generator, Arguments], Floats]


def draw(rng: Generator, distribution: str, arguments: Sequence[tuple[str, Floats]]) -> Floats:
    """Draw an outcome for each row.

    Parameters
    ----------
    rng : Generator
    distribution : str
        With its wrappers, as in `RowDensity.distribution`: ``"zero_inflated(poisson)"``.
    arguments : sequence of (str, ndarray)
        In the order of `RowDensity.natural`: those of the distribution, then those of its wrappers, innermost first.

    Raises
    ------
    FitError
        HM510 for bounds that hardly any draw meets.
    """
    family, own, wrappers = layers(distribution, arguments)
    sampler, given = SAMPLERS[family], own
    for wrapper, more in wrappers:
        sampler = _WRAPPERS[wrapper](sampler, tuple(given))
        given = {**given, **{f"{wrapper}.{name}": values for name, values in more.items()}}
    return sampler(rng, given)


def _rows(given: Arguments, names: Sequence[str], rows: NDArray[np.intp]) -> dict[str, Floats]:
    return {name: given[name][rows] for name in names}


def _until(
    rng: Generator, inner: Draw, given: Arguments, names: Sequence[str], accepts: Callable[[Floats, Codes], Flags]
) -> Floats:
    """Draw again where a value is not accepted; `accepts` takes values and their rows."""
    n = len(next(iter(given.values())))
    found = np.full(n, np.nan)
    waiting = np.arange(n)
    for _ in range(MOST_ROUNDS // BATCH):
        each = BATCH if len(waiting) * BATCH <= max(n, 10_000) else 1
        tries = np.repeat(waiting, each)
        values = inner(rng, _rows(given, names, tries))
        good = accepts(values, tries).reshape(-1, each)
        has_one = good.any(axis=1)
        found[waiting[has_one]] = values.reshape(-1, each)[has_one, good.argmax(axis=1)[has_one]]
        waiting = waiting[~has_one]
        if not len(waiting):
            return found
    message = "hardly any draw lies within the bounds of a truncated outcome: look at them"
    raise FitError(
        [refusal(message, f"row {waiting[0] + 1} is one; its bounds are far from what its mean makes likely")]
    )


def _truncated(inner: Draw, names: Sequence[str]) -> Draw:
    def sample(rng: Generator, given: Arguments) -> Floats:
        lower = given.get("truncated.lower", np.array(-np.inf))
        upper = given.get("truncated.upper", np.array(np.inf))
        n = len(given[names[0]])
        low, high = (np.broadcast_to(np.where(np.isnan(b), s * np.inf, b), n) for b, s in ((lower, -1), (upper, 1)))
        return _until(rng, inner, given, names, lambda y, rows: np.asarray((low[rows] <= y) & (y <= high[rows])))

    return sample


def _censored(inner: Draw, names: Sequence[str]) -> Draw:
    def sample(rng: Generator, given: Arguments) -> Floats:
        y = inner(rng, _all(given, names))
        y = np.fmax(y, given["censored.lower"]) if "censored.lower" in given else y  # a missing bound is none
        return np.fmin(y, given["censored.upper"]) if "censored.upper" in given else y

    return sample


def _zero_inflated(inner: Draw, names: Sequence[str]) -> Draw:
    def sample(rng: Generator, given: Arguments) -> Floats:
        y = inner(rng, _all(given, names))
        return np.where(rng.random(y.shape) < given["zero_inflated.p"], 0.0, y)

    return sample


def _hurdle(inner: Draw, names: Sequence[str]) -> Draw:
    def sample(rng: Generator, given: Arguments) -> Floats:
        is_zero = rng.random(len(given["hurdle.p"])) < given["hurdle.p"]
        y = np.zeros(len(is_zero))
        over = np.flatnonzero(~is_zero)
        if len(over):
            kept = _rows(given, names, over)
            y[over] = _until(rng, inner, kept, names, lambda values, _: values > 0.0)
        return y

    return sample


def _all(given: Arguments, names: Sequence[str]) -> dict[str, Floats]:
    return {name: given[name] for name in names}


_WRAPPERS: dict[str, Callable[[Draw, Sequence[str]], Draw]] = {
    "truncated": _truncated,
    "censored": _censored,
    "zero_inflated": _zero_inflated,
    "hurdle": _hurdle,
}
