"""How the command line prints: diagnostics, reports, JSON; colour on a terminal only.

Input: records of the stages below. Output: text on standard output (results) and standard error (mistakes). Invariants:
JSON has no NaN; nothing is coloured where ``NO_COLOR`` is set or the stream is no terminal.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from hdsl.diagnostics import Diagnostic, HMError, Severity
from hdsl.version import __version__

__all__ = [
    "diagnostic_record",
    "fault_error",
    "plain",
    "print_diagnostics",
    "print_error",
    "print_fault",
    "print_json",
    "print_markdown",
    "print_report",
    "print_text",
    "use_utf8",
]

COLOURS = {"error": "31", "warning": "33", "note": "36"}
"""SGR colours of severities."""

PACKAGE = Path(__file__).parents[1]

WIDEST = 100
"""A report is not wider than this, however wide the terminal."""


def use_utf8() -> None:
    """Print UTF-8 whatever the locale says: names of a model may be in any alphabet."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower().replace("-", "") != "utf8":
            reconfigure(encoding="utf-8")


def has_colour(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal that may be coloured."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_text(text: str) -> None:
    """Print `text` and a line end on standard output."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def print_report(report: object) -> None:
    """Print what rich can print: in colour on a terminal, else as its plain text."""
    if not has_colour(sys.stdout):
        print_text(str(report))
        return
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)
    console.width = min(console.width, WIDEST)
    console.print(report)


def print_markdown(text: str) -> None:
    """Print Markdown: laid out on a terminal, else as it is."""
    if not has_colour(sys.stdout):
        print_text(text)
        return
    from rich.markdown import Markdown

    print_report(Markdown(text))


def print_json(value: Mapping[str, object]) -> None:
    """Print one JSON object."""
    print_text(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics on standard error, an empty line between them."""
    text = "\n\n".join(str(diagnostic) for diagnostic in diagnostics)
    if text:
        sys.stderr.write((_coloured(text) if has_colour(sys.stderr) else text) + "\n")


def print_error(error: HMError, *, as_json: bool = False) -> None:
    """Print the diagnostics of an error, as text on standard error or as JSON on standard output."""
    if not as_json:
        print_diagnostics(error.diagnostics)
        return
    records = [diagnostic_record(diagnostic) for diagnostic in error.diagnostics]
    print_json({"ok": False, "error": diagnostic_record(error.first), "diagnostics": records})


def print_fault(fault: Exception, *, as_json: bool = False) -> None:
    """Print an internal fault as HM901."""
    print_error(fault_error(fault), as_json=as_json)


def fault_error(fault: Exception) -> HMError:
    """Return an internal fault as HM901, with the place in the program that whoever mends it needs."""
    frames = traceback.extract_tb(fault.__traceback__)
    own = [(file, frame) for frame in frames if (file := _own_file(frame.filename))]
    place = f"{own[-1][0]}:{own[-1][1].lineno}, in {own[-1][1].name}" if own else "unknown"
    diagnostic = Diagnostic(
        code="HM901",
        severity=Severity.ERROR,
        message="internal fault, a mistake of hdsl's and not yours: please report it",
        notes=(f"{type(fault).__name__}: {fault}", f"at {place}, version {__version__}"),
        help="report this message with the model, and if possible with the data",
    )
    return HMError([diagnostic])


def _own_file(path: str) -> str:
    """Return a file of this package as ``hdsl/model.py``, and nothing for a file of another one."""
    file = Path(path)
    return file.relative_to(PACKAGE.parent).as_posix() if file.is_relative_to(PACKAGE) else ""


def diagnostic_record(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a diagnostic as plain values."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": diagnostic.source.name if diagnostic.source is not None else None,
        "span": _span_record(diagnostic),
        "label": diagnostic.label,
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
    }


def plain(value: Any) -> Any:
    """Return `value` as JSON takes it: NaN and infinity are null, tuples are lists, keys are text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case _ if hasattr(value, "tolist"):  # NumPy scalars and arrays
            return plain(value.tolist())
        case Iterable():
            return [plain(item) for item in value]
        case _:
            return str(value)


def _span_record(diagnostic: Diagnostic) -> dict[str, int] | None:
    span = diagnostic.span
    if span is None:
        return None
    return {"line": span.line, "column": span.column, "end_line": span.end_line, "end_column": span.end_column}


def _coloured(text: str) -> str:
    """Colour the words that open a diagnostic."""

    def colour(match: re.Match[str]) -> str:
        return f"\x1b[1;{COLOURS[match[1]]}m{match[0]}\x1b[0m"

    return re.sub(r"^(error|warning|note)\[HM\d+\]", colour, text, flags=re.MULTILINE)
