"""Long lines of an aligned display in MathML, broken before a sign.

    a = b + c + d   →   a = b + c
                          + d

Input: a row of cells, each a list of MathML nodes. Output: one row or several. Invariants: nodes keep their order, none
is lost; a line is broken at a sum of the outermost level alone, so that nothing in brackets is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

__all__ = ["WIDEST", "broken"]

WIDEST = 46.0
"""Width of a line in em, from which on it is broken: that of a page, less the left side of most equations."""

SCRIPT = 0.7
"""Size of what stands below or above a symbol, relative to the symbol's."""

SIGNS = frozenset("+−")

Row = list[list[Element]]


def broken(row: Row) -> Iterator[Row]:
    """Yield a row whose last cell is too wide as several; the others as they are."""
    if len(row) != 2 or width(*row[1]) <= WIDEST:
        yield row
        return
    lines = list(_lines(row[1]))
    yield [row[0], lines[0]]
    for line in lines[1:]:
        yield [[], line if line[0].tag == "mspace" else [Element("mspace", {"width": "2em"}), *line]]


def _lines(nodes: list[Element]) -> Iterator[list[Element]]:
    """Yield as many terms of a sum at a time as a line can take."""
    line: list[Element] = []
    for term in _terms(nodes):
        if line and width(*line, *term) > WIDEST:
            yield line
            line = []
        line += term
    yield line


def _terms(nodes: list[Element]) -> Iterator[list[Element]]:
    """Yield the terms of a sum, each with its sign."""
    term: list[Element] = []
    for node in nodes:
        if node.tag == "mo" and node.text in SIGNS and node.get("form") == "infix" and term:
            yield term
            term = []
        term.append(node)
    yield term


def width(*nodes: Element) -> float:
    """Return the width of some nodes in em, about."""
    return sum(map(_one, nodes))


def _one(node: Element) -> float:
    if node.tag == "mspace":
        return float((node.get("width") or "0em").removesuffix("em"))
    if node.tag in ("msub", "msup"):
        return _one(node[0]) + SCRIPT * width(*node[1:])
    if node.tag in ("msubsup", "munder", "mfrac"):
        return max(width(node[0]), *(SCRIPT * _one(child) for child in node[1:]))
    if node.tag == "mtable":
        return max((sum(width(*cell) for cell in row) for row in node), default=0.0)
    if node.tag == "mo":
        return 1.2 if node.text in SIGNS else 0.6
    return 0.55 * len(node.text or "") + width(*node)
