"""How groups lie in each other, as the summary says it."""

from __future__ import annotations

import numpy as np
import pandas as pd

import hdsl
from hdsl.results.nesting import relations


def bound(text: str) -> dict[tuple[str, ...], str]:
    generator = np.random.default_rng(0)
    j = np.repeat(np.arange(20), 10)
    data = {"y": generator.normal(size=200), "j": j, "k": j // 4, "r": generator.integers(0, 6, 200), "z": 1.0 * j}
    return relations(hdsl.Model(text).bind(pd.DataFrame(data)))


def test_a_pair_lies_in_its_parts_also_where_these_are_no_random_factors() -> None:
    found = bound(
        "y[i] ~ normal(b + a[r] + u[j] + w[j,r], sd)\na[r] ~ flat()\nu[j] ~ normal(0, s)\nw[j,r] ~ normal(0, t)"
    )
    assert found["j", "r"] in ("in [j] and [r]", "in [r] and [j]")
    assert found["j",] == ""
    assert found["r",] == ""


def test_nesting_that_the_data_show_between_factors() -> None:
    found = bound(
        "y[i] ~ normal(b + u[j] + v[k] + w[r], sd)\nu[j] ~ normal(0, s)\nv[k] ~ normal(0, t)\nw[r] ~ normal(0, q)"
    )
    assert found["j",] == "in [k]; crossed with [r]"
    assert found["k",] == "crossed with [r]"
    assert found["r",] in ("crossed with [j], [k]", "crossed with [k], [j]")


def test_a_declared_parent_without_effects() -> None:
    found = bound("index j = j in k\ny[i] ~ normal(b + c*m[k] + u[j], sd)\nm[k] = mean(z[j])\nu[j] ~ normal(0, s)")
    assert found["j",] == "in [k]"


def test_of_several_only_the_nearest_is_named() -> None:
    text = (
        "y[i] ~ normal(b + u[j,r] + v[j] + w[k], sd)\nu[j,r] ~ normal(0, s)\nv[j] ~ normal(0, t)\nw[k] ~ normal(0, q)"
    )
    found = bound(text)
    assert found["j", "r"] == "in [j]"
    assert found["j",] == "in [k]"
