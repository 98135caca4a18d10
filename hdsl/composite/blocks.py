"""Stochastic statements of coefficients → random blocks: effects, index set, covariance structure, means."""

from __future__ import annotations

from collections.abc import Callable

from hdsl.composite.expand import Expansion, ExpansionError
from hdsl.composite.lower import constant_value
from hdsl.diagnostics import Diagnostics
from hdsl.form.model import Covariance, RandomBlock, Term
from hdsl.semantics.record import Entity, ResolvedModel, Role
from hdsl.semantics.walk import arguments_by_slot, left_symbols
from hdsl.source import Span
from hdsl.syntax import tree

__all__ = ["Refuse", "coefficient_mean", "random_block"]

Refuse = Callable[[str, Span | None], None]

_MEAN_SLOTS = {"normal": "mean", "mvnormal": "mean", "student_t": "mean", "lognormal": "meanlog", "gamma": "mean"}


def coefficient_mean(entity: Entity, model: ResolvedModel) -> tuple[tree.Expr, int] | None:
    """Return the expression of a coefficient's mean and the position of its statement; None where the mean is zero."""
    statement = entity.stochastic
    if statement is None:
        return None
    slots = {slot.name: value for slot, value in arguments_by_slot(statement.distribution)}
    mean = slots.get(_MEAN_SLOTS.get(statement.distribution.name, ""))
    if isinstance(mean, tree.TupleExpr):
        names = [model.canonical(s) for s in left_symbols(statement)]
        position = names.index(entity.key)
        mean = mean.items[position] if position < len(mean.items) else None
    if mean is None or isinstance(mean, tree.Distribution) or constant_value(mean) == 0.0:
        return None
    return mean, entity.position


def random_block(
    entity: Entity, model: ResolvedModel, expansion: Expansion, found: Diagnostics, refuse: Refuse
) -> RandomBlock:
    """Return the random block of the statement that `entity` stands on the left of."""
    statement = entity.stochastic
    assert statement is not None
    members = tuple(model.entity(symbol) for symbol in left_symbols(statement))
    distribution = statement.distribution
    if distribution.name not in ("normal", "mvnormal"):
        refuse(f"coefficients with the distribution `{distribution.name}` (`{entity.printed}`)", distribution.name_span)
    _check_mean(members, distribution, found)
    effects = tuple(e.estimated for e in members)
    return RandomBlock(
        effects=effects,
        index_set=entity.index_set,
        distribution="normal" if distribution.name == "mvnormal" else distribution.name,
        covariance=_covariance(members, effects, distribution, model, refuse),
        means=tuple(_mean_terms(e, model, expansion, refuse) for e in members),
        link=entity.link or "identity",
        span=statement.span,
    )


def _check_mean(members: tuple[Entity, ...], distribution: tree.Distribution, found: Diagnostics) -> None:
    for slot, value in arguments_by_slot(distribution):
        if slot.name != "mean" or isinstance(value, tree.Distribution):
            continue
        if isinstance(value, tree.TupleExpr):
            if len(value.items) != len(members):
                found.error(
                    "HM007",
                    f"{len(members)} coefficients have {len(value.items)} means",
                    value.span,
                    help="give one mean for each coefficient on the left, or `0` for all",
                )
        elif len(members) > 1 and constant_value(value) != 0.0:
            found.error(
                "HM007",
                f"the mean of {len(members)} joint coefficients is one value",
                value.span,
                help="give one mean for each, `mvnormal((b0, b1), Omega)`, or `0` for all",
            )


def _mean_terms(entity: Entity, model: ResolvedModel, expansion: Expansion, refuse: Refuse) -> tuple[Term, ...]:
    mean = coefficient_mean(entity, model)
    if mean is None:
        return ()
    try:
        return expansion.terms(mean[0], mean[1], entity.index_set)
    except ExpansionError as error:
        refuse(f"a mean that has no composite ({error.reason})", error.span)
        return ()


def _covariance(
    members: tuple[Entity, ...],
    effects: tuple[str, ...],
    distribution: tree.Distribution,
    model: ResolvedModel,
    refuse: Refuse,
) -> Covariance:
    slots = {slot.name: value for slot, value in arguments_by_slot(distribution)}
    if "over" in slots:
        refuse(f"coefficients that are joint over an index (`over`, `{effects[0]}`)", distribution.span)
    if distribution.name == "mvnormal":
        return _joint_covariance(effects, slots.get("cov"), distribution, model, refuse)
    sd = slots.get("sd", slots.get("scale", slots.get("sdlog")))
    return Covariance(structure="diagonal", sd=tuple(_sd_name(sd, effect, model, refuse) for effect in effects))


def _joint_covariance(
    effects: tuple[str, ...],
    cov: tree.Expr | tree.Distribution | None,
    distribution: tree.Distribution,
    model: ResolvedModel,
    refuse: Refuse,
) -> Covariance:
    unstructured = Covariance(
        structure="unstructured" if len(effects) > 1 else "diagonal",
        sd=tuple(f"sd({effect})" for effect in effects),
        cor=tuple(f"cor({a}, {b})" for p, a in enumerate(effects) for b in effects[p + 1 :]),
    )
    match cov:
        case tree.Symbol(subscripts=()):
            if model.entity(cov).role is not Role.COVARIANCE:
                refuse(f"a covariance `{cov.name}` that is not a new name", cov.span)
            elif len(model.entity(cov).uses) > 1:
                refuse(f"a covariance `{cov.name}` that two statements share", cov.span)
            return unstructured
        case tree.Call(function="diag", arguments=arguments):
            sds = tuple(_sd_name(a.value, e, model, refuse) for a, e in zip(arguments, effects, strict=False))
            if len(arguments) != len(effects):
                refuse(f"`diag` with {len(arguments)} standard deviations for {len(effects)} coefficients", cov.span)
            return Covariance(structure="diagonal", sd=sds)
        case tree.Call(function=function):
            refuse(f"a covariance structure `{function}`", cov.span)
        case _:
            refuse("a covariance with a known matrix", distribution.span)
    return unstructured


def _sd_name(sd: tree.Expr | tree.Distribution | None, effect: str, model: ResolvedModel, refuse: Refuse) -> str:
    """Return the parameter that is the standard deviation of an effect."""
    if isinstance(sd, tree.Symbol) and not sd.subscripts and model.entity(sd).role is Role.PARAMETER:
        return sd.name
    if sd is not None:
        what = "that is not a parameter of its own (a standard deviation is meant, not a variance)"
        refuse(f"a standard deviation of `{effect}` {what}", sd.span)
    return f"sd({effect})"
