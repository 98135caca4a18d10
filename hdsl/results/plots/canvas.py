"""Where pictures are drawn: matplotlib, its style, a figure with title and caption.

Stage: results. Input: a `Picture`. Output: a matplotlib figure. Invariants: matplotlib is imported here and below, when
a picture is drawn; `pyplot` is not, so that nothing global changes and no display is needed; colours are those of Okabe
and Ito, which people who do not tell red from green tell apart; a legend never lies on the data.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.results.plots.refusals import refusal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hdsl.results.plots.picture import Picture

__all__ = [
    "BLUE",
    "COLOURS",
    "FAINT",
    "FAINT_BLUE",
    "GREEN",
    "GREY",
    "INK",
    "MOST_SHAPES",
    "PALE",
    "RED",
    "drawn",
    "legend",
    "metadata",
    "panels",
    "rug",
    "shown_number",
    "style",
]

BLUE, RED, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
INK, GREY, FAINT = "#24292f", "#6e7781", "#d0d7de"
FAINT_BLUE, PALE = "#a9cbe6", "#eaf2f9"
COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, INK)
"""Of series, in order."""

MOST_SHAPES = 300
"""Marks up to which each is a shape in an SVG; more are one image."""

CHARACTER = 0.066
"""Width in inches of a character of a caption."""

TITLE_CHARACTER = 0.096
"""The same of a title."""

HANDLE = 0.42
"""Width in inches of what stands before a name in a legend, and of the space behind it."""

ROW = 14.0
"""Height in points of a row of a legend."""

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#eaeef2",
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "text.parse_math": False,  # a name with dollar signs is a name
    "svg.fonttype": "none",
    "svg.hashsalt": "hdsl",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
}


def style() -> AbstractContextManager[None]:
    """Return the context in which pictures are drawn and written.

    Raises
    ------
    FitError
        HM517 where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        message = "pictures are drawn by matplotlib, which is not installed: pip install 'hdsl[plots]'"
        raise refusal(message, "`.data` has the frame of a picture without it") from error
    return mpl.rc_context(STYLE)


def drawn(picture: Picture) -> Figure:
    """Return the figure of a picture, with its title above and its caption below."""
    with style():
        figure = picture.draw(picture)
        if picture.svg:  # it says what it is
            return figure
        width = int((figure.get_figwidth() - 0.2) / CHARACTER)
        title = textwrap.fill(picture.title, int((figure.get_figwidth() - 0.2) / TITLE_CHARACTER))
        figure.suptitle(title, x=0.012, ha="left", fontsize=12, fontweight="bold", color=INK)
        if picture.caption:
            caption = textwrap.fill(picture.caption, width)
            figure.supxlabel(caption, x=0.012, ha="left", fontsize=8.5, color=GREY)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # everything has its place now; files need not look for it again
    return figure


def metadata(format: str, title: str) -> dict[str, Any]:
    """Return what is written into a file besides the picture: its title, no time."""
    return {"svg": {"Date": None, "Title": title}, "pdf": {"CreationDate": None, "Title": title}}.get(format, {})


def panels(
    n_rows: int = 1, n_columns: int = 1, *, size: tuple[float, float] = (6.4, 4.2), **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """Return a figure and its axes, (n_rows, n_columns); `size` in inches, `options` as of matplotlib's subplots."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False, **options)
    return figure, np.asarray(axes)


def legend(row: Iterable[Axes], handles: Sequence[Any] = (), *, of: str = "") -> None:
    """Put a legend between the titles of a row of axes and the axes, where no data are.

    `handles` are those of the first axes by default; `of` is the variable that the names are values of.
    """
    axes, *others = row
    found = list(handles) or axes.get_legend_handles_labels()[0]
    if not found:
        return
    names = [str(handle.get_label()) for handle in found]
    if of:
        is_short = sum(len(of) + len(name) + 6 for name in names) < 70
        names = [f"{of} = {name}" if is_short or name is names[0] else name for name in names]
    columns = _columns(axes, names)
    height = ROW * -(-len(found) // columns)
    for each in (axes, *others):
        title = each.get_title(loc="left")
        each.set_title(title or " ", pad=6.0 + height - (0.0 if title else ROW))  # an empty title is a row itself
    shown = axes.legend(
        handles=found,
        labels=names,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        borderpad=0.0,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.2,
    )
    shown.set_in_layout(False)  # the title keeps its room; what is wider than the axes takes no room from others


def _columns(axes: Axes, names: Sequence[str]) -> int:
    """Return how many names of a legend have room beside one another."""
    figure = axes.get_figure()
    assert figure is not None
    room = float(figure.get_figwidth()) - 0.9  # type: ignore[union-attr]
    widest = HANDLE + CHARACTER * 1.05 * max(len(name) for name in names)
    return max(1, min(len(names), int(room / widest)))


def rug(axes: Axes, values: Sequence[float]) -> None:
    """Mark values on the lower edge of the axes."""
    places = np.full(len(values), 0.014)
    axes.plot(values, places, "|", color=GREY, markersize=5, alpha=0.6, transform=axes.get_xaxis_transform())


def shown_number(value: Any) -> str:
    """Return a value as a legend has it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
