"""Emit the density of a row: its value, scores and weights by channel, and its third derivatives.

For a channel S, a set of predictors, with l = log f

    r_S = sum_{k in S} dl/deta_k,   w_ST = -sum_{k in S, l in T} d2l/deta_k deta_l

and c_STU is the sum of third derivatives alike. Only what some column needs is emitted, with the steps that it needs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from hdsl.codegen.channels import Channels
from hdsl.codegen.joined import Assigned, joined, negative
from hdsl.codegen.layout import Layout
from hdsl.codegen.tree import Function, Statement, Suite, code, expression, tuple_of, unpack
from hdsl.form.density import Case, RowDensity, pairs, triples
from hdsl.form.expr import Apply, Expr, Num, Ref

__all__ = [
    "Needs",
    "constant_term",
    "density",
    "density_of",
    "derivative_names",
    "membership",
    "slope_needs",
    "value_needs",
    "weights",
]

NUMPY = {
    "abs": "abs",
    "cos": "cos",
    "exp": "exp",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "max": "maximum",
    "min": "minimum",
    "sin": "sin",
    "sqrt": "sqrt",
    "tanh": "tanh",
}
"""Functions of expressions that are NumPy's; every other one is a primitive of `hdsl.runtime.special`."""

COMPARISONS: dict[str, ast.cmpop] = {
    "==": ast.Eq(),
    "!=": ast.NotEq(),
    "<": ast.Lt(),
    "<=": ast.LtE(),
    ">": ast.Gt(),
    ">=": ast.GtE(),
}

ARITHMETIC: dict[str, ast.operator] = {"+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "^": ast.Pow()}

ZERO: Expr = Num(value=0.0)


@dataclass(frozen=True, slots=True)
class Needs:
    """Derivatives by channel that a function returns: r_S, w_ST, c_STU; and whether the value."""

    value: bool
    scores: tuple[int, ...]
    weights: tuple[tuple[int, int], ...]
    thirds: tuple[tuple[int, int, int], ...]


def value_needs(view: Channels) -> Needs:
    """Return what the inner iterations need."""
    return Needs(True, view.random, view.pairs, ())


def slope_needs(view: Channels, density: RowDensity) -> Needs:
    """Return what the gradient needs; third derivatives that are zero are left out."""
    weights = sorted({(min(s, t), max(s, t)) for s in view.used for t in view.fixed})
    thirds = tuple((s, t, u) for s, t in view.pairs for u in view.used)
    wanted = Needs(False, view.fixed, tuple(weights), thirds)
    return Needs(
        False,
        wanted.scores,
        tuple(st for st in wanted.weights if any(_second(case, view, *st) != ZERO for case in density.cases)),
        tuple(stu for stu in wanted.thirds if any(_third(case, view, *stu) != ZERO for case in density.cases)),
    )


def derivative_names(needs: Needs) -> list[str]:
    """Return the names of what a function returns."""
    return [
        *(["value"] if needs.value else []),
        *(f"r{s}" for s in needs.scores),
        *(f"w{s}{t}" for s, t in needs.weights),
        *(f"c{s}{t}{u}" for s, t, u in needs.thirds),
    ]


# sums over the predictors of channels


def _plus(a: Expr, b: Expr) -> Expr:
    if a == ZERO:
        return b
    return a if b == ZERO else Apply(operator="+", operands=(a, b))


def _times(count: int, item: Expr) -> Expr:
    return item if count == 1 or item == ZERO else Apply(operator="*", operands=(Num(value=float(count)), item))


def _sum(items: Iterable[tuple[int, ...]], order: Sequence[tuple[int, ...]], values: Sequence[Expr]) -> Expr:
    """Return the sum of derivatives by each of `items`; equal ones are counted."""
    counts: dict[tuple[int, ...], int] = {}
    for item in items:
        key = tuple(sorted(item))
        counts[key] = counts.get(key, 0) + 1
    terms = (_times(count, values[order.index(key)]) for key, count in counts.items())
    return reduce(_plus, terms, ZERO)


def _first(case: Case, view: Channels, s: int) -> Expr:
    return reduce(_plus, (case.first[k] for k in view.inputs[s]), ZERO)


def _second(case: Case, view: Channels, s: int, t: int) -> Expr:
    items = [(k, m) for k in view.inputs[s] for m in view.inputs[t]]
    return negative(_sum(items, pairs(len(case.first)), case.second))


def _third(case: Case, view: Channels, s: int, t: int, u: int) -> Expr:
    items = [(k, m, o) for k in view.inputs[s] for m in view.inputs[t] for o in view.inputs[u]]
    return _sum(items, triples(len(case.first)), case.third)


def _outputs(case: Case, view: Channels, needs: Needs) -> list[Expr]:
    return [
        *([case.value] if needs.value else []),
        *(_first(case, view, s) for s in needs.scores),
        *(_second(case, view, s, t) for s, t in needs.weights),
        *(_third(case, view, s, t, u) for s, t, u in needs.thirds),
    ]


# expressions


def _names(item: Expr) -> set[str]:
    match item:
        case Ref(name=name):
            return {name}
        case Apply(operands=operands):
            return set().union(*(_names(operand) for operand in operands))
        case _:
            return set()


def _tree(item: Expr) -> ast.expr:
    """Return the syntax tree of an expression."""
    match item:
        case Num(value=value):
            return ast.Constant(value) if value >= 0.0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))
        case Ref(name=name):
            return expression(name)
        case Apply(operator="-", operands=(only,)):
            return ast.UnaryOp(ast.USub(), _tree(only))
        case Apply(operator="^", operands=(base, Num(value=power))) if power == int(power):
            return _power(_tree(base), int(power))
        case Apply(operator=operator, operands=(a, b)) if operator in ARITHMETIC:
            return ast.BinOp(_tree(a), ARITHMETIC[operator], _tree(b))
        case Apply(operator=operator, operands=(a, b)) if operator in COMPARISONS:
            return ast.Compare(_tree(a), [COMPARISONS[operator]], [_tree(b)])
        case Apply(operator=operator, operands=operands):
            name = f"np.{NUMPY[operator]}" if operator in NUMPY else operator
            return ast.Call(expression(name), [_argument(operand) for operand in operands], [])
        case _:
            raise TypeError(f"a density holds no {type(item).__name__}")


