"""Formula → model file → lme4's formula → model file: the same model, the same likelihood."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from hdsl.bridge import export, from_formula
from tests.unit.bridge.studies import mixed_bag

FORMULAS = [
    "y ~ x + z + (1 | g)",
    "y ~ x*z + (1 + x | g)",
    "y ~ x*z + (1 + x || g)",
    "y ~ x + (1 | k/g)",
    "y ~ x + (x | k) + (1 | g)",
    "y ~ f*x + (1 | g) + (1 | h)",
    "y ~ 0 + f + x:f + (1 | g)",
    "y ~ factor(q)*f + (1 | g)",
    "y ~ I(x^2) + log(t) + (0 + x | g)",
    "log(w) ~ x + offset(log(t)) + (1 | g:h)",
    "y ~ f + (f | k)",
]


def formula_of(script: str) -> str:
    """The formula that a script gives lmer."""
    text = " ".join(script[script.index("fit <- lmer(") :].split())
    found = re.search(r"lmer\(\s?(.*?), data = d", text)
    assert found is not None
    return found[1]


def prepared(script: str, data: pd.DataFrame) -> pd.DataFrame:
    """The columns that the script makes, made here: indicators and offsets."""
    frame = data.copy()
    for name, column, label in re.findall(r'd\$(\w+) <- as\.numeric\(d\$(\w+) == "(\w+)"\)', script):
        frame[name] = (frame[column].astype(str) == label).astype(float)
    for name, column in re.findall(r"d\$(\w+) <- log\(d\$(\w+)\)", script):
        frame[name] = np.log(frame[column])
    return frame


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("by_level", [True, False])
def test_there_and_back_is_the_same_model(formula: str, by_level: bool) -> None:
    data = mixed_bag()
    there = from_formula(formula, data, by_level=by_level)
    script = export(there, "lme4", data)
    factors = [name for name in ("q",) if f"d${name} <- factor" in script]
    back = from_formula(formula_of(script), prepared(script, data), factors=factors)
    first, second = there.fit(data, method="reml"), back.fit(prepared(script, data), method="reml")
    assert first.dof == second.dof
    assert first.loglik == pytest.approx(second.loglik, abs=1e-5)
