"""Each numbered equation of the language reference derives the terms that were worked out by hand."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd
import pytest

import hdsl
from tests.equations.book import EQUATIONS, Equation, Row

PARTS = ["fixed", "offset", "random", "residual"]
COLUMNS = ["predictor", "part", "coefficient", "covariates", "level", "order", "implied", "lines"]


def symbol(text: str) -> str:
    """Write a symbol with its subscripts in alphabetical order, since their order does not matter."""
    return re.sub(r"\[([^\]]*)\]", lambda m: f"[{','.join(sorted(s.strip() for s in m[1].split(',')))}]", text)


def index_set(value: object) -> str:
    names = value.split(",") if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    return ",".join(sorted(name.strip() for name in names if name))


def found_rows(terms: pd.DataFrame) -> dict[tuple[str, str | None, frozenset[str]], pd.Series]:
    rows = {}
    for _, row in terms.iterrows():
        coefficient = None if row["part"] == "residual" else symbol(row["coefficient"])
        rows[row["part"], coefficient, frozenset(map(symbol, row["covariates"]))] = row
    return rows


def key(row: Row) -> tuple[str, str | None, frozenset[str]]:
    coefficient = None if row.part == "residual" or row.coefficient is None else symbol(row.coefficient)
    return row.part, coefficient, frozenset(map(symbol, row.covariates))


@cache
def mean_terms(equation: Equation) -> pd.DataFrame:
    """The terms of the outcome's own predictor (a scale may have another one)."""
    terms = hdsl.Model(equation.source).composite.terms
    return terms[terms["predictor"] == equation.predictor]


by_number = pytest.mark.parametrize("equation", EQUATIONS, ids=[e.number for e in EQUATIONS])


@by_number
def test_the_terms_are_those_of_the_equation(equation: Equation) -> None:
    terms = mean_terms(equation)
    assert list(terms.columns[: len(COLUMNS)]) == COLUMNS
    assert len(terms) == len(equation.rows)
    assert set(found_rows(terms)) == {key(row) for row in equation.rows}


@by_number
def test_each_term_has_its_level_and_order(equation: Equation) -> None:
    found = found_rows(mean_terms(equation))
    for row in equation.rows:
        term = found[key(row)]
        assert term["order"] == len(row.covariates) == len(term["covariates"])
        assert index_set(term["level"]) == index_set(row.level), row


@by_number
def test_each_term_names_the_statements_that_it_came_from(equation: Equation) -> None:
    found = found_rows(mean_terms(equation))
    for row in equation.rows:
        lines = found[key(row)]["lines"]
        assert isinstance(lines, tuple)
        assert list(lines) == sorted(lines)
        assert row.lines <= set(lines) <= row.lines | row.may, row


@by_number
def test_only_products_that_nobody_wrote_are_implied(equation: Equation) -> None:
    found = found_rows(mean_terms(equation))
    assert {k for k, term in found.items() if term["implied"]} == {key(row) for row in equation.rows if row.implied}


@by_number
def test_parts_come_in_order_and_fixed_terms_by_their_number_of_factors(equation: Equation) -> None:
    terms = mean_terms(equation)
    positions = [PARTS.index(part) for part in terms["part"]]
    assert positions == sorted(positions)
    fixed = terms[terms["part"] == "fixed"]
    # An unmodelled set is a factor: its indicator counts as a main effect.
    degrees = [order + ("[" in name) for name, order in zip(fixed["coefficient"], fixed["order"], strict=True)]
    assert degrees == sorted(degrees)


@by_number
def test_residuals_written_out_keep_their_name(equation: Equation) -> None:
    terms = mean_terms(equation)
    for row in equation.rows:
        if row.part == "residual" and row.coefficient is not None:
            assert list(terms.loc[terms["part"] == "residual", "coefficient"]) == [row.coefficient]


def equation_text(number: str) -> str:
    equation = next(e for e in EQUATIONS if e.number == number)
    return str(hdsl.Model(equation.source).composite)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_the_text_of_equation_8_shows_the_implied_interaction_and_its_statements() -> None:
    text = equation_text("5-8")
    marked = [line for line in text.splitlines() if re.search(r"\bb4\b", line)]
    assert any(re.search(r"b4 \* (x3\[j\] \* x1\[i\]|x1\[i\] \* x3\[j\])", line) for line in marked)
    about = "\n".join(line for line in text.splitlines() if "implied" in line or re.search(r"\bb4\b", line))
    assert "implied" in about
    assert re.search(r"lines? 1\D+4\b", text), text


def test_the_text_of_equation_8_shows_the_heteroscedastic_error() -> None:
    text = squeezed(equation_text("5-8"))
    assert re.search(r"u0\[j\]\+u1\[j\]\*x1\[i\]", text), text
    assert re.search(r"\+e\[i\]", text), text


