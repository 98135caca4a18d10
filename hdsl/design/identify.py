"""What cannot be estimated from these data, though the model alone allows it.

Stage: design. Input: the grouping factors with their group counts. Output: diagnostics.
"""

from __future__ import annotations

from collections.abc import Sequence

from hdsl.design.planning import TIED
from hdsl.diagnostics.record import Diagnostics
from hdsl.form.expr import show_index_set
from hdsl.form.model import CompositeModel
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
        elif count == n and form.residual is not None and form.residual.known is None:
            _report_saturated(form, term, name, count, found)
        _report_twins(form, term, name, found)


def _report_saturated(form: CompositeModel, term: ReTerm, name: str, count: int, found: Diagnostics) -> None:
    """Report a constant effect with a group for each row: only a spread tied to the residual's tells the two apart."""
    for block in term.blocks:
        for k, effect in zip(block.columns, block.effects, strict=True):
            if term.columns[k].is_constant and block.theta != (TIED,):
                found.error(
                    "HM505",
                    f"`{name}` has a group for each row, as the residual has: take `{effect}` out",
                    _span(form, effect),
                    notes=[f"each of the {count:,} groups has one row"],
                    help=f"take `{effect}` out of the model",
                )


def _report_twins(form: CompositeModel, term: ReTerm, name: str, found: Diagnostics) -> None:
    seen: dict[frozenset[tuple[float, tuple[int, ...]]], Column] = {}
    for column in term.columns:
        key = frozenset((product.scale, tuple(sorted(product.factors))) for product in column.products)
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
