"""Whatever formula is put together becomes a model or a mistake with a code; a model is exported or refused."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hdsl.bridge import TARGETS, export, from_formula
from hdsl.diagnostics import HMError
from tests.unit.bridge.studies import mixed_bag

DATA = mixed_bag()
COLUMNS = st.sampled_from(
    ["x", "z", "t", "f", "q", "g", "h", "on", "I(x^2)", "log(t)", "scale(z)", "factor(q)", "I(f == 'a')"]
)
OPERATORS = st.sampled_from([" + ", "*", ":", "/", " - "])


T = TypeVar("T")


def attempt(make: Callable[[], T]) -> tuple[T | None, str | None]:
    """What is made, or the code of the mistake; any other exception is a fault."""
    try:
        return make(), None
    except HMError as error:
        return None, error.code


@st.composite
def sums(draw: st.DrawFn, depth: int = 2) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(COLUMNS)
    left, operator, right = draw(sums(depth - 1)), draw(OPERATORS), draw(sums(depth - 1))
    text = f"{left}{operator}{right}"
    return f"({text})" if draw(st.booleans()) else text


@st.composite
def formulas(draw: st.DrawFn) -> str:
    parts = [draw(sums())]
    for _ in range(draw(st.integers(0, 2))):
        varying = draw(st.sampled_from(["1", "x", "0 + x", "x + z", "f", "1 + x:z"]))
        bar = draw(st.sampled_from(["|", "||"]))
        parts.append(f"({varying} {bar} {draw(st.sampled_from(['g', 'h', 'k/g', 'g:h', 'k', 'q']))})")
    return f"y ~ {' + '.join(parts)}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(formula=formulas(), has_data=st.booleans(), by_level=st.booleans(), target=st.sampled_from(sorted(TARGETS)))
def test_a_formula_is_a_model_or_a_mistake(formula: str, has_data: bool, by_level: bool, target: str) -> None:
    data = DATA if has_data else None
    model, code = attempt(lambda: from_formula(formula, data, by_level=by_level))
    assert code in (None, "HM012", "HM013", "HM302", "HM303", "HM305")
    if model is None:
        return
    text, code = attempt(lambda: export(model, target, data))
    assert code in (None, "HM014")
    if target == "pymc" and text is not None:
        ast.parse(text)


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="yxg ~+-*/:^|()01`\"'.,=IA<>&é\n", max_size=30))
def test_any_text_is_a_formula_or_a_mistake_with_a_place(text: str) -> None:
    _, code = attempt(lambda: from_formula(text))
    assert code != "HM901"


@pytest.mark.parametrize("formula", ["", " ", "y", "y ~", "~", "y ~ ()", "y ~ f()", "y ~ (|)", "y ~ x(((", "y ~ `x"])
def test_fragments_are_mistakes(formula: str) -> None:
    with pytest.raises(HMError):
        from_formula(formula)
