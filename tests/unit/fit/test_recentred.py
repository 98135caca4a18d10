"""Columns far from zero whose effects are independent of the intercept's, against dense matrices of centred columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.codegen import Emitted
from hdsl.fit.criterion import Criterion, criterion
from hdsl.fit.gaussian import fit_gaussian
from hdsl.fit.recentred import Recentred
from hdsl.fit.refit import optimum_of, refitter
from hdsl.fit.standardise import Floats
from hdsl.fit.together import together

ONE = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i], sd)
u0[g] ~ normal(0, sd_u0)
u1[g] ~ normal(0, sd_u1)
"""
MIXED = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*z[i] + u2[g]*x[i], sd)
(u0[g], u1[g]) ~ mvnormal(0, O)
u2[g] ~ normal(0, sd_u2)
"""
TIED = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i], sd)
u0[g] ~ normal(0, sd_u)
u1[g] ~ normal(0, sd_u)
"""
NESTED = """
y[i] ~ normal(b0 + b1*x[i] + u0[g] + u1[g]*x[i] + w0[k] + w1[k]*x[i], sd)
u0[g] ~ normal(0, sd_u0)
u1[g] ~ normal(0, sd_u1)
w0[k] ~ normal(0, sd_w0)
w1[k] ~ normal(0, sd_w1)
"""
CROSSED = NESTED.replace("[k]", "[h]")
SPARSE = """
y[i] ~ normal(b0 + b1*x[i] + u0[many] + u1[many]*x[i] + w0[h] + w1[h]*x[i] + v[l], sd)
u0[many] ~ normal(0, sd_u0)
u1[many] ~ normal(0, sd_u1)
w0[h] ~ normal(0, sd_w0)
w1[h] ~ normal(0, sd_w1)
v[l] ~ normal(0, sd_v)
"""
STUDIES = {"one": ONE, "mixed": MIXED, "tied": TIED, "nested": NESTED, "crossed": CROSSED, "sparse": SPARSE}


def frame(text: str) -> pd.DataFrame:
    """Return rows of eight years, their groups permuted; so many that cells are stored sparsely for `SPARSE`."""
    rng = np.random.default_rng(3)
    n, sizes = (600, (15, 90, 60, 270)) if "[many]" in text else (120, (15, 6, 4, 70))
    g, h, plot, many = (rng.permutation(np.arange(n) % size) for size in sizes)
    codes = {"g": g, "k": g // 4, "h": h, "l": plot, "many": many}
    columns = {name: [f"{name}{code}" for code in values] for name, values in codes.items()}
    x = 2000.0 + rng.integers(8, size=n)
    y = 3.0 + rng.normal(size=15)[g] + rng.normal(size=15)[g] * 0.02 * x + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "z": rng.normal(size=n), **columns})


