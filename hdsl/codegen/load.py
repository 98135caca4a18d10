"""Emitted source to functions: the only place of the package that executes text.

The text comes from `hdsl.codegen.emit` alone. It is registered in `linecache`, so that tracebacks and debuggers show
it.
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

__all__ = ["Emitted", "EmittedDensity", "EmittedWeighted", "load", "load_density", "load_weighted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """The functions of an emitted file of a Gaussian plan; each is documented there."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EmittedDensity:
    """The functions of an emitted file of a plan with a density; each is documented there."""

    source: str
    filename: str
    columns: Callable[..., Any]
    prepare: Callable[..., Any]
    starting: Callable[..., Any]
    predictors: Callable[..., Any]
    relative_factors: Callable[..., Any]
    row_predictors: Callable[..., Any]
    forward: Callable[..., Any]
    mode: Callable[..., Any]
    criterion: Callable[..., Any]
    covariances: Callable[..., Any]
    solve: Callable[..., Any]
    slope: Callable[..., Any]
    theta_gradient: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmittedWeighted:
    """The functions of an emitted file of a plan with weights; each is documented there."""

    source: str
    filename: str
    columns: Callable[..., Any]
    spread_columns: Callable[..., Any]
    weights: Callable[..., Any]
    relative_factors: Callable[..., Any]
    cross_products: Callable[..., Any]
    forward: Callable[..., Any]
    estimates: Callable[..., Any]
    criterion: Callable[..., Any]
    modes: Callable[..., Any]
    covariances: Callable[..., Any]
    sensitivities: Callable[..., Any]
    remaining: Callable[..., Any]
    theta_gradient: Callable[..., Any]
    average_information: Callable[..., Any]


def _functions(source: str, names: list[str]) -> dict[str, Any]:
    """Execute emitted source and return functions of it, with the text and its name in tracebacks."""
    filename = f"<hdsl {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "hdsl_emitted", "source": source, "filename": filename}
    exec(compile(source, filename, "exec"), namespace)
    return {name: namespace[name] for name in names}


@lru_cache(maxsize=256)
def load(source: str) -> Emitted:
    """Return the functions of a Gaussian plan's source; the same text is executed once in a process."""
    return Emitted(**_functions(source, [field.name for field in fields(Emitted)]))


@lru_cache(maxsize=256)
def load_density(source: str) -> EmittedDensity:
    """Return the functions of the source of a plan with a density; the same text is executed once in a process."""
    return EmittedDensity(**_functions(source, [field.name for field in fields(EmittedDensity)]))


@lru_cache(maxsize=256)
def load_weighted(source: str) -> EmittedWeighted:
    """Return the functions of the source of a plan with weights; the same text is executed once in a process."""
    return EmittedWeighted(**_functions(source, [field.name for field in fields(EmittedWeighted)]))
