"""Fit a Gaussian model: criterion, search, boundary, standard errors, modes.

Stage: fit. Input: a `Plan` with its `Arrays`. Output: a `FitOutcome` on the user's scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

import numpy as np

from hdsl.design.order import MOST_EXACT
from hdsl.fit.boundary import Parts, parts_at
from hdsl.fit.covariance import free_parameters
from hdsl.fit.criterion import Criterion, Evaluation, criterion
from hdsl.fit.iterating import Engine
from hdsl.fit.monte_carlo import monte_carlo_error
from hdsl.fit.newton import Optimum, Tolerances
from hdsl.fit.outcome import FitOutcome, FixedVariation, Status
from hdsl.fit.refusals import exact_fit, no_start, too_large
from hdsl.fit.rounding import GROSS, NOTICED, least_error, resolved
from hdsl.fit.standard_errors import Curvature, curvature, variance_covariance
from hdsl.fit.standardise import Floats
from hdsl.fit.start import Start, starting_theta
from hdsl.fit.threads import one_thread
from hdsl.fit.users_scale import users_mode_covariances, users_modes
from hdsl.fit.variation import fixed_variation
from hdsl.fit.watch import stopped, watched_search
from hdsl.plan import Arrays, Plan
from hdsl.progress import is_part, progress
from hdsl.runtime import Nest
from hdsl.runtime.root import LAPACK_SIZE

__all__ = ["fit_gaussian", "least_rounding", "outcome_at", "refuse_exact", "tolerances"]

NOISE = 0.5
"""Rise of an approximate criterion that is taken for its error: its slope is not that of its value."""

COSTLY = 3000
"""Columns of a dense root from which the search for its optimum starts at that by iterations."""

EXACT = 1e-12
"""Residual sum of squares, relative to that of the outcome about its mean, that rounding cannot tell from zero."""


def fit_gaussian(
    plan: Plan, arrays: Arrays, *, method: Literal["ml", "reml"] = "ml", start: Start | None = None
) -> FitOutcome:
    """Fit a Gaussian model by maximum likelihood or restricted maximum likelihood.

    Parameters
    ----------
    plan : Plan
    arrays : Arrays
    method : {"ml", "reml"}
    start : mapping, optional
        Entry (factor, row, column) to standard deviation or correlation, ``"sigma"`` to the residual standard
        deviation, natural scale; what is left out starts at a default.

    Returns
    -------
    FitOutcome
        Its status says whether the search converged.

    Raises
    ------
    FitError
        HM504 too few rows, HM506 a value that is not finite, HM508 an unknown start, HM509 too many
        crossed groups, HM511 an exact fit.
    """
    columns = _prepare(plan, arrays)
    reml = method == "reml"
    with one_thread(), progress("summing over rows"):
        near = _near(plan, arrays, reml=reml) if start is None and columns >= COSTLY else None
        if near is not None and near.optimum.interrupted:
            return near.outcome()
        try:
            problem = criterion(plan, arrays, reml=reml)
            begin = _begin(problem, starting_theta(problem, start) if near is None else near.optimum.at.theta)
        except KeyboardInterrupt:
            if near is None or is_part():
                raise
            return near.stopped().outcome()
        return _Found(problem, watched_search(problem, begin, tolerances(problem, begin))).outcome()


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a search ended."""

    problem: Criterion
    optimum: Optimum[Evaluation]

    def outcome(self) -> FitOutcome:
        """Return what the fit found, on the user's scale."""
        outcome = outcome_at(self.problem, self.optimum)
        return outcome.as_stopped("search") if self.optimum.interrupted else outcome

    def stopped(self) -> _Found:
        """Return the same as the user left it."""
        return _Found(self.problem, stopped(self.optimum))


