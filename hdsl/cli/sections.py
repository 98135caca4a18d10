"""Text of what a model says and of what the data have, in sections.

Input: a `Model`, a `Design`, a `FittedModel`. Output: text. Invariant: a section that a model cannot have says why,
where it was not asked for by name; asked for by name it is refused.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hdsl.cli.options import SECTIONS
from hdsl.diagnostics import FitError
from hdsl.form.notation import DEFAULT
from hdsl.form.text import deviations, interaction_name, term_text

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.model import Model
    from hdsl.results import FittedModel
    from hdsl.semantics.relation import Relation

__all__ = ["data_text", "levels_picture", "ranef_text", "section_text"]

TITLES = {
    "levels": "Levels",
    "equations": "Equations, level by level",
    "composite": "Composite equation",
    "interactions": "Implied interactions",
    "moments": "Implied moments",
    "parameters": "Parameters",
}

IN_COMPOSITE = "interactions"
"""The section that the composite's text already ends with."""


def section_text(
    model: Model, design: Design | None, asked: Sequence[str] | None, *, latex: bool, notation: str | None = None
) -> str:
    """Return the sections `asked` for, or all.

    Raises
    ------
    FitError
        HM501 where a section that was asked for by name cannot be had.
    """
    if asked:
        chosen = [name for name in SECTIONS if name in asked]
    else:
        chosen = [
            name for name in SECTIONS if name not in ((IN_COMPOSITE, "levels", "parameters") if latex else IN_COMPOSITE)
        ]
    makers = _latex_makers(notation or DEFAULT) if latex else _TEXT
    parts = []
    for name in chosen:
        try:
            text = makers.get(name, _TEXT[name])(model, design)
        except FitError as error:
            if asked:
                raise
            text = f"none: {error.message}"
        parts.append((name, text))
    if len(parts) == 1:
        return parts[0][1]
    heading = _comment if latex else _underlined
    return "\n\n".join(f"{heading(TITLES[name])}\n{text}" for name, text in parts)


def data_text(model: Model, design: Design) -> str:
    """Return what the data have: rows, units of each level, levels set to zero."""
    used = design.n_read - design.n_dropped
    lines = [f"rows: {used:,} used of {design.n_read:,} read"]
    lines.append(model.levels.to_text(design.group_counts, _observed(model, design)))
    lines += [f"set to zero: {symbol} at {', '.join(labels)}" for symbol, labels in design.zeroed.items() if labels]
    return "\n".join(lines)


def levels_picture(model: Model, design: Design | None, form: str) -> str:
    """Return the graph of levels as ``"mermaid"`` or ``"svg"``; with data, with counts and what they show."""
    counts = design.group_counts if design is not None else None
    relations = _observed(model, design) if design is not None else None
    draw = model.levels.to_mermaid if form == "mermaid" else model.levels.to_svg
    return draw(counts, relations)


def _observed(model: Model, design: Design) -> tuple[Relation, ...] | None:
    """Return what the data show of nested and crossed sets."""
    from hdsl.design.observed import relations_in

    return relations_in(model.levels, design.units) if design.units is not None else None


def ranef_text(fit: FittedModel, arguments: Namespace) -> str:
    """Return the random effects of every group with their standard errors."""
    parts = [
        f"\n{effect}: estimate and standard error by {', '.join(str(name) for name in table.index.names)}\n"
        + table.to_string(index_names=False, float_format="{:.4f}".format)
        for effect, table in fit.ranef.items()
    ]
    return "\n".join(parts)


def _underlined(title: str) -> str:
    return f"{title}\n{'-' * len(title)}"


def _comment(title: str) -> str:
    return f"% {title}"


def _levels(model: Model, design: Design | None) -> str:
    return str(model.levels) if design is None else data_text(model, design)


def _interactions(model: Model, _: Design | None) -> str:
    of_mean = deviations(model.composite.form)
    terms = [term for predictor in model.form.predictors for term in predictor.terms if term.implied]
    rows = [
        (term_text(term, of_mean, " * "), f"{interaction_name(term)}, from lines {', '.join(map(str, term.lines))}")
        for term in terms
    ]
    width = max((len(text) for text, _ in rows), default=0)
    return "\n".join(f"{text:<{width}}  {why}" for text, why in rows) or "none"


def _parameters(model: Model, _: Design | None) -> str:
    rows = [("name", "role", "range", "line")]
    rows += [(p.name, p.role, p.range, str(p.line)) for p in model.form.parameters]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


_Maker = Callable[["Model", "Design | None"], str]

_TEXT: dict[str, _Maker] = {
    "levels": _levels,
    "equations": lambda model, _: str(model.equations),
    "composite": lambda model, _: str(model.composite),
    "interactions": _interactions,
    "moments": lambda model, _: str(model.moments),
    "parameters": _parameters,
}
"""What makes each section's text."""


def _latex_makers(notation: str) -> dict[str, _Maker]:
    """Return what makes sections as LaTeX; the others stay text."""
    return {
        "equations": lambda model, _: model.equations.latex(notation=notation),
        "composite": lambda model, _: model.composite.latex(notation=notation),
        "moments": lambda model, _: model.moments.latex(),
    }