class Dense:
    """The criterion of centred columns by dense matrices; ``x = mean + (x - mean)`` in the covariance alone."""

    def __init__(self, problem: Criterion, data: hdsl.Design) -> None:
        self.problem, plan, arrays = problem, data.plan, data.arrays
        X, self.y, Z = problem.emitted.columns(arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
        self.X = np.column_stack([np.broadcast_to(column, self.y.shape) for column in X])
        self.X[:, 1] -= self.X[:, 1].mean()
        self.groups, self.Z, self.S = arrays.groups, [], []
        for columns in Z:
            matrix = np.column_stack([np.broadcast_to(column, self.y.shape) for column in columns])
            means = matrix.mean(axis=0) * (matrix.std(axis=0) > 0.0)
            constant = int(np.argmin(matrix.std(axis=0)))
            S = np.eye(len(columns))
            S[constant] += means
            self.Z.append(matrix - means)
            self.S.append(S)
        self.plan = plan

    def parts(self, theta: Floats) -> tuple[Floats, list[Floats]]:
        """Return V relative to the residual's variance, and the covariances of centred columns."""
        factors = self.problem.evaluate(theta).factors
        sigmas = self.problem.user_sigmas(factors)
        V, moved = np.eye(len(self.y)), []
        for Z, S, sigma, codes in zip(self.Z, self.S, sigmas, self.groups, strict=True):
            moved.append(S @ sigma @ S.T)
            V += (Z @ moved[-1] @ Z.T) * np.equal.outer(codes, codes)
        return V, moved

    def objective(self, theta: Floats) -> float:
        """Return minus twice the log-likelihood, restricted or not, with sigma profiled out."""
        V, _ = self.parts(theta)
        L = np.linalg.cholesky(V)
        W = np.linalg.solve(L, np.column_stack((self.X, self.y)))
        C = W.T @ W
        XX = C[:-1, :-1]
        r2 = C[-1, -1] - C[:-1, -1] @ np.linalg.solve(XX, C[:-1, -1])
        nn = len(self.y) - len(XX) * self.problem.reml
        value = 2.0 * np.log(np.diag(L)).sum() + nn * (1.0 + np.log(2.0 * np.pi * r2 / nn))
        return float(value + self.problem.reml * np.linalg.slogdet(XX)[1])


@pytest.fixture(params=STUDIES)
def design(request: pytest.FixtureRequest) -> hdsl.Design:
    text = STUDIES[request.param]
    return hdsl.Model(text).bind(frame(text))


def points(problem: Criterion) -> list[Floats]:
    """Return two points: the start, and one with other proportions."""
    rng = np.random.default_rng(0)
    return [problem.guess, (problem.guess + 0.1) * rng.uniform(0.3, 2.0, len(problem.guess))]


@pytest.mark.parametrize("reml", [False, True])
def test_the_criterion_is_that_of_the_model(design, reml):
    problem = criterion(design.plan, design.arrays, reml=reml)
    assert isinstance(problem.emitted, Recentred)
    dense = Dense(problem, design)
    for theta in points(problem):
        value = problem.user_objective(problem.evaluate(theta).profile)
        assert value == pytest.approx(dense.objective(theta), abs=1e-6)


def differences(value: Callable[[Floats], float], at: Floats) -> Floats:
    """Return central differences."""
    steps = np.diag(1e-4 * np.maximum(np.abs(at), 0.1))
    return np.array([(value(at + h) - value(at - h)) / (2.0 * h.sum()) for h in steps])


def test_derivatives_are_those_of_differences(design):
    problem = criterion(design.plan, design.arrays, reml=True)
    for theta in points(problem):
        slope = problem.slope(problem.evaluate(theta))
        gradient = differences(lambda t: problem.evaluate(t).objective, theta)
        np.testing.assert_allclose(slope.gradient, gradient, atol=1e-5 * np.abs(gradient).max())


def test_average_information_is_that_of_uncentred_columns(design):
    problem = criterion(design.plan, design.arrays, reml=False)
    plain = uncentred(design, problem)
    for theta in points(problem):
        ours, theirs = (p.slope(p.evaluate(theta)).hessian for p in (problem, plain))
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5 * np.abs(theirs).max())


def uncentred(design: hdsl.Design, problem: Criterion) -> Criterion:
    """Return the criterion whose cross-products are those of the plan's own columns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hdsl.fit.recentred.FAR", np.inf)
        plain = criterion(design.plan, design.arrays, reml=problem.reml)
    assert isinstance(plain.emitted, Emitted)
    return plain


def test_fits_are_optima_and_refits_find_them_again(design):
    outcome = fit_gaussian(design.plan, design.arrays, method="ml")
    assert outcome.status != "not converged"
    problem, at = optimum_of(design.plan, design.arrays, outcome)
    dense = Dense(problem, design)
    least = dense.objective(at.theta)
    assert outcome.objective == pytest.approx(least, abs=1e-6)
    for k in range(len(at.theta)):
        for step in (-0.02, 0.02):
            theta = at.theta.copy()
            theta[k] += step * (abs(theta[k]) or 1.0)
            assert dense.objective(theta) > least - 1e-6
    again = refitter(design.plan, design.arrays, outcome)
    assert again.fit(design.arrays.y).objective == pytest.approx(outcome.objective, abs=1e-6)
    assert together(again) is None


def test_effects_and_residuals_are_those_of_dense_matrices(design):
    outcome = fit_gaussian(design.plan, design.arrays)
    again = refitter(design.plan, design.arrays, outcome)
    problem, theta = again.problem, optimum_of(design.plan, design.arrays, outcome)[1].theta
    dense = Dense(problem, design)
    V, covariances = dense.parts(theta)
    P = np.linalg.inv(V)
    PX = P @ dense.X
    e = P @ dense.y - PX @ np.linalg.solve(dense.X.T @ PX, PX.T @ dense.y)
    ours = again.residual(theta, again.standard(design.arrays.y)) * problem.outcome.scale
    np.testing.assert_allclose(ours, e, atol=1e-6 * np.abs(e).max())
    for f, (Z, S, sigma, codes) in enumerate(zip(dense.Z, dense.S, covariances, dense.groups, strict=True)):
        sums = np.array([np.bincount(codes, column * e) for column in Z.T])
        modes = np.linalg.solve(S, sigma @ sums).T
        np.testing.assert_allclose(outcome.modes[f], modes, atol=1e-5 * np.abs(modes).max())
        own = np.equal.outer(np.arange(len(modes)), codes)
        first = np.einsum("na,n->an", Z, own[0].astype(float))
        within = outcome.sigma**2 * (sigma - sigma @ first @ P @ first.T @ sigma)
        ours = S @ outcome.mode_cov[f][0] @ S.T
        np.testing.assert_allclose(ours, within, atol=1e-5 * np.abs(within).max())
