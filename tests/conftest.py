"""Golden cases: a ``.case`` file is a model text and what some stages make of it.

A file has sections, each headed by a line ``=== name``; the first is ``input``, the others name rows of `SECTIONS`.
Each section is one test. ``pytest --update-golden`` writes what the stages make now into the files; read the
difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest

from tests.sections import SECTIONS

os.environ["HDSL_NO_CACHE"] = "1"  # what is tested is compiled; tests of the cache switch it on


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the outputs of the golden cases anew")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.suffix == ".case":
        return CaseFile.from_parent(parent, path=file_path)
    return None


def read_case(path: Path) -> dict[str, str]:
    """Return the sections of a case file, in order."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("=== "):
            name = line.removeprefix("=== ")
            if name in sections or (name not in SECTIONS and name != "input"):
                message = f"{path}: section {name!r} is unknown or stands twice"
                raise ValueError(message)
            lines = sections[name] = []
        else:
            lines.append(line)
    if next(iter(sections), "") != "input" or len(sections) < 2:
        message = f"{path}: a case starts with `=== input` and has one more section at least"
        raise ValueError(message)
    return {name: "\n".join(lines).strip("\n") + "\n" for name, lines in sections.items()}


def write_case(path: Path, sections: dict[str, str]) -> None:
    text = "\n".join(f"=== {name}\n{body}" for name, body in sections.items())
    path.write_text(text, encoding="utf-8", newline="\n")


class GoldenError(AssertionError):
    """A stage makes something else of a case than its file says; carries the difference."""


class CaseFile(pytest.File):
    """One ``.case`` file."""

    def collect(self) -> Iterator[pytest.Item]:
        for name in read_case(self.path):
            if name != "input":
                yield Section.from_parent(self, name=name)


class Section(pytest.Item):
    """One section of a case: its stage makes exactly this of the input."""

    def runtest(self) -> None:
        sections = read_case(self.path)
        made = SECTIONS[self.name](sections["input"]).strip("\n") + "\n"
        if self.config.getoption("--update-golden"):
            write_case(self.path, sections | {self.name: made})
        else:
            wanted = sections[self.name]
            if made != wanted:
                raise GoldenError(
                    "\n".join(unified_diff(wanted.split("\n"), made.split("\n"), "golden", "made", lineterm=""))
                )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        if isinstance(excinfo.value, GoldenError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.name}"
