"""Fits in files: one archive with JSON and NumPy arrays, nothing that runs."""

from hdsl.results.keeping.archive import load, save

__all__ = ["load", "save"]
