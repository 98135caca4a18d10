r"""Textbook notation: the symbols of Raudenbush and Bryk for the equations of a model, level by level and as one.

    y[i] = b0[j] + b1[j]*x1[i] + e[i]      →   Y_{ij} = \beta_{0j} + \beta_{1j} X_{ij} + r_{ij}
    b1[j] = b1 + b4*x3[j] + u1[j]          →   \beta_{1j} = \gamma_{10} + \gamma_{11} W_{j} + u_{1j}

Input: `CompositeModel`, and estimates where they are to be filled in. Output: LaTeX that needs amsmath alone. The
symbols follow from the places of the terms (`hdsl.form.positions`), not from how the statements were written: two
texts of one model have the same equations.

References
----------
Raudenbush and Bryk (2002), Hierarchical Linear Models, chapters 2 (two levels) and 8 (three levels); generalised
outcomes as in chapter 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from hdsl.families import DISTRIBUTIONS
from hdsl.form.estimates import Estimates, added
from hdsl.form.expr import Expr, Ref, show_symbol
from hdsl.form.latex import latex_symbol
from hdsl.form.model import CompositeModel, RandomBlock, Term
from hdsl.form.positions import Factor, Placed, Positions, Product, Slot, place

__all__ = ["DEFAULT", "NOTATIONS", "Textbook", "aligned", "check_notation", "covariance_names", "matrix"]

NOTATIONS = ("gelman-hill", "raudenbush-bryk")
"""The model's own names with subscripts; symbols by their places."""

DEFAULT = NOTATIONS[0]

MOST_TERMS = 5
"""Terms on a line of a sum."""

