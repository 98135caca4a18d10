"""Every structure of random effects against the density that a textbook prints, with V in full."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit.criterion import Criterion, criterion
from hdsl.plan import Arrays

HEAD = "y[i] ~ normal(b0 + b1*x[i] + {terms}, sd)\n"


def vector(name: str, index: str) -> str:
    """Return an intercept and a slope that vary together."""
    return f"({name}0[{index}], {name}1[{index}]) ~ mvnormal(0, O_{name})\n"


def scalar(name: str, index: str) -> str:
    return f"{name}0[{index}] ~ normal(0, s_{name})\n"


def slopes(name: str, index: str) -> str:
    return f"{name}0[{index}] + {name}1[{index}]*x[i]"


STRUCTURES = {
    "chain of vector blocks": (
        HEAD.format(terms=" + ".join(slopes(n, i) for n, i in (("u", "a"), ("v", "b"), ("w", "c"))))
        + vector("u", "a")
        + vector("v", "b")
        + vector("w", "c")
    ),
    "crossed vector blocks": (
        HEAD.format(terms=f"{slopes('u', 'a')} + {slopes('v', 'r')}") + vector("u", "a") + vector("v", "r")
    ),
    "three crossed factors": (
        HEAD.format(terms="u0[a] + v0[r] + w0[s]") + scalar("u", "a") + scalar("v", "r") + scalar("w", "s")
    ),
    "chain crossed with a vector block": (
        HEAD.format(terms=f"{slopes('u', 'a')} + v0[b] + {slopes('w', 'r')}")
        + vector("u", "a")
        + scalar("v", "b")
        + vector("w", "r")
    ),
    "two chains": (
        HEAD.format(terms="u0[a] + v0[b] + w0[r] + t0[q]")
        + scalar("u", "a")
        + scalar("v", "b")
        + scalar("w", "r")
        + scalar("t", "q")
    ),
    "cells of crossed factors": (
        HEAD.format(terms=f"{slopes('u', 'b')} + v0[r] + w0[b,r]")
        + vector("u", "b")
        + scalar("v", "r")
        + "w0[b,r] ~ normal(0, s_w)\n"
    ),
    "grid": HEAD.format(terms=f"{slopes('u', 'g')} + v0[h]") + vector("u", "g") + scalar("v", "h"),
    "independent slopes crossed": (
        HEAD.format(terms=f"{slopes('u', 'a')} + {slopes('v', 'r')}")
        + "u0[a] ~ normal(0, s1)\nu1[a] ~ normal(0, s2)\n(v0[r], v1[r]) ~ mvnormal(0, diag(s3, s4))\n"
    ),
}
"""Models of rows in a in b in c, crossed with r in q and with s; g and h are a full grid."""


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n, a = 240, np.repeat(np.arange(40), 6)
    b, r = a // 4, rng.integers(0, 12, 240)
    columns = {"a": a, "b": b, "c": b // 3, "r": r, "q": r // 4, "s": rng.integers(0, 5, n)}
    columns |= {"g": np.repeat(np.arange(20), 12), "h": np.tile(np.arange(12), 20), "x": rng.normal(size=n) + 0.5}
    return pd.DataFrame({"y": 2.0 + columns["x"] + rng.normal(size=n), **columns})


def dense_deviance(problem: Criterion, arrays: Arrays, theta: np.ndarray) -> float:
    """Return -2 log-likelihood (restricted) with beta and sigma^2 profiled out, from V as it is written."""
    X, y, Z = problem.emitted.columns(arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
    X, n = np.column_stack(X), len(y)
    V = np.eye(n)
    sigmas = problem.user_sigmas(problem.evaluate(theta).factors)
    for columns, codes, sigma in zip(Z, arrays.groups, sigmas, strict=True):
        own = np.column_stack(columns)
        V += (own @ sigma @ own.T) * (codes[:, None] == codes)
    W = np.linalg.solve(V, np.column_stack((X, y)))
    XVX, XVy = X.T @ W[:, :-1], X.T @ W[:, -1]
    r2 = y @ W[:, -1] - XVy @ np.linalg.solve(XVX, XVy)
    nn = n - X.shape[1] if problem.reml else n
    deviance = np.linalg.slogdet(V)[1] + nn * (1.0 + np.log(2.0 * np.pi * r2 / nn))
    return float(deviance + (np.linalg.slogdet(XVX)[1] if problem.reml else 0.0))


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("name", STRUCTURES)
def test_criterion_and_gradient(name: str, reml: bool) -> None:
    design = hdsl.Model(STRUCTURES[name]).bind(frame())
    problem = criterion(design.plan, design.arrays, reml=reml)
    theta = 0.6 * np.random.default_rng(3).normal(size=design.plan.n_theta)
    at = problem.evaluate(theta)
    assert problem.user_objective(at.profile) == pytest.approx(dense_deviance(problem, design.arrays, theta), abs=1e-7)
    gradient, step = problem.slope(at).gradient, 1e-5
    for k in range(len(theta)):
        move = step * np.eye(len(theta))[k]
        ends = [dense_deviance(problem, design.arrays, theta + sign * move) for sign in (1.0, -1.0)]
        assert gradient[k] == pytest.approx((ends[0] - ends[1]) / (2.0 * step), abs=2e-4)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("name", [name for name in STRUCTURES if name != "chain of vector blocks"])
def test_criterion_by_iterations(name: str, reml: bool) -> None:
    design = hdsl.Model(STRUCTURES[name]).bind(frame(), crossed="iterative")
    problem = criterion(design.plan, design.arrays, reml=reml)
    theta = 0.6 * np.random.default_rng(3).normal(size=design.plan.n_theta)
    at = problem.evaluate(theta)
    error = at.forward.logdet_error
    assert error < 1.0
    expected = dense_deviance(problem, design.arrays, theta)
    assert problem.user_objective(at.profile) == pytest.approx(expected, abs=4.0 * error + 1e-6)


@pytest.mark.parametrize("zero", [0, 1])
def test_a_singular_point_by_iterations(zero: int) -> None:
    """A factor without variance: the derivative by its variance there is what the search looks at."""
    text = HEAD.format(terms="u0[a] + v0[r]") + scalar("u", "a") + scalar("v", "r")
    exact, ours = (
        criterion(design.plan, design.arrays, reml=False)
        for design in (hdsl.Model(text).bind(frame(), crossed=crossed) for crossed in ("exact", "iterative"))
    )
    theta = np.array([0.7, 0.4])
    theta[zero] = 0.0
    a, b = exact.evaluate(theta), ours.evaluate(theta)
    assert b.objective == pytest.approx(a.objective, abs=4.0 * b.forward.logdet_error + 1e-7)
    for own, other in zip(exact.slope(a).by_covariance, ours.slope(b).by_covariance, strict=True):
        np.testing.assert_allclose(other, own, rtol=0.02, atol=1e-6)
