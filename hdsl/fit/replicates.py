"""Many outcomes of the same rows fitted at once: Newton's method for all of them, in step.

Input: a `Refitter` and outcomes, a row for each. Output: `Refits`. Invariants: a replicate is done where the search of
`hdsl.fit.newton` would stop, by the same tolerances, and where every covariance is regular; all others, on their way to
an edge or in trouble, go on alone from where they are, by that search. The criterion is that of the emitted source,
run on arrays with one more axis, replicates, at their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen import Emitted, emit, load
from hdsl.codegen.layout import layout
from hdsl.diagnostics import FitError
from hdsl.fit.chain_rule import ChainRule
from hdsl.fit.gaussian import EXACT
from hdsl.fit.newton import FORESEEN, NEGLIGIBLE, SHRINK, TINY, Tolerances
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.standardise import Block, Codes, Floats, is_constant
from hdsl.fit.threads import one_thread
from hdsl.runtime import Indicators
from hdsl.runtime.blocks import UNROLLED_WIDTH as WIDEST

if TYPE_CHECKING:
    from hdsl.fit.refit import Refitter

__all__ = ["Refits", "Together", "one_by_one", "together"]

Flags: TypeAlias = NDArray[np.bool_]

VALUES = 1 << 17
"""Numbers in the cross-products of the replicates that are fitted at once: they have to fit in a processor's cache."""

FEWEST = 8
"""Replicates that are worth fitting at once."""

MOST = 256
"""Replicates that are fitted at once."""

STEPS = 20
"""Steps after which a replicate goes on alone."""

SHORTER = 6
"""How often a step is shortened before a replicate goes on alone."""

REGULAR = 2e-3
"""Least standard deviation, relative to the residuals', of any combination of the effects of a regular covariance."""

