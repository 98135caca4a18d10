"""The criterion of a plan and its data as a function of theta, with exact gradient and curvature.

Input: a plan with arrays. The emitted functions do the work, on standardised columns; here is what lies between them
and the optimizer: the chain rule from covariances to theta, and the way back to the user's columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np

from hdsl.codegen import Emitted, emit, load
from hdsl.fit.chain_rule import ChainRule, chain_rule, emitted_entries
from hdsl.fit.covariance import widths
from hdsl.fit.iterating import Engine, cross_moments, engine
from hdsl.fit.moments import moments
from hdsl.fit.problem import Slope
from hdsl.fit.rank import independent_columns, keep_columns
from hdsl.fit.recentred import Recentred, far_columns, recentred
from hdsl.fit.refusals import exact_fit, not_finite, too_few_rows
from hdsl.fit.standardise import (
    Block,
    Columns,
    FixedScale,
    Floats,
    Outcome,
    least_squares,
    random_scale,
    standardise_fixed,
    standardise_outcome,
    take_out,
)
from hdsl.fit.start import moment_theta
from hdsl.fit.users_scale import UsersCovariances
from hdsl.plan import Arrays, Plan
from hdsl.runtime import Indicators, Profile
from hdsl.runtime.root import LAPACK_SIZE

__all__ = ["Criterion", "Evaluation", "Prepared", "criterion", "moment_guess", "prepared"]

LARGE, MANY_GROUPS = 300, 10_000
"""Columns of a dense root, and groups of the finest factor, from which the sweep of one point alone is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The criterion at one theta; standardised columns.

    `sweep` gives the forward sweep, which is made again where it was large and is no longer the last.
    """

    theta: Floats
    factors: Sequence[Floats]
    profile: Profile
    sweep: Callable[[], Any]

    @property
    def vector(self) -> Floats:
        """What the search moves: theta."""
        return self.theta

    @property
    def forward(self) -> Any:
        """The forward sweep."""
        return self.sweep()

    @property
    def objective(self) -> float:
        """The criterion, standardised columns."""
        return self.profile.objective

    @property
    def is_rough(self) -> bool:
        """Whether the objective is only near: never."""
        return False


@dataclass(slots=True)
class _Last:
    """The last large forward sweep, with its cross-products and theta: a search remembers points, not matrices."""

    swept: tuple[Any, Floats, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion(UsersCovariances):
    """The criterion of one data set.

    Attributes
    ----------
    kept : list of int
        Columns of X that are not aliased.
    T : tuple of ndarray
        For each factor ``Z = Z* T``.
    rule : ChainRule
        From covariances to theta, entries in the order of the emitted directions.
    guess : ndarray
        Theta by the method of moments.
    """

    plan: Plan
    emitted: Emitted | Engine | Recentred
    cross: Any
    reml: bool
    fixed: FixedScale
    kept: list[int]
    outcome: Outcome
    T: tuple[Floats, ...]
    rule: ChainRule
    guess: Floats
    last: _Last = field(default_factory=_Last, repr=False)

    @property
    def n_columns(self) -> int:
        """Columns of X, aliased ones included."""
        return len(self.fixed.scale)

    def evaluate(self, theta: Floats, near: Evaluation | None = None) -> Evaluation:
        """Run the forward sweep."""
        is_large = self._is_large
        forward = self._sweep(theta) if is_large else self.emitted.forward(self.cross, theta)
        return Evaluation(
            theta=theta,
            factors=forward.factors,
            profile=self.emitted.estimates(self.cross, forward, self.reml),
            sweep=partial(self._sweep, theta) if is_large else lambda: forward,
        )

    def _sweep(self, theta: Floats) -> Any:
        """Return the forward sweep at theta, after the last one is let go unless it is that."""
        swept = self.last.swept
        if swept is None or swept[0] is not self.cross or not np.array_equal(swept[1], theta):
            swept = self.last.swept = None
            swept = self.last.swept = self.cross, theta, self.emitted.forward(self.cross, theta)
        return swept[2]

    @property
    def _is_large(self) -> bool:
        """Whether a forward sweep takes much memory."""
        if self.plan.crossing == "iterative" or self._columns >= LARGE:
            return True
        return bool(self.plan.chain) and self.cross.nest.sizes[0] >= MANY_GROUPS

    @property
    def _columns(self) -> int:
        """Columns of the dense root."""
        return len(self.cross.C) - len(self.kept) - 1

    def covariance_slopes(self, at: Evaluation) -> tuple[list[Floats], list[Floats], tuple[Floats, ...]]:
        """Return d logdet / d Sigma and d r2 / d Sigma of each factor, and v."""
        p = len(at.profile.beta) if self.reml else 0
        G, _ = self.emitted.covariances(self.cross, at.forward, at.profile.cov_beta[:p, :p])
        _, v = self.emitted.modes(self.cross, at.forward, at.profile.beta)
        return list(G), [-(u[:, 0] @ u[:, 0].T) for u in v], v

    @property
    def is_costly(self) -> bool:
        """Whether the dense root is large, so that an evaluation is worth sparing."""
        return self._columns >= LAPACK_SIZE

    def slope(self, at: Evaluation) -> Slope:
        """Return gradient and average-information Hessian.

        Notes
        -----
        ``g = 2 (G L)``; ``H = J'H_S J + 2 G[row, row]`` for entries of the same column, where ``H_S = f R'PR -
        (f / r2) r2_a r2_b`` and ``f = nn / r2``.
        """
        logdet, r2, v = self.covariance_slopes(at)
        f = at.profile.nn / at.profile.r2
        G = [a + f * b for a, b in zip(logdet, r2, strict=True)]
        border, own = self.emitted.average_information(self.cross, at.forward, v)
        X = border[:-1]
        slopes = self.rule.sigma_slopes(r2)
        H_S = f * (own - X.T @ at.profile.cov_beta @ X) - (f / at.profile.r2) * np.outer(slopes, slopes)
        factors = at.factors
        gradient, hessian = self.rule.derivatives(H_S, G, factors)
        return Slope(gradient=gradient, hessian=hessian, by_covariance=tuple(G))

    def with_theta(self, at: Evaluation, theta: Floats) -> Floats:
        """Return the vector with another theta."""
        return theta

    def curvature(self, at: Evaluation) -> None:
        """Return None: average information with the chain rule does."""

    def user_beta(self, beta: Floats) -> Floats:
        """Return the coefficients of all of the user's columns, NaN for aliased ones; replicates may be a last axis."""
        fixed, outcome = self.fixed, self.outcome
        base = outcome.base.reshape(-1, *(1,) * (beta.ndim - 1))
        out = np.full((self.n_columns, *beta.shape[1:]), np.nan)
        out[self.kept] = fixed.to_user(self.kept) @ (outcome.scale * beta + base)
        if fixed.intercept is not None:
            out[fixed.intercept] += outcome.shift / fixed.value
        return out

    def user_objective(self, profile: Profile) -> float:
        """Return the criterion of the user's columns."""
        moved = profile.objective + 2.0 * profile.nn * float(np.log(self.outcome.scale))
        return moved + (self.fixed.logdet(self.kept) if self.reml else 0.0)


