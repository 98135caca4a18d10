"""Observed proportions: the share of ones of a binary outcome at each value of a covariate, by group.

Stage: results. Input: a fit of a binary or binomial outcome. Output: a `Picture`. Invariants: shares are of the rows as
they are, nothing is smoothed; the fitted share beside each is the mean of the fitted probabilities of the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.results.effects import group_index
from hdsl.results.measures.accuracy import binary_parts
from hdsl.results.plots.canvas import COLOURS, MOST_SHAPES, legend, panels, shown_number
from hdsl.results.plots.chosen import effects_of, named_set
from hdsl.results.plots.covariates import Variable, default_variable, variable, variables
from hdsl.results.plots.lines import group_rows
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.words import capital, columns_of, group_label, share_name
from hdsl.results.varied import Variables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.design.record import Design
    from hdsl.results.fitted import FittedModel

__all__ = ["proportions", "why_no_proportions", "why_not_binary", "wilson"]

Floats = NDArray[np.float64]

MOST_VALUES = 120
"""Distinct values up to which each has a share of its own, if there are rows enough."""

ENOUGH = 5
"""Rows for each value, by group, that are enough for that."""

MOST_SERIES = len(COLOURS)
"""Series that share a panel, each in its colour."""

ACROSS = 4
"""Panels side by side, where there are more."""

MOST_PANELS = 40

BINS = 20
"""Bins with about as many rows each, otherwise."""


def why_not_binary(fit: FittedModel) -> str:
    """Return why a fit has no shares of ones; an empty text where it has."""
    is_binary = (
        fit.design.form.outcome.distribution in ("bernoulli", "binomial") and not fit.design.form.outcome.wrappers
    )
    return "" if is_binary else f"`{fit.design.form.outcome.distribution}` is no binary outcome"


def why_no_proportions(fit: FittedModel) -> str:
    """Return why a fit has no shares over a covariate; an empty text where it has."""
    return why_not_binary(fit) or ("" if variables(fit.design) else "the model has no covariate")


def proportions(fit: FittedModel, covariate: str | None, by: str | None, bins: int | None, level: float) -> Picture:
    """Return the picture; see `Plots.proportions`."""
    import pandas as pd

    design = fit.design
    focal = variable(design, covariate) if covariate is not None else default_variable(design)
    group, values = _group(design, by) if by is not None else ("", None)
    p, successes, trials = binary_parts(fit, "all")
    rows = pd.DataFrame({"successes": successes, "trials": trials, "fitted": p * trials})
    names = [focal.label, group] if group else [focal.label]
    if group:
        rows[group] = values
    rows[focal.label], is_binned = _binned(design, focal, bins, rows[names[1:]])
    cells = rows.groupby(names[::-1], sort=True, observed=True)
    frame = cells[["successes", "trials", "fitted"]].sum()
    frame.insert(0, "rows", cells.size())
    frame["share"], frame["fitted"] = frame["successes"] / frame["trials"], frame["fitted"] / frame["trials"]
    frame["lower"], frame["upper"] = wilson(frame["successes"].to_numpy(), frame["trials"].to_numpy(), level)
    frame = frame.reset_index()
    return Picture(
        name="proportions",
        title=f"{capital(share_name(design))} over {focal.label}" + (f", by {group}" if group else ""),
        caption=f"Points: observed shares {'in bins' if is_binned else 'at each value'}, the larger the more rows. "
        "Lines: the mean of the fitted probabilities of the same rows.",
        data=frame,
        facts={
            "covariate": focal.label,
            "by": group or None,
            "share": share_name(design),
            "level": level,
            "is_image": len(frame) > MOST_SHAPES,
        },
        draw=_draw,
    )


def _group(design: Design, by: str) -> tuple[str, Any]:
    """Return the name and the value in each row of what shares are told apart by: a covariate, a set, or the groups."""
    import pandas as pd

    index_set = named_set(design, by)
    if index_set is None:
        found = variable(design, by)
        values = _values(design, found)
        name, count = found.label, len(np.unique(values))
    else:
        codes, count = group_rows(design, index_set)
        labels = [group_label(label) for label in group_index(design, effects_of(design, index_set)[0])]
        name, values = columns_of(design, index_set), pd.Categorical.from_codes(codes, categories=pd.Index(labels))
    if count > MOST_PANELS:
        message = f"{count:,} values of `{name}` are too many for shares of their own: {MOST_PANELS} have room"
        raise refusal(message, "`caterpillar` and `shrinkage` show many groups")
    return name, values


def _values(design: Design, found: Variable) -> Any:
    """Return the value of a variable in each row; labels of a set are a pandas categorical, in their order."""
    import pandas as pd

    if not found.is_set:
        return design.arrays.x[found.place]
    labels, codes = Variables(design=design).set_labels(found.name)
    names = dict(zip(codes, labels, strict=True))
    return pd.Categorical([names[code] for code in design.arrays.sets[found.place].tolist()], categories=labels)


def _binned(design: Design, focal: Variable, bins: int | None, groups: pd.DataFrame) -> tuple[Any, bool]:
    """Return the value of the covariate in each row, or the mean of its bin, and whether it is that."""
    values = _values(design, focal)
    if focal.is_set:
        return values, False
    distinct = np.unique(values)
    cells = len(distinct) * len(groups.drop_duplicates()) if len(groups.columns) else len(distinct)
    if bins is None and (len(distinct) <= 2 or (len(distinct) <= MOST_VALUES and len(values) >= ENOUGH * cells)):
        return values, False
    count = BINS if bins is None else bins
    if count < 1:
        raise refusal(f"{count} bins are not enough: ask for 1 or more", "write `bins=20`")
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, count + 1)))
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    means = np.bincount(codes, weights=values) / np.maximum(np.bincount(codes), 1)
    return means[codes], True


def wilson(successes: Floats, trials: Floats, level: float) -> tuple[Floats, Floats]:
    """Return Wilson's (1927) interval of each share."""
    z2 = NormalDist().inv_cdf(0.5 + level / 2.0) ** 2
    share = successes / trials
    centre = (share + z2 / (2.0 * trials)) / (1.0 + z2 / trials)
    half = np.sqrt(z2 * (share * (1.0 - share) + z2 / (4.0 * trials)) / trials) / (1.0 + z2 / trials)
    return centre - half, centre + half


