"""Emit the forward sweep: covariance factors, elimination of the chain, the dense root."""

from __future__ import annotations

import ast

from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.tree import Comment, Filling, Function, Record, Statement, code, expression, tuple_of, unpack

__all__ = ["dense_factors", "estimates", "forward", "forward_record", "product", "relative_factors", "unpack_chain"]


def product(q: int) -> str:
    """Return the template of a product whose left factor is one q by q matrix per group: elementwise for q = 1."""
    return "left * right" if q == 1 else "mul(left, right)"


def relative_factors(plan_layout: Layout) -> Function:
    """Emit ``relative_factors(theta)``: the lower-triangular Lambda of each factor."""
    body: list[Statement] = []
    for factor in plan_layout.factors:
        where = {(entry.row, entry.column): entry.theta for entry in factor.entries}
        rows: list[ast.expr] = [
            ast.List([_entry(where.get((r, c))) for c in range(factor.width)], ast.Load()) for r in range(factor.width)
        ]
        body.append(Comment(f"factor {factor.number}: {factor.title}"))
        body += code("L = matrix(rows)", L=factor.name("L"), rows=ast.List(rows, ast.Load()))
    body += code("return parts", parts=tuple_of([factor.name("L") for factor in plan_layout.factors]))
    scale = "" if plan_layout.plan.is_weighted else ", relative to sigma^2"
    return Function(
        "relative_factors",
        "theta",
        f"Return Lambda of each factor: Sigma = Lambda Lambda'{scale}.",
        tuple(body),
    )


def _entry(theta: int | None) -> ast.expr:
    if theta is None:
        return ast.Constant(0.0)
    return ast.Constant(1.0) if theta < 0 else expression("theta[k]", k=theta)


def forward_record(plan_layout: Layout) -> Record:
    """Emit the record of the forward sweep."""
    fields = [("factors", "tuple", "Lambda of each factor")]
    for factor in plan_layout.chain:
        fields.append((factor.name("K"), "np.ndarray", f"(Sigma^-1 + A)^-1 of factor {factor.number}"))
        fields += [
            (factor.name(letter), "np.ndarray", "all finer factors eliminated")
            for letter in _arrays(plan_layout, factor)
        ]
    fields.append(("C", "np.ndarray", "the chain eliminated"))
    if plan_layout.dense:
        fields.append(("root", "Root", "factor of the dense root"))
    fields += [("logdet", "float", "log det(I + Lambda'Z'Z Lambda)"), ("S", "np.ndarray", "[X, y]'V^-1 [X, y]")]
    return Record("Forward", "The forward sweep at one theta.", tuple(fields))


def _arrays(plan_layout: Layout, factor: Factor) -> list[str]:
    """Return the letters of the arrays of a chain factor."""
    return ["A", *(["B"] if factor.above else []), "E", *(["N"] if plan_layout.is_sparse else [])]


def unpack_chain(plan_layout: Layout, record: str) -> list[Statement]:
    """Emit ``A1, B1, E1 = c.A1, c.B1, c.E1`` for each factor of the chain."""
    body: list[Statement] = []
    for factor in plan_layout.chain:
        names = [factor.name(letter) for letter in _arrays(plan_layout, factor)]
        body.append(unpack(names, tuple_of([f"{record}.{name}" for name in names])))
    return body


def forward(plan_layout: Layout) -> Function:
    """Emit ``forward(c, theta)``."""
    factors = plan_layout.factors
    body: list[Statement] = code("factors = relative_factors(theta)")
    if factors:
        body.append(unpack([factor.name("L") for factor in factors], "factors"))
    body += unpack_chain(plan_layout, "c")
    body += code("C = c.C.copy()" if plan_layout.is_sparse else "C = c.C")
    if plan_layout.dense:
        body += dense_factors(plan_layout)
    body += code("logdet = 0.0")
    for k, factor in enumerate(plan_layout.chain):
        body += [
            Comment(f"eliminate factor {factor.number}: {factor.title}"),
            *_inverse(factor, convex=plan_layout.plan.density is None or plan_layout.plan.density.is_log_concave),
            *_eliminate(plan_layout, k, factor),
        ]
    if plan_layout.dense:
        body.append(Comment("dense root: I + Lambda'C Lambda = RR', bordered by [X, y]"))
        body += code(
            """
            root = factorise(C[:m, :m], C[:m, m:], dense)
            logdet += root.logdet
            S = C[m:, m:] - root_border(root)
            """
        )
    fields = [name for name, _, _ in forward_record(plan_layout).fields[:-1]]
    values = [expression(name) for name in fields] + [expression("S" if plan_layout.dense else "C")]
    body.append(ast.Return(ast.Call(expression("Forward"), values, [])))
    return Function("forward", "c, theta", "Eliminate the random effects at theta, finest factor first.", tuple(body))


def dense_factors(plan_layout: Layout) -> list[Statement]:
    """Emit the list of dense factors and the number of their columns."""
    parts = [expression("(L, c.size)", L=f.name("L"), size=f.name("size")) for f in plan_layout.dense]
    return code("dense = parts", parts=tuple_of(parts)) + code("m = sum(len(L) * size for L, size in dense)")


