"""Second moments of random effects from cross-products: what a start by the method of moments needs.

Input: a plan, cross-products of its data, least-squares coefficients. Output: sums over groups and cells. Invariant: no
sum is over rows, so that a start costs no more than a part of an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hdsl.codegen.layout import Factor, Layout, layout
from hdsl.fit.standardise import Codes, Floats
from hdsl.plan import Plan

__all__ = ["Moments", "moments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums of squares, M the projection on what is not constant (where X has an intercept).

    Attributes
    ----------
    effects : list of (factor, column)
    squares : ndarray, (k, k)
        ``|Z_c'M Z_d|^2``, the squared Frobenius norm.
    traces : ndarray, (k,)
        ``tr Z_c'M Z_c``.
    fits : ndarray, (k,)
        ``|Z_c'e|^2``, e the least-squares residuals.
    rss : float
        ``e'e``.
    """

    effects: list[tuple[int, int]]
    squares: Floats
    traces: Floats
    fits: Floats
    rss: float


def moments(plan: Plan, cross: Any, beta: Floats, intercept: int | None) -> Moments:
    """Return the moments of cross-products; `beta` are the coefficients of the outcome in them."""
    view, table = layout(plan), _Table(layout(plan), cross, np.append(-beta, 1.0), intercept)
    for k, factor in enumerate(view.chain):
        table.add_chain(k, factor)
    if view.dense:
        table.add_dense()
    return table.moments()


class _Table:
    """The sums as they are taken, effect by effect; `inner` is ``sum u_c'Z_c'Z_d u_d`` with ``u = Z'1``."""

    def __init__(self, view: Layout, cross: Any, c: Floats, intercept: int | None) -> None:
        self.cross, self.c, self.view = cross, c, view
        self.first: dict[int, int] = {}
        self.effects: list[tuple[int, int]] = []
        for factor in (*view.chain, *view.dense):
            self.first[factor.position] = len(self.effects)
            self.effects += [(factor.position, column) for column in range(factor.width)]
        k = len(self.effects)
        self.squares, self.inner = np.zeros((k, k)), np.zeros((k, k))
        self.traces, self.fits, self.sizes = np.zeros(k), np.zeros(k), np.zeros(k)
        self.constant = None if intercept is None else intercept - len(c)
        labels = [np.repeat(self._own(f), getattr(cross, f.name("size"))) for f in view.dense]
        self.labels: Codes = np.concatenate(labels) if labels else np.zeros(0, dtype=np.intp)
        m = len(self.labels)
        self.dense_u = np.zeros(m) if self.constant is None else cross.C[:m, self.constant]
        self.u = {factor.position: self._constant_sums(factor) for factor in view.chain}

    def _constant_sums(self, factor: Factor) -> Floats:
        """Return ``Z'1`` of a factor of the chain, (q, J), up to the value of the intercept's column."""
        E = getattr(self.cross, factor.name("E"))
        return np.zeros((len(E), E.shape[-1])) if self.constant is None else E[:, self.constant]

    def _own(self, factor: Factor) -> Codes:
        at = self.first[factor.position]
        return np.arange(at, at + factor.width)

    def _put(self, rows: Codes, columns: Codes, squares: Floats, inner: Floats) -> None:
        for target, values in ((self.squares, squares), (self.inner, inner)):
            target[np.ix_(rows, columns)] = values
            target[np.ix_(columns, rows)] = values.T

    def add_chain(self, k: int, factor: Factor) -> None:
        """Add the moments of a factor of the chain with itself, with those above it, and with the dense ones."""
        own, w = self._own(factor), len(self.c)
        A, E = (getattr(self.cross, factor.name(letter)) for letter in "AE")
        u = self.u[factor.position]
        self.fits[own] = ((self.c @ E[:, -w:]) ** 2).sum(axis=-1)
        self.traces[own], self.sizes[own] = A.sum(axis=-1).diagonal(), (u**2).sum(axis=-1)
        self._put(own, own, (A**2).sum(axis=-1), _between(u, A, u))
        parent: Codes | None = None
        for step, other in enumerate(factor.above):
            next_ = self.cross.nest.parents[k + step]
            parent = next_ if parent is None else next_[parent]
            B = getattr(self.cross, factor.name("B"))[:, factor.columns_of(other)]
            inner = _between(u, B, self.u[other.position][:, parent])
            self._put(own, self._own(other), (B**2).sum(axis=-1), inner)
        if self.view.is_sparse:
            self._add_cells(factor, u)
        elif self.view.dense:
            self._add_bordered(own, E[:, :-w], u)

    def _add_cells(self, factor: Factor, u: Floats) -> None:
        """Add the moments of a factor with the dense columns, from their occupied cells."""
        own, cells = self._own(factor), getattr(self.cross, factor.name("cells"))
        label, size = self.labels[cells.column], len(self.effects)
        columns: Codes = np.unique(self.labels)
        for row, values, at in zip(own, getattr(self.cross, factor.name("N"))[:, 0], u, strict=True):
            inner = values * at[cells.group] * self.dense_u[cells.column]
            squares: Floats = np.bincount(label, values**2, size).astype(float)
            constant: Floats = np.bincount(label, inner, size).astype(float)
            self._put(np.array([row]), columns, squares[None, columns], constant[None, columns])

    def _add_bordered(self, own: Codes, N: Floats, u: Floats) -> None:
        """Add the moments of a factor with the dense columns, all cells stored."""
        columns, starts = np.unique(self.labels, return_index=True)
        squares = np.add.reduceat((N**2).sum(axis=-1), starts, axis=1)
        inner = np.add.reduceat(np.einsum("cdj,cj->cd", N, u) * self.dense_u, starts, axis=1)
        self._put(own, columns, squares, inner)

    def add_dense(self) -> None:
        """Add the moments of the dense columns among themselves."""
        m, u = len(self.labels), self.dense_u
        C = self.cross.C
        columns, starts = np.unique(self.labels, return_index=True)
        ends = [*starts[1:], m]
        for column, start, end in zip(columns, starts, ends, strict=True):
            own = slice(start, end)
            self.fits[column] = ((C[own, -len(self.c) :] @ self.c) ** 2).sum()
            self.traces[column], self.sizes[column] = C[own, own].trace(), (u[own] ** 2).sum()
            for other, from_, to in zip(columns, starts, ends, strict=True):
                block = C[own, from_:to]
                self.squares[column, other] = np.einsum("ij,ij->", block, block)
                self.inner[column, other] = u[own] @ block @ u[from_:to]

    def moments(self) -> Moments:
        """Return the moments, what is constant projected out."""
        C, w = self.cross.C, len(self.c)
        rss = float(self.c @ C[-w:, -w:] @ self.c)
        squares, traces = self.squares, self.traces
        if self.constant is not None:
            total = C[self.constant, self.constant]
            squares = squares - 2.0 * self.inner / total + np.outer(self.sizes, self.sizes) / total**2
            traces = traces - self.sizes / total
        return Moments(effects=self.effects, squares=squares, traces=traces, fits=self.fits, rss=rss)


def _between(u: Floats, N: Floats, v: Floats) -> Floats:
    """Return ``sum_j u[c, j] N[c, d, j] v[d, j]``, (q, r)."""
    return np.asarray(((u[:, None] * N) * v).sum(axis=-1))
