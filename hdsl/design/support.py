"""Refusing what is read and checked but not fitted yet, in one wording wherever it is refused.

Stage: design. Input: a composite model. Output: nothing, or an error that names every such part with its place.
"""

from __future__ import annotations

from hdsl.diagnostics.record import Diagnostics, FitError
from hdsl.form.model import CompositeModel
from hdsl.source import Span

__all__ = ["refuse_unsupported", "report_unsupported", "require_supported"]

_FITTED = "one outcome is fitted, of any distribution but `categorical`, with nested and crossed normal coefficients"

_AROUND = {
    "truncated": "`truncated` is fitted around normal, lognormal, exponential, weibull, poisson, negative_binomial",
    "censored": "`censored` is fitted around normal, lognormal, exponential, weibull",
    "zero_inflated": "`zero_inflated` is fitted around outcomes that have no values below zero, ratings excepted",
    "hurdle": "`hurdle` is fitted around outcomes that have no values below zero, ratings excepted",
}
"""What each wrapper is fitted around."""


def require_supported(form: CompositeModel) -> None:
    """Refuse a model with parts that no back end fits.

    Raises
    ------
    FitError
        HM501, one diagnostic for each such part.
    """
    if form.unsupported:
        refuse_unsupported(form)


def refuse_unsupported(form: CompositeModel, what: str = "not fitted yet") -> None:
    """Refuse what is asked of a model, naming the parts that do not allow it, or its outcome where none is known.

    Parameters
    ----------
    form : CompositeModel
    what : str
        What cannot be had: ``"no closed-form moments yet"``.

    Raises
    ------
    FitError
        HM501, one diagnostic for each part.
    """
    found = Diagnostics(form.source)
    for part in form.unsupported:
        report_unsupported(found, part.feature, part.span, what=what)
    if not form.unsupported:
        report_unsupported(found, _outcome(form), form.outcome.span, what=what, help=_LINEAR)
    raise FitError(found.sorted())


_LINEAR = "they are those of a Gaussian outcome with one linear mean and one residual standard deviation"


def _outcome(form: CompositeModel) -> str:
    """Return what makes an outcome other than a Gaussian one with one standard deviation."""
    outcome = form.outcome
    for wrapper in outcome.wrappers:
        return f"a {wrapper.replace('_', '-')} outcome"
    if outcome.distribution != "normal":
        return f"an outcome with the distribution `{outcome.distribution}`"
    if outcome.nonlinear:
        return "a mean that is not linear"
    return "a residual standard deviation that is known or differs between rows"


def report_unsupported(
    found: Diagnostics, feature: str, span: Span | None = None, *, what: str = "not fitted yet", help: str = _FITTED
) -> None:
    """Report one part that is not fitted yet (HM501); the words before the colon fit one thing and several."""
    wrapper, around, _ = feature.partition("` around `")
    found.error("HM501", f"{what}: {feature}", span, help=_AROUND.get(wrapper[1:], help) if around else help)
