"""Residual plot: simulated-quantile residuals at each level, against what they should be.

Stage: results. Input: a fit. Output: a `Picture`. Invariant: residuals of a model that is right are uniform, whatever
the distribution of the outcome; see `hdsl.results.quantiles`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.results.plots.canvas import BLUE, FAINT_BLUE, GREY, INK, PALE, RED, panels
from hdsl.results.plots.chosen import grouping_sets
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.words import columns_of, group_label
from hdsl.results.quantiles import quantile_residuals, uniformity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.form.expr import IndexSet
    from hdsl.results.fitted import FittedModel

__all__ = ["residuals"]

MOST_MARKS = 2_000
"""Points of one panel; of more residuals a share is drawn, evenly in their order."""

FEW = 40
"""Residuals that make a bin of the running quartiles."""

BAND = 1.358
"""Distance from the diagonal, times the root of their number, within which all residuals stay with probability 0.95."""

QUARTILES = (0.25, 0.5, 0.75)


def residuals(fit: FittedModel, n: int, seed: int) -> Picture:
    """Return the picture; see `Plots.residuals`."""
    import pandas as pd

    if n < 1:
        raise refusal(f"residuals are not told by {n} draws: write a number above 0", "250 is usual")
    levels: list[IndexSet | None] = [None, *grouping_sets(fit.design)]
    parts = [_level_frame(fit, level, n, seed) for level in levels]
    tests = {str(part["level"].iloc[0]): uniformity(part["residual"].to_numpy()) for part in parts}
    return Picture(
        name="residuals",
        title="Are outcomes spread as the model says, at each level?",
        caption=f"Each outcome, and each group's total, as its rank among {n:,} drawn from the fit: uniform between 0 "
        "and 1 where the model is right. Lower panels: a quarter, a half and three quarters of the residuals "
        "lie below the lines, which are level where the model is right. Band and p: Kolmogorov-Smirnov, 95 %.",
        data=pd.concat(parts, ignore_index=True),
        facts={"uniformity": tests, "n": n, "seed": seed},
        draw=_draw,
    )


def _level_frame(fit: FittedModel, level: IndexSet | None, n: int, seed: int) -> pd.DataFrame:
    """Return the residuals of a level: `level`, `unit`, `residual`, `expected`, `predicted`, `observed`."""
    import pandas as pd

    found = quantile_residuals(fit.design, fit.outcome, fit.joint_covariance, level, n, seed)
    count = len(found.residual)
    order = np.empty(count)
    order[np.argsort(found.residual, kind="stable")] = (np.arange(count) + 0.5) / count
    return pd.DataFrame(
        {
            "level": "rows" if level is None else columns_of(fit.design, level),
            "unit": _labels(fit, level),
            "residual": found.residual,
            "expected": order,
            "predicted": found.predicted,
            "observed": found.observed,
        }
    )


def _labels(fit: FittedModel, level: IndexSet | None) -> list[str]:
    if level is None:
        return [str(label) for label in fit.design.row_labels]
    from hdsl.results.effects import group_index
    from hdsl.results.plots.chosen import effects_of

    return [group_label(label) for label in group_index(fit.design, effects_of(fit.design, level)[0])]


def _draw(picture: Picture) -> Figure:
    levels = list(picture.data["level"].unique())
    figure, axes = panels(2, len(levels), size=(max(6.0, 3.2 * len(levels)), 6.4), sharey="row")
    for place, level in enumerate(levels):
        rows = picture.data[picture.data["level"] == level]
        p = picture.facts["uniformity"][level][1]
        upper, lower = axes[0, place], axes[1, place]
        upper.set_title(f"{level}: {len(rows):,}, p {_p(p)}")
        _draw_quantiles(upper, rows)
        _draw_trend(lower, rows)
    axes[0, 0].set_ylabel("residual")
    axes[1, 0].set_ylabel("residual")
    return figure


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _draw_quantiles(axes: Axes, rows: pd.DataFrame) -> None:
    ordered = rows.sort_values("expected").iloc[_thinned(len(rows))]
    line, width = np.array([0.0, 1.0]), BAND / np.sqrt(len(rows))
    axes.fill_between(line, line - width, line + width, color=PALE, linewidth=0, clip_on=True)
    axes.plot(line, line, color=GREY, linewidth=1.0)
    axes.scatter(ordered["expected"], ordered["residual"], s=7, color=BLUE, linewidths=0, rasterized=len(rows) > FEW)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="expected if the model is right")


def _draw_trend(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw residuals by the rank of what is predicted, with the quartiles of equal bins."""
    ordered = rows.sort_values("predicted", kind="stable")["residual"].to_numpy()
    rank = (np.arange(len(ordered)) + 0.5) / len(ordered)
    kept = _thinned(len(ordered))
    is_few = len(ordered) < 2 * FEW
    colour = BLUE if is_few else FAINT_BLUE
    axes.scatter(rank[kept], ordered[kept], s=7 if is_few else 5, color=colour, linewidths=0, rasterized=not is_few)
    for quartile in QUARTILES:
        axes.axhline(quartile, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)))
    if not is_few:
        centres, found = _running(ordered)
        for place, quartile in enumerate(QUARTILES):
            axes.plot(centres, found[:, place], color=RED if quartile == 0.5 else INK, linewidth=1.4)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="rank of the predicted mean")


def _running(ordered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centres of equal bins and the quartiles in each, (bins, 3)."""
    bins = int(min(20, max(2, len(ordered) // FEW)))
    parts = np.array_split(ordered, bins)
    return (np.arange(bins) + 0.5) / bins, np.array([np.quantile(part, QUARTILES) for part in parts])


def _thinned(count: int) -> NDArray[np.intp]:
    """Return the positions that are drawn, of so many."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_MARKS)).astype(np.intp))
