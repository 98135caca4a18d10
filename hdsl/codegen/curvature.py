"""Emit the average-information matrix: directions Z E_a v are swept forward like columns of X."""

from __future__ import annotations

import ast
from functools import reduce

from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.reverse import dense_prelude
from hdsl.codegen.sweep import product
from hdsl.codegen.tree import Comment, Filling, Function, Statement, code, expression, tuple_of, unpack

__all__ = ["average_information", "directed", "remaining"]


def average_information(plan_layout: Layout) -> Function:
    """Emit ``average_information(c, f, v)``; directions in the order of the chain, then of the dense factors."""
    doc = (
        "Return [X, y]'V^-1 R and R'V^-1 R, for the average-information matrix.\n"
        "The columns of R are Z E_a v for each entry a of the covariances, factors of the chain first."
    )
    is_weighted = plan_layout.plan.is_weighted
    arguments = "c, f, v, more" if is_weighted else "c, f, v"
    if is_weighted:
        doc += "\nmore are further columns after them: their cross-products with each Z, with the border, their own."
    if not plan_layout.factors:
        empty = code("return more[1:]" if is_weighted else "return np.zeros((len(c.C), 0)), np.zeros((0, 0))")
        return Function(
            "average_information", arguments, "Return empty matrices: there are no covariances.", tuple(empty)
        )
    body = _directions(plan_layout, with_border=True)
    if is_weighted:
        body += _more(plan_layout)
    for k, factor in enumerate(plan_layout.chain):
        body += _sweep(plan_layout, k, factor)
    if plan_layout.dense:
        body += [
            Comment("dense root"),
            *code("TC, taken = root_sweep(f.root, TC, dense)"),
            *code("TT = TT - taken"),
        ]
    body += code("return TC, TT")
    return Function("average_information", arguments, doc, tuple(body))


def _more(plan_layout: Layout) -> list[Statement]:
    """Emit further columns beside the directions."""
    body: list[Statement] = [Comment("further columns")]
    body += code("parts, edge, own = more")
    crossed: list[ast.expr] = []
    for factor in plan_layout.chain:
        part = expression("parts[k]", k=factor.position)
        names: dict[str, Filling] = {"T": factor.name("T"), "d": factor.name("d"), "part": part}
        crossed.append(expression("inner(d, part)", **names))
        body += code("T = np.concatenate((T, part), axis=1)", **names)
    if plan_layout.dense:
        crossed.append(expression("t_times(dD, edge[:m])"))
    body += code("crossed = parts", parts=expression("np.concatenate(parts)", parts=tuple_of(crossed)))
    body += code("TC = np.concatenate((TC, edge), axis=1)")
    body += code("TT = np.block([[TT, crossed], [crossed.T, own]])")
    return body


def remaining(plan_layout: Layout) -> Function:
    """Emit ``remaining(c, f, b, beta)``: cross-products with the residuals, of any weights."""
    body: list[Statement] = [*code("w = np.append(-beta, 1.0)")]
    body += [Comment("cross-products with Zb")] if plan_layout.factors else []
    for factor in plan_layout.factors:
        body += code("d = b[k]", d=factor.name("d"), k=factor.position)
    body += dense_prelude(plan_layout)
    if plan_layout.dense:
        parts = [expression("d.ravel()", d=factor.name("d")) for factor in plan_layout.dense]
        body += code("dD = np.concatenate(parts)[:, None]", parts=tuple_of(parts))
    for k, factor in enumerate(plan_layout.chain):
        body += code("T = total", T=factor.name("T"), total=_sum(_chain_parts(plan_layout, k, factor)))
    if plan_layout.factors:
        body += code("TC = total", total=_sum(_border(plan_layout)))
    start = "m" if plan_layout.dense else "0"
    body += [Comment("less than those with y - X beta")]
    out = []
    for factor in plan_layout.factors:
        if factor.position in plan_layout.plan.chain:
            T, E = factor.name("T"), expression(f"c.{factor.name('E')}")
            if plan_layout.dense and not plan_layout.is_sparse:
                E = expression("E[:, m:]", E=E)
            body += code("T = (w @ E)[:, None] - T", T=T, E=E)
            out.append(T)
        else:
            out.append("None")
    body += code(f"edge = c.C[:, {start}:] @ w - TC[:, 0]" if plan_layout.factors else "edge = c.C @ w")
    body += code("return parts, edge", parts=tuple_of(out))
    doc = (
        "Return the cross-products of e = y - X beta - Zb with each Z of the chain and with the border [D, X, y].\n"
        "The cross-products may have other weights than those that b and beta were found with."
    )
    return Function("remaining", "c, f, b, beta", doc, tuple(body))


