"""Composite model → a Stan program.

Stage: bridge, way out. Input: `Parts`. Output: text of a program, and the values of its data block. Invariants: the
program has flat priors where the model has none, so that its density is the likelihood; coefficients of groups are
standard normal ones, scaled, which changes nothing but how well they are sampled; a label that is set to zero has
code 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hdsl.bridge.expressions import number_text
from hdsl.bridge.families import STAN, STAN_LINKS
from hdsl.bridge.parts import BlockPart, FixedPart, Parts, PredictorPart, Product, Refusals
from hdsl.bridge.sampling import Names, arguments, check_outcome, covariates_of, summands
from hdsl.families import LINKS
from hdsl.form.expr import show_symbol
from hdsl.form.text import composite_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hdsl.design import Design

__all__ = ["stan_values", "write_stan"]

_RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
    N y eta functions data transformed parameters model generated quantities for in while repeat until if then
    else true false int real vector row_vector matrix array complex void return lower upper offset multiplier
    target print reject profile break continue var fvar simplex unit_vector ordered positive_ordered cov_matrix
    corr_matrix cholesky_factor_cov cholesky_factor_corr mean sd sum min max exp log sqrt abs fabs pi e beta gamma
    normal poisson binomial bernoulli tan sin cos size rank sort step inv logit square rep_vector append_row
    to_vector segment head tail col row block sub_col
        """,
    )
)


def write_stan(parts: Parts, refusals: Refusals) -> str:
    """Return the Stan program of a model.

    Raises
    ------
    ModelError
        HM014.
    """
    check_outcome(parts, tuple(STAN), tuple(LINKS), refusals)
    return _Writer(parts, refusals).program()


def stan_values(parts: Parts, design: Design, refusals: Refusals) -> dict[str, object]:
    """Return the values of the data block, as plain numbers and lists."""
    check_outcome(parts, tuple(STAN), tuple(LINKS), refusals)
    return _Writer(parts, refusals).values(design)


