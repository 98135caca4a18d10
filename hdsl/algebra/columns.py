"""A composite model as columns: what can be compared between two files, whatever things are called in them.

Input: a `CompositeModel`. Output: a `Shape`. Invariants: covariates are given by data columns, with definitions put in;
index sets by the columns that they run over; nothing depends on the names of parameters, coefficients or indices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hdsl.form.expr import Aggregate, Apply, Expr, IndexSet, Num, Ref, Text
from hdsl.form.model import CompositeModel, Covariate, RandomBlock, Term
from hdsl.form.text import deviations, term_text

__all__ = ["LOCATION", "ROWS", "Column", "Effect", "Fixed", "Group", "Key", "Place", "Shape", "shape_of"]

Group: TypeAlias = tuple[str, ...]
"""An index set as the data columns that it runs over, sorted; ``("rows",)`` for rows, ``()`` without subscripts."""

Column: TypeAlias = tuple[tuple[tuple[str, ...], float], ...]
"""A column of a model matrix: products of factors with their weights, the first weight 1."""

Place: TypeAlias = tuple[str, Group, Column]
"""Where a coefficient acts: the argument of the distribution, its index set, its column."""

Key: TypeAlias = tuple[Place, ...]
"""A coefficient: all the places where it acts."""

ROWS = "rows"

_LOCATIONS = ("mean", "eta", "p", "meanlog")
LOCATION = "location"
"""What the argument of any distribution that says where it lies is called here."""


def _place(argument: str) -> str:
    return LOCATION if argument in _LOCATIONS else argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A fixed coefficient or an unmodelled set.

    `text` shows its terms, `level` is the finest index set of its covariates, `scale` the weight of its first product.
    """

    key: Key
    name: str
    text: str
    level: Group
    group: Group
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A modelled coefficient: its terms, its place in a block, and the parameter that is its standard deviation."""

    key: Key
    name: str
    text: str
    group: Group
    block: int
    sd: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A composite model as columns.

    Attributes
    ----------
    outcome : tuple of str
        What is observed, its transformation, its distribution and its known arguments.
    links : mapping of str to str
        The link of each linear predictor, by argument; that of the location is called so.
    fixed : mapping of Key to Fixed
        Scalar arguments (``sd``) are intercepts of their own argument.
    offsets : mapping of (Key, float) to str
        By place and weight.
    effects : mapping of Key to Effect
    blocks : tuple of RandomBlock
    correlated : mapping of frozenset of Key to str
        Pairs of effects that have a correlation of their own, with its name.
    structures : mapping of int to str
        Structure of each block that is neither diagonal nor unstructured.
    levels : mapping of str to Group
        The index set of every factor of a covariate.
    """

    outcome: tuple[str, ...]
    links: Mapping[str, str]
    fixed: Mapping[Key, Fixed]
    offsets: Mapping[tuple[Key, float], str]
    effects: Mapping[Key, Effect]
    blocks: tuple[RandomBlock, ...]
    correlated: Mapping[frozenset[Key], str]
    structures: Mapping[int, str]
    levels: Mapping[str, Group]
    nestings: tuple[tuple[frozenset[str], frozenset[str]], ...] = field(repr=False)

    def determines(self, finer: Group, coarser: Group) -> bool:
        """Whether each unit of `finer` lies in one of `coarser`."""
        return finer == (ROWS,) or set(coarser) <= _closure(frozenset(finer), self.nestings)


