"""From columns and levels to the plan: factors, covariance parameters, order of elimination.

Stage: design. Input: a `Layout` and the levels, declared or observed. Output: `Plan`. Invariants: blocks of index sets
that group the rows alike are one factor; a standard deviation's name is one theta wherever it stands; the plan does not
depend on any value or label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hdsl.design.layout import ASSUMED, Effect, FixedTerm, Layout, lay_out
from hdsl.design.order import Fill, heaviest_chain
from hdsl.design.spread import has_own_spread
from hdsl.design.support import report_unsupported, require_supported
from hdsl.diagnostics.record import Diagnostics, FitError
from hdsl.form.expr import IndexSet, show_index_set
from hdsl.form.model import CompositeModel, RandomBlock
from hdsl.plan import Column, CovarianceBlock, Crossing, FixedSet, Plan, ReTerm

__all__ = [
    "Levels",
    "Order",
    "RandomPart",
    "intercept_of",
    "plan_fixed",
    "plan_order",
    "plan_random",
    "structural_plan",
]

TIED = -1
"""Theta of a standard deviation that is the residual's."""


class Levels(Protocol):
    """What planning asks of levels, declared or observed."""

    def determines(self, finer: IndexSet, coarser: IndexSet) -> bool:
        """Whether every unit of `finer` lies in one unit of `coarser`."""
        ...


