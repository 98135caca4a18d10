"""A line on the terminal while something takes long: what is being done, and since when.

Input: what is done now, said by whoever does it. Output: a line on standard error that goes away. Invariants:
nothing is printed within the first two seconds, nor where standard error is no terminal; to say something costs nothing
then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

__all__ = ["is_part", "kept_if_interrupted", "progress", "say"]

PATIENCE = 2.0
"""Seconds before anything is shown."""


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
                self._live = Live(console=console, get_renderable=self._words, refresh_per_second=2, transient=True)
                self._live.start()

    def _words(self) -> Text:
        from rich.text import Text

        seconds = time.monotonic() - self._begin
        return Text(f"{self.text} ({seconds:.0f} s; Ctrl-C stops)", style="dim", overflow="ellipsis", no_wrap=True)

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


@contextmanager
def kept_if_interrupted(done: Sized, least: int) -> Iterator[None]:
    """End the body where the user interrupts it, if as many as `least` are done.

    Raises
    ------
    KeyboardInterrupt
        If fewer are.
    """
    try:
        yield
    except KeyboardInterrupt:
        if len(done) < least:
            raise


def is_part() -> bool:
    """Whether what runs is a part of something longer, which an interruption is meant for."""
    return _depth.get() > 1


def say(text: str) -> None:
    """Change the line, if there is one and it is not that of something longer."""
    line = _current.get()
    if line is not None and not is_part():
        line.text = text
