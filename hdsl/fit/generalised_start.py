"""Where the search of a plan with a density starts: moments, then coefficients without random effects, then theta.

Input: a criterion with the data. Output: a vector where the density is positive, and units of the random effects.
Moments give each input of the row density a natural value; the link that takes it to the predictor is found by going
back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from hdsl.codegen import Entry, theta_entries
from hdsl.fit.columns import FixedColumns, fixed_columns, random_columns
from hdsl.fit.covariance import correlations, free_parameters, from_parts
from hdsl.fit.exact import fitted_exactly
from hdsl.fit.joint import DensityCriterion, Joint, JointPoint, StartCriterion, joint
from hdsl.fit.newton import Optimum, Tolerances, minimise
from hdsl.fit.problem import try_at
from hdsl.fit.refusals import exact_fit, no_start, not_finite, unknown_start
from hdsl.fit.row_density import evaluated
from hdsl.fit.standardise import Floats
from hdsl.plan import Arrays, Plan

__all__ = ["GeneralisedStart", "Moments", "coefficients", "leashes", "natural_values", "random_effects", "with_values"]

GeneralisedStart = Mapping[tuple[int, int, int] | tuple[str, int], float]

ROUGH = Tolerances(decrement=0.1, scaled=True, patient=False, negligible=1.0, foreseen=10.0, max_evaluations=60)
"""Of the coefficients without random effects, where random effects come after."""

LEAST, MOST = 0.5, 2.0
"""Bounds of the standard deviations that moments may give, in units."""

HIT = 1e-12
"""Relative error of a natural value that is rounding."""

SMALLEST, LARGEST = 1e-9, 1e9
"""Bounds of units: one row may tell much of its predictor, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What starting values are made of.

    Attributes
    ----------
    y : ndarray
        Finite outcomes; of a distribution with extra zeros those that are not zero, where there are some.
    zeros : float
        Share of zeros among all.
    size : ndarray or float
        Numbers of trials.
    """

    y: Floats
    zeros: float
    size: Floats | float

    @property
    def mean(self) -> float:
        """Mean outcome."""
        return float(self.y.mean())

    @property
    def variance(self) -> float:
        """Variance of the outcome, positive."""
        return max(float(self.y.var()), 1e-12 * self.mean**2, float(np.finfo(float).tiny))

    @property
    def share(self) -> float:
        """Share of successes among the trials, inside (0, 1)."""
        return float((self.y.sum() + 0.5) / (np.sum(np.broadcast_to(self.size, self.y.shape)) + 1.0))


def _logs(m: Moments) -> Floats:
    return np.log(m.y[m.y > 0.0])


def _inside(value: float, low: float, high: float) -> float:
    return float(np.clip(value, low, high)) if np.isfinite(value) else 1.0


NATURAL: dict[tuple[str, str], Callable[[Moments], float]] = {
    ("", "mean"): lambda m: m.mean,
    ("", "location"): lambda m: float(np.median(m.y)),
    ("", "sd"): lambda m: m.variance**0.5,
    ("", "scale"): lambda m: m.variance**0.5,
    ("", "rate"): lambda m: 1.0 / max(m.mean, 1e-12),
    ("", "p"): lambda m: m.share,
    ("", "meanlog"): lambda m: float(_logs(m).mean()),
    ("", "sdlog"): lambda m: max(float(_logs(m).std()), 1e-6),
    ("negative_binomial", "size"): lambda m: _inside(m.mean**2 / max(m.variance - m.mean, 1e-3 * m.mean), 0.05, 50.0),
    ("gamma", "shape"): lambda m: _inside(m.mean**2 / m.variance, 1e-3, 1e6),
    ("inverse_gaussian", "shape"): lambda m: max(m.mean**3 / m.variance, 1e-12),
    ("weibull", "shape"): lambda m: _inside(1.2 * m.mean / m.variance**0.5, 0.05, 100.0),
    ("weibull", "scale"): lambda m: m.mean,
    ("beta", "precision"): lambda m: _inside(m.mean * (1.0 - m.mean) / m.variance - 1.0, 0.1, 1e6),
    ("student_t", "scale"): lambda m: 0.8 * m.variance**0.5,
    ("student_t", "df"): lambda m: 6.0,
    ("zero_inflated", "p"): lambda m: _inside(m.zeros - np.exp(-m.mean), 0.05, 0.9),
    ("hurdle", "p"): lambda m: _inside(m.zeros, 0.02, 0.98),
}
"""Natural value of an argument from moments, by distribution; the distribution ``""`` stands for any other."""

LINKS: dict[str, Callable[[float], float]] = {
    "identity": lambda v: v,
    "exp": lambda v: float(np.log(v)),
    "invlogit": lambda v: float(np.log(v / (1.0 - v))),
    "inverse": lambda v: 1.0 / v,
    "square": lambda v: float(np.sqrt(v)),
    "inverse square": lambda v: 1.0 / v**2,
}
"""From a natural value to a predictor, by the name of the way back."""


def natural_values(plan: Plan, arrays: Arrays) -> list[float]:
    """Return a natural value of each input of the row density, from moments; thresholds have NaN."""
    density = plan.density
    assert density is not None
    *wrappers, base = density.distribution.rstrip(")").split("(")
    extra = next((w for w in wrappers if w in {"zero_inflated", "hurdle"}), None)
    y = arrays.y[np.isfinite(arrays.y)]
    inside = y != 0.0 if extra is not None and np.any(y != 0.0) else np.ones(len(y), dtype=bool)
    known = dict(zip(density.known, arrays.known, strict=True))
    trials = known.get("size", np.ones(len(arrays.y)))[np.isfinite(arrays.y)]
    moments = Moments(y=y[inside], zeros=float(np.mean(y == 0.0)), size=trials[inside])
    out = []
    for item in density.inputs:
        make = NATURAL.get((item.wrapper or base, item.slot)) or NATURAL.get(("", item.slot))
        out.append(np.nan if make is None or item.threshold else float(make(moments)))
    return out


def coefficients(criterion: DensityCriterion, arrays: Arrays, *, exact: bool) -> Optimum[JointPoint]:
    """Return the coefficients that maximise the likelihood without random effects.

    Parameters
    ----------
    exact : bool
        Whether to the end, rather than as far as a start needs.

    Raises
    ------
    FitError
        HM506 where no start with a positive density is found, HM511 where the columns fit the outcome exactly.
    """
    problem = joint(criterion.fixed_part() if criterion.plan.re_terms else criterion)
    begin = _from_moments(problem, arrays)
    if begin is None:
        raise no_start("the density of the outcome is zero")
    problem = replace(problem, leashes=leashes(criterion, arrays))
    optimum = minimise(problem, begin, Tolerances(scaled=True) if exact else ROUGH)
    name = fitted_exactly(problem, optimum.at, arrays, lambda: natural_values(criterion.plan, arrays))
    if name is not None:
        raise exact_fit(name)
    return optimum


def leashes(criterion: DensityCriterion, arrays: Arrays) -> tuple[tuple[Floats, float], ...]:
    """Return the rows of ``to_user`` of parameters without an equation, with values that moments give."""
    plan, out = criterion.plan, []
    assert plan.density is not None
    if all(item.scalar is None for item in plan.density.inputs):
        return ()
    natural = natural_values(plan, arrays)
    for k, (column, value) in fixed_columns(plan, arrays).intercepts().items():
        item = plan.density.inputs[k]
        if item.scalar is not None and item.inverse != "identity" and column in criterion.kept:
            start = _candidates(plan, arrays, k, natural[k])[0]
            out.append((value * criterion.to_user[criterion.kept.index(column)], start or 0.0))
    return tuple(out)


def _from_moments(problem: Joint, arrays: Arrays) -> JointPoint | None:
    """Return a start that moments give, with as few likelihoods as possible."""
    plan = problem.plan
    columns = fixed_columns(plan, arrays)
    choices = [_candidates(plan, arrays, k, value) for k, value in enumerate(natural_values(plan, arrays))]
    for of in (np.mean, np.max, np.min):  # offsets may be so far apart that one end of them counts alone
        places = _Places(problem, columns, arrays, of)
        best = places.at([own[0] for own in choices])
        if best is None and any(len(own) > 1 for own in choices):
            found = (places.at(list(some)) for some in product(*choices))
            best = min((at for at in found if at is not None), key=lambda at: at.objective, default=None)
        if best is not None or all(offset is None for offset in arrays.offsets):
            return best
    return None


def _candidates(plan: Plan, arrays: Arrays, k: int, natural: float) -> list[float | None]:
    """Return values of a predictor that may give its argument a natural value, the one that does so best first."""
    assert plan.density is not None
    item = plan.density.inputs[k]
    if not np.isfinite(natural):
        return [None]
    names = [item.inverse] if item.scalar else list(LINKS)
    with np.errstate(all="ignore"):
        values = [LINKS[name](np.float64(natural)) if natural or name == "identity" else np.nan for name in names]
    finite = [float(v) for v in values if np.isfinite(v)]
    errors = []
    for i, v in enumerate(finite):
        errors.append(_misses(plan, arrays, k, v, natural))
        if errors[-1] <= HIT * abs(natural):  # the way back of the link itself
            return [v, *finite[:i], *finite[i + 1 :]]
    return [finite[i] for i in np.argsort(errors, kind="stable")] or [None]


def _misses(plan: Plan, arrays: Arrays, k: int, value: float, natural: float) -> float:
    """Return by how much the argument of a predictor at a value misses a natural one, the other predictors at 0."""
    assert plan.density is not None
    item = plan.density.inputs[k]
    expressions = [natural for name, natural in plan.density.natural if name == item.slot]
    data: dict[str, Any] = {f"eta{m}": np.float64(value if m == k else 0.0) for m in range(plan.n_predictors)}
    data |= dict(zip(plan.density.known, (float(np.nanmean(known)) for known in arrays.known), strict=True))
    if not expressions:
        return 0.0
    # a wrapper's argument of the same name is the last
    (found,) = evaluated(expressions[-1:] if item.wrapper else expressions[:1], data, {})
    return float(abs(found - natural)) if np.isfinite(found) else np.inf


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the value of a predictor goes among the coefficients."""

    problem: Joint
    columns: FixedColumns
    arrays: Arrays
    of: Callable[[Floats], Any]
    """What an offset counts as."""

    def at(self, values: list[float | None]) -> JointPoint | None:
        """Return the point with the predictors at these values as nearly as their columns can."""
        beta = _thresholds(self.problem.plan, self.columns, self.arrays)
        intercepts = self.columns.intercepts()
        for k, value in enumerate(values):
            if value is None:
                continue
            offset = self.arrays.offsets[k]
            shift = 0.0 if offset is None else float(self.of(offset[np.isfinite(offset)]))
            if k in intercepts:
                column, constant = intercepts[k]
                beta[column] = (value - shift) / constant
            elif self.columns.parts[k]:
                beta += self._least_squares(k, value - shift)
        vector = self.problem.criterion.beta_from(beta)
        return try_at(self.problem, vector, None)

    def _least_squares(self, k: int, value: float) -> Floats:
        """Return the coefficients that bring a predictor without an intercept nearest to a value."""
        own = replace(self.columns, parts=(self.columns.parts[k],))
        right = own.transposed(0, np.full(own.n, value))
        return np.asarray(np.linalg.lstsq(own.gram(), right, rcond=None)[0])


