"""Primitives that emitted source calls: sums over rows, small matrices by group, occupied cells, the dense root.

Imports NumPy, SciPy's LAPACK where a dense root is large, and nothing else of hdsl. The standalone form of an emitted
file holds the definitions that it uses.
"""

from __future__ import annotations

from hdsl.runtime.blocks import (
    directions,
    information,
    inner,
    join,
    mul,
    mul_t,
    outer_sum,
    ridge_inverse,
    t_mul,
    transpose,
)
from hdsl.runtime.cells import Cells, occupied
from hdsl.runtime.root import (
    Profile,
    Root,
    diagonal_blocks,
    factorise,
    profile,
    root_covariance,
    root_information,
    root_modes,
    root_sweep,
    split,
    stack,
)
from hdsl.runtime.rows import GroupSums, Indicators, Nest, collect, constant, gram, indicators, nest

__all__ = [
    "Cells",
    "GroupSums",
    "Indicators",
    "Nest",
    "Profile",
    "Root",
    "collect",
    "constant",
    "diagonal_blocks",
    "directions",
    "factorise",
    "gram",
    "indicators",
    "information",
    "inner",
    "join",
    "mul",
    "mul_t",
    "nest",
    "occupied",
    "outer_sum",
    "profile",
    "ridge_inverse",
    "root_covariance",
    "root_information",
    "root_modes",
    "root_sweep",
    "split",
    "stack",
    "t_mul",
    "transpose",
]
