"""Rows that were never observed: one covariate varies, the others are held.

Stage: results. Input: a `Design`. Output: `NewRows` for predictions. Invariants: a covariate that is a function of the
one that varies, ``x[i]^2`` beside ``x[i]``, follows it; one whose function cannot be evaluated, since it is of data
that the fit does not have, is held as it is; offsets and other data are at their means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate
from hdsl.design.layout import lay_out
from hdsl.design.recode import NewRows, indicators_of
from hdsl.form.expr import Aggregate, Apply, Expr, Ref, Text, references
from hdsl.plan import Arrays, FixedSet

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["Held", "Variables"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """Values of every covariate and every unmodelled set in some rows.

    Attributes
    ----------
    x : tuple of ndarray, each (m,)
        In the order of `Arrays.x`.
    sets : tuple of ndarray, each (m,)
        In the order of `Arrays.sets`.
    """

    x: tuple[Floats, ...]
    sets: tuple[Codes, ...]

    def __len__(self) -> int:
        return len(self.x[0]) if self.x else len(self.sets[0])


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What may vary in the rows of a design: its covariates and its unmodelled sets."""

    design: Design

    @cached_property
    def _expressions(self) -> tuple[Expr, ...]:
        """Return the expression of each covariate, definitions substituted as far as they are functions of numbers."""
        known = {d.name: d.expr for d in self.design.form.definitions}
        return tuple(_expanded(expr, known) for expr in self._written)

    @cached_property
    def _written(self) -> tuple[Expr, ...]:
        """Return the expression of each covariate as it stands in the composite equation."""
        return lay_out(self.design.form, self.design.coding.categories).expressions

    @cached_property
    def derived(self) -> dict[int, Expr]:
        """Places of the covariates that are functions of others, with that function; ``x0`` is the first covariate."""
        others: dict[Expr, int] = {}
        for place, expr in enumerate(self._expressions):
            others.setdefault(expr, place)
        found = {place: _of_others(expr, place, others) for place, expr in enumerate(self._expressions)}
        return {place: expr for place, expr in found.items() if expr is not None}

    def bases(self, place: int) -> frozenset[int]:
        """Return the covariates that one is a function of, itself where it can vary on its own."""
        if place not in self.derived:
            return frozenset([place])
        return frozenset().union(*(self.bases(int(ref.name[1:])) for ref in references(self.derived[place])))

    @cached_property
    def covariates(self) -> dict[str, int]:
        """Return the place of each covariate that can vary on its own, by its symbol; no category of the outcome."""
        indicators = indicators_of(self.design.form, self.design.coding.categories)
        symbols = self.design.arrays.x_symbols
        free = [k for k in range(len(symbols)) if k not in self.derived and self._written[k] not in indicators]
        return {symbols[place]: place for place in free}

    @cached_property
    def sets(self) -> dict[str, int]:
        """Return the place among `Arrays.sets` of each unmodelled set, by its index or indices: ``"Income"``."""
        columns = [column for column in self.design.plan.fixed if isinstance(column, FixedSet)]
        found: dict[str, int] = {}
        for column in columns:
            found.setdefault(column.symbol.partition("[")[2].rstrip("]"), column.codes)
        return found

    def set_labels(self, name: str) -> tuple[list[str], list[int]]:
        """Return the levels of an unmodelled set: labels, and codes as in `Arrays.sets`; the reference has -1."""
        codes, place = self.design.arrays.sets[self.sets[name]], self.sets[name]
        symbol = next(c.symbol for c in self.design.plan.fixed if isinstance(c, FixedSet) and c.codes == place)
        prefix = symbol.partition("[")[0] + "["
        kept = [label[len(prefix) : -1] for label in self.design.fixed_labels if label.startswith(prefix)]
        zero = list(self.design.zeroed.get(symbol, ())) if (codes < 0).any() else []
        return [*zero[:1], *kept], [*[-1 for _ in zero[:1]], *range(len(kept))]

    def held(self, rows: Codes | None = None) -> Held:
        """Return one row with every covariate at its mean over some rows, every set at its most frequent level."""
        chosen = slice(None) if rows is None else rows
        arrays = self.design.arrays
        return Held(
            x=tuple(np.array([column[chosen].mean()]) for column in arrays.x),
            sets=tuple(np.array([_most_frequent(codes[chosen])]) for codes in arrays.sets),
        )

    def with_values(self, held: Held, x: Mapping[int, Floats], sets: Mapping[int, Codes] | None = None) -> Held:
        """Return rows with other values of some covariates and sets; functions of these follow."""
        given = [*x.values(), *(sets or {}).values()]
        count = np.broadcast_shapes((len(held),), *(np.shape(values) for values in given))[0]
        columns = [np.broadcast_to(np.asarray(x.get(k, column), float), count) for k, column in enumerate(held.x)]
        codes = [np.broadcast_to((sets or {}).get(k, own), count) for k, own in enumerate(held.sets)]
        for place in sorted(self.derived, key=lambda k: _size(self._expressions[k])):
            values = {f"x{k}": column for k, column in enumerate(columns)}
            with np.errstate(all="ignore"):
                columns[place] = np.broadcast_to(evaluate(self.derived[place], values), count)
        return Held(x=tuple(columns), sets=tuple(codes))

    def rows(self, held: Held, groups: Sequence[Codes | None] = ()) -> NewRows:
        """Return the rows as the plan has them; `groups` are codes for each grouping factor, None for no group."""
        import pandas as pd

        count, arrays, plan = len(held), self.design.arrays, self.design.plan
        given = [*groups, *[None] * (len(plan.re_terms) - len(groups))]
        made = Arrays(
            y=np.full(count, np.nan),
            x=held.x,
            x_symbols=arrays.x_symbols,
            groups=tuple(np.full(count, -1) if codes is None else np.asarray(codes, np.intp) for codes in given),
            sets=held.sets,
            offsets=tuple(None if offset is None else np.full(count, _mean(offset)) for offset in arrays.offsets),
            known=tuple(np.full(count, _mean(values)) for values in arrays.known),
        )
        return NewRows(
            arrays=made,
            row_labels=pd.RangeIndex(count),
            is_complete=np.ones(count, dtype=bool),
            new_levels=((),) * len(plan.re_terms),
            diagnostics=(),
        )


