"""Rows of a fit: fitted values, residuals, predictions.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: series and frames with a value for each row, in the order
of the data used, or of the new data.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from hdsl.results.face.estimates import Estimates
from hdsl.results.predicting.request import request

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import pandas as pd

    from hdsl.results.predicting import Include, JointCovariance, Predicted

__all__ = ["Rows"]


class Rows(Estimates):
    """Rows of a fit; see `hdsl.results.FittedModel`."""

    @property
    def fitted(self) -> pd.Series[float]:
        """Fitted values with all random effects at their modes, rows in the order of the data used; as `predict`."""
        found = self.predict()
        return found.rename("fitted") if found.ndim == 1 else found

    @property
    def residuals(self) -> pd.Series[float]:
        """Outcome minus `fitted`; of a binomial outcome its share minus the fitted probability."""
        return self.residuals_of("response").rename("residual")

    def residuals_of(self, kind: str) -> pd.Series[float]:
        """Return residuals of a kind, rows in the order of the data used.

        Parameters
        ----------
        kind : {"response", "pearson", "deviance"}
            Outcome minus fitted mean; that by the standard deviation of the outcome given the random effects; signed
            root of twice what the row's log density would gain if its mean were the outcome. Of a Gaussian outcome the
            last two are both residuals by sigma.

        Returns
        -------
        Series, (n,)

        Raises
        ------
        FitError
            HM510 for another kind, and for an outcome that has no such residual.
        """
        from hdsl.results.residuals import residuals_of

        return self._rows(residuals_of(self, kind), kind)

    def predict(
        self, new: Any = None, include: Include = "all", scale: str = "response", *, marginal: bool = False
    ) -> pd.Series[float]:
        """Return predictions for the rows that were fitted, or for new data.

        Parameters
        ----------
        new : frame, path, dict of columns, or dict of level tables, optional
            As for `Model.fit`; the outcome is not needed, nor a column of what is not included. None is the data of
            the fit. Labels are matched as text. An aggregate (``xbar[j] = mean(x[i])``) of a known group has the value
            of the fit, of a new group that of the new data.
        include : "all", None, or a list of str
            Random effects to include, at their conditional modes: all, none, or those whose indices are all named. In
            a group that the fit did not have they are at zero.
        scale : {"response", "link"}
            The mean of the outcome, or the linear predictor; for ``log(y[i]) ~ ..`` both are of log y.
        marginal : bool
            Integrate over the effects that are not included and over those of new groups, instead of putting them at
            zero; for a linear predictor with identity link the two are equal.

        Returns
        -------
        Series, (n,)
            Rows of the data used, or of `new`, NaN where a value is missing. Of a binomial outcome the response is the
            probability, of a truncated or censored one the mean before anything is cut off. Of an ordered outcome it
            is a DataFrame with the probability of each category. ``.attrs["groups"]`` says for each index set what was
            done, ``.attrs["about"]`` the same as a text to print.

        Raises
        ------
        FitError
            HM510 for an unknown index or scale.
        DataError
            HM401 for a column that is missing in `new`, HM422 for a label of an unmodelled set that the fit did not
            have, other HM4xx for what cannot be read.
        """
        if self._is_of_categories(scale):
            return self._shares(new, include, marginal=marginal)  # type: ignore[no-any-return]
        found = self._predicted(new, include, scale, marginal=marginal)
        series = self._series_of(found, "prediction")
        series.attrs = found.attrs
        return series

    def predictions(  # noqa: PLR0913 - one argument for each thing that can be asked for
        self,
        new: Any = None,
        include: Include = "all",
        scale: str = "response",
        *,
        marginal: bool = False,
        level: float = 0.95,
        interval: Literal["confidence", "prediction"] = "confidence",
        n: int = 4000,
        seed: int | None = 0,
    ) -> pd.DataFrame:
        """Return predictions with standard errors and intervals.

        Parameters
        ----------
        new, include, scale, marginal
            As `predict`.
        level : float
            Coverage, between 0 and 1.
        interval : {"confidence", "prediction"}
            Of the mean, or of a new observation: with the variance of the residual, and of what is integrated over.
            Of an outcome that is not Gaussian, or has an equation for its spread, that is quantiles of draws, and `new`
            needs all data that it takes: the sizes of a binomial outcome, whose interval is of its share.
        n : int
            Draws for each row.
        seed : int, optional
            Of the draws; None takes another one each time.

        Returns
        -------
        DataFrame
            Columns `estimate`, `se`, `lower`, `upper`, and attributes as `predict`. The standard error has the
            uncertainty of the fixed effects and of the random effects that are included, jointly, given the
            variances; of a group that the fit did not have, the variance of its effects. On the response scale it is
            that of the predictor by the delta method, and the bounds are those of the predictor, carried over.
            With ``include=None`` estimates, and new observations of a Gaussian outcome, have degrees of freedom by the
            method of the fit's tests, else quantiles are normal.
            An ordered outcome has a row for each category within each row of data: a second level of the index.

        Raises
        ------
        FitError
            HM510 for an unknown index, scale or level, and for an interval of a new observation on the link scale, or
            of an ordered outcome.
        DataError
            As `predict`.
        """
        from hdsl.results.predicting.intervals import bounds, refuse_observation, require_kind
        from hdsl.results.predicting.observations import Draws

        require_kind(interval)
        of_observation = interval == "prediction"
        of_categories = self._is_of_categories(scale)
        if of_observation and (of_categories or (scale == "link" and self.design.plan.density is not None)):
            raise refuse_observation()
        if of_categories:
            return self._share_table(new, include, level, marginal=marginal)
        found = self._predicted(
            new, include, scale, marginal=marginal, of_observation=of_observation, joint=lambda: self.joint_covariance
        )
        frame = self._series_of(found, "estimate").to_frame()
        frame["se"] = found.se
        frame["lower"], frame["upper"] = bounds(self, found, level, interval, Draws(n=n, seed=seed))
        frame.attrs = found.attrs
        return frame

    def simulate(self, n: int = 1, seed: int | None = None, include: Include = None) -> pd.DataFrame:
        """Draw outcomes from the fit, for the rows that were fitted.

        Parameters
        ----------
        n : int
            How many.
        seed : int, optional
            Equal seeds give equal draws; the first ones are the same however many there are.
        include : "all", None, or a list of str
            Random effects that stay at their conditional modes; all others are drawn anew, one for each group.

        Returns
        -------
        DataFrame, (rows, n)
            Rows in the order of the data used, on the scale of the outcome's column; parameters are the estimates.

        Raises
        ------
        FitError
            HM510 for an unknown index.
        """
        from hdsl.results.simulation import simulate

        return simulate(self.design, self.outcome, n, seed, include)

    def _predicted(
        self,
        new: Any,
        include: Include,
        scale: str,
        *,
        marginal: bool,
        of_observation: bool = False,
        joint: Callable[[], JointCovariance] | None = None,
    ) -> Predicted:
        from hdsl.results.predicting import predict

        asked = request(self.design, include, scale, marginal=marginal, of_observation=of_observation)
        return predict(self.design, self.outcome, new, asked, joint)

    def _is_of_categories(self, scale: str) -> bool:
        from hdsl.results.predicting import is_ordered

        return scale == "response" and is_ordered(self.design)

    def _shares(self, new: Any, include: Include, *, marginal: bool) -> Any:
        import pandas as pd

        from hdsl.results.predicting import predict_categories

        asked = request(self.design, include, "response", marginal=marginal)
        found, shares, _ = predict_categories(self.design, self.outcome, new, asked)
        columns = pd.Index(self.design.coding.categories, name=self.design.form.outcome.name)
        frame = pd.DataFrame(shares, index=found.rows.row_labels, columns=columns)
        frame.attrs = found.attrs
        return frame

    def _share_table(self, new: Any, include: Include, level: float, *, marginal: bool) -> pd.DataFrame:
        """Return the probability of each category of each row, with standard errors and intervals."""
        import pandas as pd

        from hdsl.results.intervals import coverage
        from hdsl.results.predicting import predict_categories
        from hdsl.results.predicting.intervals import two_sided_quantile, within

        share = coverage(level)
        asked = request(self.design, include, "response", marginal=marginal)
        found, estimate, se = predict_categories(self.design, self.outcome, new, asked, lambda: self.joint_covariance)
        assert se is not None
        lower, upper = within(estimate, two_sided_quantile(share, np.array([np.inf])) * se, "unit")
        columns = {"estimate": estimate, "se": se, "lower": lower, "upper": upper}
        categories = pd.Index(self.design.coding.categories, name=self.design.form.outcome.name)
        index = pd.MultiIndex.from_product([found.rows.row_labels, categories])
        frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)
        frame.attrs = found.attrs
        return frame

    @cached_property
    def joint_covariance(self) -> JointCovariance:
        """Joint covariance of fixed and random effects, what standard errors of predictions are made of."""
        from hdsl.results.predicting import joint_covariance

        return joint_covariance(self.design, self.outcome)

    def _series_of(self, found: Predicted, name: str) -> pd.Series[Any]:
        import pandas as pd

        return pd.Series(found.estimate, index=found.rows.row_labels, name=name)
