"""Files in and out: model text, data arguments, and writing that never leaves half a file.

Input: paths as typed. Output: `Source`, data arguments for `Model.fit`, files. Invariant: a file that is not there is
wrong usage and is told by its path; a file is replaced as a whole or not at all, and keeps its mode.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hdsl.cli.output import print_diagnostics
from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.source import Source

__all__ = ["STDIN", "UsageError", "open_model", "read_data", "read_source", "save_fit", "write_whole"]

if TYPE_CHECKING:
    from argparse import Namespace

    from hdsl.model import Model
    from hdsl.results import FittedModel

STDIN = "-"
"""The name of standard input on the command line."""


class UsageError(Exception):
    """The command line asks for what cannot be done: exit status 2."""


def read_source(name: str) -> Source:
    """Return the model text of a file, or of standard input for ``-``.

    Raises
    ------
    UsageError
        If the file cannot be read.
    ModelError
        HM010 if it is not UTF-8 text.
    """
    if name == STDIN:
        return _decode(sys.stdin.buffer.read(), "<stdin>")
    try:
        return _decode(Path(name).read_bytes(), name)
    except OSError as error:
        raise UsageError(_reason("read", name, error)) from error


def open_model(arguments: Namespace) -> Model:
    """Return the model that is asked for; unless JSON is, print its warnings."""
    from hdsl.model import Model

    source = read_source(arguments.model)
    model = Model(source.text, name=source.name, cache=not arguments.no_cache)
    if not getattr(arguments, "json", False):
        print_diagnostics(model.diagnostics)
    return model


def read_data(arguments: Sequence[str]) -> str | dict[str, str] | None:
    """Return what was typed as DATA in the way that `Model.fit` takes it: a path, or a dict from index to path.

    Raises
    ------
    UsageError
        If a file is not there, or several are given without saying for which level.
    """
    if not arguments:
        return None
    if len(arguments) == 1 and ("=" not in arguments[0] or Path(arguments[0]).exists()):
        _check_file(arguments[0])
        return arguments[0]
    tables: dict[str, str] = {}
    for argument in arguments:
        index, equals, path = argument.partition("=")
        if not equals or not index or not path:
            raise UsageError(f"of several data files each needs its level: `index=FILE`, not {argument!r}")
        if index in tables:
            raise UsageError(f"two data files for the level {index!r}")
        _check_file(path)
        tables[index] = path
    return tables


def write_whole(path: str | Path, write: Callable[[IO[bytes]], object]) -> None:
    """Replace a file by what `write` writes, at once and keeping its mode; a link is followed.

    Raises
    ------
    UsageError
        If it cannot be written; the old file is then as it was.
    """
    target = Path(path).resolve()
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise UsageError(_reason("write", str(path), error)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except OSError as error:
        raise UsageError(_reason("write", str(path), error)) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def save_fit(fit: FittedModel, path: str) -> None:
    """Keep a fit in a file.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    try:
        fit.save(path)
    except OSError as error:
        raise UsageError(_reason("write", path, error)) from error


def _decode(data: bytes, name: str) -> Source:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = Diagnostics(Source("", name))
        found.error(
            "HM010",
            f"`{name}` is not UTF-8 text: save it as UTF-8",
            help=f"byte {error.start} is the first that is not; editors have `save with encoding`",
        )
        raise ModelError(found.sorted()) from None
    return Source(text.replace("\r\n", "\n").replace("\r", "\n"), name)


def _check_file(path: str) -> None:
    if not Path(path).exists():
        raise UsageError(f"cannot read {path}: no such file")
    if Path(path).is_dir():
        raise UsageError(f"cannot read {path}: it is a directory")


def _reason(verb: str, name: str, error: OSError) -> str:
    return f"cannot {verb} {name}: {(error.strerror or str(error)).lower()}"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
