"""Model text and places in it.

A leaf: every stage may import it. A `Source` is the text of one model file with its name; a `Span` is a half-open
range of that text. Spans carry line and column, so that a record that outlives its text still says where it came from.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

__all__ = ["Source", "Span"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A range of the model text.

    Attributes
    ----------
    start, end : int
        Offsets in characters from 0, `end` exclusive.
    line, column, end_line, end_column : int
        The same two places as lines and columns, both from 1; `end_column` is exclusive.
    """

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of `other`."""
        return Span(
            start=self.start,
            end=other.end,
            line=self.line,
            column=self.column,
            end_line=other.end_line,
            end_column=other.end_column,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a model and the name that diagnostics print for it.

    Attributes
    ----------
    text : str
        The whole model text, without a byte order mark.
    name : str
        File name, or ``"<model>"`` for text that came from no file.
    """

    text: str
    name: str = "<model>"
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Editors put a byte order mark in front; counted as a character it would move the first line's columns.
        object.__setattr__(self, "text", self.text.removeprefix("\ufeff"))
        starts = [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]
        object.__setattr__(self, "_starts", tuple(starts))

    @property
    def n_lines(self) -> int:
        """Number of lines; a text without a newline has one."""
        return len(self._starts)

    def line(self, number: int) -> str:
        """Return line `number` (from 1) without its line end."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a character offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """Return the span of the characters ``start .. end - 1``."""
        line, column = self.place(start)
        end_line, end_column = self.place(end)
        return Span(start=start, end=end, line=line, column=column, end_line=end_line, end_column=end_column)
