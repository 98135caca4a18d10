"""Covariates of rows that do not exist yet: given, computed or drawn, a value for each unit of their level.

Stage: results. Input: the columns of the indices and what the user says of each covariate. Output: columns.
Invariants: a covariate of a level has one value for each of its units; what is drawn comes from the one generator, in
the order of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.families import DISTRIBUTIONS
from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.model import CompositeModel
from hdsl.results.simulation.refusals import lacking
from hdsl.results.simulation.samplers import SAMPLERS

__all__ = ["Covariate", "covariate_columns"]

Covariate: TypeAlias = Any
"""A number or text for all units; an array with a value for each; a callable ``f(rng, n)`` that returns one; or a tuple
of a distribution and its arguments, ``("normal", 0, 1)``, ``("uniform", 0, 1)``, ``("choice", labels)``,
``("choice", labels, probabilities)``, ``("cycle", labels)``."""

Generator = np.random.Generator


def _choice(rng: Generator, n: int, labels: Sequence[Any], probabilities: Sequence[float] | None = None) -> Any:
    return rng.choice(np.asarray(labels), size=n, p=probabilities)


_OTHER: dict[str, Callable[..., Any]] = {
    "uniform": lambda rng, n, low=0.0, high=1.0: rng.uniform(low, high, n),
    "choice": _choice,
    "cycle": lambda _, n, labels: np.resize(np.asarray(labels), n),
}
"""Ways to make values that are no distribution of the language."""


def covariate_columns(
    form: CompositeModel,
    columns: Mapping[str, NDArray[Any]],
    n: int,
    given: Mapping[str, Covariate],
    wanted: Sequence[tuple[str, IndexSet]],
    rng: Generator,
) -> dict[str, NDArray[Any]]:
    """Return the columns of covariates and of indices without a size.

    Parameters
    ----------
    form : CompositeModel
    columns : mapping of str to ndarray
        Labels of the indices that have a size.
    n : int
        Number of rows.
    given : mapping
        What the user says, by column.
    wanted : sequence of (str, IndexSet)
        Columns that are needed, with their level.
    rng : Generator

    Raises
    ------
    FitError
        HM515 for columns that nothing is said of, and for what cannot be made into values.
    """
    absent = [(name, level) for name, level in wanted if name not in given]
    if absent:
        listed = ", ".join(f"`{show_symbol(name, level)}`" for name, level in absent)
        help_text = 'say what each is: `covariates={"x": ("normal", 0, 1)}`, an array, or a function of (rng, n)'
        raise FitError([lacking(f"nothing is said of {listed}: give `covariates`", help_text)])
    made: dict[str, NDArray[Any]] = {}
    for name, level in wanted:
        units = _units(form, {**columns, **made}, level, n)
        count = int(units.max()) + 1
        made[name] = _values(name, level, given[name], count, rng)[units]
    return made


def _units(form: CompositeModel, columns: Mapping[str, NDArray[Any]], level: IndexSet, n: int) -> NDArray[np.intp]:
    """Return the unit of each row, numbered in the order in which they are first met."""
    if form.row in level:
        return np.arange(n)
    units = np.zeros(n, dtype=np.intp)
    for name in level:
        column = columns[form.index(name).column or name]
        _, own = np.unique(column, return_inverse=True)
        _, first, inverse = np.unique(units * n + own, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.intp)
        rank[np.argsort(first)] = np.arange(len(first))
        units = rank[inverse]
    return units


def _values(name: str, level: IndexSet, given: Covariate, count: int, rng: Generator) -> NDArray[Any]:
    if callable(given):
        given = given(rng, count)
    elif isinstance(given, tuple) and given and isinstance(given[0], str):
        given = _drawn(name, given, count, rng)
    values = np.asarray(given)
    if values.ndim == 0:
        return np.full(count, values)
    if values.shape != (count,):
        units = f"units of [{show_index_set(level)}]" if level else "unit"
        message = f"`{name}` has {values.size:,} values for {count:,} {units}: give one for each"
        raise FitError([lacking(message, "give one value for each unit of its level, in the order of the units")])
    return values


def _drawn(name: str, given: tuple[Any, ...], count: int, rng: Generator) -> Any:
    kind, *arguments = given
    try:
        if kind in _OTHER:
            return _OTHER[kind](rng, count, *arguments)
        if kind in SAMPLERS:
            slots = [slot.name for slot in DISTRIBUTIONS[kind].slots]
            filled = {slot: np.full(count, float(value)) for slot, value in zip(slots, arguments, strict=True)}
            return SAMPLERS[kind](rng, filled)
    except (ValueError, TypeError) as error:
        message = f"the values of `{name}` cannot be drawn from {given!r}: look at its arguments"
        raise FitError([lacking(message, f"arguments in the order of the language ({error})")]) from None
    known = ", ".join([*SAMPLERS, *_OTHER])
    raise FitError([lacking(f"`{name}`: there is no way to make values called {kind!r}", f"there are {known}")])
