"""Which method fits a model, and starting values by name."""

from __future__ import annotations

import math

import pytest

import hdsl
from hdsl.fit.dispatch import choose_method, start_values

LINEAR = "y[i] ~ normal(b0 + b1*x[i] + u[g], sd)\nu[g] ~ normal(0, s)"
UNEQUAL = "y[i] ~ normal(b0 + u[g], sd[i])\nlog(sd[i]) = s0 + s1*x[i]\nu[g] ~ normal(0, s)"
COUNTS = "y[i] ~ negative_binomial(m[i], size)\nlog(m[i]) = b0 + b1*x[i] + u[g]\nu[g] ~ normal(0, s)"
PLAIN = "y[i] ~ poisson(m[i])\nlog(m[i]) = b0 + b1*x[i]"
DATA = {"y": [0, 1, 4, 2, 0, 7], "x": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0], "g": [1, 1, 2, 2, 3, 3]}


@pytest.mark.parametrize(
    ("text", "method", "nodes", "expected"),
    [
        (LINEAR, None, None, "ml"),
        (LINEAR, "REML", None, "reml"),
        (UNEQUAL, None, None, "ml"),
        (COUNTS, None, None, "laplace"),
        (COUNTS, None, 7, "agq"),
        (COUNTS, "agq", None, "agq"),
        (PLAIN, None, None, "ml"),
        (PLAIN, "laplace", None, "laplace"),
        (UNEQUAL.replace("s1*x[i]", "v[g]") + "\nv[g] ~ normal(0, t)", None, None, "laplace"),
    ],
)
def test_the_method_follows_from_the_model(text: str, method: str | None, nodes: int | None, expected: str) -> None:
    assert choose_method(hdsl.Model(text).form, method, nodes) == expected


@pytest.mark.parametrize(
    ("text", "method", "nodes", "words"),
    [
        (LINEAR, "laplace", None, 'use method="ml" or "reml"'),
        (LINEAR, None, 9, "a number of quadrature nodes is not for a Gaussian linear model"),
        (COUNTS, "reml", None, 'use method="laplace" or "agq"'),
        (COUNTS, "ml", None, "`negative_binomial`"),
        (COUNTS, "laplace", 9, "a number of quadrature nodes"),
        (UNEQUAL, "agq", None, "unequal spread"),
        (PLAIN, "agq", None, "without random effects"),
    ],
)
def test_another_method_is_refused(text: str, method: str | None, nodes: int | None, words: str) -> None:
    with pytest.raises(hdsl.FitError) as caught:
        choose_method(hdsl.Model(text).form, method, nodes)
    assert caught.value.code == "HM507"
    assert words in caught.value.message


def test_starts_are_on_the_scale_of_the_fit() -> None:
    design = hdsl.Model(COUNTS).bind(DATA)
    start = start_values(design, {"b1": 0.5, "size": 2.0, "s": 0.7})
    assert start == {("beta", 1): 0.5, ("beta", 2): pytest.approx(math.log(2.0)), (0, 0, 0): 0.7}


def test_a_linear_model_needs_no_coefficients() -> None:
    design = hdsl.Model(LINEAR).bind(DATA)
    assert start_values(design, {"b1": 0.5, "sd": 2.0}) == {"sigma": 2.0}


@pytest.mark.parametrize(
    ("start", "code"), [({"b2": 1.0}, "HM508"), ({"b1": math.nan}, "HM506"), ({"size": -1.0}, "HM506")]
)
def test_a_start_that_is_none(start: dict[str, float], code: str) -> None:
    with pytest.raises(hdsl.FitError) as caught:
        start_values(hdsl.Model(COUNTS).bind(DATA), start)
    assert caught.value.code == code


def test_a_start_leads_to_the_same_optimum() -> None:
    model = hdsl.Model(COUNTS)
    first = model.fit(DATA)
    again = model.fit(DATA, start={"b0": 1.0, "size": 3.0, "s": 0.5})
    assert again.loglik == pytest.approx(first.loglik, abs=1e-6)
