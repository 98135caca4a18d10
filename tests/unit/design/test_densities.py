"""Outcomes with a density, bound to data: columns of several inputs, thresholds, bounds, ranges, coding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.plan import Column, Product

DATA = pd.DataFrame(
    {
        "y": [0, 1, 3, 2, 0, 5, 1, 2],
        "x": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0],
        "f": list("abcabcab"),
        "g": [1, 1, 2, 2, 3, 3, 4, 4],
        "rating": pd.Categorical(
            ["low", "mid", "top", "mid", "low", "top", "mid", "low"], ["low", "mid", "top"], ordered=True
        ),
    }
)
INFLATED = "y[i] ~ zero_inflated(poisson(m[i]), z[i])\nlog(m[i]) = b0 + b1*x[i]\nlogit(z[i]) = g0 + b1*x[i]"


def bind(text: str, data: pd.DataFrame = DATA) -> hdsl.Model:
    return hdsl.Model(text).bind(data)


def test_a_coefficient_of_two_inputs_is_one_column() -> None:
    design = bind(INFLATED)
    assert design.fixed_labels == ("b0", "b1", "g0")
    shared = design.plan.fixed[1]
    assert isinstance(shared, Column)
    assert shared.products == (
        Product(scale=1.0, factors=(0,), predictor=0),
        Product(scale=1.0, factors=(0,), predictor=1),
    )
    assert design.plan.intercept == 0
    assert design.plan.n_predictors == 2


def test_a_random_effect_may_stand_in_two_inputs_and_correlate_with_one_of_another() -> None:
    text = (
        "y[i] ~ zero_inflated(poisson(m[i]), z[i])\nlog(m[i]) = b0 + u[g] + v[g]\nlogit(z[i]) = g0 + 2*u[g] + w[g]\n"
        "(u[g], v[g], w[g]) ~ mvnormal(0, Omega)"
    )
    factor = bind(text.replace("+ v[g]\n", "+ v[g]*x[i]\n")).plan.re_terms[0]
    assert [[(p.scale, p.factors, p.predictor) for p in c.products] for c in factor.columns] == [
        [(1.0, (), 0), (2.0, (), 1)],
        [(1.0, (0,), 0)],
        [(1.0, (), 1)],
    ]


def test_parameters_without_an_equation_come_last_with_their_scale() -> None:
    design = bind("y[i] ~ zero_inflated(negative_binomial(m[i], size), p)\nlog(m[i]) = x[i] + b0 + b[f]\nb[f] ~ flat()")
    assert design.fixed_labels == ("b0", "b[b]", "b[c]", "size", "p")
    assert [(s.name, s.role, s.column, s.inverse) for s in design.scalars] == [
        ("size", "size", 3, "exp"),
        ("p", "probability", 4, "invlogit"),
    ]
    offsets = design.arrays.offsets
    assert offsets[0].tolist() == DATA["x"].tolist()
    assert offsets[1] is offsets[2] is None
    assert design.residual_name == ""


def test_a_set_of_standard_deviations_keeps_every_level_whatever_its_reference() -> None:
    design = bind('y[i] ~ normal(b0, sd[f])\nsd[f] ~ flat(ref = "b")')
    assert design.fixed_labels == ("b0", "sd[a]", "sd[b]", "sd[c]")
    assert [s.inverse for s in design.scalars] == ["exp"] * 3
    assert design.zeroed == {"sd[f]": ()}


def test_sets_are_coded_in_each_input_by_itself() -> None:
    text = INFLATED.replace("b1*x[i]\n", "b[f]\n").replace("g0 + b1*x[i]", "c[f]") + "\nb[f] ~ flat()\nc[f] ~ flat()"
    assert bind(text).zeroed == {"b[f]": ("a",), "c[f]": ()}


def test_thresholds() -> None:
    design = bind("rating[i] ~ ordered_logit(b1*x[i] + b[f], cut)\nb[f] ~ flat()")
    assert design.fixed_labels == ("b1", "b[b]", "b[c]", "cut[1]", "cut[2]")
    assert design.coding.categories == ("low", "mid", "top")
    assert design.arrays.y.tolist() == [0, 1, 2, 1, 0, 2, 1, 0]
    upper, lower = design.arrays.offsets
    y = design.arrays.y
    assert np.array_equal(np.isposinf(upper), y == 2)
    assert np.array_equal(np.isneginf(lower), y == 0)
    first = design.plan.fixed[2]
    assert [(p.predictor, p.scale) for p in first.products] == [(0, 1.0), (1, 1.0)]
    for threshold, column in enumerate(design.plan.fixed[2:]):
        of_upper, of_lower = (design.arrays.x[p.factors[0]] for p in column.products)
        assert np.array_equal(of_upper, y == threshold)
        assert np.array_equal(of_lower, y == threshold + 1)
    slope = design.plan.fixed[0]
    assert [(p.predictor, p.scale) for p in slope.products] == [(0, -1.0), (1, -1.0)]


@pytest.mark.parametrize("kind", ["numbers", "labels", "categories"])
def test_categories_whatever_kind_the_column_is(kind: str) -> None:
    values = {"numbers": [3, 10, 3, 5], "labels": ["3", "10", "3", "5"]}
    values["categories"] = pd.Categorical(["c", "a", "c", "b"], ["c", "b", "a"])
    design = bind("y[i] ~ ordered_probit(b1*x[i], cut)", pd.DataFrame({"y": values[kind], "x": [1.0, 2.0, 3.0, 4.0]}))
    assert design.arrays.y.tolist() == [0, 2, 0, 1]
    assert design.coding.categories == (("c", "b", "a") if kind == "categories" else ("3", "5", "10"))


def test_a_missing_rating_drops_its_row_and_a_missing_bound_does_not() -> None:
    rated = DATA.assign(rating=DATA["rating"].where(DATA["x"] > 1))
    assert bind("rating[i] ~ ordered_logit(b1*x[i], cut)", rated).n_dropped == 2
    bounds = DATA.assign(c=[np.nan, 9, 9, 9, np.nan, 9, 9, 9])
    design = bind("x[i] ~ censored(normal(b0, sd), upper = c[i])", bounds)
    assert design.n_dropped == 0
    assert np.isnan(design.arrays.known[0]).tolist() == [True, False, False, False, True, False, False, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y[i] ~ binomial(n[i], p)\nn[i] = 4 + 0*g[i]", "whole number from 0 to its size"),
        ("y[i] ~ binomial(n[i], p)\nn[i] = x[i] + 5", "must be a whole number"),
        ("y[i] ~ normal(b0, s[i])\ns[i] = x[i] - 0.5", "must be above 0"),
        ("y[i] ~ truncated(poisson(m), lower = 1)", "below its lower bound"),
        ("x[i] ~ truncated(normal(b0, sd), upper = 3)", "above its upper bound"),
        ("x[i] ~ hurdle(poisson(m), p)", "a count"),
        ("y[i] ~ gamma(m, a)", "above 0"),
        ("f[i] ~ bernoulli(p)", "text, where a number is needed"),
    ],
)
def test_values_outside_a_range(text: str, words: str) -> None:
    with pytest.raises(hdsl.DataError, match=words):
        bind(text)


@pytest.mark.parametrize(
    "text",
    ["y[i] ~ zero_inflated(poisson(m), p)", "y[i] ~ hurdle(gamma(m, a), p)", "y[i] ~ truncated(poisson(m), lower = 0)"],
)
def test_zeros_are_in_the_range_of_what_has_them(text: str) -> None:
    assert bind(text).plan.density is not None


def test_one_category_is_none() -> None:
    with pytest.raises(hdsl.DataError, match="needs two categories"):
        bind("rating[i] ~ ordered_logit(b1*x[i], cut)", DATA[DATA["rating"] == "mid"])


def test_groups_of_one_row_are_no_level_of_a_binary_outcome() -> None:
    rows = DATA.assign(id=range(8), z=DATA["y"] > 1)
    with pytest.raises(hdsl.FitError) as caught:
        bind("z[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + u[id]\nu[id] ~ normal(0, s)", rows)
    assert caught.value.code == "HM505"
    assert bind("y[i] ~ poisson(m[i])\nlog(m[i]) = b0 + u[id]\nu[id] ~ normal(0, s)", rows).plan.re_terms


def test_a_spread_that_an_effect_shares_with_the_outcome_is_refused() -> None:
    with pytest.raises(hdsl.FitError, match="that the outcome's distribution has, too"):
        bind("x[i] ~ lognormal(b0 + u[g], s)\nu[g] ~ normal(0, s)")


def test_the_plan_says_what_the_density_takes() -> None:
    text = str(hdsl.Model(INFLATED).plan(DATA))
    assert "The density of a row, `zero_inflated(poisson)`, takes 2 predictors." in text
    assert "Laplace" not in text  # no random effect
    grouped = hdsl.Model(INFLATED.replace("b0 +", "b0 + u[g] +") + "\nu[g] ~ normal(0, s)")
    assert "Laplace's approximation, with the observed Hessian" in " ".join(str(grouped.plan(DATA)).split())
    assert "Three categories are assumed" in " ".join(
        str(hdsl.Model("rating[i] ~ ordered_logit(b1*x[i], cut)").plan()).split()
    )
