"""Seeds: what is none is refused everywhere, and equal seeds are equal whatever type of integer they are."""

from __future__ import annotations

import numpy as np
import pytest

import hdsl
from hdsl.results.seeds import known_seed

TEXT = "y[i] ~ poisson(m[i])\nlog(m[i]) = b0 + u[g]\nu[g] ~ normal(0, s)"


def test_a_new_seed_gives_the_same_again() -> None:
    assert known_seed(known_seed(None)) >= 0
    assert known_seed(np.int64(7)) == 7  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_what_is_no_seed_is_refused(seed: int) -> None:
    model = hdsl.Model(TEXT)
    data = model.simulate({"b0": 1, "s": 0.5}, {"g": 8, "i": 5}, seed=1)
    fit = model.fit(data)
    for request in (
        lambda: model.simulate({"b0": 1, "s": 0.5}, {"g": 8, "i": 5}, seed=seed),
        lambda: model.power({"b0": 1, "s": 0.5}, {"g": 8, "i": 5}, "b0 = 0", n_simulations=3, seed=seed),
        lambda: fit.simulate(2, seed=seed),
        lambda: fit.bootstrap(3, seed=seed),
        lambda: fit.predictions(interval="prediction", seed=seed),
        lambda: hdsl.compare(
            fit,
            hdsl.Model(TEXT.replace(" + u[g]", "").splitlines()[0] + "\nlog(m[i]) = b0").fit(data),
            bootstrap=20,
            seed=seed,
        ),
    ):
        with pytest.raises(hdsl.FitError, match="is no seed"):
            request()


def test_too_few_replicates_for_a_p_value() -> None:
    data = hdsl.Model(TEXT).simulate({"b0": 1, "s": 0.5}, {"g": 8, "i": 5}, seed=1)
    fits = [hdsl.Model(text).fit(data) for text in (TEXT, "y[i] ~ poisson(m[i])\nlog(m[i]) = b0")]
    for n in (-5, 3):
        with pytest.raises(hdsl.FitError, match="too few"):
            hdsl.compare(*fits, bootstrap=n, seed=1)
