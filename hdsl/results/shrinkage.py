"""Shrinkage: what each group's own rows say of its coefficients, what the model says of their mean, and the estimate.

Stage: results. Input: a fit and an index set. Output: a frame, a row for each coefficient of each group. Invariants:
all is given the parameters and the effects of other index sets, so that own estimates are of the same model; with one
coefficient in a Gaussian model the estimate is ``weight own + (1 - weight) mean`` exactly.

With Z_j the columns of the group's effects b_j, W the information of its rows (1/sigma^2 if Gaussian), P = Z_j'W Z_j
and Sigma = Cov(b_j), the group's own estimate maximises the likelihood of its rows. Of a Gaussian outcome it is
``b_own = b + P^-1 Z_j'W (y - eta)``, and the conditional mode is ``b = (I + Sigma P)^-1 Sigma P b_own``: a weighted
mean of b_own and zero whose weights are a matrix. `weight` is what of an effect's variance the rows take away,
``1 - Var(b | rows) / Var(b)``, the diagonal of that matrix times Sigma, by that of Sigma. With one effect, in n_j rows,
that is ``(n_j/s0^2) / (n_j/s0^2 + 1/s1^2)``, the weight itself. Of other outcomes P is the observed information at the
mode, and the weight that of the quadratic approximation there.

References
----------
Gelman and Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, equations 12.1 and 12.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate_density
from hdsl.diagnostics import FitError
from hdsl.form.density import pairs
from hdsl.results.effects import Coefficients, effect_index_sets, effect_places, group_index
from hdsl.results.natural import predictors
from hdsl.results.predicting.matrices import covariances, z_values

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["hosts", "shrinkage"]

Floats = NDArray[np.float64]

STEPS = 40
"""Steps of the search for own estimates."""

CLOSE = 1e-8
"""Change of the predictor that ends it."""

FARTHEST = 15.0
"""Change of the predictor beyond which there is no finite estimate: all ones, or no event."""

SINGULAR = 1e-10
"""Reciprocal condition of P below which the rows of a group do not tell its coefficients."""


def hosts(design: Design, effects: Sequence[str]) -> dict[str, str]:
    """Return for each effect the coefficient that it is the deviation of: ``b0[j]`` for ``b0[j] = g0 + u0[j]``."""
    sets = effect_index_sets(design)
    found = {effect: effect for effect in effects}
    for derived in design.form.derived:
        for term in derived.terms:
            is_plain = term.coefficient in found and not term.covariates and term.scale == 1.0
            if is_plain and derived.index_set == sets[str(term.coefficient)]:
                found[str(term.coefficient)] = derived.symbol
    return found


def shrinkage(design: Design, outcome: FitOutcome, effects: Sequence[str]) -> pd.DataFrame:
    """Return the shrinkage of the effects of one index set.

    Returns
    -------
    DataFrame
        `coefficient`, `group`, `rows`, `mean` (what the model says without the group's rows), `own` (what these say;
        NaN where they tell no finite value), `own_se`, `estimate`, `weight`. A coefficient whose mean cannot be told,
        since it cancels out of the model, is given by its deviation: `mean` is zero.
    """
    import pandas as pd

    found = _Groups(design=design, outcome=outcome, effects=tuple(effects))
    parts = []
    for place, (effect, host) in enumerate(hosts(design, effects).items()):
        mean, name = _mean(design, outcome, effect, host, found.modes[:, place])
        columns = {
            "coefficient": name,
            "rows": np.bincount(found.codes, minlength=found.count),
            "mean": mean,
            "own": mean + found.own[:, place],
            "own_se": found.own_se[:, place],
            "estimate": mean + found.modes[:, place],
            "weight": found.weights[:, place],
        }
        parts.append(pd.DataFrame(columns, index=group_index(design, effect)))
    return pd.concat(parts)


def _mean(design: Design, outcome: FitOutcome, effect: str, host: str, modes: Floats) -> tuple[Floats, str]:
    """Return the mean of an effect's coefficient in each group, and its name."""
    tables = Coefficients(design=design, outcome=outcome)
    try:
        return (tables.mean(effect), effect) if host == effect else (tables.mean(host) - modes, host)
    except FitError:
        return np.zeros(len(modes)), effect