def criterion(plan: Plan, arrays: Arrays, *, reml: bool) -> Criterion:
    """Take cross-products of the standardised columns and return the criterion.

    Raises
    ------
    FitError
        HM504 where no more rows than independent columns of X are there, HM506 for a value that is not finite, HM511
        for a constant outcome.
    """
    emitted = engine(plan) if plan.crossing == "iterative" else load(emit(plan))
    made = prepared(plan, arrays, emitted, Columns(is_stored=False), is_recentred=True)
    return Criterion(
        plan=plan,
        emitted=recentred(plan, emitted, made.S) if made.S and isinstance(emitted, Emitted) else emitted,
        cross=made.cross,
        reml=reml,
        fixed=made.fixed,
        kept=made.kept,
        outcome=made.outcome,
        T=made.T,
        rule=chain_rule(emitted_entries(plan), tuple(widths(plan)), plan.n_theta),
        guess=moment_guess(plan, made, is_recentred=True),
    )


class _Kernel(Protocol):
    """What makes columns and cross-products."""

    @property
    def columns(self) -> Callable[..., Any]:
        """The emitted function of that name."""

    @property
    def cross_products(self) -> Callable[..., Any]:
        """The emitted function of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Standardised columns and their cross-products.

    Attributes
    ----------
    X : list of ndarray or Indicators
        Those that are not aliased.
    Z : list of tuple of ndarray
    outcome : Outcome
    cross : object
        Cross-products of the columns and the outcome.
    fixed : FixedScale
        Of all columns of X.
    kept : list of int
    T : tuple of ndarray
    base : ndarray
        Least-squares coefficients of the outcome in the cross-products.
    S : mapping of int to ndarray
        Factors with columns far from zero, see `hdsl.fit.recentred`, whose cross-products are those of other columns
        where that was asked for.
    """

    X: list[Block]
    Z: list[tuple[Floats, ...]]
    outcome: Outcome
    cross: Any
    fixed: FixedScale
    kept: list[int]
    T: tuple[Floats, ...]
    base: Floats
    S: Mapping[int, Floats]


