"""The plan as a page to read: factors, algorithm, cost, reasons.

Stage: design. Input: `Plan`, and the arrays where there are data. Output: text of at most 80 columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

import numpy as np

from hdsl.design.balance import explain_balance
from hdsl.design.cost import PROBES, cost, quadrature_points
from hdsl.design.order import iterative_parts
from hdsl.form.density import RowDensity
from hdsl.form.expr import show_index_set
from hdsl.plan import Arrays, Column, Plan

__all__ = ["describe", "show_seconds"]

_WIDTH = 80
_LONGEST = 20  # characters of an index set in the table

_RESTRICTED = (
    " Restricted maximum likelihood adds the log determinant of the fixed part's information, which each evaluation "
    "has, too."
)


def describe(plan: Plan, arrays: Arrays | None = None, *, reml: bool = False, nodes: int | None = None) -> str:
    """Return a printable account of a plan.

    Parameters
    ----------
    plan : Plan
    arrays : Arrays or None
        Adds how rows are spread over groups.
    reml : bool
        Whether the fit is by restricted maximum likelihood.
    nodes : int or None
        Of quadrature, for each random effect; None where that is not the method.
    """
    lines = [*_sizes(plan), ""]
    if plan.re_terms:
        lines += [*_table(plan, arrays), ""]
    lines += _paragraph("Method", _method(plan) + (_RESTRICTED if reml else "") + _quadrature(plan, nodes))
    lines += _paragraph("Cost", _cost(plan, arrays, nodes))
    reasons = [*plan.reasons, *(() if arrays is None else explain_balance(plan, arrays))]
    if reasons:
        lines += ["Why"]
        for reason in reasons:
            lines += wrap(reason, _WIDTH, break_on_hyphens=False, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines)


def _paragraph(title: str, text: str) -> list[str]:
    return (
        wrap(text, _WIDTH, break_on_hyphens=False, initial_indent=f"{title:<8}", subsequent_indent=" " * 8)
        if text
        else []
    )


def _sizes(plan: Plan) -> Iterator[str]:
    n_sets = sum(not isinstance(column, Column) for column in plan.fixed)
    if plan.sizes is None:
        sets = f" and {n_sets} unmodelled set{'s' * (n_sets != 1)}" if n_sets else ""
        yield f"Fixed part: {len(plan.fixed) - n_sets} columns{sets}. Covariance parameters: {plan.n_theta}."
        return
    rows, p, q = plan.sizes.n, plan.sizes.p, _random_columns(plan)
    yield f"{rows:,} rows, {p:,} fixed columns, {q:,} random columns, {plan.n_theta} covariance parameters"


def _random_columns(plan: Plan) -> int:
    assert plan.sizes is not None
    return sum(term.width * count for term, count in zip(plan.re_terms, plan.sizes.n_levels, strict=True))


def _table(plan: Plan, arrays: Arrays | None) -> Iterator[str]:
    """Yield the table of factors; columns that say least give way where it would not fit the page."""
    factors = range(len(plan.re_terms))
    columns = {
        "index set": [_shown(plan, k) for k in factors],
        "groups": [] if plan.sizes is None else [f"{count:,}" for count in plan.sizes.n_levels],
        "rows/group": [] if arrays is None else [_spread(arrays, k) for k in factors],
        "width": [str(plan.re_terms[k].width) for k in factors],
        "covariance": [_covariance(plan, k) for k in factors],
        "treated as": [_treatment(plan, k) for k in factors],
    }
    columns = {head: cells for head, cells in columns.items() if cells}
    for head in ("rows/group", "covariance", "width"):
        if _page_width(columns) > _WIDTH:
            columns.pop(head, None)
    lines = _aligned(columns)
    yield lines[0]
    yield "-" * max(map(len, lines))
    yield from lines[1:]


def _page_width(columns: dict[str, list[str]]) -> int:
    return sum(max(map(len, [head, *cells])) + 2 for head, cells in columns.items()) - 2


def _aligned(columns: dict[str, list[str]]) -> list[str]:
    padded = []
    for head, cells in columns.items():
        width = max(map(len, [head, *cells]))
        is_number = head in ("groups", "rows/group", "width")
        padded.append([cell.rjust(width) if is_number else cell.ljust(width) for cell in (head, *cells)])
    return ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def _shown(plan: Plan, k: int) -> str:
    text = show_index_set(plan.re_terms[k].index_set)
    return f"[{text}]" if len(text) <= _LONGEST else f"[{text[: _LONGEST - 2]}..]"


def _spread(arrays: Arrays, k: int) -> str:
    counts = np.bincount(arrays.groups[k])
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"


def _covariance(plan: Plan, k: int) -> str:
    widths = [len(block.columns) for block in plan.re_terms[k].blocks]
    if len(widths) == 1:
        return "variance" if widths[0] == 1 else f"{widths[0]} x {widths[0]}"
    return "diagonal" if set(widths) == {1} else "blocks " + ", ".join(map(str, widths))


def _treatment(plan: Plan, k: int) -> str:
    if plan.crossing == "iterative" and plan.sizes is not None:
        columns = [term.width * size for term, size in zip(plan.re_terms, plan.sizes.n_levels, strict=True)]
        eliminated, _, small = iterative_parts(columns)
        return "eliminated" if k == eliminated else "small, exact" if k in small else "solved by iterations"
    if k in plan.dense:
        return f"dense, crossed with {_shown(plan, plan.chain[0])}"
    place = plan.chain.index(k)
    if place + 1 < len(plan.chain):
        return f"eliminated, lies in {_shown(plan, plan.chain[place + 1])}"
    return "eliminated"


def _method(plan: Plan) -> str:
    if plan.is_weighted:
        return _method_of_weights(plan)
    if plan.density is not None:
        return _method_of_density(plan, plan.density)
    if not plan.re_terms:
        return "Ordinary least squares: there is no random effect."
    steps = "Cross-products are summed once; after that no step touches the rows. "
    if plan.crossing == "iterative":
        return (
            f"{steps}Each evaluation eliminates the largest factor, solves for the others by conjugate gradients, and "
            "estimates traces and the log determinant by random signs, always the same. The fit tells its Monte-Carlo "
            "error."
        )
    return f"{steps}Each evaluation {_elimination(plan)}."


def _method_of_weights(plan: Plan) -> str:
    known = plan.n_predictors == 1
    what = "are known" if known else "have an equation of fixed coefficients"
    steps = "" if not plan.re_terms else f" Each evaluation {_elimination(plan)}."
    sums = (
        "are summed once"
        if known
        else (
            "are summed once for each class of rows with equal standard deviations, or anew over all rows where there "
            "are too many classes for that to pay"
        )
    )
    return (
        f"Closed form: the outcome is Gaussian, and the standard deviations of its rows {what}. A row counts 1 / sd^2 "
        f"in cross-products, which {sums}.{steps}"
    )


def _method_of_density(plan: Plan, density: RowDensity) -> str:
    k = len(density.inputs)
    takes = f"The density of a row, `{density.distribution}`, takes {k} predictor{'s' * (k != 1)}"
    known = f" and known {_listed(density.known)}" if density.known else ""
    if not plan.re_terms:
        return f"{takes}{known}. Maximum likelihood by Newton's method: there is no random effect."
    steps = (
        f"{takes}{known}. Random effects are integrated by Laplace's approximation, with the observed Hessian of the "
        f"joint density at its mode. The mode is found by Newton's method; each step passes over the rows and "
    )
    mode = "" if density.is_log_concave else " The density need not be log-concave, so the mode is checked to be one."
    return f"{steps}{_elimination(plan)}.{mode}"


def _quadrature(plan: Plan, nodes: int | None) -> str:
    """Return what quadrature does after Laplace's approximation."""
    if nodes is None or not plan.re_terms:
        return ""
    effects = sum(term.width for term in plan.re_terms)
    all_nodes = f", {nodes**effects:,} for all {effects} effects of a row" if effects > 1 else ""
    return (
        f" From that optimum on the integrals are by adaptive Gauss-Hermite quadrature, with {nodes} nodes for each "
        f"random effect{all_nodes}, put at the mode and spread by the curvature there."
    )


