"""Code generation: a plan to NumPy source, and source to functions.

`emit` prints the likelihood of a plan; `load` executes such text (the only place that does) and returns its functions.
"""

from __future__ import annotations

from hdsl.codegen.emit import emit, plan_hash
from hdsl.codegen.layout import Entry, theta_entries
from hdsl.codegen.load import Emitted, EmittedDensity, load, load_density

__all__ = ["Emitted", "EmittedDensity", "Entry", "emit", "load", "load_density", "plan_hash", "theta_entries"]
