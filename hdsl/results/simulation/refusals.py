"""What a simulation lacks, in words."""

from __future__ import annotations

from hdsl.diagnostics import Diagnostic, Severity

__all__ = ["lacking"]


def lacking(message: str, way_out: str, notes: tuple[str, ...] = ()) -> Diagnostic:
    """Return the diagnostic of a simulation without a value that it needs (HM515)."""
    return Diagnostic(code="HM515", severity=Severity.ERROR, message=message, notes=notes, help=way_out)
