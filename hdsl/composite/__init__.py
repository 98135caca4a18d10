"""Level equations to one equation per predictor: substitution, implied interactions, identification, moments (SymPy lives here alone)."""

from __future__ import annotations

from hdsl.composite.build import build_composite
from hdsl.composite.identification import check_identification
from hdsl.composite.moments import Moments

__all__ = ["Moments", "build_composite", "check_identification"]
