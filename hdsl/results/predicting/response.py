"""The mean of an outcome given its predictors, and integrated over what is not known of them.

Stage: results. Input: predictors of rows, (n, K), and a variance to integrate over, (n, K, K). Output: means, and their
slopes by the predictors. Invariants: an identity is exact; ``exp`` of a normal predictor has its closed form
``exp(eta + S/2)``; all else is Gauss-Hermite quadrature over the directions in which S is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["Response", "integrate", "response_of"]

Floats = NDArray[np.float64]
Mean = Callable[[Floats], Floats]

NODES = {1: 61, 2: 25, 3: 13}
"""Quadrature nodes in each direction, by the number of directions."""

MOST_DIRECTIONS = 3

STEP = 1e-5
"""Step of the central differences that give slopes; their error is of the order of its square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A function of the predictors.

    Attributes
    ----------
    of : callable
        From (n, K) to (n,).
    shape : {"identity", "exp", "other"}
        Of the first predictor; what has a closed form.
    monotone_in : int or None
        The one predictor that it depends on, if it is monotone in it.
    """

    of: Mean
    shape: str
    monotone_in: int | None

    def mean(self, eta: Floats, spread: Floats | None = None) -> Floats:
        """Return the mean in each row, (n,), integrated over ``N(0, spread)`` if that is given."""
        if spread is None or self.shape == "identity":
            return self.of(eta)
        if self.shape == "exp":
            return np.asarray(np.exp(eta[:, 0] + 0.5 * spread[:, 0, 0]))
        return integrate(self.of, eta, spread)

    def slopes(self, eta: Floats, spread: Floats | None = None) -> Floats:
        """Return the derivatives of `mean` by the predictors, (n, K)."""
        found = np.zeros_like(eta)
        for k in range(eta.shape[1]):
            if self.monotone_in in (None, k):
                up, down = eta.copy(), eta.copy()
                up[:, k] += STEP
                down[:, k] -= STEP
                found[:, k] = (self.mean(up, spread) - self.mean(down, spread)) / (2.0 * STEP)
        return found


def response_of(design: Design, *, is_link: bool) -> Response:
    """Return what a prediction on a scale is of the predictors."""
    return Response(of=lambda eta: eta[:, 0].copy(), shape="identity", monotone_in=0)


def integrate(mean: Mean, eta: Floats, spread: Floats) -> Floats:
    """Return ``E mean(eta + e)``, ``e ~ N(0, spread)`` in each row, by Gauss-Hermite quadrature; (n,)."""
    values, vectors = np.linalg.eigh(spread)  # ascending
    largest = values.max(initial=0.0)
    used = [k for k in range(values.shape[1]) if (values[:, k] > 1e-12 * largest).any()] if largest > 0.0 else []
    if not used:
        return mean(eta)
    used = used[-MOST_DIRECTIONS:]
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES[len(used)])
    weights = weights / weights.sum()
    roots = vectors[:, :, used] * np.sqrt(np.maximum(values[:, None, used], 0.0))  # (n, K, directions)
    total = np.zeros(len(eta))
    for choice in product(range(len(nodes)), repeat=len(used)):
        at = list(choice)
        total += weights[at].prod() * mean(eta + roots @ nodes[at])
    return total
