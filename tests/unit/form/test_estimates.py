"""Numbers in LaTeX: rounding by standard errors, signs, powers of ten."""

from __future__ import annotations

import pytest

from hdsl.form.estimates import Estimates, added

NONE = Estimates(values={})
UNDER = Estimates(values={"b": -0.34567}, errors={"b": 0.0234}, show_errors=True)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (12.3456, 0.234, "12.35"),
        (12.3456, 2.34, "12.3"),
        (1234.56, 123.0, "1235"),
        (-0.34567, 0.0234, "-0.346"),
        (0.0, 0.5, "0.00"),
        (-0.001, 0.5, "0.00"),
        (565.51, float("nan"), "565.5"),
        (0.0111, float("nan"), "0.01110"),
        (3.0, 0.0, "3.000"),
        (0.0, float("nan"), "0"),
        (1.5e-9, float("nan"), r"1.50 \times 10^{-9}"),
        (-1.5e-9, float("nan"), r"-1.50 \times 10^{-9}"),
        (1.234e12, 3e9, r"1.23 \times 10^{12}"),
    ],
)
def test_rounding(value: float, error: float, text: str) -> None:
    assert NONE.number(value, error) == text


def test_the_standard_error_stands_under_the_number_and_the_sign_before_both() -> None:
    assert UNDER.latex("b") == r"-\underset{(0.023)}{0.346}"
    assert UNDER.latex("b", scale=-2.0) == r"\underset{(0.047)}{0.691}"


def test_what_has_no_finite_value_stays_a_symbol() -> None:
    estimates = Estimates(values={"a": float("nan"), "b": 1.0})
    assert not estimates.has("a")
    assert estimates.has("b")
    assert not estimates.has("c")
    assert not estimates.has(None)


def test_what_has_a_minus_sign_is_subtracted() -> None:
    assert added("a", "b") == "a + b"
    assert added("a", "-b") == "a - b"
