"""Small composite models, written by hand."""

from __future__ import annotations

from collections.abc import Iterable

from hdsl.form.expr import Aggregate, Apply, Expr, IndexSet, Num, Ref, Text, references, show_symbol
from hdsl.form.model import (
    CompositeModel,
    Covariance,
    Covariate,
    DataColumn,
    Definition,
    Index,
    Nesting,
    Outcome,
    Parameter,
    Predictor,
    RandomBlock,
    Residual,
    Term,
    UnmodelledSet,
)
from hdsl.source import Source, Span

ROW: IndexSet = ("i",)


def span(line: int) -> Span:
    """Return the first character of a line."""
    return Span(start=line, end=line + 1, line=line, column=1, end_line=line, end_column=2)


def ref(name: str, *subscripts: str) -> Ref:
    """Return ``name[i]``, or with other subscripts."""
    return Ref(name=name, index_set=subscripts or ROW)


def num(value: float) -> Num:
    """Return a number."""
    return Num(value=value)


def call(operator: str, *operands: Expr) -> Apply:
    """Return an operator or function of operands."""
    return Apply(operator=operator, operands=operands)


def label(text: str) -> Text:
    """Return a label."""
    return Text(value=text)


def aggregate(function: str, operand: Expr, over: IndexSet, by: IndexSet) -> Aggregate:
    """Return an aggregate."""
    return Aggregate(function=function, operand=operand, over=over, by=by)


def covariate(expr: Expr, text: str = "", index_set: IndexSet = ROW) -> Covariate:
    """Return a covariate; a reference prints as itself."""
    if isinstance(expr, Ref):
        return Covariate(text=text or show_symbol(expr.name, expr.index_set), expr=expr, index_set=expr.index_set)
    return Covariate(text=text, expr=expr, index_set=index_set)


def _as_covariates(items: Iterable[Covariate | Ref]) -> tuple[Covariate, ...]:
    return tuple(covariate(item) if isinstance(item, Ref) else item for item in items)


def fixed(coefficient: str, *covariates: Covariate | Ref, scale: float = 1.0) -> Term:
    """Return a fixed term; ``b[g]`` is the term of an unmodelled set."""
    return _term("fixed", coefficient, covariates, scale)


def random(coefficient: str, *covariates: Covariate | Ref, scale: float = 1.0) -> Term:
    """Return a random term, ``u1[j]`` times covariates."""
    return _term("random", coefficient, covariates, scale)


def offset(*covariates: Covariate | Ref, scale: float = 1.0) -> Term:
    """Return an offset."""
    return _term("offset", None, covariates, scale)


def _term(part: str, coefficient: str | None, covariates: Iterable[Covariate | Ref], scale: float) -> Term:
    inside = (coefficient or "").partition("[")[2].rstrip("]")
    return Term(
        part=part,  # type: ignore[arg-type]
        coefficient=coefficient,
        coefficient_set=tuple(inside.split(",")) if inside else (),
        scale=scale,
        covariates=_as_covariates(covariates),
        level=ROW,
        implied=False,
        lines=(1,),
        spans=(span(1),),
    )


def flat(name: str, *subscripts: str, refs: tuple[str, ...] = ()) -> UnmodelledSet:
    """Return an unmodelled set."""
    return UnmodelledSet(name=name, index_set=subscripts, references=refs, span=span(3))


def block(*effects: str, structure: str = "", sd: tuple[str, ...] = ()) -> RandomBlock:
    """Return a random block: unstructured for several effects, else a variance."""
    index_set = tuple(effects[0].partition("[")[2].rstrip("]").split(","))
    pairs = [(a, b) for k, a in enumerate(effects) for b in effects[k + 1 :]]
    covariance = Covariance(
        structure=structure or ("diagonal" if len(effects) == 1 else "unstructured"),
        sd=sd or tuple(f"sd({effect})" for effect in effects),
        cor=() if structure == "diagonal" else tuple(f"cor({a}, {b})" for a, b in pairs),
    )
    return RandomBlock(
        effects=effects,
        index_set=index_set,
        distribution="normal",
        covariance=covariance,
        means=((),) * len(effects),
        span=span(4),
    )


def define(name: str, index_set: IndexSet, expr: Expr) -> Definition:
    """Return a definition."""
    return Definition(name=name, index_set=index_set, expr=expr, span=span(5))


def nested(finer: str, coarser: str, *, declared: bool = True) -> Nesting:
    """Return the claim that one index lies in another."""
    return Nesting(finer=(finer,), coarser=(coarser,), declared=declared, reason="declared `in`", span=span(6))


def model(
    *terms: Term,
    indices: dict[str, str] | None = None,
    sets: tuple[UnmodelledSet, ...] = (),
    blocks: tuple[RandomBlock, ...] = (),
    definitions: tuple[Definition, ...] = (),
    nestings: tuple[Nesting, ...] = (),
    outcome: Expr | None = None,
    transform: str | None = None,
    parameters: tuple[str, ...] = (),
    more_sets: tuple[IndexSet, ...] = (),
) -> CompositeModel:
    """Return a Gaussian model of ``y[i]``; data columns are all references that no definition gives."""
    response = outcome or ref("y")
    defined = {(d.name, d.index_set) for d in definitions}
    expressions = [response, *(c.expr for term in terms for c in term.covariates), *(d.expr for d in definitions)]
    found = dict.fromkeys(r for expr in expressions for r in references(expr) if (r.name, r.index_set) not in defined)
    index_sets = [*(term.coefficient_set for term in terms), *(c.index_set for t in terms for c in t.covariates)]
    return CompositeModel(
        source=Source("model text\n" * 8, "model.hm"),
        indices=(
            Index(name="i", column=None),
            *(Index(name=name, column=column, span=span(2)) for name, column in (indices or {}).items()),
        ),
        index_sets=tuple(dict.fromkeys([ROW, *(s for s in index_sets if s), *more_sets])),
        nestings=nestings,
        data=tuple(DataColumn(name=r.name, index_set=r.index_set, column=r.name, spans=(span(7),)) for r in found),
        definitions=definitions,
        parameters=tuple(Parameter(name=name, role="fixed effect", range="real", line=1) for name in parameters),
        sets=sets,
        outcome=Outcome(
            name="y", index_set=ROW, expr=response, transform=transform, distribution="normal", span=span(1)
        ),
        predictors=(Predictor(name="y[i]", argument="mean", link="identity", terms=terms),),
        blocks=blocks,
        residual=Residual(sd="sd", known=None, effect=None, span=span(1)),
    )
