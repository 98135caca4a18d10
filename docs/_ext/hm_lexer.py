"""Colours for `.hm` code blocks in the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pygments.lexer import RegexLexer, words
from pygments.lexers.special import TextLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text

from hdsl.families import AGGREGATES, COVARIANCES, DISTRIBUTIONS, FUNCTIONS, LINKS, WRAPPERS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

WORD = r"[^\W\d]\w*"


class HmLexer(RegexLexer):
    """The words of the language come from the tables that the parser reads."""

    name = "hdsl model"
    aliases: ClassVar = ["hm"]
    filenames: ClassVar = ["*.hm"]
    tokens: ClassVar = {
        "root": [
            (r"#.*", Comment.Single),
            (r'"[^"\n]*"', String),
            (r"^\s*(index|data)\b", Keyword.Declaration),
            (r"\bin\b", Keyword),
            (
                r"(?<=~)(\s*)(" + "|".join(sorted([*DISTRIBUTIONS, *WRAPPERS], key=len, reverse=True)) + r")\b",
                Keyword.Type,
            ),
            (words([*FUNCTIONS, *LINKS, *AGGREGATES, *COVARIANCES], suffix=r"(?=\s*\()"), Name.Builtin),
            (r"\d+(\.\d*)?([eE][-+]?\d+)?", Number),
            (WORD, Name),
            (r"==|!=|<=|>=|\*\*|[-+*/^~=<>]", Operator),
            (r"[\[\](),]", Punctuation),
            (r"\s+", Text),
            (r".", Text),  # what the language does not have stands in examples of mistakes
        ]
    }


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the colours; tables have none."""
    app.add_lexer("hm", HmLexer)
    app.add_lexer("csv", TextLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
