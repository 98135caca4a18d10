"""What a kept fit consists of: one record for JSON, and arrays by name with the shapes that they must have.

Stage: results. Input: a `Design` with its rows and a `FitOutcome`. Output: a `Kept` and arrays by name; or the other
way round. Invariants: the two together are all that a fitted model reads, so a fit that comes back answers as it did;
the record implies the shape of every array, and another one is refused.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from hdsl.design.columns import Factor
from hdsl.design.record import Design
from hdsl.design.units import Units
from hdsl.diagnostics import Diagnostic
from hdsl.fit.outcome import Deferred, FitOutcome, FixedVariation
from hdsl.form.labels import Labels
from hdsl.form.records_json import from_plain, is_storable, to_plain
from hdsl.plan import Arrays, FixedSet, Plan

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Kept", "Spec", "arrays_of", "design_of", "keep", "outcome_of", "specs"]

Named = dict[str, NDArray[Any]]


@cache
def _storable_part(kind: Any) -> Any:
    """Return a record of those fields of a dataclass that JSON can hold; the others are arrays, or made from them."""
    import pandas as pd

    hints = {name: _read(hint) for name, hint in get_type_hints(kind, localns={"pd": pd}).items()}
    members = [
        (member.name, hints[member.name], field(default=member.default))
        if member.default is not MISSING
        else (member.name, hints[member.name])
        for member in fields(kind)
        if is_storable(hints[member.name])
    ]
    return make_dataclass(f"{kind.__name__}Part", members, frozen=True, kw_only=True)


def _read(hint: Any) -> Any:
    """Return the type of what a field is when it is read."""
    return get_args(hint)[0] if get_origin(hint) is Deferred else hint


def _taken(whole: Any) -> Any:
    """Return the storable part of a record."""
    whole_kind: Any = type(whole)
    kind = _storable_part(whole_kind)
    return kind(**{member.name: getattr(whole, member.name) for member in fields(kind)})


def _fields_of(part: Any) -> dict[str, Any]:
    return {member.name: getattr(part, member.name) for member in fields(part)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What arrays there are.

    Attributes
    ----------
    x_symbols : tuple of str
        As in `Arrays`.
    row_labels : tuple of str or None
        Labels of the rows as text; None where they are numbers, which are an array.
    factors : dict of str to Labels
        Labels of each index in the rows.
    offsets : tuple of bool
        Whether each predictor has an array of known parts.
    n_known : int
        Number of arrays of data that the density takes besides the outcome.
    n_variance : int
        Number of rows of the covariance of variance parameters.
    has_cross : bool
        Whether fixed effects and variance parameters have a covariance.
    n_varied : int or None
        Number of variance parameters that the covariance of the fixed effects varies with; None where it is not known.
    """

    x_symbols: tuple[str, ...]
    row_labels: tuple[str, ...] | None
    factors: dict[str, Labels[str]]
    offsets: tuple[bool, ...]
    n_known: int
    n_variance: int
    has_cross: bool
    n_varied: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A fit without its arrays: parts of its design and outcome, what arrays there are, remarks on the model text."""

    design: Any
    outcome: Any
    extent: Extent
    remarks: tuple[Diagnostic, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return what goes into JSON."""
        records = {name: to_plain(part := getattr(self, name), type(part)) for name in ("design", "outcome", "extent")}
        return {**records, "remarks": to_plain(self.remarks, tuple[Diagnostic, ...])}

    @staticmethod
    def of(plain: dict[str, Any]) -> Kept:
        """Return what JSON holds.

        Raises
        ------
        RecordError
            If it is no such record.
        """
        return Kept(
            design=from_plain(plain.get("design"), _storable_part(Design)),
            outcome=from_plain(plain.get("outcome"), _storable_part(FitOutcome)),
            extent=from_plain(plain.get("extent"), Extent),
            remarks=from_plain(plain.get("remarks", []), tuple[Diagnostic, ...]),
        )


@dataclass(frozen=True, slots=True)
class Spec:
    """What an array must be: its shape, and whether it holds whole numbers, up to which bound (exclusive)."""

    shape: tuple[int, ...]
    bound: int | None = None


def keep(
    design: Design, outcome: FitOutcome, variation: FixedVariation | None, remarks: tuple[Diagnostic, ...]
) -> Kept:
    """Return the record of a fit; `variation` is what its tests use, `remarks` are of the model text."""
    import pandas as pd

    arrays, units = design.arrays, design.units
    names = [index.name for index in design.form.indices if units is not None and index.name in units.names]
    is_numbered = pd.api.types.is_integer_dtype(design.row_labels.dtype)
    extent = Extent(
        x_symbols=arrays.x_symbols,
        row_labels=None if is_numbered else tuple(str(label) for label in design.row_labels),
        factors={n: units.label_columns((n,))[0] for n in names if n != units.row} if units is not None else {},
        offsets=tuple(offset is not None for offset in arrays.offsets),
        n_known=len(arrays.known),
        n_variance=len(outcome.variance_cov),
        has_cross=outcome.cross_cov is not None,
        n_varied=None if variation is None else len(variation.parameters),
    )
    return Kept(design=_taken(design), outcome=_taken(outcome), extent=extent, remarks=remarks)


