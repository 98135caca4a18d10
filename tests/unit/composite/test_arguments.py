"""Arguments of the outcome's distribution: which linear predictors, parameters and data they are made of."""

from __future__ import annotations

import pandas as pd
import pytest

import hdsl
from hdsl.form.formula import formula_text

LOGISTIC = "y[i] ~ normal(A[tree]/(1 + exp((xmid - age[i])/scal)), sd)\nA[tree] ~ normal(A, sd_A)"
BINARY = "y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i]"


def inputs(text: str) -> list[tuple[str, int | None, str | None, str]]:
    density = hdsl.Model(text).form.density
    assert density is not None
    return [(i.argument, i.predictor, i.scalar, i.inverse) for i in density.inputs]


def natural(text: str) -> dict[str, str]:
    density = hdsl.Model(text).form.density
    assert density is not None
    return {name: formula_text(expr) for name, expr in density.natural}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BINARY, {"p": "invlogit(eta0)"}),
        ("y[i] ~ bernoulli(invlogit(b0 + b1*x[i]))", {"p": "invlogit(eta0)"}),
        ("y[i] ~ bernoulli(p[i])\np[i] = Phi(eta[i])\neta[i] = b0 + b1*x[i]", {"p": "Phi(eta0)"}),
        ("y[i] ~ poisson(m[i])\nsqrt(m[i]) = b0 + b1*x[i]", {"mean": "eta0^2"}),
        ("y[i] ~ exponential(rate = r[i])\nlog(r[i]) = b0 + b1*x[i]", {"rate": "exp(eta0)"}),
        (
            "y[i] ~ gamma(shape = a, rate = a/m[i])\nlog(m[i]) = b0",
            {"shape": "exp(eta1)", "rate": "exp(eta1)/exp(eta0)"},
        ),
        ("y[i] ~ student_t(4, b0 + b1*x[i], s)", {"df": "4", "mean": "eta0", "scale": "exp(eta1)"}),
        ("y[i] ~ binomial(n[i], p)", {"size": "size", "p": "invlogit(eta0)"}),
        ("y[i] ~ poisson(exp(b0 + b1*x[i]) + z[i])", {"mean": "data0 + exp(eta0)"}),
        ("y[i] ~ bernoulli(g + (1 - g)*p[i])\nlogit(p[i]) = b0 + b1*x[i]", {"p": "eta0 + eta1*invlogit(eta2)"}),
        (LOGISTIC, {"mean": "eta0/(1 + exp(eta1/eta2))", "sd": "exp(eta3)"}),
        ("y[i] ~ normal(theta[i], se[i])\ntheta[i] ~ normal(m, tau)", {"mean": "eta0", "sd": "sd"}),
        ("y[i] ~ normal(b0, sd[c])\nsd[c] ~ flat()", {"mean": "eta0", "sd": "exp(eta1)"}),
        ("y[i] ~ normal(b0, sd[c])\nlog(sd[c]) ~ normal(m, tau)", {"mean": "eta0", "sd": "exp(eta1)"}),
        ("y[i] ~ hurdle(poisson(m[i]), q)\nlog(m[i]) = b0 + b1*x[i]", {"mean": "exp(eta0)", "p": "invlogit(eta1)"}),
    ],
)
def test_arguments_are_functions_of_linear_predictors(text: str, expected: dict[str, str]) -> None:
    assert natural(text) == expected


def test_predictors_come_before_parameters_and_the_mean_before_all() -> None:
    text = "y[i] ~ student_t(df, b0 + b1*x[i], s[i])\nlog(s[i]) = s0 + s1*x[i]"
    assert inputs(text) == [
        ("mean", 0, None, "identity"),
        ("scale", 1, None, "identity"),
        ("df", None, "df", "exp"),
    ]


def test_an_ordinal_predictor_stands_below_both_thresholds() -> None:
    density = hdsl.Model("y[i] ~ ordered_logit(b1*x[i] + u[j], cut)\nu[j] ~ normal(0, s)").form.density
    assert density is not None
    assert [(i.predictor, i.sign, i.threshold) for i in density.inputs] == [(0, -1.0, "upper"), (0, -1.0, "lower")]


def test_bounds_are_known_and_either_may_be_left_out() -> None:
    form = hdsl.Model("y[i] ~ censored(normal(b0, sd), upper = c[i])").form
    assert [name for name, _ in form.outcome.known] == ["upper"]
    assert form.density is not None
    assert form.density.known == ("upper",)


def test_equal_parts_are_one_predictor() -> None:
    text = "y[i] ~ zero_inflated(poisson(exp(eta[i])), invlogit(-eta[i]))\neta[i] = b0 + b1*x[i]"
    assert len(inputs(text)) == 2  # eta and -eta: the same columns, not the same terms
    assert len(inputs("y[i] ~ normal(eta[i], exp(eta[i]))\neta[i] = b0 + b1*x[i]")) == 1


def test_an_error_written_out_beside_a_nonlinear_mean() -> None:
    written = hdsl.Model("y[i] = A*exp(-k*x[i]) + e[i]\ne[i] ~ normal(0, sd)").form
    short = hdsl.Model("y[i] ~ normal(A*exp(-k*x[i]), sd)").form
    assert written.density == short.density
    assert written.residual is not None
    assert written.residual.effect == "e[i]"


