"""What a page is asked to have, and what is known of where the fit came from.

Stage: results. Input: what was typed. Output: records. Invariant: a fit alone does not know its files or its command;
what is not given is not made up.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdsl.results.inference.degrees import DfMethod

__all__ = ["DataFile", "Request"]

CHUNK = 2**20
"""Bytes of a file read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A data file: its name as typed, the index whose level it is (or nothing), its size, its SHA-256."""

    name: str
    index: str
    size: int
    sha256: str

    @staticmethod
    def of(path: str, index: str = "") -> DataFile:
        """Return the record of a file.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return DataFile(name=path, index=index, size=size, sha256=digest.hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the page has besides what every page has.

    Attributes
    ----------
    title : str
        Heading of the page; empty for that of the summary.
    tests : tuple of str
        Hypotheses in coefficient names, each tested by itself.
    df : str or None
        Method for degrees of freedom of the tests; None is that of the summary.
    intervals : {"wald", "profile", "bootstrap"}
    with_plots : bool
        Whether pictures are drawn, where matplotlib is installed.
    date : str
        Printed as it is; empty for none, so that two pages of one fit are equal.
    options : tuple of (str, str)
        Options of the fit that the fit does not know, by name.
    files : tuple of DataFile
    command : str
        The command line that made the page; empty where there was none.
    """

    title: str = ""
    tests: tuple[str, ...] = ()
    df: DfMethod | None = None
    intervals: str = "wald"
    with_plots: bool = True
    date: str = ""
    options: tuple[tuple[str, str], ...] = ()
    files: tuple[DataFile, ...] = ()
    command: str = ""
