"""A Laplace criterion by dense algebra, its row density from SymPy: the package's interface, none of its code.

``d = -2 log f(y | b) + b' S^-1 b + log |I + L'Z'WZL|`` at the mode, with ``b = L u`` for all random effects together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from hdsl.codegen import theta_entries
from hdsl.fit.covariance import lower_factor, theta_of
from hdsl.fit.laplace import without_random
from hdsl.form.density import Input, RowDensity
from hdsl.plan import Arrays, Plan
from tests.unit.codegen.studies import dense_columns

Floats = NDArray[np.float64]


@cache
def row_functions(value: sp.Expr, K: int, known: tuple[str, ...]) -> Any:
    """Return log f with its first, second and third derivatives by the inputs as one function."""
    eta = sp.symbols(f"eta:{K}", real=True)
    first = [sp.diff(value, a) for a in eta]
    second = [[sp.diff(f, b) for b in eta] for f in first]
    third = [[[sp.diff(s, c) for c in eta] for s in row] for row in second]
    return sp.lambdify(
        [sp.Symbol("y"), *eta, *map(sp.Symbol, known)], [value, first, second, third], ["scipy", "numpy"]
    )


@dataclass(frozen=True)
class Point:
    objective: float
    beta: Floats
    theta: Floats
    u: Floats
    L: Floats
    eta: Floats
    is_mode: bool
    logdet: float
    factors: tuple[Floats, ...]
    is_rough: bool = False


@dataclass(frozen=True)
class Slope:
    gradient: Floats
    hessian: Floats
    by_covariance: tuple[Floats, ...]
    refined: None = None


class DenseLaplace:
    """The criterion; `value` is log f in y, eta0, eta1, .. and the names in `known`."""

    def __init__(self, plan: Plan, arrays: Arrays, value: sp.Expr) -> None:
        assert plan.density is not None
        self.plan, self.arrays, self.value = plan, arrays, value
        self.K, self.n = plan.n_predictors, len(arrays.y)
        self.f = row_functions(value, self.K, plan.density.known)
        self.X = np.stack([self._matrix(k) for k in range(self.K)])
        self.levels = [int(g.max()) + 1 for g in arrays.groups]
        self.Z = np.stack([self._random(k) for k in range(self.K)])
        self.kept = list(range(self.X.shape[2]))
        self.n_columns = len(self.kept)
        self.to_user = np.eye(self.n_columns)
        self.T = tuple(np.eye(term.width) for term in plan.re_terms)
        self.count = 0

    def fixed_part(self) -> DenseLaplace:
        return DenseLaplace(without_random(self.plan), replace(self.arrays, groups=()), self.value)

    def _products(self, products: Any, k: int) -> Floats:
        total = np.zeros(self.n)
        for item in products:
            if item.predictor == k:
                part = np.full(self.n, item.scale)
                for factor in item.factors:
                    part = part * self.arrays.x[factor]
                total += part
        return total

    def _matrix(self, k: int) -> Floats:
        parts = [np.zeros((self.n, 0))]
        for item in self.plan.fixed:
            values = self._products(item.products, k)
            if hasattr(item, "codes"):
                parts.append(dense_columns(self.arrays.sets[item.codes], values))
            else:
                parts.append(values[:, None])
        return np.hstack(parts)

    def _random(self, k: int) -> Floats:
        parts = [np.zeros((self.n, 0))]
        for f, item in enumerate(self.plan.re_terms):
            own = [dense_columns(self.arrays.groups[f], self._products(c.products, k)) for c in item.columns]
            parts.append(np.stack(own, axis=2).reshape(self.n, -1))  # group by group
        return np.hstack(parts)

    def factor(self, theta: Floats) -> list[Floats]:
        out = [np.zeros((t.width, t.width)) for t in self.plan.re_terms]
        for e in theta_entries(self.plan):
            out[e.factor][e.row, e.column] = theta[e.theta] if e.theta >= 0 else 1.0
        return out

    def rows(self, eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return value (n,), first (K, n), second (K, K, n), third (K, K, K, n)."""
        with np.errstate(all="ignore"):
            value, first, second, third = self.f(self.arrays.y, *eta, *self.arrays.known)
        full = np.ones(self.n)
        K = self.K
        return (
            value * full,
            np.stack([a * full for a in first]),
            np.array([[second[a][b] * full for b in range(K)] for a in range(K)]),
            np.array([[[third[a][b][c] * full for c in range(K)] for b in range(K)] for a in range(K)]),
        )

    def _eta(self, beta: Floats, b: Floats) -> Floats:
        eta = np.einsum("knp,p->kn", self.X, beta) + np.einsum("knq,q->kn", self.Z, b)
        for k, offset in enumerate(self.arrays.offsets):
            if offset is not None:
                eta[k] += offset
        return eta

    def evaluate(self, beta: Floats, theta: Floats, near: Point | None = None, *, rough: bool = False) -> Point:
        self.count += 1
        blocks = [np.kron(np.eye(J), L) for J, L in zip(self.levels, self.factor(theta), strict=True)]
        q = self.Z.shape[2]
        L = np.zeros((q, q))
        at = 0
        for part in blocks:
            L[at : at + len(part), at : at + len(part)] = part
            at += len(part)
        u = np.zeros(q) if near is None else near.u.copy()

        def penalised(u: Floats) -> float:
            return float(-2 * self.rows(self._eta(beta, L @ u))[0].sum() + u @ u)

        now = penalised(u)
        if not np.isfinite(now):
            u = np.zeros(q)
            now = penalised(u)
        ZL = self.Z @ L
        for _ in range(200):
            _, first, second, _ = self.rows(self._eta(beta, L @ u))
            g = np.einsum("knq,kn->q", ZL, first) - u
            H = np.eye(q) - np.einsum("anq,abn,bnr->qr", ZL, second, ZL, optimize=True)
            if not np.all(np.isfinite(H)):
                raise np.linalg.LinAlgError("not finite")
            w, U = np.linalg.eigh(H)
            step = U @ ((U.T @ g) / np.maximum(np.abs(w), 1e-8))
            decrement = float(g @ step)
            size = 1.0
            while not (new := penalised(u + size * step)) <= now + 1e-12 * (1 + abs(now)) and size > 1e-10:
                size /= 2
            if size <= 1e-10:
                break
            u, now = u + size * step, new
            if decrement < 1e-14:
                break
        eta = self._eta(beta, L @ u)
        H = np.eye(q) - np.einsum("anq,abn,bnr->qr", ZL, self.rows(eta)[2], ZL, optimize=True)
        w = np.linalg.eigvalsh(H) if q else np.ones(1)
        logdet = float(np.log(np.maximum(w, 1e-300)).sum())
        return Point(now + logdet, beta, theta, u, L, eta, bool(w[0] > 0), logdet, tuple(self.factor(theta)))

    def _parts(self, at: Point) -> Any:
        _, first, second, third = self.rows(at.eta)
        W = -second
        A = np.einsum("anq,abn,bnr->qr", self.Z, W, self.Z, optimize=True)
        q = len(A)
        K = at.L @ np.linalg.inv(np.eye(q) + at.L.T @ A @ at.L) @ at.L.T
        M = np.einsum("anq,qr,bnr->abn", self.Z, K, self.Z, optimize=True)
        t = -np.einsum("abn,abcn->cn", M, third)
        tau = np.einsum("knq,kn->q", self.Z, t)
        return first, W, A, K, t, tau

    def by_covariance(self, at: Point) -> list[Floats]:
        first, _, A, K, _, tau = self._parts(at)
        v = np.einsum("knq,kn->q", self.Z, first)
        omega = tau - A @ K @ tau
        big = A - A @ K @ A - np.outer(v, v) + (np.outer(omega, v) + np.outer(v, omega)) / 2
        out, start = [], 0
        for J, term in zip(self.levels, self.plan.re_terms, strict=True):
            total = np.zeros((term.width, term.width))
            for j in range(J):
                own = slice(start + j * term.width, start + (j + 1) * term.width)
                total += big[own, own]
            out.append(total)
            start += J * term.width
        return out

    def spread_slopes(self, at: Point) -> tuple[Floats, ...]:
        return tuple(self.by_covariance(at))

    def slope(self, at: Point) -> Slope:
        first, W, A, K, t, tau = self._parts(at)
        ZK = self.Z @ K
        moved = np.einsum("abn,bnq,q->an", W, ZK, tau)
        g_beta = np.einsum("knp,kn->p", self.X, t - 2 * first - moved)
        XWX = np.einsum("anp,abn,bnr->pr", self.X, W, self.X, optimize=True)
        XWZ = np.einsum("anp,abn,bnq->pq", self.X, W, self.Z, optimize=True)
        H_beta = 2 * (XWX - XWZ @ K @ XWZ.T)
        G, factors = self.by_covariance(at), self.factor(at.theta)
        p, nt = len(at.beta), self.plan.n_theta
        g, H = np.zeros(p + nt), np.zeros((p + nt, p + nt))
        g[:p], H[:p, :p] = g_beta, H_beta
        P, v = A - A @ K @ A, np.einsum("knq,kn->q", self.Z, first)
        directions = {}
        for e in theta_entries(self.plan):
            if e.theta < 0:
                continue
            g[p + e.theta] += 2 * (G[e.factor] @ factors[e.factor])[e.row, e.column]
            dL = np.zeros_like(factors[e.factor])
            dL[e.row, e.column] = 1.0
            d = dL @ factors[e.factor].T
            big = np.zeros_like(A)
            start = sum(J * t.width for J, t in zip(self.levels[: e.factor], self.plan.re_terms, strict=False))
            J = self.levels[e.factor]
            size = J * len(dL)
            big[start : start + size, start : start + size] = np.kron(np.eye(J), d + d.T)
            directions[e.theta] = directions.get(e.theta, 0) + big @ v
            for other in theta_entries(self.plan):
                if (other.factor, other.column) == (e.factor, e.column) and other.theta >= 0:
                    H[p + e.theta, p + other.theta] += 2 * G[e.factor][e.row, other.row]
        for a, x in directions.items():
            for b, z in directions.items():
                H[p + a, p + b] += x @ P @ z
        return Slope(g, H, tuple(G))

    def modes(self, at: Point) -> tuple[Floats, ...]:
        b, out, start = at.L @ at.u, [], 0
        for J, term in zip(self.levels, self.plan.re_terms, strict=True):
            out.append(b[start : start + J * term.width].reshape(J, term.width))
            start += J * term.width
        return tuple(out)

    def mode_covariances(self, at: Point) -> tuple[Floats, ...]:
        _, _, _, K, _, _ = self._parts(at)
        out, start = [], 0
        for J, term in zip(self.levels, self.plan.re_terms, strict=True):
            q = term.width
            out.append(np.stack([K[(s := start + j * q) : s + q, s : s + q] for j in range(J)]))
            start += J * q
        return tuple(out)

    def eta(self, at: Point) -> Floats:
        return at.eta.T

    def user_beta(self, at: Point) -> Floats:
        return at.beta

    def beta_from(self, beta: Floats) -> Floats:
        return np.nan_to_num(beta)

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        return [L @ L.T for L in factors]

    def user_theta(self, factors: Sequence[Floats]) -> Floats:
        return theta_of(self.plan, factors)

    def theta_from(self, roots: Sequence[Floats]) -> Floats:
        return theta_of(self.plan, [lower_factor(root) for root in roots])


def density(
    distribution: str, inputs: Sequence[Input], known: Sequence[str] = (), *, log_concave: bool = True
) -> RowDensity:
    """Return a row density without expressions: the dense criterion has its own."""
    return RowDensity(
        distribution=distribution,
        inputs=tuple(inputs),
        known=tuple(known),
        cases=(),
        natural=(),
        is_log_concave=log_concave,
    )
