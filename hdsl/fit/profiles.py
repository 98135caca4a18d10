"""Profiles: the least criterion with one parameter held at a value, all others free.

Input: the plan, arrays and outcome of a fit. Output: a `Profile` for each parameter, which gives -2 log-likelihood and
its slope for any value of it. Invariants: every other parameter is minimised over; parameters are the user's
(coefficients, absolute standard deviations, correlations), whatever the columns of the criterion are.

One mechanism: covariances are roots with the held entry at its value (`hdsl.fit.held`), descent is by exact gradients
(`hdsl.fit.descent`). A criterion takes part by a `Surface`: value and gradient at coefficients and roots. What a fit
knows is used: its information gives curvature and the direction in which minima move with the held value, and minima
that are known say where the next one is. The slope of a profile is the derivative by the held value at the minimum,
since all other derivatives are zero there (the envelope theorem).

Under REML there is no restricted likelihood of fixed effects: their profiles, and theirs alone, are those of ML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hdsl.fit.criterion import criterion
from hdsl.fit.descent import descend, differences, positive_inverse
from hdsl.fit.held import LEAST, Held, Roots, roots_of
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.standardise import Floats
from hdsl.fit.threads import one_thread
from hdsl.plan import Arrays, Plan

__all__ = ["SIGMA", "Profile", "Profiles", "Surface", "Target", "profile_of"]

Flags = NDArray[np.bool_]

SIGMA = "sigma"
"""The residual's standard deviation as a target."""

Target = int | Held | str
"""What is held: a column of X, an entry of a covariance (factor, row, column), or SIGMA."""

STOPS = 8
"""Values on the way to one that cannot be started at."""

SMALL, WIDE = 0.1, 0.2
"""Relative standard deviation of an effect that is thought to have left zero only just, and of one that is sent off."""

FAR = 2.0
"""Twice the fall that is expected from a start, from which on another start is tried."""

HIGH = 25.0
"""Height of a start above the lowest minimum that is known, from which on another start is tried."""

DECREMENT = 1e-7
"""Twice what one more step of a descent is expected to gain where it ends."""


