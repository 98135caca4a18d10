"""The grammar alone: without conflicts, and whole, so that other tools may use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lark import Lark, Token

from hdsl.syntax.grammar import MISFITS, grammar_text
from hdsl.syntax.lexer import statement_ends
from tests.conftest import read_case

ROOT = Path(__file__).parents[3]
CASES = sorted((ROOT / "tests" / "cases" / "syntax").glob("*.case"))


class Layout:
    """Drop comments and the line ends that end no statement."""

    always_accept = ("NEWLINE", "COMMENT", *MISFITS)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        tokens = list(stream)
        ends = statement_ends(tokens)
        return (t for k, t in enumerate(tokens) if k in ends or t.type not in {"NEWLINE", "COMMENT"})


@pytest.fixture(scope="module")
def strict() -> Lark:
    """Return a parser of the grammar; `strict` raises on any conflict and on terminals that collide."""
    return Lark(grammar_text(), start="program", parser="lalr", lexer="basic", strict=True, postlex=Layout())  # type: ignore[arg-type]


def test_the_grammar_is_read_from_the_checkout() -> None:
    assert grammar_text() == (ROOT / "grammar" / "hm.lark").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_the_grammar_reads_whole_programs(path: Path, strict: Lark) -> None:
    tree = strict.parse(read_case(path)["input"])
    assert len(tree.children) > 0
