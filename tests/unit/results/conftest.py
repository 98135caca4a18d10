"""Designs and outcomes written out by hand, so that results are tested without any stage before them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hdsl.fit.outcome import FitOutcome
from hdsl.form.expr import Ref
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
from hdsl.plan import Arrays, Column, CovarianceBlock, Plan, Product, ReTerm, Sizes
from hdsl.results import FittedModel
from hdsl.source import Source


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


def composite(name, blocks, indices, *, transform=None, outcome="y[i]"):
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
            expr=Ref(name=outcome.partition("[")[0], index_set=("i",)),
            transform=transform,
            distribution="normal",
        ),
        predictors=(Predictor(name=outcome, argument="mean", link="identity", terms=()),),
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
        has_offset=False,
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
    design = SimpleNamespace(
        form=composite("sleepstudy.hm", (block,), (ROWS, Index(name="j", column="Subject")), outcome="Reaction[i]"),
        plan=plan,
        arrays=Arrays(y=np.full(n, 250.0), x=(days,), x_symbols=("Days[i]",), groups=(subject,), sets=(), offset=None),
        coding=None,
        fixed_labels=("b0", "b1"),
        fixed_terms=("b0", "b1 * Days[i]"),
        levels=(tuple(str(308 + place) for place in range(n_groups)),),
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
