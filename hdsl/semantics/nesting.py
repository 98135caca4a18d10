"""The rule of levels: all that stands on the right of a statement must be determined by the index set on its left.

What a statement needs and no declaration says becomes a `Nesting` claim, checked against the data later. Mistakes:
HM203 (a finer quantity), HM204 (aggregates), HM206 (joint statements).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hdsl.diagnostics import Diagnostics, Label
from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.model import Nesting
from hdsl.semantics.levels import Order, closure_under
from hdsl.semantics.record import Entity, Key, Role
from hdsl.semantics.show import show_expr
from hdsl.semantics.walk import is_aggregate, left_symbols, occurrences, symbols_in
from hdsl.syntax import tree

__all__ = ["aggregates_in", "check_levels", "index_set_of"]


class _Claims:
    """Nesting claims so far: declared ones first, then those that statements need."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.found: list[Nesting] = [
            Nesting(
                finer=(i.name,),
                coarser=(parent,),
                declared=True,
                reason=f"`index {i.name} = .. in {parent}`",
                span=i.span,
            )
            for i in order.indices.values()
            for parent in i.parents
        ]

    def closure(self, index_set: IndexSet) -> frozenset[str]:
        return closure_under(self.found, index_set, self.order)

    def against(self, finer: IndexSet, coarser: str) -> Nesting | None:
        """Return the claim by which `coarser` already determines `finer`, if there is one."""
        if not set(finer) <= self.closure((coarser,)):
            return None
        return next((c for c in self.found if set(c.finer) <= self.closure((coarser,))), None)

    def add(self, claim: Nesting) -> None:
        if not any(c.finer == claim.finer and c.coarser == claim.coarser for c in self.found):
            self.found.append(claim)


@dataclass(frozen=True, slots=True)
class _Place:
    """The statement that is being checked: its left side, and what is claimed and known so far.

    `categories` are indices that the predictor of a nominal outcome may have beside those of its left side.
    """

    left: IndexSet
    name: str
    claims: _Claims
    entities: Mapping[Key, Entity]
    found: Diagnostics
    categories: frozenset[str]


def check_levels(
    program: tree.Program, order: Order, entities: Mapping[Key, Entity], found: Diagnostics
) -> tuple[Nesting, ...]:
    """Check the rule of levels in every statement and return the claims of nesting, declared ones first."""
    claims = _Claims(order)
    for statement in program.statements:
        if not isinstance(statement, tree.Stochastic | tree.Deterministic):
            continue
        left = _left_set(statement, order, found)
        if left is None:
            continue
        name = show_symbol(left_symbols(statement)[0].name, left)
        is_nominal = isinstance(statement, tree.Stochastic) and statement.distribution.name == "categorical"
        place = _Place(left, name, claims, entities, found, order.free if is_nominal else frozenset())
        for occurrence in occurrences(statement):
            if occurrence.aggregate is None:
                _check_symbol(occurrence.symbol, place)
        for call in aggregates_in(statement):
            _check_aggregate(call, place)
    return tuple(claims.found)


def _left_set(statement: tree.Stochastic | tree.Deterministic, order: Order, found: Diagnostics) -> IndexSet | None:
    symbols = left_symbols(statement)
    sets = [order.canonical(s.name for s in symbol.subscripts) for symbol in symbols]
    for symbol, index_set in zip(symbols[1:], sets[1:], strict=True):
        if index_set != sets[0]:
            found.error(
                "HM206",
                f"`{show_symbol(symbols[0].name, sets[0])}` and `{show_symbol(symbol.name, index_set)}` "
                "have different subscripts: write a statement for each",
                symbol.span,
                secondary=(Label(span=symbols[0].span, text=f"subscripts [{show_index_set(sets[0])}]"),),
                help="give coefficients of one joint statement the same subscripts, or write one statement for each",
            )
            return None
    return sets[0]


def _check_symbol(symbol: tree.Symbol, place: _Place) -> None:
    """Check one symbol on the right, outside aggregates."""
    claims, order = place.claims, place.claims.order
    index_set = order.canonical(s.name for s in symbol.subscripts)
    entity = place.entities.get((symbol.name, index_set))
    if entity is not None and entity.role is Role.MATRIX:
        return
    needed = [index for index in index_set if index not in claims.closure(place.left) | place.categories]
    for index in needed:
        reverse = claims.against(place.left, index)
        if not place.left or index == order.row or reverse is not None or index in order.free:
            _report_finer(symbol, index, entity, reverse, place)
            return
    if needed:
        reason = f"the equation of `{place.name}` uses `{show_symbol(symbol.name, index_set)}`"
        claims.add(Nesting(finer=place.left, coarser=index_set, declared=False, reason=reason, span=symbol.span))


