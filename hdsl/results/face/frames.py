"""A fit as frames that are named as R's broom names them.

Stage: results. Input: a fit. Output: frames; the work is done in `hdsl.results.tidying`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.results.face.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["Frames"]


class Frames(Rows):
    """Frames of a fit; see `hdsl.results.FittedModel`."""

    def tidy(
        self, effects: Sequence[str] = ("fixed", "ran_pars"), *, conf_level: float = 0.95, conf_method: str = "wald"
    ) -> pd.DataFrame:
        """Return a row for each parameter, with the columns of R's broom.mixed.

        Parameters
        ----------
        effects : sequence of {"fixed", "ran_pars", "ran_vals"}
            Fixed effects (with thresholds and other parameters without an equation), standard deviations and
            correlations, the random effects of each group.
        conf_level : float
            Coverage of the intervals.
        conf_method : str
            As `method` of `conf_int`.

        Returns
        -------
        DataFrame
            `effect`, `group` (index set of a random part), `term`, `estimate`, ``std.error``, `statistic`, `df`,
            ``p.value``, ``conf.low``, ``conf.high``; for random effects `level`, too.

        Raises
        ------
        FitError
            HM510 for other effects, and as `conf_int`.
        """
        from hdsl.results.tidying import tidy

        return tidy(self, effects, conf_level, conf_method)

    def glance(self) -> pd.DataFrame:
        """Return one row about the fit, with the columns of R's broom.mixed.

        Returns
        -------
        DataFrame
            `nobs`, `sigma` (Gaussian), `logLik`, `AIC`, `BIC`, `REMLcrit` or `deviance`, ``df.residual``, `method`,
            `status`, `converged`.
        """
        from hdsl.results.tidying import glance

        return glance(self)

    def augment(self) -> pd.DataFrame:
        """Return the rows that were used with what the fit says of each, with the columns of R's broom.mixed.

        Returns
        -------
        DataFrame, (n, ..)
            Outcome, covariates and groups by the names of columns and levels, expressions by themselves; ``.fitted``
            (linear predictor), ``.fixed`` (with random effects at zero), ``.resid`` (outcome minus fitted mean, where
            there is one), ``.mu`` (that mean, of outcomes that are not Gaussian).
        """
        from hdsl.results.tidying import augment

        return augment(self)
