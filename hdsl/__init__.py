"""hdsl: write a multilevel model level by level, as the textbook prints it; read what it implies; fit it.

The public face: `read` a model file or make a `Model` from text, then ``model.composite``, ``model.levels``,
``model.fit(data)``. What a call does not need is imported when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.diagnostics import DataError, Diagnostic, FitError, HMError, ModelError
from hdsl.model import Model, read
from hdsl.version import __version__

if TYPE_CHECKING:
    from hdsl.algebra.ratio import compare
    from hdsl.bridge import from_formula
    from hdsl.fit.threads import threads
    from hdsl.notebook import Shell
    from hdsl.results.keeping import load
    from hdsl.survey import scan

__all__ = [
    "DataError",
    "Diagnostic",
    "FitError",
    "HMError",
    "Model",
    "ModelError",
    "__version__",
    "compare",
    "from_formula",
    "load",
    "read",
    "scan",
    "threads",
]


def load_ipython_extension(shell: Shell) -> None:
    """Answer ``%load_ext hdsl`` in a notebook: cells that begin with ``%%hm`` are models."""
    from hdsl.notebook import load

    load(shell)


def __getattr__(name: str) -> object:
    """Import what few programs need when it is asked for."""
    if name == "compare":
        from hdsl.algebra.ratio import compare

        return compare
    if name == "from_formula":
        from hdsl.bridge import from_formula

        return from_formula
    if name == "scan":
        from hdsl.survey import scan

        return scan
    if name == "load":
        from hdsl.results.keeping import load

        return load
    if name == "threads":
        from hdsl.fit.threads import threads

        return threads
    raise AttributeError(f"module 'hdsl' has no attribute {name!r}")
