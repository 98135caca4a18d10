"""The standalone form: the definitions of the runtime that a file uses, and a ``main``."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from hdsl.codegen.tree import Function, Statement, code, expression, show, tuple_of
from hdsl.form.density import RowDensity
from hdsl.plan import FixedSet, Plan, Product
from hdsl.runtime import blocks, cells, counts, mode, root, rows, special, weighted

__all__ = ["definitions", "main", "script"]

IMPORTS = (
    ("collections.abc", ("Callable", "Iterator", "Sequence")),
    ("typing", ("Any", "NamedTuple", "TypeAlias")),
    ("numpy.typing", ("ArrayLike", "NDArray")),
)
"""What the runtime imports by name."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A top-level definition: its source lines and the names that it uses."""

    name: str
    text: str
    uses: frozenset[str]


@lru_cache(maxsize=1)
def _runtime() -> dict[str, Definition]:
    """Return every definition of the runtime by name, in an order in which they can be executed."""
    return {
        d.name: d for module in (rows, blocks, root, cells, special, counts, weighted, mode) for d in _of_module(module)
    }


def _of_module(module: ModuleType) -> Iterator[Definition]:
    source = inspect.getsource(module)
    lines = source.splitlines()
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                gap = "\n\n"
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]) if name != "__all__":
                gap = ""
            case _:
                continue
        text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        yield Definition(name, f"{gap}{text}\n", frozenset(used - {name}))


def definitions(used: set[str]) -> str:
    """Return the imports and the runtime definitions that `used` needs, directly or through others."""
    known = _runtime()
    needed: set[str] = set()
    waiting = set(used)
    while waiting:
        needed |= waiting
        waiting = {name for have in waiting for name in known[have].uses if name in known} - needed
    chosen = [d for name, d in known.items() if name in needed]
    named = frozenset().union(*(d.uses for d in chosen)) | {"NamedTuple"}
    return _imports(named) + "\n" + "".join(d.text for d in chosen)


def _imports(used: frozenset[str]) -> str:
    """Return the import lines of a standalone file."""
    lines = {
        module: f"from {module} import {', '.join(name for name in names if name in used)}\n"
        for module, names in IMPORTS
        if used.intersection(names)
    }
    standard = "".join(lines.get(module, "") for module in ("collections.abc", "typing"))
    arrays = "import numpy as np\n" + lines.get("numpy.typing", "")
    plain = "import math\nimport sys\n" if "math" in used else "import sys\n"
    return f"from __future__ import annotations\n\n{plain}{standard}\n{arrays}"


def _highest(plan: Plan) -> int:
    """Return the number of covariates that the plan reads."""
    products: list[Product] = [product for item in plan.fixed for product in item.products]
    products += [product for term in plan.re_terms for column in term.columns for product in column.products]
    return max((i + 1 for product in products for i in product.factors), default=0)


def main(plan: Plan, n_symbols: int) -> Function:
    """Emit ``main``, which prints criterion and gradient."""
    sizes = {
        "n_x": max(_highest(plan), n_symbols),
        "n_groups": len(plan.re_terms),
        "n_sets": max((item.codes + 1 for item in plan.fixed if isinstance(item, FixedSet)), default=0),
    }
    if plan.density is None:
        return _gaussian_main(sizes)
    return (_weighted_main if plan.is_weighted else _density_main)(plan, plan.density, sizes)


