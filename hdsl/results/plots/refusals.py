"""What no picture can be made of, in words."""

from __future__ import annotations

from hdsl.diagnostics import Diagnostic, FitError, Severity

__all__ = ["refusal"]


def refusal(message: str, way_out: str) -> FitError:
    """Return the error of a picture that cannot be made (HM517)."""
    return FitError([Diagnostic(code="HM517", severity=Severity.ERROR, message=message, help=way_out)])
