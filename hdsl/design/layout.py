"""The columns of a model: fixed terms and random effects as products of covariates, before any data.

Stage: design. Input: a composite model, and the categories of an ordinal outcome. Output: `Layout`. Invariants: a
coefficient that stands in several terms has one column, in each input of the density the sum of its products there; a
covariate is listed once, however often it stands; order is that of the composite, and parameters without an equation,
then thresholds, come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics.record import Diagnostics, FitError
from hdsl.form.density import Input
from hdsl.form.expr import Apply, Expr, IndexSet, Text, show_symbol
from hdsl.form.model import CompositeModel, Covariate, Part, RandomBlock, Term, UnmodelledSet
from hdsl.plan import Column, Product

__all__ = [
    "ASSUMED",
    "Effect",
    "FixedTerm",
    "Layout",
    "covariate_symbols",
    "in_predictor",
    "lay_out",
    "show_term",
    "sum_of_products",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTerm:
    """A fixed coefficient or an unmodelled set: its products, and how its terms print.

    `inverse` is given for a parameter without an equation: the function from the scale of the fit to its natural one.
    `role` is its role then.
    """

    symbol: str
    unmodelled: UnmodelledSet | None
    products: tuple[Product, ...]
    text: str
    inverse: str | None = None
    role: str = "fixed effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One random effect: its column and the block that it belongs to."""

    column: Column
    block: RandomBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Columns of the linear predictors; `factors` of products are positions in `covariates`.

    Attributes
    ----------
    covariates : tuple of Covariate
    fixed : tuple of FixedTerm
    effects : tuple of Effect
    offset : tuple of Product
        The known parts of all inputs, each with its input.
    inputs : tuple of Input
        Those of the density; of a model without one, its mean.
    """

    covariates: tuple[Covariate, ...]
    fixed: tuple[FixedTerm, ...]
    effects: tuple[Effect, ...]
    offset: tuple[Product, ...]
    inputs: tuple[Input, ...]

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """Expression of each covariate."""
        return tuple(covariate.expr for covariate in self.covariates)

    @property
    def has_offset(self) -> tuple[bool, ...]:
        """Whether each input has a known part: an offset, or an end beyond the last threshold."""
        own = {product.predictor for product in self.offset}
        return tuple(k in own or input_.threshold is not None for k, input_ in enumerate(self.inputs))


class _Covariates:
    """Numbers covariates in the order in which they are first met."""

    def __init__(self) -> None:
        self.positions: dict[tuple[str, IndexSet], int] = {}
        self.items: list[Covariate] = []

    def product(self, placed: _Placed) -> Product:
        factors = tuple(self.position(covariate) for covariate in placed.term.covariates)
        return Product(scale=placed.sign * placed.term.scale, factors=factors, predictor=placed.predictor)

    def position(self, covariate: Covariate) -> int:
        key = (covariate.text, covariate.index_set)
        if key not in self.positions:
            self.positions[key] = len(self.items)
            self.items.append(covariate)
        return self.positions[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A term in one input of the density."""

    term: Term
    predictor: int
    sign: float


ASSUMED = ("1", "2", "3")
"""Categories of an ordinal outcome where no data say what they are."""


def covariate_symbols(form: CompositeModel) -> tuple[str, ...]:
    """Return the printed covariates in the order of `Arrays.x`, without data."""
    return tuple(covariate.text for covariate in lay_out(form, ASSUMED).covariates)


def lay_out(form: CompositeModel, categories: Sequence[str] = ()) -> Layout:
    """Return the columns of all inputs of the density; of a model without one, those of its mean.

    Parameters
    ----------
    form : CompositeModel
    categories : sequence of str
        Of an ordinal outcome, in order.

    Raises
    ------
    FitError
        HM108, for a random effect that cancels out of the composite equation.
    """
    return _laid_out(_Same(form), tuple(categories))


class _Same:
    """A form that is equal to itself alone, so that what is made of it is found again without a look at all of it."""

    __slots__ = ("form",)

    def __init__(self, form: CompositeModel) -> None:
        self.form = form

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.form is self.form

    def __hash__(self) -> int:
        return id(self.form)


