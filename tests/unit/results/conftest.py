"""Designs and outcomes written out by hand, so that results are tested without any stage before them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hdsl.design.coding import Coding
from hdsl.design.record import Design
from hdsl.fit.outcome import FitOutcome
from hdsl.form.expr import Ref
from hdsl.form.labels import Labels
from hdsl.form.model import (
    CompositeModel,
    Covariance,
    Covariate,
    Index,
    Outcome,
    Predictor,
    RandomBlock,
    Residual,
    Term,
)
from hdsl.plan import Arrays, Column, CovarianceBlock, FixedSet, Plan, Product, ReTerm, Sizes
from hdsl.results import FittedModel
from hdsl.source import Source
from tests.unit.results import generalised


def fixed_term(coefficient, *covariates, scale=1.0):
    """A fixed term; covariates are (name, index set) pairs."""
    return Term(
        part="fixed",
        coefficient=coefficient,
        coefficient_set=(),
        scale=scale,
        covariates=tuple(
            Covariate(text=f"{name}[{','.join(sets)}]", expr=Ref(name=name, index_set=sets), index_set=sets)
            for name, sets in covariates
        ),
        level=(),
        implied=False,
        lines=(1,),
    )


def composite(name, blocks, indices, *, transform=None, outcome="y"):
    """A Gaussian composite model with no more than results read."""
    return CompositeModel(
        source=Source("", name),
        indices=indices,
        index_sets=tuple((index.name,) for index in indices),
        nestings=(),
        data=(),
        definitions=(),
        parameters=(),
        sets=(),
        outcome=Outcome(
            name=outcome,
            index_set=("i",),
            expr=Ref(name=outcome, index_set=("i",)),
            transform=transform,
            distribution="normal",
        ),
        predictors=(Predictor(name=f"{outcome}[i]", argument="mean", link="identity", terms=()),),
        blocks=blocks,
        residual=Residual(sd="sd", known=None, effect=None),
    )


ROWS = Index(name="i", column=None)


def sleepstudy_parts():
    """Sleepstudy, random intercept and slope, at the estimates that lme4 1.1.31 gives under REML.

    The numbers are typed from its printed fit of ``Reaction ~ Days + (Days | Subject)``.
    """
    n, n_groups = 180, 18
    days = np.tile(np.arange(10.0), n_groups)
    subject = np.repeat(np.arange(n_groups), 10)
    intercept = Column(symbol="b0", products=(Product(scale=1.0, factors=()),))
    slope = Column(symbol="b1", products=(Product(scale=1.0, factors=(0,)),))
    effects = ("b0[j]", "b1[j]")
    term = ReTerm(
        index_set=("j",),
        columns=(replace(intercept, symbol=effects[0]), replace(slope, symbol=effects[1])),
        blocks=(CovarianceBlock(columns=(0, 1), effects=effects, theta=(0, 1, 2)),),
    )
    plan = Plan(
        fixed=(intercept, slope),
        re_terms=(term,),
        n_theta=3,
        chain=(0,),
        dense=(),
        crossing="none",
        has_offset=(False,),
        intercept=0,
        diagonal_theta=(True, False, True),
        reasons=(),
        sizes=Sizes(n=n, p=2, n_levels=(n_groups,), set_columns=()),
    )
    names = ("sd(b0[j])", "sd(b1[j])", "cor(b0[j], b1[j])")
    block = RandomBlock(
        effects=effects,
        index_set=("j",),
        distribution="normal",
        covariance=Covariance(structure="unstructured", sd=names[:2], cor=names[2:]),
        means=((fixed_term("b0"),), (fixed_term("b1"),)),
    )
    design = Design(
        form=composite("sleepstudy.hm", (block,), (ROWS, Index(name="j", column="Subject")), outcome="Reaction"),
        plan=plan,
        arrays=Arrays(
            y=np.full(n, 250.0), x=(days,), x_symbols=("Days[i]",), groups=(subject,), sets=(), offsets=(None,)
        ),
        coding=Coding(columns={}, levels={}, sets=(), aggregates=()),
        fixed_labels=("b0", "b1"),
        fixed_terms=("b0", "b1 * Days[i]"),
        levels=(Labels.printing(308 + np.arange(n_groups)),),
        variance_names={(0, 0, 0): names[0], (0, 1, 1): names[1], (0, 1, 0): names[2]},
        residual_name="sd",
        zeroed={},
        n_read=n,
        n_dropped=0,
        missing={},
        row_labels=pd.RangeIndex(n),
        group_counts={("i",): n, ("j",): n_groups},
        diagnostics=(),
    )
    cor = np.array([[1.0, 0.0655513775524519], [0.0655513775524519, 1.0]])
    modes = np.zeros((n_groups, 2))
    modes[0] = (2.2585661715957, 9.19898)
    mode_cov = np.zeros((n_groups, 2, 2))
    mode_cov[:, 0, 0] = 12.0708366516964**2
    mode_cov[:, 1, 1] = 4.0
    outcome = FitOutcome(
        method="reml",
        theta=np.array([0.966732893590541, 0.0151690675460488, 0.230909592018104]),
        sigma=25.5918157386296,
        beta=np.array([251.405104848484, 10.4672859595964]),
        cov_beta=np.array([[46.5745681671017, -1.45109528373815], [-1.45109528373815, 2.38946330137743]]),
        aliased=(),
        sd=(np.array([24.7404500812413, 5.92213308186667]),),
        cor=(cor,),
        modes=(modes,),
        mode_cov=(mode_cov,),
        variance_cov=np.diag([33.6, 1.75, 0.1, 2.25]),
        cross_cov=None,
        variance_parameters=((0, 0, 0), (0, 1, 1), (0, 1, 0)),
        objective=1743.62827195849,
        logdet=0.0,
        r2=0.0,
        n_evaluations=6,
        gradient_norm=1e-9,
        status="converged",
        message="converged",
        boundary=(),
    )
    return design, outcome


@pytest.fixture
def sleepstudy():
    """The fit of `sleepstudy_parts`."""
    return FittedModel(*sleepstudy_parts())


@pytest.fixture
def parts():
    """Design and outcome of sleepstudy, to be changed."""
    return sleepstudy_parts()


def nested_parts():
    """Six rows in three casks of two batches, labels of casks repeating; one unmodelled set. All numbers made up.

    ``y[i] ~ normal(beta0[j,k] + b1*x[i] + b_c[c], sd)``, ``beta0[j,k] ~ normal(b0 + b_z*z[j,k] + v0[k], sd_d)``,
    ``v0[k] ~ normal(0, sd_e)``.
    """
    casks = np.array([0, 0, 1, 1, 2, 2])
    batches = np.array([0, 0, 0, 0, 1, 1])
    constant = (Product(scale=1.0, factors=()),)
    cask_term = ReTerm(
        index_set=("j", "k"),
        columns=(Column(symbol="beta0[j,k]", products=constant),),
        blocks=(CovarianceBlock(columns=(0,), effects=("beta0[j,k]",), theta=(0,)),),
    )
    batch_term = ReTerm(
        index_set=("k",),
        columns=(Column(symbol="v0[k]", products=constant),),
        blocks=(CovarianceBlock(columns=(0,), effects=("v0[k]",), theta=(1,)),),
    )
    plan = Plan(
        fixed=(
            Column(symbol="b0", products=constant),
            Column(symbol="b1", products=(Product(scale=1.0, factors=(0,)),)),
            FixedSet(symbol="b_c[c]", products=constant, codes=0),
            Column(symbol="b_z", products=(Product(scale=1.0, factors=(1,)),)),
        ),
        re_terms=(cask_term, batch_term),
        n_theta=2,
        chain=(0, 1),
        dense=(),
        crossing="none",
        has_offset=(False,),
        intercept=0,
        diagonal_theta=(True, True),
        reasons=(),
        sizes=Sizes(n=6, p=4, n_levels=(3, 2), set_columns=(1,)),
    )
    deviation = Term(
        part="random", coefficient="v0[k]", coefficient_set=("k",), scale=1.0, covariates=(), level=("k",),
        implied=False, lines=(2,),
    )  # fmt: skip
    mean = (fixed_term("b0"), fixed_term("b_z", ("z", ("j", "k"))), deviation)
    blocks = (
        RandomBlock(
            effects=("beta0[j,k]",),
            index_set=("j", "k"),
            distribution="normal",
            covariance=Covariance(structure="diagonal", sd=("sd_d",)),
            means=(mean,),
        ),
        RandomBlock(
            effects=("v0[k]",),
            index_set=("k",),
            distribution="normal",
            covariance=Covariance(structure="diagonal", sd=("sd_e",)),
            means=((),),
        ),
    )
    indices = (ROWS, Index(name="j", column="cask"), Index(name="k", column="batch"), Index(name="c", column="kind"))
    design = Design(
        form=composite("casks.hm", blocks, indices),
        plan=plan,
        arrays=Arrays(
            y=np.array([13.5, 15.0, 19.0, 21.5, 35.0, 37.0]),
            x=(np.arange(6.0), np.array([10.0, 10.0, 20.0, 20.0, 30.0, 30.0])),
            x_symbols=("x[i]", "z[j,k]"),
            groups=(casks, batches),
            sets=(np.array([-1, 0, -1, 0, -1, 0]),),
            offsets=(None,),
        ),
        coding=Coding(columns={}, levels={}, sets=(), aggregates=()),
        fixed_labels=("b0", "b1", "b_c[2]", "b_z"),
        fixed_terms=("b0", "b1 * x[i]", "b_c[c]", "b_z * z[j,k]"),
        levels=(Labels.of((("a", "A"), ("b", "A"), ("a", "B"))), Labels.of(("A", "B"))),
        variance_names={(0, 0, 0): "sd_d", (1, 0, 0): "sd_e"},
        residual_name="sd",
        zeroed={"b_c[c]": ("1",)},
        n_read=8,
        n_dropped=2,
        missing={"x": 2, "y": 0},
        row_labels=pd.Index([0, 1, 2, 4, 5, 7]),
        group_counts={("i",): 6, ("j", "k"): 3, ("k",): 2},
        diagnostics=(),
    )
    outcome = FitOutcome(
        method="ml",
        theta=np.array([0.5, 0.0]),
        sigma=2.0,
        beta=np.array([1.0, 2.0, 0.5, 0.1]),
        cov_beta=np.diag([0.25, 0.01, 0.04, 0.0004]),
        aliased=(),
        sd=(np.array([1.0]), np.array([0.0])),
        cor=(np.eye(1), np.full((1, 1), np.nan)),
        modes=(np.array([[1.0], [2.0], [3.0]]), np.array([[10.0], [20.0]])),
        mode_cov=(np.full((3, 1, 1), 0.09), np.full((2, 1, 1), 0.16)),
        variance_cov=np.array([[0.36, np.nan, 0.02], [np.nan, np.nan, np.nan], [0.02, np.nan, 0.49]]),
        cross_cov=None,
        variance_parameters=((0, 0, 0), (1, 0, 0)),
        objective=30.0,
        logdet=0.0,
        r2=0.0,
        n_evaluations=4,
        gradient_norm=1e-9,
        status="boundary",
        message="converged",
        boundary=((1, 0, 0),),
    )
    return design, outcome


@pytest.fixture
def casks():
    """The fit of `nested_parts`."""
    return FittedModel(*nested_parts())


@pytest.fixture
def cask_parts():
    """Design and outcome of the casks, to be changed."""
    return nested_parts()


@pytest.fixture
def binomial():
    """A logistic fit of counts, one predictor."""
    return FittedModel(*generalised.binomial_parts())


@pytest.fixture
def counts():
    """A zero-inflated negative binomial fit: two parameters without an equation."""
    return FittedModel(*generalised.counts_parts())


@pytest.fixture
def ordinal():
    """An ordered logit in three categories."""
    return FittedModel(*generalised.ordinal_parts())


@pytest.fixture
def scales():
    """A Gaussian fit with an equation for the standard deviation."""
    return FittedModel(*generalised.scale_parts())
