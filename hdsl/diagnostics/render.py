"""Diagnostics as text, as one line, and as JSON.

Input: `Diagnostic` records. Output: text. Invariant: plain unless colour is asked for; the first
line makes sense alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hdsl.diagnostics.codes import CODES
from hdsl.diagnostics.layout import Cells, cells, display_width, window
from hdsl.diagnostics.record import Diagnostic, Severity
from hdsl.source import Source, Span

__all__ = ["as_dict", "render_concise", "render_json", "render_text"]

_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTE: "1;36"}
_SECONDARY, _GUTTER, _BOLD = "1;34", "1;34", "1"
_MOST_LINES = 4
_LONGEST_WORD, _LONGEST_TEXT = 100, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What to draw under one line: columns are characters from 0, `end` exclusive."""

    line: int
    start: int
    end: int
    text: str
    is_primary: bool


class _Pen:
    """Colours, or none."""

    def __init__(self, *, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


def render_text(diagnostic: Diagnostic, *, width: int = 80, color: bool = False) -> str:
    """Return a diagnostic with its place in the text.

    Parameters
    ----------
    diagnostic : Diagnostic
    width : int
        Columns that notes, help and source lines keep to.
    color : bool
        Whether to use the terminal's colours.

    Returns
    -------
    str
        Lines without a final line end.
    """
    pen = _Pen(color=color)
    tone = _COLOURS[diagnostic.severity]
    head = f"{diagnostic.severity.value}[{diagnostic.code}]"
    lines = [pen(head, tone) + pen(f": {_bounded(diagnostic.message)}", _BOLD)]
    marks = _marks(diagnostic)
    gutter = len(str(max((mark.line for mark in marks), default=1)))
    bar = " " * (gutter + 2) + pen("|", _GUTTER)
    if diagnostic.span is not None:
        lines.append(" " * (gutter + 1) + pen("-->", _GUTTER) + f" {_place(diagnostic)}")
        if diagnostic.source is not None:
            lines.append(bar)
            lines.extend(_excerpt(diagnostic.source, marks, gutter, width, tone, pen))
            if diagnostic.help or diagnostic.notes:
                lines.append(bar)
    for kind, text in [("note", note) for note in diagnostic.notes] + [("help", diagnostic.help)]:
        if text:
            lines.extend(_footer(kind, _bounded(text), gutter, width, pen))
    return "\n".join(line.rstrip() for line in lines)


def render_concise(diagnostic: Diagnostic) -> str:
    """Return a diagnostic on one line: ``school.hm:4:28: error[HM203]: message``."""
    place = _place(diagnostic)
    head = f"{place}: " if place else ""
    return f"{head}{diagnostic.severity.value}[{diagnostic.code}]: {_on_one_line(_bounded(diagnostic.message))}"


def as_dict(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a diagnostic as plain data; places count from 1, offsets from 0."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "title": CODES.get(diagnostic.code, ""),
        "message": diagnostic.message,
        "file": None if diagnostic.source is None else diagnostic.source.name,
        "span": _span_dict(diagnostic.span),
        "label": diagnostic.label,
        "secondary": [{"span": _span_dict(label.span), "label": label.text} for label in diagnostic.secondary],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
    }


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Return diagnostics as a JSON list of the objects that `as_dict` gives."""
    return json.dumps([as_dict(diagnostic) for diagnostic in diagnostics], indent=2, ensure_ascii=False)


def _span_dict(span: Span | None) -> dict[str, int] | None:
    if span is None:
        return None
    return {
        "start": span.start,
        "end": span.end,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _bounded(text: str) -> str:
    """Return `text` with the middle left out of what is too long to read, such as a label of a million letters."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[: _LONGEST_TEXT - 100]} ... {text[-80:]}"
    return re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", lambda match: f"{match[0][:60]}...{match[0][-20:]}", text)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _place(diagnostic: Diagnostic) -> str:
    """Return ``file:line:column``, as far as it is known."""
    parts = [] if diagnostic.source is None else ["".join(cells(diagnostic.source.name).texts)]
    if diagnostic.span is not None:
        parts += [str(diagnostic.span.line), str(diagnostic.span.column)]
    return ":".join(parts)


# ---------------------------------------------------------------------------------------------- the excerpt


def _marks(diagnostic: Diagnostic) -> tuple[_Mark, ...]:
    """Return what to draw under which line, in the order of the text, the primary mark first on its line."""
    if diagnostic.span is None or diagnostic.source is None:
        return ()
    source = diagnostic.source
    marks = list(_span_marks(source, diagnostic.span, diagnostic.label, is_primary=True))
    for label in diagnostic.secondary:
        marks.extend(_span_marks(source, label.span, label.text, is_primary=False))
    return tuple(sorted(marks, key=lambda mark: (mark.line, not mark.is_primary, mark.start)))


def _span_marks(source: Source, span: Span, text: str, *, is_primary: bool) -> Iterator[_Mark]:
    """Yield the marks of a span, one for each of its lines; of a long one its first and last lines."""
    numbers = [
        n for n in range(span.line, span.end_line + 1) if n in (span.line, span.end_line) or source.line(n).strip()
    ]
    if span.end_column == 1 and len(numbers) > 1:
        numbers.pop()
    if len(numbers) > _MOST_LINES:
        numbers = [*numbers[: _MOST_LINES // 2], *numbers[-_MOST_LINES // 2 :]]
    for number in numbers:
        line = source.line(number)
        indent = len(line) - len(line.lstrip())
        start = span.column - 1 if number == span.line else indent
        end = span.end_column - 1 if number == span.end_line else len(line.rstrip())
        shown = text if number == numbers[-1] else ""
        yield _Mark(line=number, start=start, end=max(start, end), text=_bounded(shown), is_primary=is_primary)


def _excerpt(source: Source, marks: tuple[_Mark, ...], gutter: int, width: int, tone: str, pen: _Pen) -> Iterator[str]:
    """Yield the marked source lines, each with its marks below it."""
    bar = " " * (gutter + 2) + pen("|", _GUTTER)
    room = max(20, width - gutter - 4)
    previous = None
    for number in dict.fromkeys(mark.line for mark in marks):
        if previous is not None and number > previous + 1:
            yield " " * (gutter + 1) + pen("...", _GUTTER)
        previous = number
        here = [mark for mark in marks if mark.line == number]
        line = cells(source.line(number))
        view = window(line, line.column(here[0].start), line.column(here[0].end), room)
        yield " " + pen(f"{number:>{gutter}} |", _GUTTER) + f" {view.text}"
        for mark in here:
            for row in _under(mark, line, view.shift, room):
                yield f"{bar} " + pen(row, tone if mark.is_primary else _SECONDARY)


def _under(mark: _Mark, line: Cells, shift: int, room: int) -> Iterator[str]:
    """Yield the marker under a line with its words: beside it, or below where there is no room."""
    start = min(max(0, line.column(mark.start) - shift), room - 1)
    end = min(max(start + 1, line.column(mark.end) - shift), room)
    row = " " * start + ("^" if mark.is_primary else "-") * (end - start)
    words = display_width(mark.text)
    if not mark.text or end + 1 + words <= room:
        yield f"{row} {mark.text}"
        return
    yield row
    yield " " * max(0, min(start, room - words)) + mark.text


# ---------------------------------------------------------------------------------------------- notes and help


def _footer(kind: str, text: str, gutter: int, width: int, pen: _Pen) -> Iterator[str]:
    """Yield ``= help: text``, wrapped between words but not inside backquotes."""
    indent = gutter + 2
    lead = f"= {kind}: "
    room = max(30, width - indent - len(lead))
    for number, line in enumerate(row for part in text.splitlines() for row in _wrapped(part, room)):
        yield " " * indent + (pen("=", _GUTTER) + pen(lead[1:], _BOLD) if number == 0 else " " * len(lead)) + line


def _wrapped(text: str, room: int) -> Iterator[str]:
    """Yield `text` in lines of at most `room` columns; a longer quotation or word has a line of its own."""
    line = ""
    for word in re.findall(r"(?:`[^`]*`|\S)+", text):
        if line and display_width(line) + 1 + display_width(word) > room:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line
