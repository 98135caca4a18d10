"""Designs and outcomes of models with a density, written out by hand; all numbers are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from hdsl.design.coding import Coding
from hdsl.design.record import Design, ScalarColumn
from hdsl.fit.outcome import FitOutcome
from hdsl.form.density import Case, Input, RowDensity, pairs, triples
from hdsl.form.expr import Apply, Num, Ref
from hdsl.form.labels import Labels
from hdsl.form.model import (
    CompositeModel,
    Covariance,
    Index,
    Outcome,
    Predictor,
    RandomBlock,
)
from hdsl.plan import Arrays, Column, CovarianceBlock, Plan, Product, ReTerm, Sizes
from hdsl.source import Source

ROWS = Index(name="i", column=None)
GROUPS = Index(name="j", column="herd")
NOTHING = Num(value=0.0)


def eta(place):
    """The expression of an input."""
    return Ref(name=f"eta{place}", index_set=())


def applied(function, *operands):
    """A function of expressions."""
    return Apply(operator=function, operands=operands)


def density(distribution, inputs, natural, known=()):
    """A row density whose derivatives nobody reads."""
    k = len(inputs)
    case = Case(
        holds=None,
        steps=(),
        value=NOTHING,
        constant=NOTHING,
        first=(NOTHING,) * k,
        second=(NOTHING,) * len(pairs(k)),
        third=(NOTHING,) * len(triples(k)),
    )
    return RowDensity(
        distribution=distribution, inputs=tuple(inputs), known=tuple(known), cases=(case,), natural=tuple(natural)
    )


def form(distribution, predictors, row_density, *, wrappers=(), scalars=()):
    """A composite model with one random intercept and no more than results read."""
    block = RandomBlock(
        effects=("u0[j]",),
        index_set=("j",),
        distribution="normal",
        covariance=Covariance(structure="diagonal", sd=("sd_u",)),
        means=((),),
    )
    return CompositeModel(
        source=Source("", "herds.hm"),
        indices=(ROWS, GROUPS),
        index_sets=(("i",), ("j",)),
        nestings=(),
        data=(),
        definitions=(),
        parameters=(),
        sets=(),
        outcome=Outcome(
            name="y",
            index_set=("i",),
            expr=Ref(name="y", index_set=("i",)),
            transform=None,
            distribution=distribution,
            wrappers=wrappers,
            scalars=scalars,
        ),
        predictors=predictors,
        blocks=(block,),
        residual=None,
        density=row_density,
    )


def random_intercept(scale=1.0, predictors=(0,)):
    """One grouping factor with one effect."""
    products = tuple(Product(scale=scale, factors=(), predictor=k) for k in predictors)
    return ReTerm(
        index_set=("j",),
        columns=(Column(symbol="u0[j]", products=products),),
        blocks=(CovarianceBlock(columns=(0,), effects=("u0[j]",), theta=(0,)),),
    )


def plan(fixed, term, row_density, n, p, n_levels):
    """A plan with one grouping factor."""
    return Plan(
        fixed=fixed,
        re_terms=(term,),
        n_theta=1,
        chain=(0,),
        dense=(),
        crossing="none",
        has_offset=(False,) * len(row_density.inputs),
        intercept=0,
        diagonal_theta=(True,),
        density=row_density,
        reasons=(),
        sizes=Sizes(n=n, p=p, n_levels=(n_levels,), set_columns=()),
    )


def design(model, structure, arrays, labels, scalars):
    """A design of three herds."""
    n = len(arrays.y)
    return Design(
        form=model,
        plan=structure,
        arrays=arrays,
        coding=Coding(columns={}, levels={}, sets=(), aggregates=()),
        fixed_labels=tuple(labels),
        fixed_terms=tuple(labels),
        levels=(Labels.of(("a", "b", "c")),),
        variance_names={(0, 0, 0): "sd_u"},
        residual_name="",
        zeroed={},
        n_read=n,
        n_dropped=0,
        missing={},
        row_labels=pd.RangeIndex(n),
        group_counts={("i",): n, ("j",): 3},
        diagnostics=(),
        scalars=tuple(scalars),
    )


def outcome(beta, cov_beta, cross_cov, *, method="laplace", sd=0.8):
    """An optimum with one standard deviation."""
    return FitOutcome(
        method=method,
        theta=np.array([sd]),
        sigma=float("nan"),
        beta=np.asarray(beta, dtype=float),
        cov_beta=np.asarray(cov_beta, dtype=float),
        aliased=(),
        sd=(np.array([sd]),),
        cor=(np.eye(1),),
        modes=(np.array([[0.5], [-0.25], [0.0]]),),
        mode_cov=(np.full((3, 1, 1), 0.04),),
        variance_cov=np.array([[0.01]]),
        cross_cov=np.asarray(cross_cov, dtype=float).reshape(-1, 1),
        variance_parameters=((0, 0, 0),),
        objective=40.0,
        logdet=1.0,
        r2=float("nan"),
        n_evaluations=7,
        gradient_norm=1e-9,
        status="converged",
        message="converged",
        boundary=(),
    )


CONSTANT = (Product(scale=1.0, factors=()),)
HERDS = np.array([0, 0, 1, 1, 2, 2])
X = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])


def binomial_parts():
    """``y[i] ~ binomial(n[i], p[i])``, ``logit(p[i]) = b0 + b1*x[i] + u0[j]``."""
    row_density = density(
        "binomial", [Input(argument="p", predictor=0)], [("p", applied("invlogit", eta(0)))], known=("size",)
    )
    predictor = Predictor(name="logit(p[i])", argument="p", link="logit", terms=())
    fixed = (
        Column(symbol="b0", products=CONSTANT),
        Column(symbol="b1", products=(Product(scale=1.0, factors=(0,)),)),
    )
    arrays = Arrays(
        y=np.array([2.0, 1.0, 0.0, 3.0, 5.0, 4.0]),
        x=(X,),
        x_symbols=("x[i]",),
        groups=(HERDS,),
        sets=(),
        offsets=(None,),
        known=(np.array([4.0, 4.0, 5.0, 6.0, 10.0, 8.0]),),
    )
    structure = plan(fixed, random_intercept(), row_density, 6, 2, 3)
    made = design(form("binomial", (predictor,), row_density), structure, arrays, ("b0", "b1"), ())
    return made, outcome([0.2, -0.4], np.diag([0.04, 0.09]), [0.002, -0.001])


def counts_parts():
    """``y[i] ~ zero_inflated(negative_binomial(mean[i], size), p_zero)``, ``log(mean[i]) = b0 + b1*x[i] + u0[j]``."""
    inputs = [
        Input(argument="mean", predictor=0),
        Input(argument="size", predictor=None, scalar="size", inverse="exp"),
        Input(argument="zero_inflated p", predictor=None, scalar="p_zero", inverse="invlogit"),
    ]
    natural = [
        ("mean", applied("exp", eta(0))),
        ("size", applied("exp", eta(1))),
        ("zero_inflated p", applied("invlogit", eta(2))),
    ]
    row_density = density("zero_inflated(negative_binomial)", inputs, natural)
    predictor = Predictor(name="log(mean[i])", argument="mean", link="log", terms=())
    fixed = (
        Column(symbol="b0", products=CONSTANT),
        Column(symbol="b1", products=(Product(scale=1.0, factors=(0,)),)),
        Column(symbol="size", products=(Product(scale=1.0, factors=(), predictor=1),)),
        Column(symbol="p_zero", products=(Product(scale=1.0, factors=(), predictor=2),)),
    )
    arrays = Arrays(
        y=np.array([2.0, 0.0, 0.0, 3.0, 5.0, 0.0]),
        x=(X,),
        x_symbols=("x[i]",),
        groups=(HERDS,),
        sets=(),
        offsets=(None, None, None),
    )
    scalars = (
        ScalarColumn(name="size", role="size", column=2, inverse="exp"),
        ScalarColumn(name="p_zero", role="probability", column=3, inverse="invlogit"),
    )
    structure = plan(fixed, random_intercept(), row_density, 6, 4, 3)
    model = form("negative_binomial", (predictor,), row_density, wrappers=("zero_inflated",))
    made = design(model, structure, arrays, ("b0", "b1", "size", "p_zero"), scalars)
    covariance = np.diag([0.04, 0.09, 0.16, 0.25])
    covariance[0, 2] = covariance[2, 0] = 0.01
    return made, outcome([1.0, -0.5, np.log(2.0), 0.0], covariance, [0.002, 0.0, 0.003, 0.0])


def ordinal_parts():
    """``y[i] ~ ordered_logit(eta[i], c)`` in three categories, ``eta[i] = b1*x[i] + u0[j]``."""
    inputs = [
        Input(argument="upper", predictor=0, sign=-1.0, threshold="upper"),
        Input(argument="lower", predictor=0, sign=-1.0, threshold="lower"),
    ]
    row_density = density("ordered_logit", inputs, [])
    predictor = Predictor(name="eta[i]", argument="eta", link="identity", terms=())
    y = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 0.0])
    indicators = [(y == k).astype(float) for k in (0, 1)] + [(y == k + 1).astype(float) for k in (0, 1)]
    minus = tuple(Product(scale=-1.0, factors=(0,), predictor=k) for k in (0, 1))
    fixed = (
        Column(symbol="b1", products=minus),
        *(
            Column(
                symbol=f"c[{k}]",
                products=(
                    Product(scale=1.0, factors=(k,), predictor=0),
                    Product(scale=1.0, factors=(k + 2,), predictor=1),
                ),
            )
            for k in (1, 2)
        ),
    )
    arrays = Arrays(
        y=y,
        x=(X, *indicators),
        x_symbols=("x[i]", "(y == 0)", "(y == 1)", "(y == 1)", "(y == 2)"),
        groups=(HERDS,),
        sets=(),
        offsets=(np.where(y == 2.0, np.inf, 0.0), np.where(y == 0.0, -np.inf, 0.0)),
    )
    scalars = tuple(ScalarColumn(name=f"c[{k}]", role="threshold", column=k, inverse="identity") for k in (1, 2))
    structure = replace(
        plan(fixed, random_intercept(-1.0, (0, 1)), row_density, 6, 3, 3), has_offset=(True, True), intercept=None
    )
    made = design(form("ordered_logit", (predictor,), row_density), structure, arrays, ("b1", "c[1]", "c[2]"), scalars)
    return made, outcome([0.7, -1.0, 1.0], np.diag([0.09, 0.04, 0.05]), [0.0, 0.001, 0.001])


def scale_parts():
    """``y[i] ~ normal(m[i], s[i])``, ``m[i] = b0 + b1*x[i] + u0[j]``, ``log(s[i]) = g0 + g1*x[i]``."""
    inputs = [Input(argument="mean", predictor=0), Input(argument="sd", predictor=1)]
    row_density = density("normal", inputs, [("mean", eta(0)), ("sd", applied("exp", eta(1)))])
    predictors = (
        Predictor(name="m[i]", argument="mean", link="identity", terms=()),
        Predictor(name="log(s[i])", argument="sd", link="log", terms=()),
    )
    fixed = tuple(
        Column(symbol=name, products=(Product(scale=1.0, factors=factors, predictor=k),))
        for name, factors, k in (("b0", (), 0), ("b1", (0,), 0), ("g0", (), 1), ("g1", (0,), 1))
    )
    arrays = Arrays(
        y=np.array([1.0, 2.5, 0.5, 1.5, 1.0, 3.0]),
        x=(X,),
        x_symbols=("x[i]",),
        groups=(HERDS,),
        sets=(),
        offsets=(None, None),
    )
    structure = plan(fixed, random_intercept(), row_density, 6, 4, 3)
    made = design(form("normal", predictors, row_density), structure, arrays, ("b0", "b1", "g0", "g1"), ())
    return made, outcome([1.0, 1.2, -0.5, 0.3], np.diag([0.04, 0.09, 0.01, 0.02]), np.zeros(4), method="agq")
