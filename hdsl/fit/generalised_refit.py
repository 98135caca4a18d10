"""A model whose rows have a density fitted to other outcomes of the same rows.

Input: a plan with its arrays and the outcome of their fit. Output: a `GeneralisedRefitter`, which fits other outcomes.
Invariants: a refit ends where a fit of that outcome does; only the way is shorter, since it sets out from the estimates
of the fit. Where that way does not lead to an optimum, the outcome is fitted from its own start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hdsl.fit.covariance import from_parts
from hdsl.fit.generalised import TOLERANCES, finish, fit_generalised
from hdsl.fit.generalised_start import coefficients, leashes, random_effects
from hdsl.fit.joint import DensityCriterion, Joint, JointPoint, joint
from hdsl.fit.laplace import laplace
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.problem import try_at
from hdsl.fit.quadrature import quadrature
from hdsl.fit.search import search
from hdsl.fit.standardise import Floats
from hdsl.fit.threads import one_thread
from hdsl.plan import Arrays, Plan

__all__ = ["GeneralisedRefitter"]

LEAST = 0.1
"""Standard deviation, in units, from which the search starts at least: from zero it would have to find a way out."""


@dataclass(frozen=True, kw_only=True)
class GeneralisedRefitter:
    """Fits outcomes for the rows of one fit.

    Attributes
    ----------
    plan : Plan
        With a density and random effects.
    arrays : Arrays
        With the outcome of the fit.
    outcome : FitOutcome
        The fit, by Laplace's approximation or quadrature.
    """

    plan: Plan
    arrays: Arrays
    outcome: FitOutcome

    def fit(self, arrays: Arrays) -> FitOutcome:
        """Fit the same rows with another outcome.

        Raises
        ------
        FitError
            As `fit_generalised`.
        """
        with one_thread(), np.errstate(all="ignore"):
            problem = self._problem(arrays)
            at = self._begin(problem)
            if at is not None:
                optimum = search(problem, at, TOLERANCES)
                if optimum.converged:
                    return finish(problem, optimum, arrays, self.outcome.nodes)
        nodes = self.outcome.nodes
        return fit_generalised(self.plan, arrays, method="laplace" if nodes is None else "agq", nodes=nodes)

    def _criterion(self, arrays: Arrays) -> DensityCriterion:
        inner = laplace(self.plan, arrays)
        return inner if self.outcome.nodes is None else quadrature(inner, arrays, self.outcome.nodes)

    def _problem(self, arrays: Arrays) -> Joint:
        """Return the problem of an outcome, in units of the fit."""
        criterion = self._criterion(arrays)
        return replace(joint(criterion, self._units), leashes=leashes(criterion, arrays))

    def _begin(self, problem: Joint) -> JointPoint | None:
        """Return the estimates of the fit as a point of a problem, none of its spreads zero."""
        criterion, outcome = problem.criterion, self.outcome
        roots = [from_parts(sd, cor) for sd, cor in zip(outcome.sd, outcome.cor, strict=True)]
        vector = problem.vector_of(criterion.beta_from(outcome.beta), criterion.theta_from(roots))
        theta, diagonal = vector[problem.m :], np.asarray(self.plan.diagonal_theta, dtype=bool)
        theta[diagonal & (np.abs(theta) < LEAST)] = LEAST
        return try_at(problem, vector, None)

    @cached_property
    def _units(self) -> tuple[Floats, ...]:
        """Units of the random effects of the fit."""
        criterion = laplace(self.plan, self.arrays)
        problem, _ = random_effects(coefficients(criterion, self.arrays, exact=False), criterion, self.arrays)
        return problem.units
