"""The Laplace criterion of a plan with a density, as a function of (beta, theta), with exact gradient.

Input: a plan with arrays. The emitted functions do the work; here are the preparation of data (standardised columns,
sorted rows, equal rows counted once) and the way back to the user's columns.

Coordinates: `beta` belongs to the kept, standardised columns of X, and `theta` to the covariance factors of
standardised columns of Z, as for the Gaussian criterion. ``X = X* R`` and ``Z = Z* T``, so that
``beta_user = R^-1 beta`` and ``Sigma* = T Sigma T'``; `Laplace.user_beta`, `Laplace.to_user`, `Laplace.user_sigmas` and
`Laplace.user_theta` go back, `Laplace.beta_from` and `Laplace.theta_from` go there. The objective is -2 log-likelihood
of the user's data with all constants, and is the same in both coordinates. What is per row or per group (`modes`,
`mode_covariances`, `eta`) is in the user's order and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hdsl.codegen import EmittedDensity, emit, load_density
from hdsl.codegen.channels import channels
from hdsl.codegen.layout import layout
from hdsl.fit.chain_rule import ChainRule, chain_rule, emitted_entries
from hdsl.fit.covariance import widths
from hdsl.fit.parts import FixedItem, RandomColumn, fixed_gram, keep_items, standard_fixed, standard_random
from hdsl.fit.problem import Slope
from hdsl.fit.rank import independent_columns
from hdsl.fit.refusals import not_finite, too_few_rows
from hdsl.fit.repeats import Repeats, without_repeats
from hdsl.fit.standardise import Floats
from hdsl.fit.users_scale import UsersCoefficients, UsersCovariances, users_mode_covariances, users_modes
from hdsl.plan import Arrays, Plan
from hdsl.runtime import Indicators, Nest, dot, n_columns, outer_sum

__all__ = ["Laplace", "Point", "laplace"]


BELIEVED = 0.25
"""Largest share of |v|^2 that its first-order move may have."""

LARGE, MANY_ROWS = 300, 50_000
"""Columns of a dense root, and rows, from which the arrays of one point alone are kept."""

UNSEEN = 1e-3
"""Error of a mode, the root of its Newton decrement, relative to the fall that is expected of the criterion."""

ROUGH = 1e-4
"""Largest Newton decrement at which the search of a mode may stop short."""

SETTLED = 1e-10
"""Newton decrement below which it has not."""


@dataclass(slots=True)
class _State:
    """What the emitted functions left at a point, and derivatives there once they are known.

    `tangent` is that of v by (beta, Sigma), `gradient` that of the criterion by (beta, theta).
    """

    base: Any
    mode: Any
    tangent: tuple[Floats, ...] | None = None
    gradient: Floats | None = None

    def let_go(self) -> None:
        """Let go what is per row, and cross-products with their factor; they are made again where they are read."""
        self.base, self.mode = None, self.mode._replace(cross=None, sweep=None)


@dataclass(slots=True)
class _Last:
    """The last state whose arrays are large: a search remembers points, not arrays."""

    state: _State | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The criterion at one (beta, theta).

    Attributes
    ----------
    objective : float
        -2 log-likelihood by Laplace's method; infinite where no mode was found.
    beta, theta : ndarray
        Standardised columns.
    factors : tuple of ndarray, (q, q)
        Lambda of each factor, standardised columns.
    logdet : float
        log det(I + Lambda'H Lambda), H the observed Hessian at the mode.
    v : tuple of ndarray, (q, 1, J)
        For each factor v with mode ``b = Sigma v``, groups in the order of the kernel: a start for points nearby.
    n_inner : int
        Inner Newton iterations.
    is_mode : bool
        Whether the inner search ended at a mode: a stationary point with I + Lambda'H Lambda positive definite.
    state : object
        What the emitted functions left there.
    """

    objective: float
    beta: Floats
    theta: Floats
    factors: tuple[Floats, ...]
    logdet: float
    v: tuple[Floats, ...]
    n_inner: int
    is_mode: bool
    state: Any

    @property
    def vector(self) -> Floats:
        """Coefficients, then theta."""
        return np.concatenate((self.beta, self.theta))

    @property
    def is_still(self) -> bool:
        """Whether it is where a search for random effects sets out: without spread, and without derivatives yet."""
        return bool(self.factors) and self.state.gradient is None and not any(L.any() for L in self.factors)

    @property
    def is_rough(self) -> bool:
        """Whether the inner search stopped short of the mode, on the way to an optimum that is far."""
        return bool(self.state.mode.decrement > SETTLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Laplace(UsersCoefficients, UsersCovariances):
    """The Laplace criterion of one data set.

    Attributes
    ----------
    kept : list of int
        Columns of X that are not aliased; beta belongs to these.
    n_columns : int
        Columns of X, aliased ones included.
    to_user : ndarray, (p, p)
        R^-1: coefficients of the user's kept columns are ``to_user @ beta``.
    T : tuple of ndarray, (q, q)
        For each factor ``Z = Z* T``.
    emitted : EmittedDensity
    data : object
        What the emitted functions work on.
    rule : ChainRule
        From covariances to theta.
    repeats : Repeats or None
        Rows that stand in the data more than once, where they are counted.
    """

    plan: Plan
    kept: list[int]
    n_columns: int
    to_user: Floats
    T: tuple[Floats, ...]
    emitted: EmittedDensity
    data: Any
    rule: ChainRule
    repeats: Repeats | None
    last: _Last = field(default_factory=_Last, repr=False)

    def fixed_part(self) -> Laplace:
        """Return the criterion of the same coefficients without random effects, which costs a fraction.

        What is emitted for it reads some of what is prepared for all.
        """
        plan = without_random(self.plan)
        return replace(self, plan=plan, T=(), emitted=load_density(emit(plan)), rule=chain_rule((), (), 0))

    def evaluate(self, beta: Floats, theta: Floats, near: Point | None = None, *, rough: bool = False) -> Point:
        """Return the objective; the inner search starts near the mode of `near`.

        Parameters
        ----------
        rough : bool
            Whether it need only be as near as a step from `near` needs it, which is expected to lower the criterion.
        """
        emitted, d = self.emitted, self.data
        with np.errstate(all="ignore"):
            base = emitted.predictors(d, beta)
            factors = emitted.relative_factors(theta)
            slack = _slack(beta, theta, near) if near is not None and rough else 0.0
            start = self._start(beta, theta, factors, near)
            self._let_go()
            at = emitted.mode(d, base, theta, start, slack)
            objective = float(emitted.criterion(at))
        state = _State(base, at)
        self._remember(state)
        return Point(
            objective=objective if np.isfinite(objective) else np.inf,
            beta=beta,
            theta=theta,
            factors=factors,
            logdet=float(at.sweep.logdet) if at.is_mode else np.nan,
            v=at.v,
            n_inner=at.n_steps,
            is_mode=at.is_mode,
            state=state,
        )

    def _let_go(self) -> None:
        """Let the arrays of the last state go, where they are large."""
        if self.last.state is not None:
            self.last.state.let_go()
            self.last.state = None

    def _remember(self, state: _State) -> None:
        """Remember the only state that holds large arrays."""
        if self.data.n >= MANY_ROWS or (self.plan.dense and self.data.m >= LARGE):
            self.last.state = state

    def _whole(self, at: Point) -> _State:
        """Return the state of a point with all that it has had; made again, cross-products are those at v."""
        state: _State = at.state
        if state.base is None:
            self._let_go()
            base, mode = self.emitted.predictors(self.data, at.beta), state.mode
            if at.is_mode:
                found = self.emitted.mode(self.data, base, at.theta, at.v, np.inf)
                if not found.is_mode:
                    raise np.linalg.LinAlgError("the penalised density has no mode here")
                mode = mode._replace(cross=found.cross, sweep=found.sweep)
            state.base, state.mode = base, mode
            self._remember(state)
        return state

    def _start(self, beta: Floats, theta: Floats, factors: Sequence[Floats], near: Point | None) -> tuple[Floats, ...]:
        """Return v to start from: where it goes to first order, if that is near enough to be believed."""
        if near is None:
            return tuple(self.emitted.starting(self.data))
        if near.is_still and np.array_equal(beta, near.beta):
            return self._first_step(theta, near)
        if not near.state.tangent:
            return near.v
        sigmas = [(L @ L.T).ravel() - (K @ K.T).ravel() for L, K in zip(factors, near.factors, strict=True)]
        move = np.concatenate((beta - near.beta, np.concatenate(sigmas)[self.rule.own]))
        steps = tuple((move @ own)[:, None] for own in near.state.tangent)
        if dot(steps, steps) > BELIEVED * dot(near.v, near.v):
            return near.v
        return tuple(v + step for v, step in zip(near.v, steps, strict=True))

    def _first_step(self, theta: Floats, still: Point) -> tuple[Floats, ...]:
        """Return v a Newton step on from b = 0, all that it takes being known where there is no spread."""
        cross = self._whole(still).mode.cross
        try:
            _, v = self.emitted.solve(cross, self.emitted.forward(cross, theta), still.v)
        except np.linalg.LinAlgError:  # no curvature of a mode there
            return tuple(self.emitted.starting(self.data))
        return tuple(v)

    def slope(self, at: Point) -> Slope:
        """Return gradient and Hessian; `at` has to be a mode.

        Notes
        -----
        ``g = 2 (G L)`` and ``H = J'H_S J + 2 G[row, row]`` for entries of theta, with the average information
        ``H_S = v'E_a P E_b v``; for coefficients twice the Schur complement of the random effects in the Hessian.
        """
        with np.errstate(all="ignore"):
            state = self._whole(at)
            by_beta, information, by_covariance, average, state.tangent = self.emitted.slope(
                self.data, state.base, state.mode
            )
        p, n = len(by_beta), self.plan.n_theta
        hessian = np.zeros((p + n, p + n))
        hessian[:p, :p] = information
        by_theta, hessian[p:, p:] = self.rule.derivatives(average, by_covariance, at.factors)
        gradient = np.concatenate((by_beta, by_theta))
        state.gradient = gradient
        refined = (lambda: self._with_mixed(hessian, at)) if p and n else None
        return Slope(gradient=gradient, hessian=hessian, by_covariance=by_covariance, refined=refined)

    def _with_mixed(self, hessian: Floats, at: Point) -> Floats:
        """Return the Hessian with derivatives by coefficients and theta: those of the penalised deviance alone.

        With v the mode's and dv its derivative by a coefficient, that of ``dD / d Sigma`` is ``- dv v' - v dv'``. The
        part of the log determinant takes fourth derivatives of the density, and is left to what steps show.
        """
        p, rule = len(at.beta), self.rule
        by_sigma = []
        for own, v in zip(at.state.tangent, at.v, strict=True):
            products = (own[:, :p].reshape(-1, v.shape[-1]) @ v[:, 0].T).reshape(len(v), p, len(v))
            by_sigma.append((products + products.transpose(2, 1, 0)).transpose(1, 0, 2).reshape(p, -1))
        mixed = rule.across(-np.concatenate(by_sigma, axis=1)[:, rule.own] * rule.weight, at.factors)
        out = hessian.copy()
        out[:p, p:], out[p:, :p] = mixed, mixed.T
        return out

    def spread_slopes(self, at: Point) -> tuple[Floats, ...]:
        """Return the derivative by Sigma of each factor where all of them are zero: ``sum_j A_j - v_j v_j'``."""
        found = self._whole(at).mode
        G, _, _ = self.emitted.covariances(found.cross, found.sweep, np.zeros((0, 0)))
        return tuple(own - outer_sum(v, v) for own, v in zip(G, found.v, strict=True))

    def modes(self, at: Point) -> tuple[Floats, ...]:
        """Return the modes (J, q) of each factor, groups in the order of their codes, user's columns."""
        b = at.state.mode.b
        return users_modes(self.plan, self._nest, self.T, b)

    def mode_covariances(self, at: Point) -> tuple[Floats, ...]:
        """Return the covariances (J, q, q) of the modes of each factor, given beta and theta; user's columns."""
        found = self._whole(at).mode
        _, V, _ = self.emitted.covariances(found.cross, found.sweep, np.zeros((0, 0)))
        return users_mode_covariances(self.plan, self._nest, self.T, V)

    @property
    def _nest(self) -> Nest | None:
        return self.data.nest if self.plan.chain else None

    def eta(self, at: Point) -> Floats:
        """Return the linear predictors at the mode, (n, K), rows in the user's order."""
        sorted_rows = self.emitted.row_predictors(self.data, self._whole(at).base, at.state.mode.b)
        out = np.empty(sorted_rows.shape[::-1])
        out[self.data.order] = sorted_rows.T
        return out if self.repeats is None else out[self.repeats.place]

    def user_beta(self, at: Point) -> Floats:
        """Return the coefficients of all columns of X, (n_columns,), NaN for aliased ones."""
        out = np.full(self.n_columns, np.nan)
        out[self.kept] = self.to_user @ at.beta
        return out


def laplace(plan: Plan, arrays: Arrays) -> Laplace:
    """Prepare a data set.

    Raises
    ------
    FitError
        HM504 where there are fewer rows than independent columns of X, HM506 for a value that is not finite.
    """
    plan = plan.by_rows()
    emitted = load_density(emit(plan))
    n = len(arrays.y)
    repeats = without_repeats(arrays)
    if repeats is not None:
        arrays = repeats.arrays
    view = channels(layout(plan))
    X, Z = emitted.columns(arrays.y, arrays.x, arrays.sets)
    _require_finite(plan, arrays, X, Z)
    items = list(X)
    standard, fixed = standard_fixed(items)
    p = len(fixed.scale)
    first = None if plan.intercept is None else n_columns(items[: plan.intercept])
    kept = independent_columns(fixed_gram(standard, p, view.inputs, arrays.offsets, len(arrays.y)), first)
    if n < len(kept):
        raise too_few_rows(n, len(kept))
    scaled = [
        standard_random(plan, f, z, [[atom.channel for atom in column] for column in view.columns[f]])
        for f, z in enumerate(Z)
    ]
    held, times = keep_items(standard, kept), None if repeats is None else repeats.times
    return Laplace(
        plan=plan,
        kept=kept,
        n_columns=p,
        to_user=fixed.to_user(kept),
        T=tuple(T for _, T in scaled),
        emitted=emitted,
        data=emitted.prepare(
            arrays.y, arrays.known, arrays.offsets, held, [z for z, _ in scaled], arrays.groups, times
        ),
        repeats=repeats,
        rule=chain_rule(emitted_entries(plan), tuple(widths(plan)), plan.n_theta),
    )


def _slack(beta: Floats, theta: Floats, near: Point) -> float:
    """Return how far from the mode a search may stop after a step that is expected to lower the criterion."""
    if near.is_still:
        return ROUGH
    if near.state.gradient is None:
        return 0.0
    fall = -float(near.state.gradient @ np.concatenate((beta - near.beta, theta - near.theta)))
    return min(ROUGH, (UNSEEN * fall) ** 2) if fall > 0.0 else 0.0


def without_random(plan: Plan) -> Plan:
    """Return a plan without its random part."""
    return replace(plan, re_terms=(), n_theta=0, chain=(), dense=(), crossing="none", diagonal_theta=())


def _require_finite(plan: Plan, arrays: Arrays, X: Sequence[FixedItem], Z: Sequence[Sequence[RandomColumn]]) -> None:
    """Refuse values that are not finite (a sum is finite only if all its terms are)."""
    if not np.isfinite(arrays.y.sum()):
        raise not_finite("the outcome")
    for item, parts in zip(plan.fixed, X, strict=True):
        for _, block in parts:
            if not np.isfinite((block.values if isinstance(block, Indicators) else block).sum()):
                raise not_finite(f"the column of {item.symbol}")
    for term, columns in zip(plan.re_terms, Z, strict=True):
        for column, own in zip(term.columns, columns, strict=True):
            if not all(np.isfinite(part.sum()) for part in own):
                raise not_finite(f"the column of {column.symbol}")
