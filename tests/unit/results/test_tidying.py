"""Frames with the columns of broom.mixed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.diagnostics import FitError


class TestTidy:
    def test_parameters(self, sleepstudy):
        frame = sleepstudy.tidy()
        assert list(frame.columns) == [
            "effect", "group", "term", "estimate", "std.error", "statistic", "df", "p.value", "conf.low", "conf.high",
        ]  # fmt: skip
        assert frame["effect"].tolist() == ["fixed"] * 2 + ["ran_pars"] * 4
        assert frame["group"].tolist()[2:] == ["j", "j", "j", "Residual"]
        assert frame["group"].isna().tolist()[:2] == [True, True]
        assert frame["term"].tolist() == list(sleepstudy.params.index)
        assert frame["estimate"].tolist() == sleepstudy.params.tolist()
        assert frame.loc[1, "std.error"] == pytest.approx(1.54578889288849)
        assert frame.loc[1, "conf.low"] == sleepstudy.conf_int().loc["b1", "lower"]

    def test_scalars_have_their_role(self, counts):
        assert counts.tidy()["effect"].tolist() == ["fixed", "fixed", "size", "probability", "ran_pars"]

    def test_a_part_of_them(self, sleepstudy):
        frame = sleepstudy.tidy(effects=["ran_pars"], conf_level=0.9)
        assert frame["term"].tolist() == list(sleepstudy.params.index)[2:]
        assert frame["conf.high"].tolist() == sleepstudy.conf_int(0.9)["upper"].tolist()[2:]

    def test_random_effects(self, sleepstudy, casks):
        frame = sleepstudy.tidy(effects=["ran_vals"])
        first = frame.iloc[0]
        assert (first["group"], first["level"], first["term"]) == ("j", "308", "b0[j]")
        assert first["estimate"] == 2.2585661715957
        assert len(frame) == 36
        assert casks.tidy(effects=["ran_vals"])["level"].tolist()[:2] == ["a:A", "b:A"]
        both = sleepstudy.tidy(effects=["fixed", "ran_vals"])
        assert both["level"].isna().sum() == 2

    @pytest.mark.parametrize("effects", [["random"], []])
    def test_what_there_is_not(self, sleepstudy, effects):
        with pytest.raises(FitError) as caught:
            sleepstudy.tidy(effects=effects)
        assert caught.value.code == "HM510"


class TestGlance:
    def test_gaussian(self, sleepstudy, casks):
        row = sleepstudy.glance().iloc[0]
        assert (row["nobs"], row["df.residual"]) == (180, 174)
        assert row["sigma"] == 25.5918157386296
        assert row["REMLcrit"] == 1743.62827195849
        assert row["logLik"] == sleepstudy.loglik
        assert casks.glance().loc[0, "deviance"] == 30.0
        assert casks.glance().loc[0, "status"] == "boundary"

    def test_no_sigma_with_a_density(self, counts):
        assert "sigma" not in counts.glance()


class TestAugment:
    def test_rows(self, casks):
        frame = casks.augment()
        assert list(frame.columns) == ["y", "x", "z", "j,k", "k", ".fitted", ".fixed", ".resid"]
        assert frame.index.tolist() == [0, 1, 2, 4, 5, 7]
        assert frame["j,k"].tolist() == ["a:A", "a:A", "b:A", "b:A", "a:B", "a:B"]
        assert np.allclose(frame[".fitted"], casks.fitted)
        assert np.allclose(frame[".fitted"] + frame[".resid"], frame["y"])
        assert np.allclose(frame[".fixed"], casks.predict(include=None))

    def test_categories_have_a_predictor_and_no_residual(self):
        rng = np.random.default_rng(2)
        data = pd.DataFrame({"g": np.repeat(np.arange(8), 10), "x": rng.normal(size=80)})
        data["y"] = np.digitize(data["x"] + rng.normal(size=8)[data["g"]] + rng.logistic(size=80), [-1.0, 1.0])
        model = "y[i] ~ ordered_logit(eta[i], c)\neta[i] = b1*x[i] + u[g]\nu[g] ~ normal(0, sd_u)\n"
        fit = hdsl.Model(model).fit(data)
        frame = fit.augment()
        assert ".resid" not in frame
        assert np.allclose(frame[".fixed"], fit.params["b1"] * data["x"])
        assert np.allclose(frame[".fitted"] - frame[".fixed"], fit.ranef["u[g]"]["estimate"].to_numpy()[data["g"]])
