"""The one place that holds lark: the grammar's text and the parser made from it.

Input: ``grammar/hm.lark``, in the installed package or in the source checkout. Output: a `lark.Lark` that gives every
token of a text and parses one token at a time. Invariant: nothing is cached on disk, so nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.lexer import BasicLexer

__all__ = ["MISFITS", "grammar_text", "language", "lex"]

MISFITS = ("SLASH_COMMENT", "BAD_NUMBER", "OPEN_STRING", "OTHER_QUOTES", "OTHER")
"""Terminals that no rule takes: text that is no token of the language."""


class _AllTokens:
    """Tell lark to hand over comments, line ends and misfits too; `hdsl.syntax.lexer` sorts them out."""

    always_accept = ("NEWLINE", "COMMENT", *MISFITS)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Leave the tokens as they are."""
        return stream


def grammar_text() -> str:
    """Return the text of ``hm.lark``.

    A wheel carries it as ``hdsl/grammar/hm.lark``; a source checkout has it beside the package, where it is read live.
    """
    packaged = files("hdsl") / "grammar" / "hm.lark"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "grammar" / "hm.lark").read_text(encoding="utf-8")


@cache
def language() -> Lark:
    """Return the parser of the language; its rules build nodes through `hdsl.syntax.builder.TreeBuilder`."""
    from lark import Lark  # a warm start compiles nothing and must not pay for lark

    from hdsl.syntax.builder import TreeBuilder

    builder: Any = TreeBuilder()
    layout: Any = _AllTokens()
    return Lark(
        grammar_text(),
        start="program",
        parser="lalr",
        lexer="basic",
        postlex=layout,
        transformer=builder,
        keep_all_tokens=True,
    )


def lex(text: str) -> Iterator[Token]:
    """Yield every token of `text`; the parser's own method would make its lexer anew for each text."""
    from lark.lexer import LexerThread

    stream: Iterator[Token] = LexerThread.from_text(_lexer(), text).lex(None)  # type: ignore[no-untyped-call]
    return stream


@cache
def _lexer() -> BasicLexer:
    from lark.lexer import BasicLexer

    return BasicLexer(language().lexer_conf)
