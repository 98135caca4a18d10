"""A Gaussian density with a standard deviation of each row: closed form from cross-products with weights.

Input: a plan with a density that `is_weighted`. Output: its mean as a plan of its own, whose forward and reverse sweep
are those of any Gaussian plan, the plan of the predictor of its standard deviations, and the functions between the two.
With W = diag(1 / sd^2), V = W^-1 + Z Sigma Z' and M the matrix of mixed-model equations, ``[X, Z]'W[X, Z]`` plus
``Sigma^-1`` for the random effects, the criterion is

    d = log|V| + r'V^-1 r (+ log|X'V^-1 X|),   dd / dW_i = - 1 / W_i + e_i^2 + m_i' M^-1 m_i,

with e = y - X beta - Zb and m_i the row of [X, Z] (of Z alone for ML). So derivatives by weights are inner products of
cross-products with ``M^-1`` and with the outer product of the estimates, each on the pattern of the cross-products.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.reverse import dense_prelude, own_names
from hdsl.codegen.tree import Comment, Function, Statement, code, expression, tuple_of, unpack
from hdsl.plan import Column, FixedSet, Plan

__all__ = ["criterion", "mean_plan", "sensitivities", "spread_plan"]


def mean_plan(plan: Plan) -> Plan:
    """Return the Gaussian plan of the mean."""
    return _part(plan, 0)


def spread_plan(plan: Plan) -> Plan:
    """Return the plan of the fixed columns of the predictor of the standard deviations."""
    return replace(_part(plan, 1), re_terms=(), n_theta=0, chain=(), dense=(), crossing="none", diagonal_theta=())


def _part(plan: Plan, predictor: int) -> Plan:
    """Return the columns of one predictor as a plan without a density."""
    fixed = tuple(_moved(item) for item in plan.fixed if item.products[0].predictor == predictor)
    constants = (k for k, item in enumerate(fixed) if isinstance(item, Column) and item.is_constant)
    return replace(
        plan,
        fixed=fixed,
        density=None,
        has_offset=(predictor < plan.n_predictors and plan.has_offset[predictor],),
        intercept=next(constants, None),
    )


def _moved(item: Column | FixedSet) -> Column | FixedSet:
    """Return a column as one of the first predictor."""
    return replace(item, products=tuple(replace(product, predictor=0) for product in item.products))


def criterion() -> Function:
    """Emit ``criterion(fit, level, reml)``."""
    body = code(
        """
        value = fit.logdet + fit.r2 - 2.0 * level
        return value + fit.logdet_x - len(fit.beta) * np.log(2.0 * np.pi) if reml else value
        """
    )
    doc = "Return -2 log-likelihood (restricted: reml); level is the sum of log f at the means of the rows."
    return Function("criterion", "fit, level, reml", doc, tuple(body))


def sensitivities(plan_layout: Layout) -> Function:
    """Emit ``sensitivities(c, f, b, beta, cov_X)``."""
    body = code("G, V, own = covariances(c, f, cov_X)")
    body += [unpack(own_names(plan_layout), "own"), *code("w = np.append(-beta, 1.0)")]
    if plan_layout.factors:
        body.append(unpack([factor.name("b") for factor in plan_layout.factors], "b"))
    body += _border(plan_layout)
    spread: list[tuple[str, ast.expr]] = []
    squares: list[tuple[str, ast.expr]] = []
    for k, factor in reversed(list(enumerate(plan_layout.chain))):
        spread += _covariances(plan_layout, factor)
        if factor.above:
            body += _above(k, factor)
        squares += _products(plan_layout, factor)
    spread.append(("C", expression("widened(widened(cov, len(c.C)).T, len(c.C))")))
    squares.append(("C", expression("np.outer(u, u)")))
    for name, values in (("covariance", spread), ("square", squares)):
        replaced = ast.Call(expression("c._replace"), [], [ast.keyword(key, value) for key, value in values])
        body += code("out = call", out=name, call=replaced)
    body += code("return G, covariance, square")
    doc = (
        "Return the sums of Z'V^-1 Z, and what derivatives by cross-products are.\n"
        "The inner product of cross-products of any weights with the first, over all entries, is the weighted sum of\n"
        "m_i' M^-1 m_i over rows; with the second it is that of squared residuals, y - X beta - Zb."
    )
    return Function("sensitivities", "c, f, b, beta, cov_X", doc, tuple(body))


def _border(plan_layout: Layout) -> list[Statement]:
    """Emit the coefficients of the border: u of [D, X, y], w of the border of the chain."""
    body = dense_prelude(plan_layout)
    if not plan_layout.dense:
        return [*body, *code("u = w")]
    parts = [expression("b.ravel()", b=factor.name("b")) for factor in plan_layout.dense]
    body += [Comment("coefficients of the dense columns")]
    body += code("bD = np.concatenate(parts)", parts=tuple_of(parts))
    body += code("u = np.concatenate((-bD, w))")
    return body if plan_layout.is_sparse else [*body, *code("w = u")]


def _covariances(plan_layout: Layout, factor: Factor) -> Iterator[tuple[str, ast.expr]]:
    """Yield the covariances of a factor in the place of its cross-products; what is off the diagonal counts twice."""
    names = {letter: factor.name(letter) for letter in ("U", "UE", "UN", "E")}
    yield factor.name("A"), expression("U[:, :q]", q=factor.width, **names)
    if factor.above:
        yield factor.name("B"), expression("2.0 * U[:, q:]", q=factor.width, **names)
    yield factor.name("E"), expression("widened(2.0 * UE, c.E.shape[1])", **names)
    if plan_layout.is_sparse:
        yield factor.name("N"), expression("2.0 * UN", **names)


def _above(k: int, factor: Factor) -> list[Statement]:
    """Emit the modes of all factors above one, at its own groups."""
    parent = factor.above[0]
    if len(factor.above) == 1:
        return code("a = of_parent(b, c.nest.parents[k])", a=factor.name("a"), b=parent.name("b"), k=k)
    names = {"a": factor.name("a"), "b": parent.name("b"), "grand": parent.name("a")}
    return code("a = of_parent(np.concatenate((b, grand)), c.nest.parents[k])", k=k, **names)


def _products(plan_layout: Layout, factor: Factor) -> Iterator[tuple[str, ast.expr]]:
    """Yield the products of the modes of a factor in the place of its cross-products."""
    names = {letter: factor.name(letter) for letter in ("a", "b", "cells")}
    yield factor.name("A"), expression("mul_t(b, b)", **names)
    if factor.above:
        yield factor.name("B"), expression("2.0 * mul_t(b, a)", **names)
    yield factor.name("E"), expression("-2.0 * b * w[:, None]", **names)
    if plan_layout.is_sparse:
        yield factor.name("N"), expression("2.0 * c.cells.spread(b) * bD[c.cells.column]", **names)
