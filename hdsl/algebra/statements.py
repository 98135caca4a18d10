"""Statements as text: right sides rewritten, joint statements with fewer coefficients, statements taken out.

Input: statements with their spans. Output: new text. Invariants: what is not concerned keeps its text; a comment behind
a statement goes with it, and so does a heading all of whose statements go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hdsl.algebra.record import refuse
from hdsl.algebra.substitute import Substitution
from hdsl.families import Slot
from hdsl.semantics.record import ResolvedModel
from hdsl.semantics.walk import arguments_by_slot
from hdsl.source import Source, Span
from hdsl.syntax import tree

__all__ = ["Edit", "apply_edits", "center", "rewrite", "slots_of", "without_symbols"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A statement's span and its new text; None takes the statement out."""

    span: Span
    text: str | None


# -- lines -----------------------------------------------------------------------------------------------------------


def apply_edits(source: Source, edits: Iterable[Edit]) -> str:
    """Return the text with statements replaced or taken out."""
    edits = tuple(edits)
    gone = {line for e in edits if e.text is None for line in range(e.span.line, e.span.end_line + 1)}
    gone |= set(_headings(source, gone))
    changes = [(e.span.start, e.span.end, e.text) for e in edits if e.text is not None]
    start = 0
    for number in range(1, source.n_lines + 1):
        end = source.text.find("\n", start) + 1 or len(source.text)
        if number in gone:
            changes.append((start, end, ""))
        start = end
    pieces, place = [], 0
    for start, end, text in sorted(changes):
        pieces += [source.text[place:start], text]
        place = end
    return "".join([*pieces, source.text[place:]])


def _headings(source: Source, gone: set[int]) -> Iterator[int]:
    """Yield the comment lines right above statements that all go; a comment on the first line is the file's title."""
    comments: list[int] = []
    statements: list[int] = []
    for number in range(1, source.n_lines + 2):
        line = source.line(number).strip() if number <= source.n_lines else ""
        if line and not line.startswith("#"):
            statements.append(number)
            continue
        if statements or not line:
            if comments and comments[0] > 1 and statements and gone.issuperset(statements):
                yield from comments
            comments, statements = [], []
        if line:
            comments.append(number)


# -- right sides -----------------------------------------------------------------------------------------------------


def rewrite(statement: tree.Stochastic | tree.Deterministic, substitution: Substitution) -> str:
    """Return the statement with symbols of its right side replaced."""
    if isinstance(statement, tree.Deterministic):
        right = substitution.apply(statement.right)
        return substitution.splice(statement.span, [(statement.right.span, "0" if right is None else right)])
    distribution = _distribution(statement.distribution, substitution)
    return substitution.splice(statement.span, [(statement.distribution.span, distribution)])


def _distribution(distribution: tree.Distribution, substitution: Substitution) -> str:
    texts = []
    for slot, value in arguments_by_slot(distribution):
        if isinstance(value, tree.Distribution):
            texts.append((value.span, _distribution(value, substitution)))
        elif slot.kind == "value":
            texts.append((value.span, _argument(slot, value, substitution)))
    return substitution.splice(distribution.span, sorted(texts, key=lambda pair: pair[0].start))


def _argument(slot: Slot, value: tree.Expr, substitution: Substitution) -> str:
    text = substitution.apply(value)
    if text is None and slot.range != "real":
        shown = substitution.slice(value.span)
        refuse(
            substitution.source,
            f"`{shown}` is all of a {slot.role}, so it cannot be left out",
            help="leave out a coefficient, or write the statement anew: `model.with_(..)`",
        )
    return "0" if text is None else text


# -- coefficients ----------------------------------------------------------------------------------------------------

_CENTERS = {"normal": "mean", "mvnormal": "mean", "student_t": "mean", "lognormal": "meanlog", "gamma": "mean"}
"""The argument that says where the coefficients of a distribution lie; those of other distributions lie at zero."""


