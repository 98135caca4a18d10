"""``hdsl scan``: what the levels of a data set may be, and a first model file.

Input: parsed arguments. Output: an exit status; the report or the model on standard output, notes on standard error.
Invariant: a file that is there is never written over.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from hdsl.cli.files import UsageError, read_data, write_whole
from hdsl.cli.output import print_json, print_text

__all__ = ["run_scan"]

OK = 0
STDOUT = "-"


def run_scan(arguments: Namespace) -> int:
    """Print what was found, as text or JSON; write a model if that is asked for."""
    target = arguments.write
    if target is not None and target != STDOUT and Path(target).exists():
        raise UsageError(f"{target} is there already: give another name, or take it away first")
    data = read_data(arguments.data)

    from hdsl.survey import scan

    found = scan(data, outcome=arguments.outcome)
    text = None
    if target is not None:
        try:
            text = found.to_model()
        except ValueError as error:
            raise UsageError(f"no model can be written: {error}") from error
    if arguments.json:
        print_json({"ok": True, **found.to_dict(), "model": text})
    elif target != STDOUT:
        print_text(str(found))
    if text is not None and target == STDOUT and not arguments.json:
        print_text(text)
    elif text is not None and target != STDOUT:
        write_whole(target, lambda file: file.write(text.encode("utf-8")))
        if not arguments.json:
            print_text(f"\nwrote {target}: edit it, then `hdsl fit {target} {' '.join(arguments.data)}`")
    return OK