SPARED = 0.3
"""Part of the replicates that are done, from which on they are left out of the arrays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refits:
    """What fits to several outcomes found, on the user's scale; replicates are the last axis.

    Attributes
    ----------
    beta : ndarray, (p, R)
    sd : tuple of ndarray, (q, R) each
        By grouping factor, as `FitOutcome.sd`.
    cor : tuple of ndarray, (q, q, R) each
    sigma, objective : ndarray, (R,)
        NaN where there is no fit.
    status, message : list of str
        Those of `FitOutcome`; the status of what could not be fitted is ``"failed"``.
    """

    beta: Floats
    sd: tuple[Floats, ...]
    cor: tuple[Floats, ...]
    sigma: Floats
    objective: Floats
    status: list[str]
    message: list[str]

    def put(self, places: Codes, other: Refits) -> None:
        """Put other replicates in the places of some of these."""
        pairs = [(self.beta, other.beta), (self.sigma, other.sigma), (self.objective, other.objective)]
        pairs += [*zip(self.sd, other.sd, strict=True), *zip(self.cor, other.cor, strict=True)]
        for own, new in pairs:
            own[..., places] = new
        for place, status, message in zip(places, other.status, other.message, strict=True):
            self.status[place], self.message[place] = status, message


def one_by_one(found: Iterable[FitOutcome | FitError], like: FitOutcome) -> Refits:
    """Return the record of fits that were made one after the other; `like` is one of the same model."""
    fits = [_nothing(like, fit) if isinstance(fit, FitError) else fit for fit in found]
    return Refits(
        beta=np.column_stack([fit.beta for fit in fits]),
        sd=tuple(np.column_stack([fit.sd[f] for fit in fits]) for f in range(len(like.sd))),
        cor=tuple(np.stack([fit.cor[f] for fit in fits], axis=-1) for f in range(len(like.cor))),
        sigma=np.array([fit.sigma for fit in fits]),
        objective=np.array([fit.objective for fit in fits]),
        status=["failed" if np.isnan(fit.objective) else fit.status for fit in fits],
        message=[fit.message for fit in fits],
    )


def _nothing(like: FitOutcome, error: FitError) -> FitOutcome:
    """Return what stands for a fit that could not be made."""
    return like.changed(objective=np.nan, message=str(error.first.message))


class _Sums:
    """Sums over the rows of each group, of many outcomes; groups in the order of their codes."""

    def __init__(self, codes: Codes) -> None:
        self.order = np.argsort(codes, kind="stable")
        self.starts = np.flatnonzero(np.diff(codes[self.order], prepend=-1))

    def products(self, column: Floats, y: Floats) -> Floats:
        """Return the sums of a column times the outcomes, (R, n): (J, R)."""
        sorted_rows = y[:, self.order]
        if is_constant(column):
            sorted_rows *= column[0]
        else:
            sorted_rows *= column[self.order]
        return np.add.reduceat(sorted_rows, self.starts, axis=1).T


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """The criterion of several replicates, each at a theta of its own."""

    theta: Floats
    forward: Any
    profile: Any

    @property
    def objective(self) -> Floats:
        return self.profile.objective  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What fits outcomes at once.

    Attributes
    ----------
    refit : Refitter
    emitted : Emitted
        Functions on arrays with replicates.
    sums : dict of int to _Sums
        By grouping factor: the finest of the chain, and the dense ones.
    at_once : int
        How many outcomes fit in a processor's cache.
    """

    refit: Refitter
    emitted: Emitted
    sums: dict[int, _Sums]
    at_once: int

    def fit(self, outcomes: Floats, like: FitOutcome) -> Refits:
        """Fit outcomes.

        Parameters
        ----------
        outcomes : ndarray, (R, n)
            On the scale that is modelled, with their offset.
        like : FitOutcome
            The fit of which these are replicates.
        """
        with one_thread(), np.errstate(all="ignore"):
            try:
                cross = self._cross(self.refit.standard(outcomes))
                theta, is_done = self._search(cross, len(outcomes))
                at = self._evaluate(cross, theta)
            except np.linalg.LinAlgError:  # of one of them; alone the others are not concerned
                return one_by_one([self._alone(y, self.refit.start) for y in outcomes], like)
        is_done &= self._is_regular(at)
        found = self._users(at, like)
        others = np.flatnonzero(~is_done)
        if len(others):
            found.put(others, one_by_one([self._alone(outcomes[r], theta[:, r]) for r in others], like))
        return found

    def _alone(self, y: Floats, theta: Floats) -> FitOutcome | FitError:
        """Return the fit to one outcome by a search from a theta."""
        try:
            return self.refit.fit(y, theta)
        except FitError as error:
            return error

    def _cross(self, y: Floats) -> Any:
        """Return the cross-products of standardised outcomes, (R, n)."""
        problem, R = self.refit.problem, len(y)
        view, cross = layout(problem.plan), problem.cross
        changed: dict[str, Floats] = {}
        for k, factor in enumerate(view.chain):
            E = np.repeat(getattr(cross, factor.name("E"))[..., None], R, axis=-1)
            for c, column in enumerate(self.refit.Z[factor.position]):
                E[c, -1] = self._in_chain(column, y, k)
            changed[factor.name("E")] = E
            for letter in ("A", "B") if factor.above else ("A",):
                changed[factor.name(letter)] = getattr(cross, factor.name(letter))[..., None]
        dense = [
            self.sums[factor.position].products(column, y)
            for factor in view.dense
            for column in self.refit.Z[factor.position]
        ]
        C = np.repeat(cross.C[..., None], R, axis=-1)
        C[-1] = C[:, -1] = np.concatenate([*dense, *(_fixed_sums(x, y) for x in self.refit.X), _squares(y)])
        return cross._replace(C=C, **changed)

    def _in_chain(self, column: Floats, y: Floats, k: int) -> Floats:
        """Return the sums of a column times the outcomes over the groups of the k-th factor of the chain, (J, R)."""
        problem = self.refit.problem
        sums = self.sums[problem.plan.chain[0]].products(column, y)
        for starts in problem.cross.nest.starts[:k]:
            sums = np.add.reduceat(sums, starts, axis=0)
        return sums

    # the search

    def _evaluate(self, cross: Any, theta: Floats) -> _Point:
        forward = self.emitted.forward(cross, theta)
        return _Point(
            theta=theta,
            forward=forward,
            profile=self.emitted.estimates(cross, forward, self.refit.problem.reml),
        )

    def _search(self, cross: Any, R: int) -> tuple[Floats, Flags]:
        """Return theta of each replicate, (k, R), and which of them reached a stationary point."""
        tolerances = Tolerances()
        theta = np.repeat(self.refit.start[:, None], R, axis=1)
        is_done, before = np.zeros(R, dtype=bool), np.full(R, np.inf)
        left = np.arange(R)
        at = self._evaluate(cross, theta)
        for _ in range(STEPS):
            step, decrement = self._steps(cross, at)
            is_last = (decrement < tolerances.decrement) | _is_foreseen(decrement, before[left], tolerances)
            moved, is_better = self._descend(cross, at, step, np.where(is_last, 0.0, tolerances.rise))
            new = is_better & ~is_done[left]  # what is done stays, whatever others do
            theta[:, left[new]] = moved.theta[:, new]
            is_done[left[is_last]] = True
            before[left] = decrement
            going = ~is_done[left] & is_better
            if not going.any():
                break
            if going.mean() > 1.0 - SPARED and is_better.all():
                at = moved
                continue
            cross, left = _replicates(cross, going), left[going]
            at = self._evaluate(cross, theta[:, left])
        return theta, is_done

    def _steps(self, cross: Any, at: _Point) -> tuple[Floats, Floats]:
        """Return Newton's steps, (k, R), and their decrements; see `hdsl.fit.newton.newton_step`."""
        gradient, hessian = self._slope(cross, at)
        is_finite = np.isfinite(hessian).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=0)
        hessian[~is_finite] = np.eye(len(gradient))
        w, U = np.linalg.eigh(hessian)
        size = np.abs(w)
        size = np.maximum(size, Tolerances().floor * np.maximum(size.max(axis=1, initial=TINY), TINY)[:, None])
        along = (gradient.T[:, None] @ U)[:, 0]
        shares = along / size
        step = -(U @ shares[:, :, None])[:, :, 0].T
        longest = 2.0 * (1.0 + np.abs(at.theta).max(axis=0, initial=0.0))
        step *= np.minimum(1.0, longest / np.maximum(np.abs(step).max(axis=0, initial=0.0), TINY))
        return step, np.where(is_finite, (along * shares).sum(axis=1), np.inf)

    def _slope(self, cross: Any, at: _Point) -> tuple[Floats, Floats]:
        """Return gradient, (k, R), and average-information Hessian, (R, k, k); see `Criterion.slope`."""
        problem, profile = self.refit.problem, at.profile
        p = len(profile.beta) if problem.reml else 0
        logdet, _ = self.emitted.covariances(cross, at.forward, profile.cov_beta[:p, :p])
        _, v = self.emitted.modes(cross, at.forward, profile.beta)
        border, own = self.emitted.average_information(cross, at.forward, v)
        r2 = [-np.einsum("qjr,sjr->qsr", u[:, 0], u[:, 0]) for u in v]
        f = profile.nn / profile.r2
        G = [a + f * b for a, b in zip(logdet, r2, strict=True)]
        X = border[:-1]
        slopes = _flat(r2)[problem.rule.own] * problem.rule.weight[:, None]
        H = f * (own - np.einsum("xar,xyr,ybr->abr", X, profile.cov_beta, X, optimize=True))
        H -= (f / profile.r2) * slopes[:, None] * slopes
        return _by_theta(problem.rule, H, G, at.forward.factors)

    def _descend(self, cross: Any, at: _Point, step: Floats, rise: Floats) -> tuple[_Point, Flags]:
        """Return the points after steps, shortened where the criterion rises, and which are not above the last."""
        allowed = at.objective + rise * (1.0 + np.abs(at.objective))
        moved = self._evaluate(cross, at.theta + step)
        is_better = moved.objective <= allowed
        again = ~is_better & (rise > 0.0)
        if not again.any():
            return moved, is_better
        for _ in range(SHORTER):
            step[:, again] *= SHRINK
            tried = self._evaluate(_replicates(cross, again), at.theta[:, again] + step[:, again])
            is_better[again] = tried.objective <= allowed[again]
            again &= ~is_better
            if not again.any():
                break
        return self._evaluate(cross, at.theta + step), is_better

    # what was found

    def _is_regular(self, at: _Point) -> Flags:
        """Return which fits are inside: no covariance nearly singular, no exact fit."""
        profile = at.profile
        regular: Flags = np.isfinite(profile.objective) & (profile.r2 > EXACT * self.refit.problem.cross.n)
        for L in at.forward.factors:
            turned = np.nan_to_num(np.moveaxis(L, -1, 0))
            regular &= np.linalg.eigvalsh(turned @ turned.swapaxes(1, 2))[:, 0] > REGULAR**2
        return regular

    def _users(self, at: _Point, like: FitOutcome) -> Refits:
        """Return what was found on the user's scale."""
        problem, profile = self.refit.problem, at.profile
        fixed, kept, outcome = problem.fixed, problem.kept, problem.outcome
        R = len(profile.objective)
        sigma = outcome.scale * np.sqrt(profile.r2 / profile.nn)
        beta = np.full((problem.n_columns, R), np.nan)
        beta[kept] = fixed.to_user(kept) @ (outcome.scale * profile.beta + outcome.base[:, None])
        if fixed.intercept is not None:
            beta[fixed.intercept] += outcome.shift / fixed.value
        sds, cors = [], []
        for T, L in zip(problem.T, at.forward.factors, strict=True):
            root = np.einsum("ab,bcr->acr", np.linalg.inv(T), L)
            covariance = np.einsum("acr,bcr->abr", root, root)
            sd = np.sqrt(np.einsum("aar->ar", covariance))
            cors.append(covariance / (sd[:, None] * sd))
            sds.append(sigma * sd)
        objective = profile.objective + 2.0 * profile.nn * np.log(outcome.scale)
        return Refits(
            beta=beta,
            sd=tuple(sds),
            cor=tuple(cors),
            sigma=sigma,
            objective=objective + (fixed.logdet(kept) if problem.reml else 0.0),
            status=["converged"] * R,
            message=[""] * R,
        )


