"""What a fit has to say: convergence in words, and its warnings.

Stage: results. Input: a `Design`, a `FitOutcome` and the parameters. Output: sentences and `Diagnostic` records.
Invariant: every parameter on its boundary and every column dropped for rank is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from hdsl.diagnostics import Diagnostic, Severity
from hdsl.results.numbers import count

if TYPE_CHECKING:
    from hdsl.fit.outcome import FitOutcome
    from hdsl.fit.trouble import Kind, Trouble
    from hdsl.form.model import CompositeModel
    from hdsl.results.parameters import ParameterTable

__all__ = ["boundary_words", "fit_diagnostics", "missing_estimates", "status_message", "trouble_words"]

AT_EDGE = 1.0 - 1e-6
"""Size from which a correlation is printed as -1 or 1."""

ROUGH = 0.2
"""Standard errors by which quadrature moves an estimate where Laplace's approximation is rough."""

MOST_NAMED = 3
"""How many estimates are named that it moves."""


def boundary_words(parameters: ParameterTable) -> tuple[str, ...]:
    """Return ``"sd_u1 = 0"``, ``"cor(u0[j], u1[j]) = -1"`` for each parameter on its edge.

    Correlations that are on it together, none of them at -1 or 1, are named by what their effects have in common.
    """
    values = {entry: parameters.value(entry) for entry in parameters.outcome.boundary}
    inner = [entry for entry, value in values.items() if entry[1] != entry[2] and abs(value) < AT_EDGE]
    names = parameters.design.variance_names
    alone = dict.fromkeys(f"{names[entry]} = {_edge(value)}" for entry, value in values.items() if entry not in inner)
    scalars = (trouble_words(parameters, t).replace("`", "") for t in parameters.outcome.troubles if t.kind == "edge")
    return (*alone, *_combinations(parameters, inner), *scalars)


def _combinations(parameters: ParameterTable, entries: list[tuple[int, int, int]]) -> Iterator[str]:
    """Yield words for each covariance block that some correlations belong to: it has not full rank."""
    for factor, term in enumerate(parameters.design.plan.re_terms):
        for block in term.blocks:
            used = {place for f, *pair in entries if f == factor for place in pair}
            effects = [effect for effect, at in zip(block.effects, block.columns, strict=True) if at in used]
            if effects:
                yield f"a combination of {', '.join(effects)} has variance 0"


def status_message(parameters: ParameterTable) -> str:
    """Return how the fit ended: the optimizer's sentence, or what is on its boundary."""
    outcome = parameters.outcome
    if not parameters.boundary:
        return outcome.message
    where = f"on the boundary: {', '.join(boundary_words(parameters))}"
    if outcome.status == "not converged":
        return f"{outcome.message.rstrip('.')}; {where}"
    return f"Converged after {count(outcome.n_evaluations, 'evaluation')}, {where}"


def fit_diagnostics(parameters: ParameterTable) -> tuple[Diagnostic, ...]:
    """Return what holds of HM502 (no convergence), HM503 (boundary), HM514 (no estimate), HM516 to HM520 and HM411."""
    found = [_no_estimate(parameters, trouble) for trouble in missing_estimates(parameters)]
    if not found and parameters.outcome.status == "not converged":
        found.append(_no_convergence(parameters.outcome))
    if not found and parameters.outcome.boundary:
        found.append(_boundary(parameters))
    found += [_edge_of_scalar(parameters, trouble) for trouble in parameters.outcome.troubles if trouble.kind == "edge"]
    if parameters.outcome.monte_carlo:
        found.append(_iterated(parameters.outcome))
    if parameters.outcome.rounding:
        found.append(_rounded(parameters))
    found += _without_errors(parameters)
    found += _rough(parameters)
    design = parameters.design
    aliased = [design.fixed_labels[column] for column in parameters.outcome.aliased]
    if aliased and not any(diagnostic.code == "HM411" for diagnostic in design.diagnostics):
        found.append(_dropped(aliased, design.form))
    return tuple(found)


