"""Statements added and replaced."""

from __future__ import annotations

import pytest

import hdsl

LINE = "y[i] ~ normal(b0 + b1*x[i], sd)\n"
VARYING = """\
# two levels
index j = school

y[i] ~ normal(b0[j] + b1[j]*x[i], sd)  # the outcome
(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)  # both vary
"""


def test_a_new_statement_comes_last() -> None:
    assert hdsl.Model(LINE).with_("sd ~ half_normal(2)  # weak").text == LINE + "sd ~ half_normal(2)  # weak\n"


def test_a_statement_with_the_same_left_side_is_replaced_in_its_place() -> None:
    model = hdsl.Model(VARYING).with_("y[i] ~ normal(b0[j] + b1[j]*x[i] + b2*z[i], sd)")
    assert model.text == VARYING.replace("b1[j]*x[i],", "b1[j]*x[i] + b2*z[i],")


def test_several_statements_at_once() -> None:
    model = hdsl.Model(LINE).with_("y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0, sd_j)")
    assert model.text == "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0, sd_j)\n"


def test_a_coefficient_leaves_its_joint_statement() -> None:
    model = hdsl.Model(VARYING).with_("b0[j] ~ normal(b0, s0)")
    assert (
        model.text
        == """\
# two levels
index j = school

y[i] ~ normal(b0[j] + b1[j]*x[i], sd)  # the outcome
b0[j] ~ normal(b0, s0)
b1[j] ~ normal(b1, sd_b1)  # both vary
"""
    )


def test_both_coefficients_leave_their_joint_statement() -> None:
    model = hdsl.Model(VARYING).with_("b1[j] ~ normal(b1, s1)\nb0[j] ~ normal(b0, s0)")
    assert model.text.splitlines()[-2:] == ["b1[j] ~ normal(b1, s1)", "b0[j] ~ normal(b0, s0)  # both vary"]


def test_a_joint_statement_replaces_those_apart() -> None:
    text = (
        LINE.replace("b0 +", "b0 + u0[j] + u1[j]*x[i] +")
        + "u0[j] ~ normal(0, s0)\nb1 ~ flat()\nu1[j] ~ normal(0, s1)\n"
    )
    model = hdsl.Model(text).with_("(u0[j], u1[j]) ~ mvnormal(0, Omega)")
    assert model.text.splitlines()[1:] == ["(u0[j], u1[j]) ~ mvnormal(0, Omega)", "b1 ~ flat()"]


def test_what_nothing_uses_any_more_goes_with_a_note() -> None:
    model = hdsl.Model(VARYING).with_("y[i] ~ normal(b0 + b1*x[i], sd)")
    assert model.text == "# two levels\nindex j = school\n\ny[i] ~ normal(b0 + b1*x[i], sd)  # the outcome\n"
    notes = [d.message for d in model.diagnostics if d.code == "HM119"]
    assert notes == ["`Omega` leaves the model: nothing uses it any more"]


def test_a_distribution_replaces_an_error_written_out() -> None:
    model = hdsl.Model("y[i] = b0 + e[i]\ne[i] ~ normal(0, s)\n").with_("y[i] ~ student_t(4, b0, s)")
    assert model.text == "y[i] ~ student_t(4, b0, s)\n"


def test_the_definition_of_an_outcome_stands_beside_its_distribution() -> None:
    text = 'y[i] = use[i] == "Y"\ny[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0\n'
    model = hdsl.Model(text)
    assert model.with_("y[i] ~ binomial(n[i], p[i])").text == text.replace("bernoulli(p[i])", "binomial(n[i], p[i])")
    assert model.with_('y[i] = use[i] == "N"').text == text.replace('"Y"', '"N"')
    assert hdsl.Model(LINE).with_("y[i] = log(z[i])").text == LINE + "y[i] = log(z[i])\n"


def test_index_and_data_statements_are_replaced() -> None:
    model = hdsl.Model('index j = a\ndata x[i] = "X"\n' + LINE.replace("b0 +", "b0[j] +") + "b0[j] ~ normal(b0, s)\n")
    changed = model.with_('index j = b in k\ndata x[i] = "Y"')
    assert changed.text.splitlines()[:2] == ["index j = b in k", 'data x[i] = "Y"']
    assert len(changed.text.splitlines()) == len(model.text.splitlines())


def test_the_order_of_subscripts_does_not_matter() -> None:
    text = "y[i] ~ normal(b0 + u[r,o], sd)\nu[r,o] ~ normal(0, s)\n"
    assert hdsl.Model(text).with_("u[o,r] ~ normal(0, t)").text == text.replace(
        "u[r,o] ~ normal(0, s", "u[o,r] ~ normal(0, t"
    )


def test_a_broken_statement_is_told_in_its_own_text() -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(LINE).with_("b1*x[i]")
    assert caught.value.code == "HM004"
    assert caught.value.first.source is not None
    assert caught.value.first.source.name == "<statement>"


def test_a_statement_that_does_not_fit_is_a_mistake_of_the_model() -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(VARYING).with_("b0[j] ~ normal(b0 + b2*z[i], s)")
    assert caught.value.code == "HM203"


@pytest.mark.parametrize(
    ("statement", "term"),
    [
        ("y[i] ~ normal(b0[j] + b1[j]*x[i] + b2*z[i], sd)", "b2"),
        ("y[i] ~ normal(b0[j] + b1[j]*x[i] + b2*z[i], sd)", "z[i]"),
        ("y[i] ~ normal(b0[j] + b1[j]*x[i] + b_t[t], sd)\nb_t[t] ~ flat()", "b_t"),
        ("y[i] ~ normal(b0[j] + b1[j]*x[i] + w[k], sd)\nw[k] ~ normal(0, s_k)", "w[k]"),
        ("(b0[j], b1[j]) ~ mvnormal((b0 + b2*z[j], b1), Omega)", "b2"),
    ],
)
def test_adding_and_leaving_out_is_nothing(statement: str, term: str) -> None:
    model = hdsl.Model(VARYING)
    assert model.with_(statement).drop(term).text == VARYING


@pytest.mark.parametrize("line", range(2))
def test_replacing_a_statement_by_itself_is_nothing(line: int) -> None:
    statement = VARYING.splitlines()[3 + line]
    assert hdsl.Model(VARYING).with_(statement.split("  #")[0]).text.replace("  # both vary", "") == VARYING.replace(
        "  # both vary", ""
    )
