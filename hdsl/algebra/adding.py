"""Add statements to a model, or replace those with the same left side.

    (u0[j], u1[j]) ~ mvnormal(0, S)   with  u0[j] ~ normal(0, s0)   →   u0[j] ~ normal(0, s0);  u1[j] ~ normal(0, sd_u1)

Input: a resolved model and statements as text. Output: a `Rewriting`. Invariant: what the new statements make useless
goes, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from hdsl.algebra.pooling import changed_name, gone_note
from hdsl.algebra.record import Rewriting
from hdsl.algebra.settle import Draft, is_from_data
from hdsl.algebra.statements import Edit, apply_edits, without_symbols
from hdsl.diagnostics import Diagnostics
from hdsl.semantics import resolve
from hdsl.semantics.record import Key, ResolvedModel, Role
from hdsl.semantics.walk import left_symbols, occurrences
from hdsl.source import Source
from hdsl.syntax import parse, tree

__all__ = ["extended"]

_DATA = (Role.DATA, Role.DATA_DEFINITION)


def extended(model: ResolvedModel, text: str) -> Rewriting:
    """Return the model with more statements.

    Parameters
    ----------
    model : ResolvedModel
    text : str
        One statement or several. One whose left side the model has replaces it, in its place; others come last.

    Returns
    -------
    Rewriting

    Raises
    ------
    ModelError
        HM0xx where `text` cannot be read.
    """
    source = Source(text, "<statement>")
    program = parse(source)
    both = tree.Program(span=program.span, statements=(*program.statements, *model.program.statements))
    combined = resolve(both, model.source, Diagnostics())
    waiting = {number: _with_comment(source, new) for number, new in enumerate(program.statements)}
    edits = []
    for old in model.program.statements:
        hits = [n for n, new in enumerate(program.statements) if _replaces(new, old, model, combined)]
        if hits:
            gone = {key for n in hits for key in _left(program.statements[n], combined)}
            shown = [waiting.pop(n) for n in hits if n in waiting]
            edits.append(Edit(old.span, "\n".join([*shown, *_rest(old, gone, model, combined)]) or None))
    changed = apply_edits(model.source, edits).rstrip("\n")
    settled = Draft(model=combined, text="\n".join([changed, *waiting.values()]) + "\n").settle()
    notes = gone_note(model, settled, "nothing uses {them} any more")
    return Rewriting(text=settled, name=changed_name(model, settled, "changed"), notes=notes)


def _left(statement: tree.Statement, model: ResolvedModel) -> tuple[Key, ...]:
    match statement:
        case tree.Stochastic() | tree.Deterministic():
            return tuple(model.canonical(symbol) for symbol in left_symbols(statement))
        case tree.DataStatement(symbol=symbol):
            return (model.canonical(symbol),)
        case tree.IndexStatement():
            return ()


def _replaces(new: tree.Statement, old: tree.Statement, model: ResolvedModel, combined: ResolvedModel) -> bool:
    """Whether a new statement takes the place of an old one, or of some coefficients of it.

    The definition of an outcome from data and its distribution stand beside one another.
    """
    if isinstance(new, tree.IndexStatement) or isinstance(old, tree.IndexStatement):
        return isinstance(new, tree.IndexStatement) and isinstance(old, tree.IndexStatement) and new.name == old.name
    if isinstance(new, tree.DataStatement) or isinstance(old, tree.DataStatement):
        is_data = isinstance(new, tree.DataStatement) and isinstance(old, tree.DataStatement)
        return is_data and _left(new, combined) == _left(old, combined)
    if set(_left(new, combined)).isdisjoint(_left(old, combined)):
        return False
    if isinstance(new, tree.Stochastic) and isinstance(old, tree.Deterministic):
        return not is_from_data(model.entity(old.left.symbol))
    if isinstance(new, tree.Deterministic) and isinstance(old, tree.Stochastic):
        is_outcome = model.entity(left_symbols(old)[0]).role is Role.OUTCOME
        return not (is_outcome and _reads_data(new, combined))
    return True


def _reads_data(statement: tree.Deterministic, model: ResolvedModel) -> bool:
    keys = (model.canonical(occurrence.symbol) for occurrence in occurrences(statement))
    return all(key == ("pi", ()) or model.entities[key].role in _DATA for key in keys)


def _rest(old: tree.Statement, gone: set[Key], model: ResolvedModel, combined: ResolvedModel) -> Iterator[str]:
    """Yield what is left of a joint statement when some of its coefficients have statements of their own."""
    if isinstance(old, tree.Stochastic):
        places = [place for place, key in enumerate(_left(old, combined)) if key in gone]
        rest = without_symbols(old, places, model.source, combined)
        if rest is not None:
            yield rest


def _with_comment(source: Source, statement: tree.Statement) -> str:
    """Return a statement with the comment behind it."""
    end = source.text.find("\n", statement.span.end)
    return source.text[statement.span.start : end if end >= 0 else len(source.text)].rstrip()
