"""Shrinkage: what each group's own rows say of its coefficients, what the model says of their mean, and the estimate.

Stage: results. Input: a fit and an index set. Output: a frame, a row for each coefficient of each group. Invariants:
all is given the parameters and the effects of coarser and crossed index sets; effects of finer ones, which lie in the
group, are integrated over; with one coefficient in a Gaussian model the estimate is ``weight own + (1 - weight) mean``
exactly.

With Z_j the columns of the group's effects b_j, V_j the covariance of its rows given b_j and P = Z_j'V_j^-1 Z_j, the
group's own estimate is that of generalised least squares, ``P^-1 Z_j'V_j^-1 r`` of what the other terms leave of the
outcome. The conditional mode is ``b = (I + Sigma P)^-1 Sigma P b_own``, Sigma = Cov(b_j): a weighted mean of b_own and
zero whose weights are a matrix. `weight` is what of an effect's variance the rows take away, ``1 - Var(b | rows) /
Var(b)``, the diagonal of that matrix times Sigma, by that of Sigma. With one effect and no finer level, in n_j rows,
that is ``(n_j/s0^2) / (n_j/s0^2 + 1/s1^2)``, the weight itself.

Of other outcomes V_j is that of the working response at the mode, whose information is the observed one; own estimates
maximise the likelihood of the group's rows where there is no finer level, else they are of the working response.

With W the information of the rows and F the columns of the finer effects, scaled so that these have unit variance,
``V^-1 = W - W F (I + F'W F)^-1 F'W``.

References
----------
Gelman and Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, chapter 12.
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
from hdsl.results.effects import Coefficients, effect_index_sets, effect_places, group_index
from hdsl.results.linear import random_part
from hdsl.results.natural import predictors
from hdsl.results.predicting.joint import factorise, row_weights, weights_of
from hdsl.results.predicting.matrices import covariances, random_rows, z_values

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

    @cached_property
    def finer(self) -> frozenset[tuple[int, int]]:
        """Return the effects of index sets whose units lie in the groups."""
        sets, places = effect_index_sets(self.design), effect_places(self.design)
        own = sets[self.effects[0]]
        determines = self.design.form.determines
        return frozenset(
            place for effect, place in places.items() if sets[effect] != own and determines(sets[effect], own)
        )

    def derivatives(self, moved: Floats) -> tuple[list[Floats], Floats]:
        """Return for each predictor the slope of the rows' log density, and their information, (n, K, K)."""
        plan, arrays = self.design.plan, self.design.arrays
        etas = [
            eta + np.einsum("nw,nw->n", z, moved[self.codes])
            for eta, z in zip(self.etas, self.columns_of_rows, strict=True)
        ]
        if plan.density is None:
            weights = np.broadcast_to(row_weights(self.design, self.outcome), (len(arrays.y), 1, 1))
            return [weights[:, 0, 0] * (arrays.y - etas[0])], weights
        data = {"y": arrays.y} | dict(zip(plan.density.known, arrays.known, strict=True))
        rows = evaluate_density(plan.density, data | {f"eta{k}": eta for k, eta in enumerate(etas)})
        return list(rows.first), weights_of(rows, len(etas))

    def of_rows(self, moved: Floats) -> tuple[Floats, Floats]:
        """Return slope and information of each group's rows by its effects, (G, w) and (G, w, w)."""
        first, weights = self.derivatives(moved)
        slope = sum(z * f[:, None] for z, f in zip(self.columns_of_rows, first, strict=True))
        return self._summed(np.asarray(slope)), self._summed(_sandwich(self.columns_of_rows, weights))

    def _summed(self, values: Floats) -> Floats:
        total = np.zeros((self.count, *values.shape[1:]))
        np.add.at(total, self.codes, values)
        return total

    @cached_property
    def _marginal(self) -> tuple[Floats, Floats]:
        """Return ``Z'V^-1 r`` and ``Z'V^-1 Z`` of each group at the modes, (G, w) and (G, w, w)."""
        first, weights = self.derivatives(np.zeros_like(self.modes))
        plan, arrays, K = self.design.plan, self.design.arrays, len(self.columns_of_rows)
        own = [(self.factor, column) for column in self.columns]
        parts = [random_part(plan, arrays, self.outcome.modes, [*own, *self.finer], predictor=k) for k in range(K)]
        target = [f + sum(weights[:, k, m] * parts[m] for m in range(K)) for k, f in enumerate(first)]  # W r
        slope = sum(z * t[:, None] for z, t in zip(self.columns_of_rows, target, strict=True))
        total, information = self._summed(np.asarray(slope)), self._summed(_sandwich(self.columns_of_rows, weights))
        if self.finer:
            lost = self._of_finer(weights, target)
            return total - lost[0], information - lost[1]
        return total, information

    def _of_finer(self, weights: Floats, target: list[Floats]) -> tuple[Floats, Floats]:
        """Return what integrating over the finer effects takes from both: ``Z'W F (I + F'W F)^-1 F'`` of each."""
        from scipy.sparse import csc_array, eye_array

        plan, arrays, K = self.design.plan, self.design.arrays, len(self.columns_of_rows)
        F = [random_rows(plan, arrays, self.outcome, self.finer, slice(None), k) for k in range(K)]
        used = np.unique(np.concatenate([f.indices for f in F]))
        F = [f[:, used] for f in F]
        inner, cross = csc_array(eye_array(len(used))), np.zeros((len(used), len(self.effects)))
        for k in range(K):
            for m in range(K):
                weighted = F[k].multiply(weights[:, k, m][:, None]).T.tocsr()
                inner = inner + weighted @ F[m]
                cross += weighted @ self.columns_of_rows[m]
        right = np.column_stack([cross, sum(f.T @ t for f, t in zip(F, target, strict=True))])
        solved = factorise(csc_array(inner)).solve(right)
        groups = np.zeros(len(used), dtype=np.intp)
        for f in F:
            entries = f.tocoo()
            groups[entries.col] = self.codes[entries.row]
        gone, spread = np.zeros_like(self.modes), np.zeros((self.count, *[len(self.effects)] * 2))
        np.add.at(gone, groups, cross * solved[:, -1:])
        np.add.at(spread, groups, np.einsum("qv,qw->qvw", cross, solved[:, :-1]))
        return gone, spread

    @cached_property
    def information(self) -> Floats:
        """Return P of each group, (G, w, w)."""
        return self._marginal[1]

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
        """Return own estimates, and the information there; NaN where the rows of a group do not tell them."""
        total, information = self._marginal
        told = _is_regular(information)
        if self.design.plan.density is None or self.finer:
            found = np.full_like(self.modes, np.nan)
            found[told] = np.linalg.solve(information[told], total[told][:, :, None])[:, :, 0]
            return found, information
        moved, information = self._maximum()
        return self.modes + moved, information

    def _maximum(self) -> tuple[Floats, Floats]:
        """Return what the maxima of the groups' own likelihoods differ from the modes by; NaN where there is none."""
        moved = np.zeros_like(self.modes)
        gradient, information = self.of_rows(moved)
        alive = _is_regular(information)
        step = np.zeros_like(moved)
        for _ in range(STEPS):
            step = np.zeros_like(moved)
            step[alive] = np.linalg.solve(information[alive], gradient[alive][:, :, None])[:, :, 0]
            moved = moved + step
            alive &= self._change(moved) < FARTHEST
            moved[~alive] = 0.0
            gradient, information = self.of_rows(moved)
            alive &= _is_regular(information)
            if not alive.any() or self._change(step)[alive].max() < CLOSE:
                break
        alive &= self._change(step) < CLOSE
        moved[~alive] = np.nan
        return moved, information

    def _change(self, step: Floats) -> Floats:
        """Return the largest change of a predictor in each group."""
        largest = np.zeros(self.count)
        for z in self.columns_of_rows:
            np.maximum.at(largest, self.codes, np.abs(np.einsum("nw,nw->n", z, step[self.codes])))
        return largest

    @property
    def own(self) -> Floats:
        """Return own estimates of the deviations, (G, w)."""
        return self._search[0]

    @cached_property
    def own_se(self) -> Floats:
        """Return their standard errors, (G, w)."""
        own, information = self._search
        found = np.full_like(self.modes, np.nan)
        told = np.isfinite(own).all(axis=1) & _is_regular(information)
        found[told] = np.sqrt(np.diagonal(np.linalg.inv(information[told]), axis1=1, axis2=2))
        return found


def _sandwich(columns: Sequence[Floats], weights: Floats) -> Floats:
    """Return ``sum_kl z_k w_kl z_l'`` of each row, (n, w, w)."""
    Z = np.stack(columns)
    return np.asarray(np.einsum("knv,nkl,lnw->nvw", Z, weights, Z, optimize=True))


def _is_regular(information: Floats) -> NDArray[np.bool_]:
    """Whether each matrix is positive definite, by its eigenvalues after scaling its diagonal to 1."""
    scale = np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), 0.0))
    with np.errstate(all="ignore"):
        scaled = np.nan_to_num(information / scale[:, :, None] / scale[:, None, :])
    return np.asarray((scale > 0.0).all(axis=1) & (np.linalg.eigvalsh(scaled)[:, 0] > SINGULAR))