class Surface(Protocol):
    """A criterion as a function of a vector: parameters of its own first, then those of the roots."""

    def objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        """Return -2 log-likelihood with the held parameter at `value`, and its gradient, by the held value last."""

    def start(self) -> tuple[Floats, Floats]:
        """Return the vector of the fit, and the size of each of its entries."""

    def floor(self) -> Floats:
        """Return the least absolute value of each entry of a vector that a descent may start from."""

    def covariance(self) -> Floats:
        """Return that of (vector, held value) at the fit; not finite where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """The least criterion with the parameter held at a value.

    Attributes
    ----------
    vector : ndarray
        Where it is.
    deviance, slope : float
        -2 log-likelihood, and its derivative by the value; NaN where no minimum was found, or no derivative is there.
    error : float
        What the descent would gain by one more step, which the deviance has: it is wrong by less.
    inverse : ndarray
        Of the Hessian by the vector.
    decrement : float
        What ended the descent.
    """

    vector: Floats
    deviance: float
    slope: float
    error: float
    inverse: Floats
    decrement: float


class _Curvature(NamedTuple):
    """At the fit: the inverse of the Hessian by the vector, how the minimum moves with the held value, its error."""

    inverse: Floats
    tangent: Floats
    se: float


@dataclass(kw_only=True)
class Profile:
    """The profile of one parameter; it remembers every value that it was asked for.

    Attributes
    ----------
    surface : Surface
    estimate : float
        The value where the criterion is least.
    known : dict
        The minima by their values.
    """

    surface: Surface
    estimate: float
    known: dict[float, Minimum] = field(default_factory=dict)

    @property
    def n_points(self) -> int:
        """Values that were asked for or needed on the way to one."""
        return len(self.known)

    @property
    def se(self) -> float:
        """Standard error of the estimate by the curvature of the profile there; NaN where that is not known."""
        return self._curvature.se

    def __call__(self, value: float) -> float:
        """Return the least -2 log-likelihood with the parameter at `value`; NaN where no minimum was found."""
        return self.at(value).deviance

    def at(self, value: float, decrement: float = DECREMENT) -> Minimum:
        """Return the least criterion with the parameter at `value`.

        Parameters
        ----------
        decrement : float
            Twice what one more step of a descent is expected to gain where it ends.
        """
        if value not in self.known or self.known[value].decrement > decrement:
            with one_thread(), np.errstate(all="ignore"):
                self.known[value] = self._least(value, decrement)
        return self.known[value]

    @cached_property
    def is_on_edge(self) -> bool:
        """Whether the fit has a parameter on an edge, and so no covariance of all of them."""
        with one_thread(), np.errstate(all="ignore"):
            return _from_covariance(self.surface) is None

    @cached_property
    def _floor(self) -> Floats:
        return self.surface.floor()

    @cached_property
    def _small(self) -> Floats:
        """What is little variance: of effects that have some in the fit, less than a part of that."""
        own, most = np.abs(self.surface.start()[0]), SMALL / LEAST * self._floor
        return np.where(own > self._floor, np.minimum(own / 3.0, most), most)

    @cached_property
    def _curvature(self) -> _Curvature:
        """What the fit's information says, or where it has none, differences of the gradient."""
        with one_thread(), np.errstate(all="ignore"):
            found = _from_covariance(self.surface)
            if found is not None:
                return found
            return self._by_differences()

    def _by_differences(self) -> _Curvature:
        """Return the curvature by differences of the gradient, those by the held value towards zero."""
        start, units = self.surface.start()
        inwards = -math.copysign(abs(self.estimate) or 1.0, self.estimate) if self.estimate else 1.0
        joint = np.append(start, self.estimate)
        rows = differences(lambda x: self._objective(x[:-1], x[-1]), joint, np.append(units, inwards))
        B = positive_inverse(rows[:-1, :-1], units)
        across = np.nan_to_num(rows[:-1, -1])
        tangent = -(B @ across)
        bend = float(rows[-1, -1] + across @ tangent)
        return _Curvature(B, tangent, math.sqrt(2.0 / bend) if bend > 0.0 else math.nan)

    def _least(self, value: float, decrement: float) -> Minimum:
        """Return the minimum; by values on the way where the criterion has none at the start."""
        for _ in range(STOPS):
            found = self._started(value, decrement, self._starts(value), self._inverse(value))
            if found is not None:
                return found
            stop = self._stop(value, decrement)
            if stop is None:
                break
            self.known[stop[0]] = stop[1]
        none, start, B = math.nan, self.surface.start()[0], self._curvature.inverse
        return Minimum(vector=start, deviance=none, slope=none, error=none, inverse=B, decrement=0.0)

    def again(self, value: float, near: float, decrement: float = DECREMENT) -> Minimum:
        """Return the minimum at a known value from that at another, if it is lower than what is known."""
        other = self.known[near]
        with one_thread(), np.errstate(all="ignore"):
            for start in (self._lifted(other.vector, other.vector), other.vector):
                found = self._started(value, decrement, [(start, np.zeros(len(start)))], other.inverse)
                if found is not None and found.deviance < self.known[value].deviance:
                    self.known[value] = found
        return self.known[value]

    def _started(
        self, value: float, decrement: float, starts: Iterable[tuple[Floats, Floats]], inverse: Floats
    ) -> Minimum | None:
        """Return the minimum from the first start that is not far from it, or else the lowest; None without any."""
        found: tuple[Floats, Floats, tuple[float, Floats]] | None = None
        lowest = min((own.deviance for own in self.known.values() if math.isfinite(own.deviance)), default=math.inf)
        for start, move in starts:
            first = self._objective(start, value)
            if np.isfinite(first[0]) and (found is None or first[0] < found[2][0]):
                found, g = (start, move, first), first[1][:-1]
                if first[0] < lowest + HIGH and float(g @ inverse @ g) < FAR:
                    break
        if found is None:
            return None
        if not self._outwards(found[0], found[2][1]).any():
            return self._descended(value, *found, inverse, decrement)
        return self._descended(value, *self._left(value, *found), inverse, min(decrement, DECREMENT))

    def _inverse(self, value: float) -> Floats:
        """Return that of the Hessian at the nearest minimum."""
        return self._nearest(value).inverse if self.known else self._curvature.inverse

    def _outwards(self, start: Floats, gradient: Floats) -> Flags:
        """Return which effects with little variance would lower the criterion by more of it."""
        return np.asarray((np.abs(start) < self._small) & (gradient[:-1] * start < 0.0))

    def _left(
        self, value: float, start: Floats, move: Floats, first: tuple[float, Floats]
    ) -> tuple[Floats, Floats, tuple[float, Floats]]:
        """Return a start that is off a saddle, where it is lower, its derivative by the value, and what is there."""
        away = np.copysign(WIDE / LEAST * self._floor, start)
        wide = np.where(self._outwards(start, first[1]), away, start)
        other = self._objective(wide, value)
        return (wide, move, other) if other[0] < first[0] else (start, move, first)

    def _stop(self, value: float, decrement: float) -> tuple[float, Minimum] | None:
        """Return a value on the way that can be started at, and its minimum."""
        near = min((at for at in self.known), key=lambda at: abs(at - value), default=self.estimate)
        for k in range(1, STOPS):
            stop = near + (value - near) * 0.5**k
            if stop not in self.known:
                found = self._started(stop, decrement, self._starts(stop), self._inverse(stop))
                if found is not None:
                    return stop, found
        return None

    def _starts(self, value: float) -> Iterator[tuple[Floats, Floats]]:
        """Yield vectors to start from, each with its derivative by the value: on the path of minima, then the nearest.

        The path has the fit's tangent at the estimate and goes through the two nearest minima that are known; its part
        of the second order changes linearly between them, and not beyond. Effects without variance are given some: the
        gradient by their roots is zero even where they would lower the criterion.
        """
        like = self._nearest(value).vector if self.known else self.surface.start()[0]
        for start, move in self._path(value):
            yield self._lifted(start, like), move

    def _lifted(self, start: Floats, like: Floats) -> Floats:
        """Return a vector with some variance of every effect; none comes out of zero by going through it."""
        is_low = (start * np.copysign(1.0, like) < self._floor) | (np.abs(like) < self._floor)
        return np.where(is_low & (self._floor > 0.0), np.copysign(self._floor, like), start)

    def _nearest(self, value: float) -> Minimum:
        """Return the minimum that is known at the nearest value."""
        return self.known[min(self.known, key=lambda at: abs(at - value))]

    def _path(self, value: float) -> Iterator[tuple[Floats, Floats]]:
        """Yield what `_starts` does, effects without variance as they are."""
        found = {at: own for at, own in self.known.items() if math.isfinite(own.deviance)}
        centre = found[self.estimate].vector if self.estimate in found else self.surface.start()[0]
        tangent, s = self._curvature.tangent, value - self.estimate
        near = sorted((at for at in found if at != self.estimate), key=lambda at: abs(at - value))[:2]
        bends = [
            (found[at].vector - centre - (at - self.estimate) * tangent) / (at - self.estimate) ** 2 for at in near
        ]
        bend = bends[0] if bends else np.zeros(len(centre))
        if len(near) == 2:
            share = (value - near[0]) / (near[1] - near[0])
            if abs(share) <= 1.0:
                bend = bend + share * (bends[1] - bends[0])
        yield centre + s * tangent + s * s * bend, tangent + 2.0 * s * bend
        nearest = found[near[0]].vector if near and abs(near[0] - value) < abs(s) else centre
        yield nearest, np.zeros(len(centre))

    def _descended(
        self,
        value: float,
        start: Floats,
        move: Floats,
        first: tuple[float, Floats],
        inverse: Floats,
        decrement: float,
    ) -> Minimum:
        """Return the minimum near a start; `move` is how it moves with the value."""
        bottom = descend(partial(self._objective, value=value), start, inverse, first=first, decrement=decrement)
        m = len(start)
        return Minimum(
            vector=bottom.vector + bottom.step if bottom.converged else bottom.vector,
            deviance=bottom.value - bottom.fall / 2.0 if bottom.converged else math.nan,
            slope=float(bottom.gradient[m] + bottom.gradient[:m] @ move),
            error=bottom.fall / 2.0,
            inverse=bottom.inverse,
            decrement=decrement if bottom.converged else 0.0,
        )

    def _objective(self, vector: Floats, value: float) -> tuple[float, Floats]:
        try:
            return self.surface.objective(vector, value)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros(len(vector) + 1)


