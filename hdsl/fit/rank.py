"""Columns of X that others span: found from the cross-products, left to right, and taken out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdsl.fit.standardise import Block, Floats
from hdsl.runtime import Indicators

__all__ = ["independent_columns", "keep_columns"]

TOLERANCE = 1e-9
"""Share of a standardised column's sum of squares that must be left after the columns before it."""


def independent_columns(gram: Floats, first: int | None) -> list[int]:
    """Return the columns that those before them do not span.

    Parameters
    ----------
    gram : ndarray, (p, p)
        ``X'X`` of standardised columns.
    first : int or None
        A column to look at before all others: the intercept, which the others were centred by.
    """
    order = sorted(range(len(gram)), key=lambda k: (k != first, k))
    size = np.sqrt(np.maximum(gram.diagonal(), np.finfo(float).tiny))
    scaled = gram / np.outer(size, size)
    if _are_all(scaled[np.ix_(order, order)]):
        return list(range(len(gram)))
    kept: list[int] = []
    R = np.zeros((len(gram), len(gram)))  # rows: the Cholesky factor of the kept columns
    for k in order:
        row = R[: len(kept), k]
        left = scaled[k, k] - row @ row
        if left <= TOLERANCE:
            continue
        R[len(kept)] = (scaled[k] - row @ R[: len(kept)]) / np.sqrt(left)
        kept.append(k)
    return sorted(kept)


def _are_all(scaled: Floats) -> bool:
    """Whether each column leaves something, by the pivots of one factorisation."""
    try:
        return bool(np.all(np.linalg.cholesky(scaled).diagonal() ** 2 > TOLERANCE))
    except np.linalg.LinAlgError:
        return False


def keep_columns(X: Sequence[Block], kept: Sequence[int]) -> list[Block]:
    """Return X with the columns `kept` alone."""
    out: list[Block] = []
    wanted, at = set(kept), 0
    for block in X:
        if isinstance(block, Indicators):
            own = [k for k in range(block.size) if at + k in wanted]
            new = np.full(block.size + 1, -1)
            new[own] = np.arange(len(own))
            if own:
                out.append(Indicators(new[block.codes], len(own), block.values))
            at += block.size
        else:
            if at in wanted:
                out.append(block)
            at += 1
    return out