def _weighted_main(plan: Plan, density: RowDensity, sizes: dict[str, int]) -> Function:
    """Emit ``main(path, gamma, theta, reml)``."""
    known = tuple_of([expression("data[name]", name=ast.Constant(name)) for name in density.known])
    body: list[Statement] = code(
        """
        with np.load(path) as data:
            y, known = data["y"], names
            x = [data[f"x{k}"] for k in range(n_x)]
            groups = [data[f"group{k}"] for k in range(n_groups)]
            sets = [data[f"set{k}"] for k in range(n_sets)]
            offset = data["offset0"] if "offset0" in data else None
            eta = data["offset1"] if "offset1" in data else np.zeros(len(y))
            X, outcome, Z = columns(y, x, sets, offset)
        S = expanded(spread_columns(y, x, sets), len(y))
        w, slope, level = weights(known, eta + S @ gamma)
        W = (*X, outcome)
        c = cross_products(W, Z, groups, w)
        f = forward(c, theta)
        fit = estimates(c, f, reml)
        p = len(fit.beta) if reml else 0
        b, v = modes(c, f, fit.beta)
        G, covariance, square = sensitivities(c, f, b, fit.beta, fit.cov_beta[:p, :p])
        g = []
        for column in S.T:
            moved = cross_products(W, Z, groups, slope * column, c)
            arrays = [parts for parts in zip(moved, covariance, square) if isinstance(parts[0], np.ndarray)]
            g.append(sum(np.vdot(m, a + b) for m, a, b in arrays) - (slope / w) @ column)
        own = [a - outer_sum(u, u) for a, u in zip(G, v)]
        print("criterion", criterion(fit, level.sum(), reml))
        print("gradient", *[float(item) for item in g], *theta_gradient(theta, own).tolist())
        """,
        names=known,
        **sizes,
    )
    doc = "Print the criterion and its gradient at (gamma, theta), coefficients of the mean being the best."
    return Function("main", "path, gamma, theta, reml", doc, tuple(body))


def _density_main(plan: Plan, density: RowDensity, sizes: dict[str, int]) -> Function:
    """Emit ``main(path, theta, beta)``."""
    known = tuple_of([expression("data[name]", name=ast.Constant(name)) for name in density.known])
    body: list[Statement] = code(
        """
        with np.load(path) as data:
            y, known = data["y"], names
            x = [data[f"x{k}"] for k in range(n_x)]
            groups = [data[f"group{k}"] for k in range(n_groups)]
            sets = [data[f"set{k}"] for k in range(n_sets)]
            offsets = [data[f"offset{k}"] if f"offset{k}" in data else None for k in range(n_predictors)]
        with np.errstate(all="ignore"):
            X, Z = columns(y, x, sets)
            d = prepare(y, known, offsets, X, Z, groups)
            base = predictors(d, beta)
            at = mode(d, base, theta, starting(d))
            by_beta, information, by_covariance, average, tangent = slope(d, base, at)
        print("criterion", criterion(at))
        print("gradient", *by_beta.tolist(), *theta_gradient(theta, by_covariance).tolist())
        """,
        names=known,
        n_predictors=plan.n_predictors,
        **sizes,
    )
    return Function("main", "path, beta, theta", "Print the criterion and its gradient at (beta, theta).", tuple(body))


def _gaussian_main(sizes: dict[str, int]) -> Function:
    """Emit ``main(path, theta, reml)``."""
    body: list[Statement] = code(
        """
        with np.load(path) as data:
            x = [data[f"x{k}"] for k in range(n_x)]
            groups = [data[f"group{k}"] for k in range(n_groups)]
            sets = [data[f"set{k}"] for k in range(n_sets)]
            offset = data["offset"] if "offset" in data else None
            X, outcome, Z = columns(data["y"], x, sets, offset)
        c = cross_products((*X, outcome), Z, groups)
        f = forward(c, theta)
        fit = estimates(c, f, reml)
        g = theta_gradient(theta, gradient(c, f, fit, reml))
        print("criterion", fit.objective)
        print("gradient", *g.tolist())
        """,
        **sizes,
    )
    return Function("main", "path, theta, reml", "Print the criterion and its gradient at theta.", tuple(body))


def script(plan: Plan) -> str:
    """Return the lines that run ``main`` from a command line."""
    if plan.density is None:
        body = code(
            """
            if __name__ == "__main__":
                words = [word for word in sys.argv[2:] if word != "reml"]
                main(sys.argv[1], np.array([float(word) for word in words]), reml="reml" in sys.argv)
            """
        )
    elif plan.is_weighted:
        body = code(
            """
            if __name__ == "__main__":
                values = np.array([float(word) for word in sys.argv[2:] if word != "reml"])
                at = len(values) - n_theta
                main(sys.argv[1], values[:at], values[at:], reml="reml" in sys.argv)
            """,
            n_theta=plan.n_theta,
        )
    else:
        body = code(
            """
            if __name__ == "__main__":
                values = np.array([float(word) for word in sys.argv[2:]])
                main(sys.argv[1], values[: len(values) - n_theta], values[len(values) - n_theta :])
            """,
            n_theta=plan.n_theta,
        )
    return "\n\n" + show(body)
