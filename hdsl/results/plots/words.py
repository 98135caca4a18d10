"""What things are called in pictures: index sets by the user's columns, effects by what they are.

Stage: results. Input: a `Design`. Output: text. Invariant: names are the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.form.expr import show_index_set, show_symbol

if TYPE_CHECKING:
    from typing import Any

    from hdsl.design.record import Design
    from hdsl.form.expr import IndexSet
    from hdsl.form.model import Predictor

__all__ = ["columns_of", "count", "effect_kind", "effect_scale", "group_label", "mean_predictor", "outcome_name"]


def columns_of(design: Design, index_set: IndexSet) -> str:
    """Return the columns of an index set, as the user named them: ``"district, election"``."""
    return ", ".join(design.form.index(name).column or "row" for name in index_set)


def group_label(label: Any) -> str:
    """Return a group's label as one text."""
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def count(number: int, what: str) -> str:
    """Return ``"600 groups"``, ``"1 group"``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def effect_kind(design: Design, effect: str) -> str:
    """Return what an effect is in its predictor: ``"intercept"``, ``"slope of Days[i]"``."""
    for predictor in design.form.predictors:
        for term in predictor.terms:
            if term.part == "random" and term.coefficient == effect:
                own = [c.text for c in term.covariates]
                return f"slope of {'*'.join(own)}" if own else "intercept"
    return "coefficient"


def effect_scale(design: Design, effect: str) -> str:
    """Return the name of the predictor that an effect stands in: ``"logit(p[i])"``, ``"Reaction[i]"``."""
    for predictor in design.form.predictors:
        if any(term.coefficient == effect for term in predictor.terms):
            return predictor.name
    return outcome_name(design)


def mean_predictor(design: Design) -> Predictor:
    """Return the predictor of the mean: the first one."""
    return design.form.predictors[0]


def outcome_name(design: Design) -> str:
    """Return the outcome as it is modelled: ``"Reaction"``, ``"log(y)"``."""
    outcome = design.form.outcome
    return f"{outcome.transform}({outcome.name})" if outcome.transform else outcome.name


def shown_set(index_set: IndexSet) -> str:
    """Return ``"[j,k]"``."""
    return f"[{show_index_set(index_set)}]"


def outcome_symbol(design: Design) -> str:
    """Return ``"y[i]"``."""
    outcome = design.form.outcome
    return show_symbol(outcome.name, outcome.index_set)
