"""A line on the terminal while something takes long: what is being done, and since when; and what an interruption ends.

Input: what is done now, said by whoever does it. Output: a line on standard error that goes away. Invariants:
nothing is printed within the first two seconds, nor where standard error is no terminal; to say something costs nothing
then. What is kept though it was interrupted is told: a warning, or an entry of the list that the command line reads.
"""

from __future__ import annotations

import inspect
import sys
import time
import warnings
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from threading import Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

__all__ = ["interruptions", "is_part", "kept_if_interrupted", "progress", "say", "tell_interrupted", "told_interrupted"]

PATIENCE = 2.0
"""Seconds before anything is shown."""

INSIDE = frozenset({"hdsl", "contextlib", "functools"})
"""Packages whose frames are not the user's."""


class _Line:
    """The line, and the clock that shows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._begin = time.monotonic()
        self._lock = Lock()
        self._live: Live | None = None
        self._is_over = False
        self._timer = Timer(PATIENCE, self._show)
        self._timer.daemon = True
        self._timer.start()

    def _show(self) -> None:
        from rich.console import Console
        from rich.live import Live

        with self._lock:
            if not self._is_over:
                console = Console(stderr=True)
                words = partial(self._words, console)
                self._live = Live(console=console, get_renderable=words, refresh_per_second=2, transient=True)
                self._live.start()

    def _words(self, console: Console) -> Text:
        """Return what is done, cut off where it leaves no room for the time and how to stop it."""
        from rich.text import Text

        hint = f" ({time.monotonic() - self._begin:.0f} s; Ctrl-C stops)"
        words = Text(self.text, style="dim", overflow="ellipsis", no_wrap=True)
        words.truncate(max(console.width - len(hint), 1), overflow="ellipsis")
        return words.append(hint)

    def end(self) -> None:
        """Take the line away."""
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._live is not None:
                self._live.stop()


_current: ContextVar[_Line | None] = ContextVar("progress", default=None)
_depth: ContextVar[int] = ContextVar("depth", default=0)


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show a line while the body runs, if it takes long; inside another such body that one's line stays.

    Parameters
    ----------
    text : str
        What is done first.
    """
    within = _depth.set(_depth.get() + 1)
    line, token = None, None
    if _current.get() is None and sys.stderr is not None and sys.stderr.isatty():
        line = _Line(text)
        token = _current.set(line)
    try:
        yield
    finally:
        _depth.reset(within)
        if line is not None and token is not None:
            _current.reset(token)
            line.end()


_told: ContextVar[list[str] | None] = ContextVar("told", default=None)


@contextmanager
def kept_if_interrupted(done: Sized, least: int, what: str) -> Iterator[None]:
    """End the body where the user interrupts it, if as many as `least` are done, and tell.

    Parameters
    ----------
    done : sized
        What is kept.
    least : int
        Below which nothing is.
    what : str
        What was interrupted, ``{}`` for how many are done.

    Raises
    ------
    KeyboardInterrupt
        If fewer are, or the body is a part of something longer, which the interruption is meant for.
    """
    try:
        yield
    except KeyboardInterrupt:
        if len(done) < least or is_part():
            raise
        tell_interrupted(what.format(f"{len(done):,}"))


def tell_interrupted(what: str) -> None:
    """Tell what was interrupted, though something of it is kept: in the list of `interruptions`, else as a warning."""
    told = _told.get()
    if told is not None:
        told.append(what)
        return
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(f"interrupted: {what}", stacklevel=level)


@contextmanager
def interruptions() -> Iterator[list[str]]:
    """Collect what is told to have been interrupted in the body, instead of warning of it."""
    told: list[str] = []
    token = _told.set(told)
    try:
        yield told
    finally:
        _told.reset(token)


def told_interrupted() -> list[str]:
    """Return what was told so far in the body of `interruptions`."""
    return list(_told.get() or ())


def is_part() -> bool:
    """Whether what runs is a part of something longer, which an interruption is meant for."""
    return _depth.get() > 1


def say(text: str) -> None:
    """Change the line, if there is one and it is not that of something longer."""
    line = _current.get()
    if line is not None and not is_part():
        line.text = text
