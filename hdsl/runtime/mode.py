"""The mode of the random effects given everything else: Newton's method on a penalised log density."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.runtime.root import Factors, Root, scale, solve_lower

__all__ = ["Mode", "dot", "find_mode", "root_solve"]

Floats: TypeAlias = NDArray[np.float64]
Vectors: TypeAlias = tuple[Floats, ...]
"""Coefficients of each factor, (q, 1, J)."""

ENOUGH = 1e-15
"""Newton decrement at which the mode is found; the error of the log determinant is of the order of its root."""

RISE = 1e-12
"""Rise of the penalised deviance, relative to its size, that is taken for rounding."""

NEAR = 1e-6
"""Newton decrement below which a step is taken whatever the penalised deviance says: rounding is all that it sees."""

STALLED = 1e-10
"""Newton decrement that counts as none where the next one is no smaller."""

SHORTEST = 1e-9
"""Share of a step below which none is taken."""

SMALL = 0.1
"""Share of a step below which it may lead nowhere."""

STUCK = 0.9
"""Share of the decrement before, from which it does."""

MOST_STUCK = 3
"""How many such steps there may be in a row: the mode is at an end of the support, as where a mean would be 0."""

MOST_STEPS = 100


class Mode(NamedTuple):
    """The end of the inner search: -2 log f + v'b, random effects b = Sigma v, cross-products and their factor.

    `sweep` is None, and `is_mode` false, where the search did not end at a mode; `decrement` is that of the last step.
    """

    penalised: float
    b: Vectors
    v: Vectors
    cross: Any
    sweep: Any
    n_steps: int
    is_mode: bool
    decrement: float = 0.0


def dot(a: Sequence[Floats], b: Sequence[Floats]) -> float:
    """Return ``a'b`` summed over factors."""
    total = 0.0
    for x, y in zip(a, b, strict=True):
        total += float(np.vdot(x, y))
    return total


def find_mode(
    weigh: Callable[..., tuple[float, Vectors, Any]],
    eliminate: Callable[[Any], Any],
    newton: Callable[[Any, Any], tuple[Vectors, Vectors]],
    factors: Sequence[Floats],
    v: Vectors,
    slack: float = 0.0,
) -> Mode:
    """Return the mode nearest to a start.

    Parameters
    ----------
    weigh : callable
        Gives at (b, v) log f, the gradient ``e = Z'r - v``, and the cross-products with the weights there; with
        ``positive=True`` those of weights that are positive semidefinite.
    eliminate : callable
        The forward sweep over cross-products; its log determinant is not finite, or `LinAlgError` is raised, where
        I + Lambda'H Lambda is not positive definite.
    newton : callable
        Gives of cross-products and sweep the step of b, ``(Sigma^-1 + H)^-1 e``, and that of v.
    factors : sequence of ndarray, (q, q)
        Lambda of each factor.
    v : tuple of ndarray, (q, 1, J)
        The start, ``b = Sigma v``.
    slack : float
        Newton decrement at which it is near enough.
    """
    sigmas = [L @ L.T for L in factors]
    b = _effects(sigmas, v)
    dv, share, best, last, stuck = v, 1.0, np.inf, np.inf, 0
    enough = max(ENOUGH, slack)
    for count in range(1, MOST_STEPS + 1):
        total, e, c = weigh(b, v)
        penalised = dot(v, b) - 2.0 * total
        if not math.isfinite(penalised) and best == np.inf and any(u.any() for u in v):
            v = tuple(np.zeros_like(u) for u in v)  # the start is too far off
            b = v
            continue
        if not (math.isfinite(penalised) and (last < NEAR or penalised <= best + RISE * (1.0 + abs(penalised)))):
            share *= 0.5
            if best == np.inf or share < SHORTEST:
                break
            v = tuple(x - share * step for x, step in zip(v, dv, strict=True))
            b = _effects(sigmas, v)
            continue
        best, taken, share = penalised, share, 1.0
        f = _eliminated(eliminate, c)
        is_mode = f is not None
        if f is None:  # no curvature of a mode: a step with the nearest weights that are
            _, e, c = weigh(b, v, positive=True)
            f = _eliminated(eliminate, c)
            if f is None:
                break
        db, dv = newton(c, f)
        gain = dot(e, db)
        stuck = stuck + 1 if taken < SMALL and gain > STUCK * last else 0
        if not math.isfinite(gain) or stuck == MOST_STUCK:
            break
        v = tuple([x + step for x, step in zip(v, dv, strict=True)])
        b = _effects(sigmas, v)  # and not b + db, so that rounding cannot part them
        if gain < enough or last <= gain < STALLED:  # v moves even where Sigma is zero and b does not
            return Mode(penalised, b, v, c, f, count, is_mode, gain)
        last = gain if is_mode else np.inf
        c = f = None  # they may be large: let go before the next
    return Mode(np.inf, b, v, None, None, count, is_mode=False)


def _effects(sigmas: Sequence[Floats], v: Vectors) -> Vectors:
    """Return b = Sigma v."""
    return tuple([(sigma @ u[:, 0])[:, None] for sigma, u in zip(sigmas, v, strict=True)])


def _eliminated(eliminate: Callable[[Any], Any], c: Any) -> Any:
    """Return the forward sweep, or None where the matrix is not positive definite."""
    try:
        f = eliminate(c)
    except np.linalg.LinAlgError:
        return None
    return f if math.isfinite(f.logdet) else None


def root_solve(root: Root, T: Floats, factors: Factors) -> Floats:
    """Return ``(Sigma^-1 + C)^-1 T`` of the dense columns, (m, k)."""
    half = solve_lower(root, scale(factors, T, transposed=True))
    return scale(factors, solve_lower(root, half, transposed=True))
