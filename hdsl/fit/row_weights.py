"""Weighted cross-products of a data set: by classes of equal standard deviation, or row by row.

Input: standardised columns of a Gaussian plan, and those of the predictor of its standard deviations. Output: `Units`,
whose weights are a number each: classes of rows in which that predictor is one number, or the rows themselves.
Invariant: cross-products are linear in the weights, so that those of classes are taken once and added up for each
evaluation; those of rows are one pass over the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from hdsl.codegen import EmittedWeighted
from hdsl.fit.criterion import Prepared
from hdsl.fit.standardise import Codes, Floats, product_with
from hdsl.plan import Arrays

__all__ = ["Spread", "Units", "classes_of", "inner_product", "units_of"]

MOST_CLASSES = 256
"""Classes above which rows are not looked at further: each has cross-products of its own."""

PASS = 4.0
"""Cost of a product of two columns in a pass over the rows, in terms of one of adding up what was summed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What the standard deviations are made of, of rows or of classes of rows.

    Attributes
    ----------
    columns : ndarray, (u, k)
        Of the predictor; standardised, without those that others span.
    offset : ndarray, (u,)
        Its known part.
    known : tuple of ndarray, (u,)
        Data that the density takes.
    times : ndarray, (u,)
        Rows that each stands for.
    """

    columns: Floats
    offset: Floats
    known: tuple[Floats, ...]
    times: Floats


class Units(Protocol):
    """Rows or classes of rows."""

    @property
    def spread(self) -> Spread:
        """What their standard deviations are made of."""

    def cross(self, weights: Floats) -> Any:
        """Return the cross-products with a weight of each unit."""

    def squares(self, square: Any, beta: Floats, modes: Sequence[Floats]) -> Floats:
        """Return the sums of squared residuals in each unit; `square` is what the emitted sensitivities return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """Classes of rows.

    `flat` are the cross-products of each class, (u, size), all arrays of `like` one after the other.
    """

    spread: Spread
    like: Any
    flat: Floats

    def cross(self, weights: Floats) -> Any:
        """Return the weighted sum of the cross-products of the classes."""
        total, at = weights @ self.flat, 0
        arrays = {}
        for name in array_fields(self.like):
            own = getattr(self.like, name)
            arrays[name] = total[at : at + own.size].reshape(own.shape)
            at += own.size
        return self.like._replace(**arrays)

    def squares(self, square: Any, beta: Floats, modes: Sequence[Floats]) -> Floats:
        """Return the sums of squared residuals in each class."""
        return np.asarray(self.flat @ flat(square))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows themselves.

    `codes` are the groups of each row, for each factor in the order of the emitted modes.
    """

    spread: Spread
    emitted: EmittedWeighted
    made: Prepared
    groups: tuple[Codes, ...]
    codes: tuple[Codes, ...] = field(repr=False)

    def cross(self, weights: Floats) -> Any:
        """Return the cross-products, by one pass over the rows."""
        made = self.made
        return self.emitted.cross_products((*made.X, made.outcome.values), made.Z, self.groups, weights, made.cross)

    def squares(self, square: Any, beta: Floats, modes: Sequence[Floats]) -> Floats:
        """Return squared residuals."""
        error = self.made.outcome.values - product_with(self.made.X, beta)
        for columns, codes, b in zip(self.made.Z, self.codes, modes, strict=True):
            for column, own in zip(columns, b[:, 0], strict=True):
                error = error - column * own[codes]
        return np.asarray(error**2)


def array_fields(cross: Any) -> list[str]:
    """Return the names of the cross-products among the fields of the emitted record."""
    return [name for name in cross._fields if isinstance(getattr(cross, name), np.ndarray)]


def flat(cross: Any) -> Floats:
    """Return all cross-products as one vector."""
    return np.concatenate([getattr(cross, name).ravel() for name in array_fields(cross)])


def inner_product(a: Any, b: Any) -> float:
    """Return the inner product of two records of cross-products, over all entries of all arrays."""
    return float(sum(np.vdot(getattr(a, name), getattr(b, name)) for name in array_fields(a)))


def classes_of(columns: Sequence[Floats], most: int) -> tuple[Codes, Codes] | None:
    """Return the class of each row and a row of each class, or None where there are more than `most` classes.

    Parameters
    ----------
    columns : sequence of ndarray, (n,)
        What is equal in a class.
    """
    codes: Codes | None = None
    for column in columns:
        if column.strides == (0,):
            continue
        _, own = np.unique(column, return_inverse=True)
        joint = own if codes is None else codes * (int(own.max()) + 1) + own
        distinct, codes = np.unique(joint, return_inverse=True)
        if len(distinct) > most:
            return None
    if codes is None:
        return np.zeros(len(columns[0]) if columns else 0, dtype=np.intp), np.zeros(1, dtype=np.intp)
    _, first = np.unique(codes, return_index=True)
    return np.asarray(codes, dtype=np.intp), np.asarray(first, dtype=np.intp)


def units_of(emitted: EmittedWeighted, made: Prepared, arrays: Arrays, spread: Spread, chain: Sequence[int]) -> Units:
    """Return classes of rows where their cross-products cost less to add up than a pass over the rows.

    Parameters
    ----------
    spread : Spread
        Of the rows.
    chain : sequence of int
        Factors whose groups the emitted functions renumber.
    """
    n = len(arrays.y)
    what = [*spread.columns.T, spread.offset, *spread.known]
    most = _most_classes(made, n, spread.columns.shape[1])
    found = classes_of(what, most) if most > 0 else None
    if found is None:
        order = {f: made.cross.nest.order[k] for k, f in enumerate(chain)}
        codes = tuple(_renumbered(own, order.get(f)) for f, own in enumerate(arrays.groups))
        return Rows(spread=spread, emitted=emitted, made=made, groups=arrays.groups, codes=codes)
    codes_of, first = found
    W = (*made.X, made.outcome.values)
    crosses = [
        emitted.cross_products(W, made.Z, arrays.groups, (codes_of == c).astype(float), made.cross)
        for c in range(len(first))
    ]
    return Classes(
        spread=Spread(
            columns=spread.columns[first],
            offset=spread.offset[first],
            known=tuple(values[first] for values in spread.known),
            times=np.bincount(codes_of, minlength=len(first)).astype(float),
        ),
        like=made.cross,
        flat=np.array([flat(cross) for cross in crosses]),
    )


def _most_classes(made: Prepared, n: int, k: int) -> int:
    """Return the number of classes from which on a pass over the rows costs less."""
    size = sum(getattr(made.cross, name).size for name in array_fields(made.cross))
    columns = len(made.cross.C) if not made.Z else len(made.kept) + 1 + sum(len(own) for own in made.Z)
    rows = PASS * n * columns * (columns + 1) / 2.0
    return int(min(MOST_CLASSES, rows / max(size, 1)))


def _renumbered(codes: Codes, order: Codes | None) -> Codes:
    """Return the codes of rows in the order of the emitted functions."""
    if order is None:
        return codes
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[codes])