def prepared(plan: Plan, arrays: Arrays, emitted: _Kernel, columns: Columns, *, is_recentred: bool = False) -> Prepared:
    """Standardise the columns of a Gaussian plan, and take cross-products; of columns far from zero about their mean.

    Raises
    ------
    FitError
        As `criterion`.
    """
    X, y, Z = emitted.columns(arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
    require_finite(plan, X, y, Z)
    X_standard, fixed = standardise_fixed(plan, X, columns)
    outcome = standardise_outcome(y, columns, centre=fixed.intercept is not None)
    if outcome.scale == 0.0:
        raise exact_fit()
    scaled = [random_scale(plan, f, z, columns) for f, z in enumerate(Z)]
    moved = [far_columns(plan, f, z, scaled[f], columns) for f, z in enumerate(Z)]
    Z_standard = [z for z, _ in (moved if is_recentred else scaled)]
    cross = emitted.cross_products((*X_standard, outcome.values), Z_standard, arrays.groups)
    p = len(fixed.scale)
    at = len(cross.C) - p - 1
    kept = independent_columns(cross.C[at : at + p, at : at + p], fixed.intercept)
    if len(y) <= len(kept):
        raise too_few_rows(len(y), len(kept))
    if len(kept) < p:
        X_standard = keep_columns(X_standard, kept)
        cross = emitted.cross_products((*X_standard, outcome.values), Z_standard, arrays.groups)
    base, error = least_squares(X_standard, outcome.values, cross.C[at:, at:])
    outcome = take_out(outcome, base, error)
    if outcome.scale == 0.0:
        raise exact_fit()
    if outcome.base.any():
        cross = emitted.cross_products((*X_standard, outcome.values), Z_standard, arrays.groups)
    return Prepared(
        X=X_standard,
        Z=Z_standard,
        outcome=outcome,
        cross=cross,
        fixed=fixed,
        kept=kept,
        T=tuple(T for _, T in scaled),
        base=np.zeros(len(base)) if outcome.base.any() else base,
        S={f: S for f, (_, S) in enumerate(moved) if S is not None},
    )


def moment_guess(plan: Plan, made: Prepared, *, is_recentred: bool = False) -> Floats:
    """Return theta by the method of moments, relative to the residuals; `is_recentred` as `prepared` was called."""
    if not plan.n_theta:
        return np.zeros(0)
    cross, beta, intercept = made.cross, made.base, _place(made.fixed, made.kept)
    if plan.crossing == "iterative":
        found = cross_moments(cross, beta, intercept)
    else:
        found = moments(plan, cross, beta, intercept)
    return moment_theta(plan, found, cross.n, len(beta), made.S if is_recentred else {})


def _place(fixed: FixedScale, kept: list[int]) -> int | None:
    """Return the position of the intercept among the columns that are kept."""
    return kept.index(fixed.intercept) if fixed.intercept in kept else None


def require_finite(plan: Plan, X: Sequence[Block], y: Floats, Z: Sequence[Sequence[Floats]]) -> None:
    """Refuse values that are not finite (a sum is finite only if all its terms are)."""
    if not np.isfinite(y.sum()):
        raise not_finite("the outcome")
    for item, block in zip(plan.fixed, X, strict=True):
        if not np.isfinite((block.values if isinstance(block, Indicators) else block).sum()):
            raise not_finite(f"the column of {item.symbol}")
    for term, columns in zip(plan.re_terms, Z, strict=True):
        for column, values in zip(term.columns, columns, strict=True):
            if not np.isfinite(values.sum()):
                raise not_finite(f"the column of {column.symbol}")
