"""Compiled models on disk, so that a model whose text is known needs no SymPy, lark or networkx.

Input: a model's text; what its compilation gave. Output: a file in the user's cache directory; the same records back.
Invariants: an entry is JSON that is read as records and nothing else, so nothing from disk is executed; its name is a
hash of the text and of the compiler, so an entry of another version is never found; a file that is damaged or holds
something else is taken as absent and written anew; files appear whole (written beside, then moved), so any number of
processes may share them. What cannot be read or written is no error: the model is compiled.

``HDSL_NO_CACHE`` (set, not empty) switches it off. ``XDG_CACHE_HOME`` says where it is, on every system.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hdsl.diagnostics import Diagnostic
from hdsl.form.model import CompositeModel
from hdsl.form.records_json import RecordError, from_json, to_json
from hdsl.source import Source
from hdsl.version import __version__

__all__ = ["Compiled", "cache_folder", "read_compiled", "write_compiled"]

MOST_ENTRIES = 512
MOST_BYTES = 64 << 20
OLDEST = 90 * 86_400.0
"""Bounds of the folder; age in seconds since an entry was last used."""

FRESH = 86_400.0
"""Age in seconds below which using an entry is not noted."""

SUFFIX = ".json"
COMPILER = (
    "syntax",
    "semantics",
    "composite",
    "form",
    "diagnostics",
    "families.py",
    "source.py",
    "cache.py",
    "compiling.py",
)
"""What decides about the result besides the text, in this package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A model's form, and the warnings and notes of its text."""

    form: CompositeModel
    diagnostics: tuple[Diagnostic, ...]


def read_compiled(source: Source) -> Compiled | None:
    """Return what compiling a text gave before, with `source` as its source; None where that is not known."""
    path = _entry(source)
    if path is None:
        return None
    try:
        check, _, text = path.read_bytes().partition(b"\n")
        if check.decode("ascii") != _digest(text):
            return None
        found = from_json(text, Compiled)
        if time.time() - path.stat().st_mtime > FRESH:
            os.utime(path)
    except (OSError, RecordError, UnicodeDecodeError):
        return None
    return _with_source(found, source)


def write_compiled(source: Source, compiled: Compiled) -> None:
    """Keep what compiling a text gave, where the folder can be written; drop entries beyond its bounds."""
    path = _entry(source)
    if path is None:
        return
    with suppress(OSError, RecordError):
        text = to_json(_with_source(compiled, Source("", ""))).encode("utf-8")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_whole(path, _digest(text).encode("ascii") + b"\n" + text)
        _drop_old(path.parent)


def cache_folder() -> Path | None:
    """Return the folder of this user's entries, or None where no such folder is known."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen) / "hdsl"
    try:
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            return (Path(local) if local else Path.home() / "AppData" / "Local") / "hdsl" / "Cache"
        return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "hdsl"
    except RuntimeError:  # no home
        return None


def _entry(source: Source) -> Path | None:
    """Return the path of a text's entry, or None where there is no cache."""
    folder = None if os.environ.get("HDSL_NO_CACHE") else cache_folder()
    if folder is None:
        return None
    return folder / (_digest(f"{_compiler()}\n{source.text}".encode("utf-8", "surrogatepass")) + SUFFIX)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:40]


@cache
def _compiler() -> str:
    """Return what names the compiler: its version, and sizes and times of its files, which change without one."""
    package = Path(__file__).parent
    parts = [__version__, f"{sys.version_info.major}.{sys.version_info.minor}"]
    for place in (*(package / name for name in COMPILER), package / "grammar", package.parent / "grammar"):
        for path in sorted(place.iterdir()) if place.is_dir() else (place,):
            if path.suffix in (".py", ".lark") and path.is_file():
                known = path.stat()
                parts.append(f"{path.name} {known.st_size} {known.st_mtime_ns}")
    return "\n".join(parts)


def _with_source(compiled: Compiled, source: Source) -> Compiled:
    """Return the records with another source: its text is in the name of the entry, its file's name is not."""
    told = (d if d.source is None else replace(d, source=source) for d in compiled.diagnostics)
    return Compiled(form=replace(compiled.form, source=source), diagnostics=tuple(told))


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _drop_old(folder: Path) -> None:
    """Remove what was not used for long, then what was used longest ago, until the folder is within its bounds."""
    found = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process was quicker
            known = path.stat()
            found.append((known.st_mtime, known.st_size, path))
    found.sort(reverse=True)
    now, size = time.time(), 0
    for count, (used, more, path) in enumerate(found, start=1):
        size += more
        if count > MOST_ENTRIES or size > MOST_BYTES or now - used > OLDEST:
            with suppress(OSError):
                path.unlink()
