"""What the parser makes of texts, beside the golden trees: spans, values, line ends, depth, and all errors at once."""

from __future__ import annotations

import sys

import pytest

from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.source import Source
from hdsl.syntax import parse, read_program
from hdsl.syntax.check import MAX_DEPTH
from hdsl.syntax.parser import MAX_BRACKETS
from hdsl.syntax.tree import Binary, Deterministic, IndexStatement, Number, Stochastic, Symbol
from hdsl.syntax.walk import walk


def right(text: str) -> object:
    (statement,) = parse(Source(f"a = {text}")).statements
    assert isinstance(statement, Deterministic)
    return statement.right


def errors(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(ModelError) as caught:
        parse(Source(text))
    places = [(d.code, d.span) for d in caught.value.diagnostics]
    return [(code, span.line, span.column) for code, span in places if span is not None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000", 1000.0),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E+2", 100.0),
        ("0x1F", 31.0),
        ("0b11", 3.0),
        ("0o17", 15.0),
        ("007", 7.0),
        ("1_0.2_5e1_0", 10.25e10),
    ],
)
def test_numbers_are_those_of_python(text: str, value: float) -> None:
    number = right(text)
    assert isinstance(number, Number)
    assert number.value == value
    assert number.text == text


def test_every_span_covers_the_text_of_its_node() -> None:
    text = "y[i] ~ normal((a + b)*x[i]^2, sd = 3)\n(u[j], v[j]) ~ mvnormal((0, 1), diag(s, t))\n"
    source = Source(text)
    spans = [
        text[value.span.start : value.span.end]
        for statement in parse(source).statements
        for value, _ in walk(statement)
    ]
    assert spans == [
        "normal((a + b)*x[i]^2, sd = 3)",
        "(a + b)*x[i]^2",
        "(a + b)",
        "a",
        "b",
        "x[i]^2",
        "x[i]",
        "2",
        "3",
        "mvnormal((0, 1), diag(s, t))",
        "(0, 1)",
        "0",
        "1",
        "diag(s, t)",
        "s",
        "t",
    ]


def test_lines_and_columns_of_spans_are_those_of_the_source() -> None:
    source = Source("# é\r\n\ta = 2\r\nindex j = k\r\n  in m\r\n".replace("\r\n  in", " in"))
    for statement in parse(source).statements:
        assert statement.span == source.span(statement.span.start, statement.span.end)


def test_parts_of_an_index_statement_have_their_spans() -> None:
    text = 'index j = "a b" in k'
    (statement,) = parse(Source(text)).statements
    assert isinstance(statement, IndexStatement)
    assert statement.parent_span is not None
    parts = (statement.name_span, statement.column_span, statement.parent_span)
    assert [text[part.start : part.end] for part in parts] == ["j", '"a b"', "k"]


def test_a_quoted_rows_is_a_column() -> None:
    bare, quoted = parse(Source('index i = rows\nindex j = "rows"')).statements
    assert isinstance(bare, IndexStatement)
    assert isinstance(quoted, IndexStatement)
    assert (bare.column, bare.is_quoted, quoted.column, quoted.is_quoted) == ("rows", False, "rows", True)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_change_nothing(end: str, mark: str) -> None:
    lines = ["# comment", "y[i] ~ normal(", "  a, # why", "  sd)", "", "a = 2"]
    plain = parse(Source("\n".join(lines)))
    assert parse(Source(mark + end.join(lines))) == plain
    assert errors(mark + f"a = 2{end}b = $") == [("HM003", 2, 5)]
    assert errors(mark + "b = $") == [("HM003", 1, 5)]


def test_two_spellings_of_one_letter_are_one_name() -> None:
    assert parse(Source("e\u0301[i] = 1")) == parse(Source("\u00e9[i] = 1"))


def test_parentheses_leave_no_node() -> None:
    assert right("((a + (b)))") == right("a + b")
    assert right("a - (b - c)") != right("a - b - c")


def test_minus_binds_less_than_a_power() -> None:
    assert right("-x^2") == right("-(x^2)")
    assert right("x^y^z") == right("x^(y^z)")
    assert right("x**2") == right("x^2")
    assert right("x^-2") == right("x^(-2)")
    assert right("a - b + c") == right("(a - b) + c")


@pytest.mark.parametrize("word", ["beta", "normal", "gamma", "sd", "flat", "rows", "pi", "over", "truncated"])
def test_only_three_words_are_reserved(word: str) -> None:
    program = parse(Source(f"{word}[{word}] ~ normal({word}, {word}*2)"))
    (statement,) = program.statements
    assert isinstance(statement, Stochastic)


