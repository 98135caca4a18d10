"""Wald tests, contrasts and the table of terms: linear forms of the fixed effects and their reference distributions.

Stage: results. Input: a fit and a `Reference`. Output: frames and `WaldTest` records. Invariant: hypotheses that follow
from the others are left out and counted; those that contradict the others are refused.

References
----------
Wald (1943), Transactions of the American Mathematical Society 54, 426-482.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from hdsl.plan import FixedSet
from hdsl.results.inference.hypotheses import LinearForm, read_expression, read_hypotheses
from hdsl.results.inference.refusals import refusal
from hdsl.results.inference.tails import f_tail, t_quantile, two_sided
from hdsl.results.linear import fixed_starts
from hdsl.results.numbers import fixed, p_value

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.face.core import Core
    from hdsl.results.inference.degrees import Joint

__all__ = ["Referred", "WaldTest", "anova", "coefficient_table", "contrasts", "wald_test"]

Floats = NDArray[np.float64]

RANK = 1e-9
"""Share of its length that a hypothesis has to add to the others, so that it counts."""

WORDS = {
    "satterthwaite": "Satterthwaite",
    "kenward-roger": "Kenward-Roger",
    "residual": "n - p",
    "normal": "normal",
    "cluster-robust": "of the clusters",
}
"""Methods for degrees of freedom, in words."""


class Referred(Protocol):
    """A covariance of the fixed effects with the degrees of freedom of their combinations."""

    @property
    def covariance(self) -> Floats:
        """(r, r)."""
        ...

    @property
    def is_normal(self) -> bool:
        """Whether statistics are referred to the normal distribution."""
        ...

    @property
    def method(self) -> str:
        """How degrees of freedom were found."""
        ...

    def df(self, direction: Floats) -> float:
        """Return the degrees of freedom of ``l'beta``."""
        ...

    def joint(self, L: Floats, difference: Floats) -> Joint:
        """Return the statistic of ``L beta = b``; `difference` is ``L beta - b``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaldTest:
    """A joint test of linear hypotheses.

    Attributes
    ----------
    statistic : float
        F; chi-squared where `df_denominator` is infinite.
    df : int
        Number of independent hypotheses.
    df_denominator : float
    p : float
    method : str
        How degrees of freedom were found.
    table : DataFrame
        A row for each hypothesis: `estimate` (left minus right side), `se`, `df`, `t` or `z`, `p`, `lower`, `upper`.
    """

    statistic: float
    df: int
    df_denominator: float
    p: float
    method: str
    table: pd.DataFrame

    @property
    def name(self) -> str:
        """``"F"`` or ``"chi2"``."""
        return "chi2" if math.isinf(self.df_denominator) else "F"

    def __str__(self) -> str:
        degrees = str(self.df) if self.name == "chi2" else f"{self.df}, {fixed(self.df_denominator, 1)}"
        p = p_value(self.p)
        result = f"{self.name}({degrees}) = {fixed(self.statistic, 3)}, p {p if p.startswith('<') else '= ' + p}"
        how = f"Wald test, degrees of freedom: {WORDS[self.method]}"
        return "\n".join([how, *(f"  {text}" for text in self.table.index), result])

    def __repr__(self) -> str:
        return str(self)


def coefficient_table(fit: Core, given: Referred, level: float) -> pd.DataFrame:
    """Return a row for each fixed effect."""
    table = fit.parameters
    forms = [
        LinearForm(text=name, weights=row, constant=0.0)
        for name, row in zip(table.fixed, np.eye(len(table.fixed)), strict=True)
    ]
    return _table(fit, given, forms, level)


def contrasts(
    fit: Core, given: Referred, expressions: str | Sequence[str] | Mapping[str, str], level: float
) -> pd.DataFrame:
    """Return estimate and interval of linear combinations of fixed effects; the index is their text, or their names."""
    if isinstance(expressions, str):
        expressions = [expressions]
    named = expressions if isinstance(expressions, Mapping) else {text: text for text in expressions}
    if not named:
        raise refusal("there is no contrast to estimate", 'write one in coefficient names: "b1 - b2"')
    found = []
    for name, text in named.items():
        form = read_expression(text, fit.parameters.fixed)
        if not form.weights.any():
            raise refusal(f"`{text}` holds no coefficient", "its coefficients cancel, or it has none")
        found.append(LinearForm(text=name, weights=form.weights, constant=form.constant))
    return _table(fit, given, found, level)


def wald_test(fit: Core, given: Referred, hypotheses: str | Sequence[str]) -> WaldTest:
    """Return the joint test of linear hypotheses."""
    forms = read_hypotheses(hypotheses, fit.parameters.fixed)
    return _test(fit, given, forms, _table(fit, given, forms, 0.95))


def anova(fit: Core, given: Referred) -> pd.DataFrame:
    """Return a row for each term of the fixed part but the intercept: the test that its coefficients are zero."""
    import pandas as pd

    rows = {name: _joint(fit, given, np.eye(len(fit.parameters.fixed))[columns]) for name, columns in _terms(fit)}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["statistic", "df", "df_denominator", "p"])
    frame = frame.astype({"df": int}).rename_axis("term")
    return frame.rename(columns={"statistic": "chi2" if given.is_normal else "F"})


def _terms(fit: Core) -> list[tuple[str, list[int]]]:
    """Return the members of the fixed part but the intercept, each with its places among the estimated effects."""
    plan, table = fit.design.plan, fit.parameters
    starts = [*fixed_starts(plan), len(fit.design.fixed_labels)]
    place = {int(column): at for at, column in enumerate(table.kept)}
    found = []
    for k, member in enumerate(plan.fixed):
        own = [place[column] for column in range(starts[k], starts[k + 1]) if column in place]
        if own and k != plan.intercept:
            found.append((member.symbol if isinstance(member, FixedSet) else table.fixed[own[0]], own))
    return found


def _table(fit: Core, given: Referred, forms: Sequence[LinearForm], level: float) -> pd.DataFrame:
    """Return estimate, standard error, test and interval of each form."""
    import pandas as pd

    beta = fit.parameters.values[: len(fit.parameters.fixed)]
    L = np.array([form.weights for form in forms])
    estimate = L @ beta + np.array([form.constant for form in forms])
    se = np.sqrt(np.einsum("ai,ij,aj->a", L, given.covariance, L))
    df = np.array([given.df(row) for row in L])
    t = estimate / se
    reach = t_quantile(level, df) * se
    columns = {
        "estimate": estimate,
        "se": se,
        "df": df,
        "z" if given.is_normal else "t": t,
        "p": two_sided(t, df),
        "lower": estimate - reach,
        "upper": estimate + reach,
    }
    return pd.DataFrame(columns, index=pd.Index([form.text for form in forms]))


def _test(fit: Core, given: Referred, forms: Sequence[LinearForm], table: pd.DataFrame) -> WaldTest:
    L = np.array([form.weights for form in forms])
    independent = _independent(L, np.array([form.constant for form in forms]))
    difference = table["estimate"].to_numpy()[independent]
    statistic, df, df_denominator, p = _joint(fit, given, L[independent], difference)
    return WaldTest(statistic=statistic, df=df, df_denominator=df_denominator, p=p, method=given.method, table=table)


def _joint(fit: Core, given: Referred, L: Floats, difference: Floats | None = None) -> tuple[float, int, float, float]:
    """Return statistic, degrees of freedom and p-value of ``L beta = 0``, or of a difference from what is tested."""
    if difference is None:
        difference = L @ fit.parameters.values[: len(fit.parameters.fixed)]
    found = given.joint(L, difference)
    statistic = found.F * (found.df if math.isinf(found.df_denominator) else 1.0)
    return statistic, found.df, found.df_denominator, f_tail(found.F, found.df, found.df_denominator)


def _independent(L: Floats, constants: Floats) -> list[int]:
    """Return the hypotheses that do not follow from those before them; refuse one that contradicts them."""
    kept: list[int] = []
    for row in range(len(L)):
        if kept:
            combination = np.linalg.lstsq(L[kept].T, L[row], rcond=None)[0]
            left = L[row] - combination @ L[kept]
            if np.linalg.norm(left) <= RANK * np.linalg.norm(L[row]):
                if abs(constants[row] - combination @ constants[kept]) > RANK * (1.0 + abs(constants[row])):
                    raise refusal(
                        "the hypotheses contradict one another", "no values of the coefficients meet them all"
                    )
                continue
        kept.append(row)
    return kept
