"""Warnings and notes of a fit on its page: what is wrong, where in the model, what it means, a way out.

Stage: results. Input: diagnostics. Output: elements. Invariants: every diagnostic is there; its severity is a word, not
a colour alone; what its code means is on the page, since the page is read where there is no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from hdsl.diagnostics import Diagnostic
from hdsl.diagnostics.codes import CODES
from hdsl.diagnostics.pages import page
from hdsl.markup import Child, element, parsed
from hdsl.results.numbers import count
from hdsl.results.page.parts import boxed, folded, paragraph
from hdsl.results.page.sources import line_id
from hdsl.source import Source, Span

__all__ = ["codes_of", "diagnostics_list", "meaning"]

WORDS = {"error": "Error", "warning": "Warning", "note": "Note"}

_HEADINGS = {"h2": "h3", "h3": "h4"}
"""Headings of a page of the catalogue, where it stands under a heading of the report."""


def diagnostics_list(diagnostics: tuple[Diagnostic, ...], *, with_links: bool = True) -> Child:
    """Return the diagnostics, what is worst first; with links to their lines and to what their codes mean."""
    if not diagnostics:
        return paragraph("None: neither the model, nor the data, nor the fit gave a warning or a note.")
    diagnostics = tuple(sorted(diagnostics, key=lambda d: list(WORDS).index(d.severity.value)))
    kinds = [
        count(sum(d.severity.value == severity for d in diagnostics), severity)
        for severity in WORDS
        if any(d.severity.value == severity for d in diagnostics)
    ]
    return [
        paragraph(" and ".join(kinds) + "."),
        [_one(diagnostic, with_link=with_links) for diagnostic in diagnostics],
    ]


def codes_of(diagnostics: Iterable[Diagnostic]) -> tuple[str, ...]:
    """Return the codes of some diagnostics, each once, in order."""
    return tuple(sorted({d.code for d in diagnostics if d.code in CODES}))


def _one(diagnostic: Diagnostic, *, with_link: bool) -> Element:
    severity = diagnostic.severity.value
    code: Child = diagnostic.code
    if with_link and diagnostic.code in CODES:
        code = element("a", diagnostic.code, href=f"#meaning-{diagnostic.code}")
    return element(
        "div",
        paragraph(element("strong", f"{WORDS[severity]} ", code), ": ", marked(diagnostic.message)),
        _place(diagnostic, with_link=with_link),
        [paragraph(marked(note), class_="note") for note in diagnostic.notes],
        paragraph(element("strong", "What to do"), ": ", marked(diagnostic.help)) if diagnostic.help else None,
        class_=f"diagnostic is-{severity}",
    )


def marked(text: str) -> list[Child]:
    """Return a message, with what stands between backquotes as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return [text]
    return [element("code", piece) if place % 2 else piece for place, piece in enumerate(pieces)]


def _place(diagnostic: Diagnostic, *, with_link: bool) -> Child:
    """Return the line of the model with the place marked, and what is said about it."""
    source, span = diagnostic.source, diagnostic.span
    if source is None or span is None or not source.text:
        return None
    where: Child = f"line {span.line}"
    if with_link:
        where = element("a", where, href=f"#{line_id(span.line)}")
    return [
        boxed(element("pre", element("code", _excerpt(source, span))), f"line {span.line} of the model"),
        paragraph(where, f" of the model: {diagnostic.label}" if diagnostic.label else " of the model", class_="note"),
    ]


def _excerpt(source: Source, span: Span) -> list[Child]:
    text = source.line(span.line)
    start = min(span.column - 1, len(text))
    end = min(span.end_column - 1, len(text)) if span.end_line == span.line else len(text)
    return [text[:start], element("mark", text[start:end]), text[end:]]


def meaning(code: str) -> Element:
    """Return the catalogue's page on a code, folded; a link to it opens it."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True})
    made = parsed(f"<div>{markdown.render(page(code))}</div>")
    title = "".join(made[0].itertext()) if len(made) and made[0].tag == "h1" else code
    for heading in [child for child in made if child.tag == "h1"]:
        made.remove(heading)
    for parent in list(made.iter()):
        parent.tag = _HEADINGS.get(parent.tag, parent.tag)
        for place, child in enumerate(list(parent)):
            if child.tag == "pre":
                box = boxed(child, f"example of {code}")
                box.tail, child.tail = child.tail, None
                parent[place] = box
    made.set("class", "meaning")
    made.set("id", f"meaning-{code}")
    return folded(title, made)
