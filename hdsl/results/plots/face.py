"""The plots of a fit, a method each: ``fit.plot.caterpillar()``.

Stage: results. Input: a fit. Output: a `Picture`. Invariants: every method can be called without arguments; frames are
made without matplotlib; the work is done in the modules beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hdsl.results.intervals import coverage
from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.table import PLOTS

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.fitted import FittedModel
    from hdsl.results.plots.picture import Picture
    from hdsl.results.predicting import Include

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

    def draw(self, name: str, **options: Any) -> Picture:
        """Draw a plot by its name; `options` are those of the method of that name.

        Raises
        ------
        FitError
            HM517 for a name or an option that is not there, and for a plot that this fit does not have.
        """
        plot = PLOTS.get(name)
        if plot is None:
            known = ", ".join(PLOTS)
            raise refusal(f"there is no plot {name!r}: write one of {known}", f"plots are {known}")
        unknown = [option for option in options if option not in plot.options]
        if unknown:
            known = ", ".join(plot.options) or "none"
            raise refusal(f"`{name}` has no option {unknown[0]!r}: it has {known}", f"options are {known}")
        made: Picture = getattr(self, name)(**options)
        return made

    def levels(self) -> Picture:
        """Draw the index sets of the model, finer ones below, with their units and what lives there.

        Returns
        -------
        Picture
            `data`: `index_set`, `columns`, `units`, and the sets that it lies `in`.
        """
        from hdsl.results.plots.levels import levels

        return levels(self._fit)

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

    def shrinkage(self, index: str | None = None) -> Picture:
        """Draw how far the groups' own estimates are drawn to what the model says of their mean.

        Parameters
        ----------
        index : str, optional
            The index set of the groups, ``"j"``; by default that with most groups.

        Returns
        -------
        Picture
            `data`: `coefficient`, `group`, `rows`, `mean`, `own`, `own_se`, `estimate`, `weight`; see
            `FittedModel.spectrum`.

        Raises
        ------
        FitError
            HM517 for an index that no coefficient varies over.
        """
        from hdsl.results.plots.shrinkage import shrinkage

        self._require("shrinkage")
        return shrinkage(self._fit, index)

    def modes_qq(self, effect: str | Sequence[str] | None = None, *, level: float = 0.95) -> Picture:
        """Draw the conditional modes of the groups against normal quantiles.

        Parameters
        ----------
        effect, level
            As in `caterpillar`.

        Returns
        -------
        Picture
            `data`: `effect`, `group`, `estimate`, `se`, `quantile` (of the standard normal), `standardised` (mode by
            the effect's standard deviation), `lower`, `upper`.

        Raises
        ------
        FitError
            HM517 for an effect that is not there; HM510 for a level outside (0, 1).
        """
        from hdsl.results.plots.normal import modes_qq

        self._require("modes_qq")
        return modes_qq(self._fit, effect, level)

    def profile(self, names: str | Sequence[str] | None = None, *, level: float = 0.99) -> Picture:
        """Draw the profile of the likelihood for each of some parameters; every point is a refit.

        Parameters
        ----------
        names : str or sequence of str, optional
            By default standard deviations and correlations; of a model with one of them alone, all parameters.
        level : float
            How far profiles reach: to the ends of intervals of this coverage.

        Returns
        -------
        Picture
            `data`: `parameter`, and as `FittedModel.profile` `value`, `zeta` and `deviance`.

        Raises
        ------
        FitError
            HM510 for an unknown parameter and a level outside (0, 1); HM517 where nothing could be computed.
        """
        from hdsl.results.plots.profile import profile

        return profile(self._fit, names, level)

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

    def lines(
        self,
        covariate: str | None = None,
        index: str | None = None,
        *,
        vary: str | None = None,
        scale: str | None = None,
    ) -> Picture:
        """Draw the regression line of each group over a covariate.

        Parameters
        ----------
        covariate : str, optional
            One that varies within the groups; by default one with a slope that varies, else the first.
        index : str, optional
            The index set of the groups, ``"j"``; by default one with slopes that vary, else that with most groups.
        vary : {"intercepts", "slopes", "both"}, optional
            Which effects are at their modes, others being at zero; by default a panel for each that the model has.
        scale : {"response", "link"}, optional
            The mean of the outcome (default), or the linear predictor (default for an ordered outcome).

        Returns
        -------
        Picture
            `data`: `panel`, `part` (``"group"``, or ``"mean"`` with random effects at zero), `group`, the covariate by
            its name, `estimate`. The effects are those of the groups and of coarser ones that they lie in.

        Raises
        ------
        FitError
            HM517 for a covariate that does not vary within the groups, and for what is not in the model.
        """
        from hdsl.results.plots.lines import lines

        self._require("lines")
        return lines(self._fit, covariate, index, vary, scale)

    def effects(
        self,
        covariate: str | None = None,
        by: str | Sequence[str] | None = None,
        *,
        at: Mapping[str, Sequence[Any]] | None = None,
        scale: str = "response",
        level: float = 0.95,
    ) -> Picture:
        """Draw the predicted mean over a covariate, with its band, at values of what it interacts with.

        Parameters
        ----------
        covariate : str, optional
            A covariate of the fixed part, ``"Age"``, ``"(x[i] - 3)"``, or the index of an unmodelled set; by default
            the first covariate of the rows with more than two values.
        by : str or sequence of str, optional
            One or two variables at whose values there are curves: the first by colour, the second by panel. By default
            those that the covariate interacts with.
        at : mapping, optional
            Values of other variables, ``{"Female": [0, 1]}``: of those in `by` each has a curve; of others the first
            one holds. By default every level and every one of few values, else quantiles 0.1, 0.5 and 0.9.
        scale : {"response", "link"}
            The mean of the outcome, or the linear predictor.
        level : float
            Coverage of the band.

        Returns
        -------
        Picture
            `data`: the covariate and the variables in `by`, by their names, `estimate`, `se`, `lower`, `upper`; of an
            ordered outcome a row for each `category`. Random effects are at zero; covariates that are not drawn are at
            their means, sets at their most frequent levels.

        Raises
        ------
        FitError
            HM517 for a covariate or a level that is not there; HM510 for another scale or level.
        """
        from hdsl.results.plots.effects import effects

        self._require("effects")
        return effects(self._fit, covariate, by, at or {}, scale, level)

    def proportions(
        self, covariate: str | None = None, by: str | None = None, *, bins: int | None = None, level: float = 0.95
    ) -> Picture:
        """Draw the share of ones of a binary outcome at each value of a covariate, by group, with the fitted share.

        Parameters
        ----------
        covariate : str, optional
            A covariate of the fixed part or the index of an unmodelled set; by default as in `effects`.
        by : str, optional
            Another one, or the index of the groups (``"election"``), for each of whose values there is a series; of
            more than seven each has a panel.
        bins : int, optional
            Bins with about as many rows each; by default each value, where there are rows enough for that, else 20.
        level : float
            Coverage of the intervals of the shares.

        Returns
        -------
        Picture
            `data`: `by` and the covariate by their names, `rows`, `successes`, `trials`, `fitted` (mean fitted
            probability of the same rows), `share`, `lower` and `upper` (Wilson's interval).

        Raises
        ------
        FitError
            HM517 for an outcome that is not binary, for a covariate that is not there, and for more than 40 series.
        """
        from hdsl.results.plots.proportions import proportions

        self._require("proportions")
        return proportions(self._fit, covariate, by, bins, coverage(level))

    def ranked(self, bins: int = 20, order: Include = "all") -> Picture:
        """Draw fitted probabilities in rank order against the outcome's share in bins of that order.

        Parameters
        ----------
        bins : int
            Each has about as many rows.
        order : "all", None, or a list of str
            Random effects included in the prediction that gives the order, as for `FittedModel.predict`.

        Returns
        -------
        Picture
            `data`: `bin`, `rank`, `rows`, `trials`, `observed`, and mean fitted probabilities of the `whole` model and
            of the `fixed` part. `facts` has the `variance` of the bins' shares, what of it is `left_by_fixed` and
            `left_by_whole`, and `described_by_fixed` and `described_by_whole`, as shares.

        Raises
        ------
        FitError
            HM517 for an outcome that is not binary and for fewer than two bins; HM510 for an unknown index.
        """
        from hdsl.results.plots.ranked import ranked

        self._require("ranked")
        return ranked(self._fit, bins, order)

    def _require(self, name: str) -> None:
        """Refuse a plot that this fit does not have."""
        why = PLOTS[name].why_not(self._fit)
        if why:
            raise refusal(f"there is no `{name}` plot of this fit: {why}", f"it has {', '.join(self.available())}")
