"""The list that collects diagnostics, and the exceptions."""

from __future__ import annotations

import pytest

from hdsl.diagnostics import DataError, Diagnostics, FitError, HMError, ModelError
from hdsl.source import Source

SOURCE = Source("a = b\nc = d\n")


def test_errors_come_first_in_the_order_of_the_text() -> None:
    found = Diagnostics(SOURCE)
    found.note("HM409", "n")
    found.warning("HM108", "w", SOURCE.span(0, 1))
    found.error("HM103", "second", SOURCE.span(6, 7))
    found.error("HM101", "first", SOURCE.span(0, 1), help="do")
    assert [d.message for d in found.sorted()] == ["first", "second", "w", "n"]
    with pytest.raises(ModelError) as caught:
        found.raise_errors(ModelError)
    assert (caught.value.code, caught.value.message, caught.value.help) == ("HM101", "first", "do")
    assert caught.value.span == SOURCE.span(0, 1)
    assert len(caught.value.diagnostics) == 4


def test_an_equal_diagnostic_is_kept_once() -> None:
    found = Diagnostics(SOURCE)
    for _ in range(3):
        found.error("HM101", "a", SOURCE.span(0, 1))
    found.error("HM101", "a", SOURCE.span(6, 7))
    assert len(found) == 2
    other = Diagnostics(SOURCE)
    other.extend(found)
    other.extend(found)
    assert list(other) == list(found)


def test_warnings_raise_nothing() -> None:
    found = Diagnostics(SOURCE)
    found.warning("HM108", "w")
    assert found.raise_errors(ModelError) is found
    assert not found.has_errors


@pytest.mark.parametrize("kind", [ModelError, DataError, FitError])
def test_every_error_is_an_hm_error(kind: type[HMError]) -> None:
    found = Diagnostics(SOURCE)
    found.error("HM101", "a")
    with pytest.raises(HMError, match=r"error\[HM101\]: a"):
        found.raise_errors(kind)


def test_a_byte_order_mark_is_no_part_of_a_text() -> None:
    assert Source("\ufeffa") == Source("a")
    assert Source("\ufeffa").place(0) == (1, 1)
