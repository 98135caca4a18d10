"""Emitted source to functions: the only place of the package that executes text.

The text comes from `hdsl.codegen.emit` alone. It is registered in `linecache`, so that tracebacks and debuggers show
it.
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["Emitted", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """The functions of an emitted file; each is documented there."""

    source: str
    filename: str
    columns: Callable[..., Any]
    relative_factors: Callable[..., Any]
    cross_products: Callable[..., Any]
    forward: Callable[..., Any]
    modes: Callable[..., Any]
    covariances: Callable[..., Any]
    estimates: Callable[..., Any]
    gradient: Callable[..., Any]
    theta_gradient: Callable[..., Any]
    average_information: Callable[..., Any]


FUNCTIONS = (
    "columns",
    "relative_factors",
    "cross_products",
    "forward",
    "estimates",
    "modes",
    "covariances",
    "gradient",
    "theta_gradient",
    "average_information",
)


@lru_cache(maxsize=256)
def load(source: str) -> Emitted:
    """Execute emitted source and return its functions; the same text is executed once in a process."""
    filename = f"<hdsl {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "hdsl_emitted"}
    exec(compile(source, filename, "exec"), namespace)
    return Emitted(source=source, filename=filename, **{name: namespace[name] for name in FUNCTIONS})