def test_a_product_that_the_user_wrote_is_not_called_implied() -> None:
    assert "implied" not in equation_text("8, the product written by the user")


def test_the_text_of_equations_13_to_15_marks_four_products() -> None:
    text = equation_text("13-15")
    marked = [line for line in text.splitlines() if "implied" in line or "cross-level" in line]
    for name in ("d011", "d101", "d110", "d111"):
        assert name in text
    assert marked
    assert "three-way" in text
    assert "two-way" in text


PAIRS = [
    ("1", "1, error written out", {}),
    ("2", "2, errors written out", {"u0[j]": "b0[j]"}),
    ("3", "3, error of the slope written out", {"u1[j]": "b1[j]"}),
    ("5-8, as distributions", "5-8", {"u0[j]": "b0[j]", "u1[j]": "b1[j]"}),
    (
        "13-15, subscripts as printed, nesting declared",
        "13-15",
        {
            "u0[j]": "b0[j]",
            "u1[j]": "b1[j]",
            "v00[k]": "g00[k]",
            "v01[k]": "g01[k]",
            "v10[k]": "g10[k]",
            "v11[k]": "g11[k]",
        },
    ),
]


@pytest.mark.parametrize(("short", "long", "renamed"), PAIRS, ids=[pair[1] for pair in PAIRS])
def test_both_spellings_have_one_composite(short: str, long: str, renamed: dict[str, str]) -> None:
    """Errors written out or as distributions: equal but for the names of the deviations, in the same order."""

    def facts(number: str, names: dict[str, str]) -> list[tuple[object, ...]]:
        equation = next(e for e in EQUATIONS if e.number == number)
        rows = []
        for row in mean_terms(equation).itertuples():
            name = None if row.part == "residual" else names.get(row.coefficient, row.coefficient)
            rows.append((row.part, name, frozenset(row.covariates), index_set(row.level), row.order, row.implied))
        return rows

    assert facts(short, {}) == facts(long, renamed)


def test_statements_in_any_order_give_one_composite() -> None:
    equation = next(e for e in EQUATIONS if e.number == "13-15")
    statements = equation.source.splitlines()
    straight = hdsl.Model(equation.source).composite.terms.drop(columns="lines")
    turned = hdsl.Model("\n".join(reversed(statements)) + "\n").composite.terms.drop(columns="lines")

    def as_set(terms: pd.DataFrame) -> set[tuple[object, ...]]:
        terms = terms.assign(covariates=terms["covariates"].map(frozenset), level=terms["level"].map(index_set))
        return set(terms.itertuples(index=False, name=None))

    assert as_set(straight) == as_set(turned)


def test_nesting_is_inferred_where_a_statement_needs_it() -> None:
    """Equations 13-15 without the two declarations: `g00[k]` in the equation of `b0[j]` says that j lies in k."""
    equation = next(e for e in EQUATIONS if e.number == "13-15")
    bare = "\n".join(equation.source.splitlines()[2:]) + "\n"
    declared, inferred = (hdsl.Model(text).composite.terms for text in (equation.source, bare))
    columns = ["part", "coefficient", "order", "implied"]
    pd.testing.assert_frame_equal(declared[columns], inferred[columns])


def random_variance_data() -> pd.DataFrame:
    rows = [
        (j, k, (3 * j + 5 * k + r) % 7, (2 * j + k + r * r) % 5) for k in range(3) for j in range(3) for r in range(3)
    ]
    return pd.DataFrame(rows, columns=["j", "k", "x1", "y"]).astype({"y": float})


def test_random_variances_are_refused_by_name_when_fitted() -> None:
    """Equation 4.1 compiles and derives; what cannot be fitted yet is said, at its place."""
    equation = next(e for e in EQUATIONS if e.number == "4.1")
    model = hdsl.Model(equation.source)
    with pytest.raises(hdsl.FitError) as caught:
        model.fit(random_variance_data())
    assert caught.value.code == "HM501"
    assert caught.value.span is not None
    assert caught.value.span.line in (3, 4)
    assert "sd[k]" in str(caught.value)


@pytest.mark.parametrize("number", ["5-8", "13-15", "case study"])
def test_latex_and_text_name_every_coefficient(number: str) -> None:
    equation = next(e for e in EQUATIONS if e.number == number)
    composite = hdsl.Model(equation.source).composite
    text, latex = str(composite), composite.latex()
    for row in equation.rows:
        if row.coefficient is not None:
            name = row.coefficient.split("[")[0]
            assert name in text
            assert all(word in latex for word in re.findall(r"[a-z]+|\d+", name)), name
