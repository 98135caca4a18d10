"""The names that users type, on a fit by REML, one by Laplace's method and one of ratings: each answers as documented.

What they answer is tested where they are made; here is that all are there, labelled by the user's names, and agree.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.results import FittedModel

GAUSSIAN = """
y[i] ~ normal(b0[j] + b1[j]*x[i], sd)
b0[j] ~ normal(m0 + g*z[j], sd0)
b1[j] ~ normal(m1, sd1)
"""
COUNTS = """
count[i] ~ negative_binomial(mu[i], size)
log(mu[i]) = b0[j] + b1*x[i]
b0[j] ~ normal(m0 + g*z[j], sd0)
"""
RATINGS = """
rating[i] ~ ordered_logit(eta[i], cut)
eta[i] = u[j] + b1*x[i] + g*z[j]
u[j] ~ normal(0, sd0)
"""


def made_up() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    j, x, z = np.repeat(np.arange(25), 8), rng.normal(size=200), rng.normal(size=25)
    eta = 0.5 + 0.4 * z[j] + 0.5 * rng.normal(size=25)[j] + (0.6 + 0.2 * rng.normal(size=25)[j]) * x
    data = pd.DataFrame({"j": [f"school {k}" for k in j], "x": x, "z": z[j], "y": eta + rng.normal(size=200)})
    data["count"] = rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, 200))
    data["rating"] = np.digitize(eta + rng.logistic(size=200), [-1.0, 0.5, 2.0])
    return data


DATA = made_up()
FITS = {"reml": (GAUSSIAN, "reml"), "laplace": (COUNTS, None), "ordered": (RATINGS, None)}


@pytest.fixture(scope="module", params=list(FITS))
def fit(request: pytest.FixtureRequest) -> FittedModel:
    text, method = FITS[request.param]
    return hdsl.Model(text).fit(DATA, method=method)


def is_ordered(fit: FittedModel) -> bool:
    return bool(fit.design.coding.categories)


def test_how_it_ended(fit: FittedModel) -> None:
    assert fit.converged is True
    assert fit.status in ("converged", "boundary")
    assert fit.message.endswith(".")
    assert isinstance(fit.boundary, tuple)
    assert all(diagnostic.code.startswith("HM") for diagnostic in fit.diagnostics)


def test_parameters_are_by_name_everywhere(fit: FittedModel) -> None:
    names = list(fit.params.index)
    assert set(fit.fixef.index) <= set(names)
    for frame in (fit.bse, fit.tvalues, fit.pvalues, fit.df, fit.conf_int(), fit.conf_int(0.9, "profile")):
        assert list(frame.index) == names
    covariance = fit.cov_params()
    assert list(covariance) == list(covariance.index) == names
    assert np.sqrt(np.diag(covariance)) == pytest.approx(fit.bse.to_numpy(), nan_ok=True)
    assert list(fit.var_corr)[:3] == ["index_set", "effect", "sd"]


def test_likelihood(fit: FittedModel) -> None:
    assert fit.llf == fit.loglik == pytest.approx(-fit.deviance / 2)
    assert fit.criterion == pytest.approx(fit.deviance - 2 * fit.log_prior)
    assert fit.aic == pytest.approx(fit.deviance + 2 * fit.dof)
    assert fit.bic == pytest.approx(fit.deviance + np.log(fit.nobs) * fit.dof)
    assert (fit.nobs, fit.dof) == (200, len(fit.params))


def test_groups(fit: FittedModel) -> None:
    for effect in fit.ranef:
        modes, own = fit.ranef[effect], fit.coef[effect]
        assert list(modes) == ["estimate", "se"]
        assert list(modes.index) == list(own.index)
        assert len(modes) == 25
        assert modes.index[3] == "school 3" or "school 3" in modes.index
    assert len(list(fit.ranef)) == (2 if fit.method == "reml" else 1)


def test_rows(fit: FittedModel) -> None:
    assert len(fit.fitted) == 200
    assert fit.fitted.index.equals(DATA.index)
    if not is_ordered(fit):
        outcome = DATA[fit.design.form.outcome.name]
        assert fit.residuals.to_numpy() == pytest.approx((outcome - fit.fitted).to_numpy())
    new = {"x": [0.5], "z": [1.0], "j": ["nowhere"]}
    for include in ("all", None, ["j"]):
        for scale in ("response", "link"):
            for marginal in (False, True):
                found = fit.predict(new, include, scale, marginal=marginal)
                assert np.isfinite(np.asarray(found)).all()
                assert set(found.attrs["groups"]) == {"j"}
                table = fit.predictions(new, include, scale, marginal=marginal)
                assert (table["lower"] < table["estimate"]).all()
                assert (table["estimate"] < table["upper"]).all()
                assert np.ravel(found) == pytest.approx(table["estimate"].to_numpy())
    drawn = fit.simulate(3, seed=1)
    assert drawn.shape == (200, 3)
    assert drawn.equals(fit.simulate(3, seed=1))


def test_tests(fit: FittedModel) -> None:
    table = fit.inference()
    assert table["estimate"].to_numpy() == pytest.approx(fit.fixef.to_numpy())
    single = fit.test("g = 0")
    assert single.p == pytest.approx(fit.pvalues["g"], rel=1e-6)
    assert fit.contrast("g - 0.1")["estimate"].iloc[0] == pytest.approx(fit.params["g"] - 0.1)
    assert "g" in fit.anova().index
    assert fit.robust("j", "CR0").table["se"].gt(0).all()
    record = fit.bootstrap(3, seed=1)
    assert list(record.estimates) == list(fit.params.index)
    assert len(record.status) == 3


def test_tables(fit: FittedModel) -> None:
    tidy = fit.tidy()
    assert {"effect", "group", "term", "estimate", "std.error"} <= set(tidy)
    assert len(tidy) == fit.dof
    assert len(fit.glance()) == 1
    assert len(fit.augment()) == 200
    measures = fit.measures().set_index("measure")["value"]
    assert measures["aic"] == pytest.approx(fit.aic)
    assert len(fit.icc()) == 2
    assert 0 < fit.r2()["marginal"] < fit.r2()["conditional"] < 1
    assert fit.summary().tidy()["name"].tolist() == list(fit.params.index)
    assert max(map(len, str(fit.summary()).splitlines())) <= 80
    assert "<table" in fit._repr_html_()


def test_kept(fit: FittedModel, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.hmfit")
    again = hdsl.load(tmp_path / "fit.hmfit")
    assert again.params.equals(fit.params)
    new = {"x": [0.5], "z": [1.0], "j": ["school 3"]}
    assert again.predictions(new).equals(fit.predictions(new))
