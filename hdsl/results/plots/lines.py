"""Group regression lines: what the model predicts in each group over a covariate.

Stage: results. Input: a fit. Output: a `Picture`. Invariants: the lines of a panel have the effects that its name says
at their conditional modes, and no others; a line reaches as far as the rows of its group; other covariates are at the
means of the group's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.results.effects import effect_index_sets, effect_places, group_index
from hdsl.results.plots.canvas import BLUE, FAINT, INK, panels
from hdsl.results.plots.chosen import chosen_set, effects_of, grouping_sets
from hdsl.results.plots.covariates import Variable, variable, variables, varied
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.words import columns_of, count, group_label, mean_name, outcome_name
from hdsl.results.predicting import is_ordered, predict
from hdsl.results.predicting.request import Place, Request
from hdsl.results.varied import Held, Variables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.design.record import Design
    from hdsl.form.expr import IndexSet
    from hdsl.results.fitted import FittedModel

__all__ = ["PANELS", "group_rows", "lines", "why_no_lines"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

PANELS = ("varying intercepts", "varying slopes", "both")
"""What varies in a panel."""

GRID = 25
"""Points of a line that may be curved."""

MOST_POINTS = 1_500
"""Rows that are drawn as points; more would hide the lines."""

SHADED = 400
"""Groups from which on lines are nearly transparent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lines:
    """What lines are drawn of: a fit, the index set of its groups, the covariate and the scale."""

    fit: FittedModel
    index_set: IndexSet
    focal: Variable
    scale: str


def why_no_lines(fit: FittedModel) -> str:
    """Return why a fit has no group regression lines; an empty text where it has."""
    if not grouping_sets(fit.design):
        return "no coefficient of the model varies over groups"
    return (
        "" if any(_candidates(fit.design, s) for s in grouping_sets(fit.design)) else "no covariate varies in a group"
    )


def _candidates(design: Design, index_set: IndexSet) -> list[Variable]:
    """Return the covariates that vary within groups: those with a varying slope first, then those with most values."""
    codes, n_groups = group_rows(design, index_set)
    known = Variables(design=design)
    sloped = {b for e in effects_of(design, index_set) for f in _factors(design, e) for b in known.bases(f)}
    found = [v for v in variables(design) if not v.is_set and _varies(design.arrays.x[v.place], codes, n_groups)]
    return sorted(found, key=lambda v: (v.place not in sloped, len(np.unique(design.arrays.x[v.place])) <= 2))


def _varies(column: Floats, codes: Codes, n_groups: int) -> bool:
    low, high = np.full(n_groups, np.inf), np.full(n_groups, -np.inf)
    np.minimum.at(low, codes, column)
    np.maximum.at(high, codes, column)
    return bool((high > low).any())


def group_rows(design: Design, index_set: IndexSet) -> tuple[Codes, int]:
    """Return the code of each row's group, and how many groups there are."""
    factor = effect_places(design)[effects_of(design, index_set)[0]][0]
    return design.arrays.groups[factor], len(design.levels[factor])


def _factors(design: Design, effect: str) -> list[int]:
    """Return the places of the covariates that an effect multiplies."""
    factor, column = effect_places(design)[effect]
    return [f for product in design.plan.re_terms[factor].columns[column].products for f in product.factors]


def lines(fit: FittedModel, covariate: str | None, index: str | None, vary: str | None, scale: str | None) -> Picture:
    """Return the picture; see `Plots.lines`."""
    asked = _asked(fit, covariate, index, scale)
    shown = _panels(asked, vary)
    import pandas as pd

    held, groups = _group_grid(asked)
    parts = [_panel_frame(asked, panel, held, groups) for panel in shown]
    where, design = columns_of(fit.design, asked.index_set), fit.design
    n_groups = group_rows(design, asked.index_set)[1]
    return Picture(
        name="lines",
        title=f"{outcome_name(design)} over {asked.focal.label}, a line for each group of {where}",
        caption=f"{count(n_groups, 'line')}, each as far as its rows reach. Black: random effects at zero."
        + _held_note(asked),
        data=pd.concat(parts, ignore_index=True),
        facts={
            "covariate": asked.focal.label,
            "mean": mean_name(design, asked.scale),
            "points": _points(asked),
            "n_groups": n_groups,
        },
        draw=_draw,
    )


