"""Notes on what is easily overlooked, and that nothing is noted where nothing is to be noted."""

from __future__ import annotations

import pytest

import hdsl

NOTED = {
    "a product without both": ("y[i] ~ normal(a + b*x[i]*z[j], sd)", "HM306", ("`x[i]`", "`z[j]`")),
    "a product without one": ("y[i] ~ normal(a + c*x[i] + b*x[i]*z[j], sd)", "HM306", ("`z[j]`",)),
    "an implied product without its group covariate": (
        "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\nb0[j] ~ normal(a, s)\nb1[j] ~ normal(c + d*z[j], t)",
        "HM306",
        ("`z[j]`",),
    ),
    "a three-way product without a two-way one": (
        "y[i] ~ normal(a + b*x[i] + c*z[i] + d*w[i] + e*x[i]*z[i] + f*x[i]*w[i] + g*x[i]*z[i]*w[i], sd)",
        "HM306",
        ("`z[i]*w[i]`",),
    ),
    "effects written apart": (
        "y[i] ~ normal(a + u[j] + v[j]*x[i], sd)\nu[j] ~ normal(0, s)\nv[j] ~ normal(b, t)",
        "HM307",
        ("`u[j]`", "`v[j]`"),
    ),
    "a standard deviation of two": (
        "y[i] ~ normal(a + u[j] + v[k], sd)\nu[j] ~ normal(0, s)\nv[k] ~ normal(0, s)",
        "HM308",
        ("`s`", "2 statements"),
    ),
}

SILENT = {
    "a product with both": "y[i] ~ normal(a + b*x[i] + c*z[j] + d*x[i]*z[j], sd)",
    "a square beside the line": "y[i] ~ normal(a + b*x[i] + c*x[i]*x[i], sd)",
    "a set spans the group covariate": "y[i] ~ normal(a[j] + b*x[i] + d*x[i]*z[j], sd)\na[j] ~ flat()",
    "effects written together": "y[i] ~ normal(u[j] + v[j]*x[i], sd)\n(u[j], v[j]) ~ mvnormal((a, b), Omega)",
    "effects of different groups": "y[i] ~ normal(a + u[j] + v[k], sd)\nu[j] ~ normal(0, s)\nv[k] ~ normal(0, t)",
    "a coefficient twice in one statement": "y[i] ~ normal(a + b*x[i] + b*z[i], sd)",
}


@pytest.mark.parametrize(("text", "code", "names"), NOTED.values(), ids=NOTED)
def test_what_is_noted(text: str, code: str, names: tuple[str, ...]) -> None:
    notes = [d for d in hdsl.Model(text).diagnostics if d.code == code]
    assert len(notes) == 1
    assert all(name in notes[0].message for name in names)
    assert notes[0].span is not None
    assert notes[0].help


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_what_is_not(text: str) -> None:
    assert not hdsl.Model(text).diagnostics


def test_an_unmodelled_and_a_modelled_effect_of_the_same_groups_are_refused() -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model("y[i] ~ normal(a[j] + u[j], sd)\na[j] ~ flat()\nu[j] ~ normal(0, s)")
    assert caught.value.code == "HM302"
    assert "unmodelled" in caught.value.help
