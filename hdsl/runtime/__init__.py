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
from hdsl.runtime.counts import (
    log_range_negative_binomial,
    log_range_poisson,
    log_tail_negative_binomial,
    log_tail_poisson,
)
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
from hdsl.runtime.special import (
    binet,
    expit,
    lgamma,
    log1mexp,
    log_diff_ndtr,
    log_invcloglog,
    log_ndtr,
    log_rising,
    logaddexp,
    ndtr,
    ndtri,
    normal_density,
    softplus,
    softplus_ratio,
)

__all__ = [
    "Cells",
    "GroupSums",
    "Indicators",
    "Nest",
    "Profile",
    "Root",
    "binet",
    "collect",
    "constant",
    "diagonal_blocks",
    "directions",
    "expit",
    "factorise",
    "gram",
    "indicators",
    "information",
    "inner",
    "join",
    "lgamma",
    "log1mexp",
    "log_diff_ndtr",
    "log_invcloglog",
    "log_ndtr",
    "log_range_negative_binomial",
    "log_range_poisson",
    "log_rising",
    "log_tail_negative_binomial",
    "log_tail_poisson",
    "logaddexp",
    "mul",
    "mul_t",
    "ndtr",
    "ndtri",
    "nest",
    "normal_density",
    "occupied",
    "outer_sum",
    "profile",
    "ridge_inverse",
    "root_covariance",
    "root_information",
    "root_modes",
    "root_sweep",
    "softplus",
    "softplus_ratio",
    "split",
    "stack",
    "t_mul",
    "transpose",
]
