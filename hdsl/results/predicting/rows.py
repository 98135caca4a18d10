"""Predictions row by row: the predictors, what they do not know, and the mean that they give.

Stage: results. Input: a `Design`, a `FitOutcome`, a `Request` and rows (those of the fit, or new ones). Output: a
`Predicted`. Invariants: a row with a missing value has NaN; included effects of a new group are at zero, and their
variance is in the standard error, unless effects are integrated over.

The mean of the outcome is ``m(eta)``, of K predictors; without a density it is ``eta_0``. Integrated over effects that
are not known it is ``E m(eta + z'b)``, ``z'b ~ N(0, S)``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.design.recode import NewRows, Wanted, recode
from hdsl.form.expr import show_index_set
from hdsl.plan import Arrays
from hdsl.results.effects import effect_index_sets, effect_places
from hdsl.results.linear import fixed_part, random_part
from hdsl.results.predicting.categories import in_category, is_ordered, share_of
from hdsl.results.predicting.joint import JointCovariance, blocks
from hdsl.results.predicting.matrices import covariances, fixed_rows, random_rows, z_values
from hdsl.results.predicting.request import Place, Request
from hdsl.results.predicting.response import Response, response_of, slopes_of

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["Predicted", "predict", "predict_categories"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predicted:
    """Predictions of rows.

    Attributes
    ----------
    rows : NewRows
    estimate : ndarray, (n,)
    se : ndarray, (n,), or None
        None where it was not asked for.
    link : (ndarray, ndarray) or None
        Predictor and its standard error, where the estimate is a monotone function of that predictor alone.
    on_scale : callable
        That function.
    spread : ndarray, (n, K, K), or None
        Variance of the predictors that was integrated over.
    groups : dict of str to str
        For each index set whether it was seen, new, conditioned on or integrated over.
    eta : ndarray, (n, K)
        Predictors.
    errors : ndarray, (n, K, K), or None
        Covariance of their errors, where standard errors were asked for.
    known : dict of str to ndarray
        Data that the density takes besides the outcome; NaN where they were not asked for.
    directions : callable or None
        Yields rows of X, block by block, where the estimate is a combination of the fixed effects alone.
    spread_at : callable
        `spread` with the standard deviations and correlations of another outcome.
    """

    rows: NewRows
    estimate: Floats
    se: Floats | None
    link: tuple[Floats, Floats] | None
    on_scale: Callable[[Floats], Floats]
    spread: Floats | None
    groups: dict[str, str]
    eta: Floats
    errors: Floats | None
    known: dict[str, Floats]
    directions: Callable[[], Iterator[Floats]] | None
    spread_at: Callable[[FitOutcome], Floats]

    @property
    def attrs(self) -> dict[Hashable, Any]:
        """What was done about each index set: a dict by index set, and a text with a line for each."""
        about = "\n".join(f"{name}: {text}" for name, text in self.groups.items())
        return {"groups": self.groups, "about": about}


def predict(
    design: Design,
    outcome: FitOutcome,
    new: object,
    asked: Request,
    joint: Callable[[], JointCovariance] | None = None,
) -> Predicted:
    """Return predictions for the rows of the fit, or for new data.

    Parameters
    ----------
    design : Design
    outcome : FitOutcome
    new : data or None
        As for a fit, without the outcome; None is the rows of the fit.
    asked : Request
    joint : callable, optional
        Makes the joint covariance, for standard errors; without it there are none.

    Raises
    ------
    DataError
        HM4xx for what is wrong with the new data.
    """
    return _Prediction(design, outcome, _rows(design, new, asked), asked).result(joint)


def predict_categories(
    design: Design,
    outcome: FitOutcome,
    new: object,
    asked: Request,
    joint: Callable[[], JointCovariance] | None = None,
) -> tuple[Predicted, Floats, Floats | None]:
    """Return a prediction of the predictor of an ordered outcome; of each category probability and error, (n, C)."""
    prediction = _Prediction(design, outcome, _rows(design, new, asked), replace(asked, is_link=True))
    return prediction.result(None), *prediction.shares(joint)


def _rows(design: Design, new: object, asked: Request) -> NewRows:
    if isinstance(new, NewRows):  # in the columns of the plan already
        return new
    if new is not None:
        effects = (*asked.places, *asked.others) if asked.marginal else asked.places
        density = design.plan.density
        known = response_of(design, is_link=asked.is_link).known
        if asked.of_observation and density is not None:
            known = density.known
        return recode(design, new, Wanted(effects=effects, factors=asked.factors, known=known))
    n = len(design.arrays.y)
    return NewRows(
        arrays=design.arrays,
        row_labels=design.row_labels,
        is_complete=np.ones(n, dtype=bool),
        new_levels=((),) * len(design.plan.re_terms),
        diagnostics=(),
    )


@dataclass
class _Prediction:
    design: Design
    outcome: FitOutcome
    rows: NewRows
    asked: Request
    response: Response = field(init=False)

    def __post_init__(self) -> None:
        self.plan = self.design.plan
        self.n = len(self.rows.arrays.y)
        self.response = response_of(self.design, is_link=self.asked.is_link)
        if is_ordered(self.design):
            self.rows = replace(self.rows, arrays=in_category(self.design, self.rows.arrays, None))

    @property
    def _known(self) -> dict[str, Floats]:
        """Data that the density takes besides the outcome."""
        density = self.plan.density
        return dict(zip(density.known, self.rows.arrays.known, strict=True)) if density is not None else {}

    def result(self, joint: Callable[[], JointCovariance] | None) -> Predicted:
        eta = self._eta(self.rows.arrays)
        spread = self._integrated() if self.asked.marginal else None
        gone = ~self.rows.is_complete
        estimate = self.response.mean(eta, self._known, spread)
        estimate[gone] = np.nan
        se, link, errors = None, None, None
        if joint is not None:
            errors = self._errors(joint(), self.rows.arrays)
            slopes = self.response.slopes(eta, self._known, spread)
            se = _delta(slopes, errors)
            se[gone] = np.nan
            link = self._link(eta, errors)
        return Predicted(
            rows=self.rows,
            estimate=estimate,
            se=se,
            link=link,
            on_scale=lambda values: self._on_scale(values, spread),
            spread=spread,
            groups=self._groups(),
            eta=eta,
            errors=errors,
            known=self._known,
            directions=None if self.asked.places or self.plan.n_predictors > 1 else self._directions,
            spread_at=lambda outcome: replace(self, outcome=outcome)._integrated(),
        )

    def _directions(self) -> Iterator[Floats]:
        """Yield the rows of X, block by block; what a column was dropped for is zero."""
        for rows in blocks(self.n):
            yield np.nan_to_num(fixed_rows(self.plan, self.rows.arrays, rows, 0))

    def shares(self, joint: Callable[[], JointCovariance] | None) -> tuple[Floats, Floats | None]:
        """Return the probability of each category of an ordered outcome and its standard error, (n, C)."""
        spread = self._integrated() if self.asked.marginal else None
        found, errors = [], []
        for category in range(len(self.design.coding.categories)):
            own, share = share_of(self.design, self.rows.arrays, category, spread)
            eta = self._eta(own)
            found.append(share(eta))
            if joint is not None:
                slopes = slopes_of(share, eta, range(eta.shape[1]))
                errors.append(_delta(slopes, self._errors(joint(), own)))
        shares = np.stack(found, axis=1)
        shares[~self.rows.is_complete] = np.nan
        return shares, np.stack(errors, axis=1) if errors else None

    def _link(self, eta: Floats, errors: Floats) -> tuple[Floats, Floats] | None:
        place = self.response.monotone_in
        return None if place is None else (eta[:, place], np.sqrt(np.maximum(errors[:, place, place], 0.0)))

    def _on_scale(self, values: Floats, spread: Floats | None) -> Floats:
        assert self.response.monotone_in is not None
        eta = np.zeros((self.n, self.plan.n_predictors))
        eta[:, self.response.monotone_in] = values
        return self.response.mean(eta, self._known, spread)

    # ---------------------------------------------------------------- predictors

    def _eta(self, arrays: Arrays) -> Floats:
        """Return the predictors, (n, K)."""
        plan = self.plan
        modes = [
            np.vstack([known, np.zeros((len(new) + 1, known.shape[1]))])  # a last row for those without a group
            for known, new in zip(self.outcome.modes, self.rows.new_levels, strict=True)
        ]
        columns = [
            fixed_part(plan, arrays, self.outcome.beta, predictor=k)
            + random_part(plan, arrays, modes, self.asked.places, predictor=k)
            for k in range(plan.n_predictors)
        ]
        return np.stack(columns, axis=1)

    def _is_new(self, factor: int) -> NDArray[np.bool_]:
        return self.rows.arrays.groups[factor] >= len(self.design.levels[factor])

    def _prior(self, wanted: Callable[[int], tuple[list[int], NDArray[np.bool_]]]) -> Floats:
        """Return ``z' Sigma z`` of the columns of each factor that `wanted` says, in the rows that it says; (n,K,K)."""
        K = self.plan.n_predictors
        total = np.zeros((self.n, K, K))
        for factor, sigma in enumerate(covariances(self.outcome)):
            columns, rows = wanted(factor)
            if not columns or not rows.any():
                continue
            places = {(factor, column) for column in columns}
            z = [z_values(self.plan, self.rows.arrays, factor, places, slice(None), k)[rows] for k in range(K)]
            for k in range(K):
                for other in range(K):
                    total[rows, k, other] += np.einsum("nc,cd,nd->n", z[k], sigma, z[other])
        return total

    def _columns(self, factor: int, places: tuple[Place, ...]) -> list[int]:
        return [column for own, column in places if own == factor]

    def _integrated(self) -> Floats:
        """Return the variance of what is integrated over: effects not included, and those of new groups."""
        every = np.ones(self.n, dtype=bool)
        return self._prior(lambda factor: (self._columns(factor, self.asked.others), every)) + self._unknown()

    def _unknown(self) -> Floats:
        """Return the variance of included effects in new groups."""
        return self._prior(lambda factor: (self._columns(factor, self.asked.places), self._is_new(factor)))

    def _errors(self, joint: JointCovariance, arrays: Arrays) -> Floats:
        """Return the covariance of the predictors' errors, (n, K, K)."""
        K, plan = self.plan.n_predictors, self.plan
        total = np.empty((self.n, K, K))
        places = frozenset(self.asked.places)
        for rows in blocks(self.n):
            X = [np.nan_to_num(fixed_rows(plan, arrays, rows, k)) for k in range(K)]
            Z = [random_rows(plan, arrays, self.outcome, places, rows, k) for k in range(K)]
            total[rows] = joint.covariance(X, Z)
        return total if self.asked.marginal else total + self._unknown()

    # ---------------------------------------------------------------- what was done

    def _groups(self) -> dict[str, str]:
        """Say for each index set of effects what was done."""
        sets = effect_index_sets(self.design)
        found: dict[str, str] = {}
        for effect, place in effect_places(self.design).items():
            found.setdefault(show_index_set(sets[effect]), self._treatment(place))
        return found

    def _treatment(self, place: Place) -> str:
        if place not in self.asked.places:
            return "not included: integrated over" if self.asked.marginal else "not included: effects at zero"
        codes, n_levels = self.rows.arrays.groups[place[0]], len(self.design.levels[place[0]])
        n_seen = len(np.unique(codes[(codes >= 0) & (codes < n_levels)]))
        n_new = len(self.rows.new_levels[place[0]])
        parts = []
        if n_seen:
            parts.append(f"{n_seen:,} group{'s' if n_seen > 1 else ''} seen, at their conditional modes")
        if n_new:
            how = "integrated over" if self.asked.marginal else "effects at zero, their variance in the standard error"
            parts.append(f"{n_new:,} new, {how}")
        return "; ".join(parts) or "no group given"


def _delta(slopes: Floats, errors: Floats) -> Floats:
    """Return the standard errors of functions of the predictors, (n,)."""
    return np.asarray(np.sqrt(np.maximum(np.einsum("nk,nkl,nl->n", slopes, errors, slopes), 0.0)))
