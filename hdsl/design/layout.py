"""The columns of a model: fixed terms and random effects as products of covariates, before any data.

Stage: design. Input: a composite model with one linear predictor. Output: `Layout`. Invariants: a coefficient that
stands in several terms has one column, the sum of its products; a covariate is listed once, however often it stands;
order is that of the composite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics.record import Diagnostics, FitError
from hdsl.form.expr import Expr, IndexSet, show_symbol
from hdsl.form.model import CompositeModel, Covariate, RandomBlock, Term, UnmodelledSet
from hdsl.plan import Column, Product

__all__ = ["Effect", "FixedTerm", "Layout", "covariate_symbols", "lay_out", "show_term", "sum_of_products"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTerm:
    """A fixed coefficient or an unmodelled set: its products, and how its terms print."""

    symbol: str
    unmodelled: UnmodelledSet | None
    products: tuple[Product, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One random effect: its column and the block that it belongs to."""

    column: Column
    block: RandomBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Columns of the linear predictor; `factors` of products are positions in `covariates`."""

    covariates: tuple[Covariate, ...]
    fixed: tuple[FixedTerm, ...]
    effects: tuple[Effect, ...]
    offset: tuple[Product, ...]

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """Expression of each covariate."""
        return tuple(covariate.expr for covariate in self.covariates)


class _Covariates:
    """Numbers covariates in the order in which they are first met."""

    def __init__(self) -> None:
        self.positions: dict[tuple[str, IndexSet], int] = {}
        self.items: list[Covariate] = []

    def product(self, term: Term) -> Product:
        factors = []
        for covariate in term.covariates:
            key = (covariate.text, covariate.index_set)
            if key not in self.positions:
                self.positions[key] = len(self.items)
                self.items.append(covariate)
            factors.append(self.positions[key])
        return Product(scale=term.scale, factors=tuple(factors))


def covariate_symbols(form: CompositeModel) -> tuple[str, ...]:
    """Return the printed covariates in the order of `Arrays.x`."""
    return tuple(covariate.text for covariate in lay_out(form).covariates)


def lay_out(form: CompositeModel) -> Layout:
    """Return the columns of the first linear predictor, which is the mean's.

    Raises
    ------
    FitError
        HM108, for a random effect that cancels out of the composite equation.
    """
    covariates = _Covariates()
    sets = {show_symbol(unmodelled.name, unmodelled.index_set): unmodelled for unmodelled in form.sets}
    terms = form.predictors[0].terms
    fixed: dict[str, list[Term]] = {}
    random: dict[str, list[Term]] = {}
    offset: list[Term] = []
    for term in terms:
        if term.part == "offset":
            offset.append(term)
        elif term.part in ("fixed", "random"):
            assert term.coefficient is not None
            (fixed if term.part == "fixed" else random).setdefault(term.coefficient, []).append(term)
    _refuse_cancelled(form, random)
    fixed_terms = [
        FixedTerm(
            symbol=symbol,
            unmodelled=sets.get(symbol),
            products=_products(found, covariates),
            text=" + ".join(show_term(term) for term in found),
        )
        for symbol, found in fixed.items()
    ]
    effects = [
        Effect(column=Column(symbol=symbol, products=_products(random[symbol], covariates)), block=block)
        for block in form.blocks
        for symbol in block.effects
    ]
    return Layout(
        fixed=tuple(fixed_terms),
        effects=tuple(effects),
        offset=_products(offset, covariates),
        covariates=tuple(covariates.items),
    )


def _refuse_cancelled(form: CompositeModel, random: dict[str, list[Term]]) -> None:
    found = Diagnostics(form.source)
    for block in form.blocks:
        for effect in block.effects:
            if effect not in random:
                message = f"`{effect}` is in no term of the composite equation: use it, or drop its statement"
                found.error("HM108", message, block.span, help=f"use `{effect}` in an equation, or drop its statement")
    found.raise_errors(FitError)


def _products(terms: Sequence[Term], covariates: _Covariates) -> tuple[Product, ...]:
    return tuple(covariates.product(term) for term in terms)


def sum_of_products(products: Sequence[Product], x: Sequence[NDArray[np.float64]], n: int) -> NDArray[np.float64]:
    """Return the values of a column in the rows, from those of the covariates; (n,)."""
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
