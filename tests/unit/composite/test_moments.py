"""Implied moments against the covariance matrix that the random effects imply, computed by hand in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import hdsl
from hdsl.composite import Moments

THREE = """index j = class in k
index k = school
y[i] ~ normal(b0[j] + b1[j]*x[i], sd)
(b0[j], b1[j]) ~ mvnormal((a0[k], a1[k] + g*w[j]), Omega)
a0[k] ~ normal(g00, s)
a1[k] ~ normal(g10, t)
"""
VALUES = {"sd(b0[j])": 1.3, "sd(b1[j])": 0.7, "cor(b0[j], b1[j])": -0.4, "s": 0.9, "t": 0.5, "sd": 2.0}
OMEGA = np.array([[1.3**2, -0.4 * 1.3 * 0.7], [-0.4 * 1.3 * 0.7, 0.7**2]])
SCHOOL = np.diag([0.9**2, 0.5**2])


def value(expr: object, **covariates: float) -> float:
    names = {
        **VALUES,
        **{name.replace("_", "[").replace("P", "]'").replace("Q", "]"): v for name, v in covariates.items()},
    }
    return float(expr.subs({symbol: names[symbol.name] for symbol in expr.free_symbols}))  # type: ignore[attr-defined]


def test_variance_is_a_quadratic_in_the_covariate() -> None:
    moments = hdsl.Model(THREE).moments
    for x in (-1.0, 0.0, 2.5):
        z = np.array([1.0, x])
        assert value(moments.variance, x_iQ=x) == pytest.approx(z @ (OMEGA + SCHOOL) @ z + 4.0)


def test_rows_of_one_class_share_its_school_too() -> None:
    moments = hdsl.Model(THREE).moments
    one, other = np.array([1.0, 0.5]), np.array([1.0, -2.0])
    assert value(moments.covariance("j"), x_iQ=0.5, x_iP=-2.0) == pytest.approx(one @ (OMEGA + SCHOOL) @ other)
    assert value(moments.covariance("k"), x_iQ=0.5, x_iP=-2.0) == pytest.approx(one @ SCHOOL @ other)


def test_intraclass_correlation_is_covariance_over_variance_at_equal_covariates() -> None:
    moments = hdsl.Model(THREE).moments
    z = np.array([1.0, 1.5])
    total = z @ (OMEGA + SCHOOL) @ z + 4.0
    assert value(moments.icc("j"), x_iQ=1.5) == pytest.approx(z @ (OMEGA + SCHOOL) @ z / total)
    assert value(moments.icc("k"), x_iQ=1.5) == pytest.approx(z @ SCHOOL @ z / total)


def test_crossed_groups_are_shared_apart() -> None:
    moments = hdsl.Model("y[i] ~ normal(b + u[r] + v[o], sd)\nu[r] ~ normal(0, s)\nv[o] ~ normal(0, t)").moments
    assert value(moments.covariance("r")) == pytest.approx(0.81)
    assert value(moments.covariance("o")) == pytest.approx(0.25)
    assert value(moments.covariance("r,o")) == pytest.approx(1.06)


def test_an_unknown_index_is_named() -> None:
    with pytest.raises(KeyError, match="no index `q`; two rows can share j, k"):
        hdsl.Model(THREE).moments.covariance("q")


def test_text_fits_the_terminal_and_latex_balances() -> None:
    moments = hdsl.Model(THREE).moments
    assert max(len(line) for line in str(moments).splitlines()) <= 80
    latex = moments.latex()
    assert latex.count("{") == latex.count("}")
    assert r"\begin{aligned}" in latex


def test_other_outcomes_are_refused_by_name() -> None:
    with pytest.raises(hdsl.FitError) as caught:
        _ = hdsl.Model("y[i] ~ poisson(m[i])\nlog(m[i]) = b + u[j]\nu[j] ~ normal(0, s)").moments
    assert caught.value.code == "HM501"
    assert "poisson" in caught.value.message


def test_numbers_at_given_covariates() -> None:
    moments = Moments(hdsl.Model(THREE).form, VALUES)
    table = moments.at(x=1.5)
    z = np.array([1.0, 1.5])
    within, between = z @ OMEGA @ z, z @ SCHOOL @ z
    total = within + between + 4.0
    assert table.index.tolist() == ["j", "k", "i"]
    assert table["variance"].tolist() == pytest.approx([within, between, 4.0])
    assert table["share"].sum() == pytest.approx(1.0)
    assert table.loc["j", "icc"] == pytest.approx((within + between) / total)
    assert table.loc["k", "covariance"] == pytest.approx(between)


def test_a_covariate_without_a_value_is_named() -> None:
    with pytest.raises(KeyError, match="no value for `x"):
        Moments(hdsl.Model(THREE).form, VALUES).at()


def test_expressions_are_worked_out_from_their_columns() -> None:
    model = hdsl.Model("y[i] ~ normal(u[j] + v[j]*(x[i] - 3)/2, sd)\n(u[j], v[j]) ~ mvnormal((a, b), Omega)")
    values = {"sd(u[j])": 1.0, "sd(v[j])": 2.0, "cor(u[j], v[j])": 0.5, "sd": 1.0}
    table = Moments(model.form, values).at(x=5.0)
    assert table.loc["j", "variance"] == pytest.approx(1.0 + 4.0 + 2 * 0.5 * 2.0)


def test_text_with_estimates_has_no_parameter_left() -> None:
    text = str(Moments(hdsl.Model(THREE).form, VALUES))
    assert "sd(" not in text
    assert "x[i]^2" in text
    assert max(len(line) for line in text.splitlines()) <= 80


FOUR = """y[i] ~ normal(b0[j] + b1[j]*x[i] + b2[j]*(w[i] - 3) + b3[j]*x[i]*w[i] + v[k] + q[k]*x[i], sd)
(b0[j], b1[j], b2[j], b3[j]) ~ mvnormal((g0, g1, g2, g3), Omega)
v[k] ~ normal(0, s)
q[k] ~ normal(0, s2)
"""


def test_long_moments_are_quadratic_forms() -> None:
    text = str(hdsl.Model(FOUR).moments)
    assert "z[j]' Omega[j] z[j] + s^2 + s2^2*x[i]^2 + sd^2" in text
    assert "z[j]' Omega[j] z*[j]" in text
    assert "z[j] = (1, x[i], (w[i] - 3), w[i]*x[i])" in text
    assert "Omega[j] = Cov(b0[j], b1[j], b2[j], b3[j])" in text
    assert len(text.splitlines()) < 15


def test_long_moments_have_numbers_after_a_fit() -> None:
    form = hdsl.Model(FOUR).form
    values = {p.name: 0.5 for p in form.parameters}
    text = str(Moments(form, values))
    assert "      0.12500  0.25000" in text
    assert "z[j]' Omega[j] z[j] + 0.25*x[i]^2 + 0.5" in text
    latex = Moments(form, values).latex()
    assert r"0.25 & 0.125" in latex
    assert latex.count("{") == latex.count("}")


def test_several_correlated_blocks_of_one_set_have_numbers() -> None:
    text = """y[i] ~ normal(a[j] + b[j]*x[i] + c[j]*v[i] + d[j]*w[i] + e[j]*q[i] + f[j]*r[i] + g[j]*s[i], sd)
(a[j], b[j], c[j], d[j]) ~ mvnormal((m1, m2, m3, m4), Omega)
(e[j], f[j], g[j]) ~ mvnormal((m5, m6, m7), Psi)
"""
    shown = str(hdsl.Model(text).moments)
    assert "z[j]' Omega[j] z[j] + z2[j]' Omega2[j] z2[j] + sd^2" in shown
    assert "z2[j] = (q[i], r[i], s[i])" in shown


def test_no_line_is_wider_than_a_terminal_whatever_the_names() -> None:
    group, intercept, slope = "district_of_residence", "intercept_of_reading_score", "slope_of_socioeconomic_status"
    models = [
        f"y[i] ~ normal({intercept}[{group}] + {slope}[{group}]*socioeconomic_status_of_family[i], residual_sd)\n"
        f"({intercept}[{group}], {slope}[{group}]) ~ mvnormal((a, b), Omega)",
        f"y[i] ~ normal(b + {intercept}[{group}], s)\n{intercept}[{group}] ~ normal(0, standard_deviation_{group})",
        FOUR,
        THREE,
    ]
    for text in models:
        assert max(map(len, str(hdsl.Model(text).moments).splitlines())) <= 80
