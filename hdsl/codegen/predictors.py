"""Emit the predictors of the rows: columns of X and Z by channel, X beta, and Zb block by block."""

from __future__ import annotations

import ast

from hdsl.codegen.channels import channels, parts
from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.prepared import dense_columns
from hdsl.codegen.rows import column_values
from hdsl.codegen.terms import total
from hdsl.codegen.tree import Comment, Function, Statement, Suite, code, expression, tuple_of, unpack
from hdsl.plan import FixedSet

__all__ = ["call_density", "etas", "for_blocks", "part_columns", "predictors", "row_predictors"]


def part_columns(plan_layout: Layout) -> Function:
    """Emit ``part_columns(y, x, sets)``: each column of X and of the Z as its parts."""
    plan, view = plan_layout.plan, channels(plan_layout)
    number = {inputs: s for s, inputs in enumerate(view.inputs)}
    body: list[Statement] = [
        Comment(f"channel {s}: {' and '.join(f'eta{k}' for k in inputs)}") for s, inputs in enumerate(view.inputs)
    ]
    X: list[ast.expr] = []
    for item in plan.fixed:
        own = []
        for part in parts(item):
            values: ast.expr = column_values(part.products)
            if isinstance(item, FixedSet):
                values = expression("indicators(sets[k], (values,))[0]", k=item.codes, values=values)
            own.append(tuple_of([ast.Constant(number[part.channel]), values]))
        X.append(tuple_of(own))
    body += code("X = items", items=tuple_of(X))
    names = []
    for factor in plan_layout.factors:
        names.append(factor.name("Z"))
        columns = [
            tuple_of([column_values(part.products) for part in parts(column)])
            for column in plan.re_terms[factor.position].columns
        ]
        body += [Comment(f"factor {factor.number}: {factor.title}")]
        body += code("Z = items", Z=factor.name("Z"), items=tuple_of(columns))
    body += code("return X, Z", Z=tuple_of(names))
    doc = (
        "Return the columns of X and of each Z.\n"
        "A column is a tuple of its parts, one for each set of predictors that it enters alike (a channel). "
        "A part of X has the number of the channel before its values."
    )
    return Function("columns", "y, x, sets", doc, tuple(body))


def predictors(plan_layout: Layout) -> Function:
    """Emit ``predictors(d, beta)``: what does not change with the random effects."""
    plan, view = plan_layout.plan, channels(plan_layout)
    values = []
    for k, flat in enumerate(view.flat):
        own = [i for i, s in enumerate(view.fixed) if k in view.inputs[s]]
        call = "d.X[i].level(beta)" if flat else "d.X[i].times(beta)"
        items = [expression(call, i=i) for i in own]
        if plan.has_offset[k]:
            items.insert(0, expression("d.offsets[k]", k=k))
        if not items:
            items.append(expression("0.0" if flat else "np.zeros(d.n)"))
        values.append(total([(1.0, item) for item in items]))
    body = code("return values", values=tuple_of(values))
    return Function("predictors", "d, beta", "Return offset + X beta of each predictor.", tuple(body))


def at_groups(plan_layout: Layout) -> tuple[list[Statement], dict[tuple[int, int | None], str]]:
    """Emit for each (channel, column) of the chain its coefficient at the finest groups."""
    view = channels(plan_layout)
    body: list[Statement] = []
    above: dict[tuple[int, int | None], ast.expr] = {}
    for k, factor in reversed(list(enumerate(plan_layout.chain))):
        own: dict[tuple[int, int | None], list[tuple[float, ast.expr]]] = {
            key: [(1.0, expression("item[d.nest.parents[k]]", item=item, k=k))] for key, item in above.items()
        }
        for c, column in enumerate(view.atoms(factor)):
            for atom in column:
                item = expression("b[c, 0]", b=factor.name("b"), c=c)
                own.setdefault((atom.channel, atom.column), []).insert(0, (atom.scale, item))
        above = {}
        for key, items in own.items():
            if k and len(items) == 1 and items[0][0] == 1.0:
                above[key] = items[0][1]
                continue
            name = _coefficient(key, factor)
            body += code("a = total", a=name, total=total(items))
            above[key] = expression(name)
    return body, {key: ast.unparse(item) for key, item in above.items()}


