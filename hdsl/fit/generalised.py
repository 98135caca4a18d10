"""Fit a model whose rows have a density: start, joint search, boundary, troubles, standard errors.

Stage: fit. Input: a `Plan` with a density and its `Arrays`. Output: a `FitOutcome` on the user's columns; coefficients
of parameters without an equation are on the scale of their predictor. Invariants: a fit whose estimates are infinite,
or that did not reach an optimum, says so in `FitOutcome.troubles` and is never "converged".
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Literal

import numpy as np

from hdsl.fit.boundary import Parts, parts_at
from hdsl.fit.covariance import free_parameters
from hdsl.fit.exact import fitted_exactly
from hdsl.fit.generalised_errors import Information, joint_information, no_information
from hdsl.fit.generalised_start import GeneralisedStart, coefficients, natural_values, random_effects, with_values
from hdsl.fit.joint import LEASH, Joint, JointPoint, StartCriterion, joint
from hdsl.fit.laplace import laplace
from hdsl.fit.multistart import STEEP, better
from hdsl.fit.nearby import Nearby, nearby_quadrature
from hdsl.fit.newton import Optimum, Tolerances, minimise
from hdsl.fit.outcome import FitOutcome, Status
from hdsl.fit.problem import try_at
from hdsl.fit.quadrature import quadrature
from hdsl.fit.refusals import exact_fit, no_start
from hdsl.fit.search import search
from hdsl.fit.standardise import Floats
from hdsl.fit.threads import one_thread
from hdsl.fit.trouble import Trouble
from hdsl.fit.unbounded import find_troubles
from hdsl.fit.watch import stopped, watched_search
from hdsl.plan import Arrays, Plan
from hdsl.progress import is_part, progress, say

__all__ = ["TOLERANCES", "finish", "fit_criterion", "fit_generalised"]

TOLERANCES = Tolerances(scaled=True, secants=0.1)

SMALL = 0.1
"""Share of the random effects' spread of the first start for a second one."""

ROUNDING = 1e-2
"""Decrement that is rounding where a parameter without an equation is on its edge: its natural value is extreme."""


def fit_generalised(
    plan: Plan,
    arrays: Arrays,
    *,
    method: Literal["laplace", "agq"] = "laplace",
    nodes: int | None = None,
    start: GeneralisedStart | None = None,
) -> FitOutcome:
    """Fit a model by maximum likelihood, random effects integrated out numerically.

    Parameters
    ----------
    plan : Plan
        With a density.
    arrays : Arrays
    method : {"laplace", "agq"}
        Laplace's approximation, or adaptive Gauss-Hermite quadrature.
    nodes : int, optional
        Of the quadrature, for each random effect; 9 where left out.
    start : mapping, optional
        Entry (factor, row, column) to standard deviation or correlation, natural scale; ``("beta", column)`` to the
        coefficient of a column of X, scale of the fit. What is left out starts at a default.

    Returns
    -------
    FitOutcome
        Its status says whether the search converged, its `troubles` what stands in the way of an estimate.

    Raises
    ------
    FitError
        HM504 too few rows, HM506 a value that is not finite or no start, HM507 a method that does not fit the plan,
        HM508 an unknown start, HM509 too many groups or nodes.
    """
    with one_thread(), progress("summing over rows"), np.errstate(all="ignore"):  # densities may overflow far off
        criterion = laplace(plan, arrays)
        if method == "agq" and plan.re_terms:
            better = quadrature(criterion, arrays, nodes)
            return fit_criterion(better, arrays, start=start, first=criterion, nodes=better.nodes)
        return fit_criterion(criterion, arrays, start=start)


def fit_criterion(
    criterion: StartCriterion,
    arrays: Arrays,
    *,
    start: GeneralisedStart | None = None,
    first: StartCriterion | None = None,
    nodes: int | None = None,
) -> FitOutcome:
    """Fit a plan with a density by a criterion: Laplace's, or quadrature of `nodes` after a cheaper `first`."""
    flat = coefficients(first or criterion, arrays, exact=not criterion.plan.n_theta)
    if not criterion.plan.re_terms:
        plain = joint(criterion)
        again = minimise(plain, _begin(plain, flat.at, start), TOLERANCES) if start else flat
        return finish(plain, again, arrays, nodes)
    problem, still = random_effects(flat, first or criterion, arrays)
    begin = _begin(problem, still, start)
    optimum = watched_search(problem, begin, TOLERANCES)
    if not start and _may_have_several(problem, optimum):
        optimum = _or_from_small(problem, flat.at, optimum)
    if first is not None and not optimum.interrupted:
        optimum, problem = _by_quadrature(problem, criterion, optimum)
    return finish(problem, optimum, arrays, nodes)


