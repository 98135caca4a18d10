"""What holds for every program and for every text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hdsl.diagnostics import ModelError
from hdsl.diagnostics.render import render_concise, render_json, render_text
from hdsl.families import DISTRIBUTIONS, WRAPPERS, DistributionRow
from hdsl.source import Source
from hdsl.syntax import format_text, parse
from hdsl.syntax.lexer import scan
from hdsl.syntax.tree import Stochastic
from tests.unit.syntax.programs import call, programs

FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
CHARACTERS = "()[]{},=~+-*/^<>!&|;:.'\"#\\ \t\n\r@$%_\0\ufeff\u2212\u201c\u00b2\u0301\u202e\ud800"
WORDS = ("**", "==", "\r\n", "//", "0x", "1e", "index", "data", "in", "for", "x", "2", "1.5", '"a"', "é", "年")
PIECES = ("y[i]", "normal(", "~ normal(0, 1)", "truncated(", "x[i] = ", "\nb[j] ~ ")
FRAGMENTS = st.sampled_from([*CHARACTERS, *WORDS, *PIECES])
TEXTS = st.one_of(st.lists(FRAGMENTS, max_size=30).map("".join), st.text(max_size=60))


def refusal(text: str, stage: Callable[[Source], object]) -> ModelError | None:
    """Return the error that a stage raises for a text; None where it takes it. Nothing else may be raised."""
    try:
        stage(Source(text))
    except ModelError as error:
        return error
    return None


def assert_prints(error: ModelError) -> None:
    for found in error.diagnostics:
        assert found.code[:3] == "HM0"
        assert found.help
        assert len(found.message) <= 110
        assert "\n" not in render_concise(found)
        for width in (20, 60, 80):
            assert "\r" not in render_text(found, width=width)
    assert render_json(error.diagnostics)


@FEW
@given(programs())
def test_formatting_keeps_the_tree_and_is_done_once(text: str) -> None:
    tree = parse(Source(text))
    formatted = format_text(Source(text))
    assert parse(Source(formatted)) == tree
    assert format_text(Source(formatted)) == formatted
    assert all(line == line.rstrip() for line in formatted.split("\n"))
    assert "\n\n\n" not in formatted


@FEW
@given(programs())
def test_formatting_loses_no_token_and_no_comment(text: str) -> None:
    def words(code: str) -> Counter[str]:
        tokens = scan(Source(code).text)
        return Counter(str(t).rstrip().replace("**", "^") for t in tokens if t.type != "NEWLINE")

    assert words(format_text(Source(text))) == words(text)


@settings(FEW, max_examples=500)
@given(TEXTS)
def test_any_text_is_read_or_refused_with_a_diagnostic(text: str) -> None:
    refused = refusal(text, parse)
    if refused is not None:
        assert_prints(refused)
    unformatted = refusal(text, format_text)
    if unformatted is None:
        formatted = format_text(Source(text))
        assert format_text(Source(formatted)) == formatted
    else:
        assert refused is not None


@settings(FEW, max_examples=300)
@given(programs(), st.data())
def test_a_program_with_a_piece_cut_out_is_read_or_refused(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    refused = refusal(text[:start] + text[start + data.draw(st.integers(0, 4)) :], parse)
    if refused is not None:
        assert_prints(refused)


@pytest.mark.parametrize("row", [*DISTRIBUTIONS.values(), *WRAPPERS.values()], ids=[*DISTRIBUTIONS, *WRAPPERS])
def test_every_way_to_call_a_distribution_is_read(row: DistributionRow) -> None:
    @settings(FEW, max_examples=20)
    @given(call(row))
    def check(text: str) -> None:
        program = parse(Source(f"y ~ {text}".replace("\0", "")))
        (statement,) = program.statements
        assert isinstance(statement, Stochastic)
        assert statement.distribution.name == row.name
        assert parse(Source(format_text(Source(f"y ~ {text}".replace("\0", " "))))) == program

    check()
