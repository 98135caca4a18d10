"""The cases of the benchmark: a model in this language, the same one as a formula, and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data import (
    KB07_COLUMNS,
    ROOT,
    Loader,
    bernoulli,
    cbpp,
    contraception,
    crossed,
    example,
    grouseticks,
    kb07,
    movers,
    nested,
    reference,
    verbagg,
    voters,
)

__all__ = ["CASES", "Case"]

_LARGE = "not tried at this size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model and its data, in every program's words.

    Attributes
    ----------
    name : str
    text : str
        The model in the language.
    formula : str
        The same model for lme4, glmm and lme-python.
    family : str
        As those call it; all use Laplace's approximation where it is not ``"gaussian"``.
    load : callable
        Gives the frame, from a folder of further data or None; grouping columns are text unless they are generated.
    statsmodels : dict or str
        Its formulas, or why it cannot say the model.
    gpboost : tuple or str
        Outcome, covariates and grouping columns of a model with intercepts alone, or why it cannot say the model.
    left_out : mapping of str to str
        By program, what happened when it was given the case, for which it does not take part.
    share : float
        Rounds, as a share of those asked for: 1 is all of them.
    options : mapping
        Further arguments of hdsl's ``fit``.
    has_refits : bool
        Whether the bootstrap and profiles are timed, too.
    """

    name: str
    text: str
    formula: str
    load: Loader
    statsmodels: dict[str, Any] | str = "fits no such outcome by maximum likelihood"
    gpboost: tuple[str, tuple[str, ...], tuple[str, ...]] | str = "takes intercepts of groups and numeric covariates"
    family: str = "gaussian"
    left_out: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    has_refits: bool = False


def _kb07_model() -> str:
    def effects(letter: str, index: str) -> list[str]:
        return [f"{letter}0[{index}]", *(f"{letter}{name}[{index}]" for name in KB07_COLUMNS)]

    columns = ["", *(f"*{name}[i]" for name in KB07_COLUMNS)]
    names = [effects("u", "subj"), effects("w", "item")]
    terms = ["b0", *(f"b{name}*{name}[i]" for name in KB07_COLUMNS)]
    terms += [f"{effect}{column}" for group in names for effect, column in zip(group, columns, strict=True)]
    priors = [f"({', '.join(group)}) ~ mvnormal(0, Omega_{group[0][0]})" for group in names]
    return "\n".join([f"rt[i] ~ normal({' + '.join(terms)}, sd)", *priors, ""])


_NESTED = """
index j = g in k
index k = h
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(b0[k], sd_j)
b0[k] ~ normal(b0, sd_k)
"""

_CROSSED = """
y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h], sd)
u[g] ~ normal(0, sd_g)
v[h] ~ normal(0, sd_h)
"""

_BERNOULLI = """
y[i] ~ bernoulli(p[i])
logit(p[i]) = a[g] + b[g]*z[i]
(a[g], b[g]) ~ mvnormal((b0, b1), Omega)
"""

