"""Data: reading and joining tables, coding labels, and the plan of the likelihood.

Input: a composite model (`hdsl.form`) and a data set. Output: a `Design` with `Plan`, `Arrays` and `Coding`.
"""

from hdsl.design.bind import bind
from hdsl.design.coding import Coding
from hdsl.design.describe import describe
from hdsl.design.layout import covariate_symbols
from hdsl.design.planning import structural_plan
from hdsl.design.record import Design
from hdsl.design.support import refuse_unsupported, require_supported

__all__ = [
    "Coding",
    "Design",
    "bind",
    "covariate_symbols",
    "describe",
    "refuse_unsupported",
    "require_supported",
    "structural_plan",
]
