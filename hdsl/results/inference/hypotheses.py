"""Linear hypotheses in coefficient names: ``"b_income[2] = b_income[3]"``, ``"b1 - 2*b2 = 0.5"``.

Stage: results. Input: text and the names of the fixed effects. Output: `LinearForm` records. Invariants: text is read
by a parser of sums, products with numbers and brackets, and nothing is executed; what is no linear form is refused with
the place in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.results.inference.refusals import refusal

__all__ = ["LinearForm", "read_expression", "read_hypotheses"]

WORD = re.compile(r"[^\W\d][\w.]*(?:\[[^\]]*\])?")
NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
MOST_BRACKETS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearForm:
    """``weights' beta + constant``, with the text that it was read from; a hypothesis says that it is zero.

    Attributes
    ----------
    text : str
    weights : ndarray, (r,)
    constant : float
    """

    text: str
    weights: NDArray[np.float64]
    constant: float

    def minus(self, other: LinearForm, text: str) -> LinearForm:
        """Return the difference."""
        return LinearForm(text=text, weights=self.weights - other.weights, constant=self.constant - other.constant)


def read_hypotheses(hypotheses: str | Sequence[str], names: Sequence[str]) -> list[LinearForm]:
    """Return the linear forms that hypotheses say are zero.

    Parameters
    ----------
    hypotheses : str or sequence of str
        ``"left = right"``, or an expression that is zero; ``"a = b = c"`` are two; several may stand in one text with
        semicolons between them. The name of an unmodelled set stands for all of its coefficients.
    names : sequence of str
        The fixed effects.

    Raises
    ------
    FitError
        HM510 for what cannot be read, names that are no fixed effects, and hypotheses without a coefficient.
    """
    texts = [hypotheses] if isinstance(hypotheses, str) else list(hypotheses)
    found = [form for text in texts for part in text.split(";") for form in _hypotheses(part.strip(), names)]
    if not found:
        raise refusal("there is no hypothesis to test", 'write one in coefficient names: "b1 = b2"')
    for form in found:
        if not form.weights.any():
            raise refusal(f"`{form.text}` holds no coefficient", "its coefficients cancel, or it has none")
    return found


def _hypotheses(text: str, names: Sequence[str]) -> list[LinearForm]:
    """Return the forms of one text: an expression, a chain of equations, or the name of a set."""
    if text not in names:
        members = [name for name in names if name.startswith(f"{text}[")]
        if members:
            return [form for name in members for form in _hypotheses(name, names)]
    sides = [read_expression(side, names) for side in _sides(text, names)]
    if len(sides) == 1:
        return [LinearForm(text=f"{text} = 0", weights=sides[0].weights, constant=sides[0].constant)]
    pairs = pairwise(sides)
    return [left.minus(right, f"{left.text} = {right.text}") for left, right in pairs]


def _sides(text: str, names: Sequence[str]) -> list[str]:
    """Split at the signs of equality that are not within a name."""
    sides, at = [""], 0
    while at < len(text):
        step = _name_at(text, at, names) or text[at]
        at += len(step)
        if step == "=":
            sides.append("")
        else:
            sides[-1] += step
    return [side.strip() for side in sides]


def read_expression(text: str, names: Sequence[str]) -> LinearForm:
    """Return the linear form of an expression.

    Raises
    ------
    FitError
        HM510.
    """
    reader = _Reader(text, names)
    weights, constant = reader.total()
    if reader.at < len(text):
        raise reader.refused("an operator is expected")
    return LinearForm(text=text, weights=weights, constant=constant)


def _name_at(text: str, at: int, names: Sequence[str]) -> str:
    """Return the longest name that stands at a place, empty where there is none."""
    best = ""
    if at and _continues(text[at - 1]) and _continues(text[at]):
        return best
    for name in names:
        end = at + len(name)
        whole = end >= len(text) or not (_continues(name[-1]) and (_continues(text[end]) or text[end] == "["))
        if len(name) > len(best) and whole and text.startswith(name, at):
            best = name
    return best


def _continues(character: str) -> bool:
    return character.isalnum() or character in "_."


Value = tuple[NDArray[np.float64], float]


def _unknown(word: str, names: Sequence[str]) -> FitError:
    """Return what is wrong with a name, to raise."""
    near = near_names(word, names)
    known = ", ".join(names[:8]) + (", .." if len(names) > 8 else "")
    todo = f"did you mean {one_of(near)}?" if near else "name fixed effects, as `fit.fixef` does"
    return refusal(f"`{word}` is no fixed effect: {todo}", f"the fixed effects are {known}")


class _Reader:
    """Reads sums, products and brackets from left to right; a value is (weights, constant)."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text, self.names, self.at, self.depth = text, names, 0, 0

    def refused(self, expected: str) -> FitError:
        """Return what is wrong at this place, to raise."""
        rest = self.text[self.at : self.at + 20]
        where = f"at `{rest}`" if rest else "at its end"
        known = ", ".join(self.names[:8]) + (", .." if len(self.names) > 8 else "")
        return refusal(
            f"`{self.text[:60]}` cannot be read as a hypothesis, {where}: {expected}",
            f"write sums of coefficients times numbers; the fixed effects are {known}",
        )

    def next(self) -> str:
        """Return the character at this place, after blanks; empty at the end."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def total(self) -> Value:
        """Read terms with signs between them."""
        weights, constant = self.product()
        while self.next() in ("+", "-"):
            sign = 1.0 if self.next() == "+" else -1.0
            self.at += 1
            more, number = self.product()
            weights, constant = weights + sign * more, constant + sign * number
        return weights, constant

    def product(self) -> Value:
        """Read factors, of which one at most has coefficients, and which are divided by numbers only."""
        weights, constant = self.factor()
        while self.next() in ("*", "/"):
            divides = self.next() == "/"
            start = self.at
            self.at += 1
            more, number = self.factor()
            if (divides or weights.any()) and more.any():
                self.at = start
                raise self.refused("a hypothesis is linear in its coefficients")
            if divides and number == 0.0:
                self.at = start
                raise self.refused("a number other than zero is expected to divide by")
            if divides:
                weights, constant = weights / number, constant / number
            else:
                weights, constant = weights * number + more * constant, constant * number
        return weights, constant

    def factor(self) -> Value:
        """Read a sign, a bracket, a number or a name."""
        character = self.next()
        if character in ("+", "-") and character:
            return self.signed()
        if name := _name_at(self.text, self.at, self.names) if character else "":
            self.at += len(name)
            return (np.array([float(other == name) for other in self.names]), 0.0)
        if character == "(":
            return self.bracket()
        if match := NUMBER.match(self.text, self.at):
            self.at = match.end()
            return np.zeros(len(self.names)), float(match.group())
        if word := WORD.match(self.text, self.at):
            raise _unknown(word.group(), self.names)
        raise self.refused("a fixed effect or a number is expected")

    def signed(self) -> Value:
        """Read signs, and what they stand before."""
        sign = 1.0
        while self.next() in ("+", "-") and self.next():
            sign = -sign if self.next() == "-" else sign
            self.at += 1
        weights, constant = self.factor()
        return sign * weights, sign * constant

    def bracket(self) -> Value:
        """Read a sum in brackets."""
        self.depth += 1
        if self.depth > MOST_BRACKETS:
            raise self.refused("fewer brackets are expected")
        self.at += 1
        value = self.total()
        if self.next() != ")":
            raise self.refused("`)` is expected")
        self.at += 1
        self.depth -= 1
        return value
