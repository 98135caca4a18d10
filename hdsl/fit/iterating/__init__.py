"""Fits by iterations: large crossed factors without a dense matrix."""

from hdsl.fit.iterating.cross import Cross, cross_moments, with_outcome
from hdsl.fit.iterating.engine import Engine, Forward, engine
from hdsl.fit.iterating.system import Iterations

__all__ = ["Cross", "Engine", "Forward", "Iterations", "cross_moments", "engine", "with_outcome"]
