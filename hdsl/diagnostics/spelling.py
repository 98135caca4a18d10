"""Names that a misspelt word may stand for."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["near_names", "one_of"]


def near_names(word: str, candidates: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Return the candidates that `word` may be a misspelling of, nearest first.

    A candidate that differs in case alone leaves no doubt, and is the only answer.

    Parameters
    ----------
    word : str
    candidates : iterable of str
    limit : int
        How many at most.

    Returns
    -------
    tuple of str
        Empty where none is near.
    """
    pool = sorted(set(candidates) - {word})
    by_fold: dict[str, list[str]] = {}
    for name in pool:
        by_fold.setdefault(name.casefold(), []).append(name)
    if word.casefold() in by_fold:
        return tuple(by_fold[word.casefold()])[:limit]
    folded = get_close_matches(word.casefold(), by_fold, n=limit, cutoff=0.7)
    return tuple(name for fold in folded for name in by_fold[fold])[:limit]


def one_of(names: Iterable[str]) -> str:
    """Return names as a choice in words: ``"`a`, `b` or `c`"``."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}" if quoted else ""
