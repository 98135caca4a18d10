"""Emit the reverse sweep: modes, covariances and gradient, coarsest factor first."""

from __future__ import annotations

import ast

from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.sweep import dense_factors, product
from hdsl.codegen.tree import Comment, Function, Statement, code, expression, tuple_of, unpack

__all__ = ["covariances", "dense_prelude", "gradient", "joint_names", "modes", "own_names", "theta_gradient"]


def dense_prelude(plan_layout: Layout) -> list[Statement]:
    """Emit Lambda of the dense factors and what goes with them."""
    if not plan_layout.dense:
        return []
    values = [f"f.factors[{factor.position}]" for factor in plan_layout.dense]
    names = [factor.name("L") for factor in plan_layout.dense]
    return [unpack(names, tuple_of(values)), *dense_factors(plan_layout)]


def _split(plan_layout: Layout, letter: str, call: str) -> list[Statement]:
    """Emit the unpacking of a list with an item for each dense factor."""
    return [unpack([factor.name(letter) for factor in plan_layout.dense], call)]


def modes(plan_layout: Layout) -> Function:
    """Emit ``modes(c, f, beta)``."""
    body: list[Statement] = []
    if plan_layout.factors and not plan_layout.has_bare_border:
        body += [Comment("coefficients of the border: y - X beta"), *code("w = residual_weights(beta)")]
    if plan_layout.dense:
        body += dense_prelude(plan_layout)
        body += [
            Comment("dense root: b = (Sigma^-1 + C)^-1 t,  v = t - C b"),
            *code("b = root_modes(f.root, w, dense)"),
            *code("v = times(f.C[:m, m:], w) - times(f.C[:m, :m], b)"),
            *_split(plan_layout, "b", "split(b, dense)"),
            *_split(plan_layout, "v", "split(v, dense)"),
        ]
        if not plan_layout.is_sparse:
            body += code("w = np.concatenate((-b, w))")
    for k, factor in reversed(list(enumerate(plan_layout.chain))):
        body += _mode(plan_layout, k, factor)
    pairs = [tuple_of([factor.name(letter) for factor in plan_layout.factors]) for letter in "bv"]
    body += code("return pair", pair=tuple_of(pairs))
    doc = "Return the modes b and v = Z'V^-1 (y - X beta) of each factor, (q, 1, J); b = Sigma v."
    return Function("modes", "c, f, beta", doc, tuple(body))


