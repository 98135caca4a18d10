"""The same model fitted to other outcomes: all that does not depend on the outcome is kept.

Input: a plan with its arrays and the outcome of their fit. Output: a `Refitter`, which fits further outcomes for the
same rows. Invariants: standardised columns, their cross-products and the plan's functions are those of the fit; for a
new outcome only its cross-products with the columns are summed; the search starts from the fit's optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hdsl.codegen.layout import Layout, layout
from hdsl.fit.covariance import from_parts
from hdsl.fit.criterion import Criterion, Evaluation, criterion
from hdsl.fit.gaussian import outcome_at, refuse_exact, tolerances
from hdsl.fit.iterating import Cross, with_outcome
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.rank import keep_columns
from hdsl.fit.recentred import far_columns
from hdsl.fit.refusals import not_finite
from hdsl.fit.search import search
from hdsl.fit.standardise import Block, Codes, Columns, Floats, product_with, random_scale, standardise_fixed
from hdsl.fit.threads import one_thread
from hdsl.plan import Arrays, Plan
from hdsl.runtime import GroupSums, Indicators
from hdsl.runtime.rows import row_sums

__all__ = ["Refitter", "optimum_of", "refitter"]

LEAST = 0.1
"""Relative standard deviation from which the search starts at least: from zero it would have to find a way out."""


def optimum_of(plan: Plan, arrays: Arrays, outcome: FitOutcome) -> tuple[Criterion, Evaluation]:
    """Return the criterion of a fit and its evaluation at the fit's optimum.

    Parameters
    ----------
    plan : Plan
    arrays : Arrays
    outcome : FitOutcome
        The fit of this plan to these arrays, by ML or REML.
    """
    problem = criterion(plan, arrays, reml=outcome.method == "reml")
    roots = [from_parts(sd / outcome.sigma, cor) for sd, cor in zip(outcome.sd, outcome.cor, strict=True)]
    return problem, problem.evaluate(problem.theta_from(roots))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refitter:
    """Fits outcomes for the rows of one fit.

    Attributes
    ----------
    problem : Criterion
        Of the fit.
    start : ndarray
        Theta that every search starts from, standardised columns.
    X : list of ndarray or Indicators
        Standardised columns of X that are not aliased.
    Z : list of tuple of ndarray
        Standardised columns of each factor.
    Z_crossed : list of tuple of ndarray
        Those that the cross-products are of: the same, but for columns far from zero (`hdsl.fit.recentred`).
    arrays : Arrays
    """

    problem: Criterion
    start: Floats
    X: list[Block]
    Z: list[tuple[Floats, ...]]
    Z_crossed: list[tuple[Floats, ...]]
    arrays: Arrays

    def fit(self, y: Floats, theta: Floats | None = None) -> FitOutcome:
        """Fit an outcome.

        Parameters
        ----------
        y : ndarray, (n,)
            On the scale that is modelled, with its offset.
        theta : ndarray, optional
            Where the search starts, standardised columns; at `start` where it is left out.

        Returns
        -------
        FitOutcome
            As `fit_gaussian` gives it, its deferred fields included.

        Raises
        ------
        FitError
            HM506 for a value that is not finite, HM511 for an exact fit.
        """
        with one_thread():
            problem = replace(self.problem, cross=self._cross(self.standard(y)))
            begin = problem.evaluate(self.start if theta is None else theta)
            refuse_exact(problem, begin)
            optimum = search(problem, begin, tolerances(problem, begin))
            return outcome_at(problem, optimum)

    def residual(self, theta: Floats, values: Floats) -> Floats:
        """Return ``values - X beta - Z b`` of standardised values, with beta and b fitted to them at a theta; (n,).

        It is linear in the values: ``P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1`` times them, V relative to sigma^2.
        """
        problem = replace(self.problem, cross=self._cross(values))
        at = problem.evaluate(theta)
        modes, _ = problem.emitted.modes(problem.cross, at.forward, at.profile.beta)
        error = values - product_with(self.X, at.profile.beta)
        for f, columns in enumerate(self.Z):
            own = _by_code(problem, f, modes[f][:, 0])
            for column, b in zip(columns, own, strict=True):
                error = error - column * b[self.arrays.groups[f]]
        return np.asarray(error)

    def standard(self, y: Floats) -> Floats:
        """Return an outcome on the scale of the criterion: without offset, shifted and scaled."""
        if not np.isfinite(y.sum()):
            raise not_finite("the outcome")
        known, outcome = self.arrays.offsets[0], self.problem.outcome
        values = y - outcome.shift if known is None else y - known - outcome.shift
        if outcome.base.any():
            values = values - product_with(self.X, outcome.base)
        return np.asarray(values / outcome.scale, dtype=float)

    def _cross(self, y: Floats) -> Any:
        """Return the cross-products with those of the outcome put in place of the old ones."""
        view, cross = layout(self.problem.plan), self.problem.cross
        fixed = [*(_sums(block, y) for block in self.X), np.array([y @ y])]
        if isinstance(cross, Cross):
            return with_outcome(cross, self._by_factor(y), np.concatenate(fixed))
        changed: dict[str, Floats] = {}
        rows: GroupSums | None = None
        for k, factor in enumerate(view.chain):
            rows = cross.nest.sums() if rows is None else rows.coarser(_starts(cross, k))
            E = getattr(cross, factor.name("E")).copy()
            for c, column in enumerate(self.Z_crossed[factor.position]):
                E[c, -1] = rows.product(column, y)
            changed[factor.name("E")] = E
        C = cross.C.copy()
        C[-1] = C[:, -1] = np.concatenate([*self._dense(view, y), *fixed])
        return cross._replace(C=C, **changed)

    def _dense(self, view: Layout, y: Floats) -> list[Floats]:
        """Return the cross-products of the columns of the dense factors with the outcome, in their order."""
        return [
            row_sums(codes, size, column, y)
            for factor in view.dense
            for codes, size in [self._codes(factor.position)]
            for column in self.Z_crossed[factor.position]
        ]

    def _by_factor(self, y: Floats) -> list[list[Floats]]:
        """Return the cross-products of each factor's columns with the outcome."""
        out = []
        for factor, columns in enumerate(self.Z_crossed):
            codes, size = self._codes(factor)
            out.append([row_sums(codes, size, column, y) for column in columns])
        return out

    def _codes(self, factor: int) -> tuple[Codes, int]:
        codes = self.arrays.groups[factor]
        return codes, int(codes.max()) + 1


