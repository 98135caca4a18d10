"""The plots by name: what each shows, and which fits it is of.

Stage: results. Input: a fit. Output: which plots it has, and why it has not the others. Invariant: every method of
`hdsl.results.plots.face.Plots` has its row here, and none of these needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hdsl.results.plots.chosen import grouping_sets
from hdsl.results.plots.effects import why_no_effects
from hdsl.results.plots.lines import why_no_lines
from hdsl.results.plots.normal import why_no_modes
from hdsl.results.plots.proportions import why_no_proportions, why_not_binary

if TYPE_CHECKING:
    from hdsl.results.fitted import FittedModel

__all__ = ["PLOTS", "Plot"]


Reader = Callable[[str], Any]
"""From an option as it is typed to its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot.

    Attributes
    ----------
    shows : str
        What it shows, a line.
    why_not : callable
        Returns why a fit has no such plot; an empty text where it has.
    options : mapping
        The arguments of its method that can be typed on a command line, each with what reads it.
    """

    shows: str
    why_not: Callable[[FittedModel], str]
    options: Mapping[str, Reader] = field(default_factory=dict)


def _always(_: FittedModel) -> str:
    return ""


def _groups(fit: FittedModel) -> str:
    return "" if grouping_sets(fit.design) else "no coefficient of the model varies over groups"


def _names(text: str) -> str | list[str]:
    """Read names apart by semicolons: an index set has commas of its own."""
    parts = [part.strip() for part in text.split(";")]
    return parts[0] if len(parts) == 1 else parts


_LEVEL: dict[str, Reader] = {"level": float}
_EFFECT: dict[str, Reader] = {"effect": _names, **_LEVEL}

PLOTS: dict[str, Plot] = {
    "levels": Plot(shows="the index sets of the model, what lies in what", why_not=_always),
    "lines": Plot(
        shows="the regression line of each group over a covariate",
        why_not=why_no_lines,
        options={"covariate": str, "index": str, "vary": str, "scale": str},
    ),
    "effects": Plot(
        shows="predicted mean over a covariate with its band",
        why_not=why_no_effects,
        options={"covariate": str, "by": _names, "scale": str, **_LEVEL},
    ),
    "proportions": Plot(
        shows="observed shares of a binary outcome at each value of a covariate, by group",
        why_not=why_no_proportions,
        options={"covariate": str, "by": str, "bins": int, **_LEVEL},
    ),
    "ranked": Plot(
        shows="fitted probabilities in rank order against observed shares",
        why_not=why_not_binary,
        options={"bins": int},
    ),
    "caterpillar": Plot(
        shows="conditional modes of the groups with intervals, in order", why_not=_groups, options=_EFFECT
    ),
    "shrinkage": Plot(
        shows="own estimates of the groups, drawn to their mean", why_not=_groups, options={"index": str}
    ),
    "modes_qq": Plot(
        shows="conditional modes of the groups against normal quantiles", why_not=why_no_modes, options=_EFFECT
    ),
    "profile": Plot(
        shows="profiles of the likelihood, a parameter each; takes refits",
        why_not=_always,
        options={"names": _names, **_LEVEL},
    ),
    "residuals": Plot(
        shows="simulated-quantile residuals of the rows and of each level's groups",
        why_not=_always,
        options={"n": int, "seed": int},
    ),
}
"""Plots by name, in the order in which a report has them."""
