"""The seed of what is drawn: checked, or a new one.

A leaf of the results. Invariant: the same seed gives the same draws; one that was not given is told, so that it can be.
"""

from __future__ import annotations

import operator
from typing import Any

from hdsl.diagnostics import Diagnostic, FitError, Severity

__all__ = ["known_seed"]


def known_seed(seed: int | None) -> int:
    """Return the seed, or a new one.

    Raises
    ------
    FitError
        HM510 for what is no whole number from 0 on.
    """
    import numpy as np

    try:
        is_seed = seed is None or operator.index(seed) >= 0
    except TypeError:
        is_seed = False
    if not is_seed:
        message = f"{seed!r} is no seed: write a whole number from 0 on"
        raise FitError([Diagnostic(code="HM510", severity=Severity.ERROR, message=message, help="write `seed=1`")])
    entropy: Any = np.random.SeedSequence(seed).entropy
    return int(entropy)
