"""The places that the terms of a model have in textbook notation: which level, which equation, which predictor.

    b3*x3[j] + b1*x1[i] + b4*x3[j]*x1[i] + u1[j]*x1[i]   →   slots (0,1), (1,0), (1,1) and, of the effect, (1,)

Input: `CompositeModel`. Output: `Positions`. Invariants: levels form one chain of at most three, finest first; a slot
has the number of a product of covariates for each level, 0 for the empty product; a random effect of a level has a
number for each finer level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hdsl.diagnostics import Diagnostics, FitError
from hdsl.form.expr import IndexSet, show_index_set
from hdsl.form.latex import latex_symbol, latex_text
from hdsl.form.model import CompositeModel, RandomBlock, Term
from hdsl.source import Span

__all__ = ["Factor", "Placed", "Positions", "place"]

MOST_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a product: a covariate by its printed symbol, or the indicators of an unmodelled set."""

    text: str
    is_indicators: bool = False

    def latex(self) -> str:
        """Return what it is in the model's own names."""
        return rf"\text{{indicators of }} {latex_text(self.text)}" if self.is_indicators else latex_symbol(self.text)


Product = tuple[Factor, ...]
Slot = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A term, its slot (that of a random effect ends below its own level, an offset has none), its factors by level."""

    term: Term
    slot: Slot
    factors: tuple[Product, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """The terms of a model by their places.

    Attributes
    ----------
    form : CompositeModel
    chain : tuple of IndexSet
        The levels, finest first.
    products : tuple of tuple of Product
        For each level the products of its covariates by number; the first is empty.
    fixed, offsets, random : tuple of Placed
    """

    form: CompositeModel
    chain: tuple[IndexSet, ...]
    products: tuple[tuple[Product, ...], ...]
    fixed: tuple[Placed, ...]
    offsets: tuple[Placed, ...]
    random: tuple[Placed, ...]

    @property
    def depth(self) -> int:
        """Number of levels."""
        return len(self.chain)

    def factors(self, level: int) -> tuple[Factor, ...]:
        """Return the factors of a level in the order of their numbers, which start at 1."""
        of_offsets = [factor for placed in self.offsets for factor in placed.factors[level]]
        of_products = [factor for product in self.products[level] for factor in product]
        return tuple(dict.fromkeys([*of_products, *of_offsets]))

    def effects(self, level: int) -> tuple[Placed, ...]:
        """Return the random terms of a level, by slot; an effect that stands in several terms has its first slot."""
        own = {p.term.coefficient: p for p in reversed(self.random) if len(p.slot) == level}
        return tuple(sorted(own.values(), key=lambda p: p.slot))

    def is_vector(self, slot: Slot) -> bool:
        """Whether a coefficient stands for one of each level of an unmodelled set."""
        return any(factor.is_indicators for level, k in enumerate(slot) for factor in self.products[level][k])


def place(form: CompositeModel) -> Positions:
    """Return the places of all terms.

    Raises
    ------
    FitError
        HM512 with the reason where textbook notation cannot say the model.
    """
    _refuse_features(form)
    chain = _chain(form)
    terms = form.predictors[0].terms
    products = tuple(_products(form, chain, terms, level) for level in range(len(chain)))
    positions = Positions(
        form=form,
        chain=chain,
        products=products,
        fixed=tuple(_placed(form, chain, products, terms, "fixed")),
        offsets=tuple(_placed(form, chain, products, terms, "offset")),
        random=tuple(_placed(form, chain, products, terms, "random")),
    )
    _refuse_shared_slots(positions)
    return positions


def refuse(form: CompositeModel, reason: str, span: Span | None) -> FitError:
    """Return the error that says why."""
    found = Diagnostics(form.source)
    found.error(
        "HM512",
        f"no symbols of raudenbush-bryk for {reason}: use gelman-hill",
        span,
        help="gelman-hill is the notation of the model's own names with subscripts; it can say every model",
    )
    return FitError(found.sorted())


def _refuse_features(form: CompositeModel) -> None:
    """Refuse what has no symbols by position, whatever the levels are."""
    if len(form.predictors) != 1:
        names = ", ".join(f"`{p.name}`" for p in form.predictors)
        reason = f"several predictors ({names})" if names else "a model without a linear predictor"
        raise refuse(form, reason, form.outcome.span)
    for wrapper in form.outcome.wrappers:
        raise refuse(form, f"a {wrapper.replace('_', '-')} outcome", form.outcome.span)
    for argument, _ in form.outcome.nonlinear:
        raise refuse(form, f"a {argument} that is no link of the predictor", form.outcome.span)
    if form.outcome.distribution == "categorical":
        raise refuse(form, "a predictor for each category", form.outcome.span)
    others = [item for item in form.unsupported if not item.is_in_form]
    if others:
        raise refuse(form, others[0].feature, others[0].span)
    for block in form.blocks:
        if block.distribution != "normal":
            raise refuse(form, f"`{block.effects[0]}`, which is not normal", block.span)


def _chain(form: CompositeModel) -> tuple[IndexSet, ...]:
    """Return the levels, finest first; coefficients must vary over a chain of index sets."""
    blocks: dict[IndexSet, RandomBlock] = {}
    for block in form.blocks:
        same = [s for s in blocks if form.determines(s, block.index_set) and form.determines(block.index_set, s)]
        blocks.setdefault(same[0] if same else block.index_set, block)
    if (form.row,) in blocks:
        raise refuse(form, f"`{blocks[form.row,].effects[0]}`, which varies between rows", blocks[form.row,].span)
    sets = list(blocks)
    for number, a in enumerate(sets):
        for b in sets[number + 1 :]:
            if not form.determines(a, b) and not form.determines(b, a):
                names = f"[{show_index_set(a)}] and [{show_index_set(b)}]"
                raise refuse(form, f"crossed levels ({names})", blocks[b].span)
    sets.sort(key=lambda s: -sum(form.determines(s, t) for t in sets))
    if len(sets) >= MOST_LEVELS:
        names = ", ".join(f"[{show_index_set(s)}]" for s in ((form.row,), *sets))
        raise refuse(form, f"{len(sets) + 1} levels ({names})", blocks[sets[-1]].span)
    return ((form.row,), *sets)


def _level(form: CompositeModel, chain: tuple[IndexSet, ...], index_set: IndexSet) -> int:
    """Return the coarsest level whose units have one value of what varies over `index_set`."""
    return max(level for level, own in enumerate(chain) if level == 0 or form.determines(own, index_set))


def _factors(form: CompositeModel, chain: tuple[IndexSet, ...], term: Term, level: int) -> Product:
    """Return the factors of a term at a level; an unmodelled set multiplies by its indicators."""
    found = [Factor(c.text) for c in term.covariates if _level(form, chain, c.index_set) == level]
    if term.part == "fixed" and term.coefficient_set and _level(form, chain, term.coefficient_set) == level:
        found.append(Factor(", ".join(term.coefficient_set), is_indicators=True))
    return tuple(found)


def _products(
    form: CompositeModel, chain: tuple[IndexSet, ...], terms: tuple[Term, ...], level: int
) -> tuple[Product, ...]:
    """Return the products that coefficients of a level multiply: the empty one, single factors, products of more."""
    used = [_factors(form, chain, t, level) for t in terms if t.part in ("fixed", "random")]
    distinct = {_key(product): product for product in reversed(used)}
    ordered = sorted(distinct.values(), key=lambda product: (len(product), used.index(product)))
    return ((), *(product for product in ordered if product))


def _placed(
    form: CompositeModel,
    chain: tuple[IndexSet, ...],
    products: tuple[tuple[Product, ...], ...],
    terms: tuple[Term, ...],
    part: str,
) -> Iterator[Placed]:
    for term in terms:
        if term.part != part:
            continue
        factors = [_factors(form, chain, term, level) for level in range(len(chain))]
        depth = len(chain) if part != "random" else _level(form, chain, term.coefficient_set)
        if any(factors[depth:]):
            symbol = f"`{term.coefficient}` times `{next(f for f in factors[depth:] if f)[0].text}`"
            raise refuse(form, f"{symbol}, of its own level", term.spans[0] if term.spans else None)
        slot = () if part == "offset" else tuple(_number(products[level], factors[level]) for level in range(depth))
        yield Placed(term, slot, tuple(factors))


def _key(product: Product) -> tuple[Factor, ...]:
    return tuple(sorted(product, key=lambda factor: (factor.is_indicators, factor.text)))


def _number(products: tuple[Product, ...], wanted: Product) -> int:
    return next(k for k, product in enumerate(products) if _key(product) == _key(wanted))


def _refuse_shared_slots(positions: Positions) -> None:
    """Two random effects in one equation have one symbol between them."""
    taken: dict[Slot, Term] = {}
    for placed in positions.random:
        other = taken.setdefault(placed.slot, placed.term)
        if other.coefficient != placed.term.coefficient:
            names = f"`{other.coefficient}` and `{placed.term.coefficient}`"
            span = placed.term.spans[0] if placed.term.spans else None
            raise refuse(positions.form, f"{names}, effects of one coefficient", span)
