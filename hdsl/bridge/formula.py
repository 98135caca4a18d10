"""Formula text → a tree, with every place kept.

Stage: bridge, way in, first step. Input: a `Source` that holds one formula in the notation of R. Output: a tree of
the records below. Invariants: operators bind as in R (``^``, unary minus, ``:``, ``* /``, ``+ -``, comparisons,
``|``, ``~``, from tight to loose); nothing is interpreted here, ``a*b`` stays a product of two names.

    y ~ x + (1 + x | g)   →   Binary("~", y, Binary("+", x, Group(Binary("|", Binary("+", 1, x), g))))
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from hdsl.bridge.advice import with_advice
from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.source import Source, Span

__all__ = ["Binary", "Call", "Group", "Name", "Node", "Number", "Text", "Unary", "read_formula"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number as written."""

    text: str
    span: Span = field(compare=False, repr=False)

    @property
    def value(self) -> float:
        """Its value."""
        return float(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A column; in backticks it may be any text."""

    name: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string."""

    value: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function of arguments; `names` has the name of each argument, or None."""

    function: str
    arguments: tuple[Node, ...]
    names: tuple[str | None, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary:
    """A sign."""

    operator: str
    operand: Node
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """An operator between two operands; `place` is where the operator stands."""

    operator: str
    left: Node
    right: Node
    place: Span = field(compare=False, repr=False)

    @property
    def span(self) -> Span:
        """The whole of it."""
        return self.left.span.to(self.right.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Something in brackets; the span includes them."""

    inner: Node
    span: Span = field(compare=False, repr=False)


Node: TypeAlias = Number | Name | Text | Call | Unary | Binary | Group


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    span: Span


_TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>(?:[^\W\d]|\.(?!\d))[\w.\u0300-\u036f]*|`(?:[^`\\]|\\.)+`)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<operator>\|\||\*\*|==|!=|<=|>=|%[^%\s]*%|[~+\-*/^:|<>=(),])""",
    re.VERBOSE,
)

_BINDING = {
    "~": 1,
    "|": 2,
    "||": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    ":": 6,
    "^": 8,
}
"""How tightly each operator binds; a sign binds with 7."""
_SIGN = 7
_LOGICAL = {"TRUE": "1", "FALSE": "0"}
_DEEPEST = 100
_LONGEST = 200
_SUM_DEPTH = 2


def read_formula(source: Source) -> Node:
    """Read a formula.

    Parameters
    ----------
    source : Source
        One formula, ``y ~ x + (1 | g)``; line ends are blanks.

    Returns
    -------
    Node

    Raises
    ------
    ModelError
        HM012, at the first place that cannot be read.
    """
    reader = _Reader(source)
    tree = reader.expression(0)
    reader.end()
    return tree


class _Reader:
    """Reads by operator precedence, one token ahead."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = list(self._scan())
        self.position = 0
        self.depth = 0

    def _scan(self) -> list[_Token]:
        text, place, tokens = self.source.text, 0, []
        while place < len(text):
            match = _TOKENS.match(text, place)
            if match is None:
                span = self.source.span(place, place + 1)
                raise self.error(
                    f"`{text[place]}` has no meaning in a formula", span, "put an odd column name in backticks"
                )
            if match.lastgroup != "space":
                tokens.append(_Token(str(match.lastgroup), match[0], self.source.span(*match.span())))
            place = match.end()
        end = self.source.span(len(text.rstrip()), len(text.rstrip()) + 1)
        return [*tokens, _Token("end", "", end)]

    def error(self, message: str, span: Span, help: str) -> ModelError:
        found = Diagnostics(self.source)
        found.error("HM012", with_advice(message, help), span, help=help)
        return ModelError(found.sorted())

    @property
    def next(self) -> _Token:
        return self.tokens[self.position]

    def take(self) -> _Token:
        token = self.next
        self.position += token.kind != "end"
        return token

    def end(self) -> None:
        token = self.next
        if token.kind != "end":
            closes = token.text == ")"
            message = "a bracket is closed that was not opened" if closes else f"`{token.text}` cannot stand here"
            raise self.error(message, token.span, "take it out" if closes else "join two terms by `+`, `:` or `*`")

    def expression(self, binding: int) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error("the formula is nested too deeply", self.next.span, "take brackets out")
        left, n_links = self.operand(), 0
        while self.next.kind == "operator":
            operator = "^" if self.next.text == "**" else self.next.text
            if operator.startswith("%"):
                raise self.error(f"the operator `{operator}` is not read", self.next.span, "write nesting as `a/b`")
            if operator not in _BINDING or _BINDING[operator] < binding:
                break
            place = self.take().span
            # The sum of a whole formula is taken apart in a loop; all else is a tree that is walked down.
            n_links += operator not in "+-" or self.depth > _SUM_DEPTH
            if n_links > _LONGEST:
                raise self.error("an expression is too long", place, "define it as a column of the data")
            # Right-associative `^` takes one of its own kind on its right, all others do not.
            right = self.expression(_SIGN if operator == "^" else _BINDING[operator] + 1)
            left = Binary(operator=operator, left=left, right=right, place=place)
        self.depth -= 1
        return left

    def operand(self) -> Node:
        token = self.take()
        match token.kind:
            case "number":
                return Number(text=token.text, span=token.span)
            case "string":
                return Text(value=_unquoted(token.text), span=token.span)
            case "name" if token.text in _LOGICAL:
                return Number(text=_LOGICAL[token.text], span=token.span)
            case "name" if self.next.text == "(" and not token.text.startswith("`"):
                return self.call(token)
            case "name":
                return Name(name=_unquoted(token.text) if token.text.startswith("`") else token.text, span=token.span)
            case "operator" if token.text in "+-":
                operand = self.expression(_SIGN)
                return Unary(operator=token.text, operand=operand, span=token.span.to(operand.span))
            case "operator" if token.text == "(":
                inner = self.expression(0)
                return Group(inner=inner, span=token.span.to(self.close(token)))
            case "operator" if token.text == "~":  # a formula without an outcome
                raise self.error("the formula has no outcome", token.span, "write it on the left: `y ~ x`")
            case "end":
                raise self.error("the formula ends too early", token.span, "write what follows the last operator")
            case _:
                raise self.error(f"`{token.text}` cannot stand here", token.span, "write a column or a bracket here")

    def call(self, name: _Token) -> Call:
        opening = self.take()
        arguments: list[Node] = []
        names: list[str | None] = []
        while self.next.text != ")" or arguments:
            has_name = self.next.kind == "name" and self.tokens[self.position + 1].text == "="
            names.append(self.take().text if has_name else None)
            self.position += has_name
            arguments.append(self.expression(0))
            if self.next.text != ",":
                break
            self.take()
        span = name.span.to(self.close(opening))
        return Call(function=name.text, arguments=tuple(arguments), names=tuple(names), span=span)

    def close(self, opening: _Token) -> Span:
        token = self.take()
        if token.text != ")":
            if token.kind == "end":
                raise self.error("a bracket is not closed", opening.span, "close it with `)`")
            raise self.error(f"`{token.text}` cannot stand here", token.span, "join two terms by `+`, `:` or `*`")
        return token.span


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
