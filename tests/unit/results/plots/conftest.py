"""Fits that pictures are made of: small, of every kind of outcome, fitted once for all tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"

VOTERS = """
y[i] ~ bernoulli(p[i])
logit(p[i]) = b0[district] + b_age*Age[i] + b_female*Female[i] + b_income[Income]
b_income[Income] ~ flat(ref = "1")
b0[district] ~ normal(b0, sd_district)
"""

RATINGS = """
rating[i] ~ ordered_logit(eta[i], c)
eta[i] = b1*x[i] + b2*f[i] + u0[judge]
u0[judge] ~ normal(0, sd_judge)
"""

PUPILS = """
score[i] ~ normal(b0[class] + b1[class]*x[i] + b2*x[i]^2, sd)
b0[class] = g0[school] + g1*size[class] + u0[class]
b1[class] = h0 + h1*size[class] + u1[class]
(u0[class], u1[class]) ~ mvnormal(0, Omega)
g0[school] ~ normal(g0, sd_school)
index class = class in school
"""

COUNTS = """
y[i] ~ binomial(n[i], p[i])
logit(p[i]) = b0[herd] + b1*x[i]
b0[herd] ~ normal(b0, sd_herd)
"""


def voters() -> pd.DataFrame:
    """Voters in districts, one of which says yes throughout."""
    rng = np.random.default_rng(11)
    n, district = 400, np.repeat(np.arange(20), 20)
    frame = pd.DataFrame({"district": [f"d{k:02d}" for k in district]})
    frame["Age"] = rng.integers(20, 30, n)
    frame["Female"] = rng.integers(0, 2, n)
    frame["Income"] = rng.integers(1, 4, n).astype(str)
    eta = rng.normal(0.0, 0.8, 20)[district] + 0.08 * (frame["Age"] - 25) - 0.4 * frame["Female"]
    frame["y"] = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    frame.loc[district == 7, "y"] = 1
    return frame


def ratings() -> pd.DataFrame:
    """Ratings in four categories."""
    rng = np.random.default_rng(12)
    judge, x, f = np.arange(300) % 15, rng.normal(size=300), rng.integers(0, 2, 300)
    latent = 0.8 * x + 0.4 * f + rng.normal(0.0, 0.8, 15)[judge] + rng.logistic(size=300)
    return pd.DataFrame({"rating": np.digitize(latent, [-1.0, 0.5, 2.0]) + 1, "x": x, "f": f, "judge": judge})


def pupils() -> pd.DataFrame:
    """Pupils in classes in schools; classes differ in size of their data."""
    rng = np.random.default_rng(13)
    counts = 4 + np.arange(24) % 7
    cls = np.repeat(np.arange(24), counts)
    x, size = rng.normal(size=len(cls)), rng.normal(size=24)
    effects = rng.normal(size=(24, 2)) * (1.0, 0.4)
    mean = 5.0 + rng.normal(size=6)[cls // 4] + 0.5 * size[cls] + effects[cls, 0] + (1.0 + effects[cls, 1]) * x
    score = mean - 0.3 * x**2 + rng.normal(0.0, 0.7, len(cls))
    named = {"class": [f"c{k:02d}" for k in cls], "school": [f"s{k // 4}" for k in cls]}
    return pd.DataFrame({"score": score, "x": x, "size": size[cls], **named})


def herds() -> pd.DataFrame:
    """Counts of sick animals in herds."""
    rng = np.random.default_rng(14)
    herd, x, n = np.repeat(np.arange(12), 4), rng.normal(size=48), rng.integers(3, 30, 48)
    eta = rng.normal(0.0, 0.7, 12)[herd] - 1.0 + 0.5 * x
    return pd.DataFrame({"y": rng.binomial(n, 1.0 / (1.0 + np.exp(-eta))), "n": n, "x": x, "herd": herd})


@pytest.fixture(scope="package")
def sleepstudy():
    """Varying intercepts and slopes."""
    return hdsl.read(EXAMPLES / "sleepstudy/model.hm").fit(EXAMPLES / "sleepstudy/sleepstudy.csv")


@pytest.fixture(scope="package")
def voting():
    """A binary outcome, with an unmodelled set."""
    return hdsl.Model(VOTERS).fit(voters())


@pytest.fixture(scope="package")
def ordinal():
    """An ordered outcome."""
    return hdsl.Model(RATINGS).fit(ratings())


@pytest.fixture(scope="package")
def nested():
    """Three levels, an interaction across levels and a square."""
    return hdsl.Model(PUPILS).fit(pupils())


@pytest.fixture(scope="package")
def binomial():
    """Counts of successes."""
    return hdsl.Model(COUNTS).fit(herds())


@pytest.fixture(scope="package")
def plain():
    """No groups at all."""
    return hdsl.Model("score[i] ~ normal(b0 + b1*x[i], sd)").fit(pupils())
