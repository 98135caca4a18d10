"""Carry a change through a model until nothing follows from it any more.

    y[i] ~ normal(b0[j] + b1*x[i], sd)      b0[j] = b0        →   y[i] ~ normal(b0 + b1*x[i], sd)

A definition that a change has made one symbol or zero goes into what uses it; a statement that nothing uses any more,
but that something used before, goes. Input: the text after the change, and the model before it. Output: a text.
Invariant: index and data statements stay; they say what a name is, whether or not it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hdsl.algebra.statements import Edit, apply_edits, rewrite, without_symbols
from hdsl.algebra.substitute import Substitution
from hdsl.semantics.record import Entity, Key, ResolvedModel, Role
from hdsl.semantics.walk import left_symbols, occurrences
from hdsl.source import Source
from hdsl.syntax import format_text, parse, tree

__all__ = ["Draft", "edit_left"]


def edit_left(
    source: Source,
    model: ResolvedModel,
    statements: Iterable[tree.Statement],
    gone: Iterable[Key],
    more: dict[Key, str] | None = None,
) -> Iterator[Edit]:
    """Yield the edits that take symbols off the left sides of stochastic statements.

    `more` are statements that stand in the place of some of those symbols.
    """
    keys, more = set(gone), more or {}
    for statement in statements:
        if not isinstance(statement, tree.Stochastic):
            continue
        left = [model.canonical(symbol) for symbol in left_symbols(statement)]
        places = [place for place, key in enumerate(left) if key in keys]
        if places:
            rest = without_symbols(statement, places, source, model)
            lines = [*(more[left[place]] for place in places if left[place] in more), *([rest] if rest else [])]
            yield Edit(statement.span, "\n".join(lines) or None)


@dataclass(slots=True)
class Draft:
    """A model that is being rewritten.

    Attributes
    ----------
    model : ResolvedModel
        The model before the change; it says what every symbol is.
    text : str
        The text as it is now.
    texts : dict of Key to str or None
        Symbols that are replaced: by a symbol or a number, or by zero.
    covariates : set of Key
        Data whose terms leave the model.
    touched : set of Key
        Definitions whose right side the change has altered.
    """

    model: ResolvedModel
    text: str
    texts: dict[Key, str | None] = field(default_factory=dict)
    covariates: set[Key] = field(default_factory=set)
    touched: set[Key] = field(default_factory=set)

    def settle(self) -> str:
        """Carry the change through and return the text in canonical layout.

        Raises
        ------
        ModelError
            HM118 where a symbol that leaves the model cannot be left out.
        """
        while True:
            source = Source(self.text, self.model.source.name)
            statements = parse(source).statements
            edits = [*self._inlined(source, statements)]
            edits += self._replaced(source, statements, {edit.span for edit in edits})
            edits = edits or [*self._unused(source, statements)]
            if not edits:
                return format_text(source)
            self.text = apply_edits(source, edits)

    def _inlined(self, source: Source, statements: tuple[tree.Statement, ...]) -> Iterator[Edit]:
        """Take out definitions that the change has made one symbol or number, and replace what they define."""
        for statement in statements:
            if not isinstance(statement, tree.Deterministic) or statement.left.link is not None:
                continue
            key = self.model.canonical(statement.left.symbol)
            right = statement.right
            is_bare = isinstance(right, tree.Symbol | tree.Number)
            if key in self.touched and is_bare and self.model.entities[key].role is not Role.OUTCOME:
                is_zero = isinstance(right, tree.Number) and right.value == 0.0
                self.texts[key] = None if is_zero else source.text[right.span.start : right.span.end]
                yield Edit(statement.span, None)

    def _replaced(self, source: Source, statements: tuple[tree.Statement, ...], gone: set[object]) -> Iterator[Edit]:
        """Replace symbols on right sides; definitions from data stay as they are."""
        substitution = Substitution(source=source, model=self.model, texts=self.texts, covariates=self.covariates)
        for statement in statements:
            if not isinstance(statement, tree.Stochastic | tree.Deterministic) or statement.span in gone:
                continue
            keys = [self.model.canonical(symbol) for symbol in left_symbols(statement)]
            if isinstance(statement, tree.Deterministic) and is_from_data(self.model.entities[keys[0]]):
                continue
            text = rewrite(statement, substitution)
            if text != source.text[statement.span.start : statement.span.end]:
                self.touched.update(keys)
                yield Edit(statement.span, text)

    def _unused(self, source: Source, statements: tuple[tree.Statement, ...]) -> Iterator[Edit]:
        """Take out what was used before the change, and is used by nothing now."""
        lawful = [s for s in statements if isinstance(s, tree.Stochastic | tree.Deterministic)]
        used = {self.model.canonical(o.symbol) for s in lawful for o in occurrences(s)}
        gone = {key for key, entity in self.model.entities.items() if entity.uses and key not in used}
        gone = {key for key in gone if self.model.entities[key].role is not Role.OUTCOME}
        yield from edit_left(source, self.model, lawful, gone)
        for statement in lawful:
            if isinstance(statement, tree.Deterministic) and self.model.canonical(statement.left.symbol) in gone:
                yield Edit(statement.span, None)


def is_from_data(entity: Entity) -> bool:
    """Whether a definition is one from data alone: of a covariate, or of the outcome beside its distribution."""
    return entity.role is Role.DATA_DEFINITION or (entity.role is Role.OUTCOME and entity.stochastic is not None)
