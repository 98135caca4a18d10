"""Integrals over nested random effects by adaptive Gauss-Hermite quadrature, group by group.

Input: a plan whose grouping factors form one chain, its arrays, predictors without random effects, and the covariance
factors. Output: -2 log-likelihood. Invariants: rows stand sorted, so that the groups of every factor are runs of rows;
levels are numbered from the coarsest, 0; effects are ``b = L u`` with standard normal u.

At a level the nodes are ``u + C z``: u the mode of the effects of this and all finer levels jointly, given those of the
coarser ones, and ``C C'`` the inverse of the Schur complement of its effects in the Hessian there. At each node of a
coarser level the modes of the finer ones are found anew. With one node this is Laplace's method.

References
----------
Pinheiro and Bates (1995), Journal of Computational and Graphical Statistics 4, 12-35, section 2.4; Pinheiro and Chao
(2006), Journal of Computational and Graphical Statistics 15, 58-81, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from hdsl.fit.columns import random_columns
from hdsl.fit.row_density import RowValues, row_values
from hdsl.fit.standardise import Codes, Floats
from hdsl.plan import Arrays, Plan

__all__ = ["Levels", "grid", "levels"]

INNER = 1e-18
"""Newton decrement at which a mode is found: the log determinant has an error of the order of its root."""

AT_ONCE = 1 << 21
"""Rows times nodes that are looked at together."""

Columns = list[list[Floats | None]]
"""For each predictor the columns of a level, None where one is zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Nodes, (m, q), and the logarithms of their weights with the factor ``exp(z'z / 2)``, for a standard normal."""

    z: Floats
    log_weights: Floats


def grid(nodes: int, q: int) -> Grid:
    """Return the tensor product of q rules of `nodes` nodes."""
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.array(list(product(z, repeat=q))).reshape(-1, q)
    logs = np.log(w) - 0.5 * np.log(2.0 * np.pi) + 0.5 * z**2
    return Grid(z=points, log_weights=np.array([sum(part) for part in product(logs, repeat=q)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One grouping factor: its groups as runs of rows and of the next finer level's groups.

    Attributes
    ----------
    factor : int
        Position in `Plan.re_terms`.
    q : int
        Number of effects.
    rows : ndarray, (n,)
        Group of each row.
    codes : ndarray, (J,)
        The user's code of each group.
    starts : ndarray, (J,)
        First row of each group.
    parents : ndarray, (J,)
        Group of the next coarser level; zeros at the coarsest.
    first : ndarray
        First group within each group of the next coarser level.
    Z : list of list
    """

    factor: int
    q: int
    rows: Codes
    codes: Codes
    starts: Codes
    parents: Codes
    first: Codes
    Z: Columns

    def sums(self, values: Floats) -> Floats:
        """Return sums over the rows of each group, (.., J)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The levels of one data set, coarsest first, and the density of its rows.

    `order` are the positions of the sorted rows among the user's.
    """

    order: Codes
    levels: tuple[Level, ...]
    rows: RowValues

    @property
    def n_predictors(self) -> int:
        """Return K."""
        return self.rows.n_predictors

    def log_integrals(
        self, base: Sequence[Floats], L: Sequence[Floats], grids: Sequence[Grid], modes: Sequence[Floats]
    ) -> tuple[Floats, bool]:
        """Return the logarithm of the integral for each group of the coarsest level, and whether all modes were found.

        Parameters
        ----------
        base : sequence of ndarray, (n,)
            Predictors without random effects, rows sorted.
        L : sequence of ndarray, (q, q)
            Covariance factors, coarsest level first.
        grids : sequence of Grid
            Nodes of each level.
        modes : sequence of ndarray, (J, q)
            Effects to start from, groups in the order of their codes, coarsest level first.
        """
        scaled = [_times(level.Z, factor) for level, factor in zip(self.levels, L, strict=True)]
        start = [
            b[level.codes] @ np.linalg.pinv(factor).T for b, level, factor in zip(modes, self.levels, L, strict=True)
        ]
        return _Integrals(self, scaled, grids).below(0, [np.asarray(e) for e in base], start)


def _times(Z: Columns, L: Floats) -> Columns:
    """Return ``Z L`` for each predictor."""
    out: Columns = []
    for columns in Z:
        own: list[Floats | None] = []
        for d in range(L.shape[1]):
            terms = [z * L[c, d] for c, z in enumerate(columns) if z is not None and L[c, d] != 0.0]
            own.append(sum(terms[1:], terms[0]) if terms else None)
        out.append(own)
    return out


def levels(plan: Plan, arrays: Arrays, times: Floats | None = None) -> Levels:
    """Sort the rows of a plan whose factors form one chain, and return its levels; rows may count several times."""
    chain = list(reversed(plan.chain))
    order = np.lexsort([arrays.groups[f] for f in reversed(chain)]) if chain else np.arange(len(arrays.y))
    in_order = replace(
        arrays,
        y=arrays.y[order],
        x=tuple(x[order] for x in arrays.x),
        groups=tuple(g[order] for g in arrays.groups),
        known=tuple(k[order] for k in arrays.known),
    )
    out: list[Level] = []
    for f in chain:
        codes = in_order.groups[f]
        changes = np.diff(codes, prepend=codes[0] - 1) != 0
        starts = np.flatnonzero(changes)
        parents = out[-1].rows[starts] if out else np.zeros(len(starts), dtype=np.intp)
        out.append(
            Level(
                factor=f,
                q=plan.re_terms[f].width,
                rows=np.cumsum(changes) - 1,
                codes=codes[starts],
                starts=starts,
                parents=parents,
                first=np.flatnonzero(np.diff(parents, prepend=-1)),
                Z=random_columns(plan, in_order, f),
            )
        )
    rows = row_values(plan, in_order, None if times is None else times[order])
    return Levels(order=order, levels=tuple(out), rows=rows)


@dataclass(frozen=True, slots=True)
class _Step:
    """One level of the elimination: S and its inverse, cross block with the coarser levels, reduced right-hand side."""

    S: Floats
    inverse: Floats
    cross: Floats
    right: Floats


class _Integrals:
    """One evaluation: the recursion over levels."""

    def __init__(self, data: Levels, scaled: list[Columns], grids: Sequence[Grid]) -> None:
        self.data, self.scaled, self.grids = data, scaled, grids

    def below(self, r: int, base: list[Floats], start: list[Floats]) -> tuple[Floats, bool]:
        """Return the log integrals over levels r, r + 1, .. for each group of level r."""
        u, S, found = self._mode(r, base, start)
        level, points = self.data.levels[r], self.grids[r]
        C = np.linalg.cholesky(np.linalg.inv(S))  # C C' = S^-1
        half_logdet = np.log(np.diagonal(C, axis1=1, axis2=2)).sum(axis=1)
        if r + 1 == len(self.data.levels):
            values = self._at_nodes(r, base, u[0], C)
        else:
            values = np.empty((len(points.z), len(level.starts)))
            for k, z in enumerate(points.z):
                own = u[0] + C @ z
                finer, known = self.below(r + 1, self._moved(r, base, own), u[1:])
                found = found and known
                values[k] = np.add.reduceat(finer, self.data.levels[r + 1].first) - 0.5 * (own**2).sum(axis=1)
        values += points.log_weights[:, None]
        top = values.max(axis=0)
        return top + np.log(np.exp(values - top).sum(axis=0)) + half_logdet, found

    def _at_nodes(self, r: int, base: list[Floats], u: Floats, C: Floats) -> Floats:
        """Return ``log f - u'u / 2`` at the nodes of the finest level, (m, J)."""
        level, z = self.data.levels[r], self.grids[r].z
        out = np.empty((len(z), len(level.starts)))
        step = max(1, AT_ONCE // self.data.rows.n)
        for at in range(0, len(z), step):
            own = u + np.einsum("jab,mb->mja", C, z[at : at + step])
            eta = self._moved(r, base, own)
            out[at : at + step] = level.sums(self.data.rows.value(eta)) - 0.5 * (own**2).sum(axis=2)
        return out

    def _moved(self, r: int, base: list[Floats], u: Floats) -> list[Floats]:
        """Return the predictors with the effects of level r added; u is (.., J, q)."""
        rows = self.data.levels[r].rows
        out = []
        for e, columns in zip(base, self.scaled[r], strict=True):
            total = e
            for d, z in enumerate(columns):
                if z is not None:
                    total = total + z * np.take(u[..., d], rows, axis=-1)
            out.append(total)
        return out

    def _mode(self, r: int, base: list[Floats], start: list[Floats]) -> tuple[list[Floats], Floats, bool]:
        """Return the joint mode of levels r, .., the Schur complement of level r there, and whether it was found."""
        u, top = [v.copy() for v in start], self.data.levels[r]
        value = self._penalised(r, base, u)
        for _ in range(100):
            delta, S, decrement = self._newton(r, base, u)
            if decrement.max() < INNER:
                return u, S, True
            share = np.ones(len(top.starts))
            for _ in range(40):
                tried = [
                    v + share[self._ancestors(r, s)][:, None] * d
                    for s, (v, d) in enumerate(zip(u, delta, strict=True), r)
                ]
                new = self._penalised(r, base, tried)
                worse = ~(new >= value - 1e-12 * (1.0 + np.abs(value)))
                if not worse.any():
                    break
                share[worse] /= 2.0
            u, value = tried, new
        return u, S, bool(decrement.max() < 1e-6)

    def _ancestors(self, r: int, s: int) -> Codes:
        """Return the group of level r that each group of level s lies in."""
        return self.data.levels[r].rows[self.data.levels[s].starts]

    def _penalised(self, r: int, base: list[Floats], u: list[Floats]) -> Floats:
        """Return ``log f - u'u / 2`` for each group of level r."""
        eta = base
        for s, v in enumerate(u, r):
            eta = self._moved(s, eta, v)
        total = self.data.levels[r].sums(self.data.rows.value(eta))
        for s, v in enumerate(u, r):
            total -= 0.5 * np.bincount(self._ancestors(r, s), (v**2).sum(axis=1), minlength=len(total))
        return total

    def _newton(self, r: int, base: list[Floats], u: list[Floats]) -> tuple[list[Floats], Floats, Floats]:
        """Return the Newton step of each level, the Schur complement of level r, and the decrement of its groups."""
        eta = base
        for s, v in enumerate(u, r):
            eta = self._moved(s, eta, v)
        first, weights = self.data.rows.first(eta), self.data.rows.weights(eta)
        gradients = [self._scores(s, first) - v for s, v in enumerate(u, r)]
        steps = self._eliminated(r, weights, gradients)
        delta = self._back(r, steps)
        decrement = np.zeros(len(self.data.levels[r].starts))
        for s, (g, d) in enumerate(zip(gradients, delta, strict=True), r):
            decrement += np.bincount(self._ancestors(r, s), (g * d).sum(axis=1), minlength=len(decrement))
        return delta, steps[0].S, decrement

    def _scores(self, s: int, first: list[Floats]) -> Floats:
        """Return ``(Z L)' d log f / d eta``, (J, q)."""
        level = self.data.levels[s]
        out = np.zeros((len(level.starts), level.q))
        for f, columns in zip(first, self.scaled[s], strict=True):
            for d, z in enumerate(columns):
                if z is not None:
                    out[:, d] += level.sums(z * f)
        return out

    def _crossed(self, r: int, weights: list[list[Floats]]) -> Floats:
        """Return ``(Z L)' W (Z L)`` of levels r, .. together, for each finest group: (J, Q, Q)."""
        finest = self.data.levels[-1]
        stacked = [[z for columns in self.scaled[r:] for z in columns[k]] for k in range(self.data.n_predictors)]
        Q = len(stacked[0])
        out = np.zeros((len(finest.starts), Q, Q))
        for a in range(Q):
            for b in range(a, Q):
                total = np.zeros(self.data.rows.n)
                for k, left in enumerate(stacked):
                    for m, right in enumerate(stacked):
                        x, z = left[a], right[b]
                        if x is not None and z is not None:
                            total += x * weights[k][m] * z
                out[:, a, b] = out[:, b, a] = finest.sums(total)
        return out

    def _eliminated(self, r: int, weights: list[list[Floats]], gradients: list[Floats]) -> list[_Step]:
        """Eliminate the levels, finest first; steps are in the order of the levels."""
        T = self._crossed(r, weights)
        above = np.zeros(T.shape[:2])  # what finer levels leave to the right-hand side
        steps: list[_Step] = []
        for s in range(len(self.data.levels) - 1, r - 1, -1):
            level = self.data.levels[s]
            start = T.shape[1] - level.q
            S = np.eye(level.q) + T[:, start:, start:]
            inverse: Floats = np.asarray(np.linalg.inv(S), dtype=float)
            B = T[:, start:, :start]
            right = gradients[s - r] + above[:, start:]
            steps.insert(0, _Step(S, inverse, B, right))
            reduced = T[:, :start, :start] - B.transpose(0, 2, 1) @ inverse @ B
            carried = above[:, :start] - np.einsum("jab,jac,jc->jb", B, inverse, right)
            if s > r:
                T = np.add.reduceat(reduced, level.first, axis=0)
                above = np.add.reduceat(carried, level.first, axis=0)
        return steps

    def _back(self, r: int, steps: list[_Step]) -> list[Floats]:
        """Return the solution of each level, from the coarsest on."""
        out: list[Floats] = []
        coarser = np.zeros((len(self.data.levels[r].starts), 0))
        for s, step in enumerate(steps, r):
            if out:
                coarser = coarser[self.data.levels[s].parents]
            delta = np.einsum("jab,jb->ja", step.inverse, step.right - np.einsum("jab,jb->ja", step.cross, coarser))
            out.append(delta)
            coarser = np.hstack((coarser, delta))
        return out
