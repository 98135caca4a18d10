"""A report as data, and how it prints: text at 80 columns, a rich terminal, HTML.

Stage: results. Input: titles, facts and cells, all plain strings. Output: text or HTML. Invariants: no string is read
as markup; nothing is cut off (long names wrap); the text is ASCII but for what the user wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hdsl.results.numbers import align

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

__all__ = ["WIDTH", "Cells", "Message", "Report"]

WIDTH = 80
"""Columns of a report as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A titled table of strings.

    Attributes
    ----------
    title : str
    header : tuple of str
    rows : tuple of tuple of str
    numeric : int
        Number of columns, from the right, that hold numbers: they are aligned at the point and never wrap.
    notes : tuple of str
        Sentences under the table.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: int
    notes: tuple[str, ...] = ()

    def columns(self) -> tuple[tuple[str, ...], ...]:
        """Return header and cells by column, the numbers aligned."""
        n_text = len(self.header) - self.numeric
        result: list[tuple[str, ...]] = []
        for place, name in enumerate(self.header):
            cells = (name, *(row[place] for row in self.rows))
            result.append(cells if place < n_text else _right(name, *align(cells[1:])))
        return tuple(result)


def _right(*cells: str) -> tuple[str, ...]:
    """Pad cells on the left to the width of the widest."""
    width = max(map(len, cells))
    return tuple(cell.rjust(width) for cell in cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A warning or note: its label ``"warning[HM503]"``, its text, and lines under it."""

    label: str
    text: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A printable report: a title, an alarm if there is one, facts, tables, messages.

    Attributes
    ----------
    title : str
    alarm : str
        What a reader must know before any number; empty if nothing.
    facts : tuple of (str, str)
        Label and text, printed before the tables.
    tables : tuple of Cells
    closing : tuple of (str, str)
        Label and text, printed after the tables.
    messages : tuple of Message
        Printed last.
    """

    title: str
    alarm: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Cells, ...]
    closing: tuple[tuple[str, str], ...]
    messages: tuple[Message, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _rich_parts(self)

    def text(self, width: int = WIDTH) -> str:
        """Return the report as plain text of `width` columns."""
        from io import StringIO

        from rich.console import Console

        file = StringIO()
        console = Console(file=file, width=width, color_system=None, force_terminal=False, force_jupyter=False)
        console.print(self)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"

    def html(self) -> str:
        """Return the report as HTML; every string of the user's is escaped."""
        from hdsl.markup import html
        from hdsl.results.report_html import report_element

        return html(report_element(self))


def _rich_parts(report: Report) -> Iterator[RenderableType]:
    from rich.text import Text

    if report.alarm:
        yield Text(report.alarm, style="bold red")
    yield Text(report.title, style="bold")
    yield Text("")
    yield _rich_facts(report.facts)
    for table in report.tables:
        yield Text("")
        yield Text(table.title, style="bold")
        yield _rich_table(table)
        for note in table.notes:
            yield _indented(note)
    if report.closing:
        yield Text("")
        yield _rich_facts(report.closing)
    for message in report.messages:
        yield Text("")
        style = "bold yellow" if message.label.startswith("warning") else "bold"
        yield Text.assemble((f"{message.label}: ", style), message.text)
        yield from (_indented(detail) for detail in message.details)
    if report.alarm:
        yield Text("")
        yield Text(report.alarm, style="bold red")


def _indented(text: str) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text), (0, 0, 0, 2), expand=False)


def _rich_facts(facts: tuple[tuple[str, str], ...]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in facts:
        grid.add_row(Text(label, style="dim"), Text(text))
    return grid


def _rich_table(table: Cells) -> RenderableType:
    from rich.box import Box
    from rich.table import Table
    from rich.text import Text

    rule_under_header = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
    result = Table(box=rule_under_header, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    n_text = len(table.header) - table.numeric
    columns = table.columns()
    for place, column in enumerate(columns):
        is_number = place >= n_text
        result.add_column(Text(column[0]), no_wrap=is_number, overflow="fold")
    for row in zip(*(column[1:] for column in columns), strict=True):
        result.add_row(*(Text(cell) for cell in row))
    return result
