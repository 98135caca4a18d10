"""The line that says what takes long, and what an interruption ends."""

from __future__ import annotations

import sys

import pytest
from rich.console import Console

from hdsl import progress as module
from hdsl.progress import interruptions, is_part, kept_if_interrupted, progress, say, told_interrupted


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


def stop(done: int) -> None:
    """Be interrupted when so many things are done, of which two are worth to be kept."""
    with progress("things"), kept_if_interrupted(range(done), 2, "{} of 9 things"):
        raise KeyboardInterrupt


def test_an_interruption_keeps_enough_and_warns() -> None:
    with pytest.raises(KeyboardInterrupt):
        stop(1)
    with pytest.warns(UserWarning, match="^interrupted: 2 of 9 things$") as caught:
        stop(2)
    assert caught[0].filename == __file__


def test_an_interruption_is_told_in_a_list_where_there_is_one() -> None:
    assert told_interrupted() == []
    with interruptions() as told:
        stop(1_000)
        assert told_interrupted() == told == ["1,000 of 9 things"]
    assert told_interrupted() == []


def test_an_interruption_of_a_part_is_one_of_the_whole() -> None:
    with progress("the whole"), pytest.raises(KeyboardInterrupt):
        stop(2)


@pytest.mark.parametrize("width", [80, 40, 20])
def test_the_line_always_says_how_to_stop_it(line: list[module._Line], width: int) -> None:
    with progress("searching the optimum: evaluation 123, the criterion fell by 1.35e-06 and will go on for long"):
        text = line[0]._words(Console(width=width)).plain
    assert text.endswith(" (0 s; Ctrl-C stops)")
    assert "\N{HORIZONTAL ELLIPSIS}" in text
    assert len(text) <= max(width, 21)
