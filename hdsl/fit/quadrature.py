"""Adaptive Gauss-Hermite quadrature as a criterion: any number of nodes where the grouping factors are one chain.

Input: the Laplace criterion of a data set. Output: a criterion with the same face, coordinates and way back to the
user's columns. Invariants: one node is Laplace's method; the gradient is that of the quadrature itself, the movement of
its nodes included, by central differences; the Hessian is Laplace's, which is near.

The steps of the differences are a hundredth of a standard error: what is left out is of the order of 1e-4 of the third
derivative in such units, and rounding, some 1e-12 of the criterion, stays below 1e-6 of a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index

import numpy as np

from hdsl.codegen import theta_entries
from hdsl.fit.chain_rule import chain_rule
from hdsl.fit.columns import FixedColumns, fixed_columns
from hdsl.fit.covariance import lower_factor, widths
from hdsl.fit.joint import DensityCriterion, difference_steps
from hdsl.fit.laplace import Point
from hdsl.fit.nested import Grid, Levels, grid, levels
from hdsl.fit.problem import Slope
from hdsl.fit.refusals import crossed_quadrature, no_nodes, too_many_nodes
from hdsl.fit.repeats import without_repeats
from hdsl.fit.standardise import Floats
from hdsl.plan import Arrays, Plan

__all__ = ["NODES", "Quadrature", "QuadraturePoint", "nodes_for", "quadrature"]

NODES = 9
"""Nodes for each random effect where the user gives none."""

MOST = 50_000_000
"""Rows times nodes of one evaluation."""

SINGULAR = 1e-6
"""Least singular value of the chain rule, relative to its largest, with which derivatives are carried through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadraturePoint:
    """The criterion at one (beta, theta), and Laplace's there."""

    objective: float
    is_mode: bool
    laplace: Point

    @property
    def beta(self) -> Floats:
        """Coefficients of standardised columns."""
        return self.laplace.beta

    @property
    def theta(self) -> Floats:
        """Entries of the factors of standardised columns."""
        return self.laplace.theta

    @property
    def factors(self) -> tuple[Floats, ...]:
        """Factors of standardised columns."""
        return self.laplace.factors

    @property
    def is_rough(self) -> bool:
        """Whether the objective is only near: the mode is where nodes are put, and no more."""
        return False

    @property
    def logdet(self) -> float:
        """Log determinant at the mode."""
        return self.laplace.logdet


