"""Shrinkage plot: own estimates of the groups, what they are drawn to, and the estimates between them.

Stage: results. Input: the frame of `hdsl.results.shrinkage`. Output: a `Picture`. Invariant: of few groups each has a
line with its name; of many groups own estimates stand against estimates, both as deviations from what they are drawn
to, so that the slope of a point is its weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hdsl.results.plots.canvas import BLUE, GREY, INK, MOST_SHAPES, RED, legend, panels
from hdsl.results.plots.chosen import chosen_set, effects_of
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.words import columns_of, count, group_label, tick_label
from hdsl.results.shrinkage import shrinkage as shrinkage_of
from hdsl.results.spectrum import is_exact

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.design.record import Design
    from hdsl.results.fitted import FittedModel

__all__ = ["picture", "shrinkage"]

MOST_LABELS = 40
"""Groups that have a line each."""


def shrinkage(fit: FittedModel, index: str | None) -> Picture:
    """Return the picture; see `Plots.shrinkage`."""
    index_set = chosen_set(fit.design, index)
    table = shrinkage_of(fit.design, fit.outcome, effects_of(fit.design, index_set))
    where = columns_of(fit.design, index_set)
    return picture(fit.design, table, where, is_exact=is_exact(fit, index_set))


def picture(design: Design, table: pd.DataFrame, where: str, *, is_exact: bool) -> Picture:
    """Return the picture of a table of shrinkage, of groups of the columns `where`."""
    frame = table.reset_index(drop=True)
    frame.insert(1, "group", [group_label(label) for label in table.index])
    n_gone = int(frame["own"].isna().sum())
    is_many = len(frame) // frame["coefficient"].nunique() > MOST_LABELS
    weight = (
        "the estimate is weight x own + (1 - weight) x mean"
        if is_exact
        else ("the share of the variance between groups that the rows of a group tell")
    )
    how = (
        "A point on the diagonal is not pooled, one on the level line fully."
        if is_many
        else "From what a group's own rows say (circle) to its estimate (point); the line is what it is drawn to."
    )
    gone = f" {count(n_gone, 'group')} without a finite own estimate." if n_gone else ""
    return Picture(
        name="shrinkage",
        title=f"How far estimates of {where} are drawn to their mean",
        caption=f"{how} {_weights(frame)}: {weight}.{gone}",
        data=frame,
        facts={"is_many": is_many, "outcome": design.form.predictors[0].name},
        draw=_draw,
    )


def _weights(frame: pd.DataFrame) -> str:
    least, most = (f"{value:.2f}" for value in (frame["weight"].min(), frame["weight"].max()))
    return f"All weights are {least}" if least == most else f"Weights are {least} to {most}"


def _draw(picture: Picture) -> Figure:
    frame, is_many = picture.data, picture.facts["is_many"]
    names = list(frame["coefficient"].unique())
    n_groups = len(frame) // len(names)
    height = 4.6 if is_many else 1.9 + 0.17 * n_groups
    figure, axes = panels(1, len(names), size=(max(5.6, (3.6 if is_many else 3.4) * len(names)), height))
    for place, name in enumerate(names):
        rows = frame[frame["coefficient"] == name]
        (_draw_many if is_many else _draw_few)(axes[0, place], rows)
        axes[0, place].set_title(name)
    if is_many:
        axes[0, 0].set_ylabel("estimate, deviation from the mean")
    legend(axes[0])
    return figure


def _draw_few(axes: Axes, rows: pd.DataFrame) -> None:
    ordered = rows.sort_values("estimate").reset_index(drop=True)
    at = np.arange(len(ordered))
    axes.plot(ordered["mean"], at, color=GREY, linewidth=1.2, label="mean", marker="|", markersize=6)
    axes.hlines(at, ordered["own"], ordered["estimate"], color=BLUE, linewidth=1.0, alpha=0.6)
    axes.scatter(ordered["own"], at, s=22, facecolors="white", edgecolors=RED, linewidths=1.2, label="own", zorder=3)
    axes.scatter(ordered["estimate"], at, s=22, color=BLUE, label="estimate", zorder=4)
    axes.set_yticks(at, [tick_label(group) for group in ordered["group"]], fontsize=8)
    axes.set_ylim(-0.7, len(ordered) - 0.3)
    axes.grid(visible=False, axis="y")


def _draw_many(axes: Axes, rows: pd.DataFrame) -> None:
    x, y = rows["own"] - rows["mean"], rows["estimate"] - rows["mean"]
    largest = float(np.nanmax(np.abs(x), initial=0.0)) or 1.0
    ends = np.array([-largest, largest])
    axes.plot(ends, ends, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label="not pooled")
    axes.axhline(0.0, color=GREY, linewidth=1.2, label="fully pooled")
    size = rows["rows"] / max(float(rows["rows"].max()), 1.0)
    is_dense = len(rows) > MOST_SHAPES
    axes.scatter(x, y, s=5 + 30 * size, color=BLUE, alpha=0.5, linewidths=0, label="group", rasterized=is_dense)
    axes.set_xlabel("own estimate, deviation from the mean")
    limit = 1.15 * float(np.nanmax(np.abs(y), initial=0.0)) or 1.0
    axes.set_ylim(-limit, limit)
