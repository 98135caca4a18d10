"""The cases of the benchmark: a model in this language, the same one as a formula, and its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["CASES", "Case", "Missing"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
REFERENCE = ROOT / "tests" / "reference" / "data"


class Missing(Exception):  # noqa: N818 - a signal to the caller, which prints it
    """The data of a case are not here."""


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
    beyond : str
        What happened when lme-python was given the case; empty where it takes part.
    share : float
        Rounds, as a share of those asked for: 1 is all of them.
    alone : str
        Why other programs are not run; empty where they are.
    """

    name: str
    text: str
    formula: str
    load: Callable[[Path | None], pd.DataFrame]
    statsmodels: dict[str, Any] | str = "fits no such outcome by maximum likelihood"
    gpboost: tuple[str, tuple[str, ...], tuple[str, ...]] | str = "takes intercepts of groups and numeric covariates"
    family: str = "gaussian"
    beyond: str = ""
    share: float = 1.0
    alone: str = ""


def _table(path: Path, *groups: str) -> Callable[[Path | None], pd.DataFrame]:
    """Return what reads a table of the repository with its grouping columns as text."""

    def load(folder: Path | None) -> pd.DataFrame:
        return pd.read_csv(path, dtype=dict.fromkeys(groups, "str"))

    return load


def _nested(rows: int, fine: int, coarse: int) -> Callable[[Path | None], pd.DataFrame]:
    """Return what draws a nested design: rows in `fine` groups in `coarse` groups, integer codes."""

    def load(folder: Path | None) -> pd.DataFrame:
        generator = np.random.default_rng(1)
        parent = generator.integers(0, coarse, fine)
        g, x = generator.integers(0, fine, rows), generator.normal(size=rows)
        effects = 0.7 * generator.normal(size=fine)[g] + 0.5 * generator.normal(size=coarse)[parent[g]]
        y = 1.0 + 0.5 * x + effects + generator.normal(size=rows)
        return pd.DataFrame({"y": y, "x": x, "g": g, "h": parent[g]})

    return load


def _crossed(rows: int, first: int, second: int) -> Callable[[Path | None], pd.DataFrame]:
    """Return what draws a crossed design: each row in one of `first` and one of `second` groups, integer codes."""

    def load(folder: Path | None) -> pd.DataFrame:
        generator = np.random.default_rng(2)
        g, h = generator.integers(0, first, rows), generator.integers(0, second, rows)
        x = generator.normal(size=rows)
        effects = 0.5 * generator.normal(size=first)[g] + 0.4 * generator.normal(size=second)[h]
        return pd.DataFrame({"y": 1.0 + 0.5 * x + effects + generator.normal(size=rows), "x": x, "g": g, "h": h})

    return load


def _movers(pupils: int, teachers: int, years: int, moving: float) -> Callable[[Path | None], pd.DataFrame]:
    """Return what draws pupils who keep their teacher for some years, but for a few who move."""

    def load(folder: Path | None) -> pd.DataFrame:
        generator = np.random.default_rng(3)
        pupil = np.repeat(np.arange(pupils), years)
        teacher = np.repeat(generator.integers(0, teachers, pupils), years)
        moves = generator.random(len(pupil)) < moving
        teacher[moves] = generator.integers(0, teachers, int(moves.sum()))
        x = generator.normal(size=len(pupil))
        effects = 0.7 * generator.normal(size=pupils)[pupil] + 0.5 * generator.normal(size=teachers)[teacher]
        y = 1.0 + 0.5 * x + effects + generator.normal(size=len(pupil))
        return pd.DataFrame({"y": y, "x": x, "g": pupil, "h": teacher})

    return load


def _bernoulli(rows: int, groups: int) -> Callable[[Path | None], pd.DataFrame]:
    """Return what draws a binary outcome whose intercept and slope vary by group, integer codes."""

    def load(folder: Path | None) -> pd.DataFrame:
        generator = np.random.default_rng(4)
        g, z = generator.integers(0, groups, rows), generator.normal(size=rows)
        u = generator.multivariate_normal([0.0, 0.0], [[0.6, 0.15], [0.15, 0.3]], groups)
        eta = -0.3 + 0.5 * z + u[g, 0] + u[g, 1] * z
        return pd.DataFrame({"y": (generator.random(rows) < 1.0 / (1.0 + np.exp(-eta))).astype(int), "z": z, "g": g})

    return load


def _from_folder(name: str, *groups: str) -> Callable[[Path | None], pd.DataFrame]:
    """Return what reads a table that the repository does not hold, its grouping columns as text."""

    def load(folder: Path | None) -> pd.DataFrame:
        path = folder / name if folder is not None else None
        if path is None or not path.is_file():
            raise Missing(f"needs --data with a folder that holds {name}")
        return pd.read_csv(path, dtype=dict.fromkeys(groups, "str"))

    return load


