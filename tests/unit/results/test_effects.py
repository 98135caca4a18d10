"""Random effects, coefficients of groups and predictions, against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hdsl.diagnostics import FitError
from hdsl.form.labels import Labels
from hdsl.plan import CovarianceBlock
from hdsl.results import FittedModel

FIXED = [2.0, 4.5, 7.0, 9.5, 12.0, 14.5]  # 1 + 2 x + 0.5 [kind 2] + 0.1 z
CASKS = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
BATCHES = [10.0, 10.0, 10.0, 10.0, 20.0, 20.0]
ALL = [13.0, 15.5, 19.0, 21.5, 35.0, 37.5]


class TestRanef:
    def test_modes_and_standard_errors_by_label(self, sleepstudy):
        table = sleepstudy.ranef["b0[j]"]
        assert list(table.columns) == ["estimate", "se"]
        assert table.index.name == "j"
        assert table.loc["308", "estimate"] == 2.2585661715957
        assert table.loc["308", "se"] == pytest.approx(12.0708366516964)
        assert sleepstudy.ranef["b1[j]"].loc["308"].tolist() == [9.19898, 2.0]

    def test_several_indices_give_a_multi_index(self, casks):
        table = casks.ranef["beta0[j,k]"]
        assert table.index.names == ["j", "k"]
        assert table.loc[("a", "B"), "estimate"] == 3.0
        assert table["se"].tolist() == pytest.approx([0.3, 0.3, 0.3])

    def test_order_of_subscripts_and_spaces_do_not_matter(self, casks):
        pd.testing.assert_frame_equal(casks.ranef["beta0[k, j]"], casks.ranef["beta0[j,k]"])

    def test_a_subscript_that_another_determines_adds_nothing(self, cask_parts):
        design, outcome = cask_parts
        rows, casks, batches, kinds = design.form.indices
        nested = replace(design.form, indices=(rows, casks, replace(batches, parents=("c",)), kinds))
        fit = FittedModel(replace(design, form=nested), outcome)
        pd.testing.assert_frame_equal(fit.ranef["v0[c,k]"], fit.ranef["v0[k]"])
        assert "v0[j,k]" not in fit.ranef

    def test_an_effect_that_shares_a_finer_factor_has_its_own_labels(self, cask_parts):
        design, outcome = cask_parts
        term = design.plan.re_terms[0]
        both = replace(
            term,
            columns=(*term.columns, replace(term.columns[0], symbol="v0[k]")),
            blocks=(*term.blocks, CovarianceBlock(columns=(1,), effects=("v0[k]",), theta=(1,))),
        )
        merged = replace(
            design,
            plan=replace(design.plan, re_terms=(both,)),
            arrays=replace(design.arrays, groups=(np.array([0, 0, 0, 1, 1, 1]),)),
            levels=(Labels.of((("a", "A"), ("a", "B"))),),
        )
        modes = (np.array([[1.0, 10.0], [2.0, 20.0]]),)
        fit = FittedModel(merged, replace(outcome, modes=modes, mode_cov=(np.zeros((2, 2, 2)),)))
        assert fit.ranef["v0[k]"]["estimate"].to_dict() == {"A": 10.0, "B": 20.0}
        assert fit.ranef["beta0[j,k]"]["estimate"].to_dict() == {("a", "A"): 1.0, ("a", "B"): 2.0}
        assert fit.predict(include=["k"]).tolist() == pytest.approx(np.add(FIXED, [10.0] * 3 + [20.0] * 3).tolist())

    def test_it_is_a_mapping_of_all_effects(self, casks):
        assert list(casks.ranef) == ["beta0[j,k]", "v0[k]"]
        assert len(casks.ranef) == 2
        assert "v0[k]" in casks.ranef
        assert "v0" not in casks.ranef

    def test_an_unknown_effect_is_told_the_known_ones(self, casks):
        with pytest.raises(KeyError, match=r"beta0\[j,k\], v0\[k\]"):
            casks.ranef["u9[j]"]


class TestCoef:
    def test_mean_plus_deviation(self, sleepstudy):
        assert sleepstudy.coef["b1[j]"].loc["308", "estimate"] == pytest.approx(10.4672859595964 + 9.19898)
        assert sleepstudy.coef["b1[j]"].loc["309", "estimate"] == 10.4672859595964

    def test_the_mean_has_covariates_and_coarser_deviations(self, casks):
        # 1 + 0.1 z + v0[k] + deviation: 1+1+10+1, 1+2+10+2, 1+3+20+3
        assert casks.coef["beta0[j,k]"]["estimate"].tolist() == [13.0, 15.0, 27.0]
        assert casks.coef["beta0[j,k]"].index[1] == ("b", "A")

    def test_a_mean_of_zero_leaves_the_deviation(self, casks):
        assert casks.coef["v0[k]"]["estimate"].tolist() == [10.0, 20.0]

    def test_the_mean_may_have_a_level_of_an_unmodelled_set(self, cask_parts):
        design, outcome = cask_parts
        design = replace(design, arrays=replace(design.arrays, sets=(np.array([-1, -1, 0, 0, 0, 0]),)))
        block = design.form.blocks[0]
        by_kind = replace(block.means[0][0], coefficient="b_c[c]", coefficient_set=("c",), scale=2.0)
        design = replace(
            design, form=replace(design.form, blocks=(replace(block, means=((by_kind,),)), design.form.blocks[1]))
        )
        # 2 * (0, 0.5, 0.5) + (1, 2, 3)
        assert FittedModel(design, outcome).coef["beta0[j,k]"]["estimate"].tolist() == [1.0, 3.0, 4.0]

    def test_what_cancels_out_of_the_composite_is_refused(self, cask_parts):
        design, outcome = cask_parts
        without_z = replace(design.arrays, x_symbols=("x[i]", "other[j,k]"))
        with pytest.raises(FitError) as caught:
            FittedModel(replace(design, arrays=without_z), outcome).coef["beta0[j,k]"]
        assert caught.value.code == "HM510"
        assert "z[j,k]" in caught.value.message


class TestPredict:
    def test_fitted_and_residuals(self, casks):
        assert casks.fitted.tolist() == ALL
        assert casks.residuals.tolist() == [0.5, -0.5, 0.0, 0.0, 0.0, -0.5]

    def test_rows_keep_their_labels(self, casks):
        assert casks.fitted.index.tolist() == [0, 1, 2, 4, 5, 7]

    @pytest.mark.parametrize(
        ("include", "random"),
        [
            (None, [0.0] * 6),
            ([], [0.0] * 6),
            (["k"], BATCHES),
            (["batch"], BATCHES),
            ("k", BATCHES),
            (["j"], [0.0] * 6),
            (["j", "k"], np.add(CASKS, BATCHES)),
            ("all", np.add(CASKS, BATCHES)),
        ],
    )
    def test_what_is_included(self, casks, include, random):
        assert casks.predict(include=include).tolist() == pytest.approx(np.add(FIXED, random).tolist())

    def test_a_marginal_prediction_is_that_at_zero(self, casks):
        assert casks.predict(include=None, marginal=True).tolist() == FIXED

    def test_scales_of_an_identity_link_are_one(self, casks):
        assert casks.predict(scale="link").tolist() == casks.predict(scale="response").tolist()

    def test_an_offset_and_a_dropped_column(self, cask_parts):
        design, outcome = cask_parts
        design = replace(design, arrays=replace(design.arrays, offsets=(np.arange(6.0),)))
        beta = np.array([1.0, np.nan, 0.5, 0.1])
        fit = FittedModel(design, replace(outcome, beta=beta, aliased=(1,)))
        # 1 + 0.5 [kind 2] + 0.1 z + offset
        assert fit.predict(include=None).tolist() == [2.0, 3.5, 5.0, 6.5, 8.0, 9.5]

    @pytest.mark.parametrize("request_", [{"include": ["q"]}, {"include": "q"}, {"scale": "log"}])
    def test_unknown_requests_are_refused(self, casks, request_):
        with pytest.raises(FitError) as caught:
            casks.predict(**request_)
        assert caught.value.code == "HM510"
        assert caught.value.help
