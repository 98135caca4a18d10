"""Names under which other packages look for results: those of statsmodels, and the plug-in of maketables.

Stage: results. Input: the estimates and rows of a fit. Output: the same under other names. Invariant: nothing is
computed here that another part of a fitted model does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.form.expr import show_symbol
from hdsl.results.face.rows import Rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelNames", "ParamNames", "Protocol"]

STATISTICS = {
    "N": "nobs",
    "ll": "llf",
    "aic": "aic",
    "bic": "bic",
    "df_model": "df_model",
    "df_resid": "df_resid",
    "deviance": "deviance",
}
"""Statistics of a table by the key that maketables asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamNames:
    """Names of all parameters, in the order of `params`."""

    param_names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelNames:
    """What is called the model of a results object elsewhere: outcome and names.

    Attributes
    ----------
    endog : ndarray, (n,)
        The outcome on the scale that is modelled.
    endog_names : str
        Its symbol, ``"y[i]"``, ``"log(y[i])"``.
    exog_names : list of str
        The fixed effects.
    data : ParamNames
    """

    endog: NDArray[np.float64]
    endog_names: str
    exog_names: list[str]
    data: ParamNames


class Protocol(Rows):
    """Results by the names of other packages; see `hdsl.results.FittedModel`."""

    @cached_property
    def model(self) -> ModelNames:
        """Outcome, and the names of outcome and parameters, as packages written for statsmodels expect."""
        outcome = self.design.form.outcome
        symbol = show_symbol(outcome.name, outcome.index_set)
        return ModelNames(
            endog=self.design.arrays.y,
            endog_names=f"{outcome.transform}({symbol})" if outcome.transform else symbol,
            exog_names=list(self.parameters.fixed),
            data=ParamNames(param_names=list(self.parameters.names)),
        )

    @property
    def df_model(self) -> float:
        """Number of fixed effects besides the intercept."""
        plan = self.design.plan
        dropped = set(self.design.fixed_labels) - set(self.parameters.fixed)
        has_intercept = plan.intercept is not None and plan.fixed[plan.intercept].symbol not in dropped
        return float(self._n_fixed - has_intercept)

    @property
    def use_t(self) -> bool:
        """Whether tests of fixed effects are by t; else by the normal distribution."""
        return not self.degrees.is_normal

    @property
    def fittedvalues(self) -> pd.Series[float]:
        """The same as `fitted`."""
        return self.fitted

    @property
    def resid(self) -> pd.Series[float]:
        """The same as `residuals`."""
        return self.residuals

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        """Estimate, standard error, statistic and p-value of every parameter, as maketables names them."""
        import pandas as pd

        columns = {"b": self.params, "se": self.bse, "t": self.tvalues, "p": self.pvalues}
        return pd.DataFrame(columns).rename_axis("Coefficient")

    @property
    def __maketables_depvar__(self) -> str:
        return self.model.endog_names

    def __maketables_stat__(self, key: str) -> float | None:
        """Return a statistic of the table; None for one that a multilevel model has not."""
        return getattr(self, STATISTICS[key]) if key in STATISTICS else None

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        return ["N", "ll", "aic", "bic"]
