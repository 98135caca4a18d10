"""First lines of messages about formulas and exports.

Input: what is wrong, and the way out. Output: a message. Invariant: it alone tells what to do wherever both fit a line.
"""

from __future__ import annotations

__all__ = ["with_advice"]

_ROOM = 88
"""Characters of a message on one line."""


def with_advice(message: str, advice: str) -> str:
    """Return ``message: advice``, or the message alone where the two are longer than a line."""
    whole = f"{message}: {advice}"
    return whole if len(whole) <= _ROOM else message
