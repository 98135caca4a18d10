"""Power of a test by simulation: data sets drawn from a model, the model fitted to each, a hypothesis tested.

Stage: results. Input: a `Scenario`, what fits a frame, a hypothesis. Output: a `Power`. Invariants: equal seeds give
equal records, and data set r is the same however many there are; one that could not be fitted stays in the record with
what was the matter, and does not count as a rejection.

References
----------
Wilson (1927), J. Am. Stat. Assoc. 22, 209-212: the interval of a share.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from hdsl.diagnostics import FitError, HMError
from hdsl.progress import kept_if_interrupted, progress, say
from hdsl.results.seeds import known_seed
from hdsl.results.simulation.refusals import lacking

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.fitted import FittedModel
    from hdsl.results.simulation.from_model import Scenario

__all__ = ["Planned", "Power", "power"]

LEVEL = 0.95
"""Coverage of the Monte Carlo interval."""

GIVEN_UP = 20
"""So many data sets, all of them failures, and the rest is not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A test that is planned: hypotheses in coefficient names, its level, how degrees of freedom are found."""

    hypothesis: tuple[str, ...]
    alpha: float
    df: Any = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Power:
    """The share of data sets in which a hypothesis is rejected; prints.

    Attributes
    ----------
    hypothesis : tuple of str
    alpha : float
        Level of the test.
    table : DataFrame, (n, ..)
        A row for each data set: `p`, `statistic`, `df` (NaN where it failed) and `status`.
    failures : Series
        For each data set without a test, what was the matter.
    seed : int
        What gives the same record again.
    asked : int
        Data sets that were asked for: more than there are where the user interrupted them.
    """

    hypothesis: tuple[str, ...]
    alpha: float
    table: pd.DataFrame
    failures: pd.Series[str]
    seed: int
    asked: int

    @property
    def n(self) -> int:
        """Number of data sets."""
        return len(self.table)

    @property
    def rejected(self) -> int:
        """Number of data sets in which the hypothesis is rejected."""
        return int((self.table["p"] < self.alpha).sum())

    @property
    def power(self) -> float:
        """Share of rejections among all data sets, failures included."""
        return self.rejected / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the power by the number of data sets (Wilson)."""
        z, share, n = NormalDist().inv_cdf(0.5 + LEVEL / 2.0), self.power, self.n
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        low, high = self.interval
        lines = [
            f"power {self.power:.3f} (95 % interval {low:.3f} to {high:.3f}) of {'; '.join(self.hypothesis)}",
            f"rejected at {self.alpha:g} in {self.rejected:,} of {self.n:,} data sets, seed {self.seed}",
        ]
        if self.n < self.asked:
            lines.append(f"interrupted: {self.asked:,} data sets were asked for")
        if len(self.failures):
            lines.append(f"{len(self.failures):,} could not be tested, the first: {self.failures.iloc[0]}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def power(
    scenario: Scenario, fit: Callable[[pd.DataFrame], FittedModel], test: Planned, n: int, seed: int | None
) -> Power:
    """Return the power of a test; see `Model.power`.

    Raises
    ------
    FitError
        HM515 for what the scenario lacks, HM510 for text that is no hypothesis of the model.
    KeyboardInterrupt
        If the user interrupts it before the first is done; later the record is of those that were done, which is told.
    """
    _check(n, test.alpha)
    taken = known_seed(seed)
    rows: list[tuple[float, float, float, str]] = []
    failures: dict[int, str] = {}
    told = f"{{}} of {n:,} data sets"
    with progress(f"power: data set 1 of {n:,}"), kept_if_interrupted(rows, 1, told):
        for r, child in enumerate(np.random.SeedSequence(taken).spawn(n)):
            say(f"power: data set {r + 1:,} of {n:,}, {len(failures):,} failed")
            data = scenario.draw(np.random.default_rng(child))
            try:
                fitted = fit(data)
            except HMError as error:
                failures[r] = str(error.message)
                rows.append((math.nan, math.nan, math.nan, "failed"))
            else:
                rows.append(_tested(fitted, test))
                if fitted.status == "not converged":
                    failures[r] = fitted.message
            if r + 1 == GIVEN_UP == len(failures):
                raise _all_failed(failures[0])
    return _record(rows, failures, test, taken, n)


def _tested(fitted: FittedModel, test: Planned) -> tuple[float, float, float, str]:
    """Return p, statistic, degrees of freedom and status; a fit that did not converge has no test."""
    if fitted.status == "not converged":
        return math.nan, math.nan, math.nan, fitted.status
    found = fitted.test(test.hypothesis, test.df)
    return found.p, found.statistic, found.df_denominator, fitted.status


def _record(
    rows: list[tuple[float, float, float, str]], failures: dict[int, str], test: Planned, seed: int, asked: int
) -> Power:
    import pandas as pd

    index = pd.RangeIndex(len(rows), name="data set")
    return Power(
        hypothesis=test.hypothesis,
        alpha=test.alpha,
        table=pd.DataFrame(rows, index=index, columns=["p", "statistic", "df", "status"]),
        failures=pd.Series(failures, name="message", dtype=object).rename_axis("data set"),
        seed=seed,
        asked=asked,
    )


def _check(n: int, alpha: float) -> None:
    if n < 1:
        raise FitError([lacking(f"power cannot be told from {n} data sets: write a number above 0", "1000 is usual")])
    if not 0.0 < alpha < 1.0:
        raise FitError([lacking(f"a test of level {alpha} does not exist: write `alpha=0.05`", "between 0 and 1")])


def _all_failed(reason: str) -> FitError:
    message = f"none of the first {GIVEN_UP} data sets could be fitted: look at the design"
    return FitError([lacking(message, "larger `sizes`, or other `parameters`", (f"the first: {reason}",))])
