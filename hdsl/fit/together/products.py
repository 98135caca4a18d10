"""Cross-products of many outcomes with the columns of a fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from hdsl.codegen.layout import layout
from hdsl.fit.refit import Refitter
from hdsl.fit.standardise import Block, Codes, Floats, is_constant
from hdsl.runtime import Indicators

__all__ = ["Products"]


class _Sums:
    """Sums over the rows of each group, of many outcomes; groups in the order of their codes."""

    def __init__(self, codes: Codes) -> None:
        self.order = np.argsort(codes, kind="stable")
        self.starts = np.flatnonzero(np.diff(codes[self.order], prepend=-1))

    def products(self, column: Floats, y: Floats) -> Floats:
        """Return the sums of a column times the outcomes, (R, n): (J, R)."""
        rows = y[:, self.order]
        rows *= column[0] if is_constant(column) else column[self.order]
        return np.asarray(np.add.reduceat(rows, self.starts, axis=1).T)


class Products:
    """The cross-products of a fit with other outcomes in the place of its own.

    Parameters
    ----------
    refit : Refitter
        Of a plan without occupied cells.
    """

    def __init__(self, refit: Refitter) -> None:
        self._refit = refit
        self._view = layout(refit.problem.plan)
        self._sums = {factor.position: _Sums(refit.arrays.groups[factor.position]) for factor in self._view.dense}
        if self._view.chain:
            self._sums[self._view.chain[0].position] = _Sums(refit.problem.cross.nest.codes)

    @property
    def size(self) -> int:
        """How many numbers there are for each outcome."""
        cross = self._refit.problem.cross
        return int(cross.C.size + sum(getattr(cross, factor.name("E")).size for factor in self._view.chain))

    def of(self, y: Floats) -> Any:
        """Return the cross-products of standardised outcomes, (R, n), replicates last."""
        cross, Z, R = self._refit.problem.cross, self._refit.Z, len(y)
        changed: dict[str, Floats] = {}
        for k, factor in enumerate(self._view.chain):
            E = np.repeat(getattr(cross, factor.name("E"))[..., None], R, axis=-1)
            for c, column in enumerate(Z[factor.position]):
                E[c, -1] = self._in_chain(column, y, k)
            changed[factor.name("E")] = E
            for letter in ("A", "B") if factor.above else ("A",):
                changed[factor.name(letter)] = getattr(cross, factor.name(letter))[..., None]
        dense = [
            self._sums[factor.position].products(column, y)
            for factor in self._view.dense
            for column in Z[factor.position]
        ]
        own = np.einsum("rn,rn->r", y, y)[None]
        C = np.repeat(cross.C[..., None], R, axis=-1)
        C[-1] = C[:, -1] = np.concatenate([*dense, *(_fixed(block, y) for block in self._refit.X), own])
        return cross._replace(C=C, **changed)

    def _in_chain(self, column: Floats, y: Floats, k: int) -> Floats:
        """Return the sums of a column times the outcomes over the groups of the k-th factor of the chain, (J, R)."""
        sums = self._sums[self._view.chain[0].position].products(column, y)
        for starts in self._refit.problem.cross.nest.starts[:k]:
            sums = np.add.reduceat(sums, starts, axis=0)
        return sums


def _fixed(block: Block, y: Floats) -> Floats:
    """Return the cross-products of the columns of a block with outcomes, (columns, R)."""
    if not isinstance(block, Indicators):
        return np.asarray((y @ block)[None])
    out = np.zeros((block.size + 1, len(y)))  # the first takes the rows that are in no column
    out[np.unique(block.codes + 1)] = _Sums(block.codes + 1).products(block.values, y)
    return out[1:]
