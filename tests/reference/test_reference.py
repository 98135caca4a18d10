"""Every reference fit agrees: criterion, estimates, standard errors, conditional modes, fitted values.

The references are what `make_reference.R` wrote; each model file was written by hand from the R formula, and names.py
says how R's names are called in it. Where two programs differ, `dense.py` says which of them is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.codegen import emit, load
from tests.reference.dense import Density, Values, covariance_matrix
from tests.reference.names import Block, Effect, model_of

if TYPE_CHECKING:
    from hdsl.plan import Plan
    from hdsl.results import FittedModel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
IDS = tuple(sorted(path.stem for path in (HERE / "lme4").glob("*.json")))
DENSE_IDS = tuple(name for name in IDS if not name.startswith("insteval"))  # one set of 73421 dependent rows
EXPECTED_COUNT = 40

LOGLIK = 1e-7
"""On the scale of the log-likelihood; the reference fits stop closer than this to their maximum."""
IN_STANDARD_ERRORS = 1e-4
RELATIVE = 1e-4
OF_RESIDUAL_SD = 1e-5


@cache
def reference(name: str) -> dict[str, Any]:
    return json.loads((HERE / "lme4" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def data_of(path: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / path)


@cache
def compiled(name: str) -> hdsl.Model:
    return hdsl.read(HERE / "models" / f"{model_of(name).file}.hm")


@cache
def fit_of(name: str) -> FittedModel:
    r = reference(name)
    return compiled(name).fit(data_of(r["data"]), method=r["method"].lower())


def spread(name: str, block: Block, effect: Effect) -> float:
    """R's standard deviation of an effect."""
    return next(
        row["sdcor"]
        for row in reference(name)["varcomp"]
        if row["group"] == block.group and row["var1"] == effect.r_name and row["var2"] is None
    )


def correlations(name: str, block: Block) -> dict[tuple[int, int], float]:
    """R's correlations of the effects of a block, by their positions."""
    place = {effect.r_name: number for number, effect in enumerate(block.effects)}
    return {
        (place[row["var1"]], place[row["var2"]]): row["sdcor"]
        for row in reference(name)["varcomp"]
        if row["group"] == block.group and row["var1"] in place and row["var2"] in place
    }


def correlation_name(block: Block, first: int, second: int) -> str:
    return f"cor({block.effects[first].symbol}, {block.effects[second].symbol})"


def effects_of(name: str) -> Iterator[tuple[Block, Effect]]:
    for block in model_of(name).blocks:
        for effect in block.effects:
            yield block, effect


def by_label(block: Block, frame: pd.DataFrame) -> dict[tuple[str, ...], tuple[float, float]]:
    """Conditional modes and their standard errors by R's labels, in the order in which R names the columns."""
    names = list(frame.index.names)
    order = [names.index(index) for index in block.indices] if len(names) > 1 else [0]
    keys = [key if isinstance(key, tuple) else (key,) for key in frame.index]
    return {
        tuple(str(key[place]) for place in order): (estimate, se)
        for key, estimate, se in zip(keys, frame["estimate"], frame["se"], strict=True)
    }


def values(name: str, fixed: Mapping[str, float], spreads: Mapping[str, float]) -> Values:
    """Estimates by our names, as the dense density takes them."""
    model = model_of(name)
    covariances = []
    for block in model.blocks:
        pairs = {pair: spreads[correlation_name(block, *pair)] for pair in correlations(name, block)}
        covariances.append(covariance_matrix([spreads[effect.sd] for effect in block.effects], pairs))
    beta = np.array([fixed[ours] for ours, _ in model.fixed.values()])
    return Values(beta=beta, covariances=tuple(covariances), sigma=spreads[model.sigma])


def reference_values(name: str) -> Values:
    """R's estimates by our names."""
    r, model = reference(name), model_of(name)
    fixed = {ours: r["fixef"][theirs]["est"] for theirs, (ours, _) in model.fixed.items()}
    spreads = {effect.sd: spread(name, block, effect) for block, effect in effects_of(name)}
    for block in model.blocks:
        spreads |= {correlation_name(block, *pair): value for pair, value in correlations(name, block).items()}
    return values(name, fixed, spreads | {model.sigma: r["sigma"]})