def _thresholds(plan: Plan, columns: FixedColumns, arrays: Arrays) -> Floats:
    """Return coefficients with the thresholds at the logits of the cumulative proportions; the others are zero.

    The column of a threshold is 1 in the rows of the category below it and 0 in all others.
    """
    assert plan.density is not None
    beta = np.zeros(columns.p)
    uppers = [k for k, item in enumerate(plan.density.inputs) if item.threshold == "upper"]
    for start, block in (part for k in uppers for part in columns.parts[k]):
        if isinstance(block, np.ndarray) and np.array_equal(block, block.astype(bool)) and block.any():
            category = arrays.y[block == 1.0]
            if np.all(category == category[0]) and np.all(block[arrays.y == category[0]] == 1.0):
                share = float(np.clip(np.mean(arrays.y <= category[0]), 1e-6, 1.0 - 1e-6))
                beta[start] = np.log(share / (1.0 - share))
    return beta


def random_effects(flat: Optimum[JointPoint], criterion: StartCriterion, arrays: Arrays) -> tuple[Joint, JointPoint]:
    """Return the problem in units of the random effects, with a start of theta, and the point where theta is zero.

    Parameters
    ----------
    flat : Optimum
        Coefficients without random effects.

    Notes
    -----
    With ``s_j = Z_j' d log f / d eta`` and ``A_j = Z_j' W Z_j`` at theta = 0, ``E s_j^2 = A_j + psi A_j^2``, and the
    derivative of the criterion by psi is ``sum_j (A_j - s_j^2)``. The weights are taken as equal within a predictor.
    """
    plan = criterion.plan
    at = criterion.evaluate(flat.at.inner.beta, np.zeros(plan.n_theta))
    if not at.is_mode:  # where a standard deviation is given
        raise no_start("the density of the random effects has no mode")
    slopes = criterion.spread_slopes(at)
    weights = _mean_weights(criterion, flat.hessian, arrays)
    units, theta = [], np.zeros(plan.n_theta)
    starts: list[Floats] = []
    for f, term in enumerate(plan.re_terms):
        scale = criterion.T[f].diagonal()
        unit, start = np.ones(term.width), np.ones(term.width)
        for c, k, z in _first_columns(plan, arrays, f):
            w = weights[k]
            unit[c] = min(max(w**-0.5, SMALLEST), LARGEST)
            A = np.bincount(arrays.groups[f], (z / scale[c]) ** 2) * w
            psi = -float(slopes[f][c, c]) / max(float(A @ A), sys.float_info.min)
            start[c] = min(max(max(psi, 0.0) ** 0.5 / unit[c], LEAST), MOST)
        units.append(_common(plan, f, unit))
        starts.append(start * unit / units[-1])
    for entry in reversed(theta_entries(plan)):
        if entry.row == entry.column and entry.theta >= 0:
            theta[entry.theta] = starts[entry.factor][entry.row]
    problem = replace(joint(criterion, units), theta=theta, leashes=leashes(criterion, arrays))
    return problem, problem.point(np.concatenate((flat.at.vector, np.zeros(plan.n_theta))), at)