def refitter(plan: Plan, arrays: Arrays, outcome: FitOutcome) -> Refitter:
    """Return what fits further outcomes for the rows of a fit."""
    problem, at = optimum_of(plan, arrays, outcome)
    X, _, Z = problem.emitted.columns(arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
    columns = Columns()
    X_standard, fixed = standardise_fixed(plan, X, columns)
    if len(problem.kept) < len(fixed.scale):
        X_standard = keep_columns(X_standard, problem.kept)
    diagonal = np.asarray(plan.diagonal_theta, dtype=bool)
    scaled = [random_scale(plan, f, z, columns) for f, z in enumerate(Z)]
    start = np.where(diagonal & (np.abs(at.theta) < LEAST), LEAST, at.theta)
    return Refitter(
        problem=problem,
        start=start,
        X=X_standard,
        Z=[standard for standard, _ in scaled],
        Z_crossed=[far_columns(plan, f, z, scaled[f], columns)[0] for f, z in enumerate(Z)],
        arrays=arrays,
    )


def _by_code(problem: Criterion, factor: int, values: Floats) -> Floats:
    """Return values of groups, (q, J), in the order of their codes."""
    if factor not in problem.plan.chain:
        return values
    ordered = np.empty_like(values)
    ordered[:, problem.cross.nest.order[problem.plan.chain.index(factor)]] = values
    return ordered


def _starts(cross: Any, k: int) -> Codes:
    return cross.nest.starts[k - 1]  # type: ignore[no-any-return]


def _sums(block: Block, y: Floats) -> Floats:
    """Return the cross-products of the columns of a block with the outcome."""
    if isinstance(block, Indicators):
        return row_sums(block.codes + 1, block.size + 1, block.values, y)[1:]
    return np.array([block @ y])
