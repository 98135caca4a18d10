"""The data of the benchmark: what reads them from the repository or a folder, and what draws them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = [
    "KB07_COLUMNS",
    "ROOT",
    "Loader",
    "Missing",
    "bernoulli",
    "cbpp",
    "contraception",
    "crossed",
    "example",
    "grouseticks",
    "kb07",
    "movers",
    "nested",
    "reference",
    "verbagg",
    "voters",
]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
REFERENCE = ROOT / "tests" / "reference" / "data"

Loader = Callable[[Path | None], pd.DataFrame]
"""Gives a frame, from a folder of further data or None."""


class Missing(Exception):  # noqa: N818 - a signal to the caller, which prints it
    """The data of a case are not here."""


def example(name: str, *groups: str) -> Loader:
    """Return what reads a table of the examples with its grouping columns as text."""
    return _table(EXAMPLES / name, groups)


def reference(name: str, *groups: str) -> Loader:
    """Return what reads a table of the reference fits with its grouping columns as text."""
    return _table(REFERENCE / name, groups)


def _table(path: Path, groups: tuple[str, ...]) -> Loader:
    return lambda folder: pd.read_csv(path, dtype=dict.fromkeys(groups, "str"))


def nested(rows: int, fine: int, coarse: int) -> Loader:
    """Return what draws a nested design: rows in `fine` groups in `coarse` groups, integer codes."""

    def load(folder: Path | None) -> pd.DataFrame:
        generator = np.random.default_rng(1)
        parent = generator.integers(0, coarse, fine)
        g, x = generator.integers(0, fine, rows), generator.normal(size=rows)
        effects = 0.7 * generator.normal(size=fine)[g] + 0.5 * generator.normal(size=coarse)[parent[g]]
        y = 1.0 + 0.5 * x + effects + generator.normal(size=rows)
        return pd.DataFrame({"y": y, "x": x, "g": g, "h": parent[g]})

    return load


def crossed(rows: int, first: int, second: int) -> Loader:
    """Return what draws a crossed design: each row in one of `first` and one of `second` groups, integer codes."""

    def load(folder: Path | None) -> pd.DataFrame:
        generator = np.random.default_rng(2)
        g, h = generator.integers(0, first, rows), generator.integers(0, second, rows)
        x = generator.normal(size=rows)
        effects = 0.5 * generator.normal(size=first)[g] + 0.4 * generator.normal(size=second)[h]
        return pd.DataFrame({"y": 1.0 + 0.5 * x + effects + generator.normal(size=rows), "x": x, "g": g, "h": h})

    return load


def movers(pupils: int, teachers: int, years: int, moving: float) -> Loader:
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


def bernoulli(rows: int, groups: int) -> Loader:
    """Return what draws a binary outcome whose intercept and slope vary by group, integer codes."""

    def load(folder: Path | None) -> pd.DataFrame:
        generator = np.random.default_rng(4)
        g, z = generator.integers(0, groups, rows), generator.normal(size=rows)
        u = generator.multivariate_normal([0.0, 0.0], [[0.6, 0.15], [0.15, 0.3]], groups)
        eta = -0.3 + 0.5 * z + u[g, 0] + u[g, 1] * z
        return pd.DataFrame({"y": (generator.random(rows) < 1.0 / (1.0 + np.exp(-eta))).astype(int), "z": z, "g": g})

    return load


def cbpp(folder: Path | None) -> pd.DataFrame:
    """Return the cases of a cattle disease, those that stayed healthy as a column."""
    frame = reference("cbpp.csv", "herd", "period")(folder)
    return frame.assign(healthy=frame["size"] - frame["incidence"], period="p" + frame["period"])


def grouseticks(folder: Path | None) -> pd.DataFrame:
    """Return counts of ticks on grouse chicks."""
    frame = reference("grouseticks.csv", "BROOD", "INDEX", "LOCATION", "YEAR")(folder)
    return frame.assign(YEAR="y" + frame["YEAR"])


def contraception(folder: Path | None) -> pd.DataFrame:
    """Return the Bangladesh fertility survey, codes as numbers."""
    frame = reference("Contraception.csv", "district")(folder)
    codes = {f"livch{k}": (frame["livch"] == name).astype(float) for k, name in ((1, "1"), (2, "2"), (3, "3+"))}
    urban = (frame["urban"] == "Y").astype(float)
    return frame.assign(use=(frame["use"] == "Y").astype(int), urban=urban, age2=frame["age"] ** 2, **codes)


def verbagg(folder: Path | None) -> pd.DataFrame:
    """Return answers to questions on verbal aggression, yes and perhaps against no."""
    frame = reference("VerbAgg.csv.gz", "id", "item")(folder)
    return frame.assign(r2=(frame["r2"] == "Y").astype(int))


def voters(folder: Path | None) -> pd.DataFrame:
    """Return simulated voters in districts in elections; brackets of income as text."""
    frame = example("voting/voters.csv.gz", "district", "election", "Income")(folder)
    return frame.assign(Income="bracket " + frame["Income"])


def kb07(folder: Path | None) -> pd.DataFrame:
    """Return the response times of Kronmueller and Barr (2007), condition codes and their products as columns."""
    path = folder / "kb07.csv" if folder is not None else None
    if path is None or not path.is_file():
        raise Missing("needs --data with a folder that holds kb07.csv")
    frame = pd.read_csv(path).rename(columns={"rt_trunc": "rt", "spkr": "S", "prec": "P", "load": "L"})
    S, P, L = (frame[name].to_numpy(dtype=float) for name in "SPL")
    return frame.assign(S=S, P=P, L=L, SP=S * P, SL=S * L, PL=P * L, SPL=S * P * L)


KB07_COLUMNS = ("S", "P", "L", "SP", "SL", "PL", "SPL")
