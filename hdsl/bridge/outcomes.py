"""The left side of a formula, and its family → the outcome's statements.

Stage: bridge, way in. Input: the left side, a family and a link. Output: statements with a place for the predictor,
and the definitions that they need. Invariant: ``log(y) ~`` stays a transformed outcome, ``cbind(s, f) ~`` becomes
successes out of a size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hdsl.bridge.advice import with_advice
from hdsl.bridge.algebra import Formula, columns_of
from hdsl.bridge.facts import Facts
from hdsl.bridge.formula import Binary, Call, Name, Node
from hdsl.bridge.values import Values
from hdsl.bridge.words import ROW, quoted, slug
from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.families import LINKS
from hdsl.source import Source

__all__ = ["FAMILIES", "Distribution", "OutcomeText", "choose_distribution", "write_outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A family of outcomes.

    Attributes
    ----------
    template : str
        The right side of the outcome's statement; ``{0}`` is the mean or the probability, names are parameters.
    mean : str
        What the mean is called where it has a link.
    link : str
    is_binary : bool
        Whether outcomes are successes.
    """

    template: str
    mean: str
    link: str
    is_binary: bool = False


FAMILIES: dict[str, Distribution] = {
    "gaussian": Distribution(template="normal({0}, {sd})", mean="mu", link="identity"),
    "binomial": Distribution(template="bernoulli({0})", mean="p", link="logit", is_binary=True),
    "poisson": Distribution(template="poisson({0})", mean="mu", link="log"),
    "negative_binomial": Distribution(template="negative_binomial({0}, {size})", mean="mu", link="log"),
    "gamma": Distribution(template="gamma({0}, {shape})", mean="mu", link="inverse"),
    "beta": Distribution(template="beta({0}, {precision})", mean="mu", link="logit"),
    "student_t": Distribution(template="student_t({df}, {0}, {scale})", mean="mu", link="identity"),
}
"""Families with the link that R takes where none is given."""

_TRANSFORMS = frozenset(LINKS) - {"identity"}
_PARAMETERS = ("sd", "size", "shape", "precision", "df", "scale")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeText:
    """Definitions, and statements as head, summands (None: the predictor's), tail."""

    definitions: tuple[str, ...]
    statements: tuple[tuple[str, tuple[str, ...] | None, str], ...]


def choose_distribution(source: Source, family: str, link: str | None) -> Distribution:
    """Return a family with its link.

    Raises
    ------
    ModelError
        HM013 for one that is not known.
    """
    found = Diagnostics(source)
    if family not in FAMILIES:
        near = near_names(family, FAMILIES)
        help_text = f"did you mean {one_of(near)}?" if near else f"families are {', '.join(FAMILIES)}"
        found.error("HM013", f"`{family}` is no family that can be imported", help=help_text)
    if link is not None and link not in LINKS:
        found.error("HM013", f"`{link}` is no link of the language", help=f"links are {', '.join(LINKS)}")
    found.raise_errors(ModelError)
    chosen = FAMILIES[family]
    return Distribution(
        template=chosen.template, mean=chosen.mean, link=link or chosen.link, is_binary=chosen.is_binary
    )


def write_outcome(formula: Formula, facts: Facts, values: Values, distribution: Distribution) -> OutcomeText:
    """Return the outcome's statements.

    Raises
    ------
    ModelError
        HM013, for a left side that the language cannot say.
    """
    definitions: list[str] = []
    symbol, template = _left(formula, facts, values, distribution, definitions)
    parameters = {name: values.words.fresh(name) for name in _PARAMETERS if f"{{{name}}}" in template}
    if distribution.link == "identity" and not distribution.is_binary:
        head, tail = template.format("\0", **parameters).split("\0")
        return OutcomeText(definitions=tuple(definitions), statements=((f"{symbol} ~ {head}", None, tail),))
    mean = f"{values.words.fresh(distribution.mean)}[{ROW}]"
    left = mean if distribution.link == "identity" else f"{distribution.link}({mean})"
    return OutcomeText(
        definitions=tuple(definitions),
        statements=((f"{symbol} ~ ", (template.format(mean, **parameters),), ""), (f"{left} = ", None, "")),
    )


def _left(
    formula: Formula, facts: Facts, values: Values, distribution: Distribution, definitions: list[str]
) -> tuple[str, str]:
    """Return the symbol on the left and the template on the right; a computed outcome gets a definition."""
    template = distribution.template
    match formula.response:
        case Name(name=name) if distribution.is_binary and facts.is_text(name):
            return _success(name, formula, facts, values, definitions), template
        case Name() as node:
            return _symbol(node, formula, values), template
        case Call(function="cbind", arguments=(Name() as successes, failures)) if distribution.is_binary:
            size = values.words.fresh("size")
            summands = _size(successes, failures)
            symbol = _symbol(successes, formula, values, summands)
            definitions.append(f"{size}[{ROW}] = {' + '.join(values.factor(node, None) for node in summands)}")
            return symbol, f"binomial({size}[{ROW}], {{0}})"
        case Call(function=function, arguments=(Name() as inner,)) if function in _TRANSFORMS:
            return f"{function}({_symbol(inner, formula, values)})", template
        case node if columns_of(node):
            name = values.words.fresh(slug("_".join(column.name for column in columns_of(node)) + "_new"))
            definitions.append(f"{name}[{ROW}] = {values.write(node, None)}")
            return f"{name}[{ROW}]", template
        case node:
            raise _refuse(formula.source, "the outcome names no column", node, "write the outcome on the left: `y ~ x`")


def _symbol(column: Name, formula: Formula, values: Values, more: Sequence[Node] = ()) -> str:
    """Return an outcome's symbol: one that the right side, or its own size, uses as a column has one of its own."""
    terms = [*formula.terms, *(term for random in formula.random for term in random.terms)]
    nodes = [*formula.offsets, *more, *(variable.node for term in terms for variable in term)]
    used = {name.name for node in nodes for name in columns_of(node)}
    return values.words.outcome(column.name) if column.name in used else values.write(column, None)


def _success(name: str, formula: Formula, facts: Facts, values: Values, definitions: list[str]) -> str:
    """Define an indicator of the second of two labels, which R takes as success."""
    labels = facts.labels(name)
    if len(labels) != 2:
        message = f"`{name}` has {len(labels)} labels, a binary outcome has two"
        raise _refuse(formula.source, message, formula.response, f'write the success: `I({name} == "..")`')
    symbol = f"{values.words.fresh(slug(f'{name}_{labels[1]}'))}[{ROW}]"
    definitions.append(f"{symbol} = {values.words.data(name, None)} == {quoted(labels[1])}")
    return symbol


def _size(successes: Name, failures: Node) -> tuple[Node, ...]:
    """Return what the size is the sum of: ``n`` of ``cbind(s, n - s)``."""
    match failures:
        case Binary(operator="-", left=total, right=Name(name=name)) if name == successes.name:
            return (total,)
        case _:
            return successes, failures


def _refuse(source: Source, message: str, node: Node, help: str) -> ModelError:
    found = Diagnostics(source)
    found.error("HM013", with_advice(message, help), node.span, help=help)
    return ModelError(found.sorted())
