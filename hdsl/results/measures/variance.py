"""Shares of variance: intraclass correlations at each level, marginal and conditional R squared.

Stage: results. Input: a fit. Output: numbers and frames. Invariants: the variance of a grouping factor is that of its
random part averaged over the rows, ``mean_i z_i' Sigma z_i``, so that covariates with random slopes count as they are
in the data; all is on the scale of the mean's linear predictor (of log y for ``log(y[i]) ~ ..``).

The variance of a row given its predictor is sigma^2 of a Gaussian outcome; of others it is that of the latent scale:
pi^2/3 of a logit, 1 of a probit, pi^2/6 of a cloglog; of counts with a log link ``log(1 + V(m) / m^2)``, V the
variance of an outcome with mean m, m the mean over the rows of ``exp(x'beta + z'Sigma z / 2)``, and for gamma
``log(1 + 1/shape)``. The variance of an effect that each row has for itself, which stands for overdispersion, is added
to it: nothing of it is shared, nor predicted for another row.

References
----------
Nakagawa and Schielzeth (2013), Methods in Ecology and Evolution 4, 133-142; with random slopes Johnson (2014), ibid. 5,
944-946; of counts Nakagawa, Johnson and Schielzeth (2017), J. R. Soc. Interface 14, 20170213.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import Diagnostic, FitError
from hdsl.form.expr import IndexSet, show_index_set
from hdsl.results.linear import fixed_part
from hdsl.results.natural import mean_input, natural_arguments, predictors
from hdsl.results.nesting import containing
from hdsl.results.predicting.matrices import covariances, z_values
from hdsl.results.predicting.request import refusal

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.face.rows import Rows

__all__ = ["VarianceParts", "icc_table", "r_squared", "variance_parts"]

Floats = NDArray[np.float64]
Given = dict[str, Floats]
"""Arguments of the distribution by name, natural scale, (n,) each."""

ALL = slice(None)

LOGISTIC, NORMAL, GUMBEL = math.pi**2 / 3.0, 1.0, math.pi**2 / 6.0
"""Variances of the standard distributions behind logit, probit and cloglog."""

LATENT: dict[tuple[str, str], Callable[[Given, float], float]] = {
    **{(name, "logit"): lambda given, mean: LOGISTIC for name in ("bernoulli", "binomial")},
    **{(name, "probit"): lambda given, mean: NORMAL for name in ("bernoulli", "binomial")},
    **{(name, "cloglog"): lambda given, mean: GUMBEL for name in ("bernoulli", "binomial")},
    ("ordered_logit", "identity"): lambda given, mean: LOGISTIC,
    ("ordered_probit", "identity"): lambda given, mean: NORMAL,
    ("poisson", "log"): lambda given, mean: math.log1p(1.0 / mean),
    ("negative_binomial", "log"): lambda given, mean: math.log1p(1.0 / mean + float(np.mean(1.0 / given["size"]))),
    ("gamma", "log"): lambda given, mean: math.log1p(float(np.mean(1.0 / given["shape"]))),
    ("normal", "identity"): lambda given, mean: float(np.mean(given["sd"] ** 2)),
    ("lognormal", "identity"): lambda given, mean: float(np.mean(given["sdlog"] ** 2)),
}
"""Variance of a row given its predictor, by distribution and link; `mean` is the mean over the rows, of a log link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceParts:
    """What the variance of an outcome is made of, scale of the linear predictor.

    Attributes
    ----------
    fixed : float
        Variance of ``x'beta`` over the rows, without a known part.
    random : dict of IndexSet to float
        Of each grouping factor that groups rows.
    residual : float
        Of a row given its groups: that given its predictor, and that of effects of single rows.
    """

    fixed: float
    random: dict[IndexSet, float]
    residual: float

    @property
    def unexplained(self) -> float:
        """All of it but the fixed part."""
        return sum(self.random.values()) + self.residual


def variance_parts(fit: Rows) -> VarianceParts:
    """Return the parts of the variance.

    Raises
    ------
    FitError
        HM510 for a distribution or a link whose variance is not known on the scale of the predictor.
    """
    by_row = _random_variances(fit)
    random = {term.index_set: float(row.mean()) for term, row in zip(fit.design.plan.re_terms, by_row, strict=True)}
    of_rows = {
        term.index_set
        for term, levels in zip(fit.design.plan.re_terms, fit.design.levels, strict=True)
        if len(levels) == fit.nobs
    }
    return VarianceParts(
        fixed=_variance(_explained(fit)),
        random={index_set: value for index_set, value in random.items() if index_set not in of_rows},
        residual=_residual(fit, sum(by_row, np.zeros(fit.nobs))) + sum(random[index_set] for index_set in of_rows),
    )


