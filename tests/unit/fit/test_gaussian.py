"""Whole fits: the textbook density at the estimates, the user's scale, boundaries, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from hdsl.diagnostics import FitError
from hdsl.fit import FitOutcome, fit_gaussian
from hdsl.plan import Arrays, FixedSet, Plan, Product
from tests.unit.codegen.studies import (
    STUDIES,
    Floats,
    Study,
    block,
    codes,
    column,
    covariance,
    crossed,
    effects,
    full,
    model_matrix,
    nested,
    study,
    term,
    textbook,
    tied,
    with_sets,
)

FITTED = tuple(item for item in STUDIES if item.name not in {"with sets"})
every_study = pytest.mark.parametrize("study", FITTED, ids=lambda study: study.name)
every_method = pytest.mark.parametrize("method", ["ml", "reml"])


def fit(
    study: Study, method: str = "ml", start: Mapping[tuple[int, int, int] | str, float] | None = None
) -> FitOutcome:
    return fit_gaussian(study.plan, study.arrays, method=method, start=start)  # type: ignore[arg-type]


def sigmas(plan: Plan, theta: Floats) -> list[Floats]:
    return [covariance(plan, theta, f) for f in range(len(plan.re_terms))]


@every_study
@every_method
def test_outcome_is_the_textbook_at_its_own_estimates(study: Study, method: str) -> None:
    found = fit(study, method)
    reml = method == "reml"
    dense = textbook(study.plan, study.arrays, sigmas(study.plan, found.theta), reml=reml)
    n, p = model_matrix(study.plan, study.arrays).shape
    assert found.objective == pytest.approx(dense.objective, rel=1e-10)
    assert found.sigma == pytest.approx(np.sqrt(dense.r2 / (n - p * reml)), rel=1e-9)
    assert found.r2 == pytest.approx(dense.r2, rel=1e-9)
    assert found.logdet == pytest.approx(dense.logdet, rel=1e-8, abs=1e-8)
    np.testing.assert_allclose(found.beta, dense.beta, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.cov_beta, found.sigma**2 * dense.cov_beta, rtol=1e-7, atol=1e-9)
    for f, term_modes in enumerate(dense.modes):
        np.testing.assert_allclose(found.modes[f], term_modes, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.mode_cov[f], found.sigma**2 * dense.mode_cov[f], rtol=1e-6, atol=1e-8)
    for f, sigma in enumerate(sigmas(study.plan, found.theta)):
        np.testing.assert_allclose(found.sd[f], found.sigma * np.sqrt(sigma.diagonal()), rtol=1e-7, atol=1e-9)


@every_study
@every_method
def test_no_theta_nearby_is_better(study: Study, method: str) -> None:
    found = fit(study, method)
    assert found.status in {"converged", "boundary"}
    generator = np.random.default_rng(5)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(4):
            theta = found.theta + size * generator.normal(size=len(found.theta))
            near = textbook(study.plan, study.arrays, sigmas(study.plan, theta), reml=method == "reml")
            assert near.objective >= found.objective - 1e-7


def lively(base: Study) -> Study:
    """Return a study with slopes that vary in the groups of its first factor, and less noise: its optimum is inside."""
    generator = np.random.default_rng(8)
    groups, x = base.arrays.groups[0], base.arrays.x[0]
    slopes = generator.normal(size=groups.max() + 1)
    return replace(base, arrays=replace(base.arrays, y=2.0 * base.arrays.y + 3.0 * slopes[groups] * x))


def moved(study: Study, position: int, shift: float, scale: float) -> Study:
    x = list(study.arrays.x)
    x[position] = shift + scale * x[position]
    return replace(study, arrays=replace(study.arrays, x=tuple(x)))


@every_method
@pytest.mark.parametrize("shift", [1e3, -1e6])
def test_the_origin_of_a_covariate_changes_nothing(method: str, shift: float) -> None:
    here, there = lively(nested(2, 1)), moved(lively(nested(2, 1)), 0, shift, 1.0)
    a, b = fit(here, method), fit(there, method)
    assert b.status == a.status == "converged"
    assert b.objective == pytest.approx(a.objective, abs=1e-6)
    assert b.beta[1] == pytest.approx(a.beta[1], rel=1e-5)
    assert b.sd[0][1] == pytest.approx(a.sd[0][1], rel=1e-5)
    slope = a.variance_parameters.index((0, 1, 1))
    assert b.variance_cov[slope, slope] == pytest.approx(a.variance_cov[slope, slope], rel=1e-3)
    np.testing.assert_allclose(b.modes[0][:, 1], a.modes[0][:, 1], rtol=1e-4, atol=1e-6)


@every_method
def test_units_of_outcome_and_covariate(method: str) -> None:
    here = nested(2, 1)
    there = moved(here, 0, 0.0, 1e-4)
    there = replace(there, arrays=replace(there.arrays, y=1e5 * here.arrays.y))
    a, b = fit(here, method), fit(there, method)
    n, p = 60, 2
    rows = n - p * (method == "reml")
    change = 2 * rows * np.log(1e5) + (2 * np.log(1e-4) if method == "reml" else 0.0)
    assert b.objective == pytest.approx(a.objective + change, rel=1e-10)
    assert b.sigma == pytest.approx(1e5 * a.sigma, rel=1e-6)
    assert b.sd[0][1] == pytest.approx(1e9 * a.sd[0][1], rel=1e-5)
    np.testing.assert_allclose(b.beta, a.beta * [1e5, 1e9], rtol=1e-6)


@every_method
def test_fixed_effects_that_dwarf_the_rest(method: str) -> None:
    here = lively(nested(2, 1))
    there = replace(here, arrays=replace(here.arrays, y=here.arrays.y + 1e7 * here.arrays.x[0] - 1e8))
    a, b = fit(here, method), fit(there, method)
    assert b.objective == pytest.approx(a.objective, abs=1e-5)
    np.testing.assert_allclose(b.beta - [-1e8, 1e7], a.beta, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(b.cov_beta, a.cov_beta, rtol=1e-5)
    np.testing.assert_allclose(b.modes[0], a.modes[0], rtol=1e-4, atol=1e-5)


def unprofiled(study: Study, found: FitOutcome, values: Floats, *, reml: bool) -> float:
    """Return -2 log-likelihood at given standard deviations, correlations and sigma; fixed effects profiled out."""
    sigma = values[-1]
    sds, cors = [sd.copy() for sd in found.sd], [cor.copy() for cor in found.cor]
    for (f, r, c), value in zip(found.variance_parameters, values, strict=False):
        if r == c:
            sds[f][r] = value
        else:
            cors[f][r, c] = cors[f][c, r] = value
    relative = [np.outer(sd, sd) * cor / sigma**2 for sd, cor in zip(sds, cors, strict=True)]
    dense = textbook(study.plan, study.arrays, relative, reml=reml)
    n, p = model_matrix(study.plan, study.arrays).shape
    nn = n - p if reml else n
    profiled = nn * (1 + np.log(2 * np.pi * dense.r2 / nn))
    return dense.objective - profiled + nn * np.log(2 * np.pi * sigma**2) + dense.r2 / sigma**2


def two_effects() -> Study:
    """Return a study with an intercept and a slope in twenty groups."""
    return study("two effects", [term("j", effects(2), full(2, 0))], [codes(100, 20, 3)], chain=[0])


INSIDE = (lively(two_effects()), lively(nested(2, 1)), crossed((1, 1), [0], "sparse"))
"""Studies whose estimates are inside."""


@every_method
@pytest.mark.parametrize("study", INSIDE, ids=lambda study: study.name)
def test_variance_standard_errors_are_of_the_observed_information(study: Study, method: str) -> None:
    found, reml = fit(study, method), method == "reml"
    assert found.status == "converged"
    at = np.array([found.sd[f][r] if r == c else found.cor[f][r, c] for f, r, c in found.variance_parameters])
    at = np.append(at, found.sigma)
    k, h = len(at), 3e-4
    H = np.zeros((k, k))
    for i in range(k):
        for j in range(k):
            for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                step = h * (a * np.eye(k)[i] + b * np.eye(k)[j])
                H[i, j] += a * b * unprofiled(study, found, at + step, reml=reml) / (4 * h * h)
    np.testing.assert_allclose(found.variance_cov, np.linalg.inv(H / 2), rtol=2e-4, atol=1e-6)


def without_variance() -> Study:
    """Return a study whose groups have the same mean."""
    groups = np.repeat(np.arange(6), 5)
    base = study("flat", [term("j", effects(1), full(1, 0))], [groups], chain=[0], fixed=[column("b0")])
    y = np.tile([-2.0, -1.0, 0.0, 1.0, 2.0], 6)
    return replace(base, arrays=replace(base.arrays, y=y))


@every_method
@pytest.mark.parametrize("start", [None, {(0, 0, 0): 0.0}, {(0, 0, 0): 50.0}])
def test_a_variance_that_is_zero_is_exactly_zero(
    method: str, start: Mapping[tuple[int, int, int] | str, float] | None
) -> None:
    found = fit(without_variance(), method, start)
    assert found.status == "boundary"
    assert found.boundary == ((0, 0, 0),)
    assert found.sd[0][0] == 0.0
    assert np.all(found.modes[0] == 0.0)
    assert np.isnan(found.variance_cov[0]).all()
    n = 30
    assert found.variance_cov[1, 1] == pytest.approx(found.sigma**2 / (2 * (n - (method == "reml"))), rel=1e-6)
    assert "boundary" in found.message


@pytest.mark.parametrize(
    "zeros", [((0, 0, 0),), ((0, 0, 0), (0, 1, 1)), ((1, 0, 0),), ((0, 0, 0), (0, 1, 1), (1, 0, 0))]
)
def test_a_start_without_variance_is_left(zeros: tuple[tuple[int, int, int], ...]) -> None:
    item = nested(2, 1)
    found = fit(item, start=dict.fromkeys(zeros, 0.0))
    assert found.objective == pytest.approx(fit(item).objective, abs=1e-6)


def perfectly_correlated(sign: float) -> Study:
    """Return a study whose slopes are multiples of its intercepts."""
    generator = np.random.default_rng(3)
    base = study("line", [term("j", effects(2), full(2, 0))], [np.repeat(np.arange(12), 8)], chain=[0])
    u = generator.normal(size=12)[base.arrays.groups[0]]
    y = 2.0 + u * (2.0 + sign * base.arrays.x[0]) + 0.5 * generator.normal(size=len(u))
    return replace(base, arrays=replace(base.arrays, y=y))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_correlation_at_its_edge(sign: float) -> None:
    found = fit(perfectly_correlated(sign))
    assert found.status == "boundary"
    assert found.boundary == ((0, 1, 0),)
    assert found.cor[0][1, 0] == sign
    se = np.sqrt(np.diag(found.variance_cov))
    assert np.isnan(se[1])
    assert np.all(np.isfinite(se[[0, 2, 3]]))


def test_aliased_columns_are_dropped_left_to_right() -> None:
    item = nested(1, 1)
    fixed = [column("b0"), column("b1", 0), column("b2", 0, scale=3.0), column("b3", 1), column("b4", scale=2.0)]
    wide = replace(item, plan=replace(item.plan, fixed=tuple(fixed)))
    narrow = replace(item, plan=replace(item.plan, fixed=(fixed[0], fixed[1], fixed[3])))
    a, b = fit(wide, "reml"), fit(narrow, "reml")
    assert a.aliased == (2, 4)
    assert np.isnan(a.beta[[2, 4]]).all()
    assert np.isnan(a.cov_beta[2]).all()
    kept = [0, 1, 3]
    np.testing.assert_allclose(a.beta[kept], b.beta, rtol=1e-9)
    np.testing.assert_allclose(a.cov_beta[np.ix_(kept, kept)], b.cov_beta, rtol=1e-9)
    assert a.objective == pytest.approx(b.objective, rel=1e-12)


def test_a_set_beside_an_intercept_loses_a_column() -> None:
    item = with_sets()
    fixed = (column("b0"), FixedSet(symbol="a", products=(Product(scale=1.0, factors=()),), codes=0))
    full_set = replace(item, plan=replace(item.plan, fixed=fixed, intercept=0))
    found = fit(full_set)
    assert found.aliased == (4,)
    without = item.arrays.sets[0].copy()
    without[without == 3] = -1
    reduced = replace(full_set, arrays=replace(item.arrays, sets=(without, item.arrays.sets[1])))
    assert fit(reduced).objective == pytest.approx(found.objective, rel=1e-12)
    np.testing.assert_allclose(fit(reduced).beta, found.beta[:4], rtol=1e-8)


@every_method
def test_sets_without_an_intercept(method: str) -> None:
    item = with_sets()
    found = fit(item, method)
    dense = textbook(item.plan, item.arrays, sigmas(item.plan, found.theta), reml=method == "reml")
    assert found.objective == pytest.approx(dense.objective, rel=1e-10)
    np.testing.assert_allclose(found.beta, dense.beta, rtol=1e-7)


def test_ordinary_least_squares() -> None:
    base = nested(1, 1)
    item = replace(base, plan=replace(base.plan, re_terms=(), chain=(), n_theta=0, diagonal_theta=()))
    item = replace(item, arrays=replace(item.arrays, groups=()))
    X, y = model_matrix(item.plan, item.arrays), item.arrays.y
    beta, rss, *_ = np.linalg.lstsq(X, y, rcond=None)
    found = fit(item, "reml")
    np.testing.assert_allclose(found.beta, beta, rtol=1e-10)
    assert found.sigma == pytest.approx(np.sqrt(rss[0] / 58), rel=1e-10)
    assert found.variance_cov[0, 0] == pytest.approx(found.sigma**2 / (2 * 58), rel=1e-8)
    assert (found.status, found.modes, found.theta.size) == ("converged", (), 0)


def test_tied_standard_deviations() -> None:
    item = tied()
    found = fit(item)
    assert found.sd[0][0] == pytest.approx(found.sd[0][1], rel=1e-12)
    assert found.sd[1][0] == pytest.approx(found.sigma, rel=1e-12)
    assert found.variance_parameters == ((0, 0, 0), (1, 1, 1))


def test_start_is_on_the_natural_scale() -> None:
    item = crossed((1, 2), [0], "dense")
    found = fit(item)
    values = {(f, r, c): found.sd[f][r] if r == c else found.cor[f][r, c] for f, r, c in found.variance_parameters}
    again = fit(item, start={**values, "sigma": found.sigma})
    assert again.n_evaluations < found.n_evaluations
    assert again.objective == pytest.approx(found.objective, abs=1e-7)


def refused(plan: Plan, arrays: Arrays, **more: object) -> str:
    with pytest.raises(FitError) as caught:
        fit_gaussian(plan, arrays, **more)  # type: ignore[arg-type]
    return caught.value.code


def test_refusals() -> None:
    item = nested(1, 1)
    plan, arrays = item.plan, item.arrays
    few = [np.zeros(2, dtype=np.intp), np.zeros(2, dtype=np.intp)]
    two = replace(arrays, y=arrays.y[:2], x=tuple(x[:2] for x in arrays.x), groups=tuple(few))
    assert refused(plan, two) == refused(plan, two, method="reml") == "HM504"
    for value in (np.nan, np.inf):
        y, x = arrays.y.copy(), arrays.x[0].copy()
        y[3] = x[3] = value
        assert refused(plan, replace(arrays, y=y)) == "HM506"
        assert refused(plan, replace(arrays, x=(x, *arrays.x[1:]))) == "HM506"
    assert refused(plan, arrays, start={(7, 0, 0): 1.0}) == "HM508"
    wide = crossed((1, 1), [0], "sparse")
    many = replace(wide.arrays, groups=(wide.arrays.groups[0], np.arange(60) * 10_000))
    assert refused(wide.plan, many) == "HM509"
    assert refused(plan, arrays, start={"sigma": np.nan}) == "HM506"
    assert refused(plan, replace(arrays, y=np.full(60, 3.0))) == "HM511"
    assert refused(plan, replace(arrays, y=1.0 + 2.0 * arrays.x[0])) == "HM511"
    assert refused(plan, replace(arrays, y=1.0 + np.sqrt(arrays.groups[0]))) == "HM511"


def test_groups_of_one_row_and_relabelled_groups() -> None:
    item = nested(2, 1)
    generator = np.random.default_rng(0)
    new = [generator.permutation(g.max() + 1) for g in item.arrays.groups]
    relabelled = tuple(labels[g] for labels, g in zip(new, item.arrays.groups, strict=True))
    a, b = fit(item), fit(replace(item, arrays=replace(item.arrays, groups=relabelled)))
    assert np.bincount(codes(40, 9, 3)).min() >= 1
    assert b.objective == pytest.approx(a.objective, abs=1e-9)
    for f, labels in enumerate(new):
        np.testing.assert_allclose(b.modes[f][labels], a.modes[f], rtol=1e-6, atol=1e-8)


def test_two_blocks_have_no_correlation_between_them() -> None:
    terms = [term("j", effects(3), block([0, 1], [0, 1, 2]), block([2], [3]))]
    found = fit(study("two", terms, [codes(80, 9, 3)], chain=[0]))
    assert found.cor[0][2, 0] == found.cor[0][2, 1] == 0.0 or found.sd[0][2] == 0.0
    assert (0, 2, 0) not in found.variance_parameters
