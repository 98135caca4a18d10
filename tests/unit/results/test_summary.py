"""The summary: what stands in it, that it fits 80 columns, and that no string of the user's is read as markup."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hdsl.diagnostics import Diagnostic, Severity
from hdsl.results import FittedModel
from hdsl.results.numbers import align, fixed, p_value, significant

SLEEPSTUDY = """\
sleepstudy.hm: linear multilevel model, fitted by REML

outcome  Reaction[i] ~ normal
method   restricted maximum likelihood (REML)
rows     180 used, all that were read
status   converged (6 evaluations)

Levels
index  column   units
---------------------
[i]    (rows)     180
[j]    Subject     18

Fixed effects
name  term          estimate     se      z       p
--------------------------------------------------
b0    b0             251.405  6.825  36.84  <0.001
b1    b1 * Days[i]    10.467  1.546   6.77  <0.001

Random effects
index  effect    name           sd  correlation
-----------------------------------------------
[j]    b0[j]     sd(b0[j])  24.740
       b1[j]     sd(b1[j])   5.922        0.066
[i]    residual  sd         25.592

restricted log-likelihood  -871.814
REML criterion             1743.628
AIC                        1755.628
BIC                        1774.786
parameters                    6
"""


def squeezed(text):
    """Text without line breaks and runs of spaces, so that wrapping does not matter."""
    return " ".join(str(text).split())


class TestText:
    def test_the_whole_of_it(self, sleepstudy):
        assert str(sleepstudy.summary()) == SLEEPSTUDY

    def test_what_was_lost_and_recoded_is_in_it(self, casks):
        text = squeezed(casks.summary())
        assert "6 used of 8 read; 2 dropped for missing values in x (2)" in text
        assert "set to zero: b_c[c] at 1" in text
        assert "converged on the boundary (4 evaluations): sd_e = 0" in text
        assert "warning[HM503]" in text

    def test_levels_say_how_they_lie(self, casks):
        lines = [line.split() for line in str(casks.summary()).splitlines()]
        assert ["[j,k]", "cask", "x", "batch", "in", "[k]", "3"] in lines

    def test_crossed_levels(self, cask_parts):
        design, outcome = cask_parts
        casks, batches = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
        design = replace(design, arrays=replace(design.arrays, groups=(casks, batches)))
        assert "crossed with [j,k]" in squeezed(FittedModel(design, outcome).summary())

    def test_a_fit_that_did_not_converge_says_so_first_and_last(self, parts):
        design, outcome = parts
        fit = FittedModel(design, replace(outcome, status="not converged", message="stopped after 200 evaluations"))
        lines = str(fit.summary()).strip().splitlines()
        assert lines[0].startswith("NOT CONVERGED")
        assert lines[-1].startswith("NOT CONVERGED")
        assert "stopped after 200 evaluations" in squeezed(fit.summary())

    def test_dropped_columns_are_listed(self, cask_parts):
        design, outcome = cask_parts
        fit = FittedModel(design, replace(outcome, beta=np.array([1.0, np.nan, 0.5, 0.1]), aliased=(1,)))
        assert "not estimated, spanned by the columns before: b1" in squeezed(fit.summary())

    def test_a_transformed_outcome_names_its_scale(self, parts):
        design, outcome = parts
        design = replace(design, form=replace(design.form, outcome=replace(design.form.outcome, transform="log")))
        assert "on the scale of log(Reaction[i])" in squeezed(FittedModel(design, outcome).summary())

    def test_ml_names_the_likelihood(self, casks):
        text = squeezed(casks.summary())
        assert "fitted by ML" in text
        assert "log-likelihood -15.000" in text
        assert "REML" not in text

    def test_long_names_wrap_and_lose_nothing(self, parts):
        design, outcome = parts
        name = "effect_of_the_number_of_days_without_sleep_on_the_time_to_react_to_a_signal_in_the_laboratory"
        design = replace(design, fixed_labels=("b0", name))
        design = replace(
            design, fixed_terms=("b0", f"{name} * number_of_days_without_sleep[i] * another_long_covariate[i]")
        )
        text = str(FittedModel(design, outcome).summary())
        assert max(map(len, text.splitlines())) <= 80
        rows = [line for line in text.splitlines() if line[:1] not in {"", "-"}]
        start = next(place for place, line in enumerate(rows) if line.startswith("name"))
        width = rows[start].index("term")
        end = next(place for place, line in enumerate(rows) if line.startswith("Random"))
        assert "".join(line[:width].strip() for line in rows[start + 1 : end]) == "b0" + name
        assert "10.467" in text

    def test_many_fixed_effects_are_counted_not_printed(self, parts):
        design, outcome = parts
        p = 250
        design = replace(design, fixed_labels=tuple(f"b[{place}]" for place in range(p)))
        design = replace(design, fixed_terms=design.fixed_labels)
        fit = FittedModel(design, replace(outcome, beta=np.ones(p), cov_beta=np.eye(p)))
        text = str(fit.summary())
        assert "and 50 more" in text
        assert "b[199]" in text
        assert "b[200]" not in text
        assert len(fit.summary().tidy()) == p + 4


class TestMarkup:
    HOSTILE = "<script>alert(1)</script>[bold red]x[/]"

    @pytest.fixture
    def hostile(self, parts):
        design, outcome = parts
        design = replace(design, fixed_labels=(self.HOSTILE, "b1"))
        design = replace(design, zeroed={self.HOSTILE: ("<b>",)})
        note = Diagnostic(code="HM409", severity=Severity.NOTE, message=self.HOSTILE, help="<i>", notes=("<u>",))
        design = replace(design, diagnostics=(note,))
        return FittedModel(design, outcome)

    def test_html_escapes_every_string(self, hostile):
        for html in (hostile._repr_html_(), hostile.summary()._repr_html_()):
            assert "&lt;script&gt;" in html
            assert not [tag for tag in ("<script", "<b>", "<i>", "<u>") if tag in html]

    def test_text_keeps_brackets(self, hostile):
        assert "[bold red]x[/]" in "".join(str(hostile.summary()).split("\n"))

    def test_a_rich_console_prints_it(self, hostile):
        from rich.console import Console

        console = Console(width=100, record=True, file=__import__("io").StringIO())
        console.print(hostile)
        assert "[bold red]x[/]" in console.export_text()


class TestTidy:
    def test_one_row_for_each_parameter(self, casks):
        frame = casks.summary().tidy()
        assert frame["name"].tolist() == casks.params.index.tolist()
        assert frame["role"].tolist() == ["fixed"] * 4 + ["sd", "sd", "residual sd"]
        assert frame.loc[3, "term"] == "b_z * z[j,k]"
        assert frame.loc[3, "estimate"] == 0.1
        assert frame.loc[3, "z"] == pytest.approx(5.0)
        assert frame.loc[0, "lower"] == pytest.approx(1 - 1.959963984540054 * 0.5)
        assert np.isnan(frame.loc[4, "z"])


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "by", "text"),
        [
            (251.405104848484, 6.82455626155296, "251.405"),
            (10.4672859595964, 1.54578889288849, "10.467"),
            (123456.789, 1234.5, "123457"),
            (0.00012345, 0.0000321, "0.0001234"),
            (0.0, 0.5, "0.0000"),
            (2.5e-12, 1e-3, "2.50e-12"),
            (4e12, 1.0, "4.00e+12"),
            (float("nan"), 1.0, ""),
            (1.5, float("nan"), "1.500"),
            (1.5, 0.0, "1.500"),
        ],
    )
    def test_as_many_decimals_as_the_standard_error_needs(self, value, by, text):
        assert significant(value, by=by) == text

    def test_p_values(self):
        assert [p_value(value) for value in (0.5, 0.0499, 0.001, 0.0009, 0.0, float("nan"))] == [
            "0.500", "0.050", "0.001", "<0.001", "<0.001", "",
        ]  # fmt: skip

    def test_points_stand_under_each_other(self):
        assert align(["1.25", "-10.5", "", "7"]) == ("  1.25", "-10.5 ", "      ", "  7   ")

    def test_infinity(self):
        assert fixed(float("inf"), 2) == "inf"
        assert fixed(float("-inf"), 2) == "-inf"