def _inverse(factor: Factor, *, convex: bool) -> list[Statement]:
    """Emit K and its log determinant in closed form for widths 1 and 2.

    The determinant is not a number where I + L'AL is not positive definite, which it always is if `convex`.
    """
    names = {letter: factor.name(letter) for letter in "KAL"}
    match factor.width:
        case 1:
            return code(
                """
                gamma = L[0, 0] ** 2
                ridge = 1.0 + gamma * A
                K = gamma / ridge
                logdet += log_sum(ridge)
                """,
                **names,
            )
        case 2:
            both = code("ridge[trace_product(Sigma, A) < -2.0] = np.nan", **names)
            return [
                Comment("K = (Sigma + |Sigma| adj A) / D,  D = |I + A Sigma| = 1 + tr(A Sigma) + |A| |Sigma|"),
                *code(
                    """
                    Sigma = covariance(L)
                    det = (L[0, 0] * L[1, 1]) ** 2
                    ridge = 1.0 + trace_product(Sigma, A) + det * (A[0, 0] * A[1, 1] - A[0, 1] ** 2)
                    """,
                    **names,
                ),
                *([] if convex else [Comment("two negative factors are no positive matrix"), *both]),
                *code(
                    """
                    K = (by_group(Sigma) + det * adjugate(A)) / ridge
                    logdet += log_sum(ridge)
                    """,
                    **names,
                ),
            ]
        case _:
            return [
                Comment("K = L (I + L'AL)^-1 L'"),
                *code("K, ridge = ridge_inverse(A, L)", **names),
                *code("logdet += ridge"),
            ]


def _eliminate(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit ``later -= B'KB`` for all that is coarser than a factor of the chain."""
    names: dict[str, Filling] = {letter: factor.name(letter) for letter in "KABEN"}
    K, E, N, B = (expression(factor.name(letter)) for letter in "KENB")
    if plan_layout.has_bare_border and not factor.above:
        return []
    body = code("KE = product", product=expression(product(factor.width), left=K, right=E))
    sparse: dict[str, Filling] = {"cells": expression("c.cells", cells=factor.name("cells")), **names}
    if plan_layout.is_sparse and factor.above:
        spread = expression("cells.spread(K)", **sparse)
        body += code("KN = product", product=expression(product(factor.width), left=spread, right=N))
    if factor.above:
        body += code("KB = product", product=expression(product(factor.width), left=K, right=B))
        body += code("up = collect(t_mul(B, KB), c.nest.starts[k])", k=k, **names)
        body += code("upE = collect(t_mul(B, KE), c.nest.starts[k])", k=k, **names)
        if plan_layout.is_sparse:
            body += code(
                "upN = cells2.from_finer(t_mul(cells.spread(B), KN))", cells2=_cells(factor.above[0]), **sparse
            )
        body += _push(plan_layout, k, factor)
    if plan_layout.is_sparse:
        body += code("C[m:, m:] -= inner(E, KE)", **names)
        body += code("C[:m, m:] -= cells.by_column(t_mul(N, cells.spread(KE)))", **sparse)
        body += code("cells.take_out(C, N, K)", **sparse)
    elif not plan_layout.has_bare_border:
        body += code("C = C - inner(E, KE)", **names)
    return body


def _cells(factor: Factor) -> ast.expr:
    return expression("c.cells", cells=factor.name("cells"))


def _push(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit the subtraction of what a factor leaves on each factor above it, going up level by level."""
    body: list[Statement] = []
    for step, other in enumerate(factor.above):
        names = {letter: other.name(letter) for letter in "ABEN"}
        q = other.width
        if step:  # on to the next coarser factor
            body += code("up = collect(up[q:, q:], c.nest.starts[k])", q=factor.above[step - 1].width, k=k + step)
            body += code("upE = collect(upE[q:], c.nest.starts[k])", q=factor.above[step - 1].width, k=k + step)
            if plan_layout.is_sparse:
                body += code("upN = cells.from_finer(upN[q:])", cells=_cells(other), q=factor.above[step - 1].width)
        is_last = step == len(factor.above) - 1
        body += code("A = A - up" if is_last else "A = A - up[:q, :q]", q=q, **names)
        if not is_last:
            body += code("B = B - up[:q, q:]", q=q, **names)
        body += code("E = E - upE" if is_last else "E = E - upE[:q]", q=q, **names)
        if plan_layout.is_sparse:
            body += code("N = N - upN" if is_last else "N = N - upN[:q]", q=q, **names)
    return body


def estimates() -> Function:
    """Emit ``estimates(c, f, reml)``: the profiled criterion, fixed effects and residual sum of squares."""
    body = code("return profile(f.S, f.logdet, c.n, reml=reml)")
    doc = "Return -2 log-likelihood (restricted: reml) with beta and sigma^2 = r2 / nn profiled out."
    return Function("estimates", "c, f, reml", doc, tuple(body))
