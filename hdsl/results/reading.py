"""A fit with its standard errors computed, or as far as the user waited for them.

Stage: results. Input: a fit. Output: a fit. Invariant: the fit that was given is not changed: asked again, it computes
what was interrupted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdsl.progress import kept_if_interrupted, progress

if TYPE_CHECKING:
    from hdsl.results.fitted import FittedModel

__all__ = ["as_read"]


def as_read(fit: FittedModel) -> FittedModel:
    """Return a fit when its standard errors, degrees of freedom and messages have been computed.

    Where the user interrupts that, which is told, another one: what was not computed by then is NaN in it, and tests
    are by the normal distribution where degrees of freedom were not.

    Raises
    ------
    KeyboardInterrupt
        Where this is a part of something longer.
    """
    done: list[FittedModel] = []
    told = "standard errors; those that were not computed by then are NaN"
    with progress("standard errors"), kept_if_interrupted(done, 0, told):
        for read in (lambda: fit.bse, lambda: fit.degrees, lambda: fit.diagnostics):
            read()
        done.append(fit)
    if done:
        return fit
    return type(fit)(fit.design, fit.outcome.as_stopped("errors"), fit.remarks, fit.end)
