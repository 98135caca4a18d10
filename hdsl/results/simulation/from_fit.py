"""Outcomes drawn from a fit, for the rows that were fitted.

Stage: results. Input: a `Design`, a `FitOutcome` and which effects are kept. Output: a frame, a column for each draw.
Invariant: equal seeds give equal frames, and the first draws are the same however many there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hdsl.diagnostics import FitError
from hdsl.results.predicting.categories import is_ordered
from hdsl.results.predicting.request import Include, included_places, refusal
from hdsl.results.seeds import known_seed
from hdsl.results.simulation.outcomes import Given, draw_effects, draw_outcome, values_of

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = ["simulate"]


def simulate(design: Design, outcome: FitOutcome, n: int, seed: int | None, include: Include) -> pd.DataFrame:
    """Return `n` outcomes for each row; see `FittedModel.simulate`."""
    import pandas as pd

    if n < 1:
        raise FitError([refusal(f"{n} outcomes cannot be drawn: write a number above 0", "`simulate(100)` draws 100")])
    rng = np.random.default_rng(known_seed(seed))
    values, given = values_of(outcome), Given(places=included_places(design, include), modes=outcome.modes)
    counts = [len(levels) for levels in design.levels]
    drawn = []
    for _ in range(n):
        effects = draw_effects(design.plan, counts, values, given, rng)
        drawn.append(draw_outcome(design, design.arrays, values, effects, rng))
    columns = pd.RangeIndex(n, name="simulation")
    frame = pd.DataFrame(np.stack(drawn, axis=1), index=design.row_labels, columns=columns)
    if not is_ordered(design):
        return frame
    names = np.array(design.coding.categories)
    return pd.DataFrame(names[frame.to_numpy().astype(np.intp)], index=frame.index, columns=columns)
