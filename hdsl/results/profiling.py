"""Profile intervals: where the least criterion with a parameter held there rises by a quantile of chi-squared.

Stage: results. Input: the parameter table of a fit. Output: arrays and frames. Invariants: an end that the profile does
not reach within a parameter's range is the end of the range (0 of a standard deviation, -1 or 1 of a correlation); an
end that could not be computed is NaN.

References
----------
Venzon and Moolgavkar (1988), Applied Statistics 37: profile-likelihood-based confidence intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hdsl.progress import progress, say
from hdsl.results.scales import SCALES, Scale

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.fit.profiles import Profile, Profiles, Target
    from hdsl.results.parameters import ParameterTable

__all__ = ["Zeta", "profile_bounds", "profile_table", "zeta_of"]

CLOSE = 1e-4
"""Foreseen error of the signed root at an end, relative to its quantile, that ends a search."""

NEAR = 0.1
"""Farthest, relative to the quantile, that the signed root may be from it where its last step is foreseen."""

WIDEST = 3.0
"""How many times farther each step of the search may go."""

MOST = 40
"""Values of one side of a profile."""

FALLBACK = 0.1
"""First step, relative to the estimate (or to 1), where there is no standard error."""

DECREMENT = 1e-4
"""What ends a descent on the way to an end (`hdsl.fit.profiles`): as a share of the deviance there it is no more."""


class _Node(NamedTuple):
    """A value, the signed root there, and its derivative; NaN where that is not known."""

    value: float
    root: float
    slope: float


@dataclass(frozen=True, kw_only=True)
class Zeta:
    """The signed root of the deviance difference by the value of one parameter, scale of the fit.

    Attributes
    ----------
    deviance : Profile
        The least -2 log-likelihood with the parameter held at a value.
    least : float
        What it is at the estimate, where it is least.
    se : float
        First step of a search.
    edges : (float, float)
        Range of the parameter.
    scale : Scale
        To the natural scale.
    """

    deviance: Profile
    least: float
    se: float
    edges: tuple[float, float]
    scale: Scale

    @property
    def centre(self) -> float:
        """Where it is zero."""
        return self.deviance.estimate

    def __call__(self, value: float) -> float:
        """Return ``sign(value - centre) sqrt(deviance - least)``."""
        return self._node(value).root

    def _node(self, value: float) -> _Node:
        if value == self.centre:
            return _Node(value, 0.0, 1.0 / self.se)
        found = self.deviance.at(value)
        rise = found.deviance - self.least
        if math.isnan(rise):
            return _Node(value, math.nan, math.nan)
        root = math.copysign(math.sqrt(max(rise, 0.0)), value - self.centre)
        return _Node(value, root, found.slope / (2.0 * root) if root else math.nan)

    def end(self, root: float) -> float:
        """Return the value where it is `root`; the edge where it does not reach that, NaN where it has no value."""
        edge = self.edges[root > 0.0]
        inner, outer = self._node(self.centre), None
        if self.centre == edge:
            return edge
        last, at = inner, self._first(root)
        for _ in range(MOST):
            at = self._within(at, edge)
            new = self._node(at)
            if math.isnan(new.root):
                return math.nan
            if abs(new.root - root) <= NEAR * abs(root):
                better, error = _foreseen(last, new, root)
                if error <= CLOSE * abs(root):
                    return self._within(better, edge)
            if abs(new.root) >= abs(root):
                outer = new
            elif at == edge:
                return edge
            else:
                inner = new
            at = self._next(last, new, inner, outer, root)
            last = new
        return at

    def _first(self, root: float) -> float:
        """Return a value to begin with: standard errors away, on a scale without edges."""
        lower, upper = self.edges
        centre, reach = self.centre, root * self.se
        if lower == 0.0 < centre:
            return centre * math.exp(reach / centre)
        if (lower, upper) == (-1.0, 1.0):
            return math.tanh(math.atanh(centre) + reach / (1.0 - centre**2))
        return centre + reach

    def _within(self, value: float, edge: float) -> float:
        """Return a value on its way to the edge, not beyond it."""
        return max(value, edge) if edge < self.centre else min(value, edge)

    def _next(self, last: _Node, new: _Node, inner: _Node, outer: _Node | None, root: float) -> float:
        """Return the value to look at next: by the curve through two values, kept on the side where the end is."""
        guess, _ = _foreseen(last, new, root)
        if outer is None:
            farthest = self.centre + WIDEST * (inner.value - self.centre)
            is_on = math.isfinite(guess) and abs(guess - self.centre) > abs(inner.value - self.centre)
            return min(guess, farthest, key=lambda at: abs(at - self.centre)) if is_on else farthest
        low, high = sorted((inner.value, outer.value))
        if low < guess < high:
            return guess
        return (low + high) / 2.0


def _foreseen(a: _Node, b: _Node, root: float) -> tuple[float, float]:
    """Return the value where a signed root is foreseen, and the error of the signed root there.

    The value as a function of the root is the cubic through both nodes with their slopes; the error is what separates
    it from the tangent at the second, terms of the second and the third order each by itself. Without slopes it is the
    line through both, with the error at the second.
    """
    far, near = root - a.root, root - b.root
    width = b.root - a.root
    secant = (b.value - a.value) / width if width else math.nan
    if not (a.slope > 0.0 and b.slope > 0.0 and math.isfinite(a.slope + b.slope)):
        return b.value + near * secant, abs(near)
    at_a, at_b = 1.0 / a.slope, 1.0 / b.slope
    second = (at_b - secant) / width * near**2
    third = (at_a + at_b - 2.0 * secant) / width**2 * near**2 * far
    return b.value + near * at_b + second + third, (abs(second) + abs(third)) * b.slope


def zeta_of(table: ParameterTable, name: str, profiles: Profiles | None = None) -> Zeta:
    """Return the profile of a parameter by its name.

    Parameters
    ----------
    profiles : Profiles, optional
        Those of the fit, where there are some already.

    Raises
    ------
    KeyError
        If the fit has no such parameter.
    """
    place = table.names.index(name)
    target = _target(table, place)
    deviance = (profiles or profiles_of(table)).of(target, decrement=DECREMENT)
    scalars = dict(enumerate(table.design.scalars, start=len(table.fixed)))
    scale = SCALES[scalars[place].inverse if place in scalars else "identity"]
    lower, upper = (-math.inf, math.inf) if isinstance(target, int) else table.edges[place]
    se = deviance.se
    if not se > 0.0:
        se = FALLBACK * (abs(deviance.estimate) or 1.0)
    least = deviance(deviance.estimate)
    return Zeta(deviance=deviance, least=least, se=se, edges=(lower, upper), scale=scale)


def profiles_of(table: ParameterTable) -> Profiles:
    """Return the profiles of a fit."""
    from hdsl.fit.profiles import Profiles

    return Profiles(plan=table.design.plan, arrays=table.design.arrays, outcome=table.outcome)


def _target(table: ParameterTable, place: int) -> Target:
    """Return what `hdsl.fit.profiles` calls the parameter at a place of the table."""
    from hdsl.fit.profiles import SIGMA

    columns = [*table.kept, *(scalar.column for scalar in table.design.scalars)]
    if place < len(columns):
        return int(columns[place])
    entries = list(table.variance.values())
    return entries[place - len(columns)] if place - len(columns) < len(entries) else SIGMA


def profile_bounds(table: ParameterTable, level: float, names: Sequence[str]) -> NDArray[np.float64]:
    """Return (len(names), 2), profile intervals, natural scale."""
    root, found, profiles = NormalDist().inv_cdf(0.5 + level / 2.0), [], profiles_of(table)
    with progress(f"profile 1 of {len(names):,}"):
        for k, name in enumerate(names):
            say(f"profile {k + 1:,} of {len(names):,}: {name}")
            found.append(_ends(table, name, root, profiles))
    return np.array(found).reshape(-1, 2)


def _ends(table: ParameterTable, name: str, root: float, profiles: Profiles) -> tuple[float, float]:
    if math.isnan(table.values[table.names.index(name)]):  # a correlation beside a standard deviation of zero
        return math.nan, math.nan
    zeta = zeta_of(table, name, profiles)
    lower, upper = (float(zeta.scale.value(np.array(zeta.end(sign * root)))) for sign in (-1.0, 1.0))
    return lower, upper


def profile_table(table: ParameterTable, name: str, level: float, n: int) -> pd.DataFrame:
    """Return a profile from one end of its interval to the other: `value`, `zeta`, `deviance`, natural scale."""
    import pandas as pd

    zeta = zeta_of(table, name)
    root = NormalDist().inv_cdf(0.5 + level / 2.0)
    values = np.array(sorted({*_grid(zeta, root, n), zeta.centre}))
    roots = np.array([zeta(value) for value in values])
    return pd.DataFrame({"value": zeta.scale.value(values), "zeta": roots, "deviance": zeta.least + roots**2})


def _grid(zeta: Zeta, root: float, n: int) -> Iterator[float]:
    """Yield `n` values on each side, evenly between the centre and the end; none where there is no finite end."""
    for end in (zeta.end(-root), zeta.end(root)):
        if math.isfinite(end):
            yield from (zeta.centre + (end - zeta.centre) * k / n for k in range(1, n + 1))