def _prepare(plan: Plan, arrays: Arrays) -> int:
    """Return the columns of the dense root, 0 if there is none; refuse one that is too large.

    Imports SciPy's LAPACK before threads are counted, where it is needed.
    """
    columns = sum(plan.re_terms[f].width * (int(arrays.groups[f].max()) + 1) for f in plan.dense)
    if columns >= LAPACK_SIZE:
        import scipy.linalg  # noqa: F401 - its OpenBLAS is the second one
    if plan.crossing == "iterative":
        return 0
    if columns > MOST_EXACT:
        raise too_large(columns)
    return columns


def _near(plan: Plan, arrays: Arrays, *, reml: bool) -> _Found:
    """Return the optimum by iterations, which takes less time than one step of a large dense root."""
    iterative = replace(plan, chain=(), dense=tuple(range(len(plan.re_terms))), crossing="iterative")
    problem = criterion(iterative, arrays, reml=reml)
    begin = _begin(problem, starting_theta(problem, None))
    return _Found(problem, watched_search(problem, begin, tolerances(problem, begin)))


def tolerances(problem: Criterion, begin: Evaluation) -> Tolerances:
    """Return when the search stops; an approximate criterion may rise by its own error."""
    if problem.plan.crossing != "iterative":
        return Tolerances()
    return Tolerances(rise=NOISE / (1.0 + abs(begin.objective)))


def _begin(problem: Criterion, theta: Floats) -> Evaluation:
    """Evaluate the start."""
    try:
        with np.errstate(all="ignore"):
            at = problem.evaluate(theta)
    except np.linalg.LinAlgError as error:
        raise no_start(str(error)) from error
    refuse_exact(problem, at)
    if not np.isfinite(at.objective):
        raise no_start("it is not a finite number")
    return at


def refuse_exact(problem: Criterion, at: Evaluation) -> None:
    """Refuse an outcome that the fixed effects fit exactly (HM511)."""
    if at.profile.r2 <= EXACT * problem.cross.n:
        raise exact_fit()


def least_rounding(problem: Criterion, at: Evaluation) -> float:
    """Return the least rounding error of the criterion; one by iterations has a larger one of its own: 0."""
    if problem.plan.crossing == "iterative":
        return 0.0
    return float(least_error(problem.cross.C[-1, -1], at.profile.nn, np.asarray(at.profile.r2)))


def outcome_at(problem: Criterion, optimum: Optimum[Evaluation]) -> FitOutcome:
    """Assemble what the fit found, on the user's scale.

    Raises
    ------
    FitError
        HM511 for an exact fit.
    """
    refuse_exact(problem, optimum.at)
    optimum, error = resolved(problem, optimum, partial(least_rounding, problem), Tolerances())
    at, parts = optimum.at, parts_at(problem, optimum.at)
    profile, scale = at.profile, problem.outcome.scale
    sigma = scale * float(np.sqrt(profile.r2 / profile.nn))
    fixed = _fixed(problem, at, sigma)
    later = _Later(problem, at, parts, sigma)
    status = _status(optimum, parts)
    free = free_parameters(problem.plan)
    return FitOutcome(
        method="reml" if problem.reml else "ml",
        theta=problem.user_theta(at.factors),
        sigma=sigma,
        beta=fixed.beta,
        cov_beta=fixed.cov,
        aliased=fixed.aliased,
        sd=tuple(sigma * sd for sd in parts.sd),
        cor=parts.cor,
        modes=later.modes,
        mode_cov=later.mode_covariances,
        variance_cov=later.variance_covariance,
        fixed_variation=later.fixed_variation,
        cross_cov=None,
        variance_parameters=tuple((e.factor, e.row, e.column) for e in free),
        objective=problem.user_objective(profile),
        logdet=profile.logdet,
        r2=profile.r2 * scale**2,
        n_evaluations=optimum.n_evaluations,
        gradient_norm=optimum.decrement,
        certificate=optimum.certificate,
        monte_carlo=monte_carlo_error(problem, at),
        objective_error=getattr(at.forward, "logdet_error", 0.0) if problem.plan.crossing == "iterative" else 0.0,
        rounding=error if error > NOTICED else 0.0,
        status=status,
        message=_message(optimum, status, parts, error),
        boundary=parts.edge,
    )


