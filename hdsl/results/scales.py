"""Scales of parameters without an equation: from that of the fit, where they are unbounded, to their natural one.

Stage: results. Input: the name of a function, as in `hdsl.design.record.ScalarColumn`. Output: a `Scale`. Invariant:
the table has every function that a scalar column may name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALES", "Scale"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A monotone function from the scale of the fit to the natural one.

    Attributes
    ----------
    value : callable
        The function.
    slope : callable
        Its derivative, as a function of the same argument; what the delta method multiplies standard errors by.
    edges : (float, float)
        The range of the natural scale.
    """

    value: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    edges: tuple[float, float]


def _invlogit(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0.0, 1.0, small) / (1.0 + small), dtype=float)


SCALES: dict[str, Scale] = {
    "identity": Scale(
        value=lambda x: np.asarray(x, dtype=float),
        slope=lambda x: np.ones_like(x, dtype=float),
        edges=(-math.inf, math.inf),
    ),
    "exp": Scale(value=np.exp, slope=np.exp, edges=(0.0, math.inf)),
    "invlogit": Scale(value=_invlogit, slope=lambda x: _invlogit(x) * _invlogit(-x), edges=(0.0, 1.0)),
}
"""Scales by the name of their function."""