def _draw(picture: Picture) -> Figure:
    facts, frame = picture.facts, picture.data
    parts = [("", frame)] if facts["by"] is None else list(frame.groupby(facts["by"], sort=False, observed=True))
    largest = float(frame["trials"].max())
    if len(parts) > MOST_SERIES:
        return _draw_panels(parts, facts, largest)
    figure, axes = panels(size=(6.4, 4.4))
    for place, (value, rows) in enumerate(parts):
        _draw_series(axes[0, 0], rows, facts, (shown_number(value), COLOURS[place], largest))
    axes[0, 0].set_xlabel(facts["covariate"])
    axes[0, 0].set_ylabel(facts["share"])
    if facts["by"] is not None:
        legend(axes[0], of=facts["by"])
    return figure


def _draw_panels(parts: Sequence[tuple[Any, pd.DataFrame]], facts: Any, largest: float) -> Figure:
    """Draw a panel for each value."""
    n_rows = -(-len(parts) // ACROSS)
    figure, axes = panels(n_rows, ACROSS, size=(8.0, 1.2 + 1.5 * n_rows), sharex=True, sharey=True)
    for place, each in enumerate(axes.flat):
        if place >= len(parts):
            each.set_visible(False)
            continue
        value, rows = parts[place]
        _draw_series(each, rows, facts, ("", COLOURS[0], largest))
        each.set_title(shown_number(value), fontsize=8.5)
        if place + ACROSS >= len(parts):
            each.set_xlabel(facts["covariate"])
            each.tick_params(labelbottom=True)
    for each in axes[:, 0]:
        each.set_ylabel(facts["share"])
    return figure


def _draw_series(axes: Axes, rows: pd.DataFrame, facts: Any, style: tuple[str, str, float]) -> None:
    label, colour, largest = style
    x = rows[facts["covariate"]]
    is_numeric = x.dtype.kind == "f"
    at = x if is_numeric else np.arange(len(x))
    size, is_image = 6 + 34 * rows["trials"] / largest, facts["is_image"]
    axes.scatter(at, rows["share"], s=size, color=colour, alpha=0.55, linewidths=0, rasterized=is_image)
    axes.plot(at, rows["fitted"], color=colour, linewidth=1.6, label=label, marker="" if len(x) > 2 else "_")
    if len(x) <= BINS:
        axes.vlines(at, rows["lower"], rows["upper"], color=colour, alpha=0.35, linewidth=1.2)
    if not is_numeric:
        axes.set_xticks(np.arange(len(x)), [str(value) for value in x])
