"""Primitives against plain linear algebra, where the tests of whole likelihoods do not reach."""

from __future__ import annotations

import numpy as np
import pytest

from hdsl.fit import criterion, fit_gaussian
from hdsl.runtime import GroupSums, blocks, channel_columns, constant, gram, indicators, nest, ridge_inverse, root
from hdsl.runtime.cells import numbered, occupied
from hdsl.runtime.weighted import Scatter
from tests.unit.codegen.studies import Floats, codes, crossed, parents


def groups_of_matrices(q: int, size: int) -> Floats:
    """Return positive semidefinite matrices, (q, q, J), some of low rank."""
    generator = np.random.default_rng(q)
    half = generator.normal(size=(size, q, max(1, q - 1)))
    return np.ascontiguousarray((half @ half.transpose(0, 2, 1)).transpose(1, 2, 0))


@pytest.mark.parametrize("q", [1, 2, 3, 5, 8, 9, 12])
def test_ridge_inverse(q: int) -> None:
    A = groups_of_matrices(q, 7)
    L = np.tril(np.random.default_rng(0).normal(size=(q, q)))
    sigma = L @ L.T
    K, logdet = ridge_inverse(A, L)
    determinants = 0.0
    for j in range(7):
        a = A[:, :, j]
        np.testing.assert_allclose(K[:, :, j], sigma @ np.linalg.inv(np.eye(q) + a @ sigma), rtol=1e-8, atol=1e-10)
        determinants += np.linalg.slogdet(np.eye(q) + a @ sigma)[1]
    assert logdet == pytest.approx(determinants, rel=1e-10)


def test_both_ways_to_invert_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    A, L = groups_of_matrices(4, 9), np.tril(np.ones((4, 4)))
    unrolled = ridge_inverse(A, L)
    monkeypatch.setattr(blocks, "UNROLLED_WIDTH", 0)
    batched = ridge_inverse(A, L)
    np.testing.assert_allclose(unrolled[0], batched[0], rtol=1e-10, atol=1e-12)
    assert unrolled[1] == pytest.approx(batched[1], rel=1e-12)


def test_sums_of_constant_columns() -> None:
    group, n = codes(30, 4, 1), 30
    x = np.random.default_rng(1).normal(size=n)
    rows = GroupSums(group, 4)
    two, three = constant(2.0, n), constant(3.0, n)
    found = rows.cross((two, x), (three, x))
    for j in range(4):
        own = x[group == j]
        expected = [[6.0 * len(own), 2.0 * own.sum()], [3.0 * own.sum(), own @ own]]
        np.testing.assert_allclose(found[:, :, j], expected, rtol=1e-12)


def test_gram_of_indicators() -> None:
    generator = np.random.default_rng(2)
    x, v = generator.normal(size=(2, 40))
    first, second = codes(40, 5, 1), codes(40, 4, 2) - 1  # -1 is in no column
    parts = [x, *indicators(first, (v, constant(1.0, 40))), *indicators(second, (x,))]
    dense = [
        x[:, None],
        np.eye(5)[first] * v[:, None],
        np.eye(5)[first],
        np.vstack((np.eye(3), np.zeros(3)))[second] * x[:, None],
    ]
    full = np.hstack(dense)
    np.testing.assert_allclose(gram(parts), full.T @ full, rtol=1e-12, atol=1e-12)


def test_nest_puts_children_together() -> None:
    fine = codes(50, 12, 1)
    middle = parents(fine, 5, 2)
    coarse = parents(middle, 2, 3)
    chain = nest(fine, middle, coarse)
    assert chain.sizes == (12, 5, 2)
    for k, groups in enumerate((fine, middle)):
        assert np.all(np.diff(chain.parents[k]) >= 0)
        assert len(chain.starts[k]) == chain.sizes[k + 1]
        assert sorted(chain.order[k]) == list(range(chain.sizes[k]))
        assert len(np.unique(groups)) == chain.sizes[k]
    np.testing.assert_array_equal(chain.order[0][chain.codes], fine)
    np.testing.assert_array_equal(chain.order[1][chain.parents[0][chain.codes]], middle)
    np.testing.assert_array_equal(chain.order[2][chain.parents[1][chain.parents[0][chain.codes]]], coarse)


