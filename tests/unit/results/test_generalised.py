"""Estimates and reports of outcomes with a density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hdsl.fit.trouble import Trouble
from hdsl.results import FittedModel
from tests.unit.results.generalised import counts_parts


def squeezed(report):
    """The text of a report with one space for many."""
    return " ".join(str(report).split())


class TestParameters:
    def test_scalars_stand_on_their_natural_scale(self, counts):
        assert list(counts.params.index) == ["b0", "b1", "size", "p_zero", "sd_u"]
        assert counts.params["size"] == pytest.approx(2.0)
        assert counts.params["p_zero"] == 0.5
        assert counts.params["sd_u"] == 0.8
        assert counts.dof == 5

    def test_fixed_effects_have_no_scalars_and_no_thresholds(self, counts, ordinal):
        assert list(counts.fixef.index) == ["b0", "b1"]
        assert list(ordinal.fixef.index) == ["b1"]
        assert list(ordinal.params.index) == ["b1", "c[1]", "c[2]", "sd_u"]

    def test_standard_errors_by_the_delta_method(self, counts):
        assert counts.bse["size"] == pytest.approx(2.0 * 0.4)
        assert counts.bse["p_zero"] == pytest.approx(0.25 * 0.5)
        assert counts.bse["b0"] == pytest.approx(0.2)

    def test_the_covariance_is_joint(self, counts):
        covariance = counts.cov_params()
        assert covariance.loc["b0", "size"] == pytest.approx(2.0 * 0.01)
        assert covariance.loc["b0", "sd_u"] == pytest.approx(0.002)
        assert covariance.loc["sd_u", "size"] == pytest.approx(2.0 * 0.003)
        assert covariance.loc["sd_u", "sd_u"] == pytest.approx(0.01)
        assert np.allclose(covariance, covariance.T)

    def test_tests_are_by_z(self, counts):
        assert counts.tvalues.name == "z"
        assert counts.tvalues["b0"] == pytest.approx(5.0)
        assert counts.pvalues.dropna().index.tolist() == ["b0", "b1"]

    def test_an_interval_of_a_scalar_is_made_where_it_is_unbounded(self, counts):
        bounds = counts.conf_int()
        z = 1.959963984540054
        assert bounds.loc["size"].tolist() == pytest.approx([2.0 * np.exp(-z * 0.4), 2.0 * np.exp(z * 0.4)])
        assert bounds.loc["p_zero"].tolist() == pytest.approx([1 / (1 + np.exp(z * 0.5)), 1 / (1 + np.exp(-z * 0.5))])
        assert bounds.loc["sd_u"].tolist() == pytest.approx([0.8 - z * 0.1, 0.8 + z * 0.1])

    def test_a_level_below_a_half_is_what_is_left_out(self, counts):
        pd.testing.assert_frame_equal(counts.conf_int(0.05), counts.conf_int(0.95))
        pd.testing.assert_frame_equal(counts.conf_int(alpha=0.1), counts.conf_int(0.9))

    def test_no_residual(self, counts):
        assert counts.var_corr["effect"].tolist() == ["u0[j]"]
        assert list(counts.var_corr.columns) == ["index_set", "effect", "sd"]

    def test_without_random_part(self):
        design, outcome = counts_parts()
        design = replace(design, plan=replace(design.plan, re_terms=(), chain=()), variance_names={})
        fit = FittedModel(
            design,
            replace(
                outcome,
                sd=(),
                cor=(),
                modes=(),
                mode_cov=(),
                variance_cov=np.empty((0, 0)),
                cross_cov=np.empty((4, 0)),
                variance_parameters=(),
            ),
        )
        assert list(fit.params.index) == ["b0", "b1", "size", "p_zero"]
        assert fit.var_corr.empty
        text = squeezed(fit.summary())
        assert "zero_inflated(negative_binomial) model, fitted by Laplace approximation" in text
        assert "Random effects" not in text
        assert "Residual" not in text


class TestSummary:
    def test_scalars_have_tables_by_role(self, counts):
        text = squeezed(counts.summary())
        assert "Dispersion name role estimate se 2.5 % 97.5 %" in text
        assert "size size 2.0000 0.8000 0.9132 4.3804" in text
        assert "Zero inflation" in text
        assert "p_zero probability 0.5000 0.1250" in text
        assert "nan" not in text.lower()

    def test_method_and_predictor(self, counts, scales):
        assert "maximum likelihood, Laplace approximation" in squeezed(counts.summary())
        assert "y[i] ~ zero_inflated(negative_binomial) predictor log(mean[i])" in squeezed(counts.summary())
        assert "adaptive Gauss-Hermite quadrature" in squeezed(scales.summary())

    def test_thresholds(self, ordinal):
        text = squeezed(ordinal.summary())
        assert "Thresholds name role" in text
        assert "c[1] threshold -1.0000 0.2000" in text

    def test_fixed_effects_by_predictor(self, scales):
        text = squeezed(scales.summary())
        assert text.index("Fixed effects of m[i]") < text.index("b1") < text.index("Fixed effects of log(s[i])")
        assert text.index("Fixed effects of log(s[i])") < text.index("g0 g0 -0.5000")

    def test_tidy_has_the_roles(self, counts):
        table = counts.summary().tidy()
        assert table["role"].tolist() == ["fixed", "fixed", "size", "probability", "sd"]
        assert table["estimate"].tolist() == counts.params.tolist()


class TestTroubles:
    @staticmethod
    def fit_with(trouble, status="not converged"):
        design, outcome = counts_parts()
        return FittedModel(design, replace(outcome, status=status, message="No estimate.", troubles=(trouble,)))

    @pytest.mark.parametrize(
        ("trouble", "alarm", "words"),
        [
            (Trouble(kind="separation", columns=(0, 1)), "SEPARATION", "`b0`, `b1` tell every outcome exactly"),
            (Trouble(kind="quasi-separation", columns=(1,)), "SEPARATION", "`b1` tells some of the outcomes"),
            (Trouble(kind="infinite", entries=((0, 0, 0),)), "NO FINITE ESTIMATE", "`sd_u` can grow without bound"),
            (Trouble(kind="no mode"), "NO FINITE ESTIMATE", "has no mode"),
        ],
    )
    def test_no_estimate_is_loud(self, trouble, alarm, words):
        fit = self.fit_with(trouble)
        assert not fit.converged
        (diagnostic,) = fit.diagnostics
        assert (diagnostic.code, diagnostic.severity.value) == ("HM514", "warning")
        assert words in diagnostic.message
        text = str(fit.summary())
        assert text.startswith(f"{alarm}: these numbers are where the optimizer stopped, not estimates")
        assert text.rstrip().endswith(f"{alarm}: these numbers are where the optimizer stopped, not estimates")
        assert f"status {alarm} (7 evaluations)" in squeezed(text)

    def test_a_search_that_stopped_short(self):
        fit = self.fit_with(Trouble(kind="no convergence", reason="too few steps"))
        assert [d.code for d in fit.diagnostics] == ["HM502"]
        assert str(fit.summary()).startswith("NOT CONVERGED")

    def test_a_scalar_at_its_edge_is_on_the_boundary(self):
        trouble = Trouble(kind="edge", columns=(2,), reason="grows without bound: the counts are poisson")
        fit = self.fit_with(trouble, status="boundary")
        assert fit.converged
        assert fit.boundary == ("size",)
        (diagnostic,) = fit.diagnostics
        assert diagnostic.code == "HM503"
        assert "`size` grows without bound: the counts are poisson" in diagnostic.message
        assert "converged on the boundary (7 evaluations): size grows without bound" in squeezed(fit.summary())

    def test_nodes_are_told(self):
        design, outcome = counts_parts()
        fit = FittedModel(design, replace(outcome, method="agq", nodes=9))
        assert "adaptive Gauss-Hermite quadrature with 9 nodes" in squeezed(fit.summary())
