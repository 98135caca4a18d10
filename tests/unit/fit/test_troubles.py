"""Likelihoods without an optimum: each is found, named by its columns, and never called converged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.diagnostics import FitError
from hdsl.fit.columns import fixed_columns
from hdsl.fit.generalised import fit_generalised
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.separation import separation
from hdsl.plan import Arrays, Plan
from tests.unit.codegen.studies import Study, column
from tests.unit.fit.outcomes import made_up, with_outcome

every_structure = pytest.mark.parametrize("structure", ["none", "one", "slope"])


def fit(study: Study) -> FitOutcome:
    return fit_generalised(study.plan, study.arrays)


def with_cell(study: Study, value: float, inside: float = 1.0) -> Study:
    """Return a study with a column for the rows of a cell, the outcome in it being one value."""
    x = study.arrays.x[0]
    cell = (x > inside).astype(float)
    return replace(
        study,
        plan=replace(study.plan, fixed=(*study.plan.fixed, column("b2", 1))),
        arrays=replace(study.arrays, x=(x, cell), y=np.where(cell == 1.0, value, study.arrays.y)),
    )


@every_structure
def test_a_cell_of_successes_is_quasi_separation(structure: str) -> None:
    found = fit(with_cell(made_up("bernoulli", structure), 1.0))
    (trouble,) = found.troubles
    assert found.status == "not converged"
    assert (trouble.kind, trouble.columns) == ("quasi-separation", (2,))
    assert "`b2` tells some of the outcomes" in trouble.sentence(["b2"])
    assert np.isnan(found.cov_beta[2, 2])
    assert np.all(np.isfinite(found.cov_beta[:2, :2]))


@every_structure
def test_a_cell_of_zero_counts_is_quasi_separation(structure: str) -> None:
    found = fit(with_cell(made_up("poisson", structure), 0.0))
    assert [(t.kind, t.columns) for t in found.troubles] == [("quasi-separation", (2,))]


@every_structure
def test_a_covariate_that_splits_the_outcome_is_separation(structure: str) -> None:
    study = made_up("bernoulli", structure)
    found = fit(with_outcome(study, (study.arrays.x[0] > 0.1).astype(float)))
    assert found.status == "not converged"
    assert [(t.kind, t.columns) for t in found.troubles] == [("separation", (0, 1))]


@every_structure
def test_nearly_separated_is_not_separated(structure: str) -> None:
    study = with_cell(made_up("bernoulli", structure), 1.0)
    first = np.flatnonzero(study.arrays.x[1])[0]
    y = study.arrays.y.copy()
    y[first] = 0.0
    found = fit(with_outcome(study, y))
    assert found.troubles == ()
    assert found.status in {"converged", "boundary"}


@every_structure
def test_a_small_cell_of_a_normal_outcome_is_no_trouble(structure: str) -> None:
    study = with_cell(made_up("normal", structure), 0.0)
    study = with_outcome(study, 1e5 * study.arrays.y)
    assert fit(study).troubles == ()


def underdispersed(n: int) -> np.ndarray:
    """Return counts that vary less than Poisson's."""
    return np.random.default_rng(4).binomial(8, 0.5, size=n).astype(float)


@pytest.mark.parametrize("structure", ["none", "one"])
def test_counts_less_spread_than_poissons_have_no_size(structure: str) -> None:
    study = made_up("negative_binomial", structure)
    found = fit(with_outcome(study, underdispersed(len(study.arrays.y))))
    (trouble,) = found.troubles
    assert found.status == "boundary"
    assert (trouble.kind, trouble.columns) == ("edge", (2,))
    assert trouble.sentence(["size"]) == "`size` grows without bound: the counts are no more spread than Poisson's"
    assert np.isnan(found.cov_beta[2, 2])
    poisson = made_up("poisson", structure)
    same = fit(with_outcome(poisson, underdispersed(len(poisson.arrays.y))))
    np.testing.assert_allclose(found.beta[:2], same.beta, atol=1e-5)
    np.testing.assert_allclose(found.cov_beta[:2, :2], same.cov_beta, rtol=1e-3)
    assert found.objective == pytest.approx(same.objective, abs=1e-5)