def _mode(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit b and v of one factor of the chain, those above it being known."""
    names = {letter: factor.name(letter) for letter in "bvt"}
    arrays = {letter: expression(f"f.{factor.name(letter)}") for letter in "AKEBN"}
    cells = {"cells": expression("c.cells", cells=factor.name("cells"))}
    body: list[Statement] = [Comment(f"factor {factor.number}: b = K t,  v = t - A b")]
    is_bare = plan_layout.has_bare_border
    body += code("t = E" if is_bare else "t = along(w, E)", **names, E=arrays["E"])
    if plan_layout.is_sparse:
        body += code("t = t - cells.collect(N * b[cells.column])", t=names["t"], N=arrays["N"], **cells)
    if factor.above:
        parent = factor.above[0]
        if len(factor.above) > 1:
            grand = expression("of_parent(above, c.nest.parents[k])", k=k + 1)
            body += code("above = np.concatenate((b, grand))", b=parent.name("b"), grand=grand)
        else:
            body += code("above = b", b=parent.name("b"))
        body += code("t = t - mul(B, of_parent(above, c.nest.parents[k]))", k=k, t=names["t"], B=arrays["B"])
    template = product(factor.width)
    body += code("b = Kt", Kt=expression(template, left=arrays["K"], right=expression(factor.name("t"))), **names)
    body += code("v = t - Ab", Ab=expression(template, left=arrays["A"], right=expression(factor.name("b"))), **names)
    return body


def covariances(plan_layout: Layout) -> Function:
    """Emit ``covariances(c, f, cov_X)``; with a density the covariances that the predictors of a row need as well."""
    has_density = plan_layout.plan.density is not None
    body: list[Statement] = []
    if plan_layout.dense:
        body += dense_prelude(plan_layout)
        body += [
            Comment("dense root: cov of [D, X], D the dense columns"),
            *code("X = f.C[:m, m : m + len(cov_X)]"),
            *code("cov, inv = root_covariance(f.root, dense, X, cov_X)"),
            *_split(plan_layout, "G", "root_information(f.C[:m, :m], f.root, inv, dense, X, cov_X)"),
            *_split(plan_layout, "V", "diagonal_blocks(cov, dense)"),
        ]
    elif has_fixed(plan_layout) and (plan_layout.chain or plan_layout.plan.is_weighted):
        body += code("cov = cov_X")
    for k, factor in reversed(list(enumerate(plan_layout.chain))):
        body += _covariance(plan_layout, k, factor)
    pairs = [tuple_of([factor.name(letter) for factor in plan_layout.factors]) for letter in "GV"]
    if has_density:
        pairs.append(tuple_of(joint_names(plan_layout)))
    if plan_layout.plan.is_weighted:
        pairs.append(tuple_of(own_names(plan_layout)))
    body += code("return pair", pair=tuple_of(pairs))
    doc = (
        "Return for each factor the sum over groups of Z'V^-1 Z, (q, q), and the covariance of its modes, (q, q, J).\n"
        "cov_X is the covariance of beta, relative to sigma^2, or 0 by 0 where beta is given."
    )
    if has_density:
        doc += (
            "\nThe joint covariances follow: of the finest groups with all above them, with the dense columns, and of "
            "these with each other."
        )
    if plan_layout.plan.is_weighted:
        doc += "\nThe covariances of each factor with what has cross-products with it follow, and those of the border."
    return Function("covariances", "c, f, cov_X", doc, tuple(body))


def own_names(plan_layout: Layout) -> list[str]:
    """Return the names of the covariances on the pattern of the cross-products: U as A and B, UE as E, UN as N."""
    return [*(factor.name(letter) for factor in plan_layout.chain for letter in _own_letters(plan_layout)), "cov"]


def _own_letters(plan_layout: Layout) -> list[str]:
    return ["U", "UE", *(["UN"] if plan_layout.is_sparse else [])]


def joint_names(plan_layout: Layout) -> list[str]:
    """Return the names of the covariances between factors, as far as there are such."""
    chain = ["V", *(["VN" if plan_layout.is_sparse else "VE"] if plan_layout.dense else [])]
    return [*(chain if plan_layout.chain else []), *(["cov"] if plan_layout.dense else [])]


def _covariance(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit G and the covariance of one factor of the chain with all that is above it, on the pattern of the data.

    T is ``B Cov``, B the cross-products with all that is coarser; Q is ``B Cov B'``.
    """
    sparse, has_above = plan_layout.is_sparse, bool(factor.above)
    has_density = plan_layout.plan.density is not None
    is_weighted = plan_layout.plan.is_weighted
    is_finest = k == 0 and not (has_density or is_weighted)  # a finer one needs more, and so do rows of their own
    has_border = has_fixed(plan_layout) or (bool(plan_layout.dense) and not sparse)
    names = {letter: factor.name(letter) for letter in "GV"}
    arrays = {letter: expression(f"f.{factor.name(letter)}") for letter in "AKEBN"}
    cells = {"cells": expression("c.cells", cells=factor.name("cells"))}
    K = arrays["K"]
    if not (has_above or has_border or sparse):
        body: list[Statement] = [Comment(f"factor {factor.number}: V = K")]
        body += code("G = information(A, K)", G=names["G"], A=arrays["A"], K=K)
        return [*body, *code("V1 = K\nV = V1", V1=factor.name("V"), K=K)]
    body = [Comment(f"factor {factor.number}: Q = B Cov B' over all that is coarser, V = K + KQK")]
    body += _own(plan_layout, factor, has_border=has_border, is_finest=is_finest)
    if has_above:
        body += _with_above(plan_layout, k, factor, has_border=has_border, is_finest=is_finest)
    Q = ["mul_t(TE, E)"] * has_border + ["mul_t(TB, B)"] * has_above
    for i, part in enumerate(Q):
        body += code(f"Q = Q + {part}" if i else f"Q = {part}", B=arrays["B"])
    if sparse:
        body += _dense_part(arrays, cells, has_above=has_above, is_finest=is_finest, is_first=not Q)
    KQK = "K + K * Q * K" if factor.width == 1 else "K + mul(K, mul(Q, K))"
    body += code("G = information(A, K, Q)", G=names["G"], A=arrays["A"], K=K)
    body += code(f"V1 = {KQK}", V1=factor.name("V"), K=K)
    if is_finest:
        return body
    body += _joint(plan_layout, factor, K, has_border=has_border)
    for letter in _own_letters(plan_layout) if is_weighted else []:
        body += code("own = joint[:q]", own=factor.name(letter), joint=letter.replace("U", "V"), q=factor.width)
    return body


def _own(plan_layout: Layout, factor: Factor, *, has_border: bool, is_finest: bool) -> list[Statement]:
    """Emit T of the border and of the occupied cells."""
    sparse = plan_layout.is_sparse
    arrays = {letter: expression(f"f.{factor.name(letter)}") for letter in "EN"}
    cells = {"cells": expression("c.cells", cells=factor.name("cells"))}
    body: list[Statement] = []
    if has_border:
        size = expression("cov_X" if sparse else "cov")
        body += code("E = border[:, : len(size)]", border=arrays["E"], size=size)
        body += code("TE = across(cov_X, E)" if sparse else "TE = across(cov, E)")
    if sparse and has_border:
        body += code("ND = cells.collect(N * cov[m:, cells.column])", N=arrays["N"], **cells)
        body += code("TE = TE + ND")
    if sparse and not is_finest:
        template = "cells.pair_product(N, cov)"
        if has_border:
            template += " + mul(cells.spread(E), cov[m:, None, cells.column])"
        body += code(f"TN = {template}", N=arrays["N"], **cells)
    return body


def has_fixed(plan_layout: Layout) -> bool:
    """Whether columns of X are in the border; with a density they are not, and beta is given."""
    return plan_layout.plan.density is None


def _with_above(plan_layout: Layout, k: int, factor: Factor, *, has_border: bool, is_finest: bool) -> list[Statement]:
    """Emit what the factors above add to T."""
    arrays = {letter: expression(f"f.{factor.name(letter)}") for letter in "BN"}
    cells = {"cells": expression("c.cells", cells=factor.name("cells"))}
    body = code("V = of_parent(V, c.nest.parents[k])", k=k)
    if has_border:
        body = code("V, VE = of_parent(V, c.nest.parents[k]), of_parent(VE, c.nest.parents[k])", k=k)
        body += code("TB = mul(B, V) + mul_t(E, VE)", B=arrays["B"])
        body += code("TE = TE + mul(B, VE)", B=arrays["B"])
    else:
        body += code("TB = mul(B, V)", B=arrays["B"])
    if plan_layout.is_sparse:
        body += code("VN = cells2.to_finer(VN)", cells2=_cells(factor.above[0]))
        body += code("NV = cells.collect(mul_t(N, VN))", N=arrays["N"], **cells)
        body += code("TB = TB + NV")
        if not is_finest:
            body += code("TN = TN + mul(cells.spread(B), VN)", B=arrays["B"], **cells)
    return body


def _dense_part(
    arrays: dict[str, ast.expr], cells: dict[str, ast.expr], *, has_above: bool, is_finest: bool, is_first: bool
) -> list[Statement]:
    """Emit what the dense columns add to Q; TN is there only where a finer factor needs it."""
    if not is_finest:
        template = "cells.collect(mul_t(TN, N))"
        return code(f"Q = {template}" if is_first else f"Q = Q + {template}", N=arrays["N"], **cells)
    body = code("Q = Q + mul_t(E, ND) + cells.quadratic(N, cov)", N=arrays["N"], **cells)
    if has_above:
        body += code("Q = Q + mul_t(B, NV)", B=arrays["B"])
    return body


def _cells(factor: Factor) -> ast.expr:
    return expression("c.cells", cells=factor.name("cells"))


def _joint(plan_layout: Layout, factor: Factor, K: ast.expr, *, has_border: bool) -> list[Statement]:
    """Emit the covariance of a factor and those above it, jointly, for the next finer one."""
    template = product(factor.width).replace("left", "K").replace("right", "{}")
    body: list[Statement] = []
    if factor.above:
        body += [Comment("jointly with the factors above it")]
        body += code(f"V = join(V1, -{template.format('TB')}, V)", V1=factor.name("V"), K=K)
        if has_border:
            body += code(f"VE = np.concatenate((-{template.format('TE')}, VE))", K=K)
    else:
        body += code("V = V1", V1=factor.name("V"))
        if has_border:
            body += code(f"VE = -{template.format('TE')}", K=K)
    if plan_layout.is_sparse:
        spread = ast.unparse(expression("cells.spread(K)", cells=_cells(factor), K=K))
        KN = (f"{spread} * TN") if factor.width == 1 else f"mul({spread}, TN)"
        body += code(f"VN = np.concatenate((-{KN}, VN))" if factor.above else f"VN = -{KN}")
    return body


def gradient() -> Function:
    """Emit ``gradient(c, f, fit, reml)``."""
    body = code(
        """
        p = len(fit.beta) if reml else 0
        G, V = covariances(c, f, fit.cov_beta[:p, :p])
        b, v = modes(c, f, fit.beta)
        scale = fit.nn / fit.r2
        return tuple(g - scale * outer_sum(u, u) for g, u in zip(G, v, strict=True))
        """
    )
    doc = "Return d objective / d Sigma = sum Z'V^-1 Z - (nn / r2) v v' of each factor, symmetric."
    return Function("gradient", "c, f, fit, reml", doc, tuple(body))


def theta_gradient(plan_layout: Layout) -> Function:
    """Emit ``theta_gradient(theta, G)``: the chain rule from Sigma to theta."""
    body = code("g = np.zeros(n)", n=plan_layout.plan.n_theta)
    if plan_layout.factors:
        body += code("factors = relative_factors(theta)")
    for k, factor in enumerate(plan_layout.factors):
        free = [entry for entry in factor.entries if entry.theta >= 0]
        if factor.width == 1:
            for entry in free:
                body += code("g[t] += 2.0 * G[k][0, 0] * factors[k][0, 0]", t=entry.theta, k=k)
            continue
        entries = [tuple_of([ast.Constant(i) for i in (e.theta, e.row, e.column)]) for e in free]
        body += [Comment(f"factor {factor.number}: (theta, row, column)")]
        body += code("entries = items", items=tuple_of(entries))
        body += code(
            """
            slope = 2.0 * G[k] @ factors[k]
            for t, row, column in entries:
                g[t] += slope[row, column]
            """,
            k=k,
        )
    body += code("return g")
    return Function(
        "theta_gradient", "theta, G", "Return d objective / d theta = 2 G Lambda at the entries of theta.", tuple(body)
    )