def nestings_of(*forms: CompositeModel) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Return what determines what, by column, in any of the models."""
    pairs: dict[tuple[frozenset[str], frozenset[str]], None] = {}
    for form in forms:
        columns = {index.name: index.column or ROWS for index in form.indices}
        for nesting in form.nestings:
            finer, coarser = (frozenset(columns[name] for name in s) for s in (nesting.finer, nesting.coarser))
            if ROWS not in finer:
                pairs[finer, coarser] = None
    return tuple(pairs)


def _closure(columns: frozenset[str], nestings: Iterable[tuple[frozenset[str], frozenset[str]]]) -> frozenset[str]:
    while True:
        more = columns.union(*(coarser for finer, coarser in nestings if finer <= columns))
        if more == columns:
            return columns
        columns = more


def shape_of(form: CompositeModel, *others: CompositeModel) -> Shape:
    """Return a composite model as columns; what `others` say of nesting counts too."""
    return _Reader(form, nestings_of(form, *others)).shape()


class _Reader:
    """Reads one composite model."""

    def __init__(self, form: CompositeModel, nestings: tuple[tuple[frozenset[str], frozenset[str]], ...]) -> None:
        self.form = form
        self.nestings = nestings
        self.columns = {index.name: index.column or ROWS for index in form.indices}
        self.data = {(d.name, d.index_set): d.column for d in form.data}
        self.definitions = {(d.name, d.index_set): d.expr for d in form.definitions}
        self.of_mean = deviations(form)
        self.levels: dict[str, Group] = {}

    def group(self, index_set: IndexSet) -> Group:
        """Return an index set by columns, without those that others determine."""
        columns = frozenset(self.columns[name] for name in index_set)
        if ROWS in columns:
            return (ROWS,)
        for column in sorted(columns):
            if column in _closure(columns - {column}, self.nestings):
                columns -= {column}
        return tuple(sorted(columns))

    def text(self, expr: Expr) -> str:
        """Return an expression in columns, fully bracketed."""
        match expr:
            case Num(value=value):
                return f"{value:.17g}"
            case Text(value=value):
                return repr(value)
            case Ref():
                inner = self.definitions.get((expr.name, expr.index_set))
                return self.text(inner) if inner is not None else self.data.get((expr.name, expr.index_set), expr.name)
            case Apply(operator=operator, operands=operands):
                texts = [self.text(operand) for operand in operands]
                return f"{operator}({', '.join(sorted(texts) if operator in '+*' else texts)})"
            case Aggregate(function=function, operand=operand, over=over, by=by):
                return f"{function}({self.text(operand)}, {self.group(over)}, {self.group(by)})"

    def factors(self, expr: Expr) -> tuple[str, ...]:
        """Return the factors of a covariate: a defined product is a product."""
        match expr:
            case Ref() if (expr.name, expr.index_set) in self.definitions:
                return self.factors(self.definitions[expr.name, expr.index_set])
            case Apply(operator="*", operands=operands):
                return tuple(factor for operand in operands for factor in self.factors(operand))
            case Apply(operator="^", operands=(base, Num(value=power))) if power in (2.0, 3.0, 4.0):
                return self.factors(base) * int(power)
            case _:
                return (self.text(expr),)

    def covariate(self, covariate: Covariate) -> tuple[str, ...]:
        """Return the factors of a covariate, and note their level."""
        factors = self.factors(covariate.expr)
        for factor in factors:
            self.levels.setdefault(factor, self.group(covariate.index_set))
        return factors

    def key(self, terms: Iterable[tuple[str, Term]]) -> tuple[Key, float]:
        """Return where a coefficient acts, and the weight that its columns were divided by."""
        sums: dict[tuple[str, Group], dict[tuple[str, ...], float]] = {}
        for argument, term in terms:
            column = sums.setdefault((argument, self.group(term.coefficient_set)), {})
            factors = tuple(sorted(f for c in term.covariates for f in self.covariate(c)))
            column[factors] = column.get(factors, 0.0) + term.scale
        ordered = sorted((place, sorted(column.items())) for place, column in sums.items())
        scale = ordered[0][1][0][1]
        places = ((*place, tuple((f, weight / scale) for f, weight in column)) for place, column in ordered)
        return tuple(places), scale

    def shape(self) -> Shape:
        """Read everything."""
        form = self.form
        by_name: dict[str, list[tuple[str, Term]]] = {}
        offsets: dict[tuple[Key, float], str] = {}
        for predictor in form.predictors:
            for term in predictor.terms:
                if term.part in ("fixed", "random"):
                    by_name.setdefault(str(term.coefficient), []).append((_place(predictor.argument), term))
                elif term.part == "offset":
                    key, scale = self.key([(_place(predictor.argument), term)])
                    offsets[key, scale] = self.shown([(predictor.argument, term)])
        fixed = [self.fixed(n, terms) for n, terms in by_name.items() if terms[0][1].part == "fixed"]
        fixed += [self.scalar(argument, name) for argument, name in self.scalars()]
        effects = self.effects({n: terms for n, terms in by_name.items() if terms[0][1].part == "random"})
        return Shape(
            outcome=self.outcome(),
            links={_place(p.argument): p.link for p in form.predictors},
            fixed={f.key: f for f in fixed},
            offsets=offsets,
            effects={e.key: e for e in effects},
            blocks=form.blocks,
            correlated=self.correlated(effects),
            structures={
                place: block.covariance.structure
                for place, block in enumerate(form.blocks)
                if block.covariance.structure not in ("diagonal", "unstructured")
            },
            levels=self.levels,
            nestings=self.nestings,
        )

    def outcome(self) -> tuple[str, ...]:
        outcome = self.form.outcome
        known = (f"{name}={self.text(expr)}" for name, expr in outcome.known)
        residual = self.form.residual
        fixed_sd = self.text(residual.known) if residual is not None and residual.known is not None else ""
        return (self.text(outcome.expr), outcome.transform or "", outcome.distribution, *sorted(known), fixed_sd)

    def scalars(self) -> tuple[tuple[str, str], ...]:
        predicted = {p.argument for p in self.form.predictors}
        named = dict(self.form.outcome.scalars)
        if self.form.residual is not None and self.form.residual.sd is not None:
            named.setdefault("sd", self.form.residual.sd)
        return tuple((argument, name) for argument, name in named.items() if argument not in predicted)

    def scalar(self, argument: str, name: str) -> Fixed:
        key: Key = ((_place(argument), (), (((), 1.0),)),)
        return Fixed(key=key, name=name, text=name, level=(), group=(), scale=1.0)

    def fixed(self, name: str, terms: list[tuple[str, Term]]) -> Fixed:
        key, scale = self.key(terms)
        return Fixed(
            key=key,
            name=name,
            text=self.shown(terms),
            level=self.group(terms[0][1].level),
            group=self.group(terms[0][1].coefficient_set),
            scale=scale,
        )

    def shown(self, terms: list[tuple[str, Term]]) -> str:
        texts = [("-" if t.scale < 0 else "") + term_text(t, self.of_mean) for _, t in terms]
        return " + ".join(texts).replace("+ -", "- ")

    def effects(self, by_name: dict[str, list[tuple[str, Term]]]) -> list[Effect]:
        places = {
            effect: (number, block.covariance.sd[place] if place < len(block.covariance.sd) else f"sd({effect})")
            for number, block in enumerate(self.form.blocks)
            for place, effect in enumerate(block.effects)
        }
        return [
            Effect(
                key=self.key(terms)[0],
                name=name,
                text=self.shown(terms),
                group=self.group(terms[0][1].coefficient_set),
                block=places[name][0],
                sd=places[name][1],
            )
            for name, terms in by_name.items()
            if name in places
        ]

    def correlated(self, effects: list[Effect]) -> dict[frozenset[Key], str]:
        by_name = {effect.name: effect.key for effect in effects}
        pairs: dict[frozenset[Key], str] = {}
        for block in self.form.blocks:
            if block.covariance.structure == "unstructured":
                names = [(a, b) for p, a in enumerate(block.effects) for b in block.effects[p + 1 :]]
                for (a, b), correlation in zip(names, block.covariance.cor, strict=False):
                    if a in by_name and b in by_name:
                        pairs[frozenset((by_name[a], by_name[b]))] = correlation
        return pairs
