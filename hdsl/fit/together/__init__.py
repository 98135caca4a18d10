"""Many outcomes of the same rows fitted at once: Newton's method for all of them, in step.

Input: a `Refitter` and outcomes, a row for each. Output: `Refits`. Invariants: a replicate is done where the search of
`hdsl.fit.search` would end, by the same tolerances and conditions; what is in trouble goes on alone from where it is,
by that search. The criterion is that of the emitted source, run on arrays with one more axis, replicates, at their end.
"""

from __future__ import annotations

from hdsl.fit.together.engine import Together, together
from hdsl.fit.together.refits import Refits, one_by_one

__all__ = ["Refits", "Together", "one_by_one", "together"]
