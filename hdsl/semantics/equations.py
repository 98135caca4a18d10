"""The level equations of a model, level by level, as text and as LaTeX."""

from __future__ import annotations

import math
import re

from hdsl.form.estimates import Estimates, added
from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.latex import latex_symbol, latex_text
from hdsl.form.model import CompositeModel, RandomBlock
from hdsl.form.notation import DEFAULT, Textbook, aligned, check_notation, covariance_names, matrix
from hdsl.semantics.levels import Levels
from hdsl.semantics.record import ResolvedModel, Role
from hdsl.semantics.show import show_expr
from hdsl.semantics.walk import left_symbols
from hdsl.syntax import tree

__all__ = ["Equations", "read_equations"]


def wrap(text: str, width: int, first: str, rest: str) -> list[str]:
    """Break a statement after operators and commas, so that its lines could stand in a model file."""
    lines, current = [], first
    for piece in re.split(r"(?<=[+*/~=,-]) ", text):
        room = current.strip() and len(current) + len(piece) + 1 > width
        if room:
            lines.append(current)
            current = rest
        current += piece if not current.strip() else f" {piece}"
    return [*lines, current]


class Equations:
    """The statements of a model by the level of their left side, finest first.

    Parameters
    ----------
    model : ResolvedModel
    form : CompositeModel, optional
        What it compiles to; LaTeX needs it where it has other symbols than the text's, or numbers for covariances.
    """

    def __init__(self, model: ResolvedModel, form: CompositeModel | None = None) -> None:
        self._model = model
        self._form = form

    @property
    def levels(self) -> Levels:
        """The index sets, with what lives at each."""
        return self._model.levels

    @property
    def by_level(self) -> dict[IndexSet, tuple[tree.Stochastic | tree.Deterministic, ...]]:
        """Statements of each index set; ``()`` is the level without subscripts."""
        found: dict[IndexSet, list[tree.Stochastic | tree.Deterministic]] = {
            s: [] for s in (*self._model.levels.index_sets, ())
        }
        for statement in self._model.program.statements:
            if isinstance(statement, tree.Stochastic | tree.Deterministic):
                _, index_set = self._model.canonical(left_symbols(statement)[0])
                found.setdefault(index_set, []).append(statement)
        return {index_set: tuple(statements) for index_set, statements in found.items() if statements}

    def __str__(self) -> str:
        lines: list[str] = []
        for index_set, statements in self.by_level.items():
            columns = self._model.levels.columns(index_set) if index_set else ""
            lines.append(f"level [{show_index_set(index_set)}], {columns}" if index_set else "without subscripts")
            for statement in statements:
                lines += wrap(self._text(statement), 80, "    ", "        ")
        return "\n".join(lines)

    def latex(self, *, notation: str = DEFAULT, estimates: Estimates | None = None) -> str:
        """Return the equations as one aligned display (amsmath).

        Parameters
        ----------
        notation : {"gelman-hill", "raudenbush-bryk"}
            The statements as they are written, the model's own names with subscripts; or the equations of its levels in
            symbols by their places, with what they stand for.
        estimates : Estimates, optional
            Numbers in the place of parameters.

        Returns
        -------
        str

        Raises
        ------
        FitError
            HM512 where the symbols by places cannot say the model: crossed sets, more than three levels.
        ValueError
            If there is no such notation.
        """
        check_notation(notation)
        if notation != DEFAULT:
            if self._form is None:
                raise ValueError("these equations were made without what the model compiles to")
            return Textbook(self._form, estimates).equations()
        writer = _Writer(self._model, self._form, estimates if estimates is not None else Estimates(values={}))
        return aligned([writer.statement(s) for statements in self.by_level.values() for s in statements])

    def _repr_html_(self) -> str:
        from hdsl.form.shown import equations_html

        return equations_html({"": self.latex()})

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _symbol(self, symbol: tree.Symbol) -> str:
        return show_symbol(*self._model.canonical(symbol))

    def _text(self, statement: tree.Stochastic | tree.Deterministic) -> str:
        if isinstance(statement.left, tree.Joint):
            left = "(" + ", ".join(self._symbol(s) for s in statement.left.symbols) + ")"
        else:
            left = self._symbol(statement.left.symbol)
            left = f"{statement.left.link}({left})" if statement.left.link is not None else left
        if isinstance(statement, tree.Deterministic):
            return f"{left} = {show_expr(statement.right, self._symbol)}"
        return f"{left} ~ {self._distribution(statement.distribution)}"

    def _distribution(self, distribution: tree.Distribution) -> str:
        arguments = []
        for argument in distribution.arguments:
            value = argument.value
            shown = (
                self._distribution(value) if isinstance(value, tree.Distribution) else show_expr(value, self._symbol)
            )
            arguments.append(f"{argument.name}={shown}" if argument.name is not None else shown)
        return f"{distribution.name}({', '.join(arguments)})"


def read_equations(form: CompositeModel) -> Equations:
    """Return the level equations of a composite model, read from its source once more.

    Parameters
    ----------
    form : CompositeModel
        That compiled, so that its source has no mistakes.

    Returns
    -------
    Equations
    """
    from hdsl.diagnostics import Diagnostics
    from hdsl.semantics.resolve import resolve
    from hdsl.syntax import parse

    return Equations(resolve(parse(form.source), form.source, Diagnostics(form.source)), form)


