"""Composite model → a PyMC model.

Stage: bridge, way out. Input: `Parts`. Output: text of a Python script that reads the data and builds ``model``.
Invariants: flat priors where the model has none; definitions are computed before rows are dropped; the labels of an
unmodelled set that other terms span are zero, decided as R does.
"""

from __future__ import annotations

from keyword import kwlist

from hdsl.bridge.columns import Frame
from hdsl.bridge.expressions import PYTHON, booleans_as_numbers, number_text, string_text, write_expr
from hdsl.bridge.families import PYMC, PYMC_LINKS
from hdsl.bridge.parts import BlockPart, FixedPart, Parts, PredictorPart, Product, Refusals
from hdsl.bridge.reading import DataSource
from hdsl.bridge.sampling import Names, arguments, check_outcome, covariates_of, summands
from hdsl.form.expr import Aggregate, Expr, IndexSet, Ref
from hdsl.form.text import composite_text

__all__ = ["write_pymc"]

_RESERVED = frozenset(
    (
        *kwlist,
        "d",
        "np",
        "pd",
        "pm",
        "pt",
        "special",
        "model",
        "level",
        "join",
        "each_once",
        "cells",
        "codes_of",
        "observed",
    )
)
_TRANSFORMS = {
    "log": "np.log({0})",
    "sqrt": "np.sqrt({0})",
    "logit": "special.logit({0})",
    "probit": "special.ndtri({0})",
    "inverse": "1 / {0}",
}
_REDUCTIONS = {"mean": "mean", "sum": "sum", "sd": "std", "min": "min", "max": "max", "count": "count"}

_EACH_ONCE = '''\
def each_once(value, units):
    """Keep one value of each unit: a mean over groups counts each group once."""
    known = value[value.notna()]
    return known[~d.loc[known.index, units].duplicated()].reindex(d.index)
'''

_CELLS = '''\
def codes_of(values, reference=None):
    """Number the labels of a column, the reference first."""
    labels = sorted(values.unique())
    labels.sort(key=lambda label: str(label) != reference if reference is not None else False)
    return values.map({label: code for code, label in enumerate(labels)}).to_numpy()


def cells(codes, spanned, zero):
    """Number the combinations that have a coefficient from 1; 0 is one that is zero.

    spanned: indices whose first label other terms span; zero: whether the combination of first labels is zero.
    """
    table = np.column_stack(codes)
    is_zero = (table[:, spanned] == 0).any(axis=1) | (zero & (table == 0).all(axis=1))
    result = np.zeros(len(table), dtype=int)
    _, found = np.unique(table[~is_zero], axis=0, return_inverse=True)
    result[~is_zero] = found.ravel() + 1
    return result
'''


def write_pymc(parts: Parts, source: DataSource, refusals: Refusals) -> str:
    """Return the PyMC script of a model.

    Raises
    ------
    ModelError
        HM014.
    """
    check_outcome(parts, tuple(PYMC), tuple(_TRANSFORMS), refusals)
    return _Writer(parts, source, refusals).script()


