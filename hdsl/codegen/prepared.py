"""Emit the data of a plan with a density: rows sorted by group, in blocks, and where groups meet."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from hdsl.codegen.channels import channels
from hdsl.codegen.densities import constant_term, density_of, membership
from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.terms import Columns
from hdsl.codegen.tree import Function, Record, Statement, Suite, code, expression, tuple_of, unpack

__all__ = [
    "cell_names",
    "chain_columns",
    "data_record",
    "dense_columns",
    "dense_pairs",
    "prepare",
    "rows_record",
    "starting",
]


def chain_columns(plan_layout: Layout) -> list[Columns]:
    """Return the columns of the chain, those of the finest factor first, as the joint covariance has them."""
    view = channels(plan_layout)
    return [column for factor in plan_layout.chain for column in view.atoms(factor)]


def dense_columns(plan_layout: Layout) -> Iterator[tuple[Factor, int, Columns]]:
    """Yield factor, number and atoms of each column of the dense factors."""
    view = channels(plan_layout)
    for factor in plan_layout.dense:
        for c, column in enumerate(view.atoms(factor)):
            yield factor, c, column


def cell_names(plan_layout: Layout) -> list[tuple[str, Factor, int]]:
    """Return the places where chain and dense factors meet: of each dense column if sparse, else of each factor."""
    if not plan_layout.chain:
        return []
    if plan_layout.is_sparse:
        return [(f"cells{f.number}_{c}", f, c) for f, c, _ in dense_columns(plan_layout)]
    return [(f"cells{f.number}", f, 0) for f in plan_layout.dense]


def dense_pairs(plan_layout: Layout) -> list[tuple[str, Factor, Factor]]:
    """Return the pairs of different dense factors, and the name of their places."""
    dense = plan_layout.dense
    return [(f"pair{f.number}_{g.number}", f, g) for i, f in enumerate(dense) for g in dense[i + 1 :]]


def rows_record(plan_layout: Layout) -> Record:
    """Emit the record of a block of rows."""
    fields = [
        ("at", "slice", "where it is among all rows"),
        ("n", "int", "rows"),
        ("m", "np.ndarray | None", "how often each row stands in the data, if not once"),
        ("y", "np.ndarray", "outcome"),
        ("known", "tuple", "data that the density takes besides"),
        ("cases", "tuple", "rows of each case of the density"),
        ("h", "tuple", "distinct columns of Z"),
        ("X", "tuple", "columns of X by channel"),
    ]
    if plan_layout.chain:
        fields.append(("chain", "Scatter", f"groups of factor {plan_layout.chain[0].number}"))
    fields += [(f"group{f.number}", "Scatter", f"groups of factor {f.number}") for f in plan_layout.dense]
    fields += [
        (name, "Scatter", "occupied cells" if plan_layout.is_sparse else "cells")
        for name, _, _ in cell_names(plan_layout)
    ]
    fields += [(name, "Scatter", "pairs of groups") for name, _, _ in dense_pairs(plan_layout)]
    return Record("Rows", "A block of rows.", tuple(fields))


def data_record(plan_layout: Layout) -> Record:
    """Emit the record of all data."""
    fields = [
        ("n", "int", "rows"),
        ("order", "np.ndarray", "position of each row in the data"),
        ("constant", "float", "what log f has of data alone"),
        ("X", "tuple", "columns of X by channel"),
        ("offsets", "tuple", "known parts of predictors"),
        ("blocks", "tuple", "rows, block by block"),
        ("p", "int", "columns of X"),
    ]
    if plan_layout.chain:
        fields.append(("nest", "Nest", "groups of the chain of nested factors, and how they lie in each other"))
    if plan_layout.dense:
        fields.append(("m", "int", "dense columns"))
    for factor in plan_layout.dense:
        fields.append((factor.name("size"), "int", f"groups of factor {factor.number}"))
        fields.append((factor.name("at"), "int", "its first dense column"))
    if plan_layout.is_sparse:
        fields += [(f.name("cells"), "Cells", "pattern of Z'D") for f in plan_layout.chain]
    fields += [
        (f"keys{name[4:]}", "np.ndarray", "pairs of groups that occur") for name, _, _ in dense_pairs(plan_layout)
    ]
    return Record("Data", "Rows sorted by group, and where groups meet.", tuple(fields))


def prepare(plan_layout: Layout) -> Function:
    """Emit ``prepare(y, known, offsets, X, Z, groups, m)``."""
    view, row = channels(plan_layout), density_of(plan_layout)
    body: list[Statement] = []
    if plan_layout.chain:
        codes = [expression("groups[k]", k=factor.position) for factor in plan_layout.chain]
        body += code("chain = call", call=ast.Call(expression("nest"), codes, []))
    body += code("order = rows", rows=_order(plan_layout))
    body += code(
        """
        p, n = n_columns(X), len(y)
        y, known = y[order], tuple(values[order] for values in known)
        m = None if m is None else m[order]
        offsets = tuple(None if values is None else values[order] for values in offsets)
        """
    )
    X = tuple_of([expression("channel_columns(X, s, order)", s=s) for s in view.fixed])
    h = tuple_of([expression("Z[f][c][i][order]", f=f, c=c, i=i) for f, c, i in view.held])
    body += code("X = columns\nh = held", columns=X, held=h)
    if plan_layout.chain:
        body += code("codes = chain.codes[order]")
    body += _dense_codes(plan_layout)
    body += _cells(plan_layout)
    body += _cases(plan_layout)
    body += _blocks(plan_layout, many=len(row.cases) > 1)
    body.append(ast.Return(ast.Call(expression("Data"), _data_values(plan_layout), [])))
    doc = (
        "Sort rows by group, and find where groups meet.\n"
        "m is how often each row stands in the data, or None; known is the data that the density takes besides y."
    )
    return Function("prepare", "y, known, offsets, X, Z, groups, m=None", doc, tuple(body))


def _cases(plan_layout: Layout) -> list[Statement]:
    """Emit which rows are of which case, and what log f has of data alone."""
    row = density_of(plan_layout)
    body: list[Statement] = []
    holds = membership(row, lambda name: _data_name(row.known, name, "y", "known"))
    terms = [constant_term(case, lambda name: _data_name(row.known, name, "own.y", "own.known")) for case in row.cases]
    is_zero = [isinstance(term, ast.Constant) and term.value == 0.0 for term in terms]
    if holds:
        body += code("holds = conditions", conditions=tuple_of(holds))
    elif not all(is_zero):
        body += code("holds = (np.ones(n, dtype=bool),)")
    body += code("of_data = 0.0")
    for c, (term, nothing) in enumerate(zip(terms, is_zero, strict=True)):
        if not nothing:
            body += code("own = row_case(holds[c], y, known)\nof_data += row_sum(term, m, own.rows)", c=c, term=term)
    return body


def _data_name(known: Sequence[str], name: str, outcome: str, others: str) -> str:
    return outcome if name == "y" else f"{others}[{known.index(name)}]"


def _order(plan_layout: Layout) -> ast.expr:
    keys = [expression("chain.codes")] if plan_layout.chain else []
    keys += [expression("groups[k]", k=factor.position) for factor in plan_layout.dense[: 2 - len(keys)]]
    return ast.Call(expression("row_order"), keys, []) if keys else expression("np.arange(len(y))")


def _dense_codes(plan_layout: Layout) -> list[Statement]:
    body: list[Statement] = []
    for i, factor in enumerate(plan_layout.dense):
        names = {"group": factor.name("group"), "size": factor.name("size"), "at": factor.name("at")}
        body += code("group = groups[k][order]\nsize = int(group.max()) + 1", k=factor.position, **names)
        if i == 0:
            body += code("at = 0", **names)
        else:
            before = plan_layout.dense[i - 1]
            last = {"a": before.name("at"), "s": before.name("size")}
            body += code("at = a + q * s", q=before.width, **names, **last)
    for name, f, g in dense_pairs(plan_layout):
        names = {"f": f.name("group"), "g": g.name("group"), "size": g.name("size"), "pair": name}
        body += code("keys, pair = np.unique(f * size + g, return_inverse=True)", keys=f"keys{name[4:]}", **names)
    return body


def _cells(plan_layout: Layout) -> list[Statement]:
    """Emit the cell of each row where chain and dense factors meet."""
    if not plan_layout.is_sparse:
        return [
            item
            for name, f, _ in cell_names(plan_layout)
            for item in code("cells = codes * size + g", cells=name, size=f.name("size"), g=f.name("group"))
        ]
    blocks = [
        expression("Indicators(g, size, constant(1.0, n))", g=f.name("group"), size=f.name("size"))
        for f, _, _ in dense_columns(plan_layout)
    ]
    finest = plan_layout.chain[0].name("cells")
    body = code("cells = occupied(codes, blocks)", cells=finest, blocks=tuple_of(blocks))
    body.append(unpack([name for name, _, _ in cell_names(plan_layout)], expression("cells.rows()", cells=finest)))
    for k, factor in enumerate(plan_layout.chain[1:]):
        names = {"cells": factor.name("cells"), "finer": plan_layout.chain[k].name("cells")}
        body += code("cells = finer.coarser(chain.parents[k])", k=k, **names)
    return body


def _blocks(plan_layout: Layout, *, many: bool) -> list[Statement]:
    values = [
        expression("at"),
        expression("at.stop - at.start"),
        expression("None if m is None else m[at]"),
        expression("y[at]"),
        expression("tuple(values[at] for values in known)"),
        expression("tuple(row_case(case[at], y[at], [v[at] for v in known]) for case in holds)")
        if many
        else expression("()"),
        expression("tuple(values[at] for values in h)"),
        expression("tuple(x.rows(at) for x in X)"),
    ]
    names = {"chain": "codes"}
    values += [
        expression("Scatter(codes[at])", codes=names.get(name, name))
        for name, _, _ in rows_record(plan_layout).fields[8:]
    ]
    block = code("own = call\nblocks.append(own)", call=ast.Call(expression("Rows"), values, []))
    return [*code("blocks = []"), Suite("for at in row_blocks(n):", tuple(block))]


def _data_values(plan_layout: Layout) -> list[ast.expr]:
    last = plan_layout.dense[-1] if plan_layout.dense else None
    out = []
    for name, _, _ in data_record(plan_layout).fields:
        match name:
            case "nest":
                out.append(expression("chain"))
            case "constant":
                out.append(expression("of_data"))
            case "m" if last is not None:
                names = {"at": last.name("at"), "size": last.name("size")}
                out.append(expression("at + q * size", q=last.width, **names))
            case _:
                out.append(expression(name))
    return out


def starting(plan_layout: Layout) -> Function:
    """Emit ``starting(d)``: v = 0."""
    chain = [factor.position for factor in plan_layout.chain]
    zeros = []
    for factor in plan_layout.factors:
        if factor.position in chain:
            size = expression("d.nest.sizes[k]", k=chain.index(factor.position))
        else:
            size = expression("d.size", size=factor.name("size"))
        zeros.append(expression("np.zeros((q, 1, size))", q=factor.width, size=size))
    return Function("starting", "d", "Return v = 0 of each factor.", tuple(code("return zeros", zeros=tuple_of(zeros))))