class DeclaredLevels:
    """Nesting as the model declares or needs it."""

    def __init__(self, form: CompositeModel) -> None:
        self._form = form

    def determines(self, finer: IndexSet, coarser: IndexSet) -> bool:
        """Whether the declarations say that every unit of `finer` lies in one unit of `coarser`."""
        if self._form.row in finer:
            return True
        known = set(finer)
        while True:
            more = {name for n in self._form.nestings if set(n.finer) <= known for name in n.coarser} - known
            if not more:
                return set(coarser) <= known
            known |= more


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomPart:
    """Grouping factors and their covariance parameters.

    `names` gives the parameter of each covariance entry (factor, row, column); `merged` lists the index sets that were
    put together because they group the rows alike.
    """

    terms: tuple[ReTerm, ...]
    diagonal_theta: tuple[bool, ...]
    names: dict[tuple[int, int, int], str]
    merged: tuple[tuple[IndexSet, IndexSet], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Chain and dense factors by position, how their cross-products are stored, and why crossed ones are iterated."""

    chain: tuple[int, ...]
    dense: tuple[int, ...]
    crossing: Crossing = "dense"
    iterated: str = ""


def plan_random(form: CompositeModel, layout: Layout, levels: Levels) -> RandomPart:
    """Merge random blocks into grouping factors and number their covariance parameters.

    Raises
    ------
    FitError
        HM501, for a covariance that no back end fits.
    """
    groups, merged = _group_effects(layout.effects, levels)
    residual = form.residual.sd if form.residual is not None and form.density is None else None
    thetas = _Thetas(form, residual)
    terms = []
    names: dict[tuple[int, int, int], str] = {}
    for factor, (index_set, effects) in enumerate(groups):
        blocks: list[CovarianceBlock] = []
        for start, block in _block_starts(effects):
            blocks.extend(thetas.blocks(block, start))
            names.update({(factor, row, column): name for (row, column), name in _entry_names(block, start)})
        columns = tuple(effect.column for effect in effects)
        terms.append(ReTerm(index_set=index_set, columns=columns, blocks=tuple(blocks)))
    return RandomPart(terms=tuple(terms), diagonal_theta=tuple(thetas.is_diagonal), names=names, merged=tuple(merged))


def _group_effects(
    effects: Sequence[Effect], levels: Levels
) -> tuple[list[tuple[IndexSet, list[Effect]]], list[tuple[IndexSet, IndexSet]]]:
    groups: list[tuple[IndexSet, list[Effect]]] = []
    merged: dict[tuple[IndexSet, IndexSet], None] = {}
    for effect in effects:
        index_set = effect.block.index_set
        for place, (other, members) in enumerate(groups):
            if levels.determines(index_set, other) and levels.determines(other, index_set):
                if other != index_set:
                    merged[(other, index_set)] = None
                longest = max(other, index_set, key=len)  # its labels name the units of both
                groups[place] = (longest, [*members, effect])
                break
        else:
            groups.append((index_set, [effect]))
    return groups, list(merged)


def _block_starts(effects: Sequence[Effect]) -> Iterator[tuple[int, RandomBlock]]:
    """Yield each block with the position of its first column; a block's effects stand side by side."""
    previous = None
    for position, effect in enumerate(effects):
        if effect.block is not previous:
            yield position, effect.block
            previous = effect.block


class _Thetas:
    """Numbers the free entries of the covariance factors."""

    def __init__(self, form: CompositeModel, residual: str | None) -> None:
        self.is_diagonal: list[bool] = []
        self._form = form
        self._by_name: dict[str, int] = {} if residual is None else {residual: TIED}
        self._uses: dict[str, int] = {}
        inputs = form.density.inputs if form.density is not None else ()
        self._scalars = {input_.scalar for input_ in inputs}
        for block in form.blocks:
            for name in block.covariance.sd:
                self._uses[name] = self._uses.get(name, 0) + 1

    def blocks(self, block: RandomBlock, start: int) -> Iterator[CovarianceBlock]:
        width = len(block.effects)
        shared = next((name for name in block.covariance.sd if name in self._scalars), None)
        if shared is not None:
            self._refuse(block, f"a standard deviation `{shared}` that the outcome's distribution has, too")
        if block.covariance.structure == "diagonal" or (block.covariance.structure == "unstructured" and width == 1):
            for k, (effect, name) in enumerate(zip(block.effects, block.covariance.sd, strict=True)):
                if name not in self._by_name:
                    self._by_name[name] = self._new(is_diagonal=True)
                yield CovarianceBlock(columns=(start + k,), effects=(effect,), theta=(self._by_name[name],))
            return
        if block.covariance.structure != "unstructured":
            self._refuse(block, f"a covariance of structure `{block.covariance.structure}`")
        if any(self._uses[name] > 1 or name in self._by_name for name in block.covariance.sd):
            self._refuse(block, "a standard deviation of an unstructured covariance that stands twice")
        theta = tuple(self._new(is_diagonal=row == column) for column in range(width) for row in range(column, width))
        yield CovarianceBlock(columns=tuple(range(start, start + width)), effects=block.effects, theta=theta)

    def _new(self, *, is_diagonal: bool) -> int:
        self.is_diagonal.append(is_diagonal)
        return len(self.is_diagonal) - 1

    def _refuse(self, block: RandomBlock, what: str) -> None:
        found = Diagnostics(self._form.source)
        help_text = "use `diag(..)`, or a new name for an unstructured covariance"
        report_unsupported(found, what, block.span, help=help_text)
        raise FitError(found.sorted())


def _entry_names(block: RandomBlock, start: int) -> Iterator[tuple[tuple[int, int], str]]:
    width = len(block.effects)
    for k, name in enumerate(block.covariance.sd):
        yield (start + k, start + k), name
    below = [(row, column) for column in range(width) for row in range(column + 1, width)]
    for (row, column), name in zip(below, block.covariance.cor, strict=False):
        yield (start + row, start + column), name


def plan_fixed(terms: Sequence[FixedTerm]) -> tuple[Column | FixedSet, ...]:
    """Return the columns of X; the sets are numbered in their order."""
    fixed: list[Column | FixedSet] = []
    n_sets = 0
    for term in terms:
        if term.unmodelled is None:
            fixed.append(Column(symbol=term.symbol, products=term.products))
        else:
            fixed.append(FixedSet(symbol=term.symbol, products=term.products, codes=n_sets))
            n_sets += 1
    return tuple(fixed)


def intercept_of(fixed: Sequence[Column | FixedSet]) -> int | None:
    """Return the position of the constant column of the first predictor."""
    constants = (
        k
        for k, column in enumerate(fixed)
        if isinstance(column, Column) and column.is_constant and all(p.predictor == 0 for p in column.products)
    )
    return next(constants, None)


def plan_order(terms: Sequence[ReTerm], levels: Levels, counts: Sequence[int] | None) -> Order:
    """Choose the chain of factors to eliminate; `counts` are the groups of each, None without data."""
    weights = [term.width * (1 if counts is None else counts[k]) for k, term in enumerate(terms)]
    chain = heaviest_chain(weights, lambda a, b: levels.determines(terms[a].index_set, terms[b].index_set))
    dense = tuple(k for k in range(len(terms)) if k not in chain)
    return Order(chain=chain, dense=dense, crossing="dense" if dense else "none")


def explain(
    random: RandomPart, order: Order, counts: Sequence[int] | None, fill: Fill | None, declared: Levels
) -> Iterator[str]:
    """Yield why the factors are treated as they are, in sentences."""
    terms = random.terms

    def name(position: int) -> str:
        groups = "" if counts is None else f" ({counts[position]:,} groups)"
        return f"`{show_index_set(terms[position].index_set)}`{groups}"

    if order.crossing == "iterative":
        yield (
            f"{', '.join(name(position) for position in order.dense)} are crossed: whatever is eliminated first, "
            f"what is left is a dense matrix. {order.iterated}"
        )
        yield "Equations are solved by conjugate gradients instead; traces are means over random signs."
        return
    for first, second in random.merged:
        yield f"`{show_index_set(first)}` and `{show_index_set(second)}` group the rows alike, so they are one factor."
    if len(order.chain) == 1:
        yield f"{name(order.chain[0])} is eliminated group by group."
    elif order.chain:
        nested = ", then ".join(name(position) for position in order.chain)
        yield f"{nested}: each lies in the next, so they are eliminated one after the other."
    for finer, coarser in zip(order.chain, order.chain[1:], strict=False):
        if not declared.determines(terms[finer].index_set, terms[coarser].index_set):
            yield f"That {name(finer)} lies in {name(coarser)} was found in the data; the model does not say so."
    if not order.dense:
        return
    crossed = ", ".join(name(position) for position in order.dense)
    verb = "is" if len(order.dense) == 1 else "are"
    yield f"{crossed} {verb} crossed with what is eliminated first and left to one dense factor."
    if fill is not None:
        yield _occurring(fill)


def _occurring(fill: Fill) -> str:
    """Return how many cells of a crossing occur, and how they are stored."""
    how = "as dense arrays" if fill.crossing == "dense" else "by the cells that occur"
    if fill.cells == fill.possible:
        return f"All {fill.cells:,} cells of the crossing occur, a full grid; they are stored {how}."
    share = fill.cells / fill.possible
    return f"{fill.cells:,} of {fill.possible:,} cells of the crossing occur ({share:.0%}); they are stored {how}."


def structural_plan(form: CompositeModel) -> Plan:
    """Return the plan that the model alone decides: declared nesting, no sizes.

    Raises
    ------
    FitError
        HM501, when a part of the model is not fitted yet.
    """
    require_supported(form)
    layout = lay_out(form, ASSUMED)
    declared = DeclaredLevels(form)
    random = plan_random(form, layout, declared)
    order = plan_order(random.terms, declared, None)
    reasons = tuple(explain(random, order, None, None, declared))
    if any(input_.threshold is not None for input_ in layout.inputs):
        reasons += ("Three categories are assumed; the data say how many there are.",)
    return replace(assemble(form, layout, layout.fixed, random, order), reasons=reasons)


def assemble(
    form: CompositeModel, layout: Layout, terms: Sequence[FixedTerm], random: RandomPart, order: Order
) -> Plan:
    """Put a plan together, its reasons and sizes left out; `terms` are the fixed terms that have columns."""
    fixed = plan_fixed(terms)
    return Plan(
        fixed=fixed,
        re_terms=random.terms,
        n_theta=len(random.diagonal_theta),
        chain=order.chain,
        dense=order.dense,
        crossing=order.crossing,
        has_offset=layout.has_offset,
        intercept=intercept_of(fixed),
        diagonal_theta=random.diagonal_theta,
        density=form.density,
        is_weighted=form.density is not None and has_own_spread(form.density, fixed, random.terms, order.crossing),
        reasons=(),
        sizes=None,
    )
