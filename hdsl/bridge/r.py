"""Composite model → an R script for lme4, glmmTMB or brms.

Stage: bridge, way out. Input: `Parts`. Output: text of an R script. Invariants: the formula says the composite
equation, its factors are coded to span what our sets span, and what the package cannot say is refused with its
statement.

    b0 + b1*x + u0[j] + u1[j]*x, (u0, u1) joint   →   y ~ 1 + x + (1 + x | school)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hdsl.bridge.families import RFAMILIES, RFamily
from hdsl.bridge.parts import BlockPart, FixedPart, Parts, PredictorPart, Refusals
from hdsl.bridge.rdata import RData
from hdsl.bridge.reading import DataSource
from hdsl.form.expr import IndexSet
from hdsl.form.text import composite_text

__all__ = ["write_r"]

_INDEPENDENT = {"lme4": "({0} || {1})", "brms": "({0} || {1})", "glmmTMB": "diag({0} | {1})"}
_TRANSFORMS = {
    "log": "log({0})",
    "sqrt": "sqrt({0})",
    "logit": "qlogis({0})",
    "probit": "qnorm({0})",
    "cloglog": "log(-log1p(-{0}))",
    "inverse": "I(1/{0})",
}
_DPARS = {"sd": "sigma", "scale": "sigma", "size": "shape", "shape": "shape", "precision": "phi", "df": "nu"}
"""What brms calls the further arguments of a distribution."""
_DISPERSION = frozenset({"sd", "size", "precision"})
"""Arguments whose equation, on the log scale, is glmmTMB's formula of the dispersion."""
_WIDEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One random term of a formula: joint or independent columns of one grouping."""

    columns: tuple[str, ...]
    index_set: IndexSet
    is_joint: bool


def write_r(parts: Parts, target: str, source: DataSource, refusals: Refusals, *, reml: bool) -> str:
    """Return the R script of a model.

    Parameters
    ----------
    parts : Parts
    target : {"lme4", "glmmTMB", "brms"}
    source : DataSource
    refusals : Refusals
        Receives what the package cannot say.
    reml : bool
        Whether to ask for restricted maximum likelihood.

    Raises
    ------
    ModelError
        HM014.
    """
    return _Writer(parts, target, source, refusals).script(reml=reml)


class _Writer:
    def __init__(self, parts: Parts, target: str, source: DataSource, refusals: Refusals) -> None:
        self.parts = parts
        self.target = target
        self.source = source
        self.refusals = refusals
        self.outcome = parts.form.outcome
        self.data = RData(parts, source.columns, frozenset(source.booleans))

    def script(self, *, reml: bool) -> str:
        family = self.family()
        self.check_sds()
        self.check_others()
        is_gaussian = self.outcome.distribution == "normal" and self.parts.main.predictor.link == "identity"
        if reml and (self.target == "brms" or not is_gaussian):
            self.refusals.refuse("restricted maximum likelihood here", self.outcome.span, 'use method="ml"')
        self.refusals.end()
        left = self.response(family)
        formula = f"{left} ~ {self.right(self.parts.main)}"
        others = [(part.predictor.argument, self.right(part)) for part in self.parts.others]
        self.refusals.end()
        call = self.call(family, formula, others, reml=reml)
        prepared = self.data.script("\n".join(self.source.r()))
        return (
            "\n".join([*self.header(), *self.library(), "", *prepared, "", call, "summary(fit)", *self.tail()]) + "\n"
        )

    def header(self) -> list[str]:
        lines = [line for line in composite_text(self.parts.form).splitlines() if not line.startswith("dev(b)")]
        end = lines.index("") if "" in lines else len(lines)
        return ["# The composite equation:", *(f"#   {line}" for line in lines[:end]), "#", *self.meanings()]

    def meanings(self) -> list[str]:
        """Say which term each coefficient is of."""
        rows = [
            (fixed.symbol, "(Intercept)" if fixed.is_intercept else self.fixed(fixed))
            for fixed in self.parts.main.fixed
        ]
        width = max((len(symbol) for symbol, _ in rows), default=0)
        return [f"# {symbol:<{width}}  {term}" for symbol, term in rows]

    def library(self) -> list[str]:
        return ["", f"library({self.target})"] if self.parts.blocks or self.target != "lme4" else []

    def tail(self) -> list[str]:
        return [] if self.target == "brms" else ["logLik(fit)"]

    # -- the outcome -----------------------------------------------------------------------------------------------

    def family(self) -> RFamily:
        rows = RFAMILIES[self.target]
        link = self.parts.main.predictor.link
        family = rows.get(self.outcome.distribution)
        if family is None:
            self.refusals.refuse(
                f"an outcome with the distribution `{self.outcome.distribution}`",
                self.outcome.span,
                _elsewhere(self.target, lambda table: self.outcome.distribution in table),
            )
        elif link not in family.links:
            self.refusals.refuse(
                f"the link `{link}` of a {self.outcome.distribution} outcome",
                self.outcome.span,
                _elsewhere(
                    self.target, lambda table: link in getattr(table.get(self.outcome.distribution), "links", {})
                ),
            )
        self.refusals.end()
        assert family is not None
        return family

    def response(self, family: RFamily) -> str:
        y = self.data.variable(self.outcome.expr, self.outcome.name)
        if self.outcome.transform is not None:
            template = _TRANSFORMS.get(self.outcome.transform)
            if template is None:
                self.refusals.refuse(
                    f"the outcome's {self.outcome.transform}", self.outcome.span, "define it as a column"
                )
                self.refusals.end()
            y = str(template).format(y)
        known = {}
        for name, expr in self.outcome.known:
            known[name] = self.data.variable(expr, name)
        text = family.response.format(
            y=y, **{name: value for name, value in known.items() if f"{{{name}}}" in family.response}
        )
        if "sd" in known:
            if self.target == "brms":
                return f"{text} | se({known['sd']})"
            self.refusals.refuse(
                "a known standard deviation of the residual", self.outcome.span, "export it to brms, Stan or PyMC"
            )
        for name in known:
            if name != "sd" and f"{{{name}}}" not in family.response:
                self.refusals.refuse(f"a known {name} of the outcome", self.outcome.span, "export it to Stan or PyMC")
        return text

    # -- formulas --------------------------------------------------------------------------------------------------

    def right(self, part: PredictorPart) -> str:
        """Return the right side of a formula."""
        terms = ["1" if any(fixed.is_intercept for fixed in part.fixed) else "0"]
        for fixed in part.fixed:
            if not fixed.is_intercept:
                self.check_reference(fixed, part)
                terms.append(self.fixed(fixed))
        if part.offset:
            terms.append(self.data.offset(part.offset))
        terms += [self.random(entry) for entry in self.entries(part)]
        return " + ".join(terms)

    def fixed(self, fixed: FixedPart) -> str:
        """Return a fixed term: a covariate, or factors times one."""
        covariate = self.data.term(fixed.products, fixed.symbol)
        if fixed.unmodelled is None:
            return covariate
        references = fixed.unmodelled.references or (None,) * len(fixed.unmodelled.index_set)
        pairs = zip(fixed.unmodelled.index_set, references, strict=True)
        factors = [self.data.factor(index, reference) for index, reference in pairs]
        return ":".join(factors if covariate == "1" else [covariate, *factors])

    def check_reference(self, fixed: FixedPart, part: PredictorPart) -> None:
        """Refuse a reference that R would not take: it drops a label only where other terms span it."""
        if fixed.unmodelled is None or not fixed.unmodelled.references:
            return
        covariate = self.data.term(fixed.products, fixed.symbol)
        present = {
            (
                self.data.term(other.products, other.symbol),
                frozenset(other.unmodelled.index_set if other.unmodelled else ()),
            )
            for other in part.fixed
        }
        whole = frozenset(fixed.unmodelled.index_set)
        if not all((covariate, whole - {index}) in present for index in whole):
            self.refusals.refuse(
                f"that `{fixed.symbol}` is zero at its reference, which no other term spans",
                fixed.unmodelled.span,
                "add the term that the reference stands for (an intercept), or take `ref` out",
            )

    def entries(self, part: PredictorPart) -> list[_Entry]:
        """Return the random terms; independent coefficients of one grouping are gathered into one."""
        found: list[_Entry] = []
        for block in self.parts.blocks:
            if not set(block.effects) <= set(part.effects):
                continue
            columns = tuple(self.data.term(part.effects[effect], effect) for effect in block.effects)
            place = next((k for k, e in enumerate(found) if e.index_set == block.index_set and not e.is_joint), None)
            if block.is_joint or place is None:
                found.append(_Entry(columns=columns, index_set=block.index_set, is_joint=block.is_joint))
            else:
                found[place] = _Entry(
                    columns=(*found[place].columns, *columns), index_set=block.index_set, is_joint=False
                )
        return found

    def random(self, entry: _Entry) -> str:
        has_intercept = "1" in entry.columns
        columns = ["1" if has_intercept else "0", *(c for c in entry.columns if c != "1")]
        template = "({0} | {1})" if entry.is_joint or len(entry.columns) == 1 else _INDEPENDENT[self.target]
        return template.format(" + ".join(columns), self.data.group(entry.index_set))

    # -- what cannot be said ---------------------------------------------------------------------------------------

    def check_sds(self) -> None:
        """Refuse standard deviations that two coefficients share."""
        counts = Counter(sd for block in self.parts.blocks for sd in block.sds)
        counts += Counter(name for _, name in self.outcome.scalars)
        for block in self.parts.blocks:
            tied = next((sd for sd in block.sds if counts[sd] > 1), None)
            if tied is not None:
                help_text = "give each a standard deviation of its own, or export to Stan or PyMC"
                self.refusals.refuse(f"a standard deviation that is shared (`{tied}`)", block.block.span, help_text)

    def check_others(self) -> None:
        """Refuse further equations that the package has no place for, and effects that several equations share."""
        predictors: tuple[PredictorPart, ...] = (self.parts.main, *self.parts.others)
        for block in self.parts.blocks:
            self.check_block(block, predictors)
        for part in self.parts.others:
            argument, link = part.predictor.argument, part.predictor.link
            fits = {
                "brms": argument in _DPARS and link in ("log", "identity"),
                "glmmTMB": argument in _DISPERSION and link == "log" and not part.effects,
            }.get(self.target, False)
            if not fits:
                what = f"an equation for the {argument} of the outcome"
                self.refusals.refuse(
                    what, part.fixed[0].span if part.fixed else self.outcome.span, "export it to brms, Stan or PyMC"
                )

    def check_block(self, block: BlockPart, predictors: Sequence[PredictorPart]) -> None:
        holding = [part for part in predictors if set(block.effects) & set(part.effects)]
        if len(holding) > 1:
            what = f"coefficients that two equations share (`{', '.join(block.effects)}`)"
            self.refusals.refuse(what, block.block.span, "export it to Stan or PyMC")

    # -- the call --------------------------------------------------------------------------------------------------

    def call(self, family: RFamily, formula: str, others: Sequence[tuple[str, str]], *, reml: bool) -> str:
        link = family.links[self.parts.main.predictor.link]
        family_text = family.family.format(link=link)
        if self.target == "brms":
            return self.brms(formula, family_text, others)
        if self.target == "glmmTMB":
            disp = [f"dispformula = ~ {right}" for _, right in others]
            return _call("glmmTMB", [formula, *disp, "data = d", f"family = {family_text}", f"REML = {_flag(reml)}"])
        if not self.parts.blocks:
            plain = {"lmer": "lm", "glmer": "glm", "glmer.nb": "MASS::glm.nb"}[family.fit]
            return _call(plain, [formula, "data = d", *([f"family = {family_text}"] if family_text else [])])
        last = [f"REML = {_flag(reml)}"] if family.fit == "lmer" else [f"family = {family_text}"] if family_text else []
        return _call(family.fit, [formula, "data = d", *last])

    def brms(self, formula: str, family: str, others: Sequence[tuple[str, str]]) -> str:
        note = "# brms adds priors of its own; the likelihood is the model's"
        links = {part.predictor.argument: part.predictor.link for part in self.parts.others}
        for argument, link in links.items():
            family = family.removesuffix(")") + f', link_{_DPARS[argument]} = "{link}")'
        more = [f"{_DPARS[argument]} ~ {right}" for argument, right in others]
        whole = f"bf({', '.join([formula, *more])})" if more else formula
        return note + "\n" + _call("brm", [whole, "data = d", f"family = {family}"])


def _call(function: str, arguments: Sequence[str]) -> str:
    """Return ``fit <- function(..)``, on lines of their own where it is long."""
    line = f"fit <- {function}({', '.join(arguments)})"
    if len(line) <= _WIDEST:
        return line
    first = arguments[0].replace(" + ", " +\n    ") if len(arguments[0]) > _WIDEST - 2 else arguments[0]
    return f"fit <- {function}(\n  {first},\n  {', '.join(arguments[1:])}\n)"


def _flag(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _elsewhere(target: str, fits: Callable[[Mapping[str, RFamily]], bool]) -> str:
    """Return the way out that names the systems that do have it."""
    others = [name for name, table in RFAMILIES.items() if name != target and fits(table)]
    return f"export it to {', '.join([*others, 'Stan or PyMC'])}" if others else "export it to Stan or PyMC"
