"""Text to tree and back: the parser, the formatter, and syntax errors with a way out (lark lives here alone)."""

from __future__ import annotations

from hdsl.syntax.dump import dump
from hdsl.syntax.format import format_text
from hdsl.syntax.parser import parse, read_program

__all__ = ["dump", "format_text", "parse", "read_program"]
