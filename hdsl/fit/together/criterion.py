"""The criterion of many outcomes, each at a theta of its own; see `hdsl.fit.criterion` for what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen import Emitted
from hdsl.fit.chain_rule import ChainRule
from hdsl.fit.criterion import Criterion
from hdsl.fit.problem import Slope
from hdsl.fit.standardise import Floats

__all__ = ["Flags", "Outcomes", "Point"]

Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The forward sweep at theta, (k, R); standardised columns."""

    theta: Floats
    forward: Any
    profile: Any

    @property
    def objective(self) -> Floats:
        """The criterion, (R,)."""
        return self.profile.objective  # type: ignore[no-any-return]

    @property
    def factors(self) -> Sequence[Floats]:
        """The covariance factors, (q, q, R)."""
        return self.forward.factors  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The criterion of several outcomes.

    Attributes
    ----------
    problem : Criterion
        Of the fit, with its own outcome.
    emitted : Emitted
        Functions on arrays with replicates.
    cross : object
        Cross-products, replicates last.
    """

    problem: Criterion
    emitted: Emitted
    cross: Any

    @property
    def size(self) -> int:
        """How many outcomes there are."""
        return int(self.cross.C.shape[-1])

    def chosen(self, which: Flags) -> Outcomes:
        """Return the criterion of some of the outcomes."""
        own = {
            name: value[..., which]
            for name, value in self.cross._asdict().items()
            if isinstance(value, np.ndarray) and value.shape[-1] == len(which)
        }
        return Outcomes(problem=self.problem, emitted=self.emitted, cross=self.cross._replace(**own))

    def evaluate(self, theta: Floats) -> Point:
        """Run the forward sweep.

        Raises
        ------
        numpy.linalg.LinAlgError
            If a matrix of one of them cannot be factorised.
        """
        forward = self.emitted.forward(self.cross, theta)
        profile = self.emitted.estimates(self.cross, forward, self.problem.reml)
        return Point(theta=theta, forward=forward, profile=profile)

    def slope(self, at: Point) -> Slope:
        """Return gradient, (k, R), and average-information Hessian, (R, k, k)."""
        problem, profile = self.problem, at.profile
        p = len(profile.beta) if problem.reml else 0
        logdet, _ = self.emitted.covariances(self.cross, at.forward, profile.cov_beta[:p, :p])
        _, v = self.emitted.modes(self.cross, at.forward, profile.beta)
        border, own = self.emitted.average_information(self.cross, at.forward, v)
        r2 = [-np.einsum("qjr,sjr->qsr", u[:, 0], u[:, 0]) for u in v]
        f = profile.nn / profile.r2
        G = [a + f * b for a, b in zip(logdet, r2, strict=True)]
        X = border[:-1]
        slopes = _flat(r2)[problem.rule.own] * problem.rule.weight[:, None]
        H = f * (own - np.einsum("xar,xbr->abr", X, np.einsum("xyr,ybr->xbr", profile.cov_beta, X)))
        H -= (f / profile.r2) * slopes[:, None] * slopes
        gradient, hessian = _by_theta(problem.rule, H, G, at.factors)
        return Slope(gradient=gradient, hessian=hessian, by_covariance=tuple(G))


def _flat(matrices: Sequence[Floats]) -> Floats:
    """Return the matrices of all factors, (q, q, R), as one vector for each replicate, (k, R)."""
    return np.concatenate([matrix.reshape(-1, matrix.shape[-1]) for matrix in matrices])


def _by_theta(rule: ChainRule, H: Floats, G: Sequence[Floats], factors: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return gradient, (n_theta, R), and Hessian, (R, n_theta, n_theta), by theta; see `ChainRule`."""
    J, slopes = rule.jacobian.of_many(_flat(factors)), _flat(G)
    turned = np.moveaxis(J, -1, 0)
    hessian = turned.swapaxes(1, 2) @ np.moveaxis(H, -1, 0) @ turned
    hessian += np.moveaxis(rule.curvature.of_many(slopes), -1, 0)
    return np.einsum("ktr,kr->tr", J, slopes[rule.own] * rule.weight[:, None]), hessian
