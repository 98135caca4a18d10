"""Columns far from zero whose effects are independent of the intercept's: centred for the cross-products all the same.

Input: a plan, its columns of Z as `hdsl.fit.standardise` leaves them. Output: columns Z* and S with ``Z = Z* S``, and
the emitted functions on Z* that take and give what belongs to Z. Invariants: the model is the plan's, only the digits
differ; columns that are not far from zero, and plans that are solved by iterations, are left alone.

Independent effects of centred columns are another model, so that standardising cannot centre them. Cross-products of a
column whose mean is m standard deviations lose the digits of m^2, those of a year some six. With ``Sigma* = S Sigma
S'`` the model stays: the factor's covariance is then any one to the emitted functions, so they are those of a plan
whose block is free, at the theta of Sigma*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hdsl.codegen import Emitted, emit, load, theta_entries
from hdsl.fit.chain_rule import emitted_entries
from hdsl.fit.covariance import lower_factor
from hdsl.fit.standardise import Columns, Floats, is_constant
from hdsl.plan import CovarianceBlock, Plan
from hdsl.runtime import Profile

__all__ = ["Recentred", "Swept", "far_columns", "recentred"]

FAR = 10.0
"""Mean of a column, in its standard deviations, from which its cross-products are taken about it."""


def far_columns(
    plan: Plan, position: int, Z: Sequence[Floats], scaled: tuple[tuple[Floats, ...], Floats], columns: Columns
) -> tuple[tuple[Floats, ...], Floats | None]:
    """Return the columns of one factor with those far from zero centred, and S; None where there are none.

    Parameters
    ----------
    plan : Plan
    position : int
    Z : sequence of ndarray
        The factor's columns.
    scaled : (tuple of ndarray, ndarray)
        The same as `random_scale` returns them, with its T.
    columns : Columns
    """
    standard, T = scaled
    base = next((c for c, column in enumerate(Z) if is_constant(column) and column[0] != 0.0), None)
    if base is None or plan.crossing == "iterative":
        return standard, None
    out, S = list(standard), np.eye(len(Z))
    for c, column in enumerate(Z):
        if is_constant(column) or np.count_nonzero(T[:, c]) > 1:
            continue
        centred, shift, scale = columns.scaled(column, centre=True)
        if abs(shift) > FAR * scale:
            out[c], S[c, c], S[base, c] = centred, scale / T[c, c], shift / T[c, c] / float(Z[base][0])
    return tuple(out), S if np.count_nonzero(S) > len(Z) else None


@dataclass(frozen=True, slots=True)
class Swept:
    """The forward sweep: that of the free covariances, and the plan's own factors."""

    own: Any
    factors: Sequence[Floats]

    @property
    def logdet_error(self) -> float:
        """Of the log determinant: none."""
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recentred:
    """The emitted functions of a plan, worked on other columns of Z.

    Each takes and gives what that of `Emitted` does, for the plan's own columns; cross-products are those of Z*.

    Attributes
    ----------
    plain, free : Emitted
        Of the plan, and of the one whose moved factors have free covariances.
    plan : Plan
        The latter.
    S : mapping of int to ndarray
        For each moved factor ``Z = Z* S``.
    entries : ndarray, (entries of the free plan, entries of the plan)
        ``S E_a S'`` of each entry a of the plan, by those of the free plan, in the order of the directions.
    """

    plain: Emitted
    free: Emitted
    plan: Plan
    S: Mapping[int, Floats]
    entries: Floats

    @property
    def columns(self) -> Any:
        """Those of the plan."""
        return self.plain.columns

    def forward(self, cross: Any, theta: Floats) -> Any:
        """Return the forward sweep at a theta of the plan."""
        factors = self.plain.relative_factors(theta)
        roots = {f: lower_factor(S @ factors[f]) for f, S in self.S.items()}
        moved = [roots[e.factor][e.row, e.column] for e in theta_entries(self.plan) if e.factor in roots]
        return Swept(self.free.forward(cross, np.concatenate((theta, moved))), factors)

    def estimates(self, cross: Any, swept: Any, reml: bool) -> Profile:
        """Return the estimates, which no columns of Z are in."""
        return self.free.estimates(cross, swept.own, reml)  # type: ignore[no-any-return]

    def modes(self, cross: Any, swept: Any, beta: Floats) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return the modes, ``b = S^-1 b*``, and ``v = S'v*``, of each factor."""
        modes, v = (list(parts) for parts in self.free.modes(cross, swept.own, beta))
        for f, S in self.S.items():
            modes[f], v[f] = _times(_inverse(S), modes[f]), _times(S.T, v[f])
        return tuple(modes), tuple(v)

    def covariances(self, cross: Any, swept: Any, cov_beta: Floats) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """Return ``S'G*S`` and the covariances of the modes, ``S^-1 V* S'^-1``, of each factor."""
        slopes, covariances = (list(parts) for parts in self.free.covariances(cross, swept.own, cov_beta))
        for f, S in self.S.items():
            back = _inverse(S)
            slopes[f] = S.T @ slopes[f] @ S
            covariances[f] = np.einsum("ab,bcj,dc->adj", back, covariances[f], back)
        return tuple(slopes), tuple(covariances)

    def average_information(self, cross: Any, swept: Any, v: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return the products of the directions ``Z E_a v = Z* (S E_a S') v*``."""
        own = list(v)
        for f, S in self.S.items():
            own[f] = _times(_inverse(S).T, v[f])
        border, within = self.free.average_information(cross, swept.own, own)
        return border @ self.entries, self.entries.T @ within @ self.entries


def recentred(plan: Plan, plain: Emitted, S: Mapping[int, Floats]) -> Recentred:
    """Return the functions of a plan on moved columns; `S` are those of the moved factors."""
    free = _free(plan, S)
    return Recentred(plain=plain, free=load(emit(free)), plan=free, S=S, entries=_entries(plan, free, S))


def _free(plan: Plan, moved: Mapping[int, Floats]) -> Plan:
    """Return the plan with one free block for each moved factor; its theta come after all others."""
    terms, is_diagonal = list(plan.re_terms), list(plan.diagonal_theta)
    for f in moved:
        term = terms[f]
        own = [row == column for column in range(term.width) for row in range(column, term.width)]
        block = CovarianceBlock(
            columns=tuple(range(term.width)),
            effects=tuple(effect for block in term.blocks for effect in block.effects),
            theta=tuple(range(len(is_diagonal), len(is_diagonal) + len(own))),
        )
        terms[f] = replace(term, blocks=(block,))
        is_diagonal += own
    return replace(plan, re_terms=tuple(terms), n_theta=len(is_diagonal), diagonal_theta=tuple(is_diagonal))


def _entries(plan: Plan, free: Plan, S: Mapping[int, Floats]) -> Floats:
    """Return the entries of the plan's covariances by those of the free plan's."""
    rows, columns = emitted_entries(free), emitted_entries(plan)
    out = np.zeros((len(rows), len(columns)))
    for a, entry in enumerate(columns):
        width = free.re_terms[entry.factor].width
        unit = np.zeros((width, width))
        unit[entry.row, entry.column] = unit[entry.column, entry.row] = 1.0
        move = S.get(entry.factor)
        whole = unit if move is None else move @ unit @ move.T
        out[:, a] = [whole[e.row, e.column] if e.factor == entry.factor else 0.0 for e in rows]
    return out


def _inverse(S: Floats) -> Floats:
    return np.asarray(np.linalg.inv(S), dtype=float)


def _times(matrix: Floats, values: Floats) -> Floats:
    """Return a matrix times the values of each group, (q, k, J)."""
    return np.asarray(np.einsum("ab,bkj->akj", matrix, values))
