"""Likelihood-ratio tests between fits: which are valid, their statistic, what it is compared with.

Input: fits of nested models to the same rows. Output: a `Comparison`. Invariants: fits that are not comparable are
refused with the reasons; a variance at zero lies on its boundary, and the test says what it does about that.

References
----------
Self and Liang (1987), Journal of the American Statistical Association 82, 605-610; Stram and Lee (1994), Biometrics
50, 1171-1177: one variance more, with q covariances, gives chi-squared with q and q + 1 degrees of freedom in equal
parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from textwrap import wrap
from typing import TYPE_CHECKING

from hdsl.algebra.compare import difference
from hdsl.diagnostics import Diagnostic, FitError, Severity
from hdsl.form.model import CompositeModel
from hdsl.results.numbers import p_value
from hdsl.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.algebra.difference import ModelDifference
    from hdsl.results import FittedModel

__all__ = ["Comparison", "compare", "mixture_tail"]

STOPPED_SHORT = 1e-4
"""How much lower the log-likelihood of the larger model may be, for rounding."""


WIDTH = 80
"""Columns of a comparison as text."""

FORMATS = {"df": "{:.0f}"}
"""How the columns of a comparison print, others with three decimals."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Likelihood-ratio tests between fits, smallest model first.

    Attributes
    ----------
    table : DataFrame
        A row for each fit: `dof`, `loglik`, `deviance`, `aic`, `bic`; and of its test against the fit before it:
        `chi2`, `df`, `p`.
    restrictions : tuple of tuple of str
        For each test what makes the larger model the smaller: ``("b4 = 0",)``, ``("sd(u1[j]) = 0",)``.
    references : tuple of str
        For each test the distribution that the statistic is compared with, in words.
    """

    table: pd.DataFrame
    restrictions: tuple[tuple[str, ...], ...]
    references: tuple[str, ...]

    @property
    def p(self) -> float:
        """The p-value of the last test, the only one between two fits."""
        return float(self.table["p"].iloc[-1])

    def __str__(self) -> str:
        shown = self.table.copy().astype(object)
        for name in self.table.columns[1:]:
            form = FORMATS.get(name, "{:.3f}")
            shown[name] = ["" if math.isnan(value) else form.format(value) for value in self.table[name]]
        shown["p"] = ["" if math.isnan(value) else p_value(value) for value in self.table["p"]]
        lines = [shown.to_string()]
        for (small, large), restrictions, words in zip(
            pairwise(self.table.index), self.restrictions, self.references, strict=True
        ):
            lines += ["", *_wrapped(f"{small} is {large} with {', '.join(restrictions)}")]
            lines += _wrapped(f"compared with {words}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fit, as models are compared."""

    source: Source
    form: CompositeModel


def compare(*fits: FittedModel, bootstrap: int = 0, seed: int | None = None) -> Comparison:
    """Test fits of nested models against one another by their likelihoods.

    Parameters
    ----------
    *fits : FittedModel
        Two or more, in any order.
    bootstrap : int
        Replicates of the parametric bootstrap of each test: outcomes are drawn from the smaller fit, and both models
        are fitted to each. The p-value is then the share of statistics that are as large, whatever their distribution.
    seed : int, optional
        Of the bootstrap.

    Returns
    -------
    Comparison
        With a table that also has AIC and BIC; prints. A test with one variance at zero has the mixture of two
        chi-squared distributions as reference; with several, p is that of the one with most degrees of freedom, which
        is too large rather than too small, and the words say so.

    Raises
    ------
    FitError
        HM510 where no such test is valid: models that are not nested, other rows or outcomes, different criteria, REML
        with different fixed parts, a fit that did not converge; every reason is named.
    """
    import pandas as pd

    if len(fits) < 2:
        raise _refusal("a comparison takes two fits or more", "write `hdsl.compare(fit1, fit2)`")
    ordered = sorted(fits, key=lambda fit: fit.dof)
    differences = [_difference(small, large) for small, large in pairwise(ordered)]
    tests = [_test(small, large, d) for (small, large), d in zip(pairwise(ordered), differences, strict=True)]
    if bootstrap:
        pairs = zip(pairwise(ordered), tests, strict=True)
        tests = [_bootstrapped(small, large, test, bootstrap, seed) for (small, large), (test, _) in pairs]
    columns = ("dof", "loglik", "deviance", "aic", "bic")
    table = pd.DataFrame([[getattr(fit, name) for name in columns] for fit in ordered], columns=list(columns))
    blank = (float("nan"),) * 3
    table[["chi2", "df", "p"]] = [blank, *(test for test, _ in tests)]
    table.index = pd.Index(_names(ordered), name="model")
    return Comparison(
        table=table,
        restrictions=tuple(d.restrictions for d in differences),
        references=tuple(words for _, words in tests),
    )


