"""Fit a Gaussian model whose rows have standard deviations of their own, in closed form, by ML or REML.

Stage: fit. Input: a `Plan` that `is_weighted`, with its `Arrays`. Output: a `FitOutcome` on the user's columns.
Invariants: the coefficients of the mean have the covariance of generalised least squares, all other parameters that of
their observed information; the search, its troubles and its words are those of every plan with a density.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from hdsl.codegen import mean_plan
from hdsl.fit.criterion import moment_guess
from hdsl.fit.generalised import TOLERANCES, finish
from hdsl.fit.generalised_start import LINKS, GeneralisedStart, with_values
from hdsl.fit.joint import Joint, JointPoint, difference_steps, joint
from hdsl.fit.newton import minimise
from hdsl.fit.outcome import FitOutcome, FixedVariation
from hdsl.fit.problem import try_at
from hdsl.fit.refusals import no_start
from hdsl.fit.rounding import NOTICED, growth, least_error, resolved
from hdsl.fit.standardise import Floats, product_with
from hdsl.fit.threads import one_thread
from hdsl.fit.variation import inverse
from hdsl.fit.watch import watched_search
from hdsl.fit.weighted import Weighted, weighted
from hdsl.plan import Arrays, Plan
from hdsl.progress import progress

__all__ = ["fit_weighted"]


def fit_weighted(
    plan: Plan, arrays: Arrays, *, method: Literal["ml", "reml"] = "ml", start: GeneralisedStart | None = None
) -> FitOutcome:
    """Fit by maximum likelihood or restricted maximum likelihood.

    Parameters
    ----------
    plan : Plan
    arrays : Arrays
    method : {"ml", "reml"}
    start : mapping, optional
        As `hdsl.fit.generalised.fit_generalised` takes it; values of coefficients of the mean are not used.

    Raises
    ------
    FitError
        HM504 too few rows, HM506 a value that is not finite or no start, HM508 an unknown start, HM511 an exact fit.
    """
    with one_thread(), progress("summing over rows"), np.errstate(all="ignore"):
        criterion = weighted(plan, arrays, reml=method == "reml")
        problem, begin = _begin(criterion)
        if start:
            again = try_at(problem, with_values(problem, begin, start), None)
            if again is None:
                raise no_start("a standard deviation is not positive")
            begin = again
        search = watched_search if plan.n_theta else minimise
        optimum = search(problem, begin, TOLERANCES)
        optimum, error = resolved(problem, optimum, _least_rounding, TOLERANCES, growth(criterion.made.S))
        outcome = finish(problem, optimum, arrays, None)
        later = _Later(criterion, problem, optimum.at, outcome)
        kept = {*criterion.kept, *criterion.mean_places}
        return outcome.changed(
            method=method,
            rounding=error if error > NOTICED else 0.0,
            aliased=tuple(sorted(set(range(criterion.n_columns)) - kept)),
            cov_beta=later.cov_beta,
            fixed_variation=None if optimum.interrupted else later.fixed_variation,
            nearby=None,
        )


def _least_rounding(at: JointPoint) -> float:
    """Return the least rounding error of the criterion, whose weights have r2 near the number of rows."""
    profile = at.inner.profile
    return float(least_error(at.inner.cross.C[-1, -1], profile.nn, np.asarray(profile.r2)))


def _begin(criterion: Weighted) -> tuple[Joint, JointPoint]:
    """Return the problem in units of the residuals, and a start: equal standard deviations, effects by moments."""
    made, plan = criterion.made, criterion.plan
    size = float(np.sqrt(np.mean((made.outcome.values - product_with(made.X, made.base)) ** 2))) * made.outcome.scale
    gamma = _equal(criterion, size)
    found = _try_weights(criterion, gamma)
    if found is None:
        raise no_start("no coefficients make every standard deviation positive")
    unit = float(np.sqrt(np.sum(criterion.units.spread.times / found) / criterion.units.spread.times.sum()))
    problem = joint(criterion, [np.full(term.width, unit) for term in plan.re_terms])
    begin = try_at(problem, np.concatenate((gamma, moment_guess(mean_plan(plan), made))), None)
    if begin is None:
        raise no_start("the likelihood is not finite there")
    return problem, begin


def _try_weights(criterion: Weighted, gamma: Floats) -> Floats | None:
    try:
        return criterion.weights(gamma)[0]
    except np.linalg.LinAlgError:
        return None


def _equal(criterion: Weighted, size: float) -> Floats:
    """Return the coefficients that bring all standard deviations nearest to a size."""
    spread = criterion.units.spread
    if not spread.columns.shape[1]:
        return np.zeros(0)
    tried: list[tuple[float, Floats]] = []
    for link in LINKS.values():
        gamma: Floats = np.asarray(np.linalg.lstsq(spread.columns, link(size) - spread.offset, rcond=None)[0])
        w = _try_weights(criterion, gamma)
        if w is not None:
            sd = criterion.made.outcome.scale / np.sqrt(w)
            tried.append((float(np.abs(np.log(sd / size)).max()), gamma))
    return min(tried, key=lambda item: item[0])[1] if tried else np.zeros(spread.columns.shape[1])


class _Later:
    """What is computed when it is read."""

    def __init__(self, criterion: Weighted, problem: Joint, at: JointPoint, outcome: FitOutcome) -> None:
        self.criterion, self.problem, self.at, self.outcome = criterion, problem, at, outcome

    def cov_beta(self) -> Floats:
        """Return the covariance of all coefficients: of the mean by generalised least squares."""
        out = np.array(self.outcome.cov_beta)
        mean = self.criterion.mean_places
        out[np.ix_(mean, mean)] = self.criterion.mean_covariance(self.at.inner.profile)
        spread = self.criterion.kept
        out[np.ix_(mean, spread)] = out[np.ix_(spread, mean)] = 0.0
        return out

    def fixed_variation(self) -> FixedVariation:
        """Return how the covariance of the coefficients of the mean varies, by differences in the search's vector."""
        with one_thread(), progress("degrees of freedom"), np.errstate(all="ignore"):
            return _variation(self.criterion, self.problem, self.at)


def _variation(criterion: Weighted, problem: Joint, at: JointPoint) -> FixedVariation:
    kept = sorted({*criterion.kept, *criterion.mean_places})
    own = [kept.index(place) for place in criterion.mean_places]
    rows = []
    slopes = np.zeros((len(at.vector), len(kept), len(kept)))
    for i, h in enumerate(difference_steps(problem.slope(at).hessian)):
        move = np.zeros(len(at.vector))
        move[i] = h
        ends = [problem.evaluate(at.vector + sign * move, at) for sign in (1.0, -1.0)]
        rows.append((problem.slope(ends[0]).gradient - problem.slope(ends[1]).gradient) / (2.0 * h))
        up, down = (criterion.mean_covariance(end.inner.profile) for end in ends)
        slopes[i][np.ix_(own, own)] = (up - down) / (2.0 * h)
    H = np.array(rows).reshape(len(at.vector), len(at.vector))
    return FixedVariation(slopes=slopes, parameters=2.0 * inverse((H + H.T) / 2.0))