def _coefficient(key: tuple[int, int | None], factor: Factor) -> str:
    channel, column = key
    return f"b{factor.number}_{channel}" + ("" if column is None else f"h{column}")


def etas(plan_layout: Layout) -> tuple[list[Statement], list[Statement]]:
    """Emit the predictors of a block: what goes before the loop over blocks, and what goes into it."""
    view = channels(plan_layout)
    before, coefficients = at_groups(plan_layout)
    if before:
        before.insert(0, Comment(f"coefficients of each column at the groups of factor {plan_layout.chain[0].number}"))
    sums = _channel_sums(plan_layout, coefficients)
    inside: list[Statement] = []
    if view.held:
        inside.append(unpack([f"h{i}" for i in range(len(view.held))], "rows.h"))
    shared = [s for s in sums if len(view.inputs[s]) > 1]
    for s in shared:
        inside += code("u = total", u=f"u{s}", total=total(sums[s]))
    for k, flat in enumerate(view.flat):
        own = [(1.0, expression("base[k]" if flat else "base[k][rows.at]", k=k))]
        for s, items in sums.items():
            if k in view.inputs[s]:
                own += [(1.0, expression(f"u{s}"))] if s in shared else items
        inside += code("eta = total", eta=f"eta{k}", total=total(own))
    return before, inside


def _channel_sums(
    plan_layout: Layout, coefficients: dict[tuple[int, int | None], str]
) -> dict[int, list[tuple[float, ast.expr]]]:
    """Return the terms of Zb in each channel, row by row, from coefficients at groups."""
    sums: dict[int, list[tuple[float, ast.expr]]] = {}

    def add(channel: int, column: int | None, item: ast.expr, scale: float = 1.0) -> None:
        value = item if column is None else ast.BinOp(item, ast.Mult(), expression(f"h{column}"))
        sums.setdefault(channel, []).append((scale, value))

    for (channel, column), name in coefficients.items():
        add(channel, column, expression("rows.chain.spread(a)", a=name))
    for f, c, atoms in dense_columns(plan_layout):
        for atom in atoms:
            names = {"group": f.name("group"), "b": f.name("b")}
            add(atom.channel, atom.column, expression("rows.group.spread(b[c, 0])", c=c, **names), atom.scale)
    return sums


def row_predictors(plan_layout: Layout) -> Function:
    """Emit ``row_predictors(d, base, b)``."""
    before, inside = etas(plan_layout)
    body: list[Statement] = []
    if plan_layout.factors:
        body.append(unpack([f.name("b") for f in plan_layout.factors], "b"))
    body += before
    n_predictors = plan_layout.plan.n_predictors
    body += code("eta = np.empty((k, d.n))", k=n_predictors)
    loop = list(inside)
    for k in range(n_predictors):
        loop += code("eta[k, rows.at] = own", k=k, own=f"eta{k}")
    body.append(for_blocks(loop))
    body += code("return eta")
    doc = "Return the predictors of each row, (K, n), rows sorted."
    return Function("row_predictors", "d, base, b", doc, tuple(body))


def call_density(plan_layout: Layout, function: str) -> ast.expr:
    """Return the call of a function of (rows, eta0, ..)."""
    names = ["rows", *(f"eta{k}" for k in range(plan_layout.plan.n_predictors))]
    return ast.Call(expression(function), [expression(name) for name in names], [])


def for_blocks(body: list[Statement]) -> Suite:
    """Return the loop over blocks of rows."""
    return Suite("for rows in d.blocks:", tuple(body))
