"""Fit outcomes at once: cross-products, search, edges, and the way back to the user's scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdsl.codegen import Emitted, emit, load
from hdsl.codegen.layout import layout
from hdsl.diagnostics import FitError
from hdsl.fit.boundary import exact_correlations
from hdsl.fit.newton import Tolerances
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.recentred import Recentred
from hdsl.fit.refit import Refitter
from hdsl.fit.rounding import SUSPICIOUS, least_error
from hdsl.fit.standardise import Floats
from hdsl.fit.threads import one_thread
from hdsl.fit.together.criterion import Flags, Outcomes
from hdsl.fit.together.edges import Settled, settle_together
from hdsl.fit.together.products import Products
from hdsl.fit.together.refits import Refits, one_by_one
from hdsl.fit.together.search import minimise_together
from hdsl.runtime.blocks import UNROLLED_WIDTH as WIDEST

__all__ = ["Together", "together"]

NUMBERS = 1 << 17
"""Numbers in the cross-products of the outcomes that are fitted at once: they have to fit in a processor's cache."""

VALUES = 1 << 20
"""Values of all the outcomes that are held at once."""

FEWEST, MOST = 8, 256
"""Outcomes that are worth fitting at once, and that are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What fits outcomes at once.

    Attributes
    ----------
    refit : Refitter
    emitted : Emitted
        Functions on arrays with replicates.
    products : Products
    at_once : int
        How many outcomes: their cross-products fit in a processor's cache.
    """

    refit: Refitter
    emitted: Emitted
    products: Products
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
        starts = np.repeat(self.refit.start[:, None], len(outcomes), axis=1)
        if not np.isfinite(outcomes).all():
            return self._alone(outcomes, starts, like)
        with one_thread(), np.errstate(all="ignore"):
            try:
                several = Outcomes(
                    problem=self.refit.problem,
                    emitted=self.emitted,
                    cross=self.products.of(self.refit.standard(outcomes)),
                )
                theta, is_done = minimise_together(several, self.refit.start, Tolerances())
                settled = settle_together(several, several.evaluate(theta), Tolerances())
            except np.linalg.LinAlgError:  # of one of them; alone the others are not concerned
                return self._alone(outcomes, starts, like)
            found = self._on_users_scale(settled)
        has_digits = _has_digits(several, settled)
        others = np.flatnonzero(~(is_done & settled.is_known & has_digits))
        if len(others):
            begin = np.where(has_digits, theta, starts)
            found.put(others, self._alone(outcomes[others], begin[:, others], like))
        return found

    def _alone(self, outcomes: Floats, theta: Floats, like: FitOutcome) -> Refits:
        """Return the fits to outcomes by a search for each, from a theta."""
        return one_by_one([self._one(y, at) for y, at in zip(outcomes, theta.T, strict=True)], like)

    def _one(self, y: Floats, theta: Floats) -> FitOutcome | FitError:
        try:
            return self.refit.fit(y, theta)
        except FitError as error:
            return error

    def _on_users_scale(self, settled: Settled) -> Refits:
        problem, profile = self.refit.problem, settled.at.profile
        R = len(profile.objective)
        sigma = problem.outcome.scale * np.sqrt(profile.r2 / profile.nn)
        parts = [_parts(T, L) for T, L in zip(problem.T, settled.at.factors, strict=True)]
        for (f, columns), is_edge in settled.is_edge.items():
            own = np.ix_(columns, columns)
            parts[f][1][own] = np.where(is_edge, exact_correlations(parts[f][1][own]), parts[f][1][own])
        is_edge = np.any([*settled.is_edge.values(), np.zeros(R, dtype=bool)], axis=0)
        return Refits(
            beta=problem.user_beta(profile.beta),
            sd=tuple(sigma * sd for sd, _ in parts),
            cor=tuple(cor for _, cor in parts),
            sigma=sigma,
            objective=np.asarray(problem.user_objective(profile)),
            status=np.where(is_edge, "boundary", "converged").tolist(),
            message=[""] * R,
        )


def _has_digits(outcomes: Outcomes, settled: Settled) -> Flags:
    """Return whose residuals are not so small that rounding, or an exact fit, has to be looked at."""
    profile = settled.at.profile
    return np.asarray(least_error(outcomes.cross.C[-1, -1], profile.nn, profile.r2) < SUSPICIOUS)


def _parts(T: Floats, L: Floats) -> tuple[Floats, Floats]:
    """Return relative standard deviations, (q, R), and correlations, (q, q, R), of the user's columns."""
    root = np.einsum("ab,bcr->acr", np.linalg.inv(T), L)
    covariance = np.einsum("acr,bcr->abr", root, root)
    sd = np.sqrt(np.einsum("aar->ar", covariance))
    return sd, covariance / (sd[:, None] * sd)


def together(refit: Refitter) -> Together | None:
    """Return what fits many outcomes at once; None where that is not done, or would be no faster."""
    plan = refit.problem.plan
    view = layout(plan)
    if isinstance(refit.problem.emitted, Recentred):
        return None
    if plan.crossing == "iterative" or view.is_sparse or max((f.width for f in view.factors), default=0) > WIDEST:
        return None
    products = Products(refit)
    at_once = min(MOST, NUMBERS // products.size, VALUES // len(refit.arrays.y))
    if at_once < FEWEST:
        return None
    return Together(refit=refit, emitted=load(emit(plan, replicated=True)), products=products, at_once=at_once)