def _sum(parts: list[ast.expr]) -> ast.expr:
    """Return the sum of expressions."""
    return reduce(lambda left, right: ast.BinOp(left, ast.Add(), right), parts)


def directed(plan_layout: Layout) -> Function:
    """Emit ``directed(c, f, v)``: the directions before anything is eliminated."""
    body = _directions(plan_layout, with_border=bool(plan_layout.dense))
    if plan_layout.dense:
        names = [factor.name("T") for factor in plan_layout.dense]
        body.append(unpack(names, expression("split_columns(TC[:m], dense)")))
    parts = tuple_of([factor.name("T") for factor in plan_layout.factors])
    body += code("return parts, TT", parts=parts)
    doc = (
        "Return H E_a v of each factor, (q, k, J), and v'E_a H E_b v.\n"
        "There is a direction for each entry a of the covariances, factors of the chain first."
    )
    return Function("directed", "c, f, v", doc, tuple(body))


def _directions(plan_layout: Layout, *, with_border: bool) -> list[Statement]:
    """Emit the directions and their cross-products with everything; with the border where there is one."""
    body: list[Statement] = [Comment("directions: coefficients E_a v of each factor")]
    for factor in (*plan_layout.chain, *plan_layout.dense):
        pairs = [tuple_of([ast.Constant(e.row), ast.Constant(e.column)]) for e in factor.entries]
        body += code("d = directions(v[k], pairs)", d=factor.name("d"), k=factor.position, pairs=tuple_of(pairs))
    body += dense_prelude(plan_layout)
    if plan_layout.dense:
        body += code("dD = stack(parts, dense)", parts=tuple_of([factor.name("d") for factor in plan_layout.dense]))
    return body + _raw(plan_layout, with_border=with_border)


def _raw(plan_layout: Layout, *, with_border: bool) -> list[Statement]:
    """Emit the cross-products of the directions with all columns, from those of the model."""
    body: list[Statement] = [Comment("their cross-products with every Z, with the border (C), and with each other (T)")]
    for k, factor in enumerate(plan_layout.chain):
        parts = _concatenate(_chain_parts(plan_layout, k, factor))
        body += code("T = parts", T=factor.name("T"), parts=parts)
    if with_border:
        body += code("TC = parts", parts=_concatenate(_border(plan_layout)))
    own = [expression("inner(d, T)", d=factor.name("d"), T=factor.name("T")) for factor in plan_layout.chain]
    if plan_layout.dense:
        own.append(expression("t_times(dD, TC[:m])"))
    body += code(
        "TT = parts", parts=expression("np.concatenate(parts)", parts=tuple_of(own)) if len(own) > 1 else own[0]
    )
    return body


def _chain_parts(plan_layout: Layout, k: int, factor: Factor) -> list[ast.expr]:
    """Return the cross-products of Z of a chain factor with the directions of each factor."""
    parts = [_block(plan_layout, k, factor, i, other) for i, other in enumerate(plan_layout.chain)]
    return [*parts, _with_dense(plan_layout, factor)] if plan_layout.dense else parts


def _concatenate(parts: list[ast.expr]) -> ast.expr:
    """Return the parts side by side."""
    return parts[0] if len(parts) == 1 else expression("np.concatenate(parts, axis=1)", parts=tuple_of(parts))


