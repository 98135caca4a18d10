"""Rows of a fit: fitted values, residuals, predictions.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: series with a value for each row, in the order of the data
used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.results import prediction
from hdsl.results.face.core import Core

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.prediction import Include

__all__ = ["Rows"]


class Rows(Core):
    """Rows of a fit; see `hdsl.results.FittedModel`."""

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
