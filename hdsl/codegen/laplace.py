"""Emit Laplace's method: the mode of the random effects, and the derivatives of the criterion there.

With H = Z'WZ, W the weights at the mode (observed information), v = Sigma^-1 b and x = (Sigma^-1 + H)^-1 tau

    D = -2 log f(y | b) + v'b + log det(I + Lambda'H Lambda)
    dD / d beta  = X'(t - 2 r) - X'WZ x,   t_i = tr(Cov_i dW_i / d eta),  tau = Z't
    dD / d Sigma = sum_j Z'V^-1 Z - v v' + sym(omega v'),   omega = tau - Hx

where Cov_i is the covariance of the row's predictors under (Sigma^-1 + H)^-1.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from hdsl.codegen.channels import Atom, channels
from hdsl.codegen.densities import Needs, density_of, derivative_names, slope_needs
from hdsl.codegen.layout import Factor, Layout
from hdsl.codegen.predictors import call_density, etas, for_blocks
from hdsl.codegen.prepared import chain_columns, dense_columns
from hdsl.codegen.reverse import dense_prelude, joint_names
from hdsl.codegen.sweep import product
from hdsl.codegen.terms import RowValues, Target, border_term, score_term, total
from hdsl.codegen.tree import Comment, Function, Statement, code, expression, tuple_of, unpack
from hdsl.codegen.weighted import pick, shift

__all__ = ["laplace_criterion", "mode", "slope", "solve"]


def mode(plan_layout: Layout) -> Function:
    """Emit ``mode(d, base, theta, v, slack)``."""
    body = code(
        """
        def weighted(b, v, positive=False):
            return weigh(d, base, b, v, positive)

        def eliminated(c):
            return forward(c, theta)

        def step(c, f):
            return modes(c, f, np.zeros(0))

        return find_mode(weighted, eliminated, step, relative_factors(theta), v, slack)
        """
    )
    doc = (
        "Return the mode of the random effects at (base, theta), searched from b = Sigma v.\n"
        "slack is the Newton decrement at which it is near enough, 0 for as near as numbers can tell."
    )
    return Function("mode", "d, base, theta, v, slack=0.0", doc, tuple(body))


def laplace_criterion() -> Function:
    """Emit ``criterion(at)``."""
    body = code("return at.penalised + at.sweep.logdet if at.is_mode else np.inf")
    doc = "Return -2 log-likelihood by Laplace's method; infinite where there is no mode."
    return Function("criterion", "at", doc, tuple(body))


# -- more right sides -----------------------------------------------------------------------------------------------


def solve(plan_layout: Layout) -> Function:
    """Emit ``solve(c, f, T)``: the factorisation of the forward sweep, used again."""
    factors = plan_layout.factors
    body: list[Statement] = [unpack([f.name("T") for f in factors], "T")] if factors else []
    body += dense_prelude(plan_layout)
    if plan_layout.dense:
        parts = [
            expression(
                "T.transpose(0, 2, 1).reshape(m, -1)",
                T=f.name("T"),
                m=expression("q * c.size", q=f.width, size=f.name("size")),
            )
            for f in plan_layout.dense
        ]
        body += code("TD = parts", parts=expression("np.concatenate(parts)", parts=tuple_of(parts)))
    for k, factor in enumerate(plan_layout.chain):
        body += _down(plan_layout, k, factor)
    if plan_layout.dense:
        body += [
            Comment("dense root: x = (Sigma^-1 + C)^-1 T,  y = T - C x"),
            *code("xD = root_solve(f.root, TD, dense)\nyD = TD - f.C[:m, :m] @ xD"),
            unpack([f.name("x") for f in plan_layout.dense], "split_columns(xD, dense)"),
            unpack([f.name("y") for f in plan_layout.dense], "split_columns(yD, dense)"),
        ]
    for k, factor in reversed(list(enumerate(plan_layout.chain))):
        body += _up(plan_layout, k, factor)
    pairs = [tuple_of([f.name(letter) for f in factors]) for letter in "xy"]
    body += code("return pair", pair=tuple_of(pairs))
    doc = (
        "Return x = (Sigma^-1 + H)^-1 T and y = T - H x of each factor, (q, k, J).\n"
        "T are k columns of right sides over the random effects of each factor."
    )
    return Function("solve", "c, f, T", doc, tuple(body))


def _down(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit the elimination of a factor from the right sides."""
    T = expression(factor.name("T"))
    K, B, E, N = (expression(f"f.{factor.name(letter)}") for letter in "KBEN")
    body: list[Statement] = [Comment(f"eliminate factor {factor.number}")]
    if factor.above or plan_layout.dense:
        body += code("KT = product", product=expression(product(factor.width), left=K, right=T))
    for step, other in enumerate(factor.above):
        if step:
            body += code("up = collect(up[q:], c.nest.starts[k])", q=factor.above[step - 1].width, k=k + step)
        else:
            body += code("up = collect(t_mul(B, KT), c.nest.starts[k])", B=B, k=k)
        is_last = step == len(factor.above) - 1
        part = expression("up" if is_last else "up[:q]", q=other.width)
        body += code("T = T - part", T=other.name("T"), part=part)
    if plan_layout.is_sparse:
        cells = expression(f"c.{factor.name('cells')}")
        body += code("TD = TD - cells.by_column(t_mul(N, cells.spread(KT)))", cells=cells, N=N)
    elif plan_layout.dense:
        body += code("TD = TD - inner(E[:, :m], KT)", E=E)
    return body


