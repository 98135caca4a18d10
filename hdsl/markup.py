"""HTML as a tree of elements: what a user wrote can only be text in it.

Input: tags, attributes, text. Output: elements, and their HTML. Invariants: text and attributes are escaped where a
tree is written, and nowhere is there a way to put text in unescaped; characters that HTML has none of become U+FFFD;
equal trees give equal text. The tree and its writer are the standard library's, so that a page needs no template
language, whose escaping is a setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias
from xml.etree.ElementTree import Element, fromstring, tostring

__all__ = ["Child", "append", "element", "html", "parsed"]

Child: TypeAlias = "Element | str | Iterable[Child] | None"
"""What an element may hold; None is left out, and what is in a list follows one another."""

_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Controls and lone surrogates, which no HTML text may have."""

_ON_LINES = frozenset({"p", "div", "section", "table", "tr", "li", "h1", "h2", "h3", "h4", "details", "nav", "header"})
"""Elements that a line end follows, so that two pages can be compared line by line."""


def element(tag: str, *children: Child, **attributes: str | None) -> Element:
    """Return an element.

    Parameters
    ----------
    tag : str
    *children : Element, str, None or iterables of them
    **attributes : str or None
        ``class_`` is the attribute ``class``, ``aria_label`` is ``aria-label``; None is left out.

    Returns
    -------
    xml.etree.ElementTree.Element
    """
    named = {key.strip("_").replace("_", "-"): _clean(value) for key, value in attributes.items() if value is not None}
    made = Element(tag, named)
    append(made, *children)
    if tag in _ON_LINES:
        made.tail = "\n"
    return made


def append(parent: Element, *children: Child) -> None:
    """Add children behind those that an element has."""
    for child in children:
        if child is None:
            continue
        if isinstance(child, Element):
            parent.append(child)
        elif isinstance(child, str):
            _append_text(parent, _clean(child))
        else:
            append(parent, *child)


def _append_text(parent: Element, text: str) -> None:
    last = parent[-1] if len(parent) else None
    if last is None:
        parent.text = (parent.text or "") + text
    else:
        last.tail = (last.tail or "") + text


def _clean(text: str) -> str:
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def html(root: Element) -> str:
    """Return the HTML of an element and all that is in it."""
    return tostring(root, encoding="unicode", method="html")


def parsed(markup: str) -> Element:
    """Return well-formed markup that this package has made (SVG, say) as an element, without name spaces.

    HTML knows the elements of SVG and MathML by their names.
    """
    root = fromstring(markup)  # markup of this package's own, in which what users wrote is escaped already
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
        for name in [name for name in node.attrib if name.startswith("{")]:
            value = node.attrib.pop(name)
            if name.startswith("{http://www.w3.org/XML/1998/namespace}"):
                node.set("xml:" + name.rpartition("}")[2], value)
    return root
