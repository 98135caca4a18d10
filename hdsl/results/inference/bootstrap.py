"""The parametric bootstrap: outcomes drawn from a fit, the model fitted to each.

Stage: results. Input: a fit. Output: a `Bootstrap`. Invariants: equal seeds give equal records, and replicate r is the
same however many there are; a replicate that could not be fitted, or did not converge, stays in the record with what
was the matter.

References
----------
Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 12, 13 and 21; Davison and Hinkley (1997),
Bootstrap Methods and their Application, section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from hdsl.progress import kept_if_interrupted, progress, say
from hdsl.results.inference.refusals import refusal
from hdsl.results.inference.replicates import outcomes, refits_of
from hdsl.results.intervals import coverage
from hdsl.results.seeds import known_seed

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.face.core import Core

__all__ = ["Bootstrap", "bootstrap", "ratios"]

Floats: TypeAlias = NDArray[np.float64]
MOST_FEW = 19
"""Replicates with which a p-value can be as small as 0.05."""

KNOWN = {"converged", "boundary"}
"""Statuses of replicates that have an estimate."""

IntervalKind: TypeAlias = Literal["percentile", "basic", "normal"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bootstrap:
    """What came of the replicates; prints.

    Attributes
    ----------
    estimates : DataFrame, (n, dof)
        A row for each replicate, parameters by name as in `FittedModel.params`; NaN where it failed.
    deviance : Series, (n,)
    status : Series, (n,)
        ``"converged"``, ``"boundary"``, ``"not converged"``, or ``"failed"`` without a fit.
    failures : Series
        For each replicate without an estimate, what was the matter.
    params : Series, (dof,)
        The fit's own estimates.
    edges : ndarray, (dof, 2)
        Range of each parameter.
    seed : int
        What `bootstrap` takes to give the same record.
    asked : int
        Replicates that were asked for: more than there are where the user interrupted them.
    """

    estimates: pd.DataFrame
    deviance: pd.Series[float]
    status: pd.Series[str]
    failures: pd.Series[str]
    params: pd.Series[float]
    edges: Floats
    seed: int
    asked: int

    @property
    def is_short(self) -> bool:
        """Whether the user interrupted it."""
        return len(self.status) < self.asked

    @property
    def bse(self) -> pd.Series[float]:
        """Standard deviations of the estimates."""
        return self.estimates.std(ddof=1).rename("se")

    @property
    def bias(self) -> pd.Series[float]:
        """Means of the estimates minus the fit's own."""
        return (self.estimates.mean() - self.params).rename("bias")

    def conf_int(self, level: float = 0.95, kind: str = "percentile") -> pd.DataFrame:
        """Return intervals of all parameters.

        Parameters
        ----------
        level : float
            Coverage.
        kind : {"percentile", "basic", "normal"}
            Quantiles of the estimates; these reflected in the fit's own; or that minus the bias, plus and minus normal
            quantiles times the standard deviation. Cut off at the ends of a parameter's range.

        Returns
        -------
        DataFrame
            Columns `lower` and `upper`.

        Raises
        ------
        FitError
            HM510 for another kind, a level outside (0, 1), and fewer than two replicates that could be fitted.
        """
        import pandas as pd

        share = coverage(level)
        if kind not in get_args(IntervalKind):
            raise refusal(f"there is no kind {kind!r} of interval", 'write "percentile", "basic" or "normal"')
        if self.estimates.notna().all(axis=1).sum() < 2:
            raise refusal("fewer than two replicates could be fitted", "`failures` says what was the matter")
        tails = [(1.0 - share) / 2.0, (1.0 + share) / 2.0]
        low, high = np.nanquantile(self.estimates.to_numpy(), tails, axis=0)
        own = self.params.to_numpy()
        if kind == "basic":
            low, high = 2.0 * own - high, 2.0 * own - low
        if kind == "normal":
            centre = own - self.bias.to_numpy()
            reach = NormalDist().inv_cdf(tails[1]) * self.bse.to_numpy()
            low, high = centre - reach, centre + reach
        bounds = np.clip(np.column_stack([low, high]), self.edges[:, :1], self.edges[:, 1:])
        return pd.DataFrame(bounds, index=self.params.index, columns=["lower", "upper"])

    def __str__(self) -> str:
        import pandas as pd

        from hdsl.results.listing import listing

        n, failed = len(self.status), len(self.failures)
        on_edge = int((self.status == "boundary").sum())
        wanted = f" of {self.asked:,}, interrupted" if self.is_short else ""
        head = f"parametric bootstrap, {n:,} replicates{wanted}, seed {self.seed}"
        counts = f"{failed:,} failed, {on_edge:,} on a boundary"
        table = pd.concat([self.params.rename("estimate"), self.bias, self.bse, self.conf_int()], axis=1)
        return listing(f"{head}\n{counts}", table).rstrip()

    def __repr__(self) -> str:
        return str(self)


