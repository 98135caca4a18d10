"""The composite model: the one form that every model lowers to, as plain records.

Input: `hdsl.composite` builds it from level equations. Output: `hdsl.design` binds it to data. Invariants: nothing here
refers to SymPy, networkx or lark; every term keeps the source lines and spans that it came from; symbols are printed in
their canonical form (a subscript that another one determines by declaration is left out).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hdsl.form.density import RowDensity
from hdsl.form.expr import Expr, IndexSet
from hdsl.source import Source, Span

__all__ = [
    "CompositeModel",
    "Covariance",
    "Covariate",
    "DataColumn",
    "Definition",
    "Derived",
    "Index",
    "Nesting",
    "Outcome",
    "Parameter",
    "Part",
    "Predictor",
    "RandomBlock",
    "Residual",
    "Term",
    "UnmodelledSet",
    "Unsupported",
]

_ONE_DRAW = ("bernoulli", "ordered_logit", "ordered_probit")
"""Distributions of which a row shows one of a few values, and nothing of a spread."""

Part: TypeAlias = Literal["fixed", "random", "residual", "offset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index: its name, the column that it runs over, and what it lies in by declaration.

    `column` is None for the row index.
    """

    name: str
    column: str | None
    parents: tuple[str, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def is_row(self) -> bool:
        """Whether this is the row index."""
        return self.column is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nesting:
    """A claim that `finer` determines `coarser`, by declaration (``in``) or because a statement needs it.

    It is checked against the data when data are bound.
    """

    finer: IndexSet
    coarser: IndexSet
    declared: bool
    reason: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataColumn:
    """An observed column: symbol ``x1[i]`` is column `column`, constant within `index_set`."""

    name: str
    index_set: IndexSet
    column: str
    spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A definition from data alone, ``x_c[i] = x[i] - xbar[j]``; listed before what uses it."""

    name: str
    index_set: IndexSet
    expr: Expr
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An unknown without subscripts that is estimated.

    Attributes
    ----------
    name : str
        The user's name, or what it is of: ``sd(u0[j])``, ``cor(u0[j], u1[j])``.
    role : str
        ``"fixed effect"``, ``"standard deviation"``, ``"residual standard deviation"``, ``"correlation"``, ...
    range : str
        ``"real"``, ``"positive"``, ``"(-1, 1)"``, ``"(0, 1)"``.
    line : int
        Line of the statement that it first stands in.
    """

    name: str
    role: str
    range: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmodelledSet:
    """An unmodelled (``flat``) set of coefficients: one for each observed combination of `index_set`.

    `references` are the labels given by ``ref = ..``, one for each index of the set; empty where none was given.
    """

    name: str
    index_set: IndexSet
    references: tuple[str, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariate:
    """One factor of a term, free of unknowns, printed as written: ``x1[i]``, ``(x[i] - 3)``."""

    text: str
    expr: Expr
    index_set: IndexSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of a linear predictor: ``scale * coefficient * covariates``.

    Attributes
    ----------
    part : {"fixed", "random", "residual", "offset"}
    coefficient : str or None
        Printed symbol of the coefficient (``"b4"``, ``"b_income[income]"``, ``"u1[j]"``); None for an offset.
    coefficient_set : IndexSet
        Index set of the coefficient; ``()`` for a parameter.
    scale : float
        A number that multiplies the term; a coefficient that stands in several terms has one column, their sum.
    covariates : tuple of Covariate
        Empty for an intercept.
    level : IndexSet
        Finest index set among the covariates; of a term without covariates, that of its coefficient.
    implied : bool
        Whether the product of covariates was written by no statement, but follows from substituting one in another.
    lines : tuple of int
        Source lines that the term came from, ascending.
    """

    part: Part
    coefficient: str | None
    coefficient_set: IndexSet
    scale: float
    covariates: tuple[Covariate, ...]
    level: IndexSet
    implied: bool
    lines: tuple[int, ...]
    spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)

    @property
    def order(self) -> int:
        """Number of covariates."""
        return len(self.covariates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """A linear predictor in single-equation form, ``link(argument) = sum of terms``.

    Attributes
    ----------
    name : str
        How it is printed: ``"y[i]"``, ``"logit(p[i])"``, ``"log(sd[i])"``.
    argument : str
        The argument of the outcome's distribution that it gives: ``"mean"``, ``"p"``, ``"sd"``.
    link : str
        ``"identity"`` or the name of a link.
    terms : tuple of Term
        Fixed terms (intercept, main effects, products of two, ..), then offsets, random terms, the residual.
    """

    name: str
    argument: str
    link: str
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariance:
    """Covariance structure of a random block.

    `structure` is ``"unstructured"`` or ``"diagonal"`` (also for one effect). `sd` names the parameter of each effect's
    standard deviation; a name may stand more than once (tied). `cor` names the correlations of an unstructured block by
    column: (2,1), (3,1), .., (3,2), ..
    """

    structure: str
    sd: tuple[str, ...]
    cor: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomBlock:
    """Coefficients of one index set that are jointly distributed, independently for each unit.

    Attributes
    ----------
    effects : tuple of str
        Printed symbols, ``("u0[j]", "u1[j]")``; they are the coefficients of random terms.
    index_set : IndexSet
    distribution : str
        ``"normal"`` or the name of another distribution.
    covariance : Covariance
    means : tuple of tuple of Term
        For each effect the terms of its own mean (empty for mean zero), so that ``coef`` is mean plus deviation.
    link : str
        The scale that the effects have their distribution on, ``log(sd[k]) ~ normal(m, tau)``; their symbols say it.
    """

    effects: tuple[str, ...]
    index_set: IndexSet
    distribution: str
    covariance: Covariance
    means: tuple[tuple[Term, ...], ...]
    link: str = "identity"
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A coefficient that a definition gives, ``b0[j] = g0 + g1*z[j] + u0[j]``, with all that it needs substituted."""

    symbol: str
    index_set: IndexSet
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """The error of a Gaussian outcome: parameter `sd`, or a known standard deviation `known`; one of them is None."""

    sd: str | None
    known: Expr | None
    effect: str | None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The observed left side: its symbol, what gives it, and its distribution.

    `transform` is a function on the left (``log(y[i]) ~ ..``): the outcome modelled is that function of `expr`.
    `known` are arguments of the distribution that are data (``size``), by argument name; `scalars` those that are bare
    parameters (``sd``), by argument name; a set where each group has one of its own (``sd[c]``). `wrappers` are what
    stands around the distribution (``hurdle``), outermost first; an argument of theirs is called ``"p of hurdle"``.
    `nonlinear` are the arguments that are no link of one predictor, as functions of data and of predictors and
    parameters by their names: ``A[tree]/(1 + exp(eta1/scal))``.
    """

    name: str
    index_set: IndexSet
    expr: Expr
    transform: str | None
    distribution: str
    known: tuple[tuple[str, Expr], ...] = ()
    scalars: tuple[tuple[str, str], ...] = ()
    wrappers: tuple[str, ...] = ()
    nonlinear: tuple[tuple[str, Expr], ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A part of the model that is read and checked, but that no back end fits yet.

    `is_in_form` says that the form holds it in full all the same, so that it can be written for another system.
    """

    feature: str
    is_in_form: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeModel:
    """A model in its one form: predictors, density of the outcome, random blocks, and what the data must provide.

    `density` is None for a Gaussian outcome with one predictor and a residual standard deviation that is a parameter:
    it is integrated in closed form.
    """

    source: Source = field(compare=False, repr=False)
    indices: tuple[Index, ...]
    index_sets: tuple[IndexSet, ...]
    nestings: tuple[Nesting, ...]
    data: tuple[DataColumn, ...]
    definitions: tuple[Definition, ...]
    parameters: tuple[Parameter, ...]
    sets: tuple[UnmodelledSet, ...]
    outcome: Outcome
    predictors: tuple[Predictor, ...]
    blocks: tuple[RandomBlock, ...]
    residual: Residual | None
    derived: tuple[Derived, ...] = ()
    unsupported: tuple[Unsupported, ...] = ()
    density: RowDensity | None = None

    @property
    def row_spread(self) -> str | None:
        """What a normal effect with a value for each row cannot be told from, in words; None where it can be."""
        outcome = self.outcome
        if outcome.nonlinear or outcome.wrappers:
            return None
        if self.residual is not None:
            return None if self.residual.sd is None else f"the residual with sd `{self.residual.sd}`"
        sd = dict(outcome.scalars).get("sdlog")
        if outcome.distribution == "lognormal" and sd is not None:
            return f"the spread of the outcome, `{sd}`"
        return "the one draw of its row" if outcome.distribution in _ONE_DRAW else None

    @property
    def row(self) -> str:
        """Name of the row index."""
        return next(index.name for index in self.indices if index.is_row)

    def determines(self, finer: IndexSet, coarser: IndexSet) -> bool:
        """Whether each unit of `finer` lies in one unit of `coarser`, by declaration or by need."""
        if self.row in finer:
            return True
        known = set(finer)
        while True:
            more = {name for n in self.nestings if set(n.finer) <= known for name in n.coarser} - known
            if not more:
                return set(coarser) <= known
            known |= more

    def index(self, name: str) -> Index:
        """Return the index called `name`."""
        return next(index for index in self.indices if index.name == name)
