"""Studies with a density: every structure of the Gaussian studies, every family by every link, several predictors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from hdsl.composite.density import Wrapper, row_density
from hdsl.form.density import Input, RowDensity
from hdsl.plan import Arrays, Column, FixedSet, Plan, Product, ReTerm
from tests.unit.codegen.studies import STUDIES, Study, block, codes, diagonal, full, parents, term
from tests.unit.composite.densities import FAMILIES, PROBABILITY, REAL, Family, Link, call, eta, family_density

Floats = NDArray[np.float64]

LEADS = {id(PROBABILITY): (0.02, 0.98), id(REAL): (-50.0, 50.0)}
"""Where arguments of a family's links are kept in the tests; the rest are positive."""


def constant(k: int, symbol: str = "s") -> Column:
    """Return the constant column of predictor k."""
    return Column(symbol=symbol, products=(Product(scale=1.0, factors=(), predictor=k),))


def with_density(
    study: Study, density: RowDensity, y: Floats, known: Sequence[Floats] = (), name: str = "", shift: float = 0.0
) -> Study:
    """Return a study with a density: its predictor is the first, the others are parameters without an equation.

    `shift` is a known part of the first predictor, on top of its offset.
    """
    K = len(density.inputs)
    offset = study.arrays.offsets[0]
    first = offset if not shift else shift + (0.0 if offset is None else offset) + np.zeros(len(y))
    plan = replace(
        study.plan,
        density=density,
        fixed=(*study.plan.fixed, *(constant(k, f"s{k}") for k in range(1, K))),
        has_offset=(first is not None, *(False,) * (K - 1)),
    )
    arrays = replace(study.arrays, y=y, offsets=(first, *(None,) * (K - 1)), known=tuple(known))
    return Study(name or f"{study.name}, {density.distribution}", plan, arrays)


# -- families by links ----------------------------------------------------------------------------------------------


def _is_inside(family: Family, link: Link, points: Floats) -> bool:
    low, high = LEADS.get(id(family.links), (1e-3, 1e3))
    try:
        values = [float(link.value(float(point))) for point in points]
    except ZeroDivisionError:
        return False
    return all(low < value < high for value in values)


def centre(family: Family, link: Link) -> tuple[float, float]:
    """Return a predictor and a spread about it for which the argument stays inside its range."""
    found = [
        (spread, -abs(abs(point) - 0.7), point)
        for point in link.points
        for spread in (0.1, 0.03)
        if _is_inside(family, link, point + spread * np.linspace(-3.0, 3.0, 7))
    ]
    spread, _, point = max(found)
    return point, spread


def outcomes(family: Family, n: int, seed: int) -> Floats:
    """Return outcomes of moderate size that the family can have, in no order.

    Of no group are all units successes: where a link takes a probability to 1 at a finite predictor, there is no mode.
    """
    generator = np.random.default_rng(seed)
    most = family.known.get("size", 20.0)
    moderate = [y for y in family.outcomes if 1e-2 < abs(y) < most or y == 0.0]
    return generator.permutation(np.resize(np.array(moderate), n))


def of_family(study: Study, name: str, link: str) -> tuple[Study, float]:
    """Return a study with a family by a link, and the spread of its predictor."""
    family = FAMILIES[name]
    point, spread = centre(family, family.links[link])
    n = len(study.arrays.y)
    known = [np.full(n, value) for value in family.known.values()]
    density = family_density(name, link)
    scaled = tuple(None if offset is None else spread * offset / 3.0 for offset in study.arrays.offsets)
    study = replace(study, arrays=replace(study.arrays, offsets=scaled))
    return with_density(study, density, outcomes(family, n, 3), known, f"{study.name}, {name} by {link}", point), spread


BY_LINK = [(name, link) for name, family in FAMILIES.items() for link in family.links]


# -- structures -----------------------------------------------------------------------------------------------------


def bernoulli(study: Study) -> Study:
    """Return a study with a yes or no."""
    generator = np.random.default_rng(5)
    y = (generator.uniform(size=len(study.arrays.y)) < 0.4).astype(float)
    return with_density(study, family_density("bernoulli", "logit"), y)


STRUCTURES = [bernoulli(study) for study in STUDIES]

