"""Formula tree → terms: what varies with what, and over which groups.

Stage: bridge, way in, second step. Input: the tree of `hdsl.bridge.formula`. Output: `Formula`. Invariants: a term is
a set of variables, listed once however often it is written; the intercept is the empty term; ``a/b``, ``a*b`` and
``(a + b)^2`` are written out; ``(x | a/b)`` is ``(x | a) + (x | a:b)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hdsl.bridge.advice import with_advice
from hdsl.bridge.formula import Binary, Call, Group, Name, Node, Number, Text, Unary, read_formula
from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.source import Source, Span

__all__ = ["Formula", "RandomTerm", "Term", "Variable", "columns_of", "parse_formula", "show_node"]

_FACTORS = ("factor", "as.factor", "ordered", "C")
_UNCORRELATED = {"||": True, "|": False}
_MOST_TERMS = 2000

REFUSED = {
    **dict.fromkeys(
        ("poly", "ns", "bs", "rcs"), "write its columns out, as in `x + I(x^2)`, or `poly(x, 2, raw = TRUE)`"
    ),
    **dict.fromkeys(
        ("s", "te", "ti", "t2", "gp", "lo"),
        "the language has no smooth terms; write a curve in powers of the covariate",
    ),
    **dict.fromkeys(("mo", "me", "mi", "mm", "gr"), "write that part of the model in the `.hm` file by hand"),
    **dict.fromkeys(("ar1", "cs", "ou", "exp_cov", "toep", "rr"), "write its covariance in the `.hm` file by hand"),
}
"""Functions of formulas that make more than one column, with what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A column or an expression in columns, as one factor of a term.

    Attributes
    ----------
    key : str
        What it is, however it is spaced: two variables with one key are one.
    node : Node
        The expression; of ``factor(x)`` the column.
    is_factor : bool
        Whether the formula says that it is one.
    """

    key: str
    node: Node = field(compare=False)
    is_factor: bool = False


Term = tuple[Variable, ...]
"""Variables that are multiplied; ``()`` is the intercept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomTerm:
    """``(1 + x | g)``: what varies, over the combinations of which columns, and whether jointly."""

    terms: tuple[Term, ...]
    groups: tuple[Name, ...]
    is_joint: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula, multiplied out.

    Attributes
    ----------
    source : Source
    response : Node
    terms : tuple of Term
        The intercept (if there is one) first, then by the number of variables, as R orders them.
    random : tuple of RandomTerm
    offsets : tuple of Node
    """

    source: Source
    response: Node
    terms: tuple[Term, ...]
    random: tuple[RandomTerm, ...]
    offsets: tuple[Node, ...]


def parse_formula(source: Source) -> Formula:
    """Read a formula and multiply it out.

    Raises
    ------
    ModelError
        HM012 where it cannot be read, HM013 where the language has no such thing.
    """
    tree = read_formula(source)
    if not isinstance(tree, Binary) or tree.operator != "~":
        raise _error(
            source, "HM012", "a formula needs `~` between the outcome and what explains it", tree.span, "write `y ~ x`"
        )
    return _Reader(source).formula(tree)


def _error(source: Source, code: str, message: str, span: Span, help: str) -> ModelError:
    found = Diagnostics(source)
    found.error(code, with_advice(message, help), span, help=help)
    return ModelError(found.sorted())


class _Terms:
    """An ordered set of terms; the same variables in another order are the same term."""

    def __init__(self, terms: Iterable[Term] = ()) -> None:
        self.items: dict[frozenset[Variable], Term] = {}
        self.add(terms)

    def add(self, terms: Iterable[Term]) -> None:
        for term in terms:
            self.items.setdefault(frozenset(term), term)

    def remove(self, terms: Iterable[Term]) -> None:
        for term in terms:
            self.items.pop(frozenset(term), None)

    def ordered(self) -> tuple[Term, ...]:
        return tuple(sorted(self.items.values(), key=len))


class _Reader:
    """Multiplies out one formula."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.random: list[RandomTerm] = []
        self.offsets: list[Node] = []

    def error(self, message: str, span: Span, help: str, code: str = "HM013") -> ModelError:
        return _error(self.source, code, message, span, help)

    def formula(self, tree: Binary) -> Formula:
        if isinstance(tree.right, Binary) and tree.right.operator in _UNCORRELATED:
            raise self.error(
                "a random term stands without brackets", tree.right.place, "write `y ~ x + (1 | g)`", "HM012"
            )
        fixed = self.sum(tree.right, is_random=False)
        return Formula(
            source=self.source,
            response=_bare(tree.left),
            terms=fixed.ordered(),
            random=tuple(self.random),
            offsets=tuple(self.offsets),
        )

    def sum(self, node: Node, *, is_random: bool) -> _Terms:
        """Return the terms of a sum, with an intercept unless it is taken out."""
        terms = _Terms([()])
        for sign, part in _summands(node):
            if isinstance(part, Number) and part.value in (0.0, 1.0):
                adds = (part.value == 1.0) == (sign == "+")
                (terms.add if adds else terms.remove)([()])
            elif self.is_special(part):
                if sign == "-" or is_random:
                    raise self.error(
                        "a random term or an offset can only be added", part.span, "take the sign or the bracket away"
                    )
                self.special(part)
            else:
                (terms.add if sign == "+" else terms.remove)(self.expand(part))
        return terms

    def is_special(self, node: Node) -> bool:
        node = _bare(node)
        if isinstance(node, Call):
            has_bar = any(isinstance(a, Binary) and a.operator in _UNCORRELATED for a in node.arguments)
            return node.function == "offset" or (node.function in ("diag", "us") and has_bar)
        return isinstance(node, Binary) and node.operator in _UNCORRELATED

    def special(self, node: Node) -> None:
        inner = _bare(node)
        if isinstance(inner, Call) and inner.function == "offset":
            if len(inner.arguments) != 1:
                raise self.error("`offset` takes one expression", inner.span, "write `offset(log(time))`", "HM012")
            self.offsets.append(inner.arguments[0])
            return
        is_joint = True
        if isinstance(inner, Call):
            is_joint, inner = inner.function == "us", inner.arguments[0]
        assert isinstance(inner, Binary)
        self.add_random(inner, is_joint=is_joint and not _UNCORRELATED[inner.operator], span=node.span)

    def add_random(self, bar: Binary, *, is_joint: bool, span: Span) -> None:
        terms = self.sum(bar.left, is_random=True).ordered()
        if not terms:
            raise self.error(
                "nothing varies in this random term", bar.left.span, "write `(1 | g)` or `(0 + x | g)`", "HM012"
            )
        for groups in self.groups(bar.right):
            self.random.append(RandomTerm(terms=terms, groups=groups, is_joint=is_joint, span=span))

    def groups(self, node: Node) -> list[tuple[Name, ...]]:
        """Return the sets of columns that a grouping expression names: ``a/b`` is ``a`` and ``a:b``."""
        node = _bare(node)
        match node:
            case Name():
                return [(node,)]
            case Call(function=function, arguments=(inner,)) if function in _FACTORS:
                return self.groups(inner)
            case Call(function="interaction", arguments=arguments):
                return [_distinct(n for a in arguments for n in self.groups(a)[-1])]
            case Binary(operator=":", left=left, right=right):
                return [_distinct((*a, *b)) for a in self.groups(left) for b in self.groups(right)]
            case Binary(operator="/", left=left, right=right):
                above = self.groups(left)
                return [*above, *(_distinct((*above[-1], *b)) for b in self.groups(right))]
            case Binary(operator="*", left=left, right=right):
                first, second = self.groups(left), self.groups(right)
                return [*first, *second, *(_distinct((*a, *b)) for a in first for b in second)]
            case Binary(operator="+", left=left, right=right):
                return [*self.groups(left), *self.groups(right)]
            case _:
                raise self.error("groups are columns", node.span, "name columns behind the bar: `g`, `a:b` or `a/b`")

    def expand(self, node: Node) -> tuple[Term, ...]:
        """Return the terms of an expression that is no sum with an intercept."""
        if self.is_special(node):
            raise self.error("a random term or an offset can only be added", node.span, "join it by `+`")
        match node:
            case Group(inner=inner) | Unary(operator="+", operand=inner):
                return self.expand(inner)
            case Number(text="1"):
                return ((),)
            case Number(text=text):
                help_text = "only 0 and 1 stand in a formula, for the intercept"
                raise self.error(f"the number {text} is no term", node.span, help_text)
            case Call(function="poly", arguments=(Name() as column, Number() as degree, Number(text="1")), names=names):
                return self.powers(column, degree) if names[-1] == "raw" else ((self.variable(node),),)
            case Binary(operator="^", left=left, right=Number() as power):
                return self.power(self.expand(left), power)
            case Binary(operator=operator) if operator in "+-:*/":
                return self.combine(operator, self.expand(node.left), self.expand(node.right))
            case Binary():
                message = f"`{node.operator}` cannot stand in a sum of terms"
                raise self.error(message, node.place, "write arithmetic as `I(..)`")
            case Unary():
                raise self.error("a sign in front of a term", node.span, "write arithmetic as `I(-x)`")
            case _:
                return ((self.variable(node),),)

    def combine(self, operator: str, left: tuple[Term, ...], right: tuple[Term, ...]) -> tuple[Term, ...]:
        """Return what an operator makes of the terms on its sides."""
        if operator == ":":
            return self.products(left, right)
        terms = _Terms(left)
        match operator:
            case "-":
                terms.remove(right)
            case "+":
                terms.add(right)
            case "*":
                terms.add((*right, *self.products(left, right)))
            case _:  # a/b is a and, within all of a, b
                whole = tuple(dict.fromkeys(variable for term in left for variable in term))
                terms.add(self.products((whole,), right))
        return tuple(terms.items.values())

    def products(self, left: Iterable[Term], right: Iterable[Term]) -> tuple[Term, ...]:
        right = tuple(right)
        terms = _Terms(tuple(dict.fromkeys((*a, *b))) for a in left for b in right)
        if len(terms.items) > _MOST_TERMS:
            raise self.error(
                "the formula multiplies out to too many terms",
                self.source.span(0, len(self.source.text)),
                "write the interactions that you mean",
            )
        return tuple(terms.items.values())

    def power(self, terms: tuple[Term, ...], power: Number) -> tuple[Term, ...]:
        if power.value not in range(1, 11):
            raise self.error(
                f"`^{power.text}` is no power of terms",
                power.span,
                "write `(a + b)^2`, or a power of values as `I(x^2)`",
            )
        result = terms
        for _ in range(int(power.value) - 1):
            result = tuple(_Terms((*result, *self.products(result, terms))).items.values())
        return result

    def powers(self, column: Name, degree: Number) -> tuple[Term, ...]:
        """Return the terms of ``poly(x, 3, raw = TRUE)``: a column and its powers."""
        if degree.value not in range(1, 11):
            raise self.error(f"the degree {degree.text} of `poly`", degree.span, "write powers out, as in `x + I(x^2)`")
        numbers = [Number(text=str(power), span=degree.span) for power in range(2, int(degree.value) + 1)]
        nodes = [Binary(operator="^", left=column, right=number, place=column.span) for number in numbers]
        return ((Variable(key=column.name, node=column),), *((Variable(key=show_node(n), node=n),) for n in nodes))

    def variable(self, node: Node) -> Variable:
        match node:
            case Name(name="."):
                raise self.error("`.` stands for columns that are not named", node.span, "name the columns")
            case Name(name=name):
                return Variable(key=name, node=node)
            case Call(function=function, arguments=arguments) if function in _FACTORS:
                if not arguments or not isinstance(arguments[0], Name):
                    raise self.error(
                        f"`{function}` of something that is no column", node.span, f"write `{function}(x)`"
                    )
                return Variable(key=arguments[0].name, node=arguments[0], is_factor=True)
            case Call(function="I", arguments=(inner,)):
                return Variable(key=show_node(inner), node=inner)
            case Call(function=function) if function in REFUSED:
                raise self.error(f"`{function}` has no counterpart in the language", node.span, REFUSED[function])
            case Call():
                return Variable(key=show_node(node), node=node)
            case Text():
                raise self.error("a string is no term", node.span, "name a column; an odd name goes in backticks")
            case _:
                raise self.error("this is no term", node.span, "write arithmetic as `I(..)`")


