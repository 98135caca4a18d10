"""What a diagnostic is, its code, and how it prints.

A leaf but for `hdsl.source`. A `Diagnostic` is data; `HMError` carries one or more of them; `render` turns them into
text.
"""

from __future__ import annotations

from hdsl.diagnostics.record import (
    DataError,
    Diagnostic,
    Diagnostics,
    FitError,
    HMError,
    Label,
    ModelError,
    Severity,
)

__all__ = [
    "DataError",
    "Diagnostic",
    "Diagnostics",
    "FitError",
    "HMError",
    "Label",
    "ModelError",
    "Severity",
]
