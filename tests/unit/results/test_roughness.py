"""Laplace's approximation is judged by a step of quadrature, and a rough one is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl

DATA = Path(__file__).resolve().parents[2] / "reference" / "data"
HERDS = """
incidence[i] ~ binomial(size[i], p[i])
logit(p[i]) = b0[herd] + b_period[period]
b0[herd] ~ normal(b0, sd_herd)
b_period[period] ~ flat(ref="1")
"""
PATIENTS = """
cured[i] ~ bernoulli(p[i])
logit(p[i]) = b0[patient] + b1*week[i]
b0[patient] ~ normal(b0, sd_patient)
"""


def patients(spread: float, rows: int) -> pd.DataFrame:
    generator = np.random.default_rng(4)
    patient, week = np.repeat(np.arange(120), rows), np.tile(np.arange(float(rows)), 120)
    eta = -1 + 0.3 * (week - week.mean()) + spread * generator.normal(size=120)[patient]
    cured = (generator.uniform(size=len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"patient": patient, "week": week, "cured": cured})


def codes(fit: hdsl.FittedModel) -> set[str]:
    return {diagnostic.code for diagnostic in fit.diagnostics}


def test_one_step_leads_to_the_fit_by_quadrature_where_it_is_near():
    data = pd.read_csv(DATA / "cbpp.csv")
    model = hdsl.Model(HERDS)
    fit, by_nodes = model.fit(data), model.fit(data, method="agq", nodes=9)
    ours = pd.Series(fit.parameters.by_quadrature, index=fit.params.index)
    away = ((ours - by_nodes.params) / fit.bse).abs()
    assert away.max() < 0.01
    assert ((fit.params - by_nodes.params) / fit.bse).abs().max() > 0.02
    assert -2 * fit.loglik - fit.outcome.nearby.fall == pytest.approx(by_nodes.deviance, abs=2e-3)
    assert "HM518" not in codes(fit)


def test_a_rough_approximation_is_told_with_what_it_moves():
    fit = hdsl.Model(PATIENTS).fit(patients(3.0, 4))
    (warning,) = (d for d in fit.diagnostics if d.code == "HM518")
    assert "`sd_patient` by" in warning.notes[0]
    by_nodes = hdsl.Model(PATIENTS).fit(patients(3.0, 4), method="agq", nodes=25)
    ours = fit.parameters.by_quadrature - fit.params
    moved = by_nodes.params - fit.params
    assert np.sign(ours["sd_patient"]) == np.sign(moved["sd_patient"])
    assert "HM518" not in codes(by_nodes)


def test_many_rows_in_a_group_make_it_good():
    assert "HM518" not in codes(hdsl.Model(PATIENTS).fit(patients(1.0, 40)))


def test_it_is_not_asked_where_it_has_no_answer():
    data = patients(1.0, 6).assign(ward=lambda frame: frame["week"] % 3)
    crossed = PATIENTS.replace("b1*week[i]", "b1*week[i] + w[ward]") + "w[ward] ~ normal(0, sd_ward)\n"
    assert hdsl.Model(crossed).fit(data).outcome.nearby is None
    assert hdsl.Model(PATIENTS).fit(data.assign(cured=data["week"] > 2)).outcome.nearby is None
    linear = "week[i] ~ normal(b0[patient], sd)\nb0[patient] ~ normal(b0, sd_patient)\n"
    assert hdsl.Model(linear).fit(data).outcome.nearby is None


def test_a_kept_fit_says_it_too(tmp_path):
    fit = hdsl.Model(PATIENTS).fit(patients(3.0, 4))
    fit.save(tmp_path / "fit.hmfit")
    assert codes(hdsl.load(tmp_path / "fit.hmfit")) == codes(fit)
