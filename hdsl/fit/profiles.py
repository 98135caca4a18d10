"""Profiles: the least criterion with one parameter held at a value, all others free.

Input: the plan, arrays and outcome of a fit. Output: a `Profile` for a parameter, which gives -2 log-likelihood for any
value of it. Invariants: every other parameter is minimised over, from the nearest value that is known; parameters
are the user's (coefficients, absolute standard deviations, correlations), whatever the columns of the criterion are.

One mechanism: covariances are roots with the held entry at its value (`hdsl.fit.held`), descent is by exact gradients
(`hdsl.fit.descent`). A criterion takes part by a `Surface`: value and gradient at coefficients and roots.

Under REML there is no restricted likelihood of fixed effects: their profiles, and theirs alone, are those of ML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hdsl.fit.descent import descend, difference_hessian
from hdsl.fit.held import Held, Roots, roots_of
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.standardise import Floats
from hdsl.fit.threads import one_thread
from hdsl.plan import Arrays, Plan

__all__ = ["SIGMA", "Profile", "Surface", "Target", "profile_of"]

SIGMA = "sigma"
"""The residual's standard deviation as a target."""

Target = int | Held | str
"""What is held: a column of X, an entry of a covariance (factor, row, column), or SIGMA."""

STOPS = 8
"""Values on the way to one that cannot be started at."""

LEAST = 1e-2
"""Relative standard deviation that a descent starts from where a fit has zero: at zero the gradient is zero, too."""


class Surface(Protocol):
    """A criterion as a function of a vector: parameters of its own first, then those of the roots."""

    def objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        """Return -2 log-likelihood and its gradient with the held parameter at `value`."""

    def start(self) -> tuple[Floats, Floats]:
        """Return the vector of the fit, and the size of each of its entries."""


@dataclass(kw_only=True)
class Profile:
    """The profile of one parameter; it remembers every value that it was asked for.

    Attributes
    ----------
    surface : Surface
    estimate : float
        The value where the criterion is least.
    """

    surface: Surface
    estimate: float
    _known: dict[float, tuple[Floats, float]] = field(default_factory=dict)
    _hessian: Floats | None = None

    @property
    def n_points(self) -> int:
        """Values that were asked for or needed on the way to one."""
        return len(self._known)

    def __call__(self, value: float) -> float:
        """Return the least -2 log-likelihood with the parameter at `value`; NaN where no minimum was found."""
        if value not in self._known:
            with one_thread(), np.errstate(all="ignore"):
                self._known[value] = self._least(value)
        return self._known[value][1]

    def _least(self, value: float) -> tuple[Floats, float]:
        """Return where the least is and how much; by values on the way where the criterion has none at the start."""
        for _ in range(STOPS):
            begin = self._begin(value)
            if begin is not None:
                return self._descended(value, begin)
            stop = self._stop(value)
            if stop is None:
                break
            self._known[stop] = self._descended(stop, self._begin(stop))
        return self.surface.start()[0], float("nan")

    def _begin(self, value: float) -> Floats | None:
        """Return a vector to start from: on the line through the two nearest that are known, else the nearest."""
        near = sorted((abs(at - value), at) for at, (_, least) in self._known.items() if np.isfinite(least))[:2]
        vectors = [self._known[at][0] for _, at in near] or [self.surface.start()[0]]
        if len(near) == 2:
            (_, a), (_, b) = near
            vectors.insert(0, vectors[0] + (value - a) / (b - a) * (vectors[1] - vectors[0]))
        return next((vector for vector in vectors if np.isfinite(self._objective(vector, value)[0])), None)

    def _stop(self, value: float) -> float | None:
        """Return a value on the way that can be started at."""
        near = min((at for at in self._known), key=lambda at: abs(at - value), default=self.estimate)
        stops = (near + (value - near) * 0.5**k for k in range(1, STOPS))
        return next((stop for stop in stops if stop not in self._known and self._begin(stop) is not None), None)

    def _descended(self, value: float, begin: Floats | None) -> tuple[Floats, float]:
        assert begin is not None

        def objective(vector: Floats) -> tuple[float, Floats]:
            return self._objective(vector, value)

        if self._hessian is None:
            self._hessian = difference_hessian(objective, begin, self.surface.start()[1])
        bottom = descend(objective, begin, self._hessian)
        self._hessian = bottom.hessian
        return bottom.vector, bottom.value if bottom.converged else float("nan")

    def _objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        try:
            return self.surface.objective(vector, value)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros(len(vector))


def profile_of(plan: Plan, arrays: Arrays, outcome: FitOutcome, target: Target) -> Profile:
    """Return the profile of a parameter.

    Parameters
    ----------
    plan : Plan
    arrays : Arrays
    outcome : FitOutcome
        The fit of this plan to these arrays.
    target : int, (int, int, int) or SIGMA
        A column of X (scale of the fit), an entry of a covariance, or the residual's standard deviation.
    """
    surface: Surface
    if plan.density is None:
        from hdsl.fit.gaussian_surface import gaussian_surface

        surface = gaussian_surface(plan, arrays, outcome, target)
    else:
        from hdsl.fit.generalised_surface import generalised_surface

        surface = generalised_surface(plan, arrays, outcome, target)
    return Profile(surface=surface, estimate=_estimate(outcome, target))


def _estimate(outcome: FitOutcome, target: Target) -> float:
    match target:
        case str():
            return outcome.sigma
        case int():
            return float(outcome.beta[target])
        case (factor, row, column) if row == column:
            return float(outcome.sd[factor][row])
        case (factor, row, column):
            return float(outcome.cor[factor][row, column])


def held_roots(plan: Plan, target: Target | None) -> Roots:
    """Return the roots with what is held, if it is of a covariance."""
    return roots_of(plan, target if isinstance(target, tuple) else None)


def started(sds: Sequence[Floats], scales: Sequence[Floats]) -> list[Floats]:
    """Return standard deviations to start from: none of them zero."""
    return [np.maximum(sd, LEAST * scale) for sd, scale in zip(sds, scales, strict=True)]