def _number(number: tree.Number) -> str:
    """Return a number as it is written, and what is no plain decimal (``1e-3``, ``1_000``) by its value."""
    if re.fullmatch(r"\d+(\.\d+)?", number.text):
        return number.text
    mantissa, _, exponent = f"{number.value:.12g}".partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


class _Writer:
    """Writes statements as LaTeX, with numbers for the parameters that have estimates."""

    def __init__(self, model: ResolvedModel, form: CompositeModel | None, estimates: Estimates) -> None:
        self._model = model
        self._form = form
        self._estimates = estimates

    def _symbol(self, symbol: tree.Symbol) -> str:
        return show_symbol(*self._model.canonical(symbol))

    def statement(self, statement: tree.Stochastic | tree.Deterministic) -> str:
        if isinstance(statement.left, tree.Joint):
            left = (
                r"\begin{pmatrix} "
                + r" \\ ".join(latex_symbol(self._symbol(s)) for s in statement.left.symbols)
                + r" \end{pmatrix}"
            )
        else:
            left = latex_symbol(self._symbol(statement.left.symbol))
            if statement.left.link is not None:
                left = rf"\operatorname{{{statement.left.link}}}\left({left}\right)"
        if isinstance(statement, tree.Deterministic):
            return rf"{left} &= {self._expr(statement.right)}"
        blocks = self._form.blocks if self._form is not None else ()
        block = next((b for b in blocks if b.span == statement.span), None)
        return rf"{left} &\sim {self._distribution(statement.distribution, block)}"

    def _distribution(self, distribution: tree.Distribution, block: RandomBlock | None) -> str:
        arguments = []
        for argument in distribution.arguments:
            value = argument.value
            if isinstance(value, tree.Distribution):
                shown = self._distribution(value, block)
            else:
                shown = self._covariance(value, block) or self._expr(value)
            arguments.append(f"{latex_text(argument.name)}={shown}" if argument.name is not None else shown)
        name = distribution.name.replace("_", " ")
        return rf"\operatorname{{{name}}}\left({', '.join(arguments)}\right)"

    def _covariance(self, value: tree.Expr, block: RandomBlock | None) -> str | None:
        """Return an unstructured covariance in numbers, where all of them are known."""
        if block is None or not isinstance(value, tree.Symbol) or block.covariance.structure != "unstructured":
            return None
        if self._model.entity(value).role is not Role.COVARIANCE:
            return None
        names = [[covariance_names(block, a, b) for b in block.effects] for a in block.effects]
        if not all(self._estimates.has(name) for row in names for entry in row for name in entry):
            return None
        values = self._estimates.values
        return matrix(
            [[self._estimates.number(math.prod(values[name] for name in entry)) for entry in row] for row in names]
        )

    def _expr(self, expr: tree.Expr) -> str:
        match expr:
            case tree.Number():
                return _number(expr)
            case tree.String(value=value):
                return latex_text(value)
            case tree.Symbol():
                name = self._symbol(expr)
                return self._estimates.latex(name) if self._estimates.has(name) else latex_symbol(name)
            case tree.Unary(operator=operator, operand=operand):
                return operator + self._group(operand, "+-")
            case tree.Binary():
                return self._binary(expr)
            case tree.Compare(operator=operator, left=left, right=right):
                signs = {"==": "=", "!=": r"\neq", "<=": r"\leq", ">=": r"\geq"}
                return (
                    rf"\mathbf{{1}}\left[{self._expr(left)} {signs.get(operator, operator)} {self._expr(right)}\right]"
                )
            case tree.Call(function=function, arguments=arguments):
                inner = ", ".join(self._expr(a.value) for a in arguments)
                return rf"\operatorname{{{function}}}\left({inner}\right)"
            case tree.TupleExpr(items=items):
                return r"\begin{pmatrix} " + r" \\ ".join(self._expr(item) for item in items) + r" \end{pmatrix}"

    def _binary(self, expr: tree.Binary) -> str:
        match expr.operator:
            case "/":
                return rf"\frac{{{self._expr(expr.left)}}}{{{self._expr(expr.right)}}}"
            case "^":
                return rf"{self._group(expr.left, '+-*/^')}^{{{self._expr(expr.right)}}}"
            case "*":
                return self._product(expr)
            case "-":
                right = self._group(expr.right, "+-", is_first=True)
                opposite = right[1:] if right.startswith("-") else f"-{right}"
                return added(self._expr(expr.left), opposite)
            case _:
                return added(self._expr(expr.left), self._expr(expr.right))

    def _product(self, expr: tree.Binary) -> str:
        """Return a product; a number that is not first has a dot before it."""
        left, right = self._group(expr.left, "+-", is_first=True), self._group(expr.right, "+-")
        dot = r"\cdot" if right[0].isdigit() or right.startswith(r"\underset") else r"\,"
        return f"{left} {dot} {right}"

    def _group(self, expr: tree.Expr, operators: str, *, is_first: bool = False) -> str:
        """Return an operand, in brackets where it is a sum, or has a sign of its own and does not come first."""
        shown = self._expr(expr)
        is_sum = isinstance(expr, tree.Binary) and expr.operator in operators
        return rf"\left({shown}\right)" if is_sum or (shown.startswith("-") and not is_first) else shown
