"""Outcomes and whole data sets drawn from models, and what can be learned from them before there are data."""

from hdsl.results.simulation.from_fit import simulate
from hdsl.results.simulation.from_model import Scenario

__all__ = ["Scenario", "simulate"]
