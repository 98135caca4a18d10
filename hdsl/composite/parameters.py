"""The parameters of a composite model, in the order in which they are reported: roles, ranges, lines."""

from __future__ import annotations

from hdsl.form.model import CompositeModel, Parameter
from hdsl.semantics.record import ResolvedModel, Role

__all__ = ["collect_parameters"]


def collect_parameters(form: CompositeModel, model: ResolvedModel) -> tuple[Parameter, ...]:
    """Return every parameter: fixed effects in the order of the composite, sets, standard deviations, correlations, the rest."""
    lines = {e.printed: e.span.line for e in model.entities.values()}
    found: dict[str, Parameter] = {}

    def add(name: str, role: str, range_: str, line: int) -> None:
        found.setdefault(name, Parameter(name=name, role=role, range=range_, line=line))

    scales = {e.printed for e in model.of_role(Role.UNMODELLED) if any(u.range == "positive" for u in e.uses)}
    for predictor in form.predictors:
        for term in predictor.terms:
            if term.part == "fixed" and term.coefficient is not None and term.coefficient not in scales:
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
        if not entity.uses:
            continue
        use = next((u for u in entity.uses if u.role is not None and u.range not in (None, "real")), None)
        default = "thresholds" if entity.role is Role.THRESHOLDS else "coefficient"
        add(
            entity.printed,
            use.role if use is not None and use.role is not None else default,
            use.range if use is not None and use.range is not None else "real",
            lines[entity.printed],
        )
    return tuple(found.values())
