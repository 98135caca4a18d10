"""Rows in which one covariate varies: what follows it, and what is held."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.results.varied import Variables

MODEL = """
y[i] ~ normal(b0[g] + b1*x[i] + b2*x[i]^2 + b3*(x[i] - 3)*z[i] + b4*xc[i] + b5*female[i] + b6*xz[i]
              + b7*(v[i] - 1) + b8*(v[i] - 1)^2 + b_c[c], sd)
xbar[g] = mean(x[i])
xc[i] = x[i] - xbar[g]
xz[i] = x[i]*z[i]
female[i] = sex[i] == "F"
b_c[c] ~ flat(ref = "c1")
b0[g] ~ normal(b0, sd_g)
"""


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    n = 80
    data = pd.DataFrame({name: rng.normal(size=n) for name in ("y", "z", "v")})
    data["x"] = rng.uniform(1.0, 5.0, n)
    data["g"], data["c"] = np.arange(n) % 8, [f"c{k}" for k in rng.choice(3, n, p=[0.2, 0.3, 0.5])]
    data["sex"] = np.where(rng.random(n) < 0.5, "F", "M")
    return hdsl.Model(MODEL).fit(data)


def test_what_can_vary_on_its_own(fit):
    found = Variables(design=fit.design)
    assert set(found.covariates) == {"x[i]", "z[i]", "xc[i]", "female[i]", "(v[i] - 1)"}
    assert found.set_labels("c") == (["c1", "c0", "c2"], [-1, 0, 1])


def test_functions_of_what_varies_follow_it(fit):
    found = Variables(design=fit.design)
    at = np.array([1.0, 2.0, 4.0])
    place = found.covariates["x[i]"]
    held = dict(zip(fit.design.arrays.x_symbols, found.with_values(found.held(), {place: at}).x, strict=True))
    z = fit.design.arrays.x[found.covariates["z[i]"]].mean()
    np.testing.assert_allclose(held["x[i]^2"], at**2)
    np.testing.assert_allclose(held["(x[i] - 3)"], at - 3.0)
    np.testing.assert_allclose(held["xz[i]"], at * z)
    np.testing.assert_allclose(held["z[i]"], z)
    squares = found.with_values(found.held(), {found.covariates["(v[i] - 1)"]: at})
    np.testing.assert_allclose(squares.x[fit.design.arrays.x_symbols.index("(v[i] - 1)^2")], at**2)


def test_what_is_held_is_a_mean_or_the_most_frequent_level(fit):
    found = Variables(design=fit.design)
    held = found.held()
    np.testing.assert_allclose([x[0] for x in held.x], [x.mean() for x in fit.design.arrays.x])
    assert held.sets[0].tolist() == [1]


def test_predictions_of_such_rows(fit):
    found = Variables(design=fit.design)
    held = found.with_values(found.held(), {found.covariates["x[i]"]: np.array([2.0])}, {0: np.array([0])})
    b = fit.fixef
    values = dict(zip(fit.design.arrays.x_symbols, (x[0] for x in held.x), strict=True))
    expected = (
        b["b0"] + b["b1"] * 2 + b["b2"] * 4 - b["b3"] * values["z[i]"] + b["b4"] * values["xc[i]"] + b["b_c[c0]"]
        + b["b5"] * values["female[i]"] + b["b6"] * 2 * values["z[i]"]
        + b["b7"] * values["(v[i] - 1)"] + b["b8"] * values["(v[i] - 1)"] ** 2
    )  # fmt: skip
    assert fit.predict(found.rows(held), include=None).iloc[0] == pytest.approx(expected, rel=1e-10)
