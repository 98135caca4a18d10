"""Estimates of a fit, their uncertainty and their tests.

Stage: results. Input: the parameter table of a fit. Output: series and frames labelled by the user's names.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.results import intervals
from hdsl.results.face.core import Core
from hdsl.results.inference.degrees import Reference, default_reference
from hdsl.results.inference.tails import two_sided

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import pandas as pd

    from hdsl.composite import Moments
    from hdsl.form.estimates import Estimates as FormEstimates
    from hdsl.results.inference.bootstrap import Bootstrap

__all__ = ["Estimates"]


class Estimates(Core):
    """Parameters of a fit; see `hdsl.results.FittedModel`."""

    @property
    def params(self) -> pd.Series[float]:
        """Every estimated parameter by name, natural scale.

        Fixed effects, then parameters without an equation (shapes, probabilities, thresholds), then standard deviations
        and correlations.
        """
        return self._series(self.parameters.values, "estimate")

    @property
    def bse(self) -> pd.Series[float]:
        """Standard errors of `params`, natural scale; NaN for what is on its boundary.

        Of fixed effects of a Gaussian linear model given the variances (generalised least squares), of all else from
        the joint observed information, by the delta method where a parameter was fitted on another scale.
        """
        return self._series(self._se, "se")

    @property
    def fixef(self) -> pd.Series[float]:
        """The fixed effects in `params`."""
        return self.params.iloc[: self._n_fixed]

    @property
    def tvalues(self) -> pd.Series[float]:
        """Fixed effects over their standard errors; NaN for the other parameters, whose zero is no hypothesis."""
        return self._series(self._z, self._statistic)

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values of the fixed effects, by t with `df` degrees of freedom; NaN for the others."""
        return self._series(two_sided(self._z, self.df), "p")

    @cached_property
    def degrees(self) -> Reference:
        """What tests of fixed effects are referred to by default, with its degrees of freedom.

        Satterthwaite's method for Gaussian models with a random part; n - p for those without one that were fitted by
        REML; else the normal distribution.
        """
        return default_reference(self)

    @property
    def df(self) -> pd.Series[float]:
        """Degrees of freedom of the fixed effects; infinite where tests are normal, NaN for the other parameters."""
        df = np.full(self.parameters.dof, np.nan)
        df[: self._n_fixed] = self._df
        return self._series(df, "df")

    @cached_property
    def _df(self) -> NDArray[np.float64]:
        return self.degrees.each()

    @property
    def _statistic(self) -> str:
        return "z" if self.degrees.is_normal else "t"

    @property
    def df_resid(self) -> float:
        """Of a model without random part that was fitted by REML n - p, else infinite: see `df` for each effect."""
        has_random_part = bool(self.design.plan.re_terms)
        return float("inf") if has_random_part or self.method != "reml" else float(self.nobs - self._n_fixed)

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance of `params`.

        Returns
        -------
        DataFrame, (dof, dof)
            Natural scale, NaN for what is on its boundary. Of a Gaussian linear model fixed effects given the
            variances, variance parameters from the joint observed information, zero between the two; of other models
            all from the joint observed information.
        """
        import pandas as pd

        names = pd.Index(self.parameters.names)
        return pd.DataFrame(self.parameters.covariance, index=names, columns=names)

    def conf_int(
        self,
        level: float = 0.95,
        method: str = "wald",
        *,
        alpha: float | None = None,
        names: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return intervals of `params`.

        Parameters
        ----------
        level : float
            Coverage, between 0 and 1. A level below 0.5 is read as what is left out, as other packages have it:
            ``conf_int(0.05)`` is ``conf_int(0.95)``.
        method : {"wald", "profile", "bootstrap"}
            ``"wald"``: estimate plus and minus quantiles times the standard error: of fixed effects (by t), standard
            deviations and correlations on their natural scale, cut off at the ends of the range; of parameters without
            an equation (shapes, probabilities) on the scale where they are unbounded (log, logit), taken back.
            ``"profile"``: where the least deviance with the parameter held there is a quantile of chi-squared above the
            optimum; an end that it does not reach is that of the range. Under REML fixed effects have the profile of
            ML, since a restricted likelihood has no fixed effects. Interrupted (Ctrl-C), it keeps the parameters that
            are done; the others are NaN. ``"bootstrap"``: quantiles of 1000 replicates of the parametric bootstrap with
            seed 0; `bootstrap` takes others. Interrupted, it keeps the replicates that are done. A warning says so.
        alpha : float, optional
            1 - `level`, instead of it.
        names : list of str, optional
            Of which parameters; all by default. A profile takes some five fits with the parameter held for each.

        Returns
        -------
        DataFrame
            Columns `lower` and `upper`; of Wald intervals NaN for what is on its boundary.

        Raises
        ------
        FitError
            HM507 for another method, HM510 for a level outside (0, 1) or a name that is no parameter.
        """
        import pandas as pd

        intervals.require_method(method)
        share = intervals.coverage(level if alpha is None else 1.0 - alpha)
        chosen = intervals.chosen_names(self.parameters, names)
        if method == "profile":
            from hdsl.results.profiling import profile_bounds

            return pd.DataFrame(
                profile_bounds(self.parameters, share, chosen), index=pd.Index(chosen), columns=["lower", "upper"]
            )
        if method == "bootstrap":
            replicates = self._replicates
            if replicates.is_short:
                del self._replicates  # asked again, it starts again
            return replicates.conf_int(share).loc[list(chosen)]
        bounds = intervals.wald_bounds(self.parameters, share, self._df)
        return pd.DataFrame(bounds, index=pd.Index(self.parameters.names), columns=["lower", "upper"]).loc[list(chosen)]

    @cached_property
    def _replicates(self) -> Bootstrap:
        from hdsl.results.inference.bootstrap import bootstrap

        return bootstrap(self, 1000, seed=0)

    def profile(self, name: str, level: float = 0.99, n: int = 10) -> pd.DataFrame:
        """Return the profile of a parameter.

        Parameters
        ----------
        name : str
            As in `params`.
        level : float
            Coverage of the interval that it spans.
        n : int
            Values on each side of the estimate.

        Returns
        -------
        DataFrame
            `value` (natural scale), `zeta` (signed root of the deviance difference: a straight line where the
            log-likelihood is a parabola), `deviance`.

        Raises
        ------
        FitError
            HM510 for a level outside (0, 1) or a name that is no parameter.
        """
        from hdsl.results.profiling import profile_table

        (chosen,) = intervals.chosen_names(self.parameters, [name])
        return profile_table(self.parameters, chosen, intervals.coverage(level), n)

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

    def _estimates(self, *, se: bool) -> FormEstimates:
        """Return the estimates by name; a correlation that does not exist, beside a spread of zero, is zero."""
        from hdsl.form.estimates import Estimates as FormEstimates

        values = {str(name): float(value) for name, value in self.params.items()}
        return FormEstimates(
            values={name: 0.0 if np.isnan(value) else value for name, value in values.items()},
            errors={str(name): float(value) for name, value in self.bse.items()},
            show_errors=se,
        )

    # ---------------------------------------------------------------- inside

    @property
    def _n_fixed(self) -> int:
        return len(self.parameters.fixed)

    @property
    def _se(self) -> NDArray[np.float64]:
        return self.parameters.se

    @property
    def _z(self) -> NDArray[np.float64]:
        z = np.full(self.parameters.dof, np.nan)
        n = self._n_fixed
        z[:n] = self.parameters.values[:n] / self._se[:n]
        return z

    def _series(self, values: NDArray[np.float64], name: str) -> pd.Series[Any]:
        """Return `values` labelled by the first of the parameters' names."""
        import pandas as pd

        return pd.Series(values, index=pd.Index(self.parameters.names[: len(values)]), name=name)
