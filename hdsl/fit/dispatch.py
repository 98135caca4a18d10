"""Which method fits a model, and its starting values by name.

Stage: fit, first step. Input: a `Design`, what the user asks for. Output: a `FitOutcome`. Invariants: a method that
does not fit the model is refused, never replaced; where Laplace's approximation is exact the method is called `ml`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from hdsl.diagnostics import Diagnostics, FitError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.form.model import CompositeModel

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["Choice", "choose_method", "fit_design", "start_values"]

Choice: TypeAlias = Literal["ml", "reml", "laplace", "agq"]

_INTO: dict[str, Callable[[float], float]] = {
    "identity": float,
    "exp": math.log,
    "invlogit": lambda p: math.log(p) - math.log1p(-p),
}
"""From the natural scale of a parameter to that of the fit, by the function that goes back."""

_SUM = "the likelihood is closed form, maximum likelihood (`ml`) or restricted (`reml`)"
_EXACT = (
    "nothing has to be approximated: maximum likelihood (`ml`), which Laplace's approximation (`laplace`) gives, too"
)
_APPROXIMATE = (
    "random effects are integrated by Laplace's approximation (`laplace`) or quadrature (`agq`, with `nodes`)"
)


def is_exact(form: CompositeModel) -> bool:
    """Whether Laplace's approximation is none: no random effect, or a Gaussian outcome with some in its mean alone."""
    outcome = form.outcome
    if not form.blocks:
        return True
    if outcome.distribution != "normal" or outcome.wrappers or outcome.nonlinear:
        return False
    spread = [p for p in form.predictors if p.argument != "mean"]
    has_random_spread = any(term.part == "random" for p in spread for term in p.terms)
    return not has_random_spread and all(p.link == "identity" for p in form.predictors if p.argument == "mean")


def is_closed(form: CompositeModel) -> bool:
    """Whether the rows are Gaussian with standard deviations of their own, so that the likelihood is closed form."""
    if form.unsupported or form.outcome.distribution != "normal":
        return False
    from hdsl.design.planning import structural_plan

    return structural_plan(form).is_weighted


def choose_method(form: CompositeModel, method: str | None, nodes: int | None) -> Choice:
    """Return the method that fits a model.

    Parameters
    ----------
    form : CompositeModel
    method : str or None
        In any case; None is maximum likelihood where that is exact, else Laplace, or quadrature if `nodes` are given.
    nodes : int or None

    Raises
    ------
    FitError
        HM507 for a method that is not for this model, and for nodes without quadrature.
    """
    allowed: tuple[str, ...]
    if form.density is None:
        allowed, what, why = ("ml", "reml"), "a Gaussian linear model", _SUM
    elif is_closed(form):
        allowed, what, why = ("ml", "reml", "laplace"), "a Gaussian model with unequal spread", _SUM
    elif is_exact(form):
        what = "a model without random effects" if not form.blocks else "a Gaussian model with unequal spread"
        allowed, why = ("ml", "laplace"), _EXACT
    else:
        shown = "this mean" if form.outcome.distribution == "normal" else f"`{form.outcome.distribution}`"
        allowed, what, why = ("laplace", "agq"), f"an outcome with {shown}", _APPROXIMATE
    implied = "agq" if nodes is not None and "agq" in allowed else allowed[0]
    chosen = implied if method is None else str(method).lower()
    if chosen not in allowed:
        raise _refused(form, f"method `{method}`", what, allowed, why)
    if nodes is not None and chosen != "agq":
        raise _refused(form, "a number of quadrature nodes", what, allowed, why)
    return chosen  # type: ignore[return-value]


def _refused(form: CompositeModel, asked: str, what: str, allowed: tuple[str, ...], why: str) -> FitError:
    found = Diagnostics(form.source)
    ways = " or ".join(f'"{name}"' for name in allowed)
    found.error("HM507", f"{asked} is not for {what}: use method={ways}", help=f"leave it out: {why}")
    return FitError(found.sorted())


def start_values(design: Design, start: Mapping[str, float]) -> dict[Any, float]:
    """Return starting values by covariance entry, ``"sigma"`` and ``("beta", column)``, scale of the fit.

    Parameters
    ----------
    design : Design
    start : mapping of str to float
        By parameter name, natural scale; any may be left out.

    Raises
    ------
    FitError
        HM506 for a value that is not finite or outside the parameter's range, HM508 for a name that is no parameter.
    """
    _check_names(design, start)
    entries: dict[Any, float] = {}
    inverses = {scalar.name: scalar.inverse for scalar in design.scalars}
    for name, value in start.items():
        if not math.isfinite(value):
            raise _no_value(design, f"the start of `{name}` is not finite: give a number, or leave it out")
        if name in design.fixed_labels and design.plan.density is not None:
            entries["beta", design.fixed_labels.index(name)] = _onto(design, name, value, inverses)
        entries |= {entry: float(value) for entry, other in design.variance_names.items() if other == name}
        if name == design.residual_name:
            entries["sigma"] = float(value)
    return entries


def _onto(design: Design, name: str, value: float, inverses: Mapping[str, str]) -> float:
    """Return a coefficient, or a parameter without an equation, on the scale of the fit."""
    try:
        return _INTO[inverses.get(name, "identity")](value)
    except ValueError:
        message = f"the start of `{name}` is {value:g}, which is outside its range"
        raise _no_value(design, message) from None


def _check_names(design: Design, start: Mapping[str, float]) -> None:
    names = {design.residual_name, *design.variance_names.values(), *design.fixed_labels} - {""}
    unknown = [name for name in start if name not in names]
    if unknown:
        found = Diagnostics(design.form.source)
        near = near_names(unknown[0], names)
        todo = f"did you mean {one_of(near)}?" if near else "name one of the model"
        message = f"`start` has no parameter `{unknown[0]}`: {todo}"
        found.error("HM508", message, help=f"parameters are {', '.join(sorted(names))}")
        raise FitError(found.sorted())


def _no_value(design: Design, message: str) -> FitError:
    found = Diagnostics(design.form.source)
    found.error("HM506", message, help="what is left out starts at a value from the data")
    return FitError(found.sorted())


def fit_design(
    design: Design, method: Choice, *, nodes: int | None = None, start: Mapping[str, float] | None = None
) -> FitOutcome:
    """Fit a model bound to data, by the method that `choose_method` gave.

    Raises
    ------
    FitError
        HM5xx.
    """
    entries = start_values(design, start) if start else None
    if method in ("ml", "reml") and design.plan.density is None:
        from hdsl.fit import fit_gaussian

        return fit_gaussian(design.plan, design.arrays, method=method, start=entries)
    if method in ("ml", "reml") and design.plan.is_weighted:
        from hdsl.fit.weighted_fit import fit_weighted

        return fit_weighted(design.plan, design.arrays, method=method, start=entries)
    from hdsl.fit.generalised import fit_generalised

    if method == "agq":
        return fit_generalised(design.plan, design.arrays, method="agq", nodes=nodes, start=entries)
    outcome = fit_generalised(design.plan, design.arrays, start=entries)
    return outcome if outcome.method == method else outcome.changed(method=method)