def arrays_of(design: Design, outcome: FitOutcome, variation: FixedVariation | None, kept: Kept) -> Named:
    """Return the arrays of a fit by name."""
    arrays, units = design.arrays, design.units
    named: Named = {"y": arrays.y, "theta": outcome.theta, "beta": outcome.beta}
    named |= {"cov_beta": outcome.cov_beta, "variance_cov": outcome.variance_cov}
    for name, parts in _parts(arrays, outcome).items():
        named |= {f"{name}{place}": part for place, part in enumerate(parts) if part is not None}
    if kept.extent.row_labels is None:
        named["rows"] = design.row_labels.to_numpy()
    if outcome.cross_cov is not None:
        named["cross_cov"] = outcome.cross_cov
    if variation is not None:
        named |= {"varied_slopes": variation.slopes, "varied_parameters": variation.parameters}
    if units is not None:
        named |= {f"index_{name}": units.codes((name,)) for name in kept.extent.factors}
    return named


def _parts(arrays: Arrays, outcome: FitOutcome) -> dict[str, tuple[Any, ...]]:
    """Return what there are several of."""
    return {
        "x": arrays.x,
        "group": arrays.groups,
        "set": arrays.sets,
        "offset": arrays.offsets,
        "known": arrays.known,
        "sd": outcome.sd,
        "cor": outcome.cor,
        "modes": outcome.modes,
        "mode_cov": outcome.mode_cov,
    }


def specs(kept: Kept) -> dict[str, Spec]:
    """Return what arrays a record implies, by name."""
    plan, n, p = kept.design.plan, kept.design.n_read - kept.design.n_dropped, len(kept.design.fixed_labels)
    found = {"y": Spec((n,)), "theta": Spec((plan.n_theta,)), "beta": Spec((p,)), "cov_beta": Spec((p, p))}
    found["variance_cov"] = Spec((kept.extent.n_variance, kept.extent.n_variance))
    if kept.extent.row_labels is None:
        found["rows"] = Spec((n,), np.iinfo(np.int64).max)
    if kept.extent.n_varied is not None:
        rank = p - len(kept.outcome.aliased)
        found["varied_slopes"] = Spec((kept.extent.n_varied, rank, rank))
        found["varied_parameters"] = Spec((kept.extent.n_varied, kept.extent.n_varied))
    if kept.extent.has_cross:
        found["cross_cov"] = Spec((p, kept.extent.n_variance))
    found |= {f"x{place}": Spec((n,)) for place in range(len(kept.extent.x_symbols))}
    found |= {f"known{place}": Spec((n,)) for place in range(kept.extent.n_known)}
    found |= {f"offset{place}": Spec((n,)) for place, has_one in enumerate(kept.extent.offsets) if has_one}
    found |= {f"index_{name}": Spec((n,), len(labels)) for name, labels in kept.extent.factors.items()}
    found |= {f"set{place}": Spec((n,), width) for place, width in enumerate(_widths(plan))}
    for place, (term, labels) in enumerate(zip(plan.re_terms, kept.design.levels, strict=True)):
        q, width = len(labels), term.width
        found |= {f"group{place}": Spec((n,), q), f"sd{place}": Spec((width,)), f"cor{place}": Spec((width, width))}
        found |= {f"modes{place}": Spec((q, width)), f"mode_cov{place}": Spec((q, width, width))}
    return found


def _widths(plan: Plan) -> tuple[int, ...]:
    """Return the columns of each fixed set; a plan that data were bound to has them."""
    widths = plan.sizes.set_columns if plan.sizes is not None else ()
    if len(widths) != sum(isinstance(member, FixedSet) for member in plan.fixed):
        raise ValueError("the sizes of the plan are not those of its sets")
    return widths


def design_of(kept: Kept, named: Named) -> Design:
    """Return the design of a kept fit."""
    several = _several(named)
    arrays = Arrays(
        y=named["y"],
        x=several("x", len(kept.extent.x_symbols)),
        x_symbols=kept.extent.x_symbols,
        groups=several("group", len(kept.design.plan.re_terms)),
        sets=several("set", len(_widths(kept.design.plan))),
        offsets=tuple(named[f"offset{k}"] if has_one else None for k, has_one in enumerate(kept.extent.offsets)),
        known=several("known", kept.extent.n_known),
    )
    n = len(arrays.y)
    factors = {
        name: Factor(codes=named[f"index_{name}"], labels=labels) for name, labels in kept.extent.factors.items()
    }
    return Design(
        **_fields_of(kept.design),
        arrays=arrays,
        row_labels=_row_labels(kept, named),
        units=Units(kept.design.form.row, factors, n) if factors or not kept.design.plan.re_terms else None,
    )


def _row_labels(kept: Kept, named: Named) -> pd.Index:
    import pandas as pd

    if kept.extent.row_labels is not None:
        return pd.Index(kept.extent.row_labels)
    labels = named["rows"]
    is_range = np.array_equal(labels, np.arange(len(labels)))
    return pd.RangeIndex(len(labels)) if is_range else pd.Index(labels)


def outcome_of(kept: Kept, named: Named) -> FitOutcome:
    """Return the outcome of a kept fit."""
    count, several = len(kept.design.plan.re_terms), _several(named)
    variation = None
    if kept.extent.n_varied is not None:
        variation = FixedVariation(slopes=named["varied_slopes"], parameters=named["varied_parameters"])
    return FitOutcome(
        **_fields_of(kept.outcome),
        theta=named["theta"],
        beta=named["beta"],
        cov_beta=named["cov_beta"],
        variance_cov=named["variance_cov"],
        cross_cov=named["cross_cov"] if kept.extent.has_cross else None,
        sd=several("sd", count),
        cor=several("cor", count),
        modes=several("modes", count),
        mode_cov=several("mode_cov", count),
        fixed_variation=variation,
    )


def _several(named: Named) -> Any:
    return lambda name, count: tuple(named[f"{name}{place}"] for place in range(count))
