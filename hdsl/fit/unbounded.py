"""Directions along which a likelihood does not fall, found at the point where a search ended.

Input: the problem, where its search ended, and the data. Output: `Trouble` records. A likelihood that does not fall
along a direction has no optimum there; which direction it is says what to call it: separation of the outcome by
columns of X, a parameter without an equation that runs to an edge of its range, a standard deviation without bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hdsl.fit.columns import FixedColumns, fixed_columns
from hdsl.fit.joint import Joint, JointPoint
from hdsl.fit.problem import try_at
from hdsl.fit.row_density import row_values
from hdsl.fit.separation import Separation, allowed_moves, separation
from hdsl.fit.standardise import Floats
from hdsl.fit.trouble import Kind, Trouble
from hdsl.form.density import Input
from hdsl.plan import Arrays

__all__ = ["find_troubles"]

FAR = 3.0
"""Standard errors, as curvature alone gives them, over which a criterion rises by about 9 where it has an optimum."""

FLAT = 0.5
"""Rise over that way below which there is none."""

WIDE = 4.0
"""Standard error of a coefficient of standardised columns, or of a parameter without an equation on its own scale,
from which on it is looked at."""

MUCH = 10.0
"""How far a predictor is moved at least."""

ALIKE = 1e-9
"""Change of the criterion, relative to `FLAT`, that counts as none at all."""

EXTREME = 12.0
"""Predictor of a parameter without an equation to look at in any case; its natural value is some 1e5, or 1e-5."""

TIMES = 8.0
"""What a large standard deviation is multiplied by to see whether the criterion rises."""

ABSURD = 100.0
"""Standard deviation, in units of what a group tells, from which the curvature is looked at."""

HUGE = 1e6
"""And in units of the predictor, on columns of size one."""

GROUP = 0.5
"""Rise for each group over that way below which the groups have no finite spread."""

EDGES: dict[tuple[str, str, int], str] = {
    ("negative_binomial", "size", 1): "the counts are no more spread than Poisson's",
    ("student_t", "df", 1): "the tails are no heavier than a normal distribution's",
    ("zero_inflated", "p", -1): "there are no more zeros than the distribution has of its own",
    ("hurdle", "p", -1): "there are no zeros",
    ("gamma", "shape", 1): "the outcome does not vary about its mean",
    ("beta", "precision", 1): "the outcome does not vary about its mean",
}
"""What it means that a parameter runs up (1) or down (-1), by distribution and argument."""


def find_troubles(problem: Joint, at: JointPoint, arrays: Arrays, nearby: Floats | None = None) -> tuple[Trouble, ...]:
    """Return what stands in the way of an estimate at the point where a search ended.

    Parameters
    ----------
    nearby : ndarray, optional
        Hessian of the last step of a search that converged: it tells whether some direction has to be looked at.
    """
    found: list[Trouble] = []
    if nearby is None or _may_be_flat(problem, at, nearby[: problem.m, : problem.m]):
        hessian = problem.slope(at).hessian[: problem.m, : problem.m]
        if _may_be_flat(problem, at, hessian):
            found = _of_coefficients(_view(problem, at, arrays, hessian))
    if any(trouble.kind == "separation" for trouble in found):  # nothing is left that the other parameters could tell
        return tuple(trouble for trouble in found if trouble.kind == "separation")
    variances = _flat_variances(problem, at, arrays)
    if variances:  # means of groups that are anywhere are anywhere, too
        found = [trouble for trouble in found if trouble.kind != "infinite"]
    return (*found, *variances)


def _may_be_flat(problem: Joint, at: JointPoint, hessian: Floats) -> bool:
    """Whether some standard error, or some coefficient, is so large that its direction is looked at."""
    if not len(hessian) or not np.all(np.isfinite(hessian)):
        return False
    if np.abs(at.vector[: problem.m]).max() > EXTREME:
        return True
    w, U = np.linalg.eigh(hessian)
    if w[0] < 2.0 / WIDE**2:
        return True
    variances = ((problem.criterion.to_user @ U) ** 2 / w).sum(axis=1)
    return bool(variances.max() > WIDE**2 / 2.0)


def _of_coefficients(view: _View) -> list[Trouble]:
    """Return what is wrong with coefficients."""
    edges = dict(_edges(view))
    found, apart = list(edges.values()), set(edges)
    if any(view.is_wide(direction) for direction in view.directions(apart | view.scalars())):
        split = _separated(view)
        if split is not None:
            kind: Kind = "separation" if split.is_complete else "quasi-separation"
            found.append(Trouble(kind=kind, columns=split.columns, reason=_all_alike(view)))
            apart |= set(split.columns)
    signs = [(view.flat_sign(direction), direction) for direction in view.directions(apart)]
    flat = [direction for sign, direction in signs if sign]
    if flat:
        kind = "undetermined" if all(view.is_level(direction) for direction in flat) else "infinite"
        found.append(Trouble(kind=kind, columns=view.taking_part(flat, apart)))
    return found


def _all_alike(view: _View) -> str:
    """Return a clause about an outcome that is one value everywhere, else nothing."""
    y, density = view.arrays.y, view.problem.plan.density
    assert density is not None
    if "size" in density.known and np.any(y):
        trials = view.arrays.known[density.known.index("size")]
        return "every trial is a success" if np.array_equal(y, trials) else ""
    return f"every outcome is {y[0]:g}" if np.all(y == y[0]) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """The point that is looked at, with the Hessian by the coefficients and the predictors without random effects."""

    problem: Joint
    at: JointPoint
    arrays: Arrays
    hessian: Floats
    columns: FixedColumns
    eta: tuple[Floats, ...]

    def is_wide(self, direction: Floats) -> bool:
        """Whether curvature alone gives a coefficient along a direction a large standard error."""
        return self._size(direction) >= WIDE * float(np.abs(direction).max())

    def _size(self, direction: Floats) -> float:
        curvature = float(direction @ self.hessian @ direction) / 2.0
        return float(1.0 / np.sqrt(max(curvature, np.finfo(float).tiny)))

    def flat_sign(self, direction: Floats) -> int:
        """Return the sign of the way along a direction of the coefficients on which nothing rises, or 0."""
        if not self.is_wide(direction):
            return 0
        step = min(FAR * self._size(direction), self._reach(direction))
        return next((sign for sign in (1, -1) if self.rise(sign * step * direction) < FLAT), 0)

    def is_level(self, direction: Floats) -> bool:
        """Whether the criterion is the same wherever one goes along a direction."""
        step = min(FAR * self._size(direction), self._reach(direction))
        return all(abs(self.rise(sign * step * direction)) < ALIKE * FLAT for sign in (1.0, -1.0))

    def scalars(self) -> set[int]:
        """Return the columns of parameters without an equation, thresholds apart."""
        density, plan = self.problem.plan.density, self.problem.plan
        assert density is not None
        alone = {k for k, item in enumerate(density.inputs) if item.scalar is not None and item.threshold is None}
        return {
            start
            for start, item in zip(self.columns.starts, plan.fixed, strict=True)
            if {product.predictor for product in item.products} <= alone
        }

    def rise(self, step: Floats) -> float:
        """Return by how much the criterion rises over a step of the coefficients."""
        moved = self.at.vector.copy()
        moved[: self.problem.m] += step
        end = try_at(self.problem, moved, self.at)
        return np.inf if end is None else end.objective - self.at.objective

    def _reach(self, direction: Floats) -> float:
        """Return a step that about doubles a predictor, or moves a small one far."""
        user = np.zeros(self.columns.p)
        user[self.problem.criterion.kept] = self.problem.criterion.to_user @ direction
        steps = [np.inf]
        for k, eta in enumerate(self.eta):
            most = float(np.abs(self.columns.times(k, user)).max())
            if most > 0.0:
                steps.append(max(MUCH, float(np.abs(eta[np.isfinite(eta)]).max(initial=0.0))) / most)
        return min(steps)

    def directions(self, apart: set[int]) -> Iterator[Floats]:
        """Yield eigenvectors of the Hessian, some of the columns held."""
        criterion, inside = self.problem.criterion, np.eye(self.problem.m)
        rows = criterion.to_user[[criterion.kept.index(c) for c in sorted(apart) if c in criterion.kept]]
        if len(rows):
            inside = np.linalg.svd(rows)[2][len(rows) :].T
        if inside.shape[1]:
            _, U = np.linalg.eigh(inside.T @ self.hessian @ inside)
            yield from (inside @ U).T

    def taking_part(self, directions: Sequence[Floats], apart: set[int]) -> tuple[int, ...]:
        """Return the columns that take part in directions."""
        out: set[int] = set()
        for direction in directions:
            user = np.abs(self.problem.criterion.to_user @ direction)
            out |= {self.problem.criterion.kept[i] for i in np.flatnonzero(user > 0.05 * user.max())}
        return tuple(sorted(out - apart))


def _view(problem: Joint, at: JointPoint, arrays: Arrays, hessian: Floats) -> _View:
    columns = fixed_columns(problem.plan, arrays)
    beta = np.nan_to_num(problem.criterion.user_beta(at.inner))
    offsets = [0.0 if offset is None else offset for offset in arrays.offsets]
    return _View(
        problem=problem,
        at=at,
        arrays=arrays,
        hessian=hessian,
        columns=columns,
        eta=tuple(columns.times(k, beta) + offset for k, offset in enumerate(offsets)),
    )


def _edges(view: _View) -> Iterator[tuple[int, Trouble]]:
    """Yield the parameters without an equation along which the criterion does not rise any more."""
    criterion, density = view.problem.criterion, view.problem.plan.density
    assert density is not None
    for start, item in zip(view.columns.starts, view.problem.plan.fixed, strict=True):
        predictors = {product.predictor for product in item.products}
        inputs = [density.inputs[k] for k in predictors]
        if start not in criterion.kept or len(inputs) != 1 or inputs[0].scalar is None:
            continue
        if inputs[0].inverse == "identity":
            continue
        direction = np.linalg.solve(criterion.to_user, np.eye(len(criterion.kept))[criterion.kept.index(start)])
        value = view.eta[predictors.pop()][0]
        sign = view.flat_sign(direction)
        if abs(value) > EXTREME and not sign:  # curvature is rounding there
            back = -int(np.sign(value)) * FAR * direction / (item.products[0].scale or 1.0)
            sign = int(np.sign(value)) if view.rise(back) < FLAT else 0
        if sign and view.rise(sign * direction) < -FLAT:  # the likelihood has no bound
            yield start, Trouble(kind="infinite", columns=(start,))
        elif sign:
            words = _edge_words(density.distribution, inputs[0], sign)
            yield start, Trouble(kind="edge", columns=(start,), reason=words)


def _edge_words(distribution: str, item: Input, sign: int) -> str:
    """Return what it means that a parameter runs to an end of its range."""
    goes = {
        ("exp", 1): "grows without bound",
        ("exp", -1): "goes to 0",
        ("invlogit", 1): "goes to 1",
        ("invlogit", -1): "goes to 0",
    }[item.inverse, sign]
    means = EDGES.get((item.wrapper or distribution.rstrip(")").split("(")[-1], item.slot, sign))
    return f"{goes}: {means}" if means else goes


def _separated(view: _View) -> Separation | None:
    """Return how columns separate the outcome; parameters without an equation stay where they are."""
    density = view.problem.plan.density
    assert density is not None
    eta = [
        np.zeros_like(own) if item.scalar is not None and item.threshold is None else own
        for item, own in zip(density.inputs, view.eta, strict=True)
    ]
    moves = [
        None if item.scalar is not None and item.threshold is None else move
        for item, move in zip(
            density.inputs, allowed_moves(row_values(view.problem.plan, view.arrays), eta), strict=True
        )
    ]
    return separation(view.columns, view.problem.criterion.kept, moves)


def _flat_variances(problem: Joint, at: JointPoint, arrays: Arrays) -> list[Trouble]:
    """Return the standard deviations that may be multiplied with little rise of the criterion.

    With effects of J groups that are known it would rise by some 3 J; of groups whose outcomes say no more than that
    their effect is large, it hardly does.
    """
    entries: list[tuple[int, int, int]] = []
    for f, L in enumerate(at.factors):
        sizes = np.sqrt((L**2).sum(axis=1))
        own = sorted({entry.theta for entry in problem.entries if entry.factor == f and entry.theta >= 0})
        wide = (sizes >= WIDE) | (problem.units[f] * sizes > HUGE)
        if not wide.any() or not own:
            continue
        is_absurd = sizes.max() > ABSURD or bool(np.any(problem.units[f] * sizes > HUGE))
        little = GROUP * (int(arrays.groups[f].max()) + 1)
        is_flat = sizes.max() >= WIDE and _rise_of_spread(problem, at, own) < little
        if is_flat or (is_absurd and not _is_bowl(problem, at)):
            entries += [(f, int(c), int(c)) for c in np.flatnonzero(wide)]
    return [Trouble(kind="infinite", entries=tuple(entries))] if entries else []


def _is_bowl(problem: Joint, at: JointPoint) -> bool:
    """Whether the criterion is curved upwards in every direction."""
    try:
        H = problem.curvature(at)
    except np.linalg.LinAlgError:
        return False
    size = np.sqrt(np.maximum(H.diagonal(), 0.0))
    if not np.all(np.isfinite(H)) or np.any(size == 0.0):
        return False
    return bool(np.linalg.eigvalsh(H / np.outer(size, size))[0] > 0.0)


def _rise_of_spread(problem: Joint, at: JointPoint, own: list[int]) -> float:
    """Return the rise of the criterion with entries of theta multiplied; less far if it has to be, in proportion."""
    for times in (TIMES, np.sqrt(TIMES)):
        theta = at.theta.copy()
        theta[own] *= times
        end = try_at(problem, problem.with_theta(at, theta), at)
        if end is not None:
            return (end.objective - at.objective) * float(np.log(TIMES) / np.log(times))
    return np.inf