E0, E1 = sp.symbols("eta:2", real=True)
Y = sp.Symbol("y")
LOGISTIC = Y * E0 - sp.log(1 + sp.exp(E0))


# -- several predictors ---------------------------------------------------------------------------------------------


def _column(symbol: str, *products: tuple[int, float, tuple[int, ...]]) -> Column:
    """Return a column of (predictor, scale, factors)."""
    return Column(symbol=symbol, products=tuple(Product(scale=s, factors=f, predictor=k) for k, s, f in products))


def _plan(
    fixed: Sequence[Column | FixedSet],
    terms: Sequence[ReTerm],
    density: RowDensity,
    *,
    chain: Sequence[int],
    dense: Sequence[int] = (),
    crossing: str = "none",
    has_offset: tuple[bool, ...] = (False, False),
) -> Plan:
    n_theta = max((t + 1 for item in terms for part in item.blocks for t in part.theta), default=0)
    return Plan(
        fixed=tuple(fixed),
        re_terms=tuple(terms),
        n_theta=n_theta,
        chain=tuple(chain),
        dense=tuple(dense),
        crossing=crossing,  # type: ignore[arg-type]
        has_offset=has_offset,
        intercept=0,
        diagonal_theta=diagonal(terms, n_theta),
        density=density,
        reasons=(),
        sizes=None,
    )


def _arrays(n: int, y: Floats, groups: Sequence[NDArray[np.intp]], *more: Floats) -> Arrays:
    generator = np.random.default_rng(7)
    return Arrays(
        y=y,
        x=(*generator.normal(size=(2, n)), *more),
        x_symbols=("x0[i]", "x1[i]", *(f"c{k}[i]" for k in range(len(more)))),
        groups=tuple(groups),
        sets=(),
        offsets=(None, None),
    )


def _normal() -> RowDensity:
    return family_density("normal", "identity")


NORMAL = -sp.log(2 * sp.pi) / 2 - E1 - (Y - E0) ** 2 / (2 * sp.exp(2 * E1))


def scale_studies() -> list[Study]:
    """Return studies of a normal outcome with random effects in mean and log standard deviation."""
    n = 60
    y = np.random.default_rng(8).normal(1.0, 1.5, n)
    fixed = [
        _column("b0", (0, 1.0, ())), _column("b1", (0, 1.0, (0,))), _column("c0", (1, 1.0, ())),
        _column("c1", (1, 1.0, (1,))),
    ]  # fmt: skip
    mean, slope = _column("u0", (0, 1.0, ())), _column("u1", (0, 1.0, (0,)))
    scale, steep = _column("w0", (1, 1.0, ())), _column("w1", (1, 1.0, (0,)))
    both = _column("m", (0, 1.0, (0,)), (1, 0.5, (1,)))
    same = _column("a", (0, 2.0, ()), (1, 2.0, ()))
    one, coarse, other = codes(n, 6, 3), parents(codes(n, 6, 3), 3, 4), codes(n, 5, 6)
    studies = {
        "correlated": ([term("j", [mean, scale], full(2, 0))], [one], [0], [], "none"),
        "four effects": ([term("j", [mean, slope, scale, steep], full(4, 0))], [one], [0], [], "none"),
        "mixed columns": ([term("j", [mean, both, same], full(3, 0))], [one], [0], [], "none"),
        "nested": (
            [term("j", [scale], full(1, 0)), term("k", [mean, scale], full(2, 1))], [one, coarse], [0, 1], [], "none",
        ),
        "crossed dense": (
            [term("j", [mean, scale], full(2, 0)), term("k", [scale, both], full(2, 3))], [one, other], [0], [1],
            "dense",
        ),
        "crossed sparse": (
            [term("j", [mean, scale], full(2, 0)), term("k", [scale, both], full(2, 3))], [one, other], [0], [1],
            "sparse",
        ),
        "only dense": (
            [term("j", [mean, scale], full(2, 0)), term("k", [scale], full(1, 3))], [one, other], [], [0, 1], "none",
        ),
    }  # fmt: skip
    return [
        Study(f"normal, {name}", _plan(fixed, terms, _normal(), chain=chain, dense=dense, crossing=crossing),
              _arrays(n, y, groups))
        for name, (terms, groups, chain, dense, crossing) in studies.items()
    ]  # fmt: skip


