"""Terms of the composite beyond the book's equations: scales, opaque covariates, provenance, what is not identified."""

from __future__ import annotations

import pytest

import hdsl
from hdsl.diagnostics import Severity


def terms(text: str) -> list[tuple[str, str | None, tuple[str, ...], float]]:
    return [(t.part, t.coefficient, t.covariates, t.scale) for t in hdsl.Model(text).composite.terms.itertuples()]


@pytest.mark.parametrize(
    ("mean", "expected"),
    [
        ("b*(x[i] - 3)", ("fixed", "b", ("(x[i] - 3)",), 1.0)),
        ("(x[i] - 3)*b", ("fixed", "b", ("(x[i] - 3)",), 1.0)),
        ("-b*x[i]/2", ("fixed", "b", ("x[i]/2",), -1.0)),
        ("b/2*x[i]", ("fixed", "b", ("x[i]",), 0.5)),
        ("b*(x[i] - mean_x)/sd_x", ("fixed", "b", ("(x[i] - mean_x)/sd_x",), 1.0)),
        ("b*x[i]/z[j]", ("fixed", "b", ("x[i]/z[j]",), 1.0)),
        ("x[i]/z[j]*b", ("fixed", "b", ("x[i]/z[j]",), 1.0)),
        ("2*b*x[i]", ("fixed", "b", ("x[i]",), 2.0)),
        ("b*x[i]^2", ("fixed", "b", ("x[i]^2",), 1.0)),
        ("b*-x[i]^2", ("fixed", "b", ("x[i]^2",), -1.0)),
        ("b/x[i]", ("fixed", "b", ("1/x[i]",), 1.0)),
        ("b*log(x[i] + 1)", ("fixed", "b", ("log(x[i] + 1)",), 1.0)),
        ("b*x[i]*z[j]", ("fixed", "b", ("x[i]", "z[j]"), 1.0)),
        ('b*(use[i] == "Y")', ("fixed", "b", ('(use[i] == "Y")',), 1.0)),
        ("b*mean(x[i])", None),
        ("b*sin(2*pi*t[i])", ("fixed", "b", ("sin(2*pi*t[i])",), 1.0)),
        ("b + log(size[i])", ("offset", None, ("log(size[i])",), 1.0)),
        ("b + b*x[i]", ("fixed", "b", ("x[i]",), 1.0)),
        ("b*x[i]*x[i]", ("fixed", "b", ("x[i]", "x[i]"), 1.0)),
    ],
)
def test_products_are_split_and_all_else_is_opaque(mean: str, expected: tuple[object, ...] | None) -> None:
    definitions = "\nmean_x = mean(x[i])\nsd_x = sd(x[i])" if "mean_x" in mean else ""
    text = f"y[i] ~ normal({mean}, sd){definitions}"
    if expected is None:
        with pytest.raises(hdsl.ModelError) as caught:
            hdsl.Model(text)
        assert caught.value.code == "HM204"
    else:
        assert expected in terms(text)


def test_terms_that_cancel_are_gone() -> None:
    assert [t[1] for t in terms("y[i] ~ normal(a + b*x[i] - b*x[i], sd)")] == ["a", "e[i]"]


def test_a_shared_coefficient_is_one_with_both_terms() -> None:
    found = terms("y[i] ~ normal(a + b*x[i] + b*z[j], sd)")
    assert [t[2] for t in found if t[1] == "b"] == [("x[i]",), ("z[j]",)]


def test_a_written_product_is_not_implied_even_where_it_is_implied_elsewhere() -> None:
    text = "y[i] ~ normal(b0[j] + b1[j]*x[i] + c*x[i]*z[j], sd)\n(b0[j], b1[j]) ~ mvnormal((a, d), O)"
    found = hdsl.Model(text).composite.terms.set_index("coefficient")
    assert not found.loc["c", "implied"]


def test_an_implied_product_of_a_set_and_a_covariate() -> None:
    text = (
        "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\nb0[j] ~ normal(a, s)\n"
        "b1[j] = d + h[type] + u[j]\nh[type] ~ flat()\nu[j] ~ normal(0, t)"
    )
    row = hdsl.Model(text).composite.terms.set_index("coefficient").loc["h[type]"]
    assert row["implied"]
    assert row["covariates"] == ("x[i]",)
    assert row["lines"] == (1, 3, 4)


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("y[i] ~ normal(a + b0[j], sd)\nb0[j] ~ normal(g, s)", "HM301", ("`a`", "`g`")),
        ("y[i] ~ normal(a + 5*c, sd)", "HM301", ("`a`", "`c`")),
        ("y[i] ~ normal(a + b*x[i] - 2*c*x[i], sd)", "HM305", ("`b`", "`c`")),
        ("y[i] ~ normal(a + u[j] + v[j], sd)\nu[j] ~ normal(0, s)\nv[j] ~ normal(0, t)", "HM302", ("`u[j]`", "`v[j]`")),
        ("y[i] ~ normal(a + u[i], sd)\nu[i] ~ normal(0, s)", "HM303", ("`u[i]`", "`sd`")),
        ("y[i] ~ normal(f[t] + g[t], sd)\nf[t] ~ flat()\ng[t] ~ flat()", "HM305", ("`f[t]`", "`g[t]`")),
    ],
)
def test_what_only_counts_as_a_sum_is_refused(text: str, code: str, names: tuple[str, ...]) -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(text)
    assert caught.value.code == code
    assert all(name in caught.value.message for name in names)


