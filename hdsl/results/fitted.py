"""The fitted model: every result by its public name.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: a `FittedModel`. Invariants: making one costs nothing,
each result is computed when it is first asked for; tables are new pandas objects labelled by the user's names.

The parts stand in `hdsl.results.face`, one module each; their methods are thin, what they do is in the modules beside.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from hdsl.results.face.frames import Frames
from hdsl.results.face.groups import Groups
from hdsl.results.face.inference import Inference
from hdsl.results.face.measures import Measures
from hdsl.results.face.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hdsl.results.inference.degrees import DfMethod
    from hdsl.results.plots import Plots
    from hdsl.results.spectrum import Spectrum
    from hdsl.results.summary import Summary

__all__ = ["FittedModel"]


class FittedModel(Frames, Protocol, Measures, Inference, Groups):
    """A multilevel model fitted to data.

    Parameters
    ----------
    design : Design
        The model bound to its data.
    outcome : FitOutcome
        The optimum.
    remarks : tuple of Diagnostic
        Warnings and notes of the model text.
    end : callable, optional
        Fits the model ``"pooled"`` or ``"unpooled"`` to the same data, for `spectrum`; a fit that was loaded has none.

    Notes
    -----
    Every value is on the scale of the outcome that is modelled: of ``log(y[i]) ~ ..`` that is log y.
    """

    def summary(self) -> Summary:
        """Return the whole fit as a printable report."""
        from hdsl.results.summary import summarise

        return summarise(self)

    @cached_property
    def plot(self) -> Plots:
        """Pictures of the fit, each with its frame: ``fit.plot.caterpillar().save("modes.png")``."""
        from hdsl.results.plots import Plots

        return Plots(self)

    def spectrum(self, index: str | None = None, *, unpooled: bool | None = None) -> Spectrum:
        """Fit the fully pooled and the fully unpooled model, too, and show what lies between them in each group.

        Parameters
        ----------
        index : str, optional
            The index set of the groups, ``"j"``, ``"j,k"``; by default that with most groups.
        unpooled : bool, optional
            Whether to fit the unpooled model, which has coefficients for every group; by default unless it is large.

        Returns
        -------
        Spectrum
            `measures` and `coefficients` of the fits side by side, the `shrinkage` of each group: `pooled`, `own`,
            `estimate` and `weight`; `plot`; prints.

        Raises
        ------
        FitError
            HM517 for an index that no coefficient varies over.
        """
        from hdsl.results.spectrum import spectrum

        return spectrum(self, index, unpooled=unpooled)

    def save(self, path: str | Path) -> None:
        """Write the fit to a file, by convention ``.hmfit``; `hdsl.load` reads it.

        Parameters
        ----------
        path : str or Path
            It is replaced as a whole or not at all.

        Notes
        -----
        A zip archive with JSON and NumPy arrays. It holds the model text, the estimates with their covariances, and
        the columns of the rows that were used, so that a fit that was loaded answers whatever this one does.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        from hdsl.results.keeping import save

        save(self, path)

    def report(  # noqa: PLR0913 - one argument for each thing that can be asked for
        self,
        path: str | Path,
        *,
        title: str = "",
        tests: Sequence[str] = (),
        df: DfMethod | None = None,
        intervals: str = "wald",
        plots: bool = True,
        date: str = "",
    ) -> None:
        """Write the fit as one page of HTML that needs no network: for a reader, a reviewer, or print.

        Parameters
        ----------
        path : str or Path
            By convention it ends in ``.html``; it is replaced as a whole or not at all.
        title : str
            Heading of the page; by default that of the summary.
        tests : sequence of str
            Hypotheses, as of `test`, each tested by itself.
        df : str, optional
            Degrees of freedom of the tests, as of `test`.
        intervals : {"wald", "profile", "bootstrap"}
            As `method` of `conf_int`.
        plots : bool
            Whether to draw pictures, which needs matplotlib: ``pip install 'hdsl[plots]'``.
        date : str
            Printed as it is. Without it the page holds no time, and equal fits have equal pages.

        Raises
        ------
        FitError
            HM507 and HM510 for intervals, degrees of freedom and hypotheses that cannot be had.
        OSError
            If the file cannot be written.
        """
        from hdsl.results.page import Request, write_page

        request = Request(title=title, tests=tuple(tests), df=df, intervals=intervals, with_plots=plots, date=date)
        write_page(self, path, request)

    def __repr__(self) -> str:
        return f"<{self.method.upper()} fit of {self.design.form.source.name}: {self.status}, loglik {self.loglik:.3f}>"

    def __str__(self) -> str:
        return str(self.summary())

    def __rich__(self) -> Summary:
        return self.summary()

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
