"""Outcomes with a density, for tests of fits: the record of the package, the textbook's log density, and a sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from hdsl.composite.density import row_density
from hdsl.composite.density_wrappers import Wrapper
from hdsl.form.density import Input, RowDensity
from hdsl.form.expr import Apply, Expr, Ref
from hdsl.plan import Arrays, Column, Plan, Product
from tests.unit.codegen.studies import Study, block, column, diagonal, term
from tests.unit.fit.dense import DenseLaplace

Floats = NDArray[np.float64]

y, eta0, eta1 = sp.Symbol("y"), *sp.symbols("eta:2", real=True)
expit = 1 / (1 + sp.exp(-eta0))
size = sp.Symbol("size")


def apply(name: str, *operands: Expr) -> Expr:
    return Apply(operator=name, operands=operands)


def ref(name: str) -> Expr:
    return Ref(name=name, index_set=())


def scalar(argument: str, inverse: str = "exp") -> Input:
    return Input(argument=argument, predictor=None, scalar=argument, inverse=inverse)


def predictor(argument: str, position: int = 0) -> Input:
    return Input(argument=argument, predictor=position)


@dataclass(frozen=True)
class Outcome:
    """One kind of outcome; `draw` makes values from predictors (K, n)."""

    name: str
    density: RowDensity
    value: sp.Expr
    draw: Callable[[np.random.Generator, Floats], Floats]
    second: float = 0.0  # the true second predictor


e0, e1 = ref("eta0"), ref("eta1")
LOG2PI = sp.log(2 * sp.pi)

OUTCOMES = {
    o.name: o
    for o in (
        Outcome(
            "bernoulli",
            row_density("bernoulli", (("p", apply("invlogit", e0)),), (), (predictor("p"),), ()),
            y * sp.log(expit) + (1 - y) * sp.log(1 / (1 + sp.exp(eta0))),
            lambda g, eta: g.binomial(1, 1 / (1 + np.exp(-eta[0]))).astype(float),
        ),
        Outcome(
            "poisson",
            row_density("poisson", (("mean", apply("exp", e0)),), (), (predictor("mean"),), ()),
            y * eta0 - sp.exp(eta0) - sp.loggamma(y + 1),
            lambda g, eta: g.poisson(np.exp(eta[0])).astype(float),
        ),
        Outcome(
            "negative_binomial",
            row_density(
                "negative_binomial",
                (("mean", apply("exp", e0)), ("size", apply("exp", e1))),
                (),
                (predictor("mean"), scalar("size")),
                (),
            ),
            sp.loggamma(y + sp.exp(eta1))
            - sp.loggamma(sp.exp(eta1))
            - sp.loggamma(y + 1)
            + sp.exp(eta1) * (eta1 - sp.log(sp.exp(eta0) + sp.exp(eta1)))
            + y * (eta0 - sp.log(sp.exp(eta0) + sp.exp(eta1))),
            lambda g, eta: g.negative_binomial(
                np.exp(eta[1]), np.exp(eta[1]) / (np.exp(eta[0]) + np.exp(eta[1]))
            ).astype(float),
            second=0.7,
        ),
        Outcome(
            "normal",
            row_density("normal", (("mean", e0), ("sd", apply("exp", e1))), (), (predictor("mean"), scalar("sd")), ()),
            -LOG2PI / 2 - eta1 - (y - eta0) ** 2 / (2 * sp.exp(2 * eta1)),
            lambda g, eta: g.normal(eta[0], np.exp(eta[1])),
            second=-0.5,
        ),
        Outcome(
            "student_t",
            row_density(
                "student_t",
                (("df", ref("df")), ("mean", e0), ("scale", apply("exp", e1))),
                (),
                (predictor("mean"), scalar("scale")),
                ("df",),
            ),
            sp.loggamma(sp.Rational(5, 2))
            - sp.loggamma(2)
            - sp.log(4 * sp.pi) / 2
            - eta1
            - sp.Rational(5, 2) * sp.log(1 + ((y - eta0) / sp.exp(eta1)) ** 2 / 4),
            lambda g, eta: eta[0] + np.exp(eta[1]) * g.standard_t(4, eta.shape[1]),
            second=-0.5,
        ),
        Outcome(
            "zero_inflated",
            row_density(
                "poisson",
                (("mean", apply("exp", e0)),),
                (Wrapper(name="zero_inflated", arguments=(("p", apply("invlogit", e1)),)),),
                (predictor("mean"), scalar("p of zero_inflated", "invlogit")),
                (),
            ),
            sp.Piecewise(
                (sp.log(sp.exp(eta1) + sp.exp(-sp.exp(eta0))) - sp.log(1 + sp.exp(eta1)), sp.Eq(y, 0)),
                (y * eta0 - sp.exp(eta0) - sp.loggamma(y + 1) - sp.log(1 + sp.exp(eta1)), True),
            ),
            lambda g, eta: np.where(
                g.uniform(size=eta.shape[1]) < 1 / (1 + np.exp(-eta[1])), 0.0, g.poisson(np.exp(eta[0]))
            ),
            second=-1.0,
        ),
    )
}


def terms(structure: str) -> tuple[tuple[object, ...], int, tuple[int, ...], tuple[int, ...]]:
    """Return grouping factors, number of theta, chain and dense factors of a structure."""
    u0, u1 = column("u0"), column("u1", 0)
    match structure:
        case "none":
            return (), 0, (), ()
        case "one":
            return (term("j", [u0], block([0], [0])),), 1, (0,), ()
        case "slope":
            return (term("j", [u0, u1], block([0, 1], [0, 1, 2])),), 3, (0,), ()
        case "nested":
            return (term("j", [u0], block([0], [0])), term("k", [u0], block([0], [1]))), 2, (0, 1), ()
        case "crossed":
            return (term("j", [u0], block([0], [0])), term("k", [u0], block([0], [1]))), 2, (0,), (1,)
    raise ValueError(structure)


def made_up(
    name: str, structure: str = "one", *, groups: int = 12, rows: int = 10, sd: float = 0.8, seed: int = 1
) -> Study:
    """Return a plan with data drawn from it."""
    outcome = OUTCOMES[name]
    generator = np.random.default_rng(seed)
    n = groups * rows
    x = generator.normal(size=n)
    re_terms, n_theta, chain, dense = terms(structure)
    j = np.repeat(np.arange(groups), rows)
    k = j // 4 if structure == "nested" else generator.permutation(np.arange(n) % 6)
    K = len(outcome.density.inputs)
    fixed = [column("b0"), column("b1", 0)]
    if K > 1:
        fixed.append(Column(symbol="s", products=(Product(scale=1.0, factors=(), predictor=1),)))
    eta = np.zeros((K, n))
    eta[0] = 0.4 + 0.6 * x
    if re_terms:
        eta[0] += sd * generator.normal(size=groups)[j]
    if structure == "slope":
        eta[0] += 0.5 * generator.normal(size=groups)[j] * x
    if len(re_terms) > 1:
        eta[0] += 0.5 * generator.normal(size=k.max() + 1)[k]
    eta[1:] = outcome.second
    plan = Plan(
        fixed=tuple(fixed),
        re_terms=re_terms,  # type: ignore[arg-type]
        n_theta=n_theta,
        chain=chain,
        dense=dense,
        crossing="dense" if dense else "none",
        has_offset=(False,) * K,
        intercept=0,
        diagonal_theta=diagonal(re_terms, n_theta),  # type: ignore[arg-type]
        density=outcome.density,
        reasons=(),
        sizes=None,
    )
    arrays = Arrays(
        y=outcome.draw(generator, eta),
        x=(x,),
        x_symbols=("x",),
        groups=tuple(g.astype(np.intp) for g in ((j,) if len(re_terms) == 1 else (j, k))[: len(re_terms)]),
        sets=(),
        offsets=(None,) * K,
        known=tuple(np.full(n, 4.0) for _ in outcome.density.known),
    )
    return Study(name=f"{name}, {structure}", plan=plan, arrays=arrays)


def dense(study: Study) -> DenseLaplace:
    """Return the dense criterion of a study."""
    return DenseLaplace(study.plan, study.arrays, OUTCOMES[study.name.split(",")[0]].value)


def with_outcome(study: Study, values: Floats) -> Study:
    """Return a study with another outcome."""
    return replace(study, arrays=replace(study.arrays, y=values))
