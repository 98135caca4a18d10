"""What is no mistake but is easily overlooked, found on the composite without data: notes HM306, HM307, HM308.

A product without the terms that it is made of, effects of one index set that are written apart and therefore
uncorrelated, and a parameter that several statements share.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    present = [term for term in predictor.terms if term.part in ("fixed", "offset")]
    products = {frozenset(c.text for c in term.covariates) for term in present if not term.coefficient_set}
    sets = [term for term in present if term.coefficient_set]
    for term in present:
        missing = [c for c in _lower(term) if not (_texts(c) in products or _is_spanned(c, sets, levels))]
        if term.part == "fixed" and missing:
            shown = " and ".join("`" + "*".join(c.text for c in covariates) + "`" for covariates in missing[:_SHOWN])
            verb = "has" if len(missing) == 1 else "have"
            found.note(
                "HM306",
                f"`{term_text(term)}` is a product, but {shown} alone {verb} no effect",
                term.spans[-1] if term.spans else None,
                help="without the lower-order terms its coefficient depends on where the covariates have their zero",
            )


_SHOWN = 3  # lower-order terms that a message lists


def _texts(covariates: tuple[Covariate, ...]) -> frozenset[str]:
    return frozenset(c.text for c in covariates)


def _lower(term: Term) -> Iterator[tuple[Covariate, ...]]:
    """Yield the single covariates of a product, and the products that lack one of them.

    The others follow: they are the lower-order terms of those products. Powers of one covariate count as one.
    """
    distinct = list({c.text: c for c in term.covariates}.values())
    if len(distinct) > 1:
        yield from ((c,) for c in distinct)
    if len(distinct) > 2:
        for left_out in range(len(distinct) - 1, -1, -1):
            yield tuple(c for position, c in enumerate(distinct) if position != left_out)


def _is_spanned(covariates: tuple[Covariate, ...], sets: list[Term], levels: Levels) -> bool:
    """Whether an unmodelled set with some of these covariates spans the product: its levels determine the others."""
    for term in sets:
        own = {c.text for c in term.covariates}
        rest: list[IndexSet] = [c.index_set for c in covariates if c.text not in own]
        if own <= _texts(covariates) and all(levels.determines(term.coefficient_set, other) for other in rest):
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
