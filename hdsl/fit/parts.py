"""Columns of several predictors, standardised: each column is its parts, one for each channel that it enters.

As `hdsl.fit.standardise` for one predictor: ``X = X* R`` and ``Z = Z* T``. A column is centred only where a constant
column enters the same channel, and is its only part there; the parts of a column are scaled alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hdsl.fit.standardise import CONSTANT, Block, Floats, is_constant
from hdsl.plan import CovarianceBlock, Plan
from hdsl.runtime import ChannelColumns, Indicators, channel_columns, constant

__all__ = ["FixedItem", "FixedParts", "RandomColumn", "fixed_gram", "keep_items", "standard_fixed", "standard_random"]

FixedItem: TypeAlias = tuple[tuple[int, Block], ...]
"""The parts of a column (or set) of X: channel and values."""

RandomColumn: TypeAlias = tuple[Floats, ...]
"""The parts of a column of Z."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedParts:
    """Shift and scale of each column of X, and the constant column of its channel, -1 where it has none.

    `value` is the number in that constant column.
    """

    shift: Floats
    scale: Floats
    constant: tuple[int, ...]
    value: Floats

    def to_user(self, kept: Sequence[int]) -> Floats:
        """Return R^-1 for the kept columns: ``beta = R^-1 beta*``."""
        back = np.diag(1.0 / self.scale[list(kept)])
        for j, c in enumerate(kept):
            if self.constant[c] >= 0 and self.shift[c]:
                back[list(kept).index(self.constant[c]), j] -= self.shift[c] / self.scale[c] / self.value[c]
        return back


def _values(block: Block) -> Floats:
    return block.values if isinstance(block, Indicators) else block


def _size(item: FixedItem) -> int:
    block = item[0][1]
    return block.size if isinstance(block, Indicators) else 1


def _scale(columns: Sequence[Floats], shift: float) -> float:
    """Return the root mean square of the parts of a column, from which `shift` was taken; 1 for rounding."""
    scale = max(float(column @ column) / len(column) for column in columns) ** 0.5
    return 1.0 if scale <= CONSTANT * abs(shift) else scale


def standard_fixed(X: Sequence[FixedItem]) -> tuple[list[FixedItem], FixedParts]:
    """Return the columns of X standardised, and how to go back."""
    starts = np.cumsum([0, *(_size(item) for item in X)])
    constants: dict[int, tuple[int, float]] = {}
    for at, item in zip(starts, X, strict=False):
        s, block = item[0]
        if len(item) == 1 and not isinstance(block, Indicators) and is_constant(block) and block[0] != 0.0:
            constants.setdefault(s, (int(at), float(block[0])))
    out: list[FixedItem] = []
    shifts, scales, at, values = [], [], [], []
    for item in X:
        s, block = item[0]
        is_plain = len(item) == 1 and not isinstance(block, Indicators)
        if all(is_constant(_values(part)) for _, part in item):
            shift, scale, base, moved = 0.0, 1.0, (-1, 1.0), item
        else:
            base = constants.get(s, (-1, 1.0)) if is_plain else (-1, 1.0)
            shift = float(_values(block).mean()) if base[0] >= 0 else 0.0
            moved = tuple((s, _shifted(part, shift)) for s, part in item)
            scale = _scale([_values(part) for _, part in moved], shift)
        out.append(tuple((s, _divided(part, scale)) for s, part in moved))
        count = _size(item)
        shifts += [shift] * count
        scales += [scale] * count
        at += [base[0]] * count
        values += [base[1]] * count
    return out, FixedParts(shift=np.array(shifts), scale=np.array(scales), constant=tuple(at), value=np.array(values))


def _shifted(block: Block, shift: float) -> Block:
    return block if isinstance(block, Indicators) or shift == 0.0 else block - shift


def _divided(block: Block, scale: float) -> Block:
    if scale == 1.0:
        return block
    return block._replace(values=block.values / scale) if isinstance(block, Indicators) else block / scale


def keep_items(X: Sequence[FixedItem], kept: Sequence[int]) -> list[FixedItem]:
    """Return X with the columns `kept` alone."""
    out: list[FixedItem] = []
    wanted, at = set(kept), 0
    for item in X:
        size = _size(item)
        own = [k for k in range(size) if at + k in wanted]
        if len(own) == size:
            out.append(item)
        elif own:
            new = np.full(size + 1, -1)
            new[own] = np.arange(len(own))
            out.append(tuple((s, Indicators(new[b.codes], len(own), b.values)) for s, b in _sets(item)))
        at += size
    return out


def _sets(item: FixedItem) -> list[tuple[int, Indicators]]:
    return [(s, block) for s, block in item if isinstance(block, Indicators)]


def fixed_gram(
    X: Sequence[FixedItem], p: int, inputs: Sequence[tuple[int, ...]], offsets: Sequence[Floats | None], n: int
) -> Floats:
    """Return the sum over predictors of X_k'X_k; rows whose offset is infinite have no part in a predictor.

    Parameters
    ----------
    inputs : sequence of tuple of int
        The predictors of each channel.
    """
    out = np.zeros((p, p))
    used = sorted({s for item in X for s, _ in item})
    columns: dict[int, ChannelColumns] = {s: channel_columns(X, s, slice(None)) for s in used}
    takes_part = [None if offset is None else np.isfinite(offset) for offset in offsets]
    for i, s in enumerate(used):
        for t in used[i:]:
            shared = set(inputs[s]) & set(inputs[t])
            if shared:
                parts = [takes_part[k] for k in shared]
                everywhere = constant(float(sum(part is None for part in parts)), n)
                weights = sum((part for part in parts if part is not None), everywhere)
                columns[s].add_products(out, weights, columns[t])
    return out


def standard_random(
    plan: Plan, position: int, Z: Sequence[RandomColumn], channel_of: Sequence[Sequence[int]]
) -> tuple[tuple[RandomColumn, ...], Floats]:
    """Return the columns of Z of one factor standardised, and T with ``Z = Z* T``.

    A column is scaled where its standard deviation is a parameter of its own, and centred where it is correlated with
    the effect of a constant column of the same channel.
    """
    times = Counter(t for term in plan.re_terms for block in term.blocks for t in block.theta)
    out, T = list(Z), np.eye(len(Z))
    for block in plan.re_terms[position].blocks:
        if any(t < 0 or times[t] > 1 for t in block.theta):
            continue
        for c in block.columns:
            if all(is_constant(part) for part in Z[c]):
                continue
            base = _constant_column(block, Z, channel_of, c)
            shift = float(Z[c][0].mean()) if base is not None else 0.0
            moved = [part - shift for part in Z[c]] if shift else Z[c]
            T[c, c] = _scale(moved, shift)
            out[c] = tuple(part / T[c, c] for part in moved)
            if base is not None:
                T[base, c] = shift / float(Z[base][0][0])
    return tuple(out), T


def _constant_column(
    block: CovarianceBlock, Z: Sequence[RandomColumn], channel_of: Sequence[Sequence[int]], c: int
) -> int | None:
    """Return the constant column of a block that enters the same channel as column c, if there is one."""
    if len(Z[c]) > 1:
        return None
    same = (k for k in block.columns if list(channel_of[k]) == list(channel_of[c]))
    return next((k for k in same if is_constant(Z[k][0]) and Z[k][0][0] != 0.0), None)
