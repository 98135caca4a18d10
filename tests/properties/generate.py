"""A generator of random worlds: one seed, one model with its data; the same on every machine.

What it can draw is listed in `FEATURES`; a test counts that each of them occurred among the seeds that are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd

from tests.properties.world import (
    NONE,
    ROW,
    Addend,
    Block,
    Coefficient,
    Covariate,
    Floats,
    IndexSet,
    World,
    key,
    parameter,
)

__all__ = ["FEATURES", "world"]

FEATURES = frozenset(
    {
        "depth 1",
        "depth 2",
        "depth 3",
        "depth 4",
        "nesting declared",
        "nesting inferred",
        "index without a statement",
        "index with a column of its own name",
        "repeated labels within parents",
        "groups of one row",
        "crossed",
        "crossed slope",
        "intersection",
        "correlated slopes",
        "independent slopes",
        "diagonal covariance",
        "slope without an error of its own",
        "slope equation",
        "three-way product",
        "varying slope of a group covariate",
        "errors written out",
        "errors as distributions",
        "residual written out",
        "residual as a distribution",
        "unmodelled set",
        "unmodelled set with ref",
        "two unmodelled sets",
        "nested unmodelled set",
        "unmodelled slopes",
        "unmodelled cells",
        "group mean",
        "grand mean",
        "mean of group values",
        "centring within groups",
        "other aggregate",
        "definition from data",
        "opaque covariate",
        "product written by the user",
        "coefficients in brackets",
        "offset",
        "minus sign",
        "number times a coefficient",
        "subscripts that add nothing",
        "same name at several levels",
        "tied standard deviations",
        "numeric labels",
        "declared data",
        "continued lines",
    }
)

AGGREGATES = {"mean": np.mean, "sum": np.sum, "min": np.min, "max": np.max, "count": len}


@dataclass
class Draft:
    """A world while it is drawn."""

    seed: int
    rng: np.random.Generator
    columns: dict[str, object] = field(default_factory=dict)
    statements: list[str] = field(default_factory=list)
    codes: dict[IndexSet, np.ndarray] = field(default_factory=dict)
    symbols: dict[str, Floats] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    features: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    columns_of: dict[str, str] = field(default_factory=dict)
    subscripts: dict[IndexSet, tuple[str, ...]] = field(default_factory=dict)
    idle: dict[IndexSet, tuple[str, ...]] = field(default_factory=dict)
    n: int = 0

    def chance(self, p: float, feature: str = "") -> bool:
        """Whether something happens, noted as a feature if it does."""
        happens = bool(self.rng.random() < p)
        if happens and feature:
            self.features.add(feature)
        return happens

    def fresh(self, stem: str) -> str:
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return f"{stem}{self.counts[stem]}"

    def write(self, name: str, index_set: IndexSet) -> str:
        """Write a symbol: its subscripts in some order, now and then with one that adds nothing."""
        if not index_set:
            return name
        names = list(self.subscripts.get(index_set, tuple(index_set)))
        idle = self.idle.get(index_set, ())
        if idle and self.chance(0.3, "subscripts that add nothing"):
            names += list(idle[: 1 + int(self.rng.integers(len(idle)))])
        self.rng.shuffle(names)
        return f"{name}[{','.join(names)}]"

    def say(self, statement: str) -> None:
        self.statements.append(statement)

    # ------------------------------------------------------------ data

    def covariate(self, index_set: IndexSet, stem: str, values: Floats | None = None) -> Covariate:
        """Return a data column, constant within `index_set`."""
        name = self.fresh(stem)
        if values is None:
            codes = self.codes[index_set]
            values = np.round(self.rng.normal(size=codes.max() + 1), 2)[codes]
        column = name
        if self.chance(0.1, "declared data"):
            column = f"The column {name}"
            self.say(f'data {self.write(name, index_set)} = "{column}"')
        self.columns[column] = values
        self.symbols[key(name, index_set)] = values
        return Covariate(self.write(name, index_set), index_set, values)

    def define(self, stem: str, index_set: IndexSet, text: str, values: Floats) -> Covariate:
        name = self.fresh(stem)
        self.say(f"{self.write(name, index_set)} = {text}")
        self.symbols[key(name, index_set)] = values
        return Covariate(self.write(name, index_set), index_set, values)

    def aggregate(self, covariate: Covariate, by: IndexSet) -> Covariate:
        """Return a definition that aggregates `covariate` over its units within each unit of `by`."""
        function = "mean" if self.chance(0.7) else str(self.rng.choice(["sum", "min", "max", "count"]))
        first = np.unique(self.codes[covariate.index_set], return_index=True)[1]
        units, parents = covariate.values[first], self.codes[by][first]
        if function == "count" and len(np.unique(np.bincount(parents))) == 1:
            function = "sum"
        if function != "mean":
            self.features.add("other aggregate")
        elif not by:
            self.features.add("grand mean")
        else:
            self.features.add("group mean" if covariate.index_set == ROW else "mean of group values")
        totals = np.array([AGGREGATES[function](units[parents == g]) for g in range(parents.max() + 1)], dtype=float)
        return self.define("agg", by, f"{function}({covariate.text})", totals[self.codes[by]])

    # ------------------------------------------------------------ addends

    def addend(self, coefficient: Coefficient | None, *covariates: Covariate, plain: bool = False) -> Addend:
        """Return a product in some order, now and then with a minus sign or a number."""
        factors = [c.text for c in covariates] + ([coefficient.written] if coefficient else [])
        self.rng.shuffle(factors)
        text, scale = "*".join(factors), 1.0
        if coefficient is not None and not plain:
            if self.chance(0.08, "minus sign"):
                scale, text = -1.0, f"-{text}"
            elif self.chance(0.06, "number times a coefficient"):
                scale, text = 2.5, f"2.5*{text}"
        return Addend(scale, coefficient, covariates, text)

    def right_side(self, addends: list[Addend]) -> str:
        text = addends[0].text
        for addend in addends[1:]:
            text += f" - {addend.text[1:]}" if addend.text.startswith("-") else f" + {addend.text}"
        if len(text) > 60 and self.chance(0.3, "continued lines"):
            text = text.replace(" + ", " +\n    ", 1)
        return text


# ---------------------------------------------------------------- levels


def draw_levels(draft: Draft, depth: int) -> list[IndexSet]:
    """Draw rows in `depth` nested grouping levels; return their index sets, finest first."""
    rng, names = draft.rng, ["j", "k", "l", "m"][:depth]
    parent = np.zeros(1, dtype=int)
    chain: list[np.ndarray] = []  # coarsest first: the parent of each unit
    counts = {1: [9], 2: [5, 3], 3: [4, 2, 2], 4: [3, 2, 2, 2]}[depth]
    for base in counts:
        sizes = rng.integers(max(1, base - 1), base + 2, size=len(parent)) if chain else np.array([base + 1])
        parent = np.repeat(np.arange(len(sizes)), sizes)
        chain.append(parent)
    sizes = rng.integers(1, {1: 9, 2: 6, 3: 5, 4: 4}[depth] + 1, size=len(parent))
    if (sizes == 1).any():
        draft.features.add("groups of one row")
    rows = np.repeat(np.arange(len(sizes)), sizes)
    draft.n = len(rows)
    draft.features.add(f"depth {depth}")
    units = [rows]  # finest first: the unit of each row
    for parents in reversed(chain[1:]):
        units.append(parents[units[-1]])

    repeated = depth >= 2 and draft.chance(0.3, "repeated labels within parents")
    numeric = draft.chance(0.3, "numeric labels")
    sets: list[IndexSet] = []
    for level, (name, codes) in enumerate(zip(names, units, strict=True)):
        own, label = frozenset({name}), codes
        if repeated and level == 0:
            own = frozenset({name, names[1]})
            label = codes - np.array([codes[units[1] == u].min() for u in range(units[1].max() + 1)])[units[1]]
        draft.codes[own] = codes
        sets.append(own)
        order = rng.permutation(label.max() + 1)
        labels = order + 10 if numeric else np.array([f"{name}-{o:02d}" for o in order])
        column = name
        coarser = names[level + 1] if level + 1 < depth and not (repeated and level == 0) else None
        if draft.chance(0.7):
            column = {"j": "pupil group", "k": "school", "l": "district", "m": "state"}[name]
            declared = coarser is not None and draft.chance(0.5, "nesting declared")
            if coarser is not None and not declared:
                draft.features.add("nesting inferred")
            quoted = f'"{column}"' if " " in column else column
            draft.say(f"index {name} = {quoted}" + (f" in {coarser}" if declared else ""))
            if declared and coarser is not None:
                draft.idle[own] = (coarser,)
        else:
            draft.features.add("index without a statement")
            draft.features.add("index with a column of its own name")
            if coarser is not None:
                draft.features.add("nesting inferred")
        draft.columns[column] = labels[label]
        draft.columns_of[name] = column
    draft.idle[ROW] = tuple(names)
    draft.codes[ROW] = np.arange(draft.n)
    draft.codes[NONE] = np.zeros(draft.n, dtype=int)
    return sets


# ---------------------------------------------------------------- equations of coefficients


@dataclass
class Line:
    """A coefficient whose equation is still to be written."""

    coefficient: Coefficient
    addends: list[Addend]


def draw_covariance(draft: Draft, effects: list[str], written: list[str], index_set: IndexSet, mean: str) -> None:
    """Write the distribution of several effects of one index set, and note their block."""
    size = len(effects)
    if draft.chance(0.65, "correlated slopes" if size > 1 else ""):
        cor = tuple((r, c, f"cor({effects[c]}, {effects[r]})") for c in range(size) for r in range(c + 1, size))
        sd = tuple(f"sd({effect})" for effect in effects)
        draft.blocks.append(Block(tuple(effects), index_set, sd, cor))
        covariance = draft.fresh("Omega")
    else:
        draft.features.add("diagonal covariance")
        sd = tuple(draft.fresh("s") for _ in effects)
        draft.blocks.append(Block(tuple(effects), index_set, sd))
        covariance = f"diag({', '.join(sd)})"
    draft.say(f"({', '.join(written)}) ~ mvnormal({mean}, {covariance})")


def draw_sd(draft: Draft) -> str:
    """Return the name of a standard deviation: a new one, or one that another effect has too."""
    old = [b.sd[0] for b in draft.blocks if len(b.sd) == 1]
    if old and draft.chance(0.12, "tied standard deviations"):
        return str(draft.rng.choice(old))
    return draft.fresh("s")


def write_level(draft: Draft, lines: list[Line], index_set: IndexSet) -> dict[str, Coefficient]:
    """Write the equations of the coefficients of one level; return them with their deviations."""
    joint = len(lines) > 1 and draft.chance(0.65)
    written_out = draft.chance(0.5, "errors written out")
    if not written_out:
        draft.features.add("errors as distributions")
    if len(lines) > 1 and not joint:
        draft.features.add("independent slopes")
    done: dict[str, Coefficient] = {}
    effects, symbols = [], []
    for line in lines:
        c = line.coefficient
        if written_out:
            error = draft.fresh("u")
            effect, symbol = key(error, index_set), draft.write(error, index_set)
            draft.say(f"{c.written} = {draft.right_side(line.addends)} + {draft.write(error, index_set)}")
        else:
            effect, symbol = c.key, c.written
        effects.append(effect)
        symbols.append(symbol)
        done[c.key] = Coefficient(c.name, index_set, c.written, tuple(line.addends), effect)
        if not joint:
            sd = draw_sd(draft)
            draft.blocks.append(Block((effect,), index_set, (sd,)))
            draft.say(f"{symbol} ~ normal({'0' if written_out else draft.right_side(line.addends)}, {sd})")
    if joint:
        means = "0" if written_out else f"({', '.join(draft.right_side(line.addends) for line in lines)})"
        draw_covariance(draft, effects, symbols, index_set, means)
    return done


def draw_chain(draft: Draft, sets: list[IndexSet], x: Covariate) -> list[Addend]:
    """Draw intercepts and slopes of `x` that vary over the levels, coarsest first; return the outcome's addends."""
    same = draft.chance(0.4, "same name at several levels")
    names = {"a": draft.fresh("alpha"), "b": draft.fresh("slope")}
    has_slope = draft.chance(0.75)
    upper: dict[str, Coefficient] = {"a": parameter(names["a"] if same else draft.fresh("g"))}
    if has_slope:
        upper["b"] = parameter(names["b"] if same else draft.fresh("g"))
    for position in reversed(range(len(sets))):
        index_set = sets[position]
        coarser = sets[position + 1 :]
        z = draft.covariate(index_set, "z") if draft.chance(0.6) else None
        if z is None and draft.chance(0.5) and draft.codes[index_set].max() > 3:
            source = draft.covariate(sets[position - 1] if position and draft.chance(0.5) else ROW, "z")
            z = draft.aggregate(source, index_set)
        lines: dict[str, Line] = {}
        for kind in list(upper):
            varies = kind == "a" or draft.chance(0.7)
            if not varies and draft.chance(0.5):
                continue
            c = Coefficient(names[kind] if same else draft.fresh("c"), index_set, "")
            c = Coefficient(c.name, index_set, draft.write(c.name, index_set))
            addends = [draft.addend(upper[kind], plain=True)]
            if z is not None and (kind == "a" or draft.chance(0.7)):
                addends.append(draft.addend(parameter(draft.fresh("g")), z))
                if kind == "b":
                    draft.features.add("slope equation")
            if coarser and kind == "a" and draft.chance(0.3):
                draft.features.add("varying slope of a group covariate")
                w = draft.covariate(index_set, "z")
                v = draft.covariate(coarser[0], "z")
                name = draft.fresh("h")
                slope = Coefficient(name, coarser[0], draft.write(name, coarser[0]))
                mean = [draft.addend(parameter(draft.fresh("g"))), draft.addend(parameter(draft.fresh("g")), v)]
                addends.append(draft.addend(write_level(draft, [Line(slope, mean)], coarser[0])[slope.key], w))
            if len(addends) > 1 and kind == "b" and coarser and draft.chance(0.6):
                draft.features.add("three-way product")
                w = draft.covariate(coarser[-1], "z")
                assert z is not None
                addends.append(draft.addend(parameter(draft.fresh("g")), z, w))
            if varies:
                lines[kind] = Line(c, addends)
            else:
                draft.features.add("slope without an error of its own")
                draft.say(f"{c.written} = {draft.right_side(addends)}")
                upper[kind] = Coefficient(c.name, index_set, c.written, tuple(addends))
        done = write_level(draft, list(lines.values()), index_set)
        upper.update({kind: done[line.coefficient.key] for kind, line in lines.items()})
    row = [draft.addend(upper["a"], plain=True)]
    if has_slope:
        row.append(draft.addend(upper["b"], x))
    return row


