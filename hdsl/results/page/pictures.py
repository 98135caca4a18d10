"""Pictures of a fit on its page.

Stage: results. Input: a fit. Output: figures. Invariants: a picture is a file of its own inside the page, so that names
within two of them do not meet and nothing in them runs; its title and caption are words, too, for those who do not see
it and where it is small; where matplotlib is not installed the page says how to get it.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from hdsl.markup import Child, element
from hdsl.progress import say
from hdsl.results.page.parts import or_why_not, paragraph
from hdsl.results.page.request import Request

if TYPE_CHECKING:
    from hdsl.results.fitted import FittedModel
    from hdsl.results.plots import Picture

__all__ = ["pictures_body"]

LIBRARY = "matplotlib"

LARGEST = 400_000
"""Bytes of a picture made of lines."""

ELSEWHERE = frozenset({"levels"})
"""Pictures that have a section of their own."""


def pictures_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield every picture that the fit has."""
    if not request.with_plots:
        yield paragraph("Left out, as was asked.", class_="absent")
        return
    if find_spec(LIBRARY) is None:
        install = element("code", "pip install 'hdsl[plots]'")
        yield paragraph(f"None: pictures are drawn by {LIBRARY}, which is not installed; ", install, class_="absent")
        return
    if not fit.converged:
        yield paragraph("These pictures are of numbers that are not estimates.", class_="alarm")
    for name in fit.plot.available():
        if name not in ELSEWHERE:
            yield or_why_not(partial(_figure, fit, name), f"No {name}")


def _figure(fit: FittedModel, name: str) -> Element:
    say(f"drawing {name}")
    picture = getattr(fit.plot, name)()
    words = f"{picture.title}{'' if picture.title.endswith('?') else ':'} {picture.caption}"
    image = element("img", src=_address(picture), alt=words, class_="picture")
    return element("figure", image, element("figcaption", words), class_="plot")


def _address(picture: Picture) -> str:
    """Return a picture as an address that holds it: as lines, or, where these are very many, as points."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a letter that the font lacks is a box
        kind, content = "svg+xml", picture.content("svg")
        if len(content) > LARGEST:
            kind, content = "png", picture.content("png")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
