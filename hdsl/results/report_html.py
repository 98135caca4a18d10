"""The parts of a report as HTML: facts, tables, messages.

Stage: results. Input: records of `hdsl.results.report`. Output: elements. Invariants: numbers stand under each other by
their points; a table has a caption, and headers that say what they are the header of; looks that a table cannot be read
without are attributes, so that it needs no style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from hdsl.markup import element

if TYPE_CHECKING:
    from hdsl.results.report import Cells, Message, Report

__all__ = ["facts_element", "message_element", "report_element", "table_element"]

LEFT, RIGHT = "text-align:left", "text-align:right;white-space:pre;font-variant-numeric:tabular-nums"

ASIDE = frozenset({"term", "role"})
"""Columns that a narrow screen can do without: the equations say the same."""

_PADDING = str.maketrans({" ": "\N{FIGURE SPACE}"})
"""A space as wide as a digit."""


def report_element(report: Report) -> Element:
    """Return the whole report."""
    alarm = element("p", element("strong", report.alarm), style="color:#b00020") if report.alarm else None
    return element(
        "div",
        alarm,
        element("p", element("strong", report.title)),
        facts_element(report.facts),
        map(table_element, report.tables),
        facts_element(report.closing) if report.closing else None,
        map(message_element, report.messages),
        class_="hdsl-report",
    )


def facts_element(facts: Sequence[tuple[str, str]]) -> Element:
    """Return labels and texts as a table of two columns."""
    rows = [
        element("tr", element("th", label, scope="row", style=LEFT), element("td", text, style=LEFT))
        for label, text in facts
    ]
    return element("table", element("tbody", rows), class_="facts")


def table_element(table: Cells) -> Element:
    """Return a table with its caption, and the sentences under it."""
    head = [_head(table, place) for place in range(len(table.header))]
    columns = [column[1:] for column in table.columns()]
    body = [
        element("tr", [_cell(table, row, place) for place in range(len(row))]) for row in zip(*columns, strict=True)
    ]
    made = element(
        "table",
        element("caption", table.title, style=LEFT),
        element("thead", element("tr", head)),
        element("tbody", body),
    )
    return element("div", made, [element("p", note, class_="note") for note in table.notes])


def _head(table: Cells, place: int) -> Element:
    """Return the head of a column; one without a name is spoken for by the one before it."""
    name = table.header[place]
    if not name:
        return element("td")
    style = LEFT if place < len(table.header) - table.numeric else "text-align:right"
    return element("th", name, scope="col", style=style, class_="aside" if name in ASIDE else None)


def _cell(table: Cells, row: Sequence[str], place: int) -> Element:
    """Return a cell; the first of a row is its header."""
    if place >= len(table.header) - table.numeric:
        return element("td", row[place].translate(_PADDING), style=RIGHT, class_="num")
    if place == 0 and row[0]:
        return element("th", row[0], scope="row", style=LEFT)
    return element("td", row[place], style=LEFT, class_="aside" if table.header[place] in ASIDE else None)


def message_element(message: Message) -> Element:
    """Return a warning or note with its details."""
    details = [(element("br"), detail) for detail in message.details]
    return element("p", element("strong", message.label), ": ", message.text, details, class_="message")
