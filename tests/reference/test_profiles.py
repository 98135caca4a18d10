"""Profile intervals agree with those of lme4 (`make_profiles.R`), which reads them off a spline through some points."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from tests.reference.test_reference import fit_of

HERE = Path(__file__).resolve().parent

NAMES = {
    "sleepstudy_slope": {
        "b0": "(Intercept)",
        "b1": "Days",
        "sd(b0[s])": "sd_(Intercept)|Subject",
        "sd(b1[s])": "sd_Days|Subject",
        "cor(b0[s], b1[s])": "cor_Days.(Intercept)|Subject",
        "sd_e": "sigma",
    },
    "pastes_nested": {
        "mu": "(Intercept)",
        "sd_cask": "sd_(Intercept)|sample",
        "sd_batch": "sd_(Intercept)|batch",
        "sd_e": "sigma",
    },
    "dyestuff2": {"mu": "(Intercept)", "sd_b": "sd_(Intercept)|Batch", "sd_e": "sigma"},
    "penicillin": {
        "mu": "(Intercept)",
        "sd_plate": "sd_(Intercept)|plate",
        "sd_sample": "sd_(Intercept)|sample",
        "sd_e": "sigma",
    },
}
"""Parameters of each model and what lme4 calls them."""


@cache
def profiles():
    return json.loads((HERE / "profiles.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("model", list(NAMES))
def test_every_end_agrees(model):
    bounds = fit_of(f"{model}_ml").conf_int(method="profile")
    assert list(bounds.index) == list(NAMES[model])
    for name, theirs in NAMES[model].items():
        width = profiles()[model][theirs][1] - profiles()[model][theirs][0]
        assert bounds.loc[name].tolist() == pytest.approx(profiles()[model][theirs], abs=2e-3 * width), name


def test_what_the_data_do_not_rule_out_is_the_end_of_the_range():
    assert fit_of("pastes_nested_ml").conf_int(method="profile", names=["sd_batch"]).loc["sd_batch", "lower"] == 0.0
    assert fit_of("dyestuff2_ml").conf_int(method="profile", names=["sd_b"]).loc["sd_b", "lower"] == 0.0
