"""What the model says, on the page: its levels as a picture and its equations as mathematics.

Stage: results. Input: a fit. Output: elements. Invariant: symbols and numbers are those of `equations_latex` and
`composite_latex`, in MathML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hdsl.form.notation import NOTATIONS
from hdsl.form.text import deviations, interaction_name, term_text
from hdsl.form.view import Composite
from hdsl.markup import Child, element, parsed
from hdsl.results.page.data import observed
from hdsl.results.page.parts import boxed, display, folded, or_why_not, paragraph, table
from hdsl.results.page.request import Request
from hdsl.results.summary import LEVELS
from hdsl.semantics.equations import read_equations

if TYPE_CHECKING:
    from hdsl.results.fitted import FittedModel

__all__ = ["equations_body", "levels_body"]

SYMBOLS = NOTATIONS[1]
"""The notation of symbols by their places."""


def levels_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield the graph of levels, and the same as a table."""
    design = fit.design
    picture = parsed(read_equations(design.form).levels.to_svg(design.group_counts, observed(design)))
    yield element("figure", boxed(picture, "the graph of levels"), class_="levels")
    for cells in fit.summary().report.tables:
        if cells.title == LEVELS:
            yield table(replace(cells, title="Index sets and their units"))


def equations_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield level equations and composite, with symbols and with estimates, and the other notation."""
    equations, composite = read_equations(fit.design.form), Composite(fit.design.form)
    yield element("h3", "Level by level")
    yield display(equations.latex(), "the equations, level by level")
    yield element("h3", "One equation")
    yield display(composite.latex(), "the composite equation")
    yield _implied(fit)
    yield element("h3", "With the estimates")
    what = "estimates, standard errors under them"
    if not fit.converged:
        yield paragraph("These numbers are where the search stopped, not estimates.", class_="alarm")
    yield paragraph(f"The composite equation with {what}.")
    yield display(fit.composite_latex(), f"the composite equation with {what}")
    yield folded(
        "Level equations with the estimates", display(fit.equations_latex(), f"the level equations with {what}")
    )
    yield folded(
        "In symbols by their place, as in Raudenbush and Bryk",
        or_why_not(
            lambda: [
                display(equations.latex(notation=SYMBOLS), "the level equations in textbook symbols"),
                display(composite.latex(notation=SYMBOLS), "the composite equation in textbook symbols"),
            ],
            "Not for this model",
        ),
    )


def _implied(fit: FittedModel) -> Child:
    """Return the products that no statement wrote."""
    form = fit.design.form
    of_mean = deviations(form)
    implied = [term for predictor in form.predictors for term in predictor.terms if term.implied]
    if not implied:
        return paragraph("No product in it is implied: every product of covariates stands in a statement.")
    items = [
        element(
            "li",
            element("code", term_text(term, of_mean, " * ")),
            f": {interaction_name(term)}, from lines {', '.join(map(str, term.lines))}",
        )
        for term in implied
    ]
    return [paragraph("Products that no statement wrote, but that follow from them:"), element("ul", items)]
