"""The levels graph: index sets as boxes, finer ones below, with their units and what lives there.

Stage: results. Input: a fit. Output: a `Picture`. Invariant: the drawing is that of `hdsl.semantics.picture`, which is
SVG; for other formats its shapes are drawn again, one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from hdsl.form.expr import show_index_set
from hdsl.results.page.data import observed
from hdsl.results.plots.picture import Picture
from hdsl.results.plots.words import columns_of
from hdsl.semantics.equations import read_equations

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.results.fitted import FittedModel

__all__ = ["levels"]

SVG = "{http://www.w3.org/2000/svg}"
DOTS = 96.0
"""Pixels of the drawing in an inch."""

POINT = 72.0 / DOTS

STEP = re.compile(r"([MmlCHz])([^MmlCHz]*)")
"""A step of a path, as the drawing has them: to a place, by a distance, a curve, along, back to the start."""


def levels(fit: FittedModel) -> Picture:
    """Return the picture; see `Plots.levels`."""
    found = read_equations(fit.design.form).levels
    return Picture(
        name="levels",
        title="Levels of the model",
        caption="",
        data=_frame(fit),
        svg=found.to_svg(fit.design.group_counts, observed(fit.design)),
        draw=_draw,
    )


def _frame(fit: FittedModel) -> pd.DataFrame:
    """Return the index sets: `index_set`, `columns`, `units`, and the sets that it lies `in`."""
    import pandas as pd

    form, counts = fit.design.form, fit.design.group_counts
    rows = []
    for own in form.index_sets:
        coarser = [s for s in form.index_sets if s != own and form.determines(own, s)]
        inside = ", ".join(f"[{show_index_set(s)}]" for s in coarser)
        rows.append((f"[{show_index_set(own)}]", columns_of(fit.design, own), counts.get(own), inside))
    return pd.DataFrame(rows, columns=["index_set", "columns", "units", "in"])


def _draw(picture: Picture) -> Figure:
    from matplotlib.figure import Figure

    root = ElementTree.fromstring(picture.svg)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    figure = Figure(figsize=(width / DOTS, height / DOTS))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, width), ylim=(height, 0.0))
    axes.set_axis_off()
    for node in root.iter():
        {f"{SVG}rect": _rectangle, f"{SVG}text": _text, f"{SVG}path": _path}.get(node.tag, _nothing)(axes, node)
    return figure


def _nothing(axes: Axes, node: ElementTree.Element) -> None:
    """Title, description and the picture itself are no shapes."""


def _colours(node: ElementTree.Element) -> dict[str, Any]:
    line = node.get("stroke")
    return {
        "facecolor": node.get("fill", "none"),
        "edgecolor": line or "none",
        "linewidth": float(node.get("stroke-width", "0")) * POINT,
        "linestyle": (0, (3, 3)) if node.get("stroke-dasharray") else "-",
    }


def _rectangle(axes: Axes, node: ElementTree.Element) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, width, height, radius = (float(node.get(name, "0")) for name in ("x", "y", "width", "height", "rx"))
    shape = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, **_colours(node)))


def _text(axes: Axes, node: ElementTree.Element) -> None:
    axes.text(
        float(node.get("x", "0")),
        float(node.get("y", "0")),
        node.text or "",
        color=node.get("fill"),
        fontsize=float(node.get("font-size", "12")) * POINT,
        fontweight=node.get("font-weight", "normal"),
        ha="right" if node.get("text-anchor") == "end" else "left",
        va="baseline",
        family="monospace",
        parse_math=False,
    )


def _path(axes: Axes, node: ElementTree.Element) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    steps = list(_steps(node.get("d", "")))
    axes.add_patch(PathPatch(Path([at for at, _ in steps], [code for _, code in steps]), **_colours(node)))


def _steps(text: str) -> Iterator[tuple[tuple[float, float], Any]]:
    """Yield the points of a path with what leads to each, as matplotlib names it."""
    from matplotlib.path import Path

    x = y = 0.0
    for letter, rest in STEP.findall(text):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", rest)]
        if letter == "z":
            yield (x, y), Path.CLOSEPOLY
        elif letter == "H":
            x = numbers[0]
            yield (x, y), Path.LINETO
        elif letter == "C":
            for k in range(0, len(numbers), 2):
                x, y = numbers[k], numbers[k + 1]
                yield (x, y), Path.CURVE4
        else:
            for k in range(0, len(numbers), 2):
                x, y = (numbers[k], numbers[k + 1]) if letter == "M" else (x + numbers[k], y + numbers[k + 1])
                yield (x, y), Path.MOVETO if letter in "Mm" else Path.LINETO
