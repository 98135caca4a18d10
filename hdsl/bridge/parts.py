"""Composite model → the parts that every target writes, and what none of them can.

Stage: bridge, way out, first step. Input: `CompositeModel`. Output: `Parts`. Invariants: every field of the form is
read here or refused; a term is never left out in silence; a coefficient that stands in several terms is one part with
several products.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from typing import Any

from hdsl.bridge.advice import with_advice
from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.form.expr import IndexSet, show_symbol
from hdsl.form.model import (
    CompositeModel,
    Covariance,
    Covariate,
    Outcome,
    Predictor,
    RandomBlock,
    Residual,
    Term,
    UnmodelledSet,
)
from hdsl.source import Span

__all__ = ["BlockPart", "FixedPart", "Parts", "PredictorPart", "Product", "Refusals", "take_apart"]

READ: dict[type, tuple[str, ...]] = {
    CompositeModel: (
        *("source", "indices", "index_sets", "nestings", "data", "definitions", "parameters", "sets", "outcome"),
        *("predictors", "blocks", "residual", "derived", "unsupported", "density"),
    ),
    Outcome: (
        *("name", "index_set", "expr", "transform", "distribution", "known", "scalars", "wrappers", "nonlinear"),
        "span",
    ),
    Predictor: ("name", "argument", "link", "terms"),
    Term: ("part", "coefficient", "coefficient_set", "scale", "covariates", "level", "implied", "lines", "spans"),
    RandomBlock: ("effects", "index_set", "distribution", "covariance", "means", "link", "span"),
    Covariance: ("structure", "sd", "cor"),
    Residual: ("sd", "known", "effect", "span"),
    UnmodelledSet: ("name", "index_set", "references", "span"),
}
"""Fields of the form that the bridge reads. A field that is not listed is refused where it has a value."""

MAIN = frozenset({"mean", "p", "eta", "meanlog"})
"""Arguments that are the main linear predictor of a distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A number times covariates."""

    scale: float
    covariates: tuple[Covariate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPart:
    """A fixed coefficient, or an unmodelled set, and what it multiplies: the sum of its products."""

    symbol: str
    unmodelled: UnmodelledSet | None
    products: tuple[Product, ...]
    span: Span | None

    @property
    def is_intercept(self) -> bool:
        """Whether it multiplies 1."""
        return self.unmodelled is None and self.products == (Product(scale=1.0, covariates=()),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorPart:
    """A linear predictor: fixed parts in order, products of each random effect, offsets."""

    predictor: Predictor
    fixed: tuple[FixedPart, ...]
    effects: dict[str, tuple[Product, ...]]
    offset: tuple[Product, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPart:
    """A random block, those of its effects that reach a predictor, and their standard deviations."""

    block: RandomBlock
    effects: tuple[str, ...]

    @property
    def index_set(self) -> IndexSet:
        """Its index set."""
        return self.block.index_set

    @property
    def is_joint(self) -> bool:
        """Whether its effects are correlated."""
        return len(self.effects) > 1 and self.block.covariance.structure == "unstructured"

    @property
    def sds(self) -> tuple[str, ...]:
        """Name of the standard deviation of each effect."""
        return self.block.covariance.sd


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A model in parts; `main` gives the mean, `others` the outcome's further arguments."""

    form: CompositeModel
    main: PredictorPart
    others: tuple[PredictorPart, ...]
    blocks: tuple[BlockPart, ...]


class Refusals:
    """Collects what a target cannot say.

    Parameters
    ----------
    form : CompositeModel
    target : str
        The system's name, as it begins a sentence.
    """

    def __init__(self, form: CompositeModel, target: str) -> None:
        self.target = target
        self.found = Diagnostics(form.source)

    def refuse(self, what: str, span: Span | None, help: str) -> None:
        """Note one thing that the target cannot say."""
        self.found.error("HM014", with_advice(f"{self.target} cannot say {what}", help), span, help=help)

    def not_written(self, what: str, span: Span | None) -> None:
        """Note one thing that the target may have, but that is not exported."""
        help_text = "write this part in its own code by hand"
        self.found.error("HM014", f"{what} is not exported to {self.target}", span, help=help_text)

    def end(self) -> None:
        """Raise all that was noted.

        Raises
        ------
        ModelError
            HM014.
        """
        self.found.raise_errors(ModelError)


