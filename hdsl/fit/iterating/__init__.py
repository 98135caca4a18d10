"""Fits by iterations: large crossed factors without a dense matrix."""

from hdsl.fit.iterating.cross import Cross, cross_moments, with_outcome
from hdsl.fit.iterating.engine import Engine, Forward, engine

__all__ = ["Cross", "Engine", "Forward", "cross_moments", "engine", "with_outcome"]
