"""Refusing what is read and checked but not fitted yet.

Stage: design. Input: a composite model. Output: nothing, or an error that names every such part with its place.
"""

from __future__ import annotations

from hdsl.diagnostics.record import Diagnostics, FitError
from hdsl.form.model import CompositeModel

__all__ = ["require_supported"]

_FITTED = "fitted so far are Gaussian linear models with nested and crossed normal coefficients"


def require_supported(form: CompositeModel) -> None:
    """Refuse a model with parts that no back end fits.

    Raises
    ------
    FitError
        HM501, one diagnostic for each such part.
    """
    found = Diagnostics(form.source)
    for part in form.unsupported:
        found.error("HM501", f"{part.feature} is not fitted yet", part.span, help=_FITTED)
    found.raise_errors(FitError)
