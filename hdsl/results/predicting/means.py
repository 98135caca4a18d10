"""The mean of a distribution by its arguments on their natural scale: a row for each distribution.

Stage: results. Input: a distribution with its wrappers, and its arguments as in `RowDensity.natural`. Output: the mean
in each row. Invariants: of a binomial outcome it is the probability, which needs no size; of a truncated or censored
one the mean before anything is cut off; of ``zero_inflated`` and ``hurdle`` the mean with their zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["layers", "mean_of", "needed_for_mean"]

Floats = NDArray[np.float64]
Arguments = Mapping[str, Floats]
Value = TypeVar("Value")


def _by_rate(a: Arguments) -> Floats:
    if "rate" not in a:
        return a["mean"]
    return np.asarray(a.get("shape", np.array(1.0)) / a["rate"])


def _weibull(a: Arguments) -> Floats:
    from scipy.special import gamma

    return np.asarray(a["scale"] * gamma(1.0 + 1.0 / a["shape"]))


_MEANS: dict[str, Callable[[Arguments], Floats]] = {
    "normal": lambda a: a["mean"],
    "student_t": lambda a: a["mean"],
    "lognormal": lambda a: np.asarray(np.exp(a["meanlog"] + 0.5 * np.square(a["sdlog"]))),
    "bernoulli": lambda a: a["p"],
    "binomial": lambda a: a["p"],
    "poisson": lambda a: a["mean"],
    "negative_binomial": lambda a: a["mean"],
    "gamma": _by_rate,
    "inverse_gaussian": lambda a: a["mean"],
    "beta": lambda a: a["mean"],
    "exponential": _by_rate,
    "weibull": _weibull,
}

_ZEROS: dict[str, Callable[[Arguments], Floats]] = {
    "poisson": lambda a: np.asarray(np.exp(-a["mean"])),
    "negative_binomial": lambda a: np.asarray(np.exp(-a["size"] * np.log1p(a["mean"] / a["size"]))),
}
"""Probability of zero; of distributions of positive values it is zero."""

_ONLY = {"mean": ("mean",), "p": ("p",)}
"""The arguments that a mean depends on, where there is one of these; else all of them."""


def layers(
    distribution: str, arguments: Sequence[tuple[str, Value]]
) -> tuple[str, dict[str, Value], list[tuple[str, dict[str, Value]]]]:
    """Return the family with its arguments, and its wrappers with theirs, innermost first.

    Parameters
    ----------
    distribution : str
        As in `RowDensity.distribution`: ``"zero_inflated(poisson)"``.
    arguments : sequence of (str, value)
        In the order of `RowDensity.natural`: those of the family, then those of its wrappers, innermost first.
    """
    *wrappers, family = distribution.rstrip(")").split("(")
    rest = list(arguments)
    found: list[tuple[str, dict[str, Value]]] = []
    for wrapper in wrappers:  # the outermost first: its arguments are the last ones
        width = _width(wrapper, [name for name, _ in rest])
        found.append((wrapper, dict(rest[len(rest) - width :])))
        rest = rest[: len(rest) - width]
    return family, dict(rest), found[::-1]


def _width(wrapper: str, names: Sequence[str]) -> int:
    """Return how many arguments at the end are a wrapper's; either bound may be left out."""
    if wrapper not in ("truncated", "censored"):
        return 1
    return 2 if tuple(names[-2:]) == ("lower", "upper") else 1


def needed_for_mean(distribution: str, arguments: Sequence[tuple[str, Value]]) -> list[Value]:
    """Return those arguments that the mean depends on."""
    family, own, wrappers = layers(distribution, arguments)
    has_zeros = [more["p"] for name, more in wrappers if name in ("zero_inflated", "hurdle")]
    is_cut = any(name == "hurdle" for name, _ in wrappers) and family in _ZEROS
    only = next((names for name, names in _ONLY.items() if name in own and not is_cut), tuple(own))
    return [own[name] for name in only] + has_zeros


def mean_of(distribution: str, arguments: Sequence[tuple[str, Floats]]) -> Floats:
    """Return the mean in each row; arguments that it does not depend on may be anything."""
    family, own, wrappers = layers(distribution, arguments)
    mean = _MEANS[family](own)
    for name, more in wrappers:
        if name == "hurdle" and family in _ZEROS:
            mean = mean / (1.0 - _ZEROS[family](own))
        if name in ("zero_inflated", "hurdle"):
            mean = mean * (1.0 - more["p"])
    return np.asarray(mean)
