"""The rule of levels: all that stands on the right of a statement must be determined by the index set on its left.

What a statement needs and no declaration says becomes a `Nesting` claim, checked against the data later. Mistakes: HM203 (a
finer quantity), HM204 and HM205 (aggregates), HM206 (joint statements).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hdsl.diagnostics import Diagnostics, Label
from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.model import Nesting
from hdsl.semantics.levels import Order
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
        known = self.order.closure(index_set)
        while True:
            more = known
            for claim in self.found:
                if set(claim.finer) <= more:
                    more = more | self.order.closure(claim.coarser)
            if more == known:
                return known
            known = more

    def against(self, finer: IndexSet, coarser: str) -> Nesting | None:
        """Return the claim by which `coarser` already determines `finer`, if there is one."""
        if not set(finer) <= self.closure((coarser,)):
            return None
        return next((c for c in self.found if set(c.finer) <= self.closure((coarser,))), None)

    def add(self, claim: Nesting) -> None:
        if not any(c.finer == claim.finer and c.coarser == claim.coarser for c in self.found):
            self.found.append(claim)


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
        categories = order.free if is_nominal else frozenset[str]()
        for occurrence in occurrences(statement):
            if occurrence.aggregate is None:
                _check_symbol(occurrence.symbol, left, name, claims, entities, found, categories)
        for call in aggregates_in(statement):
            _check_aggregate(call, left, name, claims, found)
    return tuple(claims.found)


def _left_set(statement: tree.Stochastic | tree.Deterministic, order: Order, found: Diagnostics) -> IndexSet | None:
    symbols = left_symbols(statement)
    sets = [order.canonical(s.name for s in symbol.subscripts) for symbol in symbols]
    for symbol, index_set in zip(symbols[1:], sets[1:], strict=True):
        if index_set != sets[0]:
            found.error(
                "HM206",
                f"`{show_symbol(symbols[0].name, sets[0])}` and `{show_symbol(symbol.name, index_set)}` "
                "cannot be joint: their subscripts differ",
                symbol.span,
                secondary=(Label(span=symbols[0].span, text=f"subscripts [{show_index_set(sets[0])}]"),),
                help="give coefficients of one joint statement the same subscripts, or write one statement for each",
            )
            return None
    return sets[0]


def _check_symbol(
    symbol: tree.Symbol,
    left: IndexSet,
    name: str,
    claims: _Claims,
    entities: Mapping[Key, Entity],
    found: Diagnostics,
    categories: frozenset[str],
) -> None:
    """Check one symbol on the right; `categories` are indices that a nominal outcome's predictor may have."""
    order = claims.order
    index_set = order.canonical(s.name for s in symbol.subscripts)
    entity = entities.get((symbol.name, index_set))
    if entity is not None and entity.role is Role.MATRIX:
        return
    needed = [index for index in index_set if index not in claims.closure(left) | categories]
    if not needed:
        return
    printed = show_symbol(symbol.name, index_set)
    for index in needed:
        reverse = claims.against(left, index)
        if not left or index == order.row or reverse is not None or index in order.free:
            _report_finer(symbol, printed, index, left, name, entity, reverse, found)
            return
    claims.add(
        Nesting(
            finer=left,
            coarser=index_set,
            declared=False,
            reason=f"the equation of `{name}` uses `{printed}`",
            span=symbol.span,
        )
    )


def _report_finer(
    symbol: tree.Symbol,
    printed: str,
    index: str,
    left: IndexSet,
    name: str,
    entity: Entity | None,
    reverse: Nesting | None,
    found: Diagnostics,
) -> None:
    by = show_index_set(left)
    where = f"varies within `{by}`" if left else "varies between units, and `" + name + "` has no subscripts"
    message = f"`{printed}` {where}, so the equation of `{name}` cannot use it"
    if not left:
        message = f"`{printed}` {where}"
    is_data = entity is None or entity.role in (Role.DATA, Role.DATA_DEFINITION, Role.OUTCOME)
    mean = show_symbol(f"{symbol.name}_mean", left)
    advice = (
        f"aggregate it first: `{mean} = mean({printed})`"
        if is_data
        else f"write it in the equation of a symbol with subscript [{index}]"
    )
    secondary = ()
    if reverse is not None and reverse.span is not None and not reverse.declared:
        secondary = (
            Label(
                span=reverse.span,
                text=f"here `{show_index_set(reverse.finer)}` lies in `{show_index_set(reverse.coarser)}`",
            ),
        )
    found.error(
        "HM203",
        message,
        symbol.span,
        label=f"level {index} is finer than {by}" if left else f"level {index}",
        help=advice,
        secondary=secondary,
    )


def aggregates_in(statement: tree.Stochastic | tree.Deterministic) -> Iterator[tree.Call]:
    """Yield every aggregate on the right of a statement, outer ones first."""
    seen: list[tree.Expr] = []
    if isinstance(statement, tree.Deterministic):
        seen.append(statement.right)
    else:
        stack: list[tree.Expr | tree.Distribution] = [a.value for a in statement.distribution.arguments]
        while stack:
            value = stack.pop()
            if isinstance(value, tree.Distribution):
                stack += [a.value for a in value.arguments]
            else:
                seen.append(value)
    while seen:
        node = seen.pop()
        match node:
            case tree.Call():
                if is_aggregate(node):
                    yield node
                seen += [argument.value for argument in node.arguments]
            case tree.Unary(operand=operand):
                seen.append(operand)
            case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
                seen += [left, right]
            case tree.TupleExpr(items=items):
                seen += items
            case _:
                pass


def index_set_of(expr: tree.Expr, order: Order) -> IndexSet:
    """Return the canonical index set that the symbols of an expression span together."""
    return order.canonical(s.name for symbol, _ in symbols_in(expr) for s in symbol.subscripts)


def _check_aggregate(call: tree.Call, left: IndexSet, name: str, claims: _Claims, found: Diagnostics) -> None:
    order = claims.order
    operand = call.arguments[0].value
    over = index_set_of(operand, order)
    shown = show_expr(operand, lambda s: show_symbol(s.name, order.canonical(x.name for x in s.subscripts)))
    if any(is_aggregate(inner) for inner in _calls(operand)):
        found.error(
            "HM204",
            f"`{call.function}({shown})` has an aggregate within it",
            call.span,
            help="give the inner aggregate a name and subscripts of its own, and use that name",
        )
        return
    if not over:
        found.error(
            "HM204",
            f"`{call.function}({shown})` has nothing to run over",
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
        f"`{call.function}({shown})` runs over `{show_index_set(over)}`, the units of `{name}` itself",
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
