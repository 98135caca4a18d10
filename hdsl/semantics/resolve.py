"""Syntax tree → resolved model: what every name is.

Input `hdsl.syntax.tree.Program`, output `ResolvedModel`. The rules are those of the language reference, "What a name
is", applied in its order. All mistakes of a file are collected; `resolve` itself raises nothing.
"""

from __future__ import annotations

from hdsl.diagnostics import Diagnostics
from hdsl.form.expr import IndexSet
from hdsl.form.model import Nesting
from hdsl.semantics.indices import collect_indices
from hdsl.semantics.levels import Levels, Order
from hdsl.semantics.names import check_names
from hdsl.semantics.nesting import check_levels
from hdsl.semantics.record import Entity, Key, ResolvedModel, Role
from hdsl.semantics.scope import Left, Scope, collect_scope, has_modelled_term, is_data_only
from hdsl.source import Source
from hdsl.syntax import tree

__all__ = ["resolve"]


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
    scope = collect_scope(program, order, found)
    entities = {key: _entity(scope, key) for key in [*scope.left, *(k for k in scope.uses if k not in scope.left)]}
    check_names(scope, entities)
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


def _role(scope: Scope, key: Key) -> Role:
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
    if is_data_only(scope, key):
        return Role.DATA_DEFINITION
    if not uses and has_modelled_term(scope, key):
        return Role.OUTCOME
    return Role.DEFINITION


def _role_of_stochastic(scope: Scope, key: Key, left: Left, is_used: bool) -> Role:
    is_flat = left.stochastic is not None and left.stochastic.distribution.name == "flat"
    if left.data is not None or (left.definition is not None and is_data_only(scope, key)):
        return Role.OUTCOME
    if not key[1]:
        return Role.PARAMETER
    if is_flat:
        return Role.UNMODELLED
    return Role.COEFFICIENT if is_used else Role.OUTCOME


def _entity(scope: Scope, key: Key) -> Entity:
    left = scope.left.get(key, Left())
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
