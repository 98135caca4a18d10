"""Profile plot: the signed root of the deviance difference by the value of each parameter.

Stage: results. Input: a fit. Output: a `Picture`. Invariant: the frame is that of `FittedModel.profile`; a straight
line is a likelihood that is normal in the parameter, where Wald and profile intervals are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from hdsl.results.intervals import coverage
from hdsl.results.plots.canvas import BLUE, GREY, RED, panels
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.refusals import refusal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.results.fitted import FittedModel

__all__ = ["profile"]

POINTS = 6
"""Values on each side of the estimate."""

ACROSS = 3
"""Panels side by side."""

LEVELS = (0.5, 0.8, 0.95)
"""Intervals that are marked."""


def profile(fit: FittedModel, names: str | Sequence[str] | None, level: float) -> Picture:
    """Return the picture; see `Plots.profile`."""
    import pandas as pd

    share = coverage(level)
    chosen = [names] if isinstance(names, str) else list(names) if names is not None else _default(fit)
    parts = []
    for name in chosen:
        found = fit.profile(name, share, POINTS)
        found.insert(0, "parameter", name)
        parts.append(found)
    frame = pd.concat(parts, ignore_index=True)
    kept = frame.dropna(subset=["zeta"])
    if kept.empty:
        raise refusal("no profile could be computed", "`fit.conf_int()` has Wald intervals")
    return Picture(
        name="profile",
        title="Profiles of the likelihood",
        caption="The signed root of what the deviance rises by when a parameter is held at a value. Where the line is "
        "straight, estimate plus and minus standard errors is the interval; where it bends, the marked "
        f"{', '.join(f'{100 * p:g}' for p in LEVELS)} % intervals are not symmetric.",
        data=frame,
        facts={"estimates": {name: float(fit.params[name]) for name in chosen}, "level": share},
        draw=_draw,
    )


def _default(fit: FittedModel) -> list[str]:
    """Return standard deviations and correlations, whose profiles bend; of a model without any, all parameters."""
    spread = [name for name in fit.params.index[len(fit.fixef) :] if name not in fit.boundary]
    return spread or list(fit.params.index)


def _draw(picture: Picture) -> Figure:
    names = list(picture.facts["estimates"])
    n_rows, n_columns = -(-len(names) // ACROSS), min(ACROSS, len(names))
    figure, axes = panels(n_rows, n_columns, size=(max(5.0, 2.9 * n_columns), 1.0 + 2.4 * n_rows), sharey=True)
    for place, each in enumerate(axes.flat):
        if place >= len(names):
            each.set_visible(False)
            continue
        rows = picture.data[picture.data["parameter"] == names[place]]
        _draw_parameter(each, rows, picture.facts["estimates"][names[place]])
        each.set_title(names[place])
    for each in axes[:, 0]:
        each.set_ylabel("signed root")
    return figure


def _draw_parameter(axes: Axes, rows: pd.DataFrame, estimate: float) -> None:
    import numpy as np

    kept = rows.dropna(subset=["zeta"])
    value, zeta = kept["value"].to_numpy(), kept["zeta"].to_numpy()
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    for level in LEVELS:
        root = NormalDist().inv_cdf(0.5 + level / 2.0)
        for sign in (-1.0, 1.0):
            if zeta.min() - 1e-6 <= sign * root <= zeta.max() + 1e-6:
                end = float(np.interp(sign * root, zeta, value))
                axes.plot([end, end], [0.0, sign * root], color=RED, linewidth=1.0)
    axes.plot(value, zeta, color=BLUE, linewidth=1.6, marker="o", markersize=2.5)
    axes.plot(estimate, 0.0, "o", color=RED, markersize=4)
