"""The criterion of a Gaussian plan with a standard deviation of each row, by ML or REML: exact, with exact gradient.

Input: a plan that `is_weighted`, with arrays. Output: a `hdsl.fit.joint.DensityCriterion` in (gamma, theta), gamma the
coefficients of the predictor of the standard deviations; those of the mean have a closed form given these, and are
profiled out (ML) or integrated out (REML). Columns of the mean are standardised, and so is the outcome, as those of any
Gaussian plan; ``T`` takes up the scale of the outcome, so that covariances of the user's columns are absolute.

Second derivatives are average information. With P as in any Gaussian plan, e the residuals and w the weights, the
direction of a coefficient is ``q_j = dV/dgamma_j P y = - (dw_j / w) e``, and its cross-products ``Z'Wq_j`` are those of
Z and e with the weights ``- dw_j``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hdsl.codegen import EmittedWeighted, emit, load_weighted, mean_plan, spread_plan
from hdsl.fit.chain_rule import ChainRule, chain_rule, emitted_entries
from hdsl.fit.covariance import widths
from hdsl.fit.criterion import Prepared, prepared
from hdsl.fit.laplace import without_random
from hdsl.fit.problem import Slope
from hdsl.fit.rank import independent_columns, keep_columns
from hdsl.fit.refusals import not_finite
from hdsl.fit.row_weights import Spread, Units, inner_product, units_of
from hdsl.fit.standardise import Columns, FixedScale, Floats, standardise_fixed
from hdsl.fit.users_scale import UsersCoefficients, UsersCovariances, users_mode_covariances, users_modes
from hdsl.plan import Arrays, FixedSet, Plan
from hdsl.runtime import Indicators, Nest, Profile, expanded, gram

__all__ = ["Hold", "Weighted", "WeightedPoint", "weighted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A coefficient of the mean that is held: ``direction @ beta + constant = value``, standardised columns."""

    direction: Floats
    constant: float
    value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedPoint:
    """The criterion at one (gamma, theta).

    Attributes
    ----------
    objective : float
        -2 log-likelihood, or restricted, of the user's columns.
    beta : ndarray
        gamma, standardised columns; the name that every criterion of a density has for what is searched.
    theta : ndarray
    mean : ndarray
        Coefficients of the mean, standardised columns.
    w, slope : ndarray, (u,)
        Weights of the units of the standardised outcome, and their derivatives by the predictor.
    cross, forward, profile : object
        What the emitted functions left.
    """

    objective: float
    beta: Floats
    theta: Floats
    mean: Floats
    w: Floats
    slope: Floats
    cross: Any
    forward: Any
    profile: Profile

    @property
    def is_mode(self) -> bool:
        """Whether random effects have a mode: always."""
        return True

    @property
    def is_rough(self) -> bool:
        """Whether the objective is only near: never."""
        return False

    @property
    def logdet(self) -> float:
        """``log det(I + Lambda'Z'WZ Lambda)``."""
        return self.profile.logdet

    @property
    def factors(self) -> Sequence[Floats]:
        """The covariance factors."""
        return self.forward.factors  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted(UsersCoefficients, UsersCovariances):
    """The criterion of one data set.

    Attributes
    ----------
    plan : Plan
        With the density.
    emitted : EmittedWeighted
    reml : bool
    made : Prepared
        Columns of the mean.
    units : Units
    mean_places, kept : list of int
        Columns of X of the mean that are not aliased, and those of the standard deviations.
    n_columns : int
    to_user : ndarray
        From gamma to the coefficients of the user's columns.
    T : tuple of ndarray
        ``Z = Z* T / scale``.
    rule : ChainRule
    fixed_part : callable
        Gives the criterion of the same coefficients without random effects.
    cross : object or None
        The cross-products, where all standard deviations are known.
    hold : Hold or None
        A coefficient of the mean that is held.
    """

    plan: Plan
    emitted: EmittedWeighted
    reml: bool
    made: Prepared
    units: Units
    mean_places: list[int]
    kept: list[int]
    n_columns: int
    to_user: Floats
    T: tuple[Floats, ...]
    rule: ChainRule
    fixed_part: Callable[[], Weighted]
    cross: Any = None
    hold: Hold | None = None

    def evaluate(
        self, beta: Floats, theta: Floats, near: WeightedPoint | None = None, *, rough: bool = False
    ) -> WeightedPoint:
        """Run the forward sweep at (gamma, theta).

        Raises
        ------
        numpy.linalg.LinAlgError
            Where a standard deviation is not positive and finite.
        """
        w, slope, level = self.weights(beta)
        cross = self.units.cross(w) if self.cross is None else self.cross
        forward = self.emitted.forward(cross, theta)
        profile: Profile = self.emitted.estimates(cross, forward, self.reml)
        mean, r2 = self._constrained(profile)
        objective = self.emitted.criterion(profile._replace(r2=r2), level, self.reml)
        if self.reml:
            scale = self.made.outcome.scale
            objective += self.made.fixed.logdet(self.made.kept) - 2.0 * len(mean) * float(np.log(scale))
        return WeightedPoint(
            objective=float(objective),
            beta=beta,
            theta=theta,
            mean=mean,
            w=w,
            slope=slope,
            cross=cross,
            forward=forward,
            profile=profile,
        )

    def weights(self, gamma: Floats) -> tuple[Floats, Floats, float]:
        """Return weights, their derivatives by the predictor, and the sum of log f at the means of the rows."""
        spread, scale = self.units.spread, self.made.outcome.scale
        w, slope, level = self.emitted.weights(spread.known, spread.offset + spread.columns @ gamma)
        w, slope, total = w * scale**2, slope * scale**2, float(spread.times @ level)
        if not (np.isfinite(total) and np.all(np.isfinite(w)) and np.all(w > 0.0)):
            raise np.linalg.LinAlgError("a standard deviation is not positive and finite")
        return w, slope, total

    def _constrained(self, profile: Profile) -> tuple[Floats, float]:
        """Return coefficients of the mean and residual sum of squares, with the held one at its value."""
        if self.hold is None:
            return profile.beta, profile.r2
        C = profile.cov_beta @ self.hold.direction
        gap = self.hold.value - self.hold.constant - float(self.hold.direction @ profile.beta)
        variance = float(self.hold.direction @ C)
        return profile.beta + C * gap / variance, profile.r2 + gap**2 / variance

    def slope(self, at: WeightedPoint) -> Slope:
        """Return gradient and average information.

        Notes
        -----
        With ``u_i = e_i^2 + m_i' M^-1 m_i`` (see `hdsl.codegen.spread`) the derivative of the criterion by gamma_j is
        ``sum_i (u_i - 1 / w_i) dw_i / dgamma_j``.
        """
        emitted, p = self.emitted, len(at.mean) if self.reml else 0
        modes, v = emitted.modes(at.cross, at.forward, at.mean)
        cov_X = at.profile.cov_beta[:p, :p]
        logdet, covariance, square = emitted.sensitivities(at.cross, at.forward, modes, at.mean, cov_X)
        G = tuple(a - own[:, 0] @ own[:, 0].T for a, own in zip(logdet, v, strict=True))
        spread = self.units.spread
        moves = at.slope[:, None] * spread.columns
        crosses = [self.units.cross(move) for move in moves.T]
        sums = [inner_product(covariance, c) + inner_product(square, c) for c in crosses]
        by_gamma = np.array(sums).reshape(-1) - moves.T @ (spread.times / at.w)
        more = self._directions(at, crosses, modes, moves, square)
        return Slope(
            gradient=np.concatenate((by_gamma, self.rule.gradient(G, at.factors))),
            hessian=self._information(at, G, v, more),
            by_covariance=G,
        )

    def _directions(
        self, at: WeightedPoint, crosses: Sequence[Any], modes: Sequence[Floats], moves: Floats, square: Any
    ) -> tuple[tuple[Any, ...], Floats, Floats]:
        """Return the cross-products of the directions of gamma with each Z, with the border, and with each other."""
        found = [self.emitted.remaining(c, at.forward, modes, at.mean) for c in crosses]
        own: Floats = np.zeros((0, 0))
        if found:
            squares = self.units.squares(square, at.mean, modes)
            own = (moves * (squares / at.w)[:, None]).T @ moves
        edge = np.array([edge for _, edge in found]).reshape(len(found), len(at.cross.C)).T
        parts = []
        for f, b in enumerate(modes):
            columns = [part[f] for part, _ in found]
            is_chain = f in self.plan.chain
            empty = np.zeros((len(b), 0, b.shape[-1]))
            parts.append(-np.concatenate((empty, *columns), axis=1) if is_chain else None)
        return tuple(parts), -edge, own

    def _information(self, at: WeightedPoint, G: Sequence[Floats], v: Sequence[Floats], more: Any) -> Floats:
        """Return average information by (gamma, theta)."""
        border, own = self.emitted.average_information(at.cross, at.forward, v, more)
        X, m = border[-len(at.mean) - 1 : -1], len(at.beta)
        H = own - X.T @ at.profile.cov_beta @ X
        k = len(H) - m
        out = np.empty((m + self.plan.n_theta, m + self.plan.n_theta))
        out[:m, :m] = H[k:, k:]
        out[m:, m:] = self.rule.hessian(H[:k, :k], G, at.factors)
        out[:m, m:] = self.rule.across(H[k:, :k], at.factors)
        out[m:, :m] = out[:m, m:].T
        return out

    def holding(self, hold: Hold) -> Weighted:
        """Return the criterion with a coefficient of the mean held."""
        return replace(self, hold=hold)

    def by_held(self, at: WeightedPoint) -> float:
        """Return the derivative of the objective by the value of the coefficient that is held."""
        assert self.hold is not None
        gap = self.hold.value - self.hold.constant - float(self.hold.direction @ at.profile.beta)
        return 2.0 * gap / float(self.hold.direction @ at.profile.cov_beta @ self.hold.direction)

    def modes(self, at: WeightedPoint) -> tuple[Floats, ...]:
        """Return the modes (J, q) of each factor, groups in the order of their codes, user's columns."""
        b, _ = self.emitted.modes(at.cross, at.forward, at.mean)
        return users_modes(self.plan, self._nest, self.T, b)

    def mode_covariances(self, at: WeightedPoint) -> tuple[Floats, ...]:
        """Return the covariances (J, q, q) of the modes of each factor, given all parameters; user's columns."""
        _, V, _ = self.emitted.covariances(at.cross, at.forward, np.zeros((0, 0)))
        return users_mode_covariances(self.plan, self._nest, self.T, V)

    @property
    def _nest(self) -> Nest | None:
        return self.made.cross.nest if self.plan.chain else None

    def user_beta(self, at: WeightedPoint) -> Floats:
        """Return the coefficients of all columns of X, (n_columns,), NaN for aliased ones."""
        out = np.full(self.n_columns, np.nan)
        out[self.kept] = self.to_user @ at.beta
        made = self.made
        mean = made.fixed.to_user(made.kept) @ (made.outcome.scale * at.mean + made.outcome.base)
        if made.fixed.intercept is not None:
            mean[made.kept.index(made.fixed.intercept)] += made.outcome.shift / made.fixed.value
        out[self.mean_places] = mean
        return out

    def mean_covariance(self, profile: Profile) -> Floats:
        """Return the covariance of the coefficients of the mean given the other parameters, user's columns."""
        back = self.made.outcome.scale * self.made.fixed.to_user(self.made.kept)
        return np.asarray(back @ profile.cov_beta @ back.T)

    def hold_of(self, column: int) -> Hold:
        """Return how a coefficient of the user's columns of the mean comes from those of the standardised ones."""
        made = self.made
        row = made.fixed.to_user(made.kept)[self.mean_places.index(column)]
        constant = float(row @ made.outcome.base)
        if made.fixed.intercept is not None and made.kept[self.mean_places.index(column)] == made.fixed.intercept:
            constant += made.outcome.shift / made.fixed.value
        return Hold(direction=made.outcome.scale * row, constant=constant)