def _argument(item: Expr) -> ast.expr:
    """Return an argument of a function; whole numbers, which may be orders, without a decimal point."""
    if isinstance(item, Num) and item.value.is_integer():
        return ast.Constant(int(item.value))
    return _tree(item)


def _power(base: ast.expr, power: int) -> ast.expr:
    """Return a power that NumPy takes quickly: products of names up to the fourth."""
    if isinstance(base, ast.Name) and 2 <= power <= 4:
        square = ast.BinOp(base, ast.Mult(), base)
        if power == 2:
            return square
        return ast.BinOp(square, ast.Mult(), base if power == 3 else square)
    return ast.BinOp(base, ast.Pow(), ast.Constant(power))


# functions


def _arguments(density: RowDensity) -> str:
    return ", ".join(["y", *density.known, *(f"eta{k}" for k in range(len(density.inputs)))])


def _needed(case: Case, outputs: list[Expr]) -> tuple[list[Assigned], list[Expr]]:
    """Return the steps that outputs need, and the outputs."""
    wanted = set().union(*(_names(item) for item in outputs)) if outputs else set()
    needed: list[Assigned] = []
    for name, item in reversed(case.steps):
        if name in wanted:
            needed.insert(0, ((name,), item))
            wanted |= _names(item)
    return joined(needed, outputs)


def _assignment(names: Sequence[str], item: Expr) -> ast.stmt:
    targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    target = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
    return ast.Assign([target], _tree(item), lineno=0)


def weights(row: RowDensity) -> Function:
    """Emit ``weights(known, eta)`` of a Gaussian density about its first input: ``1 / sd^2`` and what goes with it.

    The weights are ``- d2 log f / d eta0^2``; their derivative by the predictor of the standard deviations is a third
    derivative; and log f at ``y = eta0`` is what it has of the standard deviation alone.
    """
    (case,), K = row.cases, len(row.inputs)
    slope = negative(case.third[triples(K).index((0, 0, 1))]) if K > 1 else ZERO
    level = _plus(case.value, case.constant)
    steps, outputs = _needed(case, [negative(case.second[0]), slope, level])
    body = code("y = eta0 = 0.0")
    if row.known:
        body.append(unpack(list(row.known), "known"))
    if K > 1:
        body += code("eta1 = eta")
    body += [_assignment(names, item) for names, item in steps]
    body += code("shape = np.broadcast_shapes(*(np.shape(item) for item in (eta, *known)))")
    values = tuple_of([expression("np.broadcast_to(item, shape)", item=_tree(item)) for item in outputs])
    body.append(ast.Return(values))
    doc = "Return the weights of rows, 1 / sd^2, their derivatives by eta, and log f at the mean of each."
    return Function("weights", "known, eta", doc, tuple(body))


def _body(
    case: Case, view: Channels, density: RowDensity, needs: Needs, rows: str = "len(y)"
) -> tuple[list[Statement], list[ast.expr]]:
    """Return the steps that a case needs, and its outputs; what is the same in all rows is a column without storage."""
    needed, outputs = _needed(case, _outputs(case, view, needs))
    varying = {"y", *density.known, *(f"eta{k}" for k, flat in enumerate(view.flat) if not flat)}
    body: list[Statement] = []
    for names, item in needed:
        body.append(_assignment(names, item))
        if varying & _names(item):
            varying |= set(names)
    trees = [
        _tree(item) if varying & _names(item) else expression(f"constant(item, {rows})", item=_tree(item))
        for item in outputs
    ]
    return body, trees


