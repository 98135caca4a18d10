"""Leave a term out of a model.

    b0[j] = b0 + b3*x3[j] + u0[j]     without b3     →   b0[j] = b0 + u0[j]
    (u0[j], u1[j]) ~ mvnormal(0, S)   without u1[j]  →   u0[j] ~ normal(0, sd_u0)

Input: a resolved model with its composite, and what the user calls the term. Output: a `Rewriting`. Invariant: a term
is what the composite equation shows; leaving out a modelled coefficient leaves its mean.
"""

from __future__ import annotations

from collections import Counter

from hdsl.algebra.pooling import changed_name, gone_note, residuals, settled_at_mean
from hdsl.algebra.record import Rewriting, refuse
from hdsl.algebra.settle import Draft, is_from_data
from hdsl.algebra.substitute import factors
from hdsl.diagnostics import ModelError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.form.expr import show_symbol
from hdsl.form.model import CompositeModel
from hdsl.form.text import term_text
from hdsl.semantics.record import Entity, ResolvedModel, Role
from hdsl.semantics.show import show_expr
from hdsl.source import Source
from hdsl.syntax import parse, tree

__all__ = ["dropped"]

_UNKNOWN = (Role.COEFFICIENT, Role.UNMODELLED, Role.PARAMETER, Role.DEFINITION)
_DATA = (Role.DATA, Role.DATA_DEFINITION)
_TERMS = (*_UNKNOWN, *_DATA)


def dropped(model: ResolvedModel, form: CompositeModel, term: str) -> Rewriting:
    """Return the model without a term.

    Parameters
    ----------
    model : ResolvedModel
    form : CompositeModel
        The same model's composite.
    term : str
        A coefficient (``"b1"``), a set (``"b_income"`` or ``"b_income[income]"``), a random effect (``"u1[j]"``), a
        covariate (``"x[i]"``: all its terms), or a product as the composite has it (``"b4*x3[j]*x1[i]"``).

    Returns
    -------
    Rewriting
        Also without the statements that nothing uses any more.

    Raises
    ------
    ModelError
        HM118 if the model has no such term, or cannot do without it.
    """
    entity = _find(model, form, term)
    if entity.role is Role.COEFFICIENT:
        text = settled_at_mean(model, [entity.key])
    elif entity.role in _DATA:
        text = Draft(model=model, text=model.source.text, covariates={entity.key}).settle()
    else:
        text = Draft(model=model, text=model.source.text, texts={entity.key: None}).settle()
    notes = gone_note(model, text, f"nothing uses {{them}} without `{entity.printed}`", besides=(entity.key,))
    return Rewriting(text=text, name=changed_name(model, text, f"without {entity.printed}"), notes=notes)


def _find(model: ResolvedModel, form: CompositeModel, term: str) -> Entity:
    """Return what the user calls a term."""
    source = Source(f"term = {term}", "<term>")
    try:
        (statement,) = parse(source).statements
    except (ModelError, ValueError):
        refuse(source, f"`{term}` is no term", help='a term is a coefficient, a covariate or their product: "b4*x[i]"')
    assert isinstance(statement, tree.Deterministic)
    parts = factors(statement.right)
    if len(parts) == 1:
        return _leavable(model, _symbol(model, statement.right, term))
    return _product(model, form, parts, term)


def _symbol(model: ResolvedModel, expr: tree.Expr, term: str) -> Entity:
    """Return the one entity of a name, with or without its subscripts."""
    if isinstance(expr, tree.Symbol):
        exact = model.entities.get(model.canonical(expr))
        if exact is not None and all(s.name in model.indices for s in expr.subscripts):
            return exact
        named = [e for e in model.of_role(*_TERMS) if e.name == expr.name and not expr.subscripts]
        if len(named) == 1:
            return named[0]
        if named:
            choice = one_of(e.printed for e in named)
            refuse(model.source, f"`{term}` may be several terms", help=f"say which: {choice}")
    names = {name for e in model.of_role(*_TERMS) if _is_term(model, e) for name in (e.printed, e.name)}
    near = near_names(term, names)
    listed = [e.printed for e in model.of_role(*_UNKNOWN) if _is_term(model, e)][:12]
    todo = f"do you mean {one_of(near)}?" if near else "name one of its coefficients"
    help = todo if near else f"its coefficients are {', '.join(f'`{n}`' for n in listed)}"
    return refuse(model.source, f"the model has no term `{term}`: {todo}", help=help)


