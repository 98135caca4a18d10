"""The search under watch: what it does is said, and if the user stops it the best point so far is kept.

Input: a problem and a start. Output: an `Optimum`; an interrupted one has not converged, and no decrement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic

import numpy as np

from hdsl.fit.multistart import search_from_several
from hdsl.fit.newton import Optimum, Tolerances
from hdsl.fit.problem import P, Problem, Slope
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan
from hdsl.progress import is_part, say

__all__ = ["stopped", "watched_search"]


def watched_search(
    problem: Problem[P],
    start: P,
    tolerances: Tolerances,
    *,
    search: Callable[[Problem[P], P, Tolerances], Optimum[P]] = search_from_several,
    words: str = "searching the optimum",
) -> Optimum[P]:
    """Return the lowest optimum found, or where the search was when the user interrupted it.

    Parameters
    ----------
    problem : Problem
    start : point
    tolerances : Tolerances
    search : callable
        That finds it.
    words : str
        What the line on the terminal says.

    Raises
    ------
    KeyboardInterrupt
        If the fit is one of many: a bootstrap keeps those that were done.
    """
    watched = _Watched(problem, start, words)
    say(words)
    try:
        return search(watched, start, tolerances)
    except KeyboardInterrupt:
        if is_part():
            raise
        return stopped(Optimum(at=watched.best, n_evaluations=watched.count, decrement=np.nan, converged=False))


def stopped(optimum: Optimum[P]) -> Optimum[P]:
    """Return an optimum as where the user stopped the search: it is none, or one of another criterion."""
    return replace(optimum, decrement=np.nan, converged=False, interrupted=True)


class _Watched(Generic[P]):
    """A problem that remembers its best point."""

    def __init__(self, problem: Problem[P], start: P, words: str) -> None:
        self.problem = problem
        self.words = words
        self.best = start
        self.fell = 0.0
        self.count = 1

    @property
    def plan(self) -> Plan:
        """That of the problem."""
        return self.problem.plan

    def evaluate(self, vector: Floats, near: P | None = None) -> P:
        """Return the criterion; remember the lowest."""
        at = self.problem.evaluate(vector, near)
        self.count += 1
        if at.objective < self.best.objective:
            self.fell = self.best.objective - at.objective
            self.best = at
        say(f"{self.words}: evaluation {self.count}, fell by {self.fell:.3g}")
        return at

    def slope(self, at: P) -> Slope:
        """Return derivatives."""
        return self.problem.slope(at)

    def with_theta(self, at: P, theta: Floats) -> Floats:
        """Return the vector of a point with another theta."""
        return self.problem.with_theta(at, theta)

    def curvature(self, at: P) -> Floats | None:
        """Return a Hessian worth its price where the search is slow, or None."""
        return self.problem.curvature(at)

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return the covariances of the user's columns."""
        return self.problem.user_sigmas(factors)
