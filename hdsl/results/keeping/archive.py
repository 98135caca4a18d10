"""The file of a kept fit: a zip archive with one JSON record and a NumPy array for each name.

Stage: results. Input: a fit and a path; or a path. Output: the file; or a fit. Invariants: a file is replaced as a
whole or not at all; nothing in a file can run; sizes are bounded before anything is read, and every array is of the
shape and kind that the record implies; whatever is wrong with a file is said in one sentence (HM513).
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics.record import Diagnostic, FitError, Severity
from hdsl.form.records_json import RecordError
from hdsl.results.fitted import FittedModel
from hdsl.results.keeping.record import Kept, Spec, arrays_of, design_of, keep, outcome_of, specs
from hdsl.results.keeping.sound import unsound
from hdsl.version import __version__

__all__ = ["load", "save"]

FORMAT = "hdsl fit"
VERSION = 1
RECORD = "fit.json"

MOST_TEXT = 256 * 2**20
"""Bytes of JSON."""

MOST_BYTES = 8 * 2**30
"""Bytes of all arrays."""

MOST_MEMBERS = 10_000

KINDS = {"f": np.float64, "i": np.intp}


def save(fit: FittedModel, path: str | Path) -> None:
    """Write a fit to a file, which is replaced at once or not at all.

    Parameters
    ----------
    fit : FittedModel
    path : str or Path
        By convention it ends in ``.hmfit``.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    target = Path(path).resolve()
    variation = fit.degrees.variation
    kept = keep(fit.design, fit.outcome, variation, fit.remarks)
    head = {"format": FORMAT, "version": VERSION, "hdsl": __version__, "fit": kept.plain()}
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(RECORD, json.dumps(head, allow_nan=False, ensure_ascii=False, separators=(",", ":")))
            for name, array in arrays_of(fit.design, fit.outcome, variation, kept).items():
                archive.writestr(f"{name}.npy", _npy(array))
        Path(temporary).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def load(path: str | Path) -> FittedModel:
    """Return the fit that a file holds.

    Parameters
    ----------
    path : str or Path
        A file that `save` wrote.

    Returns
    -------
    FittedModel
        It has its rows, so it answers whatever the fit did.

    Raises
    ------
    FitError
        HM513 for a file that is none, is damaged, or is of another version.
    OSError
        If the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file, zipfile.ZipFile(file) as archive:
            kept, named = _read(archive)
        design, outcome = design_of(kept, named), outcome_of(kept, named)
        if (wrong := unsound(design, outcome)) is not None:
            raise _Unreadable(wrong)
        return FittedModel(design, outcome, kept.remarks)
    except _Unreadable as error:
        raise _refusal(path, str(error)) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise _refusal(path, f"it is no whole archive ({error})") from error
    except RecursionError:
        raise _refusal(path, "its record is nested too deeply") from None
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError) as error:
        raise _refusal(path, f"its parts do not fit together ({error})") from error


class _Unreadable(Exception):  # noqa: N818 - a signal within this module
    """Why a file is no kept fit."""


def _refusal(path: str | Path, reason: str) -> FitError:
    message = f"`{Path(path).name}` is no fit that can be loaded: write it anew with `fit.save`"
    help_text = "fit the model again and save it; a kept fit is read by the version that wrote it, and by later ones"
    diagnostic = Diagnostic(code="HM513", severity=Severity.ERROR, message=message, notes=(reason,), help=help_text)
    return FitError([diagnostic])


def _read(archive: zipfile.ZipFile) -> tuple[Kept, dict[str, NDArray[Any]]]:
    members = {info.filename: info for info in archive.infolist()}
    if len(members) != len(archive.infolist()) or len(members) > MOST_MEMBERS:
        raise _Unreadable("it has a name twice, or too many members")
    if RECORD not in members:
        raise _Unreadable(f"it has no {RECORD}")
    kept = _record(_content(archive, members[RECORD], MOST_TEXT))
    wanted = specs(kept)
    unknown = set(members) - {RECORD, *(f"{name}.npy" for name in wanted)}
    if unknown:
        raise _Unreadable(f"it has a member that no fit has: {sorted(unknown)[0]!r}")
    if sum(8 * _count(spec) for spec in wanted.values()) > MOST_BYTES:
        raise _Unreadable("it is too large")
    return kept, {name: _array(archive, members, name, spec) for name, spec in wanted.items()}


def _count(spec: Spec) -> int:
    if any(size < 0 for size in spec.shape):
        raise _Unreadable("a size is negative")
    total = 1
    for size in spec.shape:
        total *= size
    return total


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """Return the bytes of a member, of which there are not more than `most`, whatever its header says."""
    if info.file_size > most:
        raise _Unreadable(f"{info.filename} is too large")
    with archive.open(info) as member:
        content = member.read(most + 1)
    if len(content) > most:
        raise _Unreadable(f"{info.filename} is too large")
    return content


def _record(content: bytes) -> Kept:
    try:
        head = json.loads(content)
    except ValueError as error:
        raise _Unreadable(f"{RECORD} is not JSON ({error})") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT or not isinstance(head.get("fit"), dict):
        raise _Unreadable(f"{RECORD} does not say that it is a fit")
    if type(head.get("version")) is not int or head["version"] != VERSION:
        raise _Unreadable(f"it is of version {head.get('version')!r}, this program reads version {VERSION}")
    try:
        return Kept.of(head["fit"])
    except RecordError as error:
        raise _Unreadable(f"{RECORD}: {error}") from None


def _array(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, spec: Spec) -> NDArray[Any]:
    info = members.get(f"{name}.npy")
    if info is None:
        raise _Unreadable(f"it has no {name}.npy")
    most = 8 * _count(spec) + 4096  # the header of a small array is at most a few hundred bytes
    array = _from_npy(_content(archive, info, most), name)
    kind = "f" if spec.bound is None else "i"
    if array.shape != spec.shape or array.dtype.kind != kind or array.dtype.itemsize != 8:
        raise _Unreadable(f"{name}.npy is not of shape {spec.shape}, or not of its kind")
    if spec.bound is not None and array.size and name != "rows" and not -1 <= array.min() <= array.max() < spec.bound:
        raise _Unreadable(f"{name}.npy has a code that stands for nothing")
    array = array.astype(KINDS[kind], copy=False)
    array.flags.writeable = False
    return array


def _from_npy(content: bytes, name: str) -> NDArray[Any]:
    """Return the array of a member; memory is taken for what is there, not for what its header says."""
    buffer = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(buffer)
        if version != (1, 0):
            raise ValueError(f"version {version}")
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(buffer)
    except (ValueError, SyntaxError, TypeError, RecursionError) as error:
        raise _Unreadable(f"{name}.npy is no array ({error})") from None
    rest = content[buffer.tell() :]
    if dtype.hasobject or (is_fortran and len(shape) > 1):
        raise _Unreadable(f"{name}.npy holds objects, or is in another order")
    if any(size < 0 for size in shape) or int(np.prod(shape, dtype=object)) * dtype.itemsize != len(rest):
        raise _Unreadable(f"{name}.npy is not as long as its header says")
    return np.frombuffer(rest, dtype=dtype).reshape(shape).copy()
