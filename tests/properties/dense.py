"""Textbook densities of a world: V, X and the criterion built densely from its description, and a tiny evaluator.

Nothing here uses the program under test.
"""

from __future__ import annotations

import ast
import operator
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.properties.world import Block, Floats, World

# ---------------------------------------------------------------- values of printed covariates

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": np.abs}


def covariate_value(text: str, world: World) -> Floats:
    """Return the value in each row of a covariate, from its printed form alone."""
    columns = {symbol.split("[")[0]: values for symbol, values in world.symbols.items()}

    def walk(node: ast.expr) -> NDArray[np.float64] | float:
        match node:
            case ast.Constant(value=value):
                return float(value)
            case ast.Name(id=name):
                return columns[name]
            case ast.BinOp(left=left, op=op, right=right):
                return OPERATORS[type(op)](walk(left), walk(right))
            case ast.UnaryOp(op=op, operand=operand):
                return OPERATORS[type(op)](walk(operand))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return np.asarray(OPERATORS[type(op)](walk(left), walk(right)), dtype=float)
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return FUNCTIONS[name](walk(argument))
        raise AssertionError(f"not a covariate: {text}")

    plain = re.sub(r"\[[^\]]*\]", "", text).replace("^", "**")
    return np.broadcast_to(walk(ast.parse(plain, mode="eval").body), (world.n,)).astype(float)


def normal_symbol(text: str) -> str:
    """Return a printed name with the subscripts (or labels) of every symbol in it in alphabetical order."""
    return re.sub(r"\[([^\]]*)\]", lambda m: f"[{','.join(sorted(s.strip() for s in m[1].split(',')))}]", text)


# ---------------------------------------------------------------- the model matrix of fixed effects


@dataclass(frozen=True)
class Fixed:
    """Columns of X with their labels, in the order of the composite."""

    labels: tuple[str, ...]
    X: Floats
    zeroed: dict[str, frozenset[str]]


def set_columns(name: str, world: World) -> tuple[list[str], Floats]:
    """Return the labels of an unmodelled set, in their order, and its column for each."""
    coefficient = world.sets[name]
    codes, loading = world.codes[coefficient.index_set], world.loading(name)
    names = sorted(coefficient.index_set)
    column_of = {"town": "town", "age": "agegroup", "quarter": "quarter"}
    table = world.frame[[column_of[index] for index in names]].astype(str).agg(sorted, axis=1)
    first = np.unique(codes, return_index=True)[1]
    labels = [f"{coefficient.name}[{','.join(table.iloc[row])}]" for row in first]
    return labels, (codes[:, None] == np.arange(len(first))) * loading[:, None]


def is_spanned(X: Floats, column: Floats) -> bool:
    if not X.shape[1]:
        return not np.abs(column).max() > 0
    left = column - X @ np.linalg.lstsq(X, column, rcond=None)[0]
    return bool(np.linalg.norm(left) <= 1e-8 * np.linalg.norm(column))


def fixed_columns(world: World, order: list[str]) -> Fixed:
    """Return X for the coefficients in `order`: a set loses, first levels first, what stands before it spans.

    The explicit reference goes first. Of the rest the last levels are put in before the first ones, and cells with a
    reference label last, so that what must go is the first level beside an intercept, the first of each parent, the
    cells with a reference label.
    """
    X, labels, zeroed = np.empty((world.n, 0)), [], {}
    references: set[str] = set()
    for name in order:
        if name not in world.sets:
            X, labels = np.column_stack([X, world.loading(name)]), [*labels, name]
            continue
        own, columns = set_columns(name, world)
        lost = {f"{name.split('[')[0]}[{world.sets[name].ref}]"} & set(own)
        kept: list[int] = []
        inner = [set(re.split(r"[\[\],]", label)[1:-1]) & references for label in own]
        for position in sorted(range(len(own)), key=lambda at: (bool(inner[at]), -at)):
            if own[position] in lost:
                continue
            if is_spanned(np.column_stack([X, columns[:, kept]]), columns[:, position]):
                lost.add(own[position])
            else:
                kept.append(position)
        kept.sort()
        X, labels = np.column_stack([X, columns[:, kept]]), [*labels, *(own[position] for position in kept)]
        zeroed[name] = frozenset(lost)
        if len(world.sets[name].index_set) == 1 and len(lost) == 1:
            references |= {label.split("[")[1][:-1] for label in lost}
    return Fixed(tuple(labels), X, zeroed)


# ---------------------------------------------------------------- covariance and densities


def draw_spread(world: World, rng: np.random.Generator) -> dict[str, float]:
    """Draw a value for each standard deviation (relative to the residual's) and correlation, by name."""
    values: dict[str, float] = {}
    for block in world.blocks:
        for name in block.sd:
            values.setdefault(name, float(rng.uniform(0.2, 1.8)))
        A = rng.normal(size=(len(block.sd), len(block.sd) + 3))
        S = A @ A.T
        for r, c, name in block.cor:
            values[name] = float(S[r, c] / np.sqrt(S[r, r] * S[c, c]))
    return values


def block_covariance(block: Block, values: dict[str, float]) -> Floats:
    """Return the covariance of the effects of one unit, (w, w), relative to the residual variance."""
    R = np.eye(len(block.sd))
    for r, c, name in block.cor:
        R[r, c] = R[c, r] = values[name]
    sd = np.array([values[name] for name in block.sd])
    return R * np.outer(sd, sd)


def relative_covariance(world: World, values: dict[str, float]) -> Floats:
    """Return V / sigma^2, (n, n): identity plus what rows that share a unit have in common."""
    V = np.eye(world.n)
    for block in world.blocks:
        A = np.column_stack([world.loading(effect) for effect in block.effects])
        codes = world.codes[block.index_set]
        V += (codes[:, None] == codes) * (A @ block_covariance(block, values) @ A.T)
    return V


@dataclass(frozen=True)
class Dense:
    """A Gaussian density with beta and sigma at their best for given relative variances."""

    criterion: float
    beta: Floats
    sigma: float


def log_density(residual: Floats, V: Floats) -> float:
    """Return log N(residual; 0, V)."""
    sign, logdet = np.linalg.slogdet(V)
    assert sign > 0
    return float(-0.5 * (len(residual) * np.log(2 * np.pi) + logdet + residual @ np.linalg.solve(V, residual)))


def profiled(world: World, X: Floats, V0: Floats, *, reml: bool) -> Dense:
    """Return -2 log density of y (or of its error contrasts) at the best beta and sigma, V = sigma^2 V0."""
    y = world.frame["y"].to_numpy() - world.offset()
    n, p = X.shape
    XtVX = X.T @ np.linalg.solve(V0, X)
    beta = np.linalg.solve(XtVX, X.T @ np.linalg.solve(V0, y))
    residual = y - X @ beta
    df = n - p if reml else n
    sigma = float(np.sqrt(residual @ np.linalg.solve(V0, residual) / df))
    criterion = -2 * log_density(residual, sigma**2 * V0)
    if reml:  # lme4's constants: (n - p) log 2 pi, + log det X'V^-1 X
        criterion += np.linalg.slogdet(XtVX / sigma**2)[1] - p * np.log(2 * np.pi)
    return Dense(criterion, beta, sigma)
