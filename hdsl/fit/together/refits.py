"""What fits to several outcomes found: the part of `FitOutcome` that replicates are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hdsl.diagnostics import FitError
from hdsl.fit.outcome import FitOutcome
from hdsl.fit.standardise import Codes, Floats

__all__ = ["Refits", "one_by_one"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refits:
    """What fits to several outcomes found, on the user's scale; replicates are the last axis.

    Attributes
    ----------
    beta : ndarray, (p, R)
    sd : tuple of ndarray, (q, R) each
        By grouping factor, as `FitOutcome.sd`.
    cor : tuple of ndarray, (q, q, R) each
    sigma, objective : ndarray, (R,)
    status, message : list of str
        Those of `FitOutcome`; the status of what could not be fitted is ``"failed"``, and its numbers mean nothing.
    """

    beta: Floats
    sd: tuple[Floats, ...]
    cor: tuple[Floats, ...]
    sigma: Floats
    objective: Floats
    status: list[str]
    message: list[str]

    def put(self, places: Codes, other: Refits) -> None:
        """Put other replicates in the places of some of these."""
        pairs = [(self.beta, other.beta), (self.sigma, other.sigma), (self.objective, other.objective)]
        pairs += [*zip(self.sd, other.sd, strict=True), *zip(self.cor, other.cor, strict=True)]
        for own, new in pairs:
            own[..., places] = new
        for place, status, message in zip(places.tolist(), other.status, other.message, strict=True):
            self.status[place], self.message[place] = status, message


def one_by_one(found: Iterable[FitOutcome | FitError], like: FitOutcome) -> Refits:
    """Return the record of fits that were made one after the other; `like` is one of the same model."""
    pairs = [(_nothing(like, fit), "failed") if isinstance(fit, FitError) else (fit, fit.status) for fit in found]
    fits = [fit for fit, _ in pairs]
    return Refits(
        beta=np.column_stack([fit.beta for fit in fits]),
        sd=tuple(np.column_stack([fit.sd[f] for fit in fits]) for f in range(len(like.sd))),
        cor=tuple(np.stack([fit.cor[f] for fit in fits], axis=-1) for f in range(len(like.cor))),
        sigma=np.array([fit.sigma for fit in fits]),
        objective=np.array([fit.objective for fit in fits]),
        status=[status for _, status in pairs],
        message=[fit.message for fit in fits],
    )


def _nothing(like: FitOutcome, error: FitError) -> FitOutcome:
    """Return what stands for a fit that could not be made."""
    return like.changed(objective=np.nan, message=str(error.first.message))