@dataclass(frozen=True, kw_only=True)
class Quadrature:
    """The criterion of one data set by quadrature.

    Attributes
    ----------
    inner : DensityCriterion
        Laplace's criterion.
    columns : FixedColumns
    offsets : list of ndarray, (n,), or None
    data : Levels
    grids : tuple of Grid
        Nodes of each level, coarsest first.
    nodes : int
        Of each random effect.
    """

    inner: DensityCriterion
    columns: FixedColumns
    offsets: tuple[Floats | None, ...]
    data: Levels
    grids: tuple[Grid, ...]
    nodes: int

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.inner.plan

    @property
    def kept(self) -> list[int]:
        """Columns of X that are not aliased."""
        return self.inner.kept

    @property
    def n_columns(self) -> int:
        """Columns of X, aliased ones included."""
        return self.inner.n_columns

    @property
    def to_user(self) -> Floats:
        """From coefficients of kept, standardised columns to the user's."""
        return self.inner.to_user

    @property
    def T(self) -> tuple[Floats, ...]:  # noqa: N802 - the name of the matrix
        """``Z = Z* T`` of each factor."""
        return self.inner.T

    def fixed_part(self) -> DensityCriterion:
        """Return the criterion of the same coefficients without random effects."""
        return self.inner.fixed_part()

    def evaluate(
        self, beta: Floats, theta: Floats, near: QuadraturePoint | None = None, *, rough: bool = False
    ) -> QuadraturePoint:
        """Return the criterion; nodes are put at exact modes, so that it is never rough."""
        at = self.inner.evaluate(beta, theta, None if near is None else near.laplace)
        logs, found = self.log_integrals(at)
        return QuadraturePoint(objective=-2.0 * float(logs.sum()), is_mode=at.is_mode and found, laplace=at)

    def log_integrals(self, at: Point) -> tuple[Floats, bool]:
        """Return the log-likelihood of each group of the coarsest level, and whether all modes were found."""
        beta = np.nan_to_num(self.inner.user_beta(at))
        base = []
        for k, offset in enumerate(self.offsets):
            eta = self.columns.times(k, beta)
            base.append((eta if offset is None else eta + offset)[self.data.order])
        roots = [
            lower_factor(np.asarray(np.linalg.solve(T, L), dtype=float))
            for T, L in zip(self.T, at.factors, strict=True)
        ]
        L = [roots[level.factor] for level in self.data.levels]
        modes = self.inner.modes(at)
        with np.errstate(all="ignore"):
            return self.data.log_integrals(base, L, self.grids, [modes[v.factor] for v in self.data.levels])

    def slope(self, at: QuadraturePoint) -> Slope:
        """Return gradient by central differences, and Laplace's Hessian."""
        slope = self.inner.slope(at.laplace)
        vector, p = np.concatenate((at.beta, at.theta)), len(at.beta)
        gradient = np.empty(len(vector))
        for i, h in enumerate(difference_steps(slope.hessian)):
            ends = []
            for sign in (1.0, -1.0):
                moved = vector.copy()
                moved[i] += sign * h
                ends.append(self.evaluate(moved[:p], moved[p:], at).objective)
            gradient[i] = (ends[0] - ends[1]) / (2.0 * h)
        return Slope(
            gradient=gradient,
            hessian=slope.hessian,
            by_covariance=self._by_covariance(at, gradient[p:], slope.by_covariance),
        )

    def _by_covariance(self, at: QuadraturePoint, gradient: Floats, near: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return the derivatives by the covariances that are nearest to Laplace's and give the gradient by theta.

        Where a covariance is regular they are exact. At zero Laplace's are: both criteria have the same first-order
        term there.
        """
        entries = theta_entries(self.plan)
        rule = chain_rule(entries, tuple(widths(self.plan)), self.plan.n_theta)
        steps = []
        for entry in entries:
            basis = [np.zeros_like(L) for L in at.factors]
            basis[entry.factor][entry.row, entry.column] = basis[entry.factor][entry.column, entry.row] = 1.0
            steps.append(rule.gradient(basis, at.factors))
        out = [np.array(G) for G in near]
        missing = gradient - rule.gradient(out, at.factors)
        if steps:
            for entry, value in zip(
                entries, np.linalg.lstsq(np.array(steps).T, missing, rcond=SINGULAR)[0], strict=True
            ):
                out[entry.factor][entry.row, entry.column] += value
                if entry.row != entry.column:
                    out[entry.factor][entry.column, entry.row] += value
        return tuple(out)

    def spread_slopes(self, at: QuadraturePoint) -> tuple[Floats, ...]:
        """Return derivatives by covariances where these are zero."""
        return tuple(self.inner.slope(at.laplace).by_covariance)

    def user_beta(self, at: QuadraturePoint) -> Floats:
        """Return coefficients of all of the user's columns."""
        return self.inner.user_beta(at.laplace)

    def beta_from(self, beta: Floats) -> Floats:
        """Return coefficients of standardised columns."""
        return self.inner.beta_from(beta)

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return covariances of the user's columns."""
        return self.inner.user_sigmas(factors)

    def user_theta(self, factors: Sequence[Floats]) -> Floats:
        """Return theta of the user's columns."""
        return self.inner.user_theta(factors)

    def theta_from(self, roots: Sequence[Floats]) -> Floats:
        """Return theta of standardised columns from roots of the user's."""
        return self.inner.theta_from(roots)

    def modes(self, at: QuadraturePoint) -> tuple[Floats, ...]:
        """Return the modes of the random effects."""
        return self.inner.modes(at.laplace)

    def mode_covariances(self, at: QuadraturePoint) -> tuple[Floats, ...]:
        """Return their covariances at the mode."""
        return self.inner.mode_covariances(at.laplace)


def _whole(nodes: object) -> int:
    """Return a number of nodes; refuse what is none."""
    try:
        each = index(nodes)  # type: ignore[arg-type]
    except TypeError:
        raise no_nodes(nodes) from None
    if each < 1:
        raise no_nodes(nodes)
    return each


def nodes_for(plan: Plan, rows: int, nodes: int | None) -> int:
    """Return the nodes for each random effect; refuse what quadrature is not for.

    Parameters
    ----------
    plan : Plan
    rows : int
    nodes : int or None
        `NODES` where None.

    Raises
    ------
    FitError
        HM507 for crossed factors or fewer nodes than one, HM509 for too many rows times nodes.
    """
    each = NODES if nodes is None else _whole(nodes)
    if plan.dense:
        sets = [",".join(plan.re_terms[f].index_set) for f in (*plan.chain, *plan.dense)]
        raise crossed_quadrature(sets)
    points = rows * each ** sum(term.width for term in plan.re_terms)
    if points > MOST:
        raise too_many_nodes(points, MOST)
    return each


def quadrature(inner: DensityCriterion, arrays: Arrays, nodes: int | None) -> Quadrature:
    """Return the criterion by quadrature.

    Parameters
    ----------
    nodes : int or None
        For each random effect; `NODES` where None.

    Raises
    ------
    FitError
        HM507 for crossed factors or fewer nodes than one, HM509 for too many rows times nodes.
    """
    plan = inner.plan
    repeats = without_repeats(arrays)
    if repeats is not None:
        arrays = repeats.arrays
    each = nodes_for(plan, len(arrays.y), nodes)
    data = levels(plan, arrays, None if repeats is None else repeats.times)
    return Quadrature(
        inner=inner,
        columns=fixed_columns(plan, arrays),
        offsets=arrays.offsets,
        data=data,
        grids=tuple(grid(each, level.q) for level in data.levels),
        nodes=each,
    )
