"""The emitted functions against the textbook density, for every structure that a plan can have."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from hdsl.codegen import emit, load, theta_entries
from tests.unit.codegen.studies import STUDIES, Floats, Study, covariance, crossed, textbook

METHODS = (False, True)


class Evaluation(NamedTuple):
    """What the emitted functions give at one theta."""

    emitted: Any
    cross: Any
    forward: Any
    fit: Any


def evaluate(study: Study, theta: Floats, *, reml: bool) -> Evaluation:
    """Run the forward sweep."""
    emitted = load(emit(study.plan))
    arrays = study.arrays
    X, outcome, Z = emitted.columns(arrays.y, arrays.x, arrays.sets, arrays.offsets[0])
    cross = emitted.cross_products((*X, outcome), Z, arrays.groups)
    forward = emitted.forward(cross, theta)
    return Evaluation(emitted, cross, forward, emitted.estimates(cross, forward, reml))


def sigmas(study: Study, theta: Floats) -> list[Floats]:
    """Return Sigma of each factor."""
    return [covariance(study.plan, theta, f) for f in range(len(study.plan.re_terms))]


every_study = pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
every_method = pytest.mark.parametrize("reml", METHODS, ids=("ml", "reml"))


@every_study
@every_method
def test_criterion(study: Study, reml: bool) -> None:
    fit = evaluate(study, study.theta, reml=reml).fit
    dense = textbook(study.plan, study.arrays, sigmas(study, study.theta), reml=reml)
    assert fit.objective == pytest.approx(dense.objective, rel=1e-11)
    assert fit.logdet == pytest.approx(dense.logdet, rel=1e-10)
    assert fit.r2 == pytest.approx(dense.r2, rel=1e-10)
    np.testing.assert_allclose(fit.beta, dense.beta, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(fit.cov_beta, dense.cov_beta, rtol=1e-9, atol=1e-11)


@every_study
@every_method
def test_gradient(study: Study, reml: bool) -> None:
    theta, h = study.theta, 1e-5
    at = evaluate(study, theta, reml=reml)
    found = at.emitted.theta_gradient(theta, at.emitted.gradient(at.cross, at.forward, at.fit, reml))
    for k in range(len(theta)):
        step = h * np.eye(len(theta))[k]
        above, below = (
            textbook(study.plan, study.arrays, sigmas(study, theta + s), reml=reml).objective for s in (step, -step)
        )
        assert found[k] == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-7)


@every_study
@every_method
def test_gradient_where_a_covariance_is_singular(study: Study, reml: bool) -> None:
    theta = np.where(study.plan.diagonal_theta, 0.0, study.theta)
    at = evaluate(study, theta, reml=reml)
    base = sigmas(study, theta)
    dense = textbook(study.plan, study.arrays, base, reml=reml)
    assert at.fit.objective == pytest.approx(dense.objective, rel=1e-11)
    for entry, found in directional(study, at, reml):
        above, below = (
            textbook(study.plan, study.arrays, moved(base, entry, h), reml=reml).objective for h in (1e-5, -1e-5)
        )
        assert found == pytest.approx((above - below) / 2e-5, rel=1e-6, abs=1e-7)


def directional(study: Study, at: Evaluation, reml: bool) -> list[tuple[tuple[int, int, int], float]]:
    """Return the derivative along each entry of Sigma (both of a pair of mirrored entries)."""
    G = at.emitted.gradient(at.cross, at.forward, at.fit, reml)
    out = []
    for f, g in enumerate(G):
        np.testing.assert_allclose(g, g.T, rtol=1e-8, atol=1e-10)
        for r in range(len(g)):
            out += [((f, r, c), float(g[r, c] * (1.0 if r == c else 2.0))) for c in range(r + 1)]
    return out


def moved(base: list[Floats], entry: tuple[int, int, int], h: float) -> list[Floats]:
    """Return the covariances with one entry and its mirror moved."""
    f, r, c = entry
    out = [sigma.copy() for sigma in base]
    out[f][r, c] += h
    if r != c:
        out[f][c, r] += h
    return out


@every_study
def test_modes_and_their_covariance(study: Study) -> None:
    at = evaluate(study, study.theta, reml=False)
    dense = textbook(study.plan, study.arrays, sigmas(study, study.theta), reml=False)
    b, _ = at.emitted.modes(at.cross, at.forward, at.fit.beta)
    _, V = at.emitted.covariances(at.cross, at.forward, np.zeros((0, 0)))
    for f in range(len(study.plan.re_terms)):
        order = at.cross.nest.order[study.plan.chain.index(f)] if f in study.plan.chain else slice(None)
        np.testing.assert_allclose(b[f][:, 0].T, dense.modes[f][order], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(V[f].transpose(2, 0, 1), dense.mode_cov[f][order], rtol=1e-8, atol=1e-10)


@every_study
def test_average_information(study: Study) -> None:
    at = evaluate(study, study.theta, reml=True)
    dense = textbook(study.plan, study.arrays, sigmas(study, study.theta), reml=True)
    _, v = at.emitted.modes(at.cross, at.forward, at.fit.beta)
    border, own = at.emitted.average_information(at.cross, at.forward, v)
    X = border[:-1]
    found = own - X.T @ at.fit.cov_beta @ X
    entries = theta_entries(study.plan)
    emitted_order = [k for f in (*study.plan.chain, *study.plan.dense) for k, e in enumerate(entries) if e.factor == f]
    np.testing.assert_allclose(found, dense.information[np.ix_(emitted_order, emitted_order)], rtol=1e-8, atol=1e-9)


@every_method
def test_sparse_and_dense_crossing_agree(reml: bool) -> None:
    for chain, widths in (([0], (2, 3, 1)), ([0, 1], (2, 1, 2))):
        dense, sparse = (crossed(widths, chain, crossing) for crossing in ("dense", "sparse"))
        fits = [evaluate(study, study.theta, reml=reml).fit for study in (dense, sparse)]
        assert fits[0].objective == pytest.approx(fits[1].objective, rel=1e-13)
