"""``hdsl diff``: what differs between two model files.

Input: parsed arguments. Output: an exit status; the difference on standard output. Invariant: a difference is no
mistake; the status is 0 however much the models differ.
"""

from __future__ import annotations

from argparse import Namespace

from hdsl.cli.files import STDIN, UsageError, read_data, read_source
from hdsl.cli.output import print_json, print_text

__all__ = ["run_diff"]

OK = 0


def run_diff(arguments: Namespace) -> int:
    """Print what differs, whether one model is nested in the other, whether a likelihood-ratio test is valid."""
    if arguments.a == arguments.b == STDIN:
        raise UsageError("only one of the two models can be standard input")
    data = read_data(arguments.data)

    from hdsl.algebra import diff
    from hdsl.model import Model

    sources = (read_source(name) for name in (arguments.a, arguments.b))
    first, second = (Model(source.text, name=source.name, cache=not arguments.no_cache) for source in sources)
    difference = diff(first, second, data)
    if arguments.json:
        print_json({"ok": True, **difference.as_dict()})
    else:
        print_text(str(difference))
    return OK
