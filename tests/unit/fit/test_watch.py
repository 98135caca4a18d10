"""Several starts, interruption, progress and the certificate of a boundary."""

from __future__ import annotations

import io
import math
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl import progress as progress_module
from hdsl.fit import gaussian, generalised
from hdsl.fit.criterion import Criterion, criterion
from hdsl.fit.joint import Joint
from hdsl.fit.multistart import search_from_several
from hdsl.fit.newton import Tolerances
from hdsl.fit.quadrature import Quadrature
from hdsl.fit.search import search
from hdsl.fit.start import starting_theta
from hdsl.progress import progress, say

SLOPES = """
y[i] ~ normal(b0 + b1*x1[i] + b2*x2[i] + b3*x3[i] + of_g[i] + of_h[i], sd)
of_g[i] = u0[g] + u1[g]*x1[i] + u2[g]*x2[i] + u3[g]*x3[i]
of_h[i] = w0[h] + w1[h]*x1[i] + w2[h]*x2[i]
(u0[g], u1[g], u2[g], u3[g]) ~ mvnormal(0, Om1)
(w0[h], w1[h], w2[h]) ~ mvnormal(0, Om2)
"""

NESTED = """
y[i] ~ normal(b0[g] + b1*x1[i], sd)
b0[g] ~ normal(b0, sd_g)
"""


def crossed(seed: int) -> pd.DataFrame:
    """Return a small crossed design with slopes on both factors; fewer directions vary than the model has."""
    rng = np.random.default_rng(seed)
    n, J, H = 48, 6, 8
    g, h = rng.integers(0, J, n), rng.integers(0, H, n)
    X = rng.choice([-1.0, 1.0], size=(n, 3))
    Z = np.column_stack([np.ones(n), X])
    u = rng.normal(size=(J, 1)) @ rng.normal(size=(1, 4))
    w = 0.3 * rng.normal(size=(H, 2)) @ rng.normal(size=(2, 3))
    y = X[:, 0] + (Z * u[g]).sum(1) + (Z[:, :3] * w[h]).sum(1) + rng.normal(size=n)
    columns = {"x1": X[:, 0], "x2": X[:, 1], "x3": X[:, 2]}
    return pd.DataFrame({"y": y, **columns, "g": [f"g{k}" for k in g], "h": [f"h{k}" for k in h]})


def flat_groups() -> pd.DataFrame:
    """Return groups that differ less than chance lets them."""
    rng = np.random.default_rng(0)
    x = np.tile([1.0, 2.0, 3.0, 4.0], 10)
    error = rng.normal(size=(10, 4))
    error -= error.mean(axis=1, keepdims=True)
    return pd.DataFrame({"y": x + error.ravel(), "x1": x, "g": [f"g{k}" for k in np.repeat(range(10), 4)]})


@pytest.mark.parametrize("seed", range(10))
def test_no_random_start_ends_below_the_fit(seed):
    design = hdsl.Model(SLOPES).bind(crossed(seed))
    problem = criterion(design.plan, design.arrays, reml=seed % 2 == 0)
    found = search_from_several(problem, problem.evaluate(starting_theta(problem, None)), Tolerances())
    rng = np.random.default_rng(100 + seed)
    for scale in (0.2, 1.0, 3.0):
        other = search(problem, problem.evaluate(scale * rng.normal(size=design.plan.n_theta)), Tolerances())
        assert found.at.objective <= other.at.objective + 1e-4 or not other.converged


def test_a_regular_optimum_is_searched_once(sleepstudy_problem):
    problem = sleepstudy_problem
    begin = problem.evaluate(starting_theta(problem, None))
    once, several = search(problem, begin, Tolerances()), search_from_several(problem, begin, Tolerances())
    assert several.n_evaluations == once.n_evaluations
    assert math.isnan(several.certificate)


@pytest.fixture
def sleepstudy_problem() -> Criterion:
    rng = np.random.default_rng(1)
    g = np.repeat(range(20), 6)
    x = np.tile(np.arange(6.0), 20)
    y = 1.0 + rng.normal(size=20)[g] + (0.5 + rng.normal(size=20)[g]) * x + 0.5 * rng.normal(size=120)
    text = "y[i] ~ normal(b0[g] + b1[g]*x[i], sd)\n(b0[g], b1[g]) ~ mvnormal((b0, b1), Omega)\n"
    design = hdsl.Model(text).bind(pd.DataFrame({"y": y, "x": x, "g": [f"g{k}" for k in g]}))
    return criterion(design.plan, design.arrays, reml=False)


def test_the_certificate_is_the_derivative_by_the_variance_that_is_zero():
    design = hdsl.Model(NESTED).bind(flat_groups())
    problem = criterion(design.plan, design.arrays, reml=False)
    fit = hdsl.Model(NESTED).fit(flat_groups())
    assert fit.boundary == ("sd_g",)
    at, step = problem.evaluate(np.zeros(1)).objective, 1e-5
    slope = (problem.evaluate(np.array([math.sqrt(step)])).objective - at) / step
    assert fit.certificate == pytest.approx(slope, rel=1e-3)
    assert fit.certificate > 0.0
    (warning,) = (d for d in fit.diagnostics if d.code == "HM503")
    assert any("it is an optimum" in note for note in warning.notes)


def test_the_certificate_of_a_singular_block_is_not_negative():
    found = [hdsl.Model(SLOPES).fit(crossed(seed)) for seed in range(5)]
    singular = [fit.certificate for fit in found if fit.boundary]
    assert singular
    assert min(singular) >= -1e-4


