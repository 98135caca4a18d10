"""Fitted values and predictions.

Stage: results. Input: a `Design`, a `FitOutcome` and what to include. Output: a pandas series, a value for each row.
Invariants: rows in the order of the data; what is not included is at zero, which for a linear model with identity link
is also its mean, so a marginal prediction is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import Diagnostic, FitError, Severity
from hdsl.results.effects import effect_index_sets, effect_places
from hdsl.results.linear import fixed_part, random_part

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome
    from hdsl.plan import Arrays

__all__ = ["Include", "check_data", "check_scale", "included_places", "linear_predictor"]

Include: TypeAlias = Literal["all"] | Sequence[str] | None
"""Which random effects: all, none, or those whose index sets lie in the indices named."""

SCALES = ("response", "link")
"""Scales of a prediction; one and the same for an identity link."""


def included_places(design: Design, include: Include) -> tuple[tuple[int, int], ...]:
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


def linear_predictor(
    design: Design, outcome: FitOutcome, arrays: Arrays, places: Collection[tuple[int, int]]
) -> NDArray[np.float64]:
    """Return ``offset + X beta + sum z_fc b_fc`` over `places`, (n,), scale of the outcome that is modelled."""
    fixed = fixed_part(design.plan, arrays, outcome.beta)
    return fixed + random_part(design.plan, arrays, outcome.modes, places)


def check_data(new: object) -> None:
    """Refuse data that are not those of the fit.

    Raises
    ------
    FitError
        HM510.
    """
    if new is not None:
        message = "predictions are made for the rows of the fit only, yet: leave `new` out"
        raise FitError([_request(message, "leave `new` out; `fit.params` and `fit.ranef` have what a formula needs")])


def check_scale(scale: str) -> None:
    """Refuse a scale that is not there.

    Raises
    ------
    FitError
        HM510.
    """
    if scale not in SCALES:
        message = f'there is no scale {scale!r}: predict on "response" or "link"'
        raise FitError([_request(message, 'write `scale="response"` or `scale="link"`')])


def _index_names(design: Design) -> dict[str, str]:
    """Map the names of indices, and their columns where no index has that name, to the names of indices."""
    names = {index.column: index.name for index in design.form.indices if index.column is not None}
    return names | {index.name: index.name for index in design.form.indices}


def _unknown_index(name: str, known: list[str]) -> Diagnostic:
    return _request(
        f"`include` names {name!r}, which is no index: write one of {', '.join(known)}",
        'write "all", None, or a list of index names: ' + ", ".join(known),
    )


def _request(message: str, way_out: str) -> Diagnostic:
    return Diagnostic(code="HM510", severity=Severity.ERROR, message=message, help=way_out)
