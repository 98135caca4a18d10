"""Outcomes that are fitted exactly: the spread of the distribution goes to zero, and the likelihood has no bound.

Input: where a search ended, and what moments give. Output: the parameter that says so, or None. Only parameters without
an equation are looked at; with an equation the search ends on a slope, and says that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hdsl.fit.columns import fixed_columns
from hdsl.fit.joint import Joint, JointPoint
from hdsl.plan import Arrays

__all__ = ["fitted_exactly"]

NONE = 1e-7
"""Spread, relative to that of the outcome or to its mean, that counts as none."""

LITTLE = 1e-4
"""Spread that counts as none where the likelihood still rises as it shrinks."""

RISING = 0.25
"""Derivative of the criterion by the log of the argument, a row, from which it does; without bound it is 1 or 2."""

SPREADS: dict[tuple[str, str], tuple[int, Callable[[float, float, float], float]]] = {
    ("normal", "sd"): (-1, lambda value, natural, mean: value / natural),
    ("lognormal", "sdlog"): (-1, lambda value, natural, mean: value / natural),
    ("student_t", "scale"): (-1, lambda value, natural, mean: value / natural),
    ("gamma", "shape"): (1, lambda value, natural, mean: value**-0.5),
    ("beta", "precision"): (1, lambda value, natural, mean: value**-0.5),
    ("inverse_gaussian", "shape"): (1, lambda value, natural, mean: (mean / value) ** 0.5),
    ("weibull", "shape"): (1, lambda value, natural, mean: 1.0 / value),
}
"""Of a distribution and its argument: where it goes as the spread shrinks, down or up, and the relative spread.

By the argument's value, the one that moments give, and the mean outcome.
"""


def fitted_exactly(
    problem: Joint, at: JointPoint, arrays: Arrays, moments: Callable[[], Sequence[float]]
) -> str | None:
    """Return the name of a parameter without an equation by which the outcome is fitted exactly.

    Parameters
    ----------
    moments : callable
        Gives a natural value of each input of the row density.
    """
    density = problem.plan.density
    assert density is not None
    base = density.distribution.rstrip(")").split("(")[-1]
    if all(item.scalar is None for item in density.inputs):
        return None
    natural = moments()
    criterion, mean = problem.criterion, float(np.abs(arrays.y[np.isfinite(arrays.y)]).mean())
    beta = criterion.user_beta(at.inner)
    for k, (column, constant) in fixed_columns(problem.plan, arrays).intercepts().items():
        item = density.inputs[k]
        if item.scalar is None or item.wrapper or (base, item.slot) not in SPREADS or column not in criterion.kept:
            continue
        sign, relative = SPREADS[base, item.slot]
        with np.errstate(all="ignore"):
            spread = relative(float(np.exp(beta[column] * constant)), natural[k], mean)
        is_rising = spread < LITTLE and _slope(problem, at, column, constant) * sign < -RISING * len(arrays.y)
        if spread < NONE or is_rising:
            return item.scalar
    return None


def _slope(problem: Joint, at: JointPoint, column: int, constant: float) -> float:
    """Return the derivative of the criterion by the predictor of a parameter without an equation."""
    criterion = problem.criterion
    direction = np.linalg.solve(criterion.to_user, np.eye(len(criterion.kept))[criterion.kept.index(column)])
    return float(problem.slope(at).gradient[: problem.m] @ direction) / constant