def _distinct(names: Iterable[Name]) -> tuple[Name, ...]:
    return tuple({name.name: name for name in names}.values())


def _bare(node: Node) -> Node:
    while isinstance(node, Group):
        node = node.inner
    return node


def _summands(node: Node) -> list[tuple[str, Node]]:
    """Return the parts of a sum with their signs, from left to right."""
    parts: list[tuple[str, Node]] = []
    while True:
        match node:
            case Group(inner=Binary(operator="+" | "-") as inner):  # the leftmost has no sign before it
                node = inner
            case Binary(operator="+" | "-" as operator, left=left, right=right):
                inside = _summands(right) if operator == "+" and isinstance(right, Group) else [(operator, right)]
                parts = [*inside, *parts]
                node = left
            case Unary(operator=operator, operand=operand):
                return [(operator, operand), *parts]
            case _:
                return [("+", node), *parts]


def columns_of(node: Node) -> tuple[Name, ...]:
    """Return the columns that an expression names, each once."""
    found: dict[str, Name] = {}

    def visit(part: Node) -> None:
        match part:
            case Name():
                found.setdefault(part.name, part)
            case Call(arguments=arguments):
                for argument in arguments:
                    visit(argument)
            case Unary(operand=inner) | Group(inner=inner):
                visit(inner)
            case Binary(left=left, right=right):
                visit(left)
                visit(right)
            case Number() | Text():
                pass

    visit(node)
    return tuple(found.values())


def show_node(node: Node) -> str:
    """Return an expression as text in one spelling, so that two that differ in blanks alone are equal."""
    match node:
        case Number(text=text):
            return text
        case Name(name=name):
            return name
        case Text(value=value):
            return repr(value)
        case Group(inner=inner):
            return f"({show_node(inner)})"
        case Unary(operator=operator, operand=operand):
            return f"{operator}{show_node(operand)}"
        case Binary(operator=operator, left=left, right=right):
            return f"{show_node(left)} {operator} {show_node(right)}"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(show_node(a) for a in arguments)})"
