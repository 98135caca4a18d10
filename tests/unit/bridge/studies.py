"""The examples as the tests of the bridge use them, and a small data set with something of everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"

STUDIES: dict[str, dict[str, str] | str] = {
    "sleepstudy": str(EXAMPLES / "sleepstudy/sleepstudy.csv"),
    "pastes": str(EXAMPLES / "pastes/pastes.csv"),
    "penicillin": str(EXAMPLES / "penicillin/penicillin.csv"),
    "egsingle": str(EXAMPLES / "egsingle/egsingle.csv.gz"),
    "three_level": str(EXAMPLES / "three_level/pupils.csv.gz"),
    "hsb": {"i": str(EXAMPLES / "hsb/students.csv.gz"), "school": str(EXAMPLES / "hsb/schools.csv")},
}


def model_path(study: str) -> Path:
    return EXAMPLES / study / "model.hm"


def mixed_bag() -> pd.DataFrame:
    """Rows in groups g within k, crossed with h; factors f and q; covariates, one of them constant in g; outcomes."""
    rng = np.random.default_rng(20)
    n = 400
    g = rng.integers(0, 24, n)
    h = rng.integers(0, 9, n)
    x, t = rng.normal(size=n), rng.exponential(size=n) + 0.5
    z = rng.normal(size=24)[g]
    f = rng.choice(["a", "b", "c"], n)
    eta = 0.3 + 0.5 * x + 0.3 * z + 0.8 * rng.normal(size=24)[g] + 0.5 * rng.normal(size=9)[h] + 0.4 * (f == "b")
    size = rng.integers(1, 9, n)
    p = 1 / (1 + np.exp(-eta))
    return pd.DataFrame(
        {
            "y": eta + rng.normal(size=n) + 0.5 * rng.normal(size=24)[g] * x,
            "x": x,
            "z": z,
            "t": t,
            "g": g,
            "h": [f"h{k}" for k in h],
            "k": g // 4,
            "f": f,
            "q": rng.choice([1, 2, 3], n),
            "on": rng.choice([True, False], n),
            "size": size,
            "b": (rng.random(n) < p).astype(int),
            "s": rng.binomial(size, p),
            "c": rng.poisson(np.exp(eta) * t),
            "se": rng.uniform(0.2, 1.0, n),
            "w": np.exp(eta / 3),
        }
    )
