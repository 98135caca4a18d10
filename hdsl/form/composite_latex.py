"""The composite equations as LaTeX: what joins the predictors, then each of them."""

from __future__ import annotations

from hdsl.form.estimates import Estimates
from hdsl.form.expr import Expr, Ref
from hdsl.form.formula import formula_latex
from hdsl.form.latex import latex_symbol, predictor_latex
from hdsl.form.model import CompositeModel
from hdsl.form.text import is_plain_parameter, outcome_symbol

__all__ = ["composite_latex"]


def _joined(form: CompositeModel, argument: str, expr: Expr, estimates: Estimates) -> str:
    residual = form.residual.effect if form.residual is not None and argument == "mean" else None
    left = outcome_symbol(form) if residual is not None else argument
    error = f" + {latex_symbol(residual)}" if residual is not None else ""
    return f"{latex_symbol(left)} &= {formula_latex(expr, estimates)}{error}"


def composite_latex(form: CompositeModel, deviations: frozenset[str], estimates: Estimates | None = None) -> str:
    """Return the composite equations as an aligned display, implied interactions marked by an under-brace.

    Parameters
    ----------
    form : CompositeModel
    deviations : frozenset of str
        Effects that stand for their deviation from a mean of their own.
    estimates : Estimates, optional
        Numbers for parameters.

    Returns
    -------
    str
    """
    filled = estimates if estimates is not None else Estimates(values={})
    rows = [_joined(form, argument, expr, filled) for argument, expr in form.outcome.nonlinear]
    shown = [predictor for predictor in form.predictors if not is_plain_parameter(predictor)]
    rows += [predictor_latex(predictor, deviations, filled) for predictor in shown]
    if not rows:
        scalars = form.outcome.scalars
        rows += [f"{latex_symbol(a)} &= {formula_latex(Ref(name=n, index_set=()), filled)}" for a, n in scalars]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
