"""Emit the likelihood of a plan as NumPy source.

Stage: code generation. Input: a `Plan`. Output: source text, the same for equal plans. The functions of the file are
this model's forward and reverse sweep; `hdsl.runtime` holds what they call, and the standalone form holds those
definitions too.
"""

from __future__ import annotations

import ast
import hashlib
import textwrap
from collections.abc import Iterable, Sequence
from functools import lru_cache

from hdsl import runtime
from hdsl.codegen.channels import channels
from hdsl.codegen.curvature import average_information, directed, remaining
from hdsl.codegen.densities import density, density_of, slope_needs, value_needs, weights
from hdsl.codegen.laplace import laplace_criterion, mode, slope, solve
from hdsl.codegen.layout import Layout, layout
from hdsl.codegen.predictors import part_columns, predictors, row_predictors
from hdsl.codegen.prepared import data_record, prepare, rows_record, starting
from hdsl.codegen.reverse import covariances, gradient, modes, theta_gradient
from hdsl.codegen.rows import columns, cross_products, cross_record, spread_columns
from hdsl.codegen.spread import criterion, mean_plan, sensitivities, spread_plan
from hdsl.codegen.standalone import definitions, main, script
from hdsl.codegen.sweep import estimates, forward, forward_record, relative_factors
from hdsl.codegen.tree import WIDTH, Function, Record, Statement, Suite, code, plain, show
from hdsl.codegen.weighted import weigh
from hdsl.form.density import RowDensity
from hdsl.plan import FixedSet, Plan
from hdsl.version import __version__

__all__ = ["emit", "plan_hash"]


def plan_hash(plan: Plan) -> str:
    """Return twelve hexadecimal digits that name the structure of a plan."""
    structure = [getattr(plan, name) for name in plan.__slots__ if name not in {"reasons", "sizes"}]
    return hashlib.sha256(repr(structure).encode()).hexdigest()[:12]


@lru_cache(maxsize=256)
def emit(
    plan: Plan,
    *,
    standalone: bool = False,
    title: str = "",
    x_symbols: tuple[str, ...] = (),
    replicated: bool = False,
) -> str:
    """Return NumPy source that computes the likelihood of a plan.

    Parameters
    ----------
    plan : Plan
    standalone : bool
        Whether the file holds every definition that it needs, and a ``main``, so that it runs without hdsl.
    title : str
        A first line for the header.
    x_symbols : tuple of str
        Printed forms of the covariates ``x[0], x[1], ..`` for the header.
    replicated : bool
        Whether the functions take many outcomes at once (`hdsl.runtime.replicated`); of a Gaussian plan without
        occupied cells.

    Returns
    -------
    str
        Source text; equal plans give equal text.

    Notes
    -----
    With ``y = X beta + sum_f Z_f b_f + e`` and ``cov(b_f) = sigma^2 Sigma_f`` in each group, the functions eliminate
    factor after factor from cross-products: ``K = (Sigma^-1 + A)^-1``, then ``C - B'KB`` for all that is coarser.
    """
    view = layout(plan)
    if plan.density is None:
        body = _functions(view)
    elif plan.is_weighted:
        body = _weighted_functions(plan, plan.density)
    else:
        body = _density_functions(view)
    if standalone:
        body.append(main(plan, len(x_symbols)))
    used = _names(body) & set(runtime.__all__)
    parts = [
        _header(view, standalone=standalone, title=title, x_symbols=x_symbols),
        *_imports(used, standalone=standalone, module="hdsl.runtime.replicated" if replicated else "hdsl.runtime"),
    ]
    if standalone:
        parts.append(definitions(used))
    parts.append(show(body))
    if standalone:
        parts.append(script(plan))
    return "".join(parts)


def _functions(view: Layout) -> list[Statement]:
    """Return the statements of the file, in the order of their use."""
    return [
        cross_record(view),
        forward_record(view),
        columns(view),
        relative_factors(view),
        cross_products(view),
        forward(view),
        estimates(),
        modes(view),
        covariances(view),
        gradient(),
        theta_gradient(view),
        average_information(view),
    ]


def _weighted_functions(plan: Plan, density: RowDensity) -> list[Statement]:
    """Return the statements of the file of a plan with weights."""
    view = layout(mean_plan(plan))
    return [
        cross_record(view),
        forward_record(view),
        columns(view),
        spread_columns(spread_plan(plan)),
        weights(density),
        relative_factors(view),
        cross_products(view),
        forward(view),
        estimates(),
        criterion(),
        modes(view),
        covariances(view),
        sensitivities(view),
        remaining(view),
        theta_gradient(view),
        average_information(view),
    ]


def _density_functions(view: Layout) -> list[Statement]:
    """Return the statements of the file of a plan with a density."""
    channel, row = channels(view), density_of(view)
    cross = cross_record(view)
    return [
        cross,
        forward_record(view),
        rows_record(view),
        data_record(view),
        part_columns(view),
        relative_factors(view),
        prepare(view),
        starting(view),
        *density(view, channel, "density", value_needs(channel)),
        *density(view, channel, "derivatives", slope_needs(channel, row)),
        predictors(view),
        row_predictors(view),
        weigh(view, cross),
        forward(view),
        modes(view),
        mode(view),
        laplace_criterion(),
        covariances(view),
        solve(view),
        *([directed(view)] if view.factors else []),
        slope(view),
        theta_gradient(view),
    ]


