"""What is asked of a prediction: which random effects, on which scale, what of the others.

Stage: results. Input: what the user said. Output: a `Request` in positions. Invariant: what is not in the model is
refused by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from hdsl.diagnostics import Diagnostic, FitError, Severity
from hdsl.results.effects import effect_index_sets, effect_places

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["Include", "Request", "included_places", "refusal", "request"]

Include: TypeAlias = Literal["all"] | Sequence[str] | None
"""Which random effects: all, none, or those whose index sets lie in the indices named."""

Place: TypeAlias = tuple[int, int]
"""A random effect: grouping factor and column."""

SCALES = ("response", "link")
"""Scales of a prediction; one and the same for an identity link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a prediction includes.

    Attributes
    ----------
    places : tuple of (int, int)
        Effects at their conditional modes, by grouping factor and column; in a new group they are at zero.
    others : tuple of (int, int)
        The other effects.
    is_link : bool
        Whether the linear predictor is asked for, instead of the mean of the outcome.
    marginal : bool
        Whether `others`, and effects in new groups, are integrated over; else they are at zero.
    of_observation : bool
        Whether new observations are asked for, which take all data that the density takes.
    """

    places: tuple[Place, ...]
    others: tuple[Place, ...]
    is_link: bool
    marginal: bool
    of_observation: bool = False

    @property
    def factors(self) -> tuple[int, ...]:
        """Grouping factors with an included effect."""
        return tuple(sorted({factor for factor, _ in self.places}))


def request(design: Design, include: Include, scale: str, *, marginal: bool, of_observation: bool = False) -> Request:
    """Return what is asked for, in positions.

    Raises
    ------
    FitError
        HM510 for an index or a scale that is not there.
    """
    _check_scale(scale)
    places = included_places(design, include)
    others = tuple(place for place in effect_places(design).values() if place not in places)
    return Request(
        places=places, others=others, is_link=scale == "link", marginal=marginal, of_observation=of_observation
    )


def included_places(design: Design, include: Include) -> tuple[Place, ...]:
    """Return the effects that `include` asks for, as pairs of grouping factor and column.

    An index may be given by its name or by its column; an effect of ``[j,k]`` is included where both are.

    Raises
    ------
    FitError
        HM510 for a name that is no index of the model.
    """
    places = effect_places(design)
    if include is None:
        return ()
    if isinstance(include, str):
        if include == "all":
            return tuple(places.values())
        include = [include]
    names = _index_names(design)
    unknown = [name for name in include if name not in names]
    if unknown:
        raise FitError([_unknown_index(unknown[0], sorted(set(names.values())))])
    wanted = {names[name] for name in include}
    index_sets = effect_index_sets(design)
    return tuple(place for effect, place in places.items() if wanted.issuperset(index_sets[effect]))


def _check_scale(scale: str) -> None:
    """Refuse a scale that is not there.

    Raises
    ------
    FitError
        HM510.
    """
    if scale not in SCALES:
        message = f'there is no scale {scale!r}: predict on "response" or "link"'
        raise FitError([refusal(message, 'write `scale="response"` or `scale="link"`')])


def _index_names(design: Design) -> dict[str, str]:
    """Map the names of indices, and their columns where no index has that name, to the names of indices."""
    names = {index.column: index.name for index in design.form.indices if index.column is not None}
    return names | {index.name: index.name for index in design.form.indices}


def _unknown_index(name: str, known: list[str]) -> Diagnostic:
    return refusal(
        f"`include` names {name!r}, which is no index: write one of {', '.join(known)}",
        'write "all", None, or a list of index names: ' + ", ".join(known),
    )


def refusal(message: str, way_out: str) -> Diagnostic:
    """Return the diagnostic of a request that a fit cannot answer (HM510)."""
    return Diagnostic(code="HM510", severity=Severity.ERROR, message=message, help=way_out)
