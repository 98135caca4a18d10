"""Terms left out: of every kind, by every name; and what cannot be left out."""

from __future__ import annotations

import pytest

import hdsl

MODEL = """\
y[i] ~ normal(b0[j] + b1[j]*x1[i] - b2*log(x2[i]) + b_town[town], sd)
b0[j] = b0 + b3*x3[j] + u0[j]
b1[j] = b1 + b4*x3[j] + u1[j]
(u0[j], u1[j]) ~ mvnormal(0, Omega)
b_town[town] ~ flat(ref = "Rural")
"""


def lines(text: str, **changed: str | None) -> str:
    """The model with lines replaced (``line1=..``) or taken out (None)."""
    made = text.splitlines()
    for name, line in changed.items():
        made[int(name.removeprefix("line")) - 1] = line
    return "".join(f"{line}\n" for line in made if line is not None)


OUTCOME = "y[i] ~ normal({}, sd)"
CASES = {
    "b3": lines(MODEL, line2="b0[j] = b0 + u0[j]"),
    "b0": lines(MODEL, line2="b0[j] = b3*x3[j] + u0[j]"),
    "b2": lines(MODEL, line1=OUTCOME.format("b0[j] + b1[j]*x1[i] + b_town[town]")),
    "x2[i]": lines(MODEL, line1=OUTCOME.format("b0[j] + b1[j]*x1[i] + b_town[town]")),
    "x3[j]": lines(MODEL, line2="b0[j] = b0 + u0[j]", line3="b1[j] = b1 + u1[j]"),
    "b4*x3[j]*x1[i]": lines(MODEL, line3="b1[j] = b1 + u1[j]"),
    "x1[i]*x3[j]": lines(MODEL, line3="b1[j] = b1 + u1[j]"),
    "u1[j]": lines(MODEL, line3="b1[j] = b1 + b4*x3[j]", line4="u0[j] ~ normal(0, sd_u0)"),
    "u0": lines(MODEL, line2="b0[j] = b0 + b3*x3[j]", line4="u1[j] ~ normal(0, sd_u1)"),
    "b_town": lines(MODEL, line1=OUTCOME.format("b0[j] + b1[j]*x1[i] - b2*log(x2[i])"), line5=None),
    "b_town[town]": lines(MODEL, line1=OUTCOME.format("b0[j] + b1[j]*x1[i] - b2*log(x2[i])"), line5=None),
    "b1[j]": lines(
        MODEL,
        line1=OUTCOME.format("b0[j] - b2*log(x2[i]) + b_town[town]"),
        line3=None,
        line4="u0[j] ~ normal(0, sd_u0)",
    ),
    "b0[j]": lines(
        MODEL,
        line1=OUTCOME.format("b1[j]*x1[i] - b2*log(x2[i]) + b_town[town]"),
        line2=None,
        line4="u1[j] ~ normal(0, sd_u1)",
    ),
}


@pytest.mark.parametrize(("term", "text"), CASES.items(), ids=CASES.keys())
def test_a_term_is_left_out(term: str, text: str) -> None:
    assert hdsl.Model(MODEL).drop(term).text == text


@pytest.mark.parametrize("term", CASES)
def test_the_composite_is_without_the_term_and_as_before_in_all_else(term: str) -> None:
    def keys(model: hdsl.Model) -> set[tuple[str | None, frozenset[str]]]:
        return {
            (t.coefficient, frozenset(c.text for c in t.covariates)) for p in model.form.predictors for t in p.terms
        }

    before, after = keys(hdsl.Model(MODEL)), keys(hdsl.Model(MODEL).drop(term))
    assert after < before


def test_left_out_at_the_start_of_a_sum_a_minus_stays() -> None:
    text = "y[i] ~ normal(b0 - b1*x[i] + b2*z[i], sd)\n"
    assert hdsl.Model(text).drop("b0").text == "y[i] ~ normal(-b1*x[i] + b2*z[i], sd)\n"


def test_left_out_in_brackets() -> None:
    text = "y[i] ~ normal(b0 + (b1 + u[j] - g*z[j])*x[i] - (v[k] + w[k]*x[i]), sd)\n"
    rest = "u[j] ~ normal(0, s1)\nv[k] ~ normal(0, s2)\nw[k] ~ normal(0, s3)\n"
    model = hdsl.Model(text + rest).drop("u").drop("v").drop("g").drop("w")
    assert model.text == "y[i] ~ normal(b0 + b1*x[i], sd)\n"


def test_everything_left_out_is_zero() -> None:
    assert hdsl.Model("y[i] ~ normal(b0 + b1*x[i], sd)\n").drop("b0").drop("b1").text == "y[i] ~ normal(0, sd)\n"


def test_a_modelled_coefficient_leaves_its_mean() -> None:
    text = "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)\n"
    assert hdsl.Model(text).drop("b1[j]").text == "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0, sd_b0)\n"


def test_a_mean_leaves_a_zero() -> None:
    text = "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)\n"
    without = hdsl.Model(text).drop("b1")
    assert without.text.splitlines()[1] == "(b0[j], b1[j]) ~ mvnormal((b0, 0), Omega)"
    assert without.drop("b0").text.splitlines()[1] == "(b0[j], b1[j]) ~ mvnormal(0, Omega)"


@pytest.mark.parametrize(
    ("cov", "left"),
    [
        ("diag(s0, s1, s2)", "(u0[j], u2[j]) ~ mvnormal(0, diag(s0, s2))"),
        ("cs(s, rho)", "(u0[j], u2[j]) ~ mvnormal(0, cs(s, rho))"),
        ("Omega", "(u0[j], u2[j]) ~ mvnormal(0, Omega)"),
    ],
)
def test_joint_statements_shrink(cov: str, left: str) -> None:
    text = f"y[i] ~ normal(b0 + u0[j] + u1[j]*x[i] + u2[j]*z[i], sd)\n(u0[j], u1[j], u2[j]) ~ mvnormal(0, {cov})\n"
    assert hdsl.Model(text).drop("u1").text.splitlines()[1] == left