WIDEST_MATRIX = 10
"""Columns that amsmath's matrices have at most; wider ones are arrays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """The letters of a model of some depth, finest level first."""

    coefficients: tuple[str, ...]
    predictors: tuple[str, ...]
    errors: tuple[str, ...]
    variances: tuple[str, ...]


LETTERS = {
    1: Letters(coefficients=(r"\beta",), predictors=("X",), errors=("r",), variances=(r"\sigma^{2}",)),
    2: Letters(
        coefficients=(r"\beta", r"\gamma"), predictors=("X", "W"), errors=("r", "u"), variances=(r"\sigma^{2}", "")
    ),
    3: Letters(
        coefficients=(r"\pi", r"\beta", r"\gamma"),
        predictors=("a", "X", "W"),
        errors=("e", "r", "u"),
        variances=(r"\sigma^{2}", r"\pi", r"\beta"),
    ),
}
"""Letters by the number of levels; of variances those of tau are its first subscripts."""

UNITS = ("i", "j", "k")


def check_notation(notation: str) -> None:
    """Refuse a notation that there is not.

    Raises
    ------
    ValueError
        If `notation` is none of `NOTATIONS`.
    """
    if notation not in NOTATIONS:
        raise ValueError(f"notation must be one of {', '.join(map(repr, NOTATIONS))}, not {notation!r}")


class Textbook:
    """A model in the symbols of Raudenbush and Bryk.

    Parameters
    ----------
    form : CompositeModel
    estimates : Estimates, optional
        Numbers for parameters.

    Raises
    ------
    FitError
        HM512 where the symbols cannot say the model: crossed levels, more than three, several predictors.
    """

    def __init__(self, form: CompositeModel, estimates: Estimates | None = None) -> None:
        self._form = form
        self._at: Positions = place(form)
        self._estimates = estimates if estimates is not None else Estimates(values={})
        self._letters = LETTERS[self._at.depth]

    # -- displays --------------------------------------------------------------------------------------------------

    def equations(self) -> str:
        """Return the equations level by level, their distributions, and what the symbols stand for."""
        rows = [*self._outcome_rows(), f"{self._left} &= {self._level_one()}", *self._residual_rows()]
        for level in range(1, self._at.depth):
            rows += [self._equation(prefix, level) for prefix in self._prefixes(level)]
            rows += self._distribution_rows(level)
        return aligned([*rows, *self._where_rows()])

    def composite(self) -> str:
        """Return the one equation with all levels substituted, implied interactions marked, and the distributions."""
        at = self._at
        groups = [[self._marked(p) for p in placed] for placed in (at.fixed, at.offsets, at.random)]
        if self._is_gaussian:
            groups.append([self._error((), 0)])
        rows = [*self._outcome_rows(), f"{self._left} &= {_wrapped_sum(*groups)}", *self._residual_rows()]
        for level in range(1, at.depth):
            rows += self._distribution_rows(level)
        return aligned([*rows, *self._where_rows()])

    def _marked(self, placed: Placed) -> str:
        """Return a term of the composite equation, marked where no statement wrote its product."""
        shown = self._in_composite(placed)
        if not placed.term.implied or placed.term.part != "fixed":
            return shown
        sign, body = ("-", shown[1:].lstrip()) if shown.startswith("-") else ("", shown)
        return sign + rf"\underbrace{{{body}}}_{{\text{{implied}}}}"

    @cached_property
    def symbols(self) -> dict[str, str]:
        """The symbol of each parameter, effect and covariate of the model, by its own name."""
        found = {p.term.coefficient or "": self._coefficient(p.slot, self._at.depth - 1) for p in self._at.fixed[::-1]}
        found |= {p.term.coefficient or "": self._error(p.slot, len(p.slot)) for p in self._at.random[::-1]}
        for level in range(self._at.depth):
            found |= {f.text: self._factor(f, level) for f in self._at.factors(level) if not f.is_indicators}
        found.pop("", None)
        return found

    # -- symbols ---------------------------------------------------------------------------------------------------

    def _units(self, level: int) -> str:
        return "".join(UNITS[level : self._at.depth])

    def _low(self, numbers: tuple[int, ...], level: int) -> str:
        """Return numbers and the units from a level on as one subscript."""
        pieces = [str(n) for n in numbers]
        separator = "," if any(n > 9 for n in numbers) else ""
        units = self._units(level)
        low = separator.join([*pieces, units] if units else pieces)
        return f"_{{{low}}}" if low else ""

    def _coefficient(self, slot: Slot, level: int) -> str:
        """Return the coefficient of a level: its slot to that level, the units of the coarser ones."""
        letter = self._letters.coefficients[level]
        letter = rf"\boldsymbol{{{letter}}}" if self._at.is_vector(slot) else letter
        return letter + self._low(slot[: level + 1], level + 1)

    def _error(self, slot: Slot, level: int) -> str:
        return self._letters.errors[level] + self._low(slot, level)

    def _factor(self, factor: Factor, level: int) -> str:
        """Return a covariate's symbol, numbered where its level has several."""
        factors = self._at.factors(level)
        letter = self._letters.predictors[level]
        letter = rf"\mathbf{{{letter}}}" if factor.is_indicators else letter
        return letter + self._low((factors.index(factor) + 1,) if len(factors) > 1 else (), level)

    def _times(self, coefficient: str, product: Product, level: int) -> str:
        """Return a coefficient times a product; indicators multiply a vector from the left."""
        vectors = [self._factor(f, level) + "'" for f in product if f.is_indicators]
        scalars = [self._factor(f, level) for f in product if not f.is_indicators]
        return r" \, ".join(piece for piece in (*vectors, coefficient, *scalars) if piece)

    def _fixed(self, placed: Placed) -> str:
        """Return a fixed coefficient with its scale: the symbol of its first slot, or its estimate."""
        name = placed.term.coefficient
        if name is not None and self._estimates.has(name):
            return self._estimates.latex(name, placed.term.scale)
        return _scaled(self.symbols[name], placed.term) if name is not None else ""

    def _in_composite(self, placed: Placed) -> str:
        """Return a term with the factors of all levels, coarsest first."""
        term = placed.term
        is_random = term.part == "random"
        shown = _scaled(self.symbols[term.coefficient or ""], term) if is_random else self._fixed(placed)
        for level in range(self._at.depth - 1, -1, -1):
            shown = self._times(shown, placed.factors[level], level)
        return shown if term.part != "offset" else _scaled(shown, term)

    # -- equations -------------------------------------------------------------------------------------------------

    @property
    def _is_gaussian(self) -> bool:
        return self._form.outcome.distribution == "normal" and self._form.predictors[0].link == "identity"

    @property
    def _outcome(self) -> str:
        return "Y" + self._low((), 0)

    @property
    def _left(self) -> str:
        """The left side of the first equation: the outcome, a function of it, or the linear predictor."""
        return self._observed if self._is_gaussian else r"\eta" + self._low((), 0)

    @property
    def _observed(self) -> str:
        """The outcome, or the function of it that is modelled."""
        transform = self._form.outcome.transform
        return rf"\operatorname{{{transform}}}({self._outcome})" if transform is not None else self._outcome

    def _prefixes(self, level: int) -> list[Slot]:
        """Return the slots that have an equation at a level: one for each coefficient of the level below."""
        slots = {p.slot[:level] for p in (*self._at.fixed, *self._at.random) if len(p.slot) >= level}
        return sorted(slots)

    def _level_one(self) -> str:
        """Return the right side of the first equation."""
        parts = [self._summand(slot, 0) for slot in self._prefixes(1)]
        parts += [self._in_composite(p) for p in self._at.offsets]
        parts += [self._error((), 0)] if self._is_gaussian else []
        return _wrapped_sum(parts)

    def _summand(self, slot: Slot, level: int) -> str:
        """Return one term of an equation of a level: the coefficient of a slot times its product."""
        product = self._at.products[level][slot[level]]
        if level < self._at.depth - 1:
            return self._times(self._coefficient(slot, level), product, level)
        placed = next(p for p in self._at.fixed if p.slot == slot)
        return self._times(self._fixed(placed), product, level)

    def _equation(self, prefix: Slot, level: int) -> str:
        """Return the equation at a level of the coefficient at `prefix`."""
        slots = sorted(
            {
                p.slot[: level + 1]
                for p in (*self._at.fixed, *self._at.random)
                if p.slot[:level] == prefix and len(p.slot) > level
            }
        )
        parts = [self._summand(slot, level) for slot in slots]
        own = next((p for p in self._at.random if p.slot == prefix), None)
        if own is not None:
            parts.append(_scaled(self.symbols[own.term.coefficient or ""], own.term))
        return f"{self._coefficient(prefix, level - 1)} &= {_wrapped_sum(parts)}"

    # -- distributions ---------------------------------------------------------------------------------------------

    def _outcome_rows(self) -> Iterator[str]:
        """Yield the sampling model of an outcome that is not normal, and its link."""
        if self._is_gaussian:
            return
        outcome, predictor = self._form.outcome, self._form.predictors[0]
        mean = r"\varphi" + self._low((), 0)
        known, scalars = dict(outcome.known), dict(outcome.scalars)
        arguments = []
        for slot in DISTRIBUTIONS[outcome.distribution].slots:
            if slot.name == predictor.argument:
                arguments.append(mean)
            elif slot.name in scalars:
                name = scalars[slot.name]
                arguments.append(self._estimates.latex(name) if self._estimates.has(name) else latex_symbol(name))
            elif slot.name in known:
                arguments.append(_known(known[slot.name]))
        name = outcome.distribution.replace("_", " ")
        yield rf"{self._observed} \mid {mean} &\sim \operatorname{{{name}}}({', '.join(arguments)})"
        link = mean if predictor.link == "identity" else rf"\operatorname{{{predictor.link}}}({mean})"
        yield rf"{self._left} &= {link}"

    def _residual_rows(self) -> Iterator[str]:
        residual = self._form.residual
        if not self._is_gaussian or residual is None:
            return
        variance = self._letters.variances[0]
        if residual.known is not None:
            variance = _known(residual.known) + "^{2}"
        elif residual.sd is not None and self._estimates.has(residual.sd):
            variance = self._estimates.number(self._estimates.values[residual.sd] ** 2)
        yield rf"{self._error((), 0)} &\sim N(0, {variance})"

    def _distribution_rows(self, level: int) -> Iterator[str]:
        """Yield the joint distribution of the random effects of a level."""
        effects = self._at.effects(level)
        if not effects:
            return
        names = [self.symbols[p.term.coefficient or ""] for p in effects]
        entries = [[self._entry(a, b, level) for b in effects] for a in effects]
        if len(names) == 1:
            yield rf"{names[0]} &\sim N(0, {entries[0][0]})"
        else:
            yield rf"{matrix([[name] for name in names])} &\sim N\left(\mathbf{{0}}, {matrix(entries)}\right)"

    def _entry(self, a: Placed, b: Placed, level: int) -> str:
        """Return a variance or covariance of two effects of a level: its symbol, its estimate, or 0."""
        blocks = {effect: block for block in self._form.blocks for effect in block.effects}
        first, second = a.term.coefficient or "", b.term.coefficient or ""
        block = blocks[first]
        if first != second and (block is not blocks[second] or block.covariance.structure == "diagonal"):
            return "0"
        names = covariance_names(block, first, second)
        if all(self._estimates.has(name) for name in names):
            return self._estimates.number(math.prod(self._estimates.values[name] for name in names))
        if first == second:
            return self._variance(names[0], level)
        return self._tau(min(a.slot, b.slot), max(a.slot, b.slot), level)

    def _variance(self, sd: str, level: int) -> str:
        """Return the symbol of a variance: that of the first effect with this standard deviation."""
        residual = self._form.residual
        if residual is not None and residual.sd == sd:
            return self._letters.variances[0]
        for other in range(1, self._at.depth):
            for placed in self._at.effects(other):
                block = next(b for b in self._form.blocks if placed.term.coefficient in b.effects)
                if block.covariance.sd[block.effects.index(placed.term.coefficient or "")] == sd:
                    return self._tau(placed.slot, placed.slot, other)
        raise LookupError(f"no effect at level {level} has the standard deviation {sd!r}")

    def _tau(self, first: Slot, second: Slot, level: int) -> str:
        """Return tau with the numbers of two effects; numbers that are 0 in all effects of the level are left out."""
        slots = [p.slot for p in self._at.effects(level)]
        kept = [k for k in range(level) if k == 0 or any(slot[k] for slot in slots)]
        is_wide = any(slot[k] > 9 for slot in slots for k in kept)
        pair = [("," if is_wide else "").join(str(slot[k]) for k in kept) for slot in (first, second)]
        separator = "" if max(map(len, pair)) == 1 else ";" if is_wide and len(kept) > 1 else ","
        letter = self._letters.variances[level]
        return rf"\tau_{{{letter}{' ' if letter else ''}{separator.join(pair)}}}"

    # -- legend ----------------------------------------------------------------------------------------------------

    def _where_rows(self) -> Iterator[str]:
        """Yield what the outcome and the predictors stand for, in the model's own names."""
        outcome = self._form.outcome
        pairs = [(self._outcome, latex_symbol(show_symbol(outcome.name, outcome.index_set)))]
        for level in range(self._at.depth):
            pairs += [(self._factor(factor, level), factor.latex()) for factor in self._at.factors(level)]
        for number, (symbol, own) in enumerate(pairs):
            yield (r"\text{where } " if number == 0 else "") + f"{symbol} &= {own}"