def _mean(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else 0.0


def _most_frequent(codes: Codes) -> int:
    found, counts = np.unique(codes, return_counts=True)
    return int(found[counts.argmax()])


def _expanded(expr: Expr, known: Mapping[str, Expr]) -> Expr:
    """Return an expression with definitions substituted, but those that are no functions of numbers."""
    if isinstance(expr, Ref) and expr.name in known:
        inner = _expanded(known[expr.name], known)
        return inner if _is_function(inner) else expr
    if isinstance(expr, Apply):
        return Apply(operator=expr.operator, operands=tuple(_expanded(operand, known) for operand in expr.operands))
    return expr


def _of_others(expr: Expr, place: int, others: Mapping[Expr, int]) -> Expr | None:
    """Return a covariate's expression with other covariates in it by number; None if it is of something else, too."""
    if others[expr] != place:
        return Ref(name=f"x{others[expr]}", index_set=())
    if not isinstance(expr, Apply):
        return None
    found = Apply(operator=expr.operator, operands=tuple(_numbered(operand, others) for operand in expr.operands))
    refs = references(found)
    return found if refs and _is_function(found) and all(ref.index_set == () for ref in refs) else None


def _numbered(expr: Expr, others: Mapping[Expr, int]) -> Expr:
    if expr in others:
        return Ref(name=f"x{others[expr]}", index_set=())
    if isinstance(expr, Apply):
        return Apply(operator=expr.operator, operands=tuple(_numbered(operand, others) for operand in expr.operands))
    return expr


def _size(expr: Expr) -> int:
    return 1 + sum(_size(operand) for operand in expr.operands) if isinstance(expr, Apply) else 1


def _is_function(expr: Expr) -> bool:
    """Whether an expression is a function of numbers row by row: no aggregate, no label."""
    if isinstance(expr, Aggregate | Text):
        return False
    return not isinstance(expr, Apply) or all(_is_function(operand) for operand in expr.operands)
