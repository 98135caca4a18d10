"""Profile intervals agree with those of lme4 and glmmTMB (`make_profiles.R`).

Both read them off a curve through some points of the profile.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import hdsl
from tests.reference.test_reference import fit_of

HERE = Path(__file__).resolve().parent
OF_WIDTH = 2e-3

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


GENERALISED = {
    "cbpp": (
        "incidence[i] ~ binomial(size[i], p[i])\nlogit(p[i]) = b0 + b_period[period] + u[herd]\n"
        "b_period[period] ~ flat()\nu[herd] ~ normal(0, sd_u)\n",
        {
            "b0": "(Intercept)",
            "b_period[2]": "period2",
            "b_period[3]": "period3",
            "b_period[4]": "period4",
            "sd_u": "sd_(Intercept)|herd",
        },
    ),
    "orthodont_spread": (
        "distance[i] ~ normal(b0[Subject] + b1*age[i], s[Sex])\nb0[Subject] ~ normal(b0, sd_u)\ns[Sex] ~ flat()\n",
        {
            "b0": "(Intercept)",
            "b1": "age",
            "s[Female]": "d~SexFemale",
            "s[Male]": "d~SexMale",
            "sd_u": "theta_1|Subject.1",
        },
    ),
}
"""Models with a density: text, and what the others call its parameters."""

DATA = {"cbpp": "cbpp.csv", "orthodont_spread": "Orthodont.csv"}


def check(bounds, names, theirs):
    assert list(bounds.index) == list(names)
    for name, other in names.items():
        lower, upper = theirs[other]
        assert bounds.loc[name].tolist() == pytest.approx([lower, upper], abs=OF_WIDTH * (upper - lower)), name


@pytest.mark.parametrize("model", list(NAMES))
def test_gaussian_models(model):
    check(fit_of(f"{model}_ml").conf_int(method="profile"), NAMES[model], profiles()[model])


@pytest.mark.parametrize("model", list(GENERALISED))
def test_outcomes_with_a_density(model):
    text, names = GENERALISED[model]
    fit = hdsl.Model(text).fit(pd.read_csv(HERE / "data" / DATA[model]))
    check(fit.conf_int(method="profile"), names, profiles()[model])


def test_what_the_data_do_not_rule_out_is_the_end_of_the_range():
    assert fit_of("pastes_nested_ml").conf_int(method="profile", names=["sd_batch"]).loc["sd_batch", "lower"] == 0.0
    assert fit_of("dyestuff2_ml").conf_int(method="profile", names=["sd_b"]).loc["sd_b", "lower"] == 0.0
