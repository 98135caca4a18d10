"""The graph of levels as a picture: boxes in layers, the rows below, coarser sets above, drawn as SVG.

Input: `Box` and `Arrow` records. Output: SVG text that needs no style sheet, script or font from elsewhere. Invariants:
every arrow points up; text is escaped, and its width is that of a monospaced face; the same input gives the same
picture. Lines and free text are of a grey that shows on white and on black, boxes bring their own ground.

The layout is the usual one for layered graphs: layers by longest path, a place for each layer that an arrow passes,
orders by barycentres, positions by least squares with the distances as constraints.
"""

from __future__ import annotations

import hashlib
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

__all__ = ["Arrow", "Box", "draw", "wrap_notes"]

CELL = 7.3
"""Width of a character, at the size below: monospaced faces are 0.6 em wide, wide letters take two cells."""

SMALL_CELL = 6.7
"""The same of a smaller size, of notes and labels."""

SIZE = 12
"""Font size of the text in boxes."""

LINE = 17
"""Height of a line of text."""

PAD = 10
"""Distance of text from the border of its box."""

GAP = 34
"""Least distance of two boxes side by side."""

RISE = 58
"""Distance of two layers, in which arrows bend and are labelled."""

MARGIN = 12
"""Distance of everything from the border of the picture."""

NARROWEST = 66
"""Characters to which text under a picture is never wrapped narrower."""

SWEEPS = 8
"""Times that the layers are ordered and placed by their neighbours."""

FACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
GREY = "#7b7f86"
INK = "#1b1f24"
FAINT = "#5a626b"
GROUNDS = {"rows": "#f1f3f5", "grouping": "#dbe9f6", "other": "#fbfbfa"}
"""What fills a box: the rows, a set over which coefficients vary by a distribution, any other set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An index set: its printed form, number of units or nothing, lines of text; `kind` is a key of `GROUNDS`."""

    name: str
    count: str
    lines: tuple[str, ...]
    kind: str

    @property
    def width(self) -> float:
        """Width in pixels."""
        head = cells(self.name) + (cells(self.count) + 3 if self.count else 0)
        return 2 * PAD + CELL * max([head, 8, *map(cells, self.lines)])

    @property
    def height(self) -> float:
        """Height in pixels."""
        return 2 * PAD + LINE * (1 + len(self.lines)) - 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """An arrow from a finer set to a coarser one, and its label, which may be empty."""

    finer: str
    coarser: str
    label: str


