"""Standardised columns that are computed where they are read give the sums that stored ones give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.codegen import emit, load
from hdsl.fit.criterion import Prepared, prepared
from hdsl.fit.iterating.engine import engine
from hdsl.fit.standardise import Columns, Standardised
from hdsl.runtime.rows import PART

NESTED = """
index j = g in k
index k = h
y[i] ~ normal(b0[j] + b1[j]*x[i] + b2*x[i]*z[i], sd)
(b0[j], b1[j]) ~ mvnormal((b0[k], b1[k]), O_j)
(b0[k], b1[k]) ~ mvnormal((b0, b1), O_k)
"""

CROSSED = """
y[i] ~ normal(b0 + b1*x[i] + u[g] + v[g]*z[i] + w[c] + a[t]*z[i] + e[t], sd)
u[g] ~ normal(0, sd_u)
v[g] ~ normal(0, sd_v)
w[c] ~ normal(0, sd_w)
a[t] ~ flat()
e[t] ~ flat()
"""

OFFSET = "y[i] ~ normal(z[i] + b0[g] + b1*x[i], sd)\nb0[g] ~ normal(b0, sd_g)\n"


def rows(noise: float = 1.0) -> pd.DataFrame:
    """Return more rows than one part holds; a covariate lies far from zero."""
    generator, n = np.random.default_rng(3), 2 * PART + 17
    g = generator.integers(0, 400, n)
    x, z = 1e6 + 3.0 * generator.normal(size=n), generator.normal(size=n)
    y = 1.0 + 0.5 * (x - 1e6) + z + noise * (generator.normal(size=400)[g] + generator.normal(size=n))
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g, "h": g // 20, "c": generator.integers(0, 30, n), "t": g % 3})


def both(text: str, data: pd.DataFrame, **options: Any) -> tuple[Prepared, Prepared]:
    """Return cross-products of columns that are stored, and of columns that are not."""
    design = hdsl.Model(text).bind(data, **options)
    emitted = engine(design.plan) if options else load(emit(design.plan))
    stored, unstored = (
        prepared(design.plan, design.arrays, emitted, Columns(is_stored=stored)) for stored in (True, False)
    )
    assert not any(isinstance(column, Standardised) for column in (*stored.X, stored.outcome.values))
    return stored, unstored


@pytest.mark.parametrize(
    ("text", "options"), [(NESTED, {}), (CROSSED, {}), (CROSSED, {"crossed": "iterative"}), (OFFSET, {})]
)
def test_sums_are_those_of_stored_columns(text: str, options: dict[str, str]) -> None:
    stored, unstored = both(text, rows(), **options)
    assert any(isinstance(column, Standardised) for column in unstored.X)
    assert isinstance(unstored.outcome.values, Standardised)
    for one, other in zip(stored.X, unstored.X, strict=True):
        for a, b in zip(*((part if isinstance(part, tuple) else (part,)) for part in (one, other)), strict=True):
            np.testing.assert_array_equal(a, np.asarray(b))
    names = [name for name in stored.cross._fields if isinstance(getattr(stored.cross, name), np.ndarray)]
    assert "C" in names
    for name in names:
        np.testing.assert_allclose(getattr(unstored.cross, name), getattr(stored.cross, name), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(unstored.base, stored.base, rtol=1e-10, atol=1e-12)


def test_an_outcome_that_is_nearly_fitted_keeps_its_digits() -> None:
    stored, unstored = both(OFFSET, rows(noise=1e-6))
    assert stored.outcome.base.any()
    assert unstored.outcome.scale == pytest.approx(stored.outcome.scale, rel=1e-9)
    np.testing.assert_allclose(unstored.outcome.values, stored.outcome.values, rtol=1e-6, atol=1e-9)


def test_a_column_is_the_same_in_parts_and_as_a_whole() -> None:
    values = np.random.default_rng(0).normal(size=PART + 5)
    column = Standardised(values, 2.0, 0.25)
    np.testing.assert_array_equal(np.asarray(column), (values - 2.0) / 0.25)
    np.testing.assert_array_equal(column[PART - 3 : PART + 2], np.asarray(column)[PART - 3 : PART + 2])
    assert len(column) == len(values)