def _elimination(plan: Plan) -> str:
    names = _listed([_shown(plan, k) for k in plan.chain])
    steps = f"eliminates the groups of {names}" + (", finest first" if len(plan.chain) > 1 else "")
    if plan.dense:
        crossed = _listed([_shown(plan, k) for k in plan.dense])
        how = {"dense": "dense", "sparse": "sparse", "none": ""}[plan.crossing]
        steps += f"; {crossed} and the fixed part go into one dense Cholesky factor, with {how} cross-products"
    return steps


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _cost(plan: Plan, arrays: Arrays | None, nodes: int | None) -> str:
    """Return work and memory of one evaluation with its gradient, in words."""
    if plan.sizes is None or arrays is None or not plan.re_terms:
        return ""
    expected = cost(plan, arrays, nodes)
    words = [f"{_work(plan, expected.cells)}, beside {plan.sizes.p + 1} columns of fixed part and outcome"]
    is_inner = plan.density is not None and not plan.is_weighted
    if nodes is not None:
        parameters, points = plan.sizes.p + plan.n_theta, quadrature_points(plan, nodes)
        words.append(f"quadrature goes through {points:,} rows times nodes")
        words.append(
            f"an evaluation takes {show_seconds(expected.seconds)} on one core, and the gradient by differences "
            f"of {parameters} parameters {2 * parameters} of them"
        )
    elif is_inner:
        words.append(f"an evaluation, of several steps, takes {show_seconds(expected.seconds)} on one core")
    else:
        words.append(f"it takes {show_seconds(expected.seconds)} on one core")
    words.append(f"the fit needs {_bytes(expected.memory)} of memory, on top of the data")
    return "; ".join(words) + "."


