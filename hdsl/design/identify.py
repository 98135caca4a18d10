"""What cannot be estimated from these data, though the model alone allows it.

Stage: design. Input: the grouping factors with their group counts. Output: diagnostics.
"""

from __future__ import annotations

from collections.abc import Sequence

from hdsl.design.planning import TIED
from hdsl.diagnostics.record import Diagnostics
from hdsl.form.expr import show_index_set
from hdsl.form.model import CompositeModel, Term
from hdsl.plan import Column, ReTerm
from hdsl.source import Span

__all__ = ["check_factors"]


def check_factors(
    form: CompositeModel, terms: Sequence[ReTerm], counts: Sequence[int], n: int, found: Diagnostics
) -> None:
    """Report factors with one group, with as many groups as rows, and with two effects of the same covariates."""
    for term, count in zip(terms, counts, strict=True):
        name = show_index_set(term.index_set)
        if count == 1:
            message = f"`{name}` has one group only, so nothing varies between groups: take it out"
            found.error("HM415", message, _span(form, term.columns[0].symbol), help="take this level out of the model")
        elif count == n and form.row_spread is not None:
            _report_saturated(form, term, name, count, found)
        else:
            _warn_few_groups(form, term, count, found)
        _report_twins(form, term, name, found)


def _warn_few_groups(form: CompositeModel, term: ReTerm, count: int, found: Diagnostics) -> None:
    """Warn where a level has fewer groups than parameters that only its groups can tell (HM421)."""
    name = show_index_set(term.index_set)
    for block in form.blocks:
        width = len(block.effects)
        n_parameters = width * (width + 1) // 2 if block.covariance.cor else width
        if set(block.effects) <= {column.symbol for column in term.columns} and n_parameters > count:
            found.warning(
                "HM421",
                f"`{name}` has {count} groups for {n_parameters} variances and correlations: drop some effects",
                block.span,
                notes=[f"the effects are {', '.join(f'`{effect}`' for effect in block.effects)}"],
                help="drop effects, or write them apart, so that they are uncorrelated",
            )
    coefficients = _of_level(form, term)
    if any(column.is_constant for column in term.columns) and len(coefficients) >= count:
        shown = ", ".join(f"`{coefficient.coefficient}`" for coefficient in coefficients)
        found.warning(
            "HM421",
            f"`{name}` has {count} groups for {len(coefficients)} coefficients and a variance: drop some",
            coefficients[-1].spans[-1],
            notes=[f"only differences between its groups tell {shown}"],
            help="drop covariates of this level: its groups cannot tell their effects from the spread between groups",
        )


def _of_level(form: CompositeModel, term: ReTerm) -> list[Term]:
    """Return the fixed terms that are constant within the groups of a level: the intercept, and its covariates."""
    terms = (t for predictor in form.predictors[:1] for t in predictor.terms)
    fixed = [t for t in terms if t.part == "fixed" and not t.coefficient_set]
    return [t for t in fixed if all(form.determines(term.index_set, c.index_set) for c in t.covariates)]


def _report_saturated(form: CompositeModel, term: ReTerm, name: str, count: int, found: Diagnostics) -> None:
    """Report a constant effect with a group for each row: only a spread tied to the residual's tells the two apart."""
    as_residual = ", as the residual has" if form.residual is not None else ""
    for block in term.blocks:
        for k, effect in zip(block.columns, block.effects, strict=True):
            if term.columns[k].is_constant and block.theta != (TIED,):
                found.error(
                    "HM505",
                    f"`{name}` has a group for each row{as_residual}: take `{effect}` out",
                    _span(form, effect),
                    notes=[
                        f"each of the {count:,} groups has one row",
                        *([] if as_residual else [f"its effect cannot be told from {form.row_spread}"]),
                    ],
                    help=f"take `{effect}` out of the model",
                )


def _report_twins(form: CompositeModel, term: ReTerm, name: str, found: Diagnostics) -> None:
    seen: dict[frozenset[tuple[float, tuple[int, ...], int]], Column] = {}
    for column in term.columns:
        key = frozenset((p.scale, tuple(sorted(p.factors)), p.predictor) for p in column.products)
        if key in seen:
            message = (
                f"`{seen[key].symbol}` and `{column.symbol}` have the same covariates in the same groups: drop one"
            )
            sets = dict.fromkeys(_index_set(form, symbol) for symbol in (seen[key].symbol, column.symbol))
            alike = " and ".join(f"`{index_set}`" for index_set in sets)
            reason = f"{alike} group the rows of these data alike" if len(sets) > 1 else f"both vary over `{name}`"
            note = f"{reason}, so only the sum of the two effects counts"
            found.error("HM302", message, _span(form, column.symbol), notes=[note], help="drop one of the two")
        seen.setdefault(key, column)


def _index_set(form: CompositeModel, effect: str) -> str:
    return next(show_index_set(block.index_set) for block in form.blocks if effect in block.effects)


def _span(form: CompositeModel, effect: str) -> Span | None:
    return next((block.span for block in form.blocks if effect in block.effects), None)
