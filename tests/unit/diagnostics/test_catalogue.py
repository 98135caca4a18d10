"""The catalogue of codes: each has a page, a failing example and its repair, and a golden case of the example."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hdsl.cli import main
from hdsl.cli.commands import COMMANDS
from hdsl.diagnostics import Severity
from hdsl.diagnostics.codes import CODES
from hdsl.diagnostics.pages import find_code, page
from tests.conftest import read_case, write_case
from tests.error_pages import FOLDER, golden_input, printed, read_page, said

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "cases" / "errors"
CODE = re.compile(r"HM\d{3}")


def codes_in_source() -> set[str]:
    """Every code that stands alone as a string somewhere in the package, as one that is raised does."""
    found = set()
    for path in (ROOT / "hdsl").rglob("*.py"):
        if path.name != "codes.py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                    found.add(node.value)
    return found


def test_the_catalogue_has_the_codes_that_are_raised_and_no_others() -> None:
    assert codes_in_source() == set(CODES)


def test_no_page_or_case_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("HM*.md")} == set(CODES)
    assert {path.stem for path in CASES.glob("*.case")} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_has_its_title_and_says_what_and_why(code: str) -> None:
    found = read_page(code)
    assert (found.code, found.title) == (code, CODES[code])
    before, _, after = found.text.partition(f"<!-- begin: said {code} -->")
    assert _words(before.partition("\n")[2]) >= 8, "what it means"
    assert _words(after) >= 12, "why"


def _words(text: str) -> int:
    """Count the words of a page outside its code blocks and comments."""
    return len(re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL).split())


@pytest.mark.parametrize("code", CODES)
def test_the_wrong_example_gets_its_code_and_no_other(code: str) -> None:
    diagnostics = said(read_page(code).wrong)
    assert {diagnostic.code for diagnostic in diagnostics} == {code}, printed(diagnostics)


@pytest.mark.parametrize("code", CODES)
def test_the_right_example_is_right(code: str) -> None:
    found = read_page(code)
    assert found.right != found.wrong
    diagnostics = said(found.right)
    assert code not in {diagnostic.code for diagnostic in diagnostics}
    assert all(diagnostic.severity is Severity.NOTE for diagnostic in diagnostics), printed(diagnostics)


@pytest.mark.parametrize("code", CODES)
def test_a_golden_case_has_the_wrong_example(code: str, pytestconfig: pytest.Config) -> None:
    """The case itself is run with the others, by its section."""
    path = CASES / f"{code}.case"
    text, section = golden_input(read_page(code))
    if pytestconfig.getoption("--update-golden"):
        CASES.mkdir(exist_ok=True)
        write_case(path, {"input": text, section: printed(said(read_page(code).wrong)) + "\n"})
    case = read_case(path)
    assert case["input"].strip() == text.strip()
    assert section in case


@pytest.mark.parametrize("code", CODES)
def test_the_first_line_stands_alone(code: str) -> None:
    """It is short, ends without a full stop, and does not begin with the code's bare title."""
    for diagnostic in said(read_page(code).wrong):
        assert len(diagnostic.message) <= 92
        assert not diagnostic.message.endswith(".")
        assert diagnostic.message != CODES[code]


def test_titles_are_short_and_differ() -> None:
    assert len(set(CODES.values())) == len(CODES)
    assert all(len(title) <= 70 for title in CODES.values())


@pytest.mark.parametrize(("text", "code"), [("HM203", "HM203"), ("hm203", "HM203"), ("203", "HM203"), ("20", None)])
def test_a_code_may_be_written_short(text: str, code: str | None) -> None:
    assert find_code(text) == code


@pytest.mark.parametrize("code", CODES)
def test_explain_prints_the_page_without_what_is_for_its_generator(code: str) -> None:
    text = page(code)
    assert text.startswith(f"# {code}: {CODES[code]}\n")
    assert "<!--" not in text
    assert not re.search(r"^```\w+ ", text, re.MULTILINE)


def test_explain_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "hm203"]) == 0
    assert capsys.readouterr().out == page("HM203")
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{code}  {title}" for code, title in CODES.items()]
    assert main(["explain", "HM2033"]) == 2
    assert "did you mean `HM203`" in capsys.readouterr().err


def test_an_internal_fault_is_told_from_a_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from hdsl.model import Model

    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    path = tmp_path / "model.hm"
    path.write_text("y[i] ~ normal(b0, sd)\n", encoding="utf-8")
    monkeypatch.setattr("hdsl.semantics.resolve", broken)
    with pytest.raises(ZeroDivisionError):
        Model("y[i] ~ normal(b0, sd)")
    assert "check" in COMMANDS
    assert main(["check", str(path)]) == 1
    printed_lines = capsys.readouterr().err.splitlines()
    assert printed_lines[0].startswith("error[HM901]: internal fault")
    assert "ZeroDivisionError: division by zero" in printed_lines[1]
    assert re.search(r"at hdsl/compiling\.py:\d+, in _stages, version ", printed_lines[2])
