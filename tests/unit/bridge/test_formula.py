"""Formulas are read as R reads them, and mistakes are told with their place."""

from __future__ import annotations

import pytest

from hdsl.bridge.algebra import Formula, parse_formula
from hdsl.diagnostics import ModelError
from hdsl.source import Source


def parse(text: str) -> Formula:
    return parse_formula(Source(text, "<formula>"))


def terms(text: str) -> list[str]:
    return [":".join(variable.key for variable in term) or "1" for term in parse(text).terms]


def random(text: str) -> list[tuple[list[str], str, bool]]:
    return [
        (
            [":".join(v.key for v in term) or "1" for term in r.terms],
            ":".join(name.name for name in r.groups),
            r.is_joint,
        )
        for r in parse(text).random
    ]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ 1", ["1"]),
        ("y ~ x", ["1", "x"]),
        ("y ~ 0 + x", ["x"]),
        ("y ~ x - 1", ["x"]),
        ("y ~ -1 + x", ["x"]),
        ("y ~ 0 + 1 + x", ["1", "x"]),
        ("y ~ a*b", ["1", "a", "b", "a:b"]),
        ("y ~ b:a + a:b", ["1", "b:a"]),
        ("y ~ a*b*c", ["1", "a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"]),
        ("y ~ (a + b + c)^2", ["1", "a", "b", "c", "a:b", "a:c", "b:c"]),
        ("y ~ (a + b)**2", ["1", "a", "b", "a:b"]),
        ("y ~ a/b", ["1", "a", "a:b"]),
        ("y ~ a/(b + c)", ["1", "a", "a:b", "a:c"]),
        ("y ~ (a + b)/c", ["1", "a", "b", "a:b:c"]),
        ("y ~ a*b - a", ["1", "b", "a:b"]),
        ("y ~ a*b*c - a:b:c", ["1", "a", "b", "c", "a:b", "a:c", "b:c"]),
        ("y ~ (a + b) - b", ["1", "a"]),
        ("y ~ (1 + a):b", ["1", "b", "a:b"]),
        ("y ~ a:(b + c)", ["1", "a:b", "a:c"]),
        ("y ~ I(x^2) + I( x ^ 2 )", ["1", "x ^ 2"]),
        ("y ~ log(x) + sqrt(`odd name`)", ["1", "log(x)", "sqrt(odd name)"]),
        ("y ~ x + factor(x)", ["1", "x", "x"]),
        ("y ~ a + b:c + d*e", ["1", "a", "d", "e", "b:c", "d:e"]),
        ("y ~ poly(x, 3, raw = TRUE)*z", ["1", "x", "x ^ 2", "x ^ 3", "z", "x:z", "x ^ 2:z", "x ^ 3:z"]),
        ("y ~ x.1 + .x", ["1", "x.1", ".x"]),
        ("y\n  ~ x +\n z", ["1", "x", "z"]),
    ],
)
def test_terms_are_those_of_r(formula: str, expected: list[str]) -> None:
    assert terms(formula) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ (1 | g)", [(["1"], "g", True)]),
        ("y ~ (x | g)", [(["1", "x"], "g", True)]),
        ("y ~ (0 + x | g)", [(["x"], "g", True)]),
        ("y ~ (x - 1 | g)", [(["x"], "g", True)]),
        ("y ~ (x || g)", [(["1", "x"], "g", False)]),
        ("y ~ (1 | a/b)", [(["1"], "a", True), (["1"], "a:b", True)]),
        ("y ~ (1 | a/b/c)", [(["1"], "a", True), (["1"], "a:b", True), (["1"], "a:b:c", True)]),
        ("y ~ (1 | a:b)", [(["1"], "a:b", True)]),
        ("y ~ (1 | a*b)", [(["1"], "a", True), (["1"], "b", True), (["1"], "a:b", True)]),
        ("y ~ (1 | factor(a)) + (1 | interaction(b, c))", [(["1"], "a", True), (["1"], "b:c", True)]),
        ("y ~ x*(1 + z) + (x*z | g)", [(["1", "x", "z", "x:z"], "g", True)]),
        ("y ~ diag(1 + x | g) + us(1 | h)", [(["1", "x"], "g", False), (["1"], "h", True)]),
    ],
)
def test_random_terms_are_those_of_lme4(formula: str, expected: list[tuple[list[str], str, bool]]) -> None:
    assert random(formula) == expected


def test_offsets_are_kept_apart() -> None:
    parsed = parse("y ~ x + offset(log(t)) + (1 | g)")
    assert len(parsed.offsets) == 1
    assert [len(term) for term in parsed.terms] == [0, 1]


@pytest.mark.parametrize(
    ("formula", "code", "column", "words"),
    [
        ("y ~ (1 | g", "HM012", 5, "not closed"),
        ("y ~ x)", "HM012", 6, "not opened"),
        ("y ~ x +", "HM012", 8, "too early"),
        ("y ~ x z", "HM012", 7, "cannot stand here"),
        ("y ~ * x", "HM012", 5, "cannot stand here"),
        ("~ x", "HM012", 1, "no outcome"),
        ("x + z", "HM012", 1, "needs `~`"),
        ("y ~ x ; z", "HM012", 7, "no meaning"),
        ("y ~ x %in% z", "HM012", 7, "%in%"),
        ("y ~ x + 1 | g", "HM012", 11, "without brackets"),
        ("y ~ (0 | g)", "HM012", 6, "nothing varies"),
        ("y ~ " + "(" * 200 + "x" + ")" * 200, "HM012", 104, "deeply"),
        ("y ~ I(" + "+".join(["x"] * 500) + ")", "HM012", 408, "too long"),
        ("y ~ " + ":".join(["x"] * 500), "HM012", 406, "too long"),
        ("y ~ .", "HM013", 5, "`.`"),
        ("y ~ poly(x, 2)", "HM013", 5, "`poly`"),
        ("y ~ s(x)", "HM013", 5, "`s`"),
        ("y ~ 2", "HM013", 5, "number 2"),
        ("y ~ 2*x", "HM013", 5, "number 2"),
        ("y ~ x*(1 | g)", "HM013", 7, "only be added"),
        ("y ~ x - (1 | g)", "HM013", 9, "only be added"),
        ("y ~ x - (1 | g + 1)", "HM013", 9, "only be added"),
        ("y ~ (1 | log(g))", "HM013", 10, "groups are columns"),
        ("y ~ x^z", "HM013", 6, "sum of terms"),
        ("y ~ (a + b)^1.5", "HM013", 13, "no power"),
        ("y ~ x == 1", "HM013", 7, "sum of terms"),
        ('y ~ "x"', "HM013", 5, "string"),
        ("y ~ " + "*".join(f"x{k}" for k in range(14)), "HM013", 1, "too many terms"),
    ],
)
def test_mistakes_have_a_code_and_a_place(formula: str, code: str, column: int, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse(formula)
    assert caught.value.code == code
    assert caught.value.span is not None
    assert caught.value.span.column == column
    assert words in caught.value.message
    assert caught.value.help