def weighted(plan: Plan, arrays: Arrays, *, reml: bool) -> Weighted:
    """Prepare a data set.

    Raises
    ------
    FitError
        HM504 where no more rows than independent columns of the mean are there, HM506 for a value that is not finite,
        HM511 where the columns fit the outcome exactly.
    """
    emitted = load_weighted(emit(plan))
    mean = mean_plan(plan)
    made = prepared(mean, arrays, emitted, Columns())
    columns, scale, kept_spread = _spread_columns(plan, arrays, emitted)
    places = _places(plan, arrays)
    offset = arrays.offsets[1] if plan.n_predictors > 1 else None
    n = len(arrays.y)
    spread = Spread(
        columns=columns,
        offset=np.zeros(n) if offset is None else np.asarray(offset),
        known=arrays.known,
        times=np.ones(n),
    )
    criterion = Weighted(
        plan=plan,
        emitted=emitted,
        reml=reml,
        made=made,
        units=units_of(emitted, made, arrays, spread, plan.chain),
        mean_places=[places[0][k] for k in made.kept],
        kept=[places[1][k] for k in kept_spread],
        n_columns=len(places[0]) + len(places[1]),
        to_user=scale.to_user(kept_spread),
        T=tuple(T / made.outcome.scale for T in made.T),
        rule=chain_rule(emitted_entries(mean), tuple(widths(plan)), plan.n_theta),
        fixed_part=lambda: weighted(without_random(plan), replace(arrays, groups=()), reml=reml),
    )
    if kept_spread:
        return criterion
    w, _, _ = criterion.weights(np.zeros(0))
    return replace(criterion, cross=criterion.units.cross(w))


def _spread_columns(plan: Plan, arrays: Arrays, emitted: EmittedWeighted) -> tuple[Floats, FixedScale, list[int]]:
    """Return the columns of the standard deviations, (n, k), standardised and independent, and the way back."""
    own = spread_plan(plan)
    blocks = emitted.spread_columns(arrays.y, arrays.x, arrays.sets)
    for item, block in zip(own.fixed, blocks, strict=True):
        if not np.isfinite((block.values if isinstance(block, Indicators) else block).sum()):
            raise not_finite(f"the column of {item.symbol}")
    standard, scale = standardise_fixed(own, blocks, Columns())
    kept = independent_columns(gram(standard), scale.intercept) if standard else []
    return expanded(keep_columns(standard, kept), len(arrays.y)), scale, kept


def _places(plan: Plan, arrays: Arrays) -> tuple[list[int], list[int]]:
    """Return the columns of X of the mean and of the standard deviations."""
    places: tuple[list[int], list[int]] = ([], [])
    at = 0
    for item in plan.fixed:
        size = int(arrays.sets[item.codes].max()) + 1 if isinstance(item, FixedSet) else 1
        places[item.products[0].predictor].extend(range(at, at + size))
        at += size
    return places