def _names(body: Iterable[Statement]) -> set[str]:
    """Return every name that occurs in statements."""
    found: set[str] = set()
    for item in body:
        match item:
            case Suite(head=head, body=inner):
                found |= _names(ast.parse(f"{head} pass").body) | _names(inner)
            case Function(body=inner):
                found |= _names(inner)
            case Record(fields=fields):
                found |= {kind for _, kind, _ in fields}
            case ast.AST():
                found |= {node.id for node in ast.walk(item) if isinstance(node, ast.Name)}
            case _:
                pass
    return found


def _header(view: Layout, *, standalone: bool, title: str, x_symbols: Sequence[str]) -> str:
    """Return the docstring of the file: what it computes and what it reads."""
    plan = view.plan
    lines = _model(view, title) if plan.density is None else _density_model(view, plan.density, title)
    lines += ["", f"Emitted by hdsl {__version__}, plan {plan_hash(plan)}.", "", "Reads"]
    if plan.density is None:
        lines.append("  y, (n,): the outcome" + ("; offset, (n,): a known part of it" if plan.has_offset[0] else ""))
    else:
        lines.append("  y, (n,): the outcome")
        lines += [f"  known[{k}], (n,) = {name}" for k, name in enumerate(plan.density.known)]
        lines += [f"  offsets[{k}], (n,): a known part of eta{k}" for k, has in enumerate(plan.has_offset) if has]
    lines += [f"  x[{k}], (n,) = {symbol}" for k, symbol in enumerate(x_symbols)]
    lines += [f"  groups[{f.position}], (n,): code from 0 of the group of each row, {f.title}" for f in view.factors]
    sets = {item.codes: item.symbol for item in plan.fixed if isinstance(item, FixedSet)}
    lines += [f"  sets[{k}], (n,): column of each row in {symbol}, -1 for none" for k, symbol in sorted(sets.items())]
    if standalone:
        lines += _usage(plan)
    wrapped = [part for line in lines for part in textwrap.wrap(plain(line), WIDTH, subsequent_indent="    ") or [""]]
    quotes = '"""'
    return "\n".join([quotes + wrapped[0], *wrapped[1:], quotes, "", ""])


def _model(view: Layout, title: str) -> list[str]:
    """Return the model of a Gaussian plan."""
    random = "".join(f" + Z{factor.number} b{factor.number}" for factor in view.factors)
    lines = [title or "Gaussian multilevel model.", "", f"y = X beta{random} + e,  var(e) = sigma^2"]
    return lines + [f"cov(b{f.number}) = sigma^2 Sigma{f.number} in each group of {f.title}" for f in view.factors]


def _density_model(view: Layout, density: RowDensity, title: str) -> list[str]:
    """Return the model of a plan with a density."""
    random = "".join(f" + Z{factor.number} b{factor.number}" for factor in view.factors)
    etas = ", ".join(f"eta{k}" for k in range(len(density.inputs)))
    lines = [title or f"Multilevel model, {density.distribution}.", "", f"y has the density f(y | {etas})"]
    lines += [f"  eta{k} of row i: {item.argument}" for k, item in enumerate(density.inputs)]
    if view.plan.is_weighted:
        lines.append(
            f"  eta0 = offset + X beta{random}; a row counts 1 / sd^2, and beta has a closed form given the sd"
        )
    else:
        lines.append(f"  each is offset + X beta{random}, with the columns that enter it")
    return lines + [f"cov(b{f.number}) = Sigma{f.number} in each group of {f.title}" for f in view.factors]


def _usage(plan: Plan) -> list[str]:
    """Return how a standalone file is run."""
    if plan.density is None:
        return [
            "",
            "Run: python FILE DATA.npz THETA .. [reml]",
            "where DATA.npz holds y, x0, x1, .., group0, group1, .., set0, .., and offset if there is one.",
        ]
    known = "".join(f"{name}, " for name in plan.density.known)
    return [
        "",
        f"Run: python FILE DATA.npz {'GAMMA .. THETA .. [reml]' if plan.is_weighted else 'BETA .. THETA ..'}",
        f"where DATA.npz holds y, {known}x0, x1, .., group0, group1, .., set0, .., and offset0, .. if there are any.",
    ]


def _imports(used: set[str], *, standalone: bool, module: str) -> list[str]:
    """Return the import lines."""
    if standalone:
        return []
    body = code("from typing import NamedTuple")
    text = show(body) + "\n" + show(code("import numpy as np"))
    names = "".join(f"    {name},\n" for name in sorted(used, key=lambda name: (not name[0].isupper(), name)))
    return [text, f"\nfrom {module} import (\n{names})\n" if names else ""]
