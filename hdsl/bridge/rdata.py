"""The lines of an R script that make the data frame `d`: definitions, centring, indicators, factors.

Stage: bridge, way out, for lme4, glmmTMB and brms. Input: `CompositeModel`. Output: lines of R, and names for
formulas. Invariants: definitions are computed before a column becomes a factor; a column that is both numbers and
groups has a factor of its own; a name that R cannot read as it is stands in backticks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hdsl.bridge.columns import Frame
from hdsl.bridge.expressions import R, booleans_as_numbers, has_aggregate, string_text, write_expr
from hdsl.bridge.parts import Parts, Product
from hdsl.form.expr import Aggregate, Apply, Expr, IndexSet, Num, Ref, references
from hdsl.form.model import Covariate

__all__ = ["RData", "r_name"]

_RESERVED = frozenset(
    re.findall(
        r"\w+",
        "if else repeat while function for next break in TRUE FALSE NULL Inf "
        "NaN NA NA_integer_ NA_real_ NA_character_ T F",
    )
)
_SYNTACTIC = re.compile(r"(?:[^\W\d_]|\.(?!\d))[\w.]*")

_EACH_ONCE = """\
# one value of each unit, the rest missing: a mean over groups counts each group once
each_once <- function(value, unit) {
  known <- which(!is.na(value))
  value[setdiff(seq_along(value), known[!duplicated(unit[known])])] <- NA
  value
}"""


def r_name(name: str) -> str:
    """Return a name as R reads it."""
    if _SYNTACTIC.fullmatch(name) and name not in _RESERVED:
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class RData:
    """Makes the data frame's columns, and names them.

    Parameters
    ----------
    parts : Parts
    columns : sequence of str
        Every column of the data, where they are known.
    booleans : frozenset of str
        Columns of true and false, where the data are known.
    """

    def __init__(self, parts: Parts, columns: Sequence[str] = (), booleans: frozenset[str] = frozenset()) -> None:
        self.form = parts.form
        self.frame = Frame(parts.form, columns)
        self.booleans = booleans
        self.lines: list[str] = []
        self._factors: dict[str, str] = {}
        self._factor_lines: list[str] = []
        self._needs_each_once = False
        self._numeric = self._columns_as_numbers(parts)
        defined = [ref for definition in self.form.definitions for ref in references(definition.expr)]
        self._values = self._numeric | {self.frame.symbol(ref.name, ref.index_set) for ref in defined}
        self._made: dict[object, str] = {}
        for column in self.frame.used():
            if column in booleans and column in self._values:
                self.lines.append(f'{self._d(column)} <- as.numeric(toupper({self._d(column)}) == "TRUE")')
        for definition in self.form.definitions:
            target = self.frame.symbol(definition.name, definition.index_set)
            self.lines.append(f"{self._d(target)} <- {self._expr(definition.expr)}")

    def script(self, read: str) -> list[str]:
        """Return the lines that read and prepare the data."""
        helper = [*_EACH_ONCE.splitlines(), ""] if self._needs_each_once else []
        return [*helper, read, *self.lines, *self._factor_lines]

    # -- names in formulas -----------------------------------------------------------------------------------------

    def term(self, products: Sequence[Product], symbol: str) -> str:
        """Return what a coefficient multiplies as a term: ``1``, ``x:z``, ``I(x - 3)``, or a new column."""
        first = products[0]
        if len(products) == 1 and first.scale == 1.0:
            texts = [c.text for c in first.covariates]
            if len(set(texts)) == len(texts):
                return ":".join(self.covariate(c) for c in first.covariates) or "1"
        return self.computed(products, symbol)

    def computed(self, products: Sequence[Product], symbol: str) -> str:
        """Return the name of a column that holds a sum of products."""
        key = ("sum", symbol)
        if key not in self._made:
            name = self.frame.fresh(key, f"x_{symbol}")
            self.lines.append(f"{self._d(name)} <- {self._sum(products)}")
            self._made[key] = r_name(name)
        return self._made[key]

    def covariate(self, covariate: Covariate) -> str:
        """Return a covariate as a variable of a formula."""
        match covariate.expr:
            case Ref(name=name, index_set=index_set):
                return r_name(self.frame.symbol(name, index_set))
            case expr if has_aggregate(expr) or any(self._is_odd(ref) for ref in references(expr)):
                key = ("covariate", covariate.text)
                if key not in self._made:
                    name = self.frame.fresh(key, covariate.text)
                    self.lines.append(f"{self._d(name)} <- {self._expr(expr)}")
                    self._made[key] = r_name(name)
                return self._made[key]
            case expr:
                return f"I({self._bare(expr)})"

    def variable(self, expr: Expr, name: str) -> str:
        """Return an expression as one column: its own, or a new one called `name`."""
        if isinstance(expr, Ref):
            return r_name(self.frame.symbol(expr.name, expr.index_set))
        key = ("variable", name)
        if key not in self._made:
            column = self.frame.fresh(key, name)
            self.lines.append(f"{self._d(column)} <- {self._expr(expr)}")
            self._made[key] = r_name(column)
        return self._made[key]

    def offset(self, products: Sequence[Product]) -> str:
        """Return ``offset(..)``."""
        return f"offset({self.computed(products, 'offset')})"

    def factor(self, index: str, reference: str | None = None) -> str:
        """Return the factor of an index, made when it is first asked for."""
        column = self.frame.column(index)
        if column not in self._factors:
            name = self.frame.fresh(("factor", column), f"{column}_factor") if column in self._numeric else column
            self._factors[column] = name
            self._factor_lines.append(f"{self._d(name)} <- factor({self._labels(column)})")
        name = self._factors[column]
        if reference is not None:
            line = f"{self._d(name)} <- relevel({self._d(name)}, ref = {string_text(reference)})"
            if line not in self._factor_lines:
                self._factor_lines.append(line)
        return r_name(name)

    def _labels(self, column: str) -> str:
        """Return the values of a column as a factor's labels; true and false are called so."""
        if column not in self.booleans:
            return self._d(column)
        is_true = f"{self._d(column)} == 1" if column in self._values else f'toupper({self._d(column)}) == "TRUE"'
        return f'ifelse({is_true}, "True", "False")'

    def group(self, index_set: IndexSet) -> str:
        """Return a grouping: ``batch:cask``."""
        return ":".join(self.factor(index) for index in index_set)

    # -- expressions -----------------------------------------------------------------------------------------------

    def _columns_as_numbers(self, parts: Parts) -> set[str]:
        """Return columns that stand in formulas as values."""
        predictors = [parts.main, *parts.others]
        products = [p for part in predictors for f in part.fixed for p in f.products]
        products += [p for part in predictors for effect in part.effects.values() for p in effect]
        products += [p for part in predictors for p in part.offset]
        exprs = [c.expr for p in products for c in p.covariates]
        exprs += [self.form.outcome.expr, *(expr for _, expr in self.form.outcome.known)]
        return {self.frame.symbol(ref.name, ref.index_set) for expr in exprs for ref in references(expr)}

    def _is_odd(self, ref: Ref) -> bool:
        return r_name(self.frame.symbol(ref.name, ref.index_set)).startswith("`")

    def _d(self, column: str) -> str:
        return f"d${r_name(column)}"

    def _expr(self, expr: Expr) -> str:
        return write_expr(
            booleans_as_numbers(expr, self._is_boolean),
            R,
            lambda ref: self._d(self.frame.symbol(ref.name, ref.index_set)),
            self._aggregate,
        )

    def _bare(self, expr: Expr) -> str:
        return write_expr(
            booleans_as_numbers(expr, self._is_boolean),
            R,
            lambda ref: r_name(self.frame.symbol(ref.name, ref.index_set)),
            self._aggregate,
        )

    def _is_boolean(self, ref: Ref) -> bool:
        return self.frame.symbol(ref.name, ref.index_set) in self.booleans

    def _sum(self, products: Sequence[Product]) -> str:
        text = ""
        for product in products:
            factors: list[Expr] = [c.expr for c in product.covariates]
            if abs(product.scale) != 1.0 or not factors:
                factors.insert(0, Num(value=abs(product.scale)))
            whole = factors[0]
            for factor in factors[1:]:
                whole = Apply(operator="*", operands=(whole, factor))
            sign = "-" if product.scale < 0 else "+" if text else ""
            text += f" {sign} {self._expr(whole)}" if text else f"{sign}{self._expr(whole)}"
        return text

    def _aggregate(self, node: Aggregate) -> str:
        value = self._expr(node.operand)
        if not self.frame.is_row(node.over):
            self._needs_each_once = True
            value = f"each_once({value}, {self._unit(node.over)})"
        if not node.by:
            return _REDUCTIONS[node.function].format(value)
        return f"ave({value}, {self._unit(node.by)}, FUN = function(v) {_REDUCTIONS[node.function].format('v')})"

    def _unit(self, index_set: IndexSet) -> str:
        columns = [self._d(self.frame.column(index)) for index in index_set]
        return columns[0] if len(columns) == 1 else f"interaction({', '.join(columns)}, drop = TRUE)"


_REDUCTIONS: Mapping[str, str] = {
    **{name: f"{name}({{0}}, na.rm = TRUE)" for name in ("mean", "sum", "sd", "min", "max")},
    "count": "sum(!is.na({0}))",
}
"""Aggregates in R."""
