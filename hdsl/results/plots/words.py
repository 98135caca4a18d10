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

__all__ = [
    "columns_of",
    "count",
    "effect_kind",
    "effect_scale",
    "effect_unit",
    "group_label",
    "mean_name",
    "mean_predictor",
    "outcome_name",
    "outcome_symbol",
    "shown_set",
    "tick_label",
]

LONGEST = 32
"""Characters of a label beside an axis."""


def columns_of(design: Design, index_set: IndexSet) -> str:
    """Return the columns of an index set, as the user named them: ``"district, election"``."""
    return ", ".join(design.form.index(name).column or "row" for name in index_set)


def group_label(label: Any) -> str:
    """Return a group's label as one text."""
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def tick_label(group: str) -> str:
    """Return a group's label as it stands beside an axis, cut where it would leave no room for what is drawn."""
    return group if len(group) <= LONGEST else f"{group[: LONGEST - 2]}.."


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


def effect_unit(design: Design, effect: str) -> str:
    """Return the scale of an effect with its unit: ``"scale of Reaction[i]"``, ``"Reaction[i] per Days[i]"``."""
    kind, scale = effect_kind(design, effect), effect_scale(design, effect)
    is_slope = kind.startswith("slope of ")
    return f"{scale} per {kind.removeprefix('slope of ')}" if is_slope else f"scale of {scale}"


def effect_scale(design: Design, effect: str) -> str:
    """Return the name of the predictor that an effect stands in: ``"logit(p[i])"``, ``"Reaction[i]"``."""
    for predictor in design.form.predictors:
        if any(term.coefficient == effect for term in predictor.terms):
            return predictor.name
    return outcome_name(design)


def mean_predictor(design: Design) -> Predictor:
    """Return the predictor of the mean: the first one."""
    return design.form.predictors[0]


def mean_name(design: Design, scale: str = "response") -> str:
    """Return what is predicted, in words: ``"mean of Reaction"``, ``"probability of y"``, ``"logit(p[i])"``."""
    if scale == "link":
        return mean_predictor(design).name
    distribution = design.form.outcome.distribution
    if distribution == "bernoulli":
        return f"probability of {outcome_name(design)} = 1"
    what = "probability" if distribution == "binomial" or distribution.startswith("ordered") else "mean"
    return f"{what} of {outcome_name(design)}"


def share_name(design: Design) -> str:
    """Return what the share of ones is called: ``"share of y = 1"``."""
    is_one = design.form.outcome.distribution == "bernoulli"
    return f"share of {outcome_name(design)}{' = 1' if is_one else ''}"


def capital(text: str) -> str:
    """Return a text that begins with a capital letter, but for a symbol, which stays."""
    return text[:1].upper() + text[1:] if text.split(" ", 1)[0].isalpha() else text


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
