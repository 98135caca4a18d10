"""Reader of the catalogue of wrong models; its format is in `catalogue/README.md`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogue"
EXPECTATION = re.compile(
    r'(?P<kind>--|~~) (?P<codes>HM\d{3}(?:\|HM\d{3})*) (?P<place>\*|[\d:-]+)(?P<phrases>(?: "(?:[^"\\]|\\.)*")*)$'
)
PHRASE = re.compile(r'"((?:[^"\\]|\\.)*)"')
PLACE = re.compile(r"(\d+)(?::(\d+)(?:-(\d+))?)?$")


@dataclass(frozen=True)
class Expected:
    """One diagnostic that an entry must get; a place of None is not checked."""

    codes: frozenset[str]
    is_error: bool
    line: int | None
    column: int | None
    end_column: int | None
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class Mistake:
    """One wrong model."""

    name: str
    text: str
    expected: tuple[Expected, ...]

    @property
    def errors(self) -> tuple[Expected, ...]:
        return tuple(e for e in self.expected if e.is_error)


def expectation(line: str) -> Expected:
    found = EXPECTATION.match(line)
    assert found, f"not an expectation: {line}"
    place = PLACE.match(found["place"])
    numbers = [int(n) if n else None for n in place.groups()] if place else [None, None, None]
    phrases = tuple(p.replace('\\"', '"') for p in PHRASE.findall(found["phrases"]))
    return Expected(frozenset(found["codes"].split("|")), found["kind"] == "--", *numbers, phrases)


def entry(block: str, habit: str) -> Mistake:
    title, *lines = block.rstrip("\n").split("\n")
    model = [line for line in lines if not line.startswith(("-- ", "~~ "))]
    expected = tuple(expectation(line) for line in lines if line.startswith(("-- ", "~~ ")))
    assert expected, f"{title}: no expectation"
    return Mistake(f"{habit}: {title.strip()}", "".join(f"{line}\n" for line in model), expected)


def catalogue() -> list[Mistake]:
    """Return every entry of every file, in order."""
    mistakes = []
    for path in sorted(FOLDER.glob("*.txt")):
        blocks = re.split(r"^== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        mistakes += [entry(block, path.stem) for block in blocks if block.strip()]
    return mistakes