def _up(plan_layout: Layout, k: int, factor: Factor) -> list[Statement]:
    """Emit x and y of a factor, those above it being known."""
    names = {letter: factor.name(letter) for letter in "Txy"}
    K, A, B, E, N = (expression(f"f.{factor.name(letter)}") for letter in "KABEN")
    body: list[Statement] = [Comment(f"factor {factor.number}: x = K t,  y = t - A x")]
    if plan_layout.is_sparse:
        cells = expression(f"c.{factor.name('cells')}")
        body += code("T = T - cells.collect(N * xD.transpose()[:, cells.column])", cells=cells, N=N, **names)
    elif plan_layout.dense:
        body += code("T = T - xD.transpose() @ E[:, :m]", E=E, **names)
    if factor.above:
        parent = factor.above[0]
        if len(factor.above) > 1:
            grand = expression("of_parent(above, c.nest.parents[k])", k=k + 1)
            body += code("above = np.concatenate((x, grand))", x=parent.name("x"), grand=grand)
        else:
            body += code("above = x", x=parent.name("x"))
        body += code("T = T - mul(B, of_parent(above, c.nest.parents[k]))", k=k, B=B, **names)
    template = product(factor.width)
    own = expression(names["x"])
    body += code("x = KT", KT=expression(template, left=K, right=expression(names["T"])), x=names["x"])
    body += code("y = T - Ax", Ax=expression(template, left=A, right=own), y=names["y"], T=names["T"])
    return body


# -- covariances of the predictors of a row -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Effect:
    """One atom of a column of Z at a row: its factor, its column there, and its place in the joint covariance."""

    factor: Factor
    column: int
    chain: int | None
    atom: Atom


@dataclass(frozen=True, order=True)
class _Source:
    """Where the covariance of two effects comes from: a place of rows, or no place where it is taken row by row."""

    place: str
    is_turned: bool = False