# ---------------------------------------------------------------- crossed factors and unmodelled sets


def draw_factor(draft: Draft, name: str, column: str, n_labels: int) -> IndexSet:
    """Draw an index that is crossed with all others; its labels are in the order of its codes."""
    while True:
        codes = draft.rng.integers(0, n_labels, size=draft.n)
        if len(np.unique(codes)) == n_labels:
            break
    own = frozenset({name})
    draft.codes[own] = codes
    labels = np.array([f"{column[0].upper()}{c:02d}" for c in range(n_labels)])
    draft.columns[column] = labels[codes]
    draft.columns_of[name] = column
    if name != column:
        draft.say(f"index {name} = {column}")
    return own


def cells(draft: Draft, *sets: IndexSet) -> IndexSet:
    """Return the index set of the observed combinations of several."""
    both = frozenset().union(*sets)
    table = np.column_stack([draft.codes[s] for s in sets])
    draft.codes[both] = np.unique(table, axis=0, return_inverse=True)[1].ravel()
    return both


def draw_effect(draft: Draft, index_set: IndexSet, *covariates: Covariate) -> Addend:
    """Draw a random effect with mean zero, times covariates."""
    name = draft.fresh("v")
    written = draft.write(name, index_set)
    sd = draw_sd(draft)
    effect = key(name, index_set)
    draft.blocks.append(Block((effect,), index_set, (sd,)))
    draft.say(f"{draft.write(name, index_set)} ~ normal(0, {sd})")
    return draft.addend(Coefficient(name, index_set, written, (), effect), *covariates, plain=True)