def _slice(node: ast.expr, axis: int, where: slice, total: int) -> ast.expr:
    """Return ``node[where]`` or ``node[:, where]``, or the node where that is all."""
    if where == slice(0, total):
        return node
    template = "node[a:b]" if axis == 0 else "node[:, a:b]"
    return expression(template, node=node, a=where.start, b=where.stop)


def _block(plan_layout: Layout, k: int, factor: Factor, i: int, other: Factor) -> ast.expr:
    """Return the cross-products of Z of `factor` (k-th) with the directions of `other` (i-th of the chain)."""
    direction = expression(other.name("d"))
    if i == k:
        A = expression(f"c.{factor.name('A')}")
        return expression(product(factor.width), left=A, right=direction)
    if i > k:  # a coarser factor: its directions, spread to the groups below
        for step in range(i - 1, k - 1, -1):
            direction = expression("of_parent(d, c.nest.parents[step])", d=direction, step=step)
        B = expression(f"c.{factor.name('B')}")
        return expression("mul(B, d)", B=_slice(B, 1, factor.columns_of(other), factor.width_above), d=direction)
    B = _slice(expression(f"c.{other.name('B')}"), 1, other.columns_of(factor), other.width_above)
    node = expression("t_mul(B, d)", B=B, d=direction)
    for step in range(i, k):
        node = expression("collect(node, c.nest.starts[step])", node=node, step=step)
    return node


def _with_dense(plan_layout: Layout, factor: Factor) -> ast.expr:
    """Return the cross-products of Z of a chain factor with the directions of the dense factors."""
    if plan_layout.is_sparse:
        return expression("cells.collect(N * dD.T[:, cells.column])", **_sparse(factor))
    return expression("across(dD, E[:, :m])", E=expression(f"c.{factor.name('E')}"))


def _sparse(factor: Factor) -> dict[str, ast.expr]:
    """Return the fillings for cells and their values."""
    return {"cells": expression(f"c.{factor.name('cells')}"), "N": expression(f"c.{factor.name('N')}")}


def _border(plan_layout: Layout) -> list[ast.expr]:
    """Return the cross-products of [dense columns, X, y] with the directions of each factor."""
    parts: list[ast.expr] = []
    for factor in plan_layout.chain:
        d = expression(factor.name("d"))
        edge = expression("inner(E, d)", E=expression(f"c.{factor.name('E')}"), d=d)
        if plan_layout.is_sparse:
            on_cells = expression("cells.by_column(t_mul(N, cells.spread(d)))", d=d, **_sparse(factor))
            edge = expression("np.concatenate((on_cells, edge))", on_cells=on_cells, edge=edge)
        parts.append(edge)
    return [*parts, expression("times(c.C[:, :m], dD)")] if plan_layout.dense else parts


def _sweep(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit the elimination of a factor from the cross-products with the directions."""
    T = expression(factor.name("T"))
    K, B, E, N = (expression(f"f.{factor.name(letter)}") for letter in "KBEN")
    body: list[Statement] = [Comment(f"eliminate factor {factor.number}")]
    body += code("KT = product", product=expression(product(factor.width), left=K, right=T))
    for step, other in enumerate(factor.above):
        if step:
            body += code("up = collect(up[q:], c.nest.starts[k])", q=factor.above[step - 1].width, k=k + step)
        else:
            body += code("up = collect(t_mul(B, KT), c.nest.starts[k])", B=B, k=k)
        part = _slice(
            expression("up"), 0, slice(0, other.width), factor.width_above - sum(f.width for f in factor.above[:step])
        )
        body += code("T = T - part", T=other.name("T"), part=part)
    edge = expression("inner(E, KT)", E=E)
    if plan_layout.is_sparse:
        cells = expression(f"c.{factor.name('cells')}")
        on_cells = expression("cells.by_column(t_mul(N, cells.spread(KT)))", cells=cells, N=N)
        edge = expression("np.concatenate((on_cells, edge))", on_cells=on_cells, edge=edge)
    body += code("TC = TC - edge", edge=edge)
    body += code("TT = TT - inner(T, KT)", T=T)
    return body