class _Writer:
    def __init__(self, parts: Parts, source: DataSource, refusals: Refusals) -> None:
        self.parts = parts
        self.form = parts.form
        self.source = source
        self.refusals = refusals
        self.outcome = parts.form.outcome
        self.density = PYMC[self.outcome.distribution]
        self.frame = Frame(parts.form, source.columns)
        self.names = Names(_RESERVED)
        self.predictors = (parts.main, *parts.others)
        self.needs_each_once = False

    def script(self) -> str:
        data = [*self.definitions(), self.dropped()]
        variables = [*self.variables(), *self.groups(), *self.sets()]
        self.refusals.end()
        model = self.model()
        imports = ["import numpy as np", "import pandas as pd", "import pymc as pm", "import pytensor.tensor as pt"]
        body = "\n".join([*data, "", *variables, "", "with pm.Model() as model:", *(f"    {line}" for line in model)])
        imports += ["from scipy import special"] if "special." in body else []
        helpers = [text for needed, text in ((self.needs_each_once, _EACH_ONCE), (self.has_sets, _CELLS)) if needed]
        spaced = "\n\n" + "\n\n".join(helpers) + "\n" if helpers else ""
        read = "\n".join(self.source.python())
        return "\n".join([self.header(), "", *imports, spaced, read, body]).replace("\n\n\n\n", "\n\n\n") + "\n"

    def header(self) -> str:
        lines = composite_text(self.form).splitlines()
        end = lines.index("") if "" in lines else len(lines)
        notes = ["# The composite equation:", *(f"#   {line}" for line in lines[:end])]
        return "\n".join([*notes, "# Flat priors: add your own before sampling."])

    # -- data ------------------------------------------------------------------------------------------------------

    def definitions(self) -> list[str]:
        return [
            f"d[{string_text(self.frame.symbol(x.name, x.index_set))}] = {self.expr(x.expr)}"
            for x in self.form.definitions
        ]

    def dropped(self) -> str:
        names = [*self.frame.used(), *(self.frame.symbol(x.name, x.index_set) for x in self.form.definitions)]
        return f"d = d.dropna(subset=[{', '.join(map(string_text, dict.fromkeys(names)))}])"

    def variables(self) -> list[str]:
        lines = []
        y = f"np.asarray({self.expr(self.outcome.expr)}, dtype=float)"
        if self.outcome.transform is not None:
            y = _TRANSFORMS[self.outcome.transform].format(y)
        if self.density.is_count:
            y = f"np.asarray({self.expr(self.outcome.expr)}).astype(int)"
        self.y = self.names.of("y", self.outcome.name)
        lines.append(f"{self.y} = {y}")
        lines += [
            f"{self.names.covariate(covariate)} = np.asarray({self.expr(covariate.expr)}, dtype=float)"
            for covariate in covariates_of(self.parts).values()
        ]
        return lines + [
            f"{self.known(name, expr)} = np.asarray({self.expr(expr)})" for name, expr in self.outcome.known
        ]

    def groups(self) -> list[str]:
        lines = []
        for block in self.parts.blocks:
            columns = ", ".join(string_text(self.frame.column(index)) for index in block.index_set)
            lines.append(f"{self.group(block)} = d.groupby([{columns}], observed=True).ngroup().to_numpy()")
            lines.append(f"{self.count(block)} = {self.group(block)}.max() + 1")
        return list(dict.fromkeys(lines))

    @property
    def has_sets(self) -> bool:
        return any(fixed.unmodelled for part in self.predictors for fixed in part.fixed)

    def sets(self) -> list[str]:
        references = {s.index_set[0]: s.references[0] for s in reversed(self.form.sets) if len(s.references) == 1}
        lines = []
        for part in self.predictors:
            for fixed in part.fixed:
                if fixed.unmodelled is None:
                    continue
                self.check_nested(fixed, part)
                own = dict(zip(fixed.unmodelled.index_set, fixed.unmodelled.references, strict=False))
                codes = []
                for index in fixed.unmodelled.index_set:
                    reference = own.get(index, references.get(index))
                    more = f", {string_text(reference)}" if reference is not None else ""
                    codes.append(f"codes_of(d[{string_text(self.frame.column(index))}]{more})")
                spanned = self.spanned(fixed, part)
                zero = bool(fixed.unmodelled.references)
                lines.append(f"{self.cell(fixed)} = cells([{', '.join(codes)}], {spanned}, {zero})")
        return lines

    def spanned(self, fixed: FixedPart, part: PredictorPart) -> list[int]:
        """Return the positions of the indices whose first label other terms span.

        It is spanned where the margin over the other indices stands in the predictor, or an earlier set that sums to
        it.
        """
        whole = _indices(fixed)
        place = part.fixed.index(fixed)
        alike = [(k, _indices(other)) for k, other in enumerate(part.fixed) if _key(other) == _key(fixed)]
        margins = [frozenset(whole) - {index} for index in whole]
        return [
            position
            for position, margin in enumerate(margins)
            if any(k != place and (margin == set(found) or (k < place and margin <= set(found))) for k, found in alike)
        ]

    def check_nested(self, fixed: FixedPart, part: PredictorPart) -> None:
        """Refuse a set that lies in another one by more than its subscripts: what is spanned depends on the data."""
        own = set(_indices(fixed))
        for other in part.fixed:
            coarser = set(_indices(other)) - own
            nested = any(set(n.finer) <= own and coarser & set(n.coarser) for n in self.form.nestings)
            if nested and _key(other) == _key(fixed):
                what = f"unmodelled sets that are nested (`{fixed.symbol}` in `{other.symbol}`)"
                self.refusals.not_written(what, fixed.span)

    # -- the model -------------------------------------------------------------------------------------------------

    def model(self) -> list[str]:
        lines = []
        for part in self.predictors:
            for fixed in part.fixed:
                name = self.names.parameter(fixed.symbol)
                size = f", shape=({self.cell(fixed)}.max(),)" if fixed.unmodelled is not None else ""
                lines.append(f"{name} = pm.Flat({string_text(name)}{size})")
        for block in self.parts.blocks:
            lines += self.block(block)
        lines += [self.positive(name) for _, name in self.outcome.scalars]
        texts = arguments(
            self.parts,
            self.density.template,
            self.refusals,
            {"equation": self.equation, "parameter": self.names.parameter, "known": self.known},
        )
        for part in self.predictors:
            terms = list(summands(part, self.coefficient, self.effect, self.product)) or ["0.0"]
            whole = " + ".join(terms)
            name = self.predictor(part)
            if len(whole) > 90:
                lines += [f"{name} = (", *(f"    {'+ ' if k else ''}{term}" for k, term in enumerate(terms)), ")"]
            else:
                lines.append(f"{name} = {whole}")
        label = string_text(f"{self.y}_observed")
        lines.append(self.density.template.format(y=label, data=self.y, **texts))
        return list(dict.fromkeys(lines))

    def positive(self, parameter: str) -> str:
        name = self.names.parameter(parameter)
        return f"{name} = pm.HalfFlat({string_text(name)})"

    def block(self, block: BlockPart) -> list[str]:
        width, z, u = len(block.effects), self.names.block(block, "z"), self.names.block(block, "u")
        shape = f"({self.count(block)}, {width})"
        draws = f"{z} = pm.Normal({string_text(z)}, 0, 1, shape={shape})"
        what = f"  # {', '.join(block.effects)}"
        if not block.is_joint:
            sds = ", ".join(self.names.parameter(sd) for sd in block.sds)
            return [*(self.positive(sd) for sd in block.sds), draws, f"{u} = {z} * pt.stack([{sds}]){what}"]
        factor = self.names.block(block, "chol")
        cholesky = (
            f"{factor}, _, _ = pm.LKJCholeskyCov({string_text(factor)}, n={width}, eta=1, "
            f"sd_dist=pm.HalfFlat.dist(size={width}), compute_corr=True)"
        )
        return [cholesky, draws, f"{u} = {z} @ {factor}.T{what}"]

    def predictor(self, part: PredictorPart) -> str:
        return self.names.of(("predictor", part.predictor.argument), f"eta_{part.predictor.argument}")

    def equation(self, part: PredictorPart) -> str:
        return PYMC_LINKS[part.predictor.link].format(self.predictor(part))

    def coefficient(self, fixed: FixedPart) -> str:
        name = self.names.parameter(fixed.symbol)
        return name if fixed.unmodelled is None else f"pt.concatenate([[0.0], {name}])[{self.cell(fixed)}]"

    def effect(self, symbol: str) -> str:
        block = next(b for b in self.parts.blocks if symbol in b.effects)
        return f"{self.names.block(block, 'u')}[{self.group(block)}, {block.effects.index(symbol)}]"

    def product(self, coefficient: str | None, product: Product) -> str:
        factors = [coefficient] if coefficient is not None else []
        factors += [self.names.covariate(c) for c in product.covariates]
        if product.scale != 1.0 or not factors:
            factors.insert(0, number_text(product.scale))
        return " * ".join(factors)

    def count(self, block: BlockPart) -> str:
        return self.names.of(("count", block.index_set), "J_" + "_".join(block.index_set))

    def group(self, block: BlockPart) -> str:
        return self.names.of(("group", block.index_set), "_".join(block.index_set))

    def cell(self, fixed: FixedPart) -> str:
        return self.names.of(("cell", fixed.symbol), f"cell_{self.names.parameter(fixed.symbol)}")

    def known(self, name: str, _: Expr) -> str:
        return self.names.of(("known", name), f"known_{name}")

    # -- expressions -----------------------------------------------------------------------------------------------

    def expr(self, expr: Expr) -> str:
        return write_expr(booleans_as_numbers(expr, self.is_boolean), PYTHON, self.ref, self.aggregate)

    def is_boolean(self, ref: Ref) -> bool:
        return self.frame.symbol(ref.name, ref.index_set) in self.source.booleans

    def ref(self, ref: Ref) -> str:
        return f"d[{string_text(self.frame.symbol(ref.name, ref.index_set))}]"

    def aggregate(self, node: Aggregate) -> str:
        value, function = f"({self.expr(node.operand)})", _REDUCTIONS[node.function]
        value = value[1:-1] if isinstance(node.operand, Ref) else value
        if not self.frame.is_row(node.over):
            self.needs_each_once = True
            value = f"each_once({value}, [{', '.join(string_text(c) for c in self.columns(node.over))}])"
        if not node.by:
            return f"{value}.{function}()"
        keys = ", ".join(f"d[{string_text(c)}]" for c in self.columns(node.by))
        return f'{value}.groupby([{keys}], observed=True).transform("{function}")'

    def columns(self, index_set: IndexSet) -> list[str]:
        return [self.frame.column(index) for index in index_set]


def _indices(fixed: FixedPart) -> IndexSet:
    return fixed.unmodelled.index_set if fixed.unmodelled is not None else ()


def _key(fixed: FixedPart) -> tuple[tuple[float, tuple[str, ...]], ...]:
    """Return what makes two sums of products the same column."""
    return tuple(sorted((p.scale, tuple(sorted(c.text for c in p.covariates))) for p in fixed.products))
