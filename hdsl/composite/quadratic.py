"""Implied moments as quadratic forms ``z' Omega z``, for models whose moments are too long when written out.

Input: `Moments`. Output: text and LaTeX. Invariant: only blocks with correlations are quadratic forms,
of the loadings z of their effects; all else is written out.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from hdsl.composite.layout import BREAKS, fill, rounded
from hdsl.form.expr import show_index_set
from hdsl.form.latex import latex_index_set, latex_symbol
from hdsl.form.model import RandomBlock
from hdsl.form.notation import aligned, matrix

if TYPE_CHECKING:
    from hdsl.composite.moments import Moments

__all__ = ["quadratic_latex", "quadratic_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadraticForm:
    """One block in the quadratic form ``z' Omega z``: its mark, its loadings, the entries of Omega.

    A block without correlations has no mark: it is written out, `variance` and `covariance` of two rows.
    """

    block: RandomBlock
    mark: str
    loadings: list[sympy.Expr]
    omega: list[list[sympy.Expr]]
    variance: sympy.Expr
    covariance: sympy.Expr


def quadratic_forms(moments: Moments) -> list[QuadraticForm]:
    """Return the blocks of a model; those with correlations are marked by index set, and number if it has several."""
    found: list[QuadraticForm] = []
    for block in moments.form.blocks:
        loadings = moments.loadings(block, primed=False)
        width = range(len(block.effects))
        number = 1 + sum(other.mark != "" and other.block.index_set == block.index_set for other in found)
        is_plain = len(loadings) == 1 or block.covariance.structure == "diagonal"
        mark = "" if is_plain else f"{number if number > 1 else ''}[{show_index_set(block.index_set)}]"
        omega = [[moments.entry(block, a, b) for b in width] for a in width]
        variance, covariance = (sympy.expand(moments.block(block, primed=primed)) for primed in (False, True))
        found.append(
            QuadraticForm(
                block=block, mark=mark, loadings=loadings, omega=omega, variance=variance, covariance=covariance
            )
        )
    return found


def _shared(moments: Moments, forms: list[QuadraticForm], shared: str) -> list[QuadraticForm]:
    index_set = moments.index_set(shared)
    return [form for form in forms if moments.levels.determines(index_set, form.block.index_set)]


def _written_out(moments: Moments, forms: list[QuadraticForm], *, is_covariance: bool) -> sympy.Expr:
    """Return the part of a moment that needs no matrix: blocks without correlations, and of a variance the residual."""
    start = sympy.Integer(0) if is_covariance else moments.residual
    return sympy.expand(sum((f.covariance if is_covariance else f.variance for f in forms if not f.mark), start))


def quadratic_text(moments: Moments) -> str:
    """Return the moments as text, each block as ``z' Omega z``."""
    forms = quadratic_forms(moments)

    def total(some: list[QuadraticForm], star: str) -> list[str]:
        pieces = [f"z{f.mark}' Omega{f.mark} z{star}{f.mark}" for f in some if f.mark]
        rest = _written_out(moments, some, is_covariance=bool(star))
        pieces += [_plain(rest)] if rest != 0 or not pieces else []
        return fill(" + ".join(pieces), 80, "    ", (BREAKS[0], r"(?<= )", *BREAKS[1:]))

    lines = [f"Var({moments.form.predictors[0].name} | x) =", *total(forms, "")]
    for shared in moments.shared:
        lines += [f"Cov of two rows that share [{shared}] =", *total(_shared(moments, forms, shared), "*")]
    for shared in moments.shared:
        lines += textwrap.wrap(f"ICC[{shared}] = Cov of two rows that share [{shared}] / Var, at z* = z", 80)
    is_primed = any(not f.mark and moments.is_primed(f.covariance) for f in forms)
    lines.append("where z* is z of the second row," + (" x' its covariate," if is_primed else "") + " and")
    for form in forms:
        if form.mark:
            lines += _named(f"    z{form.mark} = (", [_plain(loading) for loading in form.loadings])
            lines += _omega_text(form)
    return "\n".join(lines)


def _plain(expr: sympy.Expr) -> str:
    return str(rounded(expr)).replace("**", "^")


def _named(head: str, items: list[str]) -> list[str]:
    """Return ``head`` and items in brackets, wrapped under the first, or under the head where that is too long."""
    widest = max(map(len, items)) + 1
    under = " " * (len(head) if len(head) + widest <= 80 else 6)
    first, *rest = textwrap.wrap(", ".join(items) + ")", 80 - len(under), break_long_words=False)
    return (
        [head + first, *(under + line for line in rest)]
        if len(under) > 6
        else [head, under + first, *(under + line for line in rest)]
    )


def _omega_text(form: QuadraticForm) -> list[str]:
    """Return Omega by what it is the covariance of; in numbers where it has no symbols."""
    lines = _named(f"    Omega{form.mark} = Cov(", list(form.block.effects))
    if any(entry.free_symbols for row in form.omega for entry in row):
        return lines
    cells = [[_plain(entry) for entry in row[: k + 1]] for k, row in enumerate(form.omega)]
    width = max(len(cell) for row in cells for cell in row)
    return [*lines, *(("      " + "  ".join(cell.rjust(width) for cell in row)) for row in cells)]


def quadratic_latex(moments: Moments) -> str:
    """Return the moments as LaTeX, each block as a quadratic form."""
    forms = quadratic_forms(moments)

    def show(expr: sympy.Expr) -> str:
        return str(sympy.latex(rounded(expr), symbol_names=moments.latex_names))

    def mark(form: QuadraticForm) -> str:
        number = form.mark.partition("[")[0]
        return f"_{{{number}{',' if number else ''}{latex_index_set(form.block.index_set)}}}"

    def total(some: list[QuadraticForm], star: str) -> str:
        pieces = [rf"\mathbf{{z}}{mark(f)}' \, \Omega{mark(f)} \, \mathbf{{z}}{star}{mark(f)}" for f in some if f.mark]
        rest = _written_out(moments, some, is_covariance=bool(star))
        return " + ".join([*pieces, show(rest)] if rest != 0 or not pieces else pieces)

    rows = [rf"\operatorname{{Var}}(y \mid x) &= {total(forms, '')}"]
    for shared in moments.shared:
        names = latex_index_set(tuple(shared.split(",")))
        left = rf"\operatorname{{Cov}}(y, y' \mid x, \text{{same }} {names})"
        rows.append(rf"{left} &= {total(_shared(moments, forms, shared), '^{*}')}")
        at_same = r"\operatorname{Var}(y \mid x) \text{ at } \mathbf{z}^{*} = \mathbf{z}"
        rows.append(rf"\rho_{{{names}}} &= {left} / {at_same}")
    for form in forms:
        if form.mark:
            rows.append(rf"\mathbf{{z}}{mark(form)} &= {matrix([[show(loading)] for loading in form.loadings])}")
            effects = matrix([[latex_symbol(effect)] for effect in form.block.effects])
            is_known = not any(entry.free_symbols for row in form.omega for entry in row)
            values = " = " + matrix([[show(entry) for entry in row] for row in form.omega]) if is_known else ""
            rows.append(rf"\Omega{mark(form)} &= \operatorname{{Cov}} {effects}{values}")
    return aligned(rows)
