"""Effects plot: the predicted mean over a covariate with its band, at values of what it interacts with.

Stage: results. Input: a fit. Output: a `Picture`. Invariants: what is not drawn is held, and the caption says where;
bands are those of `FittedModel.predictions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.results.intervals import coverage
from hdsl.results.plots.canvas import COLOURS, legend, panels, rug, shown_number
from hdsl.results.plots.covariates import (
    Variable,
    default_variable,
    moderators,
    over,
    shown_values,
    variable,
    variables,
    varied,
)
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.words import capital, mean_name
from hdsl.results.predicting import is_ordered
from hdsl.results.varied import Held, Variables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.results.fitted import FittedModel

__all__ = ["effects", "why_no_effects"]

Floats = NDArray[np.float64]
Asked = Sequence[str] | str | None

GRID = 41
"""Values of a covariate that a curve is drawn through."""

MOST_SHOWN = 2
"""Variables besides the first that a picture has room for: one by colour, one by panel."""

MOST_RUG = 101
"""Marks on the axis that show where the rows are."""


def why_no_effects(fit: FittedModel) -> str:
    """Return why a fit has no covariate to draw over; an empty text where it has."""
    return "" if variables(fit.design) else "the model has no covariate"


def effects(
    fit: FittedModel, covariate: str | None, by: Asked, at: Mapping[str, Sequence[Any]], scale: str, level: float
) -> Picture:
    """Return the picture; see `Plots.effects`."""
    design, share = fit.design, coverage(level)
    focal = variable(design, covariate) if covariate is not None else default_variable(design)
    shown = _shown(fit, focal, by)
    asked = {variable(design, name).name: values for name, values in at.items()}
    axis, axis_values = over(design, focal, GRID)
    at_values = [shown_values(design, v, asked.get(v.name)) for v in shown]
    held, frame = _grid(fit, (focal, axis, axis_values), list(zip(shown, at_values, strict=True)), asked)
    is_shares = scale == "response" and is_ordered(design)
    frame = _with_predictions(fit, held, frame, scale, share)
    series = "category" if is_shares else shown[0].label if shown else None
    others = [v.label for v in variables(design) if v != focal and v not in shown and v.name not in asked]
    where = f"; {', '.join(others)} held at the mean or the most frequent level" if others else ""
    return Picture(
        name="effects",
        title=f"{capital(mean_name(design, scale))} over {focal.label}",
        caption=f"With {100 * share:g} % bands of the fixed part, random effects at zero{where}.",
        data=frame,
        facts={
            "covariate": focal.label,
            "mean": mean_name(design, scale),
            "series": series,
            "panel": _panel_of(shown, is_shares=is_shares),
            "observed": [] if focal.is_set else _rug(design.arrays.x[focal.place]),
        },
        draw=_draw,
    )


def _rug(column: Floats) -> list[float]:
    """Return the values that are marked on the axis: all distinct ones, or quantiles where there are many."""
    distinct = np.unique(column)
    few = distinct if len(distinct) <= MOST_RUG else np.quantile(column, np.linspace(0.0, 1.0, MOST_RUG))
    return [float(value) for value in few]


def _shown(fit: FittedModel, focal: Variable, by: Asked) -> tuple[Variable, ...]:
    """Return the variables that have curves of their own: those asked for, or those that the first interacts with."""
    if by is None:
        return moderators(fit.design, focal)[:MOST_SHOWN]
    names = [by] if isinstance(by, str) else list(by)
    return tuple(variable(fit.design, name) for name in names[:MOST_SHOWN])


def _panel_of(shown: Sequence[Variable], *, is_shares: bool) -> str | None:
    place = 0 if is_shares else 1
    return shown[place].label if len(shown) > place else None


def _grid(
    fit: FittedModel,
    focal: tuple[Variable, list[Any], Any],
    shown: Sequence[tuple[Variable, tuple[list[Any], Any]]],
    asked: Mapping[str, Sequence[Any]],
) -> tuple[Held, pd.DataFrame]:
    """Return the rows of all curves, and a frame with the values that they are drawn at."""
    import pandas as pd

    design, (first, axis, axis_values) = fit.design, focal
    combinations = list(product(*(range(len(labels)) for _, (labels, _) in shown)))
    repeats = len(combinations)
    values = [(first, np.tile(axis_values, repeats))]
    frame: dict[str, Any] = {first.label: axis * repeats}
    for place, (found, (labels, at)) in enumerate(shown):
        chosen = np.repeat([combination[place] for combination in combinations], len(axis))
        values.append((found, np.asarray(at)[chosen]))
        frame[found.label] = [labels[k] for k in chosen]
    drawn = {found.name for found, _ in values}
    fixed = [variable(design, name) for name in asked if name not in drawn]
    values += [(v, np.full(len(axis) * repeats, shown_values(design, v, asked[v.name])[1][0])) for v in fixed]
    held = varied(design, Variables(design=design).held(), values)
    return held, pd.DataFrame(frame)


def _with_predictions(fit: FittedModel, held: Held, frame: pd.DataFrame, scale: str, level: float) -> pd.DataFrame:
    """Return the frame with predictions; of an ordered outcome a row for each category."""
    import pandas as pd

    rows = Variables(design=fit.design).rows(held)
    found: pd.DataFrame = fit.predictions(rows, include=None, scale=scale, level=level)
    if not isinstance(found.index, pd.MultiIndex):
        return pd.concat([frame, found], axis=1)
    categories = found.index.get_level_values(1)
    parts = [found[categories == name].reset_index(drop=True) for name in categories.unique()]
    named = zip(categories.unique(), parts, strict=True)
    whole: pd.DataFrame = pd.concat([pd.concat([frame.assign(category=n), p], axis=1) for n, p in named])
    return whole.reset_index(drop=True)


def _draw(picture: Picture) -> Figure:
    facts, frame = picture.facts, picture.data
    panel = facts["panel"]
    parts = [("", frame)] if panel is None else list(frame.groupby(panel, sort=False))
    figure, axes = panels(1, len(parts), size=(max(5.6, 1.6 + 2.6 * len(parts)), 4.2), sharey=True)
    for place, (value, rows) in enumerate(parts):
        _draw_panel(axes[0, place], rows, facts)
        axes[0, place].set_xlabel(facts["covariate"])
        axes[0, place].set_title("" if panel is None else f"{panel} = {shown_number(value)}")
    axes[0, 0].set_ylabel(facts["mean"])
    if facts["series"]:
        legend(axes[0], of=facts["series"])
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    series = facts["series"]
    parts = [("", rows)] if series is None else list(rows.groupby(series, sort=False))
    for place, (value, part) in enumerate(parts):
        colour, label = COLOURS[place % len(COLOURS)], shown_number(value)
        x = part[facts["covariate"]]
        if x.dtype.kind != "f" or len(x) <= 2:
            _draw_levels(axes, part, facts, (label, colour, (place - (len(parts) - 1) / 2) * 0.12))
            continue
        axes.fill_between(x, part["lower"], part["upper"], color=colour, alpha=0.16, linewidth=0)
        axes.plot(x, part["estimate"], color=colour, linewidth=1.8, label=label)
    if len(facts["observed"]) > 2:
        rug(axes, facts["observed"])


def _draw_levels(axes: Axes, part: pd.DataFrame, facts: Mapping[str, Any], style: tuple[str, str, float]) -> None:
    """Draw the levels of a set, or the few values of a covariate, as points with intervals."""
    label, colour, shift = style
    names = [shown_number(value) for value in part[facts["covariate"]]]
    at = np.arange(len(names)) + shift
    axes.vlines(at, part["lower"], part["upper"], color=colour, linewidth=1.8)
    axes.scatter(at, part["estimate"], s=26, color=colour, label=label, zorder=3)
    axes.set_xticks(np.arange(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(visible=False, axis="x")
