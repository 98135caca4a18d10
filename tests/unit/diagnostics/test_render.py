"""The printed form of diagnostics, as the language reference shows it."""

from __future__ import annotations

import json
import re

import pytest

from hdsl.diagnostics import Diagnostic, Label, ModelError, Severity
from hdsl.diagnostics.codes import CODES
from hdsl.diagnostics.layout import cells, display_width, window
from hdsl.diagnostics.render import render_concise, render_json, render_text
from hdsl.source import Source

SCHOOL = Source(
    "index j = school\ny[i] ~ normal(beta0[j], sd)\n\nbeta0[j] ~ normal(g0 + g1*x1[i], sd_j)\n", "school.hm"
)


def at(source: Source, text: str, start: int = 0) -> dict[str, object]:
    place = source.text.index(text, start)
    return {"source": source, "span": source.span(place, place + len(text))}


def error(**fields: object) -> Diagnostic:
    return Diagnostic(**{"code": "HM203", "severity": Severity.ERROR, "message": "it is wrong"} | fields)  # type: ignore[arg-type]


def test_the_layout_is_that_of_the_language_reference() -> None:
    found = error(
        message="`x1[i]` varies within `j`, so the equation of `beta0[j]` cannot use it",
        label="level i is finer than j",
        help="aggregate it first: `x1_mean[j] = mean(x1[i])`",
        **at(SCHOOL, "x1[i]"),
    )
    assert render_text(found).split("\n") == [
        "error[HM203]: `x1[i]` varies within `j`, so the equation of `beta0[j]` cannot use it",
        "  --> school.hm:4:27",
        "   |",
        " 4 | beta0[j] ~ normal(g0 + g1*x1[i], sd_j)",
        "   |                           ^^^^^ level i is finer than j",
        "   |",
        "   = help: aggregate it first: `x1_mean[j] = mean(x1[i])`",
    ]
    assert str(found) == render_text(found)


def test_secondary_places_stand_in_the_order_of_the_text() -> None:
    first = Label(span=SCHOOL.span(6, 7), text="declared here")
    found = error(label="here", secondary=(first,), notes=("a note",), **at(SCHOOL, "beta0[j] ~"))
    assert render_text(found).split("\n")[2:] == [
        "   |",
        " 1 | index j = school",
        "   |       - declared here",
        "  ...",
        " 4 | beta0[j] ~ normal(g0 + g1*x1[i], sd_j)",
        "   | ^^^^^^^^^^ here",
        "   |",
        "   = note: a note",
    ]


def test_two_marks_on_one_line_have_a_row_each_the_primary_first() -> None:
    opened = Label(span=SCHOOL.span(SCHOOL.text.index("(g0"), SCHOOL.text.index("(g0") + 1), text="opened here")
    rows = render_text(error(label="here", secondary=(opened,), **at(SCHOOL, "sd_j"))).split("\n")
    assert rows[4:] == [
        "   |                                  ^^^^ here",
        "   |                  - opened here",
    ]


def test_without_a_place_there_is_no_excerpt() -> None:
    assert render_text(error(help="do so")) == "error[HM203]: it is wrong\n   = help: do so"
    assert render_text(error(source=SCHOOL)) == "error[HM203]: it is wrong"


def test_a_place_without_its_text_is_named_by_line_and_column() -> None:
    assert render_text(error(span=SCHOOL.span(6, 7))) == "error[HM203]: it is wrong\n  --> 1:7"


def test_line_numbers_of_several_digits_move_the_gutter() -> None:
    source = Source("\n" * 99 + "a = b", "m.hm")
    rows = render_text(error(label="here", help="go", **at(source, "b"))).split("\n")
    assert rows[1:] == [
        "    --> m.hm:100:5",
        "     |",
        " 100 | a = b",
        "     |     ^ here",
        "     |",
        "     = help: go",
    ]


@pytest.mark.parametrize(
    ("line", "marked", "shown", "carets"),
    [
        ("\ta = b", "b", "    a = b", "        ^"),
        ("a\tb", "b", "a   b", "    ^"),
        ("年齢 = b", "b", "年齢 = b", "       ^"),
        ("x = 年齢", "年齢", "x = 年齢", "    ^^^^"),
        ("e\u0301 = b", "b", "e\u0301 = b", "    ^"),
        ("a\u202e = b", "b", "a<U+202E> = b", "            ^"),
        ("a\x00b", "\x00", "a<U+0000>b", " ^^^^^^^^"),
    ],
)
def test_carets_stand_below_what_they_mark(line: str, marked: str, shown: str, carets: str) -> None:
    source = Source(line, "m.hm")
    rows = render_text(error(**at(source, marked))).split("\n")
    assert rows[3:] == [f" 1 | {shown}", f"   | {carets}"]


def test_an_empty_span_gets_one_caret_also_behind_the_line() -> None:
    source = Source("a = \nb", "m.hm")
    rows = render_text(error(span=source.span(4, 4), source=source, label="missing")).split("\n")
    assert rows[3:] == [" 1 | a =", "   |     ^ missing"]


def test_a_span_over_lines_marks_each_and_labels_the_last() -> None:
    source = Source("y ~ normal(\n  a,\n\n  b)\n", "m.hm")
    rows = render_text(error(label="all this", **at(source, "normal(\n  a,\n\n  b)"))).split("\n")
    assert rows[3:] == [
        " 1 | y ~ normal(",
        "   |     ^^^^^^^",
        " 2 |   a,",
        "   |   ^^",
        "  ...",
        " 4 |   b)",
        "   |   ^^ all this",
    ]


