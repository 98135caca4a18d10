"""The plots of a fit, a method each: ``fit.plot.caterpillar()``.

Stage: results. Input: a fit. Output: a `Picture`. Invariants: every method can be called without arguments; frames are
made without matplotlib; the work is done in the modules beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.table import PLOTS

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.fitted import FittedModel
    from hdsl.results.plots.picture import Picture

__all__ = ["Plots"]


class Plots:
    """Pictures of a fit, each with its frame.

    Every method returns a `Picture`: `.data` is the frame, `.figure` the matplotlib figure, `.save(path)` writes PNG,
    SVG, PDF or CSV. Only `.figure` and what is drawn need matplotlib: ``pip install 'hdsl[plots]'``.

    Parameters
    ----------
    fit : FittedModel
    """

    def __init__(self, fit: FittedModel) -> None:
        self._fit = fit

    def available(self) -> tuple[str, ...]:
        """Return the names of the plots that this fit has."""
        return tuple(name for name, plot in PLOTS.items() if not plot.why_not(self._fit))

    def catalogue(self) -> pd.DataFrame:
        """Return every plot by name: what it `shows`, whether it is `available`, and if not `why_not`."""
        import pandas as pd

        rows = [(name, plot.shows, plot.why_not(self._fit)) for name, plot in PLOTS.items()]
        table = pd.DataFrame(rows, columns=["plot", "shows", "why_not"]).set_index("plot")
        table.insert(1, "available", table["why_not"] == "")
        return table

    def __repr__(self) -> str:
        return f"<plots: {', '.join(self.available())}>"

    def caterpillar(self, effect: str | Sequence[str] | None = None, *, level: float = 0.95) -> Picture:
        """Draw the conditional modes of the groups with their intervals, in the order of the modes.

        Parameters
        ----------
        effect : str or sequence of str, optional
            ``"u0[j]"``, or an index set, ``"j"``, for all of its effects; by default those of the set with most groups.
        level : float
            Coverage of the intervals, which are given the parameters.

        Returns
        -------
        Picture
            `data`: `effect`, `group`, `estimate`, `se`, `rank`, `lower`, `upper`, `has_zero`.

        Raises
        ------
        FitError
            HM517 for an effect that is not there; HM510 for a level outside (0, 1).
        """
        from hdsl.results.plots.caterpillar import caterpillar

        self._require("caterpillar")
        return caterpillar(self._fit, effect, level)

    def residuals(self, n: int = 250, seed: int = 0) -> Picture:
        """Draw simulated-quantile residuals of the rows and of each level's groups.

        Parameters
        ----------
        n : int
            Outcomes drawn for each row.
        seed : int
            Equal seeds give equal pictures.

        Returns
        -------
        Picture
            `data`: `level`, `unit`, `residual` (uniform where the model is right), `expected`, `predicted`, `observed`;
            ``facts["uniformity"]`` has for each level the distance from the uniform distribution and its p-value.

        Raises
        ------
        FitError
            HM517 for no draws.
        """
        from hdsl.results.plots.residuals import residuals

        return residuals(self._fit, n, seed)

    def _require(self, name: str) -> None:
        """Refuse a plot that this fit does not have."""
        why = PLOTS[name].why_not(self._fit)
        if why:
            raise refusal(f"there is no `{name}` plot of this fit: {why}", f"there are {', '.join(self.available())}")
