"""Outcomes and whole data sets drawn from models, and what can be learned from them before there are data."""

from hdsl.results.simulation.from_fit import simulate
from hdsl.results.simulation.from_model import Scenario
from hdsl.results.simulation.power import Planned, Power, power

__all__ = ["Planned", "Power", "Scenario", "power", "simulate"]