def _is_term(model: ResolvedModel, entity: Entity) -> bool:
    """Whether something can be left out: neither an error nor a scale."""
    is_scale = entity.role is Role.PARAMETER and any(u.range not in (None, "real") for u in entity.uses)
    return entity.key not in residuals(model) and not is_scale


def _leavable(model: ResolvedModel, entity: Entity) -> Entity:
    """Return the entity if a model can be without it."""
    if entity.role is Role.OUTCOME:
        refuse(model.source, f"`{entity.printed}` is the outcome", entity.span, help="leave out a term of its equation")
    if entity.key in residuals(model):
        refuse(
            model.source, f"`{entity.printed}` is the error of the outcome", entity.span, help="leave out another term"
        )
    if entity.role not in _TERMS or not _is_term(model, entity):
        role = next((u.role for u in entity.uses if u.role is not None), entity.role.value)
        way = "leave out the coefficient that has it" if role != "threshold" else "leave out another term"
        refuse(model.source, f"`{entity.printed}` is a {role}, not a term", entity.span, help=way)
    if entity.role in _DATA and not any(_is_used_directly(model, use.statement) for use in entity.uses):
        users = (model.program.statements[use.statement] for use in entity.uses)
        names = [show_symbol(*model.canonical(s.left.symbol)) for s in users if isinstance(s, tree.Deterministic)]
        refuse(
            model.source,
            f"`{entity.printed}` stands in definitions alone",
            entity.span,
            help=f"leave out {one_of(names)}",
        )
    return entity


def _is_used_directly(model: ResolvedModel, position: int) -> bool:
    statement = model.program.statements[position]
    return not isinstance(statement, tree.Deterministic) or not is_from_data(model.entity(statement.left.symbol))


def _product(model: ResolvedModel, form: CompositeModel, parts: tuple[tree.Expr, ...], term: str) -> Entity:
    """Return the coefficient of a product that the composite has, written with it or by its covariates alone."""
    unknown = [p for p in parts if isinstance(p, tree.Symbol) and _symbol(model, p, term).role in _UNKNOWN]
    coefficients = {_symbol(model, p, term).printed for p in unknown}
    texts = Counter(show_expr(p, lambda s: show_symbol(*model.canonical(s))) for p in parts if p not in unknown)
    terms = [t for p in form.predictors for t in p.terms if t.coefficient is not None and t.part in ("fixed", "random")]
    same = [
        t
        for t in terms
        if Counter(c.text for c in t.covariates) == texts
        and (t.coefficient in coefficients if coefficients else t.part == "fixed")
    ]
    names = list(dict.fromkeys(str(t.coefficient) for t in same))
    if len(names) != 1 or len(coefficients) > 1:
        shown = [term_text(t) for t in terms if t.part == "fixed"]
        near = near_names(term.replace(" ", ""), shown)
        refuse(
            model.source,
            f"the composite equation has no term `{term}`" if not names else f"`{term}` may be several terms",
            help=f"do you mean {one_of(near or names)}?" if near or names else "see `model.composite` for its terms",
        )
    if sum(t.coefficient == names[0] for t in terms) > 1:
        refuse(
            model.source,
            f"`{names[0]}` stands in several terms of the composite equation",
            help=f'leave out all of them, `drop("{names[0]}")`, or write the statement anew',
        )
    entity = next(e for e in model.entities.values() if e.printed == names[0])
    return _leavable(model, entity)
