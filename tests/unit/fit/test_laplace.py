"""The Laplace criterion against dense algebra, and its gradient against differences, for everything that it takes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hdsl.codegen import emit
from hdsl.fit.laplace import Laplace, Point, laplace
from hdsl.fit.repeats import arrays_at, without_repeats
from hdsl.runtime import Scatter, positive_part
from tests.unit.codegen.studies import STUDIES, Floats, Study, crossed, nested, one_factor
from tests.unit.fit.dense import DenseLaplace
from tests.unit.fit.laplace_studies import BY_LINK, EXACT, SEVERAL, STRUCTURES, beyond, of_family


def somewhere(problem: Laplace, spread: float = 0.5, level: float = 1.0) -> tuple[Floats, Floats]:
    """Return beta and theta away from any symmetry."""
    generator = np.random.default_rng(len(problem.kept) + 10 * problem.plan.n_theta)
    beta = spread * generator.uniform(-1.0, 1.0, len(problem.kept))
    diagonal = np.array(problem.plan.diagonal_theta, dtype=bool)
    sizes = generator.uniform(0.5, 1.3, len(diagonal)) * level
    return beta, np.where(diagonal, sizes, generator.uniform(-0.4, 0.4, len(diagonal)) * level)


def difference(problem: Laplace, at: Point, direction: Floats, h: float) -> float:
    """Return the derivative of the objective along a direction, by central differences of fourth order."""
    p = len(at.beta)

    def value(step: float) -> float:
        return problem.evaluate(at.beta + step * direction[:p], at.theta + step * direction[p:], at).objective

    return (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h)


def assert_gradient(problem: Laplace, at: Point, n_directions: int | None = None, h: float = 1e-3) -> None:
    """Hold the gradient against differences along axes, or along some random directions."""
    assert at.is_mode
    gradient = problem.slope(at).gradient
    size = len(gradient)
    generator = np.random.default_rng(1)
    directions = np.eye(size) if n_directions is None else generator.choice([-1.0, 1.0], (n_directions, size))
    for direction in directions:
        expected = difference(problem, at, direction, h)
        assert gradient @ direction == pytest.approx(expected, rel=1e-6, abs=2e-6 * (1.0 + np.abs(gradient).max()))


def level(study: Study) -> float:
    """Return how large standard deviations are; with a scale that varies much, some rows would be fitted exactly."""
    return 0.3 if study.name.startswith("normal") else 1.0


@pytest.mark.parametrize("study", [*STRUCTURES, *SEVERAL], ids=lambda study: study.name)
def test_gradient_of_every_structure(study: Study) -> None:
    problem = laplace(study.plan, study.arrays)
    assert_gradient(problem, problem.evaluate(*somewhere(problem, level=level(study))), n_directions=4)


def check_family(study: Study, name: str, link: str) -> None:
    made, spread = of_family(study, name, link)
    problem = laplace(made.plan, made.arrays)
    beta, theta = somewhere(problem, spread, spread / 3.0)
    assert_gradient(problem, problem.evaluate(beta / np.maximum(1.0, len(beta)), theta), 2, spread * 3e-3)


@pytest.mark.parametrize(("name", "link"), BY_LINK)
def test_gradient_of_every_family_by_every_link(name: str, link: str) -> None:
    check_family(one_factor(2), name, link)
    check_family(crossed((1, 2, 1), [0, 1], "sparse"), name, link)


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
@pytest.mark.parametrize(("name", "link"), BY_LINK)
def test_gradient_of_every_family_link_and_structure(study: Study, name: str, link: str) -> None:
    check_family(study, name, link)


@pytest.mark.parametrize("name", EXACT)
def test_everything_against_dense_algebra(name: str) -> None:
    study, value = EXACT[name]
    problem = laplace(study.plan, study.arrays)
    at = problem.evaluate(*somewhere(problem, level=level(study)))
    dense = DenseLaplace(study.plan, beyond(study).arrays, value)
    there = dense.evaluate(problem.user_beta(at), problem.user_theta(at.factors))
    assert at.objective == pytest.approx(there.objective, rel=1e-10, abs=1e-7)
    assert at.logdet == pytest.approx(there.logdet, rel=1e-9, abs=1e-7)
    finite = np.isfinite(problem.eta(at))
    np.testing.assert_allclose(problem.eta(at)[finite], dense.eta(there)[finite], rtol=1e-6, atol=1e-7)
    for ours, theirs in zip(problem.modes(at), dense.modes(there), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    for ours, theirs in zip(problem.mode_covariances(at), dense.mode_covariances(there), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)
    slope, other = problem.slope(at), dense.slope(there)
    p = len(at.beta)
    back = problem.to_user
    np.testing.assert_allclose(slope.gradient[:p], back.T @ other.gradient[:p], rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(slope.hessian[:p, :p], back.T @ other.hessian[:p, :p] @ back, rtol=1e-6, atol=1e-5)
    for T, ours, theirs in zip(problem.T, slope.by_covariance, other.by_covariance, strict=True):
        np.testing.assert_allclose(T.T @ ours @ T, theirs, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("study", STRUCTURES, ids=lambda study: study.name)
def test_the_refined_hessian_has_the_mixed_derivatives_of_the_penalised_deviance(study: Study) -> None:
    problem = laplace(study.plan, study.arrays)
    at = problem.evaluate(*somewhere(problem))
    slope, p, h = problem.slope(at), len(at.beta), 2e-3
    if slope.refined is None:
        assert not p or not len(at.theta)
        return
    refined = slope.refined()
    np.testing.assert_array_equal(refined[:p, :p], slope.hessian[:p, :p])
    np.testing.assert_array_equal(refined[p:, p:], slope.hessian[p:, p:])
    np.testing.assert_array_equal(refined[:p, p:], refined[p:, :p].T)

    def penalised(a: float, b: float) -> float:
        there = problem.evaluate(at.beta + a * h * left, at.theta + b * h * right, at)
        return there.objective - there.logdet

    generator = np.random.default_rng(2)
    for _ in range(3):
        left, right = (generator.choice([-1.0, 1.0], size) for size in (p, len(at.theta)))
        corners = [a * b * penalised(a, b) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
        assert left @ refined[:p, p:] @ right == pytest.approx(sum(corners) / (4.0 * h**2), rel=1e-4, abs=2e-4)


def test_singular_covariances() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("nested (2, 2, 1), bernoulli")]
    problem = laplace(study.plan, study.arrays)
    beta, theta = somewhere(problem)
    for entries in ([2], [0, 1], [0, 1, 2], [6], list(range(problem.plan.n_theta))):
        singular = theta.copy()
        singular[entries] = 0.0
        at = problem.evaluate(beta, singular, problem.evaluate(beta, singular))
        assert_gradient(problem, at)
        G = problem.slope(at).by_covariance  # derivatives into the inside, where there is no variance
        for f, L in enumerate(at.factors):
            h = 1e-5
            move = h * np.eye(len(L))
            value = _at_covariance(problem, at, f, L @ L.T + move) - at.objective
            assert value / h == pytest.approx(np.trace(G[f]), rel=2e-3, abs=1e-3)


def _at_covariance(problem: Laplace, at: Point, f: int, sigma: Floats) -> float:
    """Return the objective with another covariance of one factor."""
    roots = [np.linalg.solve(T, L) for T, L in zip(problem.T, at.factors, strict=True)]
    roots[f] = np.linalg.solve(problem.T[f], np.linalg.cholesky(sigma))
    return problem.evaluate(at.beta, problem.theta_from(roots), at).objective


def test_without_variance_it_is_a_generalised_linear_model() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("one factor, width 2, bernoulli")]
    problem = laplace(study.plan, study.arrays)
    beta = np.array([0.3, -0.4])
    at = problem.evaluate(beta, np.zeros(3))
    eta = problem.eta(at)[:, 0]
    value = study.arrays.y @ eta - np.log1p(np.exp(eta)).sum()
    assert at.objective == pytest.approx(-2.0 * value, rel=1e-13)
    assert at.logdet == 0.0


@pytest.mark.parametrize("size", [30.0, 300.0, 700.0])
def test_large_predictors(size: float) -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("crossed (2, 1) chain [0] dense, bernoulli")]
    problem = laplace(study.plan, study.arrays)
    _, theta = somewhere(problem)
    at = problem.evaluate(np.array([size, 0.1]), theta)
    assert at.is_mode
    assert np.isfinite(at.objective)
    assert np.all(np.isfinite(problem.slope(at).gradient))
    assert np.all(np.isfinite(problem.slope(at).hessian))


def test_a_start_far_off_does_no_harm() -> None:
    study, _ = of_family(one_factor(2), "poisson", "log")
    problem = laplace(study.plan, study.arrays)
    beta, theta = np.array([0.2, 0.1]), np.array([0.4, 0.1, 0.3])
    cold = problem.evaluate(beta, theta)
    far = replace(cold, v=tuple(1e6 * (v + 1.0) for v in cold.v))
    assert problem.evaluate(beta, theta, far).objective == pytest.approx(cold.objective, rel=1e-12)


def test_a_start_nearby_saves_iterations() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("crossed (1, 2) chain [0] sparse, bernoulli")]
    problem = laplace(study.plan, study.arrays)
    beta, theta = somewhere(problem)
    at = problem.evaluate(beta, theta)
    problem.slope(at)
    again = problem.evaluate(beta, theta, at)
    near = problem.evaluate(beta + 1e-4, theta + 1e-4, at)
    assert again.n_inner == 1
    assert near.n_inner <= 2
    assert near.objective == pytest.approx(problem.evaluate(beta + 1e-4, theta + 1e-4).objective, rel=1e-10)


def test_a_step_that_goes_far_down_needs_no_exact_mode() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("one factor, width 2, bernoulli")]
    problem = laplace(study.plan, study.arrays)
    beta, theta = somewhere(problem)
    at = problem.evaluate(beta + 2.0, theta)
    assert problem.slope(at).gradient[: len(beta)].sum() > 0.0
    rough = problem.evaluate(beta, theta, at, rough=True)
    exact = problem.evaluate(beta, theta, at)
    assert rough.is_rough
    assert not exact.is_rough
    assert rough.n_inner < exact.n_inner
    assert abs(rough.objective - exact.objective) < 1e-2 * (at.objective - exact.objective)
    assert exact.objective == pytest.approx(problem.evaluate(beta, theta).objective, rel=1e-12)


def test_the_first_step_of_the_effects_is_known_where_they_have_no_spread() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("one factor, width 2, bernoulli")]
    problem = laplace(study.plan, study.arrays)
    beta, theta = somewhere(problem)
    still = problem.evaluate(beta, np.zeros(len(theta)))
    near, cold = problem.evaluate(beta, theta, still), problem.evaluate(beta, theta)
    assert near.n_inner == cold.n_inner - 1
    assert near.objective == pytest.approx(cold.objective, rel=1e-12)


def test_order_of_rows_changes_nothing() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("reversed positions, bernoulli")]
    arrays = study.arrays
    place = np.random.default_rng(3).permutation(len(arrays.y))
    shuffled = replace(
        arrays, y=arrays.y[place], x=tuple(x[place] for x in arrays.x), groups=tuple(g[place] for g in arrays.groups)
    )
    problem, other = laplace(study.plan, arrays), laplace(study.plan, shuffled)
    at, there = (p.evaluate(*somewhere(problem)) for p in (problem, other))
    assert at.objective == pytest.approx(there.objective, rel=1e-12)
    np.testing.assert_allclose(problem.eta(at)[place], other.eta(there), rtol=1e-9)
    for a, b in zip(problem.modes(at), other.modes(there), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["crossed (2, 1) chain [0] sparse, bernoulli", "zero inflated, tied"])
def test_equal_rows_are_counted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = next(study for study in (*STRUCTURES, *SEVERAL) if study.name == name)
    times = np.random.default_rng(4).integers(1, 80, len(study.arrays.y))
    place = np.random.default_rng(5).permutation(np.repeat(np.arange(len(times)), times))
    arrays = arrays_at(study.arrays, place)
    problem = laplace(study.plan, arrays)
    assert problem.repeats is not None
    assert len(problem.repeats.times) == len(study.arrays.y)
    monkeypatch.setattr("hdsl.fit.repeats.FEWEST", 10**9)
    other = laplace(study.plan, arrays)
    assert other.repeats is None
    beta, theta = somewhere(problem)
    at = problem.evaluate(beta, theta)
    there = other.evaluate(
        other.beta_from(problem.user_beta(at)),
        other.theta_from([np.linalg.solve(T, L) for T, L in zip(problem.T, at.factors, strict=True)]),
    )
    assert at.objective == pytest.approx(there.objective, rel=1e-11)
    np.testing.assert_allclose(problem.eta(at), other.eta(there), rtol=1e-6, atol=1e-8)
    assert_gradient(problem, at, 2)


def test_columns_of_many_values_are_not_searched_for_repeats() -> None:
    study = STRUCTURES[0]
    arrays = arrays_at(study.arrays, np.arange(5000) % len(study.arrays.y))
    assert without_repeats(arrays) is not None
    many = replace(arrays, x=(np.arange(5000.0), *arrays.x[1:]))
    assert without_repeats(many) is None


def test_aliased_columns_are_dropped() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("with sets, bernoulli")]
    problem = laplace(study.plan, study.arrays)
    assert problem.n_columns == 8
    twice = replace(study.plan, fixed=(*study.plan.fixed, study.plan.fixed[0]))
    more = laplace(twice, study.arrays)
    assert (more.n_columns, more.kept) == (9, problem.kept)
    beta = np.linspace(-0.5, 0.5, len(problem.kept))
    theta = np.array([0.5, 0.1, 0.4])
    assert np.isnan(more.user_beta(more.evaluate(beta, theta))[8])
    assert more.evaluate(beta, theta).objective == pytest.approx(problem.evaluate(beta, theta).objective, rel=1e-13)
    at = problem.evaluate(beta, theta)
    np.testing.assert_allclose(problem.beta_from(problem.user_beta(at)), beta, rtol=1e-10, atol=1e-12)


def test_columns_far_from_zero_lose_no_digits() -> None:
    study = STRUCTURES[[s.name for s in STRUCTURES].index("one factor, width 2, bernoulli")]
    arrays = study.arrays
    moved = replace(arrays, x=(1e3 + 1e-2 * arrays.x[0], *arrays.x[1:]))
    near, far = laplace(study.plan, arrays), laplace(study.plan, moved)
    beta, theta = np.array([0.2, 0.5]), np.array([0.7, 0.2, 0.4])
    at, there = near.evaluate(beta, theta), far.evaluate(beta, theta)
    assert at.objective == pytest.approx(there.objective, rel=1e-10)
    np.testing.assert_allclose(far.user_beta(there)[1], 100.0 * near.user_beta(at)[1], rtol=1e-9)
    np.testing.assert_allclose(far.theta_from([np.linalg.solve(far.T[0], there.factors[0])]), theta, rtol=1e-9)


@pytest.mark.parametrize(
    "study", [SEVERAL[2], SEVERAL[-1], *(s for s in STRUCTURES if s.name.startswith(("with sets", "no random")))],
    ids=lambda study: study.name,
)  # fmt: skip
def test_standalone_gives_the_same_numbers(study: Study, tmp_path: Path) -> None:
    arrays = study.arrays
    problem = laplace(study.plan, arrays)
    at = problem.evaluate(*somewhere(problem, level=level(study)))
    gradient = problem.slope(at).gradient
    data = {"y": arrays.y}
    data |= {f"x{k}": x for k, x in enumerate(arrays.x)}
    data |= {f"group{k}": codes for k, codes in enumerate(arrays.groups)}
    data |= {f"set{k}": codes for k, codes in enumerate(arrays.sets)}
    data |= {f"offset{k}": values for k, values in enumerate(arrays.offsets) if values is not None}
    np.savez(tmp_path / "data.npz", **data)
    (tmp_path / "model.py").write_text(emit(study.plan, standalone=True), encoding="utf-8")
    beta = np.nan_to_num(problem.user_beta(at))
    words = [repr(float(value)) for value in (*beta, *problem.user_theta(at.factors))]
    program = (
        "import sys; sys.modules['hdsl'] = None; import runpy; "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, "model.py", "data.npz", *words],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    criterion, *slopes = [float(word) for line in run.stdout.splitlines() for word in line.split()[1:]]
    assert criterion == pytest.approx(at.objective, rel=1e-10)
    p = len(at.beta)
    np.testing.assert_allclose(problem.to_user.T @ np.array(slopes)[problem.kept], gradient[:p], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("study", [*STRUCTURES, *SEVERAL], ids=lambda study: study.name)
def test_equal_plans_give_equal_text(study: Study) -> None:
    again = replace(study.plan, reasons=("another reason",))
    assert emit(study.plan) == emit.__wrapped__(again)


def test_text_is_clean(tmp_path: Path) -> None:
    for number, item in enumerate([*STRUCTURES, *SEVERAL, of_family(nested(2, 1), "beta", "logit")[0]]):
        (tmp_path / f"plain_{number}.py").write_text(emit(item.plan), encoding="utf-8")
        (tmp_path / f"standalone_{number}.py").write_text(emit(item.plan, standalone=True), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "E,W,F,I"]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("study", [*STRUCTURES, *SEVERAL], ids=lambda study: study.name)
def test_blocks_of_rows_change_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = laplace(study.plan, study.arrays)
    monkeypatch.setattr("hdsl.runtime.weighted.BLOCK", 7)
    parted = laplace(study.plan, study.arrays)
    assert len(parted.data.blocks) > len(whole.data.blocks) == 1
    at, there = (problem.evaluate(*somewhere(problem, level=level(study))) for problem in (whole, parted))
    assert at.objective == pytest.approx(there.objective, rel=1e-11)
    np.testing.assert_allclose(whole.eta(at), parted.eta(there), rtol=1e-7, atol=1e-9)
    ours, theirs = whole.slope(at), parted.slope(there)
    np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ours.hessian, theirs.hessian, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("codes", [[0, 1, 2, 3], [2, 2, 3, 3, 4, 4], [0, 0, 1, 2, 2], [3, 4, 3, 4], [1, 0, 3, 3], [5]])
def test_sums_by_place_in_every_order_of_rows(codes: list[int]) -> None:
    places = Scatter(np.array(codes))
    values = np.random.default_rng(1).normal(size=(2, len(codes)))
    out = np.zeros((2, 6))
    places.add(out, values)
    both = places.sums(values)
    for row, value in zip(out, values, strict=True):
        np.testing.assert_allclose(row, np.bincount(codes, value, minlength=6), rtol=1e-13)
    np.testing.assert_allclose(both, out[:, places.low : places.high], rtol=1e-13)
    np.testing.assert_array_equal(places.spread(np.arange(6.0)), codes)


def test_positive_parts_of_weights() -> None:
    generator = np.random.default_rng(2)
    for size in (1, 2, 3):
        rows, columns = np.triu_indices(size)
        weights = [generator.normal(size=20) for _ in rows]
        W = np.zeros((20, size, size))
        for r, c, weight in zip(rows, columns, positive_part(weights), strict=True):
            W[:, r, c] = W[:, c, r] = weight
        assert np.linalg.eigvalsh(W).min() > -1e-12
        again = positive_part([W[:, r, c] for r, c in zip(rows, columns, strict=True)])
        np.testing.assert_allclose(again, [W[:, r, c] for r, c in zip(rows, columns, strict=True)], atol=1e-12)


def test_where_there_is_no_mode_the_objective_is_infinite() -> None:
    study, _ = of_family(one_factor(1), "poisson", "identity")
    problem = laplace(study.plan, study.arrays)
    at = problem.evaluate(np.array([-50.0, 0.0]), np.array([0.1]))  # a mean below zero
    assert (at.is_mode, at.objective) == (False, np.inf)
