"""Parts that every section of the page is made of: boxes that scroll, what can be folded, code, refusals in words.

Stage: results. Input: elements and text. Output: elements. Invariant: whatever can be wider than a phone is in a box
that scrolls by itself, which the keyboard reaches, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from hdsl.diagnostics import FitError
from hdsl.form.mathml import mathml
from hdsl.markup import Child, element
from hdsl.results.report_html import table_element

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.report import Cells

__all__ = ["Part", "boxed", "code", "display", "folded", "frame_cells", "or_why_not", "paragraph", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section of the page: its place in the address, its heading, what it holds."""

    id: str
    title: str
    body: tuple[Child, ...]


def boxed(content: Child, label: str) -> Element:
    """Return something wide in a box that scrolls; `label` is what a reader who does not see it is told."""
    return element("div", content, class_="scroll", role="region", aria_label=label, tabindex="0")


def table(cells: Cells) -> Element:
    """Return a table in its box, its notes under it."""
    made = table_element(cells)
    notes = list(made[1:])
    return element("div", boxed(made[0], cells.title), notes, class_="table")


def display(latex: str, label: str) -> Element:
    """Return an equation, or several under each other, in a box."""
    return element("div", boxed(mathml(latex), label), class_="math")


def folded(summary: Child, *content: Child, is_open: bool = False) -> Element:
    """Return what a reader opens when it is wanted; in print it is open."""
    return element("details", element("summary", summary), content, open="" if is_open else None)


def code(content: Child, label: str) -> Element:
    """Return program text in a box."""
    return element("div", boxed(element("pre", element("code", content)), label), class_="code")


def paragraph(*content: Child, class_: str | None = None) -> Element:
    """Return a paragraph."""
    return element("p", content, class_=class_)


def or_why_not(make: Callable[[], Child], what: str) -> Child:
    """Return what `make` makes; where this fit does not have it, a sentence that says why."""
    try:
        return make()
    except FitError as error:
        return paragraph(f"{what}: {error.message} ({error.code}).", class_="absent")


def frame_cells(frame: pd.DataFrame, show: Callable[[str, object], str]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a frame as text, `show` called with the name of the column and the value."""
    names = [str(name) for name in frame.columns]
    for row in frame.itertuples(index=False):
        yield tuple(show(name, value) for name, value in zip(names, row, strict=True))
