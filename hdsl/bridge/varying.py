"""Random terms → which coefficients vary over which groups, and where each covariate belongs.

Stage: bridge, way in, third step. Input: `Formula` and `Facts`. Output: `Structure`. Invariants: a factor in a random
term is written as indicators of its levels, which needs the data; a coefficient that varies over nested groups has an
equation at each of them, one that varies over crossed groups is a sum of deviations; a covariate that is constant in
a group stands in the equation of the group's coefficient.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, product

from hdsl.bridge.algebra import Formula, RandomTerm, Term, Variable, columns_of
from hdsl.bridge.facts import Facts, Groups
from hdsl.bridge.formula import Name
from hdsl.diagnostics import Diagnostics, ModelError

__all__ = ["Column", "Joint", "Moved", "Structure", "Varying", "find_structure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a coefficient multiplies: variables that are numbers, and indicators ``f == label``."""

    variables: tuple[Variable, ...]
    indicators: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> frozenset[object]:
        """The same for the same column, in whatever order it is written."""
        return frozenset((*self.variables, *self.indicators))


@dataclass(slots=True, kw_only=True)
class Varying:
    """A coefficient that varies.

    Attributes
    ----------
    column : Column
    groups : list of Groups
        Finest first where `is_chain`.
    is_fixed : bool
        Whether the formula has its mean, too.
    is_chain : bool
        Whether it has an equation at each grouping; else it is a sum of deviations.
    """

    column: Column
    groups: list[Groups] = field(default_factory=list)
    is_fixed: bool = False
    is_chain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Coefficients that vary together over one grouping; one alone is a joint of one."""

    groups: Groups
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A fixed term whose coefficient stands in the equation of `target` at `groups`, times `rest`."""

    term: Term
    target: Column
    groups: Groups
    rest: Term


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What varies, jointly with what, and which terms stand in an equation of a level."""

    varying: dict[frozenset[object], Varying]
    joints: tuple[Joint, ...]
    moved: tuple[Moved, ...]

    def of(self, key: Iterable[object]) -> Varying | None:
        """Return the varying coefficient of a column."""
        return self.varying.get(frozenset(key))


def find_structure(formula: Formula, facts: Facts, *, by_level: bool = True) -> Structure:
    """Find what varies over what.

    Parameters
    ----------
    formula : Formula
    facts : Facts
    by_level : bool
        Whether to write levels; else all stands in the equation of the rows.

    Raises
    ------
    ModelError
        HM013, for random terms that the language cannot say.
    """
    return _Finder(formula, facts, by_level=by_level).structure()


class _Finder:
    def __init__(self, formula: Formula, facts: Facts, *, by_level: bool) -> None:
        self.formula = formula
        self.facts = facts
        self.by_level = by_level
        self.found = Diagnostics(formula.source)
        self.varying: dict[frozenset[object], Varying] = {}
        self.joints: list[Joint] = []

    def structure(self) -> Structure:
        for random in self.formula.random:
            self.add(random)
        self.found.raise_errors(ModelError)
        fixed = {frozenset(term) for term in self.formula.terms if not any(map(self.facts.is_factor, term))}
        for varying in self.varying.values():
            varying.is_fixed = varying.column.key in fixed
            chain = self.chain(varying.groups)
            if self.by_level and varying.is_fixed and chain is not None:
                varying.groups, varying.is_chain = chain, True
        moved = tuple(m for term in self.formula.terms if (m := self.move(term)) is not None) if self.by_level else ()
        return Structure(varying=self.varying, joints=tuple(self.joints), moved=moved)

    def add(self, random: RandomTerm) -> None:
        """Take one random term in: its columns, jointly or apart."""
        groups = tuple(name.name for name in random.groups)
        columns = [column for term in random.terms for column in self.columns(term, random)]
        for column in columns:
            varying = self.varying.setdefault(column.key, Varying(column=column))
            if groups in varying.groups:
                what = "the intercept" if not column.key else "one covariate"
                message = f"{what} varies twice over `{':'.join(groups)}`"
                self.found.error("HM013", message, random.span, help="leave one of the two out, as in `(0 + x | g)`")
            varying.groups.append(groups)
        if random.is_joint:
            self.joints.append(Joint(groups=groups, columns=tuple(columns)))
        else:
            self.joints += [Joint(groups=groups, columns=(column,)) for column in columns]

    def columns(self, term: Term, random: RandomTerm) -> list[Column]:
        """Return the columns of a term: one, or one for each combination of levels of its factors, coded as R does."""
        for variable in term if not random.is_joint else ():
            if self.facts.is_logical(variable):
                help_text = "write it as a number, `as.numeric(..)`"
                self.found.error("HM013", "true and false vary independently", random.span, help=help_text)
        factors = [variable for variable in term if self.facts.is_factor(variable)]
        numbers = tuple(variable for variable in term if variable not in factors)
        if not factors:
            return [Column(variables=numbers)]
        name = _column(factors[0])
        if not random.is_joint:
            help_text = f'write indicators: `I({name} == "..")`'
            self.found.error("HM013", f"the levels of `{name}` vary independently", random.span, help=help_text)
            return []
        if self.facts.table is None:
            help_text = f'give the data, or write indicators: `I({name} == "..")`'
            self.found.error("HM013", f"the levels of `{name}` are not known without data", random.span, help=help_text)
            return []
        present = {frozenset(other) for other in random.terms}
        choices = []
        for factor in factors:
            labels = self.facts.labels(_column(factor))
            is_contrast = frozenset(term) - {factor} in present
            choices.append([(_column(factor), label) for label in (labels[1:] if is_contrast else labels)])
        return [Column(variables=numbers, indicators=tuple(chosen)) for chosen in product(*choices)]

    def chain(self, groupings: list[Groups]) -> list[Groups] | None:
        """Return groupings finest first, or None where two of them are crossed."""
        ordered = sorted(groupings, key=lambda g: -sum(self.facts.determines(g, other) for other in groupings))
        nested = all(self.facts.determines(a, b) for a, b in pairwise(ordered))
        return ordered if nested else None

    def move(self, term: Term) -> Moved | None:
        """Return in which equation a fixed term stands, if not in that of the rows."""
        own = self.varying.get(frozenset(term))
        if not term or (own is not None and not own.is_chain):
            return None
        chains = [v for v in self.varying.values() if v.is_chain and v.column.key < frozenset(term)]
        for varying in sorted(chains, key=lambda v: -len(v.column.key)):
            rest = tuple(variable for variable in term if variable not in varying.column.variables)
            columns = [name.name for variable in rest for name in columns_of(variable.node)]
            for groups in reversed(varying.groups):  # the coarsest first
                if own is not None and (groups == own.groups[0] or not self.facts.determines(groups, own.groups[0])):
                    continue  # a coefficient that varies can stand only in the equation of a finer group
                if columns and self.facts.is_constant(columns, groups):
                    return Moved(term=term, target=varying.column, groups=groups, rest=rest)
        return None


def _column(variable: Variable) -> str:
    """Return the column of a factor."""
    assert isinstance(variable.node, Name)
    return variable.node.name
