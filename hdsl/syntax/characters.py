"""Texts that no rule of the grammar takes, and what to write instead: data, no code.

In the templates, ``{token}`` is the offending text and ``{described}`` its Unicode name.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CHARACTERS", "Character"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """One text that the language does not have, and what to write instead."""

    texts: tuple[str, ...]
    code: str = "HM003"
    message: str
    label: str
    help: str


CHARACTERS: tuple[Character, ...] = (
    Character(
        texts=("|", "||"),
        code="HM005",
        message="`{token}` is formula notation: say what varies by a subscript, `b0[g]`",
        label="no `{token}` here",
        help="for `(1 + x | g)` write `b0[g] + b1[g]*x[i]` and `(b0[g], b1[g]) ~ mvnormal((b0, b1), Omega)`; "
        "for `a or b` of two comparisons write `max(a, b)`",
    ),
    Character(
        texts=(":",),
        code="HM005",
        message="an interaction is a product: write `*`, not `:`",
        label="`*` for a product",
        help="write `b1*x[i] + b2*z[j] + b3*x[i]*z[j]`; a product stands for itself alone",
    ),
    Character(
        texts=("&", "&&"),
        message="`{token}` is not an operator: multiply the two comparisons",
        label="`*` for `and`",
        help="write `(a == 1)*(b == 2)`",
    ),
    Character(
        texts=("!",),
        message="`!` is not an operator: subtract from 1",
        label="not an operator",
        help="write `1 - x[i]`, or `a != b` for a comparison",
    ),
    Character(
        texts=("%",),
        message="`%` is not an operator: make the result a column of the data",
        label="not an operator",
        help="a remainder, a matrix product or `%in%` has no place in an equation: make it a column of the data",
    ),
    Character(
        texts=(";",),
        message="a statement ends with its line: leave `;` out",
        label="leave this out",
        help="leave `;` out and write one statement a line",
    ),
    Character(
        texts=("{", "}"),
        message="there are no blocks: leave `{token}` out",
        label="leave this out",
        help="write the statements alone, in any order; subscripts take square brackets",
    ),
    Character(
        texts=(":=",),
        message="an assignment is written `=`, not `:=`",
        label="`=` expected here",
        help="write `name = ..`",
    ),
    Character(
        texts=("$", "@"),
        message="`{token}` does not reach into a table: name the column alone",
        label="not part of a name",
        help="write `age[i]` for the column `age`",
    ),
    Character(
        texts=(".",),
        message="a name has no `.` in it: write `_`",
        label="not part of a name",
        help='write `sd_u`; for a column with a dot in its name, `data x[i] = "a.b"`',
    ),
    Character(
        texts=("\\",),
        message="a line goes on by itself after an operator: leave `\\` out",
        label="leave this out",
        help="end the line with an operator, a comma or an open bracket; a comment starts with `#`",
    ),
    Character(
        texts=("'", "`"),
        message="a string stands in double quotes, not in `{token}`",
        label="not a quote",
        help='write `"Rural"`',
    ),
    Character(
        texts=("\u2212", "\u2013", "\u2014", "\u2010", "\u2011", "\ufe63", "\uff0d"),
        message="this is {described}: write `-`",
        label="write `-`",
        help="replace it by `-`; texts copied from a word processor or a PDF have such signs",
    ),
    Character(
        texts=("\u00d7", "\u00b7", "\u22c5", "\u2217", "\uff0a"),
        message="this is {described}: write `*`",
        label="write `*`",
        help="replace it by `*`",
    ),
    Character(
        texts=("\u00f7", "\u2215"),
        message="this is {described}: write `/`",
        label="write `/`",
        help="replace it by `/`",
    ),
    Character(
        texts=("\u223c", "\uff5e", "\u02dc"),
        message="this is {described}: write `~`",
        label="write `~`",
        help="replace it by `~`",
    ),
    Character(
        texts=("\u2190",), message="an assignment is written `=`", label="`=` expected here", help="replace it by `=`"
    ),
    Character(
        texts=("\u2264",), message="this is {described}: write `<=`", label="write `<=`", help="replace it by `<=`"
    ),
    Character(
        texts=("\u2265",), message="this is {described}: write `>=`", label="write `>=`", help="replace it by `>=`"
    ),
    Character(
        texts=("\u2260",), message="this is {described}: write `!=`", label="write `!=`", help="replace it by `!=`"
    ),
)
"""Texts that the language does not have, with what to write instead."""
