"""Refits of outcomes with a density end where fits of them do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit import generalised_refit
from hdsl.fit.dispatch import fit_design
from hdsl.fit.generalised_refit import GeneralisedRefitter
from hdsl.results.inference.replicates import outcomes, refits_of, with_outcome

RNG = np.random.default_rng(5)
N = 300
DATA = pd.DataFrame({"g": RNG.integers(0, 15, N), "h": RNG.integers(0, 8, N), "x": RNG.normal(2.0, 1.5, N)})
DATA["x2"] = 3.0 * DATA["x"]
ETA = 0.4 * DATA["x"] - 0.8 + 0.7 * RNG.normal(size=15)[DATA["g"]]
DATA["t"] = (RNG.random(N) < 1.0 / (1.0 + np.exp(-ETA))).astype(int)
DATA["c"] = RNG.poisson(np.exp(0.3 * ETA))
DATA["r"] = pd.qcut(ETA + RNG.logistic(size=N), 4, labels=False)

MODELS = {
    "bernoulli": "t[i] ~ bernoulli(p[i])\nlogit(p[i]) = a[g] + b1*x[i]\na[g] ~ normal(m, s)\n",
    "slopes": "t[i] ~ bernoulli(p[i])\nlogit(p[i]) = a[g] + b[g]*x[i]\n(a[g], b[g]) ~ mvnormal((m, k), Omega)\n",
    "aliased": "t[i] ~ bernoulli(p[i])\nlogit(p[i]) = a[g] + b1*x[i] + b2*x2[i]\na[g] ~ normal(m, s)\n",
    "crossed counts": "c[i] ~ poisson(mu[i])\nlog(mu[i]) = b0 + b1*x[i] + u[g] + v[h]\n"
    "u[g] ~ normal(0, s)\nv[h] ~ normal(0, t)\n",
    "with a size": "c[i] ~ negative_binomial(mu[i], size)\nlog(mu[i]) = b0 + b1*x[i] + u[g]\nu[g] ~ normal(0, s)\n",
    "ordered": "r[i] ~ ordered_logit(eta[i], cut)\neta[i] = u[g] + b1*x[i]\nu[g] ~ normal(0, s)\n",
}


@pytest.mark.parametrize(
    ("name", "nodes"), [*((name, None) for name in MODELS), ("bernoulli", 5)], ids=[*MODELS, "quadrature"]
)
def test_a_refit_is_a_fit(name: str, nodes: int | None) -> None:
    fit = hdsl.Model(MODELS[name]).fit(DATA, **({"nodes": nodes} if nodes else {}))
    design, outcome = fit.design, fit.outcome
    again = GeneralisedRefitter(plan=design.plan, arrays=design.arrays, outcome=outcome)
    for [y] in outcomes(fit, 3, seed=1):
        arrays = with_outcome(design, y)
        found = again.fit(arrays)
        own = hdsl.Model(MODELS[name]).bind(DATA.assign(**{design.form.outcome.name: y.astype(int)}))
        expected = fit_design(own, outcome.method, nodes=nodes)
        assert found.status == expected.status
        assert found.objective == pytest.approx(expected.objective, abs=1e-4 if nodes else 1e-5, rel=0)
        assert found.beta == pytest.approx(expected.beta, abs=2e-3, nan_ok=True)
        for sd, sds in zip(found.sd, expected.sd, strict=True):
            assert sd == pytest.approx(sds, abs=2e-3)


def test_from_an_edge_and_where_the_estimates_are_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DATA.sort_values("g").assign(t=np.arange(N) % 2)
    fit = hdsl.Model(MODELS["bernoulli"]).fit(data)
    assert fit.status == "boundary"
    design = fit.design
    again = GeneralisedRefitter(plan=design.plan, arrays=design.arrays, outcome=fit.outcome)
    own = hdsl.Model(MODELS["bernoulli"]).fit(DATA.sort_values("g"))
    assert again.fit(own.design.arrays).objective == pytest.approx(own.deviance, abs=1e-6, rel=0)
    monkeypatch.setattr(generalised_refit, "try_at", lambda problem, vector, near: None)
    assert again.fit(own.design.arrays).objective == pytest.approx(own.deviance, abs=1e-6, rel=0)


def test_the_bootstrap_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = hdsl.Model(MODELS["bernoulli"]).fit(DATA)
    seen = []
    inner = GeneralisedRefitter.fit
    monkeypatch.setattr(GeneralisedRefitter, "fit", lambda self, arrays: seen.append(1) or inner(self, arrays))
    assert len(fit.bootstrap(3, seed=1).estimates) == len(seen) == 3
    assert refits_of(fit).at_once == 1
