"""Index statements and subscripts → the indices of a model, in order, and what each lies in by declaration."""

from __future__ import annotations

from dataclasses import replace

from hdsl.diagnostics import Diagnostics, Label
from hdsl.form.expr import IndexSet
from hdsl.form.model import Index
from hdsl.semantics.levels import Order
from hdsl.semantics.walk import arguments_by_slot, left_symbols, occurrences
from hdsl.source import Source, Span
from hdsl.syntax import tree

__all__ = ["collect_indices"]

DEFAULT_ROW = "i"


def collect_indices(program: tree.Program, source: Source, found: Diagnostics) -> Order:
    """Return every index of a program, declared or used, the row index first.

    Raises nothing: mistakes go to `found` (HM101, HM201, HM202).
    """
    declared: dict[str, tree.IndexStatement] = {}
    for statement in program.statements:
        if not isinstance(statement, tree.IndexStatement):
            continue
        if (first := declared.get(statement.name)) is not None:
            found.error(
                "HM101",
                f"index `{statement.name}` is declared twice: keep one",
                statement.name_span,
                secondary=(Label(span=first.name_span, text="first declared here"),),
                help="keep one of the two statements",
            )
            continue
        declared[statement.name] = statement
    row = _row_index(declared, source, found)
    indices: dict[str, Index] = {
        row: Index(name=row, column=None, span=declared[row].name_span if row in declared else None)
    }
    for name, statement in declared.items():
        if name != row:
            parents = (statement.parent,) if statement.parent is not None else ()
            indices[name] = Index(name=name, column=statement.column, parents=parents, span=statement.name_span)
    for name, span in _subscripts(program):
        if name not in indices:
            indices[name] = Index(name=name, column=name, span=span)
    _check_circles(declared, indices, found)
    order = Order(indices=indices, row=row, free=_free_indices(program, indices))
    return replace(order, written=_written(program, order))


def _row_index(declared: dict[str, tree.IndexStatement], source: Source, found: Diagnostics) -> str:
    rows = [s for s in declared.values() if s.column == "rows" and not _is_quoted(s.column_span, source)]
    for extra in rows[1:]:
        found.error(
            "HM202",
            f"the row index is declared twice, as `{rows[0].name}` and as `{extra.name}`: keep one",
            extra.span,
            secondary=(Label(span=rows[0].span, text="first declared here"),),
            help='keep one; a column that is called rows is written `index j = "rows"`',
        )
    if rows:
        return rows[0].name
    if DEFAULT_ROW in declared:
        statement = declared[DEFAULT_ROW]
        found.error(
            "HM202",
            f"`{DEFAULT_ROW}` is the row index, so it cannot run over `{statement.column}`: rename it",
            statement.name_span,
            help="use another letter, or name the rows yourself: `index r = rows`",
        )
    return DEFAULT_ROW


def _is_quoted(span: Span, source: Source) -> bool:
    return source.text[span.start : span.start + 1] == '"'


def _subscripts(program: tree.Program) -> list[tuple[str, Span]]:
    """Every index name that is used, with its first place, in the order of the text."""
    names: dict[str, Span] = {}
    for statement in program.statements:
        if isinstance(statement, tree.IndexStatement):
            if statement.parent is not None and statement.parent_span is not None:
                names.setdefault(statement.parent, statement.parent_span)
            continue
        for symbol in (*_left(statement), *_right(statement)):
            for subscript in symbol.subscripts:
                names.setdefault(subscript.name, subscript.span)
    return list(names.items())


def _left(statement: tree.Statement) -> tuple[tree.Symbol, ...]:
    """Return the symbols that a statement is about."""
    if isinstance(statement, tree.IndexStatement):
        return ()
    return (statement.symbol,) if isinstance(statement, tree.DataStatement) else tuple(left_symbols(statement))


def _right(statement: tree.Statement) -> tuple[tree.Symbol, ...]:
    """Return the symbols that a statement uses."""
    if isinstance(statement, tree.IndexStatement | tree.DataStatement):
        return ()
    return tuple(occurrence.symbol for occurrence in occurrences(statement))


def _written(program: tree.Program, order: Order) -> dict[frozenset[str], IndexSet]:
    """Return each set of several indices in the order in which it is first written, on left sides before right ones."""
    found: dict[frozenset[str], IndexSet] = {}
    for side in (_left, _right):
        for symbol in (symbol for statement in program.statements for symbol in side(statement)):
            names = tuple(dict.fromkeys(subscript.name for subscript in symbol.subscripts))
            kept = frozenset(order.canonical(names))
            if len(kept) > 1:
                found.setdefault(kept, tuple(name for name in names if name in kept))
    return found


def _check_circles(declared: dict[str, tree.IndexStatement], indices: dict[str, Index], found: Diagnostics) -> None:
    for name, statement in declared.items():
        seen = [name]
        while (parents := indices[seen[-1]].parents) and parents[0] in indices and parents[0] not in seen:
            seen.append(parents[0])
        if parents and parents[0] == name:
            circle = " in ".join([*seen, name])
            found.error(
                "HM201",
                f"an index lies in itself, `{circle}`: remove one `in`",
                statement.parent_span,
                help="remove one `in`: the coarsest index lies in nothing",
            )
            return


def _free_indices(program: tree.Program, indices: dict[str, Index]) -> frozenset[str]:
    """Return the indices over the categories of a nominal outcome: the row does not determine them."""
    free = set()
    for statement in program.statements:
        if isinstance(statement, tree.Stochastic) and statement.distribution.name == "categorical":
            outcome = left_symbols(statement)[0]
            for _, value in arguments_by_slot(statement.distribution):
                if isinstance(value, tree.Symbol):
                    over = {s.name for s in value.subscripts} - {s.name for s in outcome.subscripts}
                    free |= {name for name in over if indices[name].column == outcome.name}
    return frozenset(free)
