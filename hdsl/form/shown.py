"""Equations under headings, as a notebook shows them.

Input: headings and LaTeX. Output: HTML, or LaTeX for what makes papers of notebooks. Invariant: what is wide scrolls by
itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from hdsl.form.mathml import mathml
from hdsl.markup import element, html

__all__ = ["equations_html", "equations_latex"]


def equations_html(shown: Mapping[str, str]) -> str:
    """Return displays of LaTeX by their headings, which may be empty, as HTML with MathML."""
    parts = [
        (
            element("p", element("strong", title)) if title else None,
            element("div", mathml(latex), style="overflow-x:auto"),
        )
        for title, latex in shown.items()
    ]
    return html(element("div", parts, class_="hdsl-model"))


def equations_latex(shown: Mapping[str, str]) -> str:
    """Return the displays one under another as LaTeX."""
    return "\n\n".join(f"$\\displaystyle {latex}$" for latex in shown.values())