class _RowCovariances:
    """The covariances ell_ST of the predictors of a row, S and T channels of the Z, as sums over pairs of effects."""

    def __init__(self, plan_layout: Layout) -> None:
        self.view = plan_layout
        self.with_dense: dict[str, tuple[Factor, int]] = {}
        self.parts: dict[tuple[int, int], dict[tuple[_Source, tuple[int, ...]], list[tuple[float, ast.expr]]]] = {}
        owners = [(f, c) for f in plan_layout.chain for c in range(f.width)]
        effects = [
            _Effect(f, c, i, atom)
            for i, ((f, c), column) in enumerate(zip(owners, chain_columns(plan_layout), strict=True))
            for atom in column
        ]
        effects += [_Effect(f, c, None, atom) for f, c, column in dense_columns(plan_layout) for atom in column]
        for i, a in enumerate(effects):
            for b in effects[i:]:
                self._add(a, b, twice=a is not b and a.atom.channel == b.atom.channel)

    def _add(self, a: _Effect, b: _Effect, *, twice: bool) -> None:
        s, t = sorted((a.atom.channel, b.atom.channel))
        held = tuple(sorted(atom.column for atom in (a.atom, b.atom) if atom.column is not None))
        source, value = self._value(a, b)
        factor = a.atom.scale * b.atom.scale * (2.0 if twice else 1.0)
        self.parts.setdefault((s, t), {}).setdefault((source, held), []).append((factor, value))

    def _value(self, a: _Effect, b: _Effect) -> tuple[_Source, ast.expr]:
        """Return the covariance of two effects, the first of which is of the chain if any is."""
        if a.chain is not None and b.chain is not None:
            return _Source("chain"), expression("V[i, j]", i=a.chain, j=b.chain)
        if a.chain is not None:
            if self.view.is_sparse:
                place = f"cells{b.factor.number}_{b.column}"
                return _Source(place), expression("VN[i, 0]", i=a.chain)
            self.with_dense[f"VE{b.factor.number}_{b.column}"] = (b.factor, b.column)
            own = expression("own[i]", own=f"VE{b.factor.number}_{b.column}", i=a.chain)
            return _Source(b.factor.name("cells"), is_turned=True), own
        if a.factor == b.factor:
            own = expression("own[f][i, j]", own="C", f=a.factor.position, i=a.column, j=b.column)
            return _Source(a.factor.name("group")), own
        places = [
            shift("rows.group.codes + d.at", e.column, {n: e.factor.name(n) for n in ("group", "at", "size")})
            for e in (a, b)
        ]
        return _Source(""), expression("cov[i, j]", i=places[0], j=places[1])

    def emit(self) -> tuple[list[Statement], list[Statement]]:
        """Emit what is taken group by group before the loop over blocks, and ``e00, ..`` in it."""
        before: list[Statement] = []
        for name, (factor, column) in self.with_dense.items():
            names = {"at": factor.name("at"), "size": factor.name("size")}
            first, last = shift("d.at", column, names), shift("d.at", column + 1, names)
            before += code("block = VE[:, first:last]", block=name, first=first, last=last)
        inside: list[Statement] = []
        count = 0
        for (s, t), sums in sorted(self.parts.items()):
            items: list[tuple[float, ast.expr]] = []
            for (source, held), pieces in sums.items():
                value = total(pieces)
                if source.place:
                    if source.is_turned:
                        value = expression("(value).T.ravel()", value=value)
                    before += code("q = value", q=f"q{count}", value=value)
                    value = expression("rows.place.spread(q)", place=source.place, q=f"q{count}")
                    count += 1
                for column in held:
                    value = ast.BinOp(value, ast.Mult(), expression(f"h{column}"))
                items.append((1.0, value))
            inside += code("e = total", e=f"e{s}{t}", total=total(items))
        return before, inside


# -- derivatives ----------------------------------------------------------------------------------------------------


def slope(plan_layout: Layout) -> Function:
    """Emit ``slope(d, base, at)``."""
    if not plan_layout.factors:
        return _plain_slope(plan_layout)
    view = channels(plan_layout)
    needs = slope_needs(view, density_of(plan_layout))
    body = code("c, f = at.cross, at.sweep")
    body += code("G, C, joint = covariances(c, f, np.zeros((0, 0)))")
    body += [
        unpack(joint_names(plan_layout), "joint"),
        unpack([f.name("b") for f in plan_layout.factors], "at.b"),
    ]
    before, inside = etas(plan_layout)
    body += before
    body.append(Comment("covariances of predictors, group by group"))
    groups, rows = _RowCovariances(plan_layout).emit()
    body += groups
    border = _Border(plan_layout, needs)
    body += border.zeros()
    loop = [*inside, *_derivatives(plan_layout, needs), *rows, *_thirds(plan_layout, needs)]
    loop += _fixed(plan_layout, needs) + border.additions()
    body.append(for_blocks(loop))
    body += border.assembled()
    T = tuple_of([f.name("T") for f in plan_layout.factors])
    body += [
        Comment("eliminate the random effects from [X, Z E_a v, tau]"),
        *code("R, own = directed(c, f, at.v)"),
        *code("T = tuple(np.concatenate((t[:, :-1], r, t[:, -1:]), axis=1) for t, r in zip(parts, R))", parts=T),
        *code("x, y = solve(c, f, T)"),
        *code("Q = sum(inner(t, u) for t, u in zip(T, x))"),
    ]
    body += code(
        """
        gradient = score - Q[: d.p, -1]
        curvature = XWX - Q[: d.p, : d.p]
        by_covariance = tuple(
            g - outer_sum(v, v) + symmetric(outer_sum(u[:, -1:], v)) for g, u, v in zip(G, y, at.v)
        )
        tangent = tuple(-u[:, :-1] for u in y)
        return gradient, 2.0 * curvature, by_covariance, own - Q[d.p : -1, d.p : -1], tangent
        """
    )
    return Function("slope", "d, base, at", _DOC, tuple(body))


_DOC = (
    "Return dD / d beta, twice the information on beta, dD / d Sigma of each factor, and average information.\n"
    "at is the mode; the entries of the average information are those of Sigma, factors of the chain first. "
    "The last are the derivatives of v by beta and by these entries, (q, k, J) for each factor."
)


