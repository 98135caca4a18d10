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
    load : callable
        Gives the frame, from a folder of further data or None; grouping columns are text unless they are generated.
    statsmodels : dict or str
        Its formulas, or why it cannot say the model.
    beyond : str
        What happened when lme-python was given the case; empty where it takes part.
    share : float
        Rounds, as a share of those asked for: 1 is all of them.
    """

    name: str
    text: str
    formula: str
    load: Callable[[Path | None], pd.DataFrame]
    statsmodels: dict[str, Any] | str
    beyond: str = ""
    share: float = 1.0


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
        beyond="no result within 120 s",
        share=0.5,
    ),
    Case(
        name="nested 1M",
        text="""
index j = g in k
index k = h
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(b0[k], sd_j)
b0[k] ~ normal(b0, sd_k)
""",
        formula="y ~ x + (1 | g) + (1 | h)",
        load=_nested(1_000_000, 100_000, 2_000),
        statsmodels="not tried at this size",
        beyond="aborts: it asks for 80 GB",
        share=0.34,
    ),
    Case(
        name="kb07 maximal",
        text=_kb07_model(),
        formula="rt ~ {0} + (1 + {0} | subj) + (1 + {0} | item)".format(" + ".join(_KB07_COLUMNS)),
        load=_kb07,
        statsmodels="correlated coefficients of two crossed factors are beyond it",
        share=0.12,
    ),
)
