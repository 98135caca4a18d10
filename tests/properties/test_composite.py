"""The single equation has the value of the level-by-level equations, for random models and random coefficients."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import pytest

import hdsl
from tests.properties.dense import covariate_value, normal_symbol
from tests.properties.generate import FEATURES, world
from tests.properties.world import Floats, Values, World

SEEDS = range(72)
MORE_SEEDS = range(1000, 1600)


@cache
def terms_of(seed: int) -> pd.DataFrame:
    return hdsl.Model(world(seed).text).composite.terms


def composite_value(drawn: World, values: Values) -> Floats:
    """Return the value of the composite from `composite.terms` alone, (n,)."""
    terms = terms_of(drawn.seed)
    total = np.zeros(drawn.n)
    for term in terms.to_dict("records"):
        if term["part"] == "residual":
            continue
        value = np.full(drawn.n, float(term.get("scale", 1.0)))
        for text in term["covariates"]:
            value = value * covariate_value(text, drawn)
        if term["part"] != "offset":
            name = normal_symbol(term["coefficient"])
            if name in values.parameters:
                value = value * values.parameters[name]
            else:
                index_set = drawn.effect_sets[name]
                value = value * values.effects[name][drawn.codes[index_set]]
        total += value
    return total


def check(seed: int) -> None:
    drawn = world(seed)
    for draw in range(2):
        values = drawn.draw(np.random.default_rng([seed, 2, draw]))
        np.testing.assert_allclose(composite_value(drawn, values), drawn.predictor(values), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_composite_has_the_value_of_the_level_equations(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_the_composite_has_the_value_of_the_level_equations_of_more_models(seed: int) -> None:
    check(seed)


def unknowns(drawn: World) -> set[tuple[str, str]]:
    """What the composite must consist of: parts and coefficients, from the description."""
    deviations = {effect for block in drawn.blocks for effect in block.effects}
    return {("fixed", name) for name in [*drawn.parameters, *drawn.sets]} | {("random", name) for name in deviations}


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_and_coefficients_are_those_of_the_description(seed: int) -> None:
    drawn = world(seed)
    terms = terms_of(seed)
    body = terms[terms["part"].isin(["fixed", "random"])]
    assert set(zip(body["part"], map(normal_symbol, body["coefficient"]), strict=True)) == unknowns(drawn)
    assert (terms["part"] == "residual").sum() == 1


def test_the_seeds_draw_every_feature() -> None:
    """Every feature occurs among the models that the fast tests use, each several times."""
    counts = Counter(feature for seed in SEEDS for feature in world(seed).features)
    assert set(counts) == FEATURES
    assert min(counts.values()) >= 4, counts.most_common()[-5:]


def test_a_world_is_the_same_whenever_it_is_drawn() -> None:
    first, second = world(5), world.__wrapped__(5)
    assert first.text == second.text
    assert first.frame.equals(second.frame)


def test_the_numbers_of_units_are_small_and_odd_enough_to_be_interesting() -> None:
    sizes = [np.bincount(drawn.codes[b.index_set]) for seed in SEEDS for drawn in [world(seed)] for b in drawn.blocks]
    assert sum((s == 1).any() for s in sizes) > 50
    assert all(world(seed).n < 200 for seed in SEEDS)
