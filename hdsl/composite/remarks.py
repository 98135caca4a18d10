"""What is no mistake but is easily overlooked, found on the composite without data: notes HM306, HM307, HM308.

A product without the terms that it is made of, effects of one index set that are written apart and therefore
uncorrelated, and a parameter that several statements share.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from hdsl.diagnostics import Diagnostics, Label
from hdsl.form.expr import IndexSet, show_index_set
from hdsl.form.model import CompositeModel, Covariate, Predictor, Term
from hdsl.form.text import term_text
from hdsl.semantics.levels import Levels
from hdsl.semantics.record import ResolvedModel, Role

__all__ = ["remark"]


def remark(form: CompositeModel, model: ResolvedModel, found: Diagnostics) -> None:
    """Add a note for each thing that a reader of the model may overlook."""
    for predictor in form.predictors:
        _note_products(predictor, model.levels, found)
    _note_apart(form, found)
    _note_shared(model, found)


def _note_products(predictor: Predictor, levels: Levels, found: Diagnostics) -> None:
    fixed = [term for term in predictor.terms if term.part == "fixed"]
    offsets = [term for term in predictor.terms if term.part == "offset"]
    for term in fixed:
        missing = [texts for texts in _lower(term) if not _is_covered(texts, fixed + offsets, levels)]
        if missing:
            shown = " and ".join("`" + "*".join(c.text for c in covariates) + "`" for covariates in missing)
            verb = "has" if len(missing) == 1 else "have"
            found.note(
                "HM306",
                f"`{term_text(term)}` is a product, but {shown} alone {verb} no effect",
                term.spans[-1] if term.spans else None,
                help="without the lower-order terms its coefficient depends on where the covariates have their zero",
            )


def _lower(term: Term) -> Iterator[tuple[Covariate, ...]]:
    """Yield the covariates of each lower-order term of a product; powers of one covariate count as one."""
    distinct = list({c.text: c for c in term.covariates}.values())
    for size in range(1, len(distinct)):
        yield from combinations(distinct, size)


def _is_covered(covariates: tuple[Covariate, ...], terms: list[Term], levels: Levels) -> bool:
    """Whether some term has exactly these covariates, or a set whose levels span those that it lacks."""
    wanted = {c.text for c in covariates}
    for term in terms:
        own = {c.text for c in term.covariates}
        if own == wanted and not term.coefficient_set:
            return True
        if own <= wanted and term.coefficient_set:
            rest: list[IndexSet] = [c.index_set for c in covariates if c.text not in own]
            if all(levels.determines(term.coefficient_set, index_set) for index_set in rest):
                return True
    return False


def _note_apart(form: CompositeModel, found: Diagnostics) -> None:
    by_set: dict[IndexSet, list[int]] = {}
    for position, block in enumerate(form.blocks):
        by_set.setdefault(block.index_set, []).append(position)
    for index_set, positions in by_set.items():
        if len(positions) < 2:
            continue
        blocks = [form.blocks[p] for p in positions]
        effects = [effect for block in blocks for effect in block.effects]
        names = ", ".join(effects)
        found.note(
            "HM307",
            f"{_and([f'`{e}`' for e in effects])} are written apart, so they are uncorrelated",
            blocks[-1].span,
            secondary=[Label(span=b.span, text="apart from this one") for b in blocks[:-1] if b.span is not None],
            help=f"for effects of each `{show_index_set(index_set)}` that correlate write `({names}) ~ mvnormal(..)`",
        )


def _note_shared(model: ResolvedModel, found: Diagnostics) -> None:
    for entity in model.of_role(Role.PARAMETER):
        statements = {use.statement: use for use in entity.uses}
        if len(statements) < 2:
            continue
        first, *others = statements.values()
        found.note(
            "HM308",
            f"`{entity.printed}` is one parameter that {len(statements)} statements share",
            others[0].symbol.span,
            secondary=[Label(span=first.symbol.span, text="the same parameter")],
            help="give each statement a name of its own if they are meant to differ",
        )


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
