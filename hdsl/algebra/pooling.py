"""The two ends of partial pooling: coefficients that do not vary, and coefficients that nothing holds together.

    y[i] ~ normal(b0[j] + b1*x[i], sd)                  pooled:    y[i] ~ normal(b0 + b1*x[i], sd)
    b0[j] ~ normal(b0, sd_u0)                           unpooled:  y[i] ~ normal(b0[j] + b1*x[i], sd);  b0[j] ~ flat()

Input: a resolved model. Output: a `Rewriting`. Invariant: the residual, written out or not, stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hdsl.algebra.record import Rewriting
from hdsl.algebra.settle import Draft, edit_left
from hdsl.algebra.statements import Edit, apply_edits, center
from hdsl.algebra.substitute import addends
from hdsl.composite import build_composite
from hdsl.diagnostics import Diagnostic, Diagnostics
from hdsl.form.expr import show_index_set, show_symbol
from hdsl.form.model import CompositeModel, Term
from hdsl.semantics import resolve
from hdsl.semantics.levels import Levels
from hdsl.semantics.record import Entity, Key, ResolvedModel, Role
from hdsl.semantics.walk import left_symbols
from hdsl.source import Source
from hdsl.syntax import format_text, parse, tree

__all__ = ["changed_name", "effects", "gone_note", "pooled", "residuals", "settled_at_mean", "unpooled"]


_ESTIMATED = (Role.PARAMETER, Role.COVARIANCE, Role.UNMODELLED, Role.THRESHOLDS)
_MOST_NAMED = 3
"""Parameters that a message names; of more it says how many, and a note names them."""


def residuals(model: ResolvedModel) -> tuple[Key, ...]:
    """Return the errors of outcomes that are written out, ``y[i] = .. + e[i]``: they are no effects."""
    rows = {e.index_set for e in model.of_role(Role.OUTCOME) if e.stochastic is None}
    return tuple(e.key for e in model.of_role(Role.COEFFICIENT) if e.index_set in rows)


def effects(model: ResolvedModel) -> tuple[Entity, ...]:
    """Return the modelled coefficients, residuals aside, in the order of the text."""
    errors = residuals(model)
    return tuple(e for e in model.of_role(Role.COEFFICIENT) if e.key not in errors)


# -- pooled ----------------------------------------------------------------------------------------------------------


def pooled(model: ResolvedModel) -> Rewriting:
    """Return the model with every modelled coefficient at its mean.

    Parameters
    ----------
    model : ResolvedModel

    Returns
    -------
    Rewriting
        Level equations become definitions; those that are one symbol then go into what uses them.

    References
    ----------
    Equation 9 of the language reference, section 6.
    """
    text = settled_at_mean(model, [e.key for e in effects(model)])
    return Rewriting(
        text=text,
        name=changed_name(model, text, "pooled"),
        notes=gone_note(model, text, "no coefficient varies any more"),
    )


def settled_at_mean(model: ResolvedModel, keys: Iterable[Key]) -> str:
    """Return the text with some modelled coefficients at their means."""
    keys = tuple(keys)
    text = apply_edits(
        model.source, edit_left(model.source, model, model.program.statements, keys, _at_mean(model, keys))
    )
    return Draft(model=model, text=text, touched=set(keys)).settle()


def _at_mean(model: ResolvedModel, keys: Iterable[Key]) -> dict[Key, str]:
    """Return the definition that each coefficient becomes: ``b0[j] = g0 + g1*z[j]``."""
    made = {}
    for key in keys:
        entity = model.entities[key]
        if entity.stochastic is not None:
            symbols = left_symbols(entity.stochastic)
            place = [model.canonical(symbol) for symbol in symbols].index(key)
            left = entity.stochastic.left.span if entity.link is not None else symbols[place].span
            shown = model.source.text[left.start : left.end]
            made[key] = f"{shown} = {center(entity.stochastic, place, model.source)}"
    return made


def changed_name(model: ResolvedModel, text: str, what: str) -> str:
    """Return what diagnostics call the new model; an unchanged one keeps its name."""
    return model.source.name if text == format_text(model.source) else f"{model.source.name}, {what}"


def gone_note(
    model: ResolvedModel, text: str, why: str, notes: tuple[str, ...] = (), besides: tuple[Key, ...] = ()
) -> tuple[Diagnostic, ...]:
    """Return a note of the parameters that the new text has no more (HM119), `besides` what was asked for."""
    source = Source(text)
    left = {show_symbol(*key) for key in resolve(parse(source), source, Diagnostics()).entities}
    gone = [e for e in model.of_role(*_ESTIMATED) if e.printed not in left and e.key not in besides]
    if not gone:
        return ()
    found = Diagnostics(model.source)
    shown = ", ".join(f"`{entity.printed}`" for entity in gone)
    few = len(gone) <= _MOST_NAMED
    what = shown if few else f"{len(gone)} parameters"
    verb, them = ("leaves", "it") if len(gone) == 1 else ("leave", "them")
    message = f"{what} {verb} the model: {why.replace('{them}', them)}"
    found.note("HM119", message, notes=notes if few else (f"they are {shown}", *notes))
    return found.sorted()


# -- unpooled --------------------------------------------------------------------------------------------------------


def unpooled(model: ResolvedModel, form: CompositeModel) -> Rewriting:
    """Return the model with every modelled coefficient unmodelled, ``b0[j] ~ flat()``.

    Parameters
    ----------
    model : ResolvedModel
    form : CompositeModel
        The same model's composite.

    Returns
    -------
    Rewriting
        Without group-level equations, and without the terms that the unmodelled sets span; a note names the parameters
        that went.

    References
    ----------
    Equations 10 and 11 of the language reference, section 6.
    """
    free = _free(model)
    made = {key: f"{_left_text(model, key)} ~ flat()" for key in free}
    edits = [*edit_left(model.source, model, model.program.statements, free, made)]
    edits += [_flat_definition(model, key, made[key]) for key in free if model.entities[key].stochastic is None]
    text = Draft(model=model, text=apply_edits(model.source, edits)).settle()
    text = _without_spanned(text, free, model)
    notes = _covariate_notes(model, form, free, text)
    why = "unmodelled sets have no equation"
    return Rewriting(text=text, name=changed_name(model, text, "unpooled"), notes=gone_note(model, text, why, notes))


def _free(model: ResolvedModel) -> tuple[Key, ...]:
    """Return what becomes unmodelled: a coefficient, or the definition that adds nothing but its error to a mean."""
    found: dict[Key, None] = {}
    for effect in effects(model):
        hosts = [_host(model, effect, use.statement) for use in effect.uses]
        if (
            hosts
            and hosts[0] is not None
            and len(hosts) == 1
            and _at_mean(model, [effect.key])[effect.key].endswith("= 0")
        ):
            found[hosts[0]] = None
        else:
            found[effect.key] = None
    return tuple(found)


def _host(model: ResolvedModel, effect: Entity, position: int) -> Key | None:
    """Return the definition ``b0[j] = .. + u0[j]`` that an effect of its own index set makes free, if it is one."""
    statement = model.program.statements[position]
    if not isinstance(statement, tree.Deterministic):
        return None
    host = model.entity(statement.left.symbol)
    is_added = any(isinstance(p, tree.Symbol) and model.canonical(p) == effect.key for _, p in addends(statement.right))
    is_plain = host.role is Role.DEFINITION and host.link is None and host.index_set == effect.index_set
    return host.key if is_added and is_plain else None


def _left_text(model: ResolvedModel, key: Key) -> str:
    entity = model.entities[key]
    statement = entity.definition if entity.stochastic is None else entity.stochastic
    assert statement is not None
    symbol = next(s for s in left_symbols(statement) if model.canonical(s) == key)
    return model.source.text[symbol.span.start : symbol.span.end]


def _flat_definition(model: ResolvedModel, key: Key, text: str) -> Edit:
    definition = model.entities[key].definition
    assert definition is not None
    return Edit(definition.span, text)


def _without_spanned(text: str, free: tuple[Key, ...], model: ResolvedModel) -> str:
    """Return the text without the terms that unmodelled sets span: intercepts, group-level covariates, coarser sets."""
    found = Diagnostics()
    after = resolve(parse(Source(text)), Source(text), found)
    if found.has_errors:
        return text
    form = build_composite(after, found)
    keys = {show_symbol(*key): (key[0], model.levels.order.canonical(key[1])) for key in after.entities}
    spanned: dict[str, bool] = {}
    for predictor in form.predictors:
        fixed = [t for t in predictor.terms if t.part == "fixed" and t.coefficient is not None]
        sets = [t for t in fixed if keys[str(t.coefficient)] in free]
        for term in fixed:
            name = str(term.coefficient)
            spanned[name] = spanned.get(name, True) and any(_spans(s, term, after.levels) for s in sets)
    gone: dict[Key, str | None] = {keys[name]: None for name, is_spanned in spanned.items() if is_spanned}
    return Draft(model=model, text=text, texts=gone).settle() if gone else text


def _spans(unmodelled: Term, term: Term, levels: Levels) -> bool:
    """Whether an unmodelled set takes up a term: its own covariates, times what is constant in each of its units."""
    own, other = (Counter(c.text for c in t.covariates) for t in (unmodelled, term))
    if term.coefficient == unmodelled.coefficient or not own <= other:
        return False
    more = [c.index_set for c in term.covariates if c.text in other - own]
    return all(levels.determines(unmodelled.coefficient_set, s) for s in (*more, term.coefficient_set))


def _covariate_notes(model: ResolvedModel, form: CompositeModel, free: tuple[Key, ...], text: str) -> tuple[str, ...]:
    """Say of each group-level covariate that went why it cannot stay."""
    after = resolve(parse(Source(text)), Source(text), Diagnostics())
    left = {show_symbol(*key) for key in after.entities}
    said: dict[str, None] = {}
    for term in (t for p in form.predictors for t in p.terms if t.part == "fixed" and t.coefficient not in left):
        for covariate in term.covariates:
            inside = [s for _, s in free if s and model.levels.determines(s, covariate.index_set)]
            if inside and covariate.index_set != (model.levels.order.row,):
                where = show_index_set(inside[0])
                said[
                    f"`{covariate.text}` is constant in each `{where}`: unmodelled coefficients of `{where}` take it up"
                ] = None
    return tuple(said)
