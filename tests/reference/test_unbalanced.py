"""Degrees of freedom where they are no whole numbers: unbalanced slopes, crossed and nested factors, a boundary.

The references are what lmerTest and pbkrtest gave to `make_unbalanced.R`, which made up the data, too.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import hdsl
from hdsl.results import FittedModel

HERE = Path(__file__).resolve().parent
FITS: dict[str, Any] = json.loads((HERE / "unbalanced.json").read_text(encoding="utf-8"))["fits"]
METHODS = {"satterthwaite": "satterthwaite", "kenward_roger": "kenward-roger"}

TEXTS = {
    "slopes": "y[i] ~ normal(b0[s] + b1[s]*day[i], sd)\n(b0[s], b1[s]) ~ mvnormal((m0 + g0*arm[s], m1 + g1*arm[s]), S)",
    "crossed": "y[i] ~ normal(m0 + m1*x[i] + u[a] + v[b], sd)\nu[a] ~ normal(g*z[a], sd_a)\nv[b] ~ normal(0, sd_b)",
    "nested": "index j = j in k\ny[i] ~ normal(b0[k] + b1[k]*x[i] + w[j], sd)\nb0[k] ~ normal(m0 + g0*t[k], sd_k)\n"
    "b1[k] = m1 + g1*t[k]\nw[j] ~ normal(0, sd_j)",
    "both": "y[i] ~ normal(b0[a] + b1[a]*x[i] + v[b], sd)\n"
    "(b0[a], b1[a]) ~ mvnormal((m0, m1), S)\nv[b] ~ normal(0, sd_b)",
}
NAMES = {
    "slopes": {"(Intercept)": "m0", "day": "m1", "arm": "g0", "day:arm": "g1"},
    "crossed": {"(Intercept)": "m0", "x": "m1", "z": "g"},
    "nested": {"(Intercept)": "m0", "x": "m1", "t": "g0", "x:t": "g1"},
    "both": {"(Intercept)": "m0", "x": "m1"},
}

RELATIVE = 1e-4
"""As near as two optimizers and their numerical second derivatives come."""


@cache
def fit_of(name: str) -> FittedModel:
    return hdsl.Model(TEXTS[name]).fit(HERE / "unbalanced" / f"{FITS[name]['data']}.csv", method="reml")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FITS)
def test_each_fixed_effect_and_all_together(name: str, method: str) -> None:
    fit, expected = fit_of(name), FITS[name][method]
    table = fit.inference(METHODS[method])  # type: ignore[arg-type]
    assert sorted(expected["each"]) == sorted(NAMES[name])
    for theirs, ours in NAMES[name].items():
        found = table.loc[ours, ["estimate", "se", "df"]].tolist()
        assert found == pytest.approx(expected["each"][theirs], rel=RELATIVE), ours
    others = [ours for theirs, ours in NAMES[name].items() if theirs != "(Intercept)"]
    test = fit.test(others, METHODS[method])  # type: ignore[arg-type]
    assert [test.statistic, test.df, test.df_denominator] == pytest.approx(expected["joint"], rel=RELATIVE)


def test_two_of_them_are_on_a_boundary() -> None:
    edges = {name: fit_of(name).boundary for name in FITS}
    assert edges == {"slopes": (), "crossed": (), "nested": ("sd_k",), "both": ("cor(b0[a], b1[a])",)}
