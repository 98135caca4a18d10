"""Going through syntax trees: the arguments of a distribution by slot, and every symbol on a right side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hdsl.families import AGGREGATES, COVARIANCES, DISTRIBUTIONS, FUNCTIONS, WRAPPERS, DistributionRow, Slot
from hdsl.syntax import tree

__all__ = [
    "Occurrence",
    "arguments_by_slot",
    "is_aggregate",
    "left_symbols",
    "occurrences",
    "strings_as_values",
    "symbols_in",
]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A symbol on a right side.

    `slot` is the distribution's argument that the symbol is the whole value of, None within an expression; `aggregate`
    is the innermost aggregate around it.
    """

    symbol: tree.Symbol
    slot: Slot | None
    aggregate: tree.Call | None


_KNOWN = frozenset({*FUNCTIONS, *AGGREGATES, *COVARIANCES})
"""Functions whose operands are at the level of the statement; an unknown one may be a misspelt aggregate."""


def is_aggregate(call: tree.Call) -> bool:
    """Whether a call is an aggregate: `min` and `max` of two values are functions."""
    return call.function in AGGREGATES and len(call.arguments) == 1


def left_symbols(statement: tree.Stochastic | tree.Deterministic) -> tuple[tree.Symbol, ...]:
    """Return the symbols on the left of a statement."""
    if isinstance(statement.left, tree.Joint):
        return statement.left.symbols
    return (statement.left.symbol,)


def arguments_by_slot(distribution: tree.Distribution) -> tuple[tuple[Slot, tree.Expr | tree.Distribution], ...]:
    """Pair the arguments of a distribution with its slots, by position or by name.

    The syntax stage has checked names and numbers; among alternative sets of arguments the one that has all names is
    taken. Arguments of an unknown distribution, which is a mistake already told, are plain values.
    """
    row = DISTRIBUTIONS.get(distribution.name) or WRAPPERS.get(distribution.name)
    if row is None:
        return tuple((Slot(argument.name or "value"), argument.value) for argument in distribution.arguments)
    slots = _choose(row, {a.name for a in distribution.arguments if a.name is not None})
    by_name = {slot.name: slot for slot in slots}
    pairs = []
    for position, argument in enumerate(distribution.arguments):
        slot = by_name.get(argument.name) if argument.name is not None else _positional(slots, position)
        if slot is not None:
            pairs.append((slot, argument.value))
    return tuple(pairs)


def _positional(slots: tuple[Slot, ...], position: int) -> Slot | None:
    if position < len(slots):
        return slots[position]
    return slots[-1] if slots and slots[-1].name == "eta" else None


def _choose(row: DistributionRow, names: set[str]) -> tuple[Slot, ...]:
    candidates = (row.slots, *row.alternatives)
    return next((slots for slots in candidates if names <= {slot.name for slot in slots}), row.slots)


def symbols_in(expr: tree.Expr, aggregate: tree.Call | None = None) -> Iterator[tuple[tree.Symbol, tree.Call | None]]:
    """Yield every symbol of an expression with the innermost aggregate around it, left to right."""
    stack: list[tuple[tree.Expr, tree.Call | None]] = [(expr, aggregate)]
    while stack:
        node, around = stack.pop()
        match node:
            case tree.Symbol():
                yield node, around
            case tree.Unary(operand=operand):
                stack.append((operand, around))
            case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
                stack += [(right, around), (left, around)]
            case tree.Call(arguments=arguments):
                inner = node if is_aggregate(node) or node.function not in _KNOWN else around
                stack += [(argument.value, inner) for argument in reversed(arguments)]
            case tree.TupleExpr(items=items):
                stack += [(item, around) for item in reversed(items)]
            case tree.Number() | tree.String():
                pass


def occurrences(statement: tree.Stochastic | tree.Deterministic) -> Iterator[Occurrence]:
    """Yield every symbol on the right of a statement that is a value (not an index, a label or a new name)."""
    if isinstance(statement, tree.Deterministic):
        for symbol, aggregate in symbols_in(statement.right):
            yield Occurrence(symbol, None, aggregate)
        return
    yield from _in_distribution(statement.distribution)


def _in_distribution(distribution: tree.Distribution) -> Iterator[Occurrence]:
    for slot, value in arguments_by_slot(distribution):
        if isinstance(value, tree.Distribution):
            yield from _in_distribution(value)
        elif slot.kind == "covariance":
            yield from _in_covariance(value)
        elif slot.kind == "new name":
            if isinstance(value, tree.Symbol):
                yield Occurrence(value, slot, None)
        elif slot.kind == "value":
            if isinstance(value, tree.Symbol):
                yield Occurrence(value, slot, None)
            else:
                for symbol, aggregate in symbols_in(value):
                    yield Occurrence(symbol, None, aggregate)


_NEW_COVARIANCE = Slot("cov", role="covariance", range="positive definite", kind="covariance")
_DIAGONAL_SD = Slot("sd", role="standard deviation", range="positive")
_MATRIX = Slot("matrix", role="known matrix", range="", kind="covariance")


def _in_covariance(value: tree.Expr) -> Iterator[Occurrence]:
    """Yield what stands in a covariance: a new name, or the parameters of a structure, or a known matrix."""
    if isinstance(value, tree.Symbol):
        yield Occurrence(value, _MATRIX if value.subscripts else _NEW_COVARIANCE, None)
    elif isinstance(value, tree.Call) and value.function in COVARIANCES:
        slots = COVARIANCES[value.function]
        for position, argument in enumerate(value.arguments):
            slot = slots[position] if slots else _DIAGONAL_SD
            if isinstance(argument.value, tree.Symbol):
                yield Occurrence(argument.value, slot, None)
            else:
                yield from (Occurrence(symbol, None, around) for symbol, around in symbols_in(argument.value))
    else:
        for symbol, around in symbols_in(value):
            repeated = len({s.name for s in symbol.subscripts}) < len(symbol.subscripts)
            yield Occurrence(symbol, _MATRIX if repeated else _DIAGONAL_SD, around)


def strings_as_values(statement: tree.Stochastic | tree.Deterministic) -> Iterator[tree.String]:
    """Yield the strings that stand as values: neither a label in a comparison nor a reference."""
    if isinstance(statement, tree.Deterministic):
        yield from _strings_in(statement.right)
        return
    stack = [statement.distribution]
    while stack:
        for slot, value in arguments_by_slot(stack.pop()):
            if isinstance(value, tree.Distribution):
                stack.append(value)
            elif slot.kind != "label":
                yield from _strings_in(value)


def _strings_in(expr: tree.Expr) -> Iterator[tree.String]:
    stack = [expr]
    while stack:
        match stack.pop():
            case tree.String() as string:
                yield string
            case tree.Unary(operand=operand):
                stack.append(operand)
            case tree.Binary(left=left, right=right):
                stack += [left, right]
            case tree.Compare(left=left, right=right):
                stack += [side for side in (left, right) if not isinstance(side, tree.String)]
            case tree.Call(arguments=arguments):
                stack += [argument.value for argument in arguments]
            case tree.TupleExpr(items=items):
                stack += items
            case _:
                pass
