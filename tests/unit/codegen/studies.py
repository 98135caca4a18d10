"""Small made-up studies, each a plan with its arrays, and the textbook density that they are held against.

The density here builds V, row by row, and knows nothing of how the package computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdsl.plan import Arrays, Column, CovarianceBlock, FixedSet, Plan, Product, ReTerm

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Study:
    """A plan with data."""

    name: str
    plan: Plan
    arrays: Arrays

    @property
    def theta(self) -> Floats:
        """Some theta away from any symmetry."""
        generator = np.random.default_rng(self.plan.n_theta)
        diagonal = np.array(self.plan.diagonal_theta, dtype=bool)
        return np.where(
            diagonal, generator.uniform(0.4, 1.3, len(diagonal)), generator.uniform(-0.6, 0.6, len(diagonal))
        )


def column(symbol: str, *factors: int, scale: float = 1.0) -> Column:
    """Return a column that is one product."""
    return Column(symbol=symbol, products=(Product(scale=scale, factors=factors),))


def block(columns: Sequence[int], theta: Sequence[int]) -> CovarianceBlock:
    """Return a covariance block."""
    return CovarianceBlock(columns=tuple(columns), effects=tuple(f"u{c}" for c in columns), theta=tuple(theta))


def term(index: str, columns: Sequence[Column], *blocks: CovarianceBlock) -> ReTerm:
    """Return a grouping factor."""
    return ReTerm(index_set=tuple(index.split(",")), columns=tuple(columns), blocks=blocks)


def full(width: int, start: int) -> CovarianceBlock:
    """Return an unstructured block of the first `width` columns."""
    return block(range(width), range(start, start + width * (width + 1) // 2))


def effects(width: int) -> list[Column]:
    """Return an intercept and slopes."""
    return [column("u0"), *(column(f"u{k}", k - 1) for k in range(1, width))]


def diagonal(terms: Sequence[ReTerm], n_theta: int) -> tuple[bool, ...]:
    """Return for each theta whether it is on a diagonal."""
    out = [False] * n_theta
    for item in terms:
        for part in item.blocks:
            at = 0
            for k in range(len(part.columns)):
                if part.theta[at] >= 0:
                    out[part.theta[at]] = True
                at += len(part.columns) - k
    return tuple(out)


def dense_columns(codes: NDArray[np.intp], values: Floats) -> Floats:
    """Return indicator columns times values; code -1 is in no column."""
    return np.where(codes[:, None] == np.arange(codes.max() + 1), values[:, None], 0.0)


def values_of(products: tuple[Product, ...], arrays: Arrays) -> Floats:
    """Return the sum of products."""
    total = np.zeros(len(arrays.y))
    for product in products:
        part = np.full(len(arrays.y), product.scale)
        for factor in product.factors:
            part = part * arrays.x[factor]
        total += part
    return total


def model_matrix(plan: Plan, arrays: Arrays) -> Floats:
    """Return X, (n, p)."""
    parts = [np.zeros((len(arrays.y), 0))]
    for item in plan.fixed:
        values = values_of(item.products, arrays)
        parts.append(dense_columns(arrays.sets[item.codes], values) if isinstance(item, FixedSet) else values[:, None])
    return np.hstack(parts)


def random_matrix(plan: Plan, arrays: Arrays, position: int) -> Floats:
    """Return Z of a factor, (n, width, groups)."""
    columns = plan.re_terms[position].columns
    return np.stack([dense_columns(arrays.groups[position], values_of(c.products, arrays)) for c in columns], axis=1)


def covariance(plan: Plan, theta: Floats, position: int) -> Floats:
    """Return Sigma of a factor."""
    item = plan.re_terms[position]
    L = np.zeros((item.width, item.width))
    for part in item.blocks:
        at = iter(part.theta)
        for k, c in enumerate(part.columns):
            for r in part.columns[k:]:
                position_in_theta = next(at)
                L[r, c] = 1.0 if position_in_theta < 0 else theta[position_in_theta]
    return L @ L.T


@dataclass(frozen=True)
class Textbook:
    """Everything from V = I + sum_f Z_f Sigma_f Z_f', by dense algebra."""

    objective: float
    beta: Floats
    r2: float
    logdet: float
    cov_beta: Floats
    modes: tuple[Floats, ...]
    mode_cov: tuple[Floats, ...]
    information: Floats


