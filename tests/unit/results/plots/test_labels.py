"""Labels of strangers beside an axis: drawn as they are, and cut where they would leave no room."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hdsl

pytest.importorskip("matplotlib")


@pytest.mark.filterwarnings("error")
def test_labels_of_strangers_are_drawn_as_they_are_and_leave_room() -> None:
    rng = np.random.default_rng(0)
    labels = ["$\\frac$", "a$b$c", "x" * 200, "<b>", "plain"]
    data = pd.DataFrame({"g": np.repeat(labels, 12), "x": rng.normal(size=60)})
    data["y"] = data["x"] + rng.normal(size=60)
    fit = hdsl.Model("y[i] ~ normal(b0[g] + b1*x[i], sd)\nb0[g] ~ normal(b0, s)\n").fit(data)
    for name in ("caterpillar", "shrinkage"):
        text = getattr(fit.plot, name)().content("svg").decode("utf-8")
        assert "$\\frac$" in text
        assert "a$b$c" in text
        assert "x" * 40 not in text
