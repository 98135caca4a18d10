"""The emitted criterion is the textbook's density, its gradient that of differences, with hdsl at hand and without."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hdsl
from hdsl.design import Design
from hdsl.fit.criterion import criterion
from tests.properties.dense import (
    Dense,
    Fixed,
    block_covariance,
    draw_spread,
    fixed_columns,
    normal_symbol,
    profiled,
    relative_covariance,
)
from tests.properties.generate import FEATURES, world
from tests.properties.world import Floats, World

SEEDS = range(40)
MORE_SEEDS = range(2000, 2400)
METHODS = [False, True]

each_seed = pytest.mark.parametrize("seed", SEEDS)
more_seeds = pytest.mark.parametrize("seed", MORE_SEEDS)
each_method = pytest.mark.parametrize("reml", METHODS, ids=["ml", "reml"])


@dataclass(frozen=True)
class Bound:
    """A world, its model bound to its data, and X built from the description."""

    world: World
    model: hdsl.Model
    design: Design
    fixed: Fixed


@cache
def bound(seed: int) -> Bound:
    drawn = world(seed)
    model = hdsl.Model(drawn.text)
    terms = model.composite.terms
    order = [normal_symbol(name) for name in terms.loc[terms["part"] == "fixed", "coefficient"]]
    return Bound(drawn, model, model.bind(drawn.frame), fixed_columns(drawn, order))


def functions(source: str) -> dict[str, Any]:
    """Execute emitted source; return what it defines."""
    namespace: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(source, "<emitted>", "exec"), namespace)
    return namespace


def roots(drawn: World, design: Design, spread: dict[str, float]) -> list[Floats]:
    """Return Lambda of each grouping factor: its effects are looked up in the description by name."""
    place = {effect: (block, k) for block in drawn.blocks for k, effect in enumerate(block.effects)}
    factors = []
    for term in design.plan.re_terms:
        effects = [normal_symbol(column.symbol) for column in term.columns]
        sigma = np.zeros((len(effects), len(effects)))
        for r, one in enumerate(effects):
            for c, two in enumerate(effects):
                if place[one][0] is place[two][0]:
                    covariance = block_covariance(place[one][0], spread)
                    sigma[r, c] = covariance[place[one][1], place[two][1]]
        factors.append(np.linalg.cholesky(sigma))
    return factors


def theta_from(design: Design, factors: list[Floats]) -> Floats:
    """Return theta: the lower-triangular entries of each covariance block, column by column."""
    theta = np.full(design.plan.n_theta, np.nan)
    for term, factor in zip(design.plan.re_terms, factors, strict=True):
        for block in term.blocks:
            columns = list(block.columns)
            entries = [(r, c) for c in range(len(columns)) for r in range(c, len(columns))]
            if len(block.theta) == len(columns):  # only standard deviations
                entries = [(k, k) for k in range(len(columns))]
            for position, (r, c) in zip(block.theta, entries, strict=True):
                if position >= 0:
                    theta[position] = factor[columns[r], columns[c]]
    assert np.isfinite(theta).all()
    return theta


@dataclass(frozen=True)
class Setting:
    """Random relative variances, as the description has them and as theta."""

    theta: Floats
    factors: list[Floats]
    V0: Floats


def setting(seed: int) -> Setting:
    b = bound(seed)
    spread = draw_spread(b.world, np.random.default_rng([seed, 3]))
    factors = roots(b.world, b.design, spread)
    return Setting(theta_from(b.design, factors), factors, relative_covariance(b.world, spread))


def emitted_value(namespace: dict[str, Any], design: Design, theta: Floats, *, reml: bool) -> tuple[Any, Floats]:
    """Evaluate emitted functions on the user's own columns: the profile and the gradient."""
    arrays = design.arrays
    X, y, Z = namespace["columns"](arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
    cross = namespace["cross_products"]((*X, y), Z, arrays.groups)
    forward = namespace["forward"](cross, theta)
    fit = namespace["estimates"](cross, forward, reml)
    gradient = namespace["theta_gradient"](theta, namespace["gradient"](cross, forward, fit, reml))
    return fit, gradient


def dense(seed: int, V0: Floats, *, reml: bool) -> Dense:
    b = bound(seed)
    return profiled(b.world, b.fixed.X, V0, reml=reml)


# ------------------------------------------------------------ names


@each_seed
def test_columns_of_fixed_effects_are_those_of_the_rule(seed: int) -> None:
    """What each unmodelled set loses, and the order of all others."""
    b = bound(seed)
    labels = [normal_symbol(label) for label in b.design.fixed_labels]
    assert len(labels) == len(set(labels))
    assert set(labels) == set(b.fixed.labels)
    singles = set(b.world.parameters)
    assert [name for name in labels if name in singles] == [name for name in b.fixed.labels if name in singles]
    for name, lost in b.fixed.zeroed.items():
        zeroed = {normal_symbol(key): values for key, values in b.design.zeroed.items()}
        found = {normal_symbol(f"{name.split('[')[0]}[{label}]") for label in zeroed.get(name, ())}
        assert found == lost


@each_seed
def test_variances_bear_the_names_of_the_description(seed: int) -> None:
    b = bound(seed)
    expected = {name for block in b.world.blocks for name in block.sd}
    expected |= {normal_symbol(name) for block in b.world.blocks for *_, name in block.cor}

    def unordered(name: str) -> str:
        return "cor(" + ", ".join(sorted(name[4:-1].split(", "))) + ")" if name.startswith("cor(") else name

    found = {normal_symbol(name) for name in b.design.variance_names.values()}
    assert set(map(unordered, found)) == set(map(unordered, expected))
    assert b.design.residual_name == b.world.residual


# ------------------------------------------------------------ criterion and gradient


def check_criterion(seed: int, *, reml: bool) -> None:
    b, at = bound(seed), setting(seed)
    fit, _ = emitted_value(functions(b.model.emit(b.world.frame)), b.design, at.theta, reml=reml)
    expected = dense(seed, at.V0, reml=reml)
    assert fit.objective == pytest.approx(expected.criterion, rel=1e-9, abs=1e-7)
    beta = dict(zip(map(normal_symbol, b.design.fixed_labels), fit.beta, strict=True))
    scale = np.abs(expected.beta).max()
    np.testing.assert_allclose([beta[label] for label in b.fixed.labels], expected.beta, rtol=1e-5, atol=1e-6 * scale)
    assert np.sqrt(fit.r2 / fit.nn) == pytest.approx(expected.sigma, rel=1e-7)


@each_seed
@each_method
def test_the_emitted_criterion_is_the_dense_density(seed: int, reml: bool) -> None:
    check_criterion(seed, reml=reml)


@pytest.mark.slow
@more_seeds
@each_method
def test_the_emitted_criterion_is_the_dense_density_of_more_models(seed: int, reml: bool) -> None:
    check_criterion(seed, reml=reml)


@each_seed
@each_method
def test_the_criterion_on_standardised_columns_is_the_dense_density(seed: int, reml: bool) -> None:
    b, at = bound(seed), setting(seed)
    wrapper = criterion(b.design.plan, b.design.arrays, reml=reml)
    profile = wrapper.evaluate(wrapper.theta_from(at.factors)).profile
    expected = dense(seed, at.V0, reml=reml).criterion
    assert wrapper.user_objective(profile) == pytest.approx(expected, rel=1e-9, abs=1e-7)


def five_points(value: Callable[[float], float], step: float = 1e-4) -> float:
    """Return the derivative at 0 by the five-point rule, error of order step^4."""
    near, far = (value(k * step) - value(-k * step) for k in (1, 2))
    return (8 * near - far) / (12 * step)


def check_gradient(seed: int, *, reml: bool) -> None:
    b, at = bound(seed), setting(seed)
    namespace = functions(b.model.emit(b.world.frame))

    def value(theta: Floats) -> float:
        return float(emitted_value(namespace, b.design, theta, reml=reml)[0].objective)

    _, gradient = emitted_value(namespace, b.design, at.theta, reml=reml)
    differences = [five_points(lambda t, h=h: value(at.theta + t * h)) for h in np.eye(len(at.theta))]
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=2e-5)


