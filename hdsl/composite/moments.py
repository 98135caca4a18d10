"""Implied moments of a Gaussian model: Var(y | x), Cov of two rows, intraclass correlations, as SymPy expressions.

For random terms ``sum_b z_b' u_b`` with ``Cov(u_b) = Omega_b`` and residual variance sigma^2,

    Var(y_i | x)            = sum_b z_bi' Omega_b z_bi + sigma^2
    Cov(y_i, y_i' | shared) = sum over the blocks whose group the rows share of z_bi' Omega_b z_bi'

Covariates of the first row print as they are written, those of the second with a prime.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import sympy

from hdsl.composite.layout import rounded, wrapped
from hdsl.composite.lower import evaluate_at
from hdsl.composite.quadratic import quadratic_latex, quadratic_text
from hdsl.form.expr import IndexSet, show_index_set
from hdsl.form.latex import latex_index_set, latex_symbol
from hdsl.form.model import CompositeModel, RandomBlock
from hdsl.form.notation import aligned
from hdsl.semantics.levels import levels_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Moments"]

WIDEST_BLOCK = 4
"""Correlated effects from which moments are printed as quadratic forms."""

MOST_LINES = 8
"""Lines of one moment above which they are, too."""


class Moments:
    """Implied moments of a Gaussian linear model, given the covariates.

    Parameters
    ----------
    form : CompositeModel
        With an outcome that is normal on the identity link.
    values : mapping from str to float, optional
        Values of parameters by name, put in their places; parameters that are left out stay symbols.
    """

    def __init__(self, form: CompositeModel, values: Mapping[str, float] | None = None) -> None:
        self.form = form
        self.levels = levels_of(form)
        self._values = dict(values or {})
        self.latex_names: dict[sympy.Symbol, str] = {}

    @cached_property
    def variance(self) -> sympy.Expr:
        """Var(y | x): the sum over all blocks, and the residual variance."""
        total = sum((self.block(block, primed=False) for block in self.form.blocks), sympy.Integer(0))
        return sympy.expand(total + self.residual)

    def covariance(self, shared: str) -> sympy.Expr:
        """Return Cov of two different rows that share a group of `shared` (``"j"``, ``"j,k"``) and no finer one."""
        index_set = self.index_set(shared)
        blocks = [b for b in self.form.blocks if self.levels.determines(index_set, b.index_set)]
        return sympy.expand(sum((self.block(block, primed=True) for block in blocks), sympy.Integer(0)))

    def icc(self, shared: str) -> sympy.Expr:
        """Return the intraclass correlation: of two rows with the same covariates that share a group of `shared`."""
        same = {symbol: self._unprimed(symbol) for symbol in self.covariance(shared).free_symbols}
        return self.covariance(shared).subs(same) / self.variance

    def at(self, **covariates: float) -> pd.DataFrame:
        """Return variance, covariances and intraclass correlations in numbers, a row for each index set.

        Parameters
        ----------
        **covariates : float
            Values of covariates by name without subscripts (``at(year=0)``), for both rows. Covariates that are no
            single column (``(x[i] - 3)``) are given through the columns in them.

        Returns
        -------
        DataFrame
            Indexed by index set: `variance` (of the effects of that set alone), `share` of the total variance,
            `covariance` of two rows that share a group of it, `icc`; the last row is the residual.

        Raises
        ------
        KeyError
            If a covariate or a parameter has no value.
        """
        import pandas as pd

        def number(expr: sympy.Expr) -> float:
            missing = sorted({str(s).rstrip("'") for s in expr.free_symbols} - {f"{n}" for n in given})
            if missing:
                names = ", ".join(f"`{name}`" for name in missing)
                raise KeyError(f"no value for {names}")
            return float(expr.subs({s: given[str(s).rstrip("'")] for s in expr.free_symbols}))

        given = self._given(covariates)
        total = number(self.variance)
        rows = {}
        for shared in self.shared:
            index_set = self.index_set(shared)
            own = sum(
                (self.block(b, primed=False) for b in self.form.blocks if b.index_set == index_set), sympy.Integer(0)
            )
            rows[shared] = (number(own), number(own) / total, number(self.covariance(shared)), number(self.icc(shared)))
        residual = number(self.residual)
        rows[self.form.row] = (residual, residual / total, total, 1.0)
        columns = ["variance", "share", "covariance", "icc"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("index_set")

    def _given(self, covariates: Mapping[str, float]) -> dict[str, float]:
        """Values by printed covariate; a covariate that is an expression of columns is worked out."""
        columns = {c.text: c for p in self.form.predictors for t in p.terms if t.part == "random" for c in t.covariates}
        given = {}
        for text, covariate in columns.items():
            value = evaluate_at(covariate.expr, covariates)
            if value is not None:
                given[text] = value
        return given

    @property
    def shared(self) -> tuple[str, ...]:
        """The index sets that two rows can share."""
        sets = {block.index_set for block in self.form.blocks}
        return tuple(show_index_set(s) for s in self.levels.index_sets if s in sets)

    @cached_property
    def residual(self) -> sympy.Expr:
        """The residual variance; 0 where there is none to estimate."""
        residual = self.form.residual
        return (
            self._parameter(residual.sd) ** 2 if residual is not None and residual.sd is not None else sympy.Integer(0)
        )

    def block(self, block: RandomBlock, *, primed: bool) -> sympy.Expr:
        """Return what a block adds to the variance, or `primed` to the covariance of two rows that share its group."""
        loadings = self.loadings(block, primed=False)
        others = self.loadings(block, primed=primed)
        return sum(
            (
                loadings[a] * others[b] * self.entry(block, a, b)
                for a in range(len(block.effects))
                for b in range(len(block.effects))
            ),
            sympy.Integer(0),
        )

    def entry(self, block: RandomBlock, a: int, b: int) -> sympy.Expr:
        """Return the covariance of two effects of a block."""
        sd = [self._parameter(name) for name in block.covariance.sd]
        if a == b:
            return sd[a] ** 2
        if block.covariance.structure == "diagonal":
            return sympy.Integer(0)
        low, high = sorted((a, b))
        width = len(block.effects)
        position = sum(width - 1 - column for column in range(low)) + high - low - 1
        return sd[a] * sd[b] * self._parameter(block.covariance.cor[position])

    def loadings(self, block: RandomBlock, *, primed: bool) -> list[sympy.Expr]:
        """Return what each effect of a block is multiplied by, in the first row or (`primed`) in the second."""
        found: dict[str, sympy.Expr] = defaultdict(lambda: sympy.Integer(0))
        for predictor in self.form.predictors:
            for term in predictor.terms:
                if term.part == "random" and term.coefficient in block.effects:
                    product = (
                        sympy.Float(term.scale) if term.scale != int(term.scale) else sympy.Integer(int(term.scale))
                    )
                    for covariate in term.covariates:
                        constant = self.levels.determines(block.index_set, covariate.index_set)
                        product *= self._covariate(covariate.text, covariate.index_set, primed=primed and not constant)
                    found[term.coefficient] += product
        return [found[effect] for effect in block.effects]

    def _parameter(self, name: str) -> sympy.Expr:
        positive = not name.startswith("cor(")
        if name in self._values:
            return sympy.Float(self._values[name])
        symbol = sympy.Symbol(name, positive=True) if positive else sympy.Symbol(name, real=True)
        self.latex_names[symbol] = latex_symbol(name)
        return symbol

    def _covariate(self, text: str, index_set: IndexSet, *, primed: bool) -> sympy.Symbol:
        symbol = sympy.Symbol(text + ("'" if primed else ""), real=True)
        self.latex_names[symbol] = latex_symbol(text, primed=primed)
        return symbol

    def _unprimed(self, symbol: sympy.Symbol) -> sympy.Symbol:
        return sympy.Symbol(symbol.name[:-1], real=True) if symbol.name.endswith("'") else symbol

    def index_set(self, shared: str) -> IndexSet:
        """Return the canonical form of an index set as typed; KeyError if it has an unknown index."""
        names = [name.strip() for name in shared.split(",")]
        unknown = [name for name in names if name not in self.levels.order.indices]
        if unknown:
            raise KeyError(f"no index `{unknown[0]}`; two rows can share {', '.join(self.shared)}")
        return self.levels.order.canonical(names)

    def __str__(self) -> str:
        if self.is_long:
            return quadratic_text(self)
        outcome = self.form.predictors[0].name
        lines = [f"Var({outcome} | x) =", *wrapped(self.variance)]
        for shared in self.shared:
            lines += [f"Cov of two rows that share [{shared}] =", *wrapped(self.covariance(shared))]
        if any(self.is_primed(self.covariance(shared)) for shared in self.shared):
            lines.append("where x' is the covariate of the second row")
        for shared in self.shared:
            if self.is_primed(self.covariance(shared)):
                lines += textwrap.wrap(f"ICC[{shared}] = Cov of two rows that share [{shared}] / Var, at x' = x", 80)
            else:
                lines += [f"ICC[{shared}] =", *wrapped(self.icc(shared))]
        return "\n".join(lines)

    @staticmethod
    def is_primed(expr: sympy.Expr) -> bool:
        """Whether an expression has a covariate of the second row."""
        return any(symbol.name.endswith("'") for symbol in expr.free_symbols)

    @cached_property
    def is_long(self) -> bool:
        """Whether the moments are printed as quadratic forms, since written out they could not be read."""
        if any(len(b.effects) >= WIDEST_BLOCK and b.covariance.structure == "unstructured" for b in self.form.blocks):
            return True
        return any(len(wrapped(expr)) > MOST_LINES for expr in (self.variance, *map(self.covariance, self.shared)))

    def latex(self) -> str:
        """Return the moments as LaTeX, an aligned display; long ones as quadratic forms."""
        if self.is_long:
            return quadratic_latex(self)

        def show(expr: sympy.Expr) -> str:
            return str(sympy.latex(rounded(expr), symbol_names=self.latex_names))

        rows = [rf"\operatorname{{Var}}(y \mid x) &= {show(self.variance)}"]
        for shared in self.shared:
            names = latex_index_set(tuple(shared.split(",")))
            rows.append(
                rf"\operatorname{{Cov}}(y, y' \mid x, \text{{same }} {names}) &= {show(self.covariance(shared))}"
            )
            rows.append(rf"\rho_{{{names}}} &= {show(self.icc(shared))}")
        return aligned(rows)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"
