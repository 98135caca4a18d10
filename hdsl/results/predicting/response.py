"""The mean of an outcome given its predictors, and integrated over what is not known of them.

Stage: results. Input: predictors of rows, (n, K), and a variance to integrate over, (n, K, K). Output: means, and their
slopes by the predictors. Invariants: an identity is exact; ``exp`` of a normal predictor has its closed form
``exp(eta + S/2)``; all else is Gauss-Hermite quadrature over the directions in which S is not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import evaluate
from hdsl.diagnostics import FitError
from hdsl.form.density import RowDensity
from hdsl.form.expr import Apply, Expr, Ref, references
from hdsl.results.predicting.means import mean_of, needed_for_mean
from hdsl.results.predicting.request import refusal

if TYPE_CHECKING:
    from hdsl.design.record import Design

__all__ = ["Response", "integrate", "response_of", "slopes_of"]

Floats = NDArray[np.float64]
Known = Mapping[str, Floats]
Mean = Callable[[Floats, Known], Floats]

NODES = {1: 61, 2: 25, 3: 13, 4: 9}
"""Quadrature nodes in each direction, by the number of directions."""

STEP = 1e-5
"""Step of the central differences that give slopes; their error is of the order of its square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A function of the predictors.

    Attributes
    ----------
    of : callable
        From predictors, (n, K), and known data by name, to (n,).
    shape : {"identity", "exp", "other"}
        Of the first predictor; what has a closed form.
    monotone_in : int or None
        The one predictor that it depends on, if it is monotone in it.
    known : tuple of str
        The data besides the outcome that it depends on.
    """

    of: Mean
    shape: Literal["identity", "exp", "other"]
    monotone_in: int | None
    known: tuple[str, ...] = ()

    def mean(self, eta: Floats, known: Known, spread: Floats | None = None) -> Floats:
        """Return the mean in each row, (n,), integrated over ``N(0, spread)`` if that is given."""
        if spread is None or self.shape == "identity":
            return self.of(eta, known)
        if self.shape == "exp":
            return np.asarray(np.exp(eta[:, 0] + 0.5 * spread[:, 0, 0]))
        return integrate(lambda at: self.of(at, known), eta, spread)

    def slopes(self, eta: Floats, known: Known, spread: Floats | None = None) -> Floats:
        """Return the derivatives of `mean` by the predictors, (n, K)."""
        places = range(eta.shape[1]) if self.monotone_in is None else (self.monotone_in,)
        return slopes_of(lambda at: self.mean(at, known, spread), eta, places)


def slopes_of(mean: Callable[[Floats], Floats], eta: Floats, places: Iterable[int]) -> Floats:
    """Return the derivatives of a function of the predictors by those at `places`, (n, K), by central differences."""
    found = np.zeros_like(eta)
    for k in places:
        up, down = eta.copy(), eta.copy()
        up[:, k] += STEP
        down[:, k] -= STEP
        found[:, k] = (mean(up) - mean(down)) / (2.0 * STEP)
    return found


def response_of(design: Design, *, is_link: bool) -> Response:
    """Return what a prediction on a scale is of the predictors.

    On the link scale that is the first predictor of the model, with its own sign.
    """
    density = design.plan.density
    if density is None:
        return Response(of=lambda eta, _: eta[:, 0].copy(), shape="identity", monotone_in=0)
    if is_link:
        place, sign = next((k, i.sign) for k, i in enumerate(density.inputs) if i.predictor is not None)
        return Response(of=lambda eta, _: sign * eta[:, place], shape="identity", monotone_in=place)
    needed = needed_for_mean(density.distribution, density.natural)
    used = {ref.name for expr in needed for ref in references(expr)}
    inputs = [k for k in range(len(density.inputs)) if f"eta{k}" in used]
    return Response(
        of=lambda eta, known: _mean(density, eta, known),
        shape=_shape(needed),
        monotone_in=inputs[0] if len(inputs) == 1 and _is_link_of_one(needed) else None,
        known=tuple(name for name in density.known if name in used),
    )


def _shape(needed: Sequence[Expr]) -> Literal["identity", "exp", "other"]:
    eta = Ref(name="eta0", index_set=())
    if list(needed) == [eta]:
        return "identity"
    return "exp" if list(needed) == [Apply(operator="exp", operands=(eta,))] else "other"


def _is_link_of_one(needed: Sequence[Expr]) -> bool:
    """Whether one argument is a function of one predictor, as an inverse link is."""
    return len(needed) == 1 and (
        isinstance(needed[0], Ref)
        or (isinstance(needed[0], Apply) and len(needed[0].operands) == 1 and isinstance(needed[0].operands[0], Ref))
    )


def _mean(density: RowDensity, eta: Floats, known: Mapping[str, Floats]) -> Floats:
    """Return the mean of the outcome in each row, (n,)."""
    needed = needed_for_mean(density.distribution, density.natural)
    data = dict(known) | {f"eta{k}": eta[:, k] for k in range(eta.shape[1])}
    with np.errstate(all="ignore"):
        natural = [(n, evaluate(expr, data) if expr in needed else np.array(np.nan)) for n, expr in density.natural]
        return np.array(np.broadcast_to(mean_of(density.distribution, natural), len(eta)), dtype=float)


def integrate(mean: Callable[[Floats], Floats], eta: Floats, spread: Floats) -> Floats:
    """Return ``E mean(eta + e)``, ``e ~ N(0, spread)`` in each row, by Gauss-Hermite quadrature; (n,)."""
    values, vectors = np.linalg.eigh(spread)  # ascending
    largest = values.max(initial=0.0)
    used = [k for k in range(values.shape[1]) if (values[:, k] > 1e-12 * largest).any()] if largest > 0.0 else []
    if not used:
        return mean(eta)
    if len(used) > max(NODES):
        message = f"effects of {len(used)} predictors cannot be integrated over: include some of them"
        raise FitError([refusal(message, f"quadrature is there for up to {max(NODES)} predictors with random effects")])
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES[len(used)])
    weights = weights / weights.sum()
    roots = vectors[:, :, used] * np.sqrt(np.maximum(values[:, None, used], 0.0))  # (n, K, directions)
    total = np.zeros(len(eta))
    for choice in product(range(len(nodes)), repeat=len(used)):
        at = list(choice)
        total += weights[at].prod() * mean(eta + roots @ nodes[at])
    return total
