"""The level equations of a model, level by level, as text and as LaTeX."""

from __future__ import annotations

import re

from hdsl.form.expr import IndexSet, show_index_set, show_symbol
from hdsl.form.latex import latex_symbol, latex_text
from hdsl.semantics.record import ResolvedModel
from hdsl.semantics.show import show_expr
from hdsl.semantics.walk import left_symbols
from hdsl.syntax import tree

__all__ = ["Equations"]


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
    """

    def __init__(self, model: ResolvedModel) -> None:
        self._model = model

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

    def latex(self) -> str:
        """Return the equations as one aligned display."""
        rows = [self._latex(s) for statements in self.by_level.values() for s in statements]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

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

    # -- LaTeX -----------------------------------------------------------------------------------------------------

    def _latex(self, statement: tree.Stochastic | tree.Deterministic) -> str:
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
        return rf"{left} &\sim {self._latex_distribution(statement.distribution)}"

    def _latex_distribution(self, distribution: tree.Distribution) -> str:
        arguments = []
        for argument in distribution.arguments:
            value = argument.value
            shown = self._latex_distribution(value) if isinstance(value, tree.Distribution) else self._expr(value)
            arguments.append(f"{latex_text(argument.name)}={shown}" if argument.name is not None else shown)
        name = distribution.name.replace("_", " ")
        return rf"\operatorname{{{name}}}\left({', '.join(arguments)}\right)"

    def _expr(self, expr: tree.Expr) -> str:
        match expr:
            case tree.Number(text=text):
                return text
            case tree.String(value=value):
                return latex_text(value)
            case tree.Symbol():
                return latex_symbol(self._symbol(expr))
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
                return rf"{self._group(expr.left, '+-')} \, {self._group(expr.right, '+-')}"
            case "-":
                return f"{self._expr(expr.left)} - {self._group(expr.right, '+-')}"
            case _:
                return f"{self._expr(expr.left)} + {self._expr(expr.right)}"

    def _group(self, expr: tree.Expr, operators: str) -> str:
        shown = self._expr(expr)
        needs = isinstance(expr, tree.Binary) and expr.operator in operators
        return rf"\left({shown}\right)" if needs else shown
