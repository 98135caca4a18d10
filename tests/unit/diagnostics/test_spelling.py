"""Near names."""

from __future__ import annotations

import pytest

from hdsl.diagnostics.spelling import near_names, one_of


@pytest.mark.parametrize(
    ("word", "candidates", "near"),
    [
        ("norml", ["normal", "gamma", "beta"], ("normal",)),
        ("Age", ["age", "page", "wage"], ("age",)),
        ("AGE", ["Age", "age"], ("Age", "age")),
        ("age", ["age"], ()),
        ("zzz", ["age", "sex"], ()),
        ("x", [], ()),
        ("schol", ["school", "scholar", "schools", "schooling"], ("school", "schools", "scholar")),
    ],
)
def test_near_names(word: str, candidates: list[str], near: tuple[str, ...]) -> None:
    assert near_names(word, candidates) == near


def test_at_most_as_many_as_asked_for() -> None:
    assert len(near_names("income", [f"income{k}" for k in range(9)], limit=2)) == 2


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "`a`"), (["a", "b"], "`a` or `b`"), (["a", "b", "c"], "`a`, `b` or `c`")]
)
def test_a_choice_in_words(names: list[str], text: str) -> None:
    assert one_of(names) == text