def _work(plan: Plan, cells: int) -> str:
    """Return what one evaluation does."""
    assert plan.sizes is not None
    by_rows = plan.density is not None and not plan.is_weighted
    unit = "One step" if by_rows else "One evaluation"
    columns = [term.width * size for term, size in zip(plan.re_terms, plan.sizes.n_levels, strict=True)]
    if plan.crossing == "iterative":
        rest = sum(columns) - max(columns)
        return f"{unit} solves for {PROBES} random vectors of {rest:,} columns, each time through {cells:,} cells"
    dense, chain = sum(columns[k] for k in plan.dense), sum(columns[k] for k in plan.chain)
    words = f"{unit} works on {chain:,} eliminated columns"
    if dense:
        words += f" and factors a dense {dense:,} x {dense:,} matrix"
    if by_rows and plan.density is not None:
        k = len(plan.density.inputs)
        words += f" and {plan.sizes.n:,} rows with {k + k * (k + 1) // 2} derivatives each"
    return words


def show_seconds(number: float) -> str:
    """Return a time of two digits in plain units; what is short is what any call takes."""
    if number < 1e-3:
        return "less than 1 ms"
    for unit, size in (("hours", 3600.0), ("minutes", 60.0), ("s", 1.0)):
        if number >= (2.0 * size if unit != "s" else 0.1):
            return f"about {_two_digits(number / size)} {unit}"
    return f"about {_two_digits(1000.0 * number)} ms"


def _two_digits(number: float) -> str:
    """Return a number of two digits without an exponent."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10.0 else f"{rounded:g}"


def _bytes(number: float) -> str:
    """Return an amount of memory; what is small is lost in what Python itself takes."""
    unit, size = ("GB", 1e9) if number >= 1e9 else ("MB", 1e6)
    return f"about {number / size:.3g} {unit}" if number >= size else "less than 1 MB"
