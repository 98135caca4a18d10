"""Caterpillar plot: the conditional modes of an effect with their intervals, in the order of the modes.

Stage: results. Input: a fit. Output: a `Picture`. Invariant: the interval is given the parameters, normal, as the
standard errors of `FittedModel.ranef` are.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from hdsl.results.effects import effect_index_sets
from hdsl.results.intervals import coverage
from hdsl.results.plots.canvas import BLUE, GREY, INK, MOST_SHAPES, panels
from hdsl.results.plots.chosen import chosen_effects
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.words import columns_of, count, effect_kind, effect_unit, group_label, tick_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.results.fitted import FittedModel

__all__ = ["caterpillar", "mode_frame"]

MOST_LABELS = 60
"""Groups that are labelled one by one; of more the picture is no taller than this, and has numbers."""


def mode_frame(fit: FittedModel, effects: Sequence[str]) -> pd.DataFrame:
    """Return the conditional modes of effects: `effect`, `group`, `estimate`, `se`, in the order of the codes."""
    import pandas as pd

    parts = []
    for effect in effects:
        modes = fit.ranef[effect]
        labels = [group_label(label) for label in modes.index]
        parts.append(pd.DataFrame({"effect": effect, "group": labels, **{c: modes[c].to_numpy() for c in modes}}))
    return pd.concat(parts, ignore_index=True)


def caterpillar(fit: FittedModel, effect: str | Sequence[str] | None, level: float) -> Picture:
    """Return the picture; see `Plots.caterpillar`."""
    import pandas as pd

    effects, share = chosen_effects(fit, effect), coverage(level)
    reach = NormalDist().inv_cdf(0.5 + share / 2.0)
    frame = mode_frame(fit, effects).sort_values(["effect", "estimate"], kind="stable")
    frame["effect"] = pd.Categorical(frame["effect"], categories=effects)
    frame = frame.sort_values("effect", kind="stable").astype({"effect": str}).reset_index(drop=True)
    frame["rank"] = frame.groupby("effect", sort=False).cumcount() + 1
    frame["lower"] = frame["estimate"] - reach * frame["se"]
    frame["upper"] = frame["estimate"] + reach * frame["se"]
    frame["has_zero"] = (frame["lower"] <= 0.0) & (frame["upper"] >= 0.0)
    where = columns_of(fit.design, effect_index_sets(fit.design)[effects[0]])
    units = count(len(frame) // len(effects), "group")
    return Picture(
        name="caterpillar",
        title=f"How far each group of {where} departs from the mean",
        caption=f"{units}, in the order of their conditional modes, with {100 * share:g} % intervals given the "
        "parameters. Dark: the interval does not have zero.",
        data=frame,
        facts={
            "level": share,
            "kinds": {e: (effect_kind(fit.design, e), effect_unit(fit.design, e)) for e in effects},
        },
        draw=_draw,
    )


def _draw(picture: Picture) -> Figure:
    frame = picture.data
    effects = list(frame["effect"].unique())
    most = max(int((frame["effect"] == effect).sum()) for effect in effects)
    height = 1.7 + 0.17 * min(max(most, 8), MOST_LABELS * 0.6 if most > MOST_LABELS else most)
    figure, axes = panels(1, len(effects), size=(max(5.6, 3.7 * len(effects)), height))
    for place, effect in enumerate(effects):
        kind, unit = picture.facts["kinds"][effect]
        _draw_effect(axes[0, place], frame[frame["effect"] == effect])
        axes[0, place].set_title(f"{effect}: {kind}")
        axes[0, place].set_xlabel(f"deviation from the mean, {unit}")
    if most > MOST_LABELS:
        axes[0, 0].set_ylabel("rank of the group")
    return figure


def _draw_effect(axes: Axes, rows: pd.DataFrame) -> None:
    is_many = len(rows) > MOST_LABELS
    place = rows["rank"].to_numpy()
    colours = np.where(rows["has_zero"], "#9ecae1" if is_many else "#6aaed6", BLUE if is_many else "#08519c")
    axes.axvline(0.0, color=GREY, linewidth=1.0, zorder=1)
    width = 0.7 if is_many else 1.6
    image: Any = {"rasterized": len(rows) > MOST_SHAPES}
    axes.hlines(place, rows["lower"], rows["upper"], colors=colours.tolist(), linewidth=width, zorder=2, **image)
    colour = INK if is_many else colours.tolist()
    axes.scatter(rows["estimate"], place, s=3 if is_many else 16, color=colour, zorder=3, **image)
    axes.set_ylim(0.0, len(rows) + 1.0)
    axes.grid(visible=False, axis="y")
    if not is_many:
        axes.set_yticks(place, [tick_label(group) for group in rows["group"]], fontsize=8)