def _by_quadrature(
    problem: Joint, criterion: StartCriterion, optimum: Optimum[JointPoint]
) -> tuple[Optimum[JointPoint], Joint]:
    """Return the optimum of a dearer criterion, from that of the first, and the problem that has it.

    Where the user interrupts before its first value there is that of the first criterion.
    """
    dearer, words = replace(problem, criterion=criterion), "searching by quadrature"
    say(words)
    try:
        begin = _required(try_at(dearer, optimum.at.vector, None))
    except KeyboardInterrupt:
        if is_part():
            raise
        return stopped(optimum), problem
    return watched_search(dearer, begin, TOLERANCES, search=search, words=words), dearer


def _may_have_several(problem: Joint, optimum: Optimum[JointPoint]) -> bool:
    """Whether another optimum is likely: without log-concavity, or where rows or effects may have the spread."""
    density = problem.plan.density
    assert density is not None
    beta = optimum.at.vector[: problem.m]
    is_far = any(abs(float(row @ beta) - start) > LEASH / 2.0 for row, start in problem.leashes)
    return not optimum.interrupted and (not density.is_log_concave or is_far)


def _or_from_small(problem: Joint, flat: JointPoint, optimum: Optimum[JointPoint]) -> Optimum[JointPoint]:
    """Return an optimum, or one that is found from small random effects, if that is better."""
    at = try_at(problem, np.concatenate((flat.vector, SMALL * problem.theta)), None)
    if at is None:
        return optimum
    other = watched_search(problem, at, TOLERANCES, search=search)
    best = replace(better(optimum, other), n_evaluations=optimum.n_evaluations + other.n_evaluations)
    return stopped(best) if other.interrupted else best


def _begin(problem: Joint, still: JointPoint, start: GeneralisedStart | None) -> JointPoint:
    """Return where the joint search starts: at the user's values, else with random effects a step on."""
    at = try_at(problem, problem.with_theta(still, problem.theta), still)
    at = at or try_at(problem, problem.with_theta(still, 0.1 * problem.theta), still)
    found = _required(at)
    return _required(try_at(problem, with_values(problem, found, start), None)) if start else found


def _required(at: JointPoint | None) -> JointPoint:
    """Return a point; refuse the fit where there is none."""
    if at is None:
        raise no_start("the density of the outcome is zero, or that of the random effects has no mode")
    return at


def finish(problem: Joint, optimum: Optimum[JointPoint], arrays: Arrays, nodes: int | None) -> FitOutcome:
    """Look for troubles, and assemble what the fit found, user's columns."""
    at, plan, criterion = optimum.at, problem.plan, problem.criterion
    exact = fitted_exactly(problem, at, arrays, lambda: natural_values(plan, arrays))
    if exact is not None:
        raise exact_fit(exact)
    parts = parts_at(problem, at)
    optimum, troubles = _looked_at(problem, optimum, arrays)
    settled = optimum.converged or (bool(troubles) and optimum.decrement < ROUNDING)
    if not settled and not any(not trouble.leaves_estimates for trouble in troubles):
        troubles = (*troubles, _unsettled(problem, optimum))
    later = _Later(problem=problem, at=at, arrays=arrays, parts=parts, troubles=troubles)
    free = free_parameters(plan)
    status = _status(parts, troubles)
    outcome = FitOutcome(
        method="laplace" if nodes is None else "agq",
        theta=criterion.user_theta(problem.to_criterion(at.factors)),
        sigma=float("nan"),
        beta=criterion.user_beta(at.inner),
        cov_beta=later.cov_beta,
        aliased=tuple(sorted(set(range(criterion.n_columns)) - set(criterion.kept))),
        sd=parts.sd,
        cor=parts.cor,
        modes=later.modes,
        mode_cov=later.mode_covariances,
        variance_cov=later.variance_cov,
        cross_cov=later.cross_cov,
        variance_parameters=tuple((e.factor, e.row, e.column) for e in free),
        objective=at.objective,
        logdet=float(at.inner.logdet),
        r2=float("nan"),
        n_evaluations=optimum.n_evaluations,
        gradient_norm=optimum.decrement,
        certificate=optimum.certificate,
        status=status,
        message=_message(optimum, status, parts, troubles),
        boundary=parts.edge,
        troubles=troubles,
        nodes=nodes,
        nearby=later.nearby if nodes is None and status == "converged" else None,
    )
    return outcome.as_stopped("search") if optimum.interrupted else outcome


