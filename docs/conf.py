"""Sphinx: how the documentation is built."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

from hdsl.version import __version__  # noqa: E402 - the checkout is not always installed

project = "hdsl"
author = "the hdsl authors"
copyright = "2026, the hdsl authors"
release = version = __version__

extensions = ["hm_lexer", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_ext"]
nitpicky = False
numpydoc_show_class_members = False
autodoc_typehints = "none"

html_theme = "furo"
html_title = f"hdsl {release}"
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
