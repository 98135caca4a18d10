"""The composite equation as users hold it: text, LaTeX, and a frame of its terms."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from hdsl.form.composite_latex import composite_latex
from hdsl.form.estimates import Estimates
from hdsl.form.expr import show_index_set
from hdsl.form.model import CompositeModel
from hdsl.form.notation import DEFAULT, Textbook, check_notation
from hdsl.form.text import composite_text, deviations

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Composite"]


class Composite:
    """The single equation of each predictor, with all levels substituted.

    Parameters
    ----------
    form : CompositeModel
    """

    def __init__(self, form: CompositeModel) -> None:
        self.form = form

    @cached_property
    def terms(self) -> pd.DataFrame:
        """A row for each term.

        Columns: `predictor`; `part` (``fixed``, ``random``, ``residual``, ``offset``); `coefficient`; `covariates`
        (tuple of symbols); `level` (finest index set among the covariates, ``"j,k"``; of a term without covariates
        that of its coefficient); `order` (number of covariates); `implied`; `lines` (tuple of source lines); `scale`
        (a number that multiplies the term).
        """
        import pandas as pd

        rows = [
            {
                "predictor": predictor.name,
                "part": term.part,
                "coefficient": term.coefficient,
                "covariates": tuple(covariate.text for covariate in term.covariates),
                "level": show_index_set(term.level),
                "order": term.order,
                "implied": term.implied,
                "lines": term.lines,
                "scale": term.scale,
            }
            for predictor in self.form.predictors
            for term in predictor.terms
        ]
        columns = ["predictor", "part", "coefficient", "covariates", "level", "order", "implied", "lines", "scale"]
        frame = pd.DataFrame(rows, columns=columns)
        frame["coefficient"] = pd.Series([row["coefficient"] for row in rows], dtype=object)  # None stays None
        return frame

    def __str__(self) -> str:
        return composite_text(self.form)

    def __repr__(self) -> str:
        return f"<composite of {', '.join(p.name for p in self.form.predictors)}>"

    def latex(self, *, notation: str = DEFAULT, estimates: Estimates | None = None) -> str:
        """Return the equations as LaTeX (amsmath), implied interactions marked.

        Parameters
        ----------
        notation : {"gelman-hill", "raudenbush-bryk"}
            The model's own names with subscripts; or symbols by their places in the model, with what they stand for.
        estimates : Estimates, optional
            Numbers in the place of parameters.

        Returns
        -------
        str
            An ``aligned`` display.

        Raises
        ------
        FitError
            HM512 where the symbols by places cannot say the model: crossed sets, more than three levels.
        ValueError
            If there is no such notation.
        """
        check_notation(notation)
        if notation == DEFAULT:
            return composite_latex(self.form, deviations(self.form), estimates)
        return Textbook(self.form, estimates).composite()

    def symbols(self) -> dict[str, str]:
        """Return the textbook symbol of each parameter, effect and covariate, by the model's own name.

        Raises
        ------
        FitError
            HM512, as `latex`.
        """
        return Textbook(self.form).symbols

    def _repr_html_(self) -> str:
        from hdsl.form.shown import equations_html

        return equations_html({"": self.latex()})

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"
