"""Which effects and index sets a picture is about: what was asked for, or what is sensible.

Stage: results. Input: a fit and what the user said. Output: effects, index sets. Invariant: what is not in the model is
refused by its name (HM517).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.results.effects import effect_index_sets, effect_places
from hdsl.results.plots.refusals import refusal
from hdsl.results.plots.words import columns_of, shown_set

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.form.expr import IndexSet
    from hdsl.results.fitted import FittedModel

__all__ = ["chosen_effects", "chosen_set", "effects_of", "grouping_sets", "named_set"]


def grouping_sets(design: Design) -> tuple[IndexSet, ...]:
    """Return the index sets that coefficients vary over by a distribution, those with most units first."""
    places = effect_places(design)
    counts = {s: len(design.levels[places[e][0]]) for e, s in effect_index_sets(design).items() if e in places}
    return tuple(sorted(counts, key=lambda s: -counts[s]))


def effects_of(design: Design, index_set: IndexSet) -> tuple[str, ...]:
    """Return the effects of an index set, in the order of the model."""
    places = effect_places(design)
    return tuple(e for e, s in effect_index_sets(design).items() if s == index_set and e in places)


def chosen_set(design: Design, asked: str | None) -> IndexSet:
    """Return the index set that is asked for, ``"j"``, ``"j,k"`` or by columns; the one with most units by default.

    Raises
    ------
    FitError
        HM517 where no coefficient varies, or not over that set.
    """
    sets = grouping_sets(design)
    if not sets:
        message = "no coefficient of this model varies over groups: this picture is of the groups"
        raise refusal(message, "`y[i] ~ normal(b0[j], sd)` with `b0[j] ~ normal(b0, sd_b0)` has coefficients that vary")
    if asked is None:
        return sets[0]
    found = named_set(design, asked)
    if found is not None:
        return found
    known = ", ".join(shown_set(index_set) for index_set in sets)
    raise refusal(f"no coefficient varies over {asked!r}: there are {known}", f"write one of {known}")


def named_set(design: Design, name: str) -> IndexSet | None:
    """Return the index set that coefficients vary over by its indices or columns; None if there is none."""
    wanted = frozenset(name.strip("[] ").replace(" ", "").split(","))
    for index_set in grouping_sets(design):
        if wanted in (frozenset(index_set), frozenset(_columns(design, index_set).split(","))):
            return index_set
    return None


def chosen_effects(fit: FittedModel, asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the effects that are asked for: by name, of an index set, or those of the default set.

    Raises
    ------
    FitError
        HM517 where there is no such effect.
    """
    if asked is None:
        return effects_of(fit.design, chosen_set(fit.design, None))
    names = [asked] if isinstance(asked, str) else list(asked)
    found: list[str] = []
    for name in names:
        found += _effects_named(fit, name)
    if len({effect_index_sets(fit.design)[effect] for effect in found}) > 1:
        raise refusal("effects of one picture vary over one index set: ask for one after the other", "`ranef` has all")
    return tuple(dict.fromkeys(found))


def _effects_named(fit: FittedModel, name: str) -> tuple[str, ...]:
    plain = name.replace(" ", "")
    known = {effect.replace(" ", ""): effect for effect in effect_places(fit.design)}
    if plain in known:
        return (known[plain],)
    sets = [s for s in grouping_sets(fit.design) if plain.strip("[]") in (",".join(s), _columns(fit.design, s))]
    if sets:
        return effects_of(fit.design, sets[0])
    near = near_names(name, list(known.values()))
    todo = f"did you mean {one_of(near)}?" if near else f"write one of {', '.join(known.values()) or 'none'}"
    raise refusal(f"there is no effect {name!r}: {todo}", f"effects are {', '.join(known.values()) or 'none'}")


def _columns(design: Design, index_set: IndexSet) -> str:
    return columns_of(design, index_set).replace(" ", "")