def cells(text: str) -> int:
    """Return the number of character cells that a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def draw(
    boxes: Sequence[Box],
    arrows: Sequence[Arrow],
    crossed: Sequence[tuple[str, str]],
    notes: Sequence[str],
    *,
    title: str,
    description: str,
) -> str:
    """Return the picture.

    Parameters
    ----------
    boxes, arrows : sequences
        Without circles.
    crossed : sequence of pairs of names
        Where two of them stand side by side, a broken line with a cross joins them.
    notes : sequence of str
        Lines of text under the picture.
    title, description : str
        What a reader who does not see the picture is told.

    Returns
    -------
    str
        An ``svg`` element.
    """
    layout = _Layout({box.name: box for box in boxes}, arrows)
    lines = wrap_notes(notes, max(NARROWEST, int(layout.width / SMALL_CELL)))
    note_top = layout.height + 2 * MARGIN + 4
    width = max([layout.width, *(cells(line) * SMALL_CELL for line in lines)]) + 2 * MARGIN
    height = note_top + len(lines) * LINE + 6
    layout.move((width - layout.width) / 2, MARGIN)
    parts = [_arrow(layout, chain, arrow) for chain, arrow in zip(layout.chains, arrows, strict=True)]
    parts += [_cross(layout, *pair) for pair in crossed if layout.are_beside(*pair)]
    parts += [_box(layout, box) for box in boxes]
    parts += [_text(MARGIN, note_top + LINE * k + 8, line, GREY, SIZE - 1) for k, line in enumerate(lines)]
    body = "\n".join(parts)
    key = hashlib.sha256("\x00".join([title, description, body]).encode("utf-8", "replace")).hexdigest()[:8]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="t{key} d{key}" '
        f'style="max-width:100%;height:auto" font-family="{FACE}">\n'
        f'<title id="t{key}">{safe(title)}</title>\n<desc id="d{key}">{safe(description)}</desc>\n{body}\n</svg>\n'
    )


def wrap_notes(notes: Iterable[str], width: int) -> list[str]:
    """Break sentences into lines; a pair ``[a] x [b]`` stays together."""
    kept = [note.replace("] x [", "]\xa0x\xa0[") for note in notes]
    lines = [line for note in kept for line in textwrap.wrap(note, width, subsequent_indent="  ")]
    return [line.replace("\xa0", " ") for line in lines]


def safe(text: str) -> str:
    """Return text that may stand in XML: escaped, characters that XML does not have replaced."""
    return escape("".join(c if c >= " " or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text))


# -- layout ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Layout:
    """Where everything stands. Names in `layers` are those of boxes, or numbers of places that an arrow passes."""

    boxes: Mapping[str, Box]
    arrows: Sequence[Arrow]
    layers: list[list[str]] = field(default_factory=list)
    chains: list[list[str]] = field(default_factory=list)
    centre: dict[str, float] = field(default_factory=dict)
    top: list[float] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def __post_init__(self) -> None:
        ranks = _ranks(self.boxes, self.arrows)
        self.layers = [[] for _ in range(max(ranks.values(), default=0) + 1)]
        for name, rank in ranks.items():
            self.layers[rank].append(name)
        for arrow in self.arrows:
            between = range(ranks[arrow.finer] + 1, ranks[arrow.coarser])
            places = [f"\x00{len(self.chains)}.{rank}" for rank in between]
            for rank, place in zip(between, places, strict=True):
                self.layers[rank].append(place)
            self.chains.append([arrow.finer, *places, arrow.coarser])
        self._order()
        self._place()
        self._stack()

    def move(self, x: float, y: float) -> None:
        """Move everything to the right and down."""
        self.centre = {name: centre + x for name, centre in self.centre.items()}
        self.top = [top + y for top in self.top]

    def size(self, name: str) -> float:
        return self.boxes[name].width if name in self.boxes else 10.0

    def neighbours(self, name: str, *, above: bool) -> list[str]:
        steps = ((a, b) for chain in self.chains for a, b in pairwise(chain))
        return [(b if above else a) for a, b in steps if (a if above else b) == name]

    def _order(self) -> None:
        """Order the layers by the mean position of their neighbours; the order with fewest crossings stays."""
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(SWEEPS):
            above = sweep % 2 == 1
            for layer in self.layers[::-1] if above else self.layers:
                position = {name: float(place) for other in self.layers for place, name in enumerate(other)}
                layer.sort(key=lambda n: _mean((position[m] for m in self.neighbours(n, above=above)), position[n]))
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _crossings(self) -> int:
        place = {name: k for layer in self.layers for k, name in enumerate(layer)}
        total = 0
        for layer in self.layers:
            steps = [(place[n], place[m]) for n in layer for m in self.neighbours(n, above=True)]
            total += sum((a - c) * (b - d) < 0 for k, (a, b) in enumerate(steps) for c, d in steps[k + 1 :])
        return total

    def _place(self) -> None:
        """Place each layer as near to its neighbours' centres as the widths let it."""
        for layer in self.layers:
            self._settle(layer, [0.0 for _ in layer])
        for sweep in range(SWEEPS):
            above = sweep % 2 == 1
            for layer in self.layers[::-1] if above else self.layers:
                wanted = [
                    _mean((self.centre[m] for m in self.neighbours(n, above=above)), self.centre[n]) for n in layer
                ]
                self._settle(layer, wanted)
        left = min(self.centre[n] - self.size(n) / 2 for n in self.centre)
        self.centre = {name: x - left for name, x in self.centre.items()}
        self.width = max(self.centre[n] + self.size(n) / 2 for n in self.centre)

    def _settle(self, layer: list[str], wanted: list[float]) -> None:
        offsets = [0.0]
        for a, b in pairwise(layer):
            offsets.append(offsets[-1] + (self.size(a) + self.size(b)) / 2 + GAP)
        monotone = _isotonic([w - o for w, o in zip(wanted, offsets, strict=False)])
        self.centre.update({name: m + o for name, m, o in zip(layer, monotone, offsets, strict=False)})

    def _stack(self) -> None:
        """Stack the layers, the finest below."""
        self.top = [0.0 for _ in self.layers]
        y = 0.0
        for rank in range(len(self.layers) - 1, -1, -1):
            self.top[rank] = y
            y += max((self.boxes[n].height for n in self.layers[rank] if n in self.boxes), default=0.0) + RISE
        self.height = y - RISE

    def y(self, name: str) -> float:
        """Return the top of a box; the boxes of a layer stand on one line."""
        rank = next(rank for rank, layer in enumerate(self.layers) if name in layer)
        tallest = max(self.boxes[n].height for n in self.layers[rank] if n in self.boxes)
        own = self.boxes[name].height if name in self.boxes else tallest / 2
        return self.top[rank] + tallest - own

    def are_beside(self, a: str, b: str) -> bool:
        """Whether nothing stands between two boxes of one layer."""
        return any(abs(layer.index(a) - layer.index(b)) == 1 for layer in self.layers if a in layer and b in layer)

    def port(self, chain: list[str], *, above: bool) -> float:
        """Return where an arrow meets its box: arrows share a border evenly, in the order of their ends."""
        name, other = (chain[0], chain[1]) if above else (chain[-1], chain[-2])
        others = sorted(self.neighbours(name, above=above), key=lambda n: self.centre[n])
        step = min(28.0, self.size(name) / (len(others) + 1))
        return self.centre[name] + (others.index(other) - (len(others) - 1) / 2) * step


