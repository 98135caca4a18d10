"""Rows with standard deviations of their own: criterion, gradient and fit against dense matrices, ML and REML."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.codegen import emit
from hdsl.design.record import Design
from hdsl.fit.columns import fixed_columns, random_columns
from hdsl.fit.profiles import profile_of
from hdsl.fit.row_weights import Classes, Rows
from hdsl.fit.standardise import Floats
from hdsl.fit.weighted import Weighted, weighted

N = 90
LEVELS = "index i = rows\nindex j = child\n"
CONTINUOUS = "log(s[i]) = g0 + g1*x[i]\n"
MODELS = {
    "slopes, by class": LEVELS
    + "y[i] ~ normal(a[j] + b[j]*age[i], sd[sex])\nsd[sex] ~ flat()\na[j] ~ normal(m, t)\nb[j] ~ normal(mb, tb)\n",
    "one, by row": LEVELS + "y[i] ~ normal(a[j] + b*age[i], s[i])\na[j] ~ normal(m, t)\n" + CONTINUOUS,
    "three levels, correlated": LEVELS
    + "index k = school\n"
    + "y[i] ~ normal(a[j] + b[j]*age[i], s[i])\n(a[j], b[j]) ~ mvnormal((c[k], mb), Sigma)\nc[k] ~ normal(m, tc)\n"
    + CONTINUOUS,
    "crossed with a chain": LEVELS
    + "index k = school\nindex h = item\n"
    + "y[i] ~ normal(a[j] + d[h] + b*age[i], s[i])\na[j] ~ normal(c[k], t)\n"
    + "c[k] ~ normal(m, tc)\nd[h] ~ normal(0, td)\n"
    + CONTINUOUS,
    "crossed, by class": LEVELS
    + "index h = item\ny[i] ~ normal(a[j] + d[h] + b*age[i], sd[sex])\nsd[sex] ~ flat()\n"
    + "a[j] ~ normal(m, t)\nd[h] ~ normal(0, td)\n",
    "known": LEVELS + "y[i] ~ normal(a[j] + b*age[i], se[i])\na[j] ~ normal(m, t)\n",
    "a multiple of a known one": LEVELS + "y[i] ~ normal(a[j] + b*age[i], k*se[i])\na[j] ~ normal(m, t)\n",
    "an unmodelled set": LEVELS
    + "y[i] ~ normal(a[j] + c[item] + b*age[i], s[i])\nc[item] ~ flat()\na[j] ~ normal(m, t)\n"
    + CONTINUOUS,
    "no random effect": "y[i] ~ normal(a + b*age[i], s[i])\n" + CONTINUOUS,
}


def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    child, item = rng.integers(0, 12, N), rng.integers(0, 5, N)
    frame = pd.DataFrame({"child": child, "item": item, "school": child // 4, "age": rng.normal(10.0, 2.0, N)})
    frame["sex"] = np.where(child % 2 == 0, "F", "M")
    frame["x"], frame["se"] = rng.normal(size=N), rng.uniform(0.5, 2.0, N)
    effects = rng.normal(size=12)[child] + rng.normal(size=5)[item]
    frame["y"] = 3.0 + 0.4 * frame["age"] + effects + rng.normal(size=N) * np.exp(0.3 * frame["x"])
    return frame


def dense_objective(design: Design, criterion: Weighted, beta: Floats, theta: Floats) -> tuple[float, Floats]:
    """Return -2 log-likelihood with the covariance of all rows written out, and the coefficients of the mean."""
    at = criterion.evaluate(beta, theta)
    plan, arrays = design.plan, design.arrays
    columns, user = fixed_columns(plan, arrays), np.nan_to_num(criterion.user_beta(at))
    if plan.n_predictors == 1:
        sd = arrays.known[0]
    else:
        eta = columns.times(1, user)
        sd = np.exp(eta) if "exp" in repr(dict(plan.density.natural)["sd"]) else eta
    V = np.diag(sd**2)
    for f, sigma in enumerate(criterion.user_sigmas(at.factors)):
        Z, codes = np.array(random_columns(plan, arrays, f)[0]).T, arrays.groups[f]
        V += (Z @ sigma @ Z.T) * (codes[:, None] == codes)
    X, y = columns.dense(0)[:, criterion.mean_places], arrays.y
    W = np.linalg.solve(V, X)
    mean = np.linalg.solve(X.T @ W, W.T @ y)
    r = y - X @ mean
    value = np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r)
    if criterion.reml:
        value += (N - X.shape[1]) * np.log(2.0 * np.pi) + np.linalg.slogdet(X.T @ W)[1]
    else:
        value += N * np.log(2.0 * np.pi)
    return float(value), mean


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_criterion_and_gradient(name: str, reml: bool) -> None:
    design = hdsl.Model(MODELS[name]).bind(data())
    crossings = ("dense", "sparse") if design.plan.dense else (design.plan.crossing,)
    for crossing in crossings:
        plan = replace(design.plan, crossing=crossing)
        criterion = weighted(plan, design.arrays, reml=reml)
        assert isinstance(criterion.units, Classes if "class" in name else (Rows, Classes))
        rng = np.random.default_rng(3)
        m = len(criterion.kept)
        vector = np.concatenate((0.3 * np.abs(rng.normal(size=m)) + 0.2, 0.5 + 0.5 * rng.normal(size=plan.n_theta)))
        at = criterion.evaluate(vector[:m], vector[m:])
        value, mean = dense_objective(design, criterion, vector[:m], vector[m:])
        assert at.objective == pytest.approx(value, abs=1e-8)
        assert criterion.user_beta(at)[criterion.mean_places] == pytest.approx(mean, rel=1e-8)
        slope = criterion.slope(at)
        for i, step in enumerate(1e-5 * np.eye(len(vector))):
            ends = [criterion.evaluate((vector + s)[:m], (vector + s)[m:]).objective for s in (step, -step)]
            assert slope.gradient[i] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_laplace_is_exact_and_agrees(name: str) -> None:
    model, frame = hdsl.Model(MODELS[name]), data()
    closed, laplace = model.fit(frame, method="ml").outcome, model.fit(frame, method="laplace").outcome
    assert closed.objective == pytest.approx(laplace.objective, abs=1e-6)
    assert closed.beta == pytest.approx(laplace.beta, rel=1e-3, abs=1e-3)
    assert closed.status == laplace.status
    for own, other in zip(closed.modes, laplace.modes, strict=True):
        assert own == pytest.approx(other, abs=1e-2)
    for own, other in zip(closed.mode_cov, laplace.mode_cov, strict=True):
        assert own == pytest.approx(other, abs=1e-2)


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize("target", [0, 3, (0, 0, 0)])
def test_profiles_are_least_at_the_estimate(target: int | tuple[int, int, int], method: str) -> None:
    design = hdsl.Model(MODELS["one, by row"]).bind(data())
    fit = hdsl.Model(MODELS["one, by row"]).fit(data(), method=method)
    profile = profile_of(design.plan, design.arrays, fit.outcome, target)
    if target == 0:  # that of ML, whose least is at the estimate of ML
        fit = hdsl.Model(MODELS["one, by row"]).fit(data(), method="ml")
    estimate = fit.outcome.beta[target] if isinstance(target, int) else fit.outcome.sd[0][0]
    assert profile(float(estimate)) == pytest.approx(fit.outcome.objective, abs=1e-5)
    assert profile(float(estimate) * 1.2 + 0.01) > fit.outcome.objective


@pytest.mark.parametrize("name", ["slopes, by class", "crossed with a chain", "known", "no random effect"])
def test_standalone_file(name: str, tmp_path: Path) -> None:
    design = hdsl.Model(MODELS[name]).bind(data())
    plan, arrays = design.plan, design.arrays
    path = tmp_path / "kernel.py"
    path.write_text(emit(plan, standalone=True), encoding="utf-8")
    saved = {f"x{k}": v for k, v in enumerate(arrays.x)} | {f"group{k}": v for k, v in enumerate(arrays.groups)}
    saved |= {f"set{k}": v for k, v in enumerate(arrays.sets)}
    saved |= dict(zip(plan.density.known, arrays.known, strict=True))
    np.savez(tmp_path / "data.npz", y=arrays.y, **saved)
    criterion = weighted(plan, arrays, reml=True)
    gamma, theta = 0.1 + np.zeros(len(criterion.kept)), 0.8 + np.zeros(plan.n_theta)
    words = [str(v) for v in (*gamma, *theta)]
    run = [sys.executable, str(path), str(tmp_path / "data.npz"), *words, "reml"]
    printed = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
    user = np.zeros(criterion.n_columns)
    user[criterion.kept] = gamma
    roots = []
    for term in plan.re_terms:
        root = np.zeros((term.width, term.width))
        for block in term.blocks:
            for c in block.columns:
                root[c, c] = 0.8
        roots.append(root)
    at = criterion.evaluate(criterion.beta_from(user), criterion.theta_from(roots))
    assert float(printed[1]) == pytest.approx(at.objective, abs=1e-6)


def test_what_is_not_closed_form() -> None:
    random = (
        LEVELS + "y[i] ~ normal(b*age[i] + a[j], s[i])\nlog(s[i]) = g[j]\na[j] ~ normal(m, t)\ng[j] ~ normal(h, q)\n"
    )
    shared = LEVELS + "y[i] ~ normal(b*age[i] + a[j], s[i])\nlog(s[i]) = b*x[i]\na[j] ~ normal(m, t)\n"
    for text in (random, shared):
        assert not hdsl.Model(text).bind(data()).plan.is_weighted