def slots_of(distribution: tree.Distribution) -> dict[str, tree.Expr | tree.Distribution]:
    """Return the arguments of a distribution by name."""
    return {slot.name: value for slot, value in arguments_by_slot(distribution)}


def center(statement: tree.Stochastic, position: int, source: Source) -> str:
    """Return where the coefficients at one position of the left side lie when they do not vary: mean, or median."""
    slots = slots_of(statement.distribution)
    if statement.distribution.name == "gamma" and "rate" in slots:
        shape, rate = (source.text[slots[name].span.start : slots[name].span.end] for name in ("shape", "rate"))
        return f"({shape})/({rate})"
    value = slots.get(_CENTERS.get(statement.distribution.name, ""))
    if value is None:
        return "0"
    if isinstance(value, tree.TupleExpr):
        value = value.items[position]
    text = source.text[value.span.start : value.span.end]
    return f"exp({text})" if statement.distribution.name == "lognormal" else text


def without_symbols(
    statement: tree.Stochastic, gone: Iterable[int], source: Source, model: ResolvedModel
) -> str | None:
    """Return a statement of coefficients without those at some positions; None where nothing is left.

    A joint statement of one coefficient is a normal one; its standard deviation is that of the structure, or gets a new
    name where the covariance was unstructured.
    """
    if not isinstance(statement.left, tree.Joint):
        return None
    places = [place for place in range(len(statement.left.symbols)) if place not in set(gone)]
    if not places:
        return None
    text = source.text
    names = [text[s.span.start : s.span.end] for p, s in enumerate(statement.left.symbols) if p in places]
    slots = slots_of(statement.distribution)
    mean, cov = slots.get("mean"), slots.get("cov")
    mean_text = _items(mean, places, source)
    if (
        len(places) == 1
        and "over" not in slots
        and (sd := _sd_left(cov, places[0], names[0], source, model)) is not None
    ):
        return f"{names[0]} ~ normal({mean_text}, {sd})"
    left = names[0] if len(places) == 1 else f"({', '.join(names)})"
    pieces = [(statement.left.span, left)]
    if isinstance(mean, tree.TupleExpr):
        pieces.append((mean.span, mean_text))
    if isinstance(cov, tree.Call) and cov.function == "diag":
        kept = (cov.arguments[place].span for place in places)
        pieces.append((cov.span, f"diag({', '.join(text[span.start : span.end] for span in kept)})"))
    substitution = Substitution(source=source, model=model, texts={})
    return substitution.splice(statement.span, sorted(pieces, key=lambda pair: pair[0].start))


def _items(value: tree.Expr | tree.Distribution | None, places: list[int], source: Source) -> str:
    """Return the items of a tuple at some places, in brackets where there are several; another value as it is."""
    if value is None:
        return "0"
    if not isinstance(value, tree.TupleExpr):
        return source.text[value.span.start : value.span.end]
    texts = [source.text[value.items[p].span.start : value.items[p].span.end] for p in places]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _sd_left(
    cov: tree.Expr | tree.Distribution | None, place: int, name: str, source: Source, model: ResolvedModel
) -> str | None:
    """Return the standard deviation of the one coefficient that is left; None where a known matrix says more."""
    match cov:
        case tree.Symbol(subscripts=()):
            return _new_name(f"sd_{name.partition('[')[0].strip()}", model)
        case tree.Call(function="diag", arguments=arguments):
            span = arguments[place].span
        case tree.Call(function="cs" | "ar1", arguments=arguments):
            span = next((a for a in arguments if a.name == "sd"), arguments[0]).value.span
        case _:
            return None
    return source.text[span.start : span.end]


def _new_name(wish: str, model: ResolvedModel) -> str:
    taken = {name for name, _ in model.entities} | set(model.indices)
    return next(name for name in (wish, *(f"{wish}_{k}" for k in range(2, len(taken) + 3))) if name not in taken)
