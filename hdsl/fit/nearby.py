"""What quadrature would change of a fit by Laplace's approximation: one Newton step from its optimum.

Input: the optimum of Laplace's criterion. Output: the estimates that quadrature moves to, or None where it cannot be
asked or would take long. Invariants: nothing is changed of the fit; the approximation is judged on the data at hand,
where a bound in terms of group sizes would be far off (Joe 2008, Computational Statistics & Data Analysis 52, 5066).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hdsl.fit.boundary import parts_at
from hdsl.fit.joint import DensityCriterion, Joint, JointPoint
from hdsl.fit.newton import Tolerances, minimise
from hdsl.fit.problem import try_at
from hdsl.fit.quadrature import NODES, quadrature
from hdsl.fit.standardise import Floats
from hdsl.plan import Arrays

__all__ = ["Nearby", "nearby_quadrature"]

WORK = 5_000_000
"""Values of the density, derivatives by differences included, that are worth the answer: some tenths of a second."""

SEARCHES = 8
"""Values for each node where effects are nested: at every node of the coarser one the modes of the finer are found."""

FEWEST = 5
"""Nodes for each random effect with which an answer is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """Estimates one Newton step on from Laplace's, by quadrature.

    Attributes
    ----------
    nodes : int
        For each random effect.
    fall : float
        -2 log-likelihood at the estimates, by Laplace less by quadrature.
    beta : tuple of float
        Coefficients of all columns of X, as in `FitOutcome`.
    sd : tuple of tuple of float
    cor : tuple of tuple of tuple of float
        Of each grouping factor.
    """

    nodes: int
    fall: float
    beta: tuple[float, ...]
    sd: tuple[tuple[float, ...], ...]
    cor: tuple[tuple[tuple[float, ...], ...], ...]


def nearby_quadrature(problem: Joint, at: JointPoint, arrays: Arrays) -> Nearby | None:
    """Return what one step by quadrature leads to; None for crossed factors and where it would take long.

    Parameters
    ----------
    problem : Joint
        Of Laplace's criterion.
    at : JointPoint
        Its optimum.
    arrays : Arrays
    """
    nodes = _affordable(problem, arrays)
    if nodes is None:
        return None
    criterion: DensityCriterion = quadrature(problem.criterion, arrays, nodes)
    by_nodes = replace(problem, criterion=criterion)
    start = try_at(by_nodes, at.vector, None)
    if start is None:
        return None
    end = minimise(by_nodes, start, Tolerances(scaled=True, max_evaluations=1)).at
    parts = parts_at(by_nodes, end)
    return Nearby(
        nodes=nodes,
        fall=at.objective - start.objective,
        beta=_floats(criterion.user_beta(end.inner)),
        sd=tuple(_floats(sd) for sd in parts.sd),
        cor=tuple(tuple(_floats(row) for row in cor) for cor in parts.cor),
    )


def _affordable(problem: Joint, arrays: Arrays) -> int | None:
    """Return the nodes that the work allows, an odd number; None where they are too few or factors are crossed."""
    plan = problem.plan
    if plan.dense or not plan.re_terms:
        return None
    effects, derivatives = sum(term.width for term in plan.re_terms), problem.m + plan.n_theta
    evaluations = 2 * (derivatives + 1) * (SEARCHES if len(plan.re_terms) > 1 else 1)
    each = (WORK / (len(arrays.y) * evaluations)) ** (1.0 / effects)
    nodes = min(NODES, int(each))
    return nodes - 1 + nodes % 2 if nodes >= FEWEST else None


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