def test_of_a_long_span_the_first_and_last_lines_are_shown() -> None:
    source = Source("y ~ f(\n" + "a,\n" * 50 + "b)", "m.hm")
    rows = render_text(error(span=source.span(4, len(source.text)), source=source)).split("\n")
    assert [row.split("|")[0].strip() for row in rows[3:]] == ["1", "", "2", "", "...", "51", "", "52", ""]


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("name", ["a0", "a20", "a39"])
def test_a_long_line_is_cut_around_its_span(width: int, name: str) -> None:
    source = Source("y = " + " + ".join(f"a{k}" for k in range(40)), "m.hm")
    found = error(label="a label of some words", help="some words of help " * 6, **at(source, name))
    rows = render_text(found, width=width).split("\n")
    assert all(display_width(row) <= width for row in rows)
    line, carets = rows[3], rows[4]
    column = carets.index("^")
    assert line[column : column + len(name)] == name
    assert carets.count("^") == len(name)
    assert "a label of some words" in "\n".join(rows)


def test_a_span_longer_than_the_width_is_cut() -> None:
    source = Source("a = " + "b" * 500 + " c", "m.hm")
    rows = render_text(error(label="long", **at(source, "b" * 500)), width=60).split("\n")
    assert all(len(row) <= 60 for row in rows)
    assert "^" * 20 in rows[4]


def test_help_is_wrapped_between_words_and_not_inside_code() -> None:
    code = "`(b0[g], b1[g]) ~ mvnormal((b0, b1), Omega)`"
    rows = render_text(error(help=f"some words and then {code}, and some more of them", **at(SCHOOL, "sd")), width=60)
    assert code in rows
    assert all(len(row) <= 60 for row in rows.split("\n"))
    assert re.search(r"= help: some words and then\n {11}`", rows)


def test_colour_is_asked_for_and_changes_no_text() -> None:
    found = error(
        label="here", help="go", notes=("n",), secondary=(Label(span=SCHOOL.span(0, 5), text="t"),), **at(SCHOOL, "sd")
    )
    coloured = render_text(found, color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(found)
    assert "\x1b[" not in render_text(found)


def test_no_escape_sequence_of_a_text_or_a_file_name_reaches_the_terminal() -> None:
    source = Source("a = \x1b[31mred", "\x1b[2Jm.hm")
    assert "\x1b" not in render_text(error(**at(source, "red")))
    assert "\x1b" not in render_concise(error(**at(source, "red")))


@pytest.mark.parametrize("piece", ["x" * 1_000_000, "x y " * 300_000])
def test_what_is_too_long_to_read_is_cut(piece: str) -> None:
    label = Label(span=SCHOOL.span(0, 5), text=piece)
    found = error(
        message=f"`{piece}`",
        label=piece,
        notes=(piece,),
        help=f"take `{piece}`",
        secondary=(label,),
        **at(SCHOOL, "sd"),
    )
    assert len(render_text(found)) < 10_000
    assert len(render_concise(found)) < 2000
    assert render_text(found).split("\n")[0].endswith("`")
    assert json.loads(render_json([found]))[0]["label"] == piece


def test_one_line() -> None:
    assert render_concise(error(**at(SCHOOL, "x1[i]"))) == "school.hm:4:27: error[HM203]: it is wrong"
    assert render_concise(error(severity=Severity.WARNING)) == "warning[HM203]: it is wrong"


def test_json() -> None:
    found = error(
        label="here", secondary=(Label(span=SCHOOL.span(0, 5), text="t"),), notes=("n",), **at(SCHOOL, "x1[i]")
    )
    (item,) = json.loads(render_json([found]))
    assert item["code"] == "HM203"
    assert item["title"] == CODES["HM203"]
    assert (item["file"], item["severity"], item["label"], item["notes"]) == ("school.hm", "error", "here", ["n"])
    assert {key: item["span"][key] for key in ("line", "column", "end_line", "end_column")} == {
        "line": 4,
        "column": 27,
        "end_line": 4,
        "end_column": 32,
    }
    assert SCHOOL.text[item["span"]["start"] : item["span"]["end"]] == "x1[i]"
    assert item["secondary"] == [{"span": item["secondary"][0]["span"], "label": "t"}]
    assert json.loads(render_json([error()]))[0]["span"] is None


def test_an_exception_prints_a_hundred_and_keeps_all() -> None:
    raised = ModelError([error(message=f"number {k}") for k in range(250)])
    assert len(raised.diagnostics) == 250
    assert "number 99" in str(raised)
    assert "number 100" not in str(raised)
    assert str(raised).endswith("and 150 more")


def test_a_window_shows_the_span_it_is_for() -> None:
    line = cells("".join(str(k % 10) for k in range(200)))
    for first in range(0, 200, 7):
        view = window(line, first, first + 3, 50)
        assert display_width(view.text) <= 50
        assert view.text[first - view.shift :][:3] == "".join(line.texts)[first : first + 3]


def test_the_catalogue_of_codes_is_in_order() -> None:
    assert list(CODES) == sorted(CODES)
    assert all(re.fullmatch(r"HM[0-59]\d\d", code) for code in CODES)
