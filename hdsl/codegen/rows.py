"""Emit what touches rows: the columns of the model matrices and their cross-products."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.tree import Comment, Function, Record, Statement, code, expression, starred, tuple_of, unpack
from hdsl.plan import Column, FixedSet, Plan, Product

__all__ = ["column_values", "columns", "cross_products", "cross_record", "spread_columns"]

Products = tuple[Product, ...]


def _product(product: Product) -> ast.expr:
    """Return ``scale * x[i] * x[j]``; at least one factor."""
    parts = [expression("x[i]", i=i) for i in product.factors]
    if product.scale != 1.0:
        parts.insert(0, ast.Constant(product.scale))
    tree = parts[0]
    for part in parts[1:]:
        tree = ast.BinOp(tree, ast.Mult(), part)
    return tree


def column_values(products: Products) -> ast.expr:
    """Return the sum of products; a constant is a column without storage."""
    if all(not product.factors for product in products):
        return expression("constant(value, len(y))", value=sum(product.scale for product in products))
    terms = [_product(product) if product.factors else ast.Constant(product.scale) for product in products]
    tree = terms[0]
    for term in terms[1:]:
        tree = ast.BinOp(tree, ast.Add(), term)
    return tree


def _all_columns(plan_layout: Layout) -> Iterator[Products]:
    for item in plan_layout.plan.fixed:
        yield item.products
    for term in plan_layout.plan.re_terms:
        for column in term.columns:
            yield column.products


def columns(plan_layout: Layout) -> Function:
    """Emit ``columns(y, x, sets, offset)``: X, outcome and the Z of each factor; equal columns are one array."""
    plan = plan_layout.plan
    shared: dict[Products, str] = {}
    body: list[Statement] = []
    for products, times in Counter(_all_columns(plan_layout)).items():
        is_data = products == (Product(scale=1.0, factors=products[0].factors),) and len(products[0].factors) == 1
        if times > 1 and not is_data:
            shared[products] = f"h{len(shared)}"
            body += code("h = column", h=shared[products], column=column_values(products))

    def column(item: Column | FixedSet) -> ast.expr:
        return expression(shared[item.products]) if item.products in shared else column_values(item.products)

    X: list[ast.expr] = []
    for item in plan.fixed:
        if isinstance(item, FixedSet):
            value = expression("indicators(sets[k], (values,))[0]", k=item.codes, values=column(item))
            body.append(Comment(f"X[{len(X)}]: an indicator of each level of {item.symbol}"))
        else:
            value = column(item)
        X.append(value)
    body += code("X = parts", parts=tuple_of(X))
    names = []
    for factor in plan_layout.factors:
        names.append(factor.name("Z"))
        Z = tuple_of([column(item) for item in plan.re_terms[factor.position].columns])
        body += [Comment(f"factor {factor.number}: {factor.title}"), *code("Z = parts", Z=factor.name("Z"), parts=Z)]
    outcome = expression("y - offset" if plan.has_offset[0] else "y")
    body += code("return X, outcome, Z", outcome=outcome, Z=tuple_of(names))
    return Function(
        "columns", "y, x, sets, offset", "Return the columns of X, the outcome, and the columns of each Z.", tuple(body)
    )


def spread_columns(plan: Plan) -> Function:
    """Emit ``spread_columns(y, x, sets)``: the columns of the predictor of the standard deviations."""
    body: list[Statement] = []
    X: list[ast.expr] = []
    for item in plan.fixed:
        value = column_values(item.products)
        if isinstance(item, FixedSet):
            value = expression("indicators(sets[k], (values,))[0]", k=item.codes, values=value)
        X.append(value)
    body += code("return parts", parts=tuple_of(X))
    doc = "Return the columns of the predictor of the standard deviations."
    return Function("spread_columns", "y, x, sets", doc, tuple(body))


def cross_record(plan_layout: Layout) -> Record:
    """Emit the record of cross-products."""
    fields = [("n", "int", "rows")]
    if plan_layout.chain:
        fields.append(("nest", "Nest", "groups of the chain of nested factors, and how they lie in each other"))
    for factor in plan_layout.chain:
        Z = factor.name("Z")
        fields.append((factor.name("A"), "np.ndarray", f"{Z}'{Z}, (q, q, J)"))
        if factor.above:
            above = ", ".join(other.name("Z") for other in factor.above)
            fields.append((factor.name("B"), "np.ndarray", f"{Z}'[{above}]"))
        fields.append((factor.name("E"), "np.ndarray", f"{Z}'{'[D, X, y]' if _bordered(plan_layout) else '[X, y]'}"))
        if plan_layout.is_sparse:
            fields.append((factor.name("cells"), "Cells", f"pattern of {Z}'D"))
            fields.append((factor.name("N"), "np.ndarray", f"{Z}'D on its occupied cells"))
    fields += [(factor.name("size"), "int", f"groups of factor {factor.number}") for factor in plan_layout.dense]
    fields.append(("C", "np.ndarray", "[D, X, y]'[D, X, y]" if plan_layout.dense else "[X, y]'[X, y]"))
    return Record("Cross", "Cross-products; per group where they have a last axis J.", tuple(fields))


def _bordered(plan_layout: Layout) -> bool:
    """Whether the dense columns are part of the border of the chain."""
    return bool(plan_layout.dense) and not plan_layout.is_sparse


def _chain_cross(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit the cross-products of one factor of the chain."""
    above = [starred(other.name("Z")) for other in factor.above]
    body: list[Statement] = [Comment(f"factor {factor.number}: {factor.title}")]
    if k == 0:
        weights = [expression("weights")] if plan_layout.plan.is_weighted else []
        body += code("rows = sums", sums=ast.Call(expression("chain.sums"), weights, []))
    else:
        body += code("rows = rows.coarser(chain.starts[k])", k=k - 1)
    names = {letter: factor.name(letter) for letter in "ABEZN"}
    body += code("A = rows.cross(Z, Z)", **names)
    if above:
        body += code("B = rows.cross(Z, above)", above=tuple_of(above), **names)
    body += code("E = rows.cross(Z, (*D, *W))" if _bordered(plan_layout) else "E = rows.cross(Z, W)", **names)
    if plan_layout.is_sparse:
        body += _occupied(plan_layout, k, factor)
        if plan_layout.plan.is_weighted:
            body += code("N = cells.cross([rows.weighted(z) for z in Z])", cells=factor.name("cells"), **names)
        else:
            body += code("N = cells.cross(Z)", cells=factor.name("cells"), **names)
    return body