def test_cells_are_the_occupied_ones() -> None:
    generator = np.random.default_rng(4)
    group, other = codes(60, 15, 1), codes(60, 6, 2)
    v, z = generator.normal(size=(2, 60))
    cells = occupied(group, indicators(other, (constant(1.0, 60), v)))
    D = np.hstack((np.eye(6)[other], np.eye(6)[other] * v[:, None]))
    Z = np.eye(15)[group] * z[:, None]
    dense = np.zeros((15, 12))
    dense[cells.group, cells.column] = cells.cross((z,))[0, 0]
    np.testing.assert_allclose(dense, Z.T @ D, rtol=1e-12, atol=1e-12)
    assert len(cells.group) == 2 * len(np.unique(group * 6 + other))
    N = cells.cross((z,))
    K = generator.uniform(0.5, 2.0, size=(1, 1, 15))
    out = np.zeros((12, 12))
    cells.take_out(out, N, K)
    np.testing.assert_allclose(-out, dense.T @ (K[0, 0][:, None] * dense), rtol=1e-11, atol=1e-11)
    C = generator.normal(size=(12, 12))
    C = C + C.T
    expected = (dense @ C)[cells.group, cells.column]
    np.testing.assert_allclose(cells.pair_product(N, C)[0, 0], expected, rtol=1e-11, atol=1e-11)
    quadratic = np.einsum("jc,cd,jd->j", dense, C, dense)
    np.testing.assert_allclose(cells.quadratic(N, C)[0, 0], quadratic, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("bound", [50, 10**8])
def test_numbered(bound: int) -> None:
    keys = np.random.default_rng(6).integers(0, 50, 40)
    found, position = numbered(keys, bound)
    np.testing.assert_array_equal(found, np.unique(keys))
    np.testing.assert_array_equal(found[position], keys)


@pytest.mark.parametrize("step", [2, 3, 100])
def test_mirrored(step: int) -> None:
    M = np.random.default_rng(7).normal(size=(7, 7))
    expected = np.tril(M) + np.tril(M, -1).T
    np.testing.assert_array_equal(root.mirrored(M, step), expected)


def test_cells_of_several_effects() -> None:
    generator = np.random.default_rng(5)
    group, other = codes(60, 15, 1), codes(60, 6, 2)
    z, v = generator.normal(size=(2, 60))
    cells = occupied(group, indicators(other, (constant(1.0, 60),)))
    N = cells.cross((z, v))
    dense = np.zeros((2, 15, 6))
    dense[:, cells.group, cells.column] = N[:, 0]
    K = generator.normal(size=(2, 2, 15))
    K = K + K.transpose(1, 0, 2)
    out = np.zeros((7, 7))
    cells.take_out(out, N, K)
    expected = np.einsum("ajc,abj,bjd->cd", dense, K, dense)
    np.testing.assert_allclose(-out[:6, :6], expected, rtol=1e-11, atol=1e-11)
    assert not out[6].any()
    C = generator.normal(size=(6, 6))
    C = C + C.T
    expected = np.einsum("ajc,cd,bjd->abj", dense, C, dense)
    np.testing.assert_allclose(cells.quadratic(N, C), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_large_roots_go_to_lapack_and_give_the_same(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    item = crossed((1, 2), [0], "sparse")
    small = fit_gaussian(item.plan, item.arrays, method=method)  # type: ignore[arg-type]
    monkeypatch.setattr(root, "LAPACK_SIZE", 1)
    monkeypatch.setattr(criterion, "LAPACK_SIZE", 1)
    large = fit_gaussian(item.plan, item.arrays, method=method)  # type: ignore[arg-type]
    assert large.objective == pytest.approx(small.objective, abs=1e-9)
    np.testing.assert_allclose(large.theta, small.theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(large.variance_cov, small.variance_cov, rtol=2e-3, atol=1e-8)


def test_a_matrix_that_is_not_positive_definite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root, "LAPACK_SIZE", 1)
    with pytest.raises(np.linalg.LinAlgError):
        root.cholesky(-np.eye(3))


@pytest.mark.parametrize("sizes", [(3, 2), (12, 3), (12, 15)])
def test_columns_of_sets_are_those_of_a_matrix(sizes: tuple[int, ...]) -> None:
    generator = np.random.default_rng(5)
    n = 60
    column, weights = generator.normal(size=n), generator.normal(size=n)
    sets = [indicators(generator.integers(-1, size, n), (generator.normal(size=n),))[0] for size in sizes]
    for block in sets:
        block.codes[0] = block.size - 1
    own = channel_columns([((0, sets[0]),), ((0, column),), ((0, sets[1]),)], 0, np.arange(n))
    first, second = ((np.arange(b.size) == b.codes[:, None]) * b.values[:, None] for b in sets)
    X = np.hstack((first, column[:, None], second))
    p = X.shape[1]
    beta = generator.normal(size=p)
    np.testing.assert_allclose(own.times(beta), X @ beta)
    np.testing.assert_allclose(own.t_times(weights), (X.T @ weights)[own.places])
    product = np.zeros((p, p))
    own.add_products(product, weights, own)
    np.testing.assert_allclose(product, X.T @ (weights[:, None] * X), atol=1e-12)
    groups = np.sort(generator.integers(0, 7, n))
    sums = np.zeros((p, 7))
    own.add_sums(sums, Scatter(groups), weights)
    np.testing.assert_allclose(sums, [np.bincount(groups, weights * x, minlength=7) for x in X.T], atol=1e-12)


@pytest.mark.parametrize("p", [0, 1, 2, 3, 7])
def test_inverse_of_a_cholesky_factor(p: int) -> None:
    half = np.random.default_rng(p).normal(size=(p, p + 2))
    M = half @ half.T
    inverse, logdet = root.inverse_factor(M)
    np.testing.assert_allclose(inverse @ M @ inverse.T, np.eye(p), atol=1e-12)
    np.testing.assert_allclose(inverse, np.tril(inverse), atol=1e-14)
    assert logdet == pytest.approx(np.linalg.slogdet(M)[1], abs=1e-12)


@pytest.mark.parametrize("M", [[[-1.0]], [[0.0]], [[np.nan]], [[1.0, 2.0], [2.0, 3.0]], [[0.0, 1.0], [1.0, 1.0]]])
def test_what_is_not_positive_definite_has_no_cholesky_factor(M: list[list[float]]) -> None:
    with pytest.raises(np.linalg.LinAlgError):
        root.inverse_factor(np.array(M))
