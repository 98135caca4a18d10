"""Degrees of freedom of the fixed effects: what their Wald tests are referred to.

Stage: results. Input: a fit. Output: a `Reference`. Invariants: directions are in the estimated fixed effects, in their
order; infinitely many degrees of freedom mean the standard normal and chi-squared distributions.

References
----------
Satterthwaite's method for several degrees of freedom: Fai and Cornelius (1996), Journal of Statistical Computation and
Simulation 54, 363-378. Kenward and Roger (1997), Biometrics 53, 983-997, section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from hdsl.progress import progress
from hdsl.results.inference.refusals import refusal

if TYPE_CHECKING:
    from hdsl.fit.outcome import FixedVariation
    from hdsl.results.face.core import Core

__all__ = ["DfMethod", "Joint", "Reference", "default_reference", "reference"]

Floats: TypeAlias = NDArray[np.float64]
DfMethod: TypeAlias = Literal["satterthwaite", "kenward-roger", "residual", "normal"]

ALIKE = 1e-8
"""Relative difference below which degrees of freedom of all directions count as equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """A joint Wald statistic: F with its two degrees of freedom; the second may be infinite."""

    F: float
    df: int
    df_denominator: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What Wald statistics of the fixed effects are referred to.

    Attributes
    ----------
    method : {"satterthwaite", "kenward-roger", "residual", "normal"}
    covariance : ndarray, (r, r)
        Of the fixed effects, adjusted where the method does so.
    constant : float
        Degrees of freedom of every direction, where the method has the same for all; else NaN.
    variation : FixedVariation or None
        What degrees of freedom follow from, where they differ.
    unadjusted : ndarray, (r, r)
        Covariance given the variances.
    """

    method: DfMethod
    covariance: Floats
    unadjusted: Floats
    constant: float = math.nan
    variation: FixedVariation | None = None

    @property
    def is_normal(self) -> bool:
        """Whether statistics are referred to the normal distribution."""
        return math.isinf(self.constant)

    def df(self, direction: Floats) -> float:
        """Return the degrees of freedom of ``l'beta``: ``2 (l'Cl)^2 / var(l'Cl)``."""
        if self.variation is None:
            return self.constant
        variance = float(direction @ self.unadjusted @ direction)
        slopes = self.variation.slopes @ direction @ direction
        spread = float(slopes @ self.variation.parameters @ slopes)
        return 2.0 * variance**2 / spread if spread > 0.0 else math.inf

    def rows(self, L: Floats, more: Floats | None = None, more_slopes: Floats | None = None) -> Floats:
        """Return the degrees of freedom of the variance of ``l'beta`` for each row l of `L`, (n,).

        Another variance may be added to it: `more`, (n,), with its derivatives by the variance parameters, (n, m), as
        that of a new observation has it.
        """
        if self.variation is None:
            return np.full(len(L), self.constant)
        variance = np.einsum("ni,ij,nj->n", L, self.unadjusted, L)
        slopes = np.stack([np.einsum("ni,ij,nj->n", L, slope, L) for slope in self.variation.slopes], axis=1)
        if more is not None and more_slopes is not None:
            variance, slopes = variance + more, slopes + more_slopes
        spread = np.einsum("na,ab,nb->n", slopes, self.variation.parameters, slopes)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(spread > 0.0, 2.0 * variance**2 / spread, math.inf))

    def each(self) -> Floats:
        """Return the degrees of freedom of each fixed effect, (r,)."""
        return np.array([self.df(row) for row in np.eye(len(self.covariance))])

    def joint(self, L: Floats, difference: Floats) -> Joint:
        """Return the statistic of ``L beta = b``; `L` has full rank and `difference` is ``L beta - b``."""
        if self.variation is None:
            wald = float(difference @ np.linalg.solve(L @ self.covariance @ L.T, difference))
            return Joint(F=wald / len(L), df=len(L), df_denominator=self.constant)
        return _scaled(self, L, difference) if self.method == "kenward-roger" else _by_directions(self, L, difference)


def _by_directions(given: Reference, L: Floats, difference: Floats) -> Joint:
    """Return F with the degrees of freedom that match the mean of the squares of independent t statistics."""
    values, vectors = np.linalg.eigh(L @ given.covariance @ L.T)
    t2 = (vectors.T @ difference) ** 2 / values
    each = np.array([given.df(vector @ L) for vector in vectors.T])
    return Joint(F=float(t2.mean()), df=len(L), df_denominator=_matched(each))


def _matched(each: Floats) -> float:
    """Return the denominator degrees of freedom of F whose mean is that of the mean of F(1, v) over `each` v."""
    if np.ptp(each) < ALIKE * each.max() or math.isinf(each.min()):
        return float(each.mean())
    if each.min() <= 2.0:  # some F(1, v) has no mean
        return 2.0
    total = float((each / (each - 2.0)).sum())
    return 2.0 * total / (total - len(each))