@dataclass(frozen=True, slots=True)
class _Fixed:
    """Fixed effects of all columns of X, NaN for aliased ones."""

    beta: Floats
    cov: Floats
    aliased: tuple[int, ...]


def _fixed(problem: Criterion, at: Evaluation, sigma: float) -> _Fixed:
    """Return fixed effects and their covariance for the user's columns."""
    p, kept = problem.n_columns, problem.kept
    back, cov = problem.fixed.to_user(kept), np.full((p, p), np.nan)
    cov[np.ix_(kept, kept)] = sigma**2 * back @ at.profile.cov_beta @ back.T
    return _Fixed(problem.user_beta(at.profile.beta), cov, tuple(sorted(set(range(p)) - set(kept))))


@dataclass(frozen=True)
class _Later:
    """What is computed when it is read: modes, their covariances, and the covariance of variance parameters."""

    problem: Criterion
    at: Evaluation
    parts: Parts
    sigma: float

    def modes(self) -> tuple[Floats, ...]:
        """Return the modes (J, q) of each factor, groups in the order of their codes."""
        problem = self.problem
        with one_thread():
            b, _ = problem.emitted.modes(problem.cross, self.at.forward, self.at.profile.beta)
        own = users_modes(problem.plan, self._nest, problem.T, b)
        return tuple(problem.outcome.scale * modes for modes in own)

    def mode_covariances(self) -> tuple[Floats, ...]:
        """Return the covariances (J, q, q) of the modes of each factor, given theta and beta."""
        problem = self.problem
        with one_thread(), progress("standard errors of single effects"):
            if isinstance(problem.emitted, Engine):
                V = problem.emitted.mode_covariances(problem.cross, self.at.forward)
            else:
                _, V = problem.emitted.covariances(problem.cross, self.at.forward, np.zeros((0, 0)))
        own = users_mode_covariances(problem.plan, self._nest, problem.T, V)
        return tuple(self.sigma**2 * covariances for covariances in own)

    @property
    def _nest(self) -> Nest | None:
        return self.problem.cross.nest if self.problem.plan.chain else None

    @cached_property
    def curvature(self) -> Curvature:
        """What both of the next need: evaluations around the optimum."""
        with one_thread(), progress("standard errors of variances"):
            return curvature(self.problem, self.at, self.parts)

    def variance_covariance(self) -> Floats:
        """Return the covariance of the variance parameters and sigma."""
        return variance_covariance(self.problem, self.curvature, self.at, self.parts)

    def fixed_variation(self) -> FixedVariation:
        """Return how the covariance of the fixed effects varies."""
        with one_thread():
            return fixed_variation(self.problem, self.at, self.curvature, self.parts)


def _status(optimum: Optimum[Evaluation], parts: Parts) -> Status:
    if not optimum.converged:
        return "not converged"
    return "boundary" if parts.edge else "converged"


def _message(optimum: Optimum[Evaluation], status: Status, parts: Parts, error: float) -> str:
    """Return a sentence about how the search ended."""
    match status:
        case "not converged" if optimum.interrupted:
            n = optimum.n_evaluations
            return f"Interrupted after {n} evaluation{'s' * (n != 1)}: the best point so far, not an optimum."
        case "not converged" if error > GROSS:
            return f"Rounding leaves the criterion uncertain by {error:.2g}: an optimum cannot be told."
        case "not converged":
            return (
                f"The search stopped after {optimum.n_evaluations} evaluations without reaching an optimum: "
                f"one more step was expected to lower the criterion by {optimum.decrement / 2:.2g}."
            )
        case "boundary":
            count = len(parts.edge)
            what = "one variance parameter is" if count == 1 else f"{count} variance parameters are"
            return f"Converged after {optimum.n_evaluations} evaluations; {what} on the boundary."
        case _:
            return f"Converged after {optimum.n_evaluations} evaluations."
