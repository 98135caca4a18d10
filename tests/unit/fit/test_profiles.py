"""Profiles: gradients against differences, values against refits, and the map from vectors to covariances."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.fit.covariance import from_parts
from hdsl.fit.descent import descend, differences, positive_inverse
from hdsl.fit.held import roots_of
from hdsl.fit.profiles import SIGMA, Profiles, profile_of

MODELS = {
    "correlated": (
        "index j = g\ny[i] ~ normal(a[j] + b[j]*x[i] + c[j]*z[i], s)\n"
        "(a[j], b[j], c[j]) ~ mvnormal((m_a, m_b, m_c), Omega)\n"
    ),
    "nested": (
        "index j = g\nindex k = h\ny[i] ~ normal(u[j,k] + b1*x[i], s)\nu[j,k] ~ normal(v[k], sd_u)\n"
        "v[k] ~ normal(m, sd_v)\n"
    ),
    "tied": (
        "index j = g\nindex k = h\ny[i] ~ normal(m + u[j] + v[k] + b1*x[i], s)\nu[j] ~ normal(0, tau)\n"
        "v[k] ~ normal(0, tau)\n"
    ),
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    n = 240
    frame = pd.DataFrame(
        {"g": rng.integers(0, 12, n), "h": rng.integers(0, 5, n), "x": rng.normal(2, 1, n), "z": rng.normal(0, 3, n)}
    )
    slopes = rng.multivariate_normal([1.0, 0.5, 0.2], [[1.0, 0.3, 0.1], [0.3, 0.5, 0.0], [0.1, 0.0, 0.1]], 12)
    frame["y"] = (slopes[frame["g"]] * np.column_stack([np.ones(n), frame["x"], frame["z"]])).sum(1)
    frame["y"] += rng.normal(0, 0.7, 5)[frame["h"]] + rng.normal(0, 1, n)
    return frame


@pytest.fixture(scope="module", params=[(name, method) for name in MODELS for method in ("ml", "reml")], ids="-".join)
def fit(request, data):
    name, method = request.param
    return hdsl.Model(MODELS[name]).fit(data, method=method)


def targets(fit):
    return [0, 1, *fit.outcome.variance_parameters, SIGMA]


class TestGaussianSurface:
    def test_gradients_are_exact(self, fit):
        for target in targets(fit):
            profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, target)
            surface, value = profile.surface, 0.9 * profile.estimate + 0.02
            start, units = surface.start()
            at = start + 0.05 * units
            _, gradient = surface.objective(at, value)
            for k, unit in enumerate([*units, 1.0]):
                step = np.eye(len(at) + 1)[k] * 1e-5 * unit
                ends = [surface.objective(at + sign * step[:-1], value + sign * step[-1])[0] for sign in (1.0, -1.0)]
                assert gradient[k] == pytest.approx((ends[0] - ends[1]) / (2e-5 * unit), rel=1e-5, abs=1e-4)

    def test_at_the_estimate_it_is_the_optimum(self, fit):
        for target in targets(fit):
            if isinstance(target, int) and fit.method == "reml":
                continue  # the profile of a coefficient is that of ML
            profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, target)
            assert profile(profile.estimate) == pytest.approx(fit.deviance, abs=1e-6)
            assert profile(1.05 * profile.estimate + 0.01) > fit.deviance

    def test_a_held_coefficient_is_an_offset(self, data):
        model = hdsl.Model(MODELS["nested"])
        fit = model.fit(data)
        profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, fit.design.fixed_labels.index("b1"))
        without = hdsl.Model(MODELS["nested"].replace(" + b1*x[i]", ""))
        for value in (0.0, 0.3):
            refit = without.fit(data.assign(y=data["y"] - value * data["x"]))
            assert profile(value) == pytest.approx(refit.deviance, abs=1e-6)

    def test_a_standard_deviation_of_zero_is_the_model_without_it(self, data):
        fit = hdsl.Model(MODELS["nested"]).fit(data)
        (entry,) = [e for e, name in fit.design.variance_names.items() if name == "sd_u"]
        profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, entry)
        without = hdsl.Model("index k = h\ny[i] ~ normal(v[k] + b1*x[i], s)\nv[k] ~ normal(m, sd_v)\n").fit(data)
        assert profile(0.0) == pytest.approx(without.deviance, abs=1e-6)

    def test_a_correlation_of_zero_is_the_model_without_it(self, data):
        both = "index j = g\ny[i] ~ normal(a[j] + b[j]*x[i], s)\n"
        fit = hdsl.Model(both + "(a[j], b[j]) ~ mvnormal((m_a, m_b), Omega)\n").fit(data)
        profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, (0, 1, 0))
        without = hdsl.Model(both + "a[j] ~ normal(m_a, sd_a)\nb[j] ~ normal(m_b, sd_b)\n").fit(data)
        assert profile(0.0) == pytest.approx(without.deviance, abs=1e-5)


class TestProfile:
    @pytest.mark.parametrize("share", [-0.8, 0.6])
    def test_the_slope_is_the_derivative(self, fit, share):
        for target in targets(fit):
            profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, target)
            value, step = profile.estimate + share * profile.se, 1e-3 * profile.se
            numeric = (profile(value + step) - profile(value - step)) / (2.0 * step)
            assert profile.at(value).slope == pytest.approx(numeric, rel=1e-4), target

    def test_its_standard_error_is_that_of_the_fit(self, fit):
        parameters = [*fit.outcome.variance_parameters, SIGMA]
        for target, variance in zip(parameters, fit.outcome.variance_cov.diagonal(), strict=True):
            profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, target)
            if np.isfinite(variance):
                assert profile.se == pytest.approx(np.sqrt(variance), rel=1e-3)
            step = 0.02 * profile.se
            ends = [profile(profile.estimate + sign * step) for sign in (-1.0, 1.0)]
            assert sum(ends) - 2.0 * profile(profile.estimate) == pytest.approx(8e-4, rel=0.05)

    def test_minima_nearby_are_foreseen(self, fit):
        for target in targets(fit):
            profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, target)
            for share in (0.0, -0.8, 0.8):
                profile.at(profile.estimate + share * profile.se)
            value = profile.estimate + 0.82 * profile.se
            start, _ = next(profile._path(value))
            assert profile.surface.objective(start, value)[0] == pytest.approx(profile(value), abs=1e-3)

    def test_fixed_effects_under_reml_have_the_profile_of_ml(self, data):
        model = hdsl.Model(MODELS["nested"])
        fits = {method: model.fit(data, method=method) for method in ("ml", "reml")}
        own = [profile_of(fit.design.plan, fit.design.arrays, fit.outcome, 1) for fit in fits.values()]
        assert own[1].estimate == pytest.approx(own[0].estimate, rel=1e-6)
        assert own[1](0.1) == pytest.approx(own[0](0.1), abs=1e-6)

    def test_what_is_shared_is_made_once(self, fit):
        profiles = Profiles(plan=fit.design.plan, arrays=fit.design.arrays, outcome=fit.outcome)
        first, *others = (profiles.of(target).surface.problem for target in (*fit.outcome.variance_parameters, SIGMA))
        assert all(other is first for other in others)

    def test_what_is_rough_goes_on_when_more_is_asked(self, fit):
        profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, SIGMA)
        value = 1.3 * profile.estimate
        rough, fine = profile.at(value, 10.0), profile.at(value, 1e-9)
        assert rough.deviance != fine.deviance
        assert fine.error < 1e-9
        assert profile.at(value, 10.0) is fine

    def test_a_lower_minimum_from_elsewhere_takes_the_place_of_what_was_known(self, fit):
        profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, SIGMA)
        near, value = (share * profile.estimate for share in (1.1, 1.2))
        known = profile.at(near), profile.at(value)
        assert profile.again(value, near).deviance == pytest.approx(known[1].deviance, abs=1e-6)
        profile.known[value] = replace(known[1], deviance=known[1].deviance + 1.0)
        assert profile.again(value, near) is profile.at(value)
        assert profile(value) == pytest.approx(known[1].deviance, abs=1e-6)

    def test_an_effect_without_variance_gets_some_where_that_is_less(self, data):
        fit = hdsl.Model(MODELS["nested"]).fit(data)
        assert fit.params["sd_v"] == 0.0
        profile = profile_of(fit.design.plan, fit.design.arrays, fit.outcome, 0)
        offset = hdsl.Model(MODELS["nested"].replace("normal(m, sd_v)", "normal(0, sd_v)"))
        for value in (-0.5, 2.5):
            refit = offset.fit(data.assign(y=data["y"] - value))
            assert refit.params["sd_v"] > 0.1
            assert profile(value) == pytest.approx(refit.deviance, abs=1e-5)


class TestRoots:
    @pytest.mark.parametrize("held", [(0, 1, 1), (0, 2, 0), (0, 2, 1)])
    def test_natural_slopes_are_the_derivatives(self, data, held):
        plan = hdsl.Model(MODELS["correlated"]).bind(data).plan
        roots, value = roots_of(plan, held), 0.3
        vector = np.random.default_rng(5).normal(size=roots.size)
        entries = [(0, row, column) for row in range(3) for column in range(row + 1)]

        def natural(x):
            (root,) = roots.at(x[:-1], x[-1])
            sigma = root @ root.T
            sd = np.sqrt(sigma.diagonal())
            return np.array([sd[r] if r == c else sigma[r, c] / (sd[r] * sd[c]) for _, r, c in entries])

        at = np.append(vector, value)
        numeric = [(natural(at + h) - natural(at - h)) / 2e-6 for h in 1e-6 * np.eye(len(at))]
        np.testing.assert_allclose(roots.natural_slopes(vector, value, entries), np.transpose(numeric), atol=1e-8)

    def test_the_vector_of_a_covariance_gives_it_back(self, data):
        plan = hdsl.Model(MODELS["correlated"]).bind(data).plan
        sd = np.array([1.5, 0.5, 2.0])
        cor = np.array([[1.0, 0.3, -0.4], [0.3, 1.0, 0.2], [-0.4, 0.2, 1.0]])
        wanted = from_parts(sd, cor) @ from_parts(sd, cor).T
        for held, value in [(None, 0.0), ((0, 1, 1), 0.5), ((0, 2, 0), -0.4), ((0, 2, 1), 0.2)]:
            roots = roots_of(plan, held)
            (root,) = roots.at(roots.vector([sd], [cor]), value)
            assert np.allclose(root @ root.T, wanted)
            assert roots.size == (6 if held is None else 5)

    def test_a_held_value_stays(self, data):
        plan = hdsl.Model(MODELS["correlated"]).bind(data).plan
        rng = np.random.default_rng(3)
        for held, value in [((0, 2, 2), 0.7), ((0, 2, 1), -1.0), ((0, 1, 0), 0.25)]:
            roots = roots_of(plan, held)
            (root,) = roots.at(rng.normal(size=roots.size), value)
            sigma = root @ root.T
            _, row, column = held
            found = (
                np.sqrt(sigma[row, row])
                if row == column
                else sigma[row, column] / np.sqrt(sigma[row, row] * sigma[column, column])
            )
            assert found == pytest.approx(value)

    def test_a_tied_standard_deviation_is_held_everywhere(self, data):
        plan = hdsl.Model(MODELS["tied"]).bind(data).plan
        roots = roots_of(plan, (0, 0, 0))
        assert roots.size == 0
        assert [root[0, 0] for root in roots.at(np.zeros(0), 0.6)] == [0.6, 0.6]


class TestDescent:
    @staticmethod
    def rosenbrock(x):
        a, b = x
        gradient = np.array([-2.0 * (1.0 - a) - 400.0 * a * (b - a**2), 200.0 * (b - a**2)])
        return (1.0 - a) ** 2 + 100.0 * (b - a**2) ** 2, gradient

    def test_it_finds_the_bottom_of_a_curved_valley(self):
        start = np.array([-1.2, 1.0])
        inverse = positive_inverse(differences(self.rosenbrock, start, np.ones(2)), np.ones(2))
        bottom = descend(self.rosenbrock, start, inverse, decrement=1e-16)
        assert bottom.converged
        assert bottom.vector == pytest.approx([1.0, 1.0], abs=1e-6)

    def test_the_value_never_rises(self):
        start = np.array([-1.2, 1.0])
        values = [descend(self.rosenbrock, start, np.eye(2), most=most).value for most in range(1, 60)]
        assert all(later <= earlier + 1e-12 for earlier, later in pairwise(values))
        assert values[-1] < 1e-6

    def test_too_few_evaluations_are_no_bottom(self):
        assert not descend(self.rosenbrock, np.array([-1.2, 1.0]), np.eye(2), most=3).converged
