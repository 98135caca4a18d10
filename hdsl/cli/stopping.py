"""What an interruption leaves of a command: what was done is printed, what was asked for behind it is not begun.

Input: a fit, or the stages of a command. Output: the same, as far as the user waited. Invariants: what was interrupted,
and what was not done because of it, is told; a fit that was stopped in its search is printed and nothing else is made
of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from hdsl.cli.output import print_diagnostics
from hdsl.progress import tell_interrupted, told_interrupted

if TYPE_CHECKING:
    from hdsl.results import FittedModel

__all__ = ["as_far_as", "tell_search", "whole"]

Made = TypeVar("Made")


def as_far_as(stages: Sequence[tuple[str, Callable[[], Made]]]) -> Iterator[Made]:
    """Yield what each stage makes, until something was interrupted; tell which stages were not done."""
    left = list(stages)
    while left and not told_interrupted():
        try:
            made = left[0][1]()
        except KeyboardInterrupt:
            break
        left.pop(0)
        yield made
    if left:
        tell_interrupted(f"not done: {', '.join(name for name, _ in left)}")


def tell_search(fit: FittedModel) -> None:
    """Tell that the search of a fit was interrupted, if it was."""
    from hdsl.results.numbers import count

    if fit.outcome.interrupted == "search":
        tell_interrupted(f"the search, after {count(fit.outcome.n_evaluations, 'evaluation')}")


def whole(fit: FittedModel) -> FittedModel:
    """Return a fit that a command makes something else of.

    Raises
    ------
    KeyboardInterrupt
        If its search was interrupted, which is printed.
    """
    if fit.outcome.interrupted == "search":
        print_diagnostics(diagnostic for diagnostic in fit.diagnostics if diagnostic.code in {"HM502", "HM514"})
        raise KeyboardInterrupt
    return fit
