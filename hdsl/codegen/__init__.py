"""Code generation: a plan to NumPy source, and source to functions.

`emit` prints the likelihood of a plan; `load` executes such text (the only place that does) and returns its functions.
"""

from __future__ import annotations

from hdsl.codegen.emit import emit, plan_hash
from hdsl.codegen.layout import Entry, theta_entries
from hdsl.codegen.load import Emitted, EmittedDensity, EmittedWeighted, load, load_density, load_weighted
from hdsl.codegen.spread import mean_plan, spread_plan

__all__ = [
    "Emitted",
    "EmittedDensity",
    "EmittedWeighted",
    "Entry",
    "emit",
    "load",
    "load_density",
    "load_weighted",
    "mean_plan",
    "plan_hash",
    "spread_plan",
    "theta_entries",
]
