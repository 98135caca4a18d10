"""Syntax tree → resolved model: what every name is.

Input `hdsl.syntax.tree.Program`, output `ResolvedModel`. The rules are those of the language reference, "What a name is",
applied in its order. All mistakes of a file are collected; `resolve` itself raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hdsl.diagnostics import Diagnostics, Label
from hdsl.families import DISTRIBUTIONS, WRAPPERS
from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.model import Nesting
from hdsl.semantics.indices import collect_indices
from hdsl.semantics.levels import Levels, Order
from hdsl.semantics.nesting import check_levels
from hdsl.semantics.record import Entity, Key, ResolvedModel, Role, Use
from hdsl.semantics.walk import left_symbols, occurrences, strings_as_values
from hdsl.source import Source, Span
from hdsl.syntax import tree

__all__ = ["resolve"]

_UNKNOWN = (Role.COEFFICIENT, Role.UNMODELLED, Role.PARAMETER)
_CONSTANTS = frozenset({"pi"})
_NEW_NAMES = {"covariance": Role.COVARIANCE, "new name": Role.THRESHOLDS}


@dataclass(slots=True)
class _Left:
    """Statements that a symbol stands on the left of, with their positions."""

    stochastic: tree.Stochastic | None = None
    definition: tree.Deterministic | None = None
    data: tree.DataStatement | None = None
    position: int = 0
    span: Span | None = None


@dataclass(slots=True)
class _Scope:
    """What is known of a program while its names are resolved."""

    program: tree.Program
    order: Order
    found: Diagnostics
    left: dict[Key, _Left] = field(default_factory=dict)
    uses: dict[Key, list[Use]] = field(default_factory=dict)
    data_only: dict[Key, bool] = field(default_factory=dict)

    def key(self, symbol: tree.Symbol) -> Key:
        return symbol.name, self.order.canonical(s.name for s in symbol.subscripts)


def resolve(program: tree.Program, source: Source, found: Diagnostics) -> ResolvedModel:
    """Find out what every name of a program is, and which levels it has.

    Parameters
    ----------
    program : Program
    source : Source
    found : Diagnostics
        Receives every mistake (HM1xx, HM2xx), warning and note.

    Returns
    -------
    ResolvedModel
        Meaningful only if `found` has no errors.
    """
    order = collect_indices(program, source, found)
    scope = _Scope(program=program, order=order, found=found)
    _collect_left(scope)
    _collect_uses(scope)
    entities = {key: _entity(scope, key) for key in [*scope.left, *(k for k in scope.uses if k not in scope.left)]}
    _check_names(scope, entities)
    nestings = check_levels(program, order, entities, found)
    return ResolvedModel(
        source=source,
        program=program,
        indices=dict(order.indices),
        free=order.free,
        entities=entities,
        nestings=nestings,
        levels=_levels(order, entities, nestings),
    )


def _collect_left(scope: _Scope) -> None:
    for position, statement in enumerate(scope.program.statements):
        if isinstance(statement, tree.IndexStatement):
            continue
        symbols = (statement.symbol,) if isinstance(statement, tree.DataStatement) else left_symbols(statement)
        for symbol in symbols:
            known = scope.left.setdefault(scope.key(symbol), _Left(position=position, span=symbol.span))
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


def _once(scope: _Scope, before: object, symbol: tree.Symbol, known: _Left, what: str) -> None:
    if before is None:
        return
    others = [Label(span=known.span, text="first here")] if known.span is not None else []
    scope.found.error(
        "HM101",
        f"`{show_symbol(*scope.key(symbol))}` {what}",
        symbol.span,
        secondary=others,
        help="keep one of the two statements, or give one of them another name",
    )


def _collect_uses(scope: _Scope) -> None:
    for position, statement in enumerate(scope.program.statements):
        if not isinstance(statement, tree.Stochastic | tree.Deterministic):
            continue
        for occurrence in occurrences(statement):
            key = scope.key(occurrence.symbol)
            if key[0] in _CONSTANTS and not key[1] and key not in scope.left:
                continue
            slot = occurrence.slot
            use = Use(
                key=key,
                symbol=occurrence.symbol,
                statement=position,
                slot=slot.name if slot is not None else None,
                role=_NEW_NAMES[slot.kind].value
                if slot is not None and _is_new_name(slot.name, slot.kind)
                else slot.role
                if slot is not None
                else None,
                range=slot.range if slot is not None else None,
            )
            scope.uses.setdefault(key, []).append(use)


def _is_new_name(name: str, kind: str) -> bool:
    return kind in _NEW_NAMES and name != "matrix"


def _is_data_only(scope: _Scope, key: Key, within: tuple[Key, ...] = ()) -> bool:
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
    elif (left.definition is not None and left.stochastic is None) or (
        left.definition is not None and left.stochastic is not None
    ):
        answer = _reads_data_only(scope, left.definition, (*within, key))
    else:
        answer = False
    if not within:
        scope.data_only[key] = answer
    return answer


def _reads_data_only(scope: _Scope, statement: tree.Deterministic, within: tuple[Key, ...]) -> bool:
    if statement.left.link is not None:
        return False
    keys = (scope.key(occurrence.symbol) for occurrence in occurrences(statement))
    return all((key[0] in _CONSTANTS and not key[1]) or _is_data_only(scope, key, within) for key in keys)


def _has_modelled_term(scope: _Scope, key: Key, seen: frozenset[Key] = frozenset()) -> bool:
    """Whether the right side of a definition reaches a modelled coefficient."""
    left = scope.left.get(key)
    if left is None or left.definition is None or key in seen:
        return False
    for occurrence in occurrences(left.definition):
        other = scope.key(occurrence.symbol)
        before = scope.left.get(other)
        if (
            before is not None
            and before.stochastic is not None
            and before.stochastic.distribution.name != "flat"
            and other[1]
        ):
            return True
        if _has_modelled_term(scope, other, seen | {key}):
            return True
    return False


def _role(scope: _Scope, key: Key) -> Role:
    """Apply the rules of "What a name is"."""
    left = scope.left.get(key)
    uses = scope.uses.get(key, [])
    new = next((use.role for use in uses if use.role in (Role.COVARIANCE.value, Role.THRESHOLDS.value)), None)
    if left is None or (left.stochastic is None and left.definition is None):
        if new is not None:
            return Role(new)
        if any(use.slot == "matrix" for use in uses):
            return Role.MATRIX
        return Role.DATA if key[1] or left is not None else Role.PARAMETER
    if left.stochastic is not None:
        return _role_of_stochastic(scope, key, left, bool(uses))
    if _is_data_only(scope, key):
        return Role.DATA_DEFINITION
    if not uses and _has_modelled_term(scope, key):
        return Role.OUTCOME
    return Role.DEFINITION


def _role_of_stochastic(scope: _Scope, key: Key, left: _Left, is_used: bool) -> Role:
    is_flat = left.stochastic is not None and left.stochastic.distribution.name == "flat"
    if left.data is not None or (left.definition is not None and _is_data_only(scope, key)):
        return Role.OUTCOME
    if not key[1]:
        return Role.PARAMETER
    if is_flat:
        return Role.UNMODELLED
    return Role.COEFFICIENT if is_used else Role.OUTCOME


def _entity(scope: _Scope, key: Key) -> Entity:
    left = scope.left.get(key, _Left())
    uses = tuple(scope.uses.get(key, ()))
    span = left.span if left.span is not None else uses[0].symbol.span
    position = left.position if key in scope.left else uses[0].statement
    return Entity(
        key=key,
        role=_role(scope, key),
        stochastic=left.stochastic,
        definition=left.definition,
        data=left.data,
        uses=uses,
        position=position,
        span=span,
    )


def _check_names(scope: _Scope, entities: dict[Key, Entity]) -> None:
    _check_circles(scope)
    _check_distributions(scope, entities)
    _check_strings(scope)
    _check_both(scope, entities)
    _check_index_values(scope, entities)
    _check_forgotten(scope, entities)
    _check_outcomes(scope, entities)


def _check_circles(scope: _Scope) -> None:
    """Refuse definitions and coefficients that lead back to themselves (HM103)."""
    state: dict[Key, int] = {}

    def visit(key: Key, path: tuple[Key, ...]) -> None:
        left = scope.left.get(key)
        if left is None or state.get(key) == 2:
            return
        if key in path:
            circle = " → ".join(f"`{show_symbol(*k)}`" for k in [*path[path.index(key) :], key])
            scope.found.error(
                "HM103",
                f"`{show_symbol(*key)}` is defined in terms of itself",
                left.span,
                notes=(f"the circle is {circle}",) if len(path) - path.index(key) > 1 else (),
                help="a coefficient and the mean of its equation are different symbols: `beta0[j] ~ normal(beta0, sd)`",
            )
            return
        for statement in (left.stochastic, left.definition):
            if statement is not None:
                for occurrence in occurrences(statement):
                    other = scope.key(occurrence.symbol)
                    if other != key or statement is left.definition or left.definition is None:
                        visit(other, (*path, key))
        state[key] = 2

    for key in scope.left:
        visit(key, ())


_USES = {
    Role.OUTCOME: "outcome",
    Role.COEFFICIENT: "coefficient",
    Role.PARAMETER: "prior",
    Role.UNMODELLED: "coefficient",
}
_PLACES = {"outcome": "an outcome", "coefficient": "coefficients", "prior": "a parameter"}


def _check_distributions(scope: _Scope, entities: dict[Key, Entity]) -> None:
    """Refuse a distribution that cannot stand where it does, such as counts for coefficients (HM007)."""
    for entity in entities.values():
        if entity.stochastic is None or entity.role not in _USES:
            continue
        distribution = entity.stochastic.distribution
        use = _USES[entity.role]
        row = DISTRIBUTIONS.get(distribution.name) or WRAPPERS.get(distribution.name)
        if row is None or use in row.uses:
            continue
        allowed = ", ".join(name for name, other in DISTRIBUTIONS.items() if use in other.uses)
        scope.found.error(
            "HM007",
            f"`{distribution.name}` cannot be the distribution of {_PLACES[use]} (`{entity.printed}`)",
            distribution.name_span,
            notes=(
                f"`{entity.printed}` is {'used by no statement, so it is read as observed' if use == 'outcome' else 'not observed: another statement uses it'}",
            ),
            help=f"{_PLACES[use]} can have {allowed}",
        )


def _check_strings(scope: _Scope) -> None:
    """Refuse a string that stands as a value: it is a label in a comparison, or the column of an index or of data (HM110)."""
    for statement in scope.program.statements:
        if isinstance(statement, tree.Stochastic | tree.Deterministic):
            for string in strings_as_values(statement):
                scope.found.error(
                    "HM110",
                    "a string cannot be a value",
                    string.span,
                    help=f'write `x[{scope.order.row}]` for a column (and `data x[{scope.order.row}] = "{string.value}"` if its name is no word), '
                    f'or compare: `use[{scope.order.row}] == "Y"`',
                )


def _check_both(scope: _Scope, entities: dict[Key, Entity]) -> None:
    """Refuse a symbol with a distribution and a definition that is not from data (HM106), and names with two roles."""
    for key, left in scope.left.items():
        if left.stochastic is not None and left.definition is not None and not _is_data_only(scope, key):
            scope.found.error(
                "HM106",
                f"`{show_symbol(*key)}` has both a distribution and a definition",
                left.definition.left.span,
                secondary=(Label(span=left.stochastic.left.span, text="its distribution"),),
                help="give the definition another name and use it as the mean: `mu[i] = ..`, `y[i] ~ normal(mu[i], sd)`",
            )
    for entity in entities.values():
        if entity.role in (Role.COVARIANCE, Role.THRESHOLDS):
            other = next((use for use in entity.uses if use.role != entity.role.value), None)
            if other is not None:
                scope.found.error(
                    "HM106",
                    f"`{entity.name}` is a {entity.role.value} and cannot be a value too",
                    other.symbol.span,
                    secondary=(Label(span=entity.span, text=f"a {entity.role.value} here"),),
                    help="use another name for one of the two",
                )


def _check_index_values(scope: _Scope, entities: dict[Key, Entity]) -> None:
    """Refuse an index that stands as a value (HM102)."""
    for entity in entities.values():
        if entity.role is Role.PARAMETER and entity.key not in scope.left and entity.name in scope.order.indices:
            index = scope.order.indices[entity.name]
            row = scope.order.row
            ways = dict.fromkeys(f"`{column}[{row}]`" for column in (index.column, entity.name) if column is not None)
            scope.found.error(
                "HM102",
                f"`{entity.name}` is an index, so it cannot stand as a value",
                entity.span,
                help=f"write {' or '.join(ways)} for the column meant, or use another name for the parameter",
            )


def _check_forgotten(scope: _Scope, entities: dict[Key, Entity]) -> None:
    """Warn of a column that bears a coefficient's name (HM107), and of what no statement uses (HM108)."""
    named = {e.name: e for e in entities.values() if e.role in (*_UNKNOWN, Role.DEFINITION)}
    has_outcome = any(e.role is Role.OUTCOME for e in entities.values())
    for entity in entities.values():
        if entity.role is Role.DATA and entity.data is None and (other := named.get(entity.name)) is not None:
            scope.found.warning(
                "HM107",
                f"`{entity.printed}` has no equation, so it is read as the column `{entity.name}`",
                entity.span,
                secondary=(Label(span=other.span, text=f"`{other.printed}` is a {other.role.value}"),),
                help=f"write its equation (`{entity.printed} ~ normal(.., sd)`), or `data {entity.printed}` if it is observed",
            )
        unused = entity.key in scope.left and not entity.uses and has_outcome
        if (unused and entity.role in (Role.UNMODELLED, Role.PARAMETER)) or (
            unused and entity.role in (Role.DEFINITION, Role.DATA_DEFINITION) and entity.stochastic is None
        ):
            scope.found.warning(
                "HM108",
                f"no statement uses `{entity.printed}`",
                entity.span,
                help="use it in an equation, or remove it",
            )