def ordered(name: str) -> Study:
    """Return four ordered categories; the last threshold above and the first below are infinite."""
    n = 60
    generator = np.random.default_rng(9)
    y = generator.permutation(np.resize(np.arange(1.0, 5.0), n))
    density = row_density(
        name,
        (("upper", eta(0)), ("lower", eta(1))),
        (),
        (Input(argument="upper threshold", predictor=0, sign=-1.0, threshold="upper"),
         Input(argument="lower threshold", predictor=0, sign=-1.0, threshold="lower")),
        (),
    )  # fmt: skip
    indicators = [(y == k).astype(float) for k in range(1, 5)]
    thresholds = [_column(f"t{k}", (0, 1.0, (2 + k,)), (1, 1.0, (3 + k,))) for k in range(3)]
    fixed = [_column("b", (0, -1.0, (0,)), (1, -1.0, (0,))), *thresholds]
    u0, u1 = _column("u0", (0, -1.0, ()), (1, -1.0, ())), _column("u1", (0, -1.0, (1,)), (1, -1.0, (1,)))
    terms = [term("j", [u0, u1], full(2, 0)), term("k", [u0], full(1, 3))]
    plan = _plan(fixed, terms, density, chain=[0], dense=[1], crossing="dense", has_offset=(True, True))
    arrays = _arrays(n, y, [codes(n, 8, 1), codes(n, 4, 2)], *indicators)
    offsets = (np.where(y == 4.0, np.inf, 0.0), np.where(y == 1.0, -np.inf, 0.0))
    return Study(name, replace(plan, intercept=None), replace(arrays, offsets=offsets))


def zero_inflated() -> Study:
    """Return counts with more zeros, random effects in mean and zero probability; with ties and an offset."""
    n = 60
    y = np.random.default_rng(10).poisson(2.0, n) * (np.random.default_rng(11).uniform(size=n) < 0.6)
    density = row_density(
        "poisson",
        (("mean", call("exp", eta(0))),),
        (Wrapper(name="zero_inflated", arguments=(("p", call("invlogit", eta(1))),)),),
        (Input(argument="mean", predictor=0), Input(argument="p", predictor=1)),
        (),
    )
    fixed = [_column("b0", (0, 1.0, ())), _column("b1", (0, 1.0, (0,))), _column("c0", (1, 1.0, ()))]
    terms = [term("j", [_column("u0", (0, 1.0, ())), _column("w0", (1, 1.0, ()))], block([0], [0]), block([1], [0]))]
    plan = _plan(fixed, terms, density, chain=[0], has_offset=(True, False))
    arrays = _arrays(n, y.astype(float), [codes(n, 8, 1)])
    return Study("zero inflated, tied", plan, replace(arrays, offsets=(np.linspace(-0.5, 0.5, n), None)))


INFLATED = sp.Piecewise(
    (sp.log(sp.exp(E1) + sp.exp(-sp.exp(E0))) - sp.log(1 + sp.exp(E1)), sp.Eq(Y, 0)),
    (Y * E0 - sp.exp(E0) - sp.loggamma(Y + 1) - sp.log(1 + sp.exp(E1)), True),
)

SEVERAL = [*scale_studies(), ordered("ordered_logit"), ordered("ordered_probit"), zero_inflated()]

EXACT = {
    **{study.name: (study, LOGISTIC) for study in STRUCTURES},
    **{study.name: (study, NORMAL) for study in scale_studies()},
    "zero inflated, tied": (zero_inflated(), INFLATED),
    "ordered_logit": (
        ordered("ordered_logit"), sp.log(1 / (1 + sp.exp(-E0)) - 1 / (1 + sp.exp(-E1))),
    ),
}  # fmt: skip
"""Studies with log f written a second time."""


def beyond(study: Study) -> Study:
    """Return a study whose infinite offsets are as large as numbers take without harm."""
    offsets = tuple(None if o is None else np.clip(o, -40.0, 40.0) for o in study.arrays.offsets)
    return replace(study, arrays=replace(study.arrays, offsets=offsets))