def _names(fits: Sequence[FittedModel]) -> list[str]:
    """Return the names of the models' files, or numbers where they are not distinct."""
    names = [PurePath(fit.design.form.source.name).name for fit in fits]
    distinct = len(set(names)) == len(names) and not any(name.startswith("<") for name in names)
    return names if distinct else [f"model {number}" for number in range(1, len(fits) + 1)]


def _difference(small: FittedModel, large: FittedModel) -> ModelDifference:
    """Return the difference of two models, the smaller first; refuse where it allows no test."""
    a, b = (_Fitted(fit.design.form.source, fit.design.form) for fit in (small, large))
    found = difference(a, b, (small.design, large.design))
    if found.relation == "b in a":
        found = found.swapped()
    why = [*_why_not(small, large), *_why_not_nested(found, small.method)]
    if why:
        raise _refusal(f"no likelihood-ratio test is valid: {why[0]}", _way_out(small, large, found), *why[1:])
    return found


def _why_not(small: FittedModel, large: FittedModel) -> list[str]:
    why = []
    criteria = {small.method, large.method}
    if len(criteria - {"ml"}) > 1 or criteria == {"ml", "reml"}:  # ml is what the others approximate
        why.append(f"one fit is by {small.method.upper()}, the other by {large.method.upper()}")
    if len({small.outcome.nodes, large.outcome.nodes} - {None}) > 1:
        why.append("the fits have different numbers of quadrature nodes")
    if not (small.converged and large.converged):
        why.append("a fit did not converge")
    return why


def _why_not_nested(found: ModelDifference, method: str) -> list[str]:
    if found.relation == "same":
        return ["the models are the same"]
    reasons = [reason.sentence for reason in found.why_not_nested]
    return [*(found.test.why_not_reml if method == "reml" else found.test.why_not_ml), *reasons]


def _way_out(small: FittedModel, large: FittedModel, found: ModelDifference) -> str:
    if found.relation == "not nested":
        return "AIC and BIC compare models that are not nested, where rows, outcome and criterion are the same"
    if small.method == large.method == "reml" and found.test.ml:
        return 'fit both with method="ml"'
    return "`hdsl diff` says what differs between two models, and which tests are valid"


def _test(small: FittedModel, large: FittedModel, found: ModelDifference) -> tuple[tuple[float, float, float], str]:
    """Return statistic, degrees of freedom and p-value, and the reference in words."""
    statistic = small.deviance - large.deviance
    if statistic < -STOPPED_SHORT:
        raise _refusal(
            f"the larger model has the lower likelihood, by {-statistic / 2.0:.2g}: its fit stopped at a local optimum",
            "fit it again from other `start` values",
        )
    statistic, df = max(statistic, 0.0), found.test.df
    assert df is not None  # data are bound
    mixture = found.test.mixture or ((1.0, df),)
    return (statistic, float(df), mixture_tail(statistic, mixture)), found.test.reference


def _bootstrapped(
    small: FittedModel, large: FittedModel, test: tuple[float, float, float], n: int, seed: int | None
) -> tuple[tuple[float, float, float], str]:
    """Return a test with the p-value of its bootstrap; replicates that one of the models could not fit do not count."""
    from hdsl.results.inference.bootstrap import ratios

    found, known_seed = ratios(small, large, n, seed)
    if len(found) < n / 2:
        raise _refusal(f"only {len(found):,} of {n:,} replicates could be fitted", "simplify the larger model")
    statistic, df, _ = test
    p = (1.0 + float((found >= statistic - STOPPED_SHORT).sum())) / (len(found) + 1.0)
    words = f"{len(found):,} bootstrap replicates of the smaller model, seed {known_seed}"
    failed = n - len(found)
    return (statistic, df, p), words + (f"; {failed:,} more failed" if failed else "")


def mixture_tail(statistic: float, mixture: Sequence[tuple[float, int]]) -> float:
    """Return the tail of a mixture of chi-squared distributions, given by weights and degrees of freedom.

    Zero degrees of freedom are a point at zero.
    """
    from scipy.special import chdtrc

    tails = (float(statistic <= 0.0) if df == 0 else float(chdtrc(df, statistic)) for _, df in mixture)
    return sum(weight * tail for (weight, _), tail in zip(mixture, tails, strict=True))


def _refusal(message: str, help: str, *notes: str) -> FitError:
    return FitError([Diagnostic(code="HM510", severity=Severity.ERROR, message=message, help=help, notes=notes)])
