"""Plan, model text and emitted source on the page.

Stage: results. Input: a fit. Output: elements. Invariant: the source is the one that fitted these data.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from hdsl.markup import Child, element
from hdsl.results.page.parts import code, folded, paragraph
from hdsl.results.page.request import Request
from hdsl.results.page.sources import model_lines, python_lines

if TYPE_CHECKING:
    from hdsl.results.fitted import FittedModel

__all__ = ["plan_body", "source_body", "text_body"]


def text_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield the model text with numbered lines, and a link that saves it."""
    source = fit.design.form.source
    name = "model.hm" if source.name.startswith("<") else PurePath(source.name).name
    content = base64.b64encode(source.text.encode("utf-8", "replace")).decode("ascii")
    yield code(model_lines(source.text), "the model text")
    link = element("a", f"save as {name}", href=f"data:text/plain;charset=utf-8;base64,{content}", download=name)
    yield paragraph(link, class_="save")


def plan_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield how the likelihood is computed, and why."""
    from hdsl.design import describe

    yield code(describe(fit.design.plan, fit.design.arrays), "the plan")


def source_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield the NumPy source of the likelihood."""
    from hdsl.codegen import emit

    design = fit.design
    title = PurePath(design.form.source.name).name
    text = emit(design.plan, standalone=False, title=title, x_symbols=design.arrays.x_symbols)
    yield paragraph("The program that was run, written for this model and the structure that these data have.")
    yield folded(f"NumPy source, {text.count(chr(10)):,} lines", code(python_lines(text), "the emitted source"))
