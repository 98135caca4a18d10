"""Roots of covariances as a free vector, with one standard deviation or correlation held at a value.

Input: a plan, and which entry is held. Output: roots of the covariances of the user's columns, and the chain rule back
to the vector. Invariants: every vector gives covariances (no bounds); any value of the held parameter in its range can
be taken, its edges included.

The effects of a block are put in an order in which the held ones come first: a standard deviation is then the first
entry of a lower-triangular root, and a correlation r is two rows ``(a, 0)`` and ``(b r, b sqrt(1 - r^2))``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.fit.covariance import from_parts, lower_factor
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["Held", "Roots", "roots_of"]

Held = tuple[int, int, int]
"""Grouping factor, row and column of the entry that is held; row == column is a standard deviation."""

FREE = -1
"""Place of the held value in the map from a root to the vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One block: its factor, its columns in their order, and for each entry of its root the place in the vector.

    `places` are pairs of (row, column) of the ordered root and the place in the vector; FREE is the held value.
    `turned` says that the second row is held by its correlation with the first.
    """

    factor: int
    columns: tuple[int, ...]
    places: tuple[tuple[int, int, int], ...]
    turned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """The map between the vector and the roots.

    Attributes
    ----------
    widths : tuple of int
    blocks : tuple of _Block
    constants : tuple of (int, int)
        Factor and column of the standard deviations that are the residual's: 1.
    size : int
        Length of the vector.
    """

    widths: tuple[int, ...]
    blocks: tuple[_Block, ...]
    constants: tuple[tuple[int, int], ...]
    size: int

    def at(self, vector: Floats, value: float) -> list[Floats]:
        """Return a root of the covariance of each factor; `value` is that of the held parameter."""
        roots = [np.zeros((q, q)) for q in self.widths]
        for factor, column in self.constants:
            roots[factor][column, column] = 1.0
        for block in self.blocks:
            L = np.zeros((len(block.columns),) * 2)
            for row, column, place in block.places:
                L[row, column] = value if place == FREE else vector[place]
            if block.turned:  # of both signs, one of them would turn the correlation over
                L[0, 0] = abs(L[0, 0])
                L[1, :2] = abs(L[1, 1]) * np.array([value, np.sqrt(max(0.0, 1.0 - value**2))])
            roots[block.factor][np.ix_(block.columns, sorted(block.columns))] = L
        return roots

    def gradient(self, vector: Floats, value: float, G: Sequence[Floats]) -> tuple[Floats, float]:
        """Return derivatives by the vector and by the held standard deviation, given those by the covariances."""
        roots = self.at(vector, value)
        out, by_value = np.zeros(self.size), 0.0
        for block in self.blocks:
            slopes = 2.0 * (G[block.factor] @ roots[block.factor])[np.ix_(block.columns, sorted(block.columns))]
            if block.turned:
                slopes[1, 1] = value * slopes[1, 0] + np.sqrt(max(0.0, 1.0 - value**2)) * slopes[1, 1]
                for row, column, place in block.places:
                    if row == column < 2:
                        slopes[row, row] *= np.copysign(1.0, vector[place])
            for row, column, place in block.places:
                if place == FREE:
                    by_value += float(slopes[row, column])
                else:
                    out[place] += slopes[row, column]
        return out, by_value

    def vector(self, sds: Sequence[Floats], cors: Sequence[Floats]) -> Floats:
        """Return the vector of covariances that are given by standard deviations and correlations."""
        out = np.zeros(self.size)
        for block in self.blocks:
            own = np.ix_(block.columns, block.columns)
            L = lower_factor(from_parts(sds[block.factor][list(block.columns)], cors[block.factor][own]))
            if block.turned:
                L[1, 1] = np.hypot(L[1, 0], L[1, 1])
            for row, column, place in block.places:
                if place != FREE:
                    out[place] = L[row, column]
        return out

    def units(self, scales: Sequence[Floats]) -> Floats:
        """Return the size of each entry of the vector where a standard deviation is like `scales` of its factor."""
        out = np.ones(self.size)
        for block in self.blocks:
            for row, _, place in block.places:
                if place != FREE:
                    out[place] = scales[block.factor][block.columns[row]]
        return out


def roots_of(plan: Plan, held: Held | None = None) -> Roots:
    """Return the map with an entry held, or with none."""
    single: dict[int, int] = {} if held is None else {_first_theta(plan, held): FREE}
    blocks: list[_Block] = []
    constants: list[tuple[int, int]] = []
    size = 0
    for factor, term in enumerate(plan.re_terms):
        pair = held[1:] if held is not None and held[0] == factor else ()
        for block in term.blocks:
            if block.theta == (-1,):
                constants.append((factor, block.columns[0]))
            elif len(block.columns) == 1:
                place = single.setdefault(block.theta[0], size)
                size += place == size
                blocks.append(_Block(factor=factor, columns=block.columns, places=((0, 0, place),), turned=False))
            else:
                blocks.append(_wide(factor, block.columns, pair, size))
                size = max(place for _, _, place in blocks[-1].places) + 1
    widths = tuple(term.width for term in plan.re_terms)
    return Roots(widths=widths, blocks=tuple(blocks), constants=tuple(constants), size=size)


def _wide(factor: int, columns: tuple[int, ...], pair: tuple[int, ...], start: int) -> _Block:
    """Return a block of several columns, the held ones first; its free entries have places from `start` on."""
    own = [column for column in sorted(set(pair)) if column in columns]
    order = (*own, *(column for column in columns if column not in own))
    entries = [(row, column) for row in range(len(order)) for column in range(row + 1)]
    taken = {1: (0, 0), 2: (1, 0)}.get(len(own))  # the held value; of a correlation it stands in no place of its own
    free = [entry for entry in entries if entry != taken]
    places = [(row, column, start + place) for place, (row, column) in enumerate(free)]
    if len(own) == 1:
        places.append((0, 0, FREE))
    return _Block(factor=factor, columns=order, places=tuple(places), turned=len(own) == 2)


def _first_theta(plan: Plan, held: Held) -> int:
    """Return the first entry of theta of the block that is held: of a block of one column, the standard deviation."""
    return next(block.theta[0] for block in plan.re_terms[held[0]].blocks if held[1] in block.columns)
