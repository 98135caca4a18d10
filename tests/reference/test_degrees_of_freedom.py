"""Degrees of freedom, adjusted standard errors and joint F tests agree with lmerTest and pbkrtest.

The references are what `make_degrees.R` wrote, for every reference fit of up to 10000 rows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reference.names import model_of
from tests.reference.test_reference import fit_of

HERE = Path(__file__).resolve().parent
FITS: dict[str, Any] = json.loads((HERE / "degrees_of_freedom.json").read_text(encoding="utf-8"))["fits"]
METHODS = {"satterthwaite": "satterthwaite", "kenward_roger": "kenward-roger"}
CASES = [(name, method) for name, found in FITS.items() for method in METHODS if method in found]

RELATIVE = 1e-3
"""lmerTest differentiates twice numerically; where a fit is singular its third digit is uncertain."""


def test_all_of_them_are_here() -> None:
    assert len(FITS) == 36
    assert sum(method == "kenward_roger" for _, method in CASES) == 11


@pytest.mark.parametrize(("name", "method"), CASES)
def test_each_fixed_effect(name: str, method: str) -> None:
    table, fixed = fit_of(name).inference(METHODS[method]), model_of(name).fixed  # type: ignore[arg-type]
    assert len(table) == len(fixed)
    for theirs, (ours, _) in fixed.items():
        se, df = FITS[name][method]["each"][theirs]
        assert table.loc[ours, "se"] == pytest.approx(se, rel=RELATIVE), ours
        assert table.loc[ours, "df"] == pytest.approx(df, rel=RELATIVE), ours


@pytest.mark.parametrize(("name", "method"), [case for case in CASES if "joint" in FITS[case[0]][case[1]]])
def test_all_but_the_intercept_together(name: str, method: str) -> None:
    names = [ours for theirs, (ours, _) in model_of(name).fixed.items() if theirs != "(Intercept)"]
    test = fit_of(name).test(names, METHODS[method])  # type: ignore[arg-type]
    F, df, df_denominator = FITS[name][method]["joint"]
    assert test.df == df
    assert test.statistic == pytest.approx(F, rel=RELATIVE)
    assert test.df_denominator == pytest.approx(df_denominator, rel=RELATIVE)
