"""Reader of the pages of `docs/errors`: the examples that they show, and what hdsl says of them.

The first words of a code block say what it is: ``hm`` is the model, ``csv`` its data (``csv school`` the table of a
level, ``csv i`` that of the rows), ``python`` a call with `hdsl`, `model` and `data` at hand; without one, a model that
has data is fitted. ``wrong`` or ``right`` behind the language puts a block into one of the two examples; a block with
neither belongs to both (``python example``, since other tests run what is ``python`` alone).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import hdsl
from hdsl.diagnostics import Diagnostic, HMError

__all__ = ["FOLDER", "Example", "Page", "examples", "golden_input", "printed", "read_page", "said"]

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "errors"
FENCE = re.compile(r"^```(?P<info>(?:hm|csv|python)\b[^\n]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r"# (?P<code>HM\d{3}): (?P<title>[^\n]+)\n")
SIDES = ("wrong", "right")


@dataclass(frozen=True, kw_only=True)
class Example:
    """A model, data by level (the name of the one table is empty) and a call; any of them may be missing."""

    model: str | None = None
    tables: dict[str, str] = field(default_factory=dict)
    call: str | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: the code and the title in its heading, and its two examples."""

    code: str
    title: str
    text: str
    wrong: Example
    right: Example


def read_page(code: str) -> Page:
    """Return the page of a code."""
    text = (FOLDER / f"{code}.md").read_text(encoding="utf-8")
    heading = TITLE.match(text)
    assert heading, f"{code}: no heading"
    wrong, right = examples(text)
    return Page(code=heading["code"], title=heading["title"], text=text, wrong=wrong, right=right)


def examples(text: str) -> tuple[Example, Example]:
    """Return the wrong and the right example of a page."""
    found: dict[str, dict[str, Any]] = {side: {"tables": {}} for side in SIDES}
    for match in FENCE.finditer(text):
        language, *words = match["info"].split()
        sides = [side for side in SIDES if side in words] or SIDES
        name = "".join(word for word in words if word not in SIDES)
        for side in sides:
            if language == "csv":
                found[side]["tables"][name] = match["body"]
            else:
                found[side]["model" if language == "hm" else "call"] = match["body"]
    return Example(**found["wrong"]), Example(**found["right"])


def said(example: Example) -> tuple[Diagnostic, ...]:
    """Return everything that hdsl says of an example."""
    try:
        return tuple(dict.fromkeys(_run(example)))
    except HMError as error:
        return error.diagnostics


def _run(example: Example) -> tuple[Diagnostic, ...]:
    model = None if example.model is None else hdsl.Model(example.model, name="model.hm")
    data = _frames(example.tables)
    result = None
    if example.call is not None:
        result = _value(example.call, {"hdsl": hdsl, "model": model, "data": data})
    elif model is not None and data is not None:
        result = model.fit(data)
    return (*(model.diagnostics if model is not None else ()), *getattr(result, "diagnostics", ()))


def _frames(tables: dict[str, str]) -> Any:
    """Return the tables as a user hands them in: one frame, or a dict of frames; None where there are none."""
    import pandas as pd

    frames = {name: pd.read_csv(StringIO(text)) for name, text in tables.items()}
    return frames.get("", frames or None)


def _value(program: str, names: dict[str, Any]) -> Any:
    """Run a program and return the value of its last line."""
    tree = ast.parse(program)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr), "the last line of a call is an expression"
    exec(compile(tree, "<page>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<page>", "eval"), names)  # noqa: S307 - the project's own page


def printed(diagnostics: tuple[Diagnostic, ...]) -> str:
    """Return diagnostics as they are printed; a line number and the version of the program are left out."""
    text = "\n\n".join(str(diagnostic) for diagnostic in diagnostics)
    return re.sub(r"(\.py):\d+(.*version )\S+", r"\1:..\2..", text)


def golden_input(page: Page) -> tuple[str, str]:
    """Return the input of the golden case of a page, and the section that holds what is said of it."""
    wrong = page.wrong
    if wrong.model is not None and not wrong.tables and wrong.call is None:
        return wrong.model, "said"
    blocks = [("hm", wrong.model)] if wrong.model is not None else []
    blocks += [(f"csv {name}".strip(), text) for name, text in wrong.tables.items()]
    blocks += [("python", wrong.call)] if wrong.call is not None else []
    return "\n".join(f"```{info}\n{body}```\n" for info, body in blocks), "example"
