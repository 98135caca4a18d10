"""Tree to resolved model: names and their roles, index sets, the graph of levels (networkx lives here alone)."""

from __future__ import annotations

from hdsl.semantics.levels import Levels
from hdsl.semantics.record import Entity, ResolvedModel, Role
from hdsl.semantics.resolve import resolve

__all__ = ["Entity", "Levels", "ResolvedModel", "Role", "resolve"]