def spelling(symbol: str) -> tuple[str, frozenset[str]]:
    """A symbol's name and subscripts, of which the order does not matter."""
    name, _, subscripts = symbol.rstrip("]").partition("[")
    return name, frozenset(subscripts.split(","))


def relative_factor(covariance: np.ndarray) -> np.ndarray:
    """Lower-triangular factor of a covariance, which may be zero."""
    return np.linalg.cholesky(covariance) if covariance.any() else covariance


def reference_theta(name: str, plan: Plan) -> np.ndarray:
    """R's covariances relative to its residual variance, as the emitted source takes them."""
    estimates, model = reference_values(name), model_of(name)
    by_symbol = {
        spelling(block.effects[0].symbol): relative_factor(covariance) / estimates.sigma
        for block, covariance in zip(model.blocks, estimates.covariances, strict=True)
    }
    theta = np.full(plan.n_theta, np.nan)
    for term in plan.re_terms:
        for block in term.blocks:
            factor = by_symbol[spelling(block.effects[0])]
            rows, columns = np.tril_indices(len(factor))
            order = np.lexsort((rows, columns))
            theta[list(block.theta)] = factor[rows[order], columns[order]]
    return theta


def within(value: float, expected: float, tolerance: float) -> bool:
    return bool(abs(value - expected) <= tolerance)


def test_every_reference_is_here() -> None:
    assert len(IDS) == EXPECTED_COUNT
    used = {model_of(name).file for name in IDS}
    assert used == {path.stem for path in (HERE / "models").glob("*.hm")}


@pytest.mark.parametrize("name", IDS)
def test_status(name: str) -> None:
    fit = fit_of(name)
    assert fit.converged
    assert fit.status == ("boundary" if reference(name)["singular"] else "converged")


def test_boundary_in_words() -> None:
    """A covariance without full rank, none of its correlations at -1 or 1, and a standard deviation of zero."""
    assert fit_of("egsingle_sex_reml").message.endswith("a combination of u0[s], v0[s], u1[s], v1[s] has variance 0")
    assert fit_of("egsingle_sex_zero_ml").message.endswith("on the boundary: sd_u1 = 0")


@pytest.mark.parametrize("name", IDS)
def test_counts(name: str) -> None:
    r, fit = reference(name), fit_of(name)
    assert fit.nobs == r["n"]
    assert fit.dof == r["df_model"]
    for block, effect in effects_of(name):
        assert len(fit.ranef[effect.symbol]) == r["n_groups"][block.group]


@pytest.mark.parametrize("name", IDS)
def test_log_likelihood(name: str) -> None:
    r, fit = reference(name), fit_of(name)
    assert fit.loglik == pytest.approx(r["logLik"], abs=LOGLIK, rel=0)
    assert fit.criterion == pytest.approx(-2 * r["logLik"], abs=2 * LOGLIK, rel=0)
    assert fit.aic == pytest.approx(r["AIC"], abs=2 * LOGLIK, rel=0)
    assert fit.bic == pytest.approx(r["BIC"], abs=2 * LOGLIK, rel=0)


@pytest.mark.parametrize("name", IDS)
def test_fixed_effects(name: str) -> None:
    r, fit, fixed = reference(name), fit_of(name), model_of(name).fixed
    assert set(fit.fixef.index) == {ours for ours, _ in fixed.values()}
    for theirs, (ours, _) in fixed.items():
        expected = r["fixef"][theirs]
        assert fit.params[ours] == pytest.approx(expected["est"], abs=IN_STANDARD_ERRORS * expected["se"], rel=0), ours
        assert fit.bse[ours] == pytest.approx(expected["se"], rel=RELATIVE), ours


@pytest.mark.parametrize("name", IDS)
def test_covariance_of_fixed_effects(name: str) -> None:
    r, fit = reference(name), fit_of(name)
    theirs = np.array(r["vcov_fixef"])
    ours = [model_of(name).fixed[term][0] for term in r["fixef"]]
    scale = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
    difference = (fit.cov_params().loc[ours, ours].to_numpy() - theirs) / scale
    assert np.abs(difference).max() < RELATIVE


