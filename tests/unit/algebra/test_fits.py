"""What the new models say is what they fit: against least squares, and against one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.algebra import diff

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(ROOT / "examples" / "sleepstudy" / "sleepstudy.csv")


@pytest.fixture(scope="module")
def model() -> hdsl.Model:
    return hdsl.read(ROOT / "examples" / "sleepstudy" / "model.hm")


def least_squares(data: pd.DataFrame) -> np.ndarray:
    X = np.column_stack([np.ones(len(data)), data["Days"]])
    return np.linalg.lstsq(X, data["Reaction"].to_numpy(), rcond=None)[0]


def test_pooled_is_least_squares(model: hdsl.Model, data: pd.DataFrame) -> None:
    fit = model.pooled().fit(data)
    np.testing.assert_allclose(fit.fixef, least_squares(data), rtol=1e-9)
    residuals = data["Reaction"] - np.column_stack([np.ones(len(data)), data["Days"]]) @ least_squares(data)
    assert fit.params["sd"] == pytest.approx(np.sqrt(np.mean(residuals**2)), rel=1e-9)


def test_unpooled_is_least_squares_in_each_group(model: hdsl.Model, data: pd.DataFrame) -> None:
    fixef = model.unpooled().fit(data).fixef
    for subject, rows in data.groupby("Subject"):
        found = [fixef[f"b0[{subject}]"], fixef[f"b1[{subject}]"]]
        np.testing.assert_allclose(found, least_squares(rows), rtol=1e-8)


def test_partial_pooling_lies_between(model: hdsl.Model, data: pd.DataFrame) -> None:
    """The likelihood at its maximum rises from pooled over fewer to more effects, and to unpooled ones."""
    models = [model.pooled(), model.drop("b1[Subject]"), model, model.unpooled()]
    logliks = [m.fit(data, "ml").loglik for m in models]
    assert logliks == sorted(logliks)


def test_unpooled_groups_written_in_two_ways_fit_alike(data: pd.DataFrame) -> None:
    apart = "Reaction[i] ~ normal(b0 + b1*Days[i] + u0[s] + u1[s]*Days[i], sd)\n(u0[s], u1[s]) ~ mvnormal(0, Omega)\n"
    inside = "Reaction[i] ~ normal(b0[s] + b1[s]*Days[i], sd)\n(b0[s], b1[s]) ~ mvnormal((b0, b1), Omega)\n"
    fits = [hdsl.Model(f"index s = Subject\n{text}").unpooled().fit(data) for text in (apart, inside)]
    np.testing.assert_allclose(fits[0].fixef, fits[1].fixef, rtol=1e-10)


def test_the_statistic_and_its_degrees_of_freedom(model: hdsl.Model, data: pd.DataFrame) -> None:
    """``anova`` of lme4 gives 42.139 on 2 degrees of freedom for the slopes (ML)."""
    small = model.drop("b1[Subject]")
    test = diff(small, model, data).test
    statistic = 2 * (model.fit(data).loglik - small.fit(data).loglik)
    assert statistic == pytest.approx(42.139, abs=5e-4)
    assert (test.ml, test.reml, test.df) == (True, True, 2)
    assert test.mixture == ((0.5, 1), (0.5, 2))


@pytest.mark.parametrize("other", ["pooled", "unpooled"])
def test_degrees_of_freedom_are_those_of_the_fits(model: hdsl.Model, data: pd.DataFrame, other: str) -> None:
    small = model.pooled()
    large = model if other == "pooled" else model.unpooled()
    difference = diff(small, large, data)
    assert difference.relation == "a in b"
    assert difference.test.df == large.fit(data).dof - small.fit(data).dof