def _common(plan: Plan, f: int, unit: Floats) -> Floats:
    """Return the units of a factor; an entry of theta that stands in several places has the unit 1 in all of them."""
    places = [entry.theta for entry in theta_entries(plan)]
    out = unit.copy()
    for entry in theta_entries(plan):
        if entry.factor == f and (entry.theta < 0 or places.count(entry.theta) > 1):
            out[entry.row] = 1.0
    return out


def _first_columns(plan: Plan, arrays: Arrays, f: int) -> Iterator[tuple[int, int, Floats]]:
    """Yield for each column of a factor its number, the first predictor that it stands in, and its values there."""
    by_predictor = random_columns(plan, arrays, f)
    for c in range(plan.re_terms[f].width):
        for k, columns in enumerate(by_predictor):
            values = columns[c]
            if values is not None:
                yield c, k, values
                break


def _mean_weights(criterion: DensityCriterion, hessian: Floats | None, arrays: Arrays) -> list[float]:
    """Return for each predictor about the mean of ``- d2 log f / d eta2``, from the information on its coefficients."""
    columns = fixed_columns(criterion.plan, arrays)
    if hessian is None:  # there are no coefficients
        return [1.0] * len(columns.parts)
    back = np.linalg.inv(criterion.to_user)
    information = np.full(columns.p, np.nan)
    information[criterion.kept] = (back.T @ hessian @ back).diagonal() / 2.0
    out = []
    for parts in columns.parts:
        ratios = [float(information[c] / columns.squares[c]) for c, _ in parts if columns.squares[c] > 0.0]
        ratios = [ratio for ratio in ratios if 0.0 < ratio < np.inf]
        out.append(float(np.median(ratios)) if ratios else 1.0)
    return out


