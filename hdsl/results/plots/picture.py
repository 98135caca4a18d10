"""A picture: its frame, what it is called, and how it is drawn.

Stage: results. Input: a frame and a function that draws it. Output: a matplotlib figure, or a file. Invariants: the
frame is there without matplotlib, which is loaded when the picture is first drawn; a picture is drawn once; equal
frames give equal files, since neither the time nor a random number goes into them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hdsl.results.plots.refusals import refusal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "Picture"]

PLACES = re.compile(rb' (?:d|x|y|transform)="[^"]*"')
"""Coordinates in an SVG."""

LONG = re.compile(rb"(\.\d{3})\d+")
"""Digits of a coordinate that nobody sees."""


FORMATS = ("png", "svg", "pdf", "csv")
"""Endings of the files that a picture can be saved as; of ``csv`` it is the frame."""

DPI = 150
"""Dots per inch of a PNG."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture of a fit.

    Attributes
    ----------
    name : str
        Its name in `Plots.available`.
    title : str
        What it shows, in words.
    caption : str
        What a reader must know besides: how many groups, which interval, what was held where.
    data : DataFrame
        What is drawn, tidy: a row for each mark.
    facts : mapping
        Numbers that belong to the whole picture, by name.
    draw : callable
        Makes the figure.
    svg : str
        The picture as SVG where it is that already; empty otherwise.
    """

    name: str
    title: str
    caption: str
    data: pd.DataFrame = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    draw: Callable[[Picture], Figure] = field(repr=False)
    svg: str = field(default="", repr=False)

    @cached_property
    def figure(self) -> Figure:
        """The matplotlib figure.

        Raises
        ------
        FitError
            HM517 where matplotlib is not installed.
        """
        from hdsl.results.plots.canvas import drawn

        return drawn(self)

    def save(self, path: str | Path) -> None:
        """Write the picture to a file.

        Parameters
        ----------
        path : str or Path
            Ends in ``.png``, ``.svg`` or ``.pdf``; in ``.csv`` it is the frame that is written.

        Raises
        ------
        FitError
            HM517 for another ending, and where matplotlib is not installed.
        OSError
            If the file cannot be written.
        """
        Path(path).write_bytes(self.content(Path(path).suffix.removeprefix(".")))

    def content(self, format: str) -> bytes:
        """Return the picture as the bytes of a file; `format` is one of ``"png"``, ``"svg"``, ``"pdf"``, ``"csv"``.

        Raises
        ------
        FitError
            HM517 for another format, and where matplotlib is not installed.
        """
        if format not in FORMATS:
            endings = ", ".join(f".{ending}" for ending in FORMATS)
            raise refusal(f"a picture is no {format or 'file without ending'!r}: write one of {endings}", endings)
        if format == "csv":
            return self.data.to_csv(index=False).encode("utf-8")
        if format == "svg" and self.svg:
            return self.svg.encode("utf-8")
        from hdsl.results.plots.canvas import metadata, style

        buffer = io.BytesIO()
        with style():
            self.figure.savefig(buffer, format=format, dpi=DPI, metadata=metadata(format, self.title))
        return _shortened(buffer.getvalue()) if format == "svg" else buffer.getvalue()

    def to_svg(self) -> str:
        """Return the picture as an ``svg`` element, to stand in a page of HTML.

        Raises
        ------
        FitError
            HM517 where matplotlib is not installed.
        """
        text = self.content("svg").decode("utf-8")
        return text[text.index("<svg") :]

    def _repr_png_(self) -> bytes:
        return self.content("png")


def _shortened(content: bytes) -> bytes:
    """Return an SVG with coordinates of three decimals, a third smaller."""
    return PLACES.sub(lambda place: LONG.sub(rb"\1", place[0]), content)