def _held_note(asked: _Lines) -> str:
    design = asked.fit.design
    others = [v.label for v in variables(design) if v != asked.focal]
    sets = [s for s in grouping_sets(design) if not design.form.determines(asked.index_set, s)]
    left = f" Effects of {' and '.join(columns_of(design, s) for s in sets)} at zero." if sets else ""
    if not others:
        return left
    return f"{left} {', '.join(others)}: the group's where constant in it, else the mean or the most frequent level."


def _asked(fit: FittedModel, covariate: str | None, index: str | None, scale: str | None) -> _Lines:
    design = fit.design
    sets = [chosen_set(design, index)] if index is not None else _sets_by_slopes(design)
    chosen = variable(design, covariate) if covariate is not None else None
    if chosen is not None and chosen.is_set:
        raise refusal(f"`{chosen.name}` has levels, not numbers: lines are over a covariate", "`effects` draws levels")
    found = next(((s, v) for s in sets for v in _candidates(design, s) if chosen is None or v == chosen), None)
    if found is None:
        what = f"`{covariate}` does not vary" if covariate is not None else "no covariate varies"
        raise refusal(f"{what} within the groups of {columns_of(design, sets[0])}", "name another covariate or index")
    link = "link" if is_ordered(design) else "response"
    return _Lines(fit=fit, index_set=found[0], focal=found[1], scale=scale or link)


def _sets_by_slopes(design: Design) -> list[IndexSet]:
    """Return the index sets, those with slopes first."""
    sets = grouping_sets(design)
    return sorted(sets, key=lambda s: not any(_factors(design, effect) for effect in effects_of(design, s)))


def _panels(asked: _Lines, vary: str | None) -> tuple[str, ...]:
    """Return the panels that are asked for; by default all that the model has."""
    slopes, others = _split(asked)
    has = {"varying intercepts": bool(others), "varying slopes": bool(slopes), "both": bool(slopes) and bool(others)}
    known = [panel for panel in PANELS if has[panel]]
    if vary is None:
        return tuple(known)
    name = vary if vary in PANELS else f"varying {vary}"
    if name not in known:
        names = ", ".join(panel.removeprefix("varying ") for panel in known)
        raise refusal(f"there are no lines with {vary!r} over {asked.focal.label}: ask for {names}", names)
    return (name,)


def _split(asked: _Lines) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """Return effects of the groups, and of coarser ones: those that multiply the covariate, and the others."""
    design = asked.fit.design
    known, places = Variables(design=design), effect_places(design)
    sets = effect_index_sets(design)
    own = [effect for effect in places if design.form.determines(asked.index_set, sets[effect])]
    slopes = [e for e in own if any(asked.focal.place in known.bases(f) for f in _factors(design, e))]
    return tuple(places[e] for e in slopes), tuple(places[e] for e in own if e not in slopes)


def _group_grid(asked: _Lines) -> tuple[Held, Codes]:
    """Return the rows of all lines and the group of each; the last line, of the mean, has group -1."""
    design, place = asked.fit.design, asked.focal.place
    codes, n_groups = group_rows(design, asked.index_set)
    column, first = design.arrays.x[place], _first_rows(codes, n_groups)
    points, overall = 2 if _is_straight(asked) else GRID, Variables(design=design).held()
    low, high = np.full(n_groups, np.inf), np.full(n_groups, -np.inf)
    np.minimum.at(low, codes, column)
    np.maximum.at(high, codes, column)
    ends = np.column_stack([np.append(low, column.min()), np.append(high, column.max())])
    groups = np.repeat([*range(n_groups), -1], points)
    values = np.linspace(ends[:, 0], ends[:, 1], points, axis=1).ravel()
    constant = [_is_constant(x, codes, n_groups) for x in (*design.arrays.x, *design.arrays.sets)]
    own = [
        _of_groups(c, h, first[groups], groups) if k else np.repeat(h, len(groups))
        for c, h, k in zip((*design.arrays.x, *design.arrays.sets), (*overall.x, *overall.sets), constant, strict=True)
    ]
    n_x = len(design.arrays.x)
    held = Held(x=tuple(own[:n_x]), sets=tuple(own[n_x:]))
    return varied(design, held, [(asked.focal, values)]), groups


def _of_groups(column: Any, overall: Any, rows: Codes, groups: Codes) -> Any:
    """Return what a column is in the groups, and over all for the line of the mean."""
    return np.where(groups >= 0, column[rows], overall[0])


