"""Implied moments of a Gaussian model: Var(y | x), Cov of two rows, intraclass correlations, as SymPy expressions.

For random terms ``sum_b z_b' u_b`` with ``Cov(u_b) = Omega_b`` and residual variance sigma^2,

    Var(y_i | x)            = sum_b z_bi' Omega_b z_bi + sigma^2
    Cov(y_i, y_i' | shared) = sum over the blocks whose group the rows share of z_bi' Omega_b z_bi'

Covariates of the first row print as they are written, those of the second with a prime.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property

import sympy

from hdsl.form.expr import IndexSet, show_index_set
from hdsl.form.latex import latex_symbol
from hdsl.form.model import CompositeModel, RandomBlock
from hdsl.semantics.levels import Levels

__all__ = ["Moments"]


def _wrapped(expr: sympy.Expr, width: int = 80) -> list[str]:
    """Return the text of an expression, indented, wrapped at its signs."""
    text = str(expr).replace("**", "^")
    lines, current = [], "    "
    for piece in re.split(r"(?<= )(?=[+-] )|(?<=/)", text):
        if len(current) + len(piece.rstrip()) > width and current.strip():
            lines.append(current.rstrip())
            current = "    "
        current += piece
    return [*lines, current.rstrip()]


class Moments:
    """Implied moments of a Gaussian linear model, given the covariates.

    Parameters
    ----------
    form : CompositeModel
        With an outcome that is normal on the identity link.
    levels : Levels
        Says which groups two rows share when they share one.
    """

    def __init__(self, form: CompositeModel, levels: Levels) -> None:
        self._form = form
        self._levels = levels
        self._latex_names: dict[sympy.Symbol, str] = {}

    @cached_property
    def variance(self) -> sympy.Expr:
        """Var(y | x): the sum over all blocks, and the residual variance."""
        total = sum((self._block(block, primed=False) for block in self._form.blocks), sympy.Integer(0))
        return sympy.expand(total) + self._residual

    def covariance(self, shared: str) -> sympy.Expr:
        """Return Cov of two different rows that share a group of `shared` (``"j"``, ``"j,k"``) and no finer one."""
        index_set = self._index_set(shared)
        blocks = [b for b in self._form.blocks if self._levels.determines(index_set, b.index_set)]
        return sympy.expand(sum((self._block(block, primed=True) for block in blocks), sympy.Integer(0)))

    def icc(self, shared: str) -> sympy.Expr:
        """Return the intraclass correlation: of two rows with the same covariates that share a group of `shared`."""
        same = {symbol: self._unprimed(symbol) for symbol in self.covariance(shared).free_symbols}
        return self.covariance(shared).subs(same) / self.variance

    @property
    def shared(self) -> tuple[str, ...]:
        """The index sets that two rows can share."""
        sets = {block.index_set for block in self._form.blocks}
        return tuple(show_index_set(s) for s in self._levels.index_sets if s in sets)

    @cached_property
    def _residual(self) -> sympy.Expr:
        residual = self._form.residual
        return (
            self._parameter(residual.sd) ** 2 if residual is not None and residual.sd is not None else sympy.Integer(0)
        )

    def _block(self, block: RandomBlock, *, primed: bool) -> sympy.Expr:
        loadings = self._loadings(block, primed=False)
        others = self._loadings(block, primed=primed)
        return sum(
            (
                loadings[a] * others[b] * self._entry(block, a, b)
                for a in range(len(block.effects))
                for b in range(len(block.effects))
            ),
            sympy.Integer(0),
        )

    def _entry(self, block: RandomBlock, a: int, b: int) -> sympy.Expr:
        sd = [self._parameter(name) for name in block.covariance.sd]
        if a == b:
            return sd[a] ** 2
        if block.covariance.structure == "diagonal":
            return sympy.Integer(0)
        low, high = sorted((a, b))
        width = len(block.effects)
        position = sum(width - 1 - column for column in range(low)) + high - low - 1
        return sd[a] * sd[b] * self._parameter(block.covariance.cor[position])

    def _loadings(self, block: RandomBlock, *, primed: bool) -> list[sympy.Expr]:
        found: dict[str, sympy.Expr] = defaultdict(lambda: sympy.Integer(0))
        for predictor in self._form.predictors:
            for term in predictor.terms:
                if term.part == "random" and term.coefficient in block.effects:
                    product = (
                        sympy.Float(term.scale) if term.scale != int(term.scale) else sympy.Integer(int(term.scale))
                    )
                    for covariate in term.covariates:
                        constant = self._levels.determines(block.index_set, covariate.index_set)
                        product *= self._covariate(covariate.text, covariate.index_set, primed=primed and not constant)
                    found[term.coefficient] += product
        return [found[effect] for effect in block.effects]

    def _parameter(self, name: str) -> sympy.Symbol:
        positive = not name.startswith("cor(")
        symbol = sympy.Symbol(name, positive=True) if positive else sympy.Symbol(name, real=True)
        self._latex_names[symbol] = latex_symbol(name)
        return symbol

    def _covariate(self, text: str, index_set: IndexSet, *, primed: bool) -> sympy.Symbol:
        symbol = sympy.Symbol(text + ("'" if primed else ""), real=True)
        self._latex_names[symbol] = latex_symbol(text, primed=primed)
        return symbol

    def _unprimed(self, symbol: sympy.Symbol) -> sympy.Symbol:
        return sympy.Symbol(symbol.name[:-1], real=True) if symbol.name.endswith("'") else symbol

    def _index_set(self, shared: str) -> IndexSet:
        names = [name.strip() for name in shared.split(",")]
        unknown = [name for name in names if name not in self._levels.order.indices]
        if unknown:
            raise KeyError(f"no index `{unknown[0]}`; two rows can share {', '.join(self.shared)}")
        return self._levels.order.canonical(names)

    def __str__(self) -> str:
        outcome = self._form.predictors[0].name
        lines = [f"Var({outcome} | x) =", *_wrapped(self.variance)]
        for shared in self.shared:
            lines += [f"Cov of two rows that share [{shared}] =", *_wrapped(self.covariance(shared))]
        if any(self._is_primed(self.covariance(shared)) for shared in self.shared):
            lines.append("where x' is the covariate of the second row")
        for shared in self.shared:
            if self._is_primed(self.covariance(shared)):
                lines.append(f"ICC[{shared}] = Cov of two rows that share [{shared}] / Var, at x' = x")
            else:
                lines += [f"ICC[{shared}] =", *_wrapped(self.icc(shared))]
        return "\n".join(lines)

    @staticmethod
    def _is_primed(expr: sympy.Expr) -> bool:
        return any(symbol.name.endswith("'") for symbol in expr.free_symbols)

    def latex(self) -> str:
        """Return the moments as LaTeX, an aligned display."""

        def show(expr: sympy.Expr) -> str:
            return str(sympy.latex(expr, symbol_names=self._latex_names))

        rows = [rf"\operatorname{{Var}}(y \mid x) &= {show(self.variance)}"]
        for shared in self.shared:
            rows.append(
                rf"\operatorname{{Cov}}(y, y' \mid x, \text{{same }} {shared}) &= {show(self.covariance(shared))}"
            )
            rows.append(rf"\rho_{{{shared.replace(',', '')}}} &= {show(self.icc(shared))}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"