def _cbpp(folder: Path | None) -> pd.DataFrame:
    """Return the cases of a cattle disease, those that stayed healthy as a column."""
    frame = _from_folder("cbpp.csv", "herd", "period")(folder)
    return frame.assign(healthy=frame["size"] - frame["incidence"], period="p" + frame["period"])


def _ticks(folder: Path | None) -> pd.DataFrame:
    """Return counts of ticks on grouse chicks."""
    frame = _from_folder("grouseticks.csv", "BROOD", "INDEX", "LOCATION", "YEAR")(folder)
    return frame.assign(YEAR="y" + frame["YEAR"])


def _contraception(folder: Path | None) -> pd.DataFrame:
    """Return the Bangladesh fertility survey, codes as numbers."""
    frame = _from_folder("Contraception.csv", "district")(folder)
    codes = {f"livch{k}": (frame["livch"] == name).astype(float) for k, name in ((1, "1"), (2, "2"), (3, "3+"))}
    urban = (frame["urban"] == "Y").astype(float)
    return frame.assign(use=(frame["use"] == "Y").astype(int), urban=urban, age2=frame["age"] ** 2, **codes)


def _verbagg(folder: Path | None) -> pd.DataFrame:
    """Return answers to questions on verbal aggression, yes and perhaps against no."""
    frame = _from_folder("VerbAgg.csv.gz", "id", "item")(folder)
    return frame.assign(r2=(frame["r2"] == "Y").astype(int))


def _kb07(folder: Path | None) -> pd.DataFrame:
    """Return the response times of Kronmueller and Barr (2007), condition codes and their products as columns."""
    path = folder / "kb07.csv" if folder is not None else None
    if path is None or not path.is_file():
        raise Missing("needs --data with a folder that holds kb07.csv")
    frame = pd.read_csv(path).rename(columns={"rt_trunc": "rt", "spkr": "S", "prec": "P", "load": "L"})
    S, P, L = (frame[name].to_numpy(dtype=float) for name in "SPL")
    return frame.assign(S=S, P=P, L=L, SP=S * P, SL=S * L, PL=P * L, SPL=S * P * L)


_KB07_COLUMNS = ("S", "P", "L", "SP", "SL", "PL", "SPL")


