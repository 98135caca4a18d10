"""Model text on a terminal: which column a character takes, and the part of a long line that shows a span.

A leaf of the renderer. Tabs are expanded, wide characters count two columns, combining ones none, and a character that
does not print, or that would turn the text around, is shown by its number.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from unicodedata import category, east_asian_width

__all__ = ["Cells", "Window", "cells", "display_width", "window"]

_TAB = 4
_CUT = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One line of text as it is shown.

    `texts` has what is shown for each character; `starts` the column from 0 at which each begins, and the line's width
    as one more entry.
    """

    texts: tuple[str, ...]
    starts: tuple[int, ...]

    def column(self, place: int) -> int:
        """Return the column of character `place`; beyond the end, the first free column."""
        return self.starts[min(place, len(self.texts))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A cut of a line: its text, and how far its columns moved to the left."""

    text: str
    shift: int


def _shown(char: str, column: int) -> tuple[str, int]:
    """Return what is shown for a character and how many columns that takes."""
    if char == "\t":
        width = _TAB - column % _TAB
        return " " * width, width
    kind = category(char)
    if kind in {"Mn", "Me"}:
        return char, 0
    if kind in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        text = f"<U+{ord(char):04X}>"
        return text, len(text)
    return char, 2 if east_asian_width(char) in {"W", "F"} else 1


def cells(line: str) -> Cells:
    """Lay `line` out in columns."""
    texts: list[str] = []
    starts = [0]
    for char in line:
        text, width = _shown(char, starts[-1])
        texts.append(text)
        starts.append(starts[-1] + width)
    return Cells(texts=tuple(texts), starts=tuple(starts))


def display_width(text: str) -> int:
    """Return how many columns `text` takes."""
    return cells(text).starts[-1]


def window(line: Cells, first: int, last: int, width: int) -> Window:
    """Cut `line` to `width` columns such that the columns `first` to `last` are seen, or as many of them as fit."""
    total = line.starts[-1]
    if total <= width:
        return Window(text="".join(line.texts), shift=0)
    room = width - 2 * len(_CUT)
    begin = 0 if last <= room else max(0, min(first, total) - max(0, (room - (last - first)) // 2))
    begin = min(begin, max(0, total - room))
    a = bisect_right(line.starts, begin) - 1
    a = 0 if line.starts[a] <= len(_CUT) else a
    b = bisect_right(line.starts, line.starts[a] + room) - 1
    left = _CUT if a else ""
    right = _CUT if b < len(line.texts) else ""
    return Window(text=left + "".join(line.texts[a:b]) + right, shift=line.starts[a] - len(left))