def draw_crossed(draft: Draft, sets: list[IndexSet], x: Covariate) -> list[Addend]:
    draft.features.add("crossed")
    r = draw_factor(draft, "r", "region", 5)
    addends = [draw_effect(draft, r)]
    if draft.chance(0.4, "crossed slope"):
        addends.append(draw_effect(draft, r, x))
    if draft.chance(0.4, "intersection"):
        addends.append(draw_effect(draft, cells(draft, r, sets[-1])))
    return addends


def draw_set(draft: Draft, index_set: IndexSet, *covariates: Covariate, ref: str | None = None) -> Addend:
    """Draw an unmodelled set, times covariates."""
    name = draft.fresh("b_set")
    draft.features.add("unmodelled set with ref" if ref else "unmodelled set")
    argument = f'ref = "{ref}"' if ref else ""
    draft.say(f"{draft.write(name, index_set)} ~ flat({argument})")
    coefficient = Coefficient(name, index_set, draft.write(name, index_set), is_set=True, ref=ref)
    return draft.addend(coefficient, *covariates, plain=True)


def draw_sets(draft: Draft, x: Covariate) -> list[Addend]:
    t = draw_factor(draft, "town", "town", 3)
    ref = "T01" if draft.chance(0.5) else None
    addends = [draw_set(draft, t, ref=ref)]
    if draft.chance(0.3):
        draft.features.add("unmodelled slopes")
        addends.append(draw_set(draft, t, x))
    choice = draft.rng.random()
    if choice < 0.3:
        draft.features.add("nested unmodelled set")
        part = draw_factor(draft, "quarter", "quarter", 2)
        quarter = draft.codes[t] * 2 + draft.codes.pop(part)
        draft.codes[part] = np.unique(quarter, return_inverse=True)[1]
        draft.columns["quarter"] = np.array([f"Q{c:02d}" for c in draft.codes[part]])
        addends.append(draw_set(draft, part))
    elif choice < 0.7:
        draft.features.add("two unmodelled sets")
        a = draw_factor(draft, "age", "agegroup", 4)
        addends.append(draw_set(draft, a))
        if draft.chance(0.5):
            draft.features.add("unmodelled cells")
            addends.append(draw_set(draft, cells(draft, t, a)))
    return addends


