"""What cannot be identified, found on the composite without data: HM301, HM302, HM303, HM305.

A coefficient has one column, the sum of its terms; two coefficients with the same column cannot be told apart. Random
effects of one index set with the same column are one effect with the sum of their variances.
"""

from __future__ import annotations

from collections.abc import Sequence

from hdsl.composite.arguments import MAIN
from hdsl.diagnostics import Diagnostics, Label
from hdsl.form.expr import IndexSet, show_index_set
from hdsl.form.model import CompositeModel, Part, Predictor
from hdsl.semantics.record import ResolvedModel
from hdsl.source import Span

__all__ = ["check_identification"]

_Column = tuple[tuple[tuple[int, tuple[str, ...]], float], ...]
"""Products by predictor, each with its number."""


def check_identification(form: CompositeModel, model: ResolvedModel, found: Diagnostics) -> None:
    """Add to `found` an error for each pair of coefficients that the data can never tell apart."""
    spans = {e.printed: e.span for e in model.entities.values()}
    _check_fixed(form.predictors, spans, found)
    _check_random(form.predictors, form.outcome.index_set, spans, found)
    _check_row_level(form, spans, found)
    _check_thresholds(form, spans, found)


def _columns(
    predictors: Sequence[Predictor], part: Part, *, sets_only: bool = False
) -> dict[tuple[str, IndexSet], _Column]:
    """Return the column of each coefficient in all predictors, scaled so that equal ones up to a factor are equal."""
    sums: dict[tuple[str, IndexSet], dict[tuple[int, tuple[str, ...]], float]] = {}
    for number, term in ((number, term) for number, p in enumerate(predictors) for term in p.terms):
        if term.part == part and term.coefficient is not None and (term.coefficient_set or not sets_only):
            column = sums.setdefault((term.coefficient, term.coefficient_set), {})
            product = number, tuple(sorted(c.text for c in term.covariates))
            column[product] = column.get(product, 0.0) + term.scale
    scaled = {}
    for key, column in sums.items():
        items = sorted(column.items())
        scaled[key] = tuple((product, value / items[0][1]) for product, value in items)
    return scaled


def _is_intercept(column: _Column) -> bool:
    """Whether a column is 1 in one predictor, and stands in no other."""
    return len(column) == 1 and not column[0][0][1]


def _check_fixed(predictors: Sequence[Predictor], spans: dict[str, Span], found: Diagnostics) -> None:
    first: dict[tuple[_Column, IndexSet], str] = {}
    for (name, index_set), column in _columns(predictors, "fixed").items():
        other = first.setdefault((column, index_set), name)
        if other == name:
            continue
        label = (Label(span=spans[other], text=f"`{other}`"),) if other in spans else ()
        if _is_intercept(column) and not index_set:
            found.error(
                "HM301",
                f"`{other}` and `{name}` are both intercepts, only their sum counts: remove one",
                spans.get(name),
                secondary=label,
                help=f"remove `{other}` from its equation or `{name}` from its own (give it mean 0)",
            )
        else:
            shown = " + ".join("*".join(texts) or "1" for (_, texts), _ in column)
            where = f" in each `{show_index_set(index_set)}`" if index_set else ""
            found.error(
                "HM305",
                f"`{other}` and `{name}` both multiply `{shown}`{where}, only their sum counts: keep one",
                spans.get(name),
                secondary=label,
                help=f"keep one of `{other}` and `{name}`",
            )


def _check_random(predictors: Sequence[Predictor], rows: IndexSet, spans: dict[str, Span], found: Diagnostics) -> None:
    """Report two effects of the same groups with one column: both modelled, or one of them unmodelled."""
    sets = _columns(predictors, "fixed", sets_only=True)
    first = {(column, index_set): name for (name, index_set), column in sets.items()}
    unmodelled = set(first.values())
    for (name, index_set), column in _columns(predictors, "random").items():
        other = first.setdefault((column, index_set), name)
        if other == name or index_set == rows:
            continue
        what = "the unmodelled one takes up all differences" if other in unmodelled else "only the sum counts"
        found.error(
            "HM302",
            f"`{other}` and `{name}` have the same covariate for each `{show_index_set(index_set)}`: keep one",
            spans.get(name),
            secondary=(Label(span=spans[other], text=f"`{other}`"),) if other in spans else (),
            help=f"keep one of `{other}` and `{name}`: {what}",
        )


def _check_row_level(form: CompositeModel, spans: dict[str, Span], found: Diagnostics) -> None:
    """Report a random effect with a value for each row, where the outcome's own spread is all that a row shows."""
    if form.unsupported:
        return
    rows = form.outcome.index_set
    for predictor in form.predictors:
        if predictor.argument not in MAIN:
            continue
        errors = [t for t in predictor.terms if t.part == "random" and t.coefficient_set == rows and not t.covariates]
        names = [t.coefficient for t in errors if t.coefficient is not None]
        residual = form.residual
        if residual is None and form.outcome.distribution == "normal" and form.density is None:
            if len(names) > 1:
                _report_row_level(names[1], names[0], spans, found)
        elif form.row_spread is not None:
            for name in names:
                if residual is not None:
                    _report_row_level(name, residual.effect or "", spans, found, sd=residual.sd)
                else:
                    _report_one_draw(name, form, spans, found)


def _report_one_draw(name: str, form: CompositeModel, spans: dict[str, Span], found: Diagnostics) -> None:
    found.error(
        "HM303",
        f"`{name}` has a value for each row, which cannot be told from {form.row_spread}: remove it",
        spans.get(name),
        help=f"remove `{name}`, or give it the subscript of a coarser level",
    )


def _check_thresholds(form: CompositeModel, spans: dict[str, Span], found: Diagnostics) -> None:
    """Report an intercept beside thresholds (HM301): moving both changes nothing."""
    name = dict(form.outcome.scalars).get("thresholds")
    if name is None:
        return
    for (intercept, index_set), column in _columns(form.predictors, "fixed").items():
        if _is_intercept(column) and not index_set:
            found.error(
                "HM301",
                f"`{intercept}` is an intercept beside the thresholds `{name}`: remove it",
                spans.get(intercept),
                secondary=(Label(span=spans[name], text=f"`{name}`"),) if name in spans else (),
                help=f"remove `{intercept}` (give it mean 0): only the differences `{name} - {intercept}` count",
            )


def _report_row_level(
    name: str, other: str, spans: dict[str, Span], found: Diagnostics, *, sd: str | None = None
) -> None:
    shown = f"`{other}`" if other in spans or sd is None else f"with sd `{sd}`"
    found.error(
        "HM303",
        f"`{name}` has a value for each row, as the residual {shown} has: remove one",
        spans.get(name),
        secondary=(Label(span=spans[other], text="the residual"),) if other in spans else (),
        help=f"remove `{name}`, or give it the subscript of a coarser level: only the sum of the two variances counts",
    )