def _looked_at(
    problem: Joint, optimum: Optimum[JointPoint], arrays: Arrays
) -> tuple[Optimum[JointPoint], tuple[Trouble, ...]]:
    """Return an optimum with its troubles; where the user does not wait for them, as one that is not to be trusted."""
    say("looking for what has no finite estimate")
    try:
        return optimum, find_troubles(problem, optimum.at, arrays, optimum.hessian if optimum.converged else None)
    except KeyboardInterrupt:
        if is_part():
            raise
        return stopped(optimum), ()


def _unsettled(problem: Joint, optimum: Optimum[JointPoint]) -> Trouble:
    """Return why a search did not settle: on a slope that has no end, or for want of steps."""
    density = problem.plan.density
    assert density is not None
    if not density.is_log_concave and optimum.decrement > STEEP and not optimum.interrupted:
        return Trouble(kind="no mode" if problem.plan.re_terms else "no top")
    return Trouble(kind="no convergence", reason=_short(optimum))


def _held(troubles: tuple[Trouble, ...]) -> tuple[int, ...]:
    """Return the columns whose coefficient has no finite estimate, and so no standard error."""
    return tuple(sorted({column for trouble in troubles for column in trouble.columns}))


class _Later:
    """What is computed when it is read."""

    def __init__(
        self, *, problem: Joint, at: JointPoint, arrays: Arrays, parts: Parts, troubles: tuple[Trouble, ...]
    ) -> None:
        self.problem, self.at, self.arrays, self.parts = problem, at, arrays, parts
        self.held = _held(troubles)
        self.nothing = any(trouble.kind == "separation" for trouble in troubles)

    @cached_property
    def information(self) -> Information:
        """Covariances from the joint observed information."""
        if self.nothing:
            return no_information(self.problem.criterion)
        with one_thread(), progress("standard errors"), np.errstate(all="ignore"):
            factors = self.problem.to_criterion(self.at.factors)
            return joint_information(self.problem.criterion, self.at, factors, self.parts, self.held)

    def cov_beta(self) -> Floats:
        """Return the covariance of the coefficients."""
        return self.information.cov_beta

    def variance_cov(self) -> Floats:
        """Return the covariance of standard deviations and correlations."""
        return self.information.variance_cov

    def cross_cov(self) -> Floats:
        """Return the covariance of the two."""
        return self.information.cross_cov

    def modes(self) -> tuple[Floats, ...]:
        """Return the modes of the random effects."""
        with one_thread():
            return self.problem.criterion.modes(self.at.inner)

    def mode_covariances(self) -> tuple[Floats, ...]:
        """Return their covariances given the parameters."""
        with one_thread(), progress("standard errors of single effects"):
            return self.problem.criterion.mode_covariances(self.at.inner)

    def nearby(self) -> Nearby | None:
        """Return where quadrature would lead."""
        with one_thread(), np.errstate(all="ignore"):
            return nearby_quadrature(self.problem, self.at, self.arrays)


def _status(parts: Parts, troubles: tuple[Trouble, ...]) -> Status:
    if any(not trouble.leaves_estimates for trouble in troubles):
        return "not converged"
    return "boundary" if parts.edge or troubles else "converged"


def _short(optimum: Optimum[JointPoint]) -> str:
    """Return a clause about a search that stopped short."""
    if optimum.interrupted:
        return f"interrupted after {optimum.n_evaluations} evaluations: the best point so far, not an optimum"
    return (
        f"the search stopped after {optimum.n_evaluations} evaluations without reaching an optimum: "
        f"one more step was expected to lower the criterion by {optimum.decrement / 2:.2g}"
    )


def _message(optimum: Optimum[JointPoint], status: Status, parts: Parts, troubles: tuple[Trouble, ...]) -> str:
    """Return a sentence about how the search ended."""
    if status == "not converged":
        kinds = {trouble.kind for trouble in troubles if not trouble.leaves_estimates}
        if kinds == {"no convergence"}:
            return _short(optimum).capitalize() + "."
        return f"No finite estimate after {optimum.n_evaluations} evaluations: {', '.join(sorted(kinds))}."
    text = f"Converged after {optimum.n_evaluations} evaluations"
    count = len(parts.edge) + len(troubles)
    if not count:
        return text + "."
    return f"{text}; {'one parameter is' if count == 1 else f'{count} parameters are'} on the boundary."