def _kb07_model() -> str:
    def effects(letter: str, index: str) -> list[str]:
        return [f"{letter}0[{index}]", *(f"{letter}{name}[{index}]" for name in _KB07_COLUMNS)]

    columns = ["", *(f"*{name}[i]" for name in _KB07_COLUMNS)]
    names = [effects("u", "subj"), effects("w", "item")]
    terms = ["b0", *(f"b{name}*{name}[i]" for name in _KB07_COLUMNS)]
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
        text="""
Reaction[i] ~ normal(b0[Subject] + b1[Subject]*Days[i], sd)
(b0[Subject], b1[Subject]) ~ mvnormal((b0, b1), Omega)
""",
        formula="Reaction ~ Days + (Days | Subject)",
        load=_table(EXAMPLES / "sleepstudy" / "sleepstudy.csv", "Subject"),
        statsmodels={"formula": "Reaction ~ Days", "groups": "Subject", "re_formula": "~Days"},
    ),
    Case(
        name="Pastes",
        text="""
strength[i] ~ normal(b0[batch,cask], sd)
b0[batch,cask] ~ normal(b0[batch], sd_cask)
b0[batch] ~ normal(b0, sd_batch)
""",
        formula="strength ~ 1 + (1 | batch/cask)",
        load=_table(EXAMPLES / "pastes" / "pastes.csv", "batch", "cask"),
        statsmodels={
            "formula": "strength ~ 1",
            "groups": "batch",
            "re_formula": "1",
            "vc_formula": {"cask": "0 + C(cask)"},
        },
    ),
    Case(
        name="Penicillin",
        text="""
diameter[i] ~ normal(b0 + u[plate] + v[sample], sd)
u[plate] ~ normal(0, sd_plate)
v[sample] ~ normal(0, sd_sample)
""",
        formula="diameter ~ 1 + (1 | plate) + (1 | sample)",
        load=_table(EXAMPLES / "penicillin" / "penicillin.csv", "plate", "sample"),
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
        load=_table(EXAMPLES / "egsingle" / "egsingle.csv.gz", "childid", "schoolid"),
        statsmodels="correlated slopes on two nested levels are beyond its variance components",
    ),
    Case(
        name="Chem97",
        text="""
index s = school in l
index l = lea
score[i] ~ normal(b0[s] + b1*gcsecnt[i], sd)
b0[s] ~ normal(b0[l], sd_s)
b0[l] ~ normal(b0, sd_l)
""",
        formula="score ~ gcsecnt + (1 | school) + (1 | lea)",
        load=_table(REFERENCE / "Chem97.csv.gz", "school", "lea"),
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
        load=_table(EXAMPLES / "insteval" / "insteval.csv.gz", "s", "d", "dept"),
        statsmodels="not tried: crossed factors make one dense group of all rows",
        gpboost=("y", ("service",), ("s", "d", "dept")),
        beyond="no result within 120 s",
        share=0.5,
    ),
    Case(
        name="nested 1M",
        text=_NESTED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=_nested(1_000_000, 100_000, 2_000),
        statsmodels="not tried at this size",
        gpboost=("y", ("x",), ("g", "h")),
        beyond="aborts: it asks for 80 GB",
        share=0.34,
    ),
    Case(
        name="nested 10M",
        text=_NESTED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=_nested(10_000_000, 1_000_000, 20_000),
        statsmodels="not tried at this size",
        alone="not tried at this size",
        share=0.12,
    ),
    Case(
        name="crossed 1M",
        text=_CROSSED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=_crossed(1_000_000, 50_000, 5_000),
        statsmodels="not tried at this size",
        gpboost=("y", ("x",), ("g", "h")),
        beyond="not tried at this size",
        share=0.12,
    ),
    Case(
        name="crossed 2M",
        text=_CROSSED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=_crossed(2_000_000, 200_000, 50_000),
        statsmodels="not tried at this size",
        alone="a dense factor of 50,000 columns is 20 GB",
        share=0.12,
    ),
    Case(
        name="movers 1M",
        text=_CROSSED,
        formula="y ~ x + (1 | g) + (1 | h)",
        load=_movers(200_000, 20_000, 5, 0.02),
        statsmodels="not tried at this size",
        gpboost=("y", ("x",), ("g", "h")),
        alone="not tried at this size",
        share=0.12,
    ),
    Case(
        name="kb07 maximal",
        text=_kb07_model(),
        formula="rt ~ {0} + (1 + {0} | subj) + (1 + {0} | item)".format(" + ".join(_KB07_COLUMNS)),
        load=_kb07,
        statsmodels="correlated coefficients of two crossed factors are beyond it",
        share=0.12,
    ),
    Case(
        name="cbpp",
        text="""
incidence[i] ~ binomial(size[i], p[i])
logit(p[i]) = b0[herd] + b_period[period]
b0[herd] ~ normal(b0, sd_herd)
b_period[period] ~ flat()
""",
        formula="cbind(incidence, healthy) ~ period + (1 | herd)",
        family="binomial",
        load=_cbpp,
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
        load=_verbagg,
    ),
    Case(
        name="Contraception",
        text="""
use[i] ~ bernoulli(p[i])
logit(p[i]) = a[district] + b[district]*urban[i] + b1*age[i] + b2*age2[i] + b3*livch1[i] + b4*livch2[i] + b5*livch3[i]
(a[district], b[district]) ~ mvnormal((b0, b6), Omega)
""",
        formula="use ~ urban + age + age2 + livch1 + livch2 + livch3 + (urban | district)",
        family="binomial",
        load=_contraception,
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
        load=_ticks,
    ),
    Case(
        name="voting",
        text="""
y[i] ~ bernoulli(p[i])
logit(p[i]) = b0 + b1*Age[i] + b2*Female[i] + b3*Income[i] + b_m[Municipality] + b4*Parties[i] + b5*Seats[i]
    + u[district] + v[election]
u[district] ~ normal(0, sd_district)
v[election] ~ normal(0, sd_election)
b_m[Municipality] ~ flat()
""".replace("\n    +", " +"),
        formula="y ~ Age + Female + Income + Municipality + Parties + Seats + (1 | district) + (1 | election)",
        family="binomial",
        load=_from_folder("voting_synthetic.csv.gz", "district", "election"),
        share=0.5,
    ),
    Case(
        name="Bernoulli 100k",
        text=_BERNOULLI,
        formula="y ~ z + (z | g)",
        family="binomial",
        load=_bernoulli(100_000, 5_000),
        share=0.34,
    ),
    Case(
        name="Bernoulli 1M",
        text=_BERNOULLI,
        formula="y ~ z + (z | g)",
        family="binomial",
        load=_bernoulli(1_000_000, 20_000),
        share=0.12,
    ),
)
