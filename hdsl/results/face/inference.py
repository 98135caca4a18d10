"""Tests of a fit: tables by a chosen reference distribution, hypotheses, contrasts, terms.

Stage: results. Input: a fit. Output: frames and records; the work is done in `hdsl.results.inference`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.results.face.estimates import Estimates
from hdsl.results.inference.degrees import Reference, reference
from hdsl.results.intervals import coverage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from hdsl.results.inference.bootstrap import Bootstrap
    from hdsl.results.inference.degrees import DfMethod
    from hdsl.results.inference.robust import Robust, RobustKind
    from hdsl.results.inference.wald import WaldTest

__all__ = ["Inference"]


class Inference(Estimates):
    """Tests of a fit; see `hdsl.results.FittedModel`."""

    def inference(self, df: DfMethod | None = None, level: float = 0.95) -> pd.DataFrame:
        """Return a table of the fixed effects, by a chosen method for degrees of freedom.

        Parameters
        ----------
        df : {"satterthwaite", "kenward-roger", "residual", "normal"}, optional
            ``None`` is that of the summary (`degrees`). ``"kenward-roger"`` is for REML fits and also adjusts standard
            errors; ``"residual"`` is n - p.
        level : float
            Coverage of the intervals.

        Returns
        -------
        DataFrame
            A row for each fixed effect: `estimate`, `se`, `df`, `t` (`z` for the normal distribution), `p`, `lower`,
            `upper`.

        Raises
        ------
        FitError
            HM510 for a method that is not there or not for this fit, and for a level outside (0, 1).
        """
        from hdsl.results.inference.wald import coefficient_table

        return coefficient_table(self, self._referred(df), coverage(level))

    def test(self, hypotheses: str | Sequence[str], df: DfMethod | None = None) -> WaldTest:
        """Test linear hypotheses of the fixed effects together.

        Parameters
        ----------
        hypotheses : str or sequence of str
            In coefficient names: ``"b1 = b2"``, ``"b1 - 2*b2 = 0.5"``, ``"b1"`` (is zero); the name of an unmodelled
            set, ``"b_income"``, stands for all of its coefficients being zero.
        df : str, optional
            As in `inference`.

        Returns
        -------
        WaldTest
            F, or chi-squared where tests are normal, with degrees of freedom and p-value; prints.

        Raises
        ------
        FitError
            HM510 for text that is no linear hypothesis, and for hypotheses that contradict one another.
        """
        from hdsl.results.inference.wald import wald_test

        return wald_test(self, self._referred(df), hypotheses)

    def contrast(
        self,
        expressions: str | Sequence[str] | Mapping[str, str],
        df: DfMethod | None = None,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Estimate linear combinations of the fixed effects.

        Parameters
        ----------
        expressions : str, sequence of str, or mapping
            ``"b0 + 3*b1"``; a mapping gives each a name.
        df, level
            As in `inference`.

        Returns
        -------
        DataFrame
            A row for each, with the columns of `inference`.

        Raises
        ------
        FitError
            HM510.
        """
        from hdsl.results.inference.wald import contrasts

        return contrasts(self, self._referred(df), expressions, coverage(level))

    def anova(self, df: DfMethod | None = None) -> pd.DataFrame:
        """Test each term of the fixed part, given all others.

        Parameters
        ----------
        df : str, optional
            As in `inference`.

        Returns
        -------
        DataFrame
            A row for each coefficient and each unmodelled set, but the intercept: `F` (or `chi2`), `df`,
            `df_denominator`, `p`. Terms are those of the composite equation, so what the test of a lower-order term
            means depends on where the covariates that multiply it are zero.
        """
        from hdsl.results.inference.wald import anova

        return anova(self, self._referred(df))

    def robust(self, clusters: str | Sequence[object], kind: RobustKind = "CR2") -> Robust:
        """Return cluster-robust standard errors of the fixed effects.

        Parameters
        ----------
        clusters : str or sequence
            A level, by the name of its index or its column (``"school"``), that contains all groups of the model; or
            a label for each row used.
        kind : {"CR2", "CR1", "CR0"}
            CR2 corrects the bias of few clusters, for Gaussian outcomes; CR1 is CR0 times J / (J - 1).

        Returns
        -------
        Robust
            `table` with Satterthwaite degrees of freedom of the clusters, `cov_params`, `contrast`, `test`; prints.

        Raises
        ------
        FitError
            HM510 for clusters that share groups of a random effect, unknown levels, and CR2 of other outcomes.
        """
        from hdsl.results.inference.robust import robust

        return robust(self, clusters, kind)

    def bootstrap(self, n: int = 1000, seed: int | None = None) -> Bootstrap:
        """Draw outcomes from the fit and fit the model to each: the parametric bootstrap.

        Parameters
        ----------
        n : int
            Replicates.
        seed : int, optional
            Equal seeds give equal records; the record has the one that was taken.

        Returns
        -------
        Bootstrap
            `estimates`, `conf_int`, `bse`, `bias`, and `failures`: replicates that gave no estimate, with the reason.

        Raises
        ------
        FitError
            HM510 for fewer than two replicates.
        """
        from hdsl.results.inference.bootstrap import bootstrap

        return bootstrap(self, n, seed)

    def _referred(self, method: str | None) -> Reference:
        return self.degrees if method is None else reference(self, method)
