"""Measures of a fit: information criteria, shares of variance, how well outcomes are told.

Stage: results. Input: a fit. Output: numbers and frames; the work is done in `hdsl.results.measures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.results.face.rows import Rows

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.predicting import Include

__all__ = ["Measures"]


class Measures(Rows):
    """Measures of a fit; see `hdsl.results.FittedModel`."""

    @property
    def caic(self) -> float:
        """Conditional AIC of a Gaussian fit (Greven and Kneib 2010): of predictions for the groups of the data.

        ``-2 log f(y | beta, b, sigma) + 2 (rho + 1)``, rho the trace of ``d yhat / d y`` with the variances estimated.

        Raises
        ------
        FitError
            HM510 for an outcome that is not Gaussian.
        """
        from hdsl.results.measures import conditional_aic

        return conditional_aic(self)

    def icc(self) -> pd.DataFrame:
        """Return the variance of each level and what rows of the same group share.

        Returns
        -------
        DataFrame
            By `index_set`: `variance` (of the level's random part, averaged over the rows: with random slopes
            ``mean z'Sigma z``), `share` (of all that the fixed part leaves), `icc` (correlation of two rows of the same
            group: with the shares of the levels that the groups lie in). On the scale of the linear predictor; the
            rows of a binary outcome have the variance of its latent scale, pi^2/3 (logit) or 1 (probit).

        Raises
        ------
        FitError
            HM510 for a distribution or a link whose variance is not known on that scale.
        """
        from hdsl.results.measures import icc_table

        return icc_table(self)

    def r2(self) -> pd.Series[float]:
        """Return marginal and conditional R squared (Nakagawa and Schielzeth 2013; with random slopes Johnson 2014).

        Returns
        -------
        Series
            `marginal`: the variance of ``x'beta`` over the rows, as a share; `conditional`: with that of the random
            effects. Both on the scale of the linear predictor, the row's variance as in `icc`.

        Raises
        ------
        FitError
            HM510 for a distribution or a link whose variance is not known on that scale.
        """
        import pandas as pd

        from hdsl.results.measures import r_squared

        marginal, conditional = r_squared(self)
        return pd.Series({"marginal": marginal, "conditional": conditional}, name="r2")

    def percent_correct(self, include: Include = "all") -> float:
        """Return the percentage of outcomes that are the most probable one, of a binary or ordered outcome.

        Parameters
        ----------
        include : "all", None, or a list of str
            Random effects to include, as for `predict`.

        Raises
        ------
        FitError
            HM510 for another kind of outcome, and for an unknown index.
        """
        from hdsl.results.measures import share_correct

        return 100.0 * share_correct(self, include)

    def calibration(self, bins: int = 10, include: Include = "all") -> pd.DataFrame:
        """Return fitted and observed shares of a binary outcome, in bins of its fitted probability.

        Parameters
        ----------
        bins : int
            Each has about as many rows.
        include : "all", None, or a list of str
            Random effects to include, as for `predict`.

        Returns
        -------
        DataFrame
            A row for each bin: `rows`, `trials`, `lower`, `upper`, `fitted`, `observed`, `se`.

        Raises
        ------
        FitError
            HM510 for another kind of outcome, for an unknown index, and for fewer than one bin.
        """
        from hdsl.results.measures import calibration

        return calibration(self, bins, include)

    def probabilities(self, include: Include = "all") -> pd.DataFrame:
        """Return the probability of each category of a binary or ordered outcome.

        Parameters
        ----------
        include : "all", None, or a list of str
            Random effects to include, as for `predict`.

        Returns
        -------
        DataFrame, (n, number of categories)
            Rows in the order of the data used.

        Raises
        ------
        FitError
            HM510 for another kind of outcome, and for an unknown index.
        """
        from hdsl.results.measures import probability_table

        return probability_table(self, include)

    def measures(self) -> pd.DataFrame:
        """Return every measure that this fit has.

        Returns
        -------
        DataFrame
            `measure` (``"loglik"``, ``"aic"``, ``"bic"``, ``"caic"``, ``"r2_marginal"``, ``"r2_conditional"``,
            ``"icc"``, ``"percent_correct"``), `of` (an index set, ``"fixed part"``, or nothing), `value`.
        """
        from hdsl.results.measures.table import measure_table

        return measure_table(self)
