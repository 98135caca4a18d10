"""Fitted probabilities in rank order against the outcome's share in bins of that order.

Stage: results. Input: a fit of a binary or binomial outcome. Output: a `Picture`. Invariants: bins are of the order of
one prediction and have about as many rows each; shares of variance are of the same bins for every part of the model.

With ``o_b`` the outcome's share in bin b, of ``w_b`` trials, and ``f_b`` the mean of fitted probabilities there, the
variance of the bins is ``V = sum w_b (o_b - o)^2 / sum w_b`` and what a prediction leaves of it
``sum w_b (o_b - f_b)^2 / sum w_b``; what it describes is the rest, as a share of V.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.results.measures.accuracy import binary_parts
from hdsl.results.plots.canvas import BLUE, INK, RED, legend, panels
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.words import share_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from hdsl.results.fitted import FittedModel
    from hdsl.results.predicting import Include

__all__ = ["ranked"]

Floats = NDArray[np.float64]

CURVE = 400
"""Points of the curve of fitted probabilities."""


def ranked(fit: FittedModel, bins: int, order: Include) -> Picture:
    """Return the picture; see `Plots.ranked`."""
    if bins < 2:
        raise refusal(f"{bins} bins have no variance: ask for 2 or more", "write `bins=20`")
    p, successes, trials = binary_parts(fit, order)
    whole, fixed = binary_parts(fit, "all")[0], binary_parts(fit, None)[0]
    ranks = np.argsort(p, kind="stable")
    frame = _bins(ranks, bins, {"successes": successes, "trials": trials, "whole": whole, "fixed": fixed})
    facts = _variances(frame)
    kept = np.unique(np.linspace(0, len(p) - 1, CURVE).astype(np.intp))
    percent = {name: f"{100 * facts[name]:.1f} %" for name in ("described_by_whole", "left_by_fixed", "left_by_whole")}
    return Picture(
        name="ranked",
        title=f"Fitted probabilities in rank order, and the {share_name(fit.design)}",
        caption=f"{len(frame)} bins of about {round(len(p) / len(frame)):,} rows in the order of the fitted "
        f"probabilities, which describe {percent['described_by_whole']} of the variance of the bins' shares. The fixed "
        f"part leaves {percent['left_by_fixed']} of that variance, the whole model {percent['left_by_whole']}.",
        data=frame,
        facts=facts | {"curve": ((kept + 0.5) / len(p), p[ranks[kept]]), "share": share_name(fit.design)},
        draw=_draw,
    )


def _bins(ranks: NDArray[np.intp], bins: int, rows: dict[str, Floats]) -> pd.DataFrame:
    """Return the bins: `rank` (of their middle, as a share), `rows`, `trials`, `observed`, `whole`, `fixed`."""
    import pandas as pd

    parts = np.array_split(ranks, min(bins, len(ranks)))
    starts = np.cumsum([0, *map(len, parts)])
    found = []
    for start, part in zip(starts, parts, strict=False):
        weight = rows["trials"][part]
        means = {name: float((rows[name][part] * weight).sum() / weight.sum()) for name in ("whole", "fixed")}
        share = float(rows["successes"][part].sum() / weight.sum())
        middle = (start + len(part) / 2.0) / len(ranks)
        found.append({"rank": middle, "rows": len(part), "trials": weight.sum(), "observed": share, **means})
    return pd.DataFrame(found).rename_axis("bin").reset_index()


def _variances(frame: pd.DataFrame) -> dict[str, float]:
    """Return the variance of the bins' shares, what each part leaves of it, and what it describes, as shares."""
    weight, observed = frame["trials"].to_numpy(), frame["observed"].to_numpy()
    total = float(np.average((observed - np.average(observed, weights=weight)) ** 2, weights=weight))
    found = {"variance": total}
    for name in ("fixed", "whole"):
        left = float(np.average((observed - frame[name].to_numpy()) ** 2, weights=weight))
        found |= {f"left_by_{name}": left / total, f"described_by_{name}": 1.0 - left / total}
    return found


def _draw(picture: Picture) -> Figure:
    frame, facts = picture.data, picture.facts
    figure, axes = panels(size=(6.4, 4.6))
    axes = axes[0, 0]
    axes.plot(*facts["curve"], color=BLUE, linewidth=1.8, label="fitted, whole model")
    axes.plot(
        frame["rank"], frame["fixed"], color=RED, linewidth=1.4, marker="s", markersize=3.5, label="fitted, fixed part"
    )
    axes.scatter(frame["rank"], frame["observed"], s=22, color=INK, zorder=3, label="observed in the bin")
    axes.set_xlabel("rows in the order of their fitted probability, as a share of all")
    axes.set_ylabel(facts["share"])
    axes.set_xlim(-0.01, 1.01)
    legend([axes])
    return figure