@pytest.mark.parametrize(
    ("cov", "sd"), [("diag(s0, s1)", "s0"), ("cs(s, rho)", "s"), ("ar1(sd = s, rho = r)", "s"), ("Omega", "sd_u0")]
)
def test_one_that_is_left_is_normal(cov: str, sd: str) -> None:
    text = f"y[i] ~ normal(b0 + u0[j] + u1[j]*x[i], sd)\n(u0[j], u1[j]) ~ mvnormal(0, {cov})\n"
    assert hdsl.Model(text).drop("u1").text.splitlines()[1] == f"u0[j] ~ normal(0, {sd})"


def test_a_name_that_is_taken_is_not_given_again() -> None:
    text = "y[i] ~ normal(b0 + u0[j] + u1[j]*x[i] + sd_u0*z[i], sd)\n(u0[j], u1[j]) ~ mvnormal(0, Omega)\n"
    assert hdsl.Model(text).drop("u1").text.splitlines()[1] == "u0[j] ~ normal(0, sd_u0_2)"


def test_definitions_that_nothing_uses_go() -> None:
    text = "xbar[j] = mean(x[i])\nx_c[i] = x[i] - xbar[j]\ny[i] ~ normal(b0 + b1*x_c[i] + b2*z[i], sd)\n"
    assert hdsl.Model(text).drop("b1").text == "y[i] ~ normal(b0 + b2*z[i], sd)\n"


def test_index_and_data_statements_stay() -> None:
    text = 'index j = school\ndata z[j] = "Z score"\ny[i] ~ normal(b0 + u[j] + b1*z[j], sd)\nu[j] ~ normal(0, s)\n'
    left = hdsl.Model(text).drop("u").drop("b1")
    assert left.text == 'index j = school\ndata z[j] = "Z score"\ny[i] ~ normal(b0, sd)\n'


def test_the_note_says_what_else_went() -> None:
    notes = [d for d in hdsl.Model(MODEL).drop("u1").diagnostics if d.code == "HM119"]
    assert [n.message for n in notes] == ["`Omega` leaves the model: nothing uses it without `u1[j]`"]
    assert not [d for d in hdsl.Model(MODEL).drop("b3").diagnostics if d.code == "HM119"]


REFUSED = {
    "b_twon": ("the model has no term `b_twon`: do you mean `b_town`?", "do you mean `b_town`?"),
    "u1[q]": ("the model has no term `u1[q]`: do you mean `u1[j]`?", "do you mean `u1[j]`?"),
    "quite different": (
        "`quite different` is no term",
        'a term is a coefficient, a covariate or their product: "b4*x[i]"',
    ),
    "sd": ("`sd` is a standard deviation, not a term", "leave out the coefficient that has it"),
    "Omega": ("`Omega` is a covariance, not a term", "leave out the coefficient that has it"),
    "y[i]": ("`y[i]` is the outcome", "leave out a term of its equation"),
    "b4*x1[i]": ("the composite equation has no term `b4*x1[i]`", "do you mean `b1*x1[i]` or `b4*x3[j]*x1[i]`?"),
}


@pytest.mark.parametrize("term", REFUSED)
def test_what_is_no_term(term: str) -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(MODEL).drop(term)
    assert caught.value.code == "HM118"
    assert (caught.value.message, caught.value.help) == REFUSED[term]


def test_a_name_of_two_coefficients_needs_its_subscripts() -> None:
    text = "y[i] ~ normal(b0 + u[r] + u[o], sd)\nu[r] ~ normal(0, s1)\nu[o] ~ normal(0, s2)\n"
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(text).drop("u")
    assert (caught.value.message, caught.value.help) == ("`u` may be several terms", "say which: `u[r]` or `u[o]`")
    assert hdsl.Model(text).drop("u[o]").text == "y[i] ~ normal(b0 + u[r], sd)\nu[r] ~ normal(0, s1)\n"


def test_the_error_of_the_outcome_stays() -> None:
    with pytest.raises(hdsl.ModelError, match="is the error of the outcome"):
        hdsl.Model("y[i] = b0 + e[i]\ne[i] ~ normal(0, sd)\n").drop("e[i]")


def test_a_covariate_of_definitions_alone_names_them() -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model("x_c[i] = x[i] - mean_x\nmean_x = mean(x[i])\ny[i] ~ normal(b0 + b1*x_c[i], sd)\n").drop("x[i]")
    assert caught.value.help == "leave out `x_c[i]` or `mean_x`"


def test_what_divides_stays() -> None:
    text = "y[i] ~ normal(A / (1 + exp((m - x[i])/scal)), sd)\n"
    with pytest.raises(hdsl.ModelError, match="`scal` divides"):
        hdsl.Model(text).drop("scal")
    assert hdsl.Model(text).drop("m").text == "y[i] ~ normal(A/(1 + exp((-x[i])/scal)), sd)\n"


def test_a_coefficient_of_several_terms_leaves_with_all_of_them() -> None:
    text = "y[i] ~ normal(a + b*x[i] + c*z[i] - b*w[i], sd)\n"
    assert hdsl.Model(text).drop("b").text == "y[i] ~ normal(a + c*z[i], sd)\n"
    with pytest.raises(hdsl.ModelError, match="stands in several terms"):
        hdsl.Model(text).drop("b*x[i]")