@dataclass(frozen=True, kw_only=True)
class _Groups:
    """The groups of some effects of one index set."""

    design: Design
    outcome: FitOutcome
    effects: tuple[str, ...]

    @cached_property
    def factor(self) -> int:
        return effect_places(self.design)[self.effects[0]][0]

    @cached_property
    def columns(self) -> list[int]:
        return [effect_places(self.design)[effect][1] for effect in self.effects]

    @cached_property
    def codes(self) -> NDArray[np.intp]:
        return self.design.arrays.groups[self.factor]

    @cached_property
    def count(self) -> int:
        return len(self.design.levels[self.factor])

    @cached_property
    def modes(self) -> Floats:
        return self.outcome.modes[self.factor][:, self.columns]

    @cached_property
    def columns_of_rows(self) -> tuple[Floats, ...]:
        """Return the columns of the effects in each predictor, (n, width) each."""
        places = {(self.factor, column) for column in self.columns}
        plan, arrays = self.design.plan, self.design.arrays
        return tuple(
            z_values(plan, arrays, self.factor, places, slice(None), k)[:, self.columns]
            for k in range(plan.n_predictors)
        )

    @cached_property
    def etas(self) -> tuple[Floats, ...]:
        places = tuple(effect_places(self.design).values())
        return predictors(self.design, self.outcome, self.design.arrays, places)

    def derivatives(self, moved: Floats) -> tuple[Floats, Floats]:
        """Return slope and information of each group's log-likelihood by its effects, (G, w) and (G, w, w)."""
        plan, arrays = self.design.plan, self.design.arrays
        etas = [
            eta + np.einsum("nw,nw->n", z, moved[self.codes])
            for eta, z in zip(self.etas, self.columns_of_rows, strict=True)
        ]
        if plan.density is None:
            tau = self.outcome.sigma**-2
            first, second = [tau * (arrays.y - etas[0])], [np.full(len(arrays.y), -tau)]
        else:
            data = {"y": arrays.y} | dict(zip(plan.density.known, arrays.known, strict=True))
            rows = evaluate_density(plan.density, data | {f"eta{k}": eta for k, eta in enumerate(etas)})
            first, second = list(rows.first), list(rows.second)
        slope = sum(z * f[:, None] for z, f in zip(self.columns_of_rows, first, strict=True))
        bend = np.zeros((len(arrays.y), len(self.effects), len(self.effects)))
        for (k, other), value in zip(pairs(len(self.columns_of_rows)), second, strict=True):
            part = np.einsum("n,nv,nw->nvw", value, self.columns_of_rows[k], self.columns_of_rows[other])
            bend -= part if k == other else part + part.transpose(0, 2, 1)
        return self._summed(np.asarray(slope)), self._summed(bend)

    def _summed(self, values: Floats) -> Floats:
        total = np.zeros((self.count, *values.shape[1:]))
        np.add.at(total, self.codes, values)
        return total

    @cached_property
    def information(self) -> Floats:
        """Return P of each group, (G, w, w)."""
        return self.derivatives(np.zeros_like(self.modes))[1]

    @cached_property
    def weights(self) -> Floats:
        """Return ``1 - Var(b | rows) / Var(b)`` of each effect, (G, w); zero for one without variance."""
        sigma = covariances(self.outcome)[self.factor][np.ix_(self.columns, self.columns)]
        product = sigma @ self.information
        gained = np.linalg.solve(np.eye(len(self.effects)) + product, product @ sigma)
        before = np.diag(sigma)
        found = np.zeros_like(self.modes)
        return np.divide(np.diagonal(gained, axis1=1, axis2=2), before, out=found, where=before > 0.0)

    @cached_property
    def _search(self) -> tuple[Floats, Floats]:
        """Return what own estimates differ from the modes by, and the information there; NaN where there is none."""
        moved, is_closed = np.zeros_like(self.modes), self.design.plan.density is None
        gradient, information = self.derivatives(moved)
        alive = _is_regular(information)
        for _ in range(1 if is_closed else STEPS):
            step = np.zeros_like(moved)
            step[alive] = np.linalg.solve(information[alive], gradient[alive][:, :, None])[:, :, 0]
            moved = moved + step
            if is_closed:
                break
            alive &= self._change(moved) < FARTHEST
            moved[~alive] = 0.0
            gradient, information = self.derivatives(moved)
            alive &= _is_regular(information)
            if not alive.any() or self._change(step)[alive].max() < CLOSE:
                break
        else:
            alive &= self._change(step) < CLOSE
        moved[~alive] = np.nan
        return moved, information

    def _change(self, step: Floats) -> Floats:
        """Return the largest change of a predictor in each group."""
        largest = np.zeros(self.count)
        for z in self.columns_of_rows:
            np.maximum.at(largest, self.codes, np.abs(np.einsum("nw,nw->n", z, step[self.codes])))
        return largest

    @cached_property
    def own(self) -> Floats:
        """Return own estimates of the deviations, (G, w)."""
        return self.modes + self._search[0]

    @cached_property
    def own_se(self) -> Floats:
        """Return their standard errors, (G, w)."""
        moved, information = self._search
        found = np.full_like(self.modes, np.nan)
        told = np.isfinite(moved).all(axis=1) & _is_regular(information)
        found[told] = np.sqrt(np.diagonal(np.linalg.inv(information[told]), axis1=1, axis2=2))
        return found


def _is_regular(information: Floats) -> NDArray[np.bool_]:
    """Whether each matrix is positive definite, by its eigenvalues after scaling its diagonal to 1."""
    scale = np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), 0.0))
    with np.errstate(all="ignore"):
        scaled = np.nan_to_num(information / scale[:, :, None] / scale[:, None, :])
    return np.asarray((scale > 0.0).all(axis=1) & (np.linalg.eigvalsh(scaled)[:, 0] > SINGULAR))
