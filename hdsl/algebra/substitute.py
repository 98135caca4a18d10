"""Replace symbols in expressions, as text.

    b0[j] + b1[j]*x[i]   with b1[j] → 0    →   b0[j]
    b0[j] + b1[j]*x[i]   with b0[j] → b0   →   b0 + b1[j]*x[i]

Input: an expression with its spans, and the text that they point into. Output: the new text, or None where the
expression is zero. Invariant: what holds no replaced symbol keeps its text, with line breaks and comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from hdsl.algebra.record import refuse
from hdsl.semantics.record import Key, ResolvedModel, Role
from hdsl.semantics.walk import symbols_in
from hdsl.source import Source, Span
from hdsl.syntax import tree

__all__ = ["Substitution", "addends", "factors"]

_DATA = (Role.DATA, Role.DATA_DEFINITION, Role.OUTCOME)


def addends(expr: tree.Expr) -> tuple[tuple[str, tree.Expr], ...]:
    """Return the parts of a sum with their signs, left to right; what stands in brackets is one part.

    An expression that is no sum is its own only part.
    """
    parts: list[tuple[str, tree.Expr]] = []
    node, is_outer = expr, True
    while isinstance(node, tree.Binary) and node.operator in "+-" and (is_outer or not is_grouped(node)):
        parts.append((node.operator, node.right))
        node, is_outer = node.left, False
    return (("+", node), *reversed(parts))


def factors(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    """Return the factors of a product, left to right."""
    if isinstance(expr, tree.Binary) and expr.operator == "*":
        return (*factors(expr.left), *factors(expr.right))
    return (expr,)


def is_grouped(expr: tree.Expr) -> bool:
    """Whether a sum or product stands in brackets: they belong to its span alone."""
    return isinstance(expr, tree.Binary) and expr.left.span.start > expr.span.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """Symbols and what replaces them.

    Attributes
    ----------
    source : Source
        The text that the spans of expressions point into.
    model : ResolvedModel
        Says what a symbol is.
    texts : mapping from Key to str or None
        The text that replaces a symbol (one symbol or number), None for zero.
    covariates : set of Key
        Data that leave the model: every factor that reads one is zero.
    """

    source: Source
    model: ResolvedModel
    texts: Mapping[Key, str | None]
    covariates: Set[Key] = field(default=frozenset())

    def apply(self, expr: tree.Expr) -> str | None:
        """Return the new text of an expression, None if it is zero.

        Raises
        ------
        ModelError
            HM118 where a zero would divide.
        """
        if not self._concerns(expr):
            return self.slice(expr.span)
        if self.covariates and self._is_data(expr) and len(addends(expr)) == 1:
            return None
        match expr:
            case tree.Symbol():
                return self.texts[self.model.canonical(expr)]
            case tree.Binary(operator="+" | "-"):
                return self._sum(expr)
            case tree.Binary():
                return self._product(expr)
            case tree.Unary(operand=operand):
                inner = self.apply(operand)
                return None if inner is None else self.splice(expr.span, [(operand.span, inner)])
            case _:
                return self._inside(expr)

    def _concerns(self, expr: tree.Expr) -> bool:
        keys = {self.model.canonical(symbol) for symbol, _ in symbols_in(expr)}
        return not keys.isdisjoint(self.texts) or not keys.isdisjoint(self.covariates)

    def _is_data(self, expr: tree.Expr) -> bool:
        keys = (self.model.canonical(symbol) for symbol, _ in symbols_in(expr))
        return all(key == ("pi", ()) or self.model.entities[key].role in _DATA for key in keys)

    def _sum(self, expr: tree.Binary) -> str | None:
        parts = addends(expr)
        texts = [self.apply(part) for _, part in parts]
        kept = [place for place, text in enumerate(texts) if text is not None]
        if not kept:
            return None
        first, last = parts[0][1].span, parts[-1][1].span
        sign = "-" if parts[kept[0]][0] == "-" else ""
        inner = sign + str(texts[kept[0]])
        for place in kept[1:]:
            between = self.source.text[parts[place - 1][1].span.end : parts[place][1].span.start]
            inner += between + str(texts[place])
        if not is_grouped(expr):
            return inner
        is_atom = len(kept) == 1 and not sign and isinstance(parts[kept[0]][1], tree.Symbol | tree.Number | tree.Call)
        head = self.source.text[expr.span.start : first.start]
        tail = self.source.text[last.end : expr.span.end]
        return inner if is_atom else head + inner + tail

    def _product(self, expr: tree.Binary) -> str | None:
        left, right = self.apply(expr.left), self.apply(expr.right)
        if left is None or (right is None and expr.operator == "*"):
            return None
        if right is None and expr.operator == "/":
            refuse(
                self.source,
                f"`{self.slice(expr.right.span)}` divides, so it cannot be left out",
                help="write the statement anew: `model.with_(..)`",
            )
        return self.splice(expr.span, [(expr.left.span, left), (expr.right.span, right if right is not None else "0")])

    def _inside(self, expr: tree.Expr) -> str | None:
        """Rewrite a call, a comparison or a tuple: zeros in it are written as 0; a tuple of zeros is zero."""
        match expr:
            case tree.Call(arguments=arguments):
                inner: Iterable[tree.Expr] = [argument.value for argument in arguments]
            case tree.Compare(left=left, right=right):
                inner = [left, right]
            case tree.TupleExpr(items=items):
                inner = items
            case _:
                return self.slice(expr.span)
        texts = [(item.span, self.apply(item)) for item in inner]
        if isinstance(expr, tree.TupleExpr) and all(text in (None, "0") for _, text in texts):
            return None
        return self.splice(expr.span, [(span, text if text is not None else "0") for span, text in texts])

    def slice(self, span: Span) -> str:
        """Return the text of a span."""
        return self.source.text[span.start : span.end]

    def splice(self, span: Span, inner: Iterable[tuple[Span, str]]) -> str:
        """Return the text of a span with other texts for some spans in it, given in their order."""
        pieces, place = [], span.start
        for part, text in inner:
            pieces += [self.source.text[place : part.start], text]
            place = part.end
        return "".join([*pieces, self.source.text[place : span.end]])
