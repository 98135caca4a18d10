"""What a fit gives: estimates, tables, random effects, predictions, and a report that prints."""

from __future__ import annotations

from hdsl.results.fitted import FittedModel

__all__ = ["FittedModel"]
