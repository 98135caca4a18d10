"""Requests that no fit, or not this one, can answer.

Output: `FitError` with HM510, whose message says what and whose help says what instead.
"""

from __future__ import annotations

from hdsl.diagnostics import Diagnostic, FitError, Severity

__all__ = ["refusal"]


def refusal(message: str, help: str, *notes: str) -> FitError:
    """Return HM510, to raise."""
    return FitError([Diagnostic(code="HM510", severity=Severity.ERROR, message=message, help=help, notes=notes)])