def membership(density: RowDensity, known: Callable[[str], str]) -> list[ast.expr]:
    """Return for each case the condition on rows, with data called as `known` says; empty for a single case."""
    return [_tree(_renamed(case.holds, known)) for case in density.cases if case.holds is not None]


def constant_term(case: Case, known: Callable[[str], str]) -> ast.expr:
    """Return the part of log f that depends on data alone, with data called as `known` says."""
    return _tree(_renamed(case.constant, known))


def _renamed(item: Expr, known: Callable[[str], str]) -> Expr:
    match item:
        case Ref(name=name, index_set=index_set):
            return Ref(name=known(name), index_set=index_set)
        case Apply(operator=operator, operands=operands):
            return Apply(operator=operator, operands=tuple(_renamed(operand, known) for operand in operands))
        case _:
            return item


def density_of(plan_layout: Layout) -> RowDensity:
    """Return the density of a plan that has one."""
    density = plan_layout.plan.density
    if density is None:
        raise ValueError("a plan without a density")
    return density


def density(plan_layout: Layout, view: Channels, name: str, needs: Needs) -> list[Statement]:
    """Emit the function `name` of (rows, eta0, ..) and, where the density has several cases, one for each."""
    row = density_of(plan_layout)
    names = derivative_names(needs)
    if not names:
        return []
    etas = [f"eta{k}" for k in range(len(row.inputs))]
    many = len(row.cases) > 1
    out: list[Statement] = []
    body: list[Statement] = []
    if many:
        for c, case in enumerate(row.cases):
            own, trees = _body(case, view, row, needs)
            own += [ast.Return(tuple_of(trees))]
            out.append(Function(f"{name}_case{c}", _arguments(row), f"Return what `{name}` returns.", tuple(own)))
        body += code("out = np.empty((size, rows.n))", size=len(names))
        body.append(unpack(names, "out"))
        for c in range(len(row.cases)):
            body += _scatter(f"{name}_case{c}", c, names, row, view)
        total = ["out *= rows.m"]
    else:
        own, trees = _body(row.cases[0], view, row, needs, rows="rows.n")
        places = {"y": "rows.y"} | {name: f"rows.known[{i}]" for i, name in enumerate(row.known)}
        read = {
            n.id
            for tree in (*own, *trees)
            if isinstance(tree, ast.AST)
            for n in ast.walk(tree)
            if isinstance(n, ast.Name)
        }
        data = [name for name in places if name in read]
        if data:
            body.append(unpack(data, tuple_of([places[name] for name in data])))
        body += own
        for target, tree in zip(names, trees, strict=True):
            body += code("target = tree", target=target, tree=tree)
        total = [f"{target} = {target} * rows.m" for target in names]
    body.append(Suite("if rows.m is not None:", tuple(item for line in total for item in code(line))))
    body.append(ast.Return(tuple_of(names)))
    out.append(Function(name, ", ".join(["rows", *etas]), _doc(needs), tuple(body)))
    return out


def _scatter(function: str, c: int, names: Sequence[str], row: RowDensity, view: Channels) -> list[Statement]:
    """Emit the call of one case and where its rows go."""
    etas = [expression(f"eta{k}" if flat else f"eta{k}[k]") for k, flat in enumerate(view.flat)]
    call = ast.Call(
        expression(function),
        [expression("own.y"), *(expression(f"own.known[{i}]") for i in range(len(row.known))), *etas],
        [],
    )
    body = code("own = rows.cases[c]\nk = own.rows", c=c)
    return [*body, Suite("if len(k):", (unpack_at(names, call),))]


def unpack_at(names: Sequence[str], value: ast.expr) -> ast.stmt:
    """Return ``a[k], b[k] = value``."""
    targets: list[ast.expr] = [
        ast.Subscript(ast.Name(name, ast.Load()), ast.Name("k", ast.Load()), ast.Store()) for name in names
    ]
    target = ast.Tuple(targets, ast.Store()) if len(targets) > 1 else ast.List(targets, ast.Store())
    return ast.Assign([target], value, lineno=0)


def _doc(needs: Needs) -> str:
    what = [
        *(["log f"] if needs.value else []),
        *(["scores r"] if needs.scores else []),
        *(["weights w = -d2 log f"] if needs.weights else []),
        *(["third derivatives c"] if needs.thirds else []),
    ]
    return f"Return {', '.join(what)} of each row."
