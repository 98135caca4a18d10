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
    n_text = len(table.header) - table.numeric
    head = [
        element("th", name, scope="col", style=LEFT if place < n_text else "text-align:right") if name else _blank()
        for place, name in enumerate(table.header)
    ]
    columns = [column[1:] for column in table.columns()]
    body = [_line(row, n_text) for row in zip(*columns, strict=True)]
    made = element(
        "table",
        element("caption", table.title, style=LEFT),
        element("thead", element("tr", head)),
        element("tbody", body),
    )
    return element("div", made, [element("p", note, class_="note") for note in table.notes])


def _blank() -> Element:
    """Return the head of a column that the one before it speaks for."""
    return element("td")


def _line(row: Sequence[str], n_text: int) -> Element:
    """Return a row, whose first cell is its header."""
    cells = [
        element("th", cell, scope="row", style=LEFT)
        if place == 0 and n_text > 0 and cell
        else element("td", cell, style=LEFT)
        if place < n_text
        else element("td", cell.translate(_PADDING), style=RIGHT, class_="num")
        for place, cell in enumerate(row)
    ]
    return element("tr", cells)


def message_element(message: Message) -> Element:
    """Return a warning or note with its details."""
    details = [(element("br"), detail) for detail in message.details]
    return element("p", element("strong", message.label), ": ", message.text, details, class_="message")
