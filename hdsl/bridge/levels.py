"""Formula → a model file, level by level.

Stage: bridge, way in, last step. Input: `Formula`, `Facts`, a family. Output: text of the language. Invariants: the
text compiles; it says the formula's model and no other; names of columns are kept.

    y ~ x + (1 + x | g)   →   y[i] ~ normal(b0[g] + b_x[g]*x[i], sd)
                              (b0[g], b_x[g]) ~ mvnormal((b0, b_x), Omega)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hdsl.bridge.algebra import Formula, Term, Variable, columns_of
from hdsl.bridge.facts import Facts, Groups
from hdsl.bridge.formula import Name
from hdsl.bridge.outcomes import Distribution, write_outcome
from hdsl.bridge.values import Level, Values
from hdsl.bridge.varying import Column, Joint, Moved, Structure, Varying, find_structure
from hdsl.bridge.words import ROW, Words, quoted

__all__ = ["write_model"]

_WIDEST = 100


def write_model(formula: Formula, facts: Facts, distribution: Distribution, *, by_level: bool = True) -> str:
    """Return a model file, not yet in the one layout.

    Parameters
    ----------
    formula : Formula
    facts : Facts
    distribution : Distribution
    by_level : bool
        Whether coefficients of nested groups have an equation at each level and covariates of groups stand in it; else
        all stands in the equation of the rows.

    Raises
    ------
    ModelError
        HM013, for what the language cannot say.
    """
    structure = find_structure(formula, facts, by_level=by_level)
    return _Writer(formula, facts, structure).write(distribution)


class _Writer:
    """Writes the statements of one model."""

    def __init__(self, formula: Formula, facts: Facts, structure: Structure) -> None:
        self.formula = formula
        self.facts = facts
        self.structure = structure
        self.words = Words((*facts.names, *_all_columns(formula)))
        self.values = Values(formula.source, self.words, facts.names)
        groupings = list(dict.fromkeys(joint.groups for joint in structure.joints))
        self.groupings = sorted(groupings, key=lambda g: -sum(facts.determines(g, other) for other in groupings))
        self.sets: dict[str, None] = {}
        self.indicators: dict[tuple[str, str], str] = {}
        self.bases: dict[frozenset[object], str] = {
            frozenset(term): self.words.fresh(_coefficient("b", [v.key for v in term])) for term in formula.terms
        }
        self.deviations = {
            key: self.words.fresh(_coefficient("u", _column_words(varying.column)))
            for key, varying in structure.varying.items()
            if not varying.is_chain
        }

    def write(self, distribution: Distribution) -> str:
        equation = self.equation()
        outcome = write_outcome(self.formula, self.facts, self.values, distribution)
        rows = [wrapped(head, equation if part is None else part, tail) for head, part, tail in outcome.statements]
        levels = self.levels()  # after the rows: it names what they have not named
        definitions = [f"{name} = {text}" for name, text in self.values.definitions.items()]
        definitions += [*outcome.definitions, *self.indicator_definitions()]
        sets = [f"{symbol} ~ flat()" for symbol in self.sets]
        sections = [
            [f"# {' '.join(self.formula.source.text.split())}", *self.notes()],
            self.words.declarations(),
            definitions,
            ["# each row", *rows],
            *levels,
            ["# one fixed coefficient for each label", *sets] if sets else [],
        ]
        return "\n\n".join("\n".join(section) for section in sections if section) + "\n"

    def notes(self) -> list[str]:
        """Say what was taken for granted without data."""
        if self.facts.table is not None:
            return []
        terms = [*self.formula.terms, *(term for random in self.formula.random for term in random.terms)]
        variables = [v for term in terms for v in term if isinstance(v.node, Name) and not self.facts.is_factor(v)]
        names = dict.fromkeys(v.key for v in variables)
        return [f"# read without data: {', '.join(names)} taken as numbers, not as factors"] if names else []

    # -- the rows --------------------------------------------------------------------------------------------------

    def equation(self) -> list[str]:
        """Return the summands of the rows' predictor: fixed terms, deviations, offsets."""
        elsewhere = {frozenset(moved.term) for moved in self.structure.moved}
        parts, deviations = [], []
        for term in self.formula.terms:
            varying = self.structure.of(term)
            if frozenset(term) in elsewhere:
                continue
            if varying is not None and varying.is_chain:
                symbol = self.symbol(varying, 0)
                parts.append(_product(symbol, self.covariates(varying.column, None)))
            else:
                parts.append(self.fixed(term, term))
        for key, varying in self.structure.varying.items():
            if key in self.deviations:
                covariates = self.covariates(varying.column, None)
                deviations += [_product(self.symbol(varying, k), covariates) for k in range(len(varying.groups))]
        offsets = [self.values.factor(node, None) for node in self.formula.offsets]
        return [*parts, *deviations, *offsets] or ["0"]

    def fixed(self, term: Term, covariates: Term, at: Level = None) -> str:
        """Return the coefficient of a term times some of its variables; its factors are subscripts."""
        factors = [variable for variable in term if self.facts.is_factor(variable)]
        numbers = tuple(variable for variable in covariates if variable not in factors)
        symbol = self.bases[frozenset(term)]
        if factors:
            columns = [name.name for factor in factors for name in columns_of(factor.node)]
            symbol = f"{symbol}[{self.words.brackets(columns)}]"
            self.sets[symbol] = None
        return _product(symbol, self.covariates(Column(variables=numbers), at))

    def covariates(self, column: Column, at: Level) -> list[str]:
        """Return the factors of a column, each at its coarsest level, or at `at`."""
        written = [self.values.factor(v.node, self.level(v) if at is None else at) for v in column.variables]
        for name, label in column.indicators:
            if (name, label) not in self.indicators:
                self.indicators[name, label] = self.words.fresh(_word(f"{name}_{label}"))
            written.append(f"{self.indicators[name, label]}[{ROW}]")
        return written

    def level(self, variable: Variable) -> Level:
        """Return the coarsest grouping in which a variable is constant; None where it varies in all of them."""
        columns = [name.name for name in columns_of(variable.node)]
        coarsest_first = reversed(self.groupings)
        return next((groups for groups in coarsest_first if columns and self.facts.is_constant(columns, groups)), None)

    def indicator_definitions(self) -> list[str]:
        return [
            f"{symbol}[{ROW}] = {self.words.data(name, None)} == {quoted(label)}"
            for (name, label), symbol in self.indicators.items()
        ]

    # -- the levels ------------------------------------------------------------------------------------------------

    def symbol(self, varying: Varying, position: int) -> str:
        """Return ``b0[school]``: a coefficient at one of its groupings."""
        name = self.bases[varying.column.key] if varying.is_chain else self.deviations[varying.column.key]
        return f"{name}[{self.words.brackets(varying.groups[position])}]"

    def levels(self) -> list[list[str]]:
        """Return a section for each grouping, finest first."""
        sections: dict[Groups, list[str]] = {groups: [] for groups in self.groupings}
        n_joint = sum(len(joint.columns) > 1 for joint in self.structure.joints)
        for joint in self.structure.joints:
            sections[joint.groups].append(self.joint(joint, only=n_joint == 1))
        return [[f"# each {' '.join(' and '.join(groups).split())}", *lines] for groups, lines in sections.items()]

    def joint(self, joint: Joint, *, only: bool) -> str:
        place = _word("_".join(joint.groups))
        members = [self.structure.varying[column.key] for column in joint.columns]
        symbols = [self.symbol(varying, varying.groups.index(joint.groups)) for varying in members]
        means = [self.mean(varying, joint.groups) for varying in members]
        if len(members) == 1:
            words = _column_words(members[0].column)
            sd = self.words.fresh(_word("_".join(["sd", place, *words])))
            return wrapped(f"{symbols[0]} ~ normal(", means[0], f", {sd})")
        omega = self.words.fresh("Omega" if only else f"Omega_{place}")
        left = f"({', '.join(symbols)}) ~ mvnormal("
        if all(mean == ["0"] for mean in means):
            return f"{left}0, {omega})"
        text = f"{left}({', '.join(' + '.join(mean) for mean in means)}), {omega})"
        if len(text) <= _WIDEST:
            return text
        return f"{left}(\n" + ",\n".join(wrapped("", mean, "") for mean in means) + f"\n), {omega})"

    def mean(self, varying: Varying, groups: Groups) -> list[str]:
        """Return the summands of a coefficient's mean at one of its groupings."""
        if not varying.is_chain:
            return ["0"]
        position = varying.groups.index(groups)
        is_coarsest = position == len(varying.groups) - 1
        parts = [self.bases[varying.column.key] if is_coarsest else self.symbol(varying, position + 1)]
        here = [m for m in self.structure.moved if m.target.key == varying.column.key and m.groups == groups]
        return parts + [self.slope(moved, groups) for moved in here]

    def slope(self, moved: Moved, groups: Groups) -> str:
        """Return a covariate of a group times its coefficient, which may itself vary over coarser groups."""
        varying = self.structure.of(moved.term)
        if varying is None:
            return self.fixed(moved.term, moved.rest, groups)
        return _product(self.symbol(varying, 0), self.covariates(Column(variables=moved.rest), groups))


def wrapped(head: str, parts: Sequence[str], tail: str) -> str:
    """Return a statement, broken behind plus signs where it is long."""
    lines, line = [], head
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        piece = part + (tail if last else " +")
        if len(line) + len(piece) > _WIDEST and line.strip() and line != head:
            lines.append(line.rstrip())
            line = ""
        line += piece if last else f"{piece} "
    return "\n".join([*lines, line])


def _product(symbol: str, covariates: Iterable[str]) -> str:
    return "*".join([symbol, *covariates])


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_")


def _coefficient(letter: str, words: Sequence[str]) -> str:
    """Return ``b0`` or ``b_x_z``."""
    return f"{letter}_{_word('_'.join(words))}" if words else f"{letter}0"


def _column_words(column: Column) -> list[str]:
    return [*(v.key for v in column.variables), *(f"{name}_{label}" for name, label in column.indicators)]


def _all_columns(formula: Formula) -> list[str]:
    terms = [*formula.terms, *(term for random in formula.random for term in random.terms)]
    nodes = [formula.response, *formula.offsets, *(v.node for term in terms for v in term)]
    columns = [name.name for node in nodes for name in columns_of(node)]
    return [*columns, *(name.name for random in formula.random for name in random.groups)]
