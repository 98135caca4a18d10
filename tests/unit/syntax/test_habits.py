"""The tables of habits: every example shows its own mistake, and every way out is one that works."""

from __future__ import annotations

import re

import pytest

from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.families import AGGREGATES, DISTRIBUTIONS, FUNCTIONS, WRAPPERS
from hdsl.source import Source
from hdsl.syntax import parse
from hdsl.syntax.characters import CHARACTERS
from hdsl.syntax.check import check_statement
from hdsl.syntax.foreign import DISTRIBUTION_NAMES, FUNCTION_NAMES
from hdsl.syntax.grammar import MISFITS
from hdsl.syntax.habits import HABITS, KEYWORDS, Habit
from hdsl.syntax.lexer import scan

ROWS = [*HABITS, *KEYWORDS.values()]
EXAMPLES = [(row, snippet) for row in ROWS for snippet in row.snippets]


def messages(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ModelError) as caught:
        parse(Source(text))
    return [(d.code, d.message) for d in caught.value.diagnostics]


def pattern(template: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "(.*)", re.escape(template))


@pytest.mark.parametrize(("row", "snippet"), EXAMPLES, ids=[snippet for _, snippet in EXAMPLES])
def test_an_example_shows_a_mistake_of_the_tables(row: Habit, snippet: str) -> None:
    code, message = messages(snippet)[0]
    told = [other for other in ROWS if re.fullmatch(pattern(other.message), message)]
    assert told, f"no habit says {message!r}"
    assert code == told[0].code
    assert not row.words or any(word in row.words for word in re.findall(r"\w+|:=|<=|<", snippet))


@pytest.mark.parametrize("row", ROWS, ids=[row.message for row in ROWS])
def test_every_row_is_reached_and_says_what_to_do(row: Habit) -> None:
    found = [message for snippet in row.snippets for _, message in messages(snippet)]
    assert any(re.fullmatch(pattern(row.message), message) for message in found)
    assert len(row.message) <= 80
    assert row.help
    assert row.label


@pytest.mark.parametrize("row", CHARACTERS, ids=[row.texts[0] for row in CHARACTERS])
def test_every_foreign_character_is_explained(row: object) -> None:
    for text in getattr(row, "texts"):  # noqa: B009 - rows of either table
        assert scan(text)[0].type in MISFITS
        with pytest.raises(ModelError) as caught:
            parse(Source(f"a = b {text} c"))
        first = caught.value.first
        assert first.code in {"HM003", "HM004", "HM005"}
        assert first.help
        assert first.span is not None
        assert first.span.column == 7


@pytest.mark.parametrize("word", DISTRIBUTION_NAMES)
def test_other_words_for_distributions_lead_to_ours(word: str) -> None:
    ours, _ = DISTRIBUTION_NAMES[word]
    assert ours in DISTRIBUTIONS or ours in WRAPPERS
    assert word not in DISTRIBUTIONS
    with pytest.raises(ModelError, match=rf"(?s)HM006.*did you mean `{ours}`\?"):
        parse(Source(f"y ~ {word}(0, 1)"))


@pytest.mark.parametrize("word", FUNCTION_NAMES)
def test_other_words_for_functions_have_a_way_out(word: str) -> None:
    assert word not in FUNCTIONS
    assert word not in AGGREGATES
    with pytest.raises(ModelError) as caught:
        parse(Source(f"a = {word}(b)"))
    assert (caught.value.code, caught.value.help) == ("HM008", FUNCTION_NAMES[word])


def test_what_the_help_tells_to_write_is_read() -> None:
    """Statements quoted in the help of habits are statements of the language."""
    quoted = [text for row in ROWS for text in re.findall(r"`([^`]* [~=] [^`]*)`", row.help)]
    whole = [text for text in quoted if not any(sign in text for sign in ("..", "{", ">"))]
    assert len(whole) >= 5
    for text in whole:
        found = Diagnostics()
        for statement in parse(Source(text)).statements:
            check_statement(statement, found)
        assert not found.has_errors
