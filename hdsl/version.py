"""The version, in its one place: packaging reads it from here, and emitted source names it in its header."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
