"""Textbook notation: places of terms, symbols, refusals, estimates; what it writes is balanced LaTeX."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.form.estimates import Estimates
from hdsl.form.notation import Textbook
from hdsl.form.positions import place

CROSS_LEVEL = """index j = school
y[i] = b0[j] + b1[j]*x[i] + e[i]
e[i] ~ normal(0, sd)
b0[j] = g00 + g01*z[j] + g02*w[j] + u0[j]
b1[j] = g10 + g11*z[j] + u1[j]
(u0[j], u1[j]) ~ mvnormal(0, Omega)
"""
THREE = """index j = class in k
index k = school
y[i] ~ normal(b0[j] + b1[j]*x[i], sd)
b0[j] ~ normal(c00[k] + c01*z[j], s0)
b1[j] ~ normal(c10[k], s1)
(c00[k], c10[k]) ~ mvnormal((d00 + d001*w[k], d10), Omega)
"""


def textbook(text: str) -> Textbook:
    return Textbook(hdsl.Model(text).form)


def refusal(text: str) -> str:
    with pytest.raises(hdsl.FitError) as caught:
        hdsl.Model(text).equations.latex(notation="raudenbush-bryk")
    assert caught.value.code == "HM512"
    assert caught.value.span is not None
    return caught.value.message


def row(display: str, left: str) -> str:
    """The right side of an equation of a display."""
    return next(
        line.split("&=")[1].removesuffix(r"\\").strip()
        for line in display.splitlines()
        if line.startswith(left + " &=")
    )


def test_two_levels() -> None:
    shown = textbook(CROSS_LEVEL).equations()
    assert row(shown, "Y_{ij}") == r"\beta_{0j} + \beta_{1j} \, X_{ij} + r_{ij}"
    assert row(shown, r"\beta_{0j}") == r"\gamma_{00} + \gamma_{01} \, W_{1j} + \gamma_{02} \, W_{2j} + u_{0j}"
    assert row(shown, r"\beta_{1j}") == r"\gamma_{10} + \gamma_{11} \, W_{1j} + u_{1j}"
    assert r"r_{ij} &\sim N(0, \sigma^{2})" in shown
    assert r"\tau_{00} & \tau_{01} \\ \tau_{01} & \tau_{11}" in shown
    assert row(shown, "W_{2j}") == "w_{j}"


def test_symbols_are_those_of_the_places() -> None:
    symbols = hdsl.Model(CROSS_LEVEL).composite.symbols()
    assert symbols["g00"] == r"\gamma_{00}"
    assert symbols["g02"] == r"\gamma_{02}"
    assert symbols["g11"] == r"\gamma_{11}"
    assert symbols["u1[j]"] == "u_{1j}"
    assert symbols["w[j]"] == "W_{2j}"


def test_three_levels_have_letters_of_their_own() -> None:
    shown = textbook(THREE).equations()
    assert row(shown, "Y_{ijk}") == r"\pi_{0jk} + \pi_{1jk} \, a_{ijk} + e_{ijk}"
    assert row(shown, r"\pi_{0jk}") == r"\beta_{00k} + \beta_{01k} \, X_{jk} + r_{0jk}"
    assert row(shown, r"\beta_{00k}") == r"\gamma_{000} + \gamma_{001} \, W_{k} + u_{00k}"
    assert row(shown, r"\beta_{01k}") == r"\gamma_{010}"
    assert row(shown, r"\beta_{10k}") == r"\gamma_{100} + u_{10k}"
    assert r"\tau_{\pi 00} & 0 \\ 0 & \tau_{\pi 11}" in shown
    assert r"\tau_{\beta 00} & \tau_{\beta 01} \\ \tau_{\beta 01} & \tau_{\beta 11}" in shown


def test_two_texts_of_one_model_are_one_in_textbook_notation() -> None:
    written = """index j = school
