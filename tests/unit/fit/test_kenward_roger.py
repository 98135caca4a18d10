"""Variation of the covariance of the fixed effects: what sweeps give is what dense matrices give."""

from __future__ import annotations

import numpy as np
import pytest

import hdsl
from hdsl.fit.kenward_roger import kenward_roger
from hdsl.fit.refit import optimum_of
from tests.unit.fit.test_refit import DATA, MODELS, N

Floats = np.ndarray


def indicators(codes: Floats) -> Floats:
    return (codes[:, None] == np.unique(codes)).astype(float)


X1 = np.column_stack([np.ones(N), DATA["x"]])
g, h, k, x = (DATA[name].to_numpy() for name in "ghkx")
G, H, K = indicators(g), indicators(h), indicators(k)
Gx, Hx = G * x[:, None], H * x[:, None]

DENSE = {
    "slopes": (X1, {"uu": G @ G.T, "uw": G @ Gx.T + Gx @ G.T, "ww": Gx @ Gx.T}),
    "nested": (X1, {"u": G @ G.T, "v": K @ K.T}),
    "crossed": (X1, {"u": G @ G.T, "v": H @ H.T, "w": Hx @ Hx.T}),
    "tied": (X1, {"s": G @ G.T + Gx @ Gx.T}),
}
"""X, and the derivative of V by each covariance parameter."""


def values(name: str, fit: object) -> list[float]:
    p = fit.params  # type: ignore[attr-defined]
    if name == "slopes":
        a, b, r = p["sd(b0[g])"], p["sd(b1[g])"], p["cor(b0[g], b1[g])"]
        return [a**2, a * b * r, b**2]
    return [p[sd] ** 2 for sd in {"nested": "st", "crossed": "str", "tied": "s"}[name]]


def dense(X: Floats, parts: list[Floats], V: Floats) -> tuple[Floats, Floats, Floats]:
    """Kenward and Roger's quantities as the paper has them: adjusted covariance, P, W."""
    Vi = np.linalg.inv(V)
    C = np.linalg.inv(X.T @ Vi @ X)
    P = [-X.T @ Vi @ A @ Vi @ X for A in parts]
    Q = [[X.T @ Vi @ A @ Vi @ B @ Vi @ X for B in parts] for A in parts]
    information = np.array(
        [
            [
                np.trace(Vi @ A @ Vi @ B) - 2 * np.trace(C @ Q[a][b]) + np.trace(C @ P[a] @ C @ P[b])
                for b, B in enumerate(parts)
            ]
            for a, A in enumerate(parts)
        ]
    )
    W = 2 * np.linalg.inv(information)
    total = sum(W[a, b] * (Q[a][b] - P[a] @ C @ P[b]) for a in range(len(P)) for b in range(len(P)))
    return C + 2 * C @ total @ C, np.array([-C @ p @ C for p in P]), W


@pytest.mark.parametrize("name", DENSE)
def test_against_dense_matrices(name: str) -> None:
    fit = hdsl.Model(MODELS[name]).fit(DATA, method="reml")
    X, parts = DENSE[name]
    parameters = values(name, fit)
    V = fit.outcome.sigma**2 * np.eye(N) + sum(v * A for v, A in zip(parameters, parts.values(), strict=True))
    covariance, slopes, W = dense(X, [np.eye(N), *parts.values()], V)
    found = kenward_roger(*optimum_of(fit.design.plan, fit.design.arrays, fit.outcome))
    names = list(fit.fixef.index)
    order = [names.index(symbol) for symbol in names]
    assert found.covariance[np.ix_(order, order)] == pytest.approx(covariance, rel=1e-5, abs=1e-9)
    for direction in np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 3.0]]):
        ours = found.variation.slopes @ direction @ direction
        theirs = slopes @ direction @ direction
        spread = ours @ found.variation.parameters @ ours
        assert spread == pytest.approx(theirs @ W @ theirs, rel=1e-5)
