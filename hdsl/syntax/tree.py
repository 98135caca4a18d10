"""The syntax tree of a model file: frozen nodes, each with its span.

Input: what `hdsl.syntax.parser` reads. Output: what `hdsl.semantics` resolves. Spans do not count for equality, so two
texts that differ in layout alone have equal trees. Parentheses leave no node: the tree's shape says what they said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from hdsl.source import Span

__all__ = [
    "Argument",
    "Binary",
    "Call",
    "Compare",
    "DataStatement",
    "Deterministic",
    "Distribution",
    "DistributionArgument",
    "Expr",
    "IndexStatement",
    "Joint",
    "LeftSide",
    "Number",
    "Program",
    "Statement",
    "Stochastic",
    "String",
    "Subscript",
    "Symbol",
    "TupleExpr",
    "Unary",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Base of every node."""

    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Node):
    """A number; `text` is as written, `value` its value."""

    value: float
    text: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class String(Node):
    """A double-quoted string, unescaped."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscript(Node):
    """One subscript of a symbol."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol(Node):
    """A name with its subscripts, as written: ``beta0[j,k]``; no subscripts for a bare name."""

    name: str
    subscripts: tuple[Subscript, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    """``-x`` (or ``+x``)."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    """``x + y``; `operator` is one of ``+ - * / ^`` (``**`` is read as ``^``)."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare(Node):
    """``x == y``; an indicator, 0 or 1. `operator` is one of ``== != < <= > >=``."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument(Node):
    """One argument of a call; `name` is None for a positional one."""

    name: str | None
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """A function, an aggregate, or a covariance ``cs(sd, rho)``: a name with arguments."""

    function: str
    function_span: Span = field(compare=False, repr=False)
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleExpr(Node):
    """``(a, b)``: the mean of a joint statement, or predictors."""

    items: tuple[Expr, ...]


Expr: TypeAlias = "Number | String | Symbol | Unary | Binary | Compare | Call | TupleExpr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution(Node):
    """A distribution with its arguments; an argument of a wrapper may be a `Distribution`."""

    name: str
    name_span: Span = field(compare=False, repr=False)
    arguments: tuple[DistributionArgument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionArgument(Node):
    """One argument of a distribution; `name` is None for a positional one."""

    name: str | None
    value: Expr | Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftSide(Node):
    """The left of ``~`` or ``=``: a symbol, or a link of a symbol (``logit(p[i])``)."""

    link: str | None
    link_span: Span | None = field(compare=False, repr=False)
    symbol: Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint(Node):
    """The left of a joint statement: ``(u0[j], u1[j])``."""

    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatement(Node):
    """``index j = district in k``; `parent` is None without ``in``; `column` is unquoted.

    `is_quoted` tells the column called "rows" from the word ``rows``.
    """

    name: str
    name_span: Span = field(compare=False, repr=False)
    column: str
    column_span: Span = field(compare=False, repr=False)
    is_quoted: bool = False
    parent: str | None
    parent_span: Span | None = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStatement(Node):
    """``data x[i] = "Some column"``; `column` is None without a string."""

    symbol: Symbol
    column: str | None
    column_span: Span | None = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stochastic(Node):
    """``lhs ~ distribution(args)``."""

    left: LeftSide | Joint
    distribution: Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Deterministic(Node):
    """``lhs = expr`` or ``link(lhs) = expr``."""

    left: LeftSide
    right: Expr


Statement: TypeAlias = "IndexStatement | DataStatement | Stochastic | Deterministic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Node):
    """A whole model file."""

    statements: tuple[Statement, ...]