def with_values(problem: Joint, at: JointPoint, start: GeneralisedStart) -> Floats:
    """Return the vector of a point with the user's values put in.

    Raises
    ------
    FitError
        HM508 for an entry that is no parameter, HM506 for a value that is not finite.
    """
    criterion = problem.criterion
    beta = criterion.user_beta(at.inner)
    _require_known(problem.plan, len(beta), start)
    for key, value in start.items():
        if isinstance(key[0], str):
            beta[int(key[1])] = value
    parts = [correlations(sigma) for sigma in problem.user_sigmas(at.factors)]
    for parameter in free_parameters(problem.plan):
        place = (parameter.factor, parameter.row, parameter.column)
        if place in start:
            _put(problem.plan, parts, parameter, start[place])
    theta = criterion.theta_from([from_parts(sd, cor) for sd, cor in parts])
    return problem.vector_of(criterion.beta_from(beta), theta)


def _require_known(plan: Plan, p: int, start: GeneralisedStart) -> None:
    """Refuse what is no parameter, and values that are not finite."""
    allowed = {(e.factor, e.row, e.column) for e in theta_entries(plan)} | {("beta", c) for c in range(p)}
    for key, value in start.items():
        if key not in allowed:
            raise unknown_start(key)
        if not np.isfinite(value):
            raise not_finite(f"the starting value {value} of {key}")


def _put(plan: Plan, parts: list[tuple[Floats, Floats]], parameter: Entry, value: float) -> None:
    """Put a standard deviation, wherever it stands, or a correlation among those of the factors."""
    if parameter.row == parameter.column:
        for entry in theta_entries(plan):
            if entry.theta == parameter.theta:
                parts[entry.factor][0][entry.row] = abs(value)
    else:
        cor = parts[parameter.factor][1]
        cor[parameter.row, parameter.column] = cor[parameter.column, parameter.row] = np.clip(value, -1.0, 1.0)