def bootstrap(fit: Core, n: int, seed: int | None) -> Bootstrap:
    """Draw outcomes from a fit and fit the model to each.

    Raises
    ------
    FitError
        HM510 for fewer than two replicates, and for a fit that no outcomes can be drawn from.
    KeyboardInterrupt
        If the user interrupts it before there are two; later the record is of those that were done, which is told.
    """
    import pandas as pd

    if n < 2:
        raise refusal(f"{n} replicates are too few", "take some hundreds for standard errors, a thousand for intervals")
    names = fit.parameters.names
    values, deviance = np.full((n, len(names)), np.nan), np.full(n, np.nan)
    status: list[str] = []
    failures: dict[int, str] = {}
    taken = known_seed(seed)
    told = f"{{}} of {n:,} replicates of the bootstrap"
    with progress(f"bootstrap: preparing {n:,} replicates"), kept_if_interrupted(status, 2, told):
        refitting = refits_of(fit)
        for block in outcomes(fit, n, taken, refitting.at_once):
            first = len(status)
            say(f"bootstrap: replicate {first + 1:,} of {n:,}, {len(failures):,} failed")
            found = refitting.fit(block)
            known = np.array([state in KNOWN for state in found.status])
            failures |= {first + r: found.message[r] for r in np.flatnonzero(~known).tolist()}
            rows = first + np.flatnonzero(known)
            values[rows] = fit.parameters.values_at(found.beta, found.sd, found.cor, found.sigma).T[known]
            deviance[rows] = found.objective[known]
            status += found.status
    done = len(status)
    values, deviance = values[:done], deviance[:done]
    index = pd.RangeIndex(done, name="replicate")
    return Bootstrap(
        estimates=pd.DataFrame(values, index=index, columns=list(names)),
        deviance=pd.Series(deviance, index=index, name="deviance"),
        status=pd.Series(status, index=index, name="status"),
        failures=pd.Series(failures, name="message", dtype=object).rename_axis("replicate"),
        params=pd.Series(fit.parameters.values, index=pd.Index(names), name="estimate"),
        edges=fit.parameters.edges,
        seed=taken,
        asked=n,
    )


def ratios(small: Core, large: Core, n: int, seed: int | None) -> tuple[Floats, int]:
    """Draw outcomes from the smaller of two fits, and fit both models to each.

    Returns
    -------
    ndarray
        Twice the differences of the log-likelihoods, without replicates that one of the models could not fit.
    int
        The seed.
    """
    if n < MOST_FEW:
        raise refusal(f"{n} replicates are too few for a p-value", f"write {MOST_FEW} or more; a thousand are usual")
    taken, found = known_seed(seed), []
    with progress(f"bootstrap: preparing {n:,} replicates"):
        refits, done = (refits_of(small), refits_of(large)), 0
        for block in outcomes(small, n, taken, min(refit.at_once for refit in refits)):
            say(f"bootstrap: replicate {done + 1:,} of {n:,}")
            first, second = (refit.fit(block) for refit in refits)
            known = [{a, b} <= KNOWN for a, b in zip(first.status, second.status, strict=True)]
            found.append(np.maximum(first.objective - second.objective, 0.0)[known])
            done += len(block)
    return np.concatenate(found), taken