# ---------------------------------------------------------------- the outcome


def draw_row_terms(draft: Draft, x: Covariate) -> list[Addend]:
    """Draw fixed terms of the row's equation."""
    addends = []
    if draft.chance(0.3):
        draft.features.add("opaque covariate")
        y = draft.covariate(ROW, "x")
        forms = [
            (f"({y.text} - 3)", y.values - 3),
            (f"exp({y.text}/2)", np.exp(y.values / 2)),
            (f"{y.text}^2", y.values**2),
        ]
        text, values = forms[int(draft.rng.integers(len(forms)))]
        addends.append(draft.addend(parameter(draft.fresh("b")), Covariate(text, ROW, values)))
    if draft.chance(0.25):
        draft.features.add("product written by the user")
        y = draft.covariate(ROW, "x")
        addends.append(draft.addend(parameter(draft.fresh("b")), y, x))
    if draft.chance(0.25):
        draft.features.add("definition from data")
        y = draft.covariate(ROW, "x")
        d = draft.define("d", ROW, f"{y.text} > 0.2", (y.values > 0.2).astype(float))
        addends.append(draft.addend(parameter(draft.fresh("b")), d))
    if draft.chance(0.2):
        y = draft.covariate(ROW, "x")
        grand = draft.aggregate(y, NONE)
        d = draft.define("d", ROW, f"({y.text} - {grand.text})/2", (y.values - grand.values) / 2)
        addends.append(draft.addend(parameter(draft.fresh("b")), d))
    if draft.chance(0.2, "coefficients in brackets"):
        y, v = draft.covariate(ROW, "x"), draft.covariate(ROW, "x")
        one, two = (draft.addend(parameter(draft.fresh("b")), *cs, plain=True) for cs in ((), (v,)))
        addends.append(Addend(1.0, one.coefficient, (y,), f"({one.text} + {two.text})*{y.text}"))
        addends.append(Addend(1.0, two.coefficient, (v, y), ""))
    if draft.chance(0.15, "offset"):
        addends.append(draft.addend(None, draft.covariate(ROW, "x")))
    return addends