def _scaled(given: Reference, L: Floats, difference: Floats) -> Joint:
    """Return Kenward and Roger's scaled F, whose first two moments match those of their section 3."""
    assert given.variation is not None
    q, W = len(L), given.variation.parameters
    theta = L.T @ np.linalg.solve(L @ given.unadjusted @ L.T, L)
    products = theta @ given.variation.slopes
    traces = np.trace(products, axis1=1, axis2=2)
    A1 = float(traces @ W @ traces)
    A2 = float(np.einsum("ab,aij,bji->", W, products, products))
    scale, df = _moments(q, A1, A2)
    wald = float(difference @ np.linalg.solve(L @ given.covariance @ L.T, difference))
    return Joint(F=scale * wald / q, df=q, df_denominator=df)


def _moments(q: int, A1: float, A2: float) -> tuple[float, float]:
    """Return scale and degrees of freedom of F from A1 and A2, as Kenward and Roger have them."""
    if A2 <= 0.0:
        return 1.0, math.inf
    B = (A1 + 6.0 * A2) / (2.0 * q)
    g = ((q + 1.0) * A1 - (q + 4.0) * A2) / ((q + 2.0) * A2)
    d = 3.0 * q + 2.0 * (1.0 - g)
    c1, c2, c3 = g / d, (q - g) / d, (q + 2.0 - g) / d
    mean = 1.0 - A2 / q
    rho = mean**2 * (1.0 + c1 * B) / (q * (1.0 - c2 * B) ** 2 * (1.0 - c3 * B))
    df = 4.0 + (q + 2.0) / (q * rho - 1.0)
    scale = df * mean / (df - 2.0) if abs(df - 2.0) > 1e-2 else 1.0
    return scale, df


# -- which one -------------------------------------------------------------------------------------------------------


def default_reference(fit: Core) -> Reference:
    """Return what a fit's tests are referred to where nothing else is asked for.

    Satterthwaite's degrees of freedom for Gaussian models with a random part, which cost next to nothing where the
    standard errors of the variances are known, too; n - p for those without one that were fitted by REML, where tests
    are exact; else the normal distribution.
    """
    plan = fit.design.plan
    if plan.density is not None or (not plan.re_terms and fit.method != "reml"):
        return reference(fit, "normal")
    if not plan.re_terms:
        return reference(fit, "residual")
    return reference(fit, "normal" if fit.outcome.fixed_variation is None else "satterthwaite")


def reference(fit: Core, method: str) -> Reference:
    """Return what tests are referred to by one method.

    Raises
    ------
    FitError
        HM510 for a method that is not there, or not for this fit.
    """
    match method:
        case "normal":
            return _constant(fit, "normal", math.inf)
        case "residual":
            _require_gaussian(fit, method)
            return _constant(fit, "residual", float(fit.nobs - len(fit.parameters.fixed)))
        case "satterthwaite":
            _require_gaussian(fit, method)
            return _satterthwaite(fit)
        case "kenward-roger":
            _require_gaussian(fit, method)
            return _kenward_roger(fit)
        case _:
            names = ", ".join(f'"{name}"' for name in get_args(DfMethod))
            raise refusal(f"there is no method {method!r} for degrees of freedom", f"write one of {names}")


def _covariance(fit: Core) -> Floats:
    """Return the covariance of the estimated fixed effects."""
    kept = fit.parameters.kept
    return fit.outcome.cov_beta[np.ix_(kept, kept)]


def _constant(fit: Core, method: DfMethod, df: float) -> Reference:
    covariance = _covariance(fit)
    return Reference(method=method, covariance=covariance, unadjusted=covariance, constant=df)


def _satterthwaite(fit: Core) -> Reference:
    variation, covariance = fit.outcome.fixed_variation, _covariance(fit)
    if variation is None:
        raise refusal(
            "this fit does not hold what Satterthwaite's method needs", 'fit the model again, or ask for "normal"'
        )
    estimated = [k for k in range(len(fit.outcome.beta)) if k not in fit.outcome.aliased]
    own = [estimated.index(k) for k in fit.parameters.kept]  # without parameters that have no equation
    variation = replace(variation, slopes=variation.slopes[:, own][:, :, own])
    return Reference(method="satterthwaite", covariance=covariance, unadjusted=covariance, variation=variation)


def _kenward_roger(fit: Core) -> Reference:
    if fit.method != "reml":
        raise refusal("Kenward and Roger's method is for REML", 'fit with method="reml", or ask for "satterthwaite"')
    from hdsl.fit.kenward_roger import kenward_roger
    from hdsl.fit.refit import optimum_of
    from hdsl.fit.threads import one_thread

    design = fit.design
    with one_thread(), progress("Kenward and Roger's covariance"):
        found = kenward_roger(*optimum_of(design.plan, design.arrays, fit.outcome))
    return Reference(
        method="kenward-roger",
        covariance=found.covariance,
        unadjusted=_covariance(fit),
        variation=found.variation,
    )


def _require_gaussian(fit: Core, method: str) -> None:
    if method == "satterthwaite" and fit.outcome.fixed_variation is not None:
        return  # of rows with standard deviations of their own, in closed form
    if fit.design.plan.density is not None:
        raise refusal(
            f"degrees of freedom by {method!r} are for Gaussian linear models",
            'ask for "normal": tests of this model are asymptotic',
        )
