"""Emit the weighted cross-products of a plan with a density, with log f and its gradient, in one pass over rows."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import product

from hdsl.codegen.channels import channels
from hdsl.codegen.densities import derivative_names, value_needs
from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.predictors import call_density, etas, for_blocks
from hdsl.codegen.prepared import cell_names, chain_columns, dense_pairs
from hdsl.codegen.terms import Columns, RowValues, Target, product_term, score_term
from hdsl.codegen.tree import Comment, Function, Record, Statement, Suite, code, expression, tuple_of, unpack

__all__ = ["pick", "shift", "weigh"]


def weigh(plan_layout: Layout, cross: Record) -> Function:
    """Emit ``weigh(d, base, b, v)``: log f, the gradient by b, and the cross-products with the weights there."""
    view = channels(plan_layout)
    before, inside = etas(plan_layout)
    names = derivative_names(value_needs(view))
    body: list[Statement] = []
    if plan_layout.factors:
        body += [unpack([f.name("b") for f in plan_layout.factors], "b")]
        body += [unpack([f.name("v") for f in plan_layout.factors], "v")]
    body += before
    body += code("total = d.constant")
    sums = _Sums(plan_layout, "r")
    sums.products()
    sums.scores()
    body += sums.zeros()
    loop: list[Statement] = list(inside)
    loop.append(unpack(names, call_density(plan_layout, "density")))
    loop += code("total += value.sum()")
    weights = [name for name in names if name.startswith("w")]
    if weights:
        nearest = unpack(weights, expression("positive_part(w)", w=tuple_of(weights)))
        loop.append(Suite("if positive:", (nearest,)))
    loop += sums.additions()
    body.append(for_blocks(loop))
    body += sums.assembled()
    values = [_cross_value(plan_layout, name) for name, _, _ in cross.fields]
    body.append(
        ast.Return(
            tuple_of(
                [
                    expression("total"),
                    tuple_of([f.name("e") for f in plan_layout.factors]),
                    ast.Call(expression("Cross"), values, []),
                ]
            )
        )
    )
    doc = "Return log f, its gradient by b less v (e = Z'r - v), and the cross-products Z'WZ, at given b."
    doc += "\npositive: with the nearest weights that are positive semidefinite."
    return Function("weigh", "d, base, b, v, positive=False", doc, tuple(body))


def pick(source: str, rows: Sequence[int]) -> ast.expr:
    """Return rows of an array, without copying where they stand together."""
    if list(rows) == list(range(rows[0], rows[0] + len(rows))):
        return expression("s[a:b]", s=source, a=rows[0], b=rows[0] + len(rows))
    return expression("s[table]", s=source, table=ast.List([ast.Constant(i) for i in rows], ast.Load()))


def _cross_value(plan_layout: Layout, name: str) -> ast.expr:
    if name in {"n", "nest"} or name in {f.name("size") for f in plan_layout.dense}:
        return expression(f"d.{name}")
    if name in {f.name("cells") for f in plan_layout.chain}:
        return expression(f"d.{name}")
    return expression(name)


class _Sums:
    """The sums over rows that a pass takes: where each is added up, and the arrays made of them."""

    def __init__(self, plan_layout: Layout, letter: str) -> None:
        self.view = plan_layout
        self.letter = letter
        self.channels = channels(plan_layout)
        self.targets: dict[str, Target] = {}
        self.chain_keys = list(dict.fromkeys(chain_columns(plan_layout)))

    def target(self, name: str) -> Target:
        """Return the target of a name, new if there was none."""
        return self.targets.setdefault(name, Target())

    def products(self) -> None:
        """Enter the terms of Z'WZ."""
        chain = chain_columns(self.view)
        self._enter("chain", [(left, right) for i, left in enumerate(chain) for right in chain[i:]])
        for factor in self.view.dense:
            own = self.channels.atoms(factor)
            self._enter(factor.name("group"), [(left, right) for i, left in enumerate(own) for right in own[i:]])
        for name, f, g in dense_pairs(self.view):
            self._enter(name, list(product(self.channels.atoms(f), self.channels.atoms(g))))
        for name, f, c in cell_names(self.view):
            if self.view.is_sparse:  # rows of the cells are those of the chain's columns
                right = self.channels.atoms(f)[c]
                self.target(name).terms += [product_term(left, right) for left in self.chain_keys]
            else:
                self._enter(name, list(product(self.chain_keys, self.channels.atoms(f))))

    def _enter(self, name: str, columns: Sequence[tuple[Columns, Columns]]) -> None:
        for left, right in columns:
            self.target(name).place(product_term(left, right))

    def scores(self) -> None:
        """Enter the terms of Z'r."""
        for column in chain_columns(self.view):
            self.target("chain").place(score_term(column, self.letter))
        for factor in self.view.dense:
            for column in self.channels.atoms(factor):
                self.target(factor.name("group")).place(score_term(column, self.letter))

    def zeros(self) -> list[Statement]:
        """Emit the arrays that sums are added to."""
        body: list[Statement] = []
        sparse = False
        for name, target in self.targets.items():
            if name.startswith("cells") and self.view.is_sparse:
                if not sparse:
                    finest = self.view.chain[0].name("cells")
                    body += code("cells = np.zeros((k, len(d.finest.group)))", k=len(self.chain_keys), finest=finest)
                sparse = True
                continue
            body += code("s = np.zeros((k, size))", s=name, k=len(target.terms), size=self._size(name))
        return body

    def _size(self, name: str) -> ast.expr:
        if name == "chain":
            return expression("d.nest.sizes[0]")
        if name.startswith("pair"):
            return expression(f"len(d.keys{name[4:]})")
        number = name.removeprefix("group").removeprefix("cells")
        size = expression(f"d.size{number}")
        return size if name.startswith("group") else ast.BinOp(expression("d.nest.sizes[0]"), ast.Mult(), size)

    def additions(self) -> list[Statement]:
        """Emit the additions of a block."""
        body: list[Statement] = []
        values = RowValues(body)
        for name, target in self.targets.items():
            items = values.values(target.terms)
            is_sparse = name.startswith("cells") and self.view.is_sparse
            body += code("rows.place.add(out, items)", place=name, out="cells" if is_sparse else name, items=items)
        return body

    # arrays made of the sums

    def pick(self, source: str, rows: Sequence[Sequence[int]]) -> ast.expr:
        """Return the (q, w, J) array of rows of the sums called `source`."""
        flat = [row for line in rows for row in line]
        first = flat[0]
        if flat == list(range(first, first + len(flat))):
            if len(rows) == 1:
                return expression("s[None, a:b]", s=source, a=first, b=first + len(flat))
            if len(rows[0]) == 1:
                return expression("s[a:b, None]", s=source, a=first, b=first + len(flat))
        table = ast.List([ast.List([ast.Constant(i) for i in line], ast.Load()) for line in rows], ast.Load())
        return expression("s[table]", s=source, table=table)

    def assembled(self) -> list[Statement]:
        """Emit A, B, E (or N) of the chain, and C."""
        body: list[Statement] = []
        for k, factor in enumerate(self.view.chain):
            body += self._chain(k, factor)
        if self.view.dense:
            body += self._root()
        else:
            body += code("C = np.zeros((1, 1))")
        return body

    def _chain(self, k: int, factor: Factor) -> list[Statement]:
        own = self.channels.atoms(factor)
        place = self.targets["chain"].place
        body: list[Statement] = [Comment(f"factor {factor.number}: {factor.title}")]
        if k:
            body += code("chain = collect(chain, d.nest.starts[k])", k=k - 1)
        A = [[place(product_term(left, right)) for right in own] for left in own]
        body += code("A = items", A=factor.name("A"), items=self.pick("chain", A))
        if factor.above:
            above = [column for other in factor.above for column in self.channels.atoms(other)]
            B = [[place(product_term(left, right)) for right in above] for left in own]
            body += code("B = items", B=factor.name("B"), items=self.pick("chain", B))
        scores = [[place(score_term(column, self.letter))] for column in own]
        names = {"e": factor.name("e"), "v": factor.name("v"), "E": factor.name("E")}
        body += code("e = items - v", items=self.pick("chain", scores), **names)
        rows = [self.chain_keys.index(column) for column in own]
        if self.view.is_sparse:
            if k:
                body += code("cells = d.pattern.from_finer(cells)", pattern=factor.name("cells"))
            body += code("N = items", N=factor.name("N"), items=self.pick("cells", [[row] for row in rows]))
            body += code("E = e", **names)
        elif self.view.dense:
            body += self._grids(k, factor, own)
        else:
            body += code("E = e", **names)
        return body

    def _grids(self, k: int, factor: Factor, own: Sequence[Columns]) -> list[Statement]:
        """Emit E = [Z'D, e], D the dense columns, from sums over all cells."""
        body: list[Statement] = []
        pieces: list[ast.expr] = []
        for name, f, _ in cell_names(self.view):
            target, grid = self.targets[name], f.name("grid")
            if k:
                body += code("grid = collect(grid, d.nest.starts[k])", grid=grid, k=k - 1)
            else:
                names = {"cells": name, "size": f.name("size")}
                body += code(
                    "grid = cells.reshape(r, -1, d.size).transpose(0, 2, 1)", grid=grid, r=len(target.terms), **names
                )
            for right in self.channels.atoms(f):
                rows = [target.place(product_term(left, right)) for left in own]
                pieces.append(pick(grid, rows))
        pieces.append(expression(factor.name("e")))
        body += code("E = np.concatenate(pieces, axis=1)", E=factor.name("E"), pieces=tuple_of(pieces))
        return body

    def _root(self) -> list[Statement]:
        """Emit C of the dense columns, bordered by e."""
        body: list[Statement] = [Comment("dense columns, bordered by e"), *code("C = np.zeros((d.m + 1, d.m + 1))")]
        for factor in self.view.dense:
            own, target = self.channels.atoms(factor), self.targets[factor.name("group")]
            names = {"group": factor.name("group"), "size": factor.name("size"), "at": factor.name("at")}
            for i, left in enumerate(own):
                for j, right in enumerate(own[i:], i):
                    row = target.place(product_term(left, right))
                    where = {"i": shift("d.at", i, names), "j": shift("d.at", j, names)}
                    body += code("set_diagonal(C, i, j, group[row])", row=row, **where, **names)
            scores = [[target.place(score_term(column, self.letter))] for column in own]
            e = {"e": factor.name("e"), "v": factor.name("v")}
            body += code("e = items - v", items=self.pick(factor.name("group"), scores), **e)
            body += code("C[d.at : d.at + q * d.size, d.m] = e.ravel()", q=factor.width, **e, **names)
        for name, f, g in dense_pairs(self.view):
            target, keys = self.targets[name], f"keys{name[4:]}"
            body += code("left, right = np.divmod(d.keys, d.size)", keys=keys, size=g.name("size"))
            for i, left in enumerate(self.channels.atoms(f)):
                for j, right in enumerate(self.channels.atoms(g)):
                    row = target.place(product_term(left, right))
                    where = {
                        "i": shift("left + d.at", i, {"at": f.name("at"), "size": f.name("size")}),
                        "j": shift("right + d.at", j, {"at": g.name("at"), "size": g.name("size")}),
                    }
                    body += code("set_block(C, i, j, pair[row])", row=row, pair=name, **where)
        return body


def shift(start: str, times: int, names: dict[str, str]) -> ast.expr:
    """Return the first dense column of an effect."""
    if times == 0:
        return expression(start, **names)
    return expression(f"{start} + q * d.size" if times > 1 else f"{start} + d.size", q=times, **names)
