"""The table of distributions, links and functions that the language knows.

A leaf. A row says what the arguments of a distribution are called, in their order, which of them a linear predictor may
give, and in which range a parameter in that place lies. The language's words come from here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AGGREGATES",
    "COVARIANCES",
    "DISTRIBUTIONS",
    "FUNCTIONS",
    "LINKS",
    "WRAPPERS",
    "DistributionRow",
    "Slot",
]


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument of a distribution.

    `role` is what a bare parameter in this place is (``"standard deviation"``); `range` its range; `required` whether
    it must be given; `kind` how it is read: ``"value"`` (an expression), ``"covariance"``, ``"index"``, ``"label"``,
    ``"new name"``, ``"distribution"``.
    """

    name: str
    role: str = "coefficient"
    range: str = "real"
    required: bool = True
    kind: str = "value"


@dataclass(frozen=True, slots=True)
class DistributionRow:
    """One distribution: its arguments in order, ways to call it, and where it may stand.

    `alternatives` are other sets of argument names (``shape, rate``). `support` is the range of an outcome. `uses` are
    among ``"outcome"``, ``"coefficient"``, ``"prior"``.
    """

    name: str
    slots: tuple[Slot, ...]
    support: str
    uses: frozenset[str]
    alternatives: tuple[tuple[Slot, ...], ...] = ()
    is_joint: bool = False


_OUTCOME = frozenset({"outcome"})
_PRIOR = frozenset({"prior"})
_ANY = frozenset({"outcome", "coefficient", "prior"})

_MEAN = Slot("mean")
_POSITIVE_MEAN = Slot("mean", role="mean", range="positive")
_SD = Slot("sd", role="standard deviation", range="positive")
_SCALE = Slot("scale", role="scale", range="positive")
_SHAPE = Slot("shape", role="shape", range="positive")
_RATE = Slot("rate", role="rate", range="positive")
_SIZE = Slot("size", role="size", range="positive")
_P = Slot("p", role="probability", range="(0, 1)")
_RHO = Slot("rho", role="correlation", range="(-1, 1)")
_OVER = Slot("over", kind="index", required=False)
_LOWER = Slot("lower", required=False)
_UPPER = Slot("upper", required=False)
_INNER = Slot("distribution", kind="distribution")
_CUTS = Slot("thresholds", role="threshold", range="increasing", kind="new name")

_ROWS = (
    DistributionRow("normal", (_MEAN, _SD), "real", _ANY),
    DistributionRow(
        "mvnormal",
        (_MEAN, Slot("cov", kind="covariance"), _OVER),
        "real",
        frozenset({"outcome", "coefficient"}),
        is_joint=True,
    ),
    DistributionRow(
        "student_t", (Slot("df", role="degrees of freedom", range="positive"), _MEAN, _SCALE), "real", _ANY
    ),
    DistributionRow(
        "lognormal", (Slot("meanlog"), Slot("sdlog", role="standard deviation", range="positive")), "positive", _ANY
    ),
    DistributionRow("bernoulli", (_P,), "0 or 1", _OUTCOME),
    DistributionRow("binomial", (_SIZE, _P), "0 to size", _OUTCOME),
    DistributionRow("poisson", (_POSITIVE_MEAN,), "counts", _OUTCOME),
    DistributionRow("negative_binomial", (_POSITIVE_MEAN, _SIZE), "counts", _OUTCOME),
    DistributionRow("gamma", (_POSITIVE_MEAN, _SHAPE), "positive", _ANY, alternatives=((_SHAPE, _RATE),)),
    DistributionRow("inverse_gaussian", (_POSITIVE_MEAN, _SHAPE), "positive", _OUTCOME | _PRIOR),
    DistributionRow(
        "beta",
        (Slot("mean", role="mean", range="(0, 1)"), Slot("precision", role="precision", range="positive")),
        "(0, 1)",
        _OUTCOME | _PRIOR,
    ),
    DistributionRow("exponential", (_POSITIVE_MEAN,), "positive", _OUTCOME | _PRIOR, alternatives=((_RATE,),)),
    DistributionRow("weibull", (_SHAPE, _SCALE), "positive", _OUTCOME | _PRIOR),
    DistributionRow("half_normal", (_SCALE,), "positive", _PRIOR),
    DistributionRow("cauchy", (Slot("location"), _SCALE), "real", _PRIOR),
    DistributionRow("half_cauchy", (_SCALE,), "positive", _PRIOR),
    DistributionRow("ordered_logit", (Slot("eta"), _CUTS), "ordered categories", _OUTCOME),
    DistributionRow("ordered_probit", (Slot("eta"), _CUTS), "ordered categories", _OUTCOME),
    DistributionRow("categorical", (Slot("eta"),), "categories", _OUTCOME),
    DistributionRow("ar1", (_SD, _RHO, Slot("over", kind="index")), "real", frozenset({"coefficient"})),
    DistributionRow("flat", (Slot("ref", kind="label", required=False),), "real", frozenset({"coefficient", "prior"})),
)

DISTRIBUTIONS: dict[str, DistributionRow] = {row.name: row for row in _ROWS}
"""Every distribution by name."""

WRAPPERS: dict[str, DistributionRow] = {
    row.name: row
    for row in (
        DistributionRow("truncated", (_INNER, _LOWER, _UPPER), "", _OUTCOME | _PRIOR),
        DistributionRow("censored", (_INNER, _LOWER, _UPPER), "", _OUTCOME),
        DistributionRow("zero_inflated", (_INNER, _P), "", _OUTCOME),
        DistributionRow("hurdle", (_INNER, _P), "", _OUTCOME),
    )
}
"""Wrappers around a univariate distribution."""

COVARIANCES: dict[str, tuple[Slot, ...]] = {
    "diag": (),
    "cs": (_SD, _RHO),
    "ar1": (_SD, _RHO),
}
"""Named covariance structures of `mvnormal`; ``diag`` takes one standard deviation for each effect."""

LINKS: dict[str, str] = {
    "identity": "identity",
    "logit": "invlogit",
    "probit": "Phi",
    "cloglog": "invcloglog",
    "log": "exp",
    "sqrt": "square",
    "inverse": "inverse",
}
"""Links that may stand on the left of a statement, with the function that undoes each."""

FUNCTIONS: dict[str, int] = {
    "exp": 1,
    "log": 1,
    "log1p": 1,
    "sqrt": 1,
    "abs": 1,
    "sin": 1,
    "cos": 1,
    "tanh": 1,
    "logit": 1,
    "invlogit": 1,
    "probit": 1,
    "Phi": 1,
    "cloglog": 1,
    "invcloglog": 1,
    "min": 2,
    "max": 2,
    "step": 1,
}
"""Functions of numbers with their number of operands."""

AGGREGATES: tuple[str, ...] = ("mean", "sum", "sd", "min", "max", "count")
"""Aggregates; ``min`` and ``max`` of one operand are aggregates, of two they are functions."""
