"""The fitted model: every result by its public name.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: a `FittedModel`. Invariants: making one costs nothing,
each result is computed when it is first asked for; tables are new pandas objects labelled by the user's names.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.form.expr import show_index_set
from hdsl.results import intervals, messages, prediction
from hdsl.results.effects import Coefficients, EffectTables, effect_places, mode_table
from hdsl.results.parameters import ParameterTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import pandas as pd

    from hdsl.composite import Moments
    from hdsl.design.record import Design
    from hdsl.diagnostics import Diagnostic
    from hdsl.fit.outcome import FitOutcome, Method, Status
    from hdsl.form.estimates import Estimates
    from hdsl.results.prediction import Include
    from hdsl.results.summary import Summary

__all__ = ["FittedModel"]


class FittedModel:
    """A multilevel model fitted to data.

    Parameters
    ----------
    design : Design
        The model bound to its data.
    outcome : FitOutcome
        The optimum.

    Notes
    -----
    Every value is on the scale of the outcome that is modelled: of ``log(y[i]) ~ ..`` that is log y.
    """

    def __init__(self, design: Design, outcome: FitOutcome) -> None:
        self.design = design
        self.outcome = outcome

    # ---------------------------------------------------------------- how it ended

    @property
    def method(self) -> Method:
        """The criterion that was optimised."""
        return self.outcome.method

    @property
    def converged(self) -> bool:
        """Whether the optimizer reached an optimum, in the interior or on a boundary."""
        return self.outcome.status != "not converged"

    @property
    def status(self) -> Status:
        """``"converged"``, ``"boundary"`` (converged, `boundary` names what is on its edge) or ``"not converged"``."""
        return self.outcome.status

    @cached_property
    def message(self) -> str:
        """How the fit ended, a sentence."""
        return messages.status_message(self.parameters)

    @property
    def boundary(self) -> tuple[str, ...]:
        """Names of the standard deviations and correlations on their edge."""
        return self.parameters.boundary

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings and notes of the data (HM4xx) and of the fit (HM5xx)."""
        return (*self.design.diagnostics, *messages.fit_diagnostics(self.parameters))

    # ---------------------------------------------------------------- parameters

    @cached_property
    def parameters(self) -> ParameterTable:
        """Names, values and covariance of the estimated parameters."""
        return ParameterTable(design=self.design, outcome=self.outcome)

    @property
    def params(self) -> pd.Series[float]:
        """Every estimated parameter by name, natural scale: fixed effects, then those of the random part."""
        return self._series(self.parameters.values, "estimate")

    @property
    def bse(self) -> pd.Series[float]:
        """Standard errors of `params`, natural scale; NaN for what is on its boundary.

        Of fixed effects given the variances (generalised least squares), of the others from the joint observed
        information.
        """
        return self._series(self._se, "se")

    @property
    def fixef(self) -> pd.Series[float]:
        """The fixed effects in `params`."""
        return self.params.iloc[: self._n_fixed]

    @property
    def tvalues(self) -> pd.Series[float]:
        """Fixed effects over their standard errors."""
        return self._series(self._z, self._statistic)

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values of the fixed effects, by t with `df_resid` degrees of freedom."""
        return self._series(intervals.two_sided_p(self._z, self.df_resid), "p")

    @property
    def _statistic(self) -> str:
        return "z" if np.isinf(self.df_resid) else "t"

    @property
    def df_resid(self) -> float:
        """Degrees of freedom of tests of the fixed effects: n - p where they are known, else infinity (normal).

        They are known without random part under REML, where the standard errors are those of least squares.
        """
        has_random_part = bool(self.design.plan.re_terms)
        return float("inf") if has_random_part or self.method != "reml" else float(self.nobs - self._n_fixed)

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance of `params`.

        Returns
        -------
        DataFrame, (dof, dof)
            Natural scale. Fixed effects given the variances, variance parameters from the joint observed information;
            zero between the two. NaN for what is on its boundary.
        """
        import pandas as pd

        names = pd.Index(self.parameters.names)
        return pd.DataFrame(self.parameters.covariance, index=names, columns=names)

    def conf_int(self, level: float = 0.95, method: str = "wald") -> pd.DataFrame:
        """Return intervals of `params`.

        Parameters
        ----------
        level : float
            Coverage, between 0 and 1.
        method : {"wald"}
            Estimate plus and minus standard normal quantiles times the standard error, natural scale; cut off at the
            ends of a parameter's range.

        Returns
        -------
        DataFrame
            Columns `lower` and `upper`; NaN for what is on its boundary.

        Raises
        ------
        FitError
            HM507 for another method, HM510 for a level outside (0, 1).
        """
        import pandas as pd

        normal = intervals.interval_multiplier(level, method)
        multiplier = np.full(len(self.parameters.values), normal)
        multiplier[: self._n_fixed] = intervals.interval_multiplier(level, method, self.df_resid)
        bounds = intervals.wald(self.parameters.values, self._se, multiplier, self._edges())
        return pd.DataFrame(bounds, index=pd.Index(self.parameters.names), columns=["lower", "upper"])

    @property
    def var_corr(self) -> pd.DataFrame:
        """Standard deviations and correlations of the random effects, one row for each effect, the residual last.

        Columns `index_set`, `effect`, `sd`, and where effects are correlated `cor1`, `cor2`, ..: the correlation with
        the first, second, .. effect of the same statement.
        """
        from hdsl.results.tables import var_corr_table

        return var_corr_table(self.parameters)

    @cached_property
    def moments(self) -> Moments:
        """Implied moments with the estimates in them: ``fit.moments.variance``, ``fit.moments.at(year=0)``."""
        from hdsl.composite import Moments

        values = {str(name): float(value) for name, value in self.params.items()}
        return Moments(self.design.form, {name: 0.0 if np.isnan(value) else value for name, value in values.items()})

    def equations_latex(self, *, notation: str = "gelman-hill", se: bool = True) -> str:
        """Return the level equations with the estimates in them, as LaTeX (amsmath).

        Parameters
        ----------
        notation : {"gelman-hill", "raudenbush-bryk"}
            The model's own names with subscripts, or symbols by their places in the model.
        se : bool
            Whether standard errors stand under the estimates.

        Returns
        -------
        str
            An ``aligned`` display. Numbers have two significant digits of their standard error, variances four of
            their own; coefficients of an unmodelled set stay symbols.

        Raises
        ------
        FitError
            HM512 where symbols by places cannot say the model.
        """
        from hdsl.semantics.equations import read_equations

        form = self.design.form
        return read_equations(form).latex(notation=notation, estimates=self._estimates(se=se))

    def composite_latex(self, *, notation: str = "gelman-hill", se: bool = True) -> str:
        """Return the composite equation with the estimates in it, as LaTeX; see `equations_latex`."""
        from hdsl.form.view import Composite

        return Composite(self.design.form).latex(notation=notation, estimates=self._estimates(se=se))

    def _estimates(self, *, se: bool) -> Estimates:
        """Return the estimates by name; a correlation that does not exist, beside a spread of zero, is zero."""
        from hdsl.form.estimates import Estimates

        values = {str(name): float(value) for name, value in self.params.items()}
        return Estimates(
            values={name: 0.0 if np.isnan(value) else value for name, value in values.items()},
            errors={str(name): float(value) for name, value in self.bse.items()},
            show_errors=se,
        )

    # ---------------------------------------------------------------- likelihood

    @property
    def loglik(self) -> float:
        """Log-likelihood at the optimum; under REML the restricted one."""
        return -0.5 * self.outcome.objective

    @property
    def llf(self) -> float:
        """The same as `loglik`."""
        return self.loglik

    @property
    def deviance(self) -> float:
        """-2 `loglik`."""
        return self.outcome.objective

    @property
    def log_prior(self) -> float:
        """Log density of the priors at the optimum; a model without priors has 0."""
        return 0.0

    @property
    def criterion(self) -> float:
        """What was minimised: `deviance` - 2 `log_prior`."""
        return self.deviance - 2.0 * self.log_prior

    @property
    def dof(self) -> int:
        """Number of estimated parameters: rank of X, standard deviations and correlations, the residual's."""
        return self.parameters.dof

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return len(self.design.arrays.y)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, `deviance` + 2 `dof`."""
        return self.deviance + 2.0 * self.dof

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, `deviance` + log(`nobs`) `dof`; under REML with the same `nobs`, as lme4."""
        return self.deviance + float(np.log(self.nobs)) * self.dof

    # ---------------------------------------------------------------- groups

    @property
    def n_groups(self) -> dict[str, int]:
        """Number of units of each index set, ``{"j": 160}``."""
        return {show_index_set(index_set): count for index_set, count in self.design.group_counts.items()}

    @cached_property
    def ranef(self) -> Mapping[str, pd.DataFrame]:
        """Conditional modes by effect: ``ranef["u0[j]"]`` has `estimate` and `se` for each group.

        Standard errors are given the parameters. For ``beta0[j] ~ normal(m, sd)`` these are deviations from ``m``.
        """
        effects = tuple(effect_places(self.design))
        return EffectTables(self.design.form, effects, lambda effect: mode_table(self.design, self.outcome, effect))

    @cached_property
    def coef(self) -> Mapping[str, pd.DataFrame]:
        """The groups' own coefficients: ``coef["beta0[j]"]`` has `estimate`, mean plus deviation, for each group.

        Those that a definition gives (``b0[j] = g0 + g1*z[j] + u0[j]``) are there too.
        """
        tables = Coefficients(design=self.design, outcome=self.outcome)
        return EffectTables(self.design.form, (*tables.places, *tables.derived), tables.table)

    # ---------------------------------------------------------------- rows

    @property
    def fitted(self) -> pd.Series[float]:
        """Fitted values with all random effects at their modes, rows in the order of the data used."""
        return self.predict()

    @property
    def residuals(self) -> pd.Series[float]:
        """Outcome minus `fitted`."""
        return self._rows(self.design.arrays.y - self.fitted.to_numpy(), "residual")

    def predict(
        self, new: object = None, include: Include = "all", scale: str = "response", *, marginal: bool = False
    ) -> pd.Series[float]:
        """Return predictions for the rows that were fitted.

        Parameters
        ----------
        new : None
            The data of the fit; other data are refused.
        include : "all", None, or a list of str
            Random effects to include: all, none (at zero), or those whose indices are all named.
        scale : {"response", "link"}
            One and the same for an identity link; for ``log(y[i]) ~ ..`` both are the scale of log y.
        marginal : bool
            Integrate over the effects that are not included, instead of putting them at zero; for a linear predictor
            with identity link the two are equal.

        Returns
        -------
        Series, (n,)
            Rows in the order of the data used.

        Raises
        ------
        FitError
            HM510 for an unknown index or scale, and for new data.
        """
        prediction.check_data(new)
        prediction.check_scale(scale)
        places = prediction.included_places(self.design, include)
        values = prediction.linear_predictor(self.design, self.outcome, self.design.arrays, places)
        return self._rows(values, "fitted")

    # ---------------------------------------------------------------- display

    def summary(self) -> Summary:
        """Return the whole fit as a printable report."""
        from hdsl.results.summary import summarise

        return summarise(self)

    def __repr__(self) -> str:
        return f"<{self.method.upper()} fit of {self.design.form.source.name}: {self.status}, loglik {self.loglik:.3f}>"

    def __str__(self) -> str:
        return str(self.summary())

    def __rich__(self) -> Summary:
        return self.summary()

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    # ---------------------------------------------------------------- inside

    @property
    def _n_fixed(self) -> int:
        return len(self.parameters.fixed)

    @cached_property
    def _se(self) -> NDArray[np.float64]:
        variances = np.diag(self.parameters.covariance)
        return np.sqrt(np.where(variances >= 0.0, variances, np.nan))  # where a fit stopped short none may exist

    @property
    def _z(self) -> NDArray[np.float64]:
        return self.parameters.values[: self._n_fixed] / self._se[: self._n_fixed]

    def _edges(self) -> NDArray[np.float64]:
        """Return (dof, 2), the range of each parameter."""
        table = self.parameters
        fixed = [(-np.inf, np.inf)] * self._n_fixed
        spread = [(0.0, np.inf) if row == column else (-1.0, 1.0) for _, row, column in table.variance.values()]
        return np.array([*fixed, *spread, (0.0, np.inf)])

    def _series(self, values: NDArray[np.float64], name: str) -> pd.Series[Any]:
        """Return `values` labelled by the first of the parameters' names."""
        import pandas as pd

        return pd.Series(values, index=pd.Index(self.parameters.names[: len(values)]), name=name)

    def _rows(self, values: NDArray[np.float64], name: str) -> pd.Series[Any]:
        import pandas as pd

        return pd.Series(values, index=self.design.row_labels, name=name)
