"""Expressions as lines of text, wrapped where they read best."""

from __future__ import annotations

import re

import sympy

__all__ = ["BREAKS", "fill", "rounded", "wrapped"]


def rounded(expr: sympy.Expr) -> sympy.Expr:
    """Return an expression with its estimates at five digits, for printing."""
    return expr.evalf(5) if expr.has(sympy.Float) else expr


def wrapped(expr: sympy.Expr, width: int = 80) -> list[str]:
    """Return the text of an expression, indented, wrapped at its signs, and within a term only where it must be."""
    text = str(rounded(expr)).replace("**", "^")
    return fill(text, width, "    ", BREAKS)


BREAKS = (r"(?<= )(?=[+-] )|(?<=/)", r"(?<=[*(])", r"(?<=, )")
"""Where a line may end, the best places first."""


def fill(text: str, width: int, indent: str, breaks: tuple[str, ...]) -> list[str]:
    """Return a text in lines of some width that end at the best places of `breaks`."""
    lines, current = [], indent
    for piece in re.split(breaks[0], text):
        if len(current) + len(piece.rstrip()) > width and current.strip():
            lines.append(current.rstrip())
            current = indent
        if len(current) + len(piece.rstrip()) > width and len(breaks) > 1:
            *more, current = fill(piece, width, indent + "  " if lines else indent, breaks[1:])
            lines += more
            current += " " if piece.endswith(" ") else ""
        else:
            current += piece
    return [*lines, current.rstrip()]
