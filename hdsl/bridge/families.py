"""Which outcomes each system has: a row for each distribution, a column for each system.

Stage: bridge, way out. A leaf. Invariant: what is not in the table is refused; templates name the outcome's arguments
by their names in the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PYMC", "PYMC_LINKS", "RFAMILIES", "STAN", "STAN_LINKS", "Density", "RFamily"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RFamily:
    """How an R package writes a family.

    Attributes
    ----------
    family : str
        Template with the link as R calls it.
    links : mapping of str to str
        The links that it has, by our names.
    response : str
        Template of the left side of the formula.
    fit : str
        The function that fits it; empty for the package's own.
    """

    family: str
    links: Mapping[str, str]
    response: str = "{y}"
    fit: str = ""


def _links(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_BINARY = _links("logit", "probit", "cloglog", "log", "identity")
_COUNT = _links("log", "identity", "sqrt")
_POSITIVE = _links("log", "identity", "inverse")
_TWO_COLUMNS = "cbind({y}, {size} - {y})"

RFAMILIES: dict[str, dict[str, RFamily]] = {
    "lme4": {
        "normal": RFamily(family="", links=_links("identity"), fit="lmer"),
        "bernoulli": RFamily(family='binomial("{link}")', links=_BINARY, fit="glmer"),
        "binomial": RFamily(family='binomial("{link}")', links=_BINARY, response=_TWO_COLUMNS, fit="glmer"),
        "poisson": RFamily(family='poisson("{link}")', links=_COUNT, fit="glmer"),
        "negative_binomial": RFamily(family="", links=_links("log"), fit="glmer.nb"),
    },
    "glmmTMB": {
        "normal": RFamily(family='gaussian("{link}")', links=_links("identity", "log", "inverse")),
        "bernoulli": RFamily(family='binomial("{link}")', links=_links("logit", "probit", "cloglog")),
        "binomial": RFamily(
            family='binomial("{link}")', links=_links("logit", "probit", "cloglog"), response=_TWO_COLUMNS
        ),
        "poisson": RFamily(family='poisson("{link}")', links=_COUNT),
        "negative_binomial": RFamily(family='nbinom2("{link}")', links=_COUNT),
        "gamma": RFamily(family='Gamma("{link}")', links=_POSITIVE),
        "beta": RFamily(family='beta_family("{link}")', links=_links("logit", "probit", "cloglog")),
    },
    "brms": {
        "normal": RFamily(family='gaussian("{link}")', links=_POSITIVE),
        "bernoulli": RFamily(
            family='bernoulli("{link}")', links=_links("logit", "probit", "cloglog", "log", "identity")
        ),
        "binomial": RFamily(
            family='binomial("{link}")',
            links=_links("logit", "probit", "cloglog", "log", "identity"),
            response="{y} | trials({size})",
        ),
        "poisson": RFamily(family='poisson("{link}")', links=_COUNT),
        "negative_binomial": RFamily(family='negbinomial("{link}")', links=_COUNT),
        "gamma": RFamily(family='Gamma("{link}")', links=_POSITIVE),
        "beta": RFamily(family='Beta("{link}")', links=_links("logit", "probit", "cloglog")),
        "student_t": RFamily(family='student("{link}")', links=_POSITIVE),
        "lognormal": RFamily(family='lognormal("{link}")', links=_links("identity", "inverse")),
    },
}
"""Families of R's packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """How a probabilistic language writes a distribution.

    Attributes
    ----------
    template : str
        With the outcome's arguments in braces.
    is_count : bool
        Whether outcomes are integers.
    bounds : str
        Bounds of the outcome, for Stan's declarations.
    """

    template: str
    is_count: bool = False
    bounds: str = ""


STAN: dict[str, Density] = {
    "normal": Density(template="normal({mean}, {sd})"),
    "lognormal": Density(template="lognormal({meanlog}, {sdlog})", bounds="<lower=0>"),
    "student_t": Density(template="student_t({df}, {mean}, {scale})"),
    "bernoulli": Density(template="bernoulli({p})", is_count=True, bounds="<lower=0, upper=1>"),
    "binomial": Density(template="binomial({size}, {p})", is_count=True, bounds="<lower=0>"),
    "poisson": Density(template="poisson({mean})", is_count=True, bounds="<lower=0>"),
    "negative_binomial": Density(template="neg_binomial_2({mean}, {size})", is_count=True, bounds="<lower=0>"),
    "gamma": Density(template="gamma({shape}, {shape} / ({mean}))", bounds="<lower=0>"),
    "beta": Density(template="beta_proportion({mean}, {precision})", bounds="<lower=0, upper=1>"),
}
"""Densities in Stan."""

STAN_LINKS: Mapping[str, str] = {
    "identity": "{0}",
    "logit": "inv_logit({0})",
    "probit": "Phi({0})",
    "cloglog": "inv_cloglog({0})",
    "log": "exp({0})",
    "sqrt": "square({0})",
    "inverse": "inv({0})",
}
"""Inverse links in Stan."""

PYMC: dict[str, Density] = {
    "normal": Density(template="pm.Normal({y}, mu={mean}, sigma={sd}, observed={data})"),
    "lognormal": Density(template="pm.LogNormal({y}, mu={meanlog}, sigma={sdlog}, observed={data})"),
    "student_t": Density(template="pm.StudentT({y}, nu={df}, mu={mean}, sigma={scale}, observed={data})"),
    "bernoulli": Density(template="pm.Bernoulli({y}, p={p}, observed={data})", is_count=True),
    "binomial": Density(template="pm.Binomial({y}, n={size}, p={p}, observed={data})", is_count=True),
    "poisson": Density(template="pm.Poisson({y}, mu={mean}, observed={data})", is_count=True),
    "negative_binomial": Density(
        template="pm.NegativeBinomial({y}, mu={mean}, alpha={size}, observed={data})", is_count=True
    ),
    "gamma": Density(template="pm.Gamma({y}, alpha={shape}, beta={shape} / ({mean}), observed={data})"),
    "beta": Density(template="pm.Beta({y}, mu={mean}, nu={precision}, observed={data})"),
}
"""Densities in PyMC."""

PYMC_LINKS: Mapping[str, str] = {
    "identity": "{0}",
    "logit": "pm.math.invlogit({0})",
    "probit": "0.5 * (1 + pt.erf(({0}) / np.sqrt(2)))",
    "cloglog": "1 - pt.exp(-pt.exp({0}))",
    "log": "pt.exp({0})",
    "sqrt": "({0}) ** 2",
    "inverse": "1 / ({0})",
}
"""Inverse links in PyMC."""