def _ranks(names: Iterable[str], arrows: Sequence[Arrow]) -> dict[str, int]:
    """Return for each box the length of the longest way to it from a box that no arrow ends in."""
    ranks = dict.fromkeys(names, 0)
    for _ in ranks:
        for arrow in arrows:
            ranks[arrow.coarser] = max(ranks[arrow.coarser], ranks[arrow.finer] + 1)
    return ranks


def _mean(values: Iterable[float], default: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else default


def _isotonic(values: list[float]) -> list[float]:
    """Return the nearest sequence that does not fall, in least squares, by pooling neighbours that do."""
    pools: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, n = pools.pop()
            total, count = total + more, count + n
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]


# -- drawing ---------------------------------------------------------------------------------------------------------


def _text(x: float, y: float, text: str, colour: str, size: int, more: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" xml:space="preserve"{more}>'
        f"{safe(text)}</text>"
    )


def _box(layout: _Layout, box: Box) -> str:
    x, y = layout.centre[box.name] - box.width / 2, layout.y(box.name)
    border = "#35618f" if box.kind == "grouping" else "#868e96"
    parts = [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="5" '
        f'fill="{GROUNDS[box.kind]}" stroke="{border}" stroke-width="{1.6 if box.kind == "grouping" else 1}"/>',
        _text(x + PAD, y + PAD + 10, box.name, INK, SIZE, ' font-weight="bold"'),
    ]
    if box.count:
        end = ' text-anchor="end" font-weight="bold"'
        parts.append(_text(x + box.width - PAD, y + PAD + 10, box.count, INK, SIZE, end))
    for k, line in enumerate(box.lines):
        parts.append(_text(x + PAD, y + PAD + 10 + LINE * (k + 1), line, FAINT if k == 0 else INK, SIZE))
    return "\n".join(parts)


def _arrow(layout: _Layout, chain: list[str], arrow: Arrow) -> str:
    x, y = layout.port(chain, above=True), layout.y(chain[0])
    path = f"M{x:.1f},{y:.1f}"
    last = layout.port(chain, above=False)
    ends = [(layout.centre[place], layout.y(place)) for place in chain[1:-1]]
    ends.append((last, layout.y(chain[-1]) + layout.boxes[chain[-1]].height + 7))
    for to_x, to_y in ends:
        bend = (y + to_y) / 2
        path += f" C{x:.1f},{bend:.1f} {to_x:.1f},{bend:.1f} {to_x:.1f},{to_y:.1f}"
        beside = bend + (
            13 if to_x > x + 8 else -4 if to_x < x - 8 else 4
        )  # on the side that the arrow bends away from
        middle = ((x + to_x) / 2 + 6, beside)
        x, y = to_x, to_y
    head = f"M{x:.1f},{y - 7:.1f} l-4,8 l8,0 z"
    parts = [
        f'<path d="{path}" fill="none" stroke="{GREY}" stroke-width="1.3"/>',
        f'<path d="{head}" fill="{GREY}"/>',
    ]
    if arrow.label:
        parts.append(_text(*middle, arrow.label, GREY, SIZE - 1))
    return "\n".join(parts)


def _cross(layout: _Layout, a: str, b: str) -> str:
    left, right = sorted((a, b), key=lambda name: layout.centre[name])
    x = layout.centre[left] + layout.size(left) / 2
    end = layout.centre[right] - layout.size(right) / 2
    y = max(layout.y(a), layout.y(b)) + 20
    middle = (x + end) / 2
    return (
        f'<path d="M{x:.1f},{y:.1f} H{middle - 7:.1f} M{middle + 7:.1f},{y:.1f} H{end:.1f}" fill="none" '
        f'stroke="{GREY}" stroke-width="1.3" stroke-dasharray="3 3"/>\n'
        f'<path d="M{middle - 4:.1f},{y - 4:.1f} l8,8 m0,-8 l-8,8" fill="none" stroke="{GREY}" stroke-width="1.6"/>'
    )