def _occupied(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit the cells of a factor; those of other weights are the same."""
    cells = factor.name("cells")
    if k == 0:
        found = expression("occupied(chain.codes, D)")
    else:
        finer = plan_layout.chain[k - 1].name("cells")
        found = expression("finer.coarser(chain.parents[k])", finer=finer, k=k - 1)
    if plan_layout.plan.is_weighted:
        found = expression("found if like is None else like.cells", found=found, cells=cells)
    return code("cells = found", cells=cells, found=found)


def cross_products(plan_layout: Layout) -> Function:
    """Emit ``cross_products(W, Z, groups)``."""
    body: list[Statement] = []
    if plan_layout.factors:
        body.append(unpack([factor.name("Z") for factor in plan_layout.factors], "Z"))
    dense = [
        starred(expression("indicators(groups[k], Z)", k=factor.position, Z=factor.name("Z")))
        for factor in plan_layout.dense
    ]
    if dense:
        body.append(Comment("D: an indicator column of each group for each effect of the dense factors"))
        body += code("D = parts", parts=tuple_of(dense))
    if plan_layout.chain:
        codes = [expression("groups[k]", k=factor.position) for factor in plan_layout.chain]
        call: ast.expr = ast.Call(expression("nest"), codes, [])
        if plan_layout.plan.is_weighted:
            call = expression("call if like is None else like.nest", call=call)
        body += code("chain = call", call=call)
    for k, factor in enumerate(plan_layout.chain):
        body += _chain_cross(plan_layout, k, factor)
    blocks = expression("(*D, *W)" if dense else "W")
    is_weighted = plan_layout.plan.is_weighted
    body += code("C = gram(blocks, weights)" if is_weighted else "C = gram(blocks)", blocks=blocks)
    values: list[ast.expr] = [expression("len(W[-1])")]
    for name, _, _ in cross_record(plan_layout).fields[1:]:
        values.append(_field(name, dense_sizes=plan_layout.dense))
    body.append(ast.Return(ast.Call(expression("Cross"), values, [])))
    doc = "Return every sum over rows that the likelihood needs.\nW is the columns of X and the outcome."
    if not is_weighted:
        return Function("cross_products", "W, Z, groups", doc, tuple(body))
    doc += "\nweights are what each row counts; like are cross-products of the same columns with other weights."
    return Function("cross_products", "W, Z, groups, weights=None, like=None", doc, tuple(body))


def _field(name: str, *, dense_sizes: tuple[Factor, ...]) -> ast.expr:
    """Return the value of a field of `Cross` in `cross_products`."""
    if name == "nest":
        return expression("chain")
    for factor in dense_sizes:
        if name == factor.name("size"):
            return expression("int(groups[k].max()) + 1", k=factor.position)
    return expression(name)
