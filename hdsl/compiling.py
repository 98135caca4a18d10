"""The stages that need no data: a model's text to its composite form, or to all of its mistakes.

Input: a text. Output: the form with the notes on it, and the resolved names where they were made. Invariants: all
mistakes are raised at once; beside syntax errors only those are told that hold whatever an unreadable statement meant;
a text that was compiled before comes from the cache, and nothing is imported that only compiling needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hdsl.cache import Compiled, read_compiled, write_compiled
from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.source import Source

if TYPE_CHECKING:
    from hdsl.form.model import CompositeModel
    from hdsl.semantics import ResolvedModel

__all__ = ["compile_model", "read_text", "resolve_again"]

INDEPENDENT = frozenset({"HM101", "HM102", "HM110", "HM201", "HM202", "HM203", "HM204", "HM206"})
"""Mistakes that are mistakes whatever an unreadable statement meant; only these are told beside syntax errors."""


def read_text(path: str | Path) -> str:
    """Return the text of a model file.

    Raises
    ------
    ModelError
        HM010 if it is not UTF-8.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        found = Diagnostics(Source("", str(path)))
        found.error(
            "HM010",
            f"`{path.name}` is not UTF-8 text: save it as UTF-8",
            help=f"byte {error.start} is the first that is not; editors have `save with encoding`",
        )
        raise ModelError(found.sorted()) from None


def compile_model(source: Source, *, cache: bool) -> tuple[Compiled, ResolvedModel | None]:
    """Return what a text says; the resolved names are None where the rest came from the cache.

    Raises
    ------
    ModelError
        With every mistake of the text (HM0xx to HM3xx).
    """
    known = read_compiled(source) if cache else None
    if known is not None:
        return known, None
    found = Diagnostics(source)
    try:
        resolved, form = _stages(source, found)
    except RecursionError:
        found.error(
            "HM009",
            "definitions stand on one another too deeply: substitute some of them",
            help="a chain of several hundred definitions is too long: substitute some of them",
        )
        raise ModelError(found.sorted()) from None
    compiled = Compiled(form=form, diagnostics=found.sorted())
    if cache:
        write_compiled(source, compiled)
    return compiled, resolved


def _stages(source: Source, found: Diagnostics) -> tuple[ResolvedModel, CompositeModel]:
    """Run the stages; raise `ModelError` with all that is wrong."""
    from hdsl.composite import build_composite, check_identification, remark
    from hdsl.semantics import resolve
    from hdsl.syntax import read_program

    program = read_program(source, found)
    names = Diagnostics(source)
    resolved = resolve(program, source, names)
    found.extend(d for d in names if not found.has_errors or d.code in INDEPENDENT)
    found.raise_errors(ModelError)
    form = build_composite(resolved, found)
    check_identification(form, resolved, found)
    found.raise_errors(ModelError)
    remark(form, resolved, found)
    return resolved, form


def resolve_again(source: Source) -> ResolvedModel:
    """Return the resolved names of a text that is known to be right."""
    from hdsl.semantics import resolve
    from hdsl.syntax import read_program

    found = Diagnostics(source)
    return resolve(read_program(source, found), source, found)
