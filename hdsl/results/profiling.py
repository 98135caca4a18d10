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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.progress import progress, say
from hdsl.results.scales import SCALES, Scale

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.fit.profiles import Profile, Target
    from hdsl.results.parameters import ParameterTable

__all__ = ["Zeta", "profile_bounds", "profile_table", "zeta_of"]

CLOSE = 1e-4
"""Distance of the root of the deviance from its quantile that ends a search, relative to it."""

WIDEST = 3.0
"""How many times farther each step of the search may go."""

MOST = 40
"""Values of one side of a profile."""

FALLBACK = 0.1
"""First step, relative to the estimate (or to 1), where there is no standard error."""


@dataclass(frozen=True, kw_only=True)
class Zeta:
    """The signed root of the deviance difference by the value of one parameter, scale of the fit.

    Attributes
    ----------
    deviance : Profile
        The least -2 log-likelihood with the parameter held at a value.
    centre, least : float
        Where it is least, and how much.
    se : float
        First step of a search.
    edges : (float, float)
        Range of the parameter.
    scale : Scale
        To the natural scale.
    """

    deviance: Profile
    centre: float
    least: float
    se: float
    edges: tuple[float, float]
    scale: Scale

    def __call__(self, value: float) -> float:
        """Return ``sign(value - centre) sqrt(deviance - least)``."""
        rise = self.deviance(value) - self.least
        return math.copysign(math.sqrt(max(rise, 0.0)), value - self.centre) if not math.isnan(rise) else math.nan

    def end(self, root: float) -> float:
        """Return the value where it is `root`; the edge where it does not reach that, NaN where it has no value."""
        edge = self.edges[root > 0.0]
        inner, at = (self.centre, 0.0), self.centre
        if at == edge:
            return edge
        reach = root * self.se
        for _ in range(MOST):
            at = self._within(self.centre + reach, edge)
            z = self(at)
            if math.isnan(z):
                return math.nan
            if abs(z) >= abs(root):
                return self._between(inner, (at, z), root)
            if at == edge:
                return edge
            inner = (at, z)
            reach = (at - self.centre) * (min(WIDEST, 1.05 * root / z) if z else WIDEST)
        return edge

    def _within(self, value: float, edge: float) -> float:
        """Return a value on its way to the edge, not beyond it."""
        return max(value, edge) if edge < self.centre else min(value, edge)

    def _between(self, inner: tuple[float, float], outer: tuple[float, float], root: float) -> float:
        """Return where it is `root`, between two values with what it is there: by secants that keep both sides."""
        (a, f), (b, g) = (inner[0], inner[1] - root), (outer[0], outer[1] - root)
        for _ in range(MOST):
            if abs(g) <= CLOSE * abs(root):
                return b
            new = b - g * (b - a) / (g - f)
            h = self(new) - root
            if math.isnan(h):
                return math.nan
            if h * g < 0.0:
                a, f = b, g
            else:
                f *= 0.5  # the other side stays: half its value brings the next secant over to it
            b, g = new, h
        return b


def zeta_of(table: ParameterTable, name: str) -> Zeta:
    """Return the profile of a parameter by its name.

    Raises
    ------
    KeyError
        If the fit has no such parameter.
    """
    from hdsl.fit.profiles import profile_of

    place = table.names.index(name)
    target = _target(table, place)
    deviance = profile_of(table.design.plan, table.design.arrays, table.outcome, target)
    scalars = dict(enumerate(table.design.scalars, start=len(table.fixed)))
    scale = SCALES[scalars[place].inverse if place in scalars else "identity"]
    lower, upper = (-math.inf, math.inf) if isinstance(target, int) else table.edges[place]
    se = float(table.se[place] / table.slopes[place])
    if not se > 0.0:
        se = FALLBACK * (abs(deviance.estimate) or 1.0)
    centre, least = _bottom(deviance, deviance.estimate, se, moved=table.outcome.method == "reml")
    return Zeta(deviance=deviance, centre=centre, least=least, se=se, edges=(lower, upper), scale=scale)


def _target(table: ParameterTable, place: int) -> Target:
    """Return what `hdsl.fit.profiles` calls the parameter at a place of the table."""
    from hdsl.fit.profiles import SIGMA

    columns = [*table.kept, *(scalar.column for scalar in table.design.scalars)]
    if place < len(columns):
        return int(columns[place])
    entries = list(table.variance.values())
    return entries[place - len(columns)] if place - len(columns) < len(entries) else SIGMA


def _bottom(deviance: Profile, estimate: float, se: float, *, moved: bool) -> tuple[float, float]:
    """Return where a profile is least: near the estimate of a coefficient by REML (`moved`), whose profile is ML's."""
    least = deviance(estimate)
    if not moved:
        return estimate, least
    below, above = deviance(estimate - 0.1 * se), deviance(estimate + 0.1 * se)
    bend = below - 2.0 * least + above
    if not bend > 0.0:
        return estimate, least
    centre = estimate + 0.05 * se * (below - above) / bend
    value = deviance(centre)
    return (centre, value) if value < least else (estimate, least)


def profile_bounds(table: ParameterTable, level: float, names: Sequence[str]) -> NDArray[np.float64]:
    """Return (len(names), 2), profile intervals, natural scale."""
    root, found = NormalDist().inv_cdf(0.5 + level / 2.0), []
    with progress(f"profile 1 of {len(names):,}"):
        for k, name in enumerate(names):
            say(f"profile {k + 1:,} of {len(names):,}: {name}")
            found.append(_ends(table, name, root))
    return np.array(found).reshape(-1, 2)


def _ends(table: ParameterTable, name: str, root: float) -> tuple[float, float]:
    if math.isnan(table.values[table.names.index(name)]):  # a correlation beside a standard deviation of zero
        return math.nan, math.nan
    zeta = zeta_of(table, name)
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
