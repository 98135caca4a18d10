"""Which covariates a picture is over: what was asked for, or what is sensible; the values that it takes there.

Stage: results. Input: a fit and what the user said. Output: `Variable` records. Invariant: what is not in the model is
refused by its name (HM517).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.plan import FixedSet
from hdsl.results.plots.refusals import refusal
from hdsl.results.varied import Held, Variables

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.plan import Column

__all__ = ["Variable", "default_variable", "moderators", "over", "shown_values", "variable", "variables", "varied"]

Floats = NDArray[np.float64]

FEW_VALUES = 6
"""Distinct values up to which each has a line of its own; of more it is at quantiles."""

QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A covariate (`place` is in `Arrays.x`) or an unmodelled set (`is_set`; `place` is in `Arrays.sets`)."""

    name: str
    place: int
    is_set: bool = False

    @property
    def label(self) -> str:
        """Its name without subscripts, as the user's column is called."""
        return self.name if "(" in self.name else self.name.partition("[")[0]


def variables(design: Design) -> tuple[Variable, ...]:
    """Return what a picture can be over: covariates of the fixed part, then unmodelled sets."""
    found = Variables(design=design)
    used = {base for place in _places(design.plan.fixed) for base in found.bases(place)}
    return (
        *(Variable(name=name, place=place) for name, place in found.covariates.items() if place in used),
        *(Variable(name=name, place=place, is_set=True) for name, place in found.sets.items()),
    )


def _places(columns: Iterable[Column | FixedSet]) -> Iterator[int]:
    yield from (factor for column in columns for product in column.products for factor in product.factors)


def default_variable(design: Design) -> Variable:
    """Return the first covariate with more than two values, of the rows if there is one; else the first variable."""
    known = variables(design)
    wide = [v for v in known if not v.is_set and len(np.unique(design.arrays.x[v.place])) > 2]
    of_rows = [v for v in wide if f"[{design.form.row}]" in v.name]
    return (*of_rows, *wide, *known)[0]


def variable(design: Design, asked: str) -> Variable:
    """Return a variable by its name: symbol, column, or index of an unmodelled set.

    Raises
    ------
    FitError
        HM517 for another name.
    """
    known = variables(design)
    plain = asked.replace(" ", "")
    for found in known:
        if plain in (found.name.replace(" ", ""), found.label.replace(" ", "")):
            return found
    by_column = {_column(design, v): v for v in known if v.is_set}
    if asked in by_column:
        return by_column[asked]
    names = [v.label for v in known]
    near = near_names(asked, names)
    todo = f"did you mean {one_of(near)}?" if near else f"write one of {', '.join(names) or 'none'}"
    raise refusal(f"the model has no covariate {asked!r}: {todo}", f"covariates are {', '.join(names) or 'none'}")


def _column(design: Design, found: Variable) -> str:
    return ", ".join(design.form.index(name).column or name for name in found.name.split(","))


def moderators(design: Design, focal: Variable) -> tuple[Variable, ...]:
    """Return the variables that stand in a product with another one in the fixed part, in the order of the model."""
    known = Variables(design=design)
    found: dict[Variable, None] = {}
    for column in design.plan.fixed:
        own_set = column.codes if isinstance(column, FixedSet) else None
        for product in column.products:
            bases = {base for factor in product.factors for base in known.bases(factor)}
            is_in = own_set == focal.place if focal.is_set else focal.place in bases
            if is_in:
                found |= {v: None for v in variables(design) if _is_of(v, bases, own_set) and v != focal}
    return tuple(found)


def _is_of(found: Variable, bases: set[int], own_set: int | None) -> bool:
    return found.place == own_set if found.is_set else found.place in bases


def over(design: Design, found: Variable, n: int) -> tuple[list[Any], Any]:
    """Return the values that a picture is drawn over: as shown, and as `Variables.with_values` takes them.

    They are the levels of a set, the values of a covariate that has few, or `n` from its least to its greatest.
    """
    if found.is_set:
        labels, codes = Variables(design=design).set_labels(found.name)
        return list(labels), np.array(codes)
    column = design.arrays.x[found.place]
    distinct = np.unique(column)
    values = distinct if len(distinct) <= 2 else np.linspace(distinct[0], distinct[-1], n)
    return values.tolist(), values


def shown_values(design: Design, found: Variable, asked: Sequence[Any] | None) -> tuple[list[Any], Any]:
    """Return the values at which a variable has lines of its own, as shown and as `Variables.with_values` takes them.

    Raises
    ------
    FitError
        HM517 for a level that the set does not have.
    """
    if found.is_set:
        labels, codes = Variables(design=design).set_labels(found.name)
        chosen = labels if asked is None else [str(label) for label in asked]
        unknown = [label for label in chosen if label not in labels]
        if unknown:
            message = f"`{found.name}` has no level {unknown[0]!r}: write some of {', '.join(labels)}"
            raise refusal(message, f"levels are {', '.join(labels)}")
        return chosen, np.array([codes[labels.index(label)] for label in chosen])
    column = design.arrays.x[found.place]
    distinct = np.unique(column)
    if asked is not None:
        values = np.asarray(asked, dtype=float)
    elif len(distinct) <= FEW_VALUES:
        values = distinct
    else:
        values = np.unique(np.quantile(column, QUANTILES))
    return values.tolist(), values


def varied(design: Design, held: Held, values: Iterable[tuple[Variable, Any]]) -> Held:
    """Return rows with other values of some variables."""
    given = list(values)
    x = {v.place: at for v, at in given if not v.is_set}
    sets = {v.place: at for v, at in given if v.is_set}
    return Variables(design=design).with_values(held, x, sets)
