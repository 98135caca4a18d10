"""How numbers print: few digits, the decimal points of a column under each other.

Stage: results. Input: floats. Output: strings. Invariants: a NaN prints as nothing; what rounds to zero, but is not
zero, prints in scientific notation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["align", "count", "fixed", "p_value", "significant"]

MOST_DECIMALS = 7
"""More decimals than this print in scientific notation."""

WIDEST = 1e9
"""Numbers from here on print in scientific notation."""


def decimals_for(value: float, digits: int) -> int:
    """Return the number of decimals that shows `digits` significant digits of `value`."""
    if value == 0.0 or not math.isfinite(value):
        return digits - 1
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))


def fixed(value: float, decimals: int) -> str:
    """Return `value` with `decimals` decimals; scientific where that would hide it."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0.0:
        return f"{0.0:.{decimals}f}"
    if abs(value) >= WIDEST or abs(value) < 0.5 * 10.0**-decimals:
        return f"{value:.2e}"
    return f"{value:.{decimals}f}"


def significant(value: float, digits: int = 4, *, by: float | None = None) -> str:
    """Return `value` with as many decimals as `digits` significant digits of `by` (else of itself) need.

    An estimate is printed `by` its standard error, so that both show the same decimals.
    """
    scale = value if by is None or not math.isfinite(by) or by == 0.0 else by
    return fixed(value, min(decimals_for(scale, digits), MOST_DECIMALS))


def p_value(value: float) -> str:
    """Return a p-value with three decimals, ``"<0.001"`` below."""
    if math.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``"1 row"``, ``"1,203 rows"``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def align(cells: Sequence[str]) -> tuple[str, ...]:
    """Pad `cells` to one width with their decimal points under each other.

    A cell in scientific notation has its exponent to the right of the point; an empty cell stays blank.
    """
    heads, tails = [], []
    for cell in cells:
        head, point, tail = cell.partition(".")
        heads.append(head)
        tails.append(point + tail)
    left = max(map(len, heads), default=0)
    right = max(map(len, tails), default=0)
    return tuple(head.rjust(left) + tail.ljust(right) for head, tail in zip(heads, tails, strict=True))
