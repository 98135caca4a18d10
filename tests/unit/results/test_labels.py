"""Labels of groups are text wherever a user meets them, whatever the data hold: whole numbers, fractions, text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.results.fitted import FittedModel

TEXT = """
index j = g in k
index k = h
y[i] ~ normal(b0[j] + b1*x[i] + xm[j], sd)
b0[j] ~ normal(b0[k], sd_j)
b0[k] ~ normal(b0, sd_k)
xm[j] = mean(x[i])
"""

PAIR = """
y[i] ~ normal(b0[h,g] + b1*x[i], sd)
b0[h,g] ~ normal(b0[h], sd_g)
b0[h] ~ normal(b0, sd_h)
"""

WAYS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "whole numbers": lambda codes: codes,
    "short whole numbers": lambda codes: codes.astype("int16"),
    "whole numbers held as fractions": lambda codes: codes.astype(float),
    "text": lambda codes: codes.astype(str).astype("str"),
    "objects": lambda codes: codes.astype(str).astype(object),
    "categories": lambda codes: codes.astype("category"),
}


def numbers() -> pd.DataFrame:
    """Return rows in 24 groups, numbered with gaps and below zero, in four others."""
    generator = np.random.default_rng(7)
    group = np.repeat(np.arange(24), 5)
    x = generator.normal(size=len(group))
    y = 1.0 + 0.5 * x + generator.normal(size=24)[group] + 2.0 * generator.normal(size=4)[group // 6]
    y += generator.normal(size=len(group))
    shuffled = generator.permutation(len(group))
    return pd.DataFrame({"y": y, "x": x, "g": 3 * group - 9, "h": 100 - 100 * (group // 6)}).iloc[shuffled]


def told(fit: FittedModel, folder: Path) -> dict[str, object]:
    """Return what a fit tells by label, and what it tells when it was written and read."""
    new = pd.DataFrame({"y": 0.0, "x": [0.5, 1.0, 2.0], "g": [-9, 12, 999], "h": [100, 0, 999]})
    path = folder / "fit.hmfit"
    fit.save(path)
    again = hdsl.load(path)
    return {
        "levels": fit.design.levels,
        "read": again.design.levels,
        "learned": dict(fit.design.coding.levels),
        "effects": {effect: table.index.tolist() for effect, table in fit.ranef.items()},
        "coefficients": {effect: table.index.tolist() for effect, table in again.coef.items()},
        "rows": fit.augment().drop(columns=["y", "x"]).select_dtypes(exclude="number").to_numpy().tolist(),
        "new": np.round(fit.predict(new), 9).tolist(),
        "read new": np.round(again.predict(new), 9).tolist(),
        "pictured": [str(label) for label in fit.plot.caterpillar().data["group"]],
    }


@pytest.mark.parametrize("text", [TEXT, PAIR])
@pytest.mark.parametrize("way", [way for way in WAYS if way != "whole numbers"])
def test_groups_have_the_same_labels_however_they_are_held(text: str, way: str, tmp_path: Path) -> None:
    data = numbers()
    fit = hdsl.Model(text).fit(data.assign(g=WAYS[way](data["g"]), h=WAYS[way](data["h"])))
    assert told(fit, tmp_path) == told(hdsl.Model(text).fit(data), tmp_path)


def test_labels_of_whole_numbers_are_text_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    shown = told(hdsl.Model(TEXT).fit(numbers()), tmp_path)
    groups, others = tuple(str(3 * k - 9) for k in range(24)), ("-200", "-100", "0", "100")
    assert shown["levels"] == shown["read"] == (groups, others)
    assert shown["learned"] == {"j": groups, "k": others}
    assert shown["effects"] == {"b0[j]": list(groups), "b0[k]": list(others)}
    assert {tuple(row) for row in shown["rows"]} == {(g, others[3 - k // 6]) for k, g in enumerate(groups)}
    assert shown["new"] == shown["read new"]


def test_labels_of_pairs_are_tuples_of_text() -> None:
    fit = hdsl.Model(PAIR).fit(numbers())
    assert fit.design.levels[0][:2] == (("-200", "45"), ("-200", "48"))
    assert len(fit.design.levels[0]) == 24


def test_groups_without_rows_are_left_out_and_named(tmp_path: Path) -> None:
    data = numbers()
    data.loc[data["g"].isin([-9, 0]), "x"] = np.nan
    fit = hdsl.Model(TEXT).fit(data)
    assert fit.design.levels[0] == tuple(str(3 * k - 9) for k in range(24) if k not in (0, 3))
    (note,) = [note for item in fit.diagnostics if item.code == "HM405" for note in item.notes if "left" in note]
    assert note == "no row is left of 2 groups of `j`: `-9`, .."
    fit.save(tmp_path / "fit.hmfit")
    assert hdsl.load(tmp_path / "fit.hmfit").design.levels == fit.design.levels
