"""Substitute all levels into one expression, expand it, and collect its terms with the statements they came from.

    y[i] = b0[j] + b1[j]*x[i];  b1[j] = g0 + g1*z[j] + u1[j]   →   .. + g1*z[j]*x[i] + u1[j]*x[i]

SymPy does the algebra. Every statement that is substituted multiplies its right side by a tag, and every covariate is
one symbol for each statement that it stands in; after expansion the tags of a monomial are its source lines, and a
product whose covariates come from several statements is one that nobody wrote.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy

from hdsl.composite.lower import constant_value, covariate, is_data, printed
from hdsl.form.expr import IndexSet
from hdsl.form.model import Covariate, Part, Term
from hdsl.semantics.record import Entity, Key, ResolvedModel, Role
from hdsl.source import Span
from hdsl.syntax import tree

__all__ = ["MAX_TERMS", "Expansion", "ExpansionError", "NotLinearError", "TooManyTermsError"]


class ExpansionError(Exception):
    """An expression that has no composite equation: why, and where."""

    def __init__(self, reason: str, span: Span) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class NotLinearError(ExpansionError):
    """A predictor that is not linear in its coefficients."""


class TooManyTermsError(ExpansionError):
    """A composite that would have more terms than anyone can read."""


MAX_TERMS = 10_000
"""Terms that a composite may have before equal ones are gathered."""


def _count_terms(expr: sympy.Expr) -> int:
    """Return a bound of the number of terms that expanding an expression gives; shared parts are counted once each."""
    counts: dict[sympy.Basic, int] = {}
    stack: list[sympy.Basic] = [expr]
    while stack:
        node = stack[-1]
        waiting = [argument for argument in node.args if argument not in counts]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        inner = [counts[argument] for argument in node.args]
        counts[node] = sum(inner) if node.is_Add else math.prod(inner) if node.is_Mul else 1
    return counts[expr]


@dataclass(frozen=True, slots=True)
class _Atom:
    """What a SymPy symbol stands for: a coefficient or a covariate, and the statement where it stands."""

    position: int
    entity: Entity | None = None
    covariate: Covariate | None = None
    rank: int = 0


@dataclass(slots=True)
class _Gathered:
    """Monomials with one coefficient and the same covariates, gathered into one term."""

    coefficient: Entity | None
    covariates: tuple[Covariate, ...]
    rank: tuple[int, ...]
    scale: float = 0.0
    is_written: bool = False
    positions: set[int] = field(default_factory=set)


class Expansion:
    """Expands expressions of one resolved model.

    Parameters
    ----------
    model : ResolvedModel
    mean_of : callable
        Gives for a modelled coefficient the expression of its mean and the position of its statement, or None for zero.
    bounded : frozenset of Key
        Parameters (and sets) that are positive or probabilities by where they stand: they have a scale of their own on
        which they are estimated, so they are no terms of a linear predictor.
    """

    def __init__(
        self,
        model: ResolvedModel,
        mean_of: Callable[[Entity], tuple[tree.Expr, int] | None],
        bounded: frozenset[Key] = frozenset(),
    ) -> None:
        self.model = model
        self.mean_of = mean_of
        self.bounded = bounded
        self._atoms: dict[sympy.Symbol, _Atom] = {}
        self._symbols: dict[tuple[object, ...], sympy.Symbol] = {}
        self._tags: dict[sympy.Symbol, int] = {}
        self._substituted: dict[Key, sympy.Expr] = {}

    def terms(self, expr: tree.Expr, position: int, left: IndexSet) -> tuple[Term, ...]:
        """Return the terms of an expression of the statement at `position`, whose left side is at `left`.

        Raises
        ------
        NotLinearError
            If it is not linear in the coefficients.
        TooManyTermsError
            If it would have more than `MAX_TERMS` terms.
        """
        return self._collected(self._tag(position) * self._convert(expr, position, left), expr.span)

    def linked_terms(self, entity: Entity, span: Span) -> tuple[Term, ...]:
        """Return the terms of a modelled coefficient on its link's scale, ``log(sd[k]) ~ normal(m, tau)``.

        Raises
        ------
        NotLinearError
            If its mean is not linear in the coefficients.
        TooManyTermsError
            If it would have more than `MAX_TERMS` terms.
        """
        return self._collected(self._substitute(entity), span)

    def _collected(self, product: sympy.Expr, span: Span) -> tuple[Term, ...]:
        """Expand a product of tags and sums, and gather its monomials."""
        if _count_terms(product) > MAX_TERMS:
            raise TooManyTermsError(f"more than {MAX_TERMS:,} terms", span)
        whole = sympy.expand(product)
        gathered: dict[tuple[object, ...], _Gathered] = {}
        for monomial in sympy.Add.make_args(whole):
            if monomial != 0:
                self._gather(monomial, span, gathered)
        terms = [self._term(g) for g in sorted(gathered.values(), key=lambda g: g.rank) if g.scale != 0.0]
        return tuple(sorted(terms, key=_place))

    # -- conversion ------------------------------------------------------------------------------------------------

    def _convert(self, expr: tree.Expr, position: int, left: IndexSet) -> sympy.Expr:
        if is_data(expr, self.model):
            return self._data(expr, position, left)
        match expr:
            case tree.Symbol():
                return self._unknown(expr, position)
            case tree.Unary(operator=operator, operand=operand):
                inner = self._convert(operand, position, left)
                return -inner if operator == "-" else inner
            case tree.Binary(operator="+" | "-"):
                return self._sum(expr, position, left)
            case tree.Binary(operator="*" | "/"):
                return self._product(expr, position, left)
            case _:
                raise NotLinearError(f"`{printed(expr, self.model)}` is not linear in its coefficients", expr.span)

    def _sum(self, expr: tree.Binary, position: int, left: IndexSet) -> sympy.Expr:
        """Convert a chain of sums without recursion: a long sum is a deep tree."""
        parts: list[tuple[int, tree.Expr]] = []
        node: tree.Expr = expr
        sign = 1
        while isinstance(node, tree.Binary) and node.operator in "+-" and not is_data(node, self.model):
            parts.append((sign if node.operator == "+" else -sign, node.right))
            node = node.left
        parts.append((sign, node))
        converted = [s * self._convert(part, position, left) for s, part in reversed(parts)]
        return sympy.Add(*converted)

    def _product(self, expr: tree.Binary, position: int, left: IndexSet) -> sympy.Expr:
        """Convert a chain of products and quotients; what divides a covariate is part of it, ``b*(x[i] - m)/s``."""
        chain: list[tuple[str, tree.Expr]] = []
        node: tree.Expr = expr
        while isinstance(node, tree.Binary) and node.operator in "*/":
            chain.append((node.operator, node.right))
            node = node.left
        factors: list[tree.Expr] = [node]
        result: sympy.Expr = sympy.Integer(1)
        for operator, operand in reversed(chain):
            if operator == "*":
                factors.append(operand)
            elif not is_data(operand, self.model):
                raise NotLinearError(f"`{printed(expr, self.model)}` is not linear in its coefficients", expr.span)
            elif is_data(factors[-1], self.model):
                span = factors[-1].span.to(operand.span)
                factors[-1] = tree.Binary(operator="/", left=factors[-1], right=operand, span=span)
            else:
                result *= self._reciprocal(operand, position, left)
        for factor in factors:
            result *= self._convert(factor, position, left)
        return result

    def _data(self, expr: tree.Expr, position: int, left: IndexSet) -> sympy.Expr:
        """Convert an expression free of unknowns: a product of covariates, all else opaque."""
        value = constant_value(expr)
        if value is not None:
            return sympy.Integer(int(value)) if value == int(value) and abs(value) < 2**53 else sympy.Float(value)
        match expr:
            case tree.Unary(operator=operator, operand=operand):
                inner = self._data(operand, position, left)
                return -inner if operator == "-" else inner
            case tree.Binary(operator="*"):
                return self._product(expr, position, left)
            case _:
                return self._covariate(covariate(expr, left, self.model), position)

    def _reciprocal(self, expr: tree.Expr, position: int, left: IndexSet) -> sympy.Expr:
        value = constant_value(expr)
        if value is not None and value != 0.0:
            return sympy.Float(1.0 / value)
        one = tree.Number(value=1.0, text="1", span=expr.span)
        return self._covariate(
            covariate(tree.Binary(operator="/", left=one, right=expr, span=expr.span), left, self.model), position
        )

    def _covariate(self, factor: Covariate, position: int) -> sympy.Symbol:
        return self._symbol(
            ("covariate", factor.text, position), "x", _Atom(position, covariate=factor, rank=len(self._atoms))
        )

    def _unknown(self, symbol: tree.Symbol, position: int) -> sympy.Expr:
        entity = self.model.entity(symbol)
        match entity.role:
            case Role.PARAMETER | Role.UNMODELLED if entity.key in self.bounded:
                raise NotLinearError(f"`{entity.printed}` has a range of its own", symbol.span)
            case Role.PARAMETER | Role.UNMODELLED:
                return self._coefficient(entity, position) * self._tag_of(entity)
            case Role.COEFFICIENT | Role.DEFINITION:
                if entity.link is not None:
                    raise NotLinearError(f"`{entity.printed}` stands on its {entity.link} scale", symbol.span)
                return self._substitute(entity)
            case _:
                raise NotLinearError(f"`{entity.printed}` is a {entity.role.value}, not a value", symbol.span)

    def _substitute(self, entity: Entity) -> sympy.Expr:
        """Return the right side of a definition, or mean plus deviation of a modelled coefficient, tagged."""
        if entity.key not in self._substituted:
            if entity.role is Role.DEFINITION and entity.definition is not None:
                position = self._position(entity.definition)
                inner = self._convert(entity.definition.right, position, entity.index_set)
            else:
                position = entity.position
                mean = self.mean_of(entity)
                inner = self._convert(mean[0], mean[1], entity.index_set) if mean is not None else sympy.Integer(0)
                inner = inner + self._coefficient(entity, position)
            self._substituted[entity.key] = self._tag(position) * inner
        return self._substituted[entity.key]

    def _coefficient(self, entity: Entity, position: int) -> sympy.Symbol:
        is_set = entity.role is Role.UNMODELLED
        key = ("coefficient", entity.key, position if is_set else None)
        return self._symbol(key, "b", _Atom(position, entity=entity, rank=len(self._atoms)))

    def _symbol(self, key: tuple[object, ...], letter: str, atom: _Atom) -> sympy.Symbol:
        if key not in self._symbols:
            symbol = sympy.Symbol(f"{letter}{len(self._symbols)}")
            self._symbols[key] = symbol
            self._atoms[symbol] = atom
        return self._symbols[key]

    def _tag(self, position: int) -> sympy.Symbol:
        symbol = sympy.Symbol(f"t{position}")
        self._tags[symbol] = position
        return symbol

    def _tag_of(self, entity: Entity) -> sympy.Expr:
        """Return the tag of the statement that declares an unmodelled set or a prior, where there is one."""
        return self._tag(entity.position) if entity.stochastic is not None else sympy.Integer(1)

    def _position(self, statement: tree.Statement) -> int:
        return next(p for p, other in enumerate(self.model.program.statements) if other is statement)

    # -- collection ------------------------------------------------------------------------------------------------

    def _gather(self, monomial: Any, span: Span, gathered: dict[tuple[object, ...], _Gathered]) -> None:
        scale, rest = monomial.as_coeff_Mul()
        coefficients: list[_Atom] = []
        covariates: list[_Atom] = []
        positions: set[int] = set()
        for symbol, power in rest.as_powers_dict().items():
            if symbol in self._tags:
                positions.add(self._tags[symbol])
            elif symbol in self._atoms:
                atom = self._atoms[symbol]
                (coefficients if atom.entity is not None else covariates).extend([atom] * int(power))
        if len(coefficients) > 1:
            coefficients.sort(key=lambda atom: atom.rank)
            names = " * ".join(f"`{a.entity.printed}`" for a in coefficients if a.entity is not None)
            bare = next(
                (a.entity.name for a in reversed(coefficients) if a.entity is not None and not a.entity.index_set), None
            )
            row = self.model.levels.order.row
            advice = f"; write `{bare}[{row}]` if `{bare}` is a column" if bare is not None else ""
            raise NotLinearError(f"{names} is a product of coefficients{advice}", span)
        covariates.sort(key=lambda atom: atom.rank)
        coefficient = coefficients[0] if coefficients else None
        texts = tuple(sorted(a.covariate.text for a in covariates if a.covariate is not None))
        key = (coefficient.entity.key if coefficient is not None and coefficient.entity is not None else None, texts)
        rank = (coefficient.rank if coefficient is not None else len(self._atoms), *(a.rank for a in covariates))
        item = gathered.setdefault(
            key,
            _Gathered(
                coefficient=coefficient.entity if coefficient is not None else None,
                covariates=tuple(a.covariate for a in covariates if a.covariate is not None),
                rank=rank,
            ),
        )
        item.rank = min(item.rank, rank)
        item.scale += float(scale)
        item.positions |= positions
        item.is_written = item.is_written or self._is_written(coefficient, covariates)

    @staticmethod
    def _is_written(coefficient: _Atom | None, covariates: list[_Atom]) -> bool:
        """Whether one statement wrote the product; the indicator of an unmodelled set counts as a covariate."""
        places = {atom.position for atom in covariates}
        entity = coefficient.entity if coefficient is not None else None
        if coefficient is not None and entity is not None and entity.role is Role.UNMODELLED and covariates:
            places.add(coefficient.position)
        return len(places) < 2

    def _term(self, item: _Gathered) -> Term:
        entity = item.coefficient
        statements = self.model.program.statements
        spans = tuple(statements[p].span for p in sorted(item.positions))
        own: IndexSet = entity.index_set if entity is not None else ()
        sets = [c.index_set for c in item.covariates]
        if not sets:
            sets.append(own)
        part: Part = "offset" if entity is None else "random" if entity.role is Role.COEFFICIENT else "fixed"
        return Term(
            part=part,
            coefficient=entity.estimated if entity is not None else None,
            coefficient_set=own,
            scale=item.scale,
            covariates=item.covariates,
            level=self.model.levels.finest(sets),
            implied=not item.is_written,
            lines=tuple(sorted({span.line for span in spans})),
            spans=spans,
        )


_PARTS: dict[Part, int] = {"fixed": 0, "offset": 1, "random": 2, "residual": 3}


def _place(term: Term) -> tuple[int, int]:
    """Rank a term: fixed ones by the variables that they multiply (a set counts with its indices), then the rest."""
    n_variables = term.order + len(term.coefficient_set) if term.part == "fixed" else 0
    return _PARTS[term.part], n_variables
