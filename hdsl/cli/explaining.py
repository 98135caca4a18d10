"""``hdsl explain``: the page of an error code, or the list of all codes.

Input: parsed arguments. Output: text on standard output.
"""

from __future__ import annotations

from argparse import Namespace

from hdsl.cli.files import UsageError
from hdsl.cli.output import print_markdown, print_text
from hdsl.diagnostics.codes import CODES
from hdsl.diagnostics.pages import find_code, page
from hdsl.diagnostics.spelling import near_names, one_of

__all__ = ["run_explain"]


def run_explain(arguments: Namespace) -> int:
    """Print the page of a code; without one, every code with its title."""
    if arguments.code is None:
        print_text("\n".join(f"{code}  {title}" for code, title in CODES.items()))
        return 0
    code = find_code(arguments.code)
    if code is None:
        near = near_names(arguments.code.upper(), CODES)
        raise UsageError(
            f"there is no code {arguments.code}" + (f"; did you mean {one_of(near)}?" if near else ""),
        )
    print_markdown(page(code))
    return 0
