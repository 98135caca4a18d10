"""What must not matter does not: order of rows, of statements, names of indices and labels of groups.

Each model is fitted; the optimum is checked to be one by the dense density, then found again from changed input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
import pytest

import hdsl
from tests.properties.dense import fixed_columns, log_density, normal_symbol, profiled, relative_covariance
from tests.properties.generate import world
from tests.properties.world import World

SEEDS = range(16)
MORE_SEEDS = range(3000, 3200)
TOLERANCE = 2e-6
"""On the scale of -2 log-likelihood: far less than any estimate is known to."""

each_seed = pytest.mark.parametrize("seed", SEEDS)


@cache
def fitted(seed: int, method: str = "ml") -> hdsl.results.FittedModel:
    drawn = world(seed)
    return hdsl.Model(drawn.text).fit(drawn.frame, method=method)


def spread_of(drawn: World, params: pd.Series, sigma: float) -> dict[str, float]:
    """Return standard deviations relative to the residual's, and correlations, by the description's names."""
    found = {normal_symbol(name): float(value) for name, value in params.items()}
    spread: dict[str, float] = {}
    for block in drawn.blocks:
        spread |= {name: found[name] / sigma for name in block.sd}
        for r, c, name in block.cor:
            other = f"cor({block.effects[r]}, {block.effects[c]})"
            value = found[normal_symbol(name)] if normal_symbol(name) in found else found[normal_symbol(other)]
            spread[name] = 0.0 if np.isnan(value) else value
    return spread


def density(seed: int, method: str) -> tuple[float, float]:
    """Return the dense criterion at the estimates, and the reported one."""
    drawn, fit = world(seed), fitted(seed, method)
    sigma = float(fit.params[drawn.residual])
    V0 = relative_covariance(drawn, spread_of(drawn, fit.params, sigma))
    terms = hdsl.Model(drawn.text).composite.terms
    order = [normal_symbol(name) for name in terms.loc[terms["part"] == "fixed", "coefficient"]]
    fixed = fixed_columns(drawn, order)
    if method == "reml":
        return profiled(drawn, fixed.X, V0, reml=True).criterion, fit.criterion
    beta = {normal_symbol(name): value for name, value in fit.fixef.items()}
    mean = drawn.offset() + fixed.X @ np.array([beta[label] for label in fixed.labels])
    return -2 * log_density(drawn.frame["y"].to_numpy() - mean, sigma**2 * V0), fit.criterion


@each_seed
@pytest.mark.parametrize("method", ["ml", "reml"])
def test_the_criterion_at_the_estimates_is_the_dense_density_there(seed: int, method: str) -> None:
    assert fitted(seed, method).converged
    expected, found = density(seed, method)
    assert found == pytest.approx(expected, abs=1e-5)


@each_seed
def test_no_neighbour_of_the_estimates_is_better(seed: int) -> None:
    """The dense criterion, beta and sigma at their best, at spreads around the estimated ones."""
    drawn, fit = world(seed), fitted(seed)
    base = spread_of(drawn, fit.params, float(fit.params[drawn.residual]))
    X = np.column_stack([drawn.loading(name) for name in drawn.parameters])
    if drawn.sets:
        terms = hdsl.Model(drawn.text).composite.terms
        order = [normal_symbol(name) for name in terms.loc[terms["part"] == "fixed", "coefficient"]]
        X = fixed_columns(drawn, order).X
    best = profiled(drawn, X, relative_covariance(drawn, base), reml=False).criterion
    correlations = {name for block in drawn.blocks for *_, name in block.cor}
    for name, value in base.items():
        for step in (-0.02, 0.02):
            moved = {**base, name: np.clip(value + step, -0.999, 0.999) if name in correlations else abs(value + step)}
            V0 = relative_covariance(drawn, moved)
            if np.linalg.eigvalsh(V0).min() <= 0:
                continue
            assert profiled(drawn, X, V0, reml=False).criterion >= best - 1e-5, name


def same(one: hdsl.results.FittedModel, two: hdsl.results.FittedModel, *, labels: bool = True) -> None:
    """Two fits have one optimum: criterion, and fixed effects well within their standard errors."""
    assert two.criterion == pytest.approx(one.criterion, abs=TOLERANCE)
    if labels:
        left = one.fixef.rename(normal_symbol).sort_index()
        right = two.fixef.rename(normal_symbol).sort_index()
        assert list(left.index) == list(right.index)
        error = one.bse.rename(normal_symbol)[left.index]
        assert (np.abs(left - right) <= 1e-3 * error).all()


@each_seed
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    drawn = world(seed)
    order = np.random.default_rng([seed, 5]).permutation(drawn.n)
    two = hdsl.Model(drawn.text).fit(drawn.frame.iloc[order].reset_index(drop=True))
    one = fitted(seed)
    same(one, two)
    np.testing.assert_allclose(np.asarray(two.fitted), np.asarray(one.fitted)[order], atol=2e-3)


@each_seed
def test_the_order_of_statements_does_not_matter(seed: int) -> None:
    drawn = world(seed)
    order = np.random.default_rng([seed, 6]).permutation(len(drawn.statements))
    text = "\n".join(drawn.statements[k] for k in order) + "\n"
    two = hdsl.Model(text).fit(drawn.frame)
    same(fitted(seed), two)
    assert dict.fromkeys(map(normal_symbol, two.params.index)).keys() == set(
        map(normal_symbol, fitted(seed).params.index)
    )


def relabelled(frame: pd.DataFrame, columns: set[str], rng: np.random.Generator) -> pd.DataFrame:
    """Return a frame whose labels in `columns` are new and in another order."""
    changed = frame.copy()
    for column in columns:
        labels = changed[column].unique()
        names = [f"label {k}" for k in rng.permutation(len(labels))]
        changed[column] = changed[column].map(dict(zip(labels, names, strict=True)))
    return changed


@each_seed
def test_labels_of_groups_do_not_matter(seed: int) -> None:
    drawn = world(seed)
    columns = {"pupil group", "school", "district", "state", "j", "k", "l", "m", "region"} & set(drawn.frame.columns)
    two = hdsl.Model(drawn.text).fit(relabelled(drawn.frame, columns, np.random.default_rng([seed, 7])))
    same(fitted(seed), two)


def declared_indices(text: str) -> Iterator[str]:
    for match in re.finditer(r"^index (\w+) =", text, flags=re.MULTILINE):
        yield match[1]


@each_seed
def test_names_of_indices_do_not_matter(seed: int) -> None:
    """Every declared index takes a new name, last letters first; subscripts follow."""
    drawn = world(seed)
    names = {name: f"{chr(ord('Z') - k)}q" for k, name in enumerate(declared_indices(drawn.text))}
    text = re.sub(r"\[([^\]]*)\]", lambda m: f"[{','.join(names.get(s, s) for s in m[1].split(','))}]", drawn.text)
    text = re.sub(
        r"^index (\w+) = (.*?)(?: in (\w+))?$",
        lambda m: f"index {names[m[1]]} = {m[2]}" + (f" in {names.get(m[3], m[3])}" if m[3] else ""),
        text,
        flags=re.MULTILINE,
    )
    two = hdsl.Model(text).fit(drawn.frame)
    same(fitted(seed), two, labels=not drawn.sets)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_more_fits_converge_to_what_the_dense_density_says(seed: int) -> None:
    for method in ("ml", "reml"):
        assert fitted(seed, method).converged
        expected, found = density(seed, method)
        assert found == pytest.approx(expected, abs=1e-5)
    test_no_neighbour_of_the_estimates_is_better(seed)
    test_the_order_of_rows_does_not_matter(seed)
    test_labels_of_groups_do_not_matter(seed)