CASES = (
    Case(
        name="sleepstudy",
        has_refits=True,
        text="""
Reaction[i] ~ normal(b0[Subject] + b1[Subject]*Days[i], sd)
(b0[Subject], b1[Subject]) ~ mvnormal((b0, b1), Omega)
""",
        formula="Reaction ~ Days + (Days | Subject)",
        load=example("sleepstudy/sleepstudy.csv", "Subject"),
        statsmodels={"formula": "Reaction ~ Days", "groups": "Subject", "re_formula": "~Days"},
    ),
    Case(
        name="Pastes",
        has_refits=True,
        text="""
strength[i] ~ normal(b0[batch,cask], sd)
b0[batch,cask] ~ normal(b0[batch], sd_cask)
b0[batch] ~ normal(b0, sd_batch)
""",
        formula="strength ~ 1 + (1 | batch/cask)",
        load=example("pastes/pastes.csv", "batch", "cask"),
        statsmodels={
            "formula": "strength ~ 1",
            "groups": "batch",
            "re_formula": "1",
            "vc_formula": {"cask": "0 + C(cask)"},
        },
    ),
    Case(
        name="Penicillin",
        has_refits=True,
        text="""
diameter[i] ~ normal(b0 + u[plate] + v[sample], sd)
u[plate] ~ normal(0, sd_plate)
v[sample] ~ normal(0, sd_sample)
""",
        formula="diameter ~ 1 + (1 | plate) + (1 | sample)",
        load=example("penicillin/penicillin.csv", "plate", "sample"),
        gpboost=("diameter", (), ("plate", "sample")),
        statsmodels={
            "formula": "diameter ~ 1",
            "groups": "all",
            "vc_formula": {"plate": "0 + C(plate)", "sample": "0 + C(sample)"},
        },
    ),
    Case(
        name="egsingle",
        text="""
index c = childid in s
index s = schoolid
math[i] ~ normal(b0[c] + b1[c]*year[i], sd)
(b0[c], b1[c]) ~ mvnormal((b0[s], b1[s]), Omega_c)
(b0[s], b1[s]) ~ mvnormal((b0 + g0*lowinc[s], b1 + g1*lowinc[s]), Omega_s)
""",
        formula="math ~ year * lowinc + (year | childid) + (year | schoolid)",
        load=example("egsingle/egsingle.csv.gz", "childid", "schoolid"),
        statsmodels="correlated slopes on two nested levels are beyond its variance components",
    ),
    Case(
        name="Chem97",
        has_refits=True,
        text="""
index s = school in l
index l = lea
score[i] ~ normal(b0[s] + b1*gcsecnt[i], sd)
b0[s] ~ normal(b0[l], sd_s)
b0[l] ~ normal(b0, sd_l)
""",
        formula="score ~ gcsecnt + (1 | school) + (1 | lea)",
        load=reference("Chem97.csv.gz", "school", "lea"),
        statsmodels="not tried: its components are dense within the groups of the coarsest factor",
        gpboost=("score", ("gcsecnt",), ("school", "lea")),
    ),
    Case(
        name="InstEval",
        text="""
y[i] ~ normal(b0 + b1*service[i] + u[s] + v[d] + w[dept], sd)
u[s] ~ normal(0, sd_s)
v[d] ~ normal(0, sd_d)
w[dept] ~ normal(0, sd_dept)
""",
        formula="y ~ service + (1 | s) + (1 | d) + (1 | dept)",
        load=example("insteval/insteval.csv.gz", "s", "d", "dept"),
        statsmodels="not tried: crossed factors make one dense group of all rows",
        gpboost=("y", ("service",), ("s", "d", "dept")),
        left_out={"lme-python": "no result within 120 s"},
        share=0.5,
    ),
    Case(
        name="nested 1M",
        text=_NESTED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=nested(1_000_000, 100_000, 2_000),
        statsmodels="not tried at this size",
        gpboost=("y", ("x",), ("g", "h")),
        left_out={"lme-python": "aborts: it asks for 80 GB"},
        share=0.34,
    ),
    Case(
        name="nested 10M",
        text=_NESTED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=nested(10_000_000, 1_000_000, 20_000),
        statsmodels="not tried at this size",
        left_out={"lme4": _LARGE, "lme-python": _LARGE, "gpboost": _LARGE},
        share=0.12,
    ),
    Case(
        name="crossed 1M",
        text=_CROSSED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=crossed(1_000_000, 50_000, 5_000),
        statsmodels="not tried at this size",
        gpboost=("y", ("x",), ("g", "h")),
        left_out={"lme4": _LARGE, "lme-python": _LARGE, "gpboost": _LARGE},
        options={"crossed": "exact"},
        share=0.12,
    ),
    Case(
        name="crossed 1M, iterative",
        text=_CROSSED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=crossed(1_000_000, 50_000, 5_000),
        statsmodels="not tried at this size",
        gpboost=("y", ("x",), ("g", "h")),
        left_out={"lme4": _LARGE, "lme-python": _LARGE, "gpboost": _LARGE},
        options={"crossed": "iterative"},
        share=0.12,
    ),
    Case(
        name="crossed 2M",
        text=_CROSSED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=crossed(2_000_000, 200_000, 50_000),
        statsmodels="not tried at this size",
        left_out=dict.fromkeys(("glmm", "lme4", "lme-python"), "a dense factor of 50,000 columns is 20 GB"),
        share=0.12,
    ),
    Case(
        name="movers 1M",
        text=_CROSSED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=movers(200_000, 20_000, 5, 0.02),
        statsmodels="not tried at this size",
        gpboost=("y", ("x",), ("g", "h")),
        left_out=dict.fromkeys(("glmm", "lme4", "lme-python"), _LARGE),
        share=0.12,
    ),
    Case(
        name="kb07 maximal",
        text=_kb07_model(),
        formula="rt ~ {0} + (1 + {0} | subj) + (1 + {0} | item)".format(" + ".join(KB07_COLUMNS)),
        load=kb07,
        statsmodels="correlated coefficients of two crossed factors are beyond it",
        left_out={"lme4": "no result within 400 s"},
        share=0.12,
    ),
    Case(
        name="cbpp",
        has_refits=True,
        text="""
incidence[i] ~ binomial(size[i], p[i])
logit(p[i]) = b0[herd] + b_period[period]
b0[herd] ~ normal(b0, sd_herd)
b_period[period] ~ flat()
""",
        formula="cbind(incidence, healthy) ~ period + (1 | herd)",
        family="binomial",
        load=cbpp,
    ),
    Case(
        name="VerbAgg",
        text="""
r2[i] ~ bernoulli(p[i])
logit(p[i]) = b0 + b1*Anger[i] + b_g[Gender] + b_b[btype] + b_s[situ] + b_m[mode] + u[id] + v[item]
u[id] ~ normal(0, sd_id)
v[item] ~ normal(0, sd_item)
b_g[Gender] ~ flat()
b_b[btype] ~ flat()
b_s[situ] ~ flat()
b_m[mode] ~ flat()
""",
        formula="r2 ~ Anger + Gender + btype + situ + mode + (1 | id) + (1 | item)",
        family="binomial",
        load=verbagg,
    ),
    Case(
        name="Contraception",
        has_refits=True,
        text="""
use[i] ~ bernoulli(p[i])
logit(p[i]) = a[district] + b[district]*urban[i] + b1*age[i] + b2*age2[i] + b3*livch1[i] + b4*livch2[i] + b5*livch3[i]
(a[district], b[district]) ~ mvnormal((b0, b6), Omega)
""",
        formula="use ~ urban + age + age2 + livch1 + livch2 + livch3 + (urban | district)",
        family="binomial",
        load=contraception,
    ),
    Case(
        name="grouseticks",
        text="""
TICKS[i] ~ poisson(mu[i])
log(mu[i]) = b0 + b1*cHEIGHT[i] + b_y[YEAR] + u[BROOD] + v[INDEX] + w[LOCATION]
u[BROOD] ~ normal(0, sd_brood)
v[INDEX] ~ normal(0, sd_index)
w[LOCATION] ~ normal(0, sd_location)
b_y[YEAR] ~ flat()
""",
        formula="TICKS ~ cHEIGHT + YEAR + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)",
        family="poisson",
        load=grouseticks,
    ),
    Case(
        name="voting",
        text=(ROOT / "examples" / "voting" / "model.hm").read_text(encoding="utf-8").replace('"1"', '"bracket 1"'),
        formula="y ~ Age + Female + Income + Municipality + Parties + Seats + (1 | election/district)",
        family="binomial",
        load=voters,
        share=0.5,
    ),
    Case(
        name="Bernoulli 100k",
        text=_BERNOULLI,
        formula="y ~ z + (z | g)",
        family="binomial",
        load=bernoulli(100_000, 5_000),
        share=0.34,
    ),
    Case(
        name="Bernoulli 1M",
        text=_BERNOULLI,
        formula="y ~ z + (z | g)",
        family="binomial",
        load=bernoulli(1_000_000, 20_000),
        left_out={"lme4": _LARGE, "lme-python": _LARGE},
        share=0.12,
    ),
)
