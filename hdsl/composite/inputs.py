"""What a composite model reads: observed columns, definitions from data, unmodelled sets with their references."""

from __future__ import annotations

from hdsl.composite.blocks import Refuse
from hdsl.composite.lower import lower
from hdsl.diagnostics import Diagnostics
from hdsl.form.expr import IndexSet
from hdsl.form.model import DataColumn, Definition, UnmodelledSet
from hdsl.semantics.record import Entity, ResolvedModel, Role
from hdsl.semantics.walk import arguments_by_slot
from hdsl.syntax import tree

__all__ = ["data_columns", "definitions", "unmodelled_set"]


def data_columns(model: ResolvedModel) -> tuple[DataColumn, ...]:
    """Return the observed columns, with every place that uses them."""
    columns = []
    for entity in model.of_role(Role.DATA, Role.OUTCOME):
        if entity.role is Role.OUTCOME and entity.definition is not None and entity.stochastic is not None:
            continue
        spans = (entity.span, *(use.symbol.span for use in entity.uses))
        columns.append(DataColumn(name=entity.name, index_set=entity.index_set, column=entity.column, spans=spans))
    return tuple(columns)


def definitions(model: ResolvedModel) -> tuple[Definition, ...]:
    """Return the definitions from data, each after those that it uses."""
    entities = {e.key: e for e in model.of_role(Role.DATA_DEFINITION)}
    done: dict[tuple[str, IndexSet], Definition] = {}

    def visit(entity: Entity) -> None:
        if entity.key in done or entity.definition is None:
            return
        for use in (u for e in entities.values() for u in e.uses):
            statement = model.program.statements[use.statement]
            if statement is entity.definition and use.key in entities and use.key != entity.key:
                visit(entities[use.key])
        expr = lower(entity.definition.right, entity.index_set, model)
        done[entity.key] = Definition(
            name=entity.name, index_set=entity.index_set, expr=expr, span=entity.definition.span
        )

    for entity in entities.values():
        visit(entity)
    return tuple(done.values())


def unmodelled_set(
    entity: Entity, model: ResolvedModel, found: Diagnostics, refuse: Refuse, *, is_scalar: bool
) -> UnmodelledSet:
    """Return the record of an unmodelled set, its reference labels in the order of its index set.

    `is_scalar` says that it is a parameter of the outcome's distribution, of which each group has one of its own.
    """
    assert entity.stochastic is not None
    references: tuple[str, ...] = ()
    for _, value in arguments_by_slot(entity.stochastic.distribution):
        if isinstance(value, tree.TupleExpr):
            references = tuple(_label(item) for item in value.items)
        elif not isinstance(value, tree.Distribution):
            references = (_label(value),)
    if references and len(references) != len(entity.index_set):
        found.error(
            "HM007",
            f"`ref` of `{entity.printed}` needs {len(entity.index_set)} labels, one for each index",
            entity.stochastic.distribution.span,
            help='write the labels in brackets: `flat(ref = ("a", "b"))`',
        )
        references = ()
    written = _left_order(entity, model)
    if references and written != entity.index_set:
        references = tuple(references[written.index(name)] for name in entity.index_set)
    is_scale = any(use.range == "positive" for use in entity.uses)
    if is_scale and not is_scalar:
        refuse(f"standard deviations `{entity.printed}` that differ by group", entity.span)
    return UnmodelledSet(name=entity.name, index_set=entity.index_set, references=references, span=entity.span)


def _left_order(entity: Entity, model: ResolvedModel) -> IndexSet:
    """Return the index set of an entity in the order in which its statement writes the subscripts."""
    statement = entity.stochastic
    if statement is None or isinstance(statement.left, tree.Joint):
        return entity.index_set
    names = [s.name for s in statement.left.symbol.subscripts]
    return tuple(sorted(entity.index_set, key=names.index))


def _label(value: tree.Expr) -> str:
    match value:
        case tree.String(value=text):
            return text
        case tree.Number(value=number):
            return str(int(number)) if number.is_integer() else repr(number)
        case tree.Symbol(name=name):
            return name
        case tree.Unary(operator="-", operand=tree.Number() as number):
            return f"-{_label(number)}"
        case _:
            return ""
