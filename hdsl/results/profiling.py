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
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hdsl.progress import kept_if_interrupted, progress, say
from hdsl.results.scales import SCALES, Scale

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.fit.profiles import Minimum, Profile, Profiles, Target
    from hdsl.results.parameters import ParameterTable

__all__ = ["Zeta", "profile_bounds", "profile_table", "zeta_of"]

CLOSE = 1e-4
"""Foreseen error of the signed root at an end, relative to its quantile, that ends a search."""

NEAR = 0.1
"""Farthest, relative to the quantile, that the signed root may be from it where its last step is foreseen."""

WIDEST = 3.0
"""How many times farther each step of the search may go."""

LEVEL = 1e-5
"""Relative rise of the signed root over twice the distance below which it rises no more."""

MOST = 40
"""Values of one side of a profile."""

FALLBACK = 0.1
"""First step, relative to the estimate (or to 1), where there is no standard error."""

ROUGH = 1e-2
"""What ends a descent at the first value of a side (`hdsl.fit.profiles.Profile.at`): it only says where the next is."""

FINE = 1e-4
"""What ends a descent at later values."""


class _Node(NamedTuple):
    """A value, the signed root there, its derivative (NaN where that is not known), and the error of the root."""

    value: float
    root: float
    slope: float
    error: float = 0.0


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
        return self._node(self.deviance.at(value), value).root

    def _node(self, found: Minimum, value: float) -> _Node:
        rise = found.deviance - self.least
        if value == self.centre or math.isnan(rise):
            return _Node(value, *((0.0, 1.0 / self.se) if value == self.centre else (math.nan, math.nan)))
        root = math.copysign(math.sqrt(max(rise, 0.0)), value - self.centre)
        if root == 0.0:
            return _Node(value, root, math.nan)
        return _Node(value, root, found.slope / (2.0 * root), found.error / (2.0 * abs(root)))

    def end(self, root: float) -> float:
        """Return the value where it is `root`; the edge where it does not reach that, NaN where it has no value."""
        edge = self.edges[root > 0.0]
        if self.centre == edge:
            return edge
        middle = _Node(self.centre, 0.0, 1.0 / self.se)
        last, inner, outer = middle, middle, None
        at, decrement = self._first(root), ROUGH
        for _ in range(MOST):
            at = self._within(at, edge)
            found = self.deviance.at(at, decrement)
            new = self._node(found, at)
            if math.isnan(new.root):
                return math.nan
            (_, better), (most, _) = sorted(_foreseen(node, new, root) for node in (middle, last))
            is_near = found.error <= FINE / 2.0 and abs(new.root - root) <= NEAR * abs(root)
            if is_near and most + new.error <= CLOSE * abs(root):
                return self._within(better, edge)
            if abs(new.root) < abs(root) and (at == edge or _is_level(inner, new, middle)):
                return edge
            inner, outer = (inner, new) if abs(new.root) >= abs(root) else (new, outer)
            if outer is not None and not min(inner.value, outer.value) < better < max(inner.value, outer.value):
                outer = self._node(self.deviance.again(outer.value, inner.value, FINE), outer.value)
                inner, outer = (inner, outer) if abs(outer.root) >= abs(root) else (outer, None)
                better = (inner.value + outer.value) / 2.0 if outer is not None else math.nan
            at, decrement, last = better if outer is not None else self._onwards(better, inner), FINE, new
        return edge if outer is None else at

    def _first(self, root: float) -> float:
        """Return a value to begin with: on a scale without edges, where the other side or the standard error says."""
        scale = self._search_scale(root)
        middle = _Node(self.centre, 0.0, 1.0 / self.se)
        others = [self._node(found, at) for at, found in self.deviance.known.items()]
        low, high = self.edges
        others = [node for node in others if node.root * root < 0.0 < node.slope and low < node.value < high]
        here = scale.of(middle)
        plain = here.value + root / here.slope
        if not others:
            return scale.back(plain)
        _, guess = _foreseen(scale.of(min(others, key=lambda node: abs(node.root + root))), here, root)
        share = (guess - here.value) / (plain - here.value)
        return scale.back(guess if 1.0 / WIDEST < share < WIDEST else plain)

    def _search_scale(self, root: float) -> _SearchScale:
        """Return the scale on which the first value is looked for."""
        if self.edges == (-1.0, 1.0):
            return _FISHER if abs(self.centre) < 1.0 else _PLAIN
        return _LOG if self.edges[0] == 0.0 and self.centre > abs(root) * self.se else _PLAIN

    def _within(self, value: float, edge: float) -> float:
        """Return a value on its way to the edge, not beyond it."""
        return max(value, edge) if edge < self.centre else min(value, edge)

    def _onwards(self, guess: float, inner: _Node) -> float:
        """Return what is foreseen, if it is farther than what is known, but not too far."""
        reach = (guess - self.centre) / (inner.value - self.centre)
        return self.centre + (reach if 1.0 < reach < WIDEST else WIDEST) * (inner.value - self.centre)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SearchScale:
    """A scale without edges: to it, back, and its derivative."""

    to: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]

    def of(self, node: _Node) -> _Node:
        """Return a node on this scale."""
        return _Node(self.to(node.value), node.root, node.slope / self.slope(node.value))


