"""QQ plot of conditional modes: their order against that of a normal distribution, an effect for each panel.

Stage: results. Input: a fit. Output: a `Picture`. Invariant: modes and intervals are by the effect's standard
deviation, so the slope of a panel is how far modes are drawn to their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from hdsl.results.effects import effect_index_sets, effect_places
from hdsl.results.intervals import coverage
from hdsl.results.plots.canvas import BLUE, FAINT_BLUE, GREY, MOST_SHAPES, panels
from hdsl.results.plots.caterpillar import mode_frame
from hdsl.results.plots.chosen import chosen_effects, effects_of, grouping_sets
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.words import columns_of, effect_kind

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.results.fitted import FittedModel

__all__ = ["modes_qq", "why_no_modes"]

MOST_NAMED = 30
"""Groups up to which the outermost are named."""

NAMED = 2
"""How many at either end."""


def modes_qq(fit: FittedModel, effect: str | Sequence[str] | None, level: float) -> Picture:
    """Return the picture; see `Plots.modes_qq`."""
    effects, share = _with_variance(fit, effect), coverage(level)
    frame = mode_frame(fit, effects)
    sds = _deviations(fit)
    rank = frame.groupby("effect", sort=False)["estimate"].rank(method="first")
    size = frame.groupby("effect", sort=False)["estimate"].transform("size")
    frame["quantile"] = [NormalDist().inv_cdf(p) for p in (rank - 0.5) / size]
    scale = np.array([sds[e] for e in frame["effect"]])
    reach = NormalDist().inv_cdf(0.5 + share / 2.0)
    frame["standardised"] = frame["estimate"] / scale
    frame["lower"] = frame["standardised"] - reach * frame["se"] / scale
    frame["upper"] = frame["standardised"] + reach * frame["se"] / scale
    where = columns_of(fit.design, effect_index_sets(fit.design)[effects[0]])
    return Picture(
        name="modes_qq",
        title=f"Conditional modes of {where} against a normal distribution",
        caption=f"Modes by the effect's standard deviation, with {100 * share:g} % intervals. Line: through the "
        "quartiles; points near it are normal. It is flatter than the diagonal since modes are drawn to their mean.",
        data=frame,
        facts={"kinds": {e: effect_kind(fit.design, e) for e in effects}},
        draw=_draw,
    )


def why_no_modes(fit: FittedModel) -> str:
    """Return why a fit has no modes to set against quantiles; an empty text where it has."""
    if not grouping_sets(fit.design):
        return "no coefficient of the model varies over groups"
    return "" if any(_deviations(fit).values()) else "the variances between groups are zero"


def _deviations(fit: FittedModel) -> dict[str, float]:
    """Return the standard deviation of each effect."""
    return {e: float(fit.outcome.sd[factor][column]) for e, (factor, column) in effect_places(fit.design).items()}


def _with_variance(fit: FittedModel, asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the effects that are asked for but those without variance; of the first set that has one by default."""
    sds = _deviations(fit)
    sets = [effects_of(fit.design, s) for s in grouping_sets(fit.design)] if asked is None else []
    for effects in sets or [chosen_effects(fit, asked)]:
        if kept := tuple(effect for effect in effects if sds[effect] > 0.0):
            return kept
    raise refusal(f"the variance of {asked} is zero: its modes are, too", "`fit.boundary` names what is on its edge")


def _draw(picture: Picture) -> Figure:
    effects = list(picture.facts["kinds"])
    figure, axes = panels(1, len(effects), size=(max(5.6, 3.5 * len(effects)), 4.3), sharey=True)
    for place, effect in enumerate(effects):
        rows = picture.data[picture.data["effect"] == effect].sort_values("quantile")
        _draw_effect(axes[0, place], rows)
        axes[0, place].set_title(f"{effect}: {picture.facts['kinds'][effect]}")
        axes[0, place].set_xlabel("normal quantile")
    axes[0, 0].set_ylabel("conditional mode / standard deviation")
    return figure


def _draw_effect(axes: Axes, rows: pd.DataFrame) -> None:
    x, y = rows["quantile"].to_numpy(), rows["standardised"].to_numpy()
    image: Any = {"rasterized": len(x) > MOST_SHAPES}
    axes.vlines(x, rows["lower"], rows["upper"], color=FAINT_BLUE, linewidth=0.6 if len(x) > 100 else 1.2, **image)
    axes.scatter(x, y, s=8 if len(x) > 100 else 20, color=BLUE, zorder=3, linewidths=0, **image)
    quartiles = np.quantile(y, (0.25, 0.75))
    slope = (quartiles[1] - quartiles[0]) / (2.0 * NormalDist().inv_cdf(0.75))
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, quartiles.mean() + slope * ends, color=GREY, linewidth=1.2)
    if len(x) <= MOST_NAMED:
        for k in (*range(min(NAMED, len(x))), *range(max(NAMED, len(x) - NAMED), len(x))):
            axes.annotate(rows["group"].iloc[k], (x[k], y[k]), (5, -3), textcoords="offset points", fontsize=7.5)