@pytest.mark.parametrize("structure", ["none", "one"])
def test_too_few_zeros_for_zero_inflation(structure: str) -> None:
    study = made_up("zero_inflated", structure)
    found = fit(with_outcome(study, 1.0 + underdispersed(len(study.arrays.y))))
    assert found.status == "boundary"
    assert [t.sentence(["p"]) for t in found.troubles] == [
        "`p` goes to 0: there are no more zeros than the distribution has of its own"
    ]


@pytest.mark.parametrize("structure", ["one", "slope", "nested", "crossed"])
def test_groups_whose_outcomes_are_all_alike_have_no_finite_spread(structure: str) -> None:
    study = made_up("bernoulli", structure)
    found = fit(with_outcome(study, (study.arrays.groups[0] % 2).astype(float)))
    (trouble,) = found.troubles
    assert found.status == "not converged"
    assert trouble.kind == "infinite"
    assert (0, 0, 0) in trouble.entries
    assert trouble.columns == ()


def test_a_spread_where_the_likelihood_has_no_bowl_is_infinite() -> None:
    generator = np.random.default_rng(19)
    g = np.repeat(np.arange(12), 8)
    x = generator.normal(size=96).round(2)
    y = np.maximum(np.exp(0.4 * x + 0.5 * generator.normal(size=12)[g]) + generator.normal(size=96), 0.5)
    y[0] = 1e3 * y.max() + 1e3
    model = hdsl.Model("""
    y[i] ~ censored(normal(m[i], s), lower=0.5)
    log(m[i]) = b0[g] + b1[g]*x[i]
    (b0[g], b1[g]) ~ mvnormal((b0, b1), Omega)
    """)
    found = model.fit(pd.DataFrame({"g": g, "x": x, "y": y}))
    assert found.status == "not converged"
    assert {d.code for d in found.diagnostics} <= {"HM514", "HM502"}


@pytest.mark.parametrize("structure", ["none", "one", "slope"])
def test_an_outcome_that_is_one_value_everywhere(structure: str) -> None:
    for name, value in (("bernoulli", 1.0), ("poisson", 0.0)):
        study = made_up(name, structure)
        found = fit(with_outcome(study, np.full(len(study.arrays.y), value)))
        assert found.status == "not converged"
        assert [(t.kind, t.columns, t.reason) for t in found.troubles] == [
            ("separation", (0,), f"every outcome is {value:g}")
        ]
        assert np.all(np.isnan(found.cov_beta))
        assert np.all(np.isnan(found.variance_cov))


@every_structure
def test_a_normal_outcome_without_spread_is_an_exact_fit(structure: str) -> None:
    study = made_up("normal", structure)
    with pytest.raises(FitError, match="HM511"):
        fit(with_outcome(study, np.ones(len(study.arrays.y))))


def test_a_normal_outcome_that_is_a_function_of_its_covariate() -> None:
    study = made_up("normal", "one")
    with pytest.raises(FitError, match="HM511"):
        fit(with_outcome(study, 1.0 + 2.0 * study.arrays.x[0]))


