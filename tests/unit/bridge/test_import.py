"""A formula becomes a model file, level by level; the model is the formula's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.bridge import formula_text, from_formula
from hdsl.diagnostics import DataError, ModelError
from tests.unit.bridge.studies import STUDIES, mixed_bag, model_path


def statements(text: str) -> list[str]:
    """The statements of a model file, each on one line."""
    joined = text.replace("\n    ", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ x", ["y[i] ~ normal(b0 + b_x*x[i], sd)"]),
        (
            "y ~ x + (x | g)",
            [
                "y[i] ~ normal(b0[g] + b_x[g]*x[i], sd)",
                "(b0[g], b_x[g]) ~ mvnormal((b0, b_x), Omega)",
            ],
        ),
        (
            "y ~ x + (x || g)",
            [
                "y[i] ~ normal(b0[g] + b_x[g]*x[i], sd)",
                "b0[g] ~ normal(b0, sd_g)",
                "b_x[g] ~ normal(b_x, sd_g_x)",
            ],
        ),
        (
            "y ~ 1 + (1 | a/b)",
            ["y[i] ~ normal(b0[a,b], sd)", "b0[a,b] ~ normal(b0[a], sd_a_b)", "b0[a] ~ normal(b0, sd_a)"],
        ),
        (
            "y ~ 1 + (1 | a) + (1 | b)",
            ["y[i] ~ normal(b0 + u0[a] + u0[b], sd)", "u0[a] ~ normal(0, sd_a)", "u0[b] ~ normal(0, sd_b)"],
        ),
        ("y ~ 0 + x + (0 + x | g)", ["y[i] ~ normal(b_x[g]*x[i], sd)", "b_x[g] ~ normal(b_x, sd_g_x)"]),
        ("y ~ 1 + (0 + x | g)", ["y[i] ~ normal(b0 + u_x[g]*x[i], sd)", "u_x[g] ~ normal(0, sd_g_x)"]),
        (
            "log(y) ~ factor(f)*x + offset(t)",
            [
                "log(y[i]) ~ normal(b0 + b_f[f] + b_x*x[i] + b_f_x[f]*x[i] + t[i], sd)",
                "b_f[f] ~ flat()",
                "b_f_x[f] ~ flat()",
            ],
        ),
        ("y ~ I(x^2) + I((x - 3)/2)", ["y[i] ~ normal(b0 + b_x_2*x[i]^2 + b_x_3_2*(x[i] - 3)/2, sd)"]),
        (
            "y ~ scale(x)",
            [
                "x_mean = mean(x[i])",
                "x_sd = sd(x[i])",
                "x_scaled[i] = (x[i] - x_mean)/x_sd",
                "y[i] ~ normal(b0 + b_scale_x*x_scaled[i], sd)",
            ],
        ),
        (
            "y ~ scale(x, scale = FALSE)",
            ["x_mean = mean(x[i])", "y[i] ~ normal(b0 + b_scale_x_0*(x[i] - x_mean), sd)"],
        ),
        (
            "y ~ plogis(x) + log10(t)",
            ["y[i] ~ normal(b0 + b_plogis_x*invlogit(x[i]) + b_log10_t*log(t[i])/log(10), sd)"],
        ),
        (
            "`the outcome` ~ `a b` + (1 | my.group) + (1 | i) + (1 | index)",
            [
                'index my_group = "my.group"',
                "index i_ = i",
                'index x_index = "index"',
                'data a_b[i] = "a b"',
                'data the_outcome[i] = "the outcome"',
                "the_outcome[i] ~ normal(b0 + b_a_b*a_b[i] + u0[my_group] + u0[i_] + u0[x_index], sd)",
                "u0[my_group] ~ normal(0, sd_my_group)",
                "u0[i_] ~ normal(0, sd_i)",
                "u0[x_index] ~ normal(0, sd_index)",
            ],
        ),
        ("y ~ I(y > 1)", ['data y_outcome[i] = "y"', "y_outcome[i] ~ normal(b0 + b_y_1*(y[i] > 1), sd)"]),
        (
            "b0 ~ sd + (1 | sd_g)",
            ["b0[i] ~ normal(b0_2[sd_g] + b_sd*sd[i], sd_2)", "b0_2[sd_g] ~ normal(b0_2, sd_sd_g)"],
        ),
    ],
)
def test_statements_are_what_one_would_write(formula: str, expected: list[str]) -> None:
    assert statements(formula_text(formula)) == expected


@pytest.mark.parametrize(
    ("formula", "family", "link", "expected"),
    [
        ("b ~ x + (1 | g)", "binomial", None, ["b[i] ~ bernoulli(p[i])", "logit(p[i]) = b0[g] + b_x*x[i]"]),
        ("b ~ x + (1 | g)", "binomial", "probit", ["b[i] ~ bernoulli(p[i])", "probit(p[i]) = b0[g] + b_x*x[i]"]),
        (
            "cbind(s, n - s) ~ x + (1 | g)",
            "binomial",
            None,
            ["size[i] = n[i]", "s[i] ~ binomial(size[i], p[i])", "logit(p[i]) = b0[g] + b_x*x[i]"],
        ),
        (
            "cbind(s, f) ~ x + (1 | g)",
            "binomial",
            None,
            [
                'data s_outcome[i] = "s"',
                "size[i] = s[i] + f[i]",
                "s_outcome[i] ~ binomial(size[i], p[i])",
                "logit(p[i]) = b0[g] + b_x*x[i]",
            ],
        ),
        ("c ~ x + (1 | g)", "poisson", None, ["c[i] ~ poisson(mu[i])", "log(mu[i]) = b0[g] + b_x*x[i]"]),
        (
            "c ~ x + (1 | g)",
            "negative_binomial",
            None,
            ["c[i] ~ negative_binomial(mu[i], size)", "log(mu[i]) = b0[g] + b_x*x[i]"],
        ),
        ("w ~ x + (1 | g)", "gamma", "log", ["w[i] ~ gamma(mu[i], shape)", "log(mu[i]) = b0[g] + b_x*x[i]"]),
        ("w ~ x + (1 | g)", "beta", None, ["w[i] ~ beta(mu[i], precision)", "logit(mu[i]) = b0[g] + b_x*x[i]"]),
        ("w ~ x + (1 | g)", "student_t", None, ["w[i] ~ student_t(df, b0[g] + b_x*x[i], scale)"]),
        ("w ~ x + (1 | g)", "gaussian", "log", ["w[i] ~ normal(mu[i], sd)", "log(mu[i]) = b0[g] + b_x*x[i]"]),
    ],
)
def test_families_have_their_statements(formula: str, family: str, link: str | None, expected: list[str]) -> None:
    found = statements(formula_text(formula, family=family, link=link))
    assert found[:-1] == expected
    assert found[-1] == "b0[g] ~ normal(b0, sd_g)"


def test_what_was_taken_for_granted_is_said() -> None:
    assert "# read without data: x, z taken as numbers, not as factors" in formula_text("y ~ x*z + factor(f) + (x | g)")
    assert "read without data" not in formula_text("y ~ factor(f) + (1 | g)")


def test_covariates_of_groups_stand_in_the_equations_of_their_level() -> None:
    data = STUDIES["three_level"]
    formula = "score ~ homework*experience*resources + (homework | school:class) + (homework*experience | school)"
    text = formula_text(formula, data)
    assert "score[i] ~ normal(b0[school,class] + b_homework[school,class]*homework[i], sd)" in text
    assert "b0[school] + b_experience[school]*experience[school,class]" in text
    assert "b_homework_experience + b_homework_experience_resources*resources[school]" in text


def test_columns_of_text_are_factors_where_data_say_so() -> None:
    data = mixed_bag()
    text = formula_text("y ~ f*x + q + (1 | g)", data)
    assert "b_f[f] ~ flat()" in text
    assert "b_f_x[f] ~ flat()" in text
    assert "b_q*q[i]" in text
    assert "b_q[q] ~ flat()" in formula_text("y ~ f*x + q + (1 | g)", data, factors=["q"])


def test_groups_that_are_nested_in_the_data_are_nested_in_the_model() -> None:
    text = formula_text("y ~ x + (1 | g) + (1 | k)", mixed_bag())
    assert "b0[g] ~ normal(b0[k], sd_g)" in text
    assert "u0[g]" in formula_text("y ~ x + (1 | g) + (1 | k)")


def test_a_factor_that_varies_is_written_as_indicators() -> None:
    text = formula_text("y ~ f + (f | g)", mixed_bag())
    assert 'f_b[i] = f[i] == "b"' in text
    assert "(b0[g], u_f_b[g], u_f_c[g]) ~ mvnormal((b0, 0, 0), Omega)" in text
    assert "u_f_a[g]" in formula_text("y ~ f + (0 + f | g)", mixed_bag())


def test_true_and_false_are_coded_as_two_levels() -> None:
    data = mixed_bag()
    assert "b0 + b_on*on[i], sd" in formula_text("y ~ on", data)
    assert "b_on*on[i] + b_not_on*(1 - on[i]), sd" in formula_text("y ~ 0 + on", data)
    assert "u_on[g]*on[i] + u_not_on[g]*(1 - on[i])" in formula_text("y ~ 1 + (0 + on | g)", data)
    with pytest.raises(ModelError, match="vary independently"):
        formula_text("y ~ x + (on || g)", data)
    assert "u_as_numeric_on[g]" in formula_text("y ~ x + (as.numeric(on) || g)", data)


def test_a_binary_outcome_of_text_is_its_second_label() -> None:
    data = mixed_bag().assign(use=lambda d: np.where(d.b == 1, "Y", "N"))
    text = formula_text("use ~ x + (1 | g)", data, family="binomial")
    assert 'use_Y[i] = use[i] == "Y"' in text
    with pytest.raises(ModelError, match="3 labels"):
        formula_text("f ~ x + (1 | g)", data, family="binomial")


@pytest.mark.parametrize(
    ("formula", "data", "error", "code", "words"),
    [
        ("y ~ (f | g)", None, None, None, None),
        ("y ~ (factor(f) | g)", None, ModelError, "HM013", "not known without data"),
        ("y ~ (f || g)", "bag", ModelError, "HM013", "vary independently"),
        ("y ~ (1 | g) + (x | g)", None, ModelError, "HM013", "varies twice"),
        ("y ~ bessel(x)", None, ModelError, "HM013", "no function `bessel`"),
        ("y ~ log(x, 2)", None, ModelError, "HM013", "takes 1 value"),
        ("y ~ xx + (1 | g)", "bag", DataError, "HM401", "no column `xx`"),
        ("1 ~ x", None, ModelError, "HM013", "names no column"),
    ],
)
def test_what_cannot_be_said_is_refused(
    formula: str, data: str | None, error: type[hdsl.HMError] | None, code: str | None, words: str | None
) -> None:
    frame = mixed_bag() if data else None
    if error is None:
        assert from_formula(formula, frame).form.blocks
        return
    with pytest.raises(error) as caught:
        from_formula(formula, frame)
    assert caught.value.code == code
    assert str(words) in caught.value.message
    assert caught.value.span is not None


def test_families_and_links_that_are_unknown_are_refused() -> None:
    with pytest.raises(ModelError, match=r"HM013.*`poison` is no family"):
        formula_text("y ~ x", family="poison")
    with pytest.raises(ModelError, match=r"HM013.*`logitt` is no link"):
        formula_text("y ~ x", link="logitt")


FITTED = [
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
    ("pastes", "strength ~ 1 + (1 | batch/cask)"),
    ("penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    ("egsingle", "math ~ year*(lowinc + black + hispanic) + (year | schoolid) + (year | childid)"),
]


@pytest.mark.parametrize(("study", "formula"), FITTED, ids=[study for study, _ in FITTED])
@pytest.mark.parametrize("by_level", [True, False])
def test_formulas_of_the_examples_fit_as_their_model_files(study: str, formula: str, by_level: bool) -> None:
    data = STUDIES[study]
    ours = hdsl.read(model_path(study)).fit(data, method="reml")
    fit = from_formula(formula, data, by_level=by_level).fit(data, method="reml")
    assert fit.loglik == pytest.approx(ours.loglik, abs=1e-6)
    assert fit.dof == ours.dof


def test_the_three_level_example_is_one_formula() -> None:
    data = STUDIES["three_level"]
    formula = "score ~ homework*experience*resources + (homework | school:class) + (homework*experience | school)"
    assert from_formula(formula, data).fit(data).loglik == pytest.approx(
        hdsl.read(model_path("three_level")).fit(data).loglik, abs=1e-5
    )


def test_design_of_factors_spans_what_model_matrix_spans() -> None:
    data = mixed_bag()
    design = from_formula("y ~ f*x + q + f:q + (1 | g)", data, factors=["q"]).bind(data)
    columns = [np.ones(len(data)), data.x, data.f == "b", data.f == "c", data.q == 2, data.q == 3]
    columns += [(data.f == f) * data.x for f in "bc"]
    columns += [(data.f == f) & (data.q == q) for f in "bc" for q in (2, 3)]
    expected = np.column_stack([np.asarray(c, dtype=float) for c in columns])
    assert len(design.fixed_labels) == expected.shape[1]
    assert np.linalg.matrix_rank(expected) == expected.shape[1]


def test_hostile_column_names_stay_names(tmp_path: Path) -> None:
    odd = 'x"] = 1\n# oh'
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 5.0, 4.5], odd: [1.0, 2.0, 3.0, 4.0, 5.0, 7.0], "g": list("aabbcc")})
    model = from_formula(f"y ~ `{odd}` + (1 | g)", data)
    assert [column.column for column in model.form.data if column.name != "y"] == [odd]
    assert len(model.fit(data).fixef) == 2


def test_the_package_hands_it_out() -> None:
    assert hdsl.from_formula is from_formula