def _report_finer(
    symbol: tree.Symbol, index: str, entity: Entity | None, reverse: Nesting | None, place: _Place
) -> None:
    """Report a symbol that varies within the units of the left side; `reverse` is the claim that says so."""
    by = show_index_set(place.left)
    printed = show_symbol(symbol.name, place.claims.order.canonical(s.name for s in symbol.subscripts))
    if place.left:
        message = f"`{printed}` varies within `{by}`, so the equation of `{place.name}` cannot use it"
    else:
        message = f"`{printed}` varies between units, so `{place.name}`, without subscripts, cannot use it"
    if entity is None or entity.role in (Role.DATA, Role.DATA_DEFINITION, Role.OUTCOME):
        advice = f"aggregate it first: `{show_symbol(f'{symbol.name}_mean', place.left)} = mean({printed})`"
    else:
        advice = f"write it in the equation of a symbol with subscript [{index}]"
    place.found.error(
        "HM203",
        message,
        symbol.span,
        label=f"level {index} is finer than {by}" if by else f"level {index}",
        help=advice,
        secondary=_reverse_label(reverse),
    )


def _reverse_label(reverse: Nesting | None) -> tuple[Label, ...]:
    if reverse is None or reverse.span is None or reverse.declared:
        return ()
    text = f"here `{show_index_set(reverse.finer)}` lies in `{show_index_set(reverse.coarser)}`"
    return (Label(span=reverse.span, text=text),)


def _right_expressions(statement: tree.Stochastic | tree.Deterministic) -> Iterator[tree.Expr]:
    if isinstance(statement, tree.Deterministic):
        yield statement.right
        return
    stack: list[tree.Expr | tree.Distribution] = [a.value for a in statement.distribution.arguments]
    while stack:
        value = stack.pop()
        if isinstance(value, tree.Distribution):
            stack += [a.value for a in value.arguments]
        else:
            yield value


def aggregates_in(statement: tree.Stochastic | tree.Deterministic) -> Iterator[tree.Call]:
    """Yield every aggregate on the right of a statement, outer ones first."""
    for expr in _right_expressions(statement):
        yield from (call for call in _calls(expr) if is_aggregate(call))


def index_set_of(expr: tree.Expr, order: Order) -> IndexSet:
    """Return the canonical index set that the symbols of an expression span together."""
    return order.canonical(s.name for symbol, _ in symbols_in(expr) for s in symbol.subscripts)


def _check_aggregate(call: tree.Call, place: _Place) -> None:
    """Check one aggregate: its units must be finer than those of the left side."""
    left, name, claims, found = place.left, place.name, place.claims, place.found
    order = claims.order
    operand = call.arguments[0].value
    over = index_set_of(operand, order)
    shown = show_expr(operand, lambda s: show_symbol(s.name, order.canonical(x.name for x in s.subscripts)))
    if any(is_aggregate(inner) for inner in _calls(operand)):
        found.error(
            "HM204",
            f"`{call.function}({shown})` has an aggregate within it: give that a name",
            call.span,
            help="give the inner aggregate a name and subscripts of its own, and use that name",
        )
        return
    if not over:
        found.error(
            "HM204",
            f"`{call.function}({shown})` has nothing to run over: aggregate an indexed name",
            call.span,
            help="aggregate an indexed name: `mean(x[i])`",
        )
        return
    if set(over) <= claims.closure(left):
        _report_own_units(call, shown, over, left, name, found)
        return
    for index in left:
        if index not in claims.closure(over):
            claims.add(
                Nesting(
                    finer=over,
                    coarser=(index,),
                    declared=False,
                    reason=f"`{name}` aggregates `{shown}` over the units of `{show_index_set(over)}`",
                    span=call.span,
                )
            )


def _report_own_units(
    call: tree.Call, shown: str, over: IndexSet, left: IndexSet, name: str, found: Diagnostics
) -> None:
    first = next((symbol for symbol, _ in symbols_in(call.arguments[0].value)), None)
    base = first.name if first is not None else "x"
    found.error(
        "HM204",
        f"`{call.function}({shown})` runs over the units of `{name}` itself: name the {call.function} first",
        call.span,
        help=f"write two statements: `{base}_{call.function}[j] = {call.function}({shown})` for the groups j meant "
        f"(no subscript for the grand {call.function}), and use `{base}_{call.function}[j]` here",
    )


def _calls(expr: tree.Expr) -> Iterator[tree.Call]:
    stack = [expr]
    while stack:
        node = stack.pop()
        match node:
            case tree.Call():
                yield node
                stack += [a.value for a in node.arguments]
            case tree.Unary(operand=operand):
                stack.append(operand)
            case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
                stack += [left, right]
            case tree.TupleExpr(items=items):
                stack += items
            case _:
                pass