def textbook(plan: Plan, arrays: Arrays, sigmas: Sequence[Floats], *, reml: bool) -> Textbook:
    """Return criterion, estimates, modes and average information at given relative covariances."""
    y = arrays.y if arrays.offsets[0] is None else arrays.y - arrays.offsets[0]
    n, X = len(y), model_matrix(plan, arrays)
    Z = [random_matrix(plan, arrays, f) for f in range(len(plan.re_terms))]
    V = np.eye(n)
    for z, sigma in zip(Z, sigmas, strict=True):
        V += np.einsum("nag,ab,mbg->nm", z, sigma, z)
    inverse = np.linalg.inv(V)
    XVX = X.T @ inverse @ X
    cov_beta = np.linalg.inv(XVX)
    beta = cov_beta @ X.T @ inverse @ y
    error = y - X @ beta
    r2 = float(error @ inverse @ error)
    nn = n - X.shape[1] if reml else n
    logdet = float(np.linalg.slogdet(V)[1])
    objective = logdet + nn * (1 + np.log(2 * np.pi * r2 / nn)) + (np.linalg.slogdet(XVX)[1] if reml else 0.0)
    P = inverse - inverse @ X @ cov_beta @ X.T @ inverse
    modes, mode_cov, directions = [], [], []
    for f, (z, sigma) in enumerate(zip(Z, sigmas, strict=True)):
        q, J = z.shape[1:]
        flat = z.transpose(0, 2, 1).reshape(n, J * q)  # columns by group
        big = np.kron(np.eye(J), sigma)
        cov = big - big @ flat.T @ inverse @ flat @ big
        modes.append((big @ flat.T @ inverse @ error).reshape(J, q))
        mode_cov.append(np.array([cov[j * q : (j + 1) * q, j * q : (j + 1) * q] for j in range(J)]))
        for part in plan.re_terms[f].blocks:
            for k, c in enumerate(part.columns):
                for r in part.columns[k:]:
                    E = np.zeros((q, q))
                    E[r, c] = E[c, r] = 1.0
                    directions.append(np.einsum("nag,ab,mbg->nm", z, E, z) @ inverse @ error)
    R = np.array(directions).reshape(-1, n).T
    return Textbook(objective, beta, r2, logdet, cov_beta, tuple(modes), tuple(mode_cov), R.T @ P @ R)


def study(
    name: str,
    terms: Sequence[ReTerm],
    groups: Sequence[NDArray[np.intp]],
    *,
    chain: Sequence[int],
    dense: Sequence[int] = (),
    crossing: str = "none",
    fixed: Sequence[Column | FixedSet] = (column("b0"), column("b1", 0)),
    sets: Sequence[NDArray[np.intp]] = (),
    has_offset: bool = False,
    seed: int = 1,
) -> Study:
    """Return a study with an outcome drawn at random."""
    generator = np.random.default_rng(seed)
    n = len(groups[0]) if groups else 30
    n_theta = max((t + 1 for item in terms for part in item.blocks for t in part.theta), default=0)
    y = generator.normal(3.0, 1.0, n)
    for codes in groups:
        y = y + generator.normal(size=codes.max() + 1)[codes]
    arrays = Arrays(
        y=y,
        x=tuple(generator.normal(size=(4, n))),
        x_symbols=("x0[i]", "x1[i]", "x2[i]", "x3[i]"),
        groups=tuple(groups),
        sets=tuple(sets),
        offsets=(generator.normal(size=n) if has_offset else None,),
    )
    plan = Plan(
        fixed=tuple(fixed),
        re_terms=tuple(terms),
        n_theta=n_theta,
        chain=tuple(chain),
        dense=tuple(dense),
        crossing=crossing,  # type: ignore[arg-type]
        has_offset=(has_offset,),
        intercept=0 if fixed and isinstance(fixed[0], Column) and fixed[0].is_constant else None,
        diagonal_theta=diagonal(terms, n_theta),
        reasons=(),
        sizes=None,
    )
    return Study(name, plan, arrays)


def codes(n: int, size: int, seed: int) -> NDArray[np.intp]:
    """Return codes in no order, each of them occurring."""
    generator = np.random.default_rng(seed)
    out = np.concatenate((np.arange(size), generator.integers(0, size, n - size)))
    return generator.permutation(out)


def parents(child: NDArray[np.intp], size: int, seed: int) -> NDArray[np.intp]:
    """Return row codes of a coarser factor that the groups of `child` lie in."""
    return codes(child.max() + 1, size, seed)[child]


def one_factor(width: int) -> Study:
    """Return a study with one factor of `width` effects; some of its groups have one row."""
    return study(
        f"one factor, width {width}", [term("j", effects(width), full(width, 0))], [codes(40, 9, 3)], chain=[0]
    )


def nested(*widths: int) -> Study:
    """Return a study with nested factors, the finest first."""
    groups = [codes(60, 20, 1)]
    for k, size in enumerate((8, 3)[: len(widths) - 1]):
        groups.append(parents(groups[-1], size, 5 + k))
    terms, start = [], 0
    for name, width in zip("ijk", widths, strict=False):
        terms.append(term(name, effects(width), full(width, start)))
        start += width * (width + 1) // 2
    return study(f"nested {widths}", terms, groups, chain=range(len(widths)))