def test_a_gaussian_outcome_with_one_spread_is_closed_form() -> None:
    assert hdsl.Model("y[i] ~ normal(b0 + b1*x[i], sd)").form.density is None
    assert hdsl.Model("y[i] = b0 + e[i]\ne[i] ~ normal(0, sd)").form.density is None
    assert hdsl.Model("y[i] ~ normal(b0 + b1*x[i], 2)").form.density is not None


def test_a_nonlinear_mean_reads_well() -> None:
    composite = str(hdsl.Model(LOGISTIC).composite)
    assert composite.splitlines()[0] == "y[i] = A[tree]/(1 + exp(part1/scal)) + e[i]"
    assert "part1 = xmid" in composite
    assert "scal = " not in composite
    latex = hdsl.Model(LOGISTIC).composite.latex()
    assert r"\frac{A_{\mathrm{tree}}}{1 + \operatorname{exp}" in latex
    assert latex.count("{") == latex.count("}")


def test_a_model_without_an_equation_has_its_parameter() -> None:
    model = hdsl.Model("y[i] ~ poisson(mu)")
    assert str(model.composite) == "mean = mu"
    assert model.parameters.to_dict("records") == [{"name": "mu", "role": "mean", "range": "positive", "line": 1}]


def test_a_coefficient_on_its_own_scale_says_so() -> None:
    form = hdsl.Model("y[i] ~ normal(b0, sd[c])\nlog(sd[c]) ~ normal(m, tau)").form
    assert form.blocks[0].effects == ("log(sd[c])",)
    assert [t.coefficient for t in form.predictors[1].terms] == ["m", "log(sd[c])"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("y[i] ~ ordered_logit(b0 + b1*x[i], cut)", "HM301", "beside the thresholds `cut`"),
        ("y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + u[i]\nu[i] ~ normal(0, s)", "HM303", "the one draw of its row"),
        ("y[i] ~ lognormal(b0 + u[i], sd)\nu[i] ~ normal(0, s)", "HM303", "`sd`"),
    ],
)
def test_what_is_not_identified(text: str, code: str, words: str) -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(text)
    assert caught.value.code == code
    assert words in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "y[i] ~ poisson(m[i])\nlog(m[i]) = b0 + u[i]\nu[i] ~ normal(0, s)",
        "y[i] ~ binomial(n[i], p[i])\nlogit(p[i]) = b0 + u[i]\nu[i] ~ normal(0, s)",
        "y[i] ~ normal(b0 + u[i], sd[c])\nsd[c] ~ flat()\nu[i] ~ normal(0, s)",
    ],
)
def test_more_spread_than_the_distribution_has_is_identified(text: str) -> None:
    assert hdsl.Model(text).form.density is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y[i] ~ truncated(ordered_logit(b1*x[i], cut), lower = 1)", "`truncated` around `ordered_logit`"),
        ("y[i] ~ zero_inflated(normal(b0, sd), p)", "`zero_inflated` around `normal`"),
        ("y[i] ~ censored(poisson(m), upper = 5)", "`censored` around `poisson`"),
        ("y[i] ~ ordered_logit(exp(b1*x[i]), cut)", "not linear"),
        ("y[i] ~ censored(normal(b0, sd), upper = b1)", "the bound `b1` is not known"),
    ],
)
def test_what_has_no_density_is_refused_by_name(text: str, words: str) -> None:
    assert any(words in item.feature for item in hdsl.Model(text).form.unsupported)


def test_a_product_that_only_counts_as_one_number_is_refused() -> None:
    refused = hdsl.Model("y[i] ~ normal(b*c*x[i], sd)").form.unsupported
    assert "product of coefficients" in refused[0].feature
    assert not hdsl.Model("y[i] ~ normal(A*k*exp(-k*x[i]), sd)").form.unsupported


@pytest.mark.parametrize("wrapped", ["truncated(beta(m, s), lower = 0.1)", "censored(poisson(m), upper = 5)"])
def test_what_a_wrapper_is_fitted_around_is_said(wrapped: str) -> None:
    with pytest.raises(hdsl.FitError) as caught:
        hdsl.Model(f"y[i] ~ {wrapped}").fit(pd.DataFrame({"y": [0.2, 0.4, 0.6]}))
    assert caught.value.help.startswith(f"`{wrapped.partition('(')[0]}` is fitted around normal, lognormal")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("zero_inflated(poisson(m), pi)", "the probability `pi`, which is 3.142, of `y[i]` is not between 0 and 1"),
        ("bernoulli(1.5)", "the probability `1.5` of `y[i]` is not between 0 and 1"),
        ("normal(b0, 0)", "the standard deviation `0` of `y[i]` is not positive"),
        ("gamma(m, -2)", "the shape `-2` of `y[i]` is not positive"),
    ],
)
def test_a_number_out_of_its_range_is_refused(argument: str, said: str) -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(f"y[i] ~ {argument}")
    assert (caught.value.code, caught.value.first.message) == ("HM007", said)
