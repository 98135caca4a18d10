"""The line that says what takes long, and what an interruption ends."""

from __future__ import annotations

import sys

import pytest

from hdsl import progress as module
from hdsl.progress import is_part, kept_if_interrupted, progress, say


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> list[module._Line]:
    """Return the lines that are begun, on a standard error that is a terminal."""
    begun: list[module._Line] = []

    class Recorded(module._Line):
        def __init__(self, text: str) -> None:
            super().__init__(text)
            begun.append(self)

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(module, "_Line", Recorded)
    return begun


def test_the_line_is_that_of_the_longest(line: list[module._Line]) -> None:
    with progress("many fits"):
        say("fit 1 of 9")
        with progress("summing over rows"):
            say("searching the optimum")
        assert [one.text for one in line] == ["fit 1 of 9"]
        say("fit 2 of 9")
    assert [one.text for one in line] == ["fit 2 of 9"]


def test_what_is_a_part_of_something_longer_knows_it() -> None:
    assert not is_part()
    with progress("a fit"):
        assert not is_part()
        with progress("a part"):
            assert is_part()
        assert not is_part()
    assert not is_part()


@pytest.mark.parametrize(("done", "is_kept"), [(1, False), (2, True)])
def test_an_interruption_keeps_enough(done: int, is_kept: bool) -> None:
    values = list(range(done))

    def run() -> None:
        with kept_if_interrupted(values, 2):
            raise KeyboardInterrupt

    if is_kept:
        run()
    else:
        with pytest.raises(KeyboardInterrupt):
            run()
