"""Balanced designs: found in the data, and what the plan says to follow holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl

SLOPES = "(u[j], w[j]) ~ mvnormal(0, O)\ny[i] ~ normal(b0 + b1*x[i] + u[j] + w[j]*x[i], s)\n"
NESTED = "u[b] ~ normal(0, sb)\nv[b, c] ~ normal(0, sc)\ny[i] ~ normal(m + b1*x[i] + u[b] + v[b, c], s)\n"
ORDINARY, ANALYSIS = "those of ordinary least squares", "the variances of an analysis of variance"


def told(text: str, data: pd.DataFrame) -> str:
    return " ".join(str(hdsl.Model(text).plan(data)).split())


def repeated(groups: int = 18, rows: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"j": np.repeat(np.arange(groups), rows), "x": np.tile(np.arange(float(rows)), groups)})
    data["y"] = rng.normal(size=len(data)) + rng.normal(size=groups)[data["j"]] * (1.0 + data["x"])
    return data.sample(frac=1.0, random_state=2).reset_index(drop=True)


def pastes() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"b": np.repeat(np.arange(10), 6), "c": np.tile(np.repeat([0, 1, 2], 2), 10)})
    data["x"] = np.tile([0.0, 1.0], 30)
    data["y"] = (
        rng.normal(size=60) + 2.0 * rng.normal(size=10)[data["b"]] + rng.normal(size=30)[data["b"] * 3 + data["c"]]
    )
    return data


def test_groups_with_the_same_rows_are_balanced():
    page = told(SLOPES, repeated())
    assert "Balanced: all 18 groups of `j` have the same design, 10 rows each." in page
    assert ORDINARY in page
    assert ANALYSIS not in page


def test_nested_groups_are_balanced_at_every_level():
    page = told(NESTED, pastes())
    assert "Balanced: all 30 groups of `b,c` have the same design, 2 rows each" in page
    assert "each of the 10 groups of `b` holds 3 of `b,c`." in page
    assert ORDINARY in page
    assert ANALYSIS in page


def moved(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(x=data["x"] + (data.index == 3))


@pytest.mark.parametrize("data", [moved(repeated()), repeated().iloc[1:], repeated(rows=1).assign(x=0.0, j=range(18))])
def test_groups_that_differ_are_not(data):
    text = SLOPES if data["j"].duplicated().any() else "u[j] ~ normal(0, t)\ny[i] ~ poisson(exp(b0 + u[j]))\n"
    assert "Balanced" not in told(text, data.assign(y=1 if "poisson" in text else data["y"]))


def test_a_coarse_level_with_more_of_the_finer_groups_is_not():
    data = pastes()
    data["b"] = np.where((data["b"] == 9) & (data["c"] == 2), 8, data["b"])
    data["c"] = np.arange(60) // 2
    assert "Balanced" not in told(NESTED, data)


def test_what_follows_is_said_where_it_follows_alone():
    data = repeated()
    assert ORDINARY not in told(SLOPES.replace(" + b1*x[i]", ""), data)  # x varies by group and is not in the mean
    counts = told("u[j] ~ normal(0, t)\nk[i] ~ poisson(exp(b0 + u[j]))\n", data.assign(k=data.index % 4))
    assert "Balanced: all 18 groups" in counts
    assert ORDINARY not in counts


def test_fixed_effects_are_those_of_ordinary_least_squares():
    for text, data in ((SLOPES, repeated()), (NESTED, pastes())):
        X = np.column_stack((np.ones(len(data)), data["x"]))
        expected = np.linalg.lstsq(X, data["y"], rcond=None)[0]
        np.testing.assert_allclose(hdsl.Model(text).fit(data, "ml").outcome.beta, expected, rtol=1e-8)


def test_restricted_variances_are_those_of_an_analysis_of_variance():
    data = pastes()
    fit = hdsl.Model(NESTED).fit(data, "reml")
    y = data["y"] - fit.outcome.beta[1] * data["x"]
    whole, batch, cask = (
        y.mean(),
        y.groupby(data["b"]).transform("mean"),
        y.groupby([data["b"], data["c"]]).transform("mean"),
    )
    between, within, rest = (
        ((batch - whole) ** 2).sum() / 9,
        ((cask - batch) ** 2).sum() / 20,
        ((y - cask) ** 2).sum() / 29,
    )
    found = {term.index_set: float(sd[0]) for term, sd in zip(fit.design.plan.re_terms, fit.outcome.sd, strict=True)}
    assert found["b",] == pytest.approx(((between - within) / 6.0) ** 0.5, rel=1e-6)
    assert found["b", "c"] == pytest.approx(((within - rest) / 2.0) ** 0.5, rel=1e-6)
    assert fit.outcome.sigma == pytest.approx(rest**0.5, rel=1e-6)
