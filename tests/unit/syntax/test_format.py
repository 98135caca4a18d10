"""The formatter beside its golden cases: what it keeps, what it refuses."""

from __future__ import annotations

import pytest

from hdsl.diagnostics import ModelError
from hdsl.source import Source
from hdsl.syntax import format_text


def formatted(text: str) -> str:
    return format_text(Source(text))


@pytest.mark.parametrize("text", ["", "\n\n", "  \t\n", "\r\n"])
def test_an_empty_text_stays_empty(text: str) -> None:
    assert formatted(text) == ""


def test_comments_alone_are_kept() -> None:
    assert formatted("  # a\n\n\n\n#b  \n\n") == "# a\n\n#b\n"


def test_a_text_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        formatted("a = b c\nd = $\n")
    assert [d.code for d in caught.value.diagnostics] == ["HM001", "HM003"]


def test_names_that_make_no_sense_are_formatted_all_the_same() -> None:
    assert formatted("y~dnorm(0,1)") == "y ~ dnorm(0, 1)\n"


def test_crlf_becomes_lf() -> None:
    assert formatted("a=1\r\n\r\n# b\r\nc=2\r\n") == "a = 1\n\n# b\nc = 2\n"


def test_a_hash_in_a_string_starts_no_comment() -> None:
    assert formatted('data x[i]="a # b"#c') == 'data x[i] = "a # b"  #c\n'


def test_spellings_are_kept() -> None:
    assert formatted("a=1_000+.50+((b))+1E5") == "a = 1_000 + .50 + ((b)) + 1E5\n"
