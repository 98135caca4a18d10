"""Expressions of `hdsl.form.expr` as text and LaTeX: how the parts of a nonlinear mean are joined.

Parentheses stand where they are needed. Names of predictors print as they are, data by their symbols.
"""

from __future__ import annotations

from hdsl.form.estimates import Estimates
from hdsl.form.expr import Aggregate, Apply, Expr, Num, Ref, Text, show_symbol
from hdsl.form.latex import latex_symbol, latex_text

__all__ = ["formula_latex", "formula_text"]

_STRENGTH = {"==": 1, "!=": 1, "<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "^": 5}
_SIGN, _ATOM = 4, 9


def formula_text(expr: Expr) -> str:
    """Return ``A[tree]/(1 + exp(part1/scal))``."""
    return _text(expr)[0]


def _text(expr: Expr) -> tuple[str, int]:
    """Return the text of an expression and how strongly it holds together."""
    match expr:
        case Num(value=value):
            return f"{value:g}", _ATOM if value >= 0 else _SIGN
        case Text(value=value):
            return f'"{value}"', _ATOM
        case Ref(name=name, index_set=index_set):
            return show_symbol(name, index_set), _ATOM
        case Aggregate(function=function, operand=operand):
            return f"{function}({formula_text(operand)})", _ATOM
        case Apply(operator="-", operands=(operand,)):
            return f"-{_grouped(operand, _SIGN)}", _SIGN
        case Apply(operator=operator, operands=(left, right)) if operator in _STRENGTH:
            own = _STRENGTH[operator]
            space = "" if operator in "*/^" else " "
            sides = _grouped(left, own + (operator == "^")), _grouped(right, _SIGN if operator == "^" else own + 1)
            return f"{space}{operator}{space}".join(sides), own
        case Apply(operator=operator, operands=operands):
            return f"{operator}({', '.join(formula_text(operand) for operand in operands)})", _ATOM


def _grouped(expr: Expr, needed: int) -> str:
    text, strength = _text(expr)
    return text if strength >= needed else f"({text})"


def formula_latex(expr: Expr, estimates: Estimates) -> str:
    """Return an expression as LaTeX, numbers for the parameters that have estimates."""
    return _latex(expr, estimates)[0]


def _latex(expr: Expr, estimates: Estimates) -> tuple[str, int]:
    match expr:
        case Num(value=value):
            return f"{value:g}", _ATOM if value >= 0 else _SIGN
        case Text(value=value):
            return latex_text(value), _ATOM
        case Ref(name=name, index_set=index_set):
            symbol = show_symbol(name, index_set)
            if not estimates.has(symbol):
                return latex_symbol(symbol), _ATOM
            shown = estimates.latex(symbol)
            return shown, _SIGN if shown.startswith("-") else _ATOM
        case Aggregate(function=function, operand=operand):
            return rf"\operatorname{{{function}}}\left({formula_latex(operand, estimates)}\right)", _ATOM
        case Apply(operator="-", operands=(operand,)):
            return f"-{_grouped_latex(operand, _SIGN, estimates)}", _SIGN
        case Apply(operator=operator, operands=(left, right)) if operator in _STRENGTH:
            return _binary_latex(operator, left, right, estimates)
        case Apply(operator=operator, operands=operands):
            inner = ", ".join(formula_latex(operand, estimates) for operand in operands)
            return rf"\operatorname{{{operator}}}\left({inner}\right)", _ATOM


def _binary_latex(operator: str, left: Expr, right: Expr, estimates: Estimates) -> tuple[str, int]:
    own = _STRENGTH[operator]
    match operator:
        case "/":
            return rf"\frac{{{formula_latex(left, estimates)}}}{{{formula_latex(right, estimates)}}}", _ATOM
        case "^":
            return rf"{_grouped_latex(left, _ATOM, estimates)}^{{{formula_latex(right, estimates)}}}", own
        case "*":
            return rf"{_grouped_latex(left, own, estimates)} \, {_grouped_latex(right, _ATOM, estimates)}", own
        case _:
            sign = _RELATIONS.get(operator, operator)
            return f"{_grouped_latex(left, own, estimates)} {sign} {_grouped_latex(right, own + 1, estimates)}", own


def _grouped_latex(expr: Expr, needed: int, estimates: Estimates) -> str:
    text, strength = _latex(expr, estimates)
    return text if strength >= needed else rf"\left({text}\right)"


_RELATIONS = {"==": "=", "!=": r"\neq", "<=": r"\leq", ">=": r"\geq"}
