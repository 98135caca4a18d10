"""Roots of covariances as a free vector, with one standard deviation or correlation held at a value.

Input: a plan, and which entry is held. Output: roots of the covariances of the user's columns, and the chain rule back
to the vector and the held value. Invariants: every vector gives covariances (no bounds); any value of the held
parameter in its range can be taken, its edges included.

The effects of a block are put in an order in which the held ones come first: a standard deviation is then the first
entry of a lower-triangular root, and a correlation r is two rows ``(a, 0)`` and ``(b r, b sqrt(1 - r^2))``. All roots
together are one array, factor after factor; but for a held correlation it is linear in the vector and the value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.fit.chain_rule import flat
from hdsl.fit.covariance import from_parts, lower_factor
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["LEAST", "Held", "Roots", "least_sds", "roots_of", "started"]

Held = tuple[int, int, int]
"""Grouping factor, row and column of the entry that is held; row == column is a standard deviation."""

LEAST = 1e-2
"""Relative standard deviation that a descent starts from where a fit has zero: at zero the gradient is zero, too."""

FREE = -1
"""Place of the held value in the map from a root to the vector: after all others."""


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
class _Turn:
    """Where the two rows of a held correlation stand: ``a``, ``b r`` and ``b sqrt(1 - r^2)``, and a and b."""

    spots: tuple[int, int, int]
    places: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roots:
    """The map between the vector and the roots.

    Attributes
    ----------
    widths : tuple of int
    blocks : tuple of _Block
    size : int
        Length of the vector.
    blank : ndarray
        All roots where the vector and the value are zero: the standard deviations that are the residual's are 1.
    linear : ndarray, (size + 1, number of entries)
        Derivatives of all roots by the vector and the value, those of a held correlation left out.
    turn : _Turn or None
        Of a held correlation.
    """

    widths: tuple[int, ...]
    blocks: tuple[_Block, ...]
    size: int
    blank: Floats
    linear: Floats
    turn: _Turn | None

    def at(self, vector: Floats, value: float) -> list[Floats]:
        """Return a root of the covariance of each factor; `value` is that of the held parameter."""
        entries = self.blank + vector @ self.linear[:-1] + value * self.linear[-1]
        if self.turn is not None:  # of both signs, one of them would turn the correlation over
            first, second, third = self.turn.spots
            b = abs(entries[third])
            entries[first], entries[second] = abs(entries[first]), b * value
            entries[third] = b * _other(value)
        return self._split(entries)

    def _split(self, entries: Floats) -> list[Floats]:
        out, at = [], 0
        for q in self.widths:
            out.append(entries[..., at : at + q * q].reshape(*entries.shape[:-1], q, q))
            at += q * q
        return out

    def moves(self, vector: Floats, value: float) -> Floats:
        """Return the derivatives of all roots by the vector and the value, (size + 1, number of entries).

        At a correlation of -1 or 1 the root has no derivative by it: NaN.
        """
        if self.turn is None:
            return self.linear
        out, (a, b) = self.linear.copy(), self.turn.places
        first, second, third = self.turn.spots
        other, size, sign = _other(value), abs(vector[b]), np.copysign(1.0, vector[b])
        out[a, first] = np.copysign(1.0, vector[a])
        out[b, second], out[b, third] = sign * value, sign * other
        out[-1, second], out[-1, third] = size, -size * value / other if other > 0.0 else math.nan
        return out

    def gradient(self, vector: Floats, value: float, slopes: Sequence[Floats]) -> Floats:
        """Return derivatives by the vector and then the held parameter, (size + 1,), given those by the roots."""
        return np.asarray(self.moves(vector, value) @ flat(slopes))

    def natural_slopes(self, vector: Floats, value: float, entries: Sequence[Held]) -> Floats:
        """Return derivatives of standard deviations and correlations, (number of entries, size + 1)."""
        roots, moves = self.at(vector, value), self._split(self.moves(vector, value))
        halves = [move @ root.T for move, root in zip(moves, roots, strict=True)]
        sds = [np.sqrt((root * root).sum(axis=1)) for root in roots]
        out = np.empty((len(entries), self.size + 1))
        for k, (factor, row, column) in enumerate(entries):
            sd, half = sds[factor], halves[factor]
            by_sd = half[:, row, row] / sd[row]
            if row != column:
                cor = roots[factor][row] @ roots[factor][column] / (sd[row] * sd[column])
                by_cov = (half[:, row, column] + half[:, column, row]) / (sd[row] * sd[column])
                by_sd = by_cov - cor * (by_sd / sd[row] + half[:, column, column] / sd[column] ** 2)
            out[k] = by_sd
        return out

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

    def floor(self, least: Sequence[Floats]) -> Floats:
        """Return for each entry of the vector on a diagonal the standard deviation in `least` of its effect, else 0."""
        out = np.zeros(self.size)
        for block in self.blocks:
            for row, column, place in block.places:
                if place != FREE and row == column:
                    out[place] = least[block.factor][block.columns[row]]
        return out


def _other(cor: float) -> float:
    """Return ``sqrt(1 - cor^2)``."""
    return math.sqrt(max(0.0, 1.0 - cor * cor))


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
    return _laid_out(tuple(term.width for term in plan.re_terms), blocks, constants, size)


def _laid_out(
    widths: tuple[int, ...], blocks: Sequence[_Block], constants: Sequence[tuple[int, int]], size: int
) -> Roots:
    """Return the map with the positions of all entries in one array."""
    starts = np.cumsum([0, *(q * q for q in widths)]).tolist()
    blank, linear, turn = np.zeros(starts[-1]), np.zeros((size + 1, starts[-1])), None
    for factor, column in constants:
        blank[starts[factor] + column * (widths[factor] + 1)] = 1.0
    for block in blocks:
        ordered = sorted(block.columns)

        def spot(row: int, column: int, block: _Block = block, ordered: list[int] = ordered) -> int:
            return int(starts[block.factor] + block.columns[row] * widths[block.factor] + ordered[column])

        for row, column, place in block.places:
            linear[place, spot(row, column)] = 1.0
        if block.turned:
            places = {(row, column): place for row, column, place in block.places}
            turn = _Turn(spots=(spot(0, 0), spot(1, 0), spot(1, 1)), places=(places[0, 0], places[1, 1]))
    return Roots(widths=widths, blocks=tuple(blocks), size=size, blank=blank, linear=linear, turn=turn)


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


def least_sds(T: Sequence[Floats]) -> list[Floats]:
    """Return the least standard deviations of the user's columns that a descent starts from; ``Z = Z* T``."""
    return [LEAST / np.maximum(np.abs(own.diagonal()), np.finfo(float).tiny) for own in T]


def started(sds: Sequence[Floats], least: Sequence[Floats]) -> list[Floats]:
    """Return standard deviations to start from: none of them zero."""
    return [np.maximum(sd, own) for sd, own in zip(sds, least, strict=True)]
