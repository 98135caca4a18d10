"""What is known of a program while its names are resolved: who stands on the left of what, and who uses whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from hdsl.diagnostics import Diagnostics, Label
from hdsl.form.expr import show_symbol
from hdsl.semantics.levels import Order
from hdsl.semantics.record import Key, Role, Use
from hdsl.semantics.walk import Occurrence, left_symbols, occurrences
from hdsl.source import Span
from hdsl.syntax import tree

__all__ = ["CONSTANTS", "Left", "Scope", "collect_scope", "has_modelled_term", "is_data_only"]

CONSTANTS = frozenset({"pi"})
"""Names that are numbers unless a statement declares them."""

_NEW_NAMES = {"covariance": Role.COVARIANCE, "new name": Role.THRESHOLDS}


@dataclass(slots=True)
class Left:
    """The statements that a symbol stands on the left of, with their positions."""

    stochastic: tree.Stochastic | None = None
    definition: tree.Deterministic | None = None
    data: tree.DataStatement | None = None
    position: int = 0
    span: Span | None = None


@dataclass(slots=True)
class Scope:
    """What is known of a program while its names are resolved."""

    program: tree.Program
    order: Order
    found: Diagnostics
    left: dict[Key, Left] = field(default_factory=dict)
    uses: dict[Key, list[Use]] = field(default_factory=dict)
    data_only: dict[Key, bool] = field(default_factory=dict)

    def key(self, symbol: tree.Symbol) -> Key:
        """Return a symbol's name and canonical index set."""
        return symbol.name, self.order.canonical(s.name for s in symbol.subscripts)


def collect_scope(program: tree.Program, order: Order, found: Diagnostics) -> Scope:
    """Gather every left side and every use of a program; a symbol declared twice goes to `found` (HM101)."""
    scope = Scope(program=program, order=order, found=found)
    _collect_left(scope)
    _collect_uses(scope)
    return scope


def _collect_left(scope: Scope) -> None:
    for position, statement in enumerate(scope.program.statements):
        if isinstance(statement, tree.IndexStatement):
            continue
        symbols = (statement.symbol,) if isinstance(statement, tree.DataStatement) else left_symbols(statement)
        for symbol in symbols:
            known = scope.left.setdefault(scope.key(symbol), Left(position=position, span=symbol.span))
            match statement:
                case tree.Stochastic():
                    _once(scope, known.stochastic, symbol, known, "has two distributions")
                    known.stochastic = known.stochastic or statement
                    known.position, known.span = position, symbol.span
                case tree.Deterministic():
                    _once(scope, known.definition, symbol, known, "is defined twice")
                    known.definition = known.definition or statement
                case tree.DataStatement():
                    _once(scope, known.data, symbol, known, "is declared twice")
                    known.data = known.data or statement


def _once(scope: Scope, before: object, symbol: tree.Symbol, known: Left, what: str) -> None:
    if before is None:
        return
    others = [Label(span=known.span, text="first here")] if known.span is not None else []
    scope.found.error(
        "HM101",
        f"`{show_symbol(*scope.key(symbol))}` {what}: keep one, or rename one",
        symbol.span,
        secondary=others,
        help="keep one of the two statements, or give one of them another name",
    )


def _collect_uses(scope: Scope) -> None:
    for position, statement in enumerate(scope.program.statements):
        if not isinstance(statement, tree.Stochastic | tree.Deterministic):
            continue
        for occurrence in occurrences(statement):
            key = scope.key(occurrence.symbol)
            if key[0] in CONSTANTS and not key[1] and key not in scope.left:
                continue
            scope.uses.setdefault(key, []).append(_use(key, occurrence, position))


def _use(key: Key, occurrence: Occurrence, position: int) -> Use:
    slot = occurrence.slot
    if slot is None:
        return Use(key=key, symbol=occurrence.symbol, statement=position)
    is_new = slot.kind in _NEW_NAMES and slot.name != "matrix"
    role = _NEW_NAMES[slot.kind].value if is_new else slot.role
    return Use(key=key, symbol=occurrence.symbol, statement=position, slot=slot.name, role=role, range=slot.range)


def is_data_only(scope: Scope, key: Key, within: tuple[Key, ...] = ()) -> bool:
    """Whether a symbol follows from data alone."""
    if key in scope.data_only:
        return scope.data_only[key]
    left = scope.left.get(key)
    if key in within:
        answer = False
    elif left is None:
        answer = bool(key[1])
    elif left.data is not None:
        answer = True
    else:
        answer = left.definition is not None and _reads_data_only(scope, left.definition, (*within, key))
    if not within:
        scope.data_only[key] = answer
    return answer


def _reads_data_only(scope: Scope, statement: tree.Deterministic, within: tuple[Key, ...]) -> bool:
    if statement.left.link is not None:
        return False
    keys = (scope.key(occurrence.symbol) for occurrence in occurrences(statement))
    return all((key[0] in CONSTANTS and not key[1]) or is_data_only(scope, key, within) for key in keys)


def has_modelled_term(scope: Scope, key: Key, seen: frozenset[Key] = frozenset()) -> bool:
    """Whether the right side of a definition reaches a modelled coefficient."""
    left = scope.left.get(key)
    if left is None or left.definition is None or key in seen:
        return False
    for occurrence in occurrences(left.definition):
        other = scope.key(occurrence.symbol)
        if other[1] and _is_modelled(scope.left.get(other)):
            return True
        if has_modelled_term(scope, other, seen | {key}):
            return True
    return False


def _is_modelled(left: Left | None) -> bool:
    return left is not None and left.stochastic is not None and left.stochastic.distribution.name != "flat"
