"""Sums over rows of products of weights and columns, each distinct one once.

A term is what is summed at a place: numbers times a base (a weight ``w01``, a score ``r0``) times columns of Z. Equal
terms, as the intercepts of nested factors give them, are one sum.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

from hdsl.codegen.channels import Atom
from hdsl.codegen.tree import Statement, code, expression, tuple_of

__all__ = ["Columns", "RowValues", "Target", "Term", "border_term", "product_term", "score_term", "total"]

Columns: TypeAlias = tuple[Atom, ...]
"""A column of Z, as the sum of its atoms."""

Monomial: TypeAlias = tuple[str, tuple[int, ...]]
Term: TypeAlias = tuple[tuple[Monomial, float], ...]


def _term(monomials: Sequence[tuple[Monomial, float]]) -> Term:
    """Return a term with equal products added up."""
    found: dict[Monomial, float] = {}
    for monomial, factor in monomials:
        found[monomial] = found.get(monomial, 0.0) + factor
    return tuple(sorted(found.items()))


def _held(*atoms: Atom) -> tuple[int, ...]:
    return tuple(sorted(atom.column for atom in atoms if atom.column is not None))


def weight(s: int, t: int) -> str:
    """Return the name of the weights of two channels."""
    return f"w{min(s, t)}{max(s, t)}"


def product_term(left: Columns, right: Columns) -> Term:
    """Return ``sum_ST z_S w_ST z_T`` of two columns."""
    return _term([((weight(a.channel, b.channel), _held(a, b)), a.scale * b.scale) for a in left for b in right])


def score_term(column: Columns, letter: str) -> Term:
    """Return ``sum_S z_S r_S``; `letter` is what stands for r."""
    return _term([((f"{letter}{a.channel}", _held(a)), a.scale) for a in column])


def border_term(column: Columns, channel: int, weights: set[tuple[int, int]]) -> Term:
    """Return ``sum_S z_S w_ST`` of a column with the columns of X in channel T; only of `weights` that there are."""
    return _term(
        [
            ((weight(a.channel, channel), _held(a)), a.scale)
            for a in column
            if (min(a.channel, channel), max(a.channel, channel)) in weights
        ]
    )


@dataclass
class Target:
    """The distinct terms that are summed at the same places, in the order of their rows."""

    terms: list[Term] = field(default_factory=list)

    def place(self, term: Term) -> int:
        """Return the row of a term."""
        if term not in self.terms:
            self.terms.append(term)
        return self.terms.index(term)


@dataclass
class RowValues:
    """The products that were emitted in the loop over blocks, by name."""

    body: list[Statement]
    known: set[str] = field(default_factory=set)

    def value(self, term: Term) -> ast.expr:
        """Emit what a term needs and return it."""
        return total([(factor, expression(self._name(*monomial))) for monomial, factor in term])

    def values(self, terms: Sequence[Term]) -> ast.expr:
        """Emit what terms need and return them as a tuple."""
        return tuple_of([self.value(term) for term in terms])

    def _name(self, base: str, columns: tuple[int, ...]) -> str:
        if not columns:
            return base
        name = base + "".join(f"h{c}" for c in columns)
        if name not in self.known:
            shorter = self._name(base, columns[:-1])
            self.body += code("p = shorter * h", p=name, shorter=shorter, h=f"h{columns[-1]}")
            self.known.add(name)
        return name


def total(parts: Sequence[tuple[float, ast.expr]]) -> ast.expr:
    """Return a sum of numbers times expressions."""
    if not parts:
        return ast.Constant(0.0)

    def scaled(factor: float, item: ast.expr) -> ast.expr:
        return item if factor == 1.0 else ast.BinOp(ast.Constant(factor), ast.Mult(), item)

    def add(left: ast.expr, part: tuple[float, ast.expr]) -> ast.expr:
        factor, item = part
        operator: ast.operator = ast.Sub() if factor < 0.0 else ast.Add()
        return ast.BinOp(left, operator, scaled(abs(factor), item))

    return reduce(add, parts[1:], scaled(*parts[0]))