@pytest.mark.parametrize("name", IDS)
def test_standard_deviations(name: str) -> None:
    r, fit = reference(name), fit_of(name)
    assert fit.params[model_of(name).sigma] == pytest.approx(r["sigma"], rel=RELATIVE)
    for block, effect in effects_of(name):
        expected = spread(name, block, effect)
        assert fit.params[effect.sd] == pytest.approx(expected, rel=RELATIVE, abs=OF_RESIDUAL_SD * r["sigma"]), effect


@pytest.mark.parametrize("name", IDS)
def test_correlations(name: str) -> None:
    for block in model_of(name).blocks:
        for pair, expected in correlations(name, block).items():
            assert fit_of(name).params[correlation_name(block, *pair)] == pytest.approx(expected, abs=RELATIVE, rel=0)


@pytest.mark.parametrize("name", IDS)
def test_conditional_modes(name: str) -> None:
    """The modes of a variance of zero have no spread, so that the residual's is the yardstick there."""
    r, fit = reference(name), fit_of(name)
    seen = 0
    for block, effect in effects_of(name):
        modes = by_label(block, fit.ranef[effect.symbol])
        for row in r["ranef"]:
            if (row["group"], row["term"]) != (block.group, effect.r_name):
                continue
            estimate, se = modes[tuple(row["level"].split(":"))]
            yardstick = max(row["sd"], OF_RESIDUAL_SD * r["sigma"])
            assert within(estimate, row["est"], IN_STANDARD_ERRORS * yardstick), (effect.symbol, row)
            assert within(se, row["sd"], RELATIVE * yardstick), (effect.symbol, row)
            seen += 1
    assert seen == len(r["ranef"])


@pytest.mark.parametrize("name", IDS)
def test_fitted_values(name: str) -> None:
    r, fit = reference(name), fit_of(name)
    close = {"abs": IN_STANDARD_ERRORS * r["sigma"], "rel": 0}
    fitted = np.asarray(fit.fitted)
    assert fitted[:10] == pytest.approx(np.array(r["fitted"]), **close)
    assert np.asarray(fit.predict(include=None))[:10] == pytest.approx(np.array(r["predict_population"]), **close)
    assert fitted.sum() == pytest.approx(r["fitted_sum"], rel=1e-6, abs=1e-6 * r["sigma"] * r["n"])
    assert fitted @ fitted == pytest.approx(r["fitted_sumsq"], rel=1e-5)
    outcome = data_of(r["data"])[model_of(name).outcome].to_numpy()
    assert np.asarray(fit.residuals) == pytest.approx(outcome - fitted, abs=1e-9 * np.abs(outcome).max())


@pytest.mark.parametrize("name", IDS)
def test_emitted_criterion_at_the_estimates_of_the_reference(name: str) -> None:
    """The source that fits the model, called at R's estimates, gives R's criterion and R's fixed effects."""
    r = reference(name)
    design = compiled(name).bind(data_of(r["data"]))
    arrays, emitted = design.arrays, load(emit(design.plan))
    X, y, Z = emitted.columns(arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
    products = emitted.cross_products((*X, y), Z, arrays.groups)
    sweep = emitted.forward(products, reference_theta(name, design.plan))
    at_reference = emitted.estimates(products, sweep, r["method"] == "REML")
    assert at_reference.objective == pytest.approx(-2 * r["logLik"], abs=LOGLIK, rel=0)
    for term, (ours, _) in model_of(name).fixed.items():
        expected = r["fixef"][term]
        beta = at_reference.beta[design.fixed_labels.index(ours)]
        assert beta == pytest.approx(expected["est"], abs=1e-5 * expected["se"], rel=0), ours


@pytest.mark.parametrize("name", DENSE_IDS)
def test_dense_density_agrees_with_both(name: str) -> None:
    """A density from the textbook gives R's log-likelihood at R's estimates, and ours at ours, which is no lower."""
    r, fit = reference(name), fit_of(name)
    density = Density.of(model_of(name), data_of(r["data"]))
    restricted = r["method"] == "REML"
    theirs = density.log_likelihood(reference_values(name), restricted=restricted)
    assert theirs == pytest.approx(r["logLik"], abs=1e-8, rel=1e-12)
    ours = density.log_likelihood(values(name, fit.params, fit.params), restricted=restricted)
    assert ours == pytest.approx(fit.loglik, abs=1e-8, rel=1e-12)
    assert ours > theirs - LOGLIK
