"""hdsl: write a multilevel model level by level, as the textbook prints it; read what it implies; fit it.

The public face: `read` a model file or make a `Model` from text, then ``model.composite``, ``model.levels``,
``model.fit(data)``. What a call does not need is imported when it is needed.
"""

from __future__ import annotations

from hdsl.diagnostics import DataError, Diagnostic, FitError, HMError, ModelError
from hdsl.model import Model, read
from hdsl.version import __version__

__all__ = ["DataError", "Diagnostic", "FitError", "HMError", "Model", "ModelError", "__version__", "read"]