def missing_estimates(parameters: ParameterTable) -> tuple[Trouble, ...]:
    """Return the troubles that leave a fit without estimates, besides a search that stopped short."""
    troubles = parameters.outcome.troubles
    return tuple(t for t in troubles if not t.leaves_estimates and t.kind != "no convergence")


def trouble_words(parameters: ParameterTable, trouble: Trouble) -> str:
    """Return what is wrong, with the user's names."""
    design = parameters.design
    columns = [design.fixed_labels[column] for column in trouble.columns]
    return trouble.sentence([*columns, *dict.fromkeys(design.variance_names[entry] for entry in trouble.entries)])


def _no_estimate(parameters: ParameterTable, trouble: Trouble) -> Diagnostic:
    note, way_out = _ABOUT.get(trouble.kind) or _about_separation(trouble)
    return Diagnostic(
        code="HM514",
        severity=Severity.WARNING,
        message=trouble_words(parameters, trouble),
        notes=(note,),
        help=way_out,
    )


def _about_separation(trouble: Trouble) -> tuple[str, str]:
    grow, out = ("it grows", "it") if len(trouble.columns) == 1 else ("they grow", "one of them")
    note = f"the likelihood rises for ever as {grow}; what is printed is where the search stopped"
    if trouble.reason:
        return note, "there is nothing to model in these rows: look at how the outcome is coded"
    return note, f"leave {out} out, or join categories whose rows all have the same outcome"


_ABOUT: dict[Kind, tuple[str, str]] = {
    "undetermined": (
        "what is printed is where the search stopped",
        "take such terms out, or join categories: no row tells anything of them",
    ),
    "infinite": (
        "what is printed is where the search stopped",
        "take it out of the model, or find more data: these do not tell how large it is",
    ),
    "no top": (
        "some outcomes may be fitted exactly, or a scale may be going to 0",
        "simplify the equations, or give `start` values elsewhere",
    ),
    "no mode": (
        "the density is not log-concave, so it may have no highest point",
        "give other `start` values, or simplify the random part",
    ),
}
"""What a trouble means, and what to do about it, separation apart."""


def _edge_of_scalar(parameters: ParameterTable, trouble: Trouble) -> Diagnostic:
    return Diagnostic(
        code="HM503",
        severity=Severity.WARNING,
        message=f"on the boundary: {trouble_words(parameters, trouble)}",
        notes=("the other estimates stand; its standard error is not defined there",),
        help="a simpler distribution says the same: compare with it",
    )


def _edge(value: float) -> str:
    """Return the edge that `value` is at: 0 for a standard deviation, -1 or 1 for a correlation."""
    return "undefined" if math.isnan(value) else f"{round(value):d}"


def _no_convergence(outcome: FitOutcome) -> Diagnostic:
    is_interrupted = outcome.interrupted == "search"
    return Diagnostic(
        code="HM502",
        severity=Severity.WARNING,
        message="the fit was interrupted, its numbers are not estimates: fit again"
        if is_interrupted
        else "the fit did not converge, its numbers are not estimates: simplify the model",
        notes=(outcome.message,) if outcome.message else (),
        help="its values as `start` go on from there"
        if is_interrupted
        else "simplify the random part, rescale covariates of very different size, or give `start` values",
    )


def _boundary(parameters: ParameterTable) -> Diagnostic:
    names = parameters.boundary
    them = "its standard error is" if len(names) == 1 else "their standard errors are"
    return Diagnostic(
        code="HM503",
        severity=Severity.WARNING,
        message=f"on the boundary: {', '.join(boundary_words(parameters))}",
        notes=(f"{them} not defined there", *_certified(parameters.outcome)),
        help="the data may not support this random part: compare with the model without it",
    )


def _certified(outcome: FitOutcome) -> Iterator[str]:
    """Yield that the boundary is an optimum, where that was looked at; the slope where there is a residual's unit."""
    if math.isnan(outcome.certificate):
        return
    raises = "it is an optimum: any variance there would raise the criterion"
    if math.isnan(outcome.sigma):
        yield raises
    else:
        slope = f"{max(outcome.certificate, 0.0):.2g}"
        yield f"{raises}, first by at least {slope} for each unit, relative to the residual's"


