"""Tails of t against SciPy's, from a third of a degree of freedom to a million."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from hdsl.results.inference.tails import t_quantile, two_sided

DF = np.array([0.3, 1.0, 1.7, 2.0, 4.0, 9.9, 17.0, 100.3, 1e3, 1e4, 1e5, 9e5])


@pytest.mark.parametrize("t", [0.0, 1e-3, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 37.0])
def test_two_sided(t):
    expected = 2.0 * special.stdtr(DF, -t)
    np.testing.assert_allclose(two_sided(np.full(len(DF), -t), DF), expected, rtol=2e-8)
    np.testing.assert_allclose(two_sided(np.full(len(DF), t), DF), expected, rtol=2e-8)


@pytest.mark.parametrize("t", [0.01, 0.7, 2.0, 4.0])
def test_beyond_a_million_it_is_nearly_normal(t):
    df = np.array([1.1e6, 1e8, 1e12])
    np.testing.assert_allclose(two_sided(np.full(3, t), df), 2.0 * special.stdtr(df, -t), rtol=1e-6)
    assert two_sided([t], [np.inf]) == pytest.approx(2.0 * special.ndtr(-t), rel=1e-14)


def test_what_is_missing_stays_missing():
    assert np.isnan(two_sided([np.nan, 1.0, np.nan], [3.0, np.nan, np.inf])).all()


def test_quantiles_are_where_the_tails_are():
    df = np.array([1.0, 5.5, 80.0, np.inf])
    np.testing.assert_allclose(two_sided(t_quantile(0.9, df), df), 0.1, rtol=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.95, 0.999999])
def test_quantiles(share):
    df = np.append(DF, [1.1e6, 1e9])
    np.testing.assert_allclose(t_quantile(share, df), special.stdtrit(df, 0.5 + share / 2.0), rtol=2e-9)
    assert t_quantile(share, np.array([np.inf]))[0] == pytest.approx(special.ndtri(0.5 + share / 2.0), rel=1e-14)
    assert np.isnan(t_quantile(share, np.array([np.nan]))).all()