def _known(expr: Expr) -> str:
    """Return known data as LaTeX: a column by its symbol."""
    return latex_symbol(show_symbol(expr.name, expr.index_set)) if isinstance(expr, Ref) else r"\text{known}"


def covariance_names(block: RandomBlock, first: str, second: str) -> tuple[str, ...]:
    """Return the parameters whose product is a covariance: a standard deviation twice, or two and the correlation."""
    a, b = sorted((block.effects.index(first), block.effects.index(second)))
    sd = block.covariance.sd
    if a == b:
        return sd[a], sd[a]
    width = len(block.effects)
    position = sum(width - 1 - column for column in range(a)) + b - a - 1
    return sd[a], sd[b], block.covariance.cor[position]


def aligned(rows: list[str]) -> str:
    """Return rows as one aligned display."""
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _wrapped_sum(*groups: list[str]) -> str:
    """Return a sum, each group of terms on lines of its own, of some terms each."""
    lines = [line for group in groups for line in _lines(group)]
    if not lines:
        return "0"
    return " \\\\\n    &\\quad ".join([_sum(lines[0]), *(added("", _sum(line)).strip() for line in lines[1:])])


def _lines(parts: list[str]) -> list[list[str]]:
    """Return terms in lines of `MOST_TERMS`; one term is not left alone."""
    lines = [parts[start : start + MOST_TERMS] for start in range(0, len(parts), MOST_TERMS)]
    if len(lines) > 1 and len(lines[-1]) == 1:
        lines[-2:] = [lines[-2] + lines[-1]]
    return lines


def _sum(parts: list[str]) -> str:
    total = parts[0]
    for part in parts[1:]:
        total = added(total, part)
    return total


def _scaled(shown: str, term: Term) -> str:
    """Return a symbol times the number of its term."""
    if abs(term.scale) != 1.0 or not shown:
        shown = f"{abs(term.scale):g}" + (rf" \, {shown}" if shown else "")
    return f"-{shown}" if term.scale < 0 else shown


def matrix(rows: list[list[str]]) -> str:
    """Return a matrix in round brackets."""
    body = r" \\ ".join(" & ".join(row) for row in rows)
    if len(rows[0]) <= WIDEST_MATRIX:
        return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
    return rf"\left(\begin{{array}}{{{'c' * len(rows[0])}}} {body} \end{{array}}\right)"