def _iterated(outcome: FitOutcome) -> Diagnostic:
    """Return how exact a fit by iterations is."""
    return Diagnostic(
        code="HM516",
        severity=Severity.NOTE,
        message=(
            "solved by iterations: Monte-Carlo error of the variances up to "
            f"{100.0 * outcome.monte_carlo:.2g}% of a standard error"
        ),
        notes=(
            f"the log-likelihood has one of {outcome.objective_error / 2.0:.2g}"
            if outcome.objective_error
            else "the log-likelihood has none: what is left after one factor is sparse",
            "standard errors of single random effects are means over the same signs",
        ),
        help='do not compare log-likelihoods that differ by less than their errors; `crossed="exact"` has none',
    )


def _rounded(parameters: ParameterTable) -> Diagnostic:
    """Return how many digits of the log-likelihood are left where the residual is small beside the outcome."""
    form, sigma = parameters.design.form, parameters.design.residual_name
    about = 10.0 ** math.ceil(math.log10(parameters.outcome.rounding / 2.0))
    return Diagnostic(
        code="HM520",
        severity=Severity.WARNING,
        message=f"digits are lost: the log-likelihood is known to about {about:g}",
        notes=(f"`{sigma}` is so small beside what the outcome varies by that rounding shows",) if sigma else (),
        span=form.outcome.span,
        source=form.source if form.outcome.span else None,
        help="centre covariates far from zero, `year[i] - 2003`; look whether groups or covariates give the outcome",
    )


def _without_errors(parameters: ParameterTable) -> Iterator[Diagnostic]:
    """Yield that an optimum has no standard errors at all, though nothing is on an edge."""
    outcome = parameters.outcome
    if outcome.status == "converged" and not outcome.interrupted and len(parameters.kept):
        errors = np.diag(outcome.cov_beta)[parameters.kept]
        if np.isnan(errors).all():
            yield Diagnostic(
                code="HM519",
                severity=Severity.WARNING,
                message="no standard errors: the criterion is not curved upwards at the estimates",
                notes=("the search ended where a step gains nothing, but it may be no optimum, or one of many",),
                help="look for outliers, give other `start` values, simplify the model; "
                '`fit.conf_int(method="profile")` needs no curvature',
            )


def _rough(parameters: ParameterTable) -> Iterator[Diagnostic]:
    """Yield that Laplace's approximation is rough, where quadrature moves an estimate by much of its error."""
    values = parameters.by_quadrature
    if values is None:
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        shifts = np.nan_to_num((values - parameters.values) / parameters.se, posinf=0.0, neginf=0.0)
    moved = [int(place) for place in np.argsort(-np.abs(shifts)) if abs(shifts[place]) > ROUGH][:MOST_NAMED]
    if not moved:
        return
    nearby = parameters.outcome.nearby
    assert nearby is not None
    steps = ", ".join(f"`{parameters.names[place]}` by {abs(shifts[place]):.2g}" for place in moved)
    yield Diagnostic(
        code="HM518",
        severity=Severity.WARNING,
        message='Laplace\'s approximation is rough here: fit by quadrature, `method="agq"`',
        notes=(
            f"one step by quadrature with {nearby.nodes} nodes moves, in standard errors: {steps}",
            "groups have few rows, or effects that are large beside what a row can tell",
        ),
        help='`model.fit(data, method="agq", nodes=25)`, `hdsl fit --method agq --nodes 25`; '
        "enough nodes are those that more do not change",
    )


def _dropped(labels: list[str], form: CompositeModel) -> Diagnostic:
    plural = "s" if len(labels) > 1 else ""
    terms = [t for p in form.predictors for t in p.terms if t.coefficient is not None and t.coefficient in labels]
    spans = [t.spans[-1] for t in terms if t.spans]
    them = "it" if len(labels) == 1 else "them"
    return Diagnostic(
        code="HM411",
        severity=Severity.WARNING,
        message=f"column{plural} dropped for rank: {', '.join(labels)}",
        notes=(f"the columns before {them} in the composite equation span {them}",),
        span=spans[0] if spans else None,
        source=form.source if spans else None,
        help=f"take {them} out of the equation, or what says the same as {them}",
    )
