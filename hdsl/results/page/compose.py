"""The page: what stands first, its sections in order, its style sheet, and the file.

Stage: results. Input: a fit and a `Request`. Output: HTML, one file. Invariants: nothing is fetched from anywhere and
nothing runs, which the page itself tells the browser to see to; a fit without estimates says so before any number, in
words; equal fits of equal requests give equal pages on one machine.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from hdsl.markup import Child, element, html
from hdsl.progress import progress
from hdsl.results.page import data, estimates, model, pictures, reproduce, source
from hdsl.results.page.messages import codes_of, diagnostics_list, meaning
from hdsl.results.page.parts import Part, boxed, or_why_not
from hdsl.results.page.request import Request
from hdsl.results.report_html import facts_element
from hdsl.version import __version__

if TYPE_CHECKING:
    from hdsl.results.fitted import FittedModel

__all__ = ["page_html", "write_page"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser may do with the page: show it. No script runs in it, its own or one that a name smuggled in."""

_Body = Callable[["FittedModel", Request], Iterable[Child]]

SECTIONS: tuple[tuple[str, str, _Body], ...] = (
    ("levels", "Levels", model.levels_body),
    ("equations", "Equations", model.equations_body),
    ("estimates", "Estimates", estimates.estimates_body),
    ("tests", "Intervals and tests", estimates.tests_body),
    ("measures", "Measures", estimates.measures_body),
    ("pictures", "Pictures", pictures.pictures_body),
    ("data", "Data", data.data_body),
    ("plan", "Plan", source.plan_body),
    ("model", "Model text", source.text_body),
    ("source", "Emitted source", source.source_body),
    ("reproduce", "Reproducing this fit", reproduce.reproduce_body),
)
"""Sections behind warnings and notes: place in the address, heading, what makes it."""


def write_page(fit: FittedModel, path: str | Path, request: Request | None = None) -> None:
    """Write the page of a fit to a file, which is replaced at once or not at all.

    Raises
    ------
    FitError
        As `page_html`.
    OSError
        If the file cannot be written.
    """
    content = page_html(fit, request).encode("utf-8")
    target = Path(path).resolve()
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def page_html(fit: FittedModel, request: Request | None = None) -> str:
    """Return the page of a fit.

    Parameters
    ----------
    fit : FittedModel
    request : Request, optional

    Returns
    -------
    str
        A whole document of HTML.

    Raises
    ------
    FitError
        HM507 and HM510 for intervals, degrees of freedom and hypotheses that were asked for and cannot be had.
    """
    with progress("writing the report"):
        return _document(fit, request if request is not None else Request())


def _document(fit: FittedModel, asked: Request) -> str:
    """Return the page; what was asked for is looked at first."""
    estimates.require(fit, asked)
    report = fit.summary().report
    messages = (*fit.remarks, *fit.diagnostics)
    parts = [Part(id="messages", title="Warnings and notes", body=(diagnostics_list(messages),))]
    for place, title, make in SECTIONS:
        body = or_why_not(partial(_made, make, fit, asked), "Not for this fit")
        parts.append(Part(id=place, title=title, body=(body,)))
    meanings = tuple(meaning(code) for code in codes_of(messages))
    if meanings:
        parts.append(Part(id="meanings", title="What the codes mean", body=meanings))
    title = asked.title or report.title
    alarm = f"{report.alarm.split(':')[0]} - " if report.alarm else ""
    body = element("body", _header(fit, title), _contents(parts), element("main", map(_section, parts)), _footer(asked))
    document = element("html", _head(alarm + title), body, lang="en")
    return f"<!DOCTYPE html>\n{html(document)}\n"


def _made(make: _Body, fit: FittedModel, request: Request) -> Child:
    """Return what a section holds, all of it, so that what refuses does so here."""
    return list(make(fit, request))


def _head(title: str) -> Element:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"hdsl {__version__}"),
        element("title", title),
        element("style", _style()),
    )


@cache
def _style() -> str:
    return (files("hdsl.results.page") / "page.css").read_text(encoding="utf-8")


def _header(fit: FittedModel, title: str) -> Element:
    """Return what a reader must know before any number."""
    report = fit.summary().report
    shown = report.title if title != report.title else None
    return element(
        "header",
        element("h1", title),
        element("p", shown, class_="subtitle") if shown else None,
        _state(fit, report.alarm),
        boxed(facts_element(report.facts), "what was fitted"),
    )


def _state(fit: FittedModel, alarm: str) -> Element:
    """Return how the fit ended, the one thing on the page that has colour."""
    if alarm:
        return element("p", element("strong", alarm), ".", class_="state bad", role="alert")
    if fit.boundary:
        words = f"Converged on the boundary: {', '.join(fit.boundary)}. Read the warnings before the numbers."
        return element("p", element("strong", words), class_="state edge")
    warnings = sum(d.severity.value == "warning" for d in (*fit.remarks, *fit.diagnostics))
    more = f" There {'is a warning' if warnings == 1 else f'are {warnings} warnings'}, below." if warnings else ""
    return element("p", element("strong", "Converged."), more, class_="state edge" if warnings else "state good")


def _contents(parts: list[Part]) -> Element:
    items = [element("li", element("a", part.title, href=f"#{part.id}")) for part in parts]
    return element("nav", element("ul", items), aria_label="Contents")


def _section(part: Part) -> Element:
    heading = element("h2", part.title, id=f"{part.id}-heading")
    return element("section", heading, part.body, id=part.id, aria_labelledby=f"{part.id}-heading")


def _footer(request: Request) -> Element:
    made = f"Made by hdsl {__version__}" + (f" on {request.date}" if request.date else "")
    return element("footer", element("p", f"{made}. This page needs no network and runs no script."))