def is_estimable(drawn: World) -> bool:
    """Whether the parameters' columns are independent, and no index set is another one or the rows in these data."""
    X = np.column_stack([drawn.loading(name) for name in drawn.parameters])
    scaled = X / np.maximum(np.linalg.norm(X, axis=0), 1e-300)
    partitions = {block.index_set: drawn.codes[block.index_set] for block in drawn.blocks}
    distinct = {tuple(np.unique(codes, return_inverse=True)[1].tolist()) for codes in partitions.values()}
    crowded = any(codes.max() + 1 >= drawn.n for codes in partitions.values())
    return (
        bool(np.linalg.svd(scaled, compute_uv=False).min() > 1e-3) and len(distinct) == len(partitions) and not crowded
    )


@cache
def world(seed: int) -> World:
    """Return the world of a seed: the first estimable one of its draws."""
    drawn = next(w for attempt in range(100) if is_estimable(w := draw(seed, attempt)))
    rng = np.random.default_rng([seed, 1])
    drawn.frame["y"] = drawn.predictor(drawn.draw(rng)) + rng.normal(size=drawn.n)
    return drawn


def draw(seed: int, attempt: int) -> World:
    """Draw one world."""
    draft = Draft(seed, np.random.default_rng([seed, attempt, 0]))
    sets = draw_levels(draft, seed % 4 + 1)
    x = draft.covariate(ROW, "x")
    if draft.chance(0.3):
        draft.features.add("centring within groups")
        finest = sets[0]
        codes = draft.codes[finest]
        mean = np.array([x.values[codes == g].mean() for g in range(codes.max() + 1)])
        bar = draft.define("bar", finest, f"mean({x.text})", mean[codes])
        x = draft.define("xc", ROW, f"{x.text} - {bar.text}", x.values - bar.values)
        draft.features.add("group mean")
    addends = draw_chain(draft, sets, x)
    if draft.chance(0.45):
        addends += draw_crossed(draft, sets, draft.covariate(ROW, "x"))
    if draft.chance(0.45):
        addends += draw_sets(draft, x if draft.chance(0.5) else draft.covariate(ROW, "x"))
    addends += draw_row_terms(draft, x)
    head, tail = addends[:1], addends[1:]
    spoken = head + [a for a in tail if a.text]
    sd = "sigma"
    y = draft.write("y", ROW)
    if draft.chance(0.5, "residual written out"):
        draft.say(f"{y} = {draft.right_side(spoken)} + e[i]")
        draft.say(f"e[i] ~ normal(0, {sd})")
    else:
        draft.features.add("residual as a distribution")
        draft.say(f"{y} ~ normal({draft.right_side(spoken)}, {sd})")
    draft.rng.shuffle(draft.statements)
    return World(
        seed=seed,
        frame=pd.DataFrame(draft.columns),
        statements=draft.statements,
        outcome=tuple(addends),
        blocks=tuple(draft.blocks),
        codes=draft.codes,
        symbols=draft.symbols,
        features=draft.features,
        residual=sd,
    )
