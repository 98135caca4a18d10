"""Cluster-robust standard errors and degrees of freedom agree with clubSandwich, with and without a random part.

The references are what `make_robust.R` wrote.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.reference.names import model_of
from tests.reference.test_reference import compiled, data_of, fit_of, reference

if TYPE_CHECKING:
    from hdsl.results import FittedModel

HERE = Path(__file__).resolve().parent
FITS: dict[str, Any] = json.loads((HERE / "robust.json").read_text(encoding="utf-8"))["fits"]

RELATIVE = 1e-5


@cache
def pooled_fit_of(name: str) -> FittedModel:
    """Least squares; its scale is that of REML, n - p."""
    return compiled(name).pooled().fit(data_of(reference(name)["data"]), method="reml")


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2"])
@pytest.mark.parametrize("part", ["mixed", "pooled"])
@pytest.mark.parametrize("name", FITS)
def test_standard_errors_and_degrees_of_freedom(name: str, part: str, kind: str) -> None:
    fit = fit_of(name) if part == "mixed" else pooled_fit_of(name)
    column = FITS[name]["cluster"]
    found = fit.robust(data_of(reference(name)["data"])[column], kind)  # type: ignore[arg-type]
    if part == "mixed":
        by_index = fit.robust(column, kind).table  # type: ignore[arg-type]
        assert found.table.to_numpy() == pytest.approx(by_index.to_numpy(), rel=1e-9)
    expected = FITS[name][part][kind]
    for theirs, (ours, _) in model_of(name).fixed.items():
        se, df = expected["each"][theirs]
        assert found.table.loc[ours, "se"] == pytest.approx(se, rel=RELATIVE), ours
        assert found.table.loc[ours, "df"] == pytest.approx(df, rel=RELATIVE), ours
    if "joint" in expected:
        test = found.test([ours for theirs, (ours, _) in model_of(name).fixed.items() if theirs != "(Intercept)"])
        assert [test.statistic, test.df, test.df_denominator] == pytest.approx(expected["joint"], rel=RELATIVE)