def _from_covariance(surface: Surface) -> _Curvature | None:
    """Return the curvature at the fit from its covariance, or None where it has none."""
    try:
        C = surface.covariance()
        if not (np.all(np.isfinite(C)) and C[-1, -1] > 0.0):
            return None
        tangent = C[:-1, -1] / C[-1, -1]
        B = (C[:-1, :-1] - np.outer(tangent, C[-1, :-1])) / 2.0
        np.linalg.cholesky(B)
    except np.linalg.LinAlgError:
        return None
    return _Curvature((B + B.T) / 2.0, tangent, math.sqrt(C[-1, -1]))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A criterion with its fit."""

    criterion: Any
    outcome: FitOutcome


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """The profiles of the parameters of one fit; what they share is made once.

    Attributes
    ----------
    plan : Plan
    arrays : Arrays
    outcome : FitOutcome
        The fit of this plan to these arrays.
    """

    plan: Plan
    arrays: Arrays
    outcome: FitOutcome
    _made: dict[Target, Profile] = field(default_factory=dict, repr=False)

    def of(self, target: Target) -> Profile:
        """Return the profile of a parameter, always the same one.

        Parameters
        ----------
        target : int, (int, int, int) or SIGMA
            A column of X (scale of the fit), an entry of a covariance, or the residual's standard deviation.
        """
        if target not in self._made:
            own = self._by_ml if self._is_mean(target) and self.outcome.method == "reml" else self._own
            surface = self._surface(own, target)
            self._made[target] = Profile(surface=surface, estimate=estimate_of(own.outcome, target))
        return self._made[target]

    def _surface(self, own: _Fitted, target: Target) -> Surface:
        if self.plan.density is None:
            from hdsl.fit.gaussian_surface import gaussian_surface

            return gaussian_surface(own.criterion, own.outcome, target)
        from hdsl.fit.generalised_surface import surface_of

        return surface_of(own.criterion, own.outcome, target)

    def _is_mean(self, target: Target) -> bool:
        """Whether a coefficient is held that a restricted likelihood does not have."""
        return isinstance(target, int) and (self.plan.density is None or target not in self._own.criterion.kept)

    @cached_property
    def _own(self) -> _Fitted:
        return self._fitted(self.outcome)

    @cached_property
    def _by_ml(self) -> _Fitted:
        """The same model by maximum likelihood."""
        if self.plan.density is None:
            from hdsl.fit.gaussian import fit_gaussian

            return self._fitted(fit_gaussian(self.plan, self.arrays, method="ml"))
        from hdsl.fit.weighted_fit import fit_weighted

        return self._fitted(fit_weighted(self.plan, self.arrays, method="ml"))

    def _fitted(self, outcome: FitOutcome) -> _Fitted:
        with one_thread():
            if self.plan.density is None:
                return _Fitted(criterion(self.plan, self.arrays, reml=outcome.method == "reml"), outcome)
            from hdsl.fit.generalised_surface import criterion_of

            return _Fitted(criterion_of(self.plan, self.arrays, outcome), outcome)


def profile_of(plan: Plan, arrays: Arrays, outcome: FitOutcome, target: Target) -> Profile:
    """Return the profile of one parameter of a fit; see `Profiles.of`."""
    return Profiles(plan=plan, arrays=arrays, outcome=outcome).of(target)


def estimate_of(outcome: FitOutcome, target: Target) -> float:
    """Return the value of a parameter at a fit."""
    match target:
        case str():
            return outcome.sigma
        case int():
            return float(outcome.beta[target])
        case (factor, row, column) if row == column:
            return float(outcome.sd[factor][row])
        case (factor, row, column):
            return float(outcome.cor[factor][row, column])


def held_roots(plan: Plan, target: Target) -> Roots:
    """Return the roots with what is held, if it is of a covariance."""
    return roots_of(plan, target if isinstance(target, tuple) else None)