def _plain_slope(plan_layout: Layout) -> Function:
    """Emit the derivatives of a model without random effects."""
    needs = slope_needs(channels(plan_layout), density_of(plan_layout))
    _, inside = etas(plan_layout)
    body = code("score, XWX = np.zeros(d.p), np.zeros((d.p, d.p))")
    body.append(for_blocks([*inside, *_derivatives(plan_layout, needs), *_fixed(plan_layout, needs)]))
    body += code("return score, 2.0 * XWX, (), np.zeros((0, 0)), ()")
    return Function("slope", "d, base, at", _DOC, tuple(body))


def _derivatives(plan_layout: Layout, needs: Needs) -> list[Statement]:
    names = derivative_names(needs)
    return [unpack(names, call_density(plan_layout, "derivatives"))] if names else []


def _thirds(plan_layout: Layout, needs: Needs) -> list[Statement]:
    """Emit ``t_U = -sum_ST ell_ST c_STU``."""
    body: list[Statement] = []
    for u in channels(plan_layout).used:
        items = [(-1.0 if s == t else -2.0, expression(f"e{s}{t} * c{s}{t}{u}")) for s, t, w in needs.thirds if w == u]
        value = total(items) if items else expression("constant(0.0, rows.n)")
        body += code("t = value", t=f"t{u}", value=value)
    return body


def _fixed(plan_layout: Layout, needs: Needs) -> list[Statement]:
    """Emit what a block adds to X'(t - 2 r) and to X'WX."""
    view = channels(plan_layout)
    body: list[Statement] = []
    for i, s in enumerate(view.fixed):
        value = expression("t - 2.0 * r" if plan_layout.factors else "-2.0 * r", t=f"t{s}", r=f"r{s}")
        body += code("score[rows.X[i].at] += rows.X[i].t_times(value)", i=i, value=value)
    for i, s in enumerate(view.fixed):
        for j, t in list(enumerate(view.fixed))[i:]:
            if (s, t) in needs.weights:
                body += code("rows.X[i].add_products(XWX, w, rows.X[j])", i=i, j=j, w=f"w{s}{t}")
    return body


class _Border:
    """Sums over rows of [X, tau] with the columns of each Z."""

    def __init__(self, plan_layout: Layout, needs: Needs) -> None:
        self.view = plan_layout
        self.channels = channels(plan_layout)
        self.weights = set(needs.weights)
        self.keys = list(dict.fromkeys(chain_columns(plan_layout)))
        self.chain = Target([score_term(column, "t") for column in self.keys])

    def zeros(self) -> list[Statement]:
        """Emit the arrays that sums are added to; the last of the columns is tau."""
        body = code("score, XWX = np.zeros(d.p), np.zeros((d.p, d.p))")
        if self.view.chain:
            body += code("chain = np.zeros((k, d.p + 1, d.nest.sizes[0]))", k=len(self.keys))
        for f in self.view.dense:
            body += code("T = np.zeros((q, d.p + 1, d.size))", T=f.name("T"), q=f.width, size=f.name("size"))
        return body

    def additions(self) -> list[Statement]:
        """Emit the additions of a block."""
        body: list[Statement] = []
        values = RowValues(body)
        for k, column in enumerate(self.keys):
            body += self._of_column(values, "chain", "chain", k, column)
        for f in self.view.dense:
            for k, column in enumerate(self.channels.atoms(f)):
                body += self._of_column(values, f.name("T"), f.name("group"), k, column)
        return body

    def _of_column(self, values: RowValues, out: str, place: str, k: int, column: tuple[Atom, ...]) -> list[Statement]:
        body: list[Statement] = []
        tau = values.value(score_term(column, "t"))
        body += code("rows.place.add(out[k, -1:], (tau,))", place=place, out=out, k=k, tau=tau)
        for i, t in enumerate(self.channels.fixed):
            term = border_term(column, t, self.weights)
            if term:
                value = values.value(term)
                body += code(
                    "rows.X[i].add_sums(out[k], rows.place, value)", i=i, out=out, k=k, place=place, value=value
                )
        return body

    def assembled(self) -> list[Statement]:
        """Emit T of each factor of the chain."""
        body: list[Statement] = []
        for k, factor in enumerate(self.view.chain):
            if k:
                body += code("chain = collect(chain, d.nest.starts[k])", k=k - 1)
            rows = [self.keys.index(column) for column in self.channels.atoms(factor)]
            body += code("T = items", T=factor.name("T"), items=pick("chain", rows))
        return body
