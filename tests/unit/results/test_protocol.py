"""Packages that know nothing of hdsl read its fits: statsmodels' tables side by side, and those of maketables."""

from __future__ import annotations

import warnings

import numpy as np
import pytest


def imported(name):
    """A package that may be absent, without what it warns of when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


class TestNames:
    def test_model(self, sleepstudy):
        model = sleepstudy.model
        assert model.endog_names == "Reaction[i]"
        assert model.exog_names == ["b0", "b1"]
        assert model.data.param_names == list(sleepstudy.params.index)
        assert model.endog.shape == (180,)

    def test_degrees_of_freedom(self, sleepstudy, ordinal):
        assert sleepstudy.df_model == 1.0
        assert ordinal.df_model == 1.0
        assert not sleepstudy.use_t

    def test_rows_by_their_other_names(self, casks):
        assert casks.fittedvalues.equals(casks.fitted)
        assert casks.resid.equals(casks.residuals)


class TestStatsmodels:
    def test_tables_side_by_side(self, sleepstudy, counts):
        summary_col = imported("statsmodels.iolib.summary2").summary_col
        text = str(summary_col([sleepstudy, counts], stars=True, info_dict={"N": lambda fit: str(fit.nobs)}))
        rows = [line.split() for line in text.splitlines()]
        assert ["Reaction[i]", "y[i]"] in rows
        assert ["b1", "10.4673***", "-0.5000*"] in rows
        assert ["(1.5458)", "(0.3000)"] in rows
        assert ["size", "2.0000"] in rows
        assert ["N", "180", "6"] in rows


class TestMaketables:
    def test_coefficients_and_statistics(self, sleepstudy, counts):
        extractor = imported("maketables.extractors").get_extractor(sleepstudy)
        table = extractor.coef_table(sleepstudy)
        assert table.loc["b1", "b"] == pytest.approx(10.4672859595964)
        assert table.loc["b1", "se"] == pytest.approx(1.54578889288849)
        assert np.isnan(table.loc["sd", "p"])
        assert extractor.depvar(sleepstudy) == "Reaction[i]"
        assert extractor.stat(sleepstudy, "N") == 180
        assert extractor.stat(sleepstudy, "r2_within") is None

    def test_a_table_of_two_models(self, sleepstudy, counts):
        table = imported("maketables").ETable([sleepstudy, counts]).make(type="html")
        text = str(table)
        assert "10.467***" in text
        assert "-0.500" in text
        assert "(0.300)" in text