_PLAIN = _SearchScale(to=lambda x: x, back=lambda x: x, slope=lambda x: 1.0)
_LOG = _SearchScale(to=math.log, back=math.exp, slope=lambda x: 1.0 / x)
_FISHER = _SearchScale(to=math.atanh, back=math.tanh, slope=lambda x: 1.0 / (1.0 - x * x))


def _is_level(near: _Node, far: _Node, middle: _Node) -> bool:
    """Whether the signed root no longer rises, at twice the distance or more."""
    is_twice = abs(far.value - middle.value) > 2.0 * abs(near.value - middle.value) > 0.0
    return is_twice and abs(far.root - near.root) < LEVEL * abs(far.root)


def _foreseen(a: _Node, b: _Node, root: float) -> tuple[float, float]:
    """Return the error of the signed root where it is foreseen, and the value there.

    The value as a function of the root is the cubic through both nodes with their slopes; the error is what separates
    it from the tangent at the second, terms of the second and the third order each by itself. Without slopes it is the
    line through both, with the error at the second.
    """
    far, near = root - a.root, root - b.root
    width = b.root - a.root
    if width == 0.0:
        return math.inf, math.nan
    secant = (b.value - a.value) / width
    if not (a.slope > 0.0 and b.slope > 0.0 and math.isfinite(a.slope + b.slope)):
        return abs(near), b.value + near * secant
    at_a, at_b = 1.0 / a.slope, 1.0 / b.slope
    second = (at_b - secant) / width * near**2
    third = (at_a + at_b - 2.0 * secant) / width**2 * near**2 * far
    return (abs(second) + abs(third)) * b.slope, b.value + near * at_b + second + third


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
    deviance = (profiles or profiles_of(table)).of(target)
    scalars = dict(enumerate(table.design.scalars, start=len(table.fixed)))
    scale = SCALES[scalars[place].inverse if place in scalars else "identity"]
    lower, upper = (-math.inf, math.inf) if isinstance(target, int) else table.edges[place]
    se = deviance.se
    if not se > 0.0:
        se = FALLBACK * (abs(deviance.estimate) or 1.0)
    least = deviance.at(deviance.estimate, FINE).deviance
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
    """Return (len(names), 2), profile intervals, natural scale.

    Where the user interrupts, parameters that are not done are NaN, and a warning says so.

    Raises
    ------
    KeyboardInterrupt
        If none is done by then.
    """
    root, profiles = NormalDist().inv_cdf(0.5 + level / 2.0), profiles_of(table)
    found: list[tuple[float, float]] = []
    with progress(f"profile 1 of {len(names):,}"), kept_if_interrupted(found, 1):
        for k, name in enumerate(names):
            say(f"profile {k + 1:,} of {len(names):,}: {name}")
            found.append(_ends(table, name, root, profiles))
    if len(found) < len(names):
        message = f"interrupted: profile intervals of {len(found):,} of {len(names):,} parameters, the others are NaN"
        warnings.warn(message, stacklevel=3)
    return np.array(found + [(math.nan, math.nan)] * (len(names) - len(found))).reshape(-1, 2)


def _ends(table: ParameterTable, name: str, root: float, profiles: Profiles) -> tuple[float, float]:
    if math.isnan(table.values[table.names.index(name)]):  # a correlation beside a standard deviation of zero
        return math.nan, math.nan
    zeta = zeta_of(table, name, profiles)
    lower, upper = (float(zeta.scale.value(np.array(zeta.end(sign * root)))) for sign in (-1.0, 1.0))
    return lower, upper


def profile_table(table: ParameterTable, name: str, level: float, n: int) -> pd.DataFrame:
    """Return a profile from one end of its interval to the other: `value`, `zeta`, `deviance`, natural scale."""
    import pandas as pd

    root = NormalDist().inv_cdf(0.5 + level / 2.0)
    with progress(f"profile of {name}"):
        zeta = zeta_of(table, name)
        values = np.array(sorted({*_grid(zeta, root, n), zeta.centre}))
        roots = np.array([zeta(value) for value in values])
    return pd.DataFrame({"value": zeta.scale.value(values), "zeta": roots, "deviance": zeta.least + roots**2})


def _grid(zeta: Zeta, root: float, n: int) -> Iterator[float]:
    """Yield `n` values on each side, evenly between the centre and the end; none where there is no finite end."""
    for end in (zeta.end(-root), zeta.end(root)):
        if math.isfinite(end):
            yield from (zeta.centre + (end - zeta.centre) * k / n for k in range(1, n + 1))