def _check_outcomes(scope: _Scope, entities: dict[Key, Entity]) -> None:
    outcomes = [e for e in entities.values() if e.role is Role.OUTCOME]
    if not outcomes:
        _report_no_outcome(scope, entities)
        return
    if len(outcomes) < 2:
        return
    finest = max(len(scope.order.closure(e.index_set)) for e in outcomes)
    for entity in outcomes:
        if len(scope.order.closure(entity.index_set)) < finest and entity.data is None and entity.definition is None:
            scope.found.warning(
                "HM108",
                f"no statement uses `{entity.printed}`, so it is read as a second outcome",
                entity.span,
                help=f"use `{entity.printed}` in an equation if it is a coefficient, or write `data {entity.printed}` if it is observed",
            )


def _report_no_outcome(scope: _Scope, entities: dict[Key, Entity]) -> None:
    unused = [e for e in entities.values() if e.role is Role.DEFINITION and not e.uses]
    if unused:
        first = unused[0]
        scope.found.error(
            "HM304",
            f"`{first.printed}` has no error: nothing on its right side varies at random",
            first.span,
            help=f"write `{first.printed} ~ normal(.., sd)`, or add `+ e[{show_index_set(first.index_set)}]` with `e[..] ~ normal(0, sd)`",
        )
        return
    last = scope.program.statements[-1].span if scope.program.statements else None
    scope.found.error(
        "HM104",
        "the model has no outcome",
        last,
        help=f"say how the observed variable is distributed: `y[{scope.order.row}] ~ normal(.., sd)`",
    )


_NO_LEVEL = (Role.COVARIANCE, Role.MATRIX, Role.THRESHOLDS)


def _levels(order: Order, entities: dict[Key, Entity], nestings: tuple[Nesting, ...]) -> Levels:
    residents: dict[IndexSet, list[str]] = {(order.row,): []}
    for entity in sorted(entities.values(), key=lambda e: e.position):
        if entity.index_set and entity.role not in _NO_LEVEL:
            names = residents.setdefault(entity.index_set, [])
            if entity.name not in names:
                names.append(entity.name)
    for index in order.indices.values():
        for parent in index.parents:
            residents.setdefault((parent,), [])
    levels = Levels(order=order, index_sets=tuple(residents), nestings=nestings, residents={})
    ranked = sorted(residents, key=lambda s: (s != (order.row,), -sum(levels.determines(s, t) for t in residents)))
    return Levels(
        order=order,
        index_sets=tuple(ranked),
        nestings=nestings,
        residents={s: tuple(n) for s, n in residents.items()},
        grouping=frozenset(e.index_set for e in entities.values() if e.role is Role.COEFFICIENT),
    )