class _Writer:
    def __init__(self, parts: Parts, refusals: Refusals) -> None:
        self.parts = parts
        self.refusals = refusals
        self.outcome = parts.form.outcome
        self.density = STAN[self.outcome.distribution]
        self.names = Names(_RESERVED)
        self.covariates = {key: self.names.covariate(c) for key, c in covariates_of(parts).items()}
        self.sets = {
            show_symbol(s.name, s.index_set): s
            for s in parts.form.sets
            if any(f.unmodelled is s for p in (parts.main, *parts.others) for f in p.fixed)
        }

    # -- the program -----------------------------------------------------------------------------------------------

    def program(self) -> str:
        model = self.model()  # first: it names what it uses
        blocks = [
            ("data", self.data()),
            ("parameters", self.parameters()),
            ("transformed parameters", self.transformed()),
            ("model", model),
            ("generated quantities", self.correlations()),
        ]
        text = [f"{name} {{\n" + "".join(f"  {line}\n" for line in lines) + "}" for name, lines in blocks if lines]
        header = [f"//   {line}".rstrip() for line in composite_text(self.parts.form).splitlines()]
        end = header.index("//") if "//" in header else len(header)
        notes = ["// The composite equation:", *header[:end], "// No priors but those of the groups: add your own."]
        return "\n".join([*notes, *text]) + "\n"

    def data(self) -> list[str]:
        kind = "array[N] int" if self.density.is_count else "vector"
        size = self.density.bounds if self.density.is_count else f"{self.density.bounds}[N]"
        symbol = show_symbol(self.outcome.name, self.outcome.index_set)
        shown = f"{self.outcome.transform}({symbol})" if self.outcome.transform else symbol
        bounds = "" if self.outcome.transform else size if not self.density.is_count else self.density.bounds
        y = f"{kind}{bounds or ('' if self.density.is_count else '[N]')} y;"
        lines = ["int<lower=1> N;  // rows", f"{y}  // {shown}"]
        lines += [
            f"{self.known_type(name)} {self.known(name)};  // {name} of the outcome" for name, _ in self.outcome.known
        ]
        lines += [f"vector[N] {name};  // {' '.join(text.split())}" for (text, _), name in self.covariates.items()]
        for block in self.parts.blocks:
            shown = ",".join(block.index_set)
            lines.append(f"int<lower=1> {self.count(block)};  // groups [{shown}]")
            lines.append(
                f"array[N] int<lower=1, upper={self.count(block)}> {self.group(block)};  // [{shown}] of each row"
            )
        for symbol in self.sets:
            lines.append(f"int<lower=0> {self.set_count(symbol)};  // coefficients {symbol} that are not zero")
            lines.append(
                f"array[N] int<lower=1, upper={self.set_count(symbol)} + 1> {self.set_code(symbol)};"
                f"  // 1: zero, 2: the first of {symbol}"
            )
        return list(dict.fromkeys(lines))

    def parameters(self) -> list[str]:
        lines = []
        for part in (self.parts.main, *self.parts.others):
            for fixed in part.fixed:
                size = f"vector[{self.set_count(fixed.symbol)}]" if fixed.unmodelled else "real"
                lines.append(f"{size} {self.names.parameter(fixed.symbol)};")
        for block in self.parts.blocks:
            width, count = len(block.effects), self.count(block)
            if block.is_joint:
                lines.append(f"vector<lower=0>[{width}] {self.sd(block)};  // of {', '.join(block.effects)}")
                lines.append(f"cholesky_factor_corr[{width}] {self.names.block(block, 'L')};")
            else:
                lines += [f"real<lower=0> {self.names.parameter(sd)};" for sd in block.sds]
            lines.append(f"matrix[{width}, {count}] {self.names.block(block, 'z')};")
        lines += [f"real<lower=0> {self.names.parameter(name)};" for _, name in self.outcome.scalars]
        return list(dict.fromkeys(lines))

    def transformed(self) -> list[str]:
        lines = []
        for block in self.parts.blocks:
            factor = f"diag_pre_multiply({self.sd(block)}, {self.names.block(block, 'L')})"
            if not block.is_joint:
                sds = ", ".join(self.names.parameter(sd) for sd in block.sds)
                factor = f"diag_matrix([{sds}]')"
            size = f"matrix[{self.count(block)}, {len(block.effects)}]"
            z = self.names.block(block, "z")
            lines.append(f"{size} {self.effects(block)} = ({factor} * {z})';  // {', '.join(block.effects)}")
        return lines

    def model(self) -> list[str]:
        texts = arguments(
            self.parts,
            self.density.template,
            self.refusals,
            {"equation": self.equation, "parameter": self.names.parameter, "known": lambda name, _: self.known(name)},
        )
        lines = []
        for part in (self.parts.main, *self.parts.others):
            predictor = self.predictor(part)
            lines.append(f"vector[N] {predictor} =")
            parts = list(summands(part, self.coefficient, self.effect, self.product)) or ["0"]
            parts += [] if self.is_vector(part) else ["rep_vector(0, N)"]
            lines += [f"  {'+ ' if k else ''}{text}" for k, text in enumerate(parts)]
            lines[-1] += ";"
        for block in self.parts.blocks:
            lines.append(f"to_vector({self.names.block(block, 'z')}) ~ std_normal();")
            if block.is_joint:
                lines.append(f"{self.names.block(block, 'L')} ~ lkj_corr_cholesky(1);  // flat over correlations")
        return [*lines, f"y ~ {self.density.template.format(**texts)};"]

    def correlations(self) -> list[str]:
        lines = []
        for block in self.parts.blocks:
            if block.is_joint:
                width, factor = len(block.effects), self.names.block(block, "L")
                name = self.names.block(block, "cor")
                lines.append(f"corr_matrix[{width}] {name} = multiply_lower_tri_self_transpose({factor});")
        return lines

    # -- names and pieces ------------------------------------------------------------------------------------------

    def predictor(self, part: PredictorPart) -> str:
        return self.names.of(("predictor", part.predictor.argument), f"eta_{part.predictor.argument}")

    def equation(self, part: PredictorPart) -> str:
        return STAN_LINKS[part.predictor.link].format(self.predictor(part))

    def is_vector(self, part: PredictorPart) -> bool:
        """Whether a sum has a value for each row, and not one for all."""
        products = [p for f in part.fixed for p in f.products] + list(part.offset)
        return bool(part.effects) or any(p.covariates for p in products) or any(f.unmodelled for f in part.fixed)

    def coefficient(self, fixed: FixedPart) -> str:
        name = self.names.parameter(fixed.symbol)
        return name if fixed.unmodelled is None else f"append_row(0, {name})[{self.set_code(fixed.symbol)}]"

    def effect(self, symbol: str) -> str:
        block = next(b for b in self.parts.blocks if symbol in b.effects)
        return f"{self.effects(block)}[{self.group(block)}, {block.effects.index(symbol) + 1}]"

    def product(self, coefficient: str | None, product: Product) -> str:
        vectors = [self.covariates[c.text, c.index_set] for c in product.covariates]
        if coefficient is not None and "[" in coefficient:  # a value for each row
            vectors.insert(0, coefficient)
            coefficient = None
        scalars = [number_text(product.scale)] if product.scale != 1.0 or not (vectors or coefficient) else []
        scalars += [coefficient] if coefficient is not None else []
        return " * ".join([*scalars, *([" .* ".join(vectors)] if vectors else [])])

    def count(self, block: BlockPart) -> str:
        return self.names.of(("count", block.index_set), "J_" + "_".join(block.index_set))

    def group(self, block: BlockPart) -> str:
        return self.names.of(("group", block.index_set), "_".join(block.index_set))

    def effects(self, block: BlockPart) -> str:
        return self.names.block(block, "u")

    def sd(self, block: BlockPart) -> str:
        return self.names.block(block, "sd")

    def set_count(self, symbol: str) -> str:
        return self.names.of(("set count", symbol), f"K_{self.names.parameter(symbol)}")

    def set_code(self, symbol: str) -> str:
        return self.names.of(("set code", symbol), f"code_{self.names.parameter(symbol)}")

    def known(self, name: str) -> str:
        return self.names.of(("known", name), f"known_{name}")

    def known_type(self, name: str) -> str:
        return "array[N] int<lower=0>" if self.density.is_count and name == "size" else "vector<lower=0>[N]"

    # -- values ----------------------------------------------------------------------------------------------------

    def values(self, design: Design) -> dict[str, object]:
        from hdsl.design.layout import lay_out

        self.model()
        arrays = design.arrays
        y = arrays.y.astype(int) if self.density.is_count else arrays.y
        found: dict[str, object] = {"N": len(arrays.y), "y": y.tolist()}
        order = {(c.text, c.index_set): k for k, c in enumerate(lay_out(design.form).covariates)}
        found |= {name: arrays.x[order[key]].tolist() for key, name in self.covariates.items()}
        for block in self.parts.blocks:
            codes, count = _group_of(design, block.effects[0])
            found |= {self.count(block): count, self.group(block): (codes + 1).tolist()}
        kept = [coding.symbol for coding in design.coding.sets if coding.kept]
        for symbol in self.sets:
            size = next(len(coding.kept) for coding in design.coding.sets if coding.symbol == symbol)
            set_codes = (arrays.sets[kept.index(symbol)] + 2).tolist() if size else [1] * len(arrays.y)
            found |= {self.set_count(symbol): size, self.set_code(symbol): set_codes}
        return found


def _group_of(design: Design, effect: str) -> tuple[NDArray[np.intp], int]:
    """Return the group of each row, from 0, and the number of groups, of the factor that an effect belongs to."""
    for position, term in enumerate(design.plan.re_terms):
        if any(effect in block.effects for block in term.blocks):
            return design.arrays.groups[position], len(design.levels[position])
    raise AssertionError(f"{effect} belongs to no factor")
