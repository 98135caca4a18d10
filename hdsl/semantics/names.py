"""Mistakes of names (HM1xx): circles, misplaced distributions and strings, indices as values, forgotten names."""

from __future__ import annotations

from hdsl.diagnostics import Label
from hdsl.families import DISTRIBUTIONS, WRAPPERS
from hdsl.form.expr import show_index_set, show_symbol
from hdsl.semantics.record import Entity, Key, Role
from hdsl.semantics.scope import Scope, is_data_only
from hdsl.semantics.walk import occurrences, strings_as_values
from hdsl.syntax import tree

__all__ = ["check_names"]

_UNKNOWN = (Role.COEFFICIENT, Role.UNMODELLED, Role.PARAMETER)


def check_names(scope: Scope, entities: dict[Key, Entity]) -> None:
    """Add every mistake of names to what the scope has found."""
    _check_circles(scope)
    _check_distributions(scope, entities)
    _check_strings(scope)
    _check_both(scope, entities)
    _check_index_values(scope, entities)
    _check_forgotten(scope, entities)
    _check_outcomes(scope, entities)


def _check_circles(scope: Scope) -> None:
    """Refuse definitions and coefficients that lead back to themselves (HM103)."""
    state: dict[Key, int] = {}

    def visit(key: Key, path: tuple[Key, ...]) -> None:
        left = scope.left.get(key)
        if left is None or state.get(key) == 2:
            return
        if key in path:
            way = "break the circle" if len(path) - path.index(key) > 1 else "use another name on the left"
            circle = " → ".join(f"`{show_symbol(*k)}`" for k in [*path[path.index(key) :], key])
            scope.found.error(
                "HM103",
                f"`{show_symbol(*key)}` is defined in terms of itself: {way}",
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


def _check_distributions(scope: Scope, entities: dict[Key, Entity]) -> None:
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
        why = "used by no statement, so it is read as observed" if use == "outcome" else "used by another statement"
        scope.found.error(
            "HM007",
            f"{_PLACES[use]} such as `{entity.printed}` cannot be `{distribution.name}`: take `normal`, say",
            distribution.name_span,
            notes=(f"`{entity.printed}` is {why}",),
            help=f"{_PLACES[use]} can have {allowed}",
        )


def _check_strings(scope: Scope) -> None:
    """Refuse a string that stands as a value: it is a label in a comparison, or the name of a column (HM110)."""
    row = scope.order.row
    for statement in scope.program.statements:
        if isinstance(statement, tree.Stochastic | tree.Deterministic):
            for string in strings_as_values(statement):
                scope.found.error(
                    "HM110",
                    f"a string cannot be a value: write `x[{row}]` for the column, or compare with `==`",
                    string.span,
                    help=f'write `x[{row}]` for a column (and `data x[{row}] = "{string.value}"` if its name is no '
                    f'word), or compare: `use[{row}] == "Y"`',
                )


def _check_both(scope: Scope, entities: dict[Key, Entity]) -> None:
    """Refuse a symbol with a distribution and a definition that is not from data (HM106), and names with two roles."""
    for key, left in scope.left.items():
        if left.stochastic is not None and left.definition is not None and not is_data_only(scope, key):
            scope.found.error(
                "HM106",
                f"`{show_symbol(*key)}` has both a distribution and a definition: rename the definition",
                left.definition.left.span,
                secondary=(Label(span=left.stochastic.left.span, text="its distribution"),),
                help="give the definition another name and use that as the mean: `y[i] ~ normal(mu[i], sd)`",
            )
    for entity in entities.values():
        if entity.role in (Role.COVARIANCE, Role.THRESHOLDS):
            other = next((use for use in entity.uses if use.role != entity.role.value), None)
            if other is not None:
                scope.found.error(
                    "HM106",
                    f"`{entity.name}` is a {entity.role.value}, so it cannot be a value too: rename one",
                    other.symbol.span,
                    secondary=(Label(span=entity.span, text=f"a {entity.role.value} here"),),
                    help="use another name for one of the two",
                )


def _check_index_values(scope: Scope, entities: dict[Key, Entity]) -> None:
    """Refuse an index that stands as a value (HM102)."""
    for entity in entities.values():
        if entity.role is Role.PARAMETER and entity.key not in scope.left and entity.name in scope.order.indices:
            index = scope.order.indices[entity.name]
            row = scope.order.row
            ways = dict.fromkeys(f"`{column}[{row}]`" for column in (index.column, entity.name) if column is not None)
            scope.found.error(
                "HM102",
                f"`{entity.name}` is an index, not a value: write {next(iter(ways))} for the column",
                entity.span,
                help=f"write {' or '.join(ways)} for the column meant, or use another name for the parameter",
            )


def _check_forgotten(scope: Scope, entities: dict[Key, Entity]) -> None:
    """Warn of a column that bears a coefficient's name (HM107), and of what no statement uses (HM108)."""
    named = {e.name: e for e in entities.values() if e.role in (*_UNKNOWN, Role.DEFINITION) or _is_bare_outcome(e)}
    has_outcome = any(e.role is Role.OUTCOME for e in entities.values())
    for entity in entities.values():
        if entity.role is Role.DATA and entity.data is None and (other := named.get(entity.name)) is not None:
            scope.found.warning(
                "HM107",
                f"`{entity.printed}` is read as the column `{entity.name}`: write its equation, "
                f"or `data {entity.printed}`",
                entity.span,
                secondary=(Label(span=other.span, text=f"`{other.printed}`, {other.role.value}"),),
                help=f"write its equation (`{entity.printed} ~ normal(.., sd)`), "
                f"or `data {entity.printed}` if it is observed",
            )
        unused = entity.key in scope.left and not entity.uses and has_outcome
        if (unused and entity.role in (Role.UNMODELLED, Role.PARAMETER)) or (
            unused and entity.role in (Role.DEFINITION, Role.DATA_DEFINITION) and entity.stochastic is None
        ):
            scope.found.warning(
                "HM108",
                f"no statement uses `{entity.printed}`: use it or remove it",
                entity.span,
                help="use it in an equation, or remove it",
            )


def _is_bare_outcome(entity: Entity) -> bool:
    """Whether a symbol is observed only because no statement uses it: a coefficient with other subscripts, perhaps."""
    return entity.role is Role.OUTCOME and entity.stochastic is not None and entity.data is None and not entity.uses


def _check_outcomes(scope: Scope, entities: dict[Key, Entity]) -> None:
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
                f"`{entity.printed}` counts as an outcome: use it in an equation, or write `data {entity.printed}`",
                entity.span,
                help=f"use `{entity.printed}` in an equation if it is a coefficient, "
                f"or write `data {entity.printed}` if it is observed",
            )


def _report_no_outcome(scope: Scope, entities: dict[Key, Entity]) -> None:
    unused = [e for e in entities.values() if e.role is Role.DEFINITION and not e.uses]
    if unused:
        first = unused[0]
        row = show_index_set(first.index_set)
        scope.found.error(
            "HM304",
            f"`{first.printed}` has no error: write `{first.printed} ~ normal(.., sd)`",
            first.span,
            help=f"write `{first.printed} ~ normal(.., sd)`, or add `+ e[{row}]` with `e[{row}] ~ normal(0, sd)`",
        )
        return
    last = scope.program.statements[-1].span if scope.program.statements else None
    scope.found.error(
        "HM104",
        f"the model has no outcome: add `y[{scope.order.row}] ~ ..` for what is observed",
        last,
        help=f"say how the observed variable is distributed: `y[{scope.order.row}] ~ normal(.., sd)`",
    )
