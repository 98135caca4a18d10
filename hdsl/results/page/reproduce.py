"""Everything that is needed to have a fit again: the model, what was asked for, versions, and numbers to compare with.

Stage: results. Input: a fit and what was asked for. Output: tables and program text. Invariant: what depends on the
machine or the day stands here alone, so that all else of two pages of one fit is equal.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator
from importlib import metadata
from pathlib import PurePath
from typing import TYPE_CHECKING

from hdsl.markup import Child
from hdsl.results.page.data import fingerprint
from hdsl.results.page.parts import boxed, code, folded, paragraph
from hdsl.results.page.request import Request
from hdsl.results.page.sources import python_lines
from hdsl.results.report_html import facts_element
from hdsl.version import __version__

if TYPE_CHECKING:
    from hdsl.results.fitted import FittedModel

__all__ = ["reproduce_body"]

PACKAGES = ("numpy", "scipy", "pandas")
"""Packages that numbers come from."""


def reproduce_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield method and options, commands, versions, and estimates in full precision."""
    yield boxed(facts_element(tuple(_facts(fit, request))), "method, options and versions")
    if request.command or request.files:
        yield paragraph("On the command line:")
        yield code("\n".join(_commands(fit, request)), "command lines")
    yield paragraph("In Python:")
    yield code(python_lines(_python(fit, request)), "Python program")
    yield folded(
        "Estimates in full precision",
        paragraph("A fit on another machine agrees to about the digits that the search leaves open."),
        code("\n".join(_exact(fit)), "estimates in full precision"),
    )


def _facts(fit: FittedModel, request: Request) -> Iterator[tuple[str, str]]:
    yield "method", fit.method + (f", {fit.outcome.nodes} nodes" if fit.outcome.nodes is not None else "")
    yield from request.options
    yield "status", f"{fit.status}, {fit.outcome.n_evaluations} evaluations"
    yield "rows used, SHA-256", fingerprint(fit.design)
    yield "hdsl", __version__
    for package in PACKAGES:
        yield package, metadata.version(package)
    yield "Python", platform.python_version()
    yield "machine", f"{platform.system()} {platform.machine()}"
    if request.date:
        yield "date", request.date


def _commands(fit: FittedModel, request: Request) -> Iterator[str]:
    yield f"pip install hdsl=={__version__}"
    if request.command:
        yield request.command
        return
    files = [f"{file.index}={file.name}" if file.index else file.name for file in request.files]
    yield shlex.join(["hdsl", "fit", _model_name(fit), *files, "--method", fit.method])


def _model_name(fit: FittedModel) -> str:
    name = fit.design.form.source.name
    return "model.hm" if name.startswith("<") else PurePath(name).name


def _python(fit: FittedModel, request: Request) -> str:
    """Return the program that fits the model again; data that came in no file are called ``data``."""
    if not request.files:
        data, comment = "data", "  # the frame whose rows used have the fingerprint above"
    elif len(request.files) == 1 and not request.files[0].index:
        data, comment = repr(request.files[0].name), ""
    else:
        data, comment = repr({file.index: file.name for file in request.files}), ""
    options = f", nodes={fit.outcome.nodes}" if fit.outcome.nodes is not None else ""
    options += ', crossed="iterative"' if fit.design.plan.crossing == "iterative" else ""
    lines = (
        "import hdsl",
        "",
        f"model = hdsl.read({_model_name(fit)!r})",
        f"fit = model.fit({data}, method={fit.method!r}{options}){comment}",
        "print(fit.summary())",
    )
    return "\n".join(lines)


def _exact(fit: FittedModel) -> Iterator[str]:
    values = {"log-likelihood": fit.loglik, **{str(name): float(value) for name, value in fit.params.items()}}
    width = max(map(len, values))
    return (f"{name:<{width}}  {float(value)!r}" for name, value in values.items())
