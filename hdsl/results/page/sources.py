"""Program text on the page: the model and the emitted source, lines numbered, words of each kind set apart.

Stage: results. Input: text. Output: elements. Invariants: the text can be read back from the elements character by
character; line numbers are no part of it, so that what is copied runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hdsl.markup import Child, element

__all__ = ["line_id", "model_lines", "python_lines"]

Piece = tuple[str, str]
"""Text, and the class of words that it belongs to, or nothing."""

HM_CLASSES = {"COMMENT": "c", "STRING": "s", "NUMBER": "n", "INDEX": "k", "DATA": "k", "IN": "k"}
"""Classes of the terminals of a model text; a name is that of a function where a bracket follows."""

LIGHT = 400_000
"""Characters; a longer text is printed without its words being set apart."""


def line_id(number: int) -> str:
    """Return the place in the address of a line of the model."""
    return f"model-{number}"


def model_lines(text: str) -> list[Child]:
    """Return the lines of a model text, each with its place in the address."""
    return list(_lines(_model_pieces(text) if len(text) < LIGHT else [(text, "")], with_ids=True))


def python_lines(text: str) -> list[Child]:
    """Return the lines of Python source."""
    return list(_lines(_python_pieces(text) if len(text) < LIGHT else [(text, "")], with_ids=False))


def _model_pieces(text: str) -> Iterator[Piece]:
    from hdsl.syntax.lexer import scan

    tokens = scan(text)
    at = 0
    for token, after in zip(tokens, (*tokens[1:], None), strict=True):
        start = token.start_pos or 0
        yield text[at:start], ""
        at = start + len(token)
        is_call = token.type == "NAME" and after is not None and after.type == "LPAR"
        yield text[start:at], "f" if is_call else HM_CLASSES.get(token.type, "")
    yield text[at:], ""


def _python_pieces(text: str) -> Iterator[Piece]:
    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Keyword, Literal, Name, Operator, String

    kinds = (
        (Comment, "c"),
        (String, "s"),
        (Literal.Number, "n"),
        (Keyword, "k"),
        (Operator.Word, "k"),
        (Name.Function, "f"),
    )
    for token, shown in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        yield shown, next((name for kind, name in kinds if token in kind), "")


def _lines(pieces: Iterable[Piece], *, with_ids: bool) -> Iterator[Child]:
    """Yield each line as an element, its end behind it."""
    number, line = 1, list[Child]()
    for text, kind in pieces:
        for place, part in enumerate(text.split("\n")):
            if place:
                yield from (_line(number, line, with_ids=with_ids), "\n")
                number, line = number + 1, []
            if part:
                line.append(element("span", part, class_=kind) if kind else part)
    if line:
        yield _line(number, line, with_ids=with_ids)


def _line(number: int, content: list[Child], *, with_ids: bool) -> Child:
    return element("span", content, class_="line", id=line_id(number) if with_ids else None)