@pytest.mark.parametrize(
    "text",
    [
        "y[i] ~ normal(a + b0[j], sd)\nb0[j] ~ normal(0, s)",
        "y[i] ~ normal(a + b*x[i] + c*x[i]*x[i], sd)",
        "y[i] ~ normal(a + u[j] + v[j]*x[i], sd)\nu[j] ~ normal(0, s)\nv[j] ~ normal(0, t)",
        "y[i] ~ normal(a + u[j] + v[k], sd)\nu[j] ~ normal(0, s)\nv[k] ~ normal(0, t)",
        "y[i] ~ normal(theta[i], se[i])\ntheta[i] ~ normal(mu, tau)",
    ],
)
def test_what_can_be_told_apart_is_not(text: str) -> None:
    assert all(d.severity is Severity.NOTE for d in hdsl.Model(text).diagnostics)


def test_an_error_without_a_distribution_is_named() -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model("y[i] = a[j] + b*x[i] + e[i]\na[j] ~ normal(m, s)")
    assert caught.value.code == "HM304"
    assert "give `e[i]` a distribution" in caught.value.message


def test_a_standard_deviation_below_zero_is_refused() -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model("y[i] ~ normal(a, -1)")
    assert (caught.value.code, caught.value.span.column) == ("HM007", 18)


def test_a_column_without_its_subscript_is_told_of() -> None:
    with pytest.raises(hdsl.FitError) as caught:
        hdsl.Model("y[i] ~ normal(a + b*x, sd)").plan()
    assert "write `x[i]` if `x` is a column" in caught.value.message


@pytest.mark.parametrize(("text", "labels"), [("-1", ("-1",)), ("2001.0", ("2001",)), ('"a b"', ("a b",))])
def test_references_are_labels_as_text(text: str, labels: tuple[str, ...]) -> None:
    model = hdsl.Model(f"y[i] ~ normal(b[g], s)\nb[g] ~ flat(ref = {text})")
    assert model.form.sets[0].references == labels


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("y[i] = d1[i]*a[s] + d2[i]*b[s]\n(a[s], b[s]) ~ mvnormal((m1, m2), O)", "joint coefficient"),
        ("y[i] ~ normal(b*c*x[i], sd)", "product of coefficients"),
        ("y[i] ~ normal(b, sd)\nb ~ normal(0, 2)", "prior on `b`"),
        ("e[k,t] ~ ar1(sd, rho, over = t)\ny[i] ~ normal(b + e[k,t], s)", "ar1"),
        ("y[i] ~ normal(b + u[j], sd)\nu[j] ~ student_t(4, 0, s)", "student_t"),
        ("y[i] ~ normal(b + a[d], sd)\na[d] ~ mvnormal(0, s^2 * A[d, d])", "known matrix"),
        ("y[i] ~ normal(u[j] + v[j]*x[i], sd)\n(u[j], v[j]) ~ mvnormal((a, b), cs(s, r))", "`cs`"),
        ("y[i] ~ truncated(beta(mu, phi), lower = 0.1)", "`truncated` around `beta`"),
        ("y[i] ~ normal((b + c*x[i]) == 2, sd)", "not linear"),
        ("c[i] ~ categorical(eta[i,k])\nindex k = c\neta[i,k] = b[k]*x[i]\nb[k] ~ flat()", "categorical"),
        ("y[i] ~ normal(b, sd[j])\nsd[j] ~ gamma(mean = 1, shape = 2)", "`gamma`"),
        ("y[i] ~ normal(b + u[j], sd)\nu[j] ~ normal(0, 2*s)", "not a parameter of its own"),
        ("y[i] ~ normal(b + u[j], sd)\nz[i] ~ normal(c + u[j], s2)\nu[j] ~ normal(0, s)", "several outcomes"),
    ],
)
def test_what_is_not_fitted_yet_is_refused_by_name(text: str, feature: str) -> None:
    model = hdsl.Model(text)  # it is read and checked all the same
    with pytest.raises(hdsl.FitError) as caught:
        model.fit({"y": [1.0, 2.0]})
    assert caught.value.code == "HM501"
    assert feature in " ".join(d.message for d in caught.value.diagnostics)
    assert caught.value.span is not None
