"""Predictions for new data are those of lme4: new groups, and subsets of the grouping factors.

Expected values are what `predict(fit, new, re.form = .., allow.new.levels = TRUE)` of lme4 1.1-31 printed, REML;
intervals without random effects what emmeans 1.8.4 did; of a binomial outcome what `predict` of glmmTMB 1.1.5 did.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import hdsl
from hdsl.results import FittedModel
from tests.reference.test_reference import IDS, data_of, fit_of, reference

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

AS_LME4 = 2e-5
"""Relative: lme4's optimizer stops at about this distance."""


@cache
def fitted(name: str, data: str) -> FittedModel:
    return hdsl.read(EXAMPLES / name / "model.hm").fit(EXAMPLES / name / data, method="reml")


def test_a_known_group_a_new_one_and_a_covariate_outside_its_range() -> None:
    new = pd.DataFrame({"Subject": ["308", "309", "new", "335"], "Days": [2.5, 11.0, 4.0, 0.0]})
    fit = fitted("sleepstudy", "sleepstudy.csv")
    expected = [302.829310111291, 231.33002555756, 293.274248686869, 251.071436433924]
    assert fit.predict(new).to_numpy() == pytest.approx(expected, rel=AS_LME4)
    fixed = [277.573319747475, 366.545250404041, 293.274248686869, 251.405104848485]
    assert fit.predict(new, include=None).to_numpy() == pytest.approx(fixed, rel=AS_LME4)


def test_subsets_of_crossed_factors() -> None:
    new = pd.DataFrame({"plate": ["a", "b", "zz", "x"], "sample": ["A", "Q", "C", "F"]})
    fit = fitted("penicillin", "penicillin.csv")
    everything = [25.9638275298831, 23.7767691280442, 24.9101220719453, 18.7486805334084]
    plates = [23.7767691280442, 23.7767691280442, 22.9722222222137, 21.752425300471]
    samples = [25.1592806240526, 22.9722222222137, 24.9101220719453, 19.9684774551511]
    assert fit.predict(new).to_numpy() == pytest.approx(everything, rel=AS_LME4)
    assert fit.predict(new, include=["plate"]).to_numpy() == pytest.approx(plates, rel=AS_LME4)
    assert fit.predict(new, include=["sample"]).to_numpy() == pytest.approx(samples, rel=AS_LME4)
    without_plates = fit.predict(new.drop(columns="plate"), include=["sample"])
    assert without_plates.tolist() == fit.predict(new, include=["sample"]).tolist()


def test_subsets_of_nested_factors() -> None:
    new = pd.DataFrame({"batch": ["A", "B", "Z", "C"], "cask": ["a", "b", "a", "q"]})
    fit = fitted("pastes", "pastes.csv")
    everything = [62.6286646387252, 57.2997301728204, 60.0533333333354, 60.7756019583214]
    batches = [60.8539783533532, 59.7808246367621, 60.0533333333354, 60.7756019583214]
    assert fit.predict(new).to_numpy() == pytest.approx(everything, rel=AS_LME4)
    assert fit.predict(new, include=["batch"]).to_numpy() == pytest.approx(batches, rel=AS_LME4)
    assert fit.predict(new, include=["batch"]).attrs["groups"] == {
        "batch": "3 groups seen, at their conditional modes; 1 new, effects at zero, their variance in the standard"
        " error",
        "batch,cask": "not included: effects at zero",
    }


def test_covariates_of_two_levels_with_their_interactions() -> None:
    new = pd.DataFrame(
        {
            "school": ["1224", "1296", "none"],
            "cses": [-1.0, 0.0, 1.0],
            "meanses": [-0.434382978723404, -0.4255, -0.489698113207547],
            "sector": ["Public", "Public", "Public"],
        }
    )
    fit = fit_of("hsb_slopes_as_outcomes_reml")
    expected = [7.25097217755785, 8.14590765964939, 11.9525591032121]
    assert fit.predict(new).to_numpy() == pytest.approx(expected, rel=1e-4)
    fixed = [7.31780935556012, 9.8587934461415, 11.9525591032121]
    assert fit.predict(new, include=None).to_numpy() == pytest.approx(fixed, rel=AS_LME4)


def test_intervals_without_random_effects_are_those_of_emmeans() -> None:
    found = fitted("sleepstudy", "sleepstudy.csv").predictions({"Days": [0, 5, 12]}, include=None)
    assert found["se"].to_numpy() == pytest.approx([6.824597, 9.581277, 18.863511], rel=AS_LME4)
    assert found["lower"].to_numpy() == pytest.approx([237.0064, 283.5268, 337.2140], rel=AS_LME4)
    assert found["upper"].to_numpy() == pytest.approx([265.8038, 323.9563, 416.8111], rel=AS_LME4)


def test_a_binomial_outcome_is_as_in_glmmtmb() -> None:
    """Standard errors of glmmTMB with random effects have the uncertainty of the variance, too: some 2 % here."""
    fit = hdsl.read(Path(__file__).parent / "generalised" / "cbpp.hm").fit(Path(__file__).parent / "data" / "cbpp.csv")
    new = {"herd": ["1", "3"], "period": [1, 2]}
    link = fit.predictions(new, scale="link")
    assert link["estimate"].to_numpy() == pytest.approx([-0.8085123, -1.9846091], rel=1e-5)
    assert link["se"].to_numpy() == pytest.approx([0.3783301, 0.3856660], rel=0.02)
    response = fit.predictions(new)
    assert response["estimate"].to_numpy() == pytest.approx([0.3082076, 0.1208284], rel=1e-5)
    assert response["se"].to_numpy() == pytest.approx([0.08066592, 0.04096887], rel=0.02)
    population = fit.predictions(new, include=None, scale="link")
    assert population["estimate"].to_numpy() == pytest.approx([-1.398532, -2.390865], rel=1e-5)
    assert population["se"].to_numpy() == pytest.approx([0.2324721, 0.3102140], rel=1e-5)


@pytest.mark.parametrize("name", [name for name in IDS if not name.startswith("insteval")])
def test_rows_of_the_fit_given_again_as_new_data(name: str) -> None:
    fit, data = fit_of(name), data_of(reference(name)["data"])
    again = fit.predict(data)
    assert again.loc[fit.fitted.index].to_numpy() == pytest.approx(fit.fitted.to_numpy(), rel=1e-12, abs=1e-12)
    population = fit.predict(include=None)
    assert population.iloc[:10].to_numpy() == pytest.approx(reference(name)["predict_population"], rel=1e-4, abs=1e-4)