@pytest.mark.parametrize("word", ["index", "data", "in"])
@pytest.mark.parametrize("text", ["{} = 3", "a = {}", "a = x[{}]", "{}[i] ~ normal(0, 1)", "index j = {}"])
def test_a_reserved_word_is_no_name(word: str, text: str) -> None:
    with pytest.raises(ModelError, match=f"`{word}` is a reserved word") as caught:
        parse(Source(text.format(word)))
    assert [d.code for d in caught.value.diagnostics] == ["HM001"]


def test_every_mistake_is_reported_and_the_sound_statements_are_kept() -> None:
    text = "a = b c\nd = 2\ne ~ dnorm(0, 1)\nf[1] = 2\ng = foo(x)\nh = 'x'\n"
    assert errors(text) == [("HM001", 1, 7), ("HM006", 3, 5), ("HM001", 4, 3), ("HM008", 5, 5), ("HM003", 6, 5)]
    found = Diagnostics(Source(text))
    kept = read_program(Source(text), found)
    assert [statement.span.line for statement in kept.statements] == [2, 3, 5]


@pytest.mark.parametrize(
    "opened",
    [
        "y[i] ~ normal(a, sd",
        "y[i] ~ normal(b[j, sd)",
        "a = (b + c",
        "a = b +",
        "y[i] ~",
        "a = log(b[i]",
        "a[j ~ flat()",
    ],
)
@pytest.mark.parametrize(
    "second", ["b[j] ~ dnorm(0, 1)", "index j k", "data x y", "c[j] = $", "log(q[j]) = $", "b[j ~ normal(0, 1)"]
)
def test_what_is_left_open_swallows_no_other_mistake(opened: str, second: str) -> None:
    assert {line for _, line, _ in errors(f"{opened}\n{second}\n")} == {1, 2}


def test_an_unclosed_bracket_is_shown_where_it_opens() -> None:
    with pytest.raises(ModelError) as caught:
        parse(Source("y[i] ~ normal(log(x[i], sd\n"))
    (found,) = caught.value.diagnostics
    assert found.code == "HM002"
    assert [label.span.column for label in found.secondary] == [14, 18]


def test_a_chain_up_to_the_limit_is_read_and_a_longer_one_refused() -> None:
    statement = right("+".join(["x"] * MAX_DEPTH))
    assert isinstance(statement, Binary)
    assert right("+".join(["x"] * MAX_DEPTH)) == statement
    assert hash(statement) == hash(right("+".join(["x"] * MAX_DEPTH)))
    assert errors(f"a = {'+'.join(['x'] * (MAX_DEPTH + 1))}\nb = $") == [("HM009", 1, 1), ("HM003", 2, 5)]


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["a"] * 5000),
        "^".join(["a"] * 5000),
        "-" * 5000 + "a",
        "(" * 5000 + "a" + ")" * 5000,
        "exp(" * 5000 + "a" + ")" * 5000,
        "(" * 5000,
        "f((" * 200 + "a,b" + "))" * 200,
    ],
    ids=["sum", "power", "signs", "brackets", "calls", "open", "tuples"],
)
def test_depth_is_refused_and_never_recursed_into(text: str) -> None:
    limit = sys.getrecursionlimit()
    assert errors(f"a = {text}")[0][0] == "HM009"
    assert sys.getrecursionlimit() == limit


def test_brackets_up_to_the_limit_are_read() -> None:
    assert right("(" * MAX_BRACKETS + "a" + ")" * MAX_BRACKETS) == right("a")
    assert errors("a = " + "(" * (MAX_BRACKETS + 1) + "a" + ")" * (MAX_BRACKETS + 1))[0][0] == "HM009"


def test_a_wrapper_around_wrappers_may_be_as_deep_as_brackets() -> None:
    depth = MAX_BRACKETS - 1
    program = parse(Source("y ~ " + "truncated(" * depth + "normal(0, 1)" + ", lower = 0)" * depth))
    assert len(program.statements) == 1


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", " \t "])
def test_a_text_without_statements_is_refused(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse(Source(text))
    assert caught.value.code == "HM010"


def test_names_keep_their_subscripts_as_written() -> None:
    (statement,) = parse(Source("a = A[animal, animal]")).statements
    assert isinstance(statement, Deterministic)
    assert isinstance(statement.right, Symbol)
    assert [subscript.name for subscript in statement.right.subscripts] == ["animal", "animal"]