@each_seed
@each_method
def test_the_gradient_is_that_of_central_differences(seed: int, reml: bool) -> None:
    check_gradient(seed, reml=reml)


@pytest.mark.slow
@more_seeds
@each_method
def test_the_gradient_is_that_of_central_differences_for_more_models(seed: int, reml: bool) -> None:
    check_gradient(seed, reml=reml)


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_the_gradient_of_the_standardised_criterion_is_that_of_central_differences(seed: int) -> None:
    b, at = bound(seed), setting(seed)
    wrapper = criterion(b.design.plan, b.design.arrays, reml=True)
    theta = wrapper.theta_from(at.factors)
    gradient = wrapper.slope(wrapper.evaluate(theta)).gradient
    steps = 1e-5 * np.eye(len(theta))
    differences = [
        (wrapper.evaluate(theta + h).objective - wrapper.evaluate(theta - h).objective) / 2e-5 for h in steps
    ]
    np.testing.assert_allclose(gradient, differences, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_a_zero_variance_leaves_the_density_of_the_other_effects(seed: int) -> None:
    """The edge of the parameter space: no division by a variance may stand in the source."""
    b = bound(seed)
    spread = draw_spread(b.world, np.random.default_rng([seed, 4]))
    names = sorted({name for block in b.world.blocks for name in block.sd if not block.cor})
    if names:
        spread[names[0]] = 0.0
    factors = [np.zeros_like(f) for f in roots(b.world, b.design, draw_spread(b.world, np.random.default_rng(0)))]
    namespace = functions(b.model.emit(b.world.frame))
    none = emitted_value(namespace, b.design, theta_from(b.design, factors), reml=False)[0]
    assert none.objective == pytest.approx(dense(seed, np.eye(b.world.n), reml=False).criterion, rel=1e-9, abs=1e-7)
    if names:
        V0 = relative_covariance(b.world, spread)
        place = {effect: block for block in b.world.blocks for effect in block.effects}
        factors = []
        for term in b.design.plan.re_terms:
            effects = [normal_symbol(column.symbol) for column in term.columns]
            L = np.zeros((len(effects), len(effects)))
            for r, one in enumerate(effects):
                block = place[one]
                covariance = block_covariance(block, spread)
                if not block.cor:
                    k = block.effects.index(one)
                    L[r, r] = np.sqrt(covariance[k, k])
                    continue
                root = np.linalg.cholesky(covariance)
                for c, two in enumerate(effects):
                    if place[two] is block:
                        L[r, c] = root[block.effects.index(one), block.effects.index(two)]
            factors.append(L)
        value = emitted_value(namespace, b.design, theta_from(b.design, factors), reml=False)[0].objective
        assert value == pytest.approx(dense(seed, V0, reml=False).criterion, rel=1e-9, abs=1e-7)


# ------------------------------------------------------------ the standalone file


def save_arrays(design: Design, path: Path) -> None:
    arrays = design.arrays
    tables = {f"x{k}": values for k, values in enumerate(arrays.x)}
    tables |= {f"group{k}": values for k, values in enumerate(arrays.groups)}
    tables |= {f"set{k}": values for k, values in enumerate(arrays.sets)}
    if arrays.offsets[0] is not None:
        tables["offset"] = arrays.offsets[0]
    np.savez(path, y=arrays.y, **tables)


def run_standalone(source: str, design: Design, theta: Floats, folder: Path, *, reml: bool) -> tuple[float, Floats]:
    """Run the standalone file in another folder, in isolated mode, with hdsl made impossible to import."""
    (folder / "model.py").write_text(source, encoding="utf-8")
    save_arrays(design, folder / "arrays.npz")
    start = (
        "import sys, runpy\n"
        "sys.modules['hdsl'] = None\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    words = [repr(float(value)) for value in theta] + (["reml"] if reml else [])
    done = subprocess.run(
        [sys.executable, "-I", "-c", start, "model.py", "arrays.npz", *words],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) if " " in line else (line, "") for line in done.stdout.strip().splitlines())
    return float(lines["criterion"]), np.array([float(word) for word in lines["gradient"].split()])


@pytest.mark.parametrize(("seed", "reml"), [(0, True), (2, False), (3, True), (6, True), (10, False), (15, True)])
def test_the_standalone_file_gives_the_same_without_hdsl(seed: int, reml: bool, tmp_path: Path) -> None:
    b, at = bound(seed), setting(seed)
    fit, gradient = emitted_value(functions(b.model.emit(b.world.frame)), b.design, at.theta, reml=reml)
    source = b.model.emit(b.world.frame, standalone=True)
    found, slope = run_standalone(source, b.design, at.theta, tmp_path, reml=reml)
    assert found == pytest.approx(fit.objective, rel=1e-13)
    np.testing.assert_allclose(slope, gradient, rtol=1e-9, atol=1e-9)
    assert found == pytest.approx(dense(seed, at.V0, reml=reml).criterion, rel=1e-9)


@pytest.mark.parametrize("seed", range(0, 40, 3))
def test_source_is_the_same_for_each_call_and_imports_nothing_strange(seed: int) -> None:
    b = bound(seed)
    sources = [hdsl.Model(b.world.text).emit(b.world.frame, standalone=True) for _ in range(2)]
    assert sources[0] == sources[1]
    imports = [line for line in sources[0].splitlines() if line.startswith(("import ", "from "))]
    assert all("hdsl" not in line for line in imports)


def test_these_models_have_every_feature() -> None:
    assert {feature for seed in SEEDS for feature in world(seed).features} == FEATURES
