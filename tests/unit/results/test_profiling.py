"""Profile intervals of outcomes with a density: ends where the least deviance has risen by the quantile."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.diagnostics import FitError
from hdsl.results import profiling
from hdsl.results.profiling import zeta_of

CUT = 3.841458820694124
"""95 % quantile of chi-squared with one degree of freedom."""

MODELS = {
    "ordered": (
        "y[i] ~ ordered_logit(eta[i], c)\neta[i] = b1*x[i] + u[g]\nu[g] ~ normal(0, sd_u)\n",
        lambda eta, rng: np.digitize(eta + rng.logistic(size=len(eta)), [-1.0, 0.5, 1.0]) + 1,
    ),
    "counts": (
        "y[i] ~ negative_binomial(m[i], size)\nlog(m[i]) = b0 + b1*x[i] + u[g]\nu[g] ~ normal(0, sd_u)\n",
        lambda eta, rng: rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, len(eta))),
    ),
    "spread": (
        "y[i] ~ normal(m[i], s[i])\nm[i] = b0 + b1*x[i] + u[g]\nlog(s[i]) = g0 + g1*x[i]\nu[g] ~ normal(0, sd_u)\n",
        lambda eta, rng: eta + rng.normal(size=len(eta)),
    ),
}


@pytest.fixture(scope="module", params=list(MODELS))
def fit(request):
    text, draw = MODELS[request.param]
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(15), 12)
    x = rng.normal(size=180)
    eta = 0.5 * x + rng.normal(0, 0.8, 15)[groups]
    return hdsl.Model(text).fit(pd.DataFrame({"g": groups, "x": x, "y": draw(eta, rng)}))


def test_every_end_is_where_the_deviance_has_risen(fit):
    bounds = fit.conf_int(method="profile")
    assert list(bounds.index) == list(fit.params.index)
    for name, (lower, upper) in bounds.iterrows():
        assert lower < fit.params[name] < upper, name
        ends = fit.profile(name, level=0.95, n=1)
        assert ends["value"].iloc[[0, -1]].tolist() == pytest.approx([lower, upper], rel=1e-3)
        assert ends["deviance"].iloc[[0, -1]].tolist() == pytest.approx([fit.deviance + CUT] * 2, abs=2e-3)
        assert ends["zeta"].abs().iloc[1] < 1e-3


def test_a_wider_level_is_a_wider_interval(fit):
    some = list(fit.params.index)[:2]
    narrow, wide = (fit.conf_int(level, method="profile", names=some) for level in (0.8, 0.99))
    assert list(narrow.index) == some
    assert (wide["lower"] < narrow["lower"]).all()
    assert (wide["upper"] > narrow["upper"]).all()


def test_wald_and_profile_are_near_where_the_likelihood_is_a_parabola(fit):
    wald, profile = (fit.conf_int(method=method, names=["b1"]).loc["b1"] for method in ("wald", "profile"))
    assert np.allclose(wald, profile, atol=0.15 * fit.bse["b1"])


def test_an_unknown_name_is_refused(fit):
    for ask in (lambda: fit.conf_int(names=["sd_uu"]), lambda: fit.profile("sd_uu")):
        with pytest.raises(FitError, match="did you mean") as caught:
            ask()
        assert caught.value.code == "HM510"


GAUSSIAN = {
    "one sd on its edge": (
        "index j = g\nindex k = h\ny[i] ~ normal(u[j,k] + b1*x[i], s)\nu[j,k] ~ normal(v[k], sd_u)\n"
        "v[k] ~ normal(m, sd_v)\n"
    ),
    "three effects": (
        "index j = g\ny[i] ~ normal(a[j] + b[j]*x[i] + c[j]*z[i], s)\n"
        "(a[j], b[j], c[j]) ~ mvnormal((m_a, m_b, m_c), Omega)\n"
    ),
}


@pytest.fixture(scope="module", params=[(text, method) for text in GAUSSIAN for method in ("ml", "reml")])
def gaussian(request):
    text, method = request.param
    rng = np.random.default_rng(11)
    n = 240
    columns = {"g": rng.integers(0, 12, n), "h": rng.integers(0, 5, n), "x": rng.normal(2, 1, n)}
    frame = pd.DataFrame(columns | {"z": rng.normal(0, 3, n)})
    spread = [[1.0, 0.3, 0.1], [0.3, 0.5, 0.0], [0.1, 0.0, 0.1]]
    effects = rng.multivariate_normal([1.0, 0.5, 0.2], spread, 12)[frame["g"]]
    frame["y"] = (effects * np.column_stack([np.ones(n), frame["x"], frame["z"]])).sum(1)
    frame["y"] += rng.normal(0, 0.7, 5)[frame["h"]] + rng.normal(0, 1, n)
    return hdsl.Model(GAUSSIAN[text]).fit(frame, method=method)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_ends_are_where_the_root_is_its_quantile(gaussian, level):
    root = NormalDist().inv_cdf(0.5 + level / 2.0)
    for name, bounds in gaussian.conf_int(level, method="profile").iterrows():
        zeta = zeta_of(gaussian.parameters, name)
        for sign, end, edge in zip((-1.0, 1.0), bounds, zeta.edges, strict=True):
            if end == edge:
                assert abs(zeta(end)) < root, name
            else:
                assert zeta(end) == pytest.approx(sign * root, rel=1e-4), name


def small_groups(seed):
    """Return few rows in small groups, with an intercept and a slope that vary a little, or not at all."""
    rng = np.random.default_rng(seed)
    n, groups = int(rng.integers(40, 150)), int(rng.integers(5, 25))
    frame = pd.DataFrame({"g": rng.integers(0, groups, n), "x": rng.normal(3, 1, n)})
    sd_a, sd_b = rng.choice([0.0, 0.1, 0.5]), rng.choice([0.0, 0.1, 0.5])
    effects = rng.normal(size=(groups, 2)) * (sd_a, sd_b)
    frame["y"] = 0.5 + 0.3 * frame["x"] + effects[frame["g"], 0] + effects[frame["g"], 1] * frame["x"]
    frame["y"] += rng.normal(size=n)
    return frame


@pytest.mark.parametrize("seed", range(8))
def test_an_end_of_a_fixed_effect_is_where_a_fit_with_it_held_has_risen(seed):
    text = "y[i] ~ normal(a[g] + b[g]*x[i], s)\n(a[g], b[g]) ~ mvnormal(({}, m_b), Omega)\n"
    frame = small_groups(seed)
    fit, held = hdsl.Model(text.format("m_a")).fit(frame, method="ml"), hdsl.Model(text.format("0"))
    for end in fit.conf_int(method="profile", names=["m_a"]).loc["m_a"]:
        refit = held.fit(frame.assign(y=frame["y"] - end), method="ml")
        assert refit.deviance - fit.deviance == pytest.approx(CUT, abs=2e-3)


def test_a_correlation_with_an_effect_that_may_not_be_there_may_be_anything():
    text = "y[i] ~ normal(a[g] + b[g]*x[i], s)\n(a[g], b[g]) ~ mvnormal((m_a, m_b), Omega)\n"
    met = 0
    for seed in range(8):
        fit = hdsl.Model(text).fit(small_groups(seed), method="ml")
        if fit.params.isna().any():  # a correlation beside a standard deviation of zero
            continue
        bounds = fit.conf_int(method="profile", names=["sd(a[g])", "sd(b[g])", "cor(a[g], b[g])"])
        if (bounds["lower"].iloc[:2] == 0.0).any():
            met += 1
            assert bounds.iloc[2].tolist() == [-1.0, 1.0]
            assert fit.profile("cor(a[g], b[g])", n=2)["zeta"].abs().max() < NormalDist().inv_cdf(0.995)
    assert met > 2


def test_a_parameter_that_may_be_as_large_as_it_likes_has_no_upper_end():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=150), "y": rng.poisson(2.0, 150), "g": np.repeat(np.arange(15), 10)})
    text = "y[i] ~ negative_binomial(m[i], size)\nlog(m[i]) = b0 + b1*x[i] + u[g]\nu[g] ~ normal(0, sd_u)\n"
    fit = hdsl.Model(text).fit(frame)
    lower, upper = fit.conf_int(method="profile", names=["size"]).loc["size"]
    assert 0.0 < lower < fit.params["size"]
    assert upper == np.inf


def test_an_interruption_keeps_the_parameters_that_are_done(gaussian, monkeypatch):
    whole, names = gaussian.conf_int(method="profile"), list(gaussian.params.index)

    def stopped(table, name, profiles):
        if name == names[at]:
            raise KeyboardInterrupt
        return zeta_of(table, name, profiles)

    monkeypatch.setattr(profiling, "zeta_of", stopped)
    at = 2
    with pytest.warns(UserWarning, match=f"interrupted: profile intervals of 2 of {len(names)} parameters") as caught:
        part = gaussian.conf_int(method="profile")
    assert caught[0].filename == __file__
    pd.testing.assert_frame_equal(part.iloc[:2], whole.iloc[:2])
    assert list(part.index) == names
    assert part.iloc[2:].isna().all(axis=None)
    at = 0
    with pytest.raises(KeyboardInterrupt):
        gaussian.conf_int(method="profile")


def uneven_counts(seed):
    """Counts of groups within two factors, so that the size of a negative binomial may be at its end."""
    r = np.random.default_rng(82_000 + seed)
    groups, others, n = int(r.integers(5, 16)), int(r.integers(4, 8)), int(r.integers(60, 200))
    g, h = r.integers(0, groups, n), r.integers(0, others, n)
    x = r.normal(size=n) * 10 ** r.uniform(-1.5, 1.5) + r.choice([0, 0, 3])
    r.normal(size=n)
    s, rho = r.choice([0, 0.1, 0.4, 1, 3], size=4), r.choice([-0.99, -0.5, 0, 0.6, 0.98])
    u = r.normal(size=(groups, 3))
    u[:, 1] = rho * u[:, 0] + np.sqrt(1 - rho**2) * u[:, 1]
    v, _ = r.normal(size=(others, 2)), r.gamma(2, 1, n)
    xs = (x - x.mean()) / x.std()
    eta = s[0] * u[g, 0] + s[1] * u[g, 1] * xs + s[2] * v[h, 0] + 0.5 * xs
    r.normal(size=n), r.choice([0.01, 1, 100]), r.normal(size=groups), r.integers(0, 3, n)
    return pd.DataFrame({"g": g, "h": h, "x": x, "c": r.poisson(np.exp(np.clip(eta * 0.5, -3, 2.5)))})


def test_an_end_is_looked_at_from_elsewhere_where_the_fit_is_on_an_edge():
    """Of two minima with a coefficient held, one has the size at infinity as the fit has, the other is lower."""
    text = (
        "c[i] ~ negative_binomial(m[i], size)\nlog(m[i]) = b0[g] + u[h] + b1*x[i]\n"
        "b0[g] ~ normal(b0, sg)\nu[h] ~ normal(0, sh)\n"
    )
    data = uneven_counts(46)
    fit = hdsl.Model(text).fit(data)
    assert fit.status == "boundary"
    upper = fit.conf_int(method="profile").loc["b1", "upper"]
    held = hdsl.Model(text.replace("b1*x[i]", f"{upper}*x[i]")).fit(data)
    assert held.deviance - fit.deviance == pytest.approx(3.841, abs=0.01)
