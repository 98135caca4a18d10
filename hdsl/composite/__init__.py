"""Level equations to one equation per predictor (SymPy lives here alone).

Substitution and expansion with the statements that each term came from, implied interactions, what is not identified,
and the implied moments.
"""

from __future__ import annotations

from hdsl.composite.build import build_composite
from hdsl.composite.identification import check_identification
from hdsl.composite.moments import Moments
from hdsl.composite.remarks import remark

__all__ = ["Moments", "build_composite", "check_identification", "remark"]