def _is_foreseen(last: Floats, before: Floats, tolerances: Tolerances) -> Flags:
    """Return where the next decrement is negligible, if they go on to shrink as they did."""
    shrinks = np.isfinite(before) & (last < np.minimum(before, FORESEEN))
    return shrinks & (last * last < NEGLIGIBLE * tolerances.decrement * before)


def _fixed_sums(block: Block, y: Floats) -> Floats:
    """Return the cross-products of the columns of a block with outcomes, (columns, R)."""
    if not isinstance(block, Indicators):
        return (y @ block)[None]
    out = np.zeros((block.size + 1, len(y)))  # the first takes the rows that are in no column
    sums = _Sums(block.codes + 1)
    out[np.unique(block.codes + 1)] = sums.products(block.values, y)
    return out[1:]


def _squares(y: Floats) -> Floats:
    return np.asarray(np.einsum("rn,rn->r", y, y)[None])


def _flat(matrices: Sequence[Floats]) -> Floats:
    """Return the matrices of all factors, (q, q, R), as one vector for each replicate, (k, R)."""
    return np.concatenate([matrix.reshape(-1, matrix.shape[-1]) for matrix in matrices])


def _by_theta(rule: ChainRule, H: Floats, G: Sequence[Floats], factors: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return gradient, (k, R), and Hessian, (R, k, k), by theta; see `ChainRule`."""
    k, R = len(rule.own), H.shape[-1]
    products = _flat([2.0 * np.einsum("abr,bcr->acr", g, L) for g, L in zip(G, factors, strict=True)])
    J, roots, slopes = np.zeros((k * k, R)), _flat(factors), _flat(G)
    for places, sources in rule.jacobian:
        J[places] += roots[sources]
    turned = np.moveaxis(J.reshape(k, k, R), -1, 0)
    out = turned.swapaxes(1, 2) @ np.moveaxis(H, -1, 0) @ turned
    places, sources = rule.curvature
    out.reshape(R, -1)[:, places] += 2.0 * slopes[sources].T
    return rule.selection.T @ products[rule.own], rule.selection.T @ out @ rule.selection


def _replicates(cross: Any, chosen: Flags) -> Any:
    """Return the cross-products of some of the replicates."""
    own = {
        name: value[..., chosen]
        for name, value in cross._asdict().items()
        if isinstance(value, np.ndarray) and value.shape[-1] == len(chosen)
    }
    return cross._replace(**own)


def together(refit: Refitter) -> Together | None:
    """Return what fits many outcomes at once; None where that would be no faster than one after the other."""
    problem = refit.problem
    plan, view, cross = problem.plan, layout(problem.plan), problem.cross
    if plan.crossing == "iterative" or view.is_sparse or max((f.width for f in view.factors), default=0) > WIDEST:
        return None
    numbers = cross.C.size + sum(getattr(cross, factor.name("E")).size for factor in view.chain)
    at_once = min(MOST, VALUES // numbers)
    if at_once < FEWEST:
        return None
    sums = {factor.position: _Sums(refit.arrays.groups[factor.position]) for factor in view.dense}
    if view.chain:
        sums[view.chain[0].position] = _Sums(cross.nest.codes)
    return Together(refit=refit, emitted=load(emit(plan, replicated=True)), sums=sums, at_once=at_once)
