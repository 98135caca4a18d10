"""The parameters of a composite model, in the order in which they are reported: roles, ranges, lines."""

from __future__ import annotations

from hdsl.form.model import CompositeModel, Parameter
from hdsl.semantics.record import Entity, ResolvedModel, Role

__all__ = ["collect_parameters"]


def collect_parameters(form: CompositeModel, model: ResolvedModel) -> tuple[Parameter, ...]:
    """Return every parameter: fixed effects and sets as the composite has them, then (co)variances, then the rest."""
    lines = {e.printed: e.span.line for e in model.entities.values()}
    found: dict[str, Parameter] = {}

    def add(name: str, role: str, range_: str, line: int) -> None:
        found.setdefault(name, Parameter(name=name, role=role, range=range_, line=line))

    scales = {e.printed for e in model.of_role(Role.UNMODELLED) if any(u.range == "positive" for u in e.uses)}
    for term in (t for predictor in form.predictors for t in predictor.terms if t.part == "fixed"):
        if term.coefficient is not None and term.coefficient not in scales:
            role = "unmodelled set" if term.coefficient_set else "fixed effect"
            add(term.coefficient, role, "real", lines.get(term.coefficient, term.lines[0]))
    for block in form.blocks:
        line = block.span.line if block.span is not None else 0
        for name in block.covariance.sd:
            add(name, "standard deviation", "positive", lines.get(name, line))
        for name in block.covariance.cor:
            add(name, "correlation", "(-1, 1)", line)
    if form.residual is not None and form.residual.sd is not None:
        add(form.residual.sd, "residual standard deviation", "positive", lines.get(form.residual.sd, 0))
    for entity in model.of_role(Role.PARAMETER, Role.UNMODELLED, Role.THRESHOLDS):
        if entity.uses:
            add(entity.printed, *_by_place(entity), lines[entity.printed])
    return tuple(found.values())


def _by_place(entity: Entity) -> tuple[str, str]:
    """Return the role and range that follow from where a parameter stands."""
    for use in entity.uses:
        if use.role is not None and use.range not in (None, "real"):
            return use.role, use.range or "real"
    return ("thresholds" if entity.role is Role.THRESHOLDS else "coefficient"), "real"