def crossed(widths: Sequence[int], chain: Sequence[int], crossing: str) -> Study:
    """Return a study with crossed factors; those outside the chain are dense."""
    sizes = (12, 5, 4)
    groups = [codes(60, size, k) for k, size in enumerate(sizes[: len(widths)])]
    if len(chain) == 2:
        groups[1] = parents(groups[0], 5, 9)
    terms, start = [], 0
    for name, width in zip("ijk", widths, strict=False):
        terms.append(term(name, effects(width), full(width, start)))
        start += width * (width + 1) // 2
    dense = [k for k in range(len(widths)) if k not in chain]
    return study(
        f"crossed {widths} chain {chain} {crossing}", terms, groups, chain=chain, dense=dense, crossing=crossing
    )


def reversed_positions() -> Study:
    """Return nested factors that the plan lists coarsest first, with one that is crossed between them."""
    fine = codes(60, 14, 2)
    groups = [parents(fine, 4, 3), codes(60, 5, 8), fine]
    terms = [term("k", effects(1), full(1, 0)), term("m", effects(2), full(2, 1)), term("j,k", effects(2), full(2, 4))]
    return study("reversed positions", terms, groups, chain=[2, 0], dense=[1], crossing="sparse")


def two_blocks() -> Study:
    """Return a factor whose effects are in two blocks."""
    terms = [term("j", effects(3), block([0, 1], [0, 1, 2]), block([2], [3]))]
    return study("two blocks", terms, [codes(50, 9, 3)], chain=[0])


def tied() -> Study:
    """Return factors with a tied standard deviation and one that equals the residual's."""
    terms = [
        term("j", effects(2), block([0], [0]), block([1], [0])),
        term("k", effects(2), block([0], [-1]), block([1], [1])),
    ]
    groups = [codes(60, 12, 3)]
    groups.append(parents(groups[0], 4, 4))
    return study("tied", terms, groups, chain=[0, 1])


def with_sets() -> Study:
    """Return a study with unmodelled sets (one without a reference, one with covariate) and an offset."""
    sets = (codes(60, 4, 11), codes(60, 4, 12) - 1)
    fixed = (
        column("b1", 0, 1),
        FixedSet(symbol="a", products=(Product(scale=1.0, factors=()),), codes=0),
        FixedSet(symbol="c", products=(Product(scale=2.0, factors=(1,)),), codes=1),
    )
    terms = [term("j", effects(2), full(2, 0))]
    return study("with sets", terms, [codes(60, 12, 3)], chain=[0], fixed=fixed, sets=sets, has_offset=True)


def only_dense() -> Study:
    """Return crossed factors without a chain."""
    groups = [codes(50, 6, 1), codes(50, 4, 2)]
    return study(
        "only dense",
        [term("j", effects(2), full(2, 0)), term("k", effects(1), full(1, 3))],
        groups,
        chain=[],
        dense=[0, 1],
    )


def without_random() -> Study:
    """Return a linear model without random effects."""
    return study("no random", [], [], chain=[])


def without_fixed() -> Study:
    """Return a study without any fixed effect."""
    return study("no fixed", [term("j", effects(1), full(1, 0))], [codes(50, 9, 3)], chain=[0], fixed=())


def sums_of_products() -> Study:
    """Return a study whose columns are scaled, and sums of products."""
    mixed = Column(
        symbol="b2",
        products=(
            Product(scale=2.0, factors=(0, 1)),
            Product(scale=-1.0, factors=()),
            Product(scale=1.0, factors=(2,)),
        ),
    )
    terms = [term("j", [column("u0", scale=2.0), mixed], full(2, 0))]
    return study("sums of products", terms, [codes(50, 9, 3)], chain=[0], fixed=(column("b0"), mixed))


STUDIES = (
    *(one_factor(width) for width in (1, 2, 3, 4)),
    one_factor(9) if False else one_factor(5),
    nested(1, 1),
    nested(2, 1),
    nested(1, 3),
    nested(2, 2, 1),
    nested(1, 1, 1),
    nested(3, 1, 2),
    *(
        crossed(widths, [0], crossing)
        for widths in ((1, 1), (2, 1), (1, 2), (2, 3, 1))
        for crossing in ("dense", "sparse")
    ),
    *(
        crossed(widths, [0, 1], crossing)
        for widths in ((1, 1, 1), (2, 1, 2), (1, 2, 1))
        for crossing in ("dense", "sparse")
    ),
    reversed_positions(),
    two_blocks(),
    tied(),
    with_sets(),
    only_dense(),
    without_fixed(),
    without_random(),
    sums_of_products(),
)