def take_apart(form: CompositeModel, refusals: Refusals) -> Parts:
    """Return the parts of a model.

    Raises
    ------
    ModelError
        HM014, for a model that the composite form does not hold in full.
    """
    _refuse_unread(form, refusals)
    for item in form.unsupported:
        if not item.is_in_form:
            refusals.not_written(item.feature, item.span)
    if not refusals.found.has_errors:
        _refuse_outcome(form, refusals)
    used = [p for p in form.predictors if p.argument in MAIN]
    if len(used) != 1 and not refusals.found.has_errors:
        refusals.refuse("an outcome without one equation for its mean", form.outcome.span, "write it by its mean")
    refusals.end()
    predictors = [
        _predictor(predictor, form) for predictor in (*used, *(p for p in form.predictors if p is not used[0]))
    ]
    effects = {symbol for part in predictors for symbol in part.effects}
    blocks = tuple(_block(block, effects, refusals) for block in form.blocks if set(block.effects) & effects)
    refusals.end()
    return Parts(form=form, main=predictors[0], others=tuple(predictors[1:]), blocks=blocks)


def _refuse_outcome(form: CompositeModel, refusals: Refusals) -> None:
    """Refuse what no target has of an outcome: wrappers, means that are not linear, parameters that differ by group."""
    outcome = form.outcome
    for wrapper in outcome.wrappers:
        refusals.not_written(f"a {wrapper.replace('_', '-')} outcome", outcome.span)
    for argument, _ in outcome.nonlinear:
        refusals.not_written(f"a {argument} that is no link of one linear predictor", outcome.span)
    sets = {show_symbol(s.name, s.index_set) for s in form.sets}
    for argument, name in outcome.scalars:
        if name in sets:
            refusals.not_written(f"a {argument} `{name}` that differs by group", outcome.span)


def _predictor(predictor: Predictor, form: CompositeModel) -> PredictorPart:
    sets = {show_symbol(s.name, s.index_set): s for s in form.sets}
    fixed: dict[str, list[Term]] = {}
    effects: dict[str, list[Term]] = {}
    offset = []
    for term in predictor.terms:
        match term.part:
            case "fixed":
                fixed.setdefault(str(term.coefficient), []).append(term)
            case "random":
                effects.setdefault(str(term.coefficient), []).append(term)
            case "offset":
                offset.append(term)
            case "residual":
                pass  # the outcome's distribution says it
    return PredictorPart(
        predictor=predictor,
        fixed=tuple(
            FixedPart(
                symbol=symbol,
                unmodelled=sets.get(symbol),
                products=_products(terms),
                span=terms[0].spans[-1] if terms[0].spans else None,
            )
            for symbol, terms in fixed.items()
        ),
        effects={symbol: _products(terms) for symbol, terms in effects.items()},
        offset=_products(offset),
    )


def _products(terms: Iterable[Term]) -> tuple[Product, ...]:
    return tuple(Product(scale=term.scale, covariates=term.covariates) for term in terms)


def _block(block: RandomBlock, used: set[str], refusals: Refusals) -> BlockPart:
    if block.distribution != "normal" or block.covariance.structure not in ("unstructured", "diagonal"):
        what = f"coefficients with a {block.distribution} distribution and a {block.covariance.structure} covariance"
        refusals.not_written(what, block.span)
    if block.link != "identity":
        refusals.not_written(f"a coefficient on its {block.link} scale (`{block.effects[0]}`)", block.span)
    if not set(block.effects) <= used:
        absent = next(effect for effect in block.effects if effect not in used)
        refusals.refuse(f"a coefficient that no equation uses (`{absent}`)", block.span, "use it, or take it out")
    return BlockPart(block=block, effects=block.effects)


def _refuse_unread(form: CompositeModel, refusals: Refusals) -> None:
    """Refuse fields that the bridge does not read: a form that has grown must not be written short."""
    terms = [term for predictor in form.predictors for term in predictor.terms]
    covariances = [block.covariance for block in form.blocks]
    residual = [form.residual] if form.residual is not None else []
    parts = (*form.predictors, *terms, *form.sets, *form.blocks, *covariances)
    records: list[Any] = [form, form.outcome, *residual, *parts]
    for record in records:
        for item in fields(record):
            if item.name in READ[type(record)]:
                continue
            default = item.default_factory() if item.default_factory is not MISSING else item.default
            if getattr(record, item.name) != default:
                span = getattr(record, "span", None)
                refusals.not_written(f"a part of the model (`{item.name}`)", span)
