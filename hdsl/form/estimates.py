"""Estimates in the place of parameters: numbers for LaTeX, rounded by their standard errors.

Input: values and standard errors by parameter name. Output: LaTeX. Invariant: a minus sign is the first character, so
that a sum can turn ``+ -2`` into ``- 2``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Estimates", "added"]

DIGITS = 4
"""Significant digits of a number without a standard error; of a standard error it is half as many."""

MOST_DECIMALS = 7
"""A number that needs more decimals, or more than `MOST_DIGITS` before the point, is written with a power of ten."""

MOST_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Values of parameters, by the names that the composite model gives them.

    Attributes
    ----------
    values : mapping from str to float
        Parameters that it does not have stay symbols.
    errors : mapping from str to float
        Standard errors; they decide to how many decimals a value is rounded.
    show_errors : bool
        Whether a standard error stands under its value.
    """

    values: Mapping[str, float]
    errors: Mapping[str, float] = field(default_factory=dict)
    show_errors: bool = False

    def has(self, name: str | None) -> bool:
        """Whether a parameter has a value."""
        return name is not None and name in self.values and math.isfinite(self.values[name])

    def latex(self, name: str, scale: float = 1.0) -> str:
        """Return a value times `scale`, its standard error under it if asked for."""
        error = self.errors.get(name, math.nan)
        return self.number(scale * self.values[name], abs(scale) * error)

    def number(self, value: float, error: float = math.nan) -> str:
        """Return a number, rounded to two significant digits of its standard error, else to four of its own."""
        is_known = math.isfinite(error) and error > 0.0
        decimals = _decimals(error, DIGITS // 2) if is_known else _decimals(value, DIGITS)
        shown = _rounded(abs(value), decimals)
        if is_known and self.show_errors:
            shown = rf"\underset{{({_rounded(error, decimals)})}}{{{shown}}}"
        return f"-{shown}" if value < 0.0 and float(f"{value:.{min(decimals, 300)}f}") != 0.0 else shown


def added(first: str, second: str) -> str:
    """Return the sum of two pieces of LaTeX; what starts with a minus sign is subtracted."""
    return f"{first} - {second[1:].lstrip()}" if second.startswith("-") else f"{first} + {second}"


def _decimals(value: float, digits: int) -> int:
    return 0 if value == 0.0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))


def _rounded(value: float, decimals: int) -> str:
    if value != 0.0 and (decimals > MOST_DECIMALS or value >= 10.0**MOST_DIGITS):
        mantissa, exponent = f"{value:.2e}".split("e")
        return rf"{mantissa} \times 10^{{{int(exponent)}}}"
    return f"{value:.{decimals}f}"