def test_an_interrupted_fit_keeps_its_best_point_and_says_so():
    frame, model = crossed(3), hdsl.Model(SLOPES)
    whole = model.fit(frame)
    evaluate, calls = Criterion.evaluate, []

    def stops(self, theta, near=None):
        calls.append(None)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return evaluate(self, theta, near)

    with patch.object(Criterion, "evaluate", stops):
        fit = model.fit(frame)
    assert not fit.converged
    assert fit.status == "not converged"
    assert "Interrupted after" in fit.message
    (warning,) = (d for d in fit.diagnostics if d.code == "HM502")
    assert "Interrupted" in warning.notes[0]
    assert "was interrupted" in warning.message
    assert whole.loglik > fit.loglik > -math.inf
    assert np.isfinite(fit.fixef).all()
    n_calls, n_fixed = len(calls), len(fit.fixef)
    fit.summary()
    assert np.isfinite(fit.bse.iloc[:n_fixed]).all()
    assert fit.bse.iloc[n_fixed:].isna().all()
    assert len(calls) == n_calls


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    g, h, x = np.repeat(range(12), 6), np.tile(range(6), 12), rng.normal(size=72)
    mean = np.exp(0.5 + 0.3 * x + 0.6 * rng.normal(size=12)[g] + 0.4 * rng.normal(size=6)[h])
    return pd.DataFrame({"y": rng.poisson(mean), "x": x, "g": g, "h": h})


class Stops:
    """A method that the user interrupts at one of its calls."""

    def __init__(self, method: Callable[..., object], at: int) -> None:
        self.method, self.at, self.count = method, at, 0

    def __get__(self, instance: object, owner: type) -> Callable[..., object]:
        return partial(self, instance)

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt
        return self.method(*args, **kwargs)


COUNTS = "y[i] ~ poisson(mu[i])\nlog(mu[i]) = b0 + b1*x[i] + u[g]{}\nu[g] ~ normal(0, sd_g)\n"
CROSSED = COUNTS.format(" + w[h]") + "w[h] ~ normal(0, sd_h)\n"


def test_an_interrupted_generalised_fit_has_no_standard_errors_and_computes_none(counts, monkeypatch):
    stops = Stops(Joint.evaluate, 8)
    monkeypatch.setattr(Joint, "evaluate", stops)
    fit = hdsl.Model(CROSSED).fit(counts)
    assert (fit.status, fit.outcome.interrupted) == ("not converged", "search")
    monkeypatch.setattr(generalised, "joint_information", None)
    text = str(fit.summary())
    assert "NOT CONVERGED" in text
    assert "Interrupted after" in text
    assert fit.bse.isna().all()
    assert np.isfinite(fit.params).all()


def test_a_generalised_fit_that_was_not_looked_at_is_not_trusted(counts, monkeypatch):
    whole = hdsl.Model(CROSSED).fit(counts)
    monkeypatch.setattr(generalised, "find_troubles", Stops(generalised.find_troubles, 1))
    fit = hdsl.Model(CROSSED).fit(counts)
    assert (fit.status, fit.outcome.interrupted) == ("not converged", "search")
    assert fit.params.equals(whole.params)


@pytest.mark.parametrize("at", [1, 3])
def test_an_interrupted_quadrature_keeps_its_best_point(counts, monkeypatch, at):
    model = hdsl.Model(COUNTS.format(""))
    by_laplace = model.fit(counts)
    monkeypatch.setattr(Quadrature, "evaluate", Stops(Quadrature.evaluate, at))
    fit = model.fit(counts, method="agq", nodes=5)
    assert (fit.status, fit.outcome.interrupted) == ("not converged", "search")
    assert fit.params.to_numpy() == pytest.approx(by_laplace.params.to_numpy(), rel=0.1)
    assert any("was interrupted" in diagnostic.message for diagnostic in fit.diagnostics)


@pytest.mark.parametrize(
    ("module", "name", "text"), [(gaussian, "curvature", NESTED), (generalised, "joint_information", CROSSED)]
)
def test_interrupted_standard_errors_leave_the_estimates(module, name, text, counts, monkeypatch):
    frame = counts.assign(x1=counts["x"])
    fit = hdsl.Model(text).fit(frame)
    monkeypatch.setattr(module, name, Stops(getattr(module, name), 1))
    with pytest.warns(UserWarning, match="interrupted: standard errors"):
        text = str(fit.summary())
    assert re.search(r"^status +converged", text, re.MULTILINE)
    assert "interrupted: what of them" in text
    assert "HM519" not in text
    assert fit.outcome.interrupted == ""
    assert np.isfinite(fit.bse).all()  # asked again, they are computed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_after_its_time(monkeypatch):
    monkeypatch.setattr(progress_module, "PATIENCE", 0.01)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress("first"):
        say("the second thing")
        with progress("a part of it"):
            say("a smaller thing")
            time.sleep(0.5)
    assert "the second thing" in sys.stderr.getvalue()
    assert "first" not in sys.stderr.getvalue()
    assert "a smaller thing" not in sys.stderr.getvalue()


def test_nothing_is_shown_before_its_time_or_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("quick"):
        pass
    assert not sys.stderr.getvalue()
    monkeypatch.setattr(progress_module, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("no terminal"):
        time.sleep(0.05)
    assert not sys.stderr.getvalue()
