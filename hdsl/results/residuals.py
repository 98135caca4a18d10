"""Residuals of a fit, with all random effects at their modes.

Stage: results. Input: a fit. Output: a vector, a value for each row. Invariants: a binomial row has the residual of its
share, ``y / size``; a Gaussian one divides by sigma where a residual is scaled; what has no mean is refused.

- response: ``y - m``
- Pearson: ``(y - m) / sqrt(V)``, V the variance of the outcome given the random effects
- deviance: ``sign(y - m) sqrt(2 (l_y - l_m))``, l_m the log density of the row and l_y what it is if the row's mean is
  y, other parameters as estimated

References
----------
McCullagh and Nelder (1989), Generalized Linear Models, section 2.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate_density
from hdsl.diagnostics import Diagnostic, FitError
from hdsl.results.effects import effect_places
from hdsl.results.natural import Arguments, mean_input, natural_arguments, predictors
from hdsl.results.predicting.request import refusal

if TYPE_CHECKING:
    from hdsl.results.face.rows import Rows

__all__ = ["KINDS", "observed", "residuals_of", "variance_of"]

Floats = NDArray[np.float64]

KINDS = ("response", "pearson", "deviance")


def _gamma(a: Arguments) -> Floats:
    mean = a["mean"] if "mean" in a else a["shape"] / a["rate"]
    return np.asarray(mean**2 / a["shape"])


def _weibull(a: Arguments) -> Floats:
    from scipy.special import gamma

    first, second = gamma(1.0 + 1.0 / a["shape"]), gamma(1.0 + 2.0 / a["shape"])
    return np.asarray(a["scale"] ** 2 * (second - first**2))


def _student_t(a: Arguments) -> Floats:
    return np.asarray(a["scale"] ** 2 * np.where(a["df"] > 2.0, a["df"] / np.maximum(a["df"] - 2.0, 1e-300), np.inf))


def _lognormal(a: Arguments) -> Floats:
    return np.asarray(np.expm1(a["sdlog"] ** 2) * np.exp(2.0 * a["meanlog"] + a["sdlog"] ** 2))


VARIANCES: dict[str, Callable[[Arguments], Floats]] = {
    "normal": lambda a: a["sd"] ** 2,
    "student_t": _student_t,
    "lognormal": _lognormal,
    "bernoulli": lambda a: a["p"] * (1.0 - a["p"]),
    "binomial": lambda a: a["p"] * (1.0 - a["p"]) / a["size"],
    "poisson": lambda a: a["mean"],
    "negative_binomial": lambda a: a["mean"] + a["mean"] ** 2 / a["size"],
    "gamma": _gamma,
    "inverse_gaussian": lambda a: a["mean"] ** 3 / a["shape"],
    "beta": lambda a: a["mean"] * (1.0 - a["mean"]) / (1.0 + a["precision"]),
    "exponential": lambda a: (a["mean"] if "mean" in a else 1.0 / a["rate"]) ** 2,
    "weibull": _weibull,
}
"""Variance of an outcome by its distribution; of a binomial one, of its share."""


def _quantile(p: Floats) -> Floats:
    from scipy.special import ndtri

    return np.asarray(ndtri(p))


SATURATED: dict[str, Callable[[Floats], Floats]] = {
    "identity": lambda m: m,
    "log": np.log,
    "logit": lambda p: np.log(p) - np.log1p(-p),
    "probit": _quantile,
    "cloglog": lambda p: np.log(-np.log1p(-p)),
    "sqrt": np.sqrt,
    "inverse": lambda m: 1.0 / m,
}
"""From a mean to its predictor, by the link."""

BY_MEAN = frozenset(
    {"bernoulli", "binomial", "poisson", "negative_binomial", "gamma", "inverse_gaussian", "exponential", "normal"}
)
"""Distributions that are densest, of all means, at that of their outcome."""

FARTHEST = 700.0
"""Predictor that stands for an infinite one."""


def residuals_of(fit: Rows, kind: str) -> Floats:
    """Return residuals, (n,).

    Raises
    ------
    FitError
        HM510 for another kind, and for an outcome that has no such residual.
    """
    if kind not in KINDS:
        message = f"there are no {kind!r} residuals: ask for {', '.join(KINDS)}"
        raise FitError([refusal(message, f'write `kind="{KINDS[0]}"`')])
    error = observed(fit) - fit.fitted.to_numpy()
    if kind == "response":
        return error
    if fit.design.plan.density is None:
        return np.asarray(error / fit.outcome.sigma)
    if kind == "pearson":
        return np.asarray(error / np.sqrt(variance_of(fit)))
    return np.asarray(np.sign(error) * np.sqrt(np.maximum(_deviances(fit), 0.0)))


def observed(fit: Rows) -> Floats:
    """Return what a fitted mean is the mean of: the outcome, of a binomial one its share; (n,).

    Raises
    ------
    FitError
        HM510 for ordered categories, which have no mean.
    """
    design = fit.design
    if design.plan.density is None or design.form.outcome.distribution != "binomial":
        if design.form.outcome.distribution.startswith("ordered"):
            message = "ordered categories have no mean and no residuals: see `fit.probabilities()`"
            raise FitError([refusal(message, "`fit.probabilities()` has the probability of each category")])
        return design.arrays.y
    return np.asarray(design.arrays.y / _arguments(fit)["size"])


def variance_of(fit: Rows) -> Floats:
    """Return the variance of each row's outcome given the random effects, (n,).

    Raises
    ------
    FitError
        HM510 for a truncated or censored outcome.
    """
    outcome, given = fit.design.form.outcome, _arguments(fit)
    variance = VARIANCES[outcome.distribution](given)
    for wrapper in reversed(outcome.wrappers):
        if wrapper != "zero_inflated":
            raise FitError([_none("Pearson", wrapper)])
        p, mean = given["p"], fit.fitted.to_numpy()
        inner = mean / (1.0 - p)
        variance = (1.0 - p) * (variance + p * inner**2)
    return variance


def _arguments(fit: Rows) -> dict[str, Floats]:
    design = fit.design
    places = tuple(effect_places(design).values())
    return natural_arguments(design, predictors(design, fit.outcome, design.arrays, places), design.arrays)


def _deviances(fit: Rows) -> Floats:
    """Return twice what the log density of each row would gain if its mean were the outcome, (n,)."""
    design, k = fit.design, mean_input(fit.design)
    density, outcome = design.plan.density, design.form.outcome
    assert density is not None
    place = density.inputs[k].predictor
    link = design.form.predictors[place].link if place is not None else ""
    if outcome.wrappers or outcome.distribution not in BY_MEAN or link not in SATURATED:
        raise FitError([_none("deviance", density.distribution)])
    etas = predictors(design, fit.outcome, design.arrays, tuple(effect_places(design).values()))
    with np.errstate(all="ignore"):
        best = np.clip(SATURATED[link](observed(fit)), -FARTHEST, FARTHEST)
    data = {"y": design.arrays.y} | dict(zip(density.known, design.arrays.known, strict=True))
    data |= {f"eta{j}": eta for j, eta in enumerate(etas)}
    reached = evaluate_density(density, data).value
    return np.asarray(2.0 * (evaluate_density(density, data | {f"eta{k}": best}).value - reached))


def _none(kind: str, what: str) -> Diagnostic:
    message = f"there are no {kind} residuals of `{what}`: take those of the response"
    return refusal(message, "`fit.residuals` are outcome minus fitted mean")
