"""The command line: ``hdsl check | fmt | show | plan | emit | fit``.

Stage: the outermost; the only one that prints and that exits. Input: arguments. Output: text or JSON on standard
output, mistakes on standard error. Exit status 0 when all is well, 1 for a diagnosed mistake, 2 for wrong usage (a
file that is not there, too), 130 when interrupted, also where something is printed of what was done by then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hdsl.cli.arguments import build_parser
from hdsl.cli.files import UsageError
from hdsl.cli.output import print_error, print_fault, use_utf8
from hdsl.diagnostics import HMError
from hdsl.progress import interruptions

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["main"]

OK, MISTAKE, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.
    """
    use_utf8()
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as end:  # argparse has printed help, version or what is wrong
        return end.code if isinstance(end.code, int) else USAGE
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return OK
    return status


def _run(arguments: Namespace) -> int:
    """Run the command; turn every way it may end into a status."""
    from hdsl.cli.commands import COMMANDS

    with interruptions() as told:
        status = _status(COMMANDS[arguments.command], arguments)
    for words in told:
        sys.stderr.write(f"interrupted: {words}\n")
    return INTERRUPTED if told else status


def _status(command: Callable[[Namespace], int], arguments: Namespace) -> int:
    try:
        return command(arguments)
    except HMError as error:
        print_error(error, as_json=getattr(arguments, "json", False))
        return MISTAKE
    except UsageError as error:
        sys.stderr.write(f"hdsl {arguments.command}: {error}\n")
        return USAGE
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except Exception as fault:  # the last place where an internal fault can be told from a mistake
        print_fault(fault, as_json=getattr(arguments, "json", False))
        return MISTAKE


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that closing standard output raises nothing."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