@lru_cache(maxsize=8)
def _laid_out(same: _Same, categories: tuple[str, ...]) -> Layout:
    form, covariates = same.form, _Covariates()
    inputs = form.density.inputs if form.density is not None else (Input(argument="mean", predictor=0),)
    placed = _placed(form, inputs)
    fixed, random = _by_coefficient(placed, "fixed"), _by_coefficient(placed, "random")
    _refuse_cancelled(form, random)
    sets = {show_symbol(unmodelled.name, unmodelled.index_set): unmodelled for unmodelled in form.sets}
    fixed_terms = [
        FixedTerm(
            symbol=symbol,
            unmodelled=sets.get(symbol),
            products=_products(found, covariates),
            text=" + ".join(dict.fromkeys(show_term(p.term) for p in found)),
        )
        for symbol, found in fixed.items()
    ]
    effects = [
        Effect(column=Column(symbol=symbol, products=_products(random[symbol], covariates)), block=block)
        for block in form.blocks
        for symbol in block.effects
    ]
    offset = _products([p for p in placed if p.term.part == "offset"], covariates)
    fixed_terms += _scalars(form, inputs, sets)
    fixed_terms += _thresholds(form, inputs, categories, covariates)
    return Layout(
        fixed=tuple(fixed_terms),
        effects=tuple(effects),
        offset=offset,
        covariates=tuple(covariates.items),
        inputs=inputs,
    )


def _placed(form: CompositeModel, inputs: Sequence[Input]) -> list[_Placed]:
    return [
        _Placed(term=term, predictor=k, sign=input_.sign)
        for k, input_ in enumerate(inputs)
        if input_.predictor is not None
        for term in form.predictors[input_.predictor].terms
    ]


def _by_coefficient(placed: Sequence[_Placed], part: Part) -> dict[str, list[_Placed]]:
    found: dict[str, list[_Placed]] = {}
    for item in placed:
        if item.term.part == part and item.term.coefficient is not None:
            found.setdefault(item.term.coefficient, []).append(item)
    return found


def _scalars(form: CompositeModel, inputs: Sequence[Input], sets: Mapping[str, UnmodelledSet]) -> Iterator[FixedTerm]:
    """Yield the parameters without an equation, on the scale of the fit."""
    roles = {parameter.name: parameter.role for parameter in form.parameters}
    for k, input_ in enumerate(inputs):
        if input_.scalar is not None:
            yield FixedTerm(
                symbol=input_.scalar,
                unmodelled=sets.get(input_.scalar),
                products=(Product(scale=1.0, factors=(), predictor=k),),
                text=input_.scalar,
                inverse=input_.inverse,
                role=roles[input_.scalar],
            )


def _thresholds(
    form: CompositeModel, inputs: Sequence[Input], categories: Sequence[str], covariates: _Covariates
) -> Iterator[FixedTerm]:
    """Yield the thresholds: one counts in the rows of the category below it, and of the one above it."""
    name = dict(form.outcome.scalars).get("thresholds")
    if name is None:
        return
    ends = {input_.threshold: k for k, input_ in enumerate(inputs)}
    indicators = [_indicator(form, category) for category in categories]
    for number, (below, above) in enumerate(pairwise(indicators), start=1):
        symbol = f"{name}[{number}]"
        yield FixedTerm(
            symbol=symbol,
            unmodelled=None,
            products=(
                Product(scale=1.0, factors=(covariates.position(below),), predictor=ends["upper"]),
                Product(scale=1.0, factors=(covariates.position(above),), predictor=ends["lower"]),
            ),
            text=symbol,
            inverse="identity",
            role="threshold",
        )


def _indicator(form: CompositeModel, category: str) -> Covariate:
    """Return whether the outcome is in a category, as a covariate."""
    outcome = form.outcome
    expr = Apply(operator="==", operands=(outcome.expr, Text(value=category)))
    shown = show_symbol(outcome.name, outcome.index_set)
    return Covariate(text=f'({shown} == "{category}")', expr=expr, index_set=outcome.index_set)


def _refuse_cancelled(form: CompositeModel, random: Mapping[str, object]) -> None:
    found = Diagnostics(form.source)
    for block in form.blocks:
        for effect in block.effects:
            if effect not in random:
                message = f"`{effect}` is in no term of the composite equation: use it, or drop its statement"
                found.error("HM108", message, block.span, help=f"use `{effect}` in an equation, or drop its statement")
    found.raise_errors(FitError)


def _products(terms: Sequence[_Placed], covariates: _Covariates) -> tuple[Product, ...]:
    return tuple(covariates.product(term) for term in terms)


def in_predictor(products: Sequence[Product], predictor: int) -> tuple[Product, ...]:
    """Return the products that stand in one input."""
    return tuple(product for product in products if product.predictor == predictor)


def sum_of_products(products: Sequence[Product], x: Sequence[NDArray[np.float64]], n: int) -> NDArray[np.float64]:
    """Return the values of a column in the rows, from those of the covariates, whatever input they stand in; (n,)."""
    total = np.zeros(n)
    for product in products:
        column = np.full(n, product.scale)
        for factor in product.factors:
            column *= x[factor]
        total += column
    return total


def show_term(term: Term) -> str:
    """Return ``b4 * x3[j] * x1[i]``."""
    scale = [] if term.scale == 1 else [f"{term.scale:g}"]
    coefficient = [] if term.coefficient is None else [term.coefficient]
    return " * ".join([*scale, *coefficient, *(covariate.text for covariate in term.covariates)])
