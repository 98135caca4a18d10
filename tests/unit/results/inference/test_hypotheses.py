"""Linear hypotheses are read as they are written; what is none is refused with its place."""

from __future__ import annotations

import numpy as np
import pytest

from hdsl.diagnostics import FitError
from hdsl.results.inference.hypotheses import read_expression, read_hypotheses

NAMES = ("b0", "b1", "b10", "b_g[a]", "b_g[a = b]", "b_g[New York]", "b_g[-1]", "β.2")


def weights(**values: float) -> np.ndarray:
    short = {"b0": 0, "b1": 1, "b10": 2, "a": 3, "ab": 4, "ny": 5, "minus": 6, "beta": 7}
    row = np.zeros(len(NAMES))
    for name, value in values.items():
        row[short[name]] = value
    return row


EXPRESSIONS = {
    "b1": (weights(b1=1), 0),
    "b10": (weights(b10=1), 0),
    "b1 - 2*b10": (weights(b1=1, b10=-2), 0),
    "2*(b1 + 3) / 4 - b0": (weights(b1=0.5, b0=-1), 1.5),
    "-b1*-2": (weights(b1=2), 0),
    "(b1)*3*.5": (weights(b1=1.5), 0),
    "--b1 + +1e-2": (weights(b1=1), 0.01),
    "b_g[a]-b_g[New York]": (weights(a=1, ny=-1), 0),
    "b_g[-1] - 1": (weights(minus=1), -1),
    "b_g[a = b]": (weights(ab=1), 0),
    "β.2 + b1 - b1": (weights(beta=1), 0),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text: str) -> None:
    form = read_expression(text, NAMES)
    expected, constant = EXPRESSIONS[text]
    assert form.weights.tolist() == pytest.approx(expected.tolist())
    assert form.constant == pytest.approx(constant)


def test_equations() -> None:
    (form,) = read_hypotheses("b1 = 0.5", NAMES)
    assert (form.weights[1], form.constant, form.text) == (1.0, -0.5, "b1 = 0.5")
    forms = read_hypotheses("b0 = b1 = b10; b_g[a = b]", NAMES)
    assert [form.text for form in forms] == ["b0 = b1", "b1 = b10", "b_g[a = b] = 0"]
    assert forms[1].weights.tolist() == weights(b1=1, b10=-1).tolist()


def test_the_name_of_a_set_is_all_of_its_coefficients() -> None:
    forms = read_hypotheses("b_g", NAMES)
    assert [form.text for form in forms] == [f"{name} = 0" for name in NAMES if name.startswith("b_g")]


REFUSED = {
    "": "fixed effect",
    "b2": "`b2` is no fixed effect",
    "b1x": "`b1x` is no fixed effect",
    "b1[2]": "`b1[2]` is no fixed effect",
    "b1 b0": "an operator",
    "b1*b0": "linear",
    "1/b1": "linear",
    "b1/0": "other than zero",
    "(b1": "`)`",
    "b1 +": "its end",
    "b1 = ": "its end",
    "b1 == 0": "fixed effect",
    "2 = 2": "no coefficient",
    "b1 = b1": "no coefficient",
    "__import__('os')": "`__import__` is no fixed effect",
    "(" * 5000 + "b1": "fewer brackets",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:10])
def test_what_is_no_linear_hypothesis_is_refused(text: str) -> None:
    with pytest.raises(FitError, match="HM510") as caught:
        read_hypotheses(text, NAMES)
    assert REFUSED[text] in str(caught.value)


def test_signs_without_end_are_read() -> None:
    assert read_expression("-" * 9999 + "b1", NAMES).weights[1] == -1.0