def _variance(values: Floats) -> float:
    """Return the variance of some values, exactly zero where they are all the same."""
    return float(np.var(values, ddof=1)) if np.ptp(values) > 1e-12 * np.abs(values).max() else 0.0


def _random_variances(fit: Rows) -> list[Floats]:
    """Return ``z_i' Sigma z_i`` of each grouping factor, (n,)."""
    plan, arrays, k = fit.design.plan, fit.design.arrays, mean_input(fit.design)
    found = []
    for factor, sigma in enumerate(covariances(fit.outcome)):
        places = {(factor, column) for column in range(plan.re_terms[factor].width)}
        z = z_values(plan, arrays, factor, places, ALL, k)
        found.append(np.einsum("ic,cd,id->i", z, sigma, z))
    return found


def _explained(fit: Rows) -> Floats:
    """Return ``x'beta`` of the mean's predictor, without what is known and without thresholds; (n,)."""
    design = fit.design
    beta = fit.outcome.beta.copy()
    beta[[scalar.column for scalar in design.scalars]] = 0.0
    arrays = replace(design.arrays, offsets=(None,) * len(design.arrays.offsets))
    return fixed_part(design.plan, arrays, beta, ALL, mean_input(design))


def _residual(fit: Rows, spread: Floats) -> float:
    """Return the variance of a row given its predictor; `spread` is that of the predictor's random part, (n,)."""
    design = fit.design
    density, outcome, k = design.plan.density, design.form.outcome, mean_input(design)
    if density is None:
        return fit.outcome.sigma**2
    place = density.inputs[k].predictor
    link = design.form.predictors[place].link if place is not None else ""
    known = None if outcome.wrappers else LATENT.get((outcome.distribution, link))
    if known is None:
        raise FitError([_unknown_variance(density.distribution, link)])
    etas = predictors(design, fit.outcome, design.arrays, ())
    mean = float(np.mean(np.exp(etas[k] + spread / 2.0))) if link == "log" else math.nan
    return known(natural_arguments(design, etas, design.arrays), mean)


def icc_table(fit: Rows) -> pd.DataFrame:
    """Return the variance of each grouping factor and what rows of the same group share.

    Returns
    -------
    DataFrame
        By `index_set`: `variance` (of the random part, averaged over the rows), `share` (of all that the fixed part
        leaves: the variance partition coefficient), `icc` (correlation of two rows of the same group: with the shares
        of the sets that the groups lie in). The last row is that of the rows, without `icc`.

    Raises
    ------
    FitError
        HM510 for a distribution or a link whose variance is not known on the scale of the predictor.
    """
    import pandas as pd

    parts, inside = variance_parts(fit), containing(fit.design)
    shares = {index_set: variance / parts.unexplained for index_set, variance in parts.random.items()}
    rows = [
        (show_index_set(own), variance, shares[own], shares[own] + sum(shares.get(other, 0.0) for other in inside[own]))
        for own, variance in parts.random.items()
    ]
    rows.append((fit.design.form.row, parts.residual, parts.residual / parts.unexplained, math.nan))
    return pd.DataFrame(rows, columns=["index_set", "variance", "share", "icc"]).set_index("index_set")


def r_squared(fit: Rows) -> tuple[float, float]:
    """Return marginal and conditional R squared: the share of the fixed part, and of fixed and random parts together.

    Raises
    ------
    FitError
        HM510 for a distribution or a link whose variance is not known on the scale of the predictor.
    """
    parts = variance_parts(fit)
    total = parts.fixed + parts.unexplained
    return parts.fixed / total, (total - parts.residual) / total


def _unknown_variance(distribution: str, link: str) -> Diagnostic:
    message = f"the variance of `{distribution}` with link {link or 'none'} is not known on the scale of its predictor"
    return refusal(
        message, "shares are there for normal, lognormal, binary and ordered outcomes, counts and gamma (log)"
    )
