"""Characters, numbers, names and strings that the language does not have, in the user's terms.

Input: tokens. Output: diagnostics HM001 to HM003. A misfit is a token that no rule of the grammar takes; a name or a
string may be taken and still hold a sign that it must not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from unicodedata import category, name, normalize

from hdsl.diagnostics.record import Diagnostics, Label
from hdsl.diagnostics.spelling import one_of
from hdsl.source import Span
from hdsl.syntax.builder import ESCAPES, span_of
from hdsl.syntax.characters import CHARACTERS, Character

if TYPE_CHECKING:
    from lark import Token

__all__ = ["explain_misfit", "explain_names", "shown"]


def shown(token: Token | None) -> str:
    """Return a token's text, cut where it is long."""
    text = "the end of the line" if token is None else str(token)
    return text if len(text) <= 24 else text[:21] + "..."


def explain_names(tokens: Sequence[Token], found: Diagnostics) -> None:
    """Add what is wrong inside tokens that the parser takes: signs in names, escapes in strings."""
    for token in tokens:
        if token.type == "NAME":
            _odd_name(token, found)
        elif token.type == "STRING":
            _odd_escape(token, found)


def explain_misfit(token: Token, found: Diagnostics) -> None:
    """Report a text that is no token, where it stands."""
    text = str(token)
    if token.type == "BAD_NUMBER":
        _bad_number(token, found)
    elif token.type == "OPEN_STRING":
        end = span_of(token)
        found.error(
            "HM002",
            'a string is not closed on its line: add `"`',
            _last_character(end),
            label='`"` expected here or before',
            secondary=(Label(span=_first_character(end), text="opened here"),),
            help='close it with `"`',
        )
    elif token.type == "OTHER_QUOTES":
        inner = text[1:-1] if len(text) > 1 else text
        found.error(
            "HM003",
            f"a string stands in straight double quotes, not in `{text[0]}`",
            span_of(token),
            label='write `"`',
            help=f'write `"{inner}"`',
        )
    elif token.type == "SLASH_COMMENT":
        found.error(
            "HM003",
            "a comment starts with `#`, not with `//` or `/*`",
            span_of(token),
            label="not a comment",
            help=f"write `# {_inside(text)}`",
        )
    elif token.type == "OTHER":
        _character(token, found)


def _inside(comment: str) -> str:
    """Return what a comment of another language says, cut where it is long."""
    words = comment.strip("/* ")
    return words if len(words) <= 40 else words[:37] + "..."


def _bad_number(token: Token, found: Diagnostics) -> None:
    text = str(token)
    digits = text.rstrip(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_" + "".join(c for c in text if c.isalpha())
    )
    rest = text[len(digits) :]
    if digits.replace(".", "", 1).isdigit() and rest and not rest.startswith("_") and rest not in {"e", "E"}:
        message = f"`{shown(token)}` is not a number: for a product write `{digits}*{rest}`"
        way_out = f"write `{digits}*{rest}`; a name does not start with a digit"
    else:
        message = f"`{shown(token)}` is not a number: write one as `12`, `1.5` or `1e-3`"
        way_out = "numbers are written as `12`, `1.5`, `1e-3` or `1_000`"
    found.error("HM001", message, span_of(token), label="not a number", help=way_out)


def _character(token: Token, found: Diagnostics) -> None:
    text = str(token)
    row = next((row for row in CHARACTERS if text in row.texts), None) or _unknown_character(text)
    fields = {"token": text, "described": _described(text)}
    found.error(
        row.code, row.message.format_map(fields), span_of(token), label=row.label.format_map(fields), help=row.help
    )


def _unknown_character(text: str) -> Character:
    if category(text) in {"Cc", "Cf", "Zs", "Zl", "Zp", "Cs", "Co", "Cn"}:
        what = "a space of another kind" if category(text) == "Zs" else "a character that does not print"
        return Character(
            texts=(),
            message=f"{what}, {{described}}: delete it",
            label="this one",
            help="delete it and type the line again",
        )
    return Character(
        texts=(),
        message="`{token}` has no meaning in the language: leave it out",
        label="{described}",
        help='names have letters, digits and `_`; other names stand in double quotes: `data x[i] = "Score (%)"`',
    )


def _described(text: str) -> str:
    """Return a character's number and name: ``U+2212 (minus sign)``."""
    code = f"U+{ord(text[0]):04X}"
    names = {
        "\r": "carriage return",
        "\x00": "null",
        "\x0b": "vertical tab",
        "\x0c": "form feed",
        "\ufeff": "byte order mark",
    }
    label = names.get(text) or name(text[0], "").lower()
    return f"{code} ({label})" if label else code


def _odd_name(token: Token, found: Diagnostics) -> None:
    odd = [(place, char) for place, char in enumerate(str(token)) if category(char) in {"No", "Nl"}]
    if odd:
        place, char = odd[0]
        plain = normalize("NFKC", str(token))
        is_power = "superscript" in name(char, "").lower()
        way_out = f"write `^{normalize('NFKC', char)}` for a power" if is_power else f"write `{plain}`"
        found.error(
            "HM003",
            f"`{char}` may not stand in a name: {way_out}",
            _at(span_of(token), place),
            label=_described(char),
            help=way_out,
        )


def _odd_escape(token: Token, found: Diagnostics) -> None:
    text = str(token)
    place = 1
    while place < len(text) - 1:
        if text[place] != "\\":
            place += 1
            continue
        pair = text[place : place + 2]
        if pair not in ESCAPES:
            found.error(
                "HM001",
                f"`{pair}` has no meaning in a string: write `\\\\` for a backslash",
                _at(span_of(token), place, 2),
                label="unknown escape",
                help="write `\\\\` for a backslash; the others are "
                + one_of([escape for escape in ESCAPES if escape != "\\\\"]).replace(" or ", " and "),
            )
        place += 2


def _at(span: Span, place: int, width: int = 1) -> Span:
    """Return `width` characters of a one-line span, `place` characters from its start."""
    return Span(
        start=span.start + place,
        end=span.start + place + width,
        line=span.line,
        column=span.column + place,
        end_line=span.line,
        end_column=span.column + place + width,
    )


def _first_character(span: Span) -> Span:
    return _at(span, 0)


def _last_character(span: Span) -> Span:
    return _at(span, span.end - span.start, 0)