def _first_rows(codes: Codes, n_groups: int) -> Codes:
    first = np.zeros(n_groups, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first


def _is_constant(column: Any, codes: Codes, n_groups: int) -> bool:
    """Whether a column is constant within every group."""
    return not _varies(np.asarray(column, dtype=float), codes, n_groups)


def _is_straight(asked: _Lines) -> bool:
    """Whether lines have no curve: on the scale of the predictor, without a function of the covariate."""
    design = asked.fit.design
    is_linear = asked.scale == "link" or (design.plan.density is None) or design.form.predictors[0].link == "identity"
    known = Variables(design=design)
    return is_linear and not any(asked.focal.place in known.bases(place) for place in known.derived)


def _panel_frame(asked: _Lines, panel: str, held: Held, groups: Codes) -> pd.DataFrame:
    """Return the lines of a panel: `panel`, `group`, `part`, the covariate, `estimate`."""
    import pandas as pd

    fit, (slopes, others) = asked.fit, _split(asked)
    places = {"varying intercepts": others, "varying slopes": slopes, "both": (*others, *slopes)}[panel]
    request = Request(places=places, others=(), is_link=asked.scale == "link", marginal=False)
    rows = Variables(design=fit.design).rows(held, _factor_codes(asked, groups))
    found = predict(fit.design, fit.outcome, rows, request)
    labels = [group_label(label) for label in group_index(fit.design, effects_of(fit.design, asked.index_set)[0])]
    return pd.DataFrame(
        {
            "panel": panel,
            "part": np.where(groups < 0, "mean", "group"),
            "group": [labels[g] if g >= 0 else "" for g in groups],
            asked.focal.label: held.x[asked.focal.place],
            "estimate": found.estimate,
        }
    )


def _factor_codes(asked: _Lines, groups: Codes) -> list[Codes | None]:
    """Return for each grouping factor the codes of the lines' groups: of the groups themselves, and of coarser ones."""
    design = asked.fit.design
    codes, n_groups = group_rows(design, asked.index_set)
    first = _first_rows(codes, n_groups)
    sets = [effect_index_sets(design)[term.blocks[0].effects[0]] for term in design.plan.re_terms]
    return [
        np.where(groups < 0, -1, own[first[groups]]) if design.form.determines(asked.index_set, s) else None
        for s, own in zip(sets, design.arrays.groups, strict=True)
    ]


def _points(asked: _Lines) -> tuple[Floats, Floats] | None:
    """Return the rows as points, where they are few and their outcome is on the scale of the lines."""
    design = asked.fit.design
    if asked.scale == "link" or len(design.arrays.y) > MOST_POINTS or is_ordered(design):
        return None
    from hdsl.results.residuals import observed

    return design.arrays.x[asked.focal.place], observed(asked.fit)


def _draw(picture: Picture) -> Figure:
    shown: Sequence[Any] = list(picture.data["panel"].unique())
    figure, axes = panels(1, len(shown), size=(max(5.6, 1.0 + 3.1 * len(shown)), 4.4), sharey=True, sharex=True)
    for place, panel in enumerate(shown):
        _draw_panel(axes[0, place], picture.data[picture.data["panel"] == panel], picture.facts)
        axes[0, place].set_title(panel if panel != "both" else "varying intercepts and slopes")
        axes[0, place].set_xlabel(picture.facts["covariate"])
    axes[0, 0].set_ylabel(picture.facts["mean"])
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, facts: Any) -> None:
    from matplotlib.collections import LineCollection

    covariate, is_many = facts["covariate"], facts["n_groups"] > SHADED
    if facts["points"] is not None:
        x, y = facts["points"]
        axes.scatter(x, y, s=7, color=FAINT, linewidths=0, zorder=1)
    parts = [part[[covariate, "estimate"]].to_numpy() for _, part in rows[rows["part"] == "group"].groupby("group")]
    width, alpha = (0.5, 0.25) if is_many else (0.9, 0.7)
    shown = LineCollection(parts, colors=BLUE, linewidths=width, alpha=alpha, zorder=2, rasterized=is_many)
    axes.add_collection(shown)
    axes.autoscale_view()
    mean = rows[rows["part"] == "mean"]
    axes.plot(mean[covariate], mean["estimate"], color=INK, linewidth=2.2, zorder=3)