y[i] ~ normal(b0[j] + b1[j]*x[i], sd)
(b0[j], b1[j]) ~ mvnormal((g00 + g01*z[j] + g02*w[j], g10 + g11*z[j]), Omega)
"""
    assert textbook(written).equations() == textbook(CROSS_LEVEL).equations()
    assert textbook(written).composite() == textbook(CROSS_LEVEL).composite()


def test_the_composite_has_every_fixed_coefficient_once_and_marks_what_nobody_wrote() -> None:
    shown = textbook(CROSS_LEVEL).composite()
    assert sorted(re.findall(r"\\gamma_\{(\d\d)\}", shown)) == ["00", "01", "02", "10", "11"]
    assert r"\underbrace{\gamma_{11} \, W_{1j} \, X_{ij}}_{\text{implied}}" in shown


def test_a_regression_has_one_level() -> None:
    shown = textbook("y[i] ~ normal(a + b*x[i], sd)").equations()
    assert row(shown, "Y_{i}") == r"\beta_{0} + \beta_{1} \, X_{i} + r_{i}"


def test_numbers_from_ten_are_set_apart() -> None:
    text = "y[i] ~ normal(b + " + " + ".join(f"b{k}*x{k}[i]" for k in range(1, 12)) + ", sd)"
    symbols = textbook(text).symbols
    assert symbols["b11"] == r"\beta_{11}"
    assert symbols["x11[i]"] == "X_{11,i}"
    assert symbols["x9[i]"] == "X_{9i}"


def test_a_covariate_of_a_coarser_set_than_any_effect_belongs_to_the_coarsest_level_with_effects() -> None:
    shown = textbook("y[i] ~ normal(u[j], sd)\nu[j] ~ normal(g + h*z[k], s)").equations()
    assert row(shown, r"\beta_{0j}") == r"\gamma_{00} + \gamma_{01} \, W_{j} + u_{0j}"


def test_many_effects_need_an_array() -> None:
    effects = [f"b{k}[j]" for k in range(11)]
    terms = " + ".join([effects[0], *(f"{effects[k]}*x{k}[i]" for k in range(1, 11))])
    means = ", ".join(f"g{k}" for k in range(11))
    shown = textbook(f"y[i] ~ normal({terms}, sd)\n({', '.join(effects)}) ~ mvnormal(({means}), Omega)").equations()
    assert r"\begin{array}{ccccccccccc}" in shown
    assert r"\tau_{0,10}" in shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "y[i] ~ normal(b + u[r] + v[o], sd)\nu[r] ~ normal(0, s)\nv[o] ~ normal(0, t)",
            "crossed levels ([r] and [o])",
        ),
        (
            "index a = a in b\nindex b = b in c\ny[i] ~ normal(m + u[a] + v[b] + w[c], sd)\n"
            "u[a] ~ normal(0, s)\nv[b] ~ normal(0, t)\nw[c] ~ normal(0, r)",
            "4 levels ([i], [a], [b], [c])",
        ),
        ("y[i] ~ normal(b + u[j]*z[j], sd)\nu[j] ~ normal(0, s)", "`u[j]` times `z[j]`, of its own level"),
        ("y[i] ~ normal(b + u[j], sd)\nu[j] ~ student_t(4, 0, s)", "student_t"),
        ("y[i] ~ normal(m[i], s[i])\nm[i] = b + u[j]\nlog(s[i]) = c\nu[j] ~ normal(0, t)", "several predictors"),
        ("y[i] ~ hurdle(poisson(m[i]), p)\nlog(m[i]) = b[j]\nb[j] ~ normal(g, s)", "a hurdle outcome"),
        ("y[i] ~ bernoulli(0.5 + 0.5*invlogit(b[j]))\nb[j] ~ normal(g, s)", "a p that is no link"),
        ("y[i] ~ poisson(m)", "a model without a linear predictor"),
    ],
)
def test_what_it_has_no_symbols_for_is_refused(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "n[i] ~ binomial(size[i], p[i])\nlogit(p[i]) = b0[j] + b1*x[i]\nb0[j] ~ normal(g, s)",
            (
                r"Y_{ij} \mid \varphi_{ij} &\sim \operatorname{binomial}(\mathrm{size}_{i}, \varphi_{ij})",
                r"\eta_{ij} &= \operatorname{logit}(\varphi_{ij})",
                r"\eta_{ij} &= \beta_{0j} + \beta_{1j} \, X_{ij}",
            ),
        ),
        (
            "y[i] ~ normal(mu[i], sd)\nlog(mu[i]) = b0[j]\nb0[j] ~ normal(g, s)",
            (
                r"Y_{ij} \mid \varphi_{ij} &\sim \operatorname{normal}(\varphi_{ij}, \operatorname{sd})",
                r"\eta_{ij} &= \operatorname{log}(\varphi_{ij})",
            ),
        ),
        ("y[i] ~ normal(t[j], se[i])\nt[j] ~ normal(g, s)", (r"r_{ij} &\sim N(0, \mathrm{se}_{i}^{2})",)),
    ],
)
def test_other_outcomes_have_their_sampling_model(text: str, rows: tuple[str, ...]) -> None:
    shown = textbook(text).equations()
    assert all(row in shown for row in rows), shown


def test_an_unknown_notation_is_named() -> None:
    with pytest.raises(ValueError, match="'snijders'"):
        hdsl.Model(CROSS_LEVEL).composite.latex(notation="snijders")


def test_estimates_take_the_place_of_parameters() -> None:
    values = {"g00": 12.13, "g01": 5.33, "g02": -1.2, "g10": 2.95, "g11": -1.64, "sd": 6.0}
    values |= {"sd(u0[j])": 1.5, "sd(u1[j])": 0.2, "cor(u0[j], u1[j])": -0.5}
    shown = Textbook(hdsl.Model(CROSS_LEVEL).form, Estimates(values=values)).equations()
    assert row(shown, r"\beta_{0j}") == r"12.13 + 5.330 \, W_{1j} - 1.200 \, W_{2j} + u_{0j}"
    assert row(shown, r"\beta_{1j}") == r"2.950 - 1.640 \, W_{1j} + u_{1j}"
    assert r"N(0, 36.00)" in shown
    assert r"\begin{pmatrix} 2.250 & -0.1500 \\ -0.1500 & 0.04000 \end{pmatrix}" in shown
    assert r"\gamma" not in shown
    assert r"\tau" not in shown


def test_own_names_with_estimates() -> None:
    model = hdsl.Model("y[i] ~ normal(b0[j] + b1*x[i] - b2*w[i] + 2*b3*v[i], sd)\nb0[j] ~ normal(g, s)")
    estimates = Estimates(values={"b1": -1.5, "b2": -2.5, "b3": 0.25, "g": 3.0, "s": 1.0})
    shown = model.equations.latex(estimates=estimates)
    assert r"b_{0j} - 1.500 \, x_{i} + 2.500 \, w_{i} + 2 \cdot 0.2500 \, v_{i}, \operatorname{sd}" in shown
    assert r"\operatorname{normal}\left(3.000, 1.000\right)" in shown
    assert r"3.000 - 1.500 \, x_{i} + 2.500 \, w_{i} + 0.5000 \, v_{i}" in model.composite.latex(estimates=estimates)


@pytest.fixture(scope="module")
def fit() -> hdsl.results.FittedModel:
    generator = np.random.default_rng(1)
    school = np.repeat(np.arange(12), 15)
    x, z = generator.normal(size=180), generator.normal(size=12)
    u = generator.normal(size=(12, 2))
    y = 2.0 + z[school] + u[school, 0] + (1.0 - z[school] + 0.5 * u[school, 1]) * x + generator.normal(size=180)
    data = pd.DataFrame({"school": school, "x": x, "z": z[school], "w": generator.normal(size=12)[school], "y": y})
    return hdsl.Model(CROSS_LEVEL).fit(data)


@pytest.mark.parametrize("notation", ["gelman-hill", "raudenbush-bryk"])
def test_a_fit_fills_in_its_estimates(fit: hdsl.results.FittedModel, notation: str) -> None:
    value, error = fit.params["g01"], fit.bse["g01"]
    estimates = Estimates(values=dict(fit.params), errors=dict(fit.bse), show_errors=True)
    for shown in (fit.equations_latex(notation=notation), fit.composite_latex(notation=notation)):
        assert estimates.number(value, error).removeprefix("-") in shown
        assert shown.count("{") == shown.count("}")
    plain = fit.equations_latex(notation=notation, se=False)
    assert r"\underset" not in plain
    deviation = fit.params["sd(u0[j])"]
    assert NUMBER.number(deviation**2) in plain


NUMBER = Estimates(values={})


@pytest.mark.parametrize("text", [CROSS_LEVEL, THREE])
def test_latex_balances(text: str) -> None:
    for shown in (textbook(text).equations(), textbook(text).composite()):
        assert shown.count("{") == shown.count("}")
        assert shown.count(r"\begin") == shown.count(r"\end")
        assert shown.count(r"\left") == shown.count(r"\right")


def test_slots_are_the_numbers_of_products() -> None:
    at = place(hdsl.Model(CROSS_LEVEL).form)
    assert {p.term.coefficient: p.slot for p in at.fixed} == {
        "g00": (0, 0),
        "g01": (0, 1),
        "g02": (0, 2),
        "g10": (1, 0),
        "g11": (1, 1),
    }
    assert [p.slot for p in at.effects(1)] == [(0,), (1,)]