@pytest.mark.parametrize("slope", [0.0, 0.3])
@pytest.mark.parametrize(
    ("distribution", "link"),
    [
        ("gamma(m[i], s)", "log"),
        ("inverse_gaussian(m[i], s)", "log"),
        ("weibull(s, m[i])", "log"),
        ("beta(m[i], s)", "logit"),
        ("student_t(4, m[i], s)", "log"),
    ],
)
def test_an_outcome_without_spread_is_an_exact_fit(distribution: str, link: str, slope: float) -> None:
    x = np.linspace(-1.0, 1.0, 60)
    eta = -0.5 + slope * x
    y = np.exp(eta) if link == "log" else 1.0 / (1.0 + np.exp(-eta))
    data = pd.DataFrame({"g": np.tile(np.arange(6), 10), "x": x, "y": y})
    text = f"y[i] ~ {distribution}\n{link}(m[i]) = b0[g] + b1*x[i]\nb0[g] ~ normal(b0, sd_g)"
    for form in (text, text.replace("b0[g]", "b0").replace("\nb0 ~ normal(b0, sd_g)", "")):
        with pytest.raises(FitError, match="HM511") as caught:
            hdsl.Model(form).fit(data)
        assert "no estimate of `s`" in caught.value.message


def test_every_cell_without_an_estimate_is_named() -> None:
    study = with_cell(made_up("bernoulli", "none"), 1.0)
    x, cell = study.arrays.x
    other = (x < -1.0).astype(float)
    study = replace(
        study,
        plan=replace(study.plan, fixed=(*study.plan.fixed, column("b3", 2))),
        arrays=replace(study.arrays, x=(x, cell, other), y=np.where(other == 1.0, 0.0, study.arrays.y)),
    )
    found = fit(study)
    assert [(t.kind, t.columns) for t in found.troubles] == [("quasi-separation", (2, 3))]
    assert np.all(np.isnan(found.cov_beta.diagonal()[2:]))
    assert np.all(np.isfinite(found.cov_beta[:2, :2]))


def test_a_combination_that_needs_another_one_to_be_larger_is_found() -> None:
    columns = fixed_columns(*_two_cells())
    up, down = np.array([True, False, True, False]), np.array([False, True, False, True])
    found = separation(columns, [0, 1], [(up, down)])
    assert found is not None
    assert (found.columns, found.is_complete) == ((0, 1), True)


def _two_cells() -> tuple[Plan, Arrays]:
    """Return the columns (1, 1, 1, 1) and (1, 2, 0, 3), by which outcomes 1, 0, 1, 0 are told."""
    study = made_up("bernoulli", "none")
    arrays = replace(
        study.arrays, y=np.array([1.0, 0.0, 1.0, 0.0]), x=(np.array([1.0, 2.0, 0.0, 3.0]),), offsets=(None,)
    )
    return study.plan, arrays


def test_coefficients_that_no_row_depends_on_are_undetermined() -> None:
    generator = np.random.default_rng(8)
    data = pd.DataFrame({"cell": np.repeat(["a", "b", "c"], 40), "y": generator.poisson(2.0, 120)})
    data.loc[data["cell"] == "c", "y"] = 0
    model = hdsl.Model("""
    y[i] ~ hurdle(poisson(mu[i]), p[i])
    log(mu[i]) = b[cell]
    logit(p[i]) = c[cell]
    b[cell] ~ flat()
    c[cell] ~ flat()
    """)
    found = model.fit(data)
    assert found.status == "not converged"
    assert [d.message for d in found.diagnostics] == [
        "`c[c]` tells some of the outcomes exactly: there is no finite estimate",
        "the likelihood is the same for any value of `b[c]`: there is no estimate",
    ]
    assert set(found.bse.index[found.bse.isna()]) == {"b[c]", "c[c]"}


def test_separation_names_as_few_columns_as_possible() -> None:
    study = with_cell(made_up("bernoulli", "none"), 1.0)
    n = len(study.arrays.y)
    columns = fixed_columns(study.plan, study.arrays)
    up, down = study.arrays.y == 1.0, study.arrays.y == 0.0
    found = separation(columns, [0, 1, 2], [(up, down)])
    assert found is not None
    assert (found.columns, found.is_complete) == ((2,), False)
    assert separation(columns, [0, 1], [(up, down)]) is None
    everything = np.ones(n, dtype=bool)
    assert separation(columns, [0, 1, 2], [(~everything, ~everything)]) is None
