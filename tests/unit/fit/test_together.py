"""Outcomes fitted at once are fitted as they are one by one, whatever the structure of the plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hdsl
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.refit import refitter
from hdsl.fit.together import Refits, Together, together
from hdsl.results import FittedModel
from tests.unit.fit.test_refit import DATA, MODELS, N

WIDER = {
    "three correlated": "y[i] ~ normal(b0[g] + b1[g]*x[i] + b2[g]*o[i], sd)\n"
    "(b0[g], b1[g], b2[g]) ~ mvnormal((m0, m1, m2), Omega)\n",
    "slopes on nested levels": "y[i] ~ normal(b0[g] + b1[g]*x[i] + c0[k] + c1[k]*x[i], sd)\n"
    "(b0[g], b1[g]) ~ mvnormal((m0, m1), Omega)\n(c0[k], c1[k]) ~ mvnormal((0, 0), Psi)\n",
    "crossed slopes": "y[i] ~ normal(b0[g] + b1[g]*x[i] + v[h] + w[h]*x[i], sd)\n"
    "(b0[g], b1[g]) ~ mvnormal((m0, m1), Omega)\n(v[h], w[h]) ~ mvnormal((0, 0), Psi)\n",
}
EVERY = MODELS | WIDER


def fitted(name: str, method: str = "ml") -> tuple[FittedModel, Together]:
    """Return a fit of a model, and what fits outcomes at once."""
    fit = hdsl.Model(EVERY[name]).fit(DATA, method=method)
    several = together(refitter(fit.design.plan, fit.design.arrays, fit.outcome))
    assert several is not None
    return fit, several


def outcomes(fit: FittedModel, count: int) -> np.ndarray:
    """Return outcomes of which some have hardly any variance between groups, some a lot."""
    rng = np.random.default_rng(7)
    between = rng.normal(size=(count, 12))[:, DATA["g"]] * np.linspace(0.0, 2.0, count)[:, None]
    return fit.predict(include=None).to_numpy() + between + rng.normal(0.0, 1.5, (count, N))


def same(found: Refits, r: int, expected: FitOutcome) -> None:
    """Check one replicate against a fit."""
    assert found.status[r] == expected.status
    assert found.objective[r] == pytest.approx(expected.objective, abs=2e-7, rel=0)
    assert found.sigma[r] == pytest.approx(expected.sigma, rel=1e-4)
    assert found.beta[:, r] == pytest.approx(expected.beta, rel=1e-4, abs=1e-4, nan_ok=True)
    for sd, cor, sds, cors in zip(found.sd, found.cor, expected.sd, expected.cor, strict=True):
        assert sd[:, r] == pytest.approx(sds, abs=2e-3)
        assert ((sd[:, r] == 0.0) == (sds == 0.0)).all()
        if (sds > 0.05).all():
            assert cor[..., r] == pytest.approx(cors, abs=1e-2, nan_ok=True)


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize("name", EVERY)
def test_at_once_as_one_by_one(name: str, method: str) -> None:
    fit, several = fitted(name, method)
    block = outcomes(fit, 24)
    found = several.fit(block, fit.outcome)
    for r, y in enumerate(block):
        same(found, r, several.refit.fit(y))


def test_most_replicates_are_not_searched_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard deviations of zero included."""
    for name in ("nested", "crossed", "slopes"):
        fit, several = fitted(name)
        alone = []
        monkeypatch.setattr(Together, "_one", lambda self, y, theta, seen=alone: seen.append(1) or self.refit.fit(y))
        found = several.fit(outcomes(fit, 24), fit.outcome)
        assert len(alone) <= 6
        assert name == "slopes" or found.status.count("boundary") > len(alone)


def test_a_replicate_does_not_depend_on_the_others() -> None:
    fit, several = fitted("slopes")
    block = outcomes(fit, 12)
    whole = several.fit(block, fit.outcome)
    part = several.fit(block[5:9], fit.outcome)
    assert whole.objective[5:9] == pytest.approx(part.objective, rel=1e-13)
    assert whole.beta[:, 5:9] == pytest.approx(part.beta, rel=1e-9)


def test_what_cannot_be_fitted_stays_apart() -> None:
    fit, several = fitted("slopes")
    block = outcomes(fit, 4)
    block[1] = 2.0 + 3.0 * DATA["x"].to_numpy()
    found = several.fit(block, fit.outcome)
    assert found.status[1] == "failed"
    assert "exactly" in found.message[1]
    assert np.isnan(found.objective[1])
    for r in (0, 2, 3):
        same(found, r, several.refit.fit(block[r]))
    block[2, 4] = np.inf
    again = several.fit(block, fit.outcome)
    assert again.status[1:3] == ["failed", "failed"]
    assert again.objective[[0, 3]] == pytest.approx(found.objective[[0, 3]], abs=1e-7, rel=0)


def test_where_it_is_no_faster_nothing_is_made() -> None:
    fit = hdsl.Model(MODELS["crossed"]).fit(DATA)
    refit = refitter(fit.design.plan, fit.design.arrays, fit.outcome)
    many_rows = replace(refit.arrays, y=np.broadcast_to(0.0, 10_000_000))
    assert together(replace(refit, arrays=many_rows)) is None
    for crossing in ("sparse", "iterative"):
        problem = replace(refit.problem, plan=replace(refit.problem.plan, crossing=crossing))
        assert together(replace(refit, problem=problem)) is None
