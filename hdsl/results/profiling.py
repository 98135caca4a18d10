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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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

CONTRADICTED = 1e-3
"""Distance of the root from what was foreseen at an end, relative to it, from which another minimum has been found."""

NARROW = 1e-7
"""Width of what an end is known to be in, relative to its distance from the estimate, that ends a search: at a jump."""

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
    ceiling : float
        What the deviance is at most, at any value: of a correlation, that without one of its effects.
    """

    deviance: Profile
    least: float
    se: float
    edges: tuple[float, float]
    scale: Scale
    ceiling: float = math.inf

    @property
    def centre(self) -> float:
        """Where it is zero."""
        return self.deviance.estimate

    def __call__(self, value: float) -> float:
        """Return ``sign(value - centre) sqrt(deviance - least)``."""
        return self._node(self.deviance.at(value), value).root

    def _node(self, found: Minimum, value: float) -> _Node:
        rise = min(found.deviance, self.ceiling) - self.least
        if value == self.centre or math.isnan(rise):
            return _Node(value, *((0.0, 1.0 / self.se) if value == self.centre else (math.nan, math.nan)))
        root = math.copysign(math.sqrt(max(rise, 0.0)), value - self.centre)
        if root == 0.0 or found.deviance > self.ceiling:
            return _Node(value, root, math.nan)
        return _Node(value, root, found.slope / (2.0 * root), found.error / (2.0 * abs(root)))

    def end(self, root: float) -> float:
        """Return the value where it is `root`; the edge where it does not reach that, NaN where it has no value."""
        edge = self.edges[root > 0.0]
        return edge if edge == self.centre or self.ceiling - self.least < root * root else _Search(self, root).end()

    def node(self, value: float, decrement: float) -> tuple[_Node, bool]:
        """Return what is known at a value, and whether it is as near the minimum as the end of a search has to be."""
        found = self.deviance.at(value, decrement)
        return self._node(found, value), found.error <= FINE / 2.0

    def looked_at(self, value: float) -> _Node:
        """Return what is known at a value that is to be an end; of a fit on an edge after a descent from there, too."""
        node, _ = self.node(value, FINE)
        if math.isnan(node.root) or not self.deviance.is_on_edge:
            return node
        return self.again(node, _Node(self.centre, 0.0, 1.0 / self.se))

    def again(self, node: _Node, near: _Node) -> _Node:
        """Return what is known at the value of a node after a descent from another."""
        return self._node(self.deviance.again(node.value, near.value, FINE), node.value)

    def first(self, root: float) -> float:
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


class _Search:
    """The search for the value of a signed root: between a node inside, and one outside once there is one."""

    def __init__(self, zeta: Zeta, root: float) -> None:
        self.zeta, self.root, self.edge = zeta, root, zeta.edges[root > 0.0]
        self.middle = self.last = self.inner = _Node(zeta.centre, 0.0, 1.0 / zeta.se)
        self.is_last_fine = True
        self.outer: _Node | None = None

    def end(self) -> float:
        """Return the value, or the edge; see `Zeta.end`."""
        at, decrement = self.zeta.first(self.root), ROUGH
        for _ in range(MOST):
            new, is_fine = self.zeta.node(self._within(at), decrement)
            if math.isnan(new.root):
                return math.nan
            partner = self.last if self.is_last_fine or self._is_far(new, self.last) else self.middle
            (error, better), (other, _) = (_foreseen(node, new, self.root) for node in (partner, self.middle))
            if is_fine and max(error, other) + new.error <= CLOSE * abs(self.root) and not self._is_far(new):
                found = self.zeta.looked_at(self._within(better))
                if not abs(found.root - self.root) > CONTRADICTED * abs(self.root):
                    return found.value
                new, (_, better) = found, _foreseen(self.middle, found, self.root)  # there is a lower minimum
            if self._ends_before(new):
                return self.edge
            self.last, self.is_last_fine = new, is_fine
            at, decrement = self._next(new, better), FINE
            if self.outer is not None and abs(self.outer.value - self.inner.value) < NARROW * abs(
                at - self.zeta.centre
            ):
                return at
        return self.edge if self.outer is None else math.nan

    def _is_far(self, node: _Node, other: _Node | None = None) -> bool:
        """Whether a signed root is far from another, or from what is looked for."""
        return abs(node.root - (self.root if other is None else other.root)) > NEAR * abs(self.root)

    def _within(self, value: float) -> float:
        """Return a value on its way to the edge, not beyond it."""
        return max(value, self.edge) if self.edge < self.zeta.centre else min(value, self.edge)

    def _ends_before(self, new: _Node) -> bool:
        """Whether the root is not reached: at the edge, or where it no longer rises at twice the distance or more."""
        if abs(new.root) >= abs(self.root):
            return False
        reach, before = (abs(node.value - self.zeta.centre) for node in (new, self.inner))
        is_level = reach > 2.0 * before > 0.0 and abs(new.root - self.inner.root) < LEVEL * abs(new.root)
        return new.value == self.edge or is_level

    def _next(self, new: _Node, guess: float) -> float:
        """Return the value to look at next: what is foreseen, kept on the side where the end is.

        Where it is not there, the nodes on both sides contradict each other: one of them may be another minimum.
        """
        self._put(new)
        if self.outer is None:
            return self._onwards(guess)
        if min(self.inner.value, self.outer.value) < guess < max(self.inner.value, self.outer.value):
            return guess
        again = self.zeta.again(self.outer, self.inner)
        if abs(again.root) >= abs(self.root):
            self.outer = again
            return (self.inner.value + again.value) / 2.0
        self.inner, self.outer = again, None
        return self._onwards(math.nan)

    def _put(self, node: _Node) -> None:
        if abs(node.root) < abs(self.root):
            self.inner = node
        else:
            self.outer = node

    def _onwards(self, guess: float) -> float:
        """Return what is foreseen, if it is farther than what is known, but not too far."""
        centre, known = self.zeta.centre, self.inner.value
        reach = (guess - centre) / (known - centre)
        return centre + (reach if 1.0 < reach < WIDEST else WIDEST) * (known - centre)


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


def _bounded(table: ParameterTable, name: str, root: float, profiles: Profiles) -> Zeta:
    """Return the profile of a parameter with its ceiling, where that is below a root.

    Without one of its effects a model has no correlation, whatever value it is held at. So no value can be excluded
    where the interval of the standard deviation of either effect has zero in it.
    """
    zeta, entry = zeta_of(table, name, profiles), table.variance.get(name)
    if entry is None or entry[1] == entry[2]:
        return zeta
    ceilings = [zeta.ceiling]
    for own in {table.design.variance_names[entry[0], place, place] for place in entry[1:]}:
        sd = zeta_of(table, own, profiles)
        if sd.end(-root) == 0.0:
            ceilings.append(sd.deviance.at(0.0, FINE).deviance)
    return replace(zeta, ceiling=min(ceilings))


def profile_bounds(table: ParameterTable, level: float, names: Sequence[str]) -> NDArray[np.float64]:
    """Return (len(names), 2), profile intervals, natural scale.

    Where the user interrupts, parameters that are not done are NaN, which is told.

    Raises
    ------
    KeyboardInterrupt
        If none is done by then.
    """
    root, profiles = NormalDist().inv_cdf(0.5 + level / 2.0), profiles_of(table)
    found: list[tuple[float, float]] = []
    told = f"profile intervals of {{}} of {len(names):,} parameters, the others are NaN"
    with progress(f"profile 1 of {len(names):,}"), kept_if_interrupted(found, 1, told):
        for k, name in enumerate(names):
            say(f"profile {k + 1:,} of {len(names):,}: {name}")
            found.append(_ends(table, name, root, profiles))
    return np.array(found + [(math.nan, math.nan)] * (len(names) - len(found))).reshape(-1, 2)


def _ends(table: ParameterTable, name: str, root: float, profiles: Profiles) -> tuple[float, float]:
    if math.isnan(table.values[table.names.index(name)]):  # a correlation beside a standard deviation of zero
        return math.nan, math.nan
    zeta = _bounded(table, name, root, profiles)
    lower, upper = (float(zeta.scale.value(np.array(zeta.end(sign * root)))) for sign in (-1.0, 1.0))
    return lower, upper


def profile_table(table: ParameterTable, name: str, level: float, n: int) -> pd.DataFrame:
    """Return a profile from one end of its interval to the other: `value`, `zeta`, `deviance`, natural scale."""
    import pandas as pd

    root = NormalDist().inv_cdf(0.5 + level / 2.0)
    with progress(f"profile of {name}"):
        zeta = _bounded(table, name, root, profiles_of(table))
        values = np.array(sorted({*_grid(zeta, root, n), zeta.centre}))
        roots = np.array([zeta(value) for value in values])
    return pd.DataFrame({"value": zeta.scale.value(values), "zeta": roots, "deviance": zeta.least + roots**2})


def _grid(zeta: Zeta, root: float, n: int) -> Iterator[float]:
    """Yield `n` values on each side, evenly between the centre and the end; none where there is no finite end."""
    for end in (zeta.end(-root), zeta.end(root)):
        if math.isfinite(end):
            yield from (zeta.centre + (end - zeta.centre) * k / n for k in range(1, n + 1))
